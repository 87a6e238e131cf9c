"""Bare samples: what they are, the name's suffix or the user says; the rate, the rest of the name or the user."""

from __future__ import annotations

from pathlib import Path

from ..datatype import Datatype
from ..errors import SourceError
from . import Options, Recording
from ._bytes import ByteReader, inner_name
from ._names import facts
from ._samples import SampleSource, checked_kind, whole

SUFFIXES = {
    **{name: name for name in ("cu8", "cs8", "ci8", "cu16", "cs16", "ci16", "cs32", "ci32", "cf32", "cf64")},
    **{name: name for name in ("cu16_le", "ci16_le", "ci16_be", "cf32_le", "cf32_be", "cf64_le", "cf64_be")},
    "fc32": "cf32",  # UHD
    "sc16": "ci16",
    "cfile": "cf32",  # GNU Radio
    "c64": "cf32",  # numpy
    "s16": "ri16_le",  # rtl_fm and rtl_433: demodulated
    "f32": "rf32_le",
}
_PACKED = {b"PK\3\4": "ZIP", b"7z\xbc\xaf\x27\x1c": "7-Zip", b"Rar!\x1a\7": "RAR", b"\x04\x22\x4d\x18": "LZ4"}
"""First bytes of what holds recordings that cannot be read from there."""


def open_raw(path: str, reader: ByteReader, options: Options) -> SampleSource:
    """Open bare samples.

    Raises SourceError when type or rate are not known, or when it is said to be compressed and is not.
    """
    name = inner_name(path)
    if name != Path(path).name and not reader.compressed:
        suffix = Path(path).suffix
        raise SourceError(
            f"{reader.name}: is named {suffix}, but is not compressed so; if it holds bare samples, "
            f"give it a name without {suffix}"
        )
    told = facts(name)
    suffix = Path(name).suffix.lower().removeprefix(".")
    form = options.format or SUFFIXES.get(suffix)
    if form is None and suffix == "raw" and name.startswith("gqrx_"):
        form = "cf32"
    if form is None:
        if packed := next((kind for magic, kind in _PACKED.items() if reader.peek(8).startswith(magic)), None):
            raise SourceError(f"{reader.name}: is packed by {packed}; unpack it and name the recording that is in it")
        missing = "--format (such as cu8, cs16, cf32)" + ("" if options.rate or told.rate else " and --rate")
        raise SourceError(f"{reader.name}: is of no known kind; if it holds bare samples, give {missing}")
    rate = options.rate or told.rate
    if rate is None:
        raise SourceError(f"{reader.name}: does not tell its sample rate; give it with --rate, in samples per second")
    datatype = Datatype.parse(form)
    remarks = told.remarks(options)
    recording = Recording(
        reader.name,
        checked_kind(datatype, options.kind, reader.name),
        rate,
        told.clock(rate, options),
        told.centre(rate, options),
        None if reader.size is None else whole(reader.size, datatype.bytes, remarks),
        datatype=datatype.name,
        remarks=remarks,
    )
    return SampleSource(reader, recording, datatype)
