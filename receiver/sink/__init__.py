"""Where frames go, one kind of output a module."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Literal

from ..errors import SinkError
from ..stage import required

Remark = Callable[[str], None]
"""Takes a sentence for the user."""


def to_stderr(text: str) -> None:
    print(f"radome: {text}", file=sys.stderr)


class Sink:
    """An output for frames. One thread opens, feeds and closes it; only `interrupt` may come from others."""

    def open(self, boot: str, remark: Remark = to_stderr) -> None:
        """Get ready for a run with this id. Raises SinkError."""

    def write(self, record: dict[str, Any], payload: bytes) -> None:
        """Hand over one frame: its record, and its payload once more as bytes. Raises SinkError."""

    def event(self, kind: Literal["status", "gap"], table: dict[str, Any]) -> None:
        """Tell of something else than a frame, where the output has a place for it."""

    def tick(self) -> None:
        """Do what is due by the wall clock; called behind the frames of a piece of the input, and some
        ten times a second when there are none."""

    def interrupt(self) -> None:
        """Stop waiting for anyone, now and later."""

    def close(self) -> None:
        """Flush and end. Called once after `open`, whatever happened in between."""


@dataclass
class FileSink(Sink):
    """Appends the bytes of each frame to a file or standard output; with each `tick` all of them are there.

    What was in the file is there until the run begins, with the first call after `open`.
    """

    file: str = required(help="path, replaced if it exists; - is standard output")
    _out: IO[bytes] | None = field(default=None, init=False, repr=False)
    _old: bool = field(default=False, init=False, repr=False)
    """The file has yet what was in it before."""

    def encode(self, record: dict[str, Any], payload: bytes) -> bytes:
        raise NotImplementedError

    def open(self, boot: str, remark: Remark = to_stderr) -> None:
        try:
            self._out = sys.stdout.buffer if self.file == "-" else open(self.file, "ab", 1 << 16)  # noqa: SIM115
            self._old = self.file != "-" and Path(self.file).is_file()
        except (OSError, ValueError) as error:
            raise self._error(error) from error

    def event(self, kind: Literal["status", "gap"], table: dict[str, Any]) -> None:
        self.tick()

    def tick(self) -> None:
        self._begin()
        assert self._out is not None
        try:
            self._out.flush()
        except OSError as error:
            raise self._failed(error) from error

    def _begin(self) -> None:
        assert self._out is not None, "not open"
        if self._old:
            self._old = False
            try:
                self._out.truncate(0)
            except OSError as error:
                raise self._error(error) from error

    def write(self, record: dict[str, Any], payload: bytes) -> None:
        self._begin()
        assert self._out is not None
        try:
            self._out.write(self.encode(record, payload))
        except OSError as error:
            raise self._failed(error) from error

    def close(self) -> None:
        out, self._out = self._out, None
        if out is not None:
            try:
                out.flush() if self.file == "-" else out.close()
            except OSError as error:
                raise self._failed(error) from error

    def _failed(self, error: OSError) -> OSError | SinkError:
        return error if self.file == "-" and isinstance(error, BrokenPipeError) else self._error(error)

    def _error(self, error: OSError | ValueError) -> SinkError:
        name = "standard output" if self.file == "-" else self.file
        return SinkError(f"{name}: cannot be written: {getattr(error, 'strerror', None) or error}")
