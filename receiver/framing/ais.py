"""Messages of the Automatic Identification System, AIS, of ships, as satellites hear it and coast stations send it.

    | ramp up | training 0101… 24 bits | flag 01111110 | message | FCS 2 B | flag |

HDLC with NRZI (a 0 is a change), 9600 bit/s GMSK, a message in 1 to 5 slots of 256 bits. Recommendation ITU-R M.1371-5,
annex 2, sections 2 and 3; the types of messages and their lengths: annex 8.

There are no flags before the first and no addresses that must make sense, so that a message is known by its training
sequence and by its length, which must be one that its type has. As noise goes, the flags are there once in 2^8 each,
the FCS is right once in 2^16.

The payload is the message, its bits in order, the first of each byte in the most significant place: six of them at a
time are the letters of an AIVDM sentence (IEC 61162-1).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from dsp_ext.hdlc import HdlcReceiver

from ..stage import Chunk, Frame, Kind, Stream
from ._block import FALSE_ALARM, sync_chance
from ._symbols import SymbolHistory

TRAINING = 24
FLAG = 8
LENGTHS: dict[int, Sequence[int]] = {
    **dict.fromkeys((1, 2, 3, 4, 9, 11, 18, 22), (21,)),
    5: (53,),
    6: range(9, 127),
    **dict.fromkeys((7, 13), (9, 13, 17, 21)),
    8: range(5, 127),
    10: (9,),
    12: range(9, 127),
    14: range(5, 127),
    15: (11, 14, 20),
    16: (12, 18),
    17: range(10, 103),
    19: (39,),
    20: (9, 13, 17, 20),
    21: range(34, 46),
    23: (20,),
    24: (20, 21),
    25: range(5, 22),
    26: range(8, 134),
    27: (12,),
}
"""Bytes of the messages of each type; those that end within a byte are filled up (M.1371-5, annex 2, 3.2.2.1)."""
SHORTEST, LONGEST = 5 + 2, 133 + 2
"""Bytes in a frame, FCS included."""
SEQUENCE = np.resize([True, True, False, False], TRAINING)
"""The training sequence on the line, up to its polarity."""


@dataclass
class Ais:
    """Find AIS messages."""

    takes: ClassVar[tuple[Kind, ...]] = ("soft",)
    gives: ClassVar[Kind] = "frames"

    def open(self, stream: Stream) -> Stream:
        self.failures: Counter[str] = Counter()
        self._hdlc = HdlcReceiver(False, LONGEST, SHORTEST, training=TRAINING)
        self._counted = 0  # of its failures
        self._history = SymbolHistory(LONGEST * 10 + 128)
        return Stream("frames", stream.rate, stream.clock, stream.frequency)

    def process(self, chunk: Chunk) -> list[Frame]:
        self._history.append(chunk)
        found = self._hdlc.process(chunk.items)
        failed, self._counted = self._hdlc.crc_failures - self._counted, self._hdlc.crc_failures
        self.failures["crc"] += failed
        return self._frames(found)

    def close(self) -> list[Frame]:
        return self._frames(self._hdlc.flush())

    def _frames(self, found: list[tuple[bytes, int, int, int, int, int]]) -> list[Frame]:
        frames = []
        for payload, start, stop, _, changed, trials in found:
            kind = payload[0] >> 2
            lengths = LENGTHS.get(kind, ())
            if len(payload) not in lengths:
                self.failures["length"] += 1
                continue
            errors = self._untrained(start - FLAG)
            # a flag before and behind, the FCS, one of the types, and as many lengths as this one has
            chance = trials * 2.0 ** -(FLAG + FLAG + 16 + 6) * len(LENGTHS) * len(lengths)
            chance *= sync_chance(errors, TRAINING)
            if chance > FALSE_ALARM:
                self.failures["sync"] += 1
                continue
            frames.append(
                self._history.frame(
                    start,
                    stop,
                    payload,
                    "AIS",
                    sync_errors=errors,
                    corrected=changed or None,
                    integrity="crc",
                    crc_ok=True,
                    false_alarm=chance,
                    link={"source": f"{int.from_bytes(payload[1:5], 'big') >> 2:09d}", "type": kind},
                )
            )
        return frames

    def _untrained(self, stop: int) -> int:
        """Wrong symbols of the training sequence that ends there; as far as it was before the beginning, all."""
        start = max(stop - TRAINING, 0)
        sent = self._history.soft(start, stop) > 0
        same = int(np.count_nonzero(sent == SEQUENCE[TRAINING - len(sent) :]))
        return TRAINING - max(same, len(sent) - same)


stage = Ais
