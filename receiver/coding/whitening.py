"""Additive scrambler: a fixed sequence, begun anew with each frame, is added modulo 2.

PN9      x^9 + x^5 + 1 from all ones, each byte's first bit the least significant: Texas Instruments, "CC11xx data
         whitening", design note DN509; Semtech's SX12xx has the same
Si4463   the same polynomial from 1 0000 1111, first bit the most significant: Silicon Labs AN625, property
         PKT_WHT_POLY
A polynomial x^m + … has a tap m - e for each of its lower exponents e: x^9 + x^5 + 1 is taps [9, 4].
CCSDS and CCSDS long are the randomisers of CCSDS 131.0-B, section 10.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from dsp_ext.bits import lfsr_sequence

from ..errors import short
from ..framing._block import RANDOMISERS
from ..stage import parameter
from . import Block, Failed

SEQUENCES = {
    "PN9": ((9, 4), "111111111", True),
    "Si4463": ((9, 4), "100001111", False),
    **{name: (*rule, False) for name, rule in RANDOMISERS.items()},
}
"""Distances back of the recurrence, first bits, and whether the first bit is a byte's least significant."""


@cache
def signs(taps: tuple[int, ...], seed: str, lsb_first: bool, n: int) -> NDArray[np.float32]:
    """(n,) -1 where the sequence has a 1."""
    sequence = np.unpackbits(lfsr_sequence(taps, [int(bit) for bit in seed], (n + 7) // 8))
    if lsb_first:
        sequence = sequence.reshape(-1, 8)[:, ::-1].ravel()
    made: NDArray[np.float32] = np.float32(1) - 2 * sequence[:n].astype(np.float32)
    return made


@dataclass
class Whitening:
    """Take an additive scrambler's sequence off."""

    bitwise: ClassVar[bool] = True
    sized: ClassVar[bool] = True

    sequence: str = parameter("", "", "one that has a name", ("", *SEQUENCES))
    taps: list[Any] | None = parameter(None, "bits", "distances back of the bits that are added up to the next")
    seed: str = parameter("", "", "its first bits, as many as the longest tap, such as 11111111")
    hex: str = parameter("", "", "or the whole sequence, in hexadecimal digits")
    lsb_first: bool = parameter(False, "", "the first bit falls on the least significant one of a byte")
    start: int = parameter(0, "B", "where it begins")

    def __post_init__(self) -> None:
        if bool(self.sequence) + bool(self.taps) + bool(self.hex) != 1:
            raise ValueError("whitening needs either sequence, or taps and seed, or hex")
        if self.start < 0:
            raise ValueError(f"start is {self.start}; it must be 0 or more")
        self._signs: NDArray[np.float32] | None = None
        if self.hex:
            try:
                sequence = np.frombuffer(bytes.fromhex(self.hex), np.uint8)
            except ValueError:
                raise ValueError(f"hex is {short(self.hex)}; it must be pairs of hexadecimal digits") from None
            self._signs = np.float32(1) - 2 * np.unpackbits(sequence).astype(np.float32)
            return
        self._rule = SEQUENCES[self.sequence] if self.sequence else (tuple(self.taps or ()), self.seed, self.lsb_first)
        if self.taps and (not all(isinstance(t, int) and 0 < t <= 64 for t in self.taps)):
            raise ValueError(f"taps is {self.taps}; it must be a list of whole numbers from 1 to 64")
        if len(self._rule[1]) != max(self._rule[0]) or set(self._rule[1]) - set("01"):
            raise ValueError(f"seed is {self.seed!r}; it must be {max(self._rule[0])} bits, each 0 or 1")

    def undo(self, block: Block) -> None:
        head = 8 * self.start
        tail = block.soft[head:]
        if self._signs is not None:
            if len(tail) > len(self._signs):
                raise Failed("length")
            sequence = self._signs[: len(tail)]
        else:
            sequence = signs(*self._rule, len(tail))
        block.line = block.soft
        block.soft = np.concatenate([block.soft[:head], tail * sequence])

    def rate(self) -> float:
        return 1.0

    def before(self, bits: int) -> int:
        return bits


stage = Whitening
