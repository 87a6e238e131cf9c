"""The time of live samples over an hour: a device, a crystal and a computer's clock that are simulated."""

from __future__ import annotations

import os
import queue
import threading
import time
from multiprocessing.connection import Pipe
from typing import Any

import numpy as np
import pytest

from receiver.device import EndError, Settings, _reader
from receiver.device._ring import Ring, memory
from receiver.source.live import LiveSource

RATE = 8000.0
BLOCK = 800
HOUR = 3600.0
START = 1_790_000_000_000_000_000
"""UTC of the device's first sample, ns."""
BOOT = 5_000.0
"""Seconds of the monotonic clock at that time."""


class World:
    """What the reader takes for the module ``time``: a monotonic clock, and one that people set."""

    sleep = staticmethod(time.sleep)

    def __init__(self, steps: dict[float, float]) -> None:
        self.now = 0.0
        """True seconds since the device's first sample."""
        self._steps = steps

    def monotonic(self) -> float:
        return BOOT + self.now

    def monotonic_ns(self) -> int:
        return round(self.monotonic() * 1e9)

    def time_ns(self) -> int:
        return START + round((self.now + sum(step for at, step in self._steps.items() if at <= self.now)) * 1e9)


class Device:
    """Gives what a crystal that is off has sampled, a little later; loses some where it is told to."""

    datatype = "cu8"
    frequency = 437e6
    patient = True  # the test takes its time
    lost = 0
    utc_ns = None

    def __init__(self, world: World, error: float, lost: dict[float, int], timed: bool) -> None:
        self.rate, self.counts = RATE, timed
        self._world, self._pace, self._events = world, RATE * (1 + error), dict(lost)
        self._rng = np.random.default_rng(7)
        self._sampled = 0  # by the crystal
        self.sent: list[tuple[int, int]] = [(0, 0)]
        """Sample among those that were given, and when it was sampled, from which on none were lost."""
        self._given = 0

    def open(self) -> None: ...
    def close(self) -> None: ...

    def read(self, out: memoryview) -> int:
        self.lost = 0
        for at in [at for at in self._events if at * self._pace <= self._sampled]:
            gone = self._events.pop(at)
            self._sampled += gone
            self.lost = gone if self.counts else 0
            self.sent.append((self._given, self._sampled))
        if self._sampled > HOUR * self._pace:
            raise EndError("the hour is over")
        self._sampled += BLOCK
        self._given += BLOCK
        arrival = self._sampled / self._pace + 0.0005 + self._rng.exponential(0.004)
        self._world.now = max(self._world.now, arrival)
        out[: 2 * BLOCK] = bytes(2 * BLOCK)
        return 2 * BLOCK

    def true_ns(self, given: int) -> float:
        """UTC of one of the samples that were given."""
        first, sampled = next(s for s in reversed(self.sent) if s[0] <= given)
        return START + (sampled + given - first) / self._pace * 1e9


class Simulated:
    """A reader in a thread; see `Reader`."""

    def __init__(self, world: World, device: Device) -> None:
        self.pipe, self._theirs = Pipe()
        self._file = memory()
        self.ring: Ring | None = None
        self._told: queue.SimpleQueue[int | None] = queue.SimpleQueue()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self, settings: Settings) -> None:
        words = (settings, self._file, self._theirs, self._told, self._stopped)
        self._thread = threading.Thread(target=_reader.run, args=words)
        self._thread.start()

    def give(self, length: int, size: int) -> None:
        self.ring = Ring(self._file, length, size)
        self._told.put(length)

    def end(self) -> None:
        self._stopped.set()
        self._told.put(None)
        if self._thread is not None:
            self._thread.join()
        if self.ring is not None:
            self.ring.close()
        self.pipe.close()
        self._theirs.close()
        os.close(self._file)


@pytest.mark.parametrize(
    ("error", "lost", "timed"),
    [
        (0.0, {}, False),
        (60e-6, {}, False),
        (-60e-6, {1000.0: 4000, 2000.0: 2345}, False),
        (20e-6, {500.0: 1, 1000.0: 4000, 2000.0: 123_456}, True),
    ],
    ids=["right", "fast crystal", "slow crystal and losses", "device that tells of losses"],
)
def test_an_hour_in_which_the_clock_is_set(
    monkeypatch: pytest.MonkeyPatch, error: float, lost: dict[float, int], timed: bool
) -> None:
    """The computer's clock is put by 2 s, -1 h, and 37 ms; the samples' time stays right to 5 ms."""
    world = World({600.0: 2.0, 1800.0: -3600.0, 2400.0: 0.037})
    device = Device(world, error, lost, timed)
    monkeypatch.setattr(_reader, "time", world)
    monkeypatch.setattr(_reader, "make", lambda _: device)
    monkeypatch.setattr("receiver.source.live.make", lambda _: device)
    monkeypatch.setattr("os.sched_setscheduler", lambda *_: None)
    simulated: Any = Simulated(world, device)
    source = LiveSource(Settings("simulated"), seconds=10.0, reader=simulated)
    given, worst, clocks = 0, 0.0, []
    settled = 0
    try:
        while (chunk := source.read()) is not None:
            told = chunk.clock.time_ns(chunk.position)
            assert told is not None
            off = abs(told - device.true_ns(given)) / 1e9
            # what is lost without a word is found some seconds later
            behind = [given - first for first, _ in device.sent[1:] if first <= given]
            if timed or not behind or min(behind) > 8 * RATE:
                worst = max(worst, off)
                settled += len(chunk)
            given += len(chunk)
            if not clocks or chunk.clock is not clocks[-1]:
                clocks.append(chunk.clock)
    finally:
        source.close()
    assert settled > (HOUR - 60) * RATE
    assert worst < 0.005
    assert len(clocks) == 1 + len(lost)
    assert source.lost == pytest.approx(sum(lost.values()), abs=0 if timed else 0.005 * RATE * len(lost))


def test_samples_that_come_too_fast_do_not_press_the_time_together() -> None:
    delays = _reader.Delays(250e3)
    for turn in range(1, 5000):
        assert not delays.lost(turn * 5000, turn * 0.002)
    assert delays.late == pytest.approx(-1.0, abs=0.01)


def test_samples_that_are_lost_all_the_time_do_not_put_the_time_wrong() -> None:
    """One in a hundred, without a word: never are they more than half a second late."""
    rate, block, delays = 250e3, 5000, _reader.Delays(250e3)
    known = 0
    for turn in range(1, 30_000):
        known += block - 50
        known += delays.lost(known, turn * block / rate) or 0
        assert turn * block - known < 0.5 * rate
    assert turn * block - known > -0.001 * rate
