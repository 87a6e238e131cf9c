"""Bytes in the middle that are not handed on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..stage import parameter, required
from . import Block, Failed


@dataclass
class Cut:
    """Leave out bytes somewhere inside."""

    bitwise: ClassVar[bool] = False
    sized: ClassVar[bool] = True

    at: int = required("B", "where the first of them is")
    bytes: int = parameter(1, "B", "left out")

    def __post_init__(self) -> None:
        if self.at < 0 or self.bytes < 1:
            raise ValueError(f"at is {self.at}, bytes {self.bytes}; they must be 0 or more, and 1 or more")

    def undo(self, block: Block) -> None:
        at, size = 8 * self.at, 8 * self.bytes
        if len(block.soft) < at + size:
            raise Failed("length")
        block.take(np.delete(np.arange(len(block.soft)), slice(at, at + size)))

    def rate(self) -> float:
        return 1.0

    def before(self, bits: int) -> int:
        return bits + 8 * self.bytes


stage = Cut
