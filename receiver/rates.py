"""Symbol rates that a signal may have, whatever its modulation: lines in what is not linear in it.

    PSK    |x|^2                                 more power between two equal symbols than where the phase turns
    FSK    (d/dt of sine of phase's advance)^2   the frequency changes at the borders of symbols only
    audio  |x|                                   goes through zero there; of one sideband the envelope

Each repeats with the symbols, so that its spectrum has a line at their rate (W. A. Gardner, "Exploitation of spectral
redundancy in cyclostationary signals", IEEE Signal Processing Magazine 8 (1991) 14). What is sent over and over, such
as flags, has lines at parts of it, so that the strongest line is not always the one.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

SAMPLES = 1 << 18
"""Of a signal, which are looked at together."""
STANDS_OUT = 25.0
"""Power of a line over the median around it. Of the median of noise, one bin in 10^7 has so much."""
AUDIO = (2500.0, 7500.0)
"""Hz up to which audio is taken."""
AROUND = 0.1
"""That median is of so much of the rate to each side."""
MOST = 3
"""Rates of each of both kinds."""
APART = 0.01
"""Relative; lines that are nearer are one."""


def symbol_rates(x: NDArray[np.complex64] | NDArray[np.float32], rate: float, width: float) -> list[float]:
    """Rates at which there may be symbols, in Bd, the likeliest first.

    Parameters
    ----------
    x : (n,) complex64, a signal about zero frequency; or float32, of an FM receiver
    rate : samples per second
    width : Hz that the signal takes
    """
    if len(x) < 64:
        return []
    found: list[tuple[float, float]] = []
    for feature in _features(x[:SAMPLES], rate, width):
        found += _lines(feature, rate, width / 10, min(1.6 * width, 0.45 * rate))
    kept: list[float] = []
    for _, at in sorted(found, reverse=True):
        if all(abs(at / other - 1) > APART for other in kept):
            kept.append(at)
    return kept


def _features(
    x: NDArray[np.complex64] | NDArray[np.float32], rate: float, width: float
) -> Iterator[NDArray[np.float64]]:
    spectrum = np.fft.fft(x)
    frequency = np.abs(np.fft.fftfreq(len(x), 1 / rate))
    if not np.iscomplexobj(x):
        for edge in AUDIO:
            yield np.abs(np.fft.ifft(spectrum * _taper(frequency, edge)))
        yield np.abs(np.fft.ifft(spectrum * (np.arange(len(x)) < len(x) // 2))) ** 2
        return
    y = np.fft.ifft(spectrum * _taper(frequency, 0.75 * width))
    yield np.abs(y) ** 2
    y = np.fft.ifft(spectrum * _taper(frequency, 0.6 * width))
    # a quarter turn of the furthest frequency
    lag = max(1, round(rate / width))
    advance = y[lag:] * np.conj(y[:-lag])
    sine = advance.imag / np.sqrt(np.abs(advance) + 1e-30)
    yield (sine[lag:] - sine[:-lag]) ** 2


def _taper(frequency: NDArray[np.float64], edge: float) -> NDArray[np.float64]:
    """1 up to an edge, 0 from a quarter behind it on."""
    return np.asarray(np.clip((1.25 * edge - frequency) / (0.25 * edge), 0.0, 1.0))


def _lines(feature: NDArray[np.float64], rate: float, low: float, high: float) -> list[tuple[float, float]]:
    """Prominence and frequency of the strongest lines."""
    n = len(feature)
    power = np.abs(np.fft.rfft((feature - feature.mean()) * np.hanning(n))) ** 2
    first, stop = max(2, int(low / rate * n)), min(len(power) - 1, int(high / rate * n))
    if stop - first < 16:
        return []
    over = power[first:stop] / _background(power)[first:stop]
    found: list[tuple[float, float]] = []
    for k in np.argsort(-over, kind="stable").tolist():
        at = (k + first) * rate / n
        if over[k] < STANDS_OUT or len(found) == MOST:
            break
        if all(abs(at / other - 1) > APART for _, other in found):
            found.append((float(over[k]), float(at)))
    return found


def _background(power: NDArray[np.float64]) -> NDArray[np.float64]:
    """Median of the bins around each, about `AROUND` of its frequency to each side."""
    edges = np.unique(np.geomspace(1, len(power), max(2, round(np.log(len(power)) / AROUND))).astype(int))
    middles = [np.median(power[max(0, a - 4) : b + 4]) for a, b in pairwise(edges)]
    return np.interp(np.arange(len(power)), (edges[1:] + edges[:-1]) / 2, np.maximum(middles, 1e-300))
