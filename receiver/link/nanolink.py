"""NanoLink frames in a stream of bytes that goes over other frames.

    | FA F3 20 | sequence 8, ARQ 1, extended 1, length 10, virtual channel 3, - 1 | data | CRC 2 B |

The length counts what is behind the header, its checksum too: CRC-16/XMODEM over header and data. Header and data are
handed on. Learnt from the NanoLink transport of other receivers of amateur satellites (D. Estevez, 2023).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import ClassVar

from dsp_ext.bits import Crc

from ..stage import Frame, Kind, Stream
from ._stream import Packet, channel_of

SYNC = bytes.fromhex("FAF320")
HEADER, CHECKSUM = 3, 2
CRC = Crc(16, 0x1021)


@dataclass
class NanoLink:
    """Cut packets out of frames."""

    takes: ClassVar[tuple[Kind, ...]] = ("frames",)
    gives: ClassVar[Kind] = "frames"

    def open(self, stream: Stream) -> Stream:
        self._streams: dict[int, list[tuple[Frame, int, bytes]]] = {}
        """Pieces of the stream that are still needed: frame, first byte in it, bytes."""
        self.failures: Counter[str] = Counter()
        return stream

    def process(self, frame: Frame) -> list[Frame]:
        channel, missing = channel_of(frame)
        if missing and self._streams.pop(channel, []):
            self.failures["gap"] += 1
        pieces = [*self._streams.get(channel, []), (frame, 0, frame.payload)]
        data = b"".join(piece for _, _, piece in pieces)
        made, at = [], 0
        while (start := data.find(SYNC, at)) >= 0:
            head = start + len(SYNC)
            field = int.from_bytes(data[head : head + HEADER], "big")
            stop = head + HEADER + (field >> 4 & 0x3FF)
            at = start
            if len(data) < head + HEADER or len(data) < stop:
                break
            at = start + 1
            if stop - head < HEADER + CHECKSUM:
                self.failures["length"] += 1
            elif CRC(data[head : stop - CHECKSUM]) != int.from_bytes(data[stop - CHECKSUM : stop], "big"):
                self.failures["crc"] += 1
            else:
                made.append(_packet(_part(pieces, start, stop), data[head : stop - CHECKSUM], field))
                at = stop
        else:
            at = max(at, len(data) - len(SYNC) + 1)  # what may be the beginning of one
        self._streams[channel] = _part(pieces, at, len(data))
        return made

    def close(self) -> list[Frame]:
        return []


def _part(pieces: list[tuple[Frame, int, bytes]], start: int, stop: int) -> list[tuple[Frame, int, bytes]]:
    """The pieces of some bytes of all."""
    part, at = [], 0
    for frame, first, data in pieces:
        begin, end = max(start - at, 0), min(stop - at, len(data))
        if begin < end:
            part.append((frame, first + begin, data[begin:end]))
        at += len(data)
    return part


def _packet(pieces: list[tuple[Frame, int, bytes]], payload: bytes, field: int) -> Frame:
    packet = Packet()
    for frame, first, data in pieces:
        packet.add(frame, first, first + len(data), data)
    made = packet.frame(payload, "NanoLink")
    link = {"sequence": field >> 16, "nanolink_channel": field >> 1 & 7, "arq": bool(field >> 15 & 1)}
    return made.but(integrity="crc", crc_ok=True, link={**made.link, **link})


stage = NanoLink
