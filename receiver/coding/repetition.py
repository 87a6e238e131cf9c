"""What is sent several times: copies are added up, and bear each other out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..stage import parameter
from . import Block, Failed
from ._words import weigh


@dataclass
class Repetition:
    """Make one of several copies; what fills none is left out."""

    sized: ClassVar[bool] = True

    times: int = parameter(3, "", "copies")
    whole: bool = parameter(False, "", "all is sent over and over, else each bit")

    def __post_init__(self) -> None:
        if not 2 <= self.times <= 64:
            raise ValueError(f"times is {self.times}; it must be 2 to 64")

    @property
    def bitwise(self) -> bool:
        """Whether the first bits come out without those behind them."""
        return not self.whole

    def undo(self, block: Block) -> None:
        count = len(block.soft) // self.times
        if not count:
            raise Failed("length")
        soft = block.soft[: count * self.times]
        copies = soft.reshape(self.times, count) if self.whole else soft.reshape(count, self.times).T
        total = copies.sum(axis=0)
        changed = (copies > 0) != (total > 0)
        line = total > 0
        if block.line is not None:
            there = changed if self.whole else changed.T
            line = (block.line[: len(soft)] > 0) ^ there.ravel()
        weigh(block, len(soft), int(np.count_nonzero(changed | (copies == 0))), count, line)
        block.changed(int(np.count_nonzero(changed)))
        block.soft, block.line = total, None

    def rate(self) -> float:
        return 1 / self.times

    def before(self, bits: int) -> int:
        return self.times * bits


stage = Repetition
