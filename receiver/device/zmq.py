"""Samples from a ZeroMQ sink of GNU Radio: ``zmq:tcp://HOST:PORT``, or ``zmq:pull:tcp://HOST:PORT`` from a PUSH sink.

    message: (key, a part of its own) | (header) samples …
    header:  5FF0h 2 B | version 1 B | number of the first sample 8 B | number of tags 8 B | tags …   little endian
    tag:     number of its sample 8 B | key | value | source, each a PMT (see `skipped`)

As GNU Radio 3.8 to 3.10 has it (gr-zeromq, and pmt of gnuradio-runtime). The header is there where the sink passes
tags; then every lost sample is known. Where HOST is ``*``, the sink connects to us.
"""

from __future__ import annotations

import re
import struct
from typing import Any

from ..errors import SourceError, short
from . import DeviceError, Settings
from ._net import PATIENCE, bare

HEADER = struct.Struct("<HBQQ")
MAGIC, VERSION = 0x5FF0, 1
FIXED = {0: 0, 1: 0, 3: 4, 4: 8, 5: 16, 6: 0, 11: 8, 13: 8}
"""Bytes of a PMT by its type: true, false, int32, double, complex, null, uint64, int64."""
SYMBOL, PAIR, VECTOR, DICTIONARY, UNIFORM, TUPLE = 2, 7, 8, 9, 10, 12
WIDTHS = (1, 1, 2, 2, 4, 4, 8, 8, 4, 8, 8, 16)
"""Bytes of an item of a uniform vector, by its type."""
DEEPEST = 100


def skipped(data: memoryview, at: int, depth: int = 0) -> int:
    """Where the PMT that begins at `at` ends.

        type 1 B | big endian: symbol: length 2 B, text; pair: two; vector, tuple: number 4 B, so many;
                   uniform vector: type 1 B, number 4 B, padding's length 1 B, padding, items

    Raises ValueError, IndexError or struct.error for what is none.
    """
    kind, at = data[at], at + 1
    if kind in FIXED:
        return at + FIXED[kind]
    if kind == SYMBOL:
        return at + 2 + int(struct.unpack_from(">H", data, at)[0])
    if kind == UNIFORM:
        item, count, padding = struct.unpack_from(">BIB", data, at)
        return at + 6 + int(padding) + int(count) * WIDTHS[item & 0x7F]
    if kind in (PAIR, DICTIONARY):
        count = 2
    elif kind in (VECTOR, TUPLE):
        count, at = struct.unpack_from(">I", data, at)[0], at + 4
    else:
        raise ValueError(f"a value of type {kind}")
    if depth > DEEPEST:
        raise ValueError("values too deep in one another")
    for _ in range(count):
        at = skipped(data, at, depth + 1)
    return at


class Zmq:
    """See `Device`."""

    lost = 0
    utc_ns: int | None = None

    def __init__(self, settings: Settings) -> None:
        self._name = settings.device
        match = re.fullmatch(r"zmq:(pull:)?((?:tcp|ipc)://.+)", settings.device)
        if match is None:
            raise SourceError(
                f"{short(settings.device)}: is written like zmq:tcp://127.0.0.1:5555, or zmq:pull:tcp://127.0.0.1:5555 "
                "for a PUSH sink"
            )
        self.patient, self._address = bool(match[1]), match[2]
        datatype, self.rate, self.frequency = bare(settings)
        self.datatype, self._size = datatype.name, datatype.bytes
        self.counts = False
        self._context: Any = None
        self._socket: Any = None
        self._rest = memoryview(b"")
        self._next: int | None = None  # number of the sample that is due
        self._headed: bool | None = None  # whether there are headers: the first message tells

    def open(self) -> None:
        import zmq

        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.PULL if self.patient else zmq.SUB)
        self._socket.linger = 0
        try:
            if not self.patient:
                self._socket.subscribe(b"")
            if "://*" in self._address:
                self._socket.bind(self._address)
            else:
                self._socket.connect(self._address)
        except zmq.ZMQError as error:
            raise DeviceError(f"{self._name}: cannot be used: {error.strerror or error}") from error

    def read(self, out: memoryview) -> int:
        self.lost = 0
        if not self._rest:
            if not self._socket.poll(PATIENCE * 1000):
                return 0
            self._rest = self._samples(memoryview(self._socket.recv_multipart()[-1]))
        n = min(len(self._rest), len(out) // self._size * self._size)
        out[:n] = self._rest[:n]
        self._rest = self._rest[n:]
        return n

    def _samples(self, data: memoryview) -> memoryview:
        """The samples of a message."""
        if self._headed is None:
            self._headed = len(data) >= HEADER.size and HEADER.unpack_from(data)[0] == MAGIC
        if self._headed:
            try:
                magic, version, number, tags = HEADER.unpack_from(data)
                if (magic, version) != (MAGIC, VERSION):
                    raise ValueError(f"a header {magic:04X}h of version {version}")
                at = HEADER.size
                for _ in range(tags):
                    at += 8
                    for _ in range(3):
                        at = skipped(data, at)
            except (ValueError, IndexError, struct.error) as error:
                raise DeviceError(f"{self._name}: sends messages that GNU Radio does not: {error}") from error
            data = data[at:]
            if self._next is not None and number < self._next:
                raise DeviceError(f"{self._name}: counts from the beginning")
            self.lost = 0 if self._next is None else number - self._next
            self.counts, self._next = True, number + len(data) // self._size
        if len(data) % self._size:
            raise DeviceError(
                f"{self._name}: sends messages of {len(data)} bytes, which are no whole samples of {self._size}; "
                "--format may be another"
            )
        return data

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._context.term()
            self._socket = None


device = Zmq
