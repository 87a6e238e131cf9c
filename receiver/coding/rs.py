"""Reed-Solomon code over GF(2^m), shortened as far as the frame is, one word or several interleaved by symbols.

The degree m of the field's `polynomial` is the number of bits of a symbol, 3 to 16; symbols are packed most significant
bit first, without gaps.

CCSDS    x^8 + x^7 + x^2 + x + 1, roots a^(11 j), j = 112 to 143, in the dual basis: CCSDS 131.0-B, section 4
P25      polynomial 0x43, first 1, step 1; parity 8, 12 or 16: TIA-102.BAAA
JT65     polynomial 0x43, first 3, step 1, parity 51
Aztec    polynomials 0x13, 0x43, 0x12D, 0x409 and 0x1069, first 1, step 1: ISO/IEC 24778

One symbol of parity would correct nothing: with first 0 it is the exclusive or of all, of bytes the checksum of `crc`
with width 8 and polynomial 1. The field's polynomial must be primitive, as it is in all protocols that are known here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from dsp_ext.galois import MOST_PARITY, GaloisReedSolomon
from dsp_ext.reedsolomon import FROM_DUAL, TO_DUAL, ReedSolomon

from ..errors import short
from ..framing._block import Corrected, correct, pack, reliability, unpack, weak_flips, word_chance
from ..stage import parameter
from . import Block, Failed
from ._words import repeats

LARGEST_WORD_CHANCE = 1e-7
"""Of one word of several; the frame as a whole must be under its limit."""
WEAK_WORD_CHANCE = 1e-2
"""The same, where all errors that a word bears leave more than that, and there is no checksum."""
LEAST_CHANCE = 1e-300
"""Less is not told apart from none."""
DUAL_FIELD = 0x187
FAST_PARITY = 64
"""Symbols of parity up to which GF(256) has a kernel of its own."""


@dataclass
class Rs:
    """Correct the frame and take the parity off."""

    bitwise: ClassVar[bool] = False
    sized: ClassVar[bool] = True

    basis: str | None = parameter(
        None,
        "",
        "how symbols are written; none: dual where the polynomial is 0x187, else conventional",
        ("dual", "conventional"),
    )
    interleaving: int = parameter(1, "", "words that make up a frame")
    parity: int = parameter(32, "symbols", "of a word")
    parities: dict[str, Any] | None = parameter(
        None, "symbols", "parity of words of certain lengths, where it is another"
    )
    polynomial: int = parameter(0x187, "", "of the field, x^m and all below it; symbols have m bits, 3 to 16")
    first: int = parameter(112, "", "exponent of the first root")
    step: int = parameter(11, "", "from one root's exponent to the next")

    def __post_init__(self) -> None:
        if not 1 <= self.interleaving <= 16:
            raise ValueError(f"interleaving is {self.interleaving}; it must be 1 to 16")
        if not 1 << 3 < self.polynomial < 1 << 17:
            raise ValueError(f"polynomial is {short(self.polynomial)}; it must be of degree 3 to 16, such as 0x187")
        self.width = self.polynomial.bit_length() - 1
        """Bits of a symbol."""
        self._longest = (1 << self.width) - 1
        most = min(MOST_PARITY, self._longest - 1)
        if not 2 <= self.parity <= most:
            raise ValueError(f"parity is {self.parity}; it must be 2 to {most} symbols of {self.width} bits")
        table = self.parities or {}
        if not all(k.isdigit() and isinstance(v, int) and 2 <= v <= most for k, v in table.items()):
            raise ValueError(f"parities is {short(table)}; it must give 2 to {most} symbols for some lengths of words")
        if not (0 <= self.first < self._longest and 0 < self.step < self._longest):
            raise ValueError(
                f"first is {short(self.first)} and step is {short(self.step)}; they must be 0 to {self._longest - 1} "
                f"and 1 to {self._longest - 1}"
            )
        if math.gcd(self.step, self._longest) > 1:
            raise ValueError(f"step is {self.step}; it must have no divisor in common with {self._longest}")
        if self.basis == "dual" and self.polynomial != DUAL_FIELD:
            raise ValueError(f"basis is 'dual'; of polynomial {self.polynomial:#x} there is only the conventional one")
        self._dual = self.polynomial == DUAL_FIELD and self.basis != "conventional"
        parities = {**{int(size): parity for size, parity in table.items()}, 0: self.parity}
        fast = self.width == 8 and max(parities.values()) <= FAST_PARITY
        made = ReedSolomon if fast else GaloisReedSolomon
        self._dtype = np.uint8 if fast else np.uint16
        rule = (self.polynomial, self.first, self.step)
        try:
            self._codes = {size: made(parity, *rule) for size, parity in parities.items()}
        except ValueError:  # all else has been looked at
            raise ValueError(
                f"polynomial is {self.polynomial:#x}; it must be primitive: the powers of x must be all "
                f"{self._longest} symbols but zero"
            ) from None

    def undo(self, block: Block) -> None:
        depth, width = self.interleaving, self.width
        size, rest = divmod(len(block.soft) // width, depth)
        code = self._codes.get(size, self._codes[0])
        if rest or not code.parity < size <= self._longest:
            raise Failed("length")
        block.take(slice(0, size * depth * width))
        sent = block.soft > 0
        received = pack(sent, width)
        received = (FROM_DUAL[received] if self._dual else received).astype(self._dtype)
        limit = block.limit / block.ahead
        largest = limit / block.chance if depth == 1 else LARGEST_WORD_CHANCE
        if depth > 1 and word_chance(size, code.parity // 2, 0, code.parity, width) > LARGEST_WORD_CHANCE:
            largest = WEAK_WORD_CHANCE if block.ahead == 1 else 1.0
        words: list[Corrected] = []
        for i in range(depth):
            sureness = flips = None
            if not block.decided:
                symbols = block.soft.reshape(-1, width)[i::depth].ravel()
                sureness = reliability(symbols, width)
                flips = weak_flips(symbols, 0, len(symbols), width=width)
                flips = (FROM_DUAL[flips] if self._dual else flips).astype(self._dtype)
            word = correct(np.ascontiguousarray(received[i::depth]), sureness, largest, flips, code)
            if word is None:
                raise Failed("fec")
            words.append(word)
            received[i::depth] = word.word
        received = TO_DUAL[received] if self._dual else received
        bits = unpack(received, width)
        chance = max(LEAST_CHANCE, block.chance * _jointly([word.chance for word in words]))
        # a pattern over and over is a word of most cyclic codes: what a carrier makes would pass for a frame
        line = sent if block.line is None else block.line > 0
        if chance > limit or repeats(line ^ sent ^ (bits > 0)):
            raise Failed("fec")
        block.changed(sum(word.corrected for word in words))
        block.chance, block.integrity = chance, "rs"
        block.decide(bits)
        block.soft = block.soft[: width * depth * (size - code.parity)]

    def rate(self) -> float:
        return (self._longest - self.parity) / self._longest

    def before(self, bits: int) -> int:
        return bits


def _jointly(chances: Sequence[float]) -> float:
    """Bound of the probability that independent words of noise are, by the product, as good as these.

    The product of n numbers that are evenly distributed is under p with the probability p sum_k<n (-ln p)^k / k!
    (R. A. Fisher, "Statistical methods for research workers", 1932, section 21.1).
    """
    logarithm = -sum(math.log(max(LEAST_CHANCE, chance)) for chance in chances)
    return min(1.0, math.exp(-logarithm) * sum(logarithm**k / math.factorial(k) for k in range(len(chances))))


stage = Rs
