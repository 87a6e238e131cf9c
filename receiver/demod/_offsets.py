"""Residual frequency of past samples, to be read at the positions of symbols that come later."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsp_ext.doppler import straight

from ..stage import Chunk

EVERY = 64
"""Samples from one point that is kept to the next; the track is smooth."""


class OffsetTrack:
    """Remembers what `Chunk.offsets` said."""

    def __init__(self) -> None:
        self._positions: NDArray[np.float64] = np.empty(0)
        self._offsets: NDArray[np.float64] = np.empty(0)
        self._count = 0

    def append(self, chunk: Chunk) -> None:
        """Note the offsets of a chunk, at every so many samples since the first."""
        if chunk.offsets is not None:
            first = -self._count % EVERY
            self.add(chunk.position + chunk.step * np.arange(first, len(chunk), EVERY), chunk.offsets[first::EVERY])
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
