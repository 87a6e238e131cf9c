"""Samples of a device, received by a process of their own, with every loss at its place.

A sample's position counts those that were lost, too, so it tells its time: one line from the first sample on, by the
monotonic clock, whatever is done to the computer's. A device that is silent or gone is opened again.
"""

from __future__ import annotations

import multiprocessing
import signal
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from ..device import Settings, make
from ..errors import SourceError
from ..record import iso_time
from ..stage import Chunk, Clock
from . import CHUNK, Recording
from ._reader import BLOCK, run
from ._ring import Ring
from ._samples import Bad, Datatype, samples
from .recorder import Recorder

FIRST = 15.0
"""Seconds that a device has to be opened and give samples."""
SILENT = 2.0
"""Seconds without samples after which it is opened again."""
SOONEST, LATEST = 0.25, 8.0
"""Seconds from one try to the next: twice as many each time."""
PARTING = 0.5
"""Seconds that a reader has to let go of its device."""
TURN = 0.1
"""Seconds of samples in a chunk, about."""
UNCERTAIN = 0.02
"""Seconds by which the first sample's time may be wrong."""


class LiveSource:
    """See `Source`; opened when made.

    Parameters
    ----------
    settings : of the device
    seconds : that the ring holds

    Raises SourceError when the device cannot be opened or gives nothing.
    """

    def __init__(self, settings: Settings, seconds: float = 4.0) -> None:
        made = make(settings)  # says what is wrong with the settings
        self._settings = settings
        self._bytes = max(8 * BLOCK, int(seconds * made.rate) * Datatype.parse(made.datatype).bytes)
        self._context = multiprocessing.get_context("spawn")
        self._stopped = threading.Event()
        self._reading = threading.Lock()
        self._process: Any = None
        self._pipe: Any = None
        self._ring: Ring | None = None
        self.recorder: Recorder | None = None
        """Where samples are written, too."""
        self.lost = 0
        """Samples, so far."""
        self.restarts = 0
        self.fill = 0.0
        """Part of the ring that is still to be read."""
        self._gaps: deque[tuple[int, int]] = deque()  # sample in the ring, lost before it
        try:
            self._start()
            datatype, rate, frequency, mono, utc = self._opened(time.monotonic() + FIRST)
        except BaseException:
            self.close()
            raise
        self._mono, self._utc, self._type = mono, utc, datatype
        self._clock = Clock(rate, 0.0, utc, UNCERTAIN)
        self.recording = Recording(settings.device, "iq", rate, self._clock, frequency, datatype=datatype.name)
        self.say: Callable[[str], None] = self.recording.remarks.append
        """Takes a sentence when the device is lost, and when it is back."""
        self.tell: Callable[[str, dict[str, Any]], None] = lambda event, fields: None
        """Takes "gap", "device_lost" and "device_back", with what is known; must not keep `read` waiting."""
        self._bad = Bad(settings.device)
        self._taken = self._seen = 0  # of the ring
        self._heard = time.monotonic()
        self._position = 0
        self._most = min(CHUNK, max(1024, int(TURN * rate)))

    @property
    def received(self) -> int:
        """Samples, so far."""
        return self._position - self.lost

    def _start(self) -> None:
        """Start a reader process with a ring of its own: one that was killed may have died writing."""
        self._why: str | None = None
        try:
            self._ring = Ring(self._bytes, 1)
            self._pipe, theirs = self._context.Pipe(duplex=False)
        except OSError as error:
            raise SourceError(
                f"{self._settings.device}: no {self._bytes >> 20} MiB of shared memory for its samples: "
                f"{error.strerror or error}"
            ) from error
        words = (self._settings, self._ring.name, self._bytes, theirs)
        process = self._context.Process(target=run, args=words, daemon=True, name="radome reader")
        # Ctrl-C is for the program, from the reader's first moment on
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            process.start()
            self._process = process
        except OSError as error:
            raise SourceError(f"{self._settings.device}: no reader: {error.strerror or error}") from error
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            theirs.close()

    def _end(self) -> None:
        try:
            if self._process is not None and self._ring is not None:
                self._ring.end()
                self._process.join(PARTING)
        finally:  # at a second Ctrl-C, too
            if self._process is not None:
                self._process.kill()
                self._process.join()
                self._process = None
            if self._pipe is not None:
                self._pipe.close()
                self._pipe = None
            if self._ring is not None:
                self._ring.close()
                self._ring = None

    def _opened(self, deadline: float) -> tuple[Datatype, float, float | None, int, int]:
        """Sample type, rate, frequency, and the first sample's time by both clocks, ns. Raises SourceError."""
        assert self._ring is not None
        name = ""
        while not self._stopped.is_set():
            try:
                if self._pipe.poll(0.05):
                    what, *values = self._pipe.recv()
                    if what == "end":
                        raise SourceError(values[0])
                    if what == "open":
                        name, rate, frequency = values
                        self._ring.size = Datatype.parse(name).bytes
                    elif what == "first":
                        return Datatype.parse(name), rate, frequency, values[0], values[1]
            except EOFError:
                raise SourceError(f"{self._settings.device}: its reader ended without a word") from None
            if time.monotonic() > deadline:
                state = "gives no samples" if name else "does not answer"
                raise SourceError(f"{self._settings.device}: {state}")
        raise SourceError(f"{self._settings.device}: stopped")

    def read(self) -> Chunk | None:
        """The next samples, as soon as a tenth of a second of them is there; None after `stop`."""
        with self._reading:
            return self._read()

    def _read(self) -> Chunk | None:
        asked = time.monotonic()
        while not self._stopped.is_set():
            ring, now = self._ring, time.monotonic()
            assert ring is not None
            # a gap is told of before what is behind it is written: listen behind the look, lest samples be from beyond
            written = ring.written
            why = self._listen()
            if why is not None:
                written = ring.written
            if written != self._seen:
                self._seen, self._heard = written, now
            ready = written - self._taken
            self.fill = min(ready / ring.capacity, 1.0)
            if ready > ring.safe:
                self._skip(ready - ring.capacity // 2)
            elif self._gaps and self._gaps[0][0] <= self._taken:
                self._gap(self._gaps.popleft()[1])
            elif ready and (ready >= self._most or self._gaps or why is not None or now - asked > 2 * TURN):
                stop = min(written, self._gaps[0][0]) if self._gaps else written
                chunk = self._chunk(ring, min(self._most, stop - self._taken))
                if chunk is not None:
                    return chunk
            elif why is not None or now - self._heard > SILENT:
                self._restart(why or f"{self._settings.device}: has been silent for {SILENT:g} s")
            else:
                self._stopped.wait(0.005)
        return None

    def _listen(self) -> str | None:
        """Take what the reader says; its last words, if it has ended."""
        try:
            while self._why is None and self._pipe.poll():
                what, *values = self._pipe.recv()
                if what == "gap":
                    self._gaps.append((values[0], values[1]))
                elif what == "end":
                    self._why = str(values[0])
        except (EOFError, OSError):
            self._why = f"{self._settings.device}: its reader was ended"
        return self._why

    def _chunk(self, ring: Ring, count: int) -> Chunk | None:
        raw = ring.read(self._taken, count)
        if raw is None:
            return None
        if self.recorder is not None:
            self.recorder.write(raw, count, self._position, self._clock, self.recording)
        items = self._bad.clean(samples(raw, self._type), self._position)
        chunk = Chunk(items, self.recording.rate, float(self._position), self._clock)
        self._taken += count
        self._position += count
        return chunk

    def _skip(self, count: int) -> None:
        """Leave out what was run over."""
        self._taken += count
        while self._gaps and self._gaps[0][0] <= self._taken:
            count += self._gaps.popleft()[1]
        self._gap(count)

    def _gap(self, lost: int) -> None:
        """From here on positions are so many samples further; the time line stays."""
        clock = self._clock
        if lost:
            place = {"sample": self._position, "seconds": self._position / clock.rate}
            self.tell("gap", {**place, "lost": lost, "utc": iso_time(clock.time_ns(self._position))})
        self.lost += lost
        self._position += lost
        self._clock = Clock(clock.rate, clock.sample, clock.utc_ns, clock.uncertainty)

    def _restart(self, why: str) -> None:
        """Open the device again, however often that takes."""
        self.say(f"{why}; trying again")
        self.tell("device_lost", {"message": why})
        pause = SOONEST
        while not self._stopped.is_set():
            self._end()
            self._gaps.clear()
            try:
                self._start()
                datatype, rate, _, mono, _ = self._opened(time.monotonic() + FIRST)
            except SourceError:
                self._stopped.wait(pause)
                pause = min(2 * pause, LATEST)
                continue
            if (datatype, rate) != (self._type, self.recording.rate):
                raise SourceError(
                    f"{self._settings.device}: came back with {rate:g} samples per second of {datatype.name} instead "
                    f"of {self.recording.rate:g} of {self._type.name}"
                )
            self.restarts += 1
            self._taken = self._seen = 0
            self._heard = time.monotonic()
            passed = mono - self._mono
            self._gap(max(0, round(passed / 1e9 * rate) - self._position))
            if self._position > passed / 1e9 * rate + 1:  # it gave more than its rate before
                self._clock = Clock(rate, self._position, self._utc + passed, UNCERTAIN)
            self.say(f"{self._settings.device}: is back")
            self.tell("device_back", {"message": f"{self._settings.device}: is back"})
            return

    def stop(self) -> None:
        """Let `read` end; may be called from anywhere."""
        self._stopped.set()

    def close(self) -> None:
        self.stop()
        with self._reading:  # which ends soon
            self._end()
            if self.recorder is not None:
                self.recorder.close()
