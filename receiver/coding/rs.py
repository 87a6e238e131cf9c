"""Reed-Solomon code over GF(256), shortened as far as the frame is, one word or several interleaved byte by byte.

CCSDS    x^8 + x^7 + x^2 + x + 1, roots a^(11 j), j = 112 to 143, in the dual basis: CCSDS 131.0-B, section 4
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from dsp_ext.reedsolomon import FROM_DUAL, TO_DUAL, ReedSolomon

from ..errors import short
from ..framing._block import Corrected, correct, reliability, repeats, weak_flips
from ..stage import parameter
from . import Block, Failed

LARGEST_WORD_CHANCE = 1e-7
"""Of one word of several; the frame as a whole must be under its limit."""


@dataclass
class Rs:
    """Correct the frame and take the parity off."""

    bitwise: ClassVar[bool] = False

    basis: str = parameter("dual", "", "how symbols are written", ("dual", "conventional"))
    interleaving: int = parameter(1, "", "words that make up a frame")
    parity: int = parameter(32, "B", "of a word")
    parities: dict[str, Any] | None = parameter(None, "B", "parity of words of certain lengths, where it is another")
    polynomial: int = parameter(0x187, "", "of the field, x^8 and all below it")
    first: int = parameter(112, "", "exponent of the first root")
    step: int = parameter(11, "", "from one root's exponent to the next")

    def __post_init__(self) -> None:
        if not 1 <= self.interleaving <= 16:
            raise ValueError(f"interleaving is {self.interleaving}; it must be 1 to 16")
        if not 2 <= self.parity <= 64:
            raise ValueError(f"parity is {self.parity}; it must be 2 to 64 B")
        table = self.parities or {}
        if not all(k.isdigit() and isinstance(v, int) and 2 <= v <= 64 for k, v in table.items()):
            raise ValueError(f"parities is {short(table)}; it must give 2 to 64 B for some lengths of words")
        if not 0x100 < self.polynomial < 0x200:
            raise ValueError(f"polynomial is {short(self.polynomial)}; it must be of degree 8, such as 0x187")
        if not (0 <= self.first < 255 and 0 < self.step < 255):
            raise ValueError(
                f"first is {short(self.first)} and step is {short(self.step)}; they must be 0 to 254 and 1 to 254"
            )
        self._codes = {
            int(size): ReedSolomon(parity, self.polynomial, self.first, self.step)
            for size, parity in {**table, "0": self.parity}.items()
        }

    def undo(self, block: Block) -> None:
        depth = self.interleaving
        received = block.data
        code = self._codes.get(len(received) // depth, self._codes[0])
        if len(received) % depth or not code.parity < len(received) // depth <= 255:
            raise Failed("length")
        sent, dual = received, self.basis == "dual"
        received = FROM_DUAL[received] if dual else received.copy()
        words: list[Corrected] = []
        chance = block.chance
        for i in range(depth):
            sureness = flips = None
            if not block.decided:
                symbols = block.soft[: 8 * len(received)].reshape(-1, 8)[i::depth].ravel()
                sureness = reliability(symbols)
                flips = weak_flips(symbols, 0, len(symbols))
                flips = FROM_DUAL[flips] if dual else flips
            largest = block.limit / block.chance if depth == 1 else LARGEST_WORD_CHANCE
            word = correct(np.ascontiguousarray(received[i::depth]), sureness, largest, flips, code)
            if word is None:
                raise Failed("fec")
            words.append(word)
            received[i::depth] = word.word
            chance *= word.chance
        received = TO_DUAL[received] if dual else received
        # a pattern over and over is a word of most cyclic codes: what a carrier makes would pass for a frame
        line = sent if block.line is None else np.packbits(block.line[: 8 * len(sent)] > 0)
        if chance > block.limit or repeats(line ^ sent ^ received):
            raise Failed("fec")
        block.changed(sum(word.corrected for word in words))
        block.chance, block.integrity = chance, "rs"
        block.decide(received)
        block.soft = block.soft[: 8 * (len(received) - depth * code.parity)]

    def rate(self) -> float:
        return (255 - self.parity) / 255

    def before(self, bits: int) -> int:
        return bits


stage = Rs
