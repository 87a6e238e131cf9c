"""Framings side by side: of frames on the same symbols the one with most evidence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from receiver.framing.several import Several
from receiver.synth.framing import encoder
from receiver.synth.payloads import payloads
from tests.receiver.framing.jig import run

CODED = {"use": "ccsds", "frame_size": 223, "convolutional": "CCSDS", "precoding": "differential"}
CHECKED = {"use": "ao-40-fec-crc-16-arc-short"}
CALLED = {"use": "mobitex", "nx": True, "callsign": "DP0NFA"}


@pytest.mark.parametrize(
    ("sent", "other"),
    [(CODED, {"use": "lilacsat_1"}), (CHECKED, {"use": "ao-40-fec-short"}), (CALLED, {**CALLED, "callsign": "DP0NFB"})],
    ids=["without a checksum", "without its checksum", "with another name"],
)
@pytest.mark.parametrize("first", [False, True])
def test_the_other_reading_is_left_out(sent: dict[str, Any], other: dict[str, Any], first: bool) -> None:
    code = encoder(sent)
    pieces = [code.begin(30), *(code.frame(frame) for frame in payloads(sent, 4, seed=1)), code.end(300)]
    bits = np.concatenate([piece.bits for piece in pieces])
    rng = np.random.default_rng(2)
    x = (2.0 * bits - 1 + 0.2 * rng.standard_normal(len(bits))).astype(np.float32)
    assert run(Several([other]), x), "the other framing reads these symbols when it is alone"
    several = Several([sent, other] if first else [other, sent])
    for parts in ([x], np.array_split(x, 13)):
        assert [frame.payload for frame in run(several, *parts)] == [p.payload for p in pieces if p.payload]
    assert several.found.total() == 2 * 4
    assert {number for number, _ in several.found} == {0 if first else 1}


def test_frames_without_a_checksum_are_given_where_nothing_else_is() -> None:
    code = encoder({"use": "lilacsat_1"})
    frames = list(payloads({"use": "lilacsat_1"}, 3, seed=1))
    x = np.concatenate([code.begin(30).bits, *(code.frame(frame).bits for frame in frames)]) * np.float32(2) - 1
    rest = np.random.default_rng(3).standard_normal(30_000).astype(np.float32)
    assert [frame.payload for frame in run(Several([CODED, {"use": "lilacsat_1"}]), x, rest)] == frames
