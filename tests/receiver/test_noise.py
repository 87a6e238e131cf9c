"""Nothing is received where nothing was sent. In full, benchmarks/false_alarms.py does this."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from receiver.flowgraph import build
from receiver.stage import Chunk
from tests.jig import stream_of
from tests.noise import FORMS, KINDS, demodulators, frames_in

FRAMINGS = {json.dumps(framing): framing for _, framings in demodulators() for framing in framings}
CHAINS = {
    "fsk 9600": {"use": "fsk", "baudrate": 9600},
    "fsk 1200": {"use": "fsk", "baudrate": 1200},
    "afsk 1200": {"use": "afsk", "baudrate": 1200, "carrier": 1700, "deviation": 500},
    "psk 9600": {"use": "psk", "baudrate": 9600},
}


def test_all_framings_are_there() -> None:
    assert len(FRAMINGS) > 10
    assert {framing["use"] for framing in FRAMINGS.values()} >= {"ax25", "ax100", "u482c", "ccsds"}


@pytest.mark.parametrize("framing", FRAMINGS.values(), ids=FRAMINGS)
@pytest.mark.parametrize("kind", ["noise", "clean", "constant"])
def test_random_symbols_for_ten_minutes(kind: str, framing: dict[str, Any]) -> None:
    """At 9600 Bd: Gaussian; random with an open eye, as another signal gives them; all the same."""
    rng = np.random.default_rng(11)
    hard = framing["use"] == "ax25" or kind == "constant"
    block = 1 << 18
    stage, stream = build(framing, "test", "framing"), stream_of("soft", 9600.0)
    stage.open(stream)
    found: list[Any] = []
    # where Reed-Solomon stands behind it, two minutes tell as much
    for i in range(0, 5_760_000 if hard else 1_152_000, block):
        x = rng.standard_normal(block, np.float32)
        if kind == "clean":
            x = np.sign(x) + np.float32(0.2) * rng.standard_normal(block, np.float32)
        elif kind == "constant":
            x = 1 + np.float32(0.1) * x
        found += stage.process(Chunk(x, 9600.0, 5.0 * i, stream.clock))
    assert [*found, *stage.close()] == []


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", KINDS)
def test_noise_through_whole_chains(kind: str, form: str) -> None:
    for number, demod in enumerate(CHAINS.values()):
        assert frames_in(kind, form, 6.0, demod, list(FRAMINGS.values()), seed=number) == []
