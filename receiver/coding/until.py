"""A mark behind the frame; what lies behind the first is cut off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..stage import required
from . import Block, Failed


@dataclass
class Until:
    """End the frame at a mark."""

    bitwise: ClassVar[bool] = False
    sized: ClassVar[bool] = False

    mark: str = required("", "bytes, in hexadecimal digits")

    def __post_init__(self) -> None:
        try:
            self._mark = bytes.fromhex(self.mark)
        except ValueError:
            raise ValueError(f"mark is {self.mark!r}; it must be pairs of hexadecimal digits") from None

    def undo(self, block: Block) -> None:
        end = block.data.tobytes().find(self._mark)
        if end < 1:
            raise Failed("length")
        block.take(slice(8 * end))
        block.symbols = 8 * end

    def rate(self) -> float:
        return 1.0

    def before(self, bits: int) -> int:
        return bits


stage = Until
