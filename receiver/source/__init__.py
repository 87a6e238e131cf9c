"""Where samples come from. Each source is one module here; `open_source` picks one by what the file is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Protocol

from ..errors import SourceError
from ..stage import Chunk, Clock, Kind

CHUNK = 196608
"""Samples in a chunk, for sources that are free to choose."""
_SOUNDS = (b"fLaC", b"OggS", b".snd", b"RIFX", b"caff")
_W64 = b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\0\0"
"""First bytes of Sony's Wave64: WAV with sizes of 64 bits."""


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
    """Sentences for the user: what was guessed, what is odd. Some are added while reading."""
    retunings: tuple[tuple[int, float], ...] = ()
    """Samples from which the frequency is another one, Hz. A new clock begins at each of them."""

    def frequency_at(self, position: float) -> float | None:
        """Radio frequency of zero at a sample, Hz."""
        return next((hz for sample, hz in reversed(self.retunings) if sample <= position), self.frequency)


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


@dataclass(frozen=True)
class Options:
    """What the user says of a recording; it goes before what the file says."""

    format: str | None = None
    """Sample type, such as "cu8" or "ci16_le"."""
    rate: float | None = None
    """Samples per second."""
    frequency: float | None = None
    """Radio frequency of zero, Hz; 0 says that it is not known."""
    start: int | None = None
    """UTC of the first sample, ns since 1970-01-01."""
    kind: Literal["iq", "real"] | None = None
    """Says how a recording of two channels is meant; of real audio the first is taken, or the second if louder."""


def open_source(
    path: str,
    *,
    format: str | None = None,
    rate: float | None = None,
    frequency: float | None = None,
    start: int | None = None,
    kind: Literal["iq", "real"] | None = None,
) -> Source:
    """Open a recording, whatever it is.

    SigMF is known by its name; WAV, Wave64, AIFF, AU, CAF, FLAC, Ogg and archives by their first bytes, MP3 by both;
    bare samples by their name's suffix or by `format`. Each may be compressed with gzip, bzip2, xz or Zstandard.

    Parameters
    ----------
    path : of the file, or "-" for standard input
    format, rate, frequency, start, kind : see `Options`

    Raises SourceError, whose message is one sentence for the user.
    """
    # a module is imported only when there is a file for it
    from . import _samples, sigmf
    from ._bytes import ByteReader, inner_name

    options = _samples.checked_options(Options(format, rate, frequency, start, kind))
    if sigmf.is_pair(path):
        return sigmf.open_pair(path, options)
    reader = ByteReader.open(path)
    try:
        head = reader.peek(512)
        if not head:
            raise reader.fault or SourceError(f"{reader.name}: holds no samples")
        if head[257:262] == b"ustar" or inner_name(path).endswith(".sigmf"):
            return sigmf.open_archive(path, reader, options)
        sound = head[:4] in _SOUNDS or head[8:12] in (b"AIFF", b"AIFC") or head[:16] == _W64
        if head[:4] in (b"RIFF", b"RF64", b"BW64") and head[8:12] == b"WAVE":
            from . import wav

            if not wav.is_companded(head):
                return wav.open_wav(path, reader, options)
            sound = True
        mp3 = inner_name(path).lower().endswith(".mp3") and (head[:3] == b"ID3" or head[0] == 0xFF)
        if sound or mp3:
            from . import audio

            return audio.open_audio(path, reader, options)
        from . import raw

        return raw.open_raw(path, reader, options)
    except BaseException:
        reader.close()
        raise
