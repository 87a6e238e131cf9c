"""Filter design: low-pass prototypes by the Kaiser window (Oppenheim, Schafer: Discrete-Time Signal Processing, 7.6).

Frequencies are in cycles per input sample.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

from dsp_ext.fir import Decimator

ROOM = 2.5
"""Samples a Hz of the band that is kept, at least: what folds is beside it."""


def _kaiser(transition: float, attenuation: float) -> tuple[float, float]:
    """Half length in samples and beta for a transition width and a stop-band attenuation in dB."""
    below = max(attenuation - 21, 0.0)
    beta = 0.1102 * (attenuation - 8.7) if attenuation > 50 else 0.5842 * below**0.4 + 0.07886 * below
    return (attenuation - 7.95) / (14.36 * transition) / 2, beta


def _windowed_sinc(t: NDArray[np.float64], cutoff: float, half: float, beta: float) -> NDArray[np.float64]:
    u = np.clip(1 - (t / half) ** 2, 0, None)
    inside = np.abs(t) <= half
    h: NDArray[np.float64] = 2 * cutoff * np.sinc(2 * cutoff * t) * np.i0(beta * np.sqrt(u)) / np.i0(beta) * inside
    return h


@cache
def lowpass(cutoff: float, transition: float, attenuation: float = 60.0) -> NDArray[np.float32]:
    """Symmetric low-pass taps of odd number, with gain 1 at zero frequency.

    Parameters
    ----------
    cutoff : middle of the transition band (gain 1/2)
    transition : width of the transition band
    attenuation : of the stop band, dB
    """
    half, beta = _kaiser(transition, attenuation)
    k = np.arange(-math.floor(half), math.floor(half) + 1, dtype=np.float64)
    h = _windowed_sinc(k, cutoff, half, beta)
    taps: NDArray[np.float32] = (h / h.sum()).astype(np.float32)
    taps.flags.writeable = False
    return taps


def decimator_for(rate: float, reach: float) -> tuple[float, Decimator | None]:
    """What takes IQ down as far as a band about zero allows, and the rate then; None where that is as it was.

    Parameters
    ----------
    rate : samples per second
    reach : of the band, Hz to each side
    """
    factor = math.floor(rate / (ROOM * reach))
    if factor <= 1:
        return rate, None
    lower = rate / factor
    taps = lowpass(0.5 * (reach + lower / 2) / rate, (lower - 2 * reach) / rate, 60)
    return lower, Decimator(taps, factor, is_complex=True)


@cache
def polyphase(cutoff: float, transition: float, attenuation: float = 50.0, phases: int = 64) -> NDArray[np.float32]:
    """The same low-pass between samples, as the bank that `dsp_ext.resample.Resampler` takes.

    Returns
    -------
    (phases + 1, K) float32
    """
    half, beta = _kaiser(transition, attenuation)
    bank = tabulate(lambda t: _windowed_sinc(t, cutoff, half, beta), half, phases)
    bank.flags.writeable = False
    return bank


def tabulate(h, half: float, phases: int = 64, whole: int = 16) -> NDArray[np.float32]:  # type: ignore[no-untyped-def]
    """Bank of a pulse h(t), t in input samples, that is zero beyond +-half; each row has gain 1 at zero frequency.

    Taps are a multiple of `whole`, of 16 in a vector.
    """
    length = whole * max(1, math.ceil(2 * half / whole))
    k = np.arange(length, dtype=np.float64)
    rows = h(k - length // 2 + 1 - np.arange(phases + 1)[:, None] / phases)
    return np.ascontiguousarray(rows / rows.sum(axis=1, keepdims=True), dtype=np.float32)
