"""AX.25 frames in HDLC.

    | flag 01111110 ... | addresses 14 to 70 B | control 1 to 2 B | PID 1 B | information | FCS 2 B | flag |

NRZI on the line (a 0 is a change); with the G3RUH scrambler, 1 + x^12 + x^17, over it at 9600 Bd and above. AX.25 2.2
(TAPR, 1998), sections 3.1 to 3.8; scrambler: J. Miller G3RUH, "9600 Baud Packet Radio Modem Design", 1988.

A frame that noise could have made too easily, for want of flags before it, waits for the next: right checksums on both
sides of one flag, or of nothing but flags, bear each other out.

A frame whose checksum is wrong is repaired where few, unsure symbols make it right (`dsp_ext.hdlc`); `corrected` is how
many were changed.

The payload begins with the addresses and ends before the FCS. Many satellites put other things than AX.25 into HDLC, so
the addresses need not make sense.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, ClassVar

from dsp_ext.bits import DifferentialDecoder
from dsp_ext.hdlc import HdlcReceiver

from ..stage import Chunk, Frame, Kind, Stream, parameter
from ._symbols import SymbolHistory

LONGEST = 2048
SHORTEST = 10
"""Bytes in a frame, FCS included."""
CHARACTERS = bytes(
    b >> 1 if not b & 1 and chr(b >> 1) in " 0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ" else 63 for b in range(256)
)
"""Of a callsign, by their byte in an address; what can be in none is a question mark."""
FALSE_ALARM, FALSE_REPAIR = 1e-9, 1e-11
"""A frame that noise would have made with a higher probability than this is not reported; of repaired ones, many more
could have been made."""
FLAG = 8
"""Symbols between two frames that share a flag; where there are more, all but that are `idle`."""
PATIENCE = 4096
"""Symbols within which the next frame has to end, to bear witness to one that stands alone."""

_Found = tuple[int, int, bytes, int, dict[str, Any]]  # start and stop, payload, symbols changed, addresses


@dataclass
class Ax25:
    """Find HDLC frames with a right checksum."""

    takes: ClassVar[tuple[Kind, ...]] = ("soft",)
    gives: ClassVar[Kind] = "frames"

    scrambler: str = parameter("none", "", "scrambler on the line", ("none", "g3ruh"))
    precoding: str = parameter("none", "", "NRZ-I once more, as UA01 has it", ("none", "nrz-i"))

    def open(self, stream: Stream) -> Stream:
        self.failures: Counter[str] = Counter()
        self._hdlc = HdlcReceiver(self.scrambler == "g3ruh", LONGEST, SHORTEST)
        self._counted = 0  # of its failures
        self._history = SymbolHistory(LONGEST * 10 + 64)
        self._once = DifferentialDecoder(mark=False) if self.precoding == "nrz-i" else None
        # what makes the last frame with a right checksum, when that was not enough by itself
        self._doubtful: _Found | None = None
        self._last = (-1, 1.0)  # end and chance of the last frame with a right checksum
        return Stream("frames", stream.rate, stream.clock, stream.frequency)

    def process(self, chunk: Chunk) -> list[Frame]:
        self._history.append(chunk)
        found = self._hdlc.process(self._once.process(chunk.items) if self._once else chunk.items)
        failed, self._counted = self._hdlc.crc_failures - self._counted, self._hdlc.crc_failures
        self.failures["crc"] += failed
        return self._frames(found)

    def close(self) -> list[Frame]:
        frames = self._frames(self._hdlc.flush())
        if self._doubtful is not None:
            self.failures["crc"] += 1
            self._doubtful = None
        return frames

    def _frames(self, found: list[tuple[bytes, int, int, int, int, int]]) -> list[Frame]:
        frames = []
        for payload, start, stop, idle, changed, trials in found:
            link = addresses(payload)
            # noise has the checksum right once in 2^16 for each change tried, and what else belongs to a frame as
            # seldom as its bits say
            chance = trials * 2.0 ** -(16 + min(idle, 64)) * ((37 / 256) ** 12 if link else 1)
            end, before = self._last
            shared = changed == 0 and start - end <= FLAG + idle
            if shared:
                chance *= before  # two right checksums about nothing but flags
            self._last = (stop, chance)
            doubtful, self._doubtful = self._doubtful, None
            if doubtful is not None and shared and chance <= FALSE_ALARM and stop - end <= PATIENCE:
                frames.append(self._make(*doubtful, chance))
            elif doubtful is not None:
                self.failures["crc"] += 1
            if chance > (FALSE_REPAIR if changed else FALSE_ALARM):
                if changed:
                    self.failures["crc"] += 1
                else:
                    self._doubtful = start, stop, payload, changed, link
                continue
            frames.append(self._make(start, stop, payload, changed, link, chance))
        return frames

    def _make(self, start: int, stop: int, payload: bytes, changed: int, link: dict[str, Any], chance: float) -> Frame:
        return self._history.frame(
            start,
            stop,
            payload,
            "AX.25 G3RUH" if self.scrambler == "g3ruh" else "AX.25",
            corrected=changed or None,
            integrity="crc",
            crc_ok=True,
            false_alarm=chance,
            link=link,
        )


def addresses(payload: bytes) -> dict[str, Any]:
    """Callsigns of an AX.25 frame, empty when the payload does not begin with well-formed addresses."""
    calls = []
    text = payload[:70].translate(CHARACTERS).decode("ascii")
    for i in range(6, len(text), 7):
        name, last = text[i - 6 : i].rstrip(" "), payload[i]
        if name and not name.isalnum():
            return {}
        ssid = last >> 1 & 15
        calls.append(f"{name}-{ssid}" if ssid else name)
        if last & 1:
            if len(calls) < 2:
                return {}
            return {"destination": calls[0], "source": calls[1], **({"via": calls[2:]} if calls[2:] else {})}
    return {}


stage = Ax25
