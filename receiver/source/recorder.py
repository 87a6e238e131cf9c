"""Writes what a device gives, as it gives it, into a SigMF recording (SigMF 1.2, core namespace).

The data are written at once and the metadata before them, so that what is there is a recording at every moment,
whatever ends the program. A gap begins a new capture, with ``core:global_index``.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from ..errors import SinkError
from ..record import iso_time
from ..stage import Clock
from . import Recording


class Recorder:
    """One recording, whose files are made at the first samples.

    Parameters
    ----------
    folder : is made if it is not there
    remark : takes a sentence when recording has to end

    Raises SinkError when the folder cannot be written to.
    """

    def __init__(self, folder: Path, remark: Callable[[str], None]) -> None:
        self._folder, self._remark = folder, remark
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SinkError(f"{folder}: cannot be made: {error.strerror}") from error
        if not os.access(folder, os.W_OK):
            raise SinkError(f"{folder}: cannot be written to")
        self.path: Path | None = None
        """Of the metadata."""
        self._data: Any = None
        self._written = 0  # samples
        self.written = 0
        """Bytes of samples."""
        self._clock: Clock | None = None
        self._captures: list[dict[str, Any]] = []
        self._over = False

    def write(self, raw: bytes, samples: int, position: int, clock: Clock, recording: Recording) -> None:
        """Add samples; when that fails, as on a full disk, recording ends and reception goes on."""
        if self._over:
            return
        try:
            if self._data is None:
                self._begin(recording, clock)
            if clock is not self._clock:
                self._clock = clock
                self._capture(position, clock, recording)
            self._data.write(raw)
        except OSError as error:
            self._over = True
            self.close()
            self._remark(f"{self.path or self._folder}: recording ended: {error.strerror or error}; reception goes on")
            return
        self._written += samples
        self.written += len(raw)

    def _begin(self, recording: Recording, clock: Clock) -> None:
        start = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(microseconds=(clock.utc_ns or 0) // 1000)
        name = f"{start:%Y%m%dT%H%M%SZ}" + (f"_{recording.frequency:.0f}Hz" if recording.frequency else "")
        for number in itertools.count(1):
            path = self._folder / (f"{name}-{number}.sigmf-meta" if number > 1 else f"{name}.sigmf-meta")
            if path.exists():
                continue
            # another run may begin in the same second
            with contextlib.suppress(FileExistsError):
                self._data = open(path.with_suffix(".sigmf-data"), "xb", buffering=0)  # noqa: SIM115
                self.path = path
                return

    def _capture(self, position: int, clock: Clock, recording: Recording) -> None:
        capture: dict[str, Any] = {"core:sample_start": self._written, "core:global_index": position}
        if recording.frequency is not None:
            capture["core:frequency"] = recording.frequency
        if (utc := iso_time(clock.time_ns(position))) is not None:
            capture["core:datetime"] = utc
        self._captures.append(capture)
        table = {
            "global": {
                "core:datatype": recording.datatype,
                "core:sample_rate": recording.rate,
                "core:version": "1.2.0",
                "core:recorder": "Radome",
            },
            "captures": self._captures,
            "annotations": [],
        }
        assert self.path is not None
        # in one step, lest half of it be all there is
        new = self.path.with_suffix(".sigmf-meta.new")
        new.write_text(json.dumps(table, indent=1), encoding="utf-8")
        new.replace(self.path)

    def close(self) -> None:
        if self._data is not None:
            self._data.close()
            self._data = None
