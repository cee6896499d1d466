"""What cannot be drawn of effects beside their truth."""

import pandas as pd
import pytest

from crampstats import figures
from crampstats.errors import CrampstatsError

TABLE = pd.DataFrame(
    [("a", "crude", 2.0, 1.5, 2.6, 1.4), ("a", "adjusted", 1.5, 1.1, 2.0, 1.4)],
    columns=["cause", "way", "estimate", "conf_low", "conf_high", "truth"],
)


@pytest.mark.parametrize(
    ("table", "message"),
    [(TABLE.assign(truth=[1.4, 1.5]), "'a' has more than one truth"), (TABLE.iloc[:0], "the table has no rows")],
)
def test_a_row_has_one_truth(table: pd.DataFrame, message: str) -> None:
    _, (ax,) = figures.canvas()
    with pytest.raises(CrampstatsError, match=message):
        figures.draw_against_truth(table, row="cause", series="way", ax=ax, xlabel="ratio")
    assert not ax.lines
