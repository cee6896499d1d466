"""A user's own file, of many kinds and with the faults that files have, as a survey: `read_study`.

Floors: `study`, `decimals`, `telling` know no file; `headers`, `texts`, `xport`, `rectangle` and `files` make a table of
one; `cells`, `concentrations`, `plan` and `values` make columns of a study of it; `reading` puts them together.
"""

from crampstats.datasets.own.reading import read_study
from crampstats.datasets.own.study import STUDY
from crampstats.datasets.own.telling import StudyFileError, StudyWarning

__all__ = ["STUDY", "StudyFileError", "StudyWarning", "read_study"]
