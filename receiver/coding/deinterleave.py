"""Block interleaver: bits written into a matrix by rows and sent by columns, or sent in any other order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..errors import short
from ..stage import parameter
from . import Block, Failed


@dataclass
class Deinterleave:
    """Put bits back in their order, matrix by matrix."""

    bitwise: ClassVar[bool] = False
    sized: ClassVar[bool] = True

    rows: int = parameter(1, "", "of the matrix")
    columns: int = parameter(1, "", "of the matrix")
    order: list[Any] | None = parameter(
        None, "", "or what place, from 0 on, each unit belongs to, in the order in which they are sent"
    )
    unit: int = parameter(1, "bits", "that stay together")
    backwards: bool = parameter(False, "", "each matrix is sent last unit first")
    whole: bool = parameter(False, "", "one matrix of as many columns as the frame fills")

    def __post_init__(self) -> None:
        for name in ("rows", "columns", "unit"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be 1 or more")
        if self.order is None:
            return
        if self.rows > 1 or self.columns > 1 or self.whole:
            raise ValueError("deinterleave needs either rows and columns or order")
        if not self.order or not all(isinstance(place, int) for place in self.order):
            raise ValueError(f"order is {short(self.order)}; it must be a list of whole numbers")
        missing = set(range(len(self.order))) - set(self.order)
        if missing:
            raise ValueError(f"order has {len(self.order)} places, but not {min(missing)}; it must have each once")

    def undo(self, block: Block) -> None:
        bits = len(block.soft)
        columns = bits // (self.rows * self.unit) if self.whole else self.columns
        order = np.array(self.order or np.arange(self.rows * columns).reshape(self.rows, columns).T.ravel(), np.int64)
        units = np.argsort(order[::-1] if self.backwards else order)
        size = len(units) * self.unit
        matrices = bits // size if size else 0
        if not matrices:
            raise Failed("length")
        sent = np.arange(matrices * size).reshape(matrices, -1, self.unit)
        # what fills no matrix is sent as it is
        block.take(np.concatenate([sent[:, units].ravel(), np.arange(matrices * size, bits)]))

    def rate(self) -> float:
        return 1.0

    def before(self, bits: int) -> int:
        return bits


stage = Deinterleave
