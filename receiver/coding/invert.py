"""Bits that are sent the other way round, in a pattern that repeats."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..stage import parameter
from . import Block


@dataclass
class Invert:
    """Turn bits over where a pattern has a 1."""

    bitwise: ClassVar[bool] = True
    sized: ClassVar[bool] = True

    pattern: str = parameter("1", "", "of 0 and 1, over and over; 01 turns every second bit")

    def __post_init__(self) -> None:
        if not self.pattern or set(self.pattern) - set("01"):
            raise ValueError(f"pattern is {self.pattern!r}; it must be bits, each 0 or 1")
        self._signs = np.float32(1) - 2 * np.array([int(bit) for bit in self.pattern], np.float32)

    def undo(self, block: Block) -> None:
        block.soft = block.soft * np.resize(self._signs, len(block.soft))

    def rate(self) -> float:
        return 1.0

    def before(self, bits: int) -> int:
        return bits


stage = Invert
