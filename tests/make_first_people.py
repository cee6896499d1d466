"""Write tests/first_people.csv: digests of the first thousand people of the packaged population, a row a variable.

Run: python tests/make_first_people.py. A new variable adds a row. A changed row means other people for the same seed: it stands
in CHANGELOG.md under Numbers changed.
"""

import csv
from hashlib import blake2b
from pathlib import Path

import pandas as pd

import crampstats as cs

FILE = Path(__file__).with_name("first_people.csv")
SEED = 20261125


def digest(values: pd.Series) -> str:
    """Return a digest of nine digits of each value, since the last ones differ between processors."""
    numbers = values.cat.codes if isinstance(values.dtype, pd.CategoricalDtype) else values
    return blake2b("\n".join(f"{number:.9g}" for number in numbers).encode(), digest_size=8).hexdigest()


def first_people() -> list[dict[str, str]]:
    """Return a row each variable."""
    population = cs.Population()
    people = cs.simulate(population, 1000, seed=SEED)
    return [
        {"variable": each.name, "digest": digest(people[each.name]), "parents": " ".join(each.parents)}
        for each in population.variables
    ]


if __name__ == "__main__":
    with FILE.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["variable", "digest", "parents"], lineterminator="\n")
        writer.writeheader()
        writer.writerows(first_people())
