"""Samples of a device, received by a process of their own, with every loss at its place.

A sample's position counts those that were lost, too, so it tells its time: one course from the first sample on, by the
monotonic clock, whatever is done to the computer's. A device that is silent or gone is opened again.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from ..datatype import Datatype
from ..device import Settings, make
from ..device._reader import BLOCK, Reader
from ..device._ring import Ring
from ..errors import SourceError
from ..record import iso_time
from ..stage import Chunk, Clock
from . import CHUNK, Recording
from ._samples import Bad, samples
from .recorder import Recorder

FIRST = 15.0
"""Seconds that a device has to be opened and give samples."""
SILENT = 2.0
"""Seconds without samples after which it is opened again."""
SOONEST, LATEST = 0.25, 8.0
"""Seconds from one try to the next: twice as many each time."""
TURN = 0.1
"""Seconds of samples in a chunk, about."""
NAP = 0.005
"""Seconds from one look to the next."""
CERTAIN = 0.005
"""Seconds, where the device's clock is on UTC; the computer's then says only how the samples go on."""
UNCERTAIN = 0.02
"""Seconds by which the first sample's time may be wrong."""


class Course:
    """How the time of samples wanders off the straight line, by points that are added as it does."""

    KEPT = 256
    """Points: minutes, more than any frame needs."""

    def __init__(self) -> None:
        self._points: tuple[tuple[float, int], ...] = ()

    def add(self, position: float, ns: int) -> None:
        self._points = (*self._points[1 - self.KEPT :], (position, ns))

    def at(self, position: float) -> int:
        """Nanoseconds that a sample is later than on the line."""
        points = self._points  # another thread may add some
        if not points:
            return 0
        behind = next((i for i in range(len(points), 0, -1) if points[i - 1][0] <= position), 0)
        if behind in (0, len(points)):
            return points[max(behind - 1, 0)][1]
        (x, y), (right, above) = points[behind - 1 : behind + 1]
        return round(y + (above - y) * (position - x) / (right - x))


@dataclass(frozen=True, slots=True)
class LiveClock(Clock):
    """A clock that follows a crystal which is not quite what its rate says."""

    course: Course = field(default_factory=Course, compare=False)

    def wander_ns(self, position: float) -> int | None:
        return self.course.at(position)


class LiveSource:
    """See `Source`; opened when made.

    Parameters
    ----------
    settings : of the device
    seconds : that the ring holds
    reader : a process that has been started already, so that no time is lost

    Raises SourceError when the device cannot be opened or gives nothing.
    """

    def __init__(self, settings: Settings, seconds: float = 4.0, reader: Reader | None = None) -> None:
        make(settings)  # says what is wrong with the settings
        self._settings, self._seconds = settings, seconds
        self._stopped = False  # nothing with a lock: a signal's handler sets it amid whatever waits for it
        self._reading = threading.Lock()
        self._reader: Reader | None = None
        self.recorder: Recorder | None = None
        """Where samples are written, too."""
        self.lost = 0
        """Samples, so far."""
        self.restarts = 0
        self.fill = 0.0
        """Part of the ring that is still to be read."""
        self._gaps: deque[tuple[int, int]] = deque()  # sample in the ring, lost before it
        try:
            self._start(reader)
            datatype, rate, frequency, mono, utc, sure = self._opened(time.monotonic() + FIRST)
        except BaseException:
            self.close()
            raise
        self._mono, self._utc, self._type = mono, utc, datatype
        self._clock = LiveClock(rate, 0.0, utc, CERTAIN if sure else UNCERTAIN)
        self.recording = Recording(
            settings.device, "iq" if datatype.pair else "real", rate, self._clock, frequency, datatype=datatype.name
        )
        self.say: Callable[[str], None] = self.recording.remarks.append
        """Takes a sentence when the device is lost, and when it is back."""
        self.tell: Callable[[str, dict[str, Any]], None] = lambda event, fields: None
        """Takes "gap", "device_lost" and "device_back", with what is known; must not keep `read` waiting."""
        self._bad = Bad(settings.device)
        self._taken = self._seen = 0  # of the ring
        self._until: int | None = None  # of the ring, since `stop`
        self._heard = time.monotonic()
        self._position = 0
        self._origin = 0  # position of the reader's first sample
        self._most = min(CHUNK, max(1024, int(TURN * rate)))

    @property
    def received(self) -> int:
        """Samples, so far."""
        return self._position - self.lost

    def _start(self, reader: Reader | None = None) -> None:
        """Start a reader process with a ring of its own: one that was killed may have died writing."""
        self._why: str | None = None
        self._last = False  # whether that is for good
        self._reader = reader or Reader()
        self._reader.begin(self._settings)

    def _give(self, reader: Reader, rate: float, size: int) -> None:
        """Give a reader its ring."""
        length = max(8 * BLOCK, int(self._seconds * rate) * size)
        try:
            reader.give(length, size)
        except OSError as error:
            raise SourceError(
                f"{self._settings.device}: no {length >> 20} MiB of shared memory for its samples: "
                f"{error.strerror or error}"
            ) from error

    def _end(self) -> None:
        if self._reader is not None:
            try:
                self._reader.end()
            finally:
                self._reader = None

    def _opened(self, deadline: float) -> tuple[Datatype, float, float | None, int, int, bool]:
        """Sample type, rate, frequency, and the first sample's monotonic time and UTC, ns, and whether the device knows
        the latter. Raises SourceError."""
        assert self._reader is not None
        name = ""
        while not self._stopped:
            try:
                if self._reader.pipe.poll(0.05):
                    what, *values = self._reader.pipe.recv()
                    if what == "end":
                        raise SourceError(values[0])
                    if what == "open":
                        name, rate, frequency = values
                        self._give(self._reader, rate, Datatype.parse(name).bytes)
                    elif what == "first":
                        return Datatype.parse(name), rate, frequency, values[0], values[1], values[2]
            except (EOFError, ConnectionResetError):
                raise SourceError(f"{self._settings.device}: its reader ended without a word") from None
            if time.monotonic() > deadline:
                state = "gives no samples" if name else "does not answer"
                raise SourceError(f"{self._settings.device}: {state}")
        raise SourceError(f"{self._settings.device}: stopped")

    def read(self) -> Chunk | None:
        """The next samples, as soon as a tenth of a second of them is there; None after `stop`, behind those in the
        ring."""
        with self._reading:
            return self._read()

    def _read(self) -> Chunk | None:
        asked = time.monotonic()
        while not self._stopped:
            assert self._reader is not None
            ring, now = self._reader.ring, time.monotonic()
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
            elif self._last:
                self.say(str(why))
                return None
            elif why is not None or now - self._heard > SILENT:
                self._restart(why or f"{self._settings.device}: has been silent for {SILENT:g} s")
            else:
                time.sleep(NAP)
        return self._rest()

    def _rest(self) -> Chunk | None:
        """What was in the ring when reception was stopped."""
        ring = self._reader.ring if self._reader is not None else None
        if ring is None:
            return None
        if self._until is None:
            self._until = ring.written
            self._listen()
        while self._gaps and self._gaps[0][0] <= self._taken < self._until:
            self._gap(self._gaps.popleft()[1])
        stop = min(self._until, self._gaps[0][0]) if self._gaps else self._until
        return self._chunk(ring, min(self._most, stop - self._taken)) if stop > self._taken else None

    def _listen(self) -> str | None:
        """Take what the reader says; its last words, if it has ended."""
        try:
            assert self._reader is not None
            while self._why is None and self._reader.pipe.poll():
                what, *values = self._reader.pipe.recv()
                if what == "gap":
                    self._gaps.append((values[0], values[1]))
                elif what == "late":
                    self._clock.course.add(self._origin + values[0], values[1])
                elif what == "end":
                    self._why, self._last = values
        except (EOFError, OSError):
            self._why = f"{self._settings.device}: its reader was ended"
        return self._why

    def _chunk(self, ring: Ring, count: int) -> Chunk | None:
        raw = ring.read(self._taken, count)
        if raw is None:
            return None
        if self.recorder is not None:
            self.recorder.write(raw, self._position, self._clock)
        items = self._bad.clean(samples(raw, self._type), self._position)
        chunk = Chunk(items, self.recording.rate, float(self._position), self._clock)
        self._taken += count
        ring.taken = self._taken
        self._position += count
        return chunk

    def _skip(self, count: int) -> None:
        """Leave out what was run over."""
        seconds = count / self.recording.rate
        self.say(
            f"{self._settings.device}: {seconds:.1f} s of samples are lost, as this computer was too busy for them"
        )
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
        self._clock = replace(clock)

    def _restart(self, why: str) -> None:
        """Open the device again, however often that takes."""
        self.say(f"{why}; trying again")
        self.tell("device_lost", {"message": why})
        pause = SOONEST
        while not self._stopped:
            self._end()
            self._gaps.clear()
            try:
                self._start()
                datatype, rate, _, mono, *_ = self._opened(time.monotonic() + FIRST)
            except SourceError:
                until = time.monotonic() + pause
                while not self._stopped and time.monotonic() < until:
                    time.sleep(NAP)
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
            self._clock = replace(self._clock, course=Course())
            if self._position > passed / 1e9 * rate + 1:  # it gave more than its rate before
                self._clock = LiveClock(rate, self._position, self._utc + passed, UNCERTAIN)
            self._origin = self._position
            self.say(f"{self._settings.device}: is back")
            self.tell("device_back", {"message": f"{self._settings.device}: is back"})
            return
        self._until = self._taken  # of a new ring nothing is known

    def stop(self) -> None:
        """Let `read` end; may be called from anywhere, also from a signal's handler."""
        self._stopped = True

    def close(self) -> None:
        self.stop()
        with self._reading:  # which ends soon
            self._end()
            if self.recorder is not None:
                self.recorder.close()
