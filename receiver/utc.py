"""Dates as files write them, to ns since 1970-01-01 UTC."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

_ISO_8601 = re.compile(
    r"(\d{4})-?(\d\d)-?(\d\d)(?:[Tt ]\s*(\d\d)(?::?(\d\d)(?::?(\d\d)(?:[.,](\d+))?)?)?)?"
    r"\s*(?:([Zz]|UTC)|([+-])(\d\d):?(\d\d)?)?",
    re.ASCII,
)
_EPOCH = datetime(1970, 1, 1)
_FIRST, _LAST = -410_227_200 * 10**9, 7_258_118_400 * 10**9  # 1957 and 2200, the years of satellites


def utc_ns(year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0) -> int | None:
    """Ns since 1970-01-01 of a date in UTC, None if there is no such date. A leap second is the second after it."""
    if not (0 <= hour <= 23 and 0 <= minute <= 59 and 0 <= second <= 60):
        return None
    try:
        since = datetime(year, month, day) - _EPOCH + timedelta(hours=hour, minutes=minute, seconds=second)
    except (ValueError, OverflowError):
        return None
    return (since.days * 86400 + since.seconds) * 1_000_000_000


def parse_utc(text: str) -> tuple[int, float] | None:
    """Read a date and time as ISO 8601 writes it; without an offset it is taken as UTC.

    What is left out at its end is 0: seconds, minutes, or all of the time of day.

    Returns ns since 1970-01-01 UTC and the resolution of the text in seconds, or None if it is no date.
    """
    match = _ISO_8601.fullmatch(text.strip())
    if match is None:
        return None
    fraction = match[7] or ""
    ns = utc_ns(*(int(match[i] or 0) for i in range(1, 7)))
    if ns is None:
        return None
    ns += int((fraction + "000000000")[:9])
    if match[9]:
        offset = (int(match[10]) * 60 + int(match[11] or 0)) * 60 * 1_000_000_000
        ns += offset if match[9] == "-" else -offset
    if match[6]:
        return ns, 10.0 ** -len(fraction)
    return ns, 60.0 if match[5] else 3600.0 if match[4] else 86400.0


def told_utc(text: str) -> int:
    """Read a time that a user gives, as `parse_utc` does: ns since 1970-01-01.

    Raises ValueError, with a sentence, when it is no time, or none at which there are satellites.
    """
    parsed = parse_utc(text)
    if parsed is None:
        raise ValueError(
            f"{text!r} is no time; it is written like 2024-05-01T12:00:00Z, 2024-05-01T12:00 or 2024-05-01"
        )
    if not _FIRST <= parsed[0] <= _LAST:
        raise ValueError(f"{text!r} is not from 1957 to 2200")
    return parsed[0]
