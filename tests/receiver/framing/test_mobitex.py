"""Mobitex and Mobitex-NX: loops through the encoder, damage, and what a user does wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from receiver.errors import FlowgraphError
from receiver.flowgraph import build
from receiver.synth.framing import encoder
from tests.receiver.framing.jig import follows_the_law_of_chunks, run

TABLES: dict[str, dict[str, Any]] = {
    "mobitex": {"header": "none"},
    "nx": {"nx": True},
    "nx with callsign": {"nx": True, "callsign": "DP0TBN"},
    "beesat-1": {"nx": True, "header": "none"},
    "beesat-9": {"nx": True, "callsign": "DP0BEM", "blocks": 32},
}
PAYLOADS = [np.random.default_rng(i).bytes(n) for i, n in enumerate((18, 40, 90))]


def sent(table: dict[str, Any], payloads: list[bytes] = PAYLOADS) -> tuple[list[bytes], np.ndarray]:
    code = encoder({"use": "mobitex", **table})
    pieces = [code.frame(payload) for payload in payloads]
    bits = np.concatenate([code.begin(8).bits, *(b for p in pieces for b in (p.bits, code.end(8).bits))])
    return [p.payload or b"" for p in pieces], bits


def soft_of(bits: np.ndarray, noise: float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    x = np.concatenate([rng.standard_normal(300), 2.0 * bits - 1, rng.standard_normal(300)])
    return (x + noise * rng.standard_normal(len(x))).astype(np.float32)


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("sign", [1, -1])
def test_frames_come_back(name: str, sign: int) -> None:
    told, bits = sent(TABLES[name], PAYLOADS[: 1 if name == "beesat-9" else 3])
    frames = follows_the_law_of_chunks(
        build({"use": "mobitex", **TABLES[name]}, "here", "framing"), sign * soft_of(bits, 0.38)
    )
    assert [frame.payload for frame in frames] == told
    assert all(frame.crc_ok for frame in frames)
    assert sum(frame.corrected or 0 for frame in frames) > 0


def test_a_frame_at_the_end_of_the_recording() -> None:
    """Its length is not known: what would be 18 blocks may be six."""
    told, bits = sent({"header": "none"}, PAYLOADS[1:2])
    stage = build({"use": "mobitex", "header": "none"}, "here", "framing")
    bits = bits[: len(bits) - 64]
    bits[64 + 16 + 3] ^= 1  # says 17 blocks more
    bits[64 + 16 + 16 : 64 + 16 + 20] = [1, 1, 0, 1]
    frames = run(stage, (2.0 * bits - 1).astype(np.float32))
    assert [frame.payload[2:] for frame in frames] == [told[0][2:]]


def test_a_broken_block_is_told() -> None:
    told, bits = sent({"nx": True}, PAYLOADS[2:])
    soft = (2.0 * bits - 1).astype(np.float32)
    at = 8 * 8 + 16 + 88 + 2 * 240
    soft[at : at + 240] = np.random.default_rng(1).standard_normal(240)
    (frame,) = run(build({"use": "mobitex", "nx": True}, "here", "framing"), soft)
    assert frame.crc_ok is False
    assert frame.payload[-6:] == bytes.fromhex("aa04000000bb")
    assert frame.payload[:46] == told[0][:46]


def test_nothing_is_made_of_noise() -> None:
    rng = np.random.default_rng(5)
    for table in TABLES.values():
        stage = build({"use": "mobitex", **table}, "here", "framing")
        assert run(stage, rng.standard_normal(200_000).astype(np.float32)) == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"callsign": "TOO LONG"}, "callsign is 'TOO LONG'; it must be six characters"),
        ({"blocks": 33}, "blocks is 33; it must be 1 to 32"),
        ({"header": "x"}, "header is 'x'; it is one of 'callsign', 'none'"),
    ],
)
def test_faults_are_named(change: dict[str, Any], says: str) -> None:
    with pytest.raises(FlowgraphError, match=says):
        build({"use": "mobitex", **change}, "here", "framing")
