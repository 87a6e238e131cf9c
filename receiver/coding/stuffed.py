"""Bit stuffing of HDLC (ISO/IEC 13239): a 0 behind five 1s, and frames between flags 01111110."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..stage import parameter
from . import Block, Failed

FLAG = "01111110"
SHORTEST = 24
"""Bits of a frame."""


@dataclass
class Stuffed:
    """Take stuffed bits out, and what is behind the next flag off."""

    bitwise: ClassVar[bool] = False
    sized: ClassVar[bool] = False

    flags: bool = parameter(True, "", "the frame ends with a flag; more may stand before it")

    def undo(self, block: Block) -> None:
        bits = "".join("1" if bit else "0" for bit in (block.soft > 0).tolist())
        start, stop = 0, len(bits)
        if self.flags:
            # a flag that is nearer than the shortest frame leads
            while (stop := bits.find(FLAG, start)) >= 0 and stop < start + SHORTEST:
                start = stop + len(FLAG)
            if stop < 0:
                raise Failed("length")
        kept: list[int] = []
        run = 0
        for i in range(start, stop):
            if run == 5:
                if bits[i] == "1":
                    raise Failed("length")
                run = 0
                continue
            run = run + 1 if bits[i] == "1" else 0
            kept.append(i)
        block.take(np.array(kept, np.int64))

    def rate(self) -> float:
        return 1.0

    def before(self, bits: int) -> int:
        return bits


stage = Stuffed
