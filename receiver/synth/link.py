"""Packets into the frames that carry them: what `receiver/link/` takes apart, a packet a frame, filled up."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import FlowgraphError
from .catalogue import CRCS
from .declared import crc
from .framing import Encoder, Piece, encoder

PACKET_MOST = 100
"""Bytes of a packet, where frames have no length of their own."""


def linked_encoder(framing: dict[str, Any], link: Sequence[dict[str, Any]]) -> Encoder:
    """Encoder for packets in frames; that of the framing itself where there is no link."""
    code = encoder(framing)
    if not link:
        return code
    size = int(framing.get("frame_size") or code.payload_size or 0) or None
    return Linked(code, list(link), size)


@dataclass
class Linked(Encoder):
    code: Encoder
    link: list[dict[str, Any]]
    size: int | None
    """Bytes of a frame's payload; None: any."""
    name: str = field(init=False)
    rate: float = field(init=False)
    payload_most: int = field(init=False)

    def __post_init__(self) -> None:
        names = {"kiss": "KISS", "nanolink": "NanoLink", "tm": "TM"}
        uses = [str(table["use"]).removeprefix("link.") for table in self.link]
        if not set(uses) <= set(names):
            raise FlowgraphError(f"link {', '.join(uses)} cannot be synthesised; there are: {', '.join(names)}")
        self._uses, self.name, self.rate = uses, names[uses[-1]], self.code.rate
        # a third of the frame, so that it fits with every second byte escaped
        self.payload_most = min(PACKET_MOST, (self.size or 3 * PACKET_MOST) // 3)
        self._count = 0

    def begin(self, preamble: int) -> Piece:
        return self.code.begin(preamble)

    def frame(self, payload: bytes) -> Piece:
        told, data = payload, payload
        room = self.size
        outer = b""
        tables = dict(zip(self._uses, self.link, strict=True))
        if "tm" in tables:
            outer = self._tm_header(tables["tm"])
            room = None if room is None else room - len(outer) - 2 * bool(tables["tm"].get("error_control"))
        if "kiss" in tables:
            data = bytes(tables["kiss"].get("head", 0)) + kiss(payload, tables["kiss"].get("control", True))
        if "nanolink" in tables:
            told, data = nanolink(payload, self._count)
        if room is not None:
            if len(data) > room:
                raise ValueError(f"{len(payload)} bytes do not fit into a frame of {self.size}")
            data = data.ljust(room, b"\xc0" if "kiss" in tables else b"\0")
        data = outer + data
        if tables.get("tm", {}).get("error_control"):
            data += crc(data, *CRCS["CRC-16/IBM-3740"]).to_bytes(2, "big")
        if self._uses[-1] == "tm":
            told = data[len(outer) :]
        self._count += 1
        piece = self.code.frame(data)
        return Piece(piece.bits, told, piece.start, piece.stop)

    def end(self, postamble: int) -> Piece:
        return self.code.end(postamble)

    def _tm_header(self, table: dict[str, Any]) -> bytes:
        """Spacecraft 0x2AD, the first channel that is taken (CCSDS 132.0-B, section 4.1.2)."""
        channel = (table.get("channels") or [1])[0]
        head = struct.pack(">HBB", 0x2AD << 4 | channel << 1, self._count & 0xFF, self._count & 0xFF)
        return head + (b"\0" if table.get("short") else b"\x18\0")


def kiss(packet: bytes, control: bool = True) -> bytes:
    """A packet between C0s, escaped (M. Chepponis and P. Karn, "The KISS TNC", 1987)."""
    table = {0xC0: b"\xdb\xdc", 0xDB: b"\xdb\xdd"}
    whole = bytes(1) * control + packet
    return b"\xc0" + b"".join(table.get(byte, bytes([byte])) for byte in whole) + b"\xc0"


def nanolink(packet: bytes, sequence: int) -> tuple[bytes, bytes]:
    """Header and packet, and the same as it is sent."""
    field = (sequence & 0xFF) << 16 | len(packet) + 2 << 4 | 1 << 1
    told = field.to_bytes(3, "big") + packet
    return told, bytes.fromhex("FAF320") + told + crc(told, *CRCS["CRC-16/XMODEM"]).to_bytes(2, "big")
