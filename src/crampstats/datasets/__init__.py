"""Data sets as surveys: packaged tables, official files, a user's own file."""

from crampstats.datasets.cramps import nhanes_cramps
from crampstats.datasets.own import read_study
from crampstats.datasets.serum import nhanes1_magnesium, nhanes_magnesium

__all__ = ["nhanes1_magnesium", "nhanes_cramps", "nhanes_magnesium", "read_study"]
