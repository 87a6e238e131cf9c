"""What an audio path did to symbols, undone; and nothing done where nothing was."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import lfilter

from dsp_ext.audiopath import AudioPath
from tests.jig import kernel_keeps_the_law, outputs


def symbols(n: int, noise: float = 0.15, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What is sent, and the same as a receiver has it."""
    rng = np.random.default_rng(seed)
    sent = rng.choice([-1.0, 1.0], n)
    return sent, sent + noise * rng.standard_normal(n)


def through(x: NDArray[np.float64], corner: float, lag: float) -> NDArray[np.float32]:
    """Symbols behind a high-pass, its corner in symbol rates, and a de-emphasis of so many symbols."""
    fine = np.repeat(x, 16)
    if lag:
        keep = np.exp(-1 / (16 * lag))
        fine = lfilter([1 - keep], [1, -keep], fine)
    keep = np.exp(-2 * np.pi * corner / 16)
    fine = lfilter([1, -1], [1, -keep], fine)
    return np.ascontiguousarray(fine[15::16], np.float32)


def test_what_nothing_was_done_to_stays_as_it_is() -> None:
    for noise in (0.05, 0.15, 0.4, 3.0):
        x = symbols(6000, noise)[1].astype(np.float32)
        np.testing.assert_array_equal(outputs(AudioPath(), [x])[0], x)


FLAGS = np.repeat(np.tile([1.0, -1.0], 30), np.tile([7, 1], 30))  # in NRZ-I


@pytest.mark.parametrize("preamble", [np.tile([1.0, -1.0], 64), np.tile([1.0, -1.0], 250), FLAGS, np.empty(0)])
@pytest.mark.parametrize("run", [1, 2])
def test_isolated_bursts_stay_as_they_are(preamble: NDArray[np.float64], run: int) -> None:
    """Behind a narrow filter, which leaves half of an alternation; also of data in which symbols are alike."""
    for seed in range(40):
        rng = np.random.default_rng((seed, run))
        data = np.repeat(rng.choice([-1.0, 1.0], 300), run)
        data[200:400] = np.where(data[200:400] < -0.5, -1.0, rng.choice([-1.0, 1.0], len(data[200:400])))
        sent = np.convolve(np.concatenate([preamble, data]), [0.25, 1.0, 0.25])
        around = [0.8 * rng.standard_normal(300 + int(rng.integers(128))), 0.8 * rng.standard_normal(500)]
        burst = sent + rng.choice([0.03, 0.1, 0.2]) * rng.standard_normal(len(sent))
        x = np.concatenate([around[0], burst, around[1]]).astype(np.float32)
        np.testing.assert_array_equal(outputs(AudioPath(), [x])[0], x)


def test_later_bursts_are_right_from_the_first_symbol() -> None:
    """What is known of the path outlasts the noise between bursts."""
    rng = np.random.default_rng(6)
    parts, sent, places = [], [], []
    for i in range(6):
        sent.append(np.concatenate([np.tile([1.0, -1.0], 32), symbols(600, seed=i)[0]]))
        places.append(sum(map(len, parts)) + 2000)
        parts += [rng.standard_normal(2000), sent[-1] + 0.15 * rng.standard_normal(len(sent[-1]))]
    parts.append(rng.standard_normal(1000))
    got = outputs(AudioPath(), [through(np.concatenate(parts), 0.02, 3.0)])[0]
    for place, burst in zip(places[1:], sent[1:], strict=True):
        assert (got[place : place + len(burst)] * burst > 0).mean() > 0.997


@pytest.mark.parametrize("corner", [0.02, 0.035, 0.05])
@pytest.mark.parametrize("scale", [1.0, 1e-6, -1e6])
def test_high_pass(corner: float, scale: float) -> None:
    sent, x = symbols(3000)
    y = np.float32(scale) * through(x, corner, 0.0)
    got = outputs(AudioPath(), [y])[0] * sent / scale
    assert len(got) == len(sent)
    assert (got > 0).all()
    assert got.std() < 0.75 * (y * sent / scale).std()


@pytest.mark.parametrize("lag", [1.5, 2.4, 5.0, 7.2])
@pytest.mark.parametrize("corner", [0.0, 0.02])
def test_de_emphasis(lag: float, corner: float) -> None:
    sent, x = symbols(3000)
    y = through(x, corner, lag)
    if lag > 2:
        assert (y * sent <= 0)[500:].mean() > 0.05
    got = outputs(AudioPath(), [y])[0] * sent
    assert (got > 0)[256:].mean() > 0.997
    assert got[256:].std() < 0.5 * got[256:].mean()


def test_it_is_known_two_blocks_ahead() -> None:
    """A burst behind noise, the first of a recording, is right but for the block that it begins in."""
    sent, x = symbols(1024)
    rng = np.random.default_rng(5)
    hiss = rng.standard_normal(1280)
    got = outputs(AudioPath(), [through(np.concatenate([hiss, x]), 0.03, 3.0)])[0][1280:] * sent
    assert (got > 0)[64:].mean() > 0.997


def test_a_wander_is_no_two_levels() -> None:
    """Noise behind a de-emphasis wanders so slowly that in a block it has few values."""
    rng = np.random.default_rng(3)
    sent, x = symbols(1500)
    y = through(np.concatenate([rng.standard_normal(20000), x]), 0.0, 7.2)
    got = outputs(AudioPath(), [y])[0][20000:] * sent
    assert (got > 0)[128:].mean() > 0.99


def test_keeps_the_law() -> None:
    x = np.concatenate([symbols(300, 3.0)[1], symbols(900)[1], symbols(150, 3.0, 1)[1]])
    kernel_keeps_the_law(AudioPath, through(x, 0.03, 2.0))
    kernel_keeps_the_law(AudioPath, through(x, 0.0, 0.0))


@pytest.mark.parametrize("n", [0, 1, 31, 32, 127, 128, 129, 383, 384, 385])
def test_short_streams(n: int) -> None:
    x = symbols(n)[1].astype(np.float32)
    np.testing.assert_array_equal(outputs(AudioPath(), [x])[0], x)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e30])
def test_what_is_no_number_passes(bad: float) -> None:
    sent, x = symbols(2000)
    y = through(x, 0.03, 2.4)
    y[200] = bad
    got = outputs(AudioPath(), [y])[0] * sent
    assert np.isfinite(got).all()
    assert (got > 0)[640:].mean() > 0.997


@pytest.mark.parametrize("value", [0.0, 1.0, -1e-20])
def test_constants(value: float) -> None:
    x = np.full(1000, value, np.float32)
    np.testing.assert_array_equal(outputs(AudioPath(), [x])[0], x)
