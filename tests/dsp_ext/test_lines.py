"""Lines through a path against numpy's least squares."""

from __future__ import annotations

import numpy as np
import pytest

from dsp_ext.lines import lines

RNG = np.random.default_rng(2)
N, REACH = 40, 5
TAPER = np.hanning(2 * REACH + 3)[1:-1]


def test_least_squares_within_a_segment():
    path = RNG.standard_normal(N) + 0.3 * np.arange(N)
    segment = (np.arange(N) >= 23).astype(np.int64)
    weight = RNG.uniform(0.5, 2, N)
    found = lines(path, segment, weight, TAPER)
    assert len(found) == N - 2 * REACH
    for i, value in enumerate(found):
        k = np.arange(i, i + 2 * REACH + 1)
        keep = segment[k] == segment[i + REACH]
        k, w = k[keep], (weight[k] * TAPER)[keep]
        expected = np.polyval(np.polyfit(k - i - REACH, path[k], 1, w=np.sqrt(w)), 0)
        assert value == pytest.approx(expected, abs=1e-6)


def test_tones_give_what_the_path_lacks():
    """The path is rounded to sixteenths of a cycle; the tones know better."""
    cycles = 0.013 * np.arange(N) + 0.002 * RNG.standard_normal(N)
    path = np.round(cycles * 16) / 16
    tone = np.exp(2j * np.pi * cycles).astype(np.complex64)
    found = lines(path, np.zeros(N, np.int64), np.ones(N), TAPER, tone)
    assert np.abs(found - 0.013 * np.arange(REACH, N - REACH)).max() < 0.003


def test_no_weight_leaves_the_path_and_bad_arguments():
    path = RNG.standard_normal(N)
    found = lines(path, np.zeros(N, np.int64), np.zeros(N), TAPER)
    assert np.array_equal(found, path[REACH:-REACH])
    assert len(lines(path[:10], np.zeros(10, np.int64), np.ones(10), TAPER)) == 0
    with pytest.raises(ValueError, match="40 segments"):
        lines(path, np.zeros(N - 1, np.int64), np.ones(N), TAPER)
    with pytest.raises(ValueError, match="odd length"):
        lines(path, np.zeros(N, np.int64), np.ones(N), TAPER[1:])
