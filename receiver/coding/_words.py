"""Words of short linear codes, decoded softly, and how likely it is that noise made what was found.

With few bits of data, all words are compared: maximum likelihood. With more, the received word is taken with every
combination of flips of its least sure bits, each is corrected as far as the code goes by its syndrome, and the
likeliest word of those is kept (D. Chase, "A class of algorithms for decoding block codes with channel measurement
information", 1972, algorithm 2). Where there are too many syndromes for a table, the code has a decoder of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import combinations
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ..framing._block import FLIPS
from . import SURE, Block, Failed
from .ra import log_ball

FEW = 12
"""Bits of data up to which all words are compared."""
LARGEST = 20
"""Logarithm to base 2 of the error patterns that a table may hold."""
FOUND_OUT = 16
"""The same, where it is not known how many errors the code bears."""
FEW_FLIPS = 5
"""Least sure bits that are flipped where each combination is decoded alone."""
AT_ONCE = 64
"""Words that are compared with all at a time."""
MOST = 2.0**-16
"""What regularity bears out at most: a frame has it a word too early or too late as well, where only noise has a sync
word, so that most of the evidence must be elsewhere."""
PERIOD = 64
"""Bits up to which what repeats is no evidence: a bare carrier or a preamble makes words of most codes."""


class Words:
    """A systematic linear code.

    Parameters
    ----------
    rows : (k, n) 0 or 1, the word of each bit of data alone
    data : (k,) places of the bits of data in a word
    errors : wrong bits that any word bears; None: as many as have syndromes of their own
    decoder : gives the word that is near to (n,) bits, or None; for codes that bear too many errors for a table
    """

    def __init__(
        self,
        rows: NDArray[np.uint8],
        data: NDArray[np.int64],
        errors: int | None = None,
        decoder: Callable[[NDArray[np.bool_]], NDArray[np.bool_] | None] | None = None,
    ) -> None:
        self.k, self.n = int(rows.shape[0]), int(rows.shape[1])
        self.data = data
        self._parity = np.setdiff1d(np.arange(self.n), data)
        if self.k <= FEW:
            all_data = np.arange(1 << self.k)[:, None] >> np.arange(self.k) & 1
            self._all = (2 * (all_data @ rows % 2) - 1).astype(np.float32).T.copy()
            return
        self._decoder = decoder
        if decoder is not None:
            return
        places = np.int64(1) << np.arange(len(self._parity))
        self._columns = np.zeros(self.n, np.int64)
        self._columns[data] = rows[:, self._parity] @ places
        self._columns[self._parity] = places
        columns = tuple(self._columns.tolist())
        self._syndromes, self._errors = _table(columns, _borne(columns) if errors is None else errors)

    def decode(self, soft: NDArray[np.float32]) -> NDArray[np.bool_] | None:
        """The likeliest words.

        Parameters
        ----------
        soft : (words, n)

        Returns
        -------
        (words, n) bits; None when one of them is near no word
        """
        out = np.empty(soft.shape, bool)
        if self.k <= FEW:
            for i in range(0, len(soft), AT_ONCE):
                best = (soft[i : i + AT_ONCE] @ self._all).argmax(axis=1)
                out[i : i + AT_ONCE] = self._all[:, best].T > 0
            return out
        if self._decoder is not None:
            for row, word in zip(soft, out, strict=True):
                nearest = self._nearest(row, self._decoder)
                if nearest is None:
                    return None
                word[:] = nearest
            return out
        for i in range(0, len(soft), AT_ONCE):
            some = soft[i : i + AT_ONCE]
            changes = self._changes(some)
            if changes is None:
                return None
            out[i : i + AT_ONCE] = (some > 0) ^ changes
        return out

    @staticmethod
    def _nearest(
        soft: NDArray[np.float32], decoder: Callable[[NDArray[np.bool_]], NDArray[np.bool_] | None]
    ) -> NDArray[np.bool_] | None:
        """The likeliest of the words that a decoder gives with every combination of flips."""
        hard, sureness = soft > 0, np.abs(soft)
        weak = np.argsort(sureness, kind="stable")[:FEW_FLIPS]
        best, least = None, np.inf
        for flips in range(1 << len(weak)):
            trial = hard.copy()
            trial[weak] ^= (flips >> np.arange(len(weak)) & 1).astype(bool)
            word = decoder(trial)
            cost = np.inf if word is None else float(sureness[word != hard].sum())
            if cost < least:
                best, least = word, cost
            if least == 0:
                break
        return best

    def _changes(self, soft: NDArray[np.float32]) -> NDArray[np.bool_] | None:
        """(words, n) what makes words of what was received, at the least cost."""
        count = len(soft)
        sureness = np.pad(np.abs(soft), ((0, 0), (0, 1)))  # the last for no error
        rows = np.arange(count)[:, None]
        weak = np.argsort(sureness[:, :-1], axis=1, kind="stable")[:, :FLIPS]
        sums = np.bitwise_xor.reduce(np.where(soft > 0, self._columns, 0), axis=1)[:, None]
        cost = np.zeros((count, 1), np.float32)
        for place in weak.T:
            sums = np.concatenate([sums, sums ^ self._columns[place, None]], axis=1)
            cost = np.concatenate([cost, cost + sureness[rows, place[:, None]]], axis=1)
        flips = np.arange(sums.shape[1])
        turned = np.zeros((count, self.n + 1), np.int64)  # by which bit of the number of a combination
        turned[rows, weak] = 1 << np.arange(weak.shape[1])
        found = np.minimum(np.searchsorted(self._syndromes, sums), len(self._syndromes) - 1)
        for places in np.moveaxis(self._errors[found], 2, 0):
            price = sureness[rows, places]
            cost += np.where(turned[rows, places] & flips, -price, price)
        cost[self._syndromes[found] != sums] = np.inf
        best = cost.argmin(axis=1)
        if np.isinf(cost[rows[:, 0], best]).any():
            return None
        changes: NDArray[np.bool_] = (turned & best[:, None]) != 0
        for places in self._errors[found[rows[:, 0], best]].T:
            changes[rows[:, 0], places] ^= True
        return changes[:, :-1]


@cache
def _table(columns: tuple[int, ...], errors: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Syndromes in ascending order, and the (errors,) wrong places of each; n stands for none."""
    n, single = len(columns), np.array(columns, np.int64)
    if log_ball(n, errors) > LARGEST:
        raise ValueError(f"{errors} errors among {n} bits are more than the decoder can bear")
    syndromes, places = [np.zeros(1, np.int64)], [np.full((1, errors), n)]
    for count in range(1, errors + 1):
        some = np.array(list(combinations(range(n), count)))
        syndromes.append(np.bitwise_xor.reduce(single[some], axis=1))
        places.append(np.pad(some, ((0, 0), (0, errors - count)), constant_values=n))
    of, where = np.concatenate(syndromes), np.concatenate(places)
    order = np.argsort(of, kind="stable")
    return of[order], where[order]


@cache
def _borne(columns: tuple[int, ...]) -> int:
    errors = 0
    while errors < len(columns) and log_ball(len(columns), errors + 1) <= FOUND_OUT:
        syndromes = _table(columns, errors + 1)[0]
        if (syndromes[1:] == syndromes[:-1]).any():
            break
        errors += 1
    return errors


class WordStep:
    """A step that decodes words, one behind the other, and keeps their data; what fills no word is left out."""

    bitwise: ClassVar[bool] = True
    sized: ClassVar[bool] = True
    words: int
    _words: Words

    def use(self, code: Words) -> None:
        """Decode words of this code."""
        if self.words < 0:
            raise ValueError(f"words is {self.words}; it must be 0 or more")
        self._words = code

    def undo(self, block: Block) -> None:
        code, whole = self._words, len(block.soft) // self._words.n
        count = self.words or whole
        if not 0 < count <= whole:
            raise Failed("length")
        coded = count * code.n
        if not self.words:
            block.take(slice(coded))
        soft = np.ascontiguousarray(block.soft[:coded]).reshape(count, code.n)
        bits = code.decode(soft)
        if bits is None:
            raise Failed("fec")
        changed = bits != (soft > 0)
        line = bits.ravel() if block.line is None else (block.line[:coded] > 0) ^ changed.ravel()
        # what is not known at all bears nothing out
        weigh(block, soft.size, int(np.count_nonzero(changed | (soft == 0))), count * code.k, line)
        block.changed(int(np.count_nonzero(changed)))
        decoded = np.where(changed, np.where(bits, SURE, -SURE), soft).ravel()
        block.soft = np.concatenate([decoded, block.soft[coded:]])
        data = np.arange(count)[:, None] * code.n + code.data
        block.take(np.concatenate([data.ravel(), np.arange(coded, len(block.soft))]))

    def rate(self) -> float:
        return 1.0 if self.words else self._words.k / self._words.n

    def before(self, bits: int) -> int:
        if self.words:
            return self.words * self._words.n + max(0, bits - self.words * self._words.k)
        return -(-bits // self._words.k) * self._words.n


def weigh(block: Block, n: int, wrong: int, data: int, line: NDArray[np.bool_]) -> None:
    """Count for a block that of n bits no more are wrong, where some of them, the data, make one word of many.

    Random bits are so near to any word with the chance of the number of words, times that of those that differ in so
    many places from one, over that of all. What repeats on the line is no evidence.
    """
    excess = n - data - log_ball(n, wrong) if 2 * wrong < n else 0.0
    if excess > 0 and not repeats(line):
        regular = max(MOST, min(block.regular, 2.0 ** -min(excess, 900.0)))
        block.chance *= regular / block.regular
        block.regular = regular


def repeats(bits: NDArray[np.bool_]) -> bool:
    """Whether bits are a pattern of up to `PERIOD` over and over, at least twice."""
    longest = min(PERIOD, len(bits) // 2)
    return any(bool((bits[period:] == bits[:-period]).all()) for period in range(1, longest + 1))
