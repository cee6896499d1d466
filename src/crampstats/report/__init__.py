"""The notebooks as a report: executed, compared with what is committed, turned into pages."""
