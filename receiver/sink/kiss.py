"""Frames as a KISS file.

    | C0 | 09 | milliseconds since 1970-01-01, unsigned 64 bit, big-endian | C0 |    optional, where the time is known
    | C0 | 00 | payload                                                    | C0 |

with C0 written as DB DC and DB as DB DD between the C0s. M. Chepponis K3MC, P. Karn KA9Q, "The KISS TNC", 1987. Command
9, the time of the frame behind it, is the usage of satellite decoders and not in that document: off by default.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from ..stage import parameter
from . import FileSink

FEND = b"\xc0"
DATA = b"\x00"
TIME = b"\x09"


def escape(content: bytes) -> bytes:
    """Put a command and its data between frame ends."""
    return FEND + content.replace(b"\xdb", b"\xdb\xdd").replace(FEND, b"\xdb\xdc") + FEND


@dataclass
class KissFile(FileSink):
    timestamps: bool = parameter(False, "", "a control frame with the time before each frame")

    def encode(self, record: dict[str, Any], payload: bytes) -> bytes:
        frame = escape(DATA + payload)
        if self.timestamps and record["time"] is not None:
            seconds = datetime.fromisoformat(record["time"][:19]).replace(tzinfo=timezone.utc).timestamp()
            ms = round(seconds) * 1000 + int(record["time"][20:23])
            if ms >= 0:
                frame = escape(TIME + ms.to_bytes(8, "big")) + frame
        return frame


stage = KissFile
