"""Signals against their definition: power, noise, frequency and the exact place of each bit."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from receiver.satellite import Transmitter
from receiver.synth import Signal, Truth, synthesise

G3RUH = {"use": "ax25", "scrambler": "g3ruh"}
FRAMES = [np.random.default_rng(n).bytes(40 + n) for n in range(12)]


def transmitter(demod: dict[str, object], framing: dict[str, object]) -> Transmitter:
    return Transmitter("test", 437e6, demod, framing)


def phase_at(signal: Signal, positions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cycles of the carrier at some positions."""
    cycles = np.unwrap(np.angle(signal.samples.astype(np.complex128))) / (2 * np.pi)
    return np.interp(positions, np.arange(len(cycles)), cycles)


def fsk_bits(signal: Signal, truth: Truth, symbol: float, shift: float = 0.0, before: int = 18) -> NDArray[np.uint8]:
    """Hard bits of a frame and some before it, from the frequency over the middle of each symbol."""
    centres = truth.position + (np.arange(-before, round(truth.length / symbol)) + 0.5) * symbol
    cycles = phase_at(signal, centres + symbol / 4) - phase_at(signal, centres - symbol / 4)
    return (cycles > shift / signal.rate * symbol / 2).astype(np.uint8)


def ax25(line: NDArray[np.uint8]) -> bytes:
    """Payload and checksum of a G3RUH line that begins 18 bits before the frame."""
    level = line[17:] ^ line[5:-12] ^ line[:-17]
    text = "".join(map(str, 1 - (level[1:] ^ level[:-1])))
    plain = np.array([int(bit) for bit in text.replace("111110", "11111")], np.uint8)
    return np.packbits(plain, bitorder="little").tobytes()


@pytest.mark.parametrize("bt", [0.5, None])
def test_fsk_carries_its_frames_where_the_truth_says(bt: float | None) -> None:
    sent = transmitter({"use": "fsk", "baudrate": 9600}, G3RUH)
    signal = synthesise(sent, FRAMES, rate=96000.0, seed=3, burst=4, bt=bt)
    assert [truth.payload for truth in signal.truth] == FRAMES
    for truth in signal.truth:
        assert ax25(fsk_bits(signal, truth, 10.0))[:-2] == truth.payload


def test_symbol_edges_fall_on_the_truth_with_clock_error_and_doppler() -> None:
    """Rectangular FSK has a corner in its phase at each edge: the frame's first and last edges, to 0.01 symbol."""
    sent = transmitter({"use": "fsk", "baudrate": 9600, "deviation": 4800}, G3RUH)
    signal = synthesise(
        sent, FRAMES, rate=192000.0, seed=4, bt=None, clock_ppm=200.0, doppler=lambda t: 9000 - 300 * t, burst=3
    )
    for truth in signal.truth:
        shift = 9000 - 300 * truth.seconds
        symbol = 192000 / 9600 / (1 + 200e-6 + shift / 437e6)
        assert truth.length / symbol == pytest.approx(round(truth.length / symbol), abs=2e-3)
        assert ax25(fsk_bits(signal, truth, symbol, shift))[:-2] == truth.payload
        # straight lines through the phase of the symbols before and behind an edge cross at the edge
        line = fsk_bits(signal, truth, symbol, shift, before=1)
        edge = truth.position if line[0] != line[1] else None
        if edge is not None:
            before = edge - symbol * np.array([0.9, 0.2])
            behind = edge + symbol * np.array([0.2, 0.9])
            (a, b), (c, d) = (np.polyfit(p, phase_at(signal, p), 1) for p in (before, behind))
            assert (d - b) / (a - c) == pytest.approx(edge, abs=0.01 * symbol)


def test_frequency_follows_doppler_and_offset() -> None:
    sent = transmitter({"use": "fsk", "baudrate": 1200, "deviation": 300}, G3RUH)
    signal = synthesise(sent, FRAMES * 4, rate=48000.0, doppler=(5000.0, -100.0), offset=250.0, lead=0.0, tail=0.0)
    edges = phase_at(signal, np.array([0, len(signal.samples) - 1.0]))
    seconds = (len(signal.samples) - 1) / 48000
    # as many ones as zeros, nearly: a scrambler's balance leaves a few cycles
    assert (edges[1] - edges[0]) / seconds == pytest.approx(5250 - 50 * seconds, abs=20)


@pytest.mark.parametrize("ebn0_db", [0.0, 12.0])
def test_noise_has_the_density_asked_for(ebn0_db: float) -> None:
    sent = transmitter({"use": "fsk", "baudrate": 9600}, G3RUH)
    clean = synthesise(sent, FRAMES, rate=48000.0, seed=5)
    noisy = synthesise(sent, FRAMES, rate=48000.0, seed=5, ebn0_db=ebn0_db)
    start, stop = int(clean.truth[0].position), int(clean.truth[-1].position)
    x, y = clean.samples[start:stop].astype(np.complex128), noisy.samples[start:stop].astype(np.complex128)
    gain = np.vdot(x, y) / np.vdot(x, x)
    energy = float(np.mean(np.abs(gain * x) ** 2)) / 9600
    density = float(np.var(y - gain * x)) / 48000
    assert 10 * np.log10(energy / density) == pytest.approx(ebn0_db, abs=0.1)


def test_same_seed_same_samples() -> None:
    sent = transmitter({"use": "fsk", "baudrate": 9600}, G3RUH)
    one, two, other = (synthesise(sent, FRAMES, rate=48000.0, seed=s, ebn0_db=9.0) for s in (7, 7, 8))
    assert np.array_equal(one.samples, two.samples)
    assert not np.array_equal(one.samples, other.samples)
