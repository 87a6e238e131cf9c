"""What devices on the network share: whole samples out of a byte stream."""

from __future__ import annotations

import socket
from collections.abc import Callable

from ..datatype import Datatype, checked_frequency, checked_rate
from ..errors import SourceError
from . import DeviceError, Settings

PATIENCE = 0.25
"""Seconds that one read waits."""


class ByteStream:
    """A connection whose bytes are samples.

    Parameters
    ----------
    name : of the device, for messages
    size : bytes of a sample
    end : what its end means
    """

    def __init__(self, name: str, size: int, end: DeviceError | None = None) -> None:
        self._name, self._size = name, size
        self._end = end or DeviceError(f"{name}: the connection was closed")
        self._rest = b""
        self._receive: Callable[[memoryview], int] | None = None
        self._socket: socket.socket | None = None

    def connect(self, connection: socket.socket) -> None:
        connection.settimeout(PATIENCE)
        self._socket = connection
        self.attach(connection.recv_into)

    def attach(self, receive: Callable[[memoryview], int]) -> None:
        """Take bytes from what puts some into a buffer, 0 at the end, and raises TimeoutError after `PATIENCE`."""
        self._receive, self._rest = receive, b""

    def read(self, out: memoryview) -> int:
        """As `Device.read`."""
        assert self._receive is not None, "not connected"
        n = len(self._rest)
        out[:n] = self._rest
        try:
            came = self._receive(out[n:])
        except TimeoutError:
            return 0
        except OSError as error:
            raise DeviceError(f"{self._name}: {error.strerror or error}") from error
        if not came:
            raise self._end
        whole = (n + came) // self._size * self._size
        self._rest = bytes(out[whole : n + came])
        return whole

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def bare(settings: Settings) -> tuple[Datatype, float, float | None]:
    """Type, rate and frequency of bare samples, IQ or audio. SourceError when they are not said, or more is."""
    name = "standard input" if settings.device == "-" else settings.device
    if settings.format is None or settings.rate is None:
        missing = "--format" if settings.format is None else "--rate"
        raise SourceError(f"{name}: sends bare samples; {missing} must say what they are")
    for option, wanted in (("--gain", settings.gain is not None), ("--bias-tee", settings.bias_tee)):
        if wanted:
            raise SourceError(f"{name}: sends bare samples, and has no {option}")
    try:
        datatype = Datatype.parse(settings.format)
    except ValueError as error:
        raise SourceError(f"--format: {error}") from None
    rate = checked_rate(settings.rate, "--rate")
    frequency = None if settings.frequency is None else checked_frequency(settings.frequency, "--frequency")
    return datatype, rate, frequency


def connected(host: str, port: int, name: str, patience: float = 3.0) -> socket.socket:
    """A TCP connection. Raises DeviceError."""
    try:
        made = socket.create_connection((host or "127.0.0.1", port), patience)
    except OSError as error:
        raise DeviceError(f"{name}: cannot be reached: {error.strerror or error}") from error
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    return made
