"""The last symbols of a stream by their count, and frames cut from them with time, frequency and signal quality."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dsp_ext.quality import esn0, mean_of_known

from ..stage import Chunk, Clock, Frame


class _Columns(NamedTuple):
    """Of as many symbols."""

    soft: NDArray[np.float32]
    positions: NDArray[np.float64]
    offsets: NDArray[np.float32]


class SymbolHistory:
    """Keeps at least the last `capacity` symbols; index 0 is the first symbol since the stream was opened."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._first = 0
        # in two pieces: the chunk that came last stays what it is
        none = np.empty(0, np.float32)
        self._old = self._new = _Columns(none, none.astype(np.float64), none)
        self._clock: Clock | None = None
        self._step = 1.0

    @property
    def stop(self) -> int:
        """Index of the symbol that comes next."""
        return self._first + len(self._old.soft) + len(self._new.soft)

    @property
    def start(self) -> int:
        """Index of the oldest symbol that is kept."""
        return self._first

    def append(self, chunk: Chunk) -> int:
        """Add soft symbols; gives the index of the first of them."""
        index, n = self.stop, len(chunk)
        self._clock, self._step = chunk.clock, chunk.step
        positions = chunk.positions
        if positions is None:
            positions = chunk.position + chunk.step * np.arange(n, dtype=np.float64)
        offsets = chunk.offsets if chunk.offsets is not None else np.full(n, np.nan, np.float32)
        if len(self._new.soft) < self._capacity:
            first = max(self._first, index - self._capacity)
            self._old = _Columns(*(self._part(column, first, index) for column in range(3)))
        else:
            self._old = self._new
        self._new = _Columns(chunk.items, positions, offsets)
        self._first = index - len(self._old.soft)
        return index

    def _part(self, column: int, start: int, stop: int) -> NDArray[Any]:
        """Of a column, from index start up to stop, as a view where that is in one piece."""
        old, new = self._old[column], self._new[column]
        border = self._first + len(old)
        if start >= border:
            return new[start - border : stop - border]
        if stop <= border:
            return old[start - self._first : stop - self._first]
        return np.concatenate([old[start - self._first :], new[: stop - border]])

    def soft(self, start: int, stop: int) -> NDArray[np.float32]:
        """Soft symbols from index start up to stop; ValueError when they are no longer or not yet there."""
        if not self._first <= start <= stop <= self.stop:
            raise ValueError(f"symbols {start} to {stop} asked for, {self._first} to {self.stop} are kept")
        return self._part(0, start, stop)

    def position(self, index: int) -> float:
        """Of the middle of a symbol that is kept, in samples of the source."""
        return float(self._part(1, index, index + 1)[0])

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
        offset = mean_of_known(self._part(2, start, stop))
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
