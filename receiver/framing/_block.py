"""Reed-Solomon words in soft symbols, and how likely it is that noise made what was found."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsp_ext.bits import lfsr_sequence
from dsp_ext.galois import GaloisReedSolomon
from dsp_ext.reedsolomon import ReedSolomon

PARITY = 32
"""Parity bytes of RS(255,223)."""
FALSE_ALARM = 1e-12
"""Frames that noise makes at a symbol with a higher probability are not reported: one in 3 years at 9600 Bd."""
ERASURES = (0, 4, 8, 12, 16)
"""Numbers of least reliable symbols that are given up, tried in turn; of less than 16 of parity every second one."""
FLIPS = 8
"""Least sure symbols that are tried the other way round, in every combination."""
WORK = 1 << 22
"""Products in the code's field that these may take; of long words fewer symbols are tried."""
SURE_SYNC = 2
"""Wrong bits in a sync word, up to which so much work pays."""


@cache
def ccsds_code() -> ReedSolomon:
    """RS(255,223) of CCSDS 131.0-B, section 4.3: x^8 + x^7 + x^2 + x + 1, roots a^(11 j), j = 112 to 143."""
    return ReedSolomon(PARITY, polynomial=0x187, first=112, step=11)


RANDOMISERS = {"CCSDS": ((8, 5, 3, 1), "11111111"), "CCSDS long": ((17, 3), "00011100011100011")}
"""Distances back of the recurrence, and first bits. CCSDS 131.0-B, section 10: x^8 + x^7 + x^5 + x^3 + 1, 255 bits,
FF 48 0E C0 ...; and since 131.0-B-5, section 10.4.1: x^17 + x^14 + 1, 131071 bits, 1C 71 B9 1B ..."""


@cache
def ccsds_randomiser(n: int, name: str = "CCSDS") -> NDArray[np.uint8]:
    """First n bytes of one of the `RANDOMISERS`."""
    taps, seed = RANDOMISERS[name]
    return lfsr_sequence(taps, [int(bit) for bit in seed], n)


def pattern(text: str, what: str) -> NDArray[np.uint8]:
    """Bits that a text writes: hexadecimal digits, or bits behind 0b. Raises ValueError for another."""
    digits = text.replace(" ", "").replace("_", "")
    try:
        if digits.startswith("0b") and set(digits[2:]) <= set("01"):
            return np.array([int(bit) for bit in digits[2:]], np.uint8)
        value = bytes.fromhex(digits + "0" * (len(digits) % 2))
    except ValueError:
        raise ValueError(
            f"{what} is {text!r}; it must be hexadecimal digits such as 1ACFFC1D, or bits such as 0b01111110"
        ) from None
    return np.unpackbits(np.frombuffer(value, np.uint8))[: 4 * len(digits)]


def hard_bytes(soft: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Bytes of soft bits, first bit in the most significant place."""
    return np.packbits(soft > 0)


def pack(bits: NDArray[Any], width: int = 8) -> NDArray[Any]:
    """Symbols of so many bits, the first most significant, along the last axis: uint8 of 8, else uint16."""
    if width == 8:
        return np.packbits(bits, axis=-1)
    places = np.uint16(1) << np.arange(width - 1, -1, -1, dtype=np.uint16)
    symbols: NDArray[np.uint16] = bits.reshape(*bits.shape[:-1], -1, width).astype(np.uint16) @ places
    return symbols


def unpack(symbols: NDArray[Any], width: int = 8) -> NDArray[np.uint8]:
    """Bits of (n,) symbols, from the most significant on."""
    if width == 8:
        return np.unpackbits(symbols.astype(np.uint8, copy=False))
    bits: NDArray[np.uint8] = (symbols[:, None] >> np.arange(width - 1, -1, -1) & 1).astype(np.uint8)
    return bits.ravel()


def reliability(soft: NDArray[np.float32], width: int = 8) -> NDArray[np.float32]:
    """How sure each symbol of so many bits is: the magnitude of its least sure bit."""
    least: NDArray[np.float32] = np.abs(soft[: len(soft) // width * width]).reshape(-1, width).min(axis=1)
    return least


@dataclass(frozen=True, slots=True)
class Corrected:
    """A corrected Reed-Solomon word."""

    word: NDArray[Any]
    corrected: int
    """Symbols changed."""
    chance: float
    """Probability that a random word would have been corrected as easily."""


def weak_flips(
    soft: NDArray[np.float32], lead: int, bits: int, spread: tuple[int, ...] = (0,), width: int = 8
) -> NDArray[Any]:
    """What each of the least sure symbols changes in a word if it is wrong.

    Parameters
    ----------
    soft : symbols as they were received, from `lead` before the word's first bit on
    bits : of the word
    spread : how far behind itself a symbol changes bits; several places behind a self-synchronising descrambler
    width : bits of the word's symbols

    Returns
    -------
    (FLIPS, bits / width) symbols, to be added modulo 2
    """
    flips = np.zeros((FLIPS, bits), np.uint8)
    for row, weak in zip(flips, np.argsort(np.abs(soft), kind="stable")[:FLIPS].tolist(), strict=False):
        for place in spread:
            if 0 <= weak - lead + place < bits:
                row[weak - lead + place] = 1
    return pack(flips, width)


def correct(
    word: NDArray[Any],
    sureness: NDArray[np.float32] | None = None,
    largest_chance: float = 1.0,
    flips: NDArray[Any] | None = None,
    code: ReedSolomon | GaloisReedSolomon | None = None,
) -> Corrected | None:
    """Correct a Reed-Solomon word, shortened as far as it is, in the conventional basis.

    First errors only. Then giving up more and more of the least sure symbols: errors count twice, so this pays where
    errors are where the signal was weak. Then with every combination of flips of the least sure symbols (D. Chase, "A
    class of algorithms for decoding block codes with channel measurement information", 1972, algorithm 2).

    Parameters
    ----------
    word : (n,) symbols, longer than the parity, as many as the code's field affords; not changed
    sureness : (n,) of each symbol; None: none is given up
    largest_chance : reject what random words give with a higher probability
    flips : (k, n) of `weak_flips`; None: none are tried
    code : None: RS(255,223) of CCSDS
    """
    code = code or ccsds_code()
    bits = code.bits if isinstance(code, GaloisReedSolomon) else 8
    order = np.argsort(sureness, kind="stable").tolist() if sureness is not None else []
    given_up = ERASURES if code.parity >= ERASURES[-1] else range(0, ERASURES[-1], 2)
    for erasures in given_up if order else given_up[:1]:
        if erasures > min(len(word) - code.parity, code.parity // 2):
            break
        result = word.copy()
        erased = order[:erasures]
        changed = code.decode(result, erased) if erased else code.decode(result)
        if changed < 0:
            continue
        errors = changed - int((result[erased] != word[erased]).sum())
        chance = word_chance(len(word), errors, erasures, code.parity, bits)
        if chance <= largest_chance:
            return Corrected(result, changed, chance)
    if flips is None:
        return None
    patterns = np.zeros((1, len(word)), word.dtype)
    affordable = (WORK // (len(word) * code.parity)).bit_length() - 1
    for flip in flips[: max(0, affordable)]:
        patterns = np.concatenate([patterns, patterns ^ flip])
    for pattern in patterns[1:]:
        result = word ^ pattern
        errors = code.decode(result)
        if errors >= 0:
            chance = word_chance(len(word), errors, parity=code.parity, bits=bits) * len(patterns)
            if chance <= largest_chance:
                return Corrected(result, int((result != word).sum()), chance)
    return None


@lru_cache(4096)
def word_chance(n: int, errors: int, erasures: int = 0, parity: int = PARITY, bits: int = 8) -> float:
    """Probability that a random word lies within so many errors, at any places, and erasures of a code word.

    The volume of that ball times the number of code words, over the number of words: the sum over i up to `errors` of
    C(n - erasures, i) (q - 1)^i q^erasures, over q^parity, where symbols have log2(q) bits.
    """
    q = 1 << bits
    ball = sum(math.comb(n - erasures, i) * (q - 1) ** i for i in range(errors + 1))
    return min(1.0, float(ball * q**erasures / q**parity))


@cache
def sync_chance(errors: int, bits: int = 32, polarities: int = 2) -> float:
    """Probability that random bits differ from a sync word, or its complement, in no more than so many places."""
    return polarities * sum(math.comb(bits, i) for i in range(errors + 1)) / 2.0**bits


def near_chance(bits: int, errors: int) -> float:
    """Upper bound of the probability that random symbols, two for a bit, are so near to a word of a rate 1/2 code.

    The number of its words times the volume of a ball, over the number of words: 2^bits sum C(2 bits, i) / 4^bits, i up
    to `errors`; in logarithms, the sum bounded by the geometric series of its last terms.
    """
    n, k = 2 * bits, errors
    if 3 * k > n:
        return 1.0
    last = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    return math.exp(min(0.0, last - math.log1p(-k / (n - k + 1)) - bits * math.log(2)))


def repeats(word: NDArray[np.uint8]) -> bool:
    """Whether a corrected word, as it was on the air, is nothing but a pattern of up to 8 bytes over and over.

    Words of period 1, 3 and 5 bytes are code words of RS(255,223), the constant ones shortened too when they are zero:
    a bare carrier or a preamble behind a chance sync word would pass for a frame.
    """
    data = word.tobytes()
    return any(data[period:] == data[:-period] for period in range(1, 9))


def surplus(
    received: NDArray[np.uint8],
    word: NDArray[np.uint8],
    sureness: NDArray[np.float32],
    header: NDArray[np.float32],
    said: Callable[[int], int],
) -> int:
    """How many bytes at the end of a corrected word were never part of it, its length having been received too large.

    The code is cyclic: a shortened code word with zeros behind it is a code word too, so that whatever follows a frame
    is corrected to zeros, and parity passes for data. The likelier is chosen: that the length is wrong, or those bytes.

    Parameters
    ----------
    received, word : (n,) uint8, before and after correction
    sureness : (n,) of each received byte
    header : (bits,) soft symbols that say the length, in the units of `sureness`
    said : their bits, first in the most significant place, for a length less by so many bytes
    """
    places = 1 << np.arange(len(header) - 1, -1, -1)
    upright = np.where(said(0) & places, header, -header)
    best, least, gained = 0, 0.0, 0.0
    for less in range(1, len(word) - PARITY):
        if word[-less]:
            break
        gained += float(sureness[-less]) if received[-less] else 0.0
        cost = float(upright[(said(0) ^ said(less)) & places != 0].sum()) - gained
        if cost < least:
            best, least = less, cost
    return best
