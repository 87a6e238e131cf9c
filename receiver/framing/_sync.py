"""Frames behind a sync word: candidates, tried in the order in which their symbols are complete.

A frame that begins early: cyclic codes, and sequences that are words of them, let a chance sync word some bytes before
the true one, or some bits in other codes, begin a frame that is corrected, one error for about each byte, to a wrong
one. So a corrected frame waits for candidates a little behind its own; of two frames that one stands which noise would
make more seldom, and with less correction where both are beyond numbers.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from dsp_ext.framesync import FrameSync

from ..stage import Frame

T = TypeVar("T")

BYTE = 16
"""Symbols of a byte at the most, in a code of rate 1/2."""
RIGHT_BY_CHANCE = 4
"""Bytes before a frame that may be as they would be were they part of it, one of 256."""


@dataclass(frozen=True, slots=True, order=True)
class Candidate:
    """A place where a sync word may have been."""

    start: int
    """Index of the first symbol behind it."""
    errors: int
    """Its wrong bits."""
    polarity: int
    """1, or -1 where the complement was found."""
    which: int = 0
    """Of several sync words."""


@dataclass(frozen=True, slots=True)
class _Held(Generic[T]):
    """A result that another may take the place of."""

    result: T
    start: int
    until: int
    """The true frame may begin behind `start` and before here."""
    end: int
    doubt: tuple[float, int]
    """Probability that noise makes such a frame, and what was corrected in it."""


def _itself(result: object) -> Frame | None:
    return result if isinstance(result, Frame) else None


class SyncedFrames(Generic[T]):
    """Finds sync words in soft symbols and has each tried as soon as enough symbols have come.

    Parameters
    ----------
    words : sync word, or several that are no nearer to each other than the tolerance bears
    tolerance : wrong bits allowed in it
    longest : symbols of the longest frame behind it
    header : symbols behind it that the first try needs
    attempt : given candidate and soft symbols in upright polarity, gives the number of symbols that it needs, the
        frame, or None when there is none
    bits : of the sync word, up to 64
    inverted : search for the complement too
    spacing : symbols from one of its bits to the next; when that is more than 1, the frame begins with the first
    used : symbols that a result takes; None: all that it was given
    frame : the frame in a result, by which it is told whether it begins early; None in one that is certain
    """

    def __init__(
        self,
        words: int | Sequence[int],
        tolerance: int,
        longest: int,
        header: int,
        attempt: Callable[[Candidate, NDArray[np.float32]], int | T | None],
        *,
        bits: int = 32,
        inverted: bool = True,
        spacing: int = 1,
        used: Callable[[T], int] | None = None,
        frame: Callable[[T], Frame | None] = _itself,
    ) -> None:
        words = [words] if isinstance(words, int) else words
        self._syncs = [FrameSync(word, bits, tolerance, inverted=inverted, spacing=spacing) for word in words]
        self._back = (bits - 1) * spacing + 1 if spacing > 1 else 0
        self.window = Window(longest)
        """The symbols that are kept."""
        self._header = header
        self._attempt = attempt
        self._used = used
        self._frame = frame
        self._waiting: list[tuple[int, Candidate]] = []
        self._held: _Held[T] | None = None
        self._aside: list[tuple[int, Candidate]] = []
        """Candidates that may be inside the frame that is held, or not."""
        self._end = 0

    @property
    def stop(self) -> int:
        """Index of the symbol that comes next; every frame that ends before it has been given."""
        return self.window.stop

    def process(self, soft: NDArray[np.float32]) -> list[T]:
        """Search the next soft symbols; gives the frames that they complete, in the order of their ends."""
        self.window.append(soft)
        for which, sync in enumerate(self._syncs):
            for start, errors, polarity in zip(*(a.tolist() for a in sync.process(soft)), strict=True):
                begin = start - self._back
                heapq.heappush(self._waiting, (begin + self._header, Candidate(begin, errors, polarity, which)))
        return self._tried()

    def flush(self, lacking: float) -> list[T]:
        """Try what waits for symbols behind the end, as if they were unknown, but for no more than this part of it.

        Gives what was still held, too.
        """
        frames = []
        end = self.window.stop
        while self._waiting or self._held is not None:
            if not self._waiting:
                frames += self._settled(ended=True)
                continue
            ready, candidate = self._waiting[0]
            if ready - end > lacking * (ready - candidate.start):
                heapq.heappop(self._waiting)
                continue
            self.window.append(np.zeros(max(0, ready - self.window.stop), np.float32))
            frames += self._tried()
        return frames

    def _tried(self) -> list[T]:
        frames = self._settled()
        while self._waiting and self._waiting[0][0] <= self.window.stop:
            ready, candidate = heapq.heappop(self._waiting)
            held = self._held
            if candidate.start < self._end or (held is not None and candidate.start <= held.start):
                continue  # inside a frame
            if held is not None and candidate.start >= held.until:
                self._aside.append((ready, candidate))
                continue
            symbols = self.window[candidate.start : ready]
            result = self._attempt(candidate, symbols if candidate.polarity > 0 else -symbols)
            if isinstance(result, int):
                heapq.heappush(self._waiting, (candidate.start + result, candidate))
            elif result is not None:
                self._hold(candidate.start, ready, result)
            frames += self._settled()
        return frames

    def _hold(self, start: int, ready: int, result: T) -> None:
        """Take a result in place of the one that is held, if its frame is the better one."""
        end = ready if self._used is None else start + self._used(result)
        frame = self._frame(result)
        chance, corrected = (0.0, 0) if frame is None else (frame.false_alarm or 0.0, frame.corrected or 0)
        if self._held is not None and self._held.doubt <= (chance, corrected):
            return
        early = min(BYTE * (corrected + RIGHT_BY_CHANCE), (end - start) // 2) if corrected else 0
        self._held = _Held(result, start, start + early, end, (chance, corrected))
        self._try_again()

    def _settled(self, *, ended: bool = False) -> list[T]:
        """The result that is held, once no candidate is left whose frame may be better."""
        held = self._held
        if held is None:
            return []
        open_still = self.window.stop < held.until or any(held.start < c.start < held.until for _, c in self._waiting)
        if open_still and not ended:
            return []
        self._held, self._end = None, held.end
        self._try_again()
        return [held.result]

    def _try_again(self) -> None:
        """Have those that were put aside wait for their turn again."""
        for waiting in self._aside:
            heapq.heappush(self._waiting, waiting)
        self._aside.clear()


class Window:
    """The last items of a stream, by their index since its beginning: at least `capacity` and those appended last."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._first = 0
        self._items: NDArray[np.float32] = np.empty(0, np.float32)

    @property
    def start(self) -> int:
        """Index of the oldest item that is kept."""
        return self._first

    @property
    def stop(self) -> int:
        """Index of the item that comes next."""
        return self._first + len(self._items)

    def append(self, items: NDArray[Any]) -> None:
        """Add items at the end."""
        drop = max(0, len(self._items) - self._capacity)
        self._first += drop
        self._items = np.concatenate([self._items[drop:], items])

    def __getitem__(self, span: slice) -> NDArray[np.float32]:
        if not self._first <= span.start <= span.stop <= self.stop:
            raise ValueError(f"items {span.start} to {span.stop} asked for, {self._first} to {self.stop} are kept")
        return self._items[span.start - self._first : span.stop - self._first]
