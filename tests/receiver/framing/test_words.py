"""Short codes, copies and Manchester symbols as steps of a declared framing: published words, loops, cuts, noise."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.coding import Block, Failed
from receiver.coding._words import repeats
from receiver.coding.bch import Bch, _generators
from receiver.coding.golay import Golay
from receiver.coding.hamming import Hamming
from receiver.coding.manchester import Manchester
from receiver.coding.repetition import Repetition
from receiver.errors import FlowgraphError
from receiver.flowgraph import build
from receiver.synth.codes import bch_generator
from receiver.synth.declared import _STEPS
from receiver.synth.framing import encoder
from receiver.synth.payloads import payloads
from tests.fuzz import FUZZ
from tests.receiver.framing.jig import follows_the_law_of_chunks, run

STEPS: list[dict[str, Any]] = [
    {"use": "bch", "n": 31, "k": 21},
    {"use": "bch", "n": 31, "t": 2, "extended": True},
    {"use": "bch", "n": 26, "polynomial": 0x769},
    {"use": "bch", "n": 63, "k": 45, "backwards": True},
    {"use": "bch", "n": 63, "polynomial": 0xC5, "inverted_parity": True},
    {"use": "bch", "n": 15, "k": 5, "parity_first": True},
    {"use": "bch", "n": 23, "polynomial": 0xC75, "extended": True, "parity_first": True, "backwards": True},
    {"use": "bch", "n": 127, "k": 113},
    {"use": "bch", "n": 63, "t": 5},
    {"use": "bch", "n": 127, "k": 64, "extended": True, "backwards": True, "inverted_parity": True},
    {"use": "hamming"},
    {"use": "hamming", "n": 8, "parity_first": True},
    {"use": "hamming", "n": 12, "form": "by place"},
    {"use": "hamming", "n": 15},
    {"use": "golay"},
    {"use": "golay", "parity_first": False},
    {"use": "repetition"},
    {"use": "repetition", "times": 2, "whole": True},
    {"use": "manchester"},
    {"use": "manchester", "one": "01"},
]
MADE = {"bch": Bch, "hamming": Hamming, "golay": Golay, "repetition": Repetition, "manchester": Manchester}


def made(table: dict[str, Any]) -> Any:
    return MADE[table["use"]](**{key: value for key, value in table.items() if key != "use"})


def framing(step: dict[str, Any], checked: bool = True) -> dict[str, Any]:
    """Of some 60 bytes, in whole words."""
    code = made(step)
    size = (code.before(8 * 60) + 7) // 8 if step["use"] in ("repetition", "manchester") else code.before(8 * 60) / 8
    check = [{"use": "crc", "name": "CRC-16/IBM-3740"}] if checked else []
    return {"use": "declared", "name": "mine", "sync": "1ACFFC1D", "size": size, "steps": [step, *check]}


def signal(table: dict[str, Any], count: int, noise: float, seed: int = 0) -> tuple[list[bytes], np.ndarray]:
    code, rng = encoder(table), np.random.default_rng(seed)
    told, bits = [], [code.begin(6).bits]
    for payload in payloads(table, count, seed):
        piece = code.frame(payload)
        told.append(piece.payload or b"")
        bits += [piece.bits, code.end(5).bits]
    x = np.concatenate([rng.standard_normal(300), 2.0 * np.concatenate(bits) - 1, rng.standard_normal(60)])
    return told, (x + noise * rng.standard_normal(len(x))).astype(np.float32)


@pytest.mark.parametrize("step", STEPS, ids=str)
def test_frames_come_back_however_the_input_is_cut(step: dict[str, Any]) -> None:
    table = framing(step)
    told, soft = signal(table, 3, 0.3)
    frames = follows_the_law_of_chunks(build(table, "here", "framing"), soft)
    assert [frame.payload for frame in frames] == told
    assert all(frame.false_alarm is not None and frame.false_alarm <= 1e-12 for frame in frames)
    assert [frame.payload for frame in run(build(table, "here", "framing"), -soft)] == told


@pytest.mark.parametrize("step", STEPS, ids=str)
def test_the_code_alone_bears_a_frame_out(step: dict[str, Any]) -> None:
    table = framing(step, checked=False)
    told, soft = signal(table, 2, 0.2)
    assert [frame.payload for frame in run(build(table, "here", "framing"), soft)] == told


@pytest.mark.parametrize("step", STEPS, ids=str)
@pytest.mark.parametrize("kind", ["noise", "bits", "carrier", "alternating", "quarter"])
def test_no_frames_without_a_signal(step: dict[str, Any], kind: str) -> None:
    rng = np.random.default_rng(7)
    n = 60_000
    x = {
        "noise": rng.standard_normal(n),
        "bits": 2.0 * rng.integers(0, 2, n) - 1,
        "carrier": 1 + 0.2 * rng.standard_normal(n),
        "alternating": np.tile([1.0, -1.0], n // 2),
        "quarter": np.tile([1.0, 1.0, -1.0, -1.0], n // 4),
    }[kind].astype(np.float32)
    table = framing(step, checked=False)
    word = 1 - 2.0 * np.unpackbits(np.frombuffer(bytes.fromhex("1ACFFC1D"), np.uint8))
    for at in range(0, n - 6000, 6000):
        x[at : at + 32] = -word * [1 if i not in (3, 9) else -1 for i in range(32)]
    assert run(build(table, "here", "framing"), x) == []


@pytest.mark.parametrize("step", STEPS, ids=str)
def test_a_sync_word_too_early_makes_no_frame_out_of_the_next(step: dict[str, Any]) -> None:
    """Behind it there is a code, too, a whole number of words before the frame."""
    table = framing(step, checked=False)
    told, soft = signal(table, 1, 0.05)
    n = getattr(getattr(made(step), "_words", None), "n", 6)
    start = 300 + len(encoder(table).begin(6).bits)
    word = 2.0 * np.unpackbits(np.frombuffer(bytes.fromhex("1ACFFC1D"), np.uint8)) - 1
    word[[3, 17, 28]] *= -1
    early = start - max(n, 60 // n * n)
    soft[early - 32 : early] = word
    assert [frame.payload for frame in run(build(table, "here", "framing"), soft)] == told


@pytest.mark.parametrize("step", STEPS, ids=str)
def test_a_length_in_the_code_is_read_early(step: dict[str, Any]) -> None:
    if step.get("whole"):
        pytest.skip("the length of copies of the whole is not in their beginning")
    table = {**framing(step), "size": 1000}
    table["steps"] = [step, {"use": "length", "add": 3}, *table["steps"][1:], {"use": "strip", "head": 1}]
    told, soft = signal(table, 4, 0.2)
    assert len({len(one) for one in told}) > 1
    frames = run(build(table, "here", "framing"), soft)
    assert [frame.payload for frame in frames] == told


def words(step: dict[str, Any], count: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Data and their words, (count, n)."""
    code = made(step)._words
    data = np.random.default_rng(seed).integers(0, 2, count * code.k).astype(np.uint8)
    return data, _STEPS[step["use"]](data, step).reshape(count, code.n)


@pytest.mark.parametrize(
    ("step", "errors"),
    [
        ({"use": "bch", "n": 31, "k": 21}, 2),
        ({"use": "bch", "n": 63, "k": 51}, 2),
        ({"use": "bch", "n": 32 - 1, "polynomial": 0x769, "extended": True}, 2),
        ({"use": "bch", "n": 63, "k": 45}, 3),
        ({"use": "bch", "n": 15, "k": 7}, 2),
        ({"use": "hamming", "n": 12}, 1),
        ({"use": "golay"}, 3),
        ({"use": "bch", "n": 23, "polynomial": 0xAE3}, 3),
    ],
    ids=str,
)
def test_errors_that_a_code_bears(step: dict[str, Any], errors: int) -> None:
    """All of them, in hard bits; and what the softness adds: twice as many where they are the least sure."""
    code = made(step)
    data, sent = words(step, 8)
    patterns = list(combinations(range(sent.shape[1]), errors))
    rng = np.random.default_rng(0)
    for i in rng.choice(len(patterns), 60):
        hard = sent.copy()
        hard[:, list(patterns[i])] ^= 1
        block = Block((2.0 * hard - 1).astype(np.float32).ravel(), 1.0, 1.0)
        code.undo(block)
        assert ((block.soft > 0) == data).all()
        assert block.corrected == errors * len(sent)
    soft = 2.0 * sent - 1
    soft[:, rng.choice(sent.shape[1], 2 * errors, replace=False)] *= -0.05
    block = Block(soft.astype(np.float32).ravel(), 1.0, 1.0)
    code.undo(block)
    assert ((block.soft > 0) == data).all()


@pytest.mark.parametrize(
    ("step", "errors"),
    [
        ({"use": "bch", "n": 63, "t": 5}, 5),
        ({"use": "bch", "n": 120, "t": 10, "parity_first": True, "extended": True}, 10),
        ({"use": "bch", "n": 255, "t": 18}, 18),
        ({"use": "bch", "n": 511, "t": 10}, 10),
        ({"use": "bch", "n": 1000, "t": 30, "extended": True}, 30),
        ({"use": "bch", "n": 63, "polynomial": bch_generator({"n": 63, "t": 6})}, 6),
    ],
    ids=str,
)
def test_many_errors_that_a_code_bears(step: dict[str, Any], errors: int) -> None:
    """In hard bits of one sureness; one more is refused or makes another word."""
    code, rng = made(step), np.random.default_rng(4)
    data, sent = words(step, 6)
    for more in (0, 1):
        hard = sent.copy()
        for row in hard:
            row[rng.choice(len(row), errors + more, replace=False)] ^= 1
        block = Block((2.0 * hard - 1).astype(np.float32).ravel(), 1.0, 1.0)
        if more:
            block.soft *= rng.uniform(0.9, 1.1, len(block.soft)).astype(np.float32)
        try:
            code.undo(block)
        except Failed:
            assert more
            continue
        assert more or (((block.soft > 0) == data).all() and block.corrected == errors * len(sent))


def test_generators_are_those_that_are_published() -> None:
    """S. Lin and D. Costello, "Error control coding", appendix C; POCSAG's in ITU-R M.584; ITU-T H.261, section 5.4."""
    for n, k, octal in [(15, 7, 0o721), (15, 5, 0o2467), (31, 21, 0o3551), (31, 16, 0o107657), (63, 51, 0o12471)]:
        assert bch_generator({"n": n, "k": k}) == octal
        assert octal in _generators({15: 0b10011, 31: 0b100101, 63: 0b1000011}[n], n).values()
    assert _generators(0b1000011, 63)[3] == 0o1701317
    # (x^9 + x^4 + 1) (x^9 + x^6 + x^4 + x^3 + 1)
    product = int("".join(map(str, np.polymul([1, 0, 0, 0, 0, 1, 0, 0, 0, 1], [1, 0, 0, 1, 0, 1, 1, 0, 0, 1]) % 2)), 2)
    assert product == bch_generator({"n": 511, "k": 493}) == _generators(0b1000010001, 511)[2]


def test_pocsags_idle_word() -> None:
    """7A89C197 (ITU-R M.584)."""
    bits = np.unpackbits(np.frombuffer(bytes.fromhex("7A89C197"), np.uint8))
    block = Block((2.0 * bits - 1).astype(np.float32), 1.0, 1.0)
    made({"use": "bch", "n": 31, "k": 21, "extended": True}).undo(block)
    assert (block.corrected, int("".join(map(str, (block.soft > 0).astype(int))), 2)) == (0, 0x7A89C197 >> 11)


@pytest.mark.parametrize("step", [s for s in STEPS if s["use"] in ("bch", "hamming", "golay")], ids=str)
def test_soft_bits_halve_what_is_wrong(step: dict[str, Any]) -> None:
    code = made(step)
    data, sent = words(step, 400)
    # where a word is refused, all bits count as wrong
    noise = (0.45 if code.rate() > 0.8 else 0.55 if code._words.n > 64 else 0.6) * np.random.default_rng(
        3
    ).standard_normal(sent.shape)
    soft = (2.0 * sent - 1 + noise).astype(np.float32)
    wrong = []
    for x in (soft, np.sign(soft)):
        block = Block(x.ravel(), 1.0, 1.0)
        try:
            code.undo(block)
            wrong.append(int(np.count_nonzero((block.soft > 0) != data)))
        except Failed:
            wrong.append(len(data))
    assert wrong[0] < wrong[1] / 2 or wrong[0] == 0


@FUZZ
@given(st.integers(0, len(STEPS) - 1), st.lists(st.floats(-3, 3, width=32), max_size=300))
def test_evidence_of_anything_is_a_probability(which: int, values: list[float]) -> None:
    block = Block(np.array(values, np.float32), 0.5, 1.0)
    try:
        made(STEPS[which]).undo(block)
    except Failed:
        return
    assert 0 < block.chance <= 0.5
    assert block.soft.dtype == np.float32


@pytest.mark.parametrize(
    "step",
    [
        {"use": "hamming"},
        {"use": "golay"},
        {"use": "repetition"},
        {"use": "manchester"},
        {"use": "bch", "n": 15, "k": 7},
        {"use": "bch", "n": 15, "k": 11, "extended": True},
    ],
    ids=str,
)
def test_noise_is_no_likelier_than_it_is_said(step: dict[str, Any]) -> None:
    """Of random blocks, no larger a part than p reaches a chance of p or less."""
    rng, code = np.random.default_rng(5), made(step)
    chances = []
    for _ in range(4000):
        block = Block(rng.standard_normal(48).astype(np.float32), 1.0, 1.0)
        try:
            code.undo(block)
            chances.append(block.chance)
        except Failed:
            chances.append(1.0)
    for p in (0.5, 0.1, 0.01, 0.001):
        assert np.mean(np.array(chances) <= p) <= p + 3 * np.sqrt(p / 4000)


def test_what_repeats() -> None:
    assert repeats(np.tile([True, False, False], 20))
    assert not repeats(np.random.default_rng(0).random(200) > 0.5)
    assert not repeats(np.ones(1, bool))


@pytest.mark.parametrize(
    ("step", "says"),
    [
        ({"use": "bch", "n": 31}, "needs one of k, t and polynomial"),
        ({"use": "bch", "n": 31, "k": 20}, "of 31 bits there are, next to that, k = 21 (t = 2), k = 16"),
        ({"use": "bch", "n": 20, "t": 9}, "of 20 bits there are, next to that, k = 5 (t = 3), k = 10 (t = 2)"),
        ({"use": "bch", "n": 1, "k": 1}, "n is 1"),
        ({"use": "bch", "n": 1024, "t": 2}, "n is 1024; it must be 3 to 1023 bits"),
        ({"use": "bch", "n": 1023, "t": 150}, "t is 150; it must be up to 128"),
        ({"use": "bch", "n": 31, "k": 21, "field": 0b111111}, "must be primitive, of degree 5"),
        ({"use": "bch", "n": 31, "polynomial": 4}, "polynomial is 0x4"),
        ({"use": "bch", "n": 31, "k": 4, "polynomial": 0x769}, "k is 4; by the polynomial it is 21"),
        ({"use": "bch", "n": 255, "polynomial": 0x1D7B, "t": 8}, "more than the decoder can bear"),
        ({"use": "hamming", "n": 9}, "n is 9"),
        ({"use": "repetition", "times": 1}, "times is 1"),
        ({"use": "manchester", "one": "11"}, "one is '11'"),
    ],
    ids=str,
)
def test_faults_are_named(step: dict[str, Any], says: str) -> None:
    table = {"use": "declared", "name": "mine", "sync": "1ACFFC1D", "size": 60, "steps": [step]}
    with pytest.raises(FlowgraphError) as error:
        build(table, "here", "framing")
    assert says in str(error.value)
