"""Channel bits to complex baseband, evaluated at any instants: symbol n lasts from n to n + 1 on the symbol clock u.

A modulator holds the symbols around the instants that are asked for: `append` in order, evaluate at a rising `u`,
`forget` what lies behind. A symbol is +1 for a one, -1 for a zero and 0 where nothing is sent. Power is 1 while
sending.

    fsk    phase = pi h (sum of a[m], m < n, + parts of the symbols around), h = 2 deviation / baudrate
           of four levels a = 3, 1, -1, -3 for the bits 01, 00, 10, 11, and h is a third of that
    afsk   the same with audio tones, and these on FM
    apm    an audio tone whose phase is a[n] deviation, on FM
    psk    sum of a[n] p(u - n - 1/2), with p a root-raised cosine or a rectangle
           of four phases a = +-1 +- j over the root of 2, one bit the real part, the next the imaginary
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import FlowgraphError
from .bits import Bits, nrz_m

Symbols = NDArray[np.int8]
Instants = NDArray[np.float64]

_STEPS = 1024
"""Entries per symbol in the tables of pulses; between them they are interpolated."""


class Modulator:
    """Symbols kept by their count since the start."""

    per_bit: float = 1
    """Symbols that a channel bit becomes."""
    per_baud: float = 1
    """Symbols here for each that counts for the symbol rate."""
    reach: int = 0
    """Symbols to each side that the signal at an instant depends on."""

    waiting: int = 0
    """Channel bits, 0 or 1, that wait for another to make a symbol."""

    def __init__(self) -> None:
        self._odd: Bits = np.zeros(0, np.uint8)
        self._first = -self.reach
        self._symbols: Symbols = np.zeros(self.reach, np.int8)

    @property
    def stop(self) -> int:
        """Count of symbols so far."""
        return self._first + len(self._symbols)

    def symbols(self, bits: Bits) -> Symbols:
        """Symbols of channel bits that are sent."""
        return (2 * bits.astype(np.int8) - 1).astype(np.int8)

    def _pairs(self, bits: Bits) -> NDArray[np.int8]:
        """Bits two by two, with the one that waited."""
        bits = np.concatenate([self._odd, bits])
        self.waiting = len(bits) % 2
        whole = len(bits) - self.waiting
        self._odd = bits[whole:]
        return bits[:whole].reshape(-1, 2).astype(np.int8)

    def append(self, symbols: Symbols) -> None:
        self._symbols = np.concatenate([self._symbols, symbols])

    def forget(self, before: int) -> int:
        """Drop what instants from symbol `before` on do not need; gives the number of dropped symbols."""
        drop = max(0, min(before - self.reach - self._first, len(self._symbols)))
        self._symbols = self._symbols[drop:]
        self._first += drop
        return drop

    def __call__(self, u: Instants) -> NDArray[np.complex128]:
        raise NotImplementedError

    def _split(self, u: Instants) -> tuple[NDArray[np.int64], Instants]:
        """Index into the kept symbols, and the fraction of the symbol that has passed."""
        whole = np.floor(u)
        return whole.astype(np.int64) - self._first, u - whole


class Fsk(Modulator):
    """Continuous-phase FSK, Gaussian with bandwidth-time product `bt` or rectangular.

    `deviation` in Hz is that of a one, or of the outer level; a negative one inverts.
    """

    def __init__(self, baudrate: float, deviation: float, bt: float | None = 0.5, levels: int = 2) -> None:
        self.reach = 0 if bt is None else math.ceil(5 * _gaussian_width(bt))
        self.per_bit = 1 if levels == 2 else 0.5
        super().__init__()
        self._index = 2 * deviation / baudrate / (levels - 1)
        self._table = _gaussian_phase(bt, self.reach)
        self._sums: NDArray[np.int64] = np.zeros(self.reach, np.int64)

    def symbols(self, bits: Bits) -> Symbols:
        if self.per_bit == 1:
            return super().symbols(bits)
        pairs = self._pairs(bits)
        return ((1 - 2 * pairs[:, 0]) * (1 + 2 * pairs[:, 1])).astype(np.int8)

    def append(self, symbols: Symbols) -> None:
        super().append(symbols)
        before = self._sums[-1] + self._symbols[len(self._sums) - 1] if len(self._sums) else 0
        sums = before + np.cumsum(symbols, dtype=np.int64) - symbols
        self._sums = np.concatenate([self._sums, sums])

    def forget(self, before: int) -> int:
        drop = super().forget(min(before, self.stop - 1))
        self._sums = self._sums[drop:]
        return drop

    def __call__(self, u: Instants) -> NDArray[np.complex128]:
        n, fraction = self._split(u)
        row, rest = _table_place(fraction)
        turns = self._sums[n - self.reach].astype(np.float64)
        for j in range(-self.reach, self.reach + 1):
            column = self._table[:, j + self.reach]
            turns += self._symbols[n + j] * (column[row] + rest * (column[row + 1] - column[row]))
        return np.where(self._symbols[n] != 0, np.exp(1j * np.pi * self._index * turns), 0)


class Afsk(Modulator):
    """Audio FSK with rectangular tones, on FM.

    The FM phase is the integral of the audio; within a symbol of tone w it is 2 pi fm_deviation / w times the change
    of -cos(tone phase), so that it is exact at any instant.
    """

    def __init__(self, baudrate: float, carrier: float, deviation: float, fm_deviation: float = 3000.0) -> None:
        super().__init__()
        self._baudrate, self._carrier, self._deviation = baudrate, carrier, deviation
        self._fm_deviation = fm_deviation
        self._tone_at: NDArray[np.float64] = np.zeros(0)
        self._phase_at: NDArray[np.float64] = np.zeros(0)
        self._next = (0.0, 0.0)

    def _tone(self, symbols: Symbols) -> NDArray[np.float64]:
        """Audio frequency in cycles per symbol."""
        return (self._carrier + self._deviation * symbols.astype(np.float64)) / self._baudrate

    def append(self, symbols: Symbols) -> None:
        super().append(symbols)
        tone = self._tone(symbols)
        audio = self._next[0] + np.concatenate([[0.0], np.cumsum(tone)])
        swing = self._fm_deviation / (tone * self._baudrate)
        radio = self._next[1] + np.concatenate([[0.0], np.cumsum(-swing * np.diff(np.cos(2 * np.pi * audio)))])
        self._tone_at = np.concatenate([self._tone_at, audio[:-1]])
        self._phase_at = np.concatenate([self._phase_at, radio[:-1]])
        self._next = (float(audio[-1] % 1.0), float(radio[-1] % (2 * np.pi)))

    def forget(self, before: int) -> int:
        drop = super().forget(before)
        self._tone_at, self._phase_at = self._tone_at[drop:], self._phase_at[drop:]
        return drop

    def __call__(self, u: Instants) -> NDArray[np.complex128]:
        n, fraction = self._split(u)
        tone, start = self._tone(self._symbols)[n], self._tone_at[n]
        swing = self._fm_deviation / (tone * self._baudrate)
        phase = self._phase_at[n] + swing * (np.cos(2 * np.pi * start) - np.cos(2 * np.pi * (start + tone * fraction)))
        return np.where(self._symbols[n] != 0, np.exp(1j * phase), 0)


class Apm(Modulator):
    """Phase modulation of an audio tone by so many radians, on FM, whose phase is the integral of the audio."""

    DEVIATION = 0.8

    def __init__(self, baudrate: float, carrier: float, fm_deviation: float = 3000.0) -> None:
        super().__init__()
        self._tone = carrier / baudrate  # cycles per symbol
        self._swing = fm_deviation / carrier
        self._phase_at: NDArray[np.float64] = np.zeros(0)
        self._next = 0.0

    def _sine(self, symbols: Symbols, u: Instants) -> NDArray[np.float64]:
        return np.asarray(np.sin(2 * np.pi * self._tone * u + self.DEVIATION * symbols))

    def append(self, symbols: Symbols) -> None:
        u = np.arange(self.stop, self.stop + len(symbols), dtype=np.float64)
        super().append(symbols)
        steps = self._swing * (self._sine(symbols, u + 1) - self._sine(symbols, u))
        phase = self._next + np.concatenate([[0.0], np.cumsum(steps)])
        self._phase_at = np.concatenate([self._phase_at, phase[:-1]])
        self._next = float(phase[-1])

    def forget(self, before: int) -> int:
        drop = super().forget(before)
        self._phase_at = self._phase_at[drop:]
        return drop

    def __call__(self, u: Instants) -> NDArray[np.complex128]:
        n, _ = self._split(u)
        symbols = self._symbols[n]
        phase = self._phase_at[n] + self._swing * (self._sine(symbols, u) - self._sine(symbols, np.floor(u)))
        return np.where(symbols != 0, np.exp(1j * phase), 0)


class Psk(Modulator):
    """BPSK or, of `order` 4, QPSK with root-raised-cosine pulses of some roll-off, or rectangular ones.

    `symmetric`: a one turns the phase a quarter on, a zero a quarter back.
    `differential`: a one changes the phase (NRZ-M). `manchester`: a one is + then - (bi-phase-L, CCSDS 401.0-B), each
    half a symbol here.
    """

    def __init__(
        self,
        differential: bool = False,
        manchester: bool = False,
        rolloff: float | None = 0.5,
        symmetric: bool = False,
        order: int = 2,
    ) -> None:
        self.reach = 0 if rolloff is None else 8
        self.per_bit = self.per_baud = 2 if manchester else 1
        if order == 4:
            self.per_bit = 0.5
        self._order = order
        super().__init__()
        self._differential, self._symmetric = differential, symmetric
        self._level = 0
        self._table = None if rolloff is None else _root_raised_cosine(rolloff, self.reach)

    def symbols(self, bits: Bits) -> Symbols:
        if self._order == 4:
            pairs = self._pairs(bits)
            return ((2 * pairs[:, 0] - 1) * (1 + 2 * pairs[:, 1])).astype(np.int8)
        if self._differential or self._symmetric:
            # a quarter on each time is taken off
            bits = nrz_m(1 - bits if self._symmetric else bits, self._level)
            if len(bits):
                self._level = int(bits[-1])
        symbols = super().symbols(bits)
        if self.per_bit == 2:
            symbols = np.stack([symbols, -symbols], axis=1).reshape(-1)
        return symbols

    def __call__(self, u: Instants) -> NDArray[np.complex128]:
        n, fraction = self._split(u)
        symbols = self._symbols.astype(np.complex128)
        if self._order == 4:
            quadrature = np.array([0, -1, 0, 1])[np.abs(self._symbols)]
            symbols = (np.sign(symbols.real) + 1j * quadrature) / math.sqrt(2)
        if self._symmetric:
            symbols *= np.array([1, 1j, -1, -1j])[(self._first + np.arange(len(symbols))) % 4]
        if self._table is None:
            return symbols[n]
        row, rest = _table_place(fraction)
        y = np.zeros(len(u), np.complex128)
        for j in range(-self.reach, self.reach + 1):
            column = self._table[:, j + self.reach]
            y += symbols[n + j] * (column[row] + rest * (column[row + 1] - column[row]))
        return y


def _table_place(fraction: Instants) -> tuple[NDArray[np.int64], Instants]:
    place = fraction * _STEPS
    row = np.minimum(place.astype(np.int64), _STEPS - 1)
    return row, place - row


def _distances(reach: int) -> NDArray[np.float64]:
    """(steps + 1, symbols) distance from the centre of each symbol around, by the fraction of this one that passed."""
    fraction = np.arange(_STEPS + 1)[:, None] / _STEPS
    return fraction - np.arange(-reach, reach + 1)[None, :] - 0.5


def _gaussian_width(bt: float) -> float:
    """Standard deviation, in symbols, of the Gaussian whose 3 dB bandwidth is bt / T."""
    return math.sqrt(math.log(2)) / (2 * math.pi * bt)


def _gaussian_phase(bt: float | None, reach: int) -> NDArray[np.float64]:
    """Integral of the frequency pulse, a rectangle of one symbol smoothed by a Gaussian: from 0 to 1.

    As ETSI TS 100 959, section 2.5, has it for GMSK. The pulse is the difference of two normal distributions, and
    the integral of one of them is known.
    """
    x = _distances(reach)
    if bt is None:
        return np.asarray(np.clip(x + 0.5, 0.0, 1.0))
    sigma = _gaussian_width(bt)

    def ramp(t: NDArray[np.float64]) -> NDArray[np.float64]:
        """Integral of the normal distribution function."""
        z = t / sigma
        normal = 0.5 * np.vectorize(math.erfc)(-z / math.sqrt(2))
        return np.asarray(t * normal + sigma * np.exp(-z * z / 2) / math.sqrt(2 * math.pi))

    # five standard deviations away, the rest is below 1e-7
    return np.asarray(np.clip(ramp(x + 0.5) - ramp(x - 0.5), 0.0, 1.0))


def _root_raised_cosine(rolloff: float, reach: int) -> NDArray[np.float64]:
    """Root-raised-cosine pulse of unit energy per symbol, by the distance from its centre in symbols."""
    if not 0 < rolloff <= 1:
        raise ValueError(f"the roll-off is above 0 and at most 1, got {rolloff}")
    # a hair beside the two places where the formula is 0/0
    x = _distances(reach) + 1e-9
    b = rolloff
    above = np.sin(np.pi * x * (1 - b)) + 4 * b * x * np.cos(np.pi * x * (1 + b))
    pulse: NDArray[np.float64] = above / (np.pi * x * (1 - (4 * b * x) ** 2))
    # cutting it off loses a little energy
    return pulse / math.sqrt(float((pulse[:-1] ** 2).sum()) / _STEPS)


def modulator(table: dict[str, Any], bt: float | None = 0.5, rolloff: float | None = 0.5) -> Modulator:
    """Modulator for the table of a demodulator, as a transmitter's definition has it."""
    use = str(table.get("use", "")).removeprefix("demod.")
    try:
        baudrate = float(table["baudrate"])
        if use == "fsk":
            levels = int(table.get("levels", 2))
            return Fsk(baudrate, float(table.get("deviation", baudrate / (4 if levels == 2 else 2))), bt, levels)
        if use == "afsk":
            deviation, fm_deviation = float(table["deviation"]), float(table.get("fm_deviation", 3000.0))
            return Afsk(baudrate, float(table["carrier"]), deviation, fm_deviation)
        if use == "apm":
            return Apm(baudrate, float(table["carrier"]), float(table.get("fm_deviation", 3000.0)))
        if use == "psk":
            differential, manchester, symmetric = (
                bool(table.get(key, False)) for key in ("differential", "manchester", "symmetric")
            )
            return Psk(differential, manchester, rolloff, symmetric, int(table.get("order", 2)))
    except KeyError as error:
        raise FlowgraphError(f"demodulator {use!r} has no {error.args[0]!r}, which synthesis needs") from error
    raise FlowgraphError(f"demodulator {use!r} cannot be synthesised; there are: fsk, afsk, apm, psk")
