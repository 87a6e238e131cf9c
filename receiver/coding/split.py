"""Several frames behind one sync word."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from ..stage import parameter, required
from . import Block, Failed


@dataclass
class Split:
    """Take a block apart into frames of one length; what is too short at the end is left out."""

    bitwise: ClassVar[bool] = False
    sized: ClassVar[bool] = False

    size: int = required("B", "of each")
    head: int = parameter(0, "B", "before the first")

    def __post_init__(self) -> None:
        if self.size < 1 or self.head < 0:
            raise ValueError(f"size is {self.size}, head {self.head}; they must be 1 or more, and 0 or more")

    def undo(self, block: Block) -> list[Block]:
        size = 8 * self.size
        starts = range(8 * self.head, len(block.soft) - size + 1, size)
        if not starts:
            raise Failed("length")
        parts = []
        for i in starts:
            part = replace(block, first=block.first + i, symbols=size, link=dict(block.link))
            part.take(slice(i, i + size))
            parts.append(part)
        return parts

    def rate(self) -> float:
        return 1.0

    def before(self, bits: int) -> int:
        return bits + 8 * self.head


stage = Split
