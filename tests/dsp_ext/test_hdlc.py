"""HDLC receiver against a decoder that looks at the line as text."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp_ext.hdlc import HdlcReceiver
from tests.jig import kernel_keeps_the_law
from tests.reference import FLAG, g3ruh, hdlc, hdlc_frames, nrzi, soft


def line(bits: np.ndarray, scrambled: bool) -> np.ndarray:
    """Soft symbols of HDLC bits."""
    return soft(g3ruh(nrzi(bits)) if scrambled else nrzi(bits))


def some(rng: np.random.Generator, n: int) -> np.ndarray:
    return rng.integers(0, 2, n).astype(np.uint8)


@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize("scrambled", [False, True])
def test_frames_and_their_places_however_cut(rng: np.random.Generator, scrambled: bool, inverted: bool) -> None:
    frames = [bytes(20), b"\xff" * 30, rng.bytes(300), bytes(range(256)), b"\x7e" * 25]
    parts, starts, stops = [some(rng, 500), FLAG], [], []
    for frame in frames:
        parts.append(np.tile(FLAG, int(rng.integers(1, 4))))
        coded = hdlc(frame)
        starts.append(sum(map(len, parts)) + 8)
        parts.append(coded)
        stops.append(sum(map(len, parts)) - 8)
    parts.append(some(rng, 600))
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
def test_flags_may_share_their_zeros_and_close_and_open_at_once(rng: np.random.Generator, flags: int) -> None:
    shared = np.concatenate([FLAG, *[FLAG[1:]] * flags])
    one, other = rng.bytes(40), rng.bytes(17)
    bits = np.concatenate([some(rng, 100), shared, hdlc(one)[8:], hdlc(other)[8:], shared[8:], some(rng, 50)])
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
    for payload, start, stop, *_ in found:
        assert np.array_equal(bits[start:stop], hdlc(payload)[8:-8])
        assert np.array_equal(bits[start - 8 : start], FLAG)


def test_limits_of_length(rng: np.random.Generator) -> None:
    bits = np.concatenate([hdlc(rng.bytes(n)) for n in range(6, 16)])
    found = HdlcReceiver(False, 14, 10).process(line(bits, False))
    assert [len(frame[0]) for frame in found] == [8, 9, 10, 11, 12]


def test_wrong_checksums_are_counted(rng: np.random.Generator) -> None:
    bits = hdlc(rng.bytes(50))
    bits[40] ^= 1
    receiver = HdlcReceiver(False, 1000, 10)
    assert receiver.process(line(bits, False)) == []
    assert receiver.crc_failures + (receiver.symbols != len(bits)) <= 1
    bits = np.concatenate([FLAG, np.tile([0, 1, 0, 0], 40).astype(np.uint8), FLAG])
    receiver.reset()
    receiver.process(line(bits, False))
    assert receiver.crc_failures == 1
    assert receiver.symbols == len(bits)


def test_what_is_no_number_is_a_zero(rng: np.random.Generator) -> None:
    symbols = line(np.concatenate([some(rng, 100), hdlc(b"0123456789" * 3)]), False)
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


@pytest.mark.parametrize(("scrambled", "training"), [(False, 65), (False, -1), (True, 24)])
def test_training_that_cannot_be(scrambled: bool, training: int) -> None:
    with pytest.raises(ValueError, match=f"got {training}"):
        HdlcReceiver(scrambled, 100, 10, True, training)


@pytest.mark.parametrize(("wrong", "count"), [(0, 1), (5, 1), (9, 0)])
def test_repair_behind_a_training_sequence(wrong: int, count: int) -> None:
    """It stands for flags and addresses; a frame that is right needs none."""
    rng = np.random.default_rng(11)
    payload = rng.bytes(40)
    bits = np.concatenate([some(rng, 100), np.tile(np.array([0, 1], np.uint8), 12), hdlc(payload), some(rng, 100)])
    symbols = line(bits, False)
    symbols[101 : 101 + 2 * wrong : 2] *= -1
    assert HdlcReceiver(False, 300, 10, True, 24).process(symbols)[0][0] == payload
    y = faded(symbols, [250], rng)
    found = HdlcReceiver(False, 300, 10, True, 24).process(y)
    assert [frame[0] for frame in found] == [payload] * count
    assert HdlcReceiver(False, 300, 10).process(y) == []


HEADER = bytes(c << 1 for c in b"CQ    p" + b"DK0SB ") + b"\x61\x03\xf0"


def faded(symbols: np.ndarray, wrong: list[int], rng: np.random.Generator) -> np.ndarray:
    """A little noise on all symbols, and some of them just across the middle."""
    y = (symbols * (1 + 0.15 * rng.standard_normal(len(symbols)))).astype(np.float32)
    y[wrong] = -0.1 * symbols[wrong]
    return y


def sent(rng: np.random.Generator, payloads: list[bytes], flags: int) -> np.ndarray:
    """Bits of frames that share the flags between them."""
    frames = [hdlc(payload)[8:] for payload in payloads]
    return np.concatenate([some(rng, 300), *[FLAG] * flags, *frames, *[FLAG] * 2, some(rng, 200)])


@pytest.mark.parametrize("scrambled", [False, True])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_wrong_symbols_anywhere_are_put_right(scrambled: bool, count: int) -> None:
    rng = np.random.default_rng(count)
    tried = repaired = 0
    for at in np.linspace(300 + 60, 300 + 8 * 92, 60).astype(int):
        payload = HEADER + rng.bytes(60)
        symbols = line(sent(rng, [payload], 8), scrambled)
        near = rng.integers(1, 3) if rng.random() < 0.5 else rng.integers(30, 100)
        y = faded(symbols, [int(at + k * near) for k in range(count)], rng)
        found = HdlcReceiver(scrambled, 300, 10).process(y)
        assert all(frame[0] == payload for frame in found)
        tried += 1
        repaired += len(found)
        assert all(frame[4] <= count + 1 for frame in found)
        assert HdlcReceiver(scrambled, 300, 10, False).process(y) == [f for f in found if f[4] == 0]
    assert repaired >= tried * (0.95, 0.9, 0.7)[count - 1]


@pytest.mark.parametrize("scrambled", [False, True])
def test_repairs_however_cut(scrambled: bool) -> None:
    rng = np.random.default_rng(2)
    payloads = [HEADER + rng.bytes(int(n)) for n in rng.integers(20, 200, 12)]
    symbols = line(sent(rng, payloads, 10), scrambled)
    y = faded(symbols, [int(k) for k in rng.integers(500, len(symbols), 14)], rng)
    (found,) = kernel_keeps_the_law(lambda: HdlcReceiver(scrambled, 300, 10), y)
    payloads_found = [frame[0] for frame in found]
    assert set(payloads_found) <= set(payloads)
    assert len(found) >= 9
    assert sum(frame[4] for frame in found) >= 6


@pytest.mark.parametrize("scrambled", [False, True])
def test_a_damaged_flag_between_two_frames(scrambled: bool) -> None:
    rng = np.random.default_rng(4)
    one, other = HEADER + rng.bytes(50), HEADER + rng.bytes(70)
    symbols = line(sent(rng, [one, other], 8), scrambled)
    flag = 300 + 64 + len(hdlc(one)) - 16
    for k in range(8):
        found = HdlcReceiver(scrambled, 300, 10).process(faded(symbols, [flag + k], rng))
        assert [(frame[0], frame[4]) for frame in found] == [(one, 1), (other, 0)]


@pytest.mark.parametrize("scrambled", [False, True])
@pytest.mark.parametrize(("seed", "first", "neighbours"), [(4, 56, 1), (5, 40, 2)])
def test_the_last_flags_before_a_frame_are_damaged(scrambled: bool, seed: int, first: int, neighbours: int) -> None:
    """The scrambler takes one event to two or three of them."""
    rng = np.random.default_rng(seed)
    payload = HEADER + rng.bytes(50)
    symbols = line(sent(rng, [payload], 8), scrambled)
    for k in range(300 + first, 300 + 65 - neighbours):
        found = HdlcReceiver(scrambled, 300, 10).process(faded(symbols, [*range(k, k + neighbours)], rng))
        assert [frame[:2] for frame in found] == [(payload, 300 + 64)]


@pytest.mark.parametrize("scrambled", [False, True])
def test_the_first_flags_behind_a_frame_are_damaged(scrambled: bool) -> None:
    rng = np.random.default_rng(7)
    payload = HEADER + rng.bytes(50)
    bits = np.concatenate([some(rng, 300), *[FLAG] * 8, hdlc(payload)[8:], *[FLAG] * 3, some(rng, 200)])
    symbols = line(bits, scrambled)
    end = 300 + 56 + len(hdlc(payload))
    for k in range(end - 8, end):
        found = HdlcReceiver(scrambled, 300, 10).process(faded(symbols, [k], rng))
        assert [frame[0] for frame in found] == [payload]


@pytest.mark.parametrize("scrambled", [False, True])
def test_the_recording_ends_with_a_damaged_flag(scrambled: bool) -> None:
    rng = np.random.default_rng(6)
    payload = HEADER + rng.bytes(50)
    bits = np.concatenate([some(rng, 100), *[FLAG] * 6, hdlc(payload)[8:]])
    receiver = HdlcReceiver(scrambled, 300, 10)
    y = faded(line(bits, scrambled), [len(bits) - 4], rng)
    assert receiver.process(y) == []
    assert [(frame[0], frame[4]) for frame in receiver.flush()] == [(payload, 1)]
    assert receiver.symbols == 0


@pytest.mark.parametrize("scrambled", [False, True])
def test_what_is_sure_stays(scrambled: bool) -> None:
    rng = np.random.default_rng(7)
    symbols = line(sent(rng, [HEADER + rng.bytes(50)], 8), scrambled)
    y = faded(symbols, [], rng)
    y[600] = -symbols[600]
    assert HdlcReceiver(scrambled, 300, 10).process(y) == []


@pytest.mark.parametrize("scrambled", [False, True])
def test_noise_behind_a_damaged_last_flag(scrambled: bool) -> None:
    rng = np.random.default_rng(8)
    payload = HEADER + rng.bytes(50)
    bits = np.concatenate([rng.integers(0, 2, 100).astype(np.uint8), *[FLAG] * 6, hdlc(payload)[8:]])
    y = faded(line(bits, scrambled), [len(bits) - 4], rng)
    found = HdlcReceiver(scrambled, 300, 10).process(np.append(y, rng.standard_normal(3000).astype(np.float32)))
    assert [(frame[0], frame[4]) for frame in found] == [(payload, 1)]


@pytest.mark.parametrize("scrambled", [False, True])
def test_clicks_are_put_right(scrambled: bool) -> None:
    rng = np.random.default_rng(9)
    payload = HEADER + rng.bytes(50)
    symbols = line(sent(rng, [payload], 8), scrambled)
    y = faded(symbols, [], rng)
    y[[450, 451, 700]] *= -2.5, -0.8, -3.0
    found = HdlcReceiver(scrambled, 300, 10).process(y)
    assert [(frame[0], frame[4]) for frame in found] == [(payload, 3)]
