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
    sized: ClassVar[bool] = True

    head: float = parameter(0.0, "B", "left out at the beginning; bits as fractions")
    tail: float = parameter(0.0, "B", "left out at the end")
    sent: str = parameter("", "", "what a transmitter puts at the beginning, in hexadecimal digits; none: zeros")

    def __post_init__(self) -> None:
        for name in ("head", "tail"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name):g}; it must be 0 or more")
        self._head, self._tail = round(8 * self.head), round(8 * self.tail)

    def undo(self, block: Block) -> None:
        if len(block.soft) < self._head + self._tail:
            raise Failed("length")
        block.take(slice(self._head, len(block.soft) - self._tail))

    def rate(self) -> float:
        return 1.0

    def before(self, bits: int) -> int:
        return bits + self._head


stage = Strip
