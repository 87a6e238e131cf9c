"""The reader process: takes samples from a device and puts them into the ring, whatever the rest of the program does.

It is told over a pipe the settings and, when it has opened the device, the ring's length; it ends when the pipe does.
It tells, in tuples: ``open`` with sample type, rate and frequency; ``first`` with the monotonic time and UTC of sample
0, ns; ``gap`` with the sample before which some were lost, and how many; ``late`` with a sample, lost ones counted, and
how much later it came than the rate says, ns; ``end`` with why, and whether for good.

This begins before the rest of the program has imported what it needs, and imports little itself.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import sys
import threading
import time
from multiprocessing.connection import Connection, Pipe

from ..datatype import Datatype
from ..errors import SourceError
from . import Device, DeviceError, EndError, Settings, make
from ._ring import Ring, memory

BLOCK = 1 << 18
"""Bytes that are read at a time, at most."""
PARTING = 0.5
"""Seconds that a reader has to let go of its device."""
WATCHED = 2.0
"""Seconds over which the least delay is looked for."""
LEAST = 0.05
"""Seconds; losses shorter than that do not stand out from the delays of a device that does not tell of them."""
STEADY = 0.01
"""Seconds by which the least delays of two windows may differ, when it is a loss and no delay."""
MUCH = 0.25
"""Seconds lost when ever more is."""
QUEUED = 1.0
"""Seconds of samples that may have waited somewhere when the first came."""
DRIFT = 200e-6
"""Relative error of a device's rate."""
START = f"import sys; pipe, file, *sys.path = sys.argv[1:]; from {__name__} import serve; serve(int(pipe), int(file))"


class Reader:
    """A reader process, seen from whoever starts it; it waits for `begin`.

    Raises SourceError when there can be none.
    """

    def __init__(self) -> None:
        import subprocess

        self.ring: Ring | None = None
        # Ctrl-C is for the program, from the reader's first moment on
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self.pipe, theirs = Pipe()
            self._file = memory()
            self.process = subprocess.Popen(
                [sys.executable, "-c", START, str(theirs.fileno()), str(self._file), *sys.path],
                stdout=2,  # what drivers say is not among the frames
                pass_fds=(theirs.fileno(), self._file),
            )
            theirs.close()
        except OSError as error:
            raise SourceError(f"no process to receive in can be started: {error.strerror or error}") from error
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def begin(self, settings: Settings) -> None:
        """Let it open a device."""
        self._tell(settings)

    def give(self, length: int, size: int) -> None:
        """Let it read, into a ring of so many bytes for samples of some size. Raises OSError when there is no room."""
        self.ring = Ring(self._file, length, size)
        self._tell(length)

    def _tell(self, word: object) -> None:
        with contextlib.suppress(BrokenPipeError):  # shows where its next word is waited for
            self.pipe.send(word)

    def end(self) -> None:
        """Let it let go of its device, or kill it."""
        import subprocess

        try:
            self.pipe.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(PARTING)
        finally:  # at a second Ctrl-C, too
            self.process.kill()
            self.process.wait()
            if self.ring is not None:
                self.ring.close()
                self.ring = None
            if self._file >= 0:
                os.close(self._file)
                self._file = -1

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()


class Delays:
    """How late samples come: what shows a crystal that is off, and samples that were lost without a word.

    Parameters
    ----------
    rate : samples per second
    """

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._first: float | None = None  # seconds that the first came after its time
        self._least = 0.0  # that a sample does, at least
        self._before: float | None = None  # least of the window before
        self._window = 0.0
        self._start = self._last = 0.0
        self._began = 0.0  # the window

    @property
    def late(self) -> float:
        """Seconds that samples come later than the first did, delays left aside: more and more from a slow crystal.

        Those of a source that is not live at all come ever earlier; that says nothing of their time.
        """
        if self._first is None:
            return 0.0
        return max(self._least - self._first, -QUEUED - DRIFT * (self._last - self._start))

    def lost(self, samples: int, now: float) -> int | None:
        """Samples that must have been lost; None but at the end of a window.

        Parameters
        ----------
        samples : came, or are known to be lost, so far
        now : seconds
        """
        delay = now - samples / self._rate
        if self._first is None:
            self._first = self._least = self._window = delay
            self._start = self._began = self._last = now
            return None
        self._least = min(delay, self._least + DRIFT * (now - self._last))
        self._last = now
        self._window = min(self._window, delay)
        if now - self._began < WATCHED:
            return None
        window, before = self._window, self._before
        self._before, self._began, self._window = window, now, delay
        if before is None:
            return 0
        sure = min(window, before) - self._least
        # what gets less is made up for; what gets more is told of when it is worth a gap
        if window < before - STEADY or sure < (LEAST if window <= before + STEADY else MUCH):
            return 0
        lost = round(sure * self._rate)
        self._before -= lost / self._rate
        self._window -= lost / self._rate
        return lost


def serve(pipe: int, file: int) -> None:
    """Be the reader process, given the descriptors of its pipe and its ring."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    connection = Connection(pipe)
    try:
        settings = connection.recv()
    except EOFError:
        return
    told: queue.SimpleQueue[int | None] = queue.SimpleQueue()
    stopped = threading.Event()
    threading.Thread(target=_listen, args=(connection, told, stopped), daemon=True).start()
    run(settings, file, connection, told, stopped)


def _listen(pipe: Connection, told: queue.SimpleQueue[int | None], stopped: threading.Event) -> None:
    """End the process when whoever started it wants that or is gone, even where a driver hangs."""
    with contextlib.suppress(EOFError, OSError):
        while True:
            told.put(pipe.recv())
    stopped.set()
    told.put(None)
    time.sleep(PARTING)
    os._exit(1)


SAME = 10**9
"""Nanoseconds by which a clock on UTC, of a GPS receiver say, may be from this computer's; another starts at zero."""


def _utc(device: Device, host_ns: int) -> tuple[int, bool]:
    """Time of the first sample, and whether the device knows it: near this computer's clock, its own is on UTC."""
    told = device.utc_ns
    return (told, True) if told is not None and abs(told - host_ns) <= SAME else (host_ns, False)


def run(
    settings: Settings, file: int, pipe: Connection, told: queue.SimpleQueue[int | None], stopped: threading.Event
) -> None:
    """Read until the device is gone or `stopped` is set; `told` gives the length of the ring."""
    with contextlib.suppress(OSError, AttributeError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(20))
    with contextlib.suppress(BrokenPipeError):
        try:
            device = make(settings)
        except SourceError as error:
            pipe.send(("end", str(error), False))
            return
        try:
            device.open()
            pipe.send(("open", device.datatype, device.rate, device.frequency))
            if (length := told.get()) is None:
                return
            size = Datatype.parse(device.datatype).bytes
            ring = Ring(file, length, size)
            buffer = memoryview(bytearray(BLOCK))
            delays = Delays(device.rate)
            count = 0  # samples that came or are known to be lost
            while not stopped.is_set():
                n = device.read(buffer) // size
                if not n:
                    continue
                if not count:
                    age = int(n / device.rate * 1e9)
                    pipe.send(("first", time.monotonic_ns() - age, *_utc(device, time.time_ns() - age)))
                if device.lost:
                    pipe.send(("gap", ring.written, device.lost))
                    count += device.lost
                count += n
                lost = delays.lost(count, time.monotonic())
                if lost is not None:
                    pipe.send(("late", count, round(delays.late * 1e9)))
                if lost and not device.counts:
                    pipe.send(("gap", ring.written, lost))
                    count += lost
                while device.patient and ring.written + n - ring.taken > ring.safe and not stopped.is_set():
                    time.sleep(0.002)
                ring.write(buffer[: n * size])
        except DeviceError as error:
            pipe.send(("end", str(error), isinstance(error, EndError)))
        finally:
            device.close()
