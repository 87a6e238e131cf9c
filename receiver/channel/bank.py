"""Many chains on one wide stream: parts it into branches once, instead of filtering all of it for each chain.

    wide stream -> filter bank -+-> branch of 2/M of the rate -> Doppler -> …      a chain
                                +-> …

A branch's filter passes 3/8 of its rate to each side and keeps out, by 79 dB, what would fold into that. A carrier is
within 1/4 of the rate from the middle of the nearest branch, so a chain that looks no further than `ROOM` of it to each
side of its carrier gets the same from there as from the whole stream.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dsp_ext.channelizer import Channelizer

from ..stage import Chunk, Stream
from .filters import lowpass

ROOM = 1 / 8
"""Of a branch's rate, to each side of a carrier."""
STOPBAND = 79.0
"""dB; what ten taps for each branch attain."""
TURN, TURN_EACH = 0.1, 0.01
"""Seconds that are handed on together, and how many more for each branch: a chunk costs a chain some time by itself."""
SIZES = sorted(size for odd in (1, 3, 5) for n in range(3, 10) if (size := odd << n) <= 512)


@dataclass(frozen=True)
class Band:
    """Where a chain looks."""

    frequency: float
    """Middle, Hz."""
    reach: float
    """To each side of it, Hz."""

    def within(self, stream: Stream) -> bool:
        """Whether a stream has its middle."""
        return stream.frequency is not None and abs(self.frequency - stream.frequency) <= stream.rate / 2


def size_for(rate: float, bands: Sequence[Band]) -> int | None:
    """Number of branches with which a stream costs these chains least; None where each is cheaper by itself.

    Counted is what mixes and decimates, in samples at which a chain does that. A bank costs what one and a half chains
    do, a little more when it is large; a chain behind it works on its branch only, if that is wide enough for it.
    """

    def cost(size: int) -> float:
        branch = 2 / size
        return 1.5 + size / 600 + sum(branch if fits(band, branch * rate) else 1.0 for band in bands)

    best = min(SIZES, key=cost)
    return best if cost(best) < len(bands) else None


def fits(band: Band, rate: float) -> bool:
    """Whether a branch of this rate holds all that a chain looks at."""
    return band.reach <= ROOM * rate


class Bank:
    """Filter bank over one stream, up to the next gap.

    Parameters
    ----------
    stream : of IQ, of known frequency
    size : number of branches
    """

    def __init__(self, stream: Stream, size: int) -> None:
        self._stream, self._size = stream, size
        self.rate = stream.rate * 2 / size
        """Of a branch."""
        self._kernel = Channelizer(lowpass(1 / size, 1 / (2 * size), STOPBAND), size)
        self._branches = np.empty(0, np.int64)
        self._held: list[NDArray[np.complex64]] = []
        self._count = self._given = 0  # outputs made, and of them handed on
        self._origin: float | None = None

    def branch(self, frequency: float) -> int:
        """The one whose middle is next to a radio frequency."""
        return round((frequency - (self._stream.frequency or 0.0)) * self._size / self._stream.rate) % self._size

    def stream(self, frequency: float) -> Stream:
        """What the branch next to a radio frequency gives. That at the band's edge has a middle at either end."""
        zero, step = self._stream.frequency or 0.0, self._stream.rate / self._size
        return replace(self._stream, rate=self.rate, frequency=zero + round((frequency - zero) / step) * step)

    def want(self, branches: Iterable[int]) -> dict[int, Chunk]:
        """Choose the branches from now on; gives what is held of those before."""
        given = self._give()
        self._branches = np.array(sorted(set(branches)), np.int64)
        return given

    def process(self, chunk: Chunk) -> dict[int, Chunk]:
        """Take samples; gives chunks by branch as soon as there is enough of them."""
        if self._origin is None:
            self._origin, self._clock = chunk.position, chunk.clock
        self._hold(self._kernel.process(chunk.items, self._branches))
        enough = (TURN + TURN_EACH * len(self._branches)) * self.rate
        return self._give() if self._count - self._given >= enough else {}

    def close(self) -> dict[int, Chunk]:
        """What is still inside; the bank is not used again."""
        if self._origin is not None:
            self._hold(self._kernel.flush(self._branches))
        return self._give()

    def _hold(self, made: NDArray[np.complex64]) -> None:
        self._held.append(made)
        self._count += made.shape[1]

    def _give(self) -> dict[int, Chunk]:
        if self._count == self._given or self._origin is None:
            return {}
        step = self._size // 2 * (self._clock.rate / self._stream.rate)
        position = self._origin + self._given * step
        rows = np.concatenate(self._held, axis=1)
        rows.flags.writeable = False  # chains share them
        self._held, self._given = [], self._count
        return {
            branch: Chunk(row, self.rate, position, self._clock)
            for branch, row in zip(self._branches.tolist(), rows, strict=True)
        }
