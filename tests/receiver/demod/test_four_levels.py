"""4FSK: soft bits of four levels, however cut, upside down, in bursts, and from IQ."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from dsp_ext.cpm4 import FourLevelDetector
from receiver.demod._four_levels import FourLevels
from receiver.demod.fsk import Fsk
from receiver.stage import Chunk, Clock, Stream
from receiver.synth.modulation import modulator
from tests.jig import items, kernel_keeps_the_law, offsets, positions, run_stage, stage_keeps_the_law, stream_of
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
    assert soft.shape == centres.shape == swings.shape == (2 * n,)
    wrong = (soft.reshape(-1, 2) > 0) != sent
    assert not wrong[1:-1].any()
    if n > 128:
        np.testing.assert_allclose(centres, 0.02, atol=0.005)
        np.testing.assert_allclose(swings, 0.07, rtol=0.25)


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


def sent_as_iq(
    sent: NDArray[np.uint8], index: float, ebn0_db: float | None, bt: float | None = 0.5, carrier: float = 0.0
) -> NDArray[np.complex64]:
    """What `receiver.synth` makes of pairs of bits, ten samples each; noise before and behind."""
    table = {"use": "fsk", "baudrate": BAUDRATE, "deviation": 1.5 * index * BAUDRATE, "levels": 4}
    made = modulator(table, bt)
    silent = np.zeros(200, np.int8)
    made.append(np.concatenate([silent, made.symbols(sent.ravel()), silent]))
    n = 10 * (len(sent) + 390)
    x = made(np.arange(n) / 10) * np.exp(2j * np.pi * carrier / RATE * np.arange(n))
    if ebn0_db is not None:
        rng = np.random.default_rng(5)
        density = 10 ** (-ebn0_db / 10) / (2 * BAUDRATE)
        x += np.sqrt(density * RATE / 2) * (rng.standard_normal(n) + 1j * rng.standard_normal(n))
    return x.astype(np.complex64)


def wrong_bits(sent: NDArray[np.uint8], x: NDArray[np.complex64], deviation: float | None) -> NDArray[np.bool_]:
    """Of bits by their places; a bit that did not come is wrong."""
    made = run_stage(Fsk(BAUDRATE, deviation, levels=4), stream_of("iq", RATE), [x])
    place = np.floor(positions(made) / 5 - 400 + 0.01).astype(int)
    known = (place >= 0) & (place < sent.size)
    wrong = np.ones(sent.size, bool)
    wrong[place[known]] = (items(made)[known] > 0) != sent.ravel()[place[known]]
    return wrong


@pytest.mark.parametrize("told", [1.0, 1 / 1.2, 1.2, None])
@pytest.mark.parametrize(
    ("index", "bt", "ebn0_db"),
    [(0.27, 0.5, 9.0), (0.27, None, 8.0), (1 / 3, 0.5, 7.5), (0.5, 0.5, 6.5), (0.7, 0.5, 7.0)],
)
def test_sequences(index: float, bt: float | None, ebn0_db: float, told: float | None) -> None:
    """Index and pulse are found, whatever deviation is told."""
    sent = pairs(4000)
    x = sent_as_iq(sent, index, ebn0_db, bt)
    wrong = wrong_bits(sent, x, None if told is None else told * 1.5 * index * BAUDRATE)
    assert wrong.mean() < 0.002


@pytest.mark.parametrize("carrier", [-1000.0, 0.0, 1000.0])
def test_short_burst_from_its_first_symbols(carrier: float) -> None:
    sent = pairs(300, 4)
    wrong = wrong_bits(sent, sent_as_iq(sent, 0.27, 14.0, carrier=carrier), 1944.0)
    assert wrong[8:-8].sum() <= 2


def test_measures_index_and_carrier() -> None:
    stage = Fsk(BAUDRATE, 2000.0, levels=4)
    made = run_stage(stage, stream_of("iq", RATE), [sent_as_iq(pairs(2000), 1 / 3, 12.0, carrier=70.0)])
    assert stage.index == pytest.approx(1.0, abs=0.02)
    assert np.abs(offsets(made)[800:-800] - 70).max() < 3


@pytest.mark.parametrize("deviation", [1944.0, None])
def test_sequences_keep_the_law_of_chunks(deviation: float | None) -> None:
    x = sent_as_iq(pairs(900), 0.27, 9.0)
    stage_keeps_the_law(Fsk(BAUDRATE, deviation, levels=4), stream_of("iq", RATE), x)


@pytest.mark.parametrize("value", [0.0, 1.0, 1e15, 1e30, np.inf, np.nan])
def test_any_input_is_survived(value: float) -> None:
    x = sent_as_iq(pairs(900), 0.27, 20.0)
    x[4000:4003] = value
    for broken in (x, np.full(20000, value, np.complex64), x[:7], x[:0]):
        soft = items(run_stage(Fsk(BAUDRATE, 1944.0, levels=4), stream_of("iq", RATE), [broken]))
        assert np.isfinite(soft).all()
    sent = pairs(900)
    assert wrong_bits(sent, x, 1944.0)[600:-8].sum() == 0


def detector_of_noise(index: float, eye: NDArray[np.float32]) -> tuple[FourLevelDetector, NDArray[np.float32]]:
    rng, n = np.random.default_rng(3), len(eye)
    x = (rng.standard_normal(4 * n + 40) + 1j * rng.standard_normal(4 * n + 40)).astype(np.complex64)
    zero = np.zeros(n, np.float32)
    detector = FourLevelDetector(index)
    soft, _ = detector.process(x, np.arange(n) * 4 + 1.5, zero, zero + 0.4, zero, zero, eye)
    return detector, soft


def test_discriminator_where_the_search_does_not_fit() -> None:
    eye = (2.0 * pairs(640) - 1).astype(np.float32)
    detector, soft = detector_of_noise(0.27, eye)
    assert detector.replaced == len(soft) // 32 > 0
    np.testing.assert_array_equal(soft, eye[: len(soft)])


def test_search_where_the_discriminator_knows_nothing_either() -> None:
    eye = np.random.default_rng(4).standard_normal((640, 2)).astype(np.float32)
    detector, _ = detector_of_noise(0.27, eye)
    assert detector.replaced == 0


def test_arguments() -> None:
    two, x = np.zeros(2, np.float32), np.zeros(0, np.complex64)
    for eye in (np.zeros((3, 2), np.float32), np.zeros((2, 3), np.float32)):
        with pytest.raises(ValueError, match="2 values expected of each kind"):
            FourLevelDetector(0.3).process(x, np.zeros(2), two, two, two, two, eye)
    with pytest.raises(ValueError, match="4 or 8 samples a symbol expected, got 5"):
        FourLevelDetector(0.3, 5)


def test_a_step_of_the_carrier_search_within_a_burst() -> None:
    """Carrier search moves on where a burst begins or ends as it sees it, which is some symbols inside."""
    sent, step = pairs(400, 6), 3217
    x = sent_as_iq(sent, 0.5, 20.0)
    moved = np.where(np.arange(len(x)) < step, 800.0, -1100.0)
    turned = (x * np.exp(-2j * np.pi * np.cumsum(moved) / RATE)).astype(np.complex64)
    for cuts in ([step], [step - 1], [step + 1, step + 100], []):
        stage, made = Fsk(BAUDRATE, levels=4), []
        clock = Clock(RATE)
        stage.open(Stream("iq", RATE, clock))
        for first, last in zip([0, *cuts], [*cuts, len(x)], strict=True):
            part = Chunk(turned[first:last], RATE, float(first), clock, offsets=moved[first:last])
            made += stage.process(part)
        made += stage.close()
        place = np.floor(positions(made) / 5 - 400 + 0.01).astype(int)
        known = (place >= 0) & (place < sent.size)
        wrong = (items(made)[known] > 0) != sent.ravel()[place[known]]
        assert not wrong[8:-8].any()
