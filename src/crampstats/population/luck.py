"""Luck with a name: each variable of each block of people draws from a stream of its own."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

import numpy as np

# People whose luck comes from one stream. Part of what a seed means: another number would make other people.
BLOCK = 32_768
# Numbers that SFC64 is run through before the first one is used, as its author does after seeding.
WARM_UP = 12


class Source:
    """Streams of random numbers by name, for one block of people of one seed.

    The state of the generator is the BLAKE2b hash (192 bits) of seed, block and name, so that streams of different names
    never meet by arithmetic, and to begin one takes a few microseconds.

    Parameters
    ----------
    seed
        Of the population, not negative.
    block
        Which people: those from ``block * BLOCK`` on.
    """

    def __init__(self, seed: int, block: int) -> None:
        self._seed, self._block = seed, block
        self._bits = np.random.SFC64(0)
        self._generator = np.random.Generator(self._bits)

    def stream(self, name: str, *, shared: bool = False) -> np.random.Generator:
        """Return the generator at the start of the stream of this name; it is good until the next call.

        Parameters
        ----------
        name
            Of the variable, and of the part of its luck where it has several.
        shared
            Whether all blocks have this stream.
        """
        block = "shared" if shared else self._block
        digest = blake2b(f"{self._seed}/{block}/{name}".encode(), digest_size=24).digest()
        state = np.array([*np.frombuffer(digest, dtype="<u8"), 1], dtype=np.uint64)
        self._bits.state = {"bit_generator": "SFC64", "state": {"state": state}, "has_uint32": 0, "uinteger": 0}
        self._bits.random_raw(WARM_UP, output=False)
        return self._generator


@dataclass(frozen=True)
class Luck:
    """What chance gives to the people of one block in one variable.

    The first numbers of a stream do not depend on how many are drawn after them, so fewer people are a prefix of more.

    Attributes
    ----------
    source
        Of the block.
    name
        Of the variable.
    size
        People in the block, at most `BLOCK`.
    """

    source: Source
    name: str
    size: int

    def uniform(self, part: str = "") -> np.ndarray:
        """Return numbers from 0 to below 1, shape (size,)."""
        return self.source.stream(self.name + part).random(self.size)

    def normal(self, part: str = "") -> np.ndarray:
        """Return standard normal numbers, shape (size,)."""
        return self.source.stream(self.name + part).standard_normal(self.size)

    def gamma(self, shape: float, part: str = "") -> np.ndarray:
        """Return gamma numbers of this shape and scale 1, shape (size,)."""
        return self.source.stream(self.name + part).standard_gamma(shape, self.size)

    def shared_normal(self, groups: int) -> np.ndarray:
        """Return a standard normal number for each group, the same in every block, shape (groups,)."""
        return self.source.stream(self.name, shared=True).standard_normal(groups)
