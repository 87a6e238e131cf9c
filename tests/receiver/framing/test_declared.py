"""Framings that are declared: published frames, loops through the encoder, cuts, noise, and what a user does wrong."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsp_ext.bits import CRC16_X25
from receiver.coding import Block, Failed
from receiver.coding.crc import Crc
from receiver.coding.whitening import Whitening
from receiver.errors import FlowgraphError
from receiver.flowgraph import build, framing_names
from receiver.satellite import all_satellites
from receiver.stage import Frame, Stage
from receiver.synth.framing import encoder
from receiver.synth.payloads import payloads
from tests.fuzz import FUZZ
from tests.receiver.framing.jig import follows_the_law_of_chunks, run

NAMES = list(framing_names())


def framing(use: str, **parameters: Any) -> Stage:
    return build({"use": use, **parameters}, "here", "framing")


def sent(table: dict[str, Any], count: int, seed: int = 0) -> tuple[list[bytes], np.ndarray]:
    """Payloads, as they were sent, and the line's bits."""
    code = encoder(table)
    bits, told = [code.begin(6).bits], []
    for payload in payloads(table, count, seed):
        piece = code.frame(payload)
        assert piece.payload is not None
        told.append(piece.payload)
        bits += [piece.bits, code.end(5).bits]
    return told, np.concatenate(bits)


def soft_of(bits: np.ndarray, seed: int, noise: float = 0.3) -> np.ndarray:
    """Soft symbols with noise about them."""
    rng = np.random.default_rng(seed)
    x = np.concatenate([rng.standard_normal(300), 2.0 * bits - 1, rng.standard_normal(60)])
    return (x + noise * rng.standard_normal(len(x))).astype(np.float32)


@pytest.mark.parametrize("use", NAMES)
def test_frames_come_back_however_the_input_is_cut(use: str) -> None:
    told, bits = sent({"use": use}, 4, seed=2)
    frames = follows_the_law_of_chunks(framing(use), soft_of(bits, 1, 0.15))
    assert [frame.payload for frame in frames] == told
    for frame in frames:
        assert frame.false_alarm is not None
        assert frame.false_alarm <= 1e-12


@pytest.mark.parametrize("use", NAMES)
def test_the_other_polarity(use: str) -> None:
    told, bits = sent({"use": use}, 2)
    assert [frame.payload for frame in run(framing(use), -soft_of(bits, 3, 0.1))] == told


@pytest.mark.parametrize("use", NAMES)
@pytest.mark.parametrize("kind", ["noise", "bits", "carrier", "alternating"])
def test_no_frames_without_a_signal(use: str, kind: str) -> None:
    rng = np.random.default_rng(7)
    n = 200_000
    x = {
        "noise": rng.standard_normal(n),
        "bits": 2.0 * rng.integers(0, 2, n) - 1,
        "carrier": 1 + 0.2 * rng.standard_normal(n),
        "alternating": np.tile([1.0, -1.0], n // 2) + 0.2 * rng.standard_normal(n),
    }[kind].astype(np.float32)
    assert run(framing(use), x) == []


def only(frames: list[Frame]) -> Frame:
    assert len(frames) == 1
    return frames[0]


def test_a_frame_is_where_it_was_sent() -> None:
    code = encoder({"use": "geoscan"})
    head, piece = code.begin(8), code.frame(bytes(range(72)))
    soft = 2.0 * np.concatenate([head.bits, piece.bits, code.end(9).bits]).astype(np.float32) - 1
    frame = only(run(framing("geoscan"), soft, origin=100.0))
    step = 48000 / 9600
    assert frame.position == pytest.approx(100.0 + (len(head.bits) + 32 - 0.5) * step)
    assert frame.length == pytest.approx(8 * 74 * step)
    assert (frame.framing, frame.integrity, frame.crc_ok, frame.sync_errors) == ("GEOSCAN", "crc", True, 0)


def test_the_least_sure_bits_are_tried_the_other_way_round() -> None:
    code = encoder({"use": "geoscan"})
    bits = np.concatenate([code.begin(8).bits, code.frame(bytes(72)).bits, code.end(2).bits])
    soft = 2.0 * bits.astype(np.float32) - 1
    soft[[200, 350]] *= -0.1
    frame = only(run(framing("geoscan"), soft))
    assert (frame.payload, frame.corrected) == (bytes(72), 2)
    soft[[200, 350, 400]] = -2.0 * (2.0 * bits[[200, 350, 400]] - 1)  # sure and wrong
    assert run(framing("geoscan"), soft) == []


def test_a_short_checksum_needs_more_evidence() -> None:
    """A sync word of 16 bits and a checksum of 16 are made by chance too often; a preamble bears them out."""
    code = encoder({"use": "lucky-7"})
    bits = code.frame(bytes(range(35))).bits if code.begin(0) else None
    assert bits is not None
    rng = np.random.default_rng(0)
    bare = np.concatenate([rng.integers(0, 2, 200), bits, rng.integers(0, 2, 80)])
    stage = framing("lucky-7")
    assert run(stage, (2.0 * bare - 1).astype(np.float32)) == []
    assert stage.failures["sync"] == 1  # type: ignore[attr-defined]
    led = np.concatenate([np.tile([1, 0], 16), bits, rng.integers(0, 2, 80)])
    assert len(run(stage, (2.0 * led - 1).astype(np.float32))) == 1


def test_a_preamble_that_goes_on_is_no_evidence() -> None:
    """A carrier in a demodulator alternates, but for a slip now and then: sync word and checksum come by chance."""
    code = encoder({"use": "endurosat"})
    preamble = code.begin(6).bits
    other = bytes.fromhex("aaaaaa9555555555aaaaaaaaaaaaaaaaaaa35555555555aaaaaaaaabffffaaaa")
    for payload, count in ((other, 0), (bytes(range(32)), 1), (bytes(32), 1)):
        bits = np.concatenate([preamble, code.frame(payload).bits, preamble])
        assert len(run(framing("endurosat"), (2.0 * bits - 1).astype(np.float32))) == count


@pytest.mark.parametrize("code", [{"code": "CCSDS uninverted"}, {"generators": [0o171, 0o133]}])
@pytest.mark.parametrize("terminated", [True, False])
@pytest.mark.parametrize(
    ("pattern", "rate", "noise"),
    [("1101", 2 / 3, 0.45), ("110110", 3 / 4, 0.48), ("1101100110", 5 / 6, 0.42), ("11010101100110", 7 / 8, 0.38)],
)
def test_punctured_codes(code: dict[str, Any], terminated: bool, pattern: str, rate: float, noise: float) -> None:
    """CCSDS 131.0-B, section 3.4, at 5 to 6 dB of Eb/N0."""
    bits = 8 * 66 + 6 * terminated
    symbols = sum(pattern[i % len(pattern)] == "1" for i in range(2 * bits))
    assert symbols == pytest.approx(bits / rate, abs=1)
    step = {"use": "convolutional", **code, "terminated": terminated, "punctured": pattern}
    steps = [step, {"use": "crc", "name": "CRC-16/IBM-3740"}]
    table = {"use": "declared", "name": "mine", "sync": "1ACFFC1D", "size": symbols / 8, "steps": steps}
    told, line = sent(table, 12)
    assert {len(payload) for payload in told} == {64}
    soft = soft_of(line, 4, noise)
    frames = follows_the_law_of_chunks(build(table, "here", "framing"), soft)
    assert {frame.payload for frame in frames} <= set(told)
    assert len(frames) >= 10
    wrong = np.count_nonzero((soft[300:-60] > 0) != line)
    assert len(frames) < sum(frame.corrected or 0 for frame in frames) <= 1.1 * wrong
    assert all(frame.ebn0_db is None or frame.snr_db is None or frame.ebn0_db > frame.snr_db for frame in frames)


def test_what_stands_beside_use_replaces_what_the_file_says() -> None:
    table = {"use": "geoscan", "size": 66}
    told, bits = sent(table, 1)
    assert len(told[0]) == 64
    assert only(run(framing("geoscan", size=66), soft_of(bits, 0))).payload == told[0]
    assert run(framing("geoscan"), soft_of(bits, 0)) == []


@pytest.mark.parametrize(
    ("sequence", "beginning"),
    [
        ("PN9", "ff e1 1d 9a ed 85 33 24"),  # DN509, figure 2 and the table behind it
        ("CCSDS", "ff 48 0e c0 9a"),  # 131.0-B-3, section 10.4.1
        ("CCSDS long", "1c 71 b9 1b a9"),  # 131.0-B-5, section 10.4.3
    ],
)
def test_named_whitening_sequences_begin_as_published(sequence: str, beginning: str) -> None:
    block = Block(np.full(8 * len(bytes.fromhex(beginning)), -1, np.float32), 1.0, 1.0)
    Whitening(sequence=sequence).undo(block)
    assert block.data.tobytes() == bytes.fromhex(beginning)


@pytest.mark.parametrize("token", ["01011100101 11100", "00001110010 01110", "10000000000 10111"])
def test_a_checksum_in_bits_as_they_are_sent(token: str) -> None:
    """Tokens of the USB Implementers Forum's "Cyclic redundancy checks in USB": OUT to 3A, A; IN to 70, 4; frame 1."""
    soft = np.array([1 if bit == "1" else -1 for bit in token if bit != " "], np.float32)
    block = Block(soft.copy(), 1.0, 1.0)
    Crc(name="CRC-5/USB", packed=True).undo(block)
    assert (block.crc_ok, block.corrected, block.soft.tolist()) == (True, None, soft[:11].tolist())
    soft[3] *= -0.5
    block = Block(soft.copy(), 1.0, 2.0)
    Crc(name="CRC-5/USB", packed=True).undo(block)
    soft[3] *= -1
    assert (block.corrected, block.soft.tolist()) == (1, soft[:11].tolist())
    soft[3] *= -1
    with pytest.raises(Failed, match="crc"):
        Crc(name="CRC-5/USB", packed=True, repair=False).undo(Block(soft, 1.0, 2.0))


def test_a_checksum_of_a_header_mends_only_the_header() -> None:
    data = bytes.fromhex("1234 0000 A5A5A5A5")
    bits = np.unpackbits(np.frombuffer(data[:2] + CRC16_X25(data[:2]).to_bytes(2, "little") + data[4:], np.uint8))
    soft = 2 * bits.astype(np.float32) - 1
    soft[5] *= -0.5
    soft[32:48] *= 0.1  # less sure, but no part of it
    block = Block(soft.copy(), 1e-12, 1e-12)
    Crc(name="CRC-16/IBM-SDLC", little_endian=True, stop=2, at=2).undo(block)
    assert (block.data.tobytes(), block.corrected) == (bytes.fromhex("1234 A5A5A5A5"), 1)
    with pytest.raises(Failed, match="length"):
        Crc(name="CRC-16/IBM-SDLC", stop=9).undo(Block(soft, 1e-12, 1e-12))


def test_a_framing_of_ones_own() -> None:
    """Line code, interleaver, inversion, a length of two bytes, and a CRC told by its parameters."""
    own = {
        "use": "declared",
        "name": "mine",
        "sync": "0b0001 1010 1100 1111 1111 1100 0001 1101",
        "size": 200,
        "line": ["g3ruh", "nrz-i"],
        "steps": [
            {"use": "invert", "pattern": "01"},
            {"use": "whitening", "taps": [7, 4], "seed": "1111111", "start": 2},
            {"use": "length", "bytes": 2, "mask": 0x03FF, "add": 4, "little_endian": True, "least": 4},
            {"use": "crc", "width": 32, "polynomial": 0x04C11DB7, "initial": 0xFFFFFFFF, "start": 2},
            {"use": "strip", "head": 2},
        ],
    }
    told, bits = sent(own, 4)
    frames = follows_the_law_of_chunks(build(own, "here", "framing"), soft_of(bits, 0, 0.1))
    assert [frame.payload for frame in frames] == told


def test_interleaved_and_convolutional() -> None:
    own = {
        "use": "declared",
        "name": "mine",
        "sync": "1ACFFC1D",
        "size": 127.5,
        "steps": [
            {"use": "deinterleave", "rows": 10, "columns": 51, "unit": 2},
            {"use": "convolutional", "code": "NASA-DSN", "terminated": True},
            {"use": "strip", "tail": 0},
            {"use": "crc", "name": "CRC-32/ISO-HDLC"},
        ],
    }
    told, bits = sent(own, 3)
    assert len(told[0]) == 59
    frames = follows_the_law_of_chunks(build(own, "here", "framing"), soft_of(bits, 0, 0.45))
    assert [frame.payload for frame in frames] == told


@pytest.mark.parametrize("polarity", [1, -1])
@pytest.mark.parametrize(("early", "errors"), [(5, 0), (8, 5), (14, 14)])
def test_a_chance_sync_word_before_the_true_one(early: int, errors: int, polarity: int) -> None:
    """Whitening and code are cyclic, so the frame that it begins would be corrected, a byte for each that it is early;
    the true sync word may have more errors or fewer."""
    rng = np.random.default_rng(6)
    code = encoder({"use": "usp"})
    (payload,) = payloads({"use": "usp"}, 1, 3)
    code.begin(0)
    piece = code.frame(payload)
    bits = np.concatenate([rng.integers(0, 2, 400, np.uint8), piece.bits, code.end(5).bits])
    start = 400 + 64
    chance = slice(start - 16 * early - 64, start - 16 * early)
    bits[chance] = bits[400:start] ^ (polarity < 0)
    bits[chance][rng.permutation(64)[:9]] ^= 1
    bits[400:start][rng.permutation(64)[:errors]] ^= 1
    frames = run(framing("usp"), soft_of(bits, 7, 0.2))
    assert [(frame.payload, frame.sync_errors) for frame in frames] == [(piece.payload, errors)]


def test_a_frame_at_the_very_end_is_not_lost() -> None:
    """Its filling may be missing: a length inside a code comes only when all is there."""
    told, bits = sent({"use": "usp"}, 1)
    soft = soft_of(bits, 5, 0.1)
    assert [frame.payload for frame in run(framing("usp"), soft[: len(soft) - 60 - 5 * 8 - 30])] == told


@pytest.mark.parametrize("use", NAMES)
def test_a_sync_word_at_the_very_end_is_no_frame(use: str) -> None:
    """What is behind the end is not known; zeros are words of most codes."""
    told, bits = sent({"use": use}, 1)
    soft = soft_of(bits, 4, 0.0)
    code = encoder({"use": use})
    begin = 300 + len(code.begin(6).bits)
    for kept in (20, 28, 34, 44, 60, 76, 100):
        assert [frame.payload for frame in run(framing(use), soft[: begin + kept])] in ([], told)


# SPUTNIX's own frames, as the reference receiver's tests have them: PLS code and what follows it, and the AX.25 frame.
USP = (
    (
        "24c8d69c061778af8cf58d8257a5368e58c2fa4fecbd1a64955b917797cea809f5263e74a121964c8a0811eccf088fbc309f887f77d38fb2"
        "cf770759c7094716a5ce3659e8ee9ac780692335263ead3ae453210812bc1f43464dc6c28be2277c4ffbf609505ede511c3c900e66e158aa"
        "0c5bd5da1875f9cb3dd2eca7f302db5a9738d967a3ba6b1e01a48cd498fab4eb914c84204af07d0d19371b0a2cd6bf1fc710cb9508ae9105"
        "be3bfb935049ad3a06d8625e787a9db59c480eefc2c16a6a8575d6f6f254cec0c98a95cbe44aa3745af13c686f25793849c88fb19f9277c4"
        "ffbf609505ede511c3c900e66e158aa0c5bd5da1875f9cb3dd2eca7f302db5a9738d967a3ba6b1e01a48cd498fab4eb914c84204af07d0d1"
        "9371b0a2f889df13fefd825417b794470f240399b8562a8316f576861d7e72cf74bb29fcc0b6d6a5ce3659e8ee9ac780692335263ead3ae4"
        "53210812bc1f43464dc6c28be2277c4ffbf609505ede511c3c900e66e158aa0c5bd5da1875f9cb3dd2eca7f302db5a9738d967a3ba6b1e01"
        "a48cd498fab4eb914c84204af07d0d19371b0a2f889df13fefd825417b794470f240399b8562a8316f576861d7e72cf74bb29fcc0b6d6a5c"
        "e3659e8ee9ac7548a58a95f3a41287010f0858d8fc00a19e322633e300c410a0dfb53ab40709490b27d937cfe9598d8c936549050170b8c5"
        "d807d0eab5a40646eb3ac805f9f3",
        "a464829c8c4060a4a66060a6406f00f016420200010042" + "00" * 47 + "1b1bff671f20250eaab14060f43c01002400f01c",
    ),
    (
        "719d83c953422dfa8cf58d826c618afe58c2fa4fecbd1a64955b917797cea809f5263e74a121964c8a0811eccf088fbce93f5049a0a38fb2"
        "cf770759fccdfb66a5ce389d1e1ba19d6f578a30b304b8420a8ac5487f98183fa81dd88d4fda01cc4ffbf609505ede51cbba35b515533510"
        "56424d4cbcb41e524f8a5bf4f72e07c95d1e205ed04c7f1f131c7615d946b62d7551c57ef8507267425a041e6ae01a7e9dd029f1572c20fb",
        "a464829c8c4060a4a66060a6406f00f0e1ff020001000300002606",
    ),
)


@pytest.mark.parametrize(("code", "payload"), USP, ids=("long", "short"))
def test_published_usp_frames(code: str, payload: str) -> None:
    bits = np.unpackbits(np.frombuffer(bytes.fromhex("555555555072F64B2D90B1F5" + code), np.uint8))
    frame = only(run(framing("usp"), soft_of(bits, 0, 0.4)))
    assert frame.payload == bytes.fromhex(payload)
    assert frame.corrected == 0
    assert frame.framing == "USP"


@given(st.binary(min_size=0, max_size=300), st.sampled_from(NAMES))
@FUZZ
def test_any_bytes_behind_a_sync_word(data: bytes, use: str) -> None:
    """Nothing but frames or nothing comes out."""
    table = encoder({"use": use})
    head = np.concatenate([table.begin(6).bits, table.frame(next(payloads({"use": use}, 1))).bits])
    bits = np.concatenate([head[:112], np.unpackbits(np.frombuffer(data, np.uint8))])
    for frame in run(framing(use), (2.0 * bits - 1).astype(np.float32)):
        assert isinstance(frame.payload, bytes)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"sync": "xyz"}, "sync is 'xyz'; it must be hexadecimal digits"),
        ({"sync": "1"}, "sync has 4 bits; it must have 8 to 64"),
        ({"size": 0}, "size is 0.0; it must be 1 to 65536 B"),
        ({"size": []}, "size is \\[\\]; it must be 1 to"),
        ({"size": ["a"]}, "size is \\['a'\\]; it must be 1 to"),
        ({"line": ["g3ru"]}, "line has 'g3ru'; it may have .* g3ruh"),
        ({"line": [[3, 65]]}, "line has .3, 65.; it may have .* whole numbers from 1 to 64"),
        ({"line": [[]]}, "line has .*; it may have"),
        (
            {"steps": [{"use": "crc", "name": "CRC-16/ARC", "start": 3, "stop": 3}]},
            "step 1: stop is 3; it must",
        ),
        ({"steps": [{"use": "length", "unit": 0}]}, "step 1: unit is 0, add 0; they must be whole bits"),
        ({"steps": [{"use": "length", "add": 0.3}]}, "step 1: unit is 1, add 0.3; they must be whole bits"),
        ({"steps": [{"use": "reflect", "start": -1}]}, "step 1: start is -1"),
        ({"steps": [{"use": "golay", "words": -1}]}, "step 1: words is -1"),
        (
            {"steps": [{"use": "deinterleave", "order": [0, 2, 2]}]},
            "step 1: order has 3 places, but not 1",
        ),
        ({"steps": [{"use": "deinterleave", "order": ["a"]}]}, "step 1: order is"),
        ({"steps": [{"use": "deinterleave", "order": [0], "rows": 2}]}, "step 1: deinterleave needs either rows"),
        ({"tolerance": 16}, "tolerance is 16; it must be under half"),
        ({"preamble": "0x2"}, "preamble is '0x2'; it must be hexadecimal"),
        ({"steps": ["crc"]}, "step 1 is 'crc'; it must be a table"),
        ({"steps": [{"use": "crs"}]}, "step 1: use = 'coding.crs': there is no such stage"),
        ({"steps": [{"use": "crc"}]}, "step 1: crc needs either name or width"),
        (
            {"steps": [{"use": "crc", "name": "CRC-16"}]},
            "step 1: name is 'CRC-16'; it must be one of the catalogue, of up to 64 bits",
        ),
        (
            {"steps": [{"use": "crc", "name": "CRC-16/ARC", "initial": 1}]},
            "step 1: crc needs either name or width, polynomial and",
        ),
        ({"steps": [{"use": "crc", "width": 65}]}, "step 1: width is 65; it must be 1 to 64 bits"),
        ({"steps": [{"use": "crc", "width": 10**30}]}, "step 1: width is 10*; it must be 1 to 64 bits"),
        ({"steps": [{"use": "crc", "width": 16, "polynomial": 0x8408}]}, "step 1: polynomial is 0x8408; it must end"),
        ({"steps": [{"use": "crc", "width": 16, "polynomial": 0x11021}]}, "step 1: polynomial 0x11021 does not fit"),
        (
            {"steps": [{"use": "crc", "name": "CRC-16/ARC", "packed": True, "little_endian": True}]},
            "step 1: little_endian is true",
        ),
        ({"steps": [{"use": "crc", "name": "CRC-16/ARC", "start": 0.5}]}, "step 1: start is 0.5; it must be .* bytes$"),
        (
            {"steps": [{"use": "crc", "name": "CRC-16/ARC", "packed": True, "at": 0.3}]},
            "step 1: at is 0.3; it must be 0 or more, and whole bytes, or bits$",
        ),
        ({"steps": [{"use": "rs", "polynomial": 10**30}]}, "step 1: polynomial is 10*; it must be of degree 3 to 16"),
        ({"steps": [{"use": "rs", "step": 10**30}]}, "step 1: first is 112 and step is 10*; they must be"),
        ({"steps": [{"use": "whitening"}]}, "step 1: whitening needs either sequence, or taps"),
        ({"steps": [{"use": "whitening", "taps": [9, 4], "seed": "1"}]}, "step 1: seed is '1'; it must be 9 bits"),
        ({"steps": [{"use": "whitening", "taps": ["a"], "seed": "1"}]}, "step 1: taps is"),
        ({"steps": [{"use": "length", "bytes": 9}]}, "step 1: at is 0, bytes 9"),
        ({"steps": [{"use": "length", "mask": 0x100}]}, "step 1: mask is 0x100"),
        ({"steps": [{"use": "length", "only": ["a"]}]}, "step 1: only is"),
        ({"steps": [{"use": "strip", "head": -1}]}, "step 1: head is -1; it must be 0 or more"),
        ({"steps": [{"use": "invert", "pattern": "2"}]}, "step 1: pattern is '2'"),
        ({"steps": [{"use": "rs", "parity": 1}]}, "step 1: parity is 1; it must be 2 to 254 symbols"),
        ({"steps": [{"use": "rs", "interleaving": 0}]}, "step 1: interleaving is 0"),
        ({"steps": [{"use": "deinterleave", "rows": 0}]}, "step 1: rows is 0; it must be 1 or more"),
        ({"steps": [{"use": "convolutional"}]}, "step 1: convolutional needs either code or generators"),
        ({"steps": [{"use": "convolutional", "generators": ["a"]}]}, "step 1: generators is"),
        ({"steps": [{"use": "convolutional", "generators": []}]}, "step 1: generators is"),
        ({"steps": [{"use": "convolutional", "code": "CCSDS", "inverted": [{}]}]}, "step 1: inverted is"),
        ({"steps": [{"use": "convolutional", "generators": [7]}]}, "step 1: 2 to 8 generators expected"),
        ({"steps": [{"use": "convolutional", "code": "CCSDS", "punctured": "112"}]}, "step 1: punctured is '112'"),
        (
            {"steps": [{"use": "convolutional", "code": "CCSDS", "punctured": "1100"}]},
            "step 1: punctured is '1100'; of each",
        ),
        ({"steps": [{"use": "tag", "words": {"XY": 1}}]}, "step 1: words is"),
        ({"steps": [{"use": "tag", "words": {"AB": 0}}]}, "step 1: words is"),
        ({"steps": [{"use": "until", "mark": "7"}]}, "step 1: mark is '7'"),
        ({"steps": [{"use": "padding", "mask": 0}]}, "step 1: at is 0, mask 0x0"),
        ({"steps": [{"use": "uart", "tolerance": 0.6}]}, "step 1: tolerance is 0.6"),
        ({"steps": [{"use": "constant", "value": "F"}]}, "step 1: value is 'F'"),
        ({"steps": [{"use": "cut", "at": -1}]}, "step 1: at is -1, bytes 1"),
        ({"steps": [{"use": "split", "size": 0}]}, "step 1: size is 0, head 0"),
        ({"steps": [{"use": "descramble", "taps": []}]}, "step 1: taps is"),
        ({"steps": [{"use": "descramble", "taps": [3], "seed": "1"}]}, "step 1: seed is '1'; it must be 3 bits"),
        ({"steps": [{"use": "rs", "parities": {"a": 3}}]}, "step 1: parities is"),
        ({"steps": [{"use": "length", "table": {"a": 3}}]}, "step 1: table is"),
        ({"steps": [{"use": "whitening", "hex": "F"}]}, "step 1: hex is 'F'"),
        ({"steps": [{"use": "crc", "name": "CRC-16/ARC", "at": -1}]}, "step 1: at is -1"),
        ({"steps": [{"use": "crc", "name": "CRC-16/ARC", "until": "7"}]}, "step 1: until is '7'"),
        ({"spacing": 300}, "spacing is 300; it must be 1 to 256"),
    ],
)
def test_faults_in_a_declaration_are_named(change: dict[str, Any], says: str) -> None:
    table = {"use": "declared", "name": "mine", "sync": "1ACFFC1D", "size": 100, **change}
    with pytest.raises(FlowgraphError, match="^here: " + says):
        build(table, "here", "framing")


SHIPPED = sorted({json.dumps(t.framing, sort_keys=True) for s in all_satellites() for t in s.transmitters})


@pytest.mark.parametrize("framing", SHIPPED)
def test_a_carrier_is_no_frame(framing: str) -> None:
    """Zeros are a word of every linear code, and have the checksum 0 where that begins with 0."""
    rng = np.random.default_rng(3)
    parts = []
    for i in range(40):
        before = rng.standard_normal if i % 2 else lambda n: rng.choice([-1.0, 1.0], n)
        parts += [before(int(rng.integers(50, 1500))), rng.choice([-1, 1]) + 0.1 * rng.standard_normal(4000)]
    assert run(build(json.loads(framing), "here", "framing"), np.concatenate(parts).astype(np.float32)) == []
