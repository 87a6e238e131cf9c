"""Frames behind a sync word: candidates, tried in the order in which their symbols are complete."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from dsp_ext.framesync import FrameSync

T = TypeVar("T")


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
    used : symbols that a frame takes; None: all that it was given
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
    ) -> None:
        words = [words] if isinstance(words, int) else words
        self._syncs = [FrameSync(word, bits, tolerance, inverted=inverted, spacing=spacing) for word in words]
        self._back = (bits - 1) * spacing + 1 if spacing > 1 else 0
        self.window = Window(longest)
        """The symbols that are kept."""
        self._header = header
        self._attempt = attempt
        self._used = used
        self._waiting: list[tuple[int, Candidate]] = []
        self._end = 0

    @property
    def stop(self) -> int:
        """Index of the symbol that comes next; every frame that ends before it has been given."""
        return self.window.stop

    def waiting(self, start: int, stop: int) -> list[Candidate]:
        """Candidates from start up to stop that are still to be tried, in order."""
        return sorted(candidate for _, candidate in self._waiting if start <= candidate.start < stop)

    def process(self, soft: NDArray[np.float32]) -> list[T]:
        """Search the next soft symbols; gives the frames that they complete, in the order of their ends."""
        self.window.append(soft)
        for which, sync in enumerate(self._syncs):
            for start, errors, polarity in zip(*(a.tolist() for a in sync.process(soft)), strict=True):
                begin = start - self._back
                heapq.heappush(self._waiting, (begin + self._header, Candidate(begin, errors, polarity, which)))
        return self._tried()

    def flush(self, lacking: float) -> list[T]:
        """Try what waits for symbols behind the end, as if they were unknown, but for no more than this part of it."""
        frames = []
        end = self.window.stop
        while self._waiting:
            ready, candidate = self._waiting[0]
            if ready - end > lacking * (ready - candidate.start):
                heapq.heappop(self._waiting)
                continue
            self.window.append(np.zeros(max(0, ready - self.window.stop), np.float32))
            frames += self._tried()
        return frames

    def _tried(self) -> list[T]:
        frames = []
        while self._waiting and self._waiting[0][0] <= self.window.stop:
            ready, candidate = heapq.heappop(self._waiting)
            if candidate.start < self._end:
                continue  # inside a frame
            symbols = self.window[candidate.start : ready]
            result = self._attempt(candidate, symbols if candidate.polarity > 0 else -symbols)
            if isinstance(result, int):
                heapq.heappush(self._waiting, (candidate.start + result, candidate))
            elif result is not None:
                self._end = ready if self._used is None else candidate.start + self._used(result)
                frames.append(result)
        return frames


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
