"""AX.25 and plain HDLC frames in soft symbols."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from receiver.framing.ax25 import FALSE_ALARM, Ax25, addresses
from receiver.stage import Chunk, Frame
from tests.jig import run_stage, stage_keeps_the_law, stream_of
from tests.reference import FLAG, g3ruh, hdlc, nrzi, soft

STREAM = stream_of("soft", 9600.0)


def address(call: str, ssid: int = 0, last: bool = False) -> bytes:
    return bytes(ord(c) << 1 for c in call.ljust(6)) + bytes([0x60 | ssid << 1 | last])


HEADED = address("CQ") + address("DP0ABC", 11, last=True) + b"\x03\xf0" + b"information"


def symbols(
    rng: np.random.Generator, *frames: bytes, flags: int = 8, scrambler: str = "none", noise: float = 0.1
) -> NDArray[np.float32]:
    """Random bits, then bursts of one frame with so many flags before it, one of them the opening one."""
    parts = [rng.integers(0, 2, 300).astype(np.uint8)]
    for frame in frames:
        # the zero in front is what marks run into
        parts += [
            np.zeros(1, np.uint8),
            np.tile(FLAG, flags - 1),
            hdlc(frame),
            rng.integers(0, 2, 200).astype(np.uint8),
        ]
    bits = nrzi(np.concatenate(parts))
    return soft(g3ruh(bits) if scrambler == "g3ruh" else bits, noise, seed=3)


def frames(stage: Ax25, x: NDArray[np.float32]) -> list[Frame]:
    return run_stage(stage, STREAM, [x])  # type: ignore[return-value]


@pytest.mark.parametrize("scrambler", ["none", "g3ruh"])
def test_law_of_chunks(rng: np.random.Generator, scrambler: str) -> None:
    sent = [rng.bytes(n) for n in (8, 200, 1000)]
    made: list[Any] = stage_keeps_the_law(Ax25(scrambler), STREAM, symbols(rng, *sent, scrambler=scrambler))
    assert [frame.payload for frame in made] == sent
    for frame in made:
        assert frame.framing == ("AX.25 G3RUH" if scrambler == "g3ruh" else "AX.25")
        assert (frame.integrity, frame.crc_ok, frame.corrected) == ("crc", True, None)
        assert frame.false_alarm < FALSE_ALARM
        assert 15 < frame.ebn0_db < 25


def test_times_and_offset_are_those_of_the_symbols(rng: np.random.Generator) -> None:
    x = symbols(rng, b"0123456789" * 2)
    where = 1000 + 5.001 * np.arange(len(x))
    offset = np.linspace(100, 200, len(x)).astype(np.float32)
    stage = Ax25()
    stage.open(STREAM)
    (frame,) = stage.process(Chunk(x, 9600.0, 1000.0, STREAM.clock, where, offset))
    start = 300 + 1 + 8 * 8
    stop = len(x) - 200 - 8
    assert frame.position == pytest.approx(1000 + 5.001 * (start - 0.5))
    assert frame.end == pytest.approx(1000 + 5.001 * (stop - 0.5))
    assert frame.offset == pytest.approx(float(offset[start:stop].mean()), abs=0.1)


def test_evidence_beside_the_checksum_is_asked_for(rng: np.random.Generator) -> None:
    """Addresses, or three flags and more; one of 2^16 random frames has its checksum right."""
    bare, headed = rng.bytes(40), HEADED
    assert [f.payload for f in frames(Ax25(), symbols(rng, bare, flags=1))] == []
    assert [f.payload for f in frames(Ax25(), symbols(rng, headed, flags=1))] == [headed]
    for flags in (3, 5):
        (frame,) = frames(Ax25(), symbols(rng, bare, flags=flags))
        assert frame.payload == bare
        assert frame.false_alarm <= 2.0 ** -(16 + 8 * (flags - 1))
    stage = Ax25()
    frames(stage, symbols(rng, bare, flags=1))
    assert stage.failures["crc"] >= 1


def test_failures_are_counted_as_they_come_and_forgotten_with_the_rest(rng: np.random.Generator) -> None:
    stage = Ax25()
    broken = symbols(rng, HEADED)
    broken[[400, 440, 480, 520]] *= -1  # past repair
    for _ in range(2):
        stage.open(STREAM)
        assert stage.failures["crc"] == 0
        stage.process(Chunk(broken, 9600.0, 0.0, STREAM.clock))
        assert stage.failures["crc"] == 1
        stage.close()
        assert stage.failures["crc"] == 1


@pytest.mark.parametrize("scrambler", ["none", "g3ruh"])
def test_frames_that_share_a_flag_bear_each_other_out(scrambler: str) -> None:
    sent = [np.random.default_rng(seed).bytes(40 + seed) for seed in range(3)]
    noise = np.random.default_rng(4).integers(0, 2, 300).astype(np.uint8)
    bits = nrzi(np.concatenate([noise, hdlc(sent[0]), *(hdlc(f)[8:] for f in sent[1:]), noise]))
    x = soft(g3ruh(bits) if scrambler == "g3ruh" else bits, 0.1, seed=3)
    found = frames(Ax25(scrambler), x)
    assert [f.payload for f in found] == sent
    assert all(f.false_alarm is not None and f.false_alarm <= FALSE_ALARM for f in found)
    stage_keeps_the_law(Ax25(scrambler), STREAM, x)
    # one of them alone does not
    alone = Ax25()
    assert frames(alone, soft(nrzi(np.concatenate([noise, hdlc(sent[0]), noise])), 0.1, seed=3)) == []
    assert alone.failures["crc"] == 1


def test_a_damaged_frame_costs_only_itself(rng: np.random.Generator) -> None:
    """In a burst, frames behind one with a wrong bit are known by the flags at its beginning."""
    sent = [rng.bytes(30) for _ in range(5)]
    bits = np.concatenate([np.tile(FLAG, 4), hdlc(sent[0]), *(hdlc(frame)[8:] for frame in sent[1:])])
    bits[32 + 8 + 120] ^= 1
    found = frames(Ax25(), soft(nrzi(np.concatenate([rng.integers(0, 2, 99).astype(np.uint8), bits]))))
    assert [frame.payload for frame in found] == sent[1:]


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.integers(0, 2**32 - 1))
def test_noise_gives_nothing(seed: int) -> None:
    x = np.random.default_rng(seed).standard_normal(40000).astype(np.float32)
    for scrambler in ("none", "g3ruh"):
        assert frames(Ax25(scrambler), x) == []


def test_what_is_no_number(rng: np.random.Generator) -> None:
    x = symbols(rng, HEADED, HEADED, HEADED)
    broken = x.copy()
    second = len(x) // 2
    broken[second : second + 3] = np.nan
    with np.errstate(all="ignore"):
        found = frames(Ax25(), broken)
    assert [f.payload for f in found][-1] == HEADED
    assert len(found) >= 2


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (HEADED, {"destination": "CQ", "source": "DP0ABC-11"}),
        (
            address("CQ") + address("AB1C", 3) + address("DB0XYZ", 15) + address("WIDE2", 1, True) + b"\x03\xf0",
            {"destination": "CQ", "source": "AB1C-3", "via": ["DB0XYZ-15", "WIDE2-1"]},
        ),
        (address("CQ", last=True) + bytes(20), {}),
        (address("CQ") + address("ab1c", last=True) + bytes(20), {}),
        (address("CQ") + address("A C", last=True) + bytes(20), {}),
        (b"\x83" + HEADED[1:], {}),
        (HEADED[:13], {}),
        (b"", {}),
        (address("CQ") * 11, {}),
    ],
)
def test_addresses(payload: bytes, expected: dict[str, Any]) -> None:
    assert addresses(payload) == expected
