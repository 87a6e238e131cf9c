"""Writes what a device gives, as it gives it, into SigMF recordings: all of it, or what is around frames.

A thread does the writing: a slow disk holds nobody up, and what it is too slow for is a gap in the recording alone. It
takes samples and frames in one order, so nothing else has to be locked.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import shutil
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from ..datatype import Datatype
from ..errors import SinkError
from ..stage import Clock
from . import Recording
from ._spool import Block, Spool
from ._tape import MOST_FRAMES, PIECE, Mark, Tape

QUEUED = 4.0, 8 << 20
"""Seconds and bytes that may wait for the disk, whichever is more."""
OVERLAP = 5.0
"""Seconds with which the next recording begins that end the one before it, lest a frame be cut in two."""
AHEAD = 16
"""Blocks of the past that are written for each new one."""
SAVED, TIMES = 0.5, 20
"""Seconds after which frames are saved again, but no sooner than after so many times what that takes."""
CHECKED = 1.0
"""Seconds between two looks at the disk."""


@dataclass(frozen=True)
class Limits:
    """How much is recorded."""

    size: int | None = None
    """Bytes of samples in one recording, about; then the next one begins."""
    keep_free: int = 0
    """Bytes of the disk that are left to others."""
    delete_oldest: bool = False
    """Whether older recordings make room, those that Radome made in the same folder; else recording ends."""


@dataclass(frozen=True)
class Around:
    """Only what is around frames is recorded."""

    before: float
    after: float
    """Seconds."""


class Recorder:
    """Recordings of one stream of samples, whose files are made when there is something to write.

    Parameters
    ----------
    folder : is made if it is not there
    recording : sample type, rate and frequency of what is written; its clock counts the positions
    remark : takes a sentence when something is wrong
    end : takes the one when nothing more is recorded, instead
    limits : how much is recorded
    around : record only around frames; None: everything
    late : seconds behind its end after which a frame is told of, at most
    label : is in the files' names
    site : latitude and longitude in degrees, altitude in metres

    Raises SinkError when the folder cannot be written to, or has no room for what is kept of the past.
    """

    def __init__(
        self,
        folder: Path,
        recording: Recording,
        remark: Callable[[str], None],
        limits: Limits | None = None,
        *,
        end: Callable[[str], None] | None = None,
        around: Around | None = None,
        late: float = 30.0,
        label: str = "",
        site: tuple[float, float, float] | None = None,
    ) -> None:
        self._folder, self._recording, self._remark, self._told = folder, recording, remark, end or remark
        self._limits, self._around, self._late = limits or Limits(), around, late * recording.clock.rate
        self._label = re.sub(r"[^\w.+-]+", "-", label).strip("-")
        self._details: dict[str, Any] = {"core:hw": recording.name}
        if site is not None:
            latitude, longitude, altitude = site
            self._details["core:geolocation"] = {"type": "Point", "coordinates": [longitude, latitude, altitude]}
        self._width = Datatype.parse(recording.datatype).bytes
        self._step = recording.clock.rate / recording.rate
        self._flow = recording.rate * self._width  # bytes per second
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except FileExistsError as error:
            raise SinkError(f"{folder}: is a file; recordings go into a folder, so give the name of one") from error
        except OSError as error:
            raise SinkError(f"{folder}: cannot be made: {error.strerror}") from error
        if not os.access(folder, os.W_OK | os.X_OK):
            raise SinkError(f"{folder}: cannot be written to")
        self._spool: Spool | None = None
        if around is not None:
            size = max(8 * PIECE, round(self._flow * (around.before + late)))
            try:
                self._spool = Spool(folder, size)
            except OSError as error:
                raise SinkError(
                    f"{folder}: cannot keep the last {around.before + late:.0f} s of samples, {size / 1e6:.0f} MB: "
                    f"{error.strerror}"
                ) from error
        self.ended: str | None = None
        """Why nothing more is recorded."""
        self.paths: list[Path] = []
        """Of the metadata of all recordings so far."""
        self.written = 0
        """Bytes of samples."""
        self._tape: Tape | None = None
        self._old: list[Tape] = []  # that frames may still be told of
        self._marks: deque[Mark] = deque(maxlen=MOST_FRAMES)  # that a recording may still begin with
        self._newest = 0.0  # position behind all samples
        self._wanted: list[tuple[float, float]] = []  # stretches around frames
        self._cursor = 0  # block of the spool to be written next
        self._save_at = self._check_at = time.monotonic()
        self._items: deque[Block | Mark] = deque()
        self._queued = 0  # bytes
        self._room = max(QUEUED[0] * self._flow, QUEUED[1])
        self._slow = self._closing = False
        self._change = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    @property
    def path(self) -> Path | None:
        """Of the metadata of the newest recording."""
        return self.paths[-1] if self.paths else None

    def write(self, raw: bytes, position: float, clock: Clock) -> None:
        """Add samples; never waits.

        When that fails, as on a full disk, `ended` says why.
        """
        with self._change:
            if self._closing or self.ended is not None:
                return
            if self._queued + len(raw) > self._room:
                slow, self._slow = self._slow, True
            else:
                slow = True
                self._items.append(Block(raw, position, clock))
                self._queued += len(raw)
                self._change.notify()
        if not slow:
            self._remark(
                f"{self._folder}: the disk is too slow for {self._flow / 1e6:.1f} MB/s: the recording has gaps"
            )

    def mark(self, position: float, length: float, table: dict[str, Any]) -> None:
        """Tell of a frame, behind its samples.

        Parameters
        ----------
        position, length : in samples of the source
        table : what the annotation says beside where it is
        """
        with self._change:
            if not self._closing:
                self._items.append(Mark(position, position + length, table))
                self._change.notify()

    def close(self) -> None:
        """Write what is still to be written, and end."""
        with self._change:
            self._closing = True
            self._change.notify()
        self._thread.join()

    def _run(self) -> None:
        behind = False
        while True:
            with self._change:
                if not (self._items or self._closing or behind):
                    self._change.wait(SAVED)
                item = self._items.popleft() if self._items else None
                if isinstance(item, Block):
                    self._queued -= len(item.raw)
                last = self._closing and not self._items
                over = last and item is None and not behind
            try:
                if isinstance(item, Block):
                    self._take(item)
                elif item is not None:
                    self._note(item)
                behind = self._feed(last)
                self._look(over)
            except OSError as error:
                behind = False
                self._end(error.strerror or str(error))
            if over:
                break
        if self._tape is not None:
            self._tape.close()
        if self._spool is not None:
            self._spool.close()

    def _end(self, why: str) -> None:
        """Record nothing more; frames are still marked."""
        if self.ended is None:
            self.ended = f"{self.path or self._folder}: recording ended: {why}"
            with self._change:
                self._items = deque(item for item in self._items if isinstance(item, Mark))
                self._queued = 0
            self._wanted.clear()
            with contextlib.suppress(OSError):
                self._finish()
            self._told(self.ended)

    def _take(self, block: Block) -> None:
        if self.ended is not None:
            return
        self._newest = block.position + len(block.raw) // self._width * self._step
        if self._spool is None:
            self._put(block)
        else:
            self._spool.add(block)

    def _put(self, block: Block) -> None:
        """Write a block into the recording that is open, or into a new one."""
        tape = self._tape
        if tape is not None and not (tape.clock is None or tape.clock == block.clock):
            self._finish()  # the time line is another one, which gaps do not tell of
            tape = None
        if tape is None:
            tape = self._begin(block)
        elif tape.full or (self._limits.size is not None and tape.size >= self._limits.size):
            tape = self._turn(tape) or self._begin(block)
        try:
            tape.add(block)
        except FileNotFoundError:
            self._gone(tape)
            self._begin(block).add(block)
        self.written += len(block.raw)
        self._check_space()

    def _turn(self, tape: Tape) -> Tape | None:
        """Begin the next recording with the end of this one."""
        self._tape = None
        try:
            for piece in tape.tail(min(int(OVERLAP * self._flow), (self._limits.size or tape.size) // 4)):
                (self._tape or self._begin(piece)).add(piece)
                self.written += len(piece.raw)
        finally:
            self._shelve(tape)
        return self._tape

    def _begin(self, block: Block) -> Tape:
        self._folder.mkdir(parents=True, exist_ok=True)
        start = datetime(1970, 1, 1, tzinfo=timezone.utc)
        start += timedelta(microseconds=(block.clock.time_ns(block.position) or 0) // 1000)
        words = [f"{start:%Y%m%dT%H%M%SZ}", self._label]
        if self._recording.frequency:
            words.append(f"{self._recording.frequency:.0f}Hz")
        self._tape = tape = Tape(self._folder, "_".join(filter(None, words)), self._recording, self._details)
        tape.marks = [mark for mark in self._marks if mark.end > block.position]
        tape.dirty = bool(tape.marks)
        self.paths.append(tape.path)
        return tape

    def _finish(self) -> None:
        tape, self._tape = self._tape, None
        if tape is not None:
            self._shelve(tape)

    def _gone(self, tape: Tape) -> None:
        """Forget a recording that somebody has deleted."""
        self._remark(f"{tape.path}: has been deleted; what comes goes into a new recording")
        tape.close()
        self._tape = None

    def _shelve(self, tape: Tape) -> None:
        tape.close()
        self._old.append(tape)
        if tape.dirty and tape.present():
            tape.save()

    def _note(self, mark: Mark) -> None:
        self._marks.append(mark)
        for tape in [*self._old, *filter(None, [self._tape])]:
            if mark.end > tape.begin and (tape is self._tape or mark.position < tape.end):
                tape.marks.append(mark)
                tape.dirty = True
        if self._around is None or self.ended is not None:
            return
        rate = self._recording.clock.rate
        start, stop = mark.position - self._around.before * rate, mark.end + self._around.after * rate
        if self._wanted:
            first, last = self._wanted[-1]
            begun = self._tape is not None and len(self._wanted) == 1
            if start <= last and (start >= first or not begun):
                start, stop = min(start, first), max(stop, last)
                self._wanted.pop()
        self._wanted.append((start, stop))

    def _feed(self, last: bool) -> bool:
        """Write what is wanted of the spool, some at a time; whether there is more. Nothing comes behind the `last`."""
        spool = self._spool
        for _ in range(AHEAD):
            if spool is None or not self._wanted:
                return False
            start, stop = self._wanted[0]
            if self._tape is not None:
                start = max(start, self._tape.end)
            self._cursor = number = max(self._cursor, spool.first)
            if number < spool.count and max(start + self._step / 2, position := spool.position(number)) < stop:
                low, high = (max(0, round((edge - position) / self._step) * self._width) for edge in (start, stop))
                if raw := spool.read(number, low, high):
                    self._put(Block(raw, position + low // self._width * self._step, spool.clock(number)))
                # the stretch may yet become longer
                self._cursor += high >= spool.size(number)
            elif self._newest > stop + self._late or (len(self._wanted) > 1 and (last or self._newest >= stop)):
                self._finish()
                self._wanted.pop(0)
                self._cursor = 0  # the next may begin before the end of this
            else:
                return False
        return True

    def _look(self, last: bool) -> None:
        """Do what is due by the time."""
        now = time.monotonic()
        if now >= self._check_at:
            self._check_at = now + CHECKED
            if self._tape is not None and not self._tape.present():
                self._gone(self._tape)
            elif self._tape is not None:
                self._tape.dirty |= not self._tape.path.exists()
            self._old = [
                tape for tape in self._old if tape.present() and (tape.dirty or tape.end > self._newest - self._late)
            ]
            while self._marks and self._marks[0].end < self._newest - 2 * self._late:
                self._marks.popleft()
        if last or now >= self._save_at:
            for tape in [*self._old, *filter(None, [self._tape])]:
                if tape.dirty and tape.begin < tape.end and tape.present():
                    tape.save()
            self._save_at = now + max(SAVED, TIMES * (time.monotonic() - now))

    def _check_space(self) -> None:
        """Raises OSError when less is free than must be, and nothing can make room."""
        if not self._limits.keep_free:
            return
        while shutil.disk_usage(self._folder).free < self._limits.keep_free:
            if not (self._limits.delete_oldest and make_room(self._folder)):
                raise OSError(f"less than {self._limits.keep_free / 1e6:.10g} MB are free on the disk")


def make_room(folder: Path) -> bool:
    """Delete the oldest recording in a folder that Radome made and nobody writes; whether there was one."""
    found = []
    for meta in folder.glob("*.sigmf-meta"):
        data = meta.with_suffix(".sigmf-data")
        with contextlib.suppress(OSError, ValueError, AttributeError):
            if json.loads(meta.read_bytes()).get("global", {}).get("core:recorder") == "Radome":
                found.append((data.stat().st_mtime_ns, meta, data))
    for _, meta, data in sorted(found):
        with contextlib.suppress(OSError), data.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            meta.unlink()
            data.unlink()
            return True
    return False
