"""Filling at the end, of which a field says how much there is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..stage import parameter
from . import Block, Failed


@dataclass
class Padding:
    """Take the filling off."""

    bitwise: ClassVar[bool] = False
    sized: ClassVar[bool] = False

    at: int = parameter(0, "B", "where the field is")
    mask: int = parameter(0xFF, "", "its bits in that byte, the lowest among them")

    def __post_init__(self) -> None:
        if self.at < 0 or not 0 < self.mask < 256:
            raise ValueError(f"at is {self.at}, mask {self.mask:#x}; they must be 0 or more, and some bits of a byte")

    def undo(self, block: Block) -> None:
        data = block.data
        if len(data) <= self.at:
            raise Failed("length")
        left = len(data) - (int(data[self.at]) & self.mask)
        if left <= self.at:
            raise Failed("length")
        block.take(slice(8 * left))

    def rate(self) -> float:
        return 1.0

    def before(self, bits: int) -> int:
        return bits


stage = Padding
