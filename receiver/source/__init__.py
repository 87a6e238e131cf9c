"""Where samples come from. Each source is one module here; `open_source` picks one by what the file is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from ..stage import Chunk, Clock, Kind

CHUNK = 65536
"""Samples in a chunk, for sources that are free to choose."""


@dataclass(frozen=True)
class Recording:
    """What is known of a source before its first sample."""

    name: str
    """As the user named it, for messages."""
    kind: Kind
    """"iq" or "real" (audio)."""
    rate: float
    """Samples per second."""
    clock: Clock
    """Of the first sample."""
    frequency: float | None = None
    """Radio frequency of zero, Hz; for audio the receiver's dial, where known."""
    samples: int | None = None
    """Length, where known before the end."""
    station: tuple[float, float, float] | None = None
    """Latitude and longitude in degrees (WGS 84), altitude in metres."""
    datatype: str = ""
    """SigMF name of the sample type, such as "cu8"."""
    remarks: list[str] = field(default_factory=list)
    """Sentences for the user: what was guessed, what is odd."""


class Source(Protocol):
    """An open source. Chunks are complex64 for "iq" and float32 for "real", full scale about 1, and hold no NaN."""

    recording: Recording

    def read(self) -> Chunk | None:
        """The next samples, None at the end.

        A chunk whose `clock` is another object than the chunk's before it comes after a gap.

        Raises SourceError for a fault in the data, when everything before it has been handed out.
        """
        ...

    def close(self) -> None: ...
