"""Dates as files write them, to ns since 1970-01-01 UTC."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

_ISO_8601 = re.compile(
    r"(\d{4})-?(\d\d)-?(\d\d)[T ](\d\d):?(\d\d)(?::?(\d\d)(?:[.,](\d+))?)?\s*(?:([Zz]|UTC)|([+-])(\d\d):?(\d\d)?)?",
    re.ASCII,
)
_EPOCH = datetime(1970, 1, 1)


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

    Returns ns since 1970-01-01 UTC and the resolution of the text in seconds, or None if it is no date.
    """
    match = _ISO_8601.fullmatch(text.strip())
    if match is None:
        return None
    second, fraction = match[6] or "0", match[7] or ""
    ns = utc_ns(int(match[1]), int(match[2]), int(match[3]), int(match[4]), int(match[5]), int(second))
    if ns is None:
        return None
    ns += int((fraction + "000000000")[:9])
    if match[9]:
        offset = (int(match[10]) * 60 + int(match[11] or 0)) * 60 * 1_000_000_000
        ns += offset if match[9] == "-" else -offset
    return ns, 10.0 ** -len(fraction) if match[6] else 60.0
