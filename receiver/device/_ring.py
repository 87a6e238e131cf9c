"""Samples on their way from the reader process: a ring in shared memory whose writer need not wait.

    written: int64, samples | taken: int64, samples | … | samples

The reader counts what it took. What the writer has run over meanwhile is lost, and known to be.
"""

from __future__ import annotations

import mmap
import os

HEAD = 64
"""Bytes in front of the samples."""


def memory() -> int:
    """A file for a ring: without a name, so that it goes with the last who has it open, and in memory where it can."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("radome")
    import tempfile

    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


class Ring:
    """Both ends of it.

    Parameters
    ----------
    file : of `memory`
    length : bytes that it holds
    size : bytes of a sample

    Raises OSError when there is no room for it.
    """

    def __init__(self, file: int, length: int, size: int) -> None:
        self._length, self._size = length, size
        if os.fstat(file).st_size < HEAD + length:
            # all of it now: a writer that finds no room later is killed
            getattr(os, "posix_fallocate", lambda file, _, size: os.ftruncate(file, size))(file, 0, HEAD + length)
        self._memory = mmap.mmap(file, HEAD + length)
        self._bytes = memoryview(self._memory)
        self._head = self._bytes[:16].cast("q")

    @property
    def capacity(self) -> int:
        """Samples."""
        return self._length // self._size

    @property
    def written(self) -> int:
        """Samples, since the ring was made."""
        return self._head[0]

    @property
    def taken(self) -> int:
        """Samples that the reader is done with."""
        return self._head[1]

    @taken.setter
    def taken(self, count: int) -> None:
        self._head[1] = count

    def write(self, data: memoryview) -> None:
        """Add whole samples, fewer than the ring holds."""
        begin = self.written % self.capacity * self._size
        end = min(begin + len(data), self.capacity * self._size)
        self._bytes[HEAD + begin : HEAD + end] = data[: end - begin]
        rest = len(data) - (end - begin)
        if rest:
            self._bytes[HEAD : HEAD + rest] = data[end - begin :]
        # the count behind the samples it counts
        self._head[0] += len(data) // self._size

    def read(self, first: int, count: int) -> bytes | None:
        """Samples that were written; None when they were run over before they were all copied."""
        begin = first % self.capacity * self._size
        end = min(begin + count * self._size, self.capacity * self._size)
        data = bytes(self._bytes[HEAD + begin : HEAD + end])
        rest = count * self._size - (end - begin)
        if rest:
            data += bytes(self._bytes[HEAD : HEAD + rest])
        return data if self.written - first <= self.safe else None

    @property
    def safe(self) -> int:
        """Samples behind the newest that a write under way does not touch."""
        return self.capacity - self.capacity // 8

    def close(self) -> None:
        """Let go of it."""
        self._head.release()
        self._bytes.release()
        self._memory.close()
