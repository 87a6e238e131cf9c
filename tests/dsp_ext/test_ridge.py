"""Ridge against the recursion in plain numpy."""

from __future__ import annotations

import numpy as np
import pytest

from dsp_ext.ridge import Ridge
from tests.jig import kernel_keeps_the_law, outputs


def best_path(scores, move, jump, reach, circular=False, drifts=(0,), turn=0.0, shifts=None, parts=1):
    rows, bins = scores.shape
    value, back = np.zeros((len(drifts), bins)), []
    for t in range(rows):
        after, source = np.empty_like(value), np.empty((len(drifts), bins, 2), int)
        for p, speed in enumerate(drifts):
            drift = (t + 1) * speed // parts - t * speed // parts
            for f in range(bins):
                q, g = np.unravel_index(value.argmax(), value.shape)
                best = (value.max() - jump, q, g)
                for d in range(-reach, reach + 1):
                    g = f - drift + d + (shifts[t] if shifts is not None else 0)
                    if circular:
                        g %= bins
                    if 0 <= g < bins:
                        for q in range(max(0, p - 1), min(len(drifts), p + 2)):
                            best = max(best, (value[q, g] - move * abs(d) - turn * (q != p), q, g))
                after[p, f] = best[0] + scores[t, f]
                source[p, f] = best[1:]
        value = after
        back.append(source)
    p, f = np.unravel_index(value.argmax(), value.shape)
    path = []
    for source in reversed(back):
        path.append(f)
        p, f = source[p, f]
    return path[::-1]


@pytest.mark.parametrize(
    "options",
    [
        {"reach": 2},
        {"reach": 1, "circular": True, "drifts": np.array([-2, -1, 0, 1, 2], np.int32), "turn": 1.0},
        {"reach": 1, "circular": True, "drifts": np.array([-7, -3, 0, 2], np.int32), "turn": 1.0, "parts": 4},
        {"reach": 2, "shifted": True},
    ],
)
def test_is_the_best_path(options):
    rng = np.random.default_rng(3)
    scores = rng.exponential(1, (60, 16)).astype(np.float32)
    shifts = rng.integers(-3, 4, 60).astype(np.int32) if options.pop("shifted", False) else None
    ridge = Ridge(16, 100, 0.5, 4.0, **options)
    assert len(ridge.process(scores, shifts)) == 0
    assert ridge.flush().tolist() == best_path(scores.astype(float), 0.5, 4.0, shifts=shifts, **options)


def test_a_decision_waits_for_the_lag_whatever_the_cuts():
    scores = np.random.default_rng(4).exponential(1, (700, 8)).astype(np.float32)
    (whole,) = kernel_keeps_the_law(lambda: Ridge(8, 5, 0.5, 3.0), scores)
    assert len(whole) == 700
    assert len(Ridge(8, 5, 0.5, 3.0).process(scores)) == 695
    assert len(Ridge(8, 5, 0.5, 3.0).process(scores[:5])) == 0


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 3e38])
def test_finds_its_way_again_after_what_is_no_number(bad):
    """A bin, and a whole row, of what is no number: the path is right again within the lag."""
    scores = np.random.default_rng(5).exponential(1, (80, 16)).astype(np.float32)
    scores[:, 5] += 4
    scores[30, 7], scores[40] = bad, bad
    (path,) = outputs(Ridge(16, 6, 0.5, 8.0), [scores])
    near = np.abs(np.arange(80)[:, None] - [30, 40]).min(axis=1) <= 2
    assert (path[~near] == 5).all()


@pytest.mark.parametrize(("drifts", "parts", "move"), [([0, 1, 2], 1, 0.5), ([3, 4, 5, 6, 7], 4, 2.0)])
def test_follows_a_clock_that_drifts(drifts, parts, move):
    phase = (np.arange(80) * 1.4) % 16
    scores = 3 * np.cos(2 * np.pi * (np.arange(16) - phase[:, None]) / 16)
    ridge = Ridge(16, 8, move, 10.0, 1, True, np.array(drifts, np.int32), 2.0, parts)
    found = ridge.process(scores.astype(np.float32))
    error = (found - phase[: len(found)] + 8) % 16 - 8
    assert np.abs(error).max() <= 1


def test_refuses_what_makes_no_sense():
    with pytest.raises(ValueError, match="bins"):
        Ridge(0, 1, 1.0, 1.0)
    with pytest.raises(ValueError, match="circle"):
        Ridge(4, 1, 1.0, 1.0, 2, True, np.array([-2, 2], np.int32))
    with pytest.raises(ValueError, match="parts"):
        Ridge(4, 1, 1.0, 1.0, parts=0)
    with pytest.raises(ValueError, match="rows of 4"):
        Ridge(4, 1, 1.0, 1.0).process(np.zeros((2, 3), np.float32))
    with pytest.raises(ValueError, match="2 shifts"):
        Ridge(4, 1, 1.0, 1.0).process(np.zeros((2, 4), np.float32), np.zeros(1, np.int32))
