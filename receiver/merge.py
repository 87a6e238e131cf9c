"""Frames of parallel chains in one order, each transmission once.

Several transmitters of a satellite can decode the same signal, and a satellite may send a frame on two of them. Equal
payloads of one satellite whose spans in time share at least half of the shorter are one transmission; a beacon that is
repeated is not.

Chains run at their own pace, yet the order that comes out is always the same, because nothing is given out before all
chains have passed it. The order is that of the frames' ends: an order by beginnings would have to wait for the longest
frame that could still be under way.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Hashable, Sequence
from itertools import count

from .stage import Frame

_Key = tuple[Hashable, bytes]
_Entry = tuple[float, int, int, Frame]

_REMEMBERED = 1000  # transmissions given out that later, slower copies are compared with


class Merger:
    """Orders the frames of several chains and removes duplicates.

    Parameters
    ----------
    n_chains : int
    tolerance : source samples by which copies of a frame can end after its first; as long is waited for a better one
    satellites : of each chain; only frames of equal ones are compared. None: all chains are of one satellite.
    """

    def __init__(self, n_chains: int, tolerance: float = 0.0, satellites: Sequence[Hashable] | None = None) -> None:
        self.duplicates = 0
        """Frames removed so far."""
        self._tolerance = tolerance
        self._satellites = list(satellites) if satellites is not None else [None] * n_chains
        self._passed = [-math.inf] * n_chains
        self._pending: list[_Entry] = []
        self._number = count()
        self._copies: dict[_Key, list[_Entry]] = {}
        self._given: deque[tuple[_Key, Frame]] = deque()
        self._given_of: dict[_Key, list[Frame]] = {}

    def begin(self, chain: int, position: float) -> None:
        """Wait for a chain that had ended, whose frames end behind a position, again."""
        self._passed[chain] = position

    def add(self, chain: int, frame: Frame) -> None:
        """Take a frame of a chain, before `advance` says that the chain has passed its end."""
        entry = (frame.end, chain, next(self._number), frame)
        heapq.heappush(self._pending, entry)
        self._copies.setdefault((self._satellites[chain], frame.payload), []).append(entry)

    def advance(self, chain: int, position: float) -> list[tuple[int, Frame]]:
        """Note that a chain has added all its frames that end at or before a position of the source.

        Returns
        -------
        What all chains have passed by now: chain and frame. A chain that has ended advances to infinity.
        """
        self._passed[chain] = max(self._passed[chain], position)
        return self._give(min(self._passed))

    def close(self) -> list[tuple[int, Frame]]:
        """Give all that is left."""
        return self._give(math.inf)

    def _give(self, passed: float) -> list[tuple[int, Frame]]:
        out: list[tuple[int, Frame]] = []
        while self._pending and self._pending[0][0] + self._tolerance <= passed:
            first = heapq.heappop(self._pending)
            end, chain, _, frame = first
            key = (self._satellites[chain], frame.payload)
            copies = self._copies.get(key, [])
            if first not in copies:
                continue  # went with an earlier copy
            if self._was_given(key, frame):
                self._forget(key, [first])
                self.duplicates += 1
                continue
            copies = [e for e in copies if e[0] <= end + self._tolerance and _same(frame, e[3])]
            best = max(copies, key=_merit)
            self._forget(key, copies)
            self._remember(key, best[3])
            self.duplicates += len(copies) - 1
            out.append((best[1], best[3]))
        return out

    def _was_given(self, key: _Key, frame: Frame) -> bool:
        for other in reversed(self._given_of.get(key, ())):
            if other.end + self._tolerance < frame.position:
                return False  # and those before it ended no later than that
            if _same(frame, other):
                return True
        return False

    def _forget(self, key: _Key, entries: list[_Entry]) -> None:
        left = [e for e in self._copies[key] if e not in entries]
        if left:
            self._copies[key] = left
        else:
            del self._copies[key]

    def _remember(self, key: _Key, frame: Frame) -> None:
        self._given.append((key, frame))
        self._given_of.setdefault(key, []).append(frame)
        if len(self._given) > _REMEMBERED:
            old, _ = self._given.popleft()
            del self._given_of[old][0]
            if not self._given_of[old]:
                del self._given_of[old]


def _same(one: Frame, other: Frame) -> bool:
    """Whether two frames of equal payload are one transmission."""
    shared = min(one.end, other.end) - max(one.position, other.position)
    return shared >= 0.5 * min(one.length, other.length)


def _merit(entry: _Entry) -> tuple[int, float, int, int]:
    """Good checksum, then Eb/N0, then the chain's and the frame's order."""
    _, chain, number, frame = entry
    ebn0 = frame.ebn0_db if frame.ebn0_db is not None and not math.isnan(frame.ebn0_db) else -math.inf
    return {True: 2, None: 1, False: 0}[frame.crc_ok], ebn0, -chain, -number
