"""Decimator against numpy's convolution in float64."""

from __future__ import annotations

import numpy as np
import pytest

from dsp_ext.fir import Decimator
from tests.jig import kernel_keeps_the_law
from tests.reference import decimate

X = np.random.default_rng(1).standard_normal((9001, 2)).view(np.complex128)[:, 0].astype(np.complex64)


def taps(length: int) -> np.ndarray:
    h = np.hanning(length + 2)[1:-1]
    return (h / h.sum()).astype(np.float32)


@pytest.mark.parametrize("x", [X, X.real.copy()], ids=["complex", "real"])
@pytest.mark.parametrize(
    ("length", "factor"), [(1, 1), (1, 7), (3, 5), (15, 1), (33, 4), (65, 10), (129, 3), (31, 400)]
)
def test_is_a_convolution_however_cut(x: np.ndarray, length: int, factor: int) -> None:
    (y,) = kernel_keeps_the_law(lambda: Decimator(taps(length), factor, np.iscomplexobj(x)), x)
    expected = decimate(x, taps(length), factor)
    assert y.dtype == x.dtype
    assert len(y) == len(expected)
    # sums of float32 whose taps add up to 1
    assert np.abs(y - expected).max() < 1e-6


@pytest.mark.parametrize("n", [0, 1, 2, 32, 33])
def test_short_streams(n: int) -> None:
    decimator = Decimator(taps(33), 4, True)
    y = np.concatenate([decimator.process(X[:n]), decimator.flush()])
    np.testing.assert_allclose(y, decimate(X[:n], taps(33), 4), atol=1e-6)


def test_nan_passes_through_and_is_gone_after_the_taps() -> None:
    x = X.copy()
    x[1000], x[1001] = np.nan, np.inf
    decimator = Decimator(taps(33), 1, True)
    y = np.concatenate([decimator.process(x), decimator.flush()])
    touched = np.zeros(len(x), bool)
    touched[1000 - 16 : 1001 + 17] = True
    assert not np.isfinite(y[touched]).any()
    np.testing.assert_allclose(y[~touched], decimate(X, taps(33), 1)[~touched], atol=1e-6)


def test_refuses_what_makes_no_filter() -> None:
    with pytest.raises(ValueError, match="odd number of taps expected, got 4"):
        Decimator(np.ones(4, np.float32), 1, True)
    with pytest.raises(ValueError, match="odd number of taps expected, got 0"):
        Decimator(np.ones(0, np.float32), 1, True)
    with pytest.raises(ValueError, match="factor of 1 or more expected, got 0"):
        Decimator(taps(3), 0, True)
    with pytest.raises(ValueError, match="float"):
        Decimator(taps(3).astype(float), 1, True)
    with pytest.raises(TypeError):
        Decimator(None, 1, True)
    decimator = Decimator(taps(3), 1, True)
    for wrong in (X.real.copy(), X.astype(np.complex128), X[::2], X.reshape(1, -1)):
        with pytest.raises(ValueError, match=r"mismatch|contiguous|dimensions"):
            decimator.process(wrong)
    with pytest.raises(TypeError):
        decimator.process(None)
