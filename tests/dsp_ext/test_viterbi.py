from __future__ import annotations

import numpy as np
import pytest

from dsp_ext.viterbi import Viterbi
from tests import reference
from tests.cuts import cuts

CODES = [
    ((0o171, 0o133), (False, True), ("1111001", "1011011"), "01"),
    ((0o171, 0o133), (False, False), ("1111001", "1011011"), "00"),
    ((0o133, 0o171), (True, False), ("1011011", "1111001"), "10"),
    ((0o133, 0o171), (False, False), ("1011011", "1111001"), "00"),
    ((0o155, 0o117), (True, True), ("1101101", "1001111"), "11"),
]


def decoded(viterbi: Viterbi, *parts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    pieces = [*(viterbi.process(p) for p in parts), viterbi.flush()]
    return np.concatenate([b for b, _ in pieces]), np.concatenate([e for _, e in pieces])


@pytest.mark.parametrize("code", CODES)
def test_decodes_every_variant_in_any_scale(
    code: tuple[tuple[int, int], tuple[bool, bool], tuple[str, str], str],
) -> None:
    generators, inverted, taps, flips = code
    bits = np.random.default_rng(1).integers(0, 2, 1500, np.uint8)
    symbols = reference.convolutional(bits, taps, flips)
    for scale in (1e-6, 1.0, 3e4):
        got, errors = decoded(Viterbi(generators, inverted), scale * reference.soft(symbols, 0.5))
        assert (got == bits).all()
        assert (np.add.reduceat(errors, range(0, 1500, 500)) > 0).all()


def test_counts_the_symbols_that_it_changes() -> None:
    bits = np.random.default_rng(2).integers(0, 2, 1000, np.uint8)
    symbols = reference.convolutional(bits)
    wrong = np.arange(10, 2000, 37)
    symbols[wrong] ^= 1
    got, errors = decoded(Viterbi(), reference.soft(symbols))
    assert (got == bits).all()
    assert (errors == np.bincount(wrong // 2, minlength=1000)).all()


def test_wrong_alignment_shows_in_the_errors() -> None:
    bits = np.random.default_rng(3).integers(0, 2, 3000, np.uint8)
    x = reference.soft(reference.convolutional(bits), 0.6)
    right, wrong = (decoded(Viterbi(), x[i:])[1].mean() / 2 for i in (0, 1))
    assert right < 0.07 < 0.13 < wrong


def test_an_inversion_comes_out_inverted() -> None:
    bits = np.random.default_rng(4).integers(0, 2, 800, np.uint8)
    got, _ = decoded(Viterbi(), -reference.soft(reference.convolutional(bits), 0.3))
    assert (got[6:] == 1 - bits[6:]).all()


def test_any_cut_gives_the_same_bits() -> None:
    # blocks of 1024 bits are decoded up to four at a time, as many as there are
    bits = np.random.default_rng(5).integers(0, 2, 9004, np.uint8)
    x = reference.soft(reference.convolutional(bits), 0.9)
    x[700:1400] *= 20
    x = x[:-1]
    whole = decoded(Viterbi(), x)
    assert len(whole[0]) == 9003
    viterbi = Viterbi()
    for parts in cuts(x):
        bits, errors = decoded(viterbi, *parts)
        assert (bits == whole[0]).all()
        assert (errors == whole[1]).all()


def test_a_terminated_block_is_right_to_its_ends() -> None:
    viterbi = Viterbi(terminated=True)
    for n in (6, 7, 40, *range(300, 308), 1030, 1100, 6001):
        for seed in range(5):
            bits = np.random.default_rng(seed).integers(0, 2, n, np.uint8)
            bits[-6:] = 0
            got, _ = decoded(viterbi, reference.soft(reference.convolutional(bits), 0.55, seed))
            assert (got == bits).all()


@pytest.mark.parametrize(("ebn0_db", "ber"), [(2.0, 5.1e-3), (3.0, 5.0e-4)])
def test_error_rate_is_within_two_tenths_of_a_decibel(ebn0_db: float, ber: float) -> None:
    # J. Heller and I. Jacobs, Viterbi Decoding for Satellite and Space Communication (1971): K = 7, rate 1/2; the
    # curve falls by a factor of about 1.6 in 0.2 dB
    bits = np.random.default_rng(6).integers(0, 2, 400_000, np.uint8)
    got, _ = decoded(Viterbi(), reference.soft(reference.convolutional(bits), 10 ** (-ebn0_db / 20)))
    assert (got != bits).mean() < 1.6 * ber


def test_survives_every_input() -> None:
    for x in (np.zeros(2000), np.full(2000, 3e38), np.full(2000, -1e-40), np.tile([1e30, -1e-30], 1000), np.empty(0)):
        bits, errors = decoded(Viterbi(), x.astype(np.float32))
        assert len(bits) == len(errors) == len(x) // 2


def test_refuses_other_generators() -> None:
    for generators in [(0o171, 0o33), (0o170, 0o133), (0o371, 0o133)]:
        with pytest.raises(ValueError, match="7 bits"):
            Viterbi(generators)
