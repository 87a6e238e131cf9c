"""Discriminator against numpy's angle in float64."""

from __future__ import annotations

import numpy as np
import pytest

from dsp_ext.discriminator import Discriminator
from tests.jig import kernel_keeps_the_law


def steps(x: np.ndarray) -> np.ndarray:
    """From each sample to the next; the first has none before it and is no step."""
    wide = x.astype(np.complex128)
    return np.angle(wide * np.conj(np.concatenate([wide[:1], wide[:-1]]))) / (2 * np.pi)


def distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """On the circle: -1/2 is 1/2."""
    return np.abs((a - b + 0.5) % 1 - 0.5)


@pytest.mark.parametrize("level", [1e-12, 1.0, 1e12])
def test_phase_steps_however_cut(rng: np.random.Generator, level: float) -> None:
    x = (level * (rng.standard_normal(5000) + 1j * rng.standard_normal(5000))).astype(np.complex64)
    (y,) = kernel_keeps_the_law(Discriminator, x)
    assert y.dtype == np.float32
    assert distance(y, steps(x)).max() < 1e-6
    assert y[0] == 0


def test_all_directions() -> None:
    """Each octant and its edges, from a fixed sample before."""
    turns = np.concatenate([np.arange(-512, 513) / 1024, np.arange(-8, 9) / 8 * 0.5])
    for turn in turns:
        x = np.exp(2j * np.pi * np.array([0.0, turn])).astype(np.complex64)
        assert distance(Discriminator().process(x)[1:], np.array([turn])).max() < 1e-6


def test_silence_is_zero() -> None:
    assert not Discriminator().process(np.zeros(20, np.complex64)).any()


def test_what_is_no_number_gives_numbers_again_after_it() -> None:
    x = np.exp(2j * np.pi * 0.1 * np.arange(50)).astype(np.complex64)
    x[10], x[20], x[30] = np.nan, np.inf, 3e38
    y = Discriminator().process(x)
    assert np.isfinite(y).all()
    assert np.abs(y).max() <= 0.5
    far = np.abs(np.arange(50)[:, None] - [0, 10.5, 20.5, 30.5]).min(axis=1) > 1
    assert np.allclose(y[far], 0.1, atol=1e-6)


def test_refuses_other_types() -> None:
    with pytest.raises(ValueError, match="mismatch"):
        Discriminator().process(np.zeros(3, np.float32))
    with pytest.raises(ValueError, match="contiguous"):
        Discriminator().process(np.zeros(6, np.complex64)[::2])
    with pytest.raises(TypeError):
        Discriminator().process(None)
