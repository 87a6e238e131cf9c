"""Bytes at either end that are not handed on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..stage import parameter
from . import Block, Failed


@dataclass
class Strip:
    """Leave out bytes at the beginning and at the end."""

    bitwise: ClassVar[bool] = False

    head: int = parameter(0, "B", "left out at the beginning")
    tail: int = parameter(0, "B", "left out at the end")

    def __post_init__(self) -> None:
        for name in ("head", "tail"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be 0 or more")

    def undo(self, block: Block) -> None:
        if len(block.soft) < 8 * (self.head + self.tail):
            raise Failed("length")
        block.soft = block.soft[8 * self.head : len(block.soft) - 8 * self.tail]

    def rate(self) -> float:
        return 1.0

    def before(self, bits: int) -> int:
        return bits + 8 * self.head


stage = Strip
