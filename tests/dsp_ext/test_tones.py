"""tone_contrast against the sums in plain numpy."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest

from dsp_ext.tones import tone_contrast

X = np.random.default_rng(1).standard_normal((400, 2)).view(np.complex128)[:, 0].astype(np.complex64)


def ramp(t):
    """Integral of a step that a Gaussian of BT = 1/2 smooths."""
    sigma = np.sqrt(np.log(2)) / np.pi
    return np.array([u * NormalDist().cdf(u / sigma) + sigma * NormalDist().pdf(u / sigma) for u in t])


def wave(symbols, index, per_symbol):
    """The symbol in the middle of three."""
    t = (np.arange(per_symbol) - (per_symbol - 1) / 2) / per_symbol
    pulses = [ramp(t - k + 0.5) - ramp(t - k - 0.5) for k in (-1, 0, 1)]
    return np.exp(1j * np.pi * index * (np.array(symbols) @ pulses))


@pytest.mark.parametrize("per_symbol", [1, 4, 8, 9, 64])
def test_is_the_contrast_of_envelopes(rng: np.random.Generator, per_symbol):
    at = rng.uniform(40, 360, 50)
    centres = rng.uniform(-0.2, 0.2, 50).astype(np.float32)
    swings = (rng.integers(-50, 50, 50) / (256 * per_symbol)).astype(np.float32)
    found = tone_contrast(X, at, centres, swings, per_symbol)
    for k in range(50):
        first, index = int(np.floor(at[k] - per_symbol / 2 + 1)), 2 * swings[k] * per_symbol
        x = X[first : first + per_symbol] * np.exp(-2j * np.pi * centres[k] * np.arange(per_symbol))
        high, low = (
            sum(
                abs(np.vdot(wave((before, here, behind), index, per_symbol), x)) ** 8
                for before in (-1, 1)
                for behind in (-1, 1)
            )
            ** (1 / 8)
            for here in (1, -1)
        )
        assert found[k] == pytest.approx((high - low) / (high + low), abs=1e-5)


@pytest.mark.parametrize("index", [2.0, 6.0])
def test_a_smooth_symbol_between_two_others_is_heard(index):
    for here in (-1, 1):
        x = np.concatenate([np.zeros(8), wave((-here, here, -here), index, 16), np.zeros(8)]).astype(np.complex64)
        swing = np.full(1, index / 32, np.float32)
        found = tone_contrast(x, np.array([15.6]), np.zeros(1, np.float32), swing, 16)
        assert found[0] * here > 0.3


def test_tells_tones_apart_and_stays_within():
    n = np.arange(64)
    upper = np.exp(2j * np.pi * 0.3 * n).astype(np.complex64)
    at = np.array([4.0, 20.0, 59.5, 2.9, 61.0, -1.0, 1e300, np.nan])
    given = np.full(8, 0.05, np.float32), np.full(8, 0.25, np.float32)
    found = tone_contrast(upper, at, *given, 8)
    # some of it is in a 0 between two ones, too
    assert (found[:3] > 0.74).all()
    assert found[:3] == pytest.approx(-tone_contrast(upper, at[:3], given[0][:3], -given[1][:3], 8))
    assert (found[3:] == 0).all()
    assert (tone_contrast(np.zeros(64, np.complex64), at, *given, 8) == 0).all()
    assert len(tone_contrast(upper, at[:0], *(g[:0] for g in given), 8)) == 0
    assert (tone_contrast(upper[:0], at, *given, 8) == 0).all()


def test_refuses_what_makes_no_sense():
    some = np.zeros(3, np.float32)
    with pytest.raises(ValueError, match="3 centres"):
        tone_contrast(X, np.zeros(3), some[:2], some, 8)
    for per_symbol in (0, 65):
        with pytest.raises(ValueError, match="1 to 64 samples"):
            tone_contrast(X, np.zeros(3), some, some, per_symbol)
