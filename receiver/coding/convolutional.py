"""Convolutional code, decoded softly: of rate 1/2 and constraint length 7 by name, any other by its generators.

CCSDS                first 171 (octal), then 133 inverted: CCSDS 131.0-B, section 3
NASA-DSN             the other way round: first 133 inverted, then 171
... uninverted       the same without the inversion
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from dsp_ext.trellis import Trellis
from dsp_ext.viterbi import Viterbi

from ..errors import short
from ..framing.ccsds import CODES
from ..stage import parameter
from . import SURE, Block, Failed


@dataclass
class Convolutional:
    """Decode by Viterbi's algorithm."""

    bitwise: ClassVar[bool] = False

    code: str = parameter("", "", "generators, their order and inversion", ("", *CODES))
    generators: list[Any] | None = parameter(
        None, "", "of each symbol of a bit, such as [0o171, 0o133], the newest bit first, where the code has no name"
    )
    inverted: list[Any] = parameter([], "", "for each of them, whether its symbols are sent as their complement")
    terminated: bool = parameter(False, "", "begins and ends with zeros, of which the last are taken off")

    def __post_init__(self) -> None:
        if bool(self.code) == (self.generators is not None):
            raise ValueError("convolutional needs either code or generators")
        if self.generators is not None and not (self.generators and all(isinstance(g, int) for g in self.generators)):
            raise ValueError(f"generators is {short(self.generators)}; it must be a list of whole numbers")
        if not all(isinstance(one, (bool, int)) for one in self.inverted):
            raise ValueError(f"inverted is {short(self.inverted)}; it must be a list of true and false")
        self._viterbi = Viterbi(*CODES[self.code], terminated=self.terminated) if self.code else None
        self._trellis = Trellis(self.generators, self.inverted, terminated=self.terminated) if self.generators else None
        self._symbols = len(self.generators or (1, 2))
        self._tail = max(self.generators or (0o171,)).bit_length() - 1 if self.terminated else 0

    def undo(self, block: Block) -> None:
        if len(block.soft) < self._symbols * max(8, self._tail + 1):
            raise Failed("length")
        if self._viterbi is not None:
            self._viterbi.reset()
            bits = np.concatenate([self._viterbi.process(block.soft)[0], self._viterbi.flush()[0]])
            if self.terminated:
                bits = bits[: -self._tail]
        else:
            assert self._trellis is not None
            bits, wrong = self._trellis.decode(np.ascontiguousarray(block.soft))
            block.changed(wrong)
        block.soft, block.decided, block.line = (2 * bits.astype(np.float32) - 1) * SURE, True, None

    def rate(self) -> float:
        return 1 / self._symbols

    def before(self, bits: int) -> int:
        return self._symbols * (bits + self._tail)


stage = Convolutional
