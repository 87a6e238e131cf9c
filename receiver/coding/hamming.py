"""Hamming code: words that bear one wrong bit, and more where it is sure which; maximum likelihood.

    by place     place i, from 1, of the word: parity where i is a power of two, of all places whose number has that bit
    systematic   the same data, then the same parity, each in this order

    (7,4)    p1 p2 d1 p4 d2 d3 d4
    (8,4)    the same, and a bit that makes the number of ones even
    (12,8)   p1 p2 d1 p4 d2 d3 d4 p8 d5 d6 d7 d8
    (15,11)  … d9 d10 d11

R. W. Hamming, "Error detecting and error correcting codes", 1950.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..stage import parameter
from ._words import Words, WordStep


@dataclass
class Hamming(WordStep):
    """Correct words and take their parity off."""

    n: int = parameter(7, "bits", "of a word: with 4, 4, 8 and 11 bits of data", (7, 8, 12, 15))
    form: str = parameter("systematic", "", "where parity stands", ("systematic", "by place"))
    parity_first: bool = parameter(False, "", "in the systematic form, parity is sent before the data")
    words: int = parameter(0, "", "at the beginning, behind which all is sent as it is; 0: all are")

    def __post_init__(self) -> None:
        extended = self.n == 8
        places = np.arange(1, self.n + 1 - extended)
        data = [i for i in places.tolist() if i & i - 1]
        rows = np.zeros((len(data), len(places)), np.uint8)
        for row, place in zip(rows, data, strict=True):
            row[place - 1] = 1
            row[[(1 << i) - 1 for i in range(4) if place >> i & 1]] = 1
        where = np.array(data) - 1
        if self.form == "systematic":
            parity = np.setdiff1d(places - 1, where)
            order = np.concatenate([parity, where] if self.parity_first else [where, parity])
            rows, where = rows[:, order], np.arange(len(data)) + len(parity) * self.parity_first
        if extended:
            rows = np.concatenate([rows, rows.sum(axis=1, keepdims=True) % 2], axis=1).astype(np.uint8)
        self.use(Words(rows, where))


stage = Hamming
