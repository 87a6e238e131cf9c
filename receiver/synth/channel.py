"""What happens to a signal between the transmitter and the file: motion, noise, and the receiver's imperfections."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.polynomial import Chebyshev, Polynomial
from numpy.typing import NDArray

from ..errors import FlowgraphError

Curve = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""Hz by seconds since the first sample."""


@dataclass(frozen=True)
class Channel:
    """Everything between a clean signal and its samples; the default changes nothing."""

    ebn0_db: float | None = None
    """Energy per information bit over noise density; None: no noise."""
    offset: float = 0.0
    """Constant frequency error, Hz."""
    doppler: Curve | Sequence[float] | None = None
    """Doppler shift, Hz: a function of seconds, or its coefficients in Hz, Hz/s, … The symbol clock shifts with it."""
    clock_ppm: float = 0.0
    """How much too fast the transmitter's symbol clock is."""
    noise_tilt_db: float = 0.0
    """Noise density at the upper edge of the band over that at the lower; in the middle it stays."""
    spurs: Sequence[tuple[float, float]] = ()
    """Carriers: (Hz, dB over the signal)."""
    gain_steps: Sequence[tuple[float, float]] = ()
    """(seconds, dB): the receiver's gain from that time on."""
    iq_gain_db: float = 0.0
    """Gain of I over Q."""
    iq_phase_deg: float = 0.0
    """How far Q leans towards I."""
    dc: complex = 0.0
    """Added to the samples, of full scale."""
    gaps: Sequence[tuple[float, float]] = ()
    """Lost samples: (seconds at, seconds long)."""

    def shift(self) -> Curve | None:
        """Doppler shift as a function."""
        if self.doppler is None or callable(self.doppler):
            return self.doppler
        polynomial = Polynomial(list(self.doppler))
        return lambda seconds: np.asarray(polynomial(seconds), np.float64)

    def gain(self, seconds: NDArray[np.float64]) -> NDArray[np.float64]:
        """Amplitude of the receiver's gain at some times."""
        gain = np.ones(len(seconds))
        for start, decibel in sorted(self.gain_steps):
            gain[seconds >= start] = 10 ** (decibel / 20)
        return gain

    def imperfect(self, seconds: NDArray[np.float64], x: NDArray[np.complex128]) -> NDArray[np.complex128]:
        """What the receiver makes of IQ at some times: gain, and I and Q not alike and not quite at right angles."""
        if self.gain_steps:
            x = self.gain(seconds) * x
        if self.iq_gain_db or self.iq_phase_deg:
            ratio, lean = 10 ** (self.iq_gain_db / 40), math.radians(self.iq_phase_deg)
            x = ratio * x.real + 1j * (x.imag * math.cos(lean) + x.real * math.sin(lean)) / ratio
        return x


class Motion:
    """Cycles of Doppler and symbols received, by time, exact through each stretch of time in turn.

    Within a stretch, the shift is a polynomial (Chebyshev interpolation), whose integral gives the cycles.
    """

    _DEGREE = 7

    def __init__(self, channel: Channel, symbol_rate: float, frequency: float, tuning: float, symbol: float) -> None:
        """`frequency`: of the carrier, Hz; `tuning`: how much that is above zero; `symbol`: the symbol clock at 0."""
        self._curve = channel.shift()
        self._offset = channel.offset + tuning
        self._symbol_rate, self._frequency, self._symbol = symbol_rate, frequency, float(symbol)
        self._clock = 1 + channel.clock_ppm * 1e-6
        self._integral: Chebyshev | None = None
        self._cycles = 0.0

    def begin(self, start: float, stop: float) -> None:
        """Next stretch of time, from `start`, where the last one stopped, to `stop`."""
        if self._curve is None:
            return
        if self._integral is not None:
            self._cycles = float(self._integral(start))
        shift = float(np.abs(self._curve(np.array([start, stop]))).max())
        if not shift < 0.1 * self._frequency:
            raise FlowgraphError(
                f"the Doppler shift is {shift:g} Hz at {stop:g} s; it must be under a tenth of the carrier's frequency"
            )
        fit = Chebyshev.interpolate(self._curve, self._DEGREE, domain=[start, stop])
        self._integral = fit.integ(lbnd=start, k=self._cycles)
        if start < 0 < stop:
            self._integral -= float(self._integral(0.0))

    def cycles(self, seconds: NDArray[np.float64]) -> NDArray[np.float64]:
        """Carrier phase by tuning, offset and Doppler, in cycles."""
        cycles = self._offset * seconds
        return cycles if self._integral is None else cycles + self._integral(seconds)

    def symbols(self, seconds: NDArray[np.float64]) -> NDArray[np.float64]:
        """Place on the transmitter's symbol clock."""
        sent = self._clock * seconds
        if self._integral is not None:
            sent = sent + self._integral(seconds) / self._frequency
        return np.asarray(self._symbol + self._symbol_rate * sent)

    def time(self, symbol: float) -> float:
        """Seconds at which a place on the symbol clock arrives, within this stretch."""
        seconds = (symbol - self._symbol) / self._symbol_rate
        for _ in range(6):
            seconds += (symbol - float(self.symbols(np.array([seconds]))[0])) / (self._symbol_rate * self._clock)
        return float(seconds)


class Noise:
    """Gaussian noise, complex or real, of variance 1 where it is white; its density in the middle of the band stays."""

    _TAPS = 65

    def __init__(self, rng: np.random.Generator, tilt_db: float, is_complex: bool) -> None:
        self._rng, self._complex = rng, is_complex
        self._taps: NDArray[Any] | None = None
        if tilt_db:
            place = np.fft.fftfreq(self._TAPS)
            density_db = tilt_db * (place if is_complex else 2 * np.abs(place) - 0.5)
            taps = np.fft.fftshift(np.fft.ifft(10 ** (density_db / 20))) * np.hamming(self._TAPS)
            self._taps = taps if is_complex else taps.real
            self._last = self._white(self._TAPS - 1)

    def _white(self, n: int) -> NDArray[Any]:
        if self._complex:
            return self._rng.standard_normal(2 * n).view(np.complex128) * math.sqrt(0.5)
        return self._rng.standard_normal(n)

    def __call__(self, n: int) -> NDArray[Any]:
        """The next n samples."""
        x = self._white(n)
        if self._taps is None or not n:
            return x
        x = np.concatenate([self._last, x])
        self._last = x[len(x) - self._TAPS + 1 :]
        return np.convolve(x, self._taps, "valid")
