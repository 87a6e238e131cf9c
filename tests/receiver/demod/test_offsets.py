"""What is remembered of a carrier search: smooth tracks and steps, however cut."""

from __future__ import annotations

import numpy as np
import pytest

from receiver.demod._offsets import OffsetTrack
from receiver.stage import Chunk, Clock

RATE, N = 48000.0, 30_000


def track(cuts: list[int]) -> tuple[OffsetTrack, np.ndarray]:
    rng = np.random.default_rng(0)
    offsets = 100 * np.sin(np.arange(N) / 5000) + np.cumsum(np.where(rng.random(N) < 1e-3, rng.normal(0, 300, N), 0))
    offsets = offsets.astype(np.float32)
    made, clock = OffsetTrack(), Clock(RATE)
    for start, stop in zip([0, *cuts], [*cuts, N], strict=True):
        chunk = np.zeros(stop - start, np.complex64)
        made.append(Chunk(chunk, RATE, float(start), clock, offsets=offsets[start:stop]))
    return made, offsets


@pytest.mark.parametrize("seed", range(5))
def test_steps_are_kept_where_they_are(seed: int) -> None:
    cuts = np.sort(np.random.default_rng(seed).integers(0, N + 1, 30)).tolist() if seed else []
    made, offsets = track(cuts)
    at = np.arange(0, N - 64, 1.0)
    np.testing.assert_allclose(made.at(at), offsets[: len(at)], atol=0.05)


def test_turns_add_up() -> None:
    made, offsets = track([])
    at = np.arange(10.0, N - 64, 7.3)
    halves = np.split(at, [1000])
    turns = np.concatenate([made.turns(half, RATE) for half in halves])
    exact = np.concatenate([[0.0], np.cumsum((offsets[1:] + offsets[:-1]) / 2 / RATE, dtype=np.float64)])
    np.testing.assert_allclose(np.cumsum(turns), np.interp(at, np.arange(N), exact) - exact[10], atol=5e-3)
