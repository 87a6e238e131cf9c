"""Dates as files and users write them."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from receiver.utc import parse_utc, told_utc


def ns(*when: int) -> int:
    return round(datetime(*when, tzinfo=timezone.utc).timestamp()) * 10**9


@pytest.mark.parametrize(
    ("text", "expected", "resolution"),
    [
        ("2026-11-26", ns(2026, 11, 26), 86400),
        ("20261126", ns(2026, 11, 26), 86400),
        ("2026-11-26Z", ns(2026, 11, 26), 86400),
        ("2026-11-26T07", ns(2026, 11, 26, 7), 3600),
        ("2026-11-26 07Z", ns(2026, 11, 26, 7), 3600),
        ("2026-11-26T07:08", ns(2026, 11, 26, 7, 8), 60),
        ("20261126T0708Z", ns(2026, 11, 26, 7, 8), 60),
        ("2026-11-26 07:08 UTC", ns(2026, 11, 26, 7, 8), 60),
        ("2026-11-26T07:08+01:30", ns(2026, 11, 26, 5, 38), 60),
        ("2026-11-26T07-05", ns(2026, 11, 26, 12), 3600),
        (" 2026-11-26t07:08:09z ", ns(2026, 11, 26, 7, 8, 9), 1),
        ("20261126T070809", ns(2026, 11, 26, 7, 8, 9), 1),
        ("2026-11-26T07:08:09.25Z", ns(2026, 11, 26, 7, 8, 9) + 250_000_000, 0.01),
        ("2026-11-26 07:08:09,123456789+0100", ns(2026, 11, 26, 6, 8, 9) + 123_456_789, 1e-9),
        ("2016-12-31T23:59:60Z", ns(2017, 1, 1), 1),
    ],
)
def test_forms_of_iso_8601(text: str, expected: int, resolution: float) -> None:
    """What is left out is 0, and the resolution tells of it."""
    assert parse_utc(text) == (expected, pytest.approx(resolution))
    assert told_utc(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "noon",
            "2026",
            "2026-11",
            "2026-13-01",
            "2026-02-29",
            "2026-11-26T",
            "2026-11-26T24",
            "2026-11-26T07:60",
        ),
        *("2026-11-26T07:08:", "2026-11-26T7", "26.11.2026", "2026-11-26T07:08:09.Z", "2026-11-26x", "٢٠٢٦-11-26"),
    ],
)
def test_what_is_no_time(text: str) -> None:
    assert parse_utc(text) is None
    with pytest.raises(ValueError, match="is no time; it is written like 2024-05-01T12:00:00Z"):
        told_utc(text)


def test_years_without_satellites() -> None:
    for text in ("1956-12-31", "2200-01-02", "0001-01-01T00:00Z"):
        assert parse_utc(text) is not None
        with pytest.raises(ValueError, match="is not from 1957 to 2200"):
            told_utc(text)
