"""The last symbols of a stream by their count, and frames cut from them with time, frequency and signal quality."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsp_ext.quality import esn0, mean_of_known

from ..stage import Chunk, Clock, Frame


class SymbolHistory:
    """Keeps at least the last `capacity` symbols; index 0 is the first symbol since the stream was opened."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._first = 0
        self._soft = np.empty(0, np.float32)
        self._positions = np.empty(0, np.float64)
        self._offsets = np.empty(0, np.float32)
        self._clock: Clock | None = None
        self._step = 1.0

    @property
    def stop(self) -> int:
        """Index of the symbol that comes next."""
        return self._first + len(self._soft)

    @property
    def start(self) -> int:
        """Index of the oldest symbol that is kept."""
        return self._first

    def append(self, chunk: Chunk) -> int:
        """Add soft symbols; gives the index of the first of them."""
        index = self.stop
        self._clock, self._step = chunk.clock, chunk.step
        drop = max(0, len(self._soft) - self._capacity)
        self._first += drop
        n = len(chunk)
        positions = chunk.positions
        if positions is None:
            positions = chunk.position + chunk.step * np.arange(n, dtype=np.float64)
        offsets = chunk.offsets if chunk.offsets is not None else np.full(n, np.nan, np.float32)
        self._soft = np.concatenate([self._soft[drop:], chunk.items])
        self._positions = np.concatenate([self._positions[drop:], positions])
        self._offsets = np.concatenate([self._offsets[drop:], offsets])
        return index

    def soft(self, start: int, stop: int) -> NDArray[np.float32]:
        """Soft symbols from index start up to stop, as a view; ValueError when they are no longer or not yet there."""
        if not self._first <= start <= stop <= self.stop:
            raise ValueError(f"symbols {start} to {stop} asked for, {self._first} to {self.stop} are kept")
        return self._soft[start - self._first : stop - self._first]

    def position(self, index: int) -> float:
        """Of the middle of a symbol that is kept, in samples of the source."""
        return float(self._positions[index - self._first])

    def frame(self, start: int, stop: int, payload: bytes, framing: str, rate: float = 1.0, **fields: Any) -> Frame:
        """Make the frame that the symbols from start up to stop carried.

        Parameters
        ----------
        start, stop : indices; `start` is the first symbol of the frame behind flag or sync word
        rate : code rate, information bits per symbol: turns Es/N0 into Eb/N0
        fields : further fields of `Frame`
        """
        assert self._clock is not None
        ratio = esn0(self.soft(start, stop))
        offset = mean_of_known(self._offsets[start - self._first : stop - self._first])
        first, last = self.position(start), self.position(stop - 1)
        symbol = (last - first) / (stop - start - 1) if stop - start > 1 else self._step
        return Frame(
            payload=payload,
            position=first - symbol / 2,
            length=last - first + symbol,
            clock=self._clock,
            framing=framing,
            offset=offset if math.isfinite(offset) else None,
            snr_db=10 * math.log10(ratio),
            ebn0_db=10 * math.log10(ratio / rate),
            **fields,
        )
