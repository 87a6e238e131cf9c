"""FSK frames behind what is not random: rows of flags, and of symbols that are all alike."""

from __future__ import annotations

import numpy as np
import pytest

from receiver.satellite import Transmitter
from receiver.synth.framing import Ax25, Piece
from tests.loopback import receive, send, transmitter

HEADER = bytes(c << 1 for c in b"CQ    p" + b"RADOME") + b"\x61\x03\xf0"


def sent_by(baudrate: float, h: float) -> Transmitter:
    return transmitter({"use": "fsk", "baudrate": baudrate, "deviation": h * baudrate / 2}, {"use": "ax25"})


def payloads(n: int) -> list[bytes]:
    rng = np.random.default_rng(5)
    return [HEADER + rng.bytes(64) for _ in range(n)]


def decoded(sender: Transmitter, n: int, rate: float, ebn0_db: float, preamble: int, form: str = "iq") -> int:
    """How many of n bursts of a frame each."""
    options = {"form": form, "burst": 1, "pause": 0.2, "preamble": preamble, "offset": 437.0 if form == "iq" else 0.0}
    signal = send(sender, payloads(n), rate, ebn0_db=ebn0_db, **options)
    found = {frame.payload for frame in receive(signal, sender)}
    assert found <= set(payloads(n))
    return len(found)


@pytest.mark.parametrize("h", [1.0, 2.0])
def test_long_row_of_flags_in_audio(h: float) -> None:
    """It says nothing about what the audio's path did."""
    assert decoded(sent_by(9600, h), 8, 96000.0, 20.0, 600, "fm") == 8


@pytest.mark.parametrize("symbol", [0, 1])
def test_bare_tone_before_a_frame(symbol: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """It goes with any index, and must not be taken for the carrier."""
    flags = Ax25.begin

    def begin(self: Ax25, preamble: int) -> Piece:
        piece = flags(self, 5)
        return Piece(np.concatenate([np.full(8 * preamble, symbol, np.uint8), piece.bits]))

    monkeypatch.setattr(Ax25, "begin", begin)
    assert decoded(sent_by(1200, 1.0), 60, 12000.0, 20.0, 200) >= 58


@pytest.mark.parametrize(("h", "ebn0_db"), [(0.7, 7.0), (1.0, 9.0)])
def test_long_row_of_flags_in_noise(h: float, ebn0_db: float) -> None:
    """Seven symbols of eight are alike, and must not pass for both levels."""
    assert decoded(sent_by(9600, h), 60, 48000.0, ebn0_db, 150) >= 52


def test_row_of_flags_amid_a_frame() -> None:
    """It fills the words of Astrocast's FX.25, and the clock must not slip in it."""
    demod = {"use": "fsk", "baudrate": 1200, "deviation": 600}
    sender = transmitter(demod, {"use": "astrocast-fx25-nrz-i"})
    signal = send(sender, payloads(10), 12000.0, ebn0_db=11.0, burst=1, pause=0.2)
    assert len({frame.payload for frame in receive(signal, sender)} & set(payloads(10))) >= 9


@pytest.mark.parametrize("form", ["iq", "fm"])
@pytest.mark.parametrize(("baudrate", "h"), [(1200, 1.0), (4800, 0.67), (9600, 0.5)])
@pytest.mark.parametrize("fill", [0x00, 0xFF])
def test_fields_of_zeros_within_a_frame(fill: int, baudrate: float, h: float, form: str) -> None:
    """Of data that are not scrambled. Neither centre nor clock may leave what they are for 200 equal symbols."""
    steps = [{"use": "crc", "name": "CRC-16/IBM-3740"}]
    framing = {"use": "declared", "name": "plain", "sync": "1ACFFC1D", "size": 122, "steps": steps}
    sender = transmitter({"use": "fsk", "baudrate": baudrate, "deviation": h * baudrate / 2}, framing)
    rng = np.random.default_rng(6)
    frames = [rng.bytes(n) + bytes([fill]) * 24 + rng.bytes(96 - n) for n in rng.integers(0, 97, 20)]
    signal = send(sender, frames, 48000.0, ebn0_db=20.0, form=form, burst=1, pause=0.2)
    found = {frame.payload for frame in receive(signal, sender)}
    assert found <= set(frames)
    assert len(found) >= 16
