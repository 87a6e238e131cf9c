"""Reed-Solomon words of symbols of any size as a step of a declared framing: loops, cuts, evidence, noise, faults."""

from __future__ import annotations

from math import comb
from typing import Any

import numpy as np
import pytest

from receiver.coding import Block, Failed
from receiver.coding.rs import Rs, _jointly
from receiver.errors import FlowgraphError
from receiver.flowgraph import build
from receiver.framing._block import correct, pack, reliability, unpack, word_chance
from receiver.synth.declared import _STEPS
from tests.receiver.framing.jig import follows_the_law_of_chunks, run
from tests.receiver.framing.test_declared import sent, soft_of

CRC = {"use": "crc", "name": "CRC-16/IBM-3740"}


def code(polynomial: int, parity: int, first: int = 1, step: int = 1, **more: Any) -> dict[str, Any]:
    return {"use": "rs", "polynomial": polynomial, "parity": parity, "first": first, "step": step, **more}


def declared(size: float, *steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"use": "declared", "name": "mine", "sync": "1ACFFC1D", "size": size, "steps": list(steps), **more}


FRAMINGS = {
    "GF(8), 8 words": declared(21, code(0xB, 4, interleaving=8), CRC),
    "GF(16), one word": declared(7.5, code(0x13, 6)),
    "GF(16), 4 words, a checksum": declared(30, code(0x13, 6, interleaving=4), CRC),
    "GF(32)": declared(19.375, code(0x25, 9, 0, 3)),
    "P25": declared(18, code(0x43, 12)),
    "JT65": declared(47.25, code(0x43, 51, 3)),
    "GF(64), interleaved, whitened": declared(
        72, {"use": "whitening", "sequence": "PN9"}, code(0x43, 16, interleaving=4), CRC
    ),
    "GF(128)": declared(77, code(0x89, 20, 120), CRC),
    "GF(256), more parity": declared(200, code(0x11D, 80, 0)),
    "CCSDS, E = 8": declared(127, code(0x187, 16, 120, 11)),
    "CCSDS, E = 8, conventional, interleaved": declared(128, code(0x187, 16, 120, 11, basis="conventional"), CRC),
    "GF(1024)": declared(125, code(0x409, 20, 5, 7)),
    "GF(1024), interleaved, coded": declared(
        200,
        {"use": "convolutional", "code": "CCSDS"},
        code(0x409, 14, interleaving=2),
    ),
    "GF(4096)": declared(300, code(0x1069, 16)),
    "GF(65536)": declared(256, code(0x1100B, 16)),
}


@pytest.mark.parametrize("table", FRAMINGS.values(), ids=FRAMINGS)
def test_frames_come_back_however_the_input_is_cut(table: dict[str, Any]) -> None:
    told, bits = sent(table, 3, seed=2)
    frames = follows_the_law_of_chunks(build(table, "here", "framing"), soft_of(bits, 1, 0.2))
    assert [frame.payload for frame in frames] == told
    assert all(frame.false_alarm is not None and frame.false_alarm <= 1e-12 for frame in frames)
    assert {frame.corrected for frame in frames} == {0}
    assert [frame.payload for frame in run(build(table, "here", "framing"), -soft_of(bits, 3, 0.2))] == told


@pytest.mark.parametrize("name", [name for name in FRAMINGS if "coded" not in name])
def test_wrong_symbols_are_corrected(name: str) -> None:
    """In each word one, all of its bits and these the surest."""
    table = FRAMINGS[name]
    told, bits = sent(table, 1)
    step = next(one for one in table["steps"] if one["use"] == "rs")
    width = step["polynomial"].bit_length() - 1
    soft = soft_of(bits, 1, 0.1)
    start = len(soft) - 60 - 5 * 8 - round(8 * table["size"])
    for word in range(step.get("interleaving", 1)):
        soft[start + word * width : start + (word + 1) * width] *= -3
    frames = run(build(table, "here", "framing"), soft)
    assert [frame.payload for frame in frames] == told
    assert frames[0].corrected == step.get("interleaving", 1)


@pytest.mark.parametrize("table", FRAMINGS.values(), ids=FRAMINGS)
@pytest.mark.parametrize("kind", ["noise", "carrier", "alternating", "quarter"])
def test_no_frames_without_a_signal(table: dict[str, Any], kind: str) -> None:
    rng, n = np.random.default_rng(7), 30_000
    x = {
        "noise": rng.standard_normal(n),
        "carrier": np.ones(n),
        "alternating": np.tile([1.0, -1.0], n // 2),
        "quarter": np.tile([1.0, 1.0, -1.0, -1.0], n // 4),
    }[kind].astype(np.float32)
    word = 1 - 2.0 * np.unpackbits(np.frombuffer(bytes.fromhex("1ACFFC1D"), np.uint8))
    for at in range(0, n - 5000, 5000):
        x[at : at + 32] = -word * [1 if i not in (3, 9) else -1 for i in range(32)]
    assert run(build(table, "here", "framing"), x) == []


def test_a_length_counts_bytes() -> None:
    """What fills no symbol behind the last one is left out."""
    table = declared(200, {"use": "length", "add": 1}, code(0x409, 10), {"use": "strip", "head": 1})
    told, bits = sent(table, 5)
    assert len({len(one) for one in told}) > 1
    frames = run(build(table, "here", "framing"), soft_of(bits, 1, 0.15))
    assert [frame.payload for frame in frames] == told


def test_parity_may_hang_on_the_length() -> None:
    sizes = {"20": 8, "40": 16}
    table = declared(30, code(0x43, 16, parities=sizes)) | {"size": [15, 30]}
    for size, parity in ((15, 8), (30, 16)):
        told, bits = sent({**table, "size": size}, 2)
        assert len(told[0]) == (8 * size - 6 * parity) // 8
        assert [frame.payload for frame in run(build(table, "here", "framing"), soft_of(bits, 1, 0.1))] == told


def block_of(step: dict[str, Any], symbols: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Data and what is sent for them, bits; so many symbols of data."""
    width = step["polynomial"].bit_length() - 1
    data = np.random.default_rng(seed).integers(0, 2, symbols * width).astype(np.uint8)
    return data, _STEPS["rs"](data, step)


@pytest.mark.parametrize(("polynomial", "parity", "n"), [(0x13, 6, 15), (0x43, 12, 24), (0x409, 20, 80)])
def test_the_least_sure_symbols_are_given_up(polynomial: int, parity: int, n: int) -> None:
    """More are wrong than the code bears without knowing where."""
    step = code(polynomial, parity)
    data, bits = block_of(step, n - parity, 1)
    width = polynomial.bit_length() - 1
    rng = np.random.default_rng(2)
    soft = ((2.0 * bits - 1) * rng.uniform(0.8, 1.2, len(bits))).reshape(n, width)
    given_up = parity // 2 // 2 * 2 if parity < 16 else 8
    wrong = rng.choice(n, (parity - given_up) // 2 + given_up, replace=False)
    assert len(wrong) > parity // 2
    soft[wrong[:given_up]] *= -0.05
    soft[wrong[given_up:]] *= -2
    block = Block(soft.astype(np.float32).ravel(), 1e-12, 1.0)
    Rs(**{key: value for key, value in step.items() if key != "use"}).undo(block)
    assert ((block.soft > 0) == data).all()
    assert block.corrected == len(wrong)
    assert block.integrity == "rs"


@pytest.mark.parametrize(("bits", "n", "parity", "errors"), [(4, 15, 6, 2), (6, 24, 12, 3), (10, 100, 8, 4)])
def test_the_chance_of_noise_is_the_balls_share(bits: int, n: int, parity: int, errors: int) -> None:
    q = 2**bits
    share = sum(comb(n, e) * (q - 1) ** e for e in range(errors + 1)) / q**parity
    assert word_chance(n, errors, 0, parity, bits) == pytest.approx(share)
    given = sum(comb(n - 2, e) * (q - 1) ** e for e in range(errors)) * q**2 / q**parity
    assert word_chance(n, errors - 1, 2, parity, bits) == pytest.approx(given)


@pytest.mark.parametrize(
    "step", [code(0x13, 6), code(0x13, 4, interleaving=3), code(0x43, 4, interleaving=2), code(0xB, 4, interleaving=4)]
)
def test_noise_is_no_likelier_than_it_is_said(step: dict[str, Any]) -> None:
    """Of random blocks, no larger a part than p reaches a chance of p or less, before softness is used."""
    rng, made = np.random.default_rng(5), Rs(**{key: value for key, value in step.items() if key != "use"})
    width, depth = made.width, made.interleaving
    size = min(15, (1 << width) - 1)
    chances = []
    for _ in range(20000):
        block = Block((2.0 * rng.integers(0, 2, size * depth * width) - 1).astype(np.float32), 1.0, 1.0)
        block.decided = True
        try:
            made.undo(block)
            chances.append(block.chance)
        except Failed:
            chances.append(1.0)
    for p in (0.1, 0.01, 0.001):
        assert np.mean(np.array(chances) <= p) <= p + 3 * np.sqrt(p / len(chances))


def test_words_together() -> None:
    """The product of evenly distributed numbers."""
    assert _jointly([0.03]) == pytest.approx(0.03)
    assert _jointly([1.0, 1.0]) == 1.0
    assert _jointly([0.0, 1e-200]) == 0.0
    draws = np.random.default_rng(0).random((200_000, 3))
    for row in ([0.5, 0.1, 0.3], [0.01, 0.2, 0.9]):
        assert _jointly(row) == pytest.approx(np.mean(draws.prod(axis=1) <= np.prod(row)), rel=0.05)


def test_symbols_are_packed_most_significant_bit_first() -> None:
    bits = np.unpackbits(np.frombuffer(bytes.fromhex("1ACFFC1D00"), np.uint8))
    assert pack(bits, 10).tolist() == [0x06B, 0x0FF, 0x307, 0x100]
    assert (unpack(pack(bits, 10), 10) == bits).all()
    assert pack(bits, 8).tobytes() == bytes.fromhex("1ACFFC1D00")
    assert reliability(np.array([3, -1, 2, -5, 4, 6, 7], np.float32), 3).tolist() == [1, 4]


def test_flips_of_long_words_are_few() -> None:
    """A word of 16-bit symbols is given up in bearable time, one with a weak wrong symbol is not lost."""
    made = Rs(polynomial=0x1100B, parity=200, first=1, step=1)
    word = np.random.default_rng(0).integers(0, 1 << 16, 20000).astype(np.uint16)
    assert correct(word, None, 1.0, np.eye(8, len(word), dtype=np.uint16), made._codes[0]) is None


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"steps": [code(0x43, 12)], "size": 20}, "step 1: 160 bits of a frame of 20 B come to it; they must be"),
        ({"steps": [code(0x43, 12)], "size": [18, 20]}, "step 1: 160 bits of a frame of 20 B"),
        ({"steps": [code(0x43, 12, interleaving=4)], "size": 28.5}, "symbols of 6 bits, 4 words of them$"),
        (
            {"steps": [{"use": "convolutional", "code": "CCSDS", "terminated": True}, code(0x409, 12)], "size": 76.25},
            "step 2: 299 bits of a frame of 76.25 B",
        ),
        ({"steps": [code(0x43, 63)]}, "step 1: parity is 63; it must be 2 to 62 symbols of 6 bits"),
        ({"steps": [code(0x43, 12, 63)]}, "step 1: first is 63 and step is 1; they must be 0 to 62 and 1 to 62"),
        ({"steps": [code(0x43, 12, 1, 3)]}, "step 1: step is 3; it must have no divisor in common with 63"),
        ({"steps": [code(0x5, 2)]}, "step 1: polynomial is 5; it must be of degree 3 to 16"),
        ({"steps": [code(0x57, 12)]}, "step 1: polynomial is 0x57; it must be primitive"),
        ({"steps": [code(0x11B, 12)]}, "step 1: polynomial is 0x11b; it must be primitive: .* all 255 symbols"),
        ({"steps": [code(0x11D, 16, basis="dual")]}, "step 1: basis is 'dual'; of polynomial 0x11d there is only"),
        ({"steps": [code(0x43, 12, parities={"20": 99})]}, "step 1: parities is .* 2 to 62 symbols"),
    ],
)
def test_faults_in_a_declaration_are_named(change: dict[str, Any], says: str) -> None:
    table = {"use": "declared", "name": "mine", "sync": "1ACFFC1D", "size": 100, **change}
    with pytest.raises(FlowgraphError, match="^here: .*" + says):
        build(table, "here", "framing")
