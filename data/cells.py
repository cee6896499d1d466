"""How the packaged cells are written."""

import pandas as pd


def as_bytes(cells: pd.DataFrame) -> bytes:
    """Return cells as CSV; a float gets as many digits as it takes to read the same float back."""
    return cells.to_csv(index=False, lineterminator="\n").encode()
