"""Characters as a UART sends them, 8N1: start bit 0, eight bits, stop bit 1. The bits between bear the frame out."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..stage import parameter
from . import Block, Failed

BITS = 10


@dataclass
class Uart:
    """Take start and stop bits off."""

    bitwise: ClassVar[bool] = True
    sized: ClassVar[bool] = True

    lsb_first: bool = parameter(False, "", "least significant bit first, as a UART has it")
    tolerance: float = parameter(0.1, "", "part of start and stop bits that may be wrong")

    def __post_init__(self) -> None:
        if not 0 <= self.tolerance < 0.5:
            raise ValueError(f"tolerance is {self.tolerance:g}; it must be 0 or more, and under 0.5")

    def undo(self, block: Block) -> None:
        characters = block.soft[: len(block.soft) // BITS * BITS].reshape(-1, BITS)
        if not len(characters):
            raise Failed("length")
        checked = 2 * len(characters)
        wrong = int(np.count_nonzero(characters[:, 0] > 0) + np.count_nonzero(characters[:, -1] <= 0))
        if wrong > self.tolerance * checked:
            raise Failed("sync")
        block.chance *= sum(math.comb(checked, i) for i in range(wrong + 1)) / 2.0**checked
        places = np.arange(characters.size).reshape(-1, BITS)[:, 1:-1]
        block.take((places[:, ::-1] if self.lsb_first else places).ravel())

    def rate(self) -> float:
        return 0.8

    def before(self, bits: int) -> int:
        return BITS * ((bits + 7) // 8)


stage = Uart
