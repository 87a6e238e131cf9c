"""Residual frequency of past samples, to be read at the positions of symbols that come later."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsp_ext.doppler import kept_points, straight

from ..stage import Chunk

EVERY = 64
"""Samples from one point that is kept to the next, where the track is smooth."""
STEP = 1e-4
"""Part of the sample rate by which it differs from one sample to the next where a carrier search has taken a step."""


class OffsetTrack:
    """Remembers what `Chunk.offsets` said."""

    def __init__(self) -> None:
        self._positions: NDArray[np.float64] = np.empty(0)
        self._offsets: NDArray[np.float64] = np.empty(0)
        self._count = 0
        self._end: tuple[float, float] | None = None  # position and offset of the last sample
        self._asked: float | None = None  # up to where turns were counted

    def append(self, chunk: Chunk) -> None:
        """Note the offsets of a chunk, at every so many samples since the first, and on both sides of steps."""
        if chunk.offsets is not None and len(chunk):
            offsets, least = np.ascontiguousarray(chunk.offsets, np.float32), STEP * chunk.rate
            points = kept_points(offsets, -self._count % EVERY, EVERY, least)
            if self._end is not None and abs(offsets[0] - self._end[1]) > least:
                if not len(points) or points[0]:
                    points = np.concatenate([[0], points])
                if self._end[0] > self.reach:
                    self.add(np.array(self._end[:1]), np.array(self._end[1:]))
            self.add(chunk.position + chunk.step * points, offsets[points])
            self._end = chunk.position + chunk.step * (len(chunk) - 1), float(offsets[-1])
        self._count += len(chunk)

    def add(self, positions: NDArray[Any], offsets: NDArray[Any]) -> None:
        """Note offsets in Hz at positions behind all before."""
        self._positions = np.concatenate([self._positions, positions])
        self._offsets = np.concatenate([self._offsets, offsets])

    @property
    def reach(self) -> float:
        """Position up to which offsets are known; infinite where nobody tells any."""
        return float(self._positions[-1]) if len(self._positions) else math.inf

    def at(self, positions: NDArray[np.float64]) -> NDArray[np.float64]:
        """Offsets in Hz at ascending positions, 0 where none are known; what lies before them is forgotten."""
        if not len(self._positions) or not len(positions):
            return np.zeros(len(positions))
        found = straight(positions, self._positions, self._offsets)
        keep = max(0, int(np.searchsorted(self._positions, positions[-1])) - 1)
        self._positions, self._offsets = self._positions[keep:], self._offsets[keep:]
        return found

    def turns(self, positions: NDArray[np.float64], rate: float) -> NDArray[np.float64]:
        """Turns from each of ascending positions to the next at these offsets, the first since those asked for before.

        To be asked before `at` is, which forgets.

        Parameters
        ----------
        positions : as of `at`
        rate : of the source, in samples per second
        """
        if not len(self._positions) or not len(positions):
            return np.zeros(len(positions))
        start = positions[0] if self._asked is None else self._asked
        bounds = np.concatenate([[start], positions])
        inside = self._positions[(self._positions > start) & (self._positions < positions[-1])]
        nodes = np.concatenate([bounds, inside])
        nodes.sort(kind="stable")
        values = straight(nodes, self._positions, self._offsets)
        pieces = np.append(np.diff(nodes) * (values[1:] + values[:-1]) / 2 / rate, 0.0)
        found = np.add.reduceat(pieces, np.searchsorted(nodes, bounds[:-1], side="left"))
        if self._asked is None:
            found[0] = 0.0
        self._asked = float(positions[-1])
        return found
