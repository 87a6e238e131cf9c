"""WAV: one channel is audio, two are I and Q.

::

    "RIFF" | "RF64" | "BW64"   size u32   "WAVE"      (RF64, BW64: ITU-R BS.2088, EBU Tech 3306)
    chunk   id[4] size u32 data, padded to an even length
      ds64  RIFF size u64, data size u64, …           instead of the 32-bit sizes, which are then 0xFFFFFFFF
      fmt   tag u16 (1 PCM, 3 float, 0xFFFE see GUID), channels u16, rate u32, bytes/s u32, frame u16, bits u16, …
      auxi  start and stop, each a SYSTEMTIME of 8 u16; centre frequency u32, …     (SpectraVue, HDSDR, SDRuno, …)
            or XML in UTF-16 with RadioCenterFreq and UTCSeconds                    (SDR Console)
      data  samples; a size of 0, 0xFFFFFFFF, or about 2^31 and beyond the end, means that the recorder was not closed
"""

from __future__ import annotations

import re
import struct
from typing import Any

import numpy as np

from ..datatype import Datatype, checked_rate
from ..errors import SourceError
from ..stage import Clock
from ..utc import utc_ns
from . import Options, Recording
from ._bytes import ByteReader, inner_name
from ._names import facts
from ._samples import PROBE, SampleSource, checked_kind, kind_of, samples, whole

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_TYPES = {
    (_PCM, 8): "u8",
    (_PCM, 16): "i16",
    (_PCM, 24): "i24",
    (_PCM, 32): "i32",
    (_FLOAT, 32): "f32",
    (_FLOAT, 64): "f64",
}
_COMPANDED = (0x02, 0x06, 0x07, 0x11, 0x31)
"""ADPCM of Microsoft, A-law, mu-law, ADPCM of the IMA, GSM 06.10 (RFC 2361): another module has them read."""
_ENDLESS = range(0x7FFFF000, 0x80000001)
"""Sizes that SoX and arecord write into a pipe, whose end they cannot know."""
_LONGEST = 1 << 20
"""Bytes of a chunk, other than the samples, that are looked at."""
_MOST = 1000
"""Chunks before the samples that are passed over."""


def is_companded(head: bytes) -> bool:
    """Whether the first bytes of a file say that its samples are no plain numbers."""
    at = head.find(b"fmt ", 12)
    return at >= 0 and int.from_bytes(head[at + 8 : at + 10], "little") in _COMPANDED


def open_wav(path: str, reader: ByteReader, options: Options) -> SampleSource:
    """Open a WAV file that the reader stands at the start of.

    Raises SourceError.
    """
    name = reader.name
    magic, riff_size = struct.unpack("<4sI4x", reader.read(12))
    header: bytes | None = None
    auxi, wide = b"", b""
    for _ in range(_MOST):
        head = reader.read(8)
        if len(head) < 8:
            raise reader.fault or SourceError(f"{name}: is a WAV file that ends before its samples")
        chunk, size = struct.unpack("<4sI", head)
        if chunk == b"data":
            break
        kept = reader.read(min(size, _LONGEST)) if chunk in (b"fmt ", b"auxi", b"ds64") else b""
        reader.skip(size + size % 2 - len(kept))
        if chunk == b"fmt ":
            header = kept
        elif chunk == b"auxi":
            auxi = kept
        elif chunk == b"ds64":
            wide = kept
    else:
        raise SourceError(f"{name}: is a WAV file without samples (chunk 'data') in its first {_MOST} chunks")
    if header is None or len(header) < 16:
        raise SourceError(f"{name}: is a WAV file without a format (chunk 'fmt ') before its samples")
    remarks: list[str] = []
    value, channels, told_rate = _format(header, name)
    rate = options.rate or checked_rate(told_rate, f"{name}: the sample rate")
    if options.format is not None:
        value = Datatype.parse(options.format).value
    frame = channels * int(value[1:]) // 8

    def stored(letter: str) -> Datatype:
        return Datatype(letter + value + ("" if value == "u8" else "_le"), letter == "c", value)

    def some() -> np.ndarray[Any, Any]:
        raw = reader.peek((min(PROBE, int(rate / 10)) if reader.live else PROBE) * frame)
        return samples(raw[: len(raw) // frame * frame], stored("r")).reshape(-1, 2)

    kind, channel = kind_of(channels, options.kind, some, remarks)
    datatype = stored("c" if kind == "iq" else "r")
    checked_kind(datatype, options.kind, name)

    told = facts(inner_name(path))
    clock = told.clock(rate, options)
    frequency = told.centre(rate, options)
    said = _auxi(auxi)
    if said[0] is not None and options.start is None:
        clock = Clock(rate, 0.0, said[0], 1e-3)
    elif clock.utc_ns is not None:
        remarks += told.remarks(options)
    if said[1] and options.frequency is None:
        frequency = said[1]
    length = _length(reader, riff_size, size, wide if magic != b"RIFF" else b"", remarks)
    recording = Recording(
        name,
        kind,
        rate,
        clock,
        frequency,
        None if length is None else whole(length, frame, remarks),
        datatype=datatype.name,
        remarks=remarks,
    )
    return SampleSource(reader, recording, datatype, channels=1 if kind == "iq" else channels, channel=channel)


def _format(header: bytes, name: str) -> tuple[str, int, int]:
    """Type of a value, channels, sample rate."""
    tag, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", header)
    if tag == _EXTENSIBLE and len(header) >= 26:
        tag = struct.unpack_from("<H", header, 24)[0]
    value = _TYPES.get((tag, bits))
    if value is None:
        raise SourceError(
            f"{name}: has samples of format {tag} in {bits} bits; PCM in 8, 16, 24, 32 or float in 32, 64 can be read"
        )
    if channels not in (1, 2):
        raise SourceError(f"{name}: has {channels} channels; one (audio) or two (I and Q) can be read")
    return value, channels, rate


def _length(reader: ByteReader, riff_size: int, size: int, wide: bytes, remarks: list[str]) -> int | None:
    """Bytes of samples, None for all that follow."""
    left = None if reader.size is None else reader.size - reader.offset
    if len(wide) >= 16 and size in (0, 0xFFFFFFFF):
        riff_size, size = struct.unpack_from("<QQ", wide)
    if (
        size in (0xFFFFFFFF, (1 << 64) - 1)
        or (size in _ENDLESS and (left is None or size > left))
        or (size == 0 and (left is None or (left and not _begins_chunk(reader.peek(8), left))))
    ):
        if left != 0:
            remarks.append("the recorder did not close the file, so all to its end was taken for samples")
        return left
    if left is None:
        return size
    if not wide and reader.size is not None and riff_size == (reader.size - 8) % (1 << 32):
        size += max(left - size, 0) >> 32 << 32  # a recorder that counts bytes in 32 bits has come round
    elif reader.plain and 0 < size < left and riff_size + 8 != reader.size:
        behind = [reader.look(reader.offset + size + pad, 8) for pad in (0, size % 2)]
        if not any(_begins_chunk(head, left - size) for head in behind):
            remarks.append("the recorder went on after it wrote the length, so all to the end was taken for samples")
            return left
    if size > left:
        remarks.append(f"{size - left} of {size} bytes of samples are missing at the end of the file")
    return min(size, left)


def _begins_chunk(head: bytes, left: int) -> bool:
    """Whether 8 bytes are the head of a chunk that may be in as many bytes as are left."""
    printable = all(0x20 <= letter < 0x7F for letter in head[:4])
    return len(head) == 8 and printable and 8 + int.from_bytes(head[4:], "little") <= left


def _auxi(data: bytes) -> tuple[int | None, float | None]:
    """UTC of the first sample and centre frequency from an auxi chunk, where it has them."""
    if data[:2] in (b"<\0", b"\xff\xfe"):
        text = data.decode("utf-16-le", "replace")
        frequency = re.search(r"RadioCenterFreq=['\"](\d{1,12})['\"]", text, re.ASCII)
        seconds = re.search(r"UTCSeconds=['\"](\d{1,10})['\"]", text, re.ASCII)
        return (
            int(seconds[1]) * 1_000_000_000 if seconds else None,
            float(frequency[1]) if frequency else None,
        )
    if len(data) < 36:
        return None, None
    year, month, _, day, hour, minute, second, ms = struct.unpack_from("<8H", data)
    start = utc_ns(year, month, day, hour, minute, second) if year >= 1970 and ms < 1000 else None
    frequency_hz = struct.unpack_from("<I", data, 32)[0]
    return None if start is None else start + ms * 1_000_000, float(frequency_hz) or None
