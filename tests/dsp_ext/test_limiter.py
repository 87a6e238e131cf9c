"""ClickLimiter against the same in plain numpy."""

from __future__ import annotations

import numpy as np
import pytest

from dsp_ext.limiter import ClickLimiter
from tests.jig import kernel_keeps_the_law, outputs

BLOCK, SMOOTH, SHARE, LEANING = 160, 7, 0.05, 12.0


def levels(x):
    """Of a block: low, high, distance of the quartiles."""
    averages = np.sort(np.convolve(x.astype(np.float64), np.full(SMOOTH, 1 / SMOOTH), "valid")[:: max(1, SMOOTH // 4)])
    n = len(averages)
    beyond, quarter = int(SHARE * n), n // 4
    return averages[beyond], averages[n - 1 - beyond], averages[n - 1 - quarter] - averages[quarter]


def limited(x):
    blocks = [x[i : i + BLOCK] for i in range(0, len(x), BLOCK)]
    if len(blocks[-1]) < SMOOTH:
        found = [levels(block) for block in blocks[:-1]]
        found.append(found[-1])
    else:
        found = [levels(block) for block in blocks]
    out = []
    for i, block in enumerate(blocks):
        around = np.array([found[max(0, i - 1)], found[i], found[min(i + 1, len(found) - 1)]])
        low, high = around[:, 0].min(), around[:, 1].max()
        far = (around[:, 1] - around[:, 0]).sum() / around[:, 2].sum()
        reach = (high - low) / 2 * (1.1 + LEANING * max(0, far - 1.55))
        out.append(np.clip(block, (low + high) / 2 - reach, (low + high) / 2 + reach))
    return np.concatenate(out)


def two_levels(n, seed=0):
    """Symbols of 10 samples about 3, in noise, and clicks."""
    rng = np.random.default_rng(seed)
    x = rng.choice([-1.0, 1.0], n // 10 + 1).repeat(10)[:n] + 0.3 * rng.standard_normal(n) + 3
    x[rng.integers(0, 250) :: 250] += 20
    return x.astype(np.float32)


def limiter():
    return ClickLimiter(BLOCK, SMOOTH, SHARE, LEANING)


@pytest.mark.parametrize("n", [2 * BLOCK, 2 * BLOCK + 3, 2 * BLOCK + 20, 3 * BLOCK, 1000, 1001])
def test_cuts_to_the_height_of_the_signal(n):
    x = two_levels(n)
    (y,) = outputs(limiter(), [x])
    np.testing.assert_allclose(y, limited(x), rtol=1e-5)
    clicks = x > 10
    assert clicks.any()
    assert (y[clicks] < 6).all()
    assert np.mean((y[~clicks] - x[~clicks]) ** 2) < 0.1 * 0.3**2


@pytest.mark.parametrize("n", [0, 1, SMOOTH - 1])
def test_too_little_to_tell_stays_as_it_is(n):
    x = two_levels(100)[:n]
    (y,) = outputs(limiter(), [x])
    np.testing.assert_array_equal(y, x)


def test_what_is_left_of_a_click_is_small():
    n = 4000
    clean = np.sign(np.sin(2 * np.pi * np.arange(n) / 80)).astype(np.float32)
    x = clean.copy()
    x[100::410] -= 12 * clean[100::410]
    (y,) = outputs(ClickLimiter(320, 28, 0.05, 12), [x])
    assert np.abs(y - clean).max() < 3
    np.testing.assert_array_equal(y[x == clean], clean[x == clean])


def test_one_symbol_of_another_kind_stays():
    x = np.full(16 * 16 * 5, -1.0, np.float32)
    x[16 * 40 : 16 * 41] = 1
    (y,) = outputs(ClickLimiter(256, 11, 0.05, 12), [x])
    assert y[16 * 40 : 16 * 41].mean() > 0.2


def test_a_signal_that_leans_stays():
    """Behind a coupling capacitor a level falls off within a symbol, and the next step reaches twice as far."""
    rng = np.random.default_rng(3)
    x = rng.choice([-1.0, 1.0], 800).repeat(16)
    y = np.zeros_like(x)
    for i in range(1, len(x)):
        y[i] = 0.93 * (y[i - 1] + x[i] - x[i - 1])
    y = y.astype(np.float32)
    (given,) = outputs(ClickLimiter(256, 11, 0.05, 12), [y])
    assert np.sum((given - y) ** 2) < 0.002 * np.sum(y**2)
    (cut,) = outputs(ClickLimiter(256, 11, 0.05, 0), [y])
    assert np.sum((cut - y) ** 2) > 0.01 * np.sum(y**2)


def test_keeps_the_law():
    kernel_keeps_the_law(limiter, two_levels(5000))


def test_what_is_no_number_spoils_no_more_than_its_blocks():
    x = two_levels(3000)
    x[900], x[1520] = np.nan, np.inf
    (y,) = outputs(limiter(), [x])
    clean = limited(two_levels(3000))
    np.testing.assert_allclose(y[: 4 * BLOCK], clean[: 4 * BLOCK], rtol=1e-5)
    np.testing.assert_allclose(y[11 * BLOCK :], clean[11 * BLOCK :], rtol=1e-5)


def test_refuses_what_makes_no_sense():
    for block, smooth in ((10, 0), (10, 10), (0, 1), (-1, 1)):
        with pytest.raises(ValueError, match="average over"):
            ClickLimiter(block, smooth, 0.1, 0)
    for share in (-0.1, 0.25, float("nan")):
        with pytest.raises(ValueError, match="share"):
            ClickLimiter(10, 2, share, 0)
    with pytest.raises(TypeError):
        limiter().process(None)
