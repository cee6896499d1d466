"""The same seed means the same people from release to release, whatever variables are added."""

import csv

import make_first_people


def test_the_first_people_are_those_that_are_stored() -> None:
    with make_first_people.FILE.open(encoding="utf-8", newline="") as file:
        stored = list(csv.DictReader(file))
    assert make_first_people.first_people() == stored


def test_a_digest_tells_values_apart() -> None:
    import pandas as pd

    values = pd.Series([1.0, 2.0])
    assert make_first_people.digest(values) == make_first_people.digest(values * (1 + 1e-12))
    assert make_first_people.digest(values) != make_first_people.digest(values * (1 + 1e-6))
