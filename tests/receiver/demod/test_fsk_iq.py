"""FSK from IQ: frames through noise, offsets and wrong definitions; positions; the law of chunks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from dsp_ext.cpm import CpmDetector, phase_tone
from receiver.demod.fsk import Fsk
from receiver.flowgraph import build
from receiver.framing.ax25 import Ax25
from receiver.satellite import Transmitter
from receiver.stage import Chunk, Clock, Frame, Stream
from receiver.synth import Signal, synthesise

RATE, BAUDRATE = 48000.0, 9600.0
HEADER = bytes(c << 1 for c in b"CQ    ") + b"\xe0" + bytes(c << 1 for c in b"RADOME") + b"\x61\x03\xf0"


def payloads(n: int) -> list[bytes]:
    rng = np.random.default_rng(0)
    return [HEADER + rng.bytes(64) for _ in range(n)]


def signal(h: float, ebn0_db: float | None, n: int, **options: Any) -> Signal:
    demod = {"use": "fsk", "baudrate": BAUDRATE, "deviation": h * BAUDRATE / 2}
    transmitter = Transmitter("", 437e6, demod, {"use": "ax25", "scrambler": "g3ruh"})
    return synthesise(transmitter, payloads(n), rate=RATE, ebn0_db=ebn0_db, seed=3, **options)


def symbols(x: NDArray[np.complex64], deviation: float | None, cuts: list[int]) -> tuple[NDArray[Any], ...]:
    """Soft symbols, positions and offsets, of a stream cut at some places."""
    stage, clock = Fsk(baudrate=BAUDRATE, deviation=deviation), Clock(RATE)
    stage.open(Stream("iq", RATE, clock, 437e6))
    out: list[Chunk] = []
    for start, stop in zip([0, *cuts], [*cuts, len(x)], strict=True):
        out += stage.process(Chunk(x[start:stop], RATE, float(start), clock))
    out += stage.close()
    return tuple(np.concatenate([getattr(chunk, name) for chunk in out]) for name in ("items", "positions", "offsets"))


def frames(x: NDArray[np.complex64], deviation: float | None) -> list[Frame]:
    soft, positions, offsets = symbols(x, deviation, [])
    framing = Ax25(scrambler="g3ruh")
    framing.open(Stream("soft", BAUDRATE, Clock(RATE)))
    return framing.process(Chunk(soft, BAUDRATE, float(positions[0]), Clock(RATE), positions, offsets))


@pytest.mark.parametrize(
    ("h", "ebn0_db", "deviation"),
    [
        (0.5, 8.5, 2400.0),
        (0.5, 8.5, 1920.0),
        (0.5, 8.5, 3000.0),
        (0.5, 8.5, None),
        (0.7, 7.5, 3360.0),
        (0.7, 7.5, None),
        (1.0, 12.5, 4800.0),
        (1.0, 12.5, None),
    ],
)
def test_frames_where_a_discriminator_finds_none(h: float, ebn0_db: float, deviation: float | None) -> None:
    found = frames(signal(h, ebn0_db, 20).samples, deviation)
    assert len({f.payload for f in found} & set(payloads(20))) >= 15


@pytest.mark.parametrize(
    "options", [{"offset": 250.0}, {"clock_ppm": 100.0}, {"doppler": [100.0, 120.0]}, {"bt": None}]
)
def test_every_frame_without_noise_to_speak_of(options: dict[str, Any]) -> None:
    sent = signal(0.5, 20.0, 10, burst=2, **options)
    found = frames(sent.samples, 2400.0)
    assert [f.payload for f in found] == payloads(10)
    for frame, truth in zip(found, sent.truth, strict=True):
        assert abs(frame.position - truth.position) < 0.1 * RATE / BAUDRATE
        shift = options.get("offset", 0.0) + (truth.doppler or 0.0)
        assert frame.offset == pytest.approx(shift, abs=30)


@pytest.mark.parametrize("h", [0.5, 0.7, 1.0])
def test_the_ends_of_a_burst_are_as_strong_as_the_rest(h: float) -> None:
    """Where they lie amid a block of the detector, symbols are no larger, so frames have the Es/N0 of long ones."""

    def ratios(**options: Any) -> list[float]:
        found = frames(signal(h, 14.0, 8, **options).samples, h * BAUDRATE / 2)
        assert len(found) == 8
        return [frame.snr_db for frame in found if frame.snr_db is not None]

    usual = min(ratios())
    for lead in (0.02, 0.023, 0.027, 0.03):
        assert min(ratios(burst=1, lead=lead)) > usual - 3


@pytest.mark.parametrize(("h", "expected"), [(1.0, 1.2), (1.5, 1.25), (2.0, 2.0), (2.0, 2.35), (2.2, 1.85)])
def test_bursts_of_few_symbols_at_another_index(h: float, expected: float) -> None:
    """A preamble goes with any index, noise before it with none; what follows tells it."""
    rng, framing = np.random.default_rng(7), {"use": "lucky-7"}
    transmitter = Transmitter("", 437e6, {"use": "fsk", "baudrate": BAUDRATE, "deviation": h * BAUDRATE / 2}, framing)
    sent, parts = [rng.bytes(35) for _ in range(25)], []
    for i, payload in enumerate(sent):
        options = {"offset": rng.uniform(-1000, 1000), "lead": 0.1 + rng.uniform(0, 0.01), "tail": 0.1, "burst": 1}
        level = 0.05 * np.sqrt(1 + 10**1.5 * BAUDRATE / RATE)  # the same noise in all of them
        made = synthesise(transmitter, [payload], rate=RATE, ebn0_db=15.0, level=level, seed=i, **options)
        parts.append((made.samples * np.exp(2j * np.pi * rng.uniform())).astype(np.complex64))
    x = np.concatenate(parts)
    soft, positions, offsets = symbols(x, expected * BAUDRATE / 2, [])
    stage = build({"use": "framing.lucky-7"}, "test")
    stage.open(Stream("soft", BAUDRATE, Clock(RATE)))
    found = stage.process(Chunk(soft, BAUDRATE, float(positions[0]), Clock(RATE), positions, offsets)) + stage.close()
    assert [frame.payload for frame in found] == sent


def test_a_negative_deviation_turns_the_symbols_round() -> None:
    x = signal(0.5, 15.0, 2).samples
    plain, turned = symbols(x, 2400.0, []), symbols(x, -2400.0, [])
    assert np.array_equal(plain[0], -turned[0])


def test_an_oscillator_that_wanders_costs_no_frames() -> None:
    """Frequency swings by 300 Hz fifty times a second."""
    x = signal(0.5, 14.0, 20).samples
    t = np.arange(len(x)) / RATE
    found = frames((x * np.exp(6j * np.sin(2 * np.pi * 50 * t))).astype(np.complex64), 2400.0)
    assert len(found) >= 18


def test_where_the_signal_does_not_fit_the_discriminator_is_believed() -> None:
    """Frequency through a high-pass, as transmitters with a coupling capacitor send it."""
    x = signal(1.0, None, 10).samples
    x = np.concatenate([x[:1], x])
    frequency, mean = np.angle(x[1:] * np.conj(x[:-1])), 0.0
    through = np.empty_like(frequency)
    for i, f in enumerate(frequency):
        mean += (f - mean) * 2 * np.pi * 150 / RATE
        through[i] = f - mean
    noise = 0.1 * np.random.default_rng(0).standard_normal((2, len(through)))
    y = np.exp(1j * np.cumsum(through)) + noise[0] + 1j * noise[1]
    assert len(frames(y.astype(np.complex64), 4800.0)) >= 9


def test_law_of_chunks() -> None:
    x = signal(0.5, 9.0, 3, burst=1).samples
    whole = symbols(x, 2400.0, [])
    rng = np.random.default_rng(1)
    for cuts in ([1, 2, 2, 3, 1000], sorted(rng.integers(0, len(x), 30).tolist()), list(range(0, len(x), 333))):
        for a, b in zip(whole, symbols(x, 2400.0, cuts), strict=True):
            assert len(a) == len(b)
            assert np.allclose(a, b, rtol=1e-5, atol=1e-5)


def test_short_empty_and_broken_input() -> None:
    stage = Fsk(baudrate=BAUDRATE, deviation=2400.0)
    stage.open(Stream("iq", RATE, Clock(RATE), 437e6))
    assert stage.close() == []
    x = signal(0.5, 20.0, 4).samples.copy()
    assert len(symbols(x[:7], 2400.0, [])[0]) < 4
    x[100] = np.nan
    assert len(frames(x, 2400.0)) >= 3


def test_arguments() -> None:
    with pytest.raises(ValueError, match="8 samples expected, got 3"):
        phase_tone(np.zeros(3, np.complex64), np.zeros(2, np.float32))
    with pytest.raises(ValueError, match="room for 4 values expected, got 3"):
        phase_tone(np.zeros(8, np.complex64), np.zeros(2, np.float32), out=np.zeros(3, np.float32))
    two, three = np.zeros(2, np.float32), np.zeros(3, np.float32)
    with pytest.raises(ValueError, match="2 values expected of each kind, got 3"):
        CpmDetector(0.5).process(np.zeros(0, np.complex64), np.zeros(2), three, two, two, two)
