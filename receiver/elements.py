"""Files of orbital elements: TLE and 3LE, and OMM in JSON, XML, KVN and CSV.

::

    TLE   1 25544U 98067A   24001.50000000  .00016717  00000-0  10270-3 0  9005      columns 3-7 number, 19-32 epoch,
          2 25544  51.6400 208.9163 0006703 130.5360 325.0288 15.49815345432101      54-61 B*; 69 is the checksum
    OMM   EPOCH = 2024-01-01T12:00:00, MEAN_MOTION = 15.49815345, … as key and value in each of four wrappings

A TLE may be preceded by a name, bare or after "0 " (3LE). Catalogue numbers above 99999 are Alpha-5 in a TLE (first
digit a letter: A = 10 … Z = 33, without I and O) and plain in an OMM. Sources: Spacetrack Report #3; CelesTrak,
"TLE format documentation"; CCSDS 502.0-B-3, section 4.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from .errors import OrbitError

_LARGEST = 64 << 20  # bytes; the whole catalogue as XML is half of this
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_ALPHA5 = "ABCDEFGHJKLMNPQRSTUVWXYZ"


@dataclass(frozen=True)
class Elements:
    """Mean elements of one object for SGP4."""

    name: str
    norad: int | None
    """Catalogue number."""
    epoch_ns: int
    """UTC, ns since 1970-01-01."""
    inclination: float
    """degrees, as all angles"""
    node: float
    """Right ascension of the ascending node."""
    eccentricity: float
    perigee: float
    """Argument of perigee."""
    anomaly: float
    """Mean anomaly."""
    motion: float
    """Mean motion, turns per day."""
    drag: float
    """B*, 1 / Earth radii."""
    where: str
    """File and place in it, for messages."""

    @property
    def label(self) -> str:
        """Name and catalogue number, for messages."""
        return " ".join(filter(None, (self.name, "" if self.norad is None else f"({self.norad})"))) or "unnamed object"


def read_elements(path: Path) -> list[Elements]:
    """Read every object of a file; the format is told by its content.

    Raises
    ------
    OrbitError : names the file, the line or object, what is wrong and what would be right
    """
    text = _text(path)
    first = text.lstrip()
    objects: Iterator[Elements]
    if not first:
        raise OrbitError(f"{path}: is empty; it must hold a TLE or an OMM")
    if first[0] in "[{":
        objects = _json(path, text)
    elif first[0] == "<":
        objects = _xml(path, text)
    elif re.search(r"^\s*(CCSDS_OMM_VERS|MEAN_MOTION)\s*=", text, re.MULTILINE):
        objects = _kvn(path, text)
    elif "MEAN_MOTION" in first.split("\n", 1)[0].upper():
        objects = _csv(path, text)
    else:
        objects = _tle(path, text)
    found = list(objects)
    if not found:
        raise OrbitError(f"{path}: holds no orbital elements; it must hold a TLE or an OMM")
    return found


def _text(path: Path) -> str:
    try:
        with open(path, "rb") as file:
            data = file.read(_LARGEST + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in its name
        raise OrbitError(f"{path}: cannot be read: {getattr(error, 'strerror', error)}") from error
    if len(data) > _LARGEST:
        raise OrbitError(f"{path}: is larger than {_LARGEST >> 20} MiB, so it cannot be a file of orbital elements")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise OrbitError(f"{path}: is not text, so it is neither a TLE nor an OMM") from error


# ---- TLE


def _tle(path: Path, text: str) -> Iterator[Elements]:
    lines = [(i, line.rstrip()) for i, line in enumerate(text.splitlines(), 1) if line.strip()]
    name, at = "", 0
    while at < len(lines):
        number, line = lines[at]
        follower = lines[at + 1] if at + 1 < len(lines) else (number + 1, "")
        if line.startswith("1 ") and not follower[1].startswith("1 "):
            yield _pair(path, name, (number, line), follower)
            name, at = "", at + 2
            continue
        if line.startswith("2 ") and len(line) > 60:
            raise OrbitError(f"{path}: line {number}: is the second line of a TLE without the first before it")
        if name:
            raise OrbitError(f"{path}: line {number}: a line of a TLE begins with '1 ' or '2 '; this is {line[:40]!r}")
        name, at = line.removeprefix("0 ").strip() or "-", at + 1
    if name:
        raise OrbitError(f"{path}: line {lines[-1][0]}: {lines[-1][1][:40]!r} is not followed by the lines of a TLE")


def _pair(path: Path, name: str, first: tuple[int, str], second: tuple[int, str]) -> Elements:
    for expected, (number, line), gaps in (("1", first, (1, 8, 17, 32, 43, 52)), ("2", second, (1, 7, 16, 25, 33, 42))):
        where = f"{path}: line {number}"
        if not line.startswith(f"{expected} "):
            raise OrbitError(
                f"{where}: must be line {expected} of the TLE of {name or first[1][2:7].strip()} and begin with "
                f"'{expected} '; it {f'is {line[:40]!r}' if line else 'is missing'}"
            )
        if len(line) != 69 or not line.isascii():
            raise OrbitError(f"{where}: has {len(line)} characters; line {expected} of a TLE has 69, in ASCII")
        checksum = sum(int(c) if c.isdigit() else c == "-" for c in line[:68]) % 10
        if line[68] != str(checksum):
            raise OrbitError(
                f"{where}: ends with checksum {line[68]!r}, but its characters give {checksum}; one of them is wrong"
            )
        wrong = next((i for i in gaps if line[i] != " "), None)
        if wrong is not None:
            raise OrbitError(f"{where}: column {wrong + 1} of a TLE is blank; it is {line[wrong]!r}")
    one, two = first[1], second[1]
    at, beside = f"{path}: line {first[0]}", f"{path}: line {second[0]}"
    if one[2:7] != two[2:7]:
        raise OrbitError(f"{beside}: is of object {two[2:7].strip()}, but line 1 before it is of {one[2:7].strip()}")
    if one[62] == "4":
        raise OrbitError(f"{at}: is for SGP4-XP (ephemeris type 4), which cannot be computed here; take one for SGP4")
    drag = re.fullmatch(r"([ +-])([ \d]{5})([+-]\d)", one[53:61])
    if drag is None:
        raise OrbitError(f"{at}: columns 54 to 61, B*, are {one[53:61]!r}; they must be like ' 12345-4'")
    sign, digits, power = drag.groups()
    year = one[18:20].replace(" ", "0")
    day = _number(at, "epoch's day", one[20:32])
    if not (year.isdigit() and 1 <= day < 367):
        raise OrbitError(f"{at}: columns 19 to 32, the epoch, are {one[18:32]!r}; they must be year and day")
    century = 1900 if int(year) >= 57 else 2000
    start = datetime(century + int(year), 1, 1, tzinfo=timezone.utc)
    return _checked(
        Elements(
            name=name if name != "-" else "",
            norad=_catalogue(at, one[2:7]),
            epoch_ns=round(start.timestamp()) * 10**9 + round((day - 1) * 86400e9),
            inclination=_number(beside, "inclination", two[8:16]),
            node=_number(beside, "right ascension of the node", two[17:25]),
            eccentricity=_number(beside, "eccentricity", "." + two[26:33].replace(" ", "0")),
            perigee=_number(beside, "argument of perigee", two[34:42]),
            anomaly=_number(beside, "mean anomaly", two[43:51]),
            motion=_number(beside, "mean motion", two[52:63]),
            drag=float(f"{sign.strip()}.{digits.replace(' ', '0')}e{power}"),
            where=at,
        ),
        beside,
    )


# ---- OMM


def _json(path: Path, text: str) -> Iterator[Elements]:
    try:
        table = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise OrbitError(f"{path}: begins like JSON, but is not: {error}") from error
    for i, entry in enumerate(table if isinstance(table, list) else [table], 1):
        where = f"{path}: object {i}"
        if not isinstance(entry, dict):
            raise OrbitError(f"{where}: must be an OMM with EPOCH, MEAN_MOTION and so on; it is {str(entry)[:40]!r}")
        if "tle1" in entry and "tle2" in entry:  # SatNOGS DB
            lines = (str(entry[key]).rstrip() for key in ("tle1", "tle2"))
            name = str(entry.get("tle0") or "").removeprefix("0 ").strip()
            yield _pair(Path(f"{where}"), name, (1, next(lines)), (2, next(lines)))
        else:
            yield _omm(where, entry)


def _xml(path: Path, text: str) -> Iterator[Elements]:
    import xml.etree.ElementTree as ElementTree

    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise OrbitError(f"{path}: is a page or has a document type; an OMM in XML begins with <omm> or <ndm>")
    try:
        root = ElementTree.fromstring(text.encode())
    except ElementTree.ParseError as error:
        raise OrbitError(f"{path}: begins like XML, but is not: {error}") from error

    def local(element: ElementTree.Element) -> str:
        return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""

    segments = (element for element in root.iter() if local(element) == "segment")
    for i, segment in enumerate(segments, 1):
        yield _omm(f"{path}: object {i}", {local(e): e.text for e in segment.iter() if len(e) == 0})


def _kvn(path: Path, text: str) -> Iterator[Elements]:
    entries: list[tuple[int, dict[str, str]]] = []
    for number, line in enumerate(text.splitlines(), 1):
        key, equals, value = (part.strip() for part in line.partition("="))
        if not line.strip() or line.split()[0] == "COMMENT":
            continue
        if not equals:
            raise OrbitError(f"{path}: line {number}: must be KEY = value; it is {line.strip()[:40]!r}")
        if not entries or key == "CCSDS_OMM_VERS" or (key in entries[-1][1] and key == "OBJECT_NAME"):
            entries.append((number, {}))
        entries[-1][1][key] = re.sub(r"\s*\[[^]]*\]$", "", value)  # the unit
    for number, entry in entries:
        yield _omm(f"{path}: object from line {number}", entry)


def _csv(path: Path, text: str) -> Iterator[Elements]:
    rows = csv.reader(io.StringIO(text.lstrip()), skipinitialspace=True)
    try:
        header = [cell.strip().upper() for cell in next(rows)]
        for row in rows:
            if not any(cell.strip() for cell in row):
                continue
            where = f"{path}: line {rows.line_num}"
            if len(row) != len(header):
                raise OrbitError(f"{where}: has {len(row)} columns; the header has {len(header)}")
            yield _omm(where, dict(zip(header, row, strict=True)))
    except csv.Error as error:
        raise OrbitError(f"{path}: line {rows.line_num}: is not CSV: {error}") from error


_MUST_BE: dict[str, tuple[Callable[[str], bool], str]] = {
    "MEAN_ELEMENT_THEORY": (lambda v: v in ("SGP4", "SGP/SGP4", "SGP4/SDP4", "SGP"), "SGP4"),
    "REF_FRAME": (lambda v: v.startswith("TEME"), "TEME"),
    "TIME_SYSTEM": (lambda v: v == "UTC", "UTC"),
    "CENTER_NAME": (lambda v: v == "EARTH", "EARTH"),
    "EPHEMERIS_TYPE": (lambda v: v != "4", "0 (4 is SGP4-XP)"),
}


def _omm(where: str, entry: Mapping[str, Any]) -> Elements:
    fields = {key: str(value).strip() for key, value in entry.items() if value is not None}
    fields = {key: value for key, value in fields.items() if value}
    for key, (right, expected) in _MUST_BE.items():
        if key in fields and not right(fields[key].upper()):
            raise OrbitError(f"{where}: {key} is {fields[key][:40]!r}; it must be {expected}")

    def value(key: str) -> float:
        return _number(where, key, needed(key))

    def needed(key: str) -> str:
        if key not in fields:
            raise OrbitError(f"{where}: has no {key}, which an OMM for SGP4 must have")
        return fields[key]

    return _checked(
        Elements(
            name=fields.get("OBJECT_NAME", ""),
            norad=_catalogue(where, fields["NORAD_CAT_ID"]) if "NORAD_CAT_ID" in fields else None,
            epoch_ns=_utc_ns(where, needed("EPOCH")),
            inclination=value("INCLINATION"),
            node=value("RA_OF_ASC_NODE"),
            eccentricity=value("ECCENTRICITY"),
            perigee=value("ARG_OF_PERICENTER"),
            anomaly=value("MEAN_ANOMALY"),
            motion=value("MEAN_MOTION"),
            drag=value("BSTAR"),
            where=where,
        ),
        where,
    )


# ---- values


def _number(where: str, key: str, text: str) -> float:
    text = text.strip()
    if not _NUMBER.fullmatch(text):
        raise OrbitError(f"{where}: {key} is {text[:40]!r}; it must be a number")
    return float(text)


def _catalogue(where: str, text: str) -> int:
    text = text.strip()
    if text.isascii() and text.isdigit() and len(text) <= 9:
        return int(text)
    if re.fullmatch(f"[{_ALPHA5}][0-9]{{4}}", text):
        return (10 + _ALPHA5.index(text[0])) * 10000 + int(text[1:])
    raise OrbitError(
        f"{where}: the catalogue number is {text[:40]!r}; it must be digits, or a letter (not I or O) and four"
    )


def _utc_ns(where: str, text: str) -> int:
    """ISO 8601 as CCSDS 301.0-B-4 has it: calendar or ordinal date, any decimals, optional Z."""
    match = re.fullmatch(r"(\d{4}-(?:\d\d-\d\d|\d{3}))[T ](\d\d:\d\d:\d\d)(\.\d+)?Z?", text, re.ASCII)
    try:
        if match is None:
            raise ValueError
        date, time, part = match.groups()
        form = "%Y-%m-%d %H:%M:%S" if len(date) == 10 else "%Y-%j %H:%M:%S"
        whole = datetime.strptime(f"{date} {time}", form).replace(tzinfo=timezone.utc)
    except ValueError:
        raise OrbitError(f"{where}: EPOCH is {text[:40]!r}; it must be like 2024-01-31T12:34:56.789") from None
    return round(whole.timestamp()) * 10**9 + round(float(part or 0) * 1e9)


def _checked(elements: Elements, where: str) -> Elements:
    ranges = {
        "inclination": (elements.inclination, 0.0, 180.0, "degrees"),
        "right ascension of the node": (elements.node, -360.0, 360.0, "degrees"),
        "argument of perigee": (elements.perigee, -360.0, 360.0, "degrees"),
        "mean anomaly": (elements.anomaly, -360.0, 360.0, "degrees"),
        "eccentricity": (elements.eccentricity, 0.0, 0.999999, ""),
        "mean motion": (elements.motion, 0.01, 18.0, "turns per day"),
        "B*": (elements.drag, -10.0, 10.0, "per Earth radius"),
    }
    for what, (value, low, high, unit) in ranges.items():
        if not low <= value <= high:
            raise OrbitError(f"{where}: {what} is {value:g}; it must be from {low:g} to {high:g} {unit}".rstrip())
    return elements
