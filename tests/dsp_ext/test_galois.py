"""Reed-Solomon over GF(2^m): against arithmetic digit by digit, published generators, beyond the bound."""

from __future__ import annotations

import itertools
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp_ext.galois import MOST_PARITY, GaloisReedSolomon
from dsp_ext.reedsolomon import ReedSolomon

FIELDS = {
    3: 0xB,
    4: 0x13,
    5: 0x25,
    6: 0x43,
    7: 0x89,
    8: 0x187,
    9: 0x211,
    10: 0x409,
    11: 0x805,
    12: 0x1069,
    13: 0x201B,
    14: 0x4443,
    15: 0x8003,
    16: 0x1100B,
}
CODES = [
    *((bits, min(9, (1 << bits) - 4), field, 1, 1, min(60, (1 << bits) - 1)) for bits, field in FIELDS.items()),
    (3, 5, 0xD, 0, 3, 7),
    (4, 6, 0x19, 14, 7, 11),
    (6, 51, 0x43, 3, 1, 63),
    (6, 16, 0x61, 62, 5, 36),
    (8, 100, 0x11D, 0, 1, 255),
    (10, 32, 0x409, 112, 7, 1023),
    (12, MOST_PARITY, 0x1053, 4000, 2, 300),
    (16, 24, 0x1100B, 65534, 4, 200),
]
"""Bits of a symbol, parity, field, first root, step, symbols of a word."""


def times(a: int, b: int, field: int) -> int:
    """Product of polynomials over GF(2), modulo that of the field."""
    product = 0
    for i in range(b.bit_length()):
        product ^= a << i if b >> i & 1 else 0
    while product.bit_length() >= field.bit_length():
        product ^= field << product.bit_length() - field.bit_length()
    return product


def power(exponent: int, field: int) -> int:
    """Of a root of the field's polynomial."""
    value = 1
    for bit in f"{exponent:b}":
        value = times(value, value, field)
        value = times(value, 2, field) if bit == "1" else value
    return value


def syndromes(word: np.ndarray, parity: int, field: int, first: int, step: int) -> list[int]:
    """Values of a word's polynomial at the generator's roots."""
    values = []
    for j in range(parity):
        root, value = power((first + j) * step, field), 0
        for symbol in word.tolist():
            value = times(value, root, field) ^ symbol
        values.append(value)
    return values


def word_of(code: tuple[int, ...], seed: int) -> tuple[GaloisReedSolomon, np.ndarray]:
    bits, parity, field, first, step, n = code
    made = GaloisReedSolomon(parity, field, first, step)
    data = np.random.default_rng(seed).integers(0, 1 << bits, n - parity).astype(np.uint16)
    return made, np.concatenate([data, made.encode(data)])


@pytest.mark.parametrize("code", CODES, ids=str)
def test_words_vanish_at_the_generators_roots(code: tuple[int, ...]) -> None:
    bits, parity, field, first, step, n = code
    made, word = word_of((*code[:5], min(n, parity + 20)), 1)
    assert (made.bits, made.parity) == (bits, parity)
    assert not any(syndromes(word, min(parity, 60), field, first, step))
    assert (made.encode(np.zeros(0, np.uint16)) == 0).all()


@pytest.mark.parametrize("code", CODES, ids=str)
@settings(max_examples=20, deadline=None, derandomize=True)
@given(seed=st.integers(0, 1 << 30), data=st.data())
def test_corrects_errors_and_erasures_up_to_the_bound(code: tuple[int, ...], seed: int, data: st.DataObject) -> None:
    made, word = word_of(code, seed)
    n, q = len(word), 1 << code[0]
    erasures = data.draw(st.integers(0, min(n, made.parity)))
    errors = data.draw(st.integers(0, min(n - erasures, (made.parity - erasures) // 2)))
    rng = np.random.default_rng(seed)
    places = rng.choice(n, erasures + errors, replace=False)
    received = word.copy()
    # an erased symbol may be right by chance
    received[places[:erasures]] ^= rng.integers(0, q, erasures).astype(np.uint16)
    received[places[erasures:]] ^= rng.integers(1, q, errors).astype(np.uint16)
    changed = int((received != word).sum())
    assert made.decode(received, places[:erasures].tolist()) == changed
    assert (received == word).all()


def test_every_word_of_a_small_code_is_corrected_as_the_nearest() -> None:
    """RS(7,3) over GF(8): each of the 512 words with one and two errors, and which others are left."""
    made = GaloisReedSolomon(4, 0xB)
    data = np.array(list(itertools.product(range(8), repeat=3)), np.uint16)
    words = np.array([np.concatenate([one, made.encode(one)]) for one in data])
    rng = np.random.default_rng(2)
    refused = 0
    for _ in range(2000):
        received = rng.integers(0, 8, 7).astype(np.uint16)
        distance = (words != received).sum(axis=1)
        result = received.copy()
        changed = made.decode(result)
        if distance.min() <= 2:
            assert changed == distance.min()
            assert (result == words[distance.argmin()]).all()
        else:
            refused += 1
            assert changed == -1
            assert (result == received).all()
    # the balls of radius 2 hold 1 + 7 * 7 + 21 * 49 of 4096 words each
    assert refused == pytest.approx(2000 * (1 - 1079 / 4096), rel=0.1)


@pytest.mark.parametrize(("bits", "parity", "n"), [(4, 4, 15), (5, 6, 31), (6, 4, 40), (6, 6, 63), (10, 2, 600)])
def test_random_words_are_near_a_code_word_as_often_as_they_should(bits: int, parity: int, n: int) -> None:
    made = GaloisReedSolomon(parity, FIELDS[bits])
    rng, tries = np.random.default_rng(3), 4000
    found = [made.decode(rng.integers(0, 1 << bits, n).astype(np.uint16)) for _ in range(tries)]
    q = 1 << bits
    for errors in range(parity // 2 + 1):
        expected = sum(comb(n, e) * (q - 1) ** e for e in range(errors + 1)) / q**parity
        got = sum(0 <= one <= errors for one in found)
        assert abs(got - tries * expected) <= 4 * np.sqrt(tries * expected) + 1


@pytest.mark.parametrize("code", [c for c in CODES if c[1] >= 8], ids=str)
def test_one_error_too_many_is_refused_or_makes_another_word(code: tuple[int, ...]) -> None:
    made, word = word_of(code, 5)
    rng = np.random.default_rng(5)
    most, others, tries = made.parity // 2, 0, 300
    for _ in range(tries):
        received = word.copy()
        places = rng.choice(len(word), most + 1, replace=False)
        received[places] ^= rng.integers(1, 1 << code[0], most + 1).astype(np.uint16)
        result = received.copy()
        changed = made.decode(result)
        if changed < 0:
            assert (result == received).all()
            continue
        others += 1
        assert changed == (result != received).sum() <= most
        assert (result != word).any()
        assert (made.encode(result[: -made.parity]) == result[-made.parity :]).all()
    q = 1 << code[0]
    near = sum(comb(len(word), e) * (q - 1) ** e for e in range(most + 1)) / q**made.parity
    assert others <= tries * near + 4 * np.sqrt(tries * near) + 1


def test_more_erasures_than_parity_are_refused() -> None:
    made, word = word_of((6, 12, 0x43, 1, 1, 24), 1)
    before = word.copy()
    word[3] ^= 1
    assert made.decode(word, list(range(13))) == -1
    assert made.decode(word, list(range(10, 21))) == -1  # one short of what the error takes
    word[3] ^= 1
    assert (word == before).all()


@pytest.mark.parametrize(
    ("field", "generator"),
    [
        # P25, TIA-102.BAAA, octal, lowest power first: RS(24,16,9), RS(24,12,13), RS(36,20,17)
        (0x43, [0o26, 0o6, 0o24, 0o57, 0o60, 0o45, 0o75, 0o67]),
        (0x43, [0o50, 0o41, 0o2, 0o74, 0o11, 0o60, 0o34, 0o71, 0o3, 0o55, 0o5, 0o71]),
        (
            0x43,
            [0o60, 0o73, 0o46, 0o51, 0o73, 0o5, 0o42, 0o64, 0o33, 0o22, 0o27, 0o21, 0o23, 0o2, 0o35, 0o34],
        ),
        # the mode messages of Aztec, ISO/IEC 24778
        (0x13, [1, 2, 6, 4, 11]),
        (0x13, [12, 10, 12, 3, 9, 7]),
    ],
)
def test_published_generators(field: int, generator: list[int]) -> None:
    made = GaloisReedSolomon(len(generator), field)
    assert made.encode(np.array([1], np.uint16)).tolist() == generator[::-1]


def test_the_same_as_the_kernel_of_bytes() -> None:
    rng = np.random.default_rng(4)
    for parameters in [(32, 0x187, 112, 11), (16, 0x11D, 0, 1), (7, 0x187, 1, 1)]:
        one, other = ReedSolomon(*parameters), GaloisReedSolomon(*parameters)
        for errors in range(one.parity // 2 + 2):
            data = rng.integers(0, 256, 100, np.uint8)
            word = np.concatenate([data, one.encode(data)])
            assert (other.encode(data.astype(np.uint16)) == word[100:]).all()
            word[rng.choice(len(word), errors, replace=False)] ^= 0x5A
            wide = word.astype(np.uint16)
            assert one.decode(word) == other.decode(wide)
            assert (word == wide).all()


def test_refuses_what_is_no_code_or_word() -> None:
    for arguments, message in [
        ((1, 0x43), "2 to 62 symbols"),
        ((63, 0x43), "2 to 62 symbols"),
        ((MOST_PARITY + 1, 0x1069), f"2 to {MOST_PARITY} symbols"),
        ((4, 7), "degree 3 to 16"),
        ((4, 0x2002D), "degree 3 to 16"),
        ((4, 0x1F), "not primitive"),
        ((4, 0x12), "not primitive"),
        ((4, 0x43, 1, 3), "prime to 63"),
        ((4, 0x43, 1, 0), "prime to 63"),
        ((4, 0x43, 1, -1), "prime to 63"),
    ]:
        with pytest.raises(ValueError, match=message):
            GaloisReedSolomon(*arguments)
    code = GaloisReedSolomon(12, 0x43)
    for n in (0, 12, 64):
        with pytest.raises(ValueError, match=f"13 to 63 symbols, got {n}"):
            code.decode(np.zeros(n, np.uint16))
    with pytest.raises(ValueError, match="6 bits, one of these has more"):
        code.decode(np.full(20, 64, np.uint16))
    with pytest.raises(ValueError, match="6 bits, one of these has more"):
        code.encode(np.full(20, 64, np.uint16))
    with pytest.raises(ValueError, match="outside"):
        code.decode(np.zeros(40, np.uint16), [40])
    with pytest.raises(ValueError, match="twice"):
        code.decode(np.zeros(40, np.uint16), [1, 1])
    with pytest.raises(ValueError, match="up to 51"):
        code.encode(np.zeros(52, np.uint16))
