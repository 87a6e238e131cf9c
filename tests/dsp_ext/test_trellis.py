"""The decoder of short convolutional codes: loops, the best path by trying all, noise, and its doors."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from dsp_ext.trellis import Trellis

CODES = [
    ((0o7, 0o5), ()),
    ((0o13, 0o17), ()),
    ((0o23, 0o35), (True, False)),
    ((0o171, 0o133), (False, True)),
    ((0o557, 0o663, 0o711), ()),
    ((0o25, 0o33, 0o37, 0o35), (True, False, True, False)),
    ((0o1131, 0o1537), ()),
    ((0o10627, 0o16765), (False, True)),
    ((0o46321, 0o51271, 0o63667, 0o70535), ()),
]


def encode(bits: np.ndarray, generators: tuple[int, ...], inverted: tuple[bool, ...], terminated: bool) -> np.ndarray:
    memory = max(generators).bit_length() - 1
    register, out = 0, []
    for bit in [*bits.tolist(), *[0] * (memory if terminated else 0)]:
        register = register >> 1 | bit << memory
        for i, generator in enumerate(generators):
            out.append(bin(register & generator).count("1") % 2 ^ (bool(inverted) and inverted[i]))
    return np.array(out, np.uint8)


@pytest.mark.parametrize(("generators", "inverted"), CODES)
@pytest.mark.parametrize("terminated", [True, False])
def test_noise_that_the_code_bears(generators: tuple[int, ...], inverted: tuple[bool, ...], terminated: bool) -> None:
    rng = np.random.default_rng(1)
    bits = rng.integers(0, 2, 400, np.uint8)
    code = encode(bits, generators, inverted, terminated)
    soft = (2.0 * code - 1 + 0.4 * rng.standard_normal(len(code))).astype(np.float32)
    decoded, wrong = Trellis(generators, inverted, terminated=terminated).decode(soft)
    assert (decoded == bits).all()
    assert wrong == np.count_nonzero((soft > 0) != code) > 0


def test_unknown_symbols_are_passed_over() -> None:
    rng = np.random.default_rng(3)
    generators = (0o171, 0o133)
    bits = rng.integers(0, 2, 400, np.uint8)
    sent = np.resize([1, 1, 0, 1], 2 * (len(bits) + 6))
    soft = ((2.0 * encode(bits, generators, (), True) - 1) * sent).astype(np.float32)
    decoded, wrong = Trellis(generators, terminated=True).decode(soft)
    assert (decoded == bits).all()
    assert wrong == 0


@pytest.mark.parametrize("terminated", [True, False])
def test_the_best_of_all_paths(terminated: bool) -> None:
    rng = np.random.default_rng(2)
    generators = (0o7, 0o5)
    decoder = Trellis(generators, terminated=terminated)
    for _ in range(20):
        soft = rng.standard_normal(2 * (8 + 2 * terminated)).astype(np.float32)
        decoded, _ = decoder.decode(soft)

        def gain(bits: tuple[int, ...], soft: np.ndarray = soft) -> float:
            code = encode(np.array(bits), generators, (), terminated)
            return float(((2.0 * code - 1) * soft).sum())

        best = max(map(gain, product((0, 1), repeat=8)))
        assert gain(tuple(decoded.tolist())) == pytest.approx(best) or not terminated


def test_short_and_empty_blocks() -> None:
    decoder = Trellis((0o7, 0o5), terminated=True)
    assert len(decoder.decode(np.empty(0, np.float32))[0]) == 0
    assert len(decoder.decode(np.ones(3, np.float32))[0]) == 0
    assert len(Trellis((0o7, 0o5)).decode(np.ones(9, np.float32))[0]) == 4


def test_what_is_no_number_does_no_harm() -> None:
    Trellis((0o23, 0o35)).decode(np.full(100, np.nan, np.float32))


@pytest.mark.parametrize(
    ("generators", "inverted", "says"),
    [
        ((7,), (), "2 to 8 generators expected, got 1"),
        ((0, 5), (), "up to 15 bits, got 0o0, 0o5"),
        ((1 << 15, 5), (), "up to 15 bits, got 0o100000, 0o5"),
        ((1, 1), (), "2 bits or more"),
        ((7, 5), (True,), "2 values of inverted expected, got 1"),
    ],
)
def test_bad_arguments(generators: tuple[int, ...], inverted: tuple[bool, ...], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Trellis(generators, inverted)
