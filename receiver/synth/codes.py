"""Encoders of the error-correcting codes, built from their definitions."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .bits import Bits

PARITY = 32
"""Parity symbols of RS(255,223)."""


# -- Golay (24,12) ---------------------------------------------------------------------------------------------------


def golay24(message: int) -> int:
    """Extended Golay codeword: parity in the upper 12 bits, which are sent first, the 12-bit message in the lower.

    The parity matrix is the bordered circulant of the quadratic residues modulo 11
    (MacWilliams and Sloane, The Theory of Error-Correcting Codes, chapter 2, section 6).
    """
    if not 0 <= message < 4096:
        raise ValueError(f"a Golay message has 12 bits, got {message}")
    residues = {n * n % 11 for n in range(1, 11)}
    parity = 0
    for row in range(11):
        # row and column 11 are the border
        taps = 1 | sum(1 << 11 - column for column in range(11) if (column + row + 2) % 11 not in residues)
        parity = parity << 1 | (taps & message).bit_count() & 1
    parity = parity << 1 | (0xFFE & message).bit_count() & 1
    return parity << 12 | message


# -- Reed-Solomon (255,223) ------------------------------------------------------------------------------------------


@cache
def _field() -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Powers and logarithms in GF(256) of x^8 + x^7 + x^2 + x + 1 (CCSDS 131.0-B, section 4)."""
    power, logarithm = np.zeros(255, np.intp), np.zeros(256, np.intp)
    x = 1
    for i in range(255):
        power[i], logarithm[x] = x, i
        x = x << 1 ^ (0x187 if x & 0x80 else 0)
    return power, logarithm


def _multiply(a: NDArray[np.intp], b: NDArray[np.intp]) -> NDArray[np.intp]:
    power, logarithm = _field()
    return np.where((a == 0) | (b == 0), 0, power[(logarithm[a] + logarithm[b]) % 255])


@cache
def _parity_of_places() -> NDArray[np.uint8]:
    """(223, 256, 32) parity that each byte value makes at each place of the message."""
    power, _ = _field()
    generator = np.array([1], np.intp)  # highest power first
    for j in range(112, 144):
        root = power[11 * j % 255]
        generator = np.append(generator, 0) ^ np.append(0, _multiply(generator, root))
    # x^(32+k) modulo the generator, for k from 0
    rows = [generator[1:]]
    for _ in range(222):
        last = rows[-1]
        rows.append(np.append(last[1:], 0) ^ _multiply(last[:1], generator[1:]))
    places = np.array(rows[::-1])
    values = np.arange(256, dtype=np.intp)
    return _multiply(values[None, :, None], places[:, None, :]).astype(np.uint8)


@cache
def dual_basis() -> NDArray[np.uint8]:
    """(256,) table from the conventional to the dual basis: bit i, from the most significant, is Tr(x a^(117 i)).

    CCSDS 131.0-B, annex on the transformation between representations.
    """
    power, _ = _field()
    values = np.arange(256, dtype=np.intp)
    table = np.zeros(256, np.uint8)
    for i in range(8):
        conjugate = _multiply(values, np.full(256, power[117 * i % 255]))
        trace = np.zeros(256, np.intp)
        for _ in range(8):
            trace ^= conjugate
            conjugate = _multiply(conjugate, conjugate)
        table |= (trace << 7 - i).astype(np.uint8)
    return table


def reed_solomon(message: bytes) -> bytes:
    """Message and its 32 parity bytes, conventional basis; shorter messages count as led by zeros."""
    if not 1 <= len(message) <= 255 - PARITY:
        raise ValueError(f"a Reed-Solomon message has 1 to 223 bytes, got {len(message)}")
    values = np.frombuffer(message, np.uint8)
    places = np.arange(223 - len(message), 223)
    parity = np.bitwise_xor.reduce(_parity_of_places()[places, values], axis=0)
    return message + bytes(parity.tolist())


def ccsds_reed_solomon(frame: bytes, interleaving: int = 1, dual: bool = True) -> bytes:
    """Frame and its parity; byte i belongs to codeword i modulo `interleaving` (CCSDS 131.0-B, section 4)."""
    if len(frame) % interleaving:
        raise ValueError(f"{len(frame)} bytes do not fill {interleaving} codewords evenly")
    to_dual = dual_basis()
    parts = np.frombuffer(frame, np.uint8).reshape(-1, interleaving).T
    if dual:
        parts = np.argsort(to_dual).astype(np.uint8)[parts]
    codewords = [np.frombuffer(reed_solomon(part.tobytes()), np.uint8) for part in parts]
    coded = np.stack(codewords, axis=1)
    return (to_dual[coded] if dual else coded).tobytes()


def symbol_reed_solomon(
    message: NDArray[np.int64], parity: int, polynomial: int, first: int, step: int
) -> NDArray[np.int64]:
    """Message and parity of any code over GF(2^m), whose generator is the product of x - a^((first + i) step)."""
    top = polynomial.bit_length() - 1

    def doubled(x: Any) -> Any:
        return x << 1 ^ polynomial * (x >> (top - 1))

    def times(a: int, b: int) -> int:
        product = 0
        while b:
            product ^= a if b & 1 else 0
            a, b = doubled(a), b >> 1
        return product

    def power(exponent: int) -> int:
        value, square = 1, 2
        while exponent:
            value = times(value, square) if exponent & 1 else value
            square, exponent = times(square, square), exponent >> 1
        return value

    generator = [1]
    for i in range(parity):
        root = power((first + i) * step % ((1 << top) - 1))
        generator = [a ^ times(root, b) for a, b in zip([*generator, 0], [0, *generator], strict=True)]
    # of each bit of a factor, its multiple of the generator
    multiples = [np.array(generator[1:], np.int64)]
    for _ in range(top - 1):
        multiples.append(doubled(multiples[-1]))
    rest = np.concatenate([message, np.zeros(parity, np.int64)])
    for i in range(len(message)):
        for bit, multiple in enumerate(multiples):
            if rest[i] >> bit & 1:
                rest[i + 1 : i + 1 + parity] ^= multiple
    return np.concatenate([message, rest[len(message) :]])


def general_reed_solomon(message: bytes, parity: int, polynomial: int, first: int, step: int) -> bytes:
    """The same of bytes, over GF(256)."""
    symbols = np.frombuffer(message, np.uint8).astype(np.int64)
    return bytes(symbol_reed_solomon(symbols, parity, polynomial, first, step).astype(np.uint8))


# -- Binary BCH ------------------------------------------------------------------------------------------------------


def remainder(data: list[int], generator: int) -> int:
    """Of a polynomial over GF(2), highest power first, times x to the generator's degree, by the generator."""
    register, top = 0, generator.bit_length() - 1
    for bit in data:
        out = register >> (top - 1) ^ bit
        register = register << 1 & (1 << top) - 1 ^ (generator & (1 << top) - 1 if out else 0)
    return register


def bch_generator(step: dict[str, Any]) -> int:
    """The least polynomial with the roots a, a^3, … of t errors or k bits of data in words of n: by trying them."""
    return _bch_generator(step["n"], step.get("k"), step.get("t"), step.get("field"))


@cache
def _bch_generator(n: int, k: int | None, errors: int | None, field: int | None) -> int:
    field = field or {2: 7, 3: 11, 4: 19, 5: 37, 6: 67, 7: 137, 8: 285, 9: 529, 10: 1033}[n.bit_length()]
    top = field.bit_length() - 1
    powers = [1]
    for _ in range((1 << top) - 2):
        powers.append(powers[-1] << 1 ^ field * (powers[-1] >> (top - 1)))

    def vanishes(polynomial: int, root: int) -> bool:
        """Whether it is zero at a power of x, modulo the field's polynomial."""
        value = 0
        for i in range(polynomial.bit_length()):
            if polynomial >> i & 1:
                value ^= powers[i * root % len(powers)]
        return value == 0

    generator, factors = [1], set[int]()
    for t in range(1, n):
        if t > (errors or n):
            break
        factor = next(p for p in range(2, 1 << top + 1) if vanishes(p, 2 * t - 1))
        if factor not in factors:
            longer = np.convolve(generator, [int(bit) for bit in f"{factor:b}"]) % 2
            if k is not None and n + 1 - len(longer) < k:
                break
            factors.add(factor)
            generator = longer.tolist()
    return int("".join(map(str, generator)), 2)


# -- 8b10b -----------------------------------------------------------------------------------------------------------


def eight_ten(byte: int, disparity: int) -> tuple[Bits, int]:
    """Ten bits of a byte behind a running disparity of -1 or 1, and the disparity behind them.

    By the classes of the bits that are encoded: how many ones are among the first four (A. X. Widmer and P. A.
    Franaszek, "A DC-balanced, partitioned-block, 8B/10B transmission code", 1983).
    """
    a, b, c, d, e, f, g, h = (byte >> i & 1 for i in range(8))
    ones = a + b + c + d
    if ones in (0, 4):
        six = [ones // 4, 1 - ones // 4, 1, 0, e, e]
    elif ones == 1 and d and e:
        six = [0, 0, 1, 1, 0, 0]
    elif ones == 1:
        six = [a, b, c, d, 1, e]
    else:
        six = [a, b, c, d, e, 1 - e if ones == 2 else 0]
    first, disparity = _formed(six, disparity, ones == 3 and not (d or e))
    if f and g and h and first[4] == first[5] == (disparity < 0):
        four = [0, 1, 1, 1]
    else:
        four = [f, g or not (f or h), h, f != g and not h]
    second, disparity = _formed(four, disparity, bool(f and g and not h))
    return np.array([*first, *second], np.uint8), disparity


def _formed(bits: list[int], disparity: int, alternates: bool) -> tuple[list[int], int]:
    """Bits or their complement, whichever the running disparity takes, and the disparity behind them."""
    surplus = 2 * sum(bits) - len(bits)
    if surplus * disparity > 0 or (alternates and disparity > 0):
        bits, surplus = [1 - bit for bit in bits], -surplus
    return bits, disparity if surplus == 0 else -disparity


# -- Repeat-accumulate code of SMOG-P (M. Maroti, 2015) ---------------------------------------------------------------

_REGISTERS = {
    3: (0x12, 0x17, 0x1B, 0x1E),
    4: (0x12, 0x17, 0x1B, 0x1E),
    5: (0x12, 0x17, 0x1B, 0x1E),
    6: (0x21, 0x2D, 0x30, 0x39),
    7: (0x41, 0x53, 0x69, 0x7B),
    8: (0x8E, 0xAF, 0xC3, 0xE7),
    9: (0x108, 0x13B, 0x168, 0x1DC),
}
"""Masks of the four shift registers, by the bits that the number of words has."""


def repeat_accumulate(data: bytes) -> bytes:
    """Sums of the data's 16-bit words in four orders, turned by one bit before each: all, then thrice each third."""
    words = np.frombuffer(data, "<u2").tolist()
    n, sums = len(words), []
    for turn, mask in enumerate(_REGISTERS[n.bit_length()]):
        offset = n >> (turn + 1)
        state, visited, total = 1 + turn + offset, 0, 0
        while visited < n:
            state = state >> 1 ^ (mask if state % 2 else 0)
            if state > n:
                continue
            visited += 1
            total = (total >> 1 | total << 15) & 0xFFFF ^ words[(state - 1 - offset) % n]
            if turn == 0 or visited % 3 == 0 or visited == n:
                sums.append(total)
    return np.array(sums, "<u2").tobytes()


# -- Convolutional code, rate 1/2, constraint length 7 ---------------------------------------------------------------

_G1 = (0, 1, 2, 3, 6)  # 171 octal: delays that are added up
_G2 = (0, 2, 3, 5, 6)  # 133 octal


class Convolutional:
    """Rate 1/2 encoder that remembers its last six bits.

    `variant` says which polynomial is sent first and whether G2 is inverted: CCSDS 131.0-B, section 3, sends G1 and
    then G2 inverted; the NASA Deep Space Network G2 inverted and then G1.
    """

    variants = ("CCSDS", "CCSDS uninverted", "NASA-DSN", "NASA-DSN uninverted")

    def __init__(self, variant: str = "CCSDS") -> None:
        if variant not in self.variants:
            raise ValueError(f"no convolutional code {variant!r}; there are: {', '.join(self.variants)}")
        self._inverted = 0 if variant.endswith("uninverted") else 1
        self._g1_first = variant.startswith("CCSDS")
        self._last: Bits = np.zeros(6, np.uint8)

    def __call__(self, bits: Bits) -> Bits:
        x = np.concatenate([self._last, bits])
        self._last = x[len(x) - 6 :]
        n = len(bits)
        first, second = (
            np.bitwise_xor.reduce([x[6 - delay : 6 - delay + n] for delay in delays]) for delays in (_G1, _G2)
        )
        second = second ^ self._inverted
        pair = (first, second) if self._g1_first else (second, first)
        return np.stack(pair, axis=1).reshape(-1).astype(np.uint8)
