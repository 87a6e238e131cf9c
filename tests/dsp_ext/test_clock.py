"""Symbol clock against the symbols and instants that were sent."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from dsp_ext.clock import SymbolClock
from receiver.channel.filters import lowpass
from tests.jig import kernel_keeps_the_law, outputs

TAPS = lowpass(0.15, 0.135, 40)


def wave(
    symbols: NDArray[np.float64], first: float, ppm: float = 0.0, samples: int | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Samples of shaped symbols, 4 each nominally, the first at `first`; and the instants of the symbols' middles."""
    instants = first + np.arange(len(symbols)) * 4 / (1 + ppm * 1e-6)
    n = samples or int(instants[-1] + first)
    x = np.zeros(n)
    index = np.rint(instants).astype(int)[:, None] + np.arange(-12, 13)
    # a Gaussian pulse: its neighbours overlap as those of GFSK do
    pulse = np.exp(-(((index - instants[:, None]) / 2.2) ** 2)) * symbols[:, None]
    inside = (index >= 0) & (index < n)
    np.add.at(x, index[inside], pulse[inside])
    return x, instants


def random_symbols(rng: np.random.Generator, n: int) -> NDArray[np.float64]:
    return rng.choice([-1.0, 1.0], n)


def nearest(instants: NDArray[np.float64], sent: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The symbol received that belongs to each one sent, and how late it is, in symbols."""
    found = np.clip(np.searchsorted(instants, sent - 2), 0, len(instants) - 1)
    return found, (instants[found] - sent) / 4


@pytest.mark.parametrize("noise", [0.0, 0.3])
@pytest.mark.parametrize("ppm", [-200.0, 0.0, 35.0, 200.0])
@pytest.mark.parametrize("phase", [40.0, 41.3, 42.6])
def test_each_symbol_once_and_in_its_middle(rng: np.random.Generator, ppm: float, phase: float, noise: float) -> None:
    symbols = random_symbols(rng, 3000)
    x, sent = wave(symbols, phase, ppm)
    x = (x + noise * rng.standard_normal(len(x))).astype(np.float32)
    soft, instants = kernel_keeps_the_law(lambda: SymbolClock(TAPS), x)
    assert soft.dtype == np.float32
    assert instants.dtype == np.float64
    assert len(soft) == len(instants)
    found, late = nearest(instants, sent)
    assert np.array_equal(np.diff(found), np.ones(len(sent) - 1))
    assert np.abs(late).max() < (0.15 if noise else 0.05)
    assert abs(late.mean()) < (0.01 if noise else 0.002)
    assert (soft[found] * symbols > 0).mean() > (0.995 if noise else 0.9999)


@pytest.mark.parametrize(("scale", "shift"), [(1e-5, 0.0), (1.0, 5.0), (1e4, -1e4), (-1.0, 0.0)])
def test_neither_level_nor_polarity_nor_a_constant_matters(
    rng: np.random.Generator, scale: float, shift: float
) -> None:
    x, sent = wave(random_symbols(rng, 600), 41.3)
    _, instants = outputs(SymbolClock(TAPS), [(scale * x + shift).astype(np.float32)])
    assert np.abs(nearest(instants, sent)[1][2:-2]).max() < 0.05


@pytest.mark.parametrize("outside", [0.1, 3.0])
def test_bursts_are_right_from_their_first_symbol_to_their_last(rng: np.random.Generator, outside: float) -> None:
    """Two bursts of other phase and rate, with soft noise between, or loud as a discriminator's."""
    bursts = [(random_symbols(rng, 300), 2000.3, 150.0), (random_symbols(rng, 300), 5201.9, -150.0)]
    x, sent, quiet = np.zeros(8000), [], np.ones(8000, bool)
    for symbols, first, ppm in bursts:
        part, instants = wave(symbols, first, ppm, samples=8000)
        x += part
        sent.append(instants)
        quiet[int(first) - 4 : int(instants[-1]) + 5] = False
    x += np.where(quiet, outside, 0.1) * rng.standard_normal(8000)
    soft, instants = kernel_keeps_the_law(lambda: SymbolClock(TAPS), x.astype(np.float32))
    for (symbols, _, _), at in zip(bursts, sent, strict=True):
        found, late = nearest(instants, at)
        assert np.abs(late).max() < 0.15
        # the filter takes in some of the loud noise at the ends
        assert (soft[found] * symbols > 0)[2:-2].all()
        assert np.array_equal(np.diff(found), np.ones(299))


def test_symbols_come_at_four_samples_whatever_there_is(rng: np.random.Generator) -> None:
    """Noise, silence and a constant give symbols in rising order, half a symbol to one and a half apart."""
    for x in (rng.standard_normal(5000), np.zeros(5000), np.full(5000, 0.7), np.sin(np.arange(5000) * 0.4)):
        soft, instants = kernel_keeps_the_law(lambda: SymbolClock(TAPS), x.astype(np.float32))
        assert abs(len(soft) - 1250) < 25
        assert np.isfinite(soft).all()
        assert np.diff(instants).min() >= 2
        assert np.diff(instants).max() <= 6


@pytest.mark.parametrize("n", [0, 1, 3, 4, 17, 100])
def test_short_streams(n: int) -> None:
    soft, instants = outputs(SymbolClock(TAPS), [np.ones(n, np.float32)])
    assert len(soft) == len(instants)
    assert abs(len(soft) - n / 4) <= 1
    assert ((instants > -2) & (instants < n)).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 3e38, 1e15])
def test_finds_its_way_again_after_what_is_no_number(rng: np.random.Generator, bad: float) -> None:
    x, sent = wave(random_symbols(rng, 3000), 41.3, 100.0)
    x = x.astype(np.float32)
    x[4000:4010] = bad
    soft, instants = kernel_keeps_the_law(lambda: SymbolClock(TAPS), x)
    assert np.isfinite(instants).all()
    assert np.isfinite(soft).all()
    _, late = nearest(instants, sent)
    far = np.abs(sent - 4005) > 4 * 300
    assert np.abs(late[far]).max() < 0.05


def test_a_long_stream_stays_exact(rng: np.random.Generator) -> None:
    """Sums that move along must not gather rounding errors: loud, then a million times softer."""
    x, sent = wave(random_symbols(rng, 6000), 41.3, 20.0)
    x[:12000] *= 1e6
    _, instants = outputs(SymbolClock(TAPS), [x.astype(np.float32)])
    _, late = nearest(instants, sent)
    assert np.abs(late[3300:]).max() < 0.05


@pytest.mark.parametrize("late", [0, 1, 300, 5000])
def test_a_tone_may_come_later_than_its_samples(rng: np.random.Generator, late: int) -> None:
    x, _ = wave(random_symbols(rng, 3000), 41.3)
    x, tone = x.astype(np.float32), np.zeros(len(x), np.float32)
    tone[1:-1] = (x[2:] - x[:-2]) ** 2
    clock = SymbolClock(TAPS)
    whole = [np.concatenate(both) for both in zip(clock.process(x, tone), clock.flush(), strict=True)]
    edges = [0, 7, 7, 4000, 4001, 9999, len(x), len(x) + late]
    parts = [
        clock.process(x[start:stop], tone[max(0, start - late) : max(0, stop - late)])
        for start, stop in itertools.pairwise(edges)
    ]
    made = [np.concatenate(both) for both in zip(*parts, clock.flush(), strict=True)]
    for one, other in zip(made, whole, strict=True):
        np.testing.assert_array_equal(one, other)


def test_refuses_filters_that_do_not_fit() -> None:
    for n in (0, 2, 64, 65):
        with pytest.raises(ValueError, match=f"odd number of taps below 64 expected, got {n}"):
            SymbolClock(np.ones(n, np.float32))
    with pytest.raises(TypeError):
        SymbolClock(None)
    with pytest.raises(ValueError, match="mismatch"):
        SymbolClock(TAPS).process(np.zeros(4))
    with pytest.raises(TypeError):
        SymbolClock(TAPS).process(None)
