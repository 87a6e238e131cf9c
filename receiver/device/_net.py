"""What devices on the network share: whole samples out of a byte stream."""

from __future__ import annotations

import socket

from ..datatype import Datatype, checked_frequency, checked_rate
from ..errors import SourceError
from . import DeviceError, Settings

PATIENCE = 0.25
"""Seconds that one read waits."""


class ByteStream:
    """A TCP connection whose bytes are samples.

    Parameters
    ----------
    name : of the device, for messages
    size : bytes of a sample
    """

    def __init__(self, name: str, size: int) -> None:
        self._name, self._size = name, size
        self._rest = b""
        self.socket: socket.socket | None = None

    def attach(self, connection: socket.socket) -> None:
        connection.settimeout(PATIENCE)
        self.socket, self._rest = connection, b""

    def read(self, out: memoryview) -> int:
        """As `Device.read`."""
        assert self.socket is not None, "not connected"
        n = len(self._rest)
        out[:n] = self._rest
        try:
            came = self.socket.recv_into(out[n:])
        except TimeoutError:
            return 0
        except OSError as error:
            raise DeviceError(f"{self._name}: {error.strerror or error}") from error
        if not came:
            raise DeviceError(f"{self._name}: the connection was closed")
        whole = (n + came) // self._size * self._size
        self._rest = bytes(out[whole : n + came])
        return whole

    def close(self) -> None:
        if self.socket is not None:
            self.socket.close()
            self.socket = None


def bare(settings: Settings) -> tuple[Datatype, float, float | None]:
    """Type, rate and frequency of bare samples. Raises SourceError when they are not said."""
    if settings.format is None or settings.rate is None:
        missing = "--format" if settings.format is None else "--rate"
        raise SourceError(f"{settings.device}: sends bare samples; {missing} must say what they are")
    try:
        datatype = Datatype.parse(settings.format)
    except ValueError as error:
        raise SourceError(f"--format: {error}") from None
    if not datatype.pair:
        raise SourceError(f"--format is {settings.format}; live samples are IQ, such as cs16")
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
