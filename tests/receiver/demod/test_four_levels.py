"""4FSK: soft bits of four levels, however cut, upside down, in bursts, and from IQ."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from receiver.demod._four_levels import FourLevels
from receiver.demod.fsk import Fsk
from tests.jig import kernel_keeps_the_law, positions, run_stage, stage_keeps_the_law, stream_of
from tests.receiver.demod.test_fsk import RATE, iq, modulated, wave

BAUDRATE = 4800.0
LEVELS = {(0, 1): 1.0, (0, 0): 1 / 3, (1, 0): -1 / 3, (1, 1): -1.0}
"""ETSI TS 102 361-1, table 10.2."""


def pairs(n: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 2, (n, 2), np.uint8)


def levels(sent: NDArray[np.uint8]) -> NDArray[np.float64]:
    return np.array([LEVELS[int(a), int(b)] for a, b in sent])


def heard(z: NDArray[np.float64], noise: float = 0.05, seed: int = 1) -> NDArray[np.float32]:
    """Symbols with what their neighbours add, off centre."""
    z = np.convolve(z, [0.12, 1.0, 0.08], "same")
    return (0.07 * z + 0.02 + 0.07 * noise * np.random.default_rng(seed).standard_normal(len(z))).astype(np.float32)


@pytest.mark.parametrize("upright", [True, False])
@pytest.mark.parametrize("n", [40, 128, 129, 1000])
def test_bits_however_cut(n: int, upright: bool) -> None:
    sent = pairs(n)
    y = heard(levels(sent) if upright else -levels(sent))
    soft, centres, swings = kernel_keeps_the_law(lambda: FourLevels(upright=upright), y)
    assert soft.shape == centres.shape == (2 * n,)
    wrong = (soft.reshape(-1, 2) > 0) != sent
    assert not wrong[1:-1].any()
    if n > 128:
        np.testing.assert_allclose(centres, 0.02, atol=0.005)


def test_burst_behind_a_preamble_and_between_noise() -> None:
    sent = np.concatenate([np.resize([[1, 1], [1, 1], [0, 1], [0, 1]], (160, 2)), pairs(600)])
    rng = np.random.default_rng(2)
    around = [0.3 * rng.standard_normal(500).astype(np.float32) for _ in range(2)]
    x = np.concatenate([around[0], heard(levels(sent)), around[1]])
    ours = FourLevels()
    soft = np.concatenate([ours.process(x)[0], ours.flush()[0]])
    wrong = (soft.reshape(-1, 2)[500:-500] > 0) != sent
    assert not wrong[20:-1].any()


def test_nothing_in_nothing() -> None:
    ours = FourLevels()
    assert len(ours.flush()[0]) == 0
    soft, *_ = ours.process(np.zeros(300, np.float32))
    assert np.isfinite(soft).all()


@pytest.mark.parametrize("kind", ["iq", "real"])
@pytest.mark.parametrize("deviation", [2400.0, -2400.0])
def test_4fsk(kind: str, deviation: float) -> None:
    sent = pairs(1500)
    z = levels(sent)
    # two samples and more at once have one phase each: the modulator of two levels does for any
    x = iq(modulated(np.repeat(z, 2), deviation)) if kind == "iq" else wave(np.repeat(z, 2)).astype(np.float32)
    if kind == "real" and deviation < 0:
        x = -x
    stage = Fsk(BAUDRATE, deviation, levels=4)
    chunks = run_stage(stage, stream_of(kind, RATE), [x])
    soft = np.concatenate([chunk.items for chunk in chunks])
    where = positions(chunks)
    assert {chunk.rate for chunk in chunks} == {2 * BAUDRATE}
    # the two bits of a symbol lie a quarter of it before and behind its middle
    expected = (np.arange(3000) + 0.5) * 5
    first = int(np.abs(where - expected[20]).argmin()) - 20
    n = min(2990, len(soft) - first - 10)
    assert np.abs(where[first : first + n] - expected[:n])[20:].max() < 1
    wrong = (soft[first : first + n] > 0) != sent.ravel()[:n]
    assert not wrong[20:-20].any()


@pytest.mark.parametrize("kind", ["iq", "real"])
def test_4fsk_keeps_the_law_of_chunks(kind: str) -> None:
    z = np.repeat(levels(pairs(900)), 2)
    x = iq(modulated(z, 2400.0)) if kind == "iq" else wave(z).astype(np.float32)
    stage_keeps_the_law(Fsk(BAUDRATE, levels=4), stream_of(kind, RATE), x, tolerance=1e-4)
