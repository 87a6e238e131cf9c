"""A recording, as a flowgraph declares it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..stage import parameter
from ..utc import told_utc
from . import Source, open_source


@dataclass
class File:
    """What file is read, and what it does not say of itself."""

    file: str = parameter("-", "", "path; - is standard input")
    format: str | None = parameter(None, "", "sample type, such as cu8, cs16 or cf32")
    rate: float | None = parameter(None, "1/s", "samples per second")
    frequency: float | None = parameter(None, "Hz", "radio frequency of the recording's centre; 0: not known")
    start: str | None = parameter(None, "UTC", "time of the first sample, such as 2024-05-01T12:00:00Z or 2024-05-01")
    kind: str | None = parameter(None, "", "of two channels: I and Q, or audio", ("iq", "real"))

    def __post_init__(self) -> None:
        from ..datatype import Datatype, checked_frequency, checked_rate

        try:
            self._start = told_utc(self.start) if self.start is not None else None
        except ValueError as error:
            raise ValueError(f"start: {error}") from None
        if self.format is not None:
            try:
                Datatype.parse(self.format)
            except ValueError as error:
                raise ValueError(f"format: {error}") from None
        try:
            if self.rate is not None:
                checked_rate(self.rate, "rate")
            if self.frequency is not None:
                checked_frequency(self.frequency, "frequency")
        except OSError as error:
            raise ValueError(str(error)) from None

    def open(self) -> Source:
        """Open it. Raises SourceError."""
        kind: Literal["iq", "real"] | None = None if self.kind is None else "iq" if self.kind == "iq" else "real"
        return open_source(
            self.file,
            format=self.format,
            rate=self.rate,
            frequency=self.frequency,
            start=self._start,
            kind=kind,
        )


stage = File
