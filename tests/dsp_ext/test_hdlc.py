"""HDLC receiver against a decoder that looks at the line as text."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp_ext.hdlc import HdlcReceiver
from tests.jig import kernel_keeps_the_law
from tests.reference import FLAG, g3ruh, hdlc, hdlc_frames, nrzi, soft

RNG = np.random.default_rng(5)


def line(bits: np.ndarray, scrambled: bool) -> np.ndarray:
    """Soft symbols of HDLC bits."""
    return soft(g3ruh(nrzi(bits)) if scrambled else nrzi(bits))


def some(n: int) -> np.ndarray:
    return RNG.integers(0, 2, n).astype(np.uint8)


@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize("scrambled", [False, True])
def test_frames_and_their_places_however_cut(scrambled: bool, inverted: bool) -> None:
    frames = [bytes(20), b"\xff" * 30, RNG.bytes(300), bytes(range(256)), b"\x7e" * 25]
    parts, starts, stops = [some(500), FLAG], [], []
    for frame in frames:
        parts.append(np.tile(FLAG, int(RNG.integers(1, 4))))
        coded = hdlc(frame)
        starts.append(sum(map(len, parts)) + 8)
        parts.append(coded)
        stops.append(sum(map(len, parts)) - 8)
    parts.append(some(600))
    bits = np.concatenate(parts)
    symbols = line(bits, scrambled)
    symbols = -symbols if inverted else symbols
    (found,) = kernel_keeps_the_law(lambda: HdlcReceiver(scrambled, 1000, 10), symbols)
    assert [frame[0] for frame in found] == frames
    # a payload that ends in five ones has a stuffed zero behind it, which `stop` counts in
    assert [frame[1] for frame in found] == starts
    assert [frame[2] for frame in found] == stops
    assert all(frame[3] >= 16 for frame in found)


@pytest.mark.parametrize("flags", [1, 2, 5])
def test_flags_may_share_their_zeros_and_close_and_open_at_once(flags: int) -> None:
    shared = np.concatenate([FLAG, *[FLAG[1:]] * flags])
    one, other = RNG.bytes(40), RNG.bytes(17)
    bits = np.concatenate([some(100), shared, hdlc(one)[8:], hdlc(other)[8:], shared[8:], some(50)])
    receiver = HdlcReceiver(False, 1000, 10)
    found = receiver.process(line(bits, False))
    assert [frame[0] for frame in found] == [one, other]
    # 7 for each flag before the opening one and perhaps a few marks; the second frame's flag closed the first
    assert 7 * flags <= found[0][3] < 7 * flags + 8
    assert found[1][1] - found[0][2] == 8


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.data())
def test_agrees_with_the_text_decoder_on_any_line(data: st.DataObject) -> None:
    """Pieces of everything that can occur, put together anyhow, some bits wrong."""
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    parts = [FLAG]
    for _ in range(data.draw(st.integers(1, 25))):
        what = rng.integers(0, 7)
        parts.append(
            [
                lambda: hdlc(rng.bytes(int(rng.integers(1, 40)))),
                lambda: hdlc(rng.bytes(int(rng.integers(1, 40))))[8:],
                lambda: hdlc(rng.bytes(int(rng.integers(1, 40))))[: rng.integers(1, 60)],
                lambda: np.concatenate([FLAG[1:]] * int(rng.integers(1, 4))),
                lambda: np.ones(rng.integers(5, 20), np.uint8),
                lambda: rng.integers(0, 2, rng.integers(1, 30)).astype(np.uint8),
                lambda: hdlc(b"\xff" * int(rng.integers(1, 8))),
            ][what]()
        )
    bits = np.concatenate(parts)
    if rng.random() < 0.5:
        bits[rng.integers(0, len(bits), 2)] ^= 1
    longest, shortest = int(rng.integers(12, 45)), int(rng.integers(3, 12))
    found = HdlcReceiver(False, longest, shortest).process(line(bits, False))
    assert [frame[0] for frame in found] == hdlc_frames(bits, longest, shortest)
    for payload, start, stop, _ in found:
        assert np.array_equal(bits[start:stop], hdlc(payload)[8:-8])
        assert np.array_equal(bits[start - 8 : start], FLAG)


def test_limits_of_length() -> None:
    bits = np.concatenate([hdlc(RNG.bytes(n)) for n in range(6, 16)])
    found = HdlcReceiver(False, 14, 10).process(line(bits, False))
    assert [len(frame[0]) for frame in found] == [8, 9, 10, 11, 12]


def test_wrong_checksums_are_counted() -> None:
    bits = hdlc(RNG.bytes(50))
    bits[40] ^= 1
    receiver = HdlcReceiver(False, 1000, 10)
    assert receiver.process(line(bits, False)) == []
    assert receiver.crc_failures + (receiver.symbols != len(bits)) <= 1
    bits = np.concatenate([FLAG, np.tile([0, 1, 0, 0], 40).astype(np.uint8), FLAG])
    receiver.reset()
    receiver.process(line(bits, False))
    assert receiver.crc_failures == 1
    assert receiver.symbols == len(bits)


def test_what_is_no_number_is_a_zero() -> None:
    symbols = line(np.concatenate([some(100), hdlc(b"0123456789" * 3)]), False)
    symbols[:50:7] = np.nan
    symbols[50:60] = np.inf
    found = HdlcReceiver(False, 1000, 10).process(symbols)
    assert [frame[0] for frame in found] == [b"0123456789" * 3]


def test_refuses_limits_that_make_no_sense() -> None:
    for longest, shortest in ((10, 11), (100, 2), (70000, 10), (10, -1)):
        with pytest.raises(ValueError, match=f"got {shortest} and {longest}"):
            HdlcReceiver(False, longest, shortest)
    with pytest.raises(ValueError, match="mismatch"):
        HdlcReceiver(False, 100, 10).process(np.zeros(4))
    with pytest.raises(TypeError):
        HdlcReceiver(False, 100, 10).process(None)
