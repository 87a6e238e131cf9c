"""Two-level frequency shift keying on IQ: a sequence detector, and a discriminator that finds timing and frequency.

    channel filter, 4 samples a symbol -+-> discriminator ------+-> clock -> level -+-> detector -> soft
                                        |                       |     ^             |
                                        +-> narrow filter --> tone ---+             |
                                        +-------------------------------------------+

A signal wider than `WIDE` is sampled 8, 16, 32 or 64 times a symbol, as far as the discriminator.

The detector does without the carrier's phase from elsewhere (see `dsp_ext.cpm`). Where its signal does not fit what is
received, the discriminator's symbols are given. At a large modulation index tones are compared instead
(`dsp_ext.tones`), and timing and frequency come from the stronger one of two tones, each in its own band: in the whole
band the discriminator would be below its threshold.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsp_ext.clock import SymbolClock
from dsp_ext.cpm import CpmDetector, phase_tone
from dsp_ext.discriminator import Discriminator
from dsp_ext.doppler import Mixer
from dsp_ext.fir import Decimator
from dsp_ext.level import Level
from dsp_ext.resample import Resampler
from dsp_ext.tones import tone_contrast

from ..channel.filters import lowpass, polyphase
from ..stage import Chunk, Stream
from ._offsets import OffsetTrack

WIDE = 2.8
"""Bandwidth, in symbol rates, that 4 samples a symbol hold with room for the filters."""
LONGEST = 64
"""Samples of a symbol at most; of what is wider yet, the discriminator's symbols are given."""
TONELESS = 1.45
"""Modulation index from which on the clock is the discriminator's: the phase's turns do not tell the middles of symbols
from what is between."""
LARGE = 2.4
"""Modulation index from which on the envelopes of the two tones are compared, and each has a discriminator of its own:
the sequence detector begins to lose bursts at any noise, and a discriminator of the whole band has its threshold above
what a comparison needs."""
SYMBOL_CUTOFF = 0.6
"""Of the low-pass behind the discriminator, in symbol rates."""
TONE_BAND, TONE_ERROR = 0.85, 0.25
"""Half the band of a tone, in symbol rates: what the symbols take, and so much of the deviation as it may be off."""
STRETCH, TOLD_BY, TOLD, UNSTEADY = 1.15, 16.0, 64, 0.35
"""Deviation by the swing where nothing is known yet, and how many symbols that counts for; symbols of a block, and by
how much of their mean those of noise vary at least."""
TONE_CUTOFF = 0.7
"""Of the low-pass for the clock's tone, in symbol rates: flat from 0.6 to 0.8 for h from 0.5 to 1."""


class WholeBand:
    """Frequency of all that is there, at 4 samples a symbol, in cycles per sample that comes in."""

    def __init__(self, per_symbol: int) -> None:
        self._half = half = per_symbol // 4
        self._discriminator = Discriminator()
        self._halved = Decimator(lowpass(0.9 / per_symbol, 0.81 / per_symbol, 40), half, is_complex=False)
        self.lead = 0.5 / half
        """Samples given out by which the first stands before the first that came in: a discriminator's does so."""

    def process(self, x: NDArray[np.complex64]) -> NDArray[np.float32]:
        values = self._discriminator.process(x)
        return self._halved.process(values) if self._half > 1 else values

    def flush(self) -> NDArray[np.float32]:
        return self._halved.flush() if self._half > 1 else np.empty(0, np.float32)


class TwoTones:
    """The same of the stronger one of two tones, each in a band of its own."""

    lead = 0.5

    def __init__(self, per_symbol: int, index: float) -> None:
        self._half = half = per_symbol // 4
        self._apart = np.float32(index / 8)  # from the centre, cycles per sample at 4 a symbol
        cutoff = min(TONE_BAND + TONE_ERROR * index / 2, 1.8) / per_symbol
        taps = lowpass(cutoff, cutoff * 0.6, 40)
        self._mixers = [Mixer(), Mixer()]
        for mixer, sign in zip(self._mixers, (-1, 1), strict=True):
            mixer.set(sign * index / 2 / per_symbol)
        self._bands = [Decimator(taps, half, is_complex=True) for _ in range(2)]
        self._discriminators = [Discriminator(), Discriminator()]
        self._last = np.zeros((2, 1), np.complex64)

    def process(self, x: NDArray[np.complex64]) -> NDArray[np.float32]:
        turned = []
        for mixer, band in zip(self._mixers, self._bands, strict=True):
            y = np.empty_like(x)
            mixer.process(x, y)
            turned.append(band.process(y))
        return self._stronger(*turned)

    def flush(self) -> NDArray[np.float32]:
        return self._stronger(*(band.flush() for band in self._bands))

    def _stronger(self, *bands: NDArray[np.complex64]) -> NDArray[np.float32]:
        tones = np.concatenate([self._last, np.stack(bands)], axis=1)
        self._last = tones[:, -1:]
        power = (tones * tones.conj()).real
        power = power[:, 1:] + power[:, :-1]
        high, low = (d.process(band) for d, band in zip(self._discriminators, bands, strict=True))
        values = np.where(power[0] > power[1], high + self._apart, low - self._apart)
        return np.ascontiguousarray(values / self._half, np.float32)


class PhaseTone:
    """What the clock goes by: how far the phase turns in a symbol, frequency taken off, which is known a bit later."""

    def __init__(self, per_symbol: int) -> None:
        self._per_symbol = per_symbol
        self._x = np.zeros(2, np.complex64)  # as the tone looks two back
        self._centres = np.empty(0, np.float32)

    def process(self, x: NDArray[np.complex64], centres: NDArray[np.float32]) -> NDArray[np.float32]:
        """The tone, as far as frequencies have come.

        Parameters
        ----------
        x : (n,) complex64, 4 samples a symbol
        centres : (m,) float32, frequency of every two of them, in cycles per sample at `per_symbol` a symbol
        """
        centres = np.concatenate([self._centres, centres]) if len(self._centres) else centres
        held = len(self._x)
        n = max(0, min(len(centres), (held + len(x)) // 2 - 2))
        tone = np.empty(2 * n, np.float32)
        # what begins in the samples held; the rest is taken where it stands
        early = min(n, (held + 1) // 2)
        begin = np.concatenate([self._x[: 2 * early + 4], x[: max(0, 2 * early + 4 - held)]])
        phase_tone(begin, centres[:early], self._per_symbol, tone[: 2 * early])
        if n > early:
            phase_tone(x[2 * early - held : 2 * n + 4 - held], centres[early:n], self._per_symbol, tone[2 * early :])
        self._x = x[2 * n - held :].copy() if 2 * n >= held else np.concatenate([self._x[2 * n :], x])
        self._centres = centres[n:]
        return tone


class Stretch:
    """By how much the deviation is above the swing: symbols between equal ones reach it, others hang on the pulse.

    Blocks of symbols are told by those before, so that a cut changes nothing.
    """

    def __init__(self) -> None:
        self._soft = np.zeros(1, np.float32)  # the last of the block before, and what is no whole block yet
        self._sum, self._weight = STRETCH * TOLD_BY, TOLD_BY
        self._given = 0  # symbols of the block that were given out

    def process(self, soft: NDArray[np.float32]) -> NDArray[np.float32]:
        """A factor for each symbol."""
        held = np.concatenate([self._soft, soft])
        out, done = np.empty(len(soft), np.float32), 0
        while done < len(soft):
            n = min(len(soft) - done, TOLD - self._given)
            out[done : done + n] = self._sum / self._weight
            done, self._given = done + n, self._given + n
            if self._given == TOLD:
                block, held = held[: TOLD + 1], held[TOLD:]
                sign = block > 0
                alike = np.abs(block[1:-1][(sign[1:-1] == sign[:-2]) & (sign[1:-1] == sign[2:])].astype(np.float64))
                mean = float(alike.mean()) if len(alike) else 0.0
                if 1 < mean < 1.4 and alike.std() < UNSTEADY * mean:
                    self._sum += len(alike) * mean - self._sum / 16
                    self._weight += len(alike) - self._weight / 16
                self._given = 0
        self._soft = held
        return out


def channel_filter(rate: float, baudrate: float, bandwidth: float) -> tuple[Resampler, int]:
    """What takes a signal of a bandwidth (Hz) out of IQ at some rate, and how many samples a symbol it gives."""
    cutoff = min(bandwidth / 2 / rate, 0.45)
    per_symbol = 4
    while bandwidth > WIDE / 4 * per_symbol * baudrate and per_symbol < LONGEST:
        per_symbol *= 2
    return Resampler(polyphase(cutoff, cutoff * 0.4, 50), rate / (per_symbol * baudrate), is_complex=True), per_symbol


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
        if (index or 0.0) >= LARGE:
            bandwidth += TONE_ERROR * (index or 0.0) * baudrate
        self._channel, per_symbol = channel_filter(stream.rate, baudrate, bandwidth)
        self._per_symbol = per_symbol
        self._compares = (index or 0.0) >= LARGE and bandwidth <= WIDE / 4 * LONGEST * baudrate
        self._frequency: WholeBand | TwoTones = WholeBand(per_symbol)
        if self._compares:
            self._frequency = TwoTones(per_symbol, index or 0.0)
        self._stretch = Stretch()
        cutoff = TONE_CUTOFF / per_symbol
        self._narrow = Decimator(lowpass(cutoff, cutoff * 0.8, 40), per_symbol // 4, is_complex=True)
        self._lead = lead = self._frequency.lead
        self._clock_recovery = SymbolClock(lowpass(SYMBOL_CUTOFF / 4, 0.9 * SYMBOL_CUTOFF / 4, 40), lead=lead)
        # where tones are compared, too much would hang on how right the told one is
        deviation = 0.0 if self._compares else (index or 0.5) / 2 / per_symbol
        # of two values a symbol, so that windows advance by as many symbols as the other's
        self._centres = Level(64, deviation=deviation)
        self._level = Level(deviation=deviation)
        self._detector = CpmDetector(index or 0.5, per_symbol) if (index or 0.5) < LARGE else None
        self._step = stream.clock.rate / (4 * baudrate)  # source samples per sample of the clock's input
        self._delay = lead * self._step
        self._clock = stream.clock
        self._origin: float | None = None
        self._track = OffsetTrack()
        self._tone = PhaseTone(per_symbol) if (index or 0.5) < TONELESS else None
        self._even: bool = True  # whether the next value is the first of a pair
        self._at = np.empty(0, np.float64)  # samples in which symbols are that are in the level
        self._moved = np.empty(0, np.float32)  # by how much what they are made of was moved, cycles per symbol
        self._positions = np.empty(0, np.float64)  # of those in level and detector
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
        return self._take(x, self._frequency.process(x), self._narrow.process(x))

    def close(self) -> list[Chunk]:
        if self._origin is None:
            return []
        x, none = self._channel.flush(), np.empty(0, np.complex64)
        values = [self._frequency.process(x), self._frequency.flush()]
        filtered = [self._narrow.process(x), self._narrow.flush()]
        out = self._take(x, np.concatenate(values), np.concatenate(filtered), last=True)
        out += self._find(none, *self._clock_recovery.flush())
        out += self._detect(none, *self._level.flush())
        return out if self._detector is None else out + self._give(*self._detector.flush())

    def _take(
        self,
        x: NDArray[np.complex64],
        values: NDArray[np.float32],
        filtered: NDArray[np.complex64],
        last: bool = False,
    ) -> list[Chunk]:
        tone = None
        if self._tone is not None:
            pairs = values[0 if self._even else 1 :: 2]
            self._even ^= len(values) % 2 == 1
            centres = self._centres.centres(pairs)
            if last:
                centres = np.concatenate([centres, self._centres.flush()[1]])
                filtered = np.concatenate([filtered, np.zeros(8, np.complex64)])
            tone = self._tone.process(filtered, centres)
        if last:
            # the last symbols are interpolated with samples behind the end
            x = np.concatenate([x, np.zeros(4 * self._per_symbol, np.complex64)])
        return self._find(x, *self._clock_recovery.process(values, tone))

    def _find(
        self, x: NDArray[np.complex64], values: NDArray[np.float32], instants: NDArray[np.float64]
    ) -> list[Chunk]:
        self._positions, positions = _grown(self._positions, len(instants))
        np.multiply(instants, self._step, out=positions)
        positions += (self._origin or 0.0) - self._delay
        self._at, at = _grown(self._at, len(instants))
        np.subtract(instants, self._lead, out=at)
        at *= self._per_symbol / 4
        self._moved, moved = _grown(self._moved, len(instants))
        moved[:] = self._track.at(positions) / self._baudrate
        if self._compares:
            # the tones' places must be known to a small part of the symbol rate: as if nothing had been moved
            values = values + moved / np.float32(self._per_symbol)
        return self._detect(x, *self._level.process(values))

    def _detect(
        self,
        x: NDArray[np.complex64],
        soft: NDArray[np.float32],
        centres: NDArray[np.float32],
        swings: NDArray[np.float32],
    ) -> list[Chunk]:
        at, self._at = self._at[: len(soft)], self._at[len(soft) :]
        moved, self._moved = self._moved[: len(soft)], self._moved[len(soft) :]
        per_symbol = np.float32(self._per_symbol)
        if self._compares:
            swings = swings * self._stretch.process(soft)
            return self._give(self._compare(x, at, centres - moved / per_symbol, swings), centres * per_symbol)
        if self._detector is None:
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
        positions, self._positions = self._positions[: len(soft)], self._positions[len(soft) :]
        offsets = frequencies * np.float32(self._baudrate)
        return [Chunk(soft, self._baudrate, float(positions[0]), self._clock, positions, offsets)]


def _grown(held: NDArray[Any], n: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """What is held with room for n more behind it, and that room."""
    grown = np.empty(len(held) + n, held.dtype)
    grown[: len(held)] = held
    return grown, grown[len(held) :]
