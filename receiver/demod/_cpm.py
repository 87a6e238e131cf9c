"""Two-level frequency shift keying on IQ: a sequence detector, and a discriminator that finds timing and frequency.

    channel filter, 4 samples a symbol -+-> discriminator ------+-> clock -> level -+-> detector -> soft
                                        |                       |     ^             |
                                        +-> narrow filter --> tone ---+             |
                                        +-------------------------------------------+

A signal wider than `WIDE` is sampled 8 times a symbol, as far as the discriminator.

The detector does without the carrier's phase from elsewhere (see `dsp_ext.cpm`). Where its signal does not fit what is
received, the discriminator's symbols are given. At a large modulation index tones are compared instead
(`dsp_ext.tones`).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from dsp_ext.clock import SymbolClock
from dsp_ext.cpm import CpmDetector, phase_tone
from dsp_ext.discriminator import Discriminator
from dsp_ext.fir import Decimator
from dsp_ext.level import Level
from dsp_ext.resample import Resampler
from dsp_ext.tones import tone_contrast

from ..channel.filters import lowpass, polyphase
from ..stage import Chunk, Stream
from ._offsets import OffsetTrack

WIDE = 2.8
"""Bandwidth, in symbol rates, that 4 samples a symbol hold with room for the filters."""
LARGE, LARGEST = 1.45, 3.5
"""Modulation index from which on the envelopes of the two tones are compared, and from which on the discriminator's
symbols are given: where tones lie is known less and less well. From the first on, the clock is the discriminator's: the
phase's turns do not tell the middles of symbols from what is between, and the sequence detector loses bursts."""
SYMBOL_CUTOFF = 0.6
"""Of the low-pass behind the discriminator, in symbol rates."""
TONE_CUTOFF = 0.7
"""Of the low-pass for the clock's tone, in symbol rates: flat from 0.6 to 0.8 for h from 0.5 to 1."""


class SequenceReceiver:
    """Soft symbols from IQ.

    Parameters
    ----------
    stream : the input
    baudrate : Bd
    bandwidth : that the signal takes, Hz
    index : modulation index, as far as it is known
    """

    def __init__(self, stream: Stream, baudrate: float, bandwidth: float, index: float | None) -> None:
        self._baudrate = baudrate
        cutoff = min(bandwidth / 2 / stream.rate, 0.45)
        self._per_symbol = per_symbol = 4 if bandwidth <= WIDE * baudrate else 8
        step = stream.rate / (per_symbol * baudrate)
        self._channel = Resampler(polyphase(cutoff, cutoff * 0.4, 50), step, is_complex=True)
        self._discriminator = Discriminator()
        half = per_symbol // 4
        self._halved = Decimator(lowpass(0.9 / per_symbol, 0.81 / per_symbol, 40), half, is_complex=False)
        cutoff = TONE_CUTOFF / per_symbol
        self._narrow = Decimator(lowpass(cutoff, cutoff * 0.8, 40), half, is_complex=True)
        # sample n of the discriminator stands half a sample before that of its input
        self._lead = lead = 0.5 / half
        self._clock_recovery = SymbolClock(lowpass(SYMBOL_CUTOFF / 4, 0.9 * SYMBOL_CUTOFF / 4, 40), lead=lead)
        self._centres = Level()
        self._level = Level()
        self._detector = CpmDetector(index or 0.5, per_symbol) if (index or 0.5) < LARGE else None
        self._step = stream.clock.rate / (4 * baudrate)  # source samples per sample of the clock's input
        self._delay = lead * self._step
        self._clock = stream.clock
        self._origin: float | None = None
        self._track = OffsetTrack()
        self._values = np.empty(0, np.float32)  # not yet seen by the clock
        self._even: bool = True  # whether the next of them is the first of a pair
        self._filtered = np.zeros(2, np.complex64)  # for the clock's tone, which looks two back
        self._turns = np.empty(0, np.float32)
        self._unlevelled = np.empty(0, np.float64)  # instants of symbols in the level
        self._undetected = np.empty(0, np.float64)  # positions of those in the detector
        self._compares = LARGE <= (index or 0.0) < LARGEST
        self._compared = np.empty(0, np.complex64)  # samples whose tones are still to be compared
        self._first = 0  # of them, since the start

    @property
    def index(self) -> float | None:
        """Modulation index as it was last measured; None where it was not."""
        measured = math.nan if self._detector is None else self._detector.measured
        return None if math.isnan(measured) else measured

    def process(self, chunk: Chunk) -> list[Chunk]:
        if not len(chunk):
            return []
        if self._origin is None:
            self._origin = chunk.position
        self._clock = chunk.clock
        self._track.append(chunk)
        x = self._channel.process(chunk.items)
        return self._take(x, self._values_of(x), self._narrow.process(x))

    def close(self) -> list[Chunk]:
        if self._origin is None:
            return []
        x, none = self._channel.flush(), np.empty(0, np.complex64)
        values = [self._values_of(x)]
        if self._per_symbol > 4:
            values.append(self._halved.flush())
        filtered = [self._narrow.process(x), self._narrow.flush()]
        out = self._take(x, np.concatenate(values), np.concatenate(filtered), last=True)
        out += self._find(none, *self._clock_recovery.flush())
        out += self._detect(none, *self._level.flush())
        return out if self._detector is None else out + self._give(*self._detector.flush())

    def _values_of(self, x: NDArray[np.complex64]) -> NDArray[np.float32]:
        values = self._discriminator.process(x)
        return self._halved.process(values) if self._per_symbol > 4 else values

    def _take(
        self,
        x: NDArray[np.complex64],
        values: NDArray[np.float32],
        filtered: NDArray[np.complex64],
        last: bool = False,
    ) -> list[Chunk]:
        pairs = values[0 if self._even else 1 :: 2]
        self._even ^= len(values) % 2 == 1
        centres = [self._turns, self._centres.process(np.ascontiguousarray(pairs))[1]]
        if last:
            centres.append(self._centres.flush()[1])
            filtered = np.concatenate([filtered, np.zeros(8, np.complex64)])
            # the last symbols are interpolated with samples behind the end
            x = np.concatenate([x, np.zeros(16, np.complex64)])
        self._turns = np.concatenate(centres)
        self._values = np.concatenate([self._values, values])
        self._filtered = np.concatenate([self._filtered, filtered])
        n = max(0, min(2 * len(self._turns), len(self._filtered) - 4, len(self._values)) // 2 * 2)
        tone = None
        if self._detector is not None:
            tone = phase_tone(self._filtered[: n + 4], self._turns[: n // 2] * np.float32(self._per_symbol))
        ready = self._values[:n]
        self._turns, self._filtered, self._values = self._turns[n // 2 :], self._filtered[n:], self._values[n:]
        return self._find(x, *self._clock_recovery.process(ready, tone))

    def _find(
        self, x: NDArray[np.complex64], values: NDArray[np.float32], instants: NDArray[np.float64]
    ) -> list[Chunk]:
        self._unlevelled = np.concatenate([self._unlevelled, instants])
        return self._detect(x, *self._level.process(values))

    def _detect(
        self,
        x: NDArray[np.complex64],
        soft: NDArray[np.float32],
        centres: NDArray[np.float32],
        swings: NDArray[np.float32],
    ) -> list[Chunk]:
        instants, self._unlevelled = self._unlevelled[: len(soft)], self._unlevelled[len(soft) :]
        positions = (self._origin or 0.0) + instants * self._step - self._delay
        moved = (self._track.at(positions) / self._baudrate).astype(np.float32)
        self._undetected = np.concatenate([self._undetected, positions])
        per_symbol = np.float32(self._per_symbol)
        at = (instants - self._lead) * (self._per_symbol / 4)
        if self._detector is None:
            soft = self._compare(x, at, centres, swings) if self._compares else soft
            return self._give(soft, centres * per_symbol + moved)
        return self._give(*self._detector.process(x, at, centres * per_symbol, swings * per_symbol, moved, soft))

    def _compare(
        self,
        x: NDArray[np.complex64],
        at: NDArray[np.float64],
        centres: NDArray[np.float32],
        swings: NDArray[np.float32],
    ) -> NDArray[np.float32]:
        """Symbols by their tones; x is what comes next, `at` counts from the start."""
        self._compared = np.concatenate([self._compared, x])
        soft = tone_contrast(self._compared, at - self._first, centres, swings, self._per_symbol)
        if len(at):
            drop = min(len(self._compared), max(0, int(at[-1]) - 2 * self._per_symbol - self._first))
            self._compared, self._first = self._compared[drop:], self._first + drop
        return soft

    def _give(self, soft: NDArray[np.float32], frequencies: NDArray[np.float32]) -> list[Chunk]:
        if not len(soft):
            return []
        positions, self._undetected = self._undetected[: len(soft)], self._undetected[len(soft) :]
        offsets = frequencies * np.float32(self._baudrate)
        return [Chunk(soft, self._baudrate, float(positions[0]), self._clock, positions, offsets)]
