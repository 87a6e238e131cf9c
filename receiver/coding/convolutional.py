"""Convolutional code, decoded softly: of rate 1/2 and constraint length 7 by name, any other by its generators.

CCSDS                first 171 (octal), then 133 inverted: CCSDS 131.0-B, section 3
NASA-DSN             the other way round: first 133 inverted, then 171
... uninverted       the same without the inversion

Of a punctured code some symbols are not sent. With 171 and 133 uninverted, CCSDS 131.0-B, section 3.4, has 1101 for
rate 2/3, 110110 for 3/4, 1101100110 for 5/6 and 11010101100110 for 7/8.
"""

from __future__ import annotations

import math
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
    sized: ClassVar[bool] = True

    code: str = parameter("", "", "generators, their order and inversion", ("", *CODES))
    generators: list[Any] | None = parameter(
        None, "", "of each symbol of a bit, such as [0o171, 0o133], the newest bit first, where the code has no name"
    )
    inverted: list[Any] = parameter([], "", "for each of them, whether its symbols are sent as their complement")
    terminated: bool = parameter(False, "", "begins and ends with zeros, of which the last are taken off")
    punctured: str = parameter("", "", "which symbols are sent (1) and which not (0), over and over, such as 1101")

    def __post_init__(self) -> None:
        if bool(self.code) == (self.generators is not None):
            raise ValueError("convolutional needs either code or generators")
        if self.generators is not None and not (self.generators and all(isinstance(g, int) for g in self.generators)):
            raise ValueError(f"generators is {short(self.generators)}; it must be a list of whole numbers")
        if not all(isinstance(one, (bool, int)) for one in self.inverted):
            raise ValueError(f"inverted is {short(self.inverted)}; it must be a list of true and false")
        generators, inverted = CODES[self.code] if self.code else (self.generators or [], self.inverted)
        self._symbols = len(generators)
        self._tail = max(generators).bit_length() - 1 if self.terminated else 0
        # a stream decoder's reach is too short where symbols are missing
        alone = not self.code or self.punctured
        self._trellis = Trellis(generators, inverted, terminated=self.terminated) if alone else None
        self._viterbi = None if alone else Viterbi(*CODES[self.code], terminated=self.terminated)
        if set(self.punctured) - {"0", "1"}:
            raise ValueError(f"punctured is {short(self.punctured)}; it must be 0 and 1 for each of some symbols")
        turns = math.lcm(len(self.punctured), self._symbols) // max(1, len(self.punctured))
        self._sent = np.array([each == "1" for each in turns * self.punctured])
        """Symbols of the pattern, until it begins with a bit's first one again."""
        if not self._sent.reshape(-1, self._symbols).any(axis=1).all():
            raise ValueError(f"punctured is {short(self.punctured)}; of each bit a symbol must be sent")

    def undo(self, block: Block) -> None:
        if len(block.soft) < self.before(8):
            raise Failed("length")
        if self.punctured:
            self._fill(block)
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

    def _fill(self, block: Block) -> None:
        """Put unknown symbols in the places of those that were not sent."""
        kept, n = np.flatnonzero(self._sent), len(block.soft)
        turns, rest = divmod(np.arange(n + 1), len(kept))
        places = turns * len(self._sent) + kept[rest]
        full = np.zeros(places[-1], np.float32)  # up to the next one that would have been sent
        full[places[:-1]] = block.soft
        block.soft, block.line = full, None

    def rate(self) -> float:
        sent = float(self._sent.mean()) if self.punctured else 1.0
        return 1 / (self._symbols * sent)

    def before(self, bits: int) -> int:
        symbols = self._symbols * (bits + self._tail)
        return int(np.resize(self._sent, symbols).sum()) if self.punctured else symbols


stage = Convolutional
