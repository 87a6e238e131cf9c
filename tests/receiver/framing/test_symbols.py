"""What is remembered of symbols, and what is said of the frames cut from them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from receiver.framing._symbols import SymbolHistory
from receiver.stage import Chunk, Clock
from tests.reference import soft

CLOCK = Clock(48000.0, 0.0, 0)


def test_keeps_at_least_its_capacity_by_index() -> None:
    history = SymbolHistory(100)
    x = np.arange(1000, dtype=np.float32)
    at = 0
    for size in (1, 0, 50, 99, 300, 7, 543):
        assert history.append(Chunk(x[at : at + size], 9600.0, 5.0 * at, CLOCK)) == at
        at += size
        assert history.stop == at
        assert history.start <= max(0, at - 100)
        start = max(history.start, at - 100)
        np.testing.assert_array_equal(history.soft(start, at), x[start:at])
        with pytest.raises(ValueError, match="asked for"):
            history.soft(start, at + 1)
    with pytest.raises(ValueError, match=f"symbols 0 to 5 asked for, {history.start} to 1000 are kept"):
        history.soft(0, 5)


def test_a_frame_goes_from_edge_to_edge() -> None:
    history = SymbolHistory(100)
    where = 7 + 5.002 * np.arange(60)
    history.append(Chunk(np.ones(30, np.float32), 9600.0, where[0], CLOCK, where[:30]))
    history.append(Chunk(np.ones(30, np.float32), 9600.0, where[30], CLOCK, where[30:], np.full(30, 44, np.float32)))
    frame = history.frame(10, 50, b"x", "test", link={"a": 1})
    assert frame.position == pytest.approx(where[10] - 2.501)
    assert frame.length == pytest.approx(40 * 5.002)
    assert frame.offset == pytest.approx(44)  # of those symbols that have one
    assert frame.link == {"a": 1}
    assert history.frame(0, 30, b"", "test").offset is None


@pytest.mark.parametrize("esn0_db", [0.0, 3.0, 6.0, 10.0, 20.0])
def test_signal_to_noise_ratio(esn0_db: float) -> None:
    """To 0.5 dB over 4000 symbols, also where noise turns symbols over; Eb/N0 counts information bits."""
    history = SymbolHistory(5000)
    noise = math.sqrt(0.5 / 10 ** (esn0_db / 10))
    bits = np.random.default_rng(1).integers(0, 2, 4000).astype(np.uint8)
    history.append(Chunk(3 * soft(bits, noise), 9600.0, 0.0, CLOCK))
    frame = history.frame(0, 4000, b"", "test", rate=0.5)
    assert frame.snr_db == pytest.approx(esn0_db, abs=0.5)
    assert frame.ebn0_db == pytest.approx(frame.snr_db + 3.0103)


@pytest.mark.parametrize("value", [0.0, 1.0, 1e-30, np.nan, np.inf])
def test_odd_symbols_give_a_frame(value: float) -> None:
    history = SymbolHistory(50)
    history.append(Chunk(np.full(40, value, np.float32), 9600.0, 0.0, CLOCK))
    with np.errstate(all="ignore"):
        frame = history.frame(0, 40, b"", "test")
        one = history.frame(3, 4, b"", "test")
    assert frame.snr_db is not None
    assert one.length == 5.0
