from __future__ import annotations

import numpy as np
import pytest

from receiver.framing.u482c import U482c
from tests import reference
from tests.receiver.framing.jig import STEP, follows_the_law_of_chunks, joined, run

PAYLOAD = bytes(np.random.default_rng(1).integers(0, 256, 60, np.uint8))


@pytest.mark.parametrize("flags", range(0, 0x800, 0x100))
def test_every_combination_of_flags(flags: int) -> None:
    bits = joined([reference.u482c(PAYLOAD, flags)] * 2)
    frames = follows_the_law_of_chunks(U482c(), reference.soft(bits, 0.25) * -3)
    assert [f.payload for f in frames] == [PAYLOAD] * 2
    for f in frames:
        assert f.framing == "U482C"
        assert f.integrity == ("rs" if flags & 0x400 else "none")
        assert f.corrected == (0 if flags & 0x400 else None)
        assert f.false_alarm is not None
        assert f.false_alarm < 1e-12
    assert frames[0].position == pytest.approx(100 + (200 + 32 - 0.5) * STEP)
    assert frames[0].length == pytest.approx((len(reference.u482c(PAYLOAD, flags)) - 32) * STEP)


def test_corrects_errors() -> None:
    bits = reference.u482c(PAYLOAD, 0x600)
    bits[[3, 4, 30]] ^= 1
    bits[[35, 45, 55]] ^= 1
    bits[56 + 8 * np.arange(0, 64, 4)] ^= 1
    (frame,) = run(U482c(), reference.soft(bits))
    assert (frame.payload, frame.sync_errors, frame.corrected) == (PAYLOAD, 3, 16)


def test_without_reed_solomon_sync_and_length_must_be_perfect() -> None:
    bits = reference.u482c(PAYLOAD, 0x200)
    for place in (5, 40):
        bits[place] ^= 1
        stage = U482c()
        assert run(stage, reference.soft(bits)) == []
        assert stage.failures["sync"] == 1
        bits[place] ^= 1


def test_noise_makes_no_frames() -> None:
    assert run(U482c(), np.random.default_rng(2).standard_normal(1 << 19).astype(np.float32)) == []
    head = reference.to_bits(bytes.fromhex("c3aa6655"))
    for flags in (0x400, 0x500, 0x600, 0x700):
        length = reference.to_bits(reference.golay(flags | 255).to_bytes(3, "big"))
        for value in (0, 1):
            assert run(U482c(), reference.soft(np.concatenate([head, length, np.full(2100, value, np.uint8)]))) == []


@pytest.mark.parametrize("flags", [0x700, 0x600])
@pytest.mark.parametrize("more", [2, 6])
def test_a_length_that_is_too_large(flags: int, more: int) -> None:
    """What follows is corrected to zeros and parity would pass for data."""
    payload = bytes(np.random.default_rng(5).integers(1, 256, 45, np.uint8))
    rng = np.random.default_rng(6)
    bits = reference.u482c(payload, flags)
    length = (len(bits) - 56) // 8
    wrong = reference.to_bits(reference.golay(flags | length + more).to_bytes(3, "big"))
    differ = 32 + np.flatnonzero(bits[32:56] != wrong)
    bits[differ] ^= 1
    x = reference.soft(np.concatenate([bits, rng.integers(0, 2, 300, np.uint8)]))
    x[differ] *= 0.02
    (frame,) = run(U482c(), x)
    assert (frame.payload, frame.corrected) == (payload, 0)
    assert frame.length == pytest.approx((24 + 8 * length) * STEP)


def test_a_length_of_which_nothing_is_sure() -> None:
    """Its Golay word is as near to a larger one, and noise hides the zeros that end the convolutional code."""
    payload = bytes(np.random.default_rng(5).integers(1, 256, 45, np.uint8))
    bits = reference.u482c(payload, 0x700)
    length = (len(bits) - 56) // 8
    wrong = reference.to_bits(reference.golay(0x700 | length + 2).to_bytes(3, "big"))
    differ = 32 + np.flatnonzero(bits[32:56] != wrong)
    assert len(differ) == 8
    for seed in range(20):
        rng = np.random.default_rng(seed)
        sent = np.concatenate([bits, rng.integers(0, 2, 300, np.uint8)])
        sent[len(bits) - 14 : len(bits)] = rng.integers(0, 2, 14)
        sent[differ[:4]] ^= 1
        x = reference.soft(sent)
        x[differ[4:]] *= 0.5
        (frame,) = run(U482c(), x)
        assert frame.payload == payload
