"""Repeat-accumulate code of rate one half, as SMOG-P and its successors have it (see `dsp_ext.repeataccumulate`)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import numpy as np

from dsp_ext.repeataccumulate import RepeatAccumulate

from . import Block, Failed

SIZES = range(8, 514, 2)


@cache
def code_of(size: int) -> RepeatAccumulate | None:
    """The code whose words have so many bytes."""
    made = (RepeatAccumulate(n) for n in SIZES)
    return next((code for code in made if code.code_size == size), None)


@cache
def log_ball(bits: int, errors: int) -> float:
    """Logarithm to base 2 of the number of words that differ in no more than so many bits."""
    total = sum(math.comb(bits, i) for i in range(errors + 1))
    return math.log2(total)


@dataclass
class Ra:
    """Decode; the frame's length says which code it is."""

    bitwise: ClassVar[bool] = False
    sized: ClassVar[bool] = True

    def undo(self, block: Block) -> None:
        code = code_of(len(block.soft) // 8) if len(block.soft) % 8 == 0 else None
        if code is None:
            raise Failed("length")
        data, wrong = code.decode(block.soft)
        if not data.any():
            # zeros are a code word, and what a carrier gives between two transmissions
            raise Failed("fec")
        bits = len(block.soft)
        # of all words that noise may be, how many are as near to some code word: bits of the code, less those of data
        excess = bits - 8 * len(data) - log_ball(bits, wrong) if 4 * wrong < bits else 0.0
        if excess < 8 or (chance := block.chance * 2.0 ** -min(excess, 900.0)) > block.limit:
            raise Failed("fec")
        block.chance, block.decided = chance, False
        block.decide(np.unpackbits(data))
        block.changed(wrong)

    def rate(self) -> float:
        return 0.5

    def before(self, bits: int) -> int:
        return 2 * bits


stage = Ra
