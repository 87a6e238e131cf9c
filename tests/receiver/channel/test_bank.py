"""The filter bank for many chains: what passes it, where its samples stand, and when it is used."""

from __future__ import annotations

import numpy as np
import pytest

from receiver.channel.bank import ROOM, Band, Bank, fits, size_for
from receiver.stage import Chunk, Clock, Stream
from tests.jig import cuts

RATE, MIDDLE = 1e6, 437e6
STREAM = Stream("iq", RATE, Clock(RATE), MIDDLE)


def tone(frequency: float, n: int = 60_000) -> np.ndarray:
    """At a radio frequency; phase 0 at its first sample."""
    return np.exp(2j * np.pi * ((frequency - MIDDLE) / RATE * np.arange(n) % 1)).astype(np.complex64)


def passed(bank: Bank, branch: int, frequency: float) -> float:
    """Amplitude of what a branch makes of a tone."""
    bank.want([branch])
    bank.process(Chunk(tone(frequency, 6000), RATE, 0.0, STREAM.clock))
    middle = bank.close()[branch].items[20:-20]
    return float(np.sqrt(np.mean(np.abs(middle) ** 2)))


@pytest.mark.parametrize("size", [8, 24, 40, 64])
def test_a_branch_passes_its_carriers_and_keeps_the_neighbours_out(size: int) -> None:
    """Flat where a chain looks, whatever its carrier; 75 dB below that where it would fold into that."""
    rate = 2 * RATE / size
    reach = rate * (1 / 4 + ROOM)
    middle = Bank(STREAM, size).stream(MIDDLE + 1.2 * RATE / size).frequency
    assert middle == pytest.approx(MIDDLE + RATE / size)
    for offset in np.linspace(-reach, reach, 9):
        assert passed(Bank(STREAM, size), 1, middle + offset) == pytest.approx(1.0, abs=0.001)
    for offset in (*np.linspace(rate - reach, RATE - rate + reach, 41), rate - reach):
        assert passed(Bank(STREAM, size), 1, middle + offset) < 10 ** (-75 / 20)


@pytest.mark.parametrize("size", [8, 40])
def test_a_carrier_is_near_the_middle_of_its_branch_in_phase_and_in_time(size: int) -> None:
    bank = Bank(STREAM, size)
    for frequency in MIDDLE + np.linspace(-0.5, 0.5, 23) * RATE:
        stream = bank.stream(frequency)
        assert bank.branch(stream.frequency) == bank.branch(frequency)
        assert stream.rate == bank.rate == 2 * RATE / size
        assert stream.clock is STREAM.clock
        assert abs(frequency - stream.frequency) <= bank.rate / 4 * (1 + 1e-9)
    frequency = MIDDLE + 123_456.0
    bank = Bank(STREAM, size)
    branch = bank.branch(frequency)
    bank.want([branch])
    x, chunks = tone(frequency), []
    for part, at in ((x[:20_000], 700.0), (x[20_000:], 20_700.0)):
        chunks += bank.process(Chunk(part, RATE, at, STREAM.clock)).values()
    chunks += bank.close().values()
    for chunk in chunks:
        inner = slice(10, -10)
        positions = (chunk.position + chunk.step * np.arange(len(chunk)))[inner]
        stream = bank.stream(frequency)
        # the tone as it would be if it were mixed down, at the instants that the samples are said to stand for
        expected = np.exp(2j * np.pi * (frequency - stream.frequency) / RATE * (positions - 700.0))
        np.testing.assert_allclose(chunk.items[inner], expected, atol=2e-3)


def test_any_cut_gives_the_same() -> None:
    rng = np.random.default_rng(3)
    x = (rng.standard_normal(30_000) + 1j * rng.standard_normal(30_000)).astype(np.complex64)

    def run(parts: list[np.ndarray]) -> dict[int, np.ndarray]:
        bank, at, made = Bank(STREAM, 16), 50.0, {0: [], 3: [], 15: []}
        bank.want(made)
        for part in parts:
            for branch, chunk in bank.process(Chunk(part, RATE, at, STREAM.clock)).items():
                made[branch].append(chunk)
            at += len(part)
        for branch, chunk in bank.close().items():
            made[branch].append(chunk)
        for chunks in made.values():
            place = 50.0
            for chunk in chunks:
                assert chunk.position == place
                place += 8 * len(chunk)
        return {branch: np.concatenate([chunk.items for chunk in chunks]) for branch, chunks in made.items()}

    whole = run([x])
    assert len(whole[0]) == 3750
    for parts in cuts(x, few=300):
        for branch, items in run(parts).items():
            np.testing.assert_array_equal(items, whole[branch])


def test_it_is_used_where_it_costs_less() -> None:
    def bands(count: int, reach: float) -> list[Band]:
        return [Band(MIDDLE + 20e3 * i, reach) for i in range(count)]

    assert size_for(2.4e6, bands(1, 30e3)) is None
    assert size_for(2.4e6, []) is None
    size = size_for(2.4e6, bands(8, 30e3))
    assert size is not None
    assert fits(Band(MIDDLE, 30e3), 2 * 2.4e6 / size)
    # too narrow a stream for it, and signals too wide
    assert size_for(48e3, bands(8, 10e3)) is None
    assert size_for(2.4e6, bands(8, 200e3)) is None
    # a wide one beside many goes its own way, and does not make the branches wide for all
    assert size_for(2.4e6, [*bands(8, 30e3), Band(MIDDLE, 500e3)]) == size
