"""AX.25: evidence, repair, and nothing from noise."""

from __future__ import annotations

import numpy as np
import pytest

from receiver.framing.ax25 import FALSE_ALARM, Ax25, addresses
from receiver.stage import Chunk, Clock, Frame, Stream
from tests.reference import FLAG, g3ruh, hdlc, nrzi, soft

CLOCK = Clock(48000.0)
PAYLOAD = bytes(c << 1 for c in b"CQ    p" + b"DK0SB ") + b"\x61\x03\xf0Hello, this is only a test."


def frames(symbols: np.ndarray, scrambler: str = "none") -> tuple[list[Frame], Ax25]:
    framing = Ax25(scrambler)
    framing.open(Stream("soft", 9600.0, CLOCK))
    found = framing.process(Chunk(symbols.astype(np.float32), 9600.0, 0.0, CLOCK))
    return [*found, *framing.close()], framing


def symbols(payload: bytes, flags: int, scrambler: str, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    noise = rng.integers(0, 2, 200).astype(np.uint8)
    bits = nrzi(np.concatenate([noise, *[FLAG] * flags, hdlc(payload)[8:], FLAG, noise]))
    y = soft(g3ruh(bits) if scrambler == "g3ruh" else bits)
    return y * (1 + 0.15 * rng.standard_normal(len(y)))


@pytest.mark.parametrize("scrambler", ["none", "g3ruh"])
def test_a_repaired_frame_says_so(scrambler: str) -> None:
    y = symbols(PAYLOAD, 4, scrambler, 1)
    (clean,), _ = frames(y, scrambler)
    assert (clean.payload, clean.corrected, clean.crc_ok) == (PAYLOAD, None, True)
    assert clean.link == {"destination": "CQ", "source": "DK0SB"}
    y[[300, 420]] *= -0.1
    (mended,), framing = frames(y, scrambler)
    assert (mended.payload, mended.corrected, mended.crc_ok) == (PAYLOAD, 2, True)
    assert (mended.position, mended.length) == (clean.position, clean.length)
    assert clean.false_alarm is not None
    assert mended.false_alarm is not None
    assert clean.false_alarm < mended.false_alarm < FALSE_ALARM
    assert framing.failures["crc"] == 0


def test_repair_needs_more_evidence_than_a_right_checksum() -> None:
    """Three flags are enough for any payload whose checksum is right; for a repaired one it takes more."""
    y = symbols(bytes(range(1, 60, 2)), 2, "none", 2)
    assert frames(y)[0] == []  # noise has two flags and a checksum in some weeks of all the chains that there are
    y = symbols(bytes(range(1, 60, 2)), 3, "none", 2)
    assert len(frames(y)[0]) == 1
    y[338] *= -0.1
    y[358:368] *= 0.02
    found, framing = frames(y)
    assert found == []
    assert framing.failures["crc"] >= 1


@pytest.mark.parametrize(("flags", "count"), [(3, 0), (5, 1)])
def test_repair_without_addresses_needs_flags(flags: int, count: int) -> None:
    """Random symbols as sure as a signal's would give such frames behind two or three flags once in days."""
    y = symbols(bytes(range(1, 60, 2)), flags, "none", 2)
    y[200 + 8 * flags + 120] *= -0.1
    found, _ = frames(y)
    assert len(found) == count
    assert all(f.corrected == 1 and f.payload == bytes(range(1, 60, 2)) for f in found)


@pytest.mark.parametrize("flags", [1, 2, 3])
def test_frames_with_nothing_but_flags_between_bear_each_other_out(flags: int) -> None:
    rng = np.random.default_rng(8)
    payloads = [rng.bytes(40) for _ in range(3)]
    noise = rng.integers(0, 2, 200).astype(np.uint8)
    bits = [hdlc(payload)[8:] for payload in payloads]
    between = [FLAG] * flags
    y = soft(nrzi(np.concatenate([noise, FLAG, bits[0], *between, bits[1], *between, bits[2], FLAG, noise])))
    assert [frame.payload for frame in frames(y)[0]] == payloads


@pytest.mark.parametrize("scrambler", ["none", "g3ruh"])
def test_no_frame_from_noise(scrambler: str) -> None:
    rng = np.random.default_rng(3)
    noise = rng.standard_normal(500_000)
    assert frames(noise, scrambler)[0] == []
    assert frames(np.sign(noise) + 0.3 * rng.standard_normal(500_000), scrambler)[0] == []


def test_addresses() -> None:
    assert addresses(PAYLOAD) == {"destination": "CQ", "source": "DK0SB"}
    assert addresses(bytes(20)) == {}
    assert addresses(b"\x82" * 30) == {}
