"""Where and when something stands out from the noise of a recording."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .survey import Waterfall

BANDS = 8
"""The strongest bands are looked into."""
SMOOTH_HZ, SMOOTH_S = 1000.0, 0.1
"""Over which the waterfall is averaged before bands are sought in it."""
STANDS_OUT, WEAKEST = 8.0, 2.0
"""Standard deviations of the noise; and dB over it for a band beside the strongest."""
SHORTEST_S = 0.1
"""Seconds."""


@dataclass(frozen=True)
class Band:
    """Where and when something stands out from the noise."""

    low: float
    """Hz from the recording's zero."""
    high: float
    start: float
    """Seconds from the recording's start."""
    stop: float
    snr_db: float
    """At its strongest, in a bandwidth of `SMOOTH_HZ` or more."""

    @property
    def width(self) -> float:
        return self.high - self.low

    @property
    def middle(self) -> float:
        return (self.low + self.high) / 2


def bands(waterfall: Waterfall) -> list[Band]:
    """Find what stands out of the noise, the strongest first; behind that, what may belong together, as a whole."""
    power, frequency = waterfall.power, waterfall.frequencies
    rows, bins = power.shape
    step = float(frequency[1] - frequency[0])
    row_s = waterfall.seconds / rows
    across = min(bins // 8, max(3, round(SMOOTH_HZ / step)))
    along = min(rows, max(1, round(SMOOTH_S / row_s)))
    smooth = _means(_means(power, across, 1), along, 0)
    # what is there all the time, too, stands out from what is beside it
    quiet = np.quantile(smooth, 0.25, axis=0)
    floor = _running_median(quiet, bins // 2)
    ratio = smooth / np.maximum(floor, 1e-30)
    ratio /= max(float(np.median(ratio)), 1e-30)
    deviation = 1 / math.sqrt(waterfall.spectra * max(1.0, across / 1.5) * along)
    hot = ratio > 1 + max(STANDS_OUT * deviation, 0.2)
    found = []
    for first, stop in _stretches(np.asarray(hot.any(axis=0)), across):
        when = np.flatnonzero(hot[:, first:stop].any(axis=1))
        peak = float(ratio[:, first:stop].max())
        # a line is as wide as the smoothing
        low, high = frequency[first] + across / 2 * step, frequency[stop - 1] - across / 2 * step
        middle = (low + high) / 2
        low, high = min(low, middle - step), max(high, middle + step)
        if abs(middle) > 0.43 * waterfall.recording.rate or (high - low <= 4 * step and abs(middle) <= 2 * step):
            continue  # the band's edge, or the receiver's DC
        if len(when) * row_s < SHORTEST_S:
            continue
        found.append(
            Band(
                float(low),
                float(high),
                float(when[0] * row_s),
                float((when[-1] + 1) * row_s),
                10 * math.log10(max(peak - 1, 1e-10)),
            )
        )
    found.sort(key=lambda band: -band.snr_db)
    found = [band for i, band in enumerate(found[:BANDS]) if band.snr_db > WEAKEST or i == 0]
    return found + _together(found)


def _together(found: list[Band]) -> list[Band]:
    """Bands that come and go together and lie close: the tones of one signal of large deviation may be apart so."""
    groups: list[list[Band]] = []
    for band in sorted(found, key=lambda band: band.low):
        last = groups[-1][-1] if groups else None
        if last is not None and band.low - last.high < max(band.width, last.high - groups[-1][0].low):
            shared = min(band.stop, last.stop) - max(band.start, last.start)
            if shared > 0.8 * max(band.stop - band.start, last.stop - last.start):
                groups[-1].append(band)
                continue
        groups.append([band])
    return [
        Band(
            group[0].low,
            group[-1].high,
            min(band.start for band in group),
            max(band.stop for band in group),
            max(band.snr_db for band in group),
        )
        for group in groups
        if len(group) > 1
    ]


def _means(x: NDArray[np.float64], n: int, axis: int) -> NDArray[np.float64]:
    """Mean over n values about each, fewer at the ends."""
    total = np.cumsum(np.insert(x, 0, 0.0, axis=axis), axis=axis)
    at = np.arange(x.shape[axis])
    low, high = np.maximum(at - n // 2, 0), np.minimum(at + (n + 1) // 2, len(at))
    shape = [-1 if i == axis else 1 for i in range(x.ndim)]
    means: NDArray[np.float64] = (total.take(high, axis) - total.take(low, axis)) / (high - low).reshape(shape)
    return means


def _running_median(x: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    padded = np.pad(x, n // 2, mode="reflect")
    return np.asarray(np.median(np.lib.stride_tricks.sliding_window_view(padded, n // 2 * 2 + 1), axis=1))


def _stretches(hot: NDArray[np.bool_], gap: int) -> Iterator[tuple[int, int]]:
    """First and last + 1 of the stretches that are hot; those nearer than `gap` are one."""
    at = np.flatnonzero(hot)
    if len(at):
        breaks = np.flatnonzero(np.diff(at) > gap)
        yield from zip(at[np.r_[0, breaks + 1]], at[np.r_[breaks, len(at) - 1]] + 1, strict=True)
