"""Samples on their way from the reader process: a ring in shared memory whose writer never waits.

    written: int64, samples | ended: int64, 0 or 1 | … | samples

The reader counts what it took. What the writer has run over meanwhile is lost, and known to be.
"""

from __future__ import annotations

import os
from multiprocessing.shared_memory import SharedMemory

import numpy as np

HEAD = 64
"""Bytes in front of the samples."""


class Ring:
    """Both ends of it.

    Parameters
    ----------
    length : bytes that it holds
    size : bytes of a sample; may be set until the first sample
    name : of a ring that there is; None makes one

    Raises OSError when there is no room for it.
    """

    def __init__(self, length: int, size: int, name: str | None = None) -> None:
        self._length, self.size = length, size
        self._memory = SharedMemory(name, create=name is None, size=HEAD + length)
        self._owner = name is None
        if self._owner and os.path.exists(path := f"/dev/shm/{self._memory.name}"):
            try:
                with open(path, "r+b", buffering=0) as file:
                    os.posix_fallocate(file.fileno(), 0, HEAD + length)  # else the writer is killed where it is full
            except OSError:
                self._memory.close()
                self._memory.unlink()
                raise
        assert self._memory.buf is not None
        self._bytes = self._memory.buf
        self._head = np.ndarray(2, np.int64, self._bytes)
        if self._owner:
            self._head[:] = 0

    @property
    def capacity(self) -> int:
        """Samples."""
        return self._length // self.size

    @property
    def name(self) -> str:
        return self._memory.name

    @property
    def written(self) -> int:
        """Samples, since the ring was made."""
        return int(self._head[0])

    @property
    def ended(self) -> bool:
        """Whether the writer shall let go of its device, and end."""
        return bool(self._head[1])

    def end(self) -> None:
        self._head[1] = 1

    def write(self, data: memoryview) -> None:
        """Add whole samples, fewer than the ring holds."""
        begin = self.written % self.capacity * self.size
        end = min(begin + len(data), self.capacity * self.size)
        self._bytes[HEAD + begin : HEAD + end] = data[: end - begin]
        rest = len(data) - (end - begin)
        if rest:
            self._bytes[HEAD : HEAD + rest] = data[end - begin :]
        # the count behind the samples it counts
        self._head[0] += len(data) // self.size

    def read(self, first: int, count: int) -> bytes | None:
        """Samples that were written; None when they were run over before they were all copied."""
        begin = first % self.capacity * self.size
        end = min(begin + count * self.size, self.capacity * self.size)
        data = bytes(self._bytes[HEAD + begin : HEAD + end])
        rest = count * self.size - (end - begin)
        if rest:
            data += bytes(self._bytes[HEAD : HEAD + rest])
        return data if self.written - first <= self.safe else None

    @property
    def safe(self) -> int:
        """Samples behind the newest that a write under way does not touch."""
        return self.capacity - self.capacity // 8

    def close(self) -> None:
        """Let go of it; who made it takes it away."""
        del self._head, self._bytes
        self._memory.close()
        if self._owner:
            self._memory.unlink()
