"""SigMF recordings (Signal Metadata Format 1.2, https://sigmf.org): a pair of files or an archive.

::

    NAME.sigmf-meta   JSON: {"global": {datatype, sample_rate, …}, "captures": [{sample_start, …}, …], …}
    NAME.sigmf-data   bare samples; a non-conforming dataset has header_bytes before captures, and trailing_bytes
    NAME.sigmf        tar of both

A capture whose global index or date says that samples are missing before it, or that has another frequency, begins a
new clock.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..datatype import Datatype, checked_frequency, checked_rate
from ..errors import SourceError, counted, short
from ..stage import Clock
from ..utc import parse_utc
from . import Options, Recording
from ._bytes import COMPRESSED, ByteReader
from ._samples import SampleSource, Segment, checked_kind, whole

if TYPE_CHECKING:
    import tarfile

LARGEST_META = 1 << 28
"""Bytes of metadata; whatever is longer is none."""
DRIFT = 100e-6
"""By which a recorder's sample clock and the clock that its dates are from may differ."""
JITTER = 1e-3
"""Seconds by which such a date may be late."""

_SUFFIXES = (".sigmf-meta", ".sigmf-data", ".sigmf-collection")


def is_pair(path: str) -> bool:
    """Whether a path names one of the two files of a recording, or both by what their names have in common."""
    base = _without(path, COMPRESSED)
    return base.endswith(_SUFFIXES) or (not os.path.exists(path) and _present(path + ".sigmf-meta") is not None)


def _without(path: str, suffixes: Sequence[str]) -> str:
    for suffix in suffixes:
        path = path.removesuffix(suffix)
    return path


def _present(path: str) -> str | None:
    return next((path + suffix for suffix in ("", *COMPRESSED) if os.path.exists(path + suffix)), None)


def open_pair(path: str, options: Options) -> SampleSource:
    """Open a recording by either of its files, or by what their names have in common.

    Raises SourceError.
    """
    base = _without(_without(path, COMPRESSED), _SUFFIXES)
    meta_path = _present(base + ".sigmf-meta")
    if meta_path is None or path.endswith(".sigmf-collection"):
        if os.path.exists(base + ".sigmf-collection"):
            raise SourceError(f"{base}.sigmf-collection: is a list of recordings; name the .sigmf-meta of one of them")
        raise SourceError(f"{base}.sigmf-meta: there is no such file, and the recording cannot be read without it")
    with closing(ByteReader.open(meta_path)) as reader:
        meta = Meta.parse(reader.read_all(LARGEST_META), meta_path, options)
    if meta.dataset is not None:
        data_path = str(Path(base).parent / meta.dataset)
    else:
        data_path = _present(base + ".sigmf-data") or base + ".sigmf-data"
    reader = ByteReader.open(data_path)
    try:
        return _source(path, meta, reader)
    except BaseException:
        reader.close()
        raise


class _Member:
    """Samples in an archive; in one that is streamed, also a look at what comes behind them."""

    def __init__(self, tar: tarfile.TarFile, member: tarfile.TarInfo, meta: str, reader: ByteReader) -> None:
        file = tar.extractfile(member)
        assert file is not None  # it is a regular file
        self.file = file
        self.reader = reader
        self.behind = iter(()) if reader.plain else iter(tar.next, None)
        self.meta = meta

    def read1(self, size: int, /) -> bytes:
        data = self.file.read(size)
        if not data:
            for member in self.behind:
                if _role(member) in ("meta", "data") and member.name != self.meta:
                    raise _several(self.reader.name)
            if self.reader.fault:
                raise self.reader.fault
        return data


def _role(member: tarfile.TarInfo) -> str:
    """What a file in an archive is by its name."""
    name = Path(member.name).name
    if not member.isreg() or name.startswith("._"):  # macOS writes such companions
        return ""
    return next((suffix.removeprefix(".sigmf-") for suffix in _SUFFIXES if name.endswith(suffix)), "other")


def _several(name: str) -> SourceError:
    return SourceError(f"{name}: holds several recordings; unpack it (tar -xf) and name the .sigmf-meta of one of them")


@contextmanager
def _archive_errors(name: str) -> Iterator[None]:
    import tarfile

    try:
        yield
    except (tarfile.TarError, EOFError, ValueError, OverflowError, IndexError) as error:
        raise SourceError(f"{name}: is no whole SigMF archive (a tar file): {error or 'it ends too early'}") from None


def open_archive(path: str, reader: ByteReader, options: Options) -> SampleSource:
    """Open an archive that the reader stands at the start of.

    Raises SourceError, also when there are several recordings in it (if it is compressed or comes through a pipe, that
    is known only at the end of the first).
    """
    name = reader.name
    meta: Meta | None = None
    meta_name = ""
    data: tarfile.TarInfo | None = None
    with _archive_errors(name):
        tar = _tar(reader)
        for member in tar:
            role = _role(member)
            if role == "collection" or (role == "meta" and meta) or (role == "data" and data):
                raise _several(name)
            if role == "meta":
                file = tar.extractfile(member)
                if member.size > LARGEST_META or file is None:
                    raise SourceError(f"{name}: {member.name} is {member.size} bytes long, too much for metadata")
                meta_name = member.name
                meta = Meta.parse(file.read(), f"{name}: {member.name}", options)
            elif role == "data" or (meta and role == "other" and meta.dataset == Path(member.name).name):
                data = member
            if meta and data and not reader.plain:
                break
        if meta is None or data is None:
            raise reader.fault or SourceError(f"{name}: has no pair of .sigmf-meta and .sigmf-data in it")
        if not reader.plain and data is not member:  # in a stream, what has gone by is gone
            if reader.live:
                raise SourceError(f"{name}: has the samples before the metadata; save it as a file and name that")
            reader.rewind()
            tar = _tar(reader)
            data = next(member for member in tar if member.name == data.name)
        samples = ByteReader(name, _Member(tar, data, meta_name, reader), data.size, reader, reader.live)
    return _source(path, meta, samples)


def _tar(reader: ByteReader) -> tarfile.TarFile:
    import tarfile

    if reader.plain:
        reader.file.seek(0)
        return tarfile.open(fileobj=reader.file, mode="r:")
    return tarfile.open(fileobj=reader, mode="r|")  # type: ignore[call-overload, no-any-return]


@dataclass(frozen=True)
class Capture:
    """Where a stretch of samples begins, and what is said of it."""

    start: int
    """Sample, counted in the file."""
    skip: int
    """Bytes before it that are no samples."""
    index: int | None
    """Of that sample among all that the receiver gave; None where it is not told, except in the first."""
    utc_ns: int | None
    resolution: float
    """Of the time, seconds."""
    frequency: float | None


@dataclass(frozen=True)
class Meta:
    """What the metadata say, checked."""

    datatype: Datatype
    rate: float
    captures: tuple[Capture, ...]
    trailing: int
    """Bytes at the end that are no samples."""
    dataset: str | None
    """Name of the file with the samples, where it is not the usual one."""
    station: tuple[float, float, float] | None
    options: Options
    remarks: list[str] = field(default_factory=list)

    @classmethod
    def parse(cls, text: bytes, where: str, options: Options) -> Meta:
        """Read metadata.

        Raises SourceError, whose sentence begins with `where`.
        """
        try:
            table = json.loads(text.decode("utf-8-sig"))
        except UnicodeDecodeError:
            raise SourceError(f"{where}: is not text in UTF-8, so it is no SigMF metadata") from None
        except RecursionError:
            raise SourceError(f"{where}: is nested too deeply to be SigMF metadata") from None
        except ValueError as error:
            raise SourceError(f"{where}: is not JSON, so it is no SigMF metadata: {error}") from None
        table = _table(table, where)
        if "collection" in table:
            raise SourceError(f"{where}: is a list of recordings; name the .sigmf-meta of one of them")
        world = _table(table.get("global"), f"{where}: global")
        remarks: list[str] = []
        try:
            datatype = Datatype.parse(options.format or _text(world, "core:datatype", where))
        except ValueError as error:
            raise SourceError(f"{where}: core:datatype: {error}") from None
        if (channels := _whole(world, "core:num_channels", where, 1, low=1)) > 1:
            raise SourceError(f"{where}: has {channels} channels in one file; write one of them to a file of its own")
        if world.get("core:metadata_only") is True:
            raise SourceError(f"{where}: is published without its samples (core:metadata_only)")
        if options.rate is None and world.get("core:sample_rate") is None:
            raise SourceError(f"{where}: has no core:sample_rate; give the sample rate with --rate")
        rate = options.rate or checked_rate(world["core:sample_rate"], f"{where}: core:sample_rate")
        dataset = None if world.get("core:dataset") is None else _text(world, "core:dataset", where)
        if dataset is not None and (dataset != Path(dataset).name or "\\" in dataset or "\0" in dataset):
            raise SourceError(f"{where}: core:dataset is {short(dataset)}; it names a file in the same folder")
        tables = [] if table.get("captures") is None else table["captures"]
        if not isinstance(tables, list):
            raise SourceError(f"{where}: captures is {short(tables)}; it is a list")
        offset = _whole(world, "core:offset", where, 0)
        captures: list[Capture] = []
        station = _station(world, remarks)
        for number, item in enumerate(tables):
            here = f"{where}: capture {number}"
            captures.append(_capture(_table(item, here), here, number == 0, offset, remarks))
            if number and captures[-1].start < captures[-2].start:
                raise SourceError(f"{here}: begins before the one before it; captures are sorted by core:sample_start")
            if number == 0:
                station = _station(item, remarks) or station
                if item.get("core:frequency") == 0 and options.frequency is None:
                    remarks.append("core:frequency is 0, so the frequency is taken as not known")
        if not captures:
            remarks.append("the metadata have no captures, so neither time nor frequency is known")
            captures.append(Capture(0, 0, None, None, 0.0, None))
        trailing = _whole(world, "core:trailing_bytes", where, 0)
        return cls(datatype, rate, tuple(captures), trailing, dataset, station, options, remarks)


def _table(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise SourceError(f"{where} is {short(value)}; in SigMF metadata it is an object with keys")
    return value


def _text(table: dict[str, Any], key: str, where: str) -> str:
    value = table.get(key)
    if not isinstance(value, str):
        raise SourceError(f"{where}: {key} is {short(value)}; it is a text")
    return value


def _whole(table: dict[str, Any], key: str, where: str, default: int, low: int = 0) -> int:
    value = table.get(key)
    if value is None:  # as null, too, is written for what is not known
        return default
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value < 1 << 62:
        raise SourceError(f"{where}: {key} is {short(value)}; it is a whole number, at least {low}")
    return value


def _capture(table: dict[str, Any], where: str, first: bool, offset: int, remarks: list[str]) -> Capture:
    start = _whole(table, "core:sample_start", where, 0)
    told_index = table.get("core:global_index") is not None
    index = _whole(table, "core:global_index", where, 0) if told_index else start if first else None
    if start < offset:
        raise SourceError(f"{where}: core:sample_start is before core:offset, the first sample of the file")
    frequency = table.get("core:frequency")
    if frequency == 0 and frequency is not False:  # as what does not know it writes
        frequency = None
    utc_ns, resolution = None, 0.0
    if (when := table.get("core:datetime")) is not None:
        date = parse_utc(when) if isinstance(when, str) else None
        if date is None or date[1] > 60:  # a time that may be hours off is of less use than none
            remarks.append(f"core:datetime is {short(when)}, which is no date and time, so it was passed over")
        else:
            utc_ns, resolution = date
        told = table.get("radome:time_uncertainty_s")
        if isinstance(told, (int, float)) and 0 <= told < math.inf:
            resolution = max(resolution, told * 3**0.5)  # of a date that has more digits than are known
    return Capture(
        start - offset,
        _whole(table, "core:header_bytes", where, 0),
        index,
        utc_ns,
        resolution,
        None if frequency is None else checked_frequency(frequency, f"{where}: core:frequency"),
    )


def _station(table: dict[str, Any], remarks: list[str]) -> tuple[float, float, float] | None:
    """Position of the receiver: a GeoJSON point (RFC 7946), longitude first."""
    if (point := table.get("core:geolocation")) is None:
        return None
    values = point.get("coordinates") if isinstance(point, dict) else None
    try:
        if not isinstance(values, list) or any(isinstance(v, (bool, str)) for v in values):
            raise ValueError
        longitude, latitude, altitude = (*(float(v) for v in values), 0.0)[:3]
        if not (abs(latitude) <= 90 and abs(longitude) <= 180 and abs(altitude) < 1e8):
            raise ValueError
    except (ValueError, TypeError, OverflowError):
        remarks.append(f"core:geolocation is {short(point)}, which is no place, so it was passed over")
        return None
    return latitude, longitude, altitude


def _source(name: str, meta: Meta, reader: ByteReader) -> SampleSource:
    if meta.trailing and reader.size is None:
        raise SourceError(f"{name}: has core:trailing_bytes, which cannot be told from samples; unpack the file first")
    remarks = list(meta.remarks)
    total = None
    if reader.size is not None:
        size, skipped, there = reader.size - meta.trailing, 0, 0
        for capture in meta.captures:
            if there and (capture.start + 1) * meta.datatype.bytes + skipped + capture.skip > size:
                break
            skipped += capture.skip
            there += 1
        total = size - skipped
        if there < len(meta.captures):
            remarks.append(f"the file ends before {len(meta.captures) - there} of its captures begin")
            total = min(total, meta.captures[there].start * meta.datatype.bytes)  # a head of the next is no samples
            meta = replace(meta, captures=meta.captures[:there])
        total = whole(max(total, 0), meta.datatype.bytes, remarks)
    segments, retunings = _segments(meta, remarks)
    recording = Recording(
        name,
        checked_kind(meta.datatype, meta.options.kind, name),
        meta.rate,
        segments[0].clock,
        (meta.options.frequency if meta.options.frequency is not None else meta.captures[0].frequency) or None,
        total,
        meta.station,
        meta.datatype.name,
        remarks,
        tuple(retunings),
    )
    return SampleSource(reader, recording, meta.datatype, segments)


def _segments(meta: Meta, remarks: list[str]) -> tuple[list[Segment], list[tuple[int, float]]]:
    """Where bytes are to be skipped and where a new clock begins, and where the frequency changes."""
    captures = meta.captures
    runs = [[captures[0]]]  # captures without anything lost between them
    lost = [0]  # samples before each run
    retunings: list[tuple[int, float]] = []
    frequency, index = captures[0].frequency, captures[0].index or 0
    for before, capture in pairwise(captures):
        index += capture.start - before.start
        missing = _missing(before, capture, index, meta.rate)
        retuned = capture.frequency not in (None, frequency) and meta.options.frequency is None
        if retuned and capture.frequency is not None:
            frequency = capture.frequency
            retunings.append((capture.start, frequency))
        if capture.index is not None:
            index = capture.index
        if missing or retuned:
            runs.append([])
            lost.append(missing)
        runs[-1].append(capture)
    gaps = [(run[0].start, n) for run, n in zip(runs, lost, strict=True) if n]
    if gaps:
        start, n = gaps[0]
        if n > 0:
            what = f"{counted(n, 'sample')} {'is' if n == 1 else 'are'} missing before"
        else:
            what = f"the time goes back by {counted(-n, 'sample')} at"
        more = f", and {counted(len(gaps) - 1, 'gap')} more" if len(gaps) > 1 else ""
        remarks.append(f"{what} sample {start}{more}")
    if retunings:
        remarks.append(f"the frequency changes at sample {retunings[0][0]} to {retunings[0][1]:.0f} Hz")

    clocks = _clocks(meta, runs, lost)
    segments = [Segment(0, 0, clocks[0])] if captures[0].start else []
    for run, clock in zip(runs, clocks, strict=True):
        for capture in run:
            if not segments or capture.skip or clock is not segments[-1].clock:
                segments.append(Segment(capture.start, capture.skip, clock))
    return segments, retunings


def _missing(before: Capture, capture: Capture, index: int, rate: float) -> int:
    """Samples lost before a capture, whose first would have this index; negative where they go back."""
    if capture.index is not None:
        return capture.index - index
    if capture.utc_ns is None or before.utc_ns is None:
        return 0
    length = (capture.start - before.start) / rate
    late = (capture.utc_ns - before.utc_ns) * 1e-9 - length
    if abs(late) <= JITTER + capture.resolution + before.resolution + 2 / rate + DRIFT * length:
        return 0
    return round(late * rate)


def _clocks(meta: Meta, runs: Sequence[Sequence[Capture]], lost: Sequence[int]) -> list[Clock]:
    """Clock of each run; where a run has no time, from the one before it."""
    clocks = [_clock(meta.rate, run) for run in runs]
    if meta.options.start is not None:  # what the user says of the first sample moves all of them
        first = clocks[0].time_ns(0)
        for i, clock in enumerate(clocks):
            told = None if first is None or clock.utc_ns is None else clock.utc_ns + meta.options.start - first
            clocks[i] = Clock(meta.rate, clock.sample, told)
        clocks[0] = Clock(meta.rate, 0.0, meta.options.start)
    for i in range(1, len(clocks)):
        start = runs[i][0].start
        told = clocks[i - 1].time_ns(start)
        if clocks[i].utc_ns is None and told is not None:
            utc_ns = told + round(lost[i] / meta.rate * 1e9)
            clocks[i] = Clock(meta.rate, float(start), utc_ns, clocks[i - 1].uncertainty)
    return clocks


def _clock(rate: float, run: Sequence[Capture]) -> Clock:
    """Clock of some captures, from the first that has a time. A date is cut off rather than rounded: late by 0 to 1."""
    for capture in run:
        if capture.utc_ns is not None:
            return Clock(rate, float(capture.start), capture.utc_ns, capture.resolution / 3**0.5)
    return Clock(rate, float(run[0].start))
