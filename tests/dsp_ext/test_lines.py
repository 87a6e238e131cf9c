"""Lines through a path against numpy's least squares."""

from __future__ import annotations

import numpy as np
import pytest

from dsp_ext.lines import Lines

N, REACH = 40, 5
TAPER = np.hanning(2 * REACH + 3)[1:-1]


def test_least_squares_within_a_segment(rng: np.random.Generator):
    path = rng.standard_normal(N) + 0.3 * np.arange(N) + 50 * (np.arange(N) >= 23)
    weight = rng.uniform(0.5, 2, N)
    found, jumped, kept = Lines(TAPER, 20.0).process(path, weight)
    assert len(found) == N - REACH
    assert np.flatnonzero(jumped).tolist() == [23]
    assert np.array_equal(kept, weight[:-REACH])
    for i, value in enumerate(found):
        k = np.arange(max(i - REACH, 0), i + REACH + 1)
        keep = (k >= 23) == (i >= 23)
        w = (weight[k] * TAPER[k - i + REACH])[keep]
        expected = np.polyval(np.polyfit(k[keep] - i, path[k[keep]], 1, w=np.sqrt(w)), 0)
        assert value == pytest.approx(expected, abs=1e-6)


def test_tones_give_what_the_path_lacks(rng: np.random.Generator):
    """The path is rounded to sixteenths of a cycle and comes later than the tones, which know better."""
    cycles = 0.013 * np.arange(N) + 0.002 * rng.standard_normal(N)
    path = np.round(cycles * 16).astype(np.int64) % 16
    tone = np.exp(2j * np.pi * cycles).astype(np.complex64)
    found = Lines(TAPER, 2.0, 16).process(path, tone=tone)[0]
    assert np.abs(found - 0.013 * np.arange(N - REACH))[REACH:].max() < 0.003
    again = Lines(TAPER, 2.0, 16)
    parts = [again.process(path[a:b], tone=tone[c:d])[0] for a, b, c, d in [(0, 0, 0, 9), (0, 3, 9, 9), (3, N, 9, N)]]
    assert np.array_equal(np.concatenate(parts), found)


@pytest.mark.parametrize("size", [1e-30, 1e30])
def test_tones_of_any_size(rng: np.random.Generator, size):
    """Squares of the largest float32 are none."""
    path = np.arange(N) % 16
    tone = (rng.uniform(0.5, 2, N) * np.exp(2j * np.pi * (path + 0.2) / 16)).astype(np.complex64)
    found, _, weight = Lines(TAPER, 2.0, 16).process(path, tone=tone)
    loud, _, heavy = Lines(TAPER, 2.0, 16).process(path, tone=tone * np.float32(size))
    assert np.allclose(loud, found, atol=1e-6)
    assert np.allclose(heavy, weight * size, rtol=1e-6)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("at", [15, 19, 20, 24])
def test_a_tone_that_is_no_number_says_nothing(bad, at):
    """Neither in a segment nor in the one beside it."""
    path = (np.arange(N) + 8 * (np.arange(N) >= 20)) % 16
    tone = np.exp(2j * np.pi * (path + 0.2) / 16).astype(np.complex64)
    tone[at] = complex(bad, 0)
    found, jumped, weight = Lines(TAPER, 2.0, 16).process(path, tone=tone)
    tone[at] = 0
    expected = Lines(TAPER, 2.0, 16).process(path, tone=tone)
    assert np.flatnonzero(jumped).tolist() == [20]
    assert np.array_equal(found, expected[0])
    assert np.array_equal(weight, expected[2])
    assert np.isfinite(found).all()


@pytest.mark.parametrize("between", [0.0, 0.3, 0.7, 1.0])
def test_a_bend_by_way_of_a_node_between_is_a_jump(between):
    """No move is furthest by itself; a path that drifts as fast all the time has none; cuts change nothing."""
    rise = 3.0 * np.arange(N)
    path = rise + 7 * (np.arange(N) > 20)
    path[20] += 7 * between
    lines = Lines(TAPER, 11.0, bend=4.0)
    found, jumped, _ = lines.process(path)
    assert len(found) == N - REACH - 1
    assert np.flatnonzero(jumped).tolist() == [20 if between > 0.5 else 21]
    near = found - path[: len(found)]
    near[20] = 0
    assert np.abs(near).max() < 2
    assert np.abs(near[[*range(15), *range(26, len(near))]]).max() < 1e-6
    again = Lines(TAPER, 11.0, bend=4.0)
    parts = [again.process(path[k : k + 1]) for k in range(N)]
    for one, whole in zip(zip(*parts, strict=True), (found, jumped), strict=False):
        assert np.array_equal(np.concatenate(one), whole)
    assert not Lines(TAPER, 11.0, bend=4.0).process(rise)[1].any()
    assert not Lines(TAPER, 11.0).process(path)[1].any()


def test_no_weight_leaves_the_path_and_bad_arguments(rng: np.random.Generator):
    path = rng.standard_normal(N)
    assert np.array_equal(Lines(TAPER, 1.0).process(path, np.zeros(N))[0], path[:-REACH])
    assert len(Lines(TAPER, 1.0).process(path[:5])[0]) == 0
    with pytest.raises(ValueError, match="40 weights"):
        Lines(TAPER, 1.0).process(path, np.ones(N - 1))
    with pytest.raises(ValueError, match="tones of 40 nodes"):
        Lines(TAPER, 1.0).process(path, tone=np.ones(N - 1, np.complex64))
    with pytest.raises(ValueError, match="odd length"):
        Lines(TAPER[1:], 1.0)
    for taper, states in ((TAPER[3:-3], 0), (TAPER, 16)):
        with pytest.raises(ValueError, match="a bend goes"):
            Lines(taper, 1.0, states, bend=4.0)
