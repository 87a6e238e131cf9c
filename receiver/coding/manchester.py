"""Manchester code inside a frame: a bit is two symbols that differ, which bears the frame out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..stage import parameter
from . import Block, Failed
from ._words import weigh


@dataclass
class Manchester:
    """Make bits of pairs of symbols."""

    bitwise: ClassVar[bool] = True
    sized: ClassVar[bool] = True

    one: str = parameter("10", "", "symbols of a 1: 10 by G. E. Thomas, 01 by IEEE 802.3", ("10", "01"))

    def undo(self, block: Block) -> None:
        count = len(block.soft) // 2
        if not count:
            raise Failed("length")
        first, second = block.soft[: 2 * count].reshape(count, 2).T
        block.soft, block.line = first - second if self.one == "10" else second - first, None
        alike = int(np.count_nonzero(np.sign(first) * np.sign(second) >= 0))
        weigh(block, count, alike, 0, block.soft > 0)

    def rate(self) -> float:
        return 0.5

    def before(self, bits: int) -> int:
        return 2 * bits


stage = Manchester
