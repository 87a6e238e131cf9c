"""AX.25's addresses at the beginning (AX.25 2.2, section 3.12): who calls whom, and that this is a frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..framing.ax25 import addresses
from . import Block, Failed

CHANCE = (37 / 256) ** 12
"""Of 12 random bytes to be letters, digits or blanks."""


@dataclass
class Addresses:
    """Demand well-formed addresses and note them."""

    bitwise: ClassVar[bool] = False
    sized: ClassVar[bool] = True

    def undo(self, block: Block) -> None:
        link = addresses(block.data.tobytes())
        if not link:
            raise Failed("sync")
        block.link, block.chance = link, block.chance * CHANCE

    def rate(self) -> float:
        return 1.0

    def before(self, bits: int) -> int:
        return bits


stage = Addresses
