"""What each framing puts on the line: sync word, length, and the payload behind randomiser and codes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from receiver.errors import FlowgraphError
from receiver.synth.bits import ccsds_randomise, crc16_x25, msb_first
from receiver.synth.codes import Convolutional, golay24, reed_solomon
from receiver.synth.framing import Piece, encoder

PAYLOAD = bytes(range(100, 214))


def sent(table: dict[str, Any], payload: bytes = PAYLOAD) -> tuple[NDArray[np.uint8], Piece]:
    """Bits of the frame proper, and the whole piece, behind some preamble."""
    made = encoder(table)
    made.begin(8)
    piece = made.frame(payload)
    assert piece.payload == payload
    return piece.bits[piece.start : piece.stop], piece


def packed(bits: NDArray[np.uint8]) -> bytes:
    return np.packbits(bits).tobytes()


def test_ax25_line_of_a_known_frame() -> None:
    """Flags, bits low first, a 0 behind five ones, NRZI; the checksum leaves the residue of ISO 13239."""
    made = encoder({"use": "ax25"})
    preamble = made.begin(3).bits
    piece = made.frame(b"\xff\x00")
    line = np.concatenate([preamble, piece.bits])
    plain = 1 - (line ^ np.append(0, line[:-1]))  # NRZI: a 0 is a transition
    text = "".join(map(str, plain))
    assert text[:24] == "01111110" * 3
    assert text.endswith("01111110")
    body = text[24:-8]
    assert body.startswith("11111" + "0" + "111" + "00000000")
    assert "111111" not in body
    assert (piece.start, piece.stop) == (0, len(body))
    data = np.array([int(bit) for bit in body.replace("111110", "11111")], np.uint8)
    assert crc16_x25(np.packbits(data, bitorder="little").tobytes()) ^ 0xFFFF == 0xF0B8


def test_flags_and_frames_follow_without_a_break() -> None:
    made = encoder({"use": "ax25"})
    pieces = [made.begin(2), made.frame(b"\x12"), made.frame(b"\x34"), made.end(2)]
    line = np.concatenate([piece.bits for piece in pieces])
    text = "".join(map(str, 1 - (line ^ np.append(0, line[:-1]))))
    assert text.count("01111110") == 2 + 1 + 1 + 2


def test_ax100_asm_golay() -> None:
    bits, piece = sent({"use": "ax100", "mode": "ASM+Golay"})
    assert packed(piece.bits[: piece.start]).hex() == "930b51de"
    assert packed(bits[:24]) == golay24(len(PAYLOAD) + 32).to_bytes(3, "big")
    assert ccsds_randomise(packed(bits[24:])) == reed_solomon(PAYLOAD)
    plain, _ = sent({"use": "ax100", "mode": "ASM+Golay", "scrambler": "none"})
    assert packed(plain[24:]) == reed_solomon(PAYLOAD)


def test_ax100_reed_solomon_is_scrambled_throughout() -> None:
    made = encoder({"use": "ax100", "mode": "Reed Solomon"})
    before = made.begin(8).bits
    piece = made.frame(PAYLOAD)
    line = np.concatenate([before, piece.bits])
    plain = (line[17:] ^ line[5:-12] ^ line[:-17])[len(before) - 17 :]
    assert packed(plain[: piece.start]).hex() == "930b51de"
    assert packed(plain[piece.start :]) == bytes([len(PAYLOAD) + 33]) + reed_solomon(PAYLOAD)


@pytest.mark.parametrize("rs", [True, False])
@pytest.mark.parametrize("viterbi", [True, False])
def test_u482c_says_in_its_header_what_was_done(rs: bool, viterbi: bool) -> None:
    payload = PAYLOAD[:70]
    bits, piece = sent({"use": "u482c", "rs": rs, "viterbi": viterbi}, payload)
    assert packed(piece.bits[: piece.start]).hex() == "c3aa6655"
    data = ccsds_randomise(reed_solomon(payload) if rs else payload)
    length = 2 * (len(data) + 1) if viterbi else len(data)
    flags = 0x200 | 0x400 * rs | 0x100 * viterbi
    assert packed(bits[:24]) == golay24(flags | length).to_bytes(3, "big")
    if viterbi:
        coded = Convolutional("NASA-DSN uninverted")(msb_first(data + b"\0"))
        assert np.array_equal(bits[24:], coded)
    else:
        assert packed(bits[24:]) == data


def test_ccsds_reed_solomon() -> None:
    table = {"use": "ccsds", "frame_size": 114, "rs_basis": "conventional"}
    bits, piece = sent(table)
    assert packed(piece.bits[: piece.start]).hex() == "1acffc1d"
    assert ccsds_randomise(packed(bits)) == reed_solomon(PAYLOAD)
    uncoded, _ = sent({**table, "rs": False, "scrambler": "none"})
    assert packed(uncoded) == PAYLOAD


def test_ccsds_concatenated_codes_everything_and_the_frame_begins_with_its_first_symbol() -> None:
    table = {"use": "ccsds", "frame_size": 114, "convolutional": "CCSDS", "precoding": "differential"}
    made = encoder(table)
    before = made.begin(8)
    piece = made.frame(PAYLOAD)
    assert (piece.start, piece.stop) == (64, 2 * 8 * (4 + 114 + 32))
    # the first symbol of each pair, undone: u[n] = s[n] + u[n-1] + u[n-2] + u[n-3] + u[n-6]
    first = np.concatenate([before.bits, piece.bits])[0::2]
    bits = [0] * 6
    for symbol in first.tolist():
        bits.append(symbol ^ bits[-1] ^ bits[-2] ^ bits[-3] ^ bits[-6])
    levels = np.array(bits[5:], np.uint8)
    data = (levels[1:] ^ levels[:-1])[64:]
    assert packed(data[:32]).hex() == "1acffc1d"
    assert ccsds_randomise(packed(data[32:]))[:4] == PAYLOAD[:4]


def test_raw_bytes_have_nothing_around_them() -> None:
    bits, piece = sent({"use": "raw"})
    assert packed(bits) == packed(piece.bits) == PAYLOAD


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"use": "morse"}, "cannot be synthesised"),
        ({"use": "ax25", "scrambler": "g3"}, "scrambler = 'g3'"),
        ({"use": "ax100", "colour": 1}, "colour"),
        ({"use": "ccsds"}, "frame_size"),
    ],
)
def test_tables_that_do_not_fit_are_refused(table: dict[str, Any], words: str) -> None:
    with pytest.raises(FlowgraphError, match=words):
        encoder(table)


def test_frames_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="1 to 223 bytes, got 300"):
        encoder({"use": "ax100"}).frame(bytes(300))
    with pytest.raises(ValueError, match="have 10 bytes, got 9"):
        encoder({"use": "ccsds", "frame_size": 10}).frame(bytes(9))
