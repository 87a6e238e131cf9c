"""Which satellites are above the horizon, and when: time goes by in blocks of ten seconds, counted from 1970.

A satellite is up in a block at whose beginning or end it is above the horizon.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .errors import OrbitError
from .orbit import Orbit, Station, load_orbits
from .stage import Clock

BLOCK_NS = 10_000_000_000
_BATCH = 360  # blocks computed at once


def block_of(position: float, clock: Clock) -> int:
    """The block that a position is in; the clock must have the time."""
    time_ns = clock.time_ns(position)
    assert time_ns is not None
    return time_ns // BLOCK_NS


def start_of(block: int, clock: Clock) -> int:
    """First sample of a block."""
    position = clock.sample
    for _ in range(3):  # the time may wander off the line
        time_ns = clock.time_ns(position)
        assert time_ns is not None
        position += (block * BLOCK_NS - time_ns) / 1e9 * clock.rate
    return math.ceil(position)


def begin(block: int) -> str:
    """Its time in UTC, to be read."""
    return f"{np.datetime64(block * BLOCK_NS // 10**9, 's')}Z"


@dataclass
class Visibility:
    """When a satellite is up over a station."""

    name: str
    orbit: Orbit
    station: Station
    _batch: tuple[int, NDArray[np.bool_]] | None = field(default=None, init=False, repr=False)

    def up(self, block: int) -> bool:
        """Whether the satellite is up in a block; it is not where its elements cannot be computed."""
        number, inside = divmod(block, _BATCH)
        if self._batch is None or self._batch[0] != number:
            self._batch = number, self._up(number * _BATCH + np.arange(_BATCH + 1, dtype=np.int64))
        return bool(self._batch[1][inside])

    def ever(self, first: int, last: int) -> bool:
        """Whether it is up in one of the blocks from first to last."""
        return bool(self._up(np.arange(first, last + 2, dtype=np.int64)).any())

    def known(self, block: int) -> bool:
        """Whether its elements can be computed for a block."""
        try:
            self.orbit.look(self.station, np.array([block * BLOCK_NS], np.int64))
        except OrbitError:
            return False
        return True

    def _up(self, edges: NDArray[np.int64]) -> NDArray[np.bool_]:
        try:
            above = self.orbit.look(self.station, edges * BLOCK_NS).elevation > 0
        except OrbitError:
            above = np.zeros(len(edges), np.bool_)
        return above[1:] | above[:-1]


def orbits_by_number(path: Path, near_ns: int) -> dict[int, Orbit]:
    """Read a file of orbits; of several of one satellite the one from nearest to a time is taken.

    Raises OrbitError when the file cannot be read, or has no catalogue numbers.
    """
    found: dict[int, Orbit] = {}
    for orbit in load_orbits(path):
        number = orbit.norad
        if number is not None and (
            number not in found or abs(orbit.age_days(near_ns)) < abs(found[number].age_days(near_ns))
        ):
            found[number] = orbit
    if not found:
        raise OrbitError(f"{path}: has no catalogue numbers, by which all that are visible could be told")
    return found
