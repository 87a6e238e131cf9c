"""Bytes that are the same in every frame: they bear out that this is one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..stage import parameter, required
from . import Block, Failed


@dataclass
class Constant:
    """Compare bytes with what they are known to be."""

    bitwise: ClassVar[bool] = True
    sized: ClassVar[bool] = True

    value: str = required("", "the bytes, in hexadecimal digits")
    at: int = parameter(0, "B", "where they are")
    tolerance: int = parameter(0, "bits", "wrong ones")

    def __post_init__(self) -> None:
        try:
            self._bits = np.unpackbits(np.frombuffer(bytes.fromhex(self.value), np.uint8))
        except ValueError:
            raise ValueError(f"value is {self.value!r}; it must be pairs of hexadecimal digits") from None
        if self.at < 0 or not 0 <= self.tolerance < max(1, len(self._bits)):
            raise ValueError(f"at is {self.at}, tolerance {self.tolerance}; they must be 0 or more, and under the bits")

    def undo(self, block: Block) -> None:
        found = block.soft[8 * self.at : 8 * self.at + len(self._bits)] > 0
        if len(found) < len(self._bits):
            raise Failed("length")
        wrong = int(np.count_nonzero(found != self._bits))
        if wrong > self.tolerance:
            raise Failed("sync")
        block.chance *= sum(math.comb(len(self._bits), i) for i in range(wrong + 1)) / 2.0 ** len(self._bits)

    def rate(self) -> float:
        return 1.0

    def before(self, bits: int) -> int:
        return max(bits, 8 * self.at + len(self._bits))


stage = Constant
