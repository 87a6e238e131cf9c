"""Order of the bits in a byte, turned round: for what is sent least significant bit first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..stage import parameter
from . import Block


@dataclass
class Reflect:
    """Turn the bits of each byte round."""

    bitwise: ClassVar[bool] = True
    sized: ClassVar[bool] = True

    start: int = parameter(0, "B", "the first that is turned")

    def __post_init__(self) -> None:
        if self.start < 0:
            raise ValueError(f"start is {self.start}; it must be 0 or more")

    def undo(self, block: Block) -> None:
        places = np.arange(len(block.soft) // 8 * 8).reshape(-1, 8)
        block.take(np.concatenate([places[: self.start], places[self.start :, ::-1]]).ravel())

    def rate(self) -> float:
        return 1.0

    def before(self, bits: int) -> int:
        return (bits + 7) // 8 * 8


stage = Reflect
