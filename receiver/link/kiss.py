"""Packets of a KISS stream that goes over frames, whose payloads are its pieces.

    | C0 | command 1 B, where there is one | data, C0 as DB DC and DB as DB DD | C0 | …

M. Chepponis and P. Karn, "The KISS TNC", 1987. Between packets C0 fills up. A packet whose beginning or middle was in a
frame that is missing is left out where counters of frames tell, as those of `tm` do; where none do, `continuity` is
false for a packet whose pieces lie apart.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import ClassVar

from ..framing._csp import csp_header
from ..stage import Frame, Kind, Stream, parameter
from ._stream import LONGEST, Packet, channel_of

FEND, FESC = 0xC0, 0xDB
ESCAPED = {0xDC: b"\xc0", 0xDD: b"\xdb"}


@dataclass
class Kiss:
    """Cut packets out of frames."""

    takes: ClassVar[tuple[Kind, ...]] = ("frames",)
    gives: ClassVar[Kind] = "frames"

    control: bool = parameter(True, "", "packets begin with a command, whose low four bits are 0 for data")
    head: int = parameter(0, "B", "at the beginning of each frame that do not belong to the stream")

    def __post_init__(self) -> None:
        if self.head < 0:
            raise ValueError(f"head is {self.head}; it must be 0 or more")

    def open(self, stream: Stream) -> Stream:
        self._open: dict[int, Packet] = {}
        """Packets whose beginning was seen."""
        self._escape: set[int] = set()
        self.failures: Counter[str] = Counter()
        return stream

    def process(self, frame: Frame) -> list[Frame]:
        channel, missing = channel_of(frame)
        if missing:
            self._lose(channel, "gap")
        packets: list[Frame] = []
        data, at = frame.payload, self.head
        while at < len(data):
            packet = self._open.get(channel)
            byte = data[at]
            at += 1
            if byte == FEND:
                if packet is not None and channel not in self._escape:
                    packets += self._packet(packet)
                elif packet is not None:
                    self._lose(channel, "sync")
                self._open[channel] = Packet()
            elif packet is None:
                continue
            elif channel in self._escape:
                self._escape.discard(channel)
                if byte in ESCAPED:
                    packet.add(frame, at - 1, at, ESCAPED[byte])
                else:
                    self._lose(channel, "sync")
            elif byte == FESC:
                self._escape.add(channel)
                packet.add(frame, at - 1, at, b"")
            else:
                stop = at
                while stop < len(data) and data[stop] not in (FEND, FESC):
                    stop += 1
                packet.add(frame, at - 1, stop, data[at - 1 : stop])
                at = stop
                if len(packet.data) > LONGEST:
                    self._lose(channel, "length")
        return packets

    def close(self) -> list[Frame]:
        return []

    def _packet(self, packet: Packet) -> list[Frame]:
        data = bytes(packet.data)
        if len(data) <= self.control or (self.control and data[0] & 0x0F):
            return []
        payload = data[self.control :]
        made = packet.frame(payload, "KISS")
        return [made.but(link={**made.link, **csp_header(payload)})]

    def _lose(self, channel: int, why: str) -> None:
        self._escape.discard(channel)
        packet = self._open.pop(channel, None)
        if packet is not None and packet.data:
            self.failures[why] += 1


stage = Kiss
