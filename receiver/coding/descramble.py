"""Self-synchronising (multiplicative) scrambler inside a frame, begun anew with each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..stage import parameter, required
from . import Block


@dataclass
class Descramble:
    """Add up bits that were sent some places before."""

    bitwise: ClassVar[bool] = True
    sized: ClassVar[bool] = True

    taps: list[Any] = required("bits", "distances back of the bits that are added to each, such as [12, 17]")
    seed: str = parameter("", "", "bits that stand before the first, the last of them next to it; none: zeros")
    start: int = parameter(0, "B", "where it begins")
    per_byte: int = parameter(8, "bits", "of each byte that are scrambled, from the most significant on")

    def __post_init__(self) -> None:
        if not self.taps or not all(isinstance(tap, int) and 1 <= tap <= 64 for tap in self.taps):
            raise ValueError(f"taps is {self.taps}; it must be a list of whole numbers from 1 to 64")
        reach = max(self.taps)
        if set(self.seed) - set("01") or len(self.seed) not in (0, reach):
            raise ValueError(f"seed is {self.seed!r}; it must be {reach} bits, each 0 or 1")
        if self.start < 0 or not 1 <= self.per_byte <= 8:
            raise ValueError(f"start is {self.start}, per_byte {self.per_byte}; they must be 0 or more, and 1 to 8")
        self._before = 2 * np.array([int(bit) for bit in self.seed or "0" * reach], np.float32) - 1

    def undo(self, block: Block) -> None:
        soft = block.soft.copy()
        body = soft[8 * self.start :]
        chosen = np.arange(len(body)) % 8 < self.per_byte
        x = np.concatenate([self._before * np.float32(np.inf), body[chosen]])
        n, reach = len(x) - len(self._before), len(self._before)
        parts = np.stack([x[reach - tap : reach - tap + n] for tap in [0, *self.taps]])
        # a sum modulo 2 is as sure as the least sure of its parts
        signs = np.prod(np.where(parts > 0, 1, -1), axis=0) * (-1) ** (len(parts) - 1)
        body[chosen] = signs * np.abs(parts).min(axis=0)
        block.soft = soft

    def rate(self) -> float:
        return 1.0

    def before(self, bits: int) -> int:
        return bits


stage = Descramble
