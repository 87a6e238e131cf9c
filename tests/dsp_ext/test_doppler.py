"""The mixer against float64, and its phase against exact integers."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dsp_ext.doppler import Mixer, kept_points, ramps, straight

ERROR = 2.5e-7
"""Largest error of a sample of magnitude 1: float32 rounding of the polynomial and of two products."""


def noise(n: int, seed: int = 1) -> NDArray[np.complex64]:
    values = np.random.default_rng(seed).standard_normal((n, 2)) * 0.5
    return values.astype(np.float32).view(np.complex64)[:, 0].copy()


def reference(
    x: NDArray[np.complex64], frequency: float, rate: float = 0.0, phase: float = 0.0
) -> NDArray[np.complex128]:
    k = np.arange(len(x), dtype=np.float64)
    return x * np.exp(2j * np.pi * (phase + (frequency * k) % 1.0 + (rate * k * k / 2) % 1.0))


@pytest.mark.parametrize(
    ("frequency", "rate", "phase"),
    [(0.0, 0.0, 0.0), (0.123, 0.0, 0.7), (-0.4999, 3e-9, 0.25), (0.5, -2e-7, -0.5), (1.25, 1e-12, 1e6 + 0.1)],
)
def test_matches_float64(frequency: float, rate: float, phase: float) -> None:
    x = np.exp(1j * np.arange(30_000)).astype(np.complex64)
    y = np.empty_like(x)
    Mixer(frequency, rate, phase).process(x, y)
    assert np.abs(y - reference(x, frequency, rate, phase)).max() < ERROR


def test_every_phase() -> None:
    """All octants, the corners between them and the ends of the range."""
    n = 1 << 16
    x = np.ones(n, np.complex64)
    y = np.empty_like(x)
    Mixer(1 / n).process(x, y)
    assert np.abs(y - np.exp(2j * np.pi * np.arange(n) / n)).max() < 2e-7
    assert y[:: n // 4] == pytest.approx([1, 1j, -1, -1j], abs=1e-7)


def test_does_not_drift() -> None:
    """After 5 10^7 samples the phase is what exact arithmetic gives for the float64 that was asked for."""
    mixer = Mixer(0.1)
    x = np.zeros(500_000, np.complex64)
    for _ in range(100):
        mixer.process(x, x)
    # exact: 0.1 as float64 is 3602879701896397 / 2^55
    exact = (50_000_000 * 3602879701896397) % 2**55 / 2**55
    assert mixer.phase == pytest.approx(exact, abs=1e-11)
    assert mixer.frequency == 0.1


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.lists(st.integers(0, 1500), max_size=8), st.floats(-0.5, 0.5), st.floats(-1e-6, 1e-6))
def test_any_cuts_give_the_same_bits(cuts: list[int], frequency: float, rate: float) -> None:
    x = noise(3000)
    whole = np.empty_like(x)
    Mixer(frequency, rate).process(x, whole)
    mixer, pieces = Mixer(frequency, rate), np.empty_like(x)
    edges = [0, *sorted(cuts), len(x)]
    for start, end in pairwise(edges):
        mixer.process(x[start:end], pieces[start:end])
    assert pieces.tobytes() == whole.tobytes()


def test_one_by_one_and_in_place() -> None:
    x = noise(700)
    x.flags.writeable = False
    whole = np.empty_like(x)
    Mixer(0.3, 1e-5).process(x, whole)
    mixer, own = Mixer(0.3, 1e-5), x.copy()
    for i in range(len(x)):
        mixer.process(own[i : i + 1], own[i : i + 1])
    assert own.tobytes() == whole.tobytes()


def test_pieces_are_continuous() -> None:
    """A frequency linear in pieces: phase against the sum of the pieces' own, in float64."""
    rng = np.random.default_rng(3)
    lengths = np.array([100, 0, 1, 333, 2000, 66], np.int64)
    frequencies, rates = rng.uniform(-0.5, 0.5, 6), rng.uniform(-1e-5, 1e-5, 6)
    x = noise(lengths.sum())
    y, expected, phase, start = np.empty_like(x), np.empty(len(x), complex), 0.0, 0
    mixer = Mixer()
    mixer.pieces(x, y, lengths, frequencies, rates)
    for n, f, r in zip(lengths.tolist(), frequencies.tolist(), rates.tolist(), strict=True):
        expected[start : start + n] = reference(x[start : start + n], f, r, phase)
        phase, start = phase + f * n + r * n * n / 2, start + n
    assert np.abs(y - expected).max() < 1e-6
    assert abs((mixer.phase - phase + 0.5) % 1.0 - 0.5) < 1e-12
    singly, other = np.empty_like(x), Mixer()
    start = 0
    for n, f, r in zip(lengths.tolist(), frequencies.tolist(), rates.tolist(), strict=True):
        other.set(f, r)
        other.process(x[start : start + n], singly[start : start + n])
        start += n
    assert singly.tobytes() == y.tobytes()


def test_set_keeps_or_takes_the_phase() -> None:
    mixer = Mixer(0.25)
    x = np.ones(3, np.complex64)
    mixer.process(x, np.empty_like(x))
    assert mixer.phase == 0.75
    mixer.set(-0.125)
    assert (mixer.phase, mixer.frequency) == (0.75, -0.125)
    mixer.set(0.0, phase=-0.5)
    assert mixer.phase == 0.5


def test_bad_arguments() -> None:
    x = np.zeros(4, np.complex64)
    one = np.ones(1)
    with pytest.raises(ValueError, match="out has 3 items; x has 4"):
        Mixer().process(x, x[:3].copy())
    with pytest.raises(ValueError, match="finite"):
        Mixer(float("nan"))
    with pytest.raises(ValueError, match="finite"):
        Mixer().set(0.0, phase=float("inf"))
    for lengths in ([3], [5], [-1, 5]):
        n = len(lengths)
        with pytest.raises(ValueError, match="lengths"):
            Mixer().pieces(x, x.copy(), np.array(lengths, np.int64), np.ones(n), np.ones(n))
    with pytest.raises(ValueError, match="differ"):
        Mixer().pieces(x, x.copy(), np.array([4], np.int64), one, np.ones(2))
    with pytest.raises(ValueError, match="piece 0"):
        Mixer().pieces(x, x.copy(), np.array([4], np.int64), one * np.inf, one)
    with pytest.raises((TypeError, ValueError)):
        Mixer().process(x.astype(np.complex128), x)
    Mixer().process(x[:0], x[:0])


def test_ramps():
    found = ramps(np.array([3, 0, 2]), np.array([1.0, 9.0, -2.0]), np.array([0.5, 9.0, 0.25]))
    assert found.dtype == np.float32
    assert found.tolist() == [1, 1.5, 2, -2, -1.75]
    assert len(ramps(np.zeros(0, np.int64), np.zeros(0), np.zeros(0))) == 0
    with pytest.raises(ValueError, match="differ"):
        ramps(np.array([1]), np.zeros(2), np.zeros(1))
    with pytest.raises(ValueError, match="0 or more"):
        ramps(np.array([-1]), np.zeros(1), np.zeros(1))


def test_straight():
    rng = np.random.default_rng(1)
    positions, values = np.cumsum(rng.uniform(0.1, 3, 50)), rng.normal(size=50)
    at = np.sort(np.concatenate([rng.uniform(-2, 90, 500), positions]))
    np.testing.assert_allclose(straight(at, positions, values), np.interp(at, positions, values), atol=1e-14)
    assert straight(at[:3], positions[:1], values[:1]).tolist() == [values[0]] * 3
    assert len(straight(at[:0], positions, values)) == 0
    with pytest.raises(ValueError, match="got 1 and 2"):
        straight(at, positions[:2], values[:1])
    with pytest.raises(ValueError, match="1 or more"):
        straight(at, positions[:0], values[:0])


@pytest.mark.parametrize("first", [0, 5, 15, 40])
@pytest.mark.parametrize("chance", [0.0, 0.02, 0.5])
def test_kept_points(first: int, chance: float):
    rng = np.random.default_rng(7)
    for n in (0, 1, 2, 16, 17, 500):
        values = np.cumsum(np.where(rng.random(n) < chance, 3.0, 0.5)).astype(np.float32)
        steps = np.flatnonzero(np.diff(values) > 1)
        expected = {*range(first, n, 16), *steps, *(steps + 1)}
        assert kept_points(values, first, 16, 1.0).tolist() == sorted(expected)
    for bad in ((-1, 16), (0, 0)):
        with pytest.raises(ValueError, match="expected"):
            kept_points(values, *bad, 1.0)
