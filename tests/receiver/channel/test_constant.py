"""The receiver's DC: taken off where there is one, whatever the cuts; what is sent stays."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from receiver.channel._constant import BLOCK, LEAST, Constant
from receiver.synth import Signal
from tests.loopback import payloads, receive, send, transmitter

RATE = 8000.0


def noise(n: int, seed: int = 0) -> NDArray[np.complex64]:
    rng = np.random.default_rng(seed)
    return (rng.standard_normal((n, 2)) @ np.array([1, 1j])).astype(np.complex64)


def cleaned(x: NDArray[np.complex64], cuts: list[int]) -> NDArray[np.complex64]:
    stage = Constant(RATE)
    return np.concatenate([stage.process(piece) for piece in np.split(x, sorted(cuts))])


def test_a_constant_is_gone_and_noise_stays() -> None:
    x = noise(40_000)
    y = cleaned(x + np.complex64(1 - 2j), [])
    start = round(LEAST * BLOCK * RATE)
    left = (y - x)[start:]
    # the means are of 2 s at most, an eighth of which is looked at
    assert np.abs(left).max() < 0.15
    assert np.abs(left[16_000:]).max() < 0.08
    np.testing.assert_array_equal(y[:start], x[:start] + np.complex64(1 - 2j))


def test_what_comes_in_bursts_stays() -> None:
    """Such as a preamble's carrier, at the very frequency of a constant."""
    x = noise(80_000) * 0.1
    for start in range(5000, 80_000, 10_000):
        x[start : start + 2500] += 1
    np.testing.assert_array_equal(cleaned(x, []), x)


@pytest.mark.parametrize("seconds", [0.7, 1.5, 2.5])
def test_a_carrier_that_begins_and_ends_stays(seconds: float) -> None:
    x = noise(80_000) * 0.1
    x[30_000 : 30_000 + round(seconds * RATE)] += 1
    np.testing.assert_array_equal(cleaned(x, []), x)


def test_a_carrier_at_the_start_is_taken_for_a_constant_no_longer_than_it_lasts() -> None:
    x = noise(80_000) * 0.1
    x[:10_000] += 1
    y = cleaned(x, [])
    end = 10_000 + round(BLOCK * RATE)
    np.testing.assert_array_equal(y[end:], x[end:])


@pytest.mark.parametrize("gain", [0.3, 0.5, 2.0, 4.0])
def test_a_constant_is_gone_soon_after_a_change_of_gain(gain: float) -> None:
    clean = noise(80_000) * 0.1
    x = clean + np.complex64(1 - 2j)
    x[33_000:] *= gain
    clean[33_000:] *= gain
    left = np.abs(cleaned(x, []) - clean)
    # the rest of a block, and one with no more than one mean that tells it
    soon = 33_000 + round(3 * BLOCK * RATE)
    assert left[:33_000][4000:].max() < 0.1
    assert left[soon:].max() < 0.1 * max(1, gain)


def test_silence_and_a_constant_alone() -> None:
    assert not cleaned(np.zeros(20_000, np.complex64), []).any()
    x = np.full(20_000, 1e15, np.complex64)
    y = cleaned(x, [])
    assert np.isfinite(y).all()
    assert not y[5000:].any()


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 30_000), max_size=8))
def test_law_of_chunks(cuts: list[int]) -> None:
    x = noise(30_000, 3) + np.complex64(0.5)
    np.testing.assert_array_equal(cleaned(x, cuts), cleaned(x, []))


@pytest.mark.parametrize("demod", [{"use": "fsk", "baudrate": 1200}, {"use": "psk", "baudrate": 1200}])
def test_frames_beside_a_constant_far_stronger(demod: dict[str, object]) -> None:
    """It stands 300 Hz beside the carrier and is 15 dB above the signal."""
    sent = transmitter(demod)
    frames = payloads(8)
    options = {"offset": 300.0, "burst": 1, "pause": 0.3, "lead": 0.6, "tail": 0.3, "level": 0.02, "dc": 0.08 + 0.02j}
    signal: Signal = send(sent, frames, 24000.0, ebn0_db=15.0, **options)
    assert [frame.payload for frame in receive(signal, sent)] == frames


def test_frames_behind_a_carrier_at_zero() -> None:
    """As long as a transmitter may take to begin, and in no way off its frequency."""
    sent = transmitter({"use": "psk", "baudrate": 1200})
    frames = payloads(3)
    signal = send(sent, frames, 24000.0, ebn0_db=20.0, lead=2.5, tail=0.3)
    lead = round(2.45 * signal.rate)
    signal.samples[round(0.7 * signal.rate) : lead] += 0.2
    assert [frame.payload for frame in receive(signal, sent)] == frames
