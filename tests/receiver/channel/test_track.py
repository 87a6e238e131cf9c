"""Track against signals whose carrier is known at every sample."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from receiver.channel.track import Track
from receiver.stage import Chunk
from tests.jig import items, offsets, positions, run_stage, stage_keeps_the_law, stream_of

BAUDRATE, BANDWIDTH = 9600.0, 17000.0


def fsk(
    n: int, rate: float, carrier: NDArray[Any] | float, seed: int = 0, index: float = 0.5
) -> NDArray[np.complex128]:
    """Random rectangular FSK about a carrier, Hz at each sample."""
    bits = np.random.default_rng(seed).choice([-1.0, 1.0], int(n * BAUDRATE / rate) + 2)
    frequency = carrier + BAUDRATE / 2 * index * bits[(np.arange(n) * BAUDRATE / rate).astype(int)]
    return np.exp(2j * np.pi * np.cumsum(frequency) / rate)


def noise(n: int, ebn0_db: float, rate: float, seed: int = 1) -> NDArray[np.complex128]:
    rng = np.random.default_rng(seed)
    return rng.standard_normal(2 * n).view(complex) * np.sqrt(rate / BAUDRATE / 10 ** (ebn0_db / 10) / 2)


@pytest.mark.parametrize(
    ("rate", "known"),
    [
        (48000.0, {}),
        (96000.0, {}),
        (250e3, {"target": 20e3, "span": 12e3}),
        (57600.0, {"target": 0.0, "span": 15e3}),
        (1e6, {"target": -100e3, "span": 5e3}),
    ],
)
@pytest.mark.parametrize("start", [-10e3, 0.0, 4321.0])
def test_carrier_is_at_zero(rate: float, known: dict[str, float], start: float) -> None:
    """A drift of 500 Hz/s, and 12 dB Eb/N0."""
    target = known.get("target", 0.0)
    start = np.clip(start, -known.get("span", 1e9), known.get("span", 1e9))
    n = int(0.4 * rate)
    carrier = target + start + 500 * np.arange(n) / rate
    x = (fsk(n, rate, carrier) + noise(n, 12, rate)).astype(np.complex64)
    stream = stream_of("iq", rate, **known)
    track = Track(BANDWIDTH)
    given = track.open(stream)
    assert given.rate >= BANDWIDTH
    assert rate / given.rate == pytest.approx(round(rate / given.rate))
    assert given.target == 0
    made = run_stage(track, stream, [x])
    at = positions(made)
    assert len(at) == pytest.approx(n * given.rate / rate, abs=1)
    np.testing.assert_allclose(at, np.arange(len(at)) * rate / given.rate, atol=1e-6)
    found = target + offsets(made)
    error = found - np.interp(at, np.arange(n), carrier)
    assert np.abs(error).max() < 0.06 * BAUDRATE
    assert abs(error.mean()) < 0.015 * BAUDRATE


@pytest.mark.parametrize(("rate", "known"), [(48000.0, {}), (192e3, {"target": 20e3, "span": 12e3})])
def test_only_the_phase_is_changed_and_without_steps(rate: float, known: dict[str, float]) -> None:
    """Turned back by the offsets it tells, the signal is what came in, at the positions it tells."""
    n, f = int(0.2 * rate), known.get("target", 0.0) + 3000.0
    x = fsk(n, rate, f)
    made = run_stage(Track(BANDWIDTH), stream_of("iq", rate, **known), [x.astype(np.complex64)])
    y, at = items(made), positions(made)
    moved = known.get("target", 0.0) + offsets(made)
    step = at[1] - at[0]
    # offset k holds from sample k on; the turn up to it is the sum of those before
    turn = np.concatenate([[0], np.cumsum((moved[1:] + moved[:-1]) / 2)]) * step / rate
    back = y * np.exp(2j * np.pi * turn)
    ratio = (back / x[np.rint(at).astype(int)])[100:-100]
    assert np.abs(np.abs(ratio) - 1).max() < (0.01 if step == 1 else 0.1)
    assert np.abs(np.angle(ratio / ratio[0])).max() < (0.05 if step == 1 else 0.15)


@pytest.mark.parametrize("seed", [1, 2])
def test_law_of_chunks(seed: int) -> None:
    rate = 150e3
    x = (fsk(30000, rate, 5000.0) + noise(30000, 15, rate, seed)).astype(np.complex64)
    stage_keeps_the_law(Track(BANDWIDTH), stream_of("iq", rate), x, tolerance=1e-5, seed=seed)
    known = stream_of("iq", rate, target=5000.0, span=3000.0)
    stage_keeps_the_law(Track(BANDWIDTH), known, x, tolerance=1e-5, seed=seed)


def test_jumps_to_another_burst() -> None:
    rate, n = 96000.0, 20000
    quiet = np.zeros(6000)
    x = np.concatenate([quiet, fsk(n, rate, -12e3), quiet, 0.1 * fsk(n, rate, 15e3, 3), quiet])
    x = x + 0.1 * noise(len(x), 25, rate)
    made = run_stage(Track(BANDWIDTH), stream_of("iq", rate), [x.astype(np.complex64)])
    found = offsets(made)
    # the rows of some 2 ms are not cut where bursts are
    assert np.abs(found[6500:25500] + 12e3).max() < 0.06 * BAUDRATE
    assert np.abs(found[32500:51500] - 15e3).max() < 0.06 * BAUDRATE


def test_a_stronger_carrier_or_dc_does_not_draw_it_away() -> None:
    rate, n = 96000.0, 40000
    x = fsk(n, rate, 14e3) + 2.0 + 1.5 * np.exp(-2j * np.pi * 0.3 * np.arange(n)) + noise(n, 15, rate)
    made = run_stage(Track(BANDWIDTH), stream_of("iq", rate), [x.astype(np.complex64)])
    assert np.abs(offsets(made) - 14e3).max() < 0.06 * BAUDRATE


@pytest.mark.parametrize("n", [1, 2, 100, 5000])
def test_short_streams(n: int) -> None:
    stream = stream_of("iq", 48000.0)
    made = run_stage(Track(BANDWIDTH), stream, [fsk(n, 48000.0, 0.0).astype(np.complex64)])
    assert len(items(made)) == n


@pytest.mark.parametrize("bad", [np.nan, np.inf, 3e38])
def test_recovers_from_what_is_no_number(bad: float) -> None:
    rate, n = 96000.0, 60000
    x = (fsk(n, rate, 14e3) + noise(n, 15, rate)).astype(np.complex64)
    x[20000:20010] = bad
    made = run_stage(Track(BANDWIDTH), stream_of("iq", rate), [x])
    assert len(items(made)) == n
    found = offsets(made)
    assert np.isfinite(found).all()
    assert np.abs(found[:18000] - 14e3).max() < 0.06 * BAUDRATE
    assert np.abs(found[24000:] - 14e3).max() < 0.06 * BAUDRATE
    assert np.isfinite(items(made)[20200:]).all()


def test_recovers_from_a_carrier_that_is_far_too_loud() -> None:
    """Sources let through up to 1e15."""
    rate, n = 96000.0, 60000
    x = (fsk(n, rate, 14e3) + noise(n, 15, rate)).astype(np.complex64)
    x[:30000] = 9.9e14
    found = offsets(run_stage(Track(BANDWIDTH), stream_of("iq", rate), [x]))
    assert np.isfinite(found).all()
    assert np.abs(found[34000:] - 14e3).max() < 0.06 * BAUDRATE


@pytest.mark.parametrize("index", [1.2, 1.3])
def test_more_ones_than_zeros_are_no_jump(index: float) -> None:
    """The centre of a row's power moves with its symbols, but what is made of it must not have steps."""
    rate, n = 48000.0, 480000
    bandwidth = (index + 1.1) * BAUDRATE
    x = (fsk(n, rate, 0.0, index=index) + noise(n, 10, rate)).astype(np.complex64)
    made = run_stage(Track(bandwidth, BAUDRATE), stream_of("iq", rate), [x])
    assert np.abs(np.diff(offsets(made))).max() < 10


@pytest.mark.parametrize("index", [3.0, 5.6, 8.0])
def test_tones_that_lie_apart(index: float) -> None:
    """Each is no wider than a line of a signal of that bandwidth; the carrier drifts by 5 kHz/s."""
    rate, n = 240e3, 480000
    carrier = 5000 * (np.arange(n) / rate - 1)
    x = (fsk(n, rate, carrier, index=index) + noise(n, 13, rate)).astype(np.complex64)
    made = run_stage(Track((index + 1.1) * BAUDRATE, BAUDRATE), stream_of("iq", rate), [x])
    error = offsets(made) - carrier
    assert error.std() < 0.2 * BAUDRATE
    assert np.abs(error).max() < 0.8 * BAUDRATE


def test_silence() -> None:
    made = run_stage(Track(BANDWIDTH), stream_of("iq", 48000.0), [np.zeros(20000, np.complex64)])
    assert not items(made).any()
    assert np.isfinite(offsets(made)).all()


def test_a_bandwidth_that_is_none_is_refused() -> None:
    for bandwidth in (0.0, -1.0, float("nan")):
        with pytest.raises(ValueError, match=r"bandwidth is .*; it must be above 0"):
            Track(bandwidth)
        with pytest.raises(ValueError, match=r"detail is .*; it must be above 0"):
            Track(BANDWIDTH, bandwidth)


def test_a_band_narrower_than_the_signal() -> None:
    """Less is recorded than the signal takes: no crash, the middle is taken."""
    track = Track(BANDWIDTH)
    made = run_stage(track, stream_of("iq", 8000.0), [fsk(9000, 8000.0, 0.0).astype(np.complex64)])
    assert len(items(made)) == 9000
    chunk = made[0]
    assert isinstance(chunk, Chunk)
    assert np.isfinite(offsets(made)).all()
