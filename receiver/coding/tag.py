"""A code word that says how long the frame is: the nearest of some."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..errors import short
from ..stage import required
from . import Block, Failed


@dataclass
class Tag:
    """Find the nearest tag, take it off, and cut the frame to its length."""

    bitwise: ClassVar[bool] = True
    sized: ClassVar[bool] = False

    words: dict[str, Any] = required("B", "length behind the tag, for each tag in hexadecimal digits")

    def __post_init__(self) -> None:
        try:
            words = [np.unpackbits(np.frombuffer(bytes.fromhex(word), np.uint8)) for word in self.words]
            self._words = 2 * np.stack(words).astype(np.float32) - 1
        except ValueError:
            raise ValueError(
                f"words is {short(self.words)}; it must give lengths for tags of as many hexadecimal digits each"
            ) from None
        if not all(isinstance(size, int) and size > 0 for size in self.words.values()):
            raise ValueError(f"words is {short(self.words)}; lengths must be whole numbers above 0")
        self._sizes = list(self.words.values())

    @property
    def header(self) -> int:
        """Bits of the tag."""
        return int(self._words.shape[1])

    def bits(self, block: Block) -> int:
        """Bits of the frame that begins with the block, its tag among them. Raises Failed when there are too few."""
        return self.header + 8 * int(self._sizes[self._nearest(block)])

    def _nearest(self, block: Block) -> int:
        if len(block.soft) < self.header:
            raise Failed("length")
        return int((self._words @ block.soft[: self.header]).argmax())

    def undo(self, block: Block) -> None:
        which, bits = self._nearest(block), self.bits(block)
        if bits > len(block.soft):
            raise Failed("length")
        wrong = int(np.count_nonzero((block.soft[: self.header] > 0) != (self._words[which] > 0)))
        near = len(self._sizes) * sum(math.comb(self.header, i) for i in range(wrong + 1)) / 2.0**self.header
        block.chance *= min(1.0, near)
        block.take(slice(self.header, bits))

    def rate(self) -> float:
        return 1.0

    def before(self, bits: int) -> int:
        return self.header + bits


stage = Tag
