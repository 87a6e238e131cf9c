"""IL2P: the examples of its specification, loops through the encoder, damage."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from receiver.check import check
from receiver.errors import FlowgraphError
from receiver.flowgraph import build
from receiver.framing.il2p import LONGEST
from receiver.satellite import Transmitter
from receiver.synth.bits import crc16_x25, msb_first
from receiver.synth.framing import Il2p, ax25_address, encoder
from tests.receiver.framing.jig import STEP, follows_the_law_of_chunks, run

SYNC = b"\xf1\x5e\x48"
EXAMPLES = {
    "S": (
        "96 82 64 88 8A AE E4 96 96 68 90 8A 94 6F 81",
        "26 57 4D 57 F1 D2 A8 F0 6A F2 7B AD 23 BD C0 7F 00 1D 2B",
    ),
    "UI": (
        "86 A2 40 40 40 40 60 96 96 68 90 8A 94 FF 03 F0",
        "6A EA 9C C2 01 11 FC 14 1F DA 6E F2 53 91 BD 47 6C 54 54",
    ),
    "I": (
        "96 82 64 88 8A AE E4 96 96 68 90 8A 94 65 B8 CF 30 31 32 33 34 35 36 37 38",
        "26 13 6D 02 8C FE FB E8 AA 94 2D 6A 34 43 35 3C 69 9F 0C 75 5A 38 A1 7F A5 DA D8 F6 EA 57 37 3D B1 2A B0 DE"
        "44 A8 20 D0 1D 5A 2B 38",
    ),
}
"""Section "Example Encoded Packets" of version 0.6: AX.25 frame, and what is sent behind the sync word."""
OLDER = "26 13 6d 02 8c fe fb e8 aa 94 2d 6a 34 43 35 3c 69 9f 0c 75 5a 38 a1 7f f3 fc"
"""The last of them in version 0.4, without checksum and with two bytes of parity."""
HEAD = ax25_address("CQ", "RADOME")
PAYLOADS = [HEAD + np.random.default_rng(i).bytes(n) for i, n in enumerate((0, 30, 90, 400, 1000))]
OTHERS = [
    HEAD[:13] + b"\x60" + b"RELAY \x61".replace(b"RELAY ", bytes(ord(c) << 1 for c in "RELAY ")) + b"\x03\xf0via",
    HEAD[:14] + b"\x03\x55another protocol",
    HEAD[:14] + b"\x3f",  # SABM, polled
    HEAD[:6] + b"\x60" + HEAD[7:13] + b"\xe1\x63",  # UA
    HEAD[:14] + b"\xe3test",
    HEAD[:14] + b"\x0b\xf0 no control that there is",
    np.random.default_rng(9).bytes(70),
]
"""Repeaters, unnumbered frames, and what has to be sent as it is."""


def sent(table: dict[str, Any], payloads: list[bytes]) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """Bits of frames, and where they are."""
    code = encoder({"use": "il2p", **table})
    bits, spans = code.begin(8).bits, []
    for payload in payloads:
        piece = code.frame(payload)
        spans.append((len(bits) + piece.start, len(bits) + piece.stop))
        bits = np.concatenate([bits, piece.bits, code.end(6).bits])
    return bits, spans


def soft_of(bits: np.ndarray, noise: float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    x = np.concatenate([rng.standard_normal(300), 2.0 * bits - 1, rng.standard_normal(300)])
    return (x + noise * rng.standard_normal(len(x))).astype(np.float32)


def receiver(checksum: str = "optional") -> Any:
    return build({"use": "il2p", "checksum": checksum}, "here", "framing")


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.parametrize("sign", [1, -1])
def test_examples_of_the_specification(name: str, sign: int) -> None:
    ax25, coded = (bytes.fromhex(text) for text in EXAMPLES[name])
    assert np.array_equal(encoder({"use": "il2p"}).frame(ax25).bits, msb_first(SYNC + coded))
    for checksum, integrity in (("optional", "crc"), ("always", "crc"), ("never", "rs")):
        (frame,) = run(receiver(checksum), sign * soft_of(msb_first(SYNC + coded), 0.0))
        assert (frame.payload, frame.integrity) == (ax25, integrity)
        assert (frame.link["destination"], frame.corrected) == ("CQ" if name == "UI" else "KA2DEW-2", 0)
        assert frame.position == 100 + (324 - 0.5) * STEP


def test_example_of_the_older_version() -> None:
    ax25, coded = bytes.fromhex(EXAMPLES["I"][0]), bytes.fromhex(OLDER)
    table = {"version": "0.4", "checksum": "never"}
    assert np.array_equal(encoder({"use": "il2p", **table}).frame(ax25).bits, msb_first(SYNC + coded))
    for checksum in ("optional", "never"):
        (frame,) = run(receiver(checksum), soft_of(msb_first(SYNC + coded), 0.0))
        assert (frame.payload, frame.integrity) == (ax25, "rs")
    assert run(receiver("always"), soft_of(msb_first(SYNC + coded), 0.0)) == []


@pytest.mark.parametrize("version", ["0.6", "0.4", "0.4 strong"])
@pytest.mark.parametrize("checksum", ["always", "never"])
def test_frames_come_back(version: str, checksum: str) -> None:
    bits, spans = sent({"version": version, "checksum": checksum}, PAYLOADS)
    noise = 0.22 if version == "0.4" else 0.3
    frames = follows_the_law_of_chunks(receiver(), soft_of(bits, noise))
    assert [frame.payload for frame in frames] == PAYLOADS
    assert {frame.integrity for frame in frames} == {"crc" if checksum == "always" else "rs"}
    assert version == "0.4" or sum(frame.corrected or 0 for frame in frames) > 0
    assert [frame.position for frame in frames] == [100 + (300 + start - 0.5) * STEP for start, _ in spans]
    assert [frame.length for frame in frames] == pytest.approx([(stop - start) * STEP for start, stop in spans])


def test_every_kind_of_frame() -> None:
    bits, _ = sent({}, OTHERS)
    assert [frame.payload for frame in run(receiver(), soft_of(bits, 0.0))] == OTHERS
    code = Il2p()
    for control in range(256):
        for head in (HEAD[:14], HEAD[:6] + b"\x60" + HEAD[7:13] + b"\xe1"):
            payload = head + bytes([control]) + (b"\xf0info" if control == 3 or not control & 1 else b"")
            (frame,) = run(receiver("always"), soft_of(code.frame(payload).bits, 0.0))
            assert frame.payload == payload


def test_command_bits_that_the_header_cannot_say() -> None:
    """Some stations translate frames whose two command bits are the same; the checksum tells."""
    usual, odd = PAYLOADS[1], PAYLOADS[1][:6] + b"\x60" + PAYLOADS[1][7:]
    bits = encoder({"use": "il2p", "checksum": "never"}).frame(usual).bits
    check_of_odd = bytes(Il2p._hamming(crc16_x25(odd) >> shift & 15) for shift in (12, 8, 4, 0))
    (frame,) = run(receiver("always"), soft_of(np.concatenate([bits, msb_first(check_of_odd)]), 0.0))
    assert (frame.payload, frame.crc_ok) == (odd, True)


def test_a_wrong_checksum() -> None:
    bits = encoder({"use": "il2p"}).frame(PAYLOADS[1]).bits.copy()
    bits[-10] ^= 1  # one wrong bit of a word is corrected
    (frame,) = run(receiver("always"), soft_of(bits, 0.0))
    assert frame.crc_ok is True
    bits[-12:-9] ^= 1
    assert run(receiver("always"), soft_of(bits, 0.0)) == []
    (frame,) = run(receiver(), soft_of(bits, 0.0))
    assert (frame.payload, frame.integrity, frame.crc_ok) == (PAYLOADS[1], "rs", None)


def test_the_end_of_the_recording() -> None:
    bits, spans = sent({"checksum": "never"}, PAYLOADS[2:3])
    x = (2.0 * bits - 1).astype(np.float32)
    for missing in (0, 24):
        (frame,) = run(receiver(), x[: spans[0][1] - missing])
        assert frame.payload == PAYLOADS[2]
    assert run(receiver(), x[: spans[0][1] - 200]) == []
    assert run(receiver(), x[: spans[0][0] + 120]) == []


@given(seed=st.integers(0, 1 << 30), noise=st.floats(0.3, 0.9))
@settings(max_examples=40, deadline=None)
def test_nothing_wrong_is_given(seed: int, noise: float) -> None:
    checksum = ("always", "never")[seed % 2]
    bits, _ = sent({"checksum": checksum, "version": ("0.6", "0.4 strong")[seed // 2 % 2]}, PAYLOADS[1:4])
    frames = run(receiver(checksum), soft_of(bits, noise, seed))
    assert {frame.payload for frame in frames} <= set(PAYLOADS)


def test_nothing_is_made_of_noise_or_carriers() -> None:
    rng = np.random.default_rng(5)
    for checksum in ("optional", "never"):
        assert run(receiver(checksum), rng.standard_normal(400_000).astype(np.float32)) == []
    header = encoder({"use": "il2p", "checksum": "never"}).frame(PAYLOADS[1]).bits[: 24 + 120]
    for pattern in (b"\x00", b"\xaa", b"\xff", b"\xcc"):
        assert run(receiver(), soft_of(msb_first(SYNC + pattern * (LONGEST // 8)), 0.01)) == []
        assert run(receiver(), soft_of(np.concatenate([header, msb_first(pattern * 200)]), 0.01)) == []


def test_synthesised_signals_come_back() -> None:
    afsk = {"use": "afsk", "baudrate": 1200, "carrier": 1700, "deviation": 500}
    fsk = {"use": "fsk", "baudrate": 9600}
    bpsk = {"use": "psk", "differential": True, "baudrate": 1200}
    for demod in (afsk, fsk, bpsk):
        for checksum in ("optional", "always", "never"):
            outcome = check(Transmitter("x", 145e6, demod, {"use": "il2p", "checksum": checksum}))
            assert outcome.good, str(outcome)


def test_what_cannot_be_is_said() -> None:
    with pytest.raises(FlowgraphError, match="checksum"):
        receiver("x")
    with pytest.raises(ValueError, match="up to 1023 bytes, got 1025"):
        encoder({"use": "il2p"}).frame(HEAD + bytes(1025))
    with pytest.raises(FlowgraphError, match="version = '1'"):
        encoder({"use": "il2p", "version": "1"})
