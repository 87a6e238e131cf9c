"""The last seconds of samples, in a file without a name that is written round and round."""

from __future__ import annotations

import os
import tempfile
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from ..stage import Clock


@dataclass(frozen=True, slots=True)
class Block:
    """Samples in one piece, as their bytes."""

    raw: bytes
    position: float
    """Of the first, in samples of the source."""
    clock: Clock


class Spool:
    """A ring of blocks on the disk; whatever ends the program, nothing of it stays.

    Parameters
    ----------
    folder : that the file is in
    capacity : bytes, more than a block has

    Raises OSError when the disk has no room for it.
    """

    def __init__(self, folder: Path, capacity: int) -> None:
        self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115
        self._capacity = capacity
        self._at = 0  # bytes written, ever
        self._kept: deque[tuple[int, int, float, Clock]] = deque()  # first byte, bytes, position, clock
        self.count = 0
        """Blocks that came."""
        if hasattr(os, "posix_fallocate"):
            try:
                os.posix_fallocate(self._file.fileno(), 0, capacity)
            except OSError:
                self.close()
                raise

    @property
    def first(self) -> int:
        """Number of the oldest block that is kept, counted from 0."""
        return self.count - len(self._kept)

    def add(self, block: Block) -> None:
        """Raises OSError."""
        raw, at = memoryview(block.raw), self._at
        while raw:
            inside = at % self._capacity
            n = os.pwrite(self._file.fileno(), raw[: self._capacity - inside], inside)
            raw, at = raw[n:], at + n
        self._kept.append((self._at, len(block.raw), block.position, block.clock))
        self._at = at
        self.count += 1
        while self._kept[0][0] < at - self._capacity:
            self._kept.popleft()

    def position(self, number: int) -> float:
        """Of the first sample of a block that is kept."""
        return self._kept[number - self.first][2]

    def size(self, number: int) -> int:
        """Bytes of it."""
        return self._kept[number - self.first][1]

    def clock(self, number: int) -> Clock:
        return self._kept[number - self.first][3]

    def read(self, number: int, low: int, high: int) -> bytes:
        """Some bytes of a block that is kept, as far as it has them. Raises OSError."""
        at, size, *_ = self._kept[number - self.first]
        n = min(high, size) - low
        if n <= 0:
            return b""
        inside = (at + low) % self._capacity
        raw = os.pread(self._file.fileno(), min(n, self._capacity - inside), inside)
        return raw if len(raw) == n else raw + os.pread(self._file.fileno(), n - len(raw), 0)

    def close(self) -> None:
        self._file.close()
