"""tone_contrast against the sums in plain numpy."""

from __future__ import annotations

import numpy as np
import pytest

from dsp_ext.tones import tone_contrast

RNG = np.random.default_rng(1)
X = (RNG.standard_normal(400) + 1j * RNG.standard_normal(400)).astype(np.complex64)


@pytest.mark.parametrize("per_symbol", [1, 4, 8, 9])
def test_is_the_contrast_of_envelopes(per_symbol):
    at = RNG.uniform(20, 380, 50)
    centres, swings = (RNG.uniform(-0.2, 0.2, 50).astype(np.float32) for _ in range(2))
    found = tone_contrast(X, at, centres, swings, per_symbol)
    for k in range(50):
        first = int(np.floor(at[k] - per_symbol / 2 + 1))
        n, x = np.arange(per_symbol), X[first : first + per_symbol].astype(complex)
        high, low = (abs(np.sum(x * np.exp(-2j * np.pi * (centres[k] + s * swings[k]) * n))) for s in (1, -1))
        assert found[k] == pytest.approx((high - low) / (high + low), abs=1e-5)


def test_tells_tones_apart_and_stays_within():
    n = np.arange(64)
    upper = np.exp(2j * np.pi * 0.3 * n).astype(np.complex64)
    at = np.array([4.0, 20.0, 59.5, 2.9, 61.0, -1.0, 1e300, np.nan])
    given = np.full(8, 0.05, np.float32), np.full(8, 0.25, np.float32)
    found = tone_contrast(upper, at, *given, 8)
    assert (found[:3] > 0.99).all()
    assert (found[3:] == 0).all()
    assert (tone_contrast(np.zeros(64, np.complex64), at, *given, 8) == 0).all()
    assert len(tone_contrast(upper, at[:0], *(g[:0] for g in given), 8)) == 0
    assert (tone_contrast(upper[:0], at, *given, 8) == 0).all()


def test_refuses_what_makes_no_sense():
    some = np.zeros(3, np.float32)
    with pytest.raises(ValueError, match="3 centres"):
        tone_contrast(X, np.zeros(3), some[:2], some, 8)
    with pytest.raises(ValueError, match="1 sample or more"):
        tone_contrast(X, np.zeros(3), some, some, 0)
