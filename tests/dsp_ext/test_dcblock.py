"""DcBlocker against the running mean in plain numpy."""

from __future__ import annotations

import numpy as np
import pytest

from dsp_ext.dcblock import DcBlocker
from tests.jig import kernel_keeps_the_law, outputs


def without_mean(x, length):
    half = length // 2
    return np.array([v - x[max(0, n - half) : n + half + 1].mean() for n, v in enumerate(x)])


@pytest.mark.parametrize("length", [1, 3, 51])
@pytest.mark.parametrize("n", [1, 2, 25, 26, 400])
def test_is_what_is_left_without_the_mean(length, n):
    x = np.random.default_rng(1).standard_normal(n) + 5
    (y,) = outputs(DcBlocker(length), [x.astype(np.float32)])
    np.testing.assert_allclose(y, without_mean(x, length), atol=2e-6)


def test_keeps_the_law():
    kernel_keeps_the_law(lambda: DcBlocker(31), np.random.default_rng(2).standard_normal(700).astype(np.float32))


def test_tones_stay_and_what_is_constant_goes():
    n = np.arange(20_000)
    tone = np.sin(2 * np.pi * 0.05 * n)
    (y,) = outputs(DcBlocker(201), [(tone + 3.0 + 1e-5 * n).astype(np.float32)])
    assert np.abs(y - tone)[200:-200].max() < 0.03


def test_refuses_what_makes_no_sense():
    with pytest.raises(ValueError, match="odd length"):
        DcBlocker(10)
    with pytest.raises(ValueError, match="odd length"):
        DcBlocker(-1)
    with pytest.raises(TypeError):
        DcBlocker(3).process(None)
