"""Extended Golay code (24,12), as GomSpace's radios have it (see `dsp_ext.golay`): maximum likelihood.

Bears three wrong bits of 24, and more where it is sure which. Cyclic forms are `bch` with a polynomial.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dsp_ext.golay import encode

from ..stage import parameter
from ._words import Words, WordStep


@dataclass
class Golay(WordStep):
    """Correct words and take their parity off."""

    parity_first: bool = parameter(True, "", "12 bits of parity are sent before 12 of data; else behind them")
    words: int = parameter(0, "", "at the beginning, behind which all is sent as it is; 0: all are")

    def __post_init__(self) -> None:
        rows = np.array([[encode(1 << i) >> j & 1 for j in range(23, -1, -1)] for i in range(11, -1, -1)], np.uint8)
        rows = rows if self.parity_first else np.roll(rows, 12, axis=1)
        self.use(Words(rows, np.arange(12) + 12 * self.parity_first))


stage = Golay
