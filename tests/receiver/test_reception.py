"""Whole chains: frames sent by synthesis are received, all of them, where and when they were sent."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from receiver.errors import FlowgraphError
from receiver.flowgraph import Chain
from receiver.reception import Conditions, lines
from receiver.source import Recording
from receiver.stage import Clock
from tests.loopback import FREQUENCY, G3RUH, late, payloads, receive, satellite, send, transmitter

FSK = {"use": "fsk", "baudrate": 9600}
AFSK = {"use": "afsk", "baudrate": 1200, "carrier": 1700, "deviation": -500}
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
            assert frame.offset == pytest.approx(expected + drift, abs=0.02 * demod["baudrate"])
