"""Data of telemetry transfer frames, for what comes behind to put together, channel by channel.

    | version 2 | spacecraft 10 | virtual channel 3 | operational control field follows 1 | master count 8 |
    | count 8 | secondary header 1 | 5 | first header pointer 11 | data …        CCSDS 132.0-B, section 4.1

`frames_missing` says how many of the channel are missing before a frame, by its counter. The short header, of Harbin's
satellites, has no data field status but a first header pointer of 8 bits: 5 bytes.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, ClassVar

from dsp_ext.bits import CRC16_CCITT_FALSE

from ..stage import Frame, Kind, Stream, parameter

IDLE = 0x7FE
"""First header pointer of a frame with nothing but idle data."""
OPERATIONAL_CONTROL, ERROR_CONTROL = 4, 2
"""Bytes of these fields at the end."""


@dataclass
class Tm:
    """Take header and trailers off, and note what they say."""

    takes: ClassVar[tuple[Kind, ...]] = ("frames",)
    gives: ClassVar[Kind] = "frames"

    channels: list[Any] = parameter([], "", "virtual channels, 0 to 7, that are handed on; empty: all")
    short: bool = parameter(False, "", "the header has 5 bytes")
    error_control: bool = parameter(False, "", "frames end with a checksum, CRC-16/IBM-3740, which must be right")

    def __post_init__(self) -> None:
        if not all(isinstance(channel, int) and 0 <= channel <= 7 for channel in self.channels):
            raise ValueError(f"channels is {self.channels}; it must be a list of numbers from 0 to 7")

    def open(self, stream: Stream) -> Stream:
        self._counts: dict[int, int] = {}
        self.failures: Counter[str] = Counter()
        return stream

    def process(self, frame: Frame) -> list[Frame]:
        data = frame.payload
        start, stop = 5 if self.short else 6, len(data)
        if self.error_control:
            stop -= ERROR_CONTROL
            if stop < start or CRC16_CCITT_FALSE(data[:stop]) != int.from_bytes(data[stop:], "big"):
                return self._none("crc")
        if stop <= start:
            return self._none("length")
        word = int.from_bytes(data[:2], "big")
        status = 0 if self.short else int.from_bytes(data[4:6], "big")
        if word >> 14:
            return self._none("sync")
        channel, count = word >> 1 & 7, data[3]
        if self.channels and channel not in self.channels:
            return []
        missing = (count - self._counts.get(channel, count - 1) - 1) % 256
        if not self.short and status & 0x7FF == IDLE:
            self._counts[channel] = (count - missing) % 256
            return []
        self._counts[channel] = count
        if status & 0x8000:
            start += (data[6] & 0x3F) + 1
        stop -= OPERATIONAL_CONTROL * (word & 1) * (not self.short)
        if stop <= start:
            return self._none("length")
        link = {"spacecraft": word >> 4 & 0x3FF, "virtual_channel": channel, "frame_count": count}
        made = frame.but(payload=data[start:stop], framing="TM", link={**frame.link, **link})
        if missing:
            made.link["frames_missing"] = missing
        return [made.but(integrity="crc", crc_ok=True) if self.error_control else made]

    def close(self) -> list[Frame]:
        return []

    def _none(self, why: str) -> list[Frame]:
        self.failures[why] += 1
        return []


stage = Tm
