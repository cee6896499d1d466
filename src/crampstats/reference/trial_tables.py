"""Trials of treatments for cramps, and what reviews of them found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crampstats.reference.tables import read_table, sourced

if TYPE_CHECKING:
    import pandas as pd

WHOLE = ("year", "n", "n_treated", "n_control", "events_treated", "events_control", "trials")
NUMBERS = (
    "weeks",
    "window_weeks",
    "mean_treated",
    "sd_treated",
    "mean_control",
    "sd_control",
    "baseline_treated",
    "baseline_control",
    "value",
    "low",
    "high",
    "control",
    "p",
)


def trials() -> pd.DataFrame:
    """Return trials of magnesium, stretching, electrostimulation, vitamin K2 and pickle juice: a row an outcome.

    Returns
    -------
    DataFrame
        ``study``, ``year``, ``treatment``, ``comparison``, ``population`` (``"idiopathic"``, ``"pregnancy"``,
        ``"cirrhosis"``, ``"healthy"``), ``people``, ``design``, ``dose``, ``weeks`` of treatment; ``outcome``, ``kind``
        (``"benefit"`` or ``"harm"``), ``better`` (``"fewer"`` or ``"more"``), ``summary`` (what the arms' figures are),
        ``unit``, ``window_weeks`` (over which cramps were counted; 1 / 7 is a night); people of the arms, their means and
        standard deviations, events, means at the beginning; ``value`` (treated less control) with ``low`` and ``high``,
        ``scale`` and ``p`` as printed; ``source``, ``where``, ``status`` and ``note`` of ``value``; ``doubt``: what in the
        printed figures does not fit, and who paid. What was not printed or not seen is missing.

    Raises
    ------
    ReferenceDataError
        If a row has no source that the bibliography knows.

    Notes
    -----
    ``status`` is ``"derived"`` where no difference is printed and it is taken from the printed arms, in ``where``. Not in
    the table, since no figure of cramps was seen: magnesium by vein in older adults (Garrison 2011), two trials of the
    Cochrane review that are unpublished or in pregnancy (NCT00963638, Sohrabvand 2006), and magnesium in cirrhosis
    (Cohen-Hagai 2018, cramps a secondary outcome of 22 people). Quinine: see `trial_reviews`.

    Examples
    --------
    >>> table = trials()
    >>> of_magnesium = table[(table["treatment"] == "magnesium") & (table["population"] == "pregnancy")]
    >>> sorted(set(of_magnesium["study"]))
    ['Araújo 2020', 'Dahle 1995', 'Lahore 2017', 'Nygaard 2008', 'Supakatisant 2015']
    """
    return _typed("trials")


def trial_reviews() -> pd.DataFrame:
    """Return pooled results of reviews as they are printed.

    Returns
    -------
    DataFrame
        ``review``, ``year``, ``treatment``, ``comparison``, ``population``, ``outcome``, ``kind``, ``better``, ``measure``,
        ``unit``, ``window_weeks``, ``trials``, ``n``, ``value``, ``low``, ``high`` (95 % interval), ``control`` (what the
        controls had), ``certainty``, ``source``, ``where``, ``status``, ``note``.

    Raises
    ------
    ReferenceDataError
        If a row has no source that the bibliography knows.

    Examples
    --------
    >>> table = trial_reviews()
    >>> table.loc[table["review"] == "Cochrane 2020", ["outcome", "value", "low", "high"]].head(1)
              outcome  value   low  high
    0  cramps a week  -0.18 -0.84  0.49
    """
    return _typed("trial_reviews")


def _typed(name: str) -> pd.DataFrame:
    """Return a packaged table with its numbers as numbers, each value checked to have a source."""
    import pandas as pd

    rows = read_table(name)
    for row in rows:
        sourced(row)
    table = pd.DataFrame(rows)
    for column in table.columns.intersection(list(WHOLE)):
        table[column] = pd.to_numeric(table[column]).astype("Int64")
    for column in table.columns.intersection(list(NUMBERS)):
        table[column] = pd.to_numeric(table[column]).astype(float)
    return table
