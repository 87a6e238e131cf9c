from __future__ import annotations

import numpy as np
import pytest

from dsp_ext.framesync import FrameSync
from tests import reference
from tests.cuts import cuts

WORD = 0x930B51DE


def found(sync: FrameSync, x: np.ndarray) -> list[tuple[int, int, int]]:
    return list(zip(*(a.tolist() for a in sync.process(x)), strict=True))


def test_finds_both_polarities_and_counts_errors() -> None:
    word = reference.to_bits(WORD.to_bytes(4, "big"))
    bits = np.random.default_rng(1).integers(0, 2, 1000, np.uint8)
    bits[100:132] = word
    bits[500:532] = 1 - word
    bits[[503, 511]] ^= 1
    x = reference.soft(bits, 0.1)
    assert found(FrameSync(WORD, 32, 2), x) == [(132, 0, 1), (532, 2, -1)]
    assert found(FrameSync(WORD, 32, 1), x) == [(132, 0, 1)]
    assert found(FrameSync(WORD, 32, 2, inverted=False), x) == [(132, 0, 1)]


def test_agrees_with_a_plain_search_however_cut() -> None:
    x = np.random.default_rng(2).standard_normal(2000).astype(np.float32)
    for length in (1, 8, 64):
        word = 0xB2D41CA95F03E687 >> (64 - length)
        tolerance = (length - 1) // 3
        bits = np.array([word >> (length - 1 - i) & 1 for i in range(length)])
        wrong = (np.lib.stride_tricks.sliding_window_view(x > 0, length) != bits).sum(axis=1)
        expected = [(i + length, int(w), 1) for i, w in enumerate(wrong) if w <= tolerance]
        expected += [(i + length, int(length - w), -1) for i, w in enumerate(wrong) if length - w <= tolerance]
        for parts in cuts(x):
            sync = FrameSync(word, length, tolerance)
            assert [hit for p in parts for hit in found(sync, p)] == sorted(expected)


def test_starts_anew_and_refuses_nonsense() -> None:
    sync = FrameSync(0b1011, 4)
    x = reference.soft(np.array([1, 0, 1, 1], np.uint8))
    assert found(sync, x) == [(4, 0, 1)]
    sync.reset()
    assert found(sync, x) == [(4, 0, 1)]
    for arguments, message in [((0, 65), "1 to 64"), ((16, 4), "does not fit"), ((1, 4, 2), "under half")]:
        with pytest.raises(ValueError, match=message):
            FrameSync(*arguments)
