"""What the article that the project began from claims, beside what the evidence says and what the population assumes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from crampstats.errors import ReferenceDataError
from crampstats.reference.tables import bibliography, read_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

Kind = Literal["how often", "cause", "diagnosis", "treatment", "prevention"]
NOT_EXAMINED = "not examined: "
_NEVER_EMPTY = ("id", "kind", "claim", "evidence", "assumption", "examined_by")


def claims() -> pd.DataFrame:
    """Return the claims of a German patient article on magnesium and muscle cramps, each with what speaks for it.

    The claims are those of the article, in other words; that a claim is listed does not make it true. Associations are not
    effects, what the simulated population shows of an effect was put into it, and nothing here is medical advice.

    Returns
    -------
    DataFrame
        A row a claim: ``id``, ``kind`` (``"how often"``, ``"cause"``, ``"diagnosis"``, ``"treatment"``,
        ``"prevention"``), ``claim``, ``evidence`` (what published studies say, as far as they were read), ``sources`` (keys
        of `sources`, a space between them), ``assumption`` (what the simulated population assumes), ``variables`` (of the
        population, a space between them), ``examined_by`` (calls that a reader can run, with an ``n`` and a ``seed``; or
        ``"not examined: "`` and why).

    Raises
    ------
    ReferenceDataError
        If the packaged table is faulty, with every fault.

    Examples
    --------
    >>> table = claims().set_index("id")
    >>> table.loc["T5", "kind"], table.loc["R4", "sources"].split()[0]
    ('treatment', 'klosterfrau')
    """
    import pandas as pd

    rows = read_table("claims")
    faults = claim_faults(rows)
    if faults:
        raise ReferenceDataError(f"the table of claims is faulty: {'; '.join(faults)}.")
    return pd.DataFrame(rows)


def claim_faults(rows: Sequence[Mapping[str, str]]) -> list[str]:
    """Return what is wrong with the rows of a table of claims: a kind, an id, a source, a cell that is empty."""
    faults, seen = [], set()
    for row in rows:
        name = row["id"]
        if name in seen:
            faults.append(f"{name} stands twice")
        seen.add(name)
        if row["kind"] not in get_args(Kind):
            faults.append(f"{name}: the kind {row['kind']!r} is none of {', '.join(get_args(Kind))}")
        faults += [f"{name}: {key} is empty" for key in _NEVER_EMPTY if not row[key].strip()]
        faults += [
            f"{name}: source {key!r} is not in the bibliography"
            for key in row["sources"].split()
            if key not in bibliography()
        ]
    return faults
