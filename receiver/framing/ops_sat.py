"""Frames of OPS-SAT: a Reed-Solomon word, scrambled, as the information of an AX.25 frame in G3RUH's line code.

    flag | addresses, control, PID 16 B | data and Reed-Solomon parity 32 B, scrambled | FCS 2 B | flag

Scrambler and code are those of CCSDS 131.0-B, in the conventional basis. Only frames whose FCS is right, or can be
repaired, are looked at.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..stage import Chunk, Frame, Kind, Stream
from ._block import PARITY, ccsds_randomiser, correct
from .ax25 import Ax25

HEADER = 16


@dataclass
class OpsSat:
    """Find frames of OPS-SAT."""

    takes: ClassVar[tuple[Kind, ...]] = ("soft",)
    gives: ClassVar[Kind] = "frames"

    def open(self, stream: Stream) -> Stream:
        self._outer = Ax25(scrambler="g3ruh")
        return self._outer.open(stream)

    @property
    def failures(self) -> Counter[str]:
        """Why candidates were no frames."""
        return self._outer.failures

    def process(self, chunk: Chunk) -> list[Frame]:
        return self._inner(self._outer.process(chunk))

    def close(self) -> list[Frame]:
        return self._inner(self._outer.close())

    def _inner(self, frames: list[Frame]) -> list[Frame]:
        made = []
        for frame in frames:
            data = np.frombuffer(frame.payload, np.uint8)[HEADER:]
            word = None
            if PARITY < len(data) <= 255:
                word = correct(data ^ ccsds_randomiser(len(data)))
            if word is None:
                self.failures["fec"] += 1
                continue
            changed = (frame.corrected or 0) + word.corrected
            payload = word.word[:-PARITY].tobytes()
            made.append(frame.but(payload=payload, framing="OPS-SAT", corrected=changed))
        return made


stage = OpsSat
