"""One framing with each thing that may be declared, sent and received."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from receiver.flowgraph import build
from receiver.synth.declared import bits_of
from tests.receiver.framing.jig import follows_the_law_of_chunks, run
from tests.receiver.framing.test_declared import sent, soft_of

BEST = {
    3: (0o5, 0o7),
    4: (0o15, 0o17),
    5: (0o23, 0o35),
    6: (0o53, 0o75),
    7: (0o171, 0o133, 0o165),
    8: (0o247, 0o371),
    9: (0o561, 0o753),
    10: (0o1131, 0o1537),
    11: (0o2473, 0o3217),
    12: (0o4325, 0o6747),
    13: (0o10627, 0o16765),
    14: (0o27251, 0o37363),
    15: (0o46321, 0o51271, 0o63667, 0o70535),
}
"""Convolutional codes of each constraint length."""


def convolutional(length: int) -> tuple[float, dict[str, Any]]:
    code = BEST[length]
    return len(code) * (8 * 40 + length - 1) / 8, {
        "use": "convolutional",
        "generators": list(code),
        "terminated": True,
    }


STEPS: dict[str, tuple[float, dict[str, Any]]] = {
    "an additive scrambler": (64, {"use": "whitening", "taps": [15, 14], "seed": "100101010000000"}),
    "one of bytes' last bits first": (64, {"use": "whitening", "taps": [7, 4], "seed": "1" * 7, "lsb_first": True}),
    "one of 64 bits": (64, {"use": "whitening", "taps": [64, 63, 61, 60], "seed": "01" * 32}),
    "PN9": (64, {"use": "whitening", "sequence": "PN9"}),
    "Si4463": (64, {"use": "whitening", "sequence": "Si4463"}),
    "a multiplicative scrambler": (64, {"use": "descramble", "taps": [3, 20], "seed": "1" * 20}),
    "one of three taps": (64, {"use": "descramble", "taps": [1, 2, 7]}),
    "differential": (64, {"use": "differential", "rule": "nrz-m"}),
    "Manchester": (128, {"use": "manchester", "one": "01"}),
    "an interleaver": (64, {"use": "deinterleave", "rows": 16, "columns": 32}),
    "the order of bits": (64, {"use": "reflect"}),
    "an interleaver by its places": (64, {"use": "deinterleave", "order": [(5 * i + 3) % 32 for i in range(32)]}),
    "one of bytes, backwards": (64, {"use": "deinterleave", "order": [2, 0, 3, 1], "unit": 8, "backwards": True}),
    "the order of bits behind a header": (64, {"use": "reflect", "start": 3}),
    "the order of bytes": (64, {"use": "deinterleave", "rows": 2, "unit": 8, "backwards": True}),
    "Golay": (120, {"use": "golay"}),
    "one Golay word": (64, {"use": "golay", "words": 2}),
    "cyclic Golay": (115, {"use": "bch", "n": 23, "polynomial": 0xC75}),
    "BCH": (126, {"use": "bch", "n": 63, "t": 5}),
    "BCH of 511 bits": (511, {"use": "bch", "n": 511, "k": 493}),
    "BCH of 1000 bits": (500, {"use": "bch", "n": 1000, "t": 40}),
    "BCH words before the rest": (
        64,
        {"use": "bch", "n": 31, "t": 2, "extended": True, "inverted_parity": True, "words": 8},
    ),
    "a Hamming word before the rest": (64.5, {"use": "hamming", "n": 8, "words": 3}),
    "a cyclic code": (155, {"use": "bch", "n": 31, "polynomial": 0x1D7B}),
    "Hamming (7,4)": (112, {"use": "hamming", "n": 7}),
    "Hamming (8,4)": (128, {"use": "hamming", "n": 8}),
    "Hamming (15,11)": (120, {"use": "hamming", "n": 15}),
    "Hamming (16,11)": (128, {"use": "bch", "n": 15, "polynomial": 0b10011, "extended": True}),
    "Hamming (31,26)": (124, {"use": "bch", "n": 31, "polynomial": 0b100101}),
    "repetition": (180, {"use": "repetition", "times": 3}),
    "Reed-Solomon": (63, {"use": "rs", "polynomial": 0x43, "parity": 20, "first": 0, "step": 2, "interleaving": 2}),
    "a pattern of odd length": (
        80,
        {"use": "convolutional", "generators": [0o7, 0o5], "punctured": "11011"},
    ),
    "rate 1/6": (
        240,
        {"use": "convolutional", "generators": [0o37, 0o33, 0o25, 0o27, 0o35, 0o31]},
    ),
    **{f"constraint length {length}": convolutional(length) for length in BEST},
}


def loops(table: dict[str, Any]) -> None:
    told, bits = sent({"use": "declared", "name": "mine", "sync": "1ACFFC1D", **table}, 2)
    stage = build({"use": "declared", "name": "mine", "sync": "1ACFFC1D", **table}, "here", "framing")
    frames = follows_the_law_of_chunks(stage, soft_of(bits, 1, 0.2))
    assert [frame.payload for frame in frames] == told


@pytest.mark.parametrize("name", STEPS)
def test_a_step(name: str) -> None:
    size, step = STEPS[name]
    loops({"size": size, "steps": [step, {"use": "crc", "name": "CRC-32/ISO-HDLC"}]})


@pytest.mark.parametrize(
    "table",
    [
        {"sync": "0b101100111000", "preamble": "AA", "tolerance": 0},
        {"sync": "1ACFFC1D5072F64B", "tolerance": 12},
        {"line": ["nrz-i"]},
        {
            "size": 63,
            "steps": [
                {"use": "whitening", "sequence": "CCSDS"},
                {"use": "deinterleave", "rows": 8, "columns": 63},
                {"use": "cut", "at": 9, "bytes": 3},
                {"use": "rs"},
            ],
        },
        {"line": ["nrz-m"]},
        {"line": ["nrz-i", "g3ruh"]},
        {"line": [[3, 20], "nrz-m"]},
        {"line": [[1, 2, 7, 11, 13, 31]]},
        {"steps": [{"use": "crc", "width": 24, "polynomial": 0x864CFB, "initial": 0xB704CE}]},
        {"steps": [{"use": "crc", "width": 64, "polynomial": 0x42F0E1EBA9EA3693, "little_endian": True}]},
        {"steps": [{"use": "crc", "name": "CRC-12/DECT"}]},
        {"steps": [{"use": "crc", "name": "CRC-15/CAN", "little_endian": True, "at": 3}]},
        {"size": 63.875, "steps": [{"use": "crc", "name": "CRC-15/MPT1327", "packed": True}]},
        {"size": 30.5, "steps": [{"use": "crc", "name": "CRC-16/DNP", "packed": True, "start": 0.25, "at": 10.375}]},
        {
            "size": 300,
            "steps": [
                {"use": "length", "bytes": 2, "unit": 0.125, "add": 4},
                {"use": "crc", "name": "CRC-16/KERMIT"},
                {"use": "strip", "head": 2},
            ],
        },
        {"size": 65, "steps": [{"use": "strip", "tail": 0.75}, {"use": "crc", "name": "CRC-10/ATM", "packed": True}]},
        {"sync": "1ACFFC1D5072F64B", "steps": [{"use": "crc", "name": "CRC-5/USB", "packed": True}]},
        {"sync": "1ACFFC1D5072F64B", "steps": [{"use": "crc", "name": "CRC-5/USB", "start": 2}]},
        {
            "size": 300,
            "steps": [
                {"use": "length", "bytes": 2, "mask": 0x0FFF, "little_endian": True, "add": 6},
                {"use": "crc", "name": "CRC-32/ISO-HDLC"},
                {"use": "strip", "head": 2},
            ],
        },
    ],
    ids=str,
)
def test_what_stands_about_the_steps(table: dict[str, Any]) -> None:
    loops({"size": 64, "steps": [{"use": "crc", "name": "CRC-32/ISO-HDLC"}], **table})


PROTOCOLS: dict[str, dict[str, Any]] = {
    "Si4463, two fields with a checksum each": {
        "sync": "2DD4",
        "preamble": "AA",
        "size": 300,
        "steps": [
            {"use": "whitening", "sequence": "Si4463"},
            {"use": "length", "bytes": 2, "mask": 0x1FFF, "add": 6, "least": 1},
            {"use": "crc", "name": "CRC-16/IBM-3740", "stop": 2, "at": 2},
            {"use": "crc", "name": "CRC-16/IBM-3740", "start": 2},
            {"use": "strip", "head": 2},
        ],
    },
    "LoRaWAN's FSK, SX1276": {
        "sync": "C194C1",
        "preamble": "AA",
        "size": 258,
        "steps": [
            {"use": "whitening", "sequence": "PN9"},
            {"use": "length", "add": 3, "least": 1},
            {"use": "crc", "width": 16, "polynomial": 0x1021, "initial": 0x1D0F, "final": 0xFFFF},
            {"use": "strip", "head": 1},
        ],
    },
    "M17, link setup": {
        "sync": "55F7",
        "preamble": "77",
        "size": 46,
        "steps": [
            {"use": "whitening", "hex": "D6B5E23082FF8462BA4E969098D89FC5A3F1D3E85C" + 25 * "5A"},
            {"use": "deinterleave", "order": [(45 * i + 92 * i * i) % 368 for i in range(368)]},
            {
                "use": "convolutional",
                "generators": [0o23, 0o35],
                "terminated": True,
                "punctured": "1" + 15 * "1011",
            },
            {"use": "crc", "name": "CRC-16/M17"},
        ],
    },
    "DMR, rows of a block product turbo code": {
        "sync": "DFF57D75DF5D",
        "size": 24.5,
        "steps": [
            {"use": "deinterleave", "order": [13 * i % 196 for i in range(196)]},
            {"use": "strip", "head": 0.125},
            {"use": "bch", "n": 15, "polynomial": 0x13},
            {"use": "strip", "head": 0.375, "tail": 5.5},
            {"use": "crc", "width": 16, "polynomial": 0x1021, "final": 0x3333},
        ],
    },
    "wireless M-Bus, mode C, frame format B": {
        "sync": "543D543D",
        "size": 128,
        "steps": [
            {"use": "length", "add": 1, "least": 12},
            {"use": "crc", "name": "CRC-16/EN-13757"},
            {"use": "strip", "head": 1},
        ],
    },
    "POCSAG, a batch": {
        "sync": "7CD215D8",
        "preamble": "AA",
        "size": 64,
        "steps": [{"use": "bch", "n": 31, "polynomial": 0x769, "extended": True}],
    },
    "GomSpace's length in a Golay word, a Reed-Solomon word behind it": {
        "sync": "930B51DE",
        "size": 258,
        "steps": [
            {"use": "golay", "words": 1},
            {"use": "length", "bytes": 2, "mask": 0x0FF0, "add": 1.5, "least": 33},
            {"use": "strip", "head": 1.5},
            {"use": "whitening", "sequence": "CCSDS"},
            {"use": "rs", "basis": "conventional"},
        ],
    },
    "Bluetooth Low Energy, channel 37": {
        "sync": "6B7D9171",
        "size": 260,
        "steps": [
            {"use": "whitening", "taps": [7, 3], "seed": "1011000"},
            {"use": "reflect"},
            {"use": "length", "at": 1, "add": 5},
            {"use": "crc", "name": "CRC-24/BLE", "little_endian": True},
        ],
    },
    "IEEE 802.15.4, smart utility networks": {
        "sync": "904E",
        "preamble": "55",
        "size": 300,
        "steps": [
            {"use": "whitening", "sequence": "PN9", "start": 2},
            {"use": "reflect", "start": 2},
            {"use": "length", "bytes": 2, "mask": 0x07FF, "add": 2, "least": 5},
            {"use": "crc", "name": "CRC-32/ISO-HDLC", "start": 2, "little_endian": True},
            {"use": "strip", "head": 2},
        ],
    },
    "ADS-B": {
        "sync": "0b1010000101000000",
        "inverted": False,
        "size": 28,
        "steps": [{"use": "manchester"}, {"use": "crc", "width": 24, "polynomial": 0xFFF409}],
    },
    "MPT 1327, a code word": {
        "sync": "C4D7",
        "preamble": "AA",
        "size": 8,
        "steps": [{"use": "strip", "tail": 0.125}, {"use": "crc", "name": "CRC-15/MPT1327", "packed": True}],
    },
}


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_protocol(name: str) -> None:
    loops(PROTOCOLS[name])


@pytest.mark.parametrize("name", PROTOCOLS)
def test_no_frames_without_a_signal(name: str) -> None:
    """Noise, a carrier and an alternating one, with up to 32 bits of the sync word among them now and then."""
    stage = build({"use": "declared", "name": "mine", **PROTOCOLS[name]}, "here", "framing")
    rng, n = np.random.default_rng(7), 60_000
    sync = 2 * bits_of(PROTOCOLS[name]["sync"]).astype(np.float32)[:32] - 1
    for x in (rng.standard_normal(n), 1 + 0.2 * rng.standard_normal(n), np.tile([1.0, -1.0], n // 2)):
        for at in range(0, n - 6000, 2000):
            x[at : at + len(sync)] = sync
        assert run(stage, x.astype(np.float32)) == []
