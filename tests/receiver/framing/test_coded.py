"""S-NET, SALSAT, LilacSat-1 and OPS-SAT: loops through the encoder, however cut, in both polarities, and noise."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from receiver.flowgraph import build
from receiver.synth.framing import encoder
from receiver.synth.payloads import payloads
from tests.receiver.framing.jig import follows_the_law_of_chunks, run

TABLES: dict[str, dict[str, Any]] = {
    "S-NET": {"use": "snet"},
    "SALSAT": {"use": "snet", "variant": "SALSAT"},
    "LilacSat-1": {"use": "lilacsat_1"},
    "OPS-SAT": {"use": "ops_sat"},
    "K2SAT": {"use": "k2sat"},
}
NOISE = {"S-NET": 0.42, "SALSAT": 0.42, "LilacSat-1": 0.55, "OPS-SAT": 0.15, "K2SAT": 0.55}


def signal(table: dict[str, Any], noise: float, seed: int = 0) -> tuple[list[bytes], np.ndarray]:
    code, rng = encoder(table), np.random.default_rng(seed)
    bits, told = [code.begin(30).bits], []
    for payload in payloads(table, 3, seed=seed):
        piece = code.frame(payload)
        told.append(piece.payload or b"")
        bits.append(piece.bits)
    x = 2.0 * np.concatenate([*bits, code.end(40).bits]) - 1
    x = np.concatenate([rng.standard_normal(300), x, rng.standard_normal(3000)])
    return told, (x + noise * rng.standard_normal(len(x))).astype(np.float32)


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("sign", [1, -1])
def test_frames_come_back(name: str, sign: int) -> None:
    told, soft = signal(TABLES[name], NOISE[name])
    frames = follows_the_law_of_chunks(build(TABLES[name], "here", "framing"), sign * soft)
    assert [frame.payload for frame in frames] == told
    assert {frame.framing for frame in frames} == {name}
    if name in ("S-NET", "SALSAT"):
        assert all((frame.corrected or 0) > 0 for frame in frames)


def test_the_checksums_are_told_apart() -> None:
    _, soft = signal(TABLES["S-NET"], 0.1)
    assert run(build(TABLES["SALSAT"], "here", "framing"), soft) == []


@pytest.mark.parametrize("name", ["S-NET", "SALSAT", "OPS-SAT"])
@pytest.mark.parametrize("kind", ["noise", "bits"])
def test_no_frames_without_a_signal(name: str, kind: str) -> None:
    rng = np.random.default_rng(9)
    x = rng.standard_normal(300_000) if kind == "noise" else 2.0 * rng.integers(0, 2, 300_000) - 1
    assert run(build(TABLES[name], "here", "framing"), x.astype(np.float32)) == []
