"""Order of the bits in a byte, turned round: for what is sent least significant bit first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from . import Block


@dataclass
class Reflect:
    """Turn the bits of each byte round."""

    bitwise: ClassVar[bool] = True
    sized: ClassVar[bool] = True

    def undo(self, block: Block) -> None:
        whole = len(block.soft) // 8 * 8
        block.take(np.arange(whole).reshape(-1, 8)[:, ::-1].ravel())

    def rate(self) -> float:
        return 1.0

    def before(self, bits: int) -> int:
        return (bits + 7) // 8 * 8


stage = Reflect
