"""The one source that all files of bare samples end in."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dsp_ext.convert import all_samples, clean, to_float

from ..datatype import Datatype, checked_frequency, checked_rate
from ..errors import SourceError, counted, short
from ..stage import Chunk, Clock, Kind
from . import CHUNK, Options, Recording
from ._bytes import ByteReader


def checked_options(options: Options) -> Options:
    """The options, with numbers as floats.

    Raises SourceError for one that can be meant for no recording.
    """
    if options.format is not None:
        try:
            Datatype.parse(options.format)
        except ValueError as error:
            raise SourceError(f"--format: {error}") from None
    if options.kind not in (None, "iq", "real"):
        raise SourceError(f"--kind is {short(options.kind)}; it is iq or real")
    rate = None if options.rate is None else checked_rate(options.rate, "--rate")
    frequency = None if options.frequency is None else checked_frequency(options.frequency, "--frequency")
    return replace(options, rate=rate, frequency=frequency)


def checked_kind(datatype: Datatype, wanted: str | None, name: str) -> Kind:
    """Kind of the samples.

    Raises SourceError if another was asked for.
    """
    kind: Kind = "iq" if datatype.pair else "real"
    if wanted not in (None, kind):
        holds = "IQ samples" if datatype.pair else "real samples"
        raise SourceError(f"{name}: holds {holds} ({datatype.name}), not what was asked for ({wanted})")
    return kind


@dataclass(frozen=True)
class Segment:
    """Samples in one piece."""

    start: int
    """First sample, counted in the file."""
    skip: int
    """Bytes before it that are no samples."""
    clock: Clock


class SampleSource:
    """Bare samples of one type, in order.

    Parameters
    ----------
    reader : stands at the first segment's bytes
    recording : with `samples` None if they end where the bytes end
    datatype : how they are stored
    segments : in order, the first from sample 0
    channels : to be found side by side in the file
    channel : of them that is taken
    """

    def __init__(
        self,
        reader: ByteReader,
        recording: Recording,
        datatype: Datatype,
        segments: Sequence[Segment] = (),
        channels: int = 1,
        channel: int = 0,
    ) -> None:
        self.recording = recording
        self._reader = reader
        self._type = datatype
        self._channels, self._channel = channels, channel
        self._segments = list(segments) or [Segment(0, 0, recording.clock)]
        self._clock = self._segments[0].clock
        self._position = 0
        self._bad = Bad(recording.name)
        self._over = False
        # what comes through a pipe is handed on within a tenth of a second
        self._most = min(CHUNK, max(1024, int(recording.rate / 10))) if reader.live else CHUNK
        if self._segments[0].skip:
            self._begin()
        frame = datatype.bytes * channels
        if recording.samples == 0 or len(reader.peek(frame)) < frame:
            raise reader.fault or SourceError(f"{recording.name}: holds no samples")

    def _begin(self) -> None:
        segment = self._segments.pop(0)
        self._reader.skip(segment.skip)
        self._clock = segment.clock

    def read(self) -> Chunk | None:
        if self._over:
            return None
        while self._segments and self._segments[0].start <= self._position:
            self._begin()
        n = self._most
        if self._segments:
            n = min(n, self._segments[0].start - self._position)
        if self.recording.samples is not None:
            n = min(n, self.recording.samples - self._position)
        size = self._type.bytes * self._channels
        raw = self._reader.read(n * size) if n > 0 else b""
        if len(raw) < n * size or n <= 0:
            if len(raw) % size:
                self.recording.remarks.append(_incomplete(len(raw) % size))
                raw = raw[: len(raw) - len(raw) % size]
            if not raw:
                self._end()
                return None
        items = samples(raw, self._type, self._channels, self._channel)
        items = self._bad.clean(items, self._position)
        chunk = Chunk(items, self.recording.rate, float(self._position), self._clock)
        self._position += len(items)
        return chunk

    def _end(self) -> None:
        self._over = True
        self._reader.peek(1)  # a compressed stream tells only now whether its checksum is right
        missing = (self.recording.samples or 0) - self._position
        if missing > 0 and self._reader.fault is None:
            self.recording.remarks.append(f"the file ends {counted(missing, 'sample')} earlier than it says")
        self._bad.raise_with(self._reader.fault)

    def close(self) -> None:
        self._reader.close()


def _incomplete(size: int) -> str:
    return f"{counted(size, 'byte')} of an incomplete sample at the end {'was' if size == 1 else 'were'} left out"


def whole(size: int, width: int, remarks: list[str]) -> int:
    """Whole samples of some width among `size` bytes, with a remark when something is left over."""
    if size % width:
        remarks.append(_incomplete(size % width))
    return size // width


def samples(raw: bytes, datatype: Datatype, channels: int = 1, channel: int = 0) -> np.ndarray[Any, Any]:
    """Samples, (n,) complex64 or float32, from their bytes, or a view of those; of several channels one."""
    data = np.frombuffer(raw, np.uint8)
    width = datatype.width
    if width > 1 and datatype.big_endian != (sys.byteorder == "big") and datatype.value != "i24":
        data = data.view(f"u{width}").byteswap().view(np.uint8)
    kind = "cu8" if datatype.name == "cu8" else datatype.value
    values = data.view(np.float32) if kind == "f32" else to_float(data, kind)
    if channels > 1:
        values = np.ascontiguousarray(values.reshape(-1, channels, 1 + datatype.pair)[:, channel]).ravel()
    return values.view(np.complex64) if datatype.pair else values


PROBE = 1 << 18
"""Samples in which two channels are compared: 5 s of audio."""


ASIDE = 1e-3
"""Part of the power across the line on which two channels lie, up to which they are one: I and Q go round."""
LOUDER = 4.0
"""Times the first channel's power, from which on the second is taken."""


def _line(channels: np.ndarray[Any, Any]) -> tuple[bool, int]:
    """Whether two channels, (n, 2) float32, are one at some gains, so that they cannot be I and Q; which to take."""
    if not len(channels):
        return False, 0
    mean = channels.mean(axis=0, dtype=np.float64)
    spread = np.einsum("ni,nj->ij", channels, channels, dtype=np.float64) / len(channels) - np.outer(mean, mean)
    both, apart = spread.trace(), np.hypot(spread[0, 0] - spread[1, 1], 2 * spread[0, 1])
    along, aside = np.maximum([both / 2 + apart / 2 - 1e-12, both / 2 - apart / 2 - 1e-12], 0.0)
    return bool(aside <= ASIDE * along and along > 0), int(spread[1, 1] > LOUDER * spread[0, 0])


def kind_of(
    channels: int, wanted: Kind | None, some: Callable[[], np.ndarray[Any, Any]], remarks: list[str]
) -> tuple[Kind, int]:
    """What a sound file with one or two channels holds, and in which; a remark where that may surprise.

    Parameters
    ----------
    wanted : what the user says of two channels
    some : gives the first samples, (n, 2) float32
    """
    if channels == 1:
        return "real", 0
    if wanted == "iq":
        return "iq", 0
    one, which = _line(some())
    name = ("first", "second")[which]
    if wanted == "real":
        remarks.append(f"of two channels the {name} was taken")
        return "real", which
    if one:
        remarks.append(f"its two channels cannot be I and Q, so the {name} is taken as audio")
        return "real", which
    return "iq", 0


class Bad:
    """Counts samples that are no numbers."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.count = 0
        self.first = -1

    def clean(self, items: np.ndarray[Any, Any], position: int) -> np.ndarray[Any, Any]:
        """The chunk that begins at `position` with zero for those in it; a copy if it cannot be written to."""
        if all_samples(items.view(np.float32)):
            return items
        items = items if items.flags.writeable else items.copy()
        count, first = clean(items.view(np.float32), 2 if items.dtype == np.complex64 else 1)
        if not self.count:
            self.first = position + first
        self.count += count
        return items

    def raise_with(self, fault: SourceError | None) -> None:
        """Raise what was wrong with a recording, now that all of it was handed out."""
        if self.count:
            samples = "1 sample is no number" if self.count == 1 else f"{self.count} samples are no numbers"
            also = f"{fault}; and " if fault else f"{self.name}: "
            fault = SourceError(f"{also}{samples} (NaN or infinite) and became 0, the first is sample {self.first}")
        if fault is not None:
            raise fault
