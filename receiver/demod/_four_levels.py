"""Four-level symbols to soft bits: centre, swing and what neighbours add, fitted to the symbols themselves.

    z[k] = h0 y[k-1] + h1 y[k] + h2 y[k+1] + h3      z = -1, -1/3, 1/3, 1

In each window of 128 symbols h is the least-squares fit to the nearest levels, some rounds over. Windows advance by 32
symbols; of those that a symbol is in, and the one before, that counts which fits best, so that noise before and behind
a burst does not. Where a window has only the outer levels, as a preamble, they stay the outer ones.

    bits    01    00    10    11      first bit: sign, second: inner or outer, as ETSI TS 102 361-1, section 10.2.2
    z        1   1/3  -1/3    -1
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BLOCK, WINDOW = 32, 128
ROUNDS = 4
LIMIT = 2 / 3
"""Between inner and outer levels."""
OUTER = 0.9
"""Part of the symbols of a window that are no larger than its outer levels."""
RIDGE = 0.02
"""Of the diagonal: a steady pattern does not tell the coefficients apart."""

Floats = NDArray[np.float64]
Made = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]


class FourLevels:
    """Soft bits, two a symbol, the first of them first; positive = 1.

    Parameters
    ----------
    upright : the largest input is z = 1, not -1
    """

    def __init__(self, *, upright: bool = True) -> None:
        self._upright = upright
        self.reset()

    def reset(self) -> None:
        """Forget all symbols."""
        self._y: NDArray[np.float32] = np.empty(0, np.float32)
        self._before = np.float32(0)  # the symbol before the first that is kept
        self._fits: list[tuple[Floats, float]] = []  # of windows that begin up to four blocks before, and their errors

    def process(self, y: NDArray[np.float32]) -> Made:
        """Take symbols, in any unit.

        Returns
        -------
        soft bits, and at each the centre between the levels and how far from it the outer ones are, in the unit of the
        input
        """
        if len(y) and not len(self._y) and not self._fits:
            self._before = y[0]
        self._y = np.concatenate([self._y, y])
        made = [self._next(BLOCK) for _ in range(max(0, (len(self._y) - WINDOW - 1) // BLOCK + 1))]
        return self._joined(made)

    def flush(self) -> Made:
        """Give what is still inside. The state is as before the first symbol."""
        made, n = [], len(self._y)
        if n and not self._fits:
            self._y = np.resize(self._y, max(n, WINDOW + 1))  # too few for a window
        while n > 0:
            made.append(self._next(min(BLOCK, n)))
            n -= BLOCK
        self.reset()
        return self._joined(made)

    def _next(self, n: int) -> Made:
        """Decide the first n symbols that are kept."""
        y = np.concatenate([[self._before], self._y[: WINDOW + 1]]).astype(np.float64)
        if len(y) == WINDOW + 2:
            self._fits.append(_fit(y))
        self._fits = self._fits[-WINDOW // BLOCK - 1 :]
        h = min(self._fits, key=lambda fit: fit[1])[0]
        y = np.append(y, y[-1])
        z = h[0] * y[:n] + h[1] * y[1 : n + 1] + h[2] * y[2 : n + 2] + h[3]
        self._before, self._y = self._y[n - 1], self._y[n:]
        first = np.clip(3 * z, -1, 1)
        soft = np.stack([-first if self._upright else first, np.clip(3 * np.abs(z) - 2, -2, 2)], axis=1).ravel()
        slope = h[:3].sum() or 1.0
        return (
            soft.astype(np.float32),
            np.full(2 * n, -h[3] / slope, np.float32),
            np.full(2 * n, 1 / abs(slope), np.float32),
        )

    @staticmethod
    def _joined(made: list[Made]) -> Made:
        none = np.empty(0, np.float32)
        soft, centres, swings = (np.concatenate([none, *column]) for column in zip((none,) * 3, *made, strict=True))
        return soft, centres, swings


def _fit(y: Floats) -> tuple[Floats, float]:
    """Coefficients for a window with a symbol before and behind it; its mean square error by that of the levels."""
    at = y[1:-1]
    centre = at.mean()
    for _ in range(ROUNDS):
        high = at > centre
        centre = (at[high].mean() + at[~high].mean()) / 2 if 0 < high.sum() < len(at) else centre
    swing = float(np.quantile(np.abs(at - centre), OUTER)) or 1.0
    x = np.stack([y[:-2], at, y[2:]], axis=1)
    x = np.concatenate([(x - centre) / swing, np.ones((len(at), 1))], axis=1)
    gram = x.T @ x + RIDGE * len(at) * np.diag([1.0, 0.0, 1.0, 1.0]) + 1e-9 * np.eye(4)
    z = x[:, 1]
    for _ in range(ROUNDS):
        level = np.sign(z) * np.where(np.abs(z) > LIMIT, 1.0, 1 / 3)
        h = np.linalg.solve(gram, x.T @ level)
        z = x @ h
    error = float(((z - level) ** 2).mean() / max((level**2).mean(), 1e-9))
    h[:3] /= swing
    h[3] -= centre * h[:3].sum()
    return h, error
