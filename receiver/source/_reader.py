"""The reader process: takes samples from a device and puts them into the ring, whatever the rest of the program does.

It tells over a pipe, in tuples: ``open`` with sample type, rate and frequency; ``first`` with the monotonic time and
UTC of sample 0, ns; ``gap`` with the sample before which some were lost, and how many; ``end`` with why.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections import deque
from multiprocessing.connection import Connection

from ..device import DeviceError, Settings, make
from ..errors import SourceError
from ._ring import Ring
from ._samples import Datatype

BLOCK = 1 << 18
"""Bytes that are read at a time, at most."""
WATCHED = 2.0
"""Seconds over which the least delay is looked for."""
LEAST = 0.05
"""Seconds; losses shorter than that do not stand out from the delays of a device that does not tell of them."""
STEADY = 0.01
"""Seconds by which the least delays of two windows may differ, when it is a loss and no delay."""
DRIFT = 200e-6
"""Relative error of a device's rate."""


class Losses:
    """Finds samples lost without a word: they come later for good.

    Parameters
    ----------
    rate : samples per second
    """

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._delays: deque[tuple[float, float]] = deque()  # of the window, rising
        self._least: float | None = None  # seconds that a sample comes after its time, at least
        self._before: float | None = None  # of the window before
        self._began: float | None = None  # of the window
        self._last = 0.0

    def lost(self, samples: int, now: float) -> int:
        """Samples that must have been lost.

        Parameters
        ----------
        samples : came, or are known to be lost, so far
        now : seconds
        """
        delay = now - samples / self._rate
        if self._least is None or self._began is None:
            self._least, self._began, self._last = delay, now, now
            self._window = delay
            return 0
        self._least = min(delay, self._least + DRIFT * (now - self._last))
        self._last = now
        self._window = min(self._window, delay)
        if now - self._began < WATCHED:
            return 0
        window, before = self._window, self._before
        self._before, self._began, self._window = window, now, delay
        late = window - self._least
        if before is None or late < LEAST or abs(window - before) > STEADY:
            return 0
        self._least, self._before = window, None
        return round(late * self._rate)


def run(settings: Settings, ring_name: str, ring_bytes: int, pipe: Connection) -> None:
    """Read until the device, or whoever started this, is gone."""
    # Ctrl-C is for the program, which then stops this
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(OSError, AttributeError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(20))
    parent = os.getppid()
    with contextlib.suppress(BrokenPipeError):
        ring = Ring(ring_bytes, 1, ring_name)
        try:
            device = make(settings)
        except SourceError as error:
            pipe.send(("end", str(error)))
            return
        try:
            device.open()
            ring.size = size = Datatype.parse(device.datatype).bytes
            pipe.send(("open", device.datatype, device.rate, device.frequency))
            buffer = memoryview(bytearray(BLOCK))
            watch = Losses(device.rate)
            count = 0  # samples that came or are known to be lost
            while os.getppid() == parent and not ring.ended:
                n = device.read(buffer) // size
                if not n:
                    continue
                if not count:
                    age = int(n / device.rate * 1e9)
                    pipe.send(("first", time.monotonic_ns() - age, time.time_ns() - age))
                if device.lost:
                    pipe.send(("gap", ring.written, device.lost))
                    count += device.lost
                count += n
                if not device.counts and (lost := watch.lost(count, time.monotonic())):
                    pipe.send(("gap", ring.written, lost))
                    count += lost
                ring.write(buffer[: n * size])
        except DeviceError as error:
            pipe.send(("end", str(error)))
        finally:
            device.close()
            ring.close()
