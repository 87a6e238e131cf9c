"""The bytes of a file, a pipe or a compressed stream, in order and in constant memory."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from typing import Any, Protocol, cast

from ..errors import SourceError

_BLOCK = 1 << 18
COMPRESSED = (".gz", ".bz2", ".xz", ".zst")
"""Suffixes by which a compressed file is looked for; what it is, its first bytes say."""


def inner_name(path: str) -> str:
    """File name without its folder and without the suffix of a compressor."""
    name = Path(path).name
    return Path(name).stem if Path(name).suffix.lower() in COMPRESSED else name


class Input(Protocol):
    def read1(self, size: int, /) -> bytes:
        """From 1 to `size` bytes, b"" at the end."""
        ...


class _Plain:
    """An unbuffered file, with a pushed-back beginning."""

    def __init__(self, file: Any, head: bytes = b"") -> None:
        self.file = file
        self.head = head

    def read1(self, size: int = _BLOCK) -> bytes:
        if self.head:
            data, self.head = self.head[:size], self.head[size:]
            return data
        read = getattr(self.file, "read1", self.file.read)
        return read(size) or b""

    read = read1  # what the decompressors call


class _Zstandard:
    """A stream of Zstandard frames (RFC 8878). The package's own reader takes a truncated frame for a complete one."""

    STEP = 2048
    """Compressed bytes taken at once: the most that they can become is some 64 MB, should someone mean harm."""

    def __init__(self, file: _Plain) -> None:
        import zstandard

        self.file = file
        self.package = zstandard
        self.frame: Any = None
        self.input = b""
        self.output = b""

    def read1(self, size: int) -> bytes:
        while not self.output:
            data = self.input or self.file.read1(self.STEP)
            self.input = b""
            if not data:
                if self.frame is not None:
                    raise EOFError
                return b""
            frame = self.frame or self.package.ZstdDecompressor().decompressobj()
            self.output = frame.decompress(data)
            self.input = frame.unused_data if frame.eof else b""
            self.frame = None if frame.eof else frame
        data, self.output = self.output[:size], self.output[size:]
        return data


def _unpacked(file: Any) -> Input:
    """Undo the compression that a file's first bytes announce, if they do."""
    plain: Any = _Plain(file)
    head = b""
    while len(head) < 10 and (more := plain.read1(10 - len(head))):
        head += more
    plain.head = head
    if head[:3] == b"\x1f\x8b\x08" and head[3:4] < b"\x20":  # RFC 1952, section 2.3.1
        import gzip

        return gzip.GzipFile(fileobj=plain, mode="rb")
    if head[:3] == b"BZh" and head[4:10] in (b"1AY&SY", b"\x17\x72\x45\x38\x50\x90"):
        import bz2

        return bz2.BZ2File(plain, "rb")
    if head[:6] == b"\xfd7zXZ\0":
        import lzma

        return lzma.LZMAFile(plain, "rb")
    if head[:4] == b"\x28\xb5\x2f\xfd":  # RFC 8878, section 3.1.1
        return _Zstandard(plain)
    return cast("Input", plain)


def _open(path: str) -> Any:
    try:
        return open(path, "rb", buffering=0)
    except FileNotFoundError:
        raise SourceError(f"{path}: there is no such file") from None
    except IsADirectoryError:
        raise SourceError(f"{path}: is a folder; name a recording in it") from None
    except OSError as error:
        raise SourceError(f"{path}: cannot be opened: {error.strerror or error}") from None
    except ValueError as error:
        raise SourceError(f"{path!r}: is not a file name: {error}") from None


class ByteReader:
    """Bytes in order. A fault of the file or its compression ends them like its end does, and stays in `fault`.

    Parameters
    ----------
    name : for messages
    source : where they come from
    size : how many there are, where known
    file : to be closed with this
    live : whether it may be somebody's output that is still being made
    """

    def __init__(self, name: str, source: Input, size: int | None, file: Any = None, live: bool = False) -> None:
        self.name = name
        self.size = size
        self.live = live
        self.file = file
        self.offset = 0
        """Bytes taken so far."""
        self.fault: SourceError | None = None
        self._source = source
        self._ahead = b""

    @classmethod
    def open(cls, path: str) -> ByteReader:
        """Open a file, or standard input for "-", and undo its compression, known by its first bytes.

        Raises SourceError when it cannot be opened.
        """
        name = "standard input" if path == "-" else path
        file = sys.stdin.buffer if path == "-" else _open(path)
        try:
            size = None
            if path != "-" and stat.S_ISREG((status := os.fstat(file.fileno())).st_mode):
                size = status.st_size
            source = _unpacked(file)
        except BaseException as error:
            if path != "-":
                file.close()
            if isinstance(error, ImportError):
                raise SourceError(
                    f"{name}: is compressed, and Python's {error.name} for that is not installed"
                ) from None
            if isinstance(error, OSError):
                raise SourceError(f"{name}: cannot be read: {error.strerror or error}") from None
            raise
        known = size if isinstance(source, _Plain) else None
        return cls(name, source, known, None if path == "-" else file, live=size is None)

    @property
    def compressed(self) -> bool:
        """Whether a compression is undone."""
        return not isinstance(self._source, _Plain)

    @property
    def plain(self) -> bool:
        """Whether this is a file without compression, in which skipping costs nothing."""
        return self.size is not None and isinstance(self._source, _Plain)

    def rewind(self) -> None:
        """Go back to the first byte; only for what is not live."""
        self.file.seek(0)
        self._source = _unpacked(self.file)
        self._ahead = b""
        self.offset = 0

    def peek(self, n: int) -> bytes:
        """Look at the next n bytes, fewer only at the end, without taking them."""
        parts = [self._ahead]
        missing = n - len(self._ahead)
        while missing > 0 and (more := self._more(missing)):
            parts.append(more)
            missing -= len(more)
        self._ahead = b"".join(parts)
        return self._ahead[:n]

    def look(self, offset: int, n: int) -> bytes:
        """Bytes elsewhere in a plain file."""
        try:
            return os.pread(self.file.fileno(), n, offset)
        except OSError:
            return b""

    def read(self, n: int) -> bytes:
        """Take the next n bytes, fewer only at the end."""
        if not self._ahead:
            data = self._more(n)
            if len(data) == n:  # as nearly always: nothing to join
                self.offset += n
                return data
            self._ahead = data
            if not data:
                return b""
        data = self.peek(n)
        self._ahead = self._ahead[len(data) :]
        self.offset += len(data)
        return data

    def read_all(self, most: int) -> bytes:
        """Take what is left.

        Raises SourceError if that is more than `most` bytes, or for a fault.
        """
        parts = []
        while self.offset <= most and (data := self.read(_BLOCK)):
            parts.append(data)
        if self.fault is not None:
            raise self.fault
        if self.offset > most:
            raise SourceError(f"{self.name}: is longer than {most} bytes, too long for what it should be")
        return b"".join(parts)

    def skip(self, n: int) -> None:
        """Pass over n bytes, or over what is left."""
        if self.size is not None:
            n = min(n, self.size - self.offset)
        if self.plain and n > len(self._ahead):
            self.offset += n
            self.file.seek(self.offset)
            self._source = _Plain(self.file)
            self._ahead = b""
            return
        while n > 0 and (data := self.read(min(n, _BLOCK))):
            n -= len(data)

    def _more(self, n: int) -> bytes:
        if self.fault is not None:
            return b""
        try:
            return self._source.read1(n)
        except SourceError as error:
            self.fault = error
        except EOFError:
            self.fault = SourceError(f"{self.name}: is cut off: its compressed data has no end")
        except Exception as error:  # each decompressor has its own
            reason = error.strerror if isinstance(error, OSError) and error.strerror else error
            self.fault = SourceError(f"{self.name}: cannot be read to its end: {reason}")
        return b""

    def close(self) -> None:
        if self.file is not None:
            self.file.close()
