"""Four-level frequency shift keying on IQ: a sequence detector, and a discriminator that finds timing and frequency.

    channel filter, 4 samples a symbol -+-> discriminator -> clock -> four levels -+-> detector -> soft bits
                                        +------------------------------------------+

As `_cpm`, with the detector of `dsp_ext.cpm4`.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from dsp_ext.clock import SymbolClock
from dsp_ext.cpm4 import FourLevelDetector

from ..channel.filters import lowpass
from ..stage import Chunk, Stream
from ._cpm import SYMBOL_CUTOFF, WholeBand, channel_filter
from ._four_levels import FourLevels
from ._offsets import OffsetTrack


class FourLevelReceiver:
    """Soft bits from IQ, two a symbol.

    Parameters
    ----------
    stream : the input
    baudrate : Bd
    bandwidth : that the signal takes, Hz
    index : of neighbouring levels, as far as it is known
    upright : whether the highest frequency is the level of 01
    """

    def __init__(
        self, stream: Stream, baudrate: float, bandwidth: float, index: float | None, *, upright: bool = True
    ) -> None:
        self._baudrate, self._upright = baudrate, upright
        self._channel, per_symbol = channel_filter(stream.rate, baudrate, bandwidth)
        self._per_symbol = per_symbol
        self._frequency = WholeBand(per_symbol)
        self._lead = lead = self._frequency.lead
        self._clock_recovery = SymbolClock(lowpass(SYMBOL_CUTOFF / 4, 0.9 * SYMBOL_CUTOFF / 4, 40), lead=lead)
        self._four = FourLevels()
        self._detector = FourLevelDetector(index or 0.0, per_symbol) if per_symbol <= 8 else None
        self._step = stream.clock.rate / (4 * baudrate)  # source samples per sample of the clock's input
        self._delay = lead * self._step
        self._clock = stream.clock
        self._origin: float | None = None
        self._track = OffsetTrack()
        self._unlevelled = np.empty(0, np.float64)  # instants of symbols whose levels are not found yet
        self._moved = np.empty(0, np.float32)  # by how much what they are made of was moved, cycles per symbol
        self._turned = np.empty(0, np.float32)  # and turned since the symbol before, turns
        self._positions = np.empty(0, np.float64)  # of those, and of those in the detector

    @property
    def index(self) -> float | None:
        """Twice the deviation of the outer levels by the symbol rate, as last measured; None where it was not."""
        measured = math.nan if self._detector is None else self._detector.measured
        return None if math.isnan(measured) else 3 * measured

    def process(self, chunk: Chunk) -> list[Chunk]:
        if not len(chunk):
            return []
        if self._origin is None:
            self._origin = chunk.position
        self._clock = chunk.clock
        self._track.append(chunk)
        x = self._channel.process(chunk.items)
        return self._find(x, *self._clock_recovery.process(self._frequency.process(x)))

    def close(self) -> list[Chunk]:
        if self._origin is None:
            return []
        x, none = self._channel.flush(), np.empty(0, np.complex64)
        values = np.concatenate([self._frequency.process(x), self._frequency.flush()])
        # the last symbols are interpolated with samples behind the end
        x = np.concatenate([x, np.zeros(4 * self._per_symbol, np.complex64)])
        out = self._find(x, *self._clock_recovery.process(values))
        out += self._find(none, *self._clock_recovery.flush())
        out += self._detect(none, *self._four.flush())
        return out if self._detector is None else out + self._give(*self._detector.flush())

    def _find(
        self, x: NDArray[np.complex64], values: NDArray[np.float32], instants: NDArray[np.float64]
    ) -> list[Chunk]:
        positions = (self._origin or 0.0) + instants * self._step - self._delay
        turned = self._track.turns(positions, self._clock.rate).astype(np.float32)
        moved = (self._track.at(positions) / self._baudrate).astype(np.float32)
        self._positions = np.concatenate([self._positions, positions])
        self._unlevelled = np.concatenate([self._unlevelled, instants])
        self._moved = np.concatenate([self._moved, moved])
        self._turned = np.concatenate([self._turned, turned])
        # a search for the carrier leaves no wobble in the levels
        return self._detect(x, *self._four.process(values + moved / np.float32(self._per_symbol)))

    def _detect(
        self,
        x: NDArray[np.complex64],
        bits: NDArray[np.float32],
        centres: NDArray[np.float32],
        swings: NDArray[np.float32],
    ) -> list[Chunk]:
        n = len(bits) // 2
        soft = bits.reshape(n, 2)
        instants, self._unlevelled = self._unlevelled[:n], self._unlevelled[n:]
        moved, self._moved = self._moved[:n], self._moved[n:]
        turned, self._turned = self._turned[:n], self._turned[n:]
        per_symbol = np.float32(self._per_symbol)
        frequencies, swings = centres[::2] * per_symbol, swings[::2] * per_symbol
        if self._detector is None:
            return self._give(soft, frequencies)
        at = (instants - self._lead) * (self._per_symbol / 4)
        return self._give(*self._detector.process(x, at, frequencies - moved, swings, moved, turned, soft))

    def _give(self, soft: NDArray[np.float32], frequencies: NDArray[np.float32]) -> list[Chunk]:
        n = len(soft)
        if not n:
            return []
        positions, self._positions = self._positions[:n], self._positions[n:]
        # a bit is half a symbol, which has 4 samples
        positions = (positions[:, None] + self._step * np.array([-1.0, 1.0])).ravel()
        if not self._upright:
            soft = soft * np.array([-1, 1], np.float32)
        offsets = np.repeat(frequencies * np.float32(self._baudrate), 2)
        return [Chunk(soft.ravel(), 2 * self._baudrate, float(positions[0]), self._clock, positions, offsets)]
