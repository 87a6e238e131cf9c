"""Convolutional code of rate 1/2 and constraint length 7, decoded softly.

CCSDS                first 171 (octal), then 133 inverted: CCSDS 131.0-B, section 3
NASA-DSN             the other way round: first 133 inverted, then 171
... uninverted       the same without the inversion
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from dsp_ext.viterbi import Viterbi

from ..framing.ccsds import CODES
from ..stage import parameter
from . import SURE, Block, Failed


@dataclass
class Convolutional:
    """Decode by Viterbi's algorithm."""

    bitwise: ClassVar[bool] = False

    code: str = parameter("CCSDS", "", "generators, their order and inversion", tuple(CODES))
    terminated: bool = parameter(False, "", "begins and ends with six zeros, of which the last are taken off")

    def __post_init__(self) -> None:
        self._viterbi = Viterbi(*CODES[self.code], terminated=self.terminated)

    def undo(self, block: Block) -> None:
        if len(block.soft) < 2 * 6:
            raise Failed("length")
        self._viterbi.reset()
        bits = np.concatenate([self._viterbi.process(block.soft)[0], self._viterbi.flush()[0]])
        if self.terminated:
            bits = bits[:-6]
        block.soft, block.decided = (2 * bits.astype(np.float32) - 1) * SURE, True

    def rate(self) -> float:
        return 0.5

    def before(self, bits: int) -> int:
        return 2 * (bits + (6 if self.terminated else 0))


stage = Convolutional
