"""Binary BCH code, and any cyclic code by its generator: words of data, then parity, decoded softly.

    | data k bits, x^(n-1) first | parity n - k bits, down to x^0 | parity of all, 1 bit, where extended |

R. C. Bose and D. K. Ray-Chaudhuri, "On a class of error correcting binary group codes", 1960: the generator has the
roots a, a^2, … a^(2 t). Words may be shortened: the bits that are left out stand before the data, and are zero.

    BCH(31,21)     t = 2, generator 0x769; extended to 32 bits in POCSAG (ITU-R M.584)
    BCH(63,56)     polynomial 0xC5, in the telecommands of CCSDS 231.0-B, which invert the parity
    Golay (23,12)  polynomial 0xC75 or 0xAE3, its mirror image
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsp_ext.galois import MOST_PARITY, GaloisReedSolomon

from ..errors import short
from ..stage import parameter, required
from . import Block
from ._words import FEW, LARGEST, Words, WordStep
from .ra import log_ball

PRIMITIVE = {2: 0x7, 3: 0xB, 4: 0x13, 5: 0x25, 6: 0x43, 7: 0x89, 8: 0x11D, 9: 0x211, 10: 0x409}
"""Least primitive polynomial of each degree (W. W. Peterson, "Error-correcting codes", 1961, appendix C)."""

LONGEST = 1023
"""Bits of a word."""
NEAR = 4
"""Codes that are named in the place of one that there is not."""


@dataclass
class Bch(WordStep):
    """Correct words and take their parity off."""

    n: int = required("bits", "of a word, without the parity of all; up to 1023")
    k: int | None = parameter(None, "bits", "of data in a word")
    t: int | None = parameter(None, "bits", "wrong ones that any word bears; either k, t or polynomial says which code")
    polynomial: int | None = parameter(None, "", "generator with its leading term, such as 0x769")
    field: int | None = parameter(None, "", "primitive polynomial of the field, such as 0x25; none: the least one")
    extended: bool = parameter(False, "", "a bit behind makes the number of ones even")
    parity_first: bool = parameter(False, "", "parity is sent before the data")
    backwards: bool = parameter(False, "", "each word is sent last bit first")
    inverted_parity: bool = parameter(False, "", "parity, but not that of all, is sent as its complement")
    words: int = parameter(0, "", "at the beginning, behind which all is sent as it is; 0: all are")

    def __post_init__(self) -> None:
        if not 3 <= self.n <= LONGEST:
            raise ValueError(f"n is {short(self.n)}; it must be 3 to {LONGEST} bits")
        degree = self.n.bit_length()
        self._field = PRIMITIVE[degree] if self.field is None else self.field
        if self._field.bit_length() != degree + 1 or len(_powers(self._field)) != (1 << degree) - 1:
            raise ValueError(f"field is {self._field:#x}; it must be primitive, of degree {degree}")
        generator, errors = self._generator()
        parity = generator.bit_length() - 1
        rows = _words(generator, self.n)
        if self.extended:
            rows = np.concatenate([rows, rows.sum(axis=1, keepdims=True) % 2], axis=1).astype(np.uint8)
        n, k = rows.shape[1], self.n - parity
        order = np.arange(n)
        if self.parity_first:
            order = np.roll(order, n - k)
        if self.backwards:
            order = order[::-1]
        self._signs = np.where((order >= k) & (order < self.n) & self.inverted_parity, -1, 1).astype(np.float32)
        roots = self._roots(generator)
        bears = roots // 2 if errors is None else errors
        self._algebra = None
        if k > FEW and 2 * bears <= roots < self.n and log_ball(n, bears) > LARGEST:
            if 2 * bears > MOST_PARITY:
                raise ValueError(f"t is {bears}; it must be up to {MOST_PARITY // 2} wrong bits of a word")
            # its words are those of a Reed-Solomon code whose symbols are 0 or 1
            self._algebra = GaloisReedSolomon(2 * bears, self._field)
        self._order = order
        decoder = self._decoded if self._algebra else None
        self.use(Words(np.ascontiguousarray(rows[:, order]), np.argsort(order)[:k], errors, decoder))

    def undo(self, block: Block) -> None:
        if self.inverted_parity:
            coded = self.words * self._words.n or len(block.soft)
            block.soft = np.concatenate([block.soft[:coded] * np.resize(self._signs, coded), block.soft[coded:]])
        super().undo(block)

    def _decoded(self, bits: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
        """The word, as it is sent, with no more errors than the code bears."""
        assert self._algebra is not None
        word = np.empty(len(bits), np.uint16)
        word[self._order] = bits
        if self._algebra.decode(word[: self.n]) < 0 or (word > 1).any():
            return None
        if self.extended:
            word[-1] = word[:-1].sum() % 2
        right: NDArray[np.bool_] = word[self._order] > 0
        return right

    def _roots(self, generator: int) -> int:
        """How many of a, a^2, ... are roots of the generator, one behind the other."""
        powers = _powers(self._field)
        ones = [i for i in range(generator.bit_length()) if generator >> i & 1]
        for root in range(1, len(powers)):
            value = 0
            for i in ones:
                value ^= powers[root * i % len(powers)]
            if value:
                return root - 1
        return len(powers) - 1

    def _generator(self) -> tuple[int, int | None]:
        """Generator polynomial, and how many errors it bears; None where that is to be found out."""
        if [self.k, self.t, self.polynomial].count(None) == 3:
            raise ValueError("bch needs one of k, t and polynomial")
        if self.polynomial is not None:
            k = self.n + 1 - self.polynomial.bit_length()
            if self.polynomial < 3 or not self.polynomial % 2 or k < 1:
                raise ValueError(f"polynomial is {self.polynomial:#x}; it must end with 1, and have a degree under n")
            if self.k not in (None, k):
                raise ValueError(f"k is {self.k}; by the polynomial it is {k}")
            if self.t is not None and not 0 <= self.t < self.n:
                raise ValueError(f"t is {self.t}; it must be 0 or more, and under n")
            return self.polynomial, self.t
        known = _generators(self._field, self.n)
        for t, generator in sorted(known.items(), reverse=True):
            if self.t in (None, t) and self.k in (None, self.n + 1 - generator.bit_length()):
                return generator, t
        codes = [(self.n + 1 - generator.bit_length(), t) for t, generator in known.items()]
        codes.sort(key=lambda code: abs(code[0] - self.k) if self.k is not None else abs(code[1] - (self.t or 0)))
        near = ", ".join(f"k = {k} (t = {t})" for k, t in codes[:NEAR])
        asked = " and ".join(f"{name} is {short(v)}" for name, v in (("k", self.k), ("t", self.t)) if v is not None)
        raise ValueError(f"{asked}; of {self.n} bits there are, next to that, {near}")


def _powers(field: int) -> list[int]:
    """Powers of x modulo a polynomial, until they come again."""
    powers, x = [1], 2
    while x != 1 and x and len(powers) <= LONGEST:
        powers.append(x)
        x <<= 1
        x ^= field if x.bit_length() == field.bit_length() else 0
    return powers


def _generators(field: int, n: int) -> dict[int, int]:
    """Generators of the codes that bear so many errors."""
    powers = _powers(field)
    order = len(powers)
    generator, roots = 1, set[int]()
    made = {}
    for t in range(1, order // 2 + 1):
        coset = {(2 * t - 1) * 2**i % order for i in range(field.bit_length() - 1)}
        if not coset <= roots:
            roots |= coset
            generator = _carryless(generator, _minimal(sorted(coset), powers))
        if generator.bit_length() > n:
            break
        made[t] = generator
    return made


def _minimal(coset: list[int], powers: list[int]) -> int:
    """The product of all x - a^i over GF(2^m), whose coefficients are 0 and 1."""
    logarithm = {power: i for i, power in enumerate(powers)}
    product = [1]  # lowest power first
    for root in coset:
        scaled = [powers[(logarithm[c] + root) % len(powers)] if c else 0 for c in product]
        product = [a ^ b for a, b in zip([0, *product], [*scaled, 0], strict=True)]
    return sum(c << i for i, c in enumerate(product))


def _carryless(a: int, b: int) -> int:
    """Product of polynomials over GF(2)."""
    product = 0
    for i in range(b.bit_length()):
        product ^= a << i if b >> i & 1 else 0
    return product


def _words(generator: int, n: int) -> NDArray[np.uint8]:
    """(k, n) multiples of the generator that begin with each bit of data alone, the highest power first."""
    parity = generator.bit_length() - 1
    words, rest = "", generator ^ 1 << parity
    for power in range(parity, n):
        words = f"{1 << power | rest:0{n}b}" + words
        rest <<= 1
        rest ^= generator if rest >> parity else 0
    return (np.frombuffer(words.encode(), np.uint8) - ord("0")).reshape(-1, n)


stage = Bch
