"""Block interleaver: bits written into a matrix by rows and sent by columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..stage import parameter
from . import Block, Failed


@dataclass
class Deinterleave:
    """Put bits back in their order, matrix by matrix."""

    bitwise: ClassVar[bool] = False
    sized: ClassVar[bool] = True

    rows: int = parameter(1, "", "of the matrix")
    columns: int = parameter(1, "", "of the matrix")
    unit: int = parameter(1, "bits", "that stay together")
    backwards: bool = parameter(False, "", "each matrix is sent last unit first")
    whole: bool = parameter(False, "", "one matrix of as many columns as the frame fills")

    def __post_init__(self) -> None:
        for name in ("rows", "columns", "unit"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be 1 or more")

    def undo(self, block: Block) -> None:
        columns = len(block.soft) // (self.rows * self.unit) if self.whole else self.columns
        size = self.rows * columns * self.unit
        matrices = len(block.soft) // size if size else 0
        if not matrices:
            raise Failed("length")
        places = np.arange(len(block.soft))
        sent = places[: matrices * size].reshape(matrices, columns, self.rows, self.unit)
        if self.backwards:
            sent = sent[:, ::-1, ::-1]
        # what fills no matrix is sent as it is
        block.take(np.concatenate([sent.swapaxes(1, 2).ravel(), places[matrices * size :]]))

    def rate(self) -> float:
        return 1.0

    def before(self, bits: int) -> int:
        return bits


stage = Deinterleave
