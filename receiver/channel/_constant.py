"""The constant that a direct-conversion receiver adds to IQ: a carrier at the frequency it is tuned to."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

BLOCK = 0.25
"""Seconds from one mean to the next."""
PART = 1 / 8
"""Of them that is looked at."""
MEANS, LEAST = 12, 2
"""Means that tell the constant, and how many do at the start."""
EARLY = 4
"""Means from the first on that show a constant of the receiver's, as do `MEANS` anywhere."""
SAME_PHASE = 0.98
"""Cosine of the angle between two constants of one receiver, at least."""
CHANGED = 1 / 3
"""By which share of the constant so far another is another."""
SURE = 16.0
"""Times the variance of their mean that its square has at least. Four means of noise do so once in 200."""


class Constant:
    """Takes a constant off, where there is one.

    The means of the last three seconds tell it. Where they agree (each of them is nearer to their mean than to nothing,
    and that is far above what their scatter lets one expect), it is taken off the block that follows. What a satellite
    sends is no such carrier: Doppler carries it off, and it begins and ends. Where a receiver's gain changes, so does
    its constant, but for the phase; then the two newest means tell it.

    Parameters
    ----------
    rate : items per second
    """

    def __init__(self, rate: float) -> None:
        self._size = max(8, round(BLOCK * rate))
        self._look = max(1, round(PART * self._size))
        self._inside = 0  # items of the block so far
        self._sum = 0j  # over those of them that are looked at
        self._means: deque[complex] = deque(maxlen=MEANS)
        self._constant = 0j
        self._lasting = 0j

    def process(self, x: NDArray[np.complex64]) -> NDArray[np.complex64]:
        """The same without the constant; x itself where there is none."""
        y, start = x, 0
        begin = -self._inside % self._size
        blocks = x[begin : begin + (len(x) - begin) // self._size * self._size].reshape(-1, self._size)
        sums = iter(blocks[:, : self._look].sum(axis=1, dtype=np.complex128).tolist())  # one call, not one a block
        while start < len(x):
            stop = min(start + self._size - self._inside, len(x))
            if not self._inside and stop - start == self._size:
                self._sum = next(sums)
            elif self._inside < self._look:
                seen = x[start : min(stop, start + self._look - self._inside)]
                self._sum += complex(seen.sum(dtype=np.complex128))
            if self._constant:
                y = x.copy() if y is x else y
                y[start:stop] -= np.complex64(self._constant)
            self._inside += stop - start
            start = stop
            if self._inside == self._size:
                self._means.append(self._sum / self._look)
                self._constant = self._told()
                self._inside, self._sum = 0, 0j
        return y

    def _told(self) -> complex:
        """What the means agree on, 0 where they do not."""
        means = list(self._means)
        constant = _agreed(means)
        if constant and len(means) in (EARLY, MEANS):
            self._lasting = constant
        newest = _agreed(means[-LEAST:])
        alike = (newest * self._lasting.conjugate()).real > SAME_PHASE * abs(newest) * abs(self._lasting)
        if alike and abs(newest - constant) > CHANGED * abs(constant):
            self._means = deque(means[-LEAST:], maxlen=MEANS)
            return newest
        return constant


def _agreed(means: list[complex]) -> complex:
    n = len(means)
    if n < LEAST:
        return 0j
    mean = sum(means) / n
    power = abs(mean) ** 2
    variance = (sum(abs(each) ** 2 for each in means) / n - power) / (n - 1)
    lasts = power > SURE * variance and all(abs(each - mean) < abs(each) for each in means)
    return mean if lasts else 0j
