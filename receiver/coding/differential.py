"""Differential coding inside a frame: a bit says whether the line changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..stage import parameter
from . import Block


@dataclass
class Differential:
    """Compare each bit with the one before; a 0 stands before the first."""

    bitwise: ClassVar[bool] = True
    sized: ClassVar[bool] = True

    rule: str = parameter(
        "nrz-i", "", "nrz-i, also called nrz-s: no change is a 1; nrz-m: a change is a 1", ("nrz-i", "nrz-m", "nrz-s")
    )

    def undo(self, block: Block) -> None:
        x = block.soft
        before = np.concatenate([np.full(1, -np.inf, np.float32), x[:-1]])
        changed = np.where((x > 0) != (before > 0), 1, -1).astype(np.float32)
        sure = np.minimum(np.abs(x), np.abs(before))
        block.soft = changed * sure if self.rule == "nrz-m" else -changed * sure

    def rate(self) -> float:
        return 1.0

    def before(self, bits: int) -> int:
        return bits


stage = Differential
