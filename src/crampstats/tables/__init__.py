"""Tables for readers: their numbers as CSV, and whole documents."""

from crampstats.tables.documents import export
from crampstats.tables.numbers import FLOAT_FORMAT, prevalence_table, ratio_table, save

__all__ = ["FLOAT_FORMAT", "export", "prevalence_table", "ratio_table", "save"]
