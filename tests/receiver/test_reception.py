"""Whole chains: frames sent by synthesis are received, all of them, where and when they were sent."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from receiver.errors import FlowgraphError
from receiver.reception import Conditions, lines
from receiver.source import Recording
from receiver.stage import Clock, Frame
from tests.jig import same_items
from tests.loopback import FREQUENCY, G3RUH, START, late, payloads, receive, satellite, send, transmitter

FSK = {"use": "fsk", "baudrate": 9600}
AFSK = {"use": "afsk", "baudrate": 1200, "carrier": 1700, "deviation": -500}
SUBAUDIO = {"use": "fsk", "baudrate": 300, "deviation": 600, "subaudio": True}
AX25 = {"use": "ax25"}

SIGNALS: dict[str, tuple[dict[str, Any], dict[str, Any], float, dict[str, Any]]] = {
    "GMSK 9600": (FSK, G3RUH, 48000, {}),
    "GMSK 9600 at 57600": (FSK, G3RUH, 57600, {}),
    "GMSK 9600 at 250 k": (FSK, G3RUH, 250e3, {}),
    "GMSK 9600, 10 kHz up": (FSK, G3RUH, 96000, {"offset": 10e3}),
    "GMSK 9600, 10 kHz down": (FSK, G3RUH, 96000, {"offset": -10e3}),
    "GMSK 9600, fast clock": (FSK, G3RUH, 48000, {"clock_ppm": 200.0}),
    "GMSK 9600, slow clock": (FSK, G3RUH, 48000, {"clock_ppm": -200.0}),
    "GMSK 9600, drifting": (FSK, G3RUH, 48000, {"doppler": (2000.0, -500.0)}),
    "GMSK 9600, inverted": ({**FSK, "deviation": -2400}, G3RUH, 48000, {}),
    "FSK 9600, h = 1": ({**FSK, "deviation": 4800}, G3RUH, 57600, {"offset": -3000.0}),
    "FSK 9600, rectangular": (FSK, G3RUH, 48000, {"bt": None}),
    "GMSK 4800": ({**FSK, "baudrate": 4800}, G3RUH, 48000, {"offset": 1234.5}),
    "GMSK 1200": ({**FSK, "baudrate": 1200}, AX25, 48000, {"offset": -5000.0}),
    "GMSK 19200": ({**FSK, "baudrate": 19200}, G3RUH, 96000, {"offset": 2500.0}),
    "FSK 9600 as audio": (FSK, G3RUH, 48000, {"form": "fm"}),
    "FSK 9600 as audio, 44.1 kHz, mistuned": (FSK, G3RUH, 44100, {"form": "fm", "offset": 800.0}),
    "FSK 300 below a voice": (SUBAUDIO, AX25, 48000, {"ebn0_db": 32.0, "offset": 3000.0, "doppler": (0.0, -30.0)}),
    "FSK 300 below a voice as audio": (SUBAUDIO, AX25, 48000, {"form": "fm"}),
    "AFSK 1200": (AFSK, AX25, 48000, {"offset": 2000.0}),
    "AFSK 1200, drifting": (AFSK, AX25, 48000, {"doppler": (500.0, -200.0), "clock_ppm": 100.0}),
    "AFSK 1200 as audio": (AFSK, AX25, 48000, {"form": "fm"}),
    "AFSK 1200 as audio, 11025 Hz": (AFSK, AX25, 11025, {"form": "fm", "clock_ppm": -200.0}),
}


@pytest.mark.parametrize("name", SIGNALS)
def test_every_frame_with_its_time_and_frequency(name: str) -> None:
    demod, framing, rate, options = SIGNALS[name]
    sent = transmitter(demod, framing)
    frames = payloads(8 if demod["baudrate"] > 2400 else 4)
    signal = send(sent, frames, float(rate), burst=3, **options)
    found = receive(signal, sent)
    symbol = rate / demod["baudrate"]
    error = late(found, signal.truth, symbol)
    assert np.abs(error).max() < 0.1
    assert abs(error.mean()) < 0.05
    for frame, true in zip(found, signal.truth, strict=True):
        assert abs(frame.length - true.length) < 0.2 * symbol
        assert frame.clock.time_ns(frame.position) == pytest.approx(true.time_ns, abs=0.1e9 / demod["baudrate"])
        assert frame.crc_ok is True
        assert frame.continuity is True
        if "form" in options:
            assert frame.offset is None
        else:
            expected = options.get("offset", 0.0) + (true.doppler or 0.0)
            drift = options.get("doppler", (0, 0))[1] * true.length / rate / 2
            scale = max(demod["baudrate"], demod.get("deviation", 0))
            assert frame.offset == pytest.approx(expected + drift, abs=0.02 * scale)


FRAMINGS: dict[str, tuple[dict[str, Any], dict[str, Any], int]] = {
    "AX100 ASM+Golay": (FSK, {"use": "ax100"}, 60),
    "AX100 Reed Solomon": (FSK, {"use": "ax100", "mode": "Reed Solomon"}, 60),
    "U482C": (FSK, {"use": "u482c"}, 60),
    "CCSDS": (FSK, {"use": "ccsds", "frame_size": 223}, 223),
    "CCSDS Concatenated on PSK": (
        {"use": "psk", "baudrate": 4800},
        {"use": "ccsds", "frame_size": 223, "convolutional": "CCSDS"},
        223,
    ),
}


@pytest.mark.parametrize("name", FRAMINGS)
def test_every_framing_on_the_air(name: str) -> None:
    demod, framing, length = FRAMINGS[name]
    sent = transmitter(demod, framing)
    frames = [np.random.default_rng(i).bytes(length) for i in range(4)]
    signal = send(sent, frames, 48000.0, burst=2, offset=1500.0)
    found = receive(signal, sent)
    error = late(found, signal.truth, 48000 / demod["baudrate"])
    assert np.abs(error).max() < 0.1


def test_bursts_of_other_power_and_frequency() -> None:
    """26 dB and 10 kHz between two bursts; the weaker one has 25 dB Eb/N0."""
    sent = transmitter(FSK)
    strong = send(sent, payloads(3, seed=1), 96000.0, ebn0_db=None, offset=-6000.0)
    weak = send(sent, payloads(3, seed=2), 96000.0, ebn0_db=None, offset=4000.0, seed=3)
    x = np.concatenate([20 * strong.samples, weak.samples])
    rng = np.random.default_rng(1)
    noise = rng.standard_normal(2 * len(x)).astype(np.float32).view(np.complex64)
    signal = replace(strong, samples=x + 0.25 * np.sqrt(96000 / 9600 / 10**2.5 / 2) * noise)
    frames = receive(signal, sent)
    shift = len(strong.samples)
    truth = [*strong.truth, *(replace(true, position=true.position + shift) for true in weak.truth)]
    assert np.abs(late(frames, truth, 10.0)).max() < 0.1
    assert np.allclose([frame.offset for frame in frames], [-6000] * 3 + [4000] * 3, atol=190)


@pytest.mark.parametrize(
    ("baudrate", "index"),
    [*((1200, index) for index in (0.5, 1.4, 2.0, 2.8, 4.0, 8.0)), (2400, 1.0), (2400, 2.0), (4800, 2.0)],
)
def test_deviations_that_are_not_told(baudrate: int, index: float) -> None:
    """In bursts; none is lost, and none comes twice."""
    told = {"use": "fsk", "baudrate": baudrate, "deviation": index * baudrate / 2}
    options = {"ebn0_db": 20.0, "burst": 2, "offset": 700.0, "seed": 5}
    signal = send(transmitter(told, AX25), payloads(8), 48000.0, **options)
    frames = receive(signal, transmitter({"use": "fsk", "baudrate": baudrate}, AX25))
    assert np.abs(late(frames, signal.truth, 48000 / baudrate)).max() < 0.1


def test_a_deviation_that_is_too_large_for_the_recording_is_not_tried() -> None:
    told = {"use": "fsk", "baudrate": 1200, "deviation": 2400}
    signal = send(transmitter(told, AX25), payloads(4), 8000.0)
    assert len(receive(signal, transmitter({"use": "fsk", "baudrate": 1200}, AX25))) == 4


def test_a_deviation_that_is_told_is_meant() -> None:
    told = {"use": "fsk", "baudrate": 1200, "deviation": 2400}
    signal = send(transmitter(told, AX25), payloads(4), 48000.0)
    assert receive(signal, transmitter({**told, "deviation": 600}, AX25)) == []


@settings(max_examples=12, deadline=None, derandomize=True)
@given(st.lists(st.one_of(st.integers(0, 40), st.integers(41, 90000)), min_size=1, max_size=12).filter(any))
def test_any_cut_gives_the_same_frames(sizes: list[int]) -> None:
    if min(size for size in sizes if size) < 41:
        sizes = [*sizes, 20000]  # not everything in crumbs
    assert_same(receive(SHORT[0], *SHORT[1], sizes=sizes), WHOLE)


def assert_same(one: list[Frame], other: list[Frame]) -> None:
    same_items(one, other)
    assert [frame.framing for frame in one] == [frame.framing for frame in other]


SHORT = (
    send(transmitter(FSK), payloads(4), 57600.0, burst=2, offset=2000.0, seed=4),
    [transmitter(FSK), transmitter(FSK, {"use": "ax100"}, "other"), transmitter({"use": "fsk", "baudrate": 1200})],
)
WHOLE = receive(SHORT[0], *SHORT[1])


def test_a_second_run_gives_the_same() -> None:
    assert len(WHOLE) == 4
    assert receive(SHORT[0], *SHORT[1]) == WHOLE


@pytest.mark.parametrize("form", ["iq", "fm"])
def test_frames_on_both_sides_of_gaps(form: str) -> None:
    """Two gaps, one inside a frame; what comes after has the time that it was sent at."""
    sent = transmitter(FSK)
    options = {"burst": 1, "pause": 0.1, "form": form}
    plain = send(sent, payloads(6), 48000.0, **options)
    second, fourth = plain.truth[1], plain.truth[3]
    gaps = [(second.seconds + 0.02, 0.005), (fourth.seconds + fourth.length / 48000 + 0.02, 0.07)]
    signal = send(sent, payloads(6), 48000.0, gaps=gaps, **options)
    assert len(signal.captures) == 3
    found = receive(signal, sent)
    whole = [true for true in signal.truth if true.continuity]
    assert len(whole) == 5
    assert np.abs(late(found, whole, 5.0)).max() < 0.1
    for frame, true in zip(found, whole, strict=True):
        assert frame.clock.time_ns(frame.position) == pytest.approx(true.time_ns, abs=0.1e9 / 9600)
    assert found[-1].clock.utc_ns > START


def test_equal_frames_of_two_transmitters_come_once() -> None:
    both = [transmitter(FSK, name="one"), transmitter({**FSK, "deviation": 2500}, name="other")]
    found = receive(send(both[0], payloads(5), 48000.0), *both)
    assert [frame.payload for frame in found] == payloads(5)


@pytest.mark.parametrize("frequency", [None, FREQUENCY - 8000, FREQUENCY + 8000])
def test_where_the_recording_is_tuned(frequency: float | None) -> None:
    """Tuned aside, the offset counts from where the transmitter should be; without a frequency, from the middle."""
    sent = transmitter(FSK)
    signal = send(sent, payloads(3), 96000.0, centre=frequency or FREQUENCY - 9000, offset=500.0)
    found = receive(signal, sent, frequency=frequency)
    assert np.abs(late(found, signal.truth, 10.0)).max() < 0.1
    expected = 500.0 if frequency else 9500.0
    assert all(frame.offset == pytest.approx(expected, abs=190) for frame in found)


def test_an_offset_that_is_given_is_where_is_looked() -> None:
    sent = transmitter(FSK)
    signal = send(sent, payloads(3), 96000.0, offset=9000.0)
    assert len(receive(signal, sent, conditions=Conditions(offset=8800.0))) == 3
    assert receive(signal, sent, conditions=Conditions(offset=-9000.0)) == []


def test_what_does_not_fit_is_said() -> None:
    recording = Recording("x", "iq", 48000.0, Clock(48000.0), FREQUENCY)
    with pytest.raises(FlowgraphError, match=r"Test has no transmitter 'b'; it has 'a'"):
        lines(satellite(transmitter(FSK, name="a")), recording, Conditions(), ["b"])
    for demod, framing, message in (
        ({"use": "fskk", "baudrate": 9600}, G3RUH, "did you mean 'demod.fsk'"),
        ({"use": "fsk", "baudrate": 9600, "devation": 3}, G3RUH, "did you mean 'deviation'"),
        ({"use": "fsk", "baudrate": "fast"}, G3RUH, "baudrate is 'fast'; it must be a number"),
        ({"use": "fsk"}, G3RUH, "fsk needs baudrate"),
        ({"use": "fsk", "baudrate": -3}, G3RUH, "baudrate is -3.0; it must be above 0"),
        (FSK, {"use": "ax25", "scrambler": "rot13"}, "scrambler is 'rot13'; it is one of 'none', 'g3ruh'"),
        (FSK, {"use": "channel.track"}, "needs bandwidth"),
        (FSK, {"use": "channel.track", "bandwidth": 3.0}, "Track takes iq, but Fsk before it gives soft"),
    ):
        with pytest.raises(FlowgraphError, match=message) as caught:
            lines(satellite(transmitter(demod, framing, "a")), recording, Conditions())
        assert str(caught.value).startswith("test.toml, transmitter 'a'")
