"""Mixing, squaring and strobing against plain numpy."""

from __future__ import annotations

import numpy as np
import pytest

from dsp_ext.carrier import clock_tone, fourth, mix, square
from dsp_ext.strobe import Strobe

X = np.random.default_rng(1).standard_normal((640, 2)).view(np.complex128)[:, 0].astype(np.complex64)


@pytest.mark.parametrize("x", [X, X.real.copy()], ids=["complex", "real"])
def test_mix(x):
    edges = np.array([0, 1, 100, 100, 640])
    phase, frequency = np.array([0.3, -5.1, 0.0, 1e6]), np.array([0.1, -0.45, 0.0, 0.02])
    slope = np.array([0.0, 1e-5, 0.0, -1e-6])
    cycles = np.concatenate(
        [
            p + f * np.arange(b - a) + s / 2 * np.arange(b - a) ** 2
            for a, b, p, f, s in zip(edges, edges[1:], phase, frequency, slope, strict=False)
        ]
    )
    expected = x * np.exp(-2j * np.pi * cycles)
    assert np.abs(mix(x, edges, phase, frequency, slope) - expected).max() < 4e-6


def test_mix_wants_edges_that_fit():
    one = np.zeros(1)
    with pytest.raises(ValueError, match="from 0 to 640"):
        mix(X, np.array([0, 639]), one, one, one)
    with pytest.raises(ValueError, match="1 phases"):
        mix(X, np.array([0, 3, 640]), one, one, one)


def test_square():
    expected = (X.astype(complex) ** 2).reshape(-1, 2).sum(axis=1)
    assert np.abs(square(X) - expected).max() < 1e-5
    assert len(square(X[:1])) == 0


def test_fourth():
    x = X.astype(complex)
    expected = (-(x**4) / np.abs(x) ** 2).reshape(-1, 2).sum(axis=1)
    assert np.abs(fourth(X) - expected).max() < 1e-5
    assert not fourth(np.zeros(4, np.complex64)).any()
    # whose fourth power is beyond all float32
    assert np.allclose(fourth(X * np.float32(1e15)) / 1e30, expected, atol=1e-5)


def test_clock_tone():
    power = (np.abs(X.astype(complex)) ** 2).reshape(20, 32)
    tone, total = clock_tone(X, 8)
    assert np.allclose(tone, power @ np.exp(-2j * np.pi * np.arange(32) / 4), atol=1e-4)
    assert np.allclose(total, power.sum(axis=1))
    tone, total = clock_tone(X, 8, pairs=True)
    assert np.allclose(tone, power @ np.exp(-2j * np.pi * np.arange(32) / 8), atol=1e-4)
    assert np.allclose(total, power.sum(axis=1))
    with pytest.raises(ValueError, match="whole number"):
        clock_tone(X, 9)
    with pytest.raises(ValueError, match="even number"):
        clock_tone(X, 5, pairs=True)


def test_strobe():
    def pulse(t):
        return np.exp(-((t / 2) ** 2))

    phases, taps = 8, 12
    bank = np.array([[pulse(k - taps // 2 + 1 - p / phases) for k in range(taps)] for p in range(phases + 1)])
    strobe = Strobe(bank.astype(np.float32))
    assert strobe.reach == 6
    # on the grid of phases the table is exact; beyond the ends there are zeros
    instants = np.array([-20, -3.125, 0, 17.5, 300.875, 638.25, 645, 700])
    k = np.arange(len(X))
    expected = [(X * pulse(k - t) * ((k > np.floor(t) - 6) & (k <= np.floor(t) + 6))).sum() for t in instants]
    assert np.abs(strobe.at(X, instants) - expected).max() < 1e-5
    assert len(strobe.at(X[:0], instants)) == len(instants)
    even = -3.0625 + 1.25 * np.arange(530)
    assert np.array_equal(strobe.every(X, even[0], 1.25, len(even)), strobe.at(X, even))
    assert np.array_equal(strobe.every(X, even[7], 1.25, 5), strobe.at(X, even)[7:12])
    # a piece of the stream, samples and outputs by their numbers
    assert np.array_equal(strobe.at(X[40:], even[50:], 40), strobe.at(X, even[50:]))
    assert np.array_equal(strobe.every(X[40:90], even[0], 1.25, 7, 50, 40), strobe.at(X, even)[50:57])
    assert not strobe.every(X[:0], 0.0, 1.25, 9).any()
    with pytest.raises(ValueError, match="even number"):
        Strobe(np.zeros((2, 3), np.float32))
