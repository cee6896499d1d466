"""Data sets as surveys: packaged tables and official files."""

from crampstats.datasets.cramps import nhanes_cramps

__all__ = ["nhanes_cramps"]
