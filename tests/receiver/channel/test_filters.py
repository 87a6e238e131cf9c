"""Filters keep what their arguments promise."""

from __future__ import annotations

import numpy as np
import pytest

from receiver.channel.filters import lowpass, polyphase


def response(taps: np.ndarray, frequency: np.ndarray) -> np.ndarray:
    k = np.arange(len(taps)) - len(taps) // 2
    return np.abs(np.exp(-2j * np.pi * np.outer(frequency, k)) @ taps.astype(np.float64))


@pytest.mark.parametrize("attenuation", [30.0, 40.0, 50.0, 60.0, 80.0])
@pytest.mark.parametrize(("cutoff", "transition"), [(0.1, 0.05), (0.25, 0.1), (0.02, 0.02)])
def test_pass_band_transition_and_stop_band(cutoff: float, transition: float, attenuation: float) -> None:
    taps = lowpass(cutoff, transition, attenuation)
    assert len(taps) % 2 == 1
    np.testing.assert_array_equal(taps, taps[::-1])
    ripple = 10 ** (-attenuation / 20)
    passed = response(taps, np.linspace(0, cutoff - transition / 2, 200))
    stopped = response(taps, np.linspace(cutoff + transition / 2, 0.5, 500))
    # Kaiser's formula is right to some tenths of a dB; gain 1 at zero moves all by as much as the ripple
    assert np.abs(passed - 1).max() < 3 * ripple
    assert stopped.max() < 1.3 * ripple
    assert abs(response(taps, np.array([cutoff]))[0] - 0.5) < 0.02
    assert abs(taps.sum() - 1) < 1e-6


def test_every_row_of_a_bank_is_the_filter_a_fraction_later() -> None:
    bank = polyphase(0.15, 0.1, 50)
    phases, length = len(bank) - 1, bank.shape[1]
    frequency = np.linspace(0, 0.09, 50)
    k = np.arange(length) - length // 2 + 1
    for p, row in enumerate(bank):
        gain = np.exp(-2j * np.pi * np.outer(frequency, k)) @ row.astype(np.float64)
        expected = np.exp(-2j * np.pi * frequency * p / phases)
        assert np.abs(gain - expected).max() < 0.008
