"""One SigMF recording that is being written (SigMF 1.2, core namespace).

The data are written at once, and the metadata before those that they are needed for, so that what is there is a
recording at every moment, whatever ends the program. A gap begins a new capture, with ``core:global_index``.
"""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import json
import os
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..datatype import Datatype
from ..record import iso_time
from ..stage import Clock
from . import Recording
from ._spool import Block

PIECE = 1 << 20
"""Bytes that are copied at a time."""
MOST_CAPTURES, MOST_FRAMES = 1000, 10_000
"""In one recording: its metadata are written anew for each."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A frame in the recording."""

    position: float
    end: float
    """In samples of the source."""
    table: dict[str, Any]
    """What its annotation says beside where it is."""


class Tape:
    """One recording that is being written: a pair of files.

    Parameters
    ----------
    folder, name : of the files; a number is added where there is one of that name
    recording : sample type, rate and frequency
    details : more of the ``global`` object

    Raises OSError, as do all its methods that write.
    """

    def __init__(self, folder: Path, name: str, recording: Recording, details: dict[str, Any]) -> None:
        self._recording, self._details = recording, details
        self._width = Datatype.parse(recording.datatype).bytes
        self._step = recording.clock.rate / recording.rate
        self._runs: list[tuple[int, float, Clock]] = []  # first sample, its position, clock
        self._samples = 0
        self.end = 0.0
        """Position behind the last sample."""
        self.marks: list[Mark] = []
        self.dirty = False
        """There are marks that are not saved."""
        for number in itertools.count(1):
            self.path = folder / f"{name}-{number}.sigmf-meta" if number > 1 else folder / f"{name}.sigmf-meta"
            if self.path.exists():
                continue
            # another run may begin in the same second
            with contextlib.suppress(FileExistsError):
                self._file: Any = open(self._data_path, "x+b", buffering=0)  # noqa: SIM115
                break
        with contextlib.suppress(OSError):  # as on a network's disk
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # says to `make_room` that it is in use

    @property
    def _data_path(self) -> Path:
        return self.path.with_suffix(".sigmf-data")

    @property
    def size(self) -> int:
        """Bytes of the samples."""
        return self._samples * self._width

    @property
    def begin(self) -> float:
        """Position of the first sample."""
        return self._runs[0][1] if self._runs else 0.0

    @property
    def clock(self) -> Clock | None:
        """Of the last sample."""
        return self._runs[-1][2] if self._runs else None

    @property
    def full(self) -> bool:
        """Whether its metadata have grown large."""
        return len(self._runs) >= MOST_CAPTURES or len(self.marks) >= MOST_FRAMES

    def present(self) -> bool:
        """Whether its samples are still in the folder."""
        try:
            there = os.stat(self._data_path)
        except FileNotFoundError:
            return False
        return self._file is None or os.path.samestat(there, os.fstat(self._file.fileno()))

    def add(self, block: Block) -> None:
        first = not self._runs
        if block.clock is not self.clock or abs(block.position - self.end) > self._step / 2:
            self._runs.append((self._samples, block.position, block.clock))
            if not first:
                if not self.present():
                    raise FileNotFoundError(self.path)
                self.save()
        rest = memoryview(block.raw)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        finally:
            self._samples += (len(block.raw) - len(rest)) // self._width
            self.end = block.position + len(block.raw) // self._width * self._step
            if rest:
                with contextlib.suppress(OSError):
                    self._file.truncate(self.size)
            if first:  # metadata without samples would be no recording
                self._save_or_delete()

    def _save_or_delete(self) -> None:
        try:
            if self._samples:
                self.save()
        finally:
            if not self.path.exists():
                self._data_path.unlink(missing_ok=True)

    def tail(self, size: int) -> Iterator[Block]:
        """The last bytes of it, about so many, in blocks."""
        sample = max(0, self._samples - size // self._width)
        while sample < self._samples:
            run = bisect_right(self._runs, sample, key=lambda run: run[0]) - 1
            start, position, clock = self._runs[run]
            stop = self._runs[run + 1][0] if run + 1 < len(self._runs) else self._samples
            stop = min(stop, sample + max(1, PIECE // self._width))
            raw = os.pread(self._file.fileno(), (stop - sample) * self._width, sample * self._width)
            yield Block(raw, position + (sample - start) * self._step, clock)
            sample = stop

    def save(self) -> None:
        """Write the metadata."""
        world = {
            "core:datatype": self._recording.datatype,
            "core:sample_rate": self._recording.rate,
            "core:version": "1.2.0",
            "core:recorder": "Radome",
            "core:extensions": [{"name": "radome", "version": "1.0.0", "optional": True}],
            **self._details,
        }
        annotations = [made for mark in self.marks if (made := self._annotation(mark)) is not None]
        annotations.sort(key=lambda made: int(made["core:sample_start"]))
        table = {"global": world, "captures": [self._capture(*run) for run in self._runs], "annotations": annotations}
        # in one step, lest half of it be all there is
        new = self.path.with_suffix(".sigmf-meta.new")
        try:
            new.write_text(json.dumps(table, indent=1, ensure_ascii=False), encoding="utf-8", errors="replace")
            new.replace(self.path)
        except OSError:
            with contextlib.suppress(OSError):
                new.unlink()
            raise
        # those whose samples are still to come are cut off so far
        self.dirty = self._file is not None and any(mark.end > self.end for mark in self.marks)

    def _capture(self, sample: int, position: float, clock: Clock) -> dict[str, Any]:
        capture: dict[str, Any] = {
            "core:sample_start": sample,
            "core:global_index": max(0, round(position / self._step)),
        }
        if self._recording.frequency is not None:
            capture["core:frequency"] = self._recording.frequency
        if (utc := iso_time(clock.time_ns(position))) is not None:
            capture["core:datetime"] = utc
            capture["radome:time_uncertainty_s"] = clock.uncertainty
        return capture

    def _annotation(self, mark: Mark) -> dict[str, Any] | None:
        start, stop = self._sample(mark.position), self._sample(mark.end)
        if stop <= start:
            return None
        return {"core:sample_start": start, "core:sample_count": stop - start, **mark.table}

    def _sample(self, position: float) -> int:
        """The sample in the file that is at a position, or the next one that was not lost."""
        run = bisect_right(self._runs, position, key=lambda run: run[1]) - 1
        if run < 0:
            return 0
        stop = self._runs[run + 1][0] if run + 1 < len(self._runs) else self._samples
        start, first, _ = self._runs[run]
        return min(start + int((position - first) / self._step), stop)

    def close(self) -> None:
        """Write no more samples; it can be saved again."""
        file, self._file = self._file, None
        if file is not None:
            file.close()
