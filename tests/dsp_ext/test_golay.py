from __future__ import annotations

import itertools

import numpy as np
import pytest

from dsp_ext import golay
from tests import reference


def test_is_the_extended_golay_code() -> None:
    words = [golay.encode(i) for i in range(4096)]
    assert words == [reference.golay(i) for i in range(4096)]
    # weight distribution, MacWilliams and Sloane, chapter 2, section 6
    weights = np.bincount([bin(w).count("1") for w in words], minlength=25)
    assert {i: n for i, n in enumerate(weights.tolist()) if n} == {0: 1, 8: 759, 12: 2576, 16: 759, 24: 1}


def test_corrects_three_and_detects_four() -> None:
    word = golay.encode(0x5A3)
    for count in range(5):
        for places in itertools.islice(itertools.combinations(range(24), count), 0, None, 7):
            wrong = word
            for place in places:
                wrong ^= 1 << place
            assert golay.decode(wrong) == ((0x5A3, count) if count < 4 else None)


def test_soft_decoding_goes_further() -> None:
    rng = np.random.default_rng(3)
    for _ in range(20):
        data = int(rng.integers(4096))
        soft = reference.soft(np.array([golay.encode(data) >> 23 - i & 1 for i in range(24)], np.uint8))
        places = rng.choice(24, 6, replace=False)
        soft[places] *= -0.2
        assert golay.decode_soft(soft) == (data, 6)


def test_refuses_what_is_no_word() -> None:
    with pytest.raises(ValueError, match="24 soft bits, got 23"):
        golay.decode_soft(np.zeros(23, np.float32))
    with pytest.raises(ValueError, match="24 bits"):
        golay.decode(1 << 24)
    with pytest.raises(ValueError, match="12 bits"):
        golay.encode(4096)
