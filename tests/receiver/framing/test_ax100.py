from __future__ import annotations

import numpy as np
import pytest

from receiver.framing.ax100 import Ax100
from tests import reference
from tests.receiver.framing.jig import STEP, follows_the_law_of_chunks, joined, run

PAYLOADS = [bytes(range(7, 7 + n)) for n in (1, 38, 222)]


def symbols(mode: str, noise: float = 0.0, seed: int = 0, invert: bool = False) -> np.ndarray:
    encode = reference.ax100 if mode == "ASM+Golay" else reference.ax100_reed_solomon
    bits = joined([encode(p) for p in PAYLOADS], seed=seed)
    if mode == "Reed Solomon":
        bits = reference.g3ruh(bits)
    return (-1 if invert else 1) * reference.soft(bits, noise, seed)


@pytest.mark.parametrize("mode", ["ASM+Golay", "Reed Solomon"])
@pytest.mark.parametrize("invert", [False, True])
def test_frames_come_out_whole(mode: str, invert: bool) -> None:
    frames = follows_the_law_of_chunks(Ax100(mode), symbols(mode, 0.3, invert=invert))
    # an inverted stream stays inverted behind a descrambler with an even number of taps
    assert [f.payload for f in frames] == PAYLOADS
    for f in frames:
        assert f.framing == f"AX100 {mode}"
        assert f.integrity == "rs"
        assert f.corrected is not None
        assert f.sync_errors is not None
        assert f.false_alarm is not None
        assert f.false_alarm < 1e-12
        assert f.snr_db == pytest.approx(-20 * np.log10(0.3) - 10 * np.log10(2), abs=1)
    header = 24 if mode == "ASM+Golay" else 8
    assert frames[0].position == pytest.approx(100 + (200 + 32 - 0.5) * STEP)
    assert frames[0].length == pytest.approx((header + 8 * 33) * STEP)


def test_the_payload_may_be_unscrambled() -> None:
    payload = b"not scrambled"
    bits = reference.ax100(payload)
    bits[56:] ^= reference.ccsds_sequence(len(bits) - 56)
    (frame,) = run(Ax100(scrambler="none"), reference.soft(joined([bits])))
    assert frame.payload == payload
    assert run(Ax100(), reference.soft(joined([bits]))) == []


def test_corrects_sync_length_and_bytes() -> None:
    payload = bytes(np.random.default_rng(1).integers(0, 256, 100, np.uint8))
    bits = reference.ax100(payload)
    rng = np.random.default_rng(2)
    bits[[1, 7, 20, 31]] ^= 1
    bits[[33, 40, 50]] ^= 1
    for byte in rng.choice(132, 16, replace=False):
        bits[56 + 8 * byte : 64 + 8 * byte] ^= rng.integers(1, 256, 1, np.uint8) >> np.arange(8, dtype=np.uint8) & 1
    x = reference.soft(bits)
    (frame,) = run(Ax100(), x)
    assert (frame.payload, frame.sync_errors, frame.corrected) == (payload, 4, 16)
    bits[56 + 8 * np.setdiff1d(np.arange(132), [])[:20]] ^= 1
    stage = Ax100()
    assert run(stage, reference.soft(bits)) == []
    assert stage.failures["fec"] == 1


def test_weak_bytes_are_given_up_first() -> None:
    payload = bytes(60)
    bits = reference.ax100(payload + b"x")
    x = reference.soft(bits)
    # 24 wrong bytes, 12 of them weak: 12 errors and 8 erasures are within the bound
    places = np.random.default_rng(3).choice(93, 20, replace=False)
    x[56 + 8 * places] *= np.where(np.arange(20) < 8, -0.1, -1.0).astype(np.float32)
    (frame,) = run(Ax100(), x)
    assert (frame.payload, frame.corrected) == (payload + b"x", 20)
    assert frame.false_alarm is not None
    assert frame.false_alarm < 1e-12


def test_weak_symbols_are_tried_the_other_way_round() -> None:
    payload = bytes(np.random.default_rng(5).integers(0, 256, 150, np.uint8))
    x = reference.soft(reference.g3ruh(reference.ax100_reed_solomon(payload)))
    # seven wrong symbols make 21 wrong bytes; without three of them 12 are left
    wrong = 64 + 200 * np.arange(7)
    x[wrong] *= np.array([-0.05, -0.15, -0.1, -1, -1, -1, -1], np.float32)
    (frame,) = run(Ax100("Reed Solomon"), x)
    assert (frame.payload, frame.corrected) == (payload, 21)
    assert frame.false_alarm is not None
    assert frame.false_alarm < 1e-12
    x[wrong] *= np.array([40, 14, 20, 2, 2, 2, 2], np.float32)
    assert run(Ax100("Reed Solomon"), x) == []


def test_a_bare_length_is_wrong_where_a_symbol_is() -> None:
    """Errors of a sequence detector come by twos."""
    rng = np.random.default_rng(6)
    payload = rng.bytes(90)
    behind = rng.integers(0, 2, 2048, np.uint8)
    clean = reference.soft(reference.g3ruh(np.concatenate([reference.ax100_reed_solomon(payload), behind])))
    for first in range(32, 39):
        x = clean.copy()
        x[first : first + 2] *= np.array([-0.1, -0.15], np.float32)
        (frame,) = run(Ax100("Reed Solomon"), x)
        assert (frame.payload, frame.sync_errors) == (payload, 0)
        assert frame.false_alarm is not None
        assert frame.false_alarm < 1e-12


@pytest.mark.parametrize("mode", ["ASM+Golay", "Reed Solomon"])
def test_noise_and_carriers_make_no_frames(mode: str) -> None:
    rng = np.random.default_rng(4)
    noise = rng.standard_normal(1 << 19).astype(np.float32)
    assert run(Ax100(mode), noise) == []
    # a sync word and length by chance, then a bare carrier or a preamble: code words both
    for period in (1, 2, 8, 24, 40):
        pattern = np.resize(rng.integers(0, 2, period, np.uint8), 3000)
        for value in (255, 80):
            head = [
                reference.to_bits(bytes.fromhex("930b51de")),
                reference.to_bits(reference.golay(value).to_bytes(3, "big")),
            ]
            for scrambler in ("CCSDS", "none"):
                assert run(Ax100(scrambler=scrambler), reference.soft(np.concatenate([*head, pattern]))) == []
        head = [reference.to_bits(bytes.fromhex("930b51de00"))]
        assert run(Ax100("Reed Solomon"), reference.soft(reference.g3ruh(np.concatenate([*head, pattern])))) == []


@pytest.mark.parametrize("mode", ["ASM+Golay", "Reed Solomon"])
@pytest.mark.parametrize("more", [1, 3, 8])
def test_a_length_that_is_too_large(mode: str, more: int) -> None:
    """What follows is corrected to zeros and parity would pass for data; the weak symbols of the length say no."""
    payload = bytes(np.random.default_rng(5).integers(1, 256, 50, np.uint8))
    rng = np.random.default_rng(6)
    length = len(payload) + 32
    if mode == "ASM+Golay":
        bits, right = reference.ax100(payload), reference.golay(length).to_bytes(3, "big")
        wrong = reference.golay(length + more).to_bytes(3, "big")
    else:
        bits, right, wrong = reference.ax100_reed_solomon(payload), bytes([length + 1]), bytes([length + 1 + more])
    differ = 32 + np.flatnonzero(reference.to_bits(right) != reference.to_bits(wrong))
    bits[differ] ^= 1
    bits = np.concatenate([rng.integers(0, 2, 300, np.uint8), bits, rng.integers(0, 2, 300, np.uint8)])
    x = reference.soft(bits)
    if mode == "ASM+Golay":
        x[300 + differ] *= 0.02
        (frame,) = run(Ax100(mode), x)
    else:
        x = reference.soft(reference.g3ruh(bits))
        x[300 + differ] *= 0.02
        (frame,) = run(Ax100(mode), x)
    assert (frame.payload, frame.corrected) == (payload, 0)
    header = 24 if mode == "ASM+Golay" else 8
    assert frame.length == pytest.approx((header + 8 * length) * STEP)


@pytest.mark.parametrize("mode", ["ASM+Golay", "Reed Solomon"])
@pytest.mark.parametrize("between", [0, 4, 7])
def test_a_chance_sync_word_before_the_true_one(mode: str, between: int) -> None:
    """A shortened word with wrong bytes in front of it, for zeros, is one that can be corrected."""
    rng = np.random.default_rng(7)
    payload, golay_mode = rng.bytes(100), mode == "ASM+Golay"
    bits = (reference.ax100 if golay_mode else reference.ax100_reed_solomon)(payload)
    if golay_mode:
        bits[56:] ^= reference.ccsds_sequence(len(bits) - 56)
    length = between + (7 if golay_mode else 5) + len(payload) + 32
    said = reference.golay(length).to_bytes(3, "big") if golay_mode else bytes([length + 1])
    chance = reference.to_bits(bytes.fromhex("930b51de") + said + rng.bytes(between))
    chance[[3, 11, 25]] ^= 1
    bits = np.concatenate([rng.integers(0, 2, 200, np.uint8), chance, bits, rng.integers(0, 2, 300, np.uint8)])
    stage = Ax100(mode, scrambler="none")
    frames = follows_the_law_of_chunks(stage, reference.soft(bits if golay_mode else reference.g3ruh(bits)))
    assert [(f.payload, f.sync_errors, f.corrected) for f in frames] == [(payload, 0, 0)]


@pytest.mark.parametrize("behind", [0, 5000])
def test_a_sync_word_in_a_corrected_frame_holds_it_back_but_loses_nothing(behind: int) -> None:
    """The frame that it would begin is longer than what follows, and the next frame follows at once."""
    head = reference.to_bits(bytes.fromhex("930b51de") + reference.golay(255).to_bytes(3, "big"))
    rng = np.random.default_rng(8)
    payloads = [rng.bytes(2) + np.packbits(head).tobytes() + rng.bytes(51), rng.bytes(40)]
    frames = [reference.ax100(payload) for payload in payloads]
    for frame in frames:
        frame[56:] ^= reference.ccsds_sequence(len(frame) - 56)
    frames[0][56 + 8 * 50] ^= 1
    bits = np.concatenate([rng.integers(0, 2, 100, np.uint8), *frames, rng.integers(0, 2, behind, np.uint8)])
    found = follows_the_law_of_chunks(Ax100(scrambler="none"), reference.soft(bits))
    assert [(f.payload, f.corrected) for f in found] == [(payloads[0], 1), (payloads[1], 0)]
