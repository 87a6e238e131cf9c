"""Frames of LilacSat-1: pieces of a KISS stream, with Codec2 voice between, coded as CCSDS's without Reed-Solomon.

    | 1A CF FC 1D, data 13 B | voice 7 B | data 17 B | voice 7 B | … |    120 B, scrambled behind the sync word

Differential and convolutional coding as CCSDS 131.0-B, section 3, has it. The 81 bytes of data are handed on.
Described in D. Estevez, "Codec2 in LilacSat-1" (2017).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import ClassVar

from ..stage import Chunk, Frame, Kind, Stream
from .ccsds import Ccsds

SYNC, SIZE = 4, 120
"""Bytes of the sync word, and of a frame with it."""
PERIOD, DATA = 24, 17
"""Bytes from one piece of data to the next, and those of data in it."""


@dataclass
class LilacSat1:
    """Find frames of LilacSat-1."""

    takes: ClassVar[tuple[Kind, ...]] = ("soft",)
    gives: ClassVar[Kind] = "frames"

    def open(self, stream: Stream) -> Stream:
        self._frames = Ccsds(frame_size=SIZE - SYNC, rs=False, convolutional="CCSDS", precoding="differential")
        return self._frames.open(stream)

    @property
    def failures(self) -> Counter[str]:
        """Why candidates were no frames."""
        return self._frames.failures

    def process(self, chunk: Chunk) -> list[Frame]:
        return [_data(frame) for frame in self._frames.process(chunk)]

    def close(self) -> list[Frame]:
        return [_data(frame) for frame in self._frames.close()]


def _data(frame: Frame) -> Frame:
    kept = bytes(frame.payload[place - SYNC] for place in range(SYNC, SIZE) if place % PERIOD < DATA)
    return frame.but(payload=kept, framing="LilacSat-1")


stage = LilacSat1
