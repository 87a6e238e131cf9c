"""Equaliser against a search over all sequences, and for what it is there to gain."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from dsp_ext.equaliser import Equaliser
from tests.jig import kernel_keeps_the_law, outputs

TAPS = (0.3, 1.0, 0.2)  # of the symbols before, at and behind


def blurred(
    rng: np.random.Generator, a: NDArray[np.float64], noise: float, constant: float = 0.0
) -> NDArray[np.float32]:
    """Symbols that reach into their neighbours, in white noise."""
    y = TAPS[1] * a + constant
    y[1:] += TAPS[0] * a[:-1]
    y[:-1] += TAPS[2] * a[1:]
    return (y + noise * rng.standard_normal(len(a))).astype(np.float32)


def max_log(y: NDArray[np.float32]) -> NDArray[np.float64]:
    """Difference of the smallest squared errors with a 0 and with a 1, over all sequences; scaled to about one."""
    low = np.full((2, len(y)), np.inf)
    for a in itertools.product((-1.0, 1.0), repeat=len(y) + 2):
        s = np.array(a)
        cost = ((y - TAPS[0] * s[:-2] - TAPS[1] * s[1:-1] - TAPS[2] * s[2:]) ** 2).sum()
        for value in (0, 1):
            there = s[1:-1] == (1.0 if value else -1.0)
            low[value, there] = np.minimum(low[value, there], cost)
    return (low[0] - low[1]) / (4 * sum(t * t for t in TAPS))


def test_soft_values_are_those_of_a_search_over_all_sequences(rng: np.random.Generator) -> None:
    a = rng.choice([-1.0, 1.0], 256)
    y = blurred(rng, a, 0.15)
    # the search sees 8 symbols only; amid a longer row the rest must not matter: no noise beside them
    y[:120], y[132:] = blurred(rng, a, 0.0)[:120], blurred(rng, a, 0.0)[132:]
    (soft,) = outputs(Equaliser(), [y])
    expected = max_log(y[120:132])
    # the coefficients are fitted, so they are not exactly those that the search is given
    np.testing.assert_allclose(soft[123:129], expected[3:9], atol=0.08)


@pytest.mark.parametrize("constant", [0.0, 0.2])
def test_fewer_errors_than_by_sign(rng: np.random.Generator, constant: float) -> None:
    a = rng.choice([-1.0, 1.0], 20000)
    y = blurred(rng, a, 0.3, constant)
    (soft,) = kernel_keeps_the_law(Equaliser, y)
    assert len(soft) == len(y)
    by_sign, equalised = np.mean((y > 0) != (a > 0)), np.mean((soft > 0) != (a > 0))
    assert equalised < 0.15 * by_sign
    assert abs(np.abs(soft).mean() - 1) < 0.1


@pytest.mark.parametrize("lead", [700, 741, 783, 820])
def test_bursts_amid_loud_noise_are_right_to_their_ends(lead: int) -> None:
    """Noise without a signal is several times as large, and tells nothing of what neighbours add."""
    wrong = 0
    for seed in range(30):
        rng = np.random.default_rng((lead, seed))
        a = np.concatenate([np.tile([1.0, -1.0], 16), rng.choice([-1.0, 1.0], 400)])
        burst = np.convolve(a, [0.35, 1.0, 0.35], "same") + 0.25 * rng.standard_normal(len(a))
        y = np.concatenate([4 * rng.standard_normal(lead), burst, 4 * rng.standard_normal(500)]).astype(np.float32)
        got = outputs(Equaliser(), [y])[0][lead + 2 : lead + len(a) - 2]
        wrong += int((got * a[2:-2] <= 0).sum())
    assert wrong < 20


@pytest.mark.parametrize("n", [0, 1, 5, 8, 127, 191, 192, 193, 256, 319])
def test_short_streams(rng: np.random.Generator, n: int) -> None:
    a = rng.choice([-1.0, 1.0], n)
    (soft,) = outputs(Equaliser(), [blurred(rng, a, 0.0)])
    assert np.array_equal(soft > 0, a > 0)


def test_a_steady_pattern_stays_as_it_is(rng: np.random.Generator) -> None:
    a = np.resize([1.0, 1.0, -1.0, -1.0], 2000)
    (soft,) = outputs(Equaliser(), [blurred(rng, a, 0.05)])
    assert np.array_equal(soft > 0, a > 0)


def test_what_is_no_number_is_over_after_a_while(rng: np.random.Generator) -> None:
    a = rng.choice([-1.0, 1.0], 2000)
    y = blurred(rng, a, 0.0)
    y[500:510] = np.nan
    y[510] = np.inf
    (soft,) = outputs(Equaliser(), [y])
    assert np.array_equal(soft[900:] > 0, a[900:] > 0)
