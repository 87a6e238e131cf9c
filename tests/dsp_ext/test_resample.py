"""Resampler against the sum that it stands for, and against the signal between its samples."""

from __future__ import annotations

import numpy as np
import pytest

from dsp_ext.resample import Resampler
from receiver.channel.filters import polyphase
from tests.jig import kernel_keeps_the_law
from tests.reference import resample

X = np.random.default_rng(2).standard_normal((8200, 2)).view(np.complex128)[:, 0].astype(np.complex64)
BANK = polyphase(0.2, 0.15, 50)


@pytest.mark.parametrize("x", [X, X.real.copy()], ids=["complex", "real"])
@pytest.mark.parametrize("step", [0.31, 0.375, 1.0, 1.25, 2.5, 6.0 * (1 + 1e-7), 57.3, 5000.0])
def test_is_the_sum_however_cut(x: np.ndarray, step: float) -> None:
    x = x[:4500] if step < 1 else x
    (y,) = kernel_keeps_the_law(lambda: Resampler(BANK, step, np.iscomplexobj(x)), x)
    expected = resample(x, BANK, step)
    assert y.dtype == x.dtype
    assert len(y) == len(expected)
    # sums of float32, the taps' magnitudes add up to less than 3
    assert np.abs(y - expected).max() < 3e-6


@pytest.mark.parametrize("length", [2, 4, 6, 18, 34])
@pytest.mark.parametrize("step", [3.3, 0.25])
def test_banks_of_any_length(rng: np.random.Generator, length: int, step: float) -> None:
    bank = rng.standard_normal((5, length)).astype(np.float32)
    (y,) = kernel_keeps_the_law(lambda: Resampler(bank, step, True), X)
    np.testing.assert_allclose(y, resample(X, bank, step), atol=1e-5 * length)


def test_a_tone_is_where_it_was() -> None:
    """Outputs stand at n * step: the nearest of 64 phases leaves up to 1/128 sample, here 0.0025 of a tone."""
    tone = np.exp(2j * np.pi * 0.05 * np.arange(4000)).astype(np.complex64)
    y = Resampler(BANK, 1.7, True).process(tone)
    expected = np.exp(2j * np.pi * 0.05 * 1.7 * np.arange(len(y)))
    assert np.abs(y - expected)[30:-30].max() < 0.006


@pytest.mark.parametrize("n", [0, 1, 2, 5])
def test_short_streams(n: int) -> None:
    resampler = Resampler(BANK, 0.5, True)
    y = np.concatenate([resampler.process(X[:n]), resampler.flush()])
    np.testing.assert_allclose(y, resample(X[:n], BANK, 0.5), atol=3e-6)


@pytest.mark.parametrize("step", [1.25, 1.3])
def test_nan_is_gone_after_the_taps(step: float) -> None:
    """And after those of the outputs that are made with one at a step of 5/4."""
    x, length = X.copy(), BANK.shape[1]
    x[2000] = np.nan
    y = np.concatenate([(kernel := Resampler(BANK, step, True)).process(x), kernel.flush()])
    far = np.abs(np.arange(len(y)) * step - 2000) > length // 2 + 1 + (7 * step if step == 1.25 else 0)
    np.testing.assert_allclose(y[far], resample(X, BANK, step)[far], atol=3e-6)
    assert not np.isfinite(y[~far]).all()


def test_refuses_what_makes_no_filter() -> None:
    for shape in ((1, 4), (5, 3), (5, 0)):
        with pytest.raises(ValueError, match=f"even number of taps expected, got {shape[0]} x {shape[1]}"):
            Resampler(np.zeros(shape, np.float32), 1.0, True)
    for step in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="step above 0 expected"):
            Resampler(BANK, step, True)
    with pytest.raises(ValueError, match="mismatch"):
        Resampler(BANK, 1.0, False).process(X)
    with pytest.raises(TypeError):
        Resampler(BANK, 1.0, True).process(None)
