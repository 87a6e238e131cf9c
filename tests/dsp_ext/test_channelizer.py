"""Filter bank against mixing, filtering and decimating in float64, one branch after the other."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from dsp_ext.channelizer import Channelizer
from tests.jig import kernel_keeps_the_law
from tests.reference import branch

X = np.random.default_rng(1).standard_normal((5003, 2)).view(np.complex128)[:, 0].astype(np.complex64)


def taps(length: int) -> NDArray[np.float32]:
    h = np.hanning(length + 2)[1:-1]
    return (h / h.sum()).astype(np.float32)


class Some:
    """A bank of which always the same branches are wanted, as the jig takes it."""

    def __init__(self, length: int, size: int, *branches: int) -> None:
        self._bank, self._branches = Channelizer(taps(length), size), np.array(branches, np.int64)
        self.reset = self._bank.reset

    def process(self, x: NDArray[np.complex64]) -> tuple[NDArray[np.complex64], ...]:
        return tuple(self._bank.process(x, self._branches))

    def flush(self) -> tuple[NDArray[np.complex64], ...]:
        return tuple(self._bank.flush(self._branches))


@pytest.mark.parametrize(("length", "size"), [(1, 8), (79, 8), (33, 16), (159, 16), (237, 24), (395, 40), (641, 64)])
def test_each_branch_is_mixed_filtered_and_decimated_however_cut(length: int, size: int) -> None:
    branches = (0, 1, size // 2, size - 1, 3)
    made = kernel_keeps_the_law(lambda: Some(length, size, *branches), X)
    for k, y in zip(branches, made, strict=True):
        expected = branch(X, taps(length), size, k)
        assert y.dtype == np.complex64
        assert len(y) == len(expected)
        # sums of float32 whose taps add up to 1, and a transform
        assert np.abs(y - expected).max() < 1e-6 * max(1.0, np.abs(expected).max())


def test_branches_may_change_at_any_time() -> None:
    bank, parts = Channelizer(taps(79), 8), []
    for start in range(0, len(X), 500):
        parts.append(bank.process(X[start : start + 500], np.array([start // 500 % 8])))
    at = 0
    for number, part in enumerate(parts):
        expected = branch(X, taps(79), 8, number % 8)[at : at + part.shape[1]]
        np.testing.assert_allclose(part[0], expected, atol=1e-6)
        at += part.shape[1]
    assert at > 1200
    assert bank.process(X[:100], np.empty(0, np.int64)).shape == (0, 25)


def test_nan_is_gone_after_the_taps() -> None:
    x = X.copy()
    x[1000] = np.nan
    (y,) = Some(79, 8, 2).process(x)
    touched = np.abs(np.arange(len(y)) * 4 - 1000) <= 40
    assert not np.isfinite(y[np.abs(np.arange(len(y)) * 4 - 1000) < 36]).any()
    np.testing.assert_allclose(y[~touched], branch(X, taps(79), 8, 2)[: len(y)][~touched], atol=1e-6)


def test_refuses_what_makes_no_bank() -> None:
    for size in (0, -8, 4, 12, 56, 72, 100):
        with pytest.raises(ValueError, match=f"multiple of 8 that is a power of two, or 3 or 5 times one.*got {size}"):
            Channelizer(taps(3), size)
    with pytest.raises(ValueError, match="odd number of taps expected, got 4"):
        Channelizer(np.ones(4, np.float32), 8)
    bank = Channelizer(taps(3), 8)
    for wrong in (-1, 8):
        with pytest.raises(ValueError, match=f"branches from 0 to 7 expected, got {wrong}"):
            bank.process(X, np.array([0, wrong]))
    for x in (X.real.copy(), X.astype(np.complex128), X[::2], X.reshape(1, -1)):
        with pytest.raises(ValueError, match=r"mismatch|contiguous|dimensions"):
            bank.process(x, np.array([0]))
    with pytest.raises(TypeError):
        bank.process(None, np.array([0]))
    with pytest.raises(TypeError):
        bank.flush(None)
