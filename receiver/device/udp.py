"""Bare samples in UDP datagrams, without a header, each of whole samples.

IQ as SDR++'s IQ exporter, GNU Radio's UDP sink and SatNOGS's flowgraphs send it; audio as gqrx (s16, 48000, port 7355).
"""

from __future__ import annotations

import socket

from . import DeviceError, Settings, address
from ._net import PATIENCE, bare


class Udp:
    """See `Device`."""

    counts = patient = False
    lost = 0
    utc_ns: int | None = None

    def __init__(self, settings: Settings) -> None:
        self._name = settings.device
        self._host, self._port = address(settings.device)
        datatype, self.rate, self.frequency = bare(settings)
        self.datatype, self._size = datatype.name, datatype.bytes
        self._socket: socket.socket | None = None

    def open(self) -> None:
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        made = socket.socket(family, socket.SOCK_DGRAM)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 23)
        try:
            made.bind((self._host, self._port))
        except OSError as error:
            made.close()
            raise DeviceError(f"{self._name}: cannot be listened at: {error.strerror or error}") from error
        made.settimeout(PATIENCE)
        self._socket = made

    def read(self, out: memoryview) -> int:
        assert self._socket is not None, "not open"
        try:
            came = self._socket.recv_into(out)
        except TimeoutError:
            return 0
        except OSError as error:
            raise DeviceError(f"{self._name}: {error.strerror or error}") from error
        return came // self._size * self._size

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


device = Udp
