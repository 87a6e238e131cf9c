"""Runs a framing on soft symbols."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from receiver.stage import Chunk, Clock, Frame, Stage, Stream
from tests.cuts import cuts

CLOCK = Clock(48000.0)
RATE = 9600.0
STEP = CLOCK.rate / RATE


def run(stage: Stage, *parts: NDArray[np.float32], origin: float = 100.0) -> list[Frame]:
    """Frames of symbols that come in these parts; symbol 0 has its centre at `origin`."""
    stage.open(Stream("soft", RATE, CLOCK))
    frames: list[Frame] = []
    count = 0
    for part in parts:
        frames += stage.process(Chunk(part, RATE, origin + count * STEP, CLOCK))  # type: ignore[arg-type]
        count += len(part)
    return [*frames, *stage.close()]  # type: ignore[list-item]


def follows_the_law_of_chunks(stage: Stage, x: NDArray[np.float32]) -> list[Frame]:
    """The frames of some symbols, the same however they are cut; also when the stage is opened again."""
    x.flags.writeable = False
    whole = run(stage, x)
    for parts in cuts(x):
        frames = run(stage, *parts)
        assert [f.payload for f in frames] == [f.payload for f in whole]
        assert [f.but(position=0, length=0, snr_db=0, ebn0_db=0) for f in frames] == [
            f.but(position=0, length=0, snr_db=0, ebn0_db=0) for f in whole
        ]
        np.testing.assert_allclose([f.position for f in frames], [f.position for f in whole], rtol=1e-12)
        np.testing.assert_allclose([f.snr_db for f in frames], [f.snr_db for f in whole], atol=1e-6)
    return whole


def joined(frames: Sequence[NDArray[np.uint8]], gap: int = 200, seed: int = 0) -> NDArray[np.uint8]:
    """Frames with random bits before, between and behind them."""
    rng = np.random.default_rng(seed)
    return np.concatenate(
        [p for f in frames for p in (rng.integers(0, 2, gap, np.uint8), f)] + [rng.integers(0, 2, gap, np.uint8)]
    )
