"""Bare samples over TCP, from a server, or from a client that connects to a port here."""

from __future__ import annotations

import os
import socket

from . import DeviceError, Settings, address
from ._net import ByteStream, bare, connected

WAITED = 12.0
"""Seconds for a client."""


class Tcp:
    """See `Device`."""

    counts = patient = False
    lost = 0
    utc_ns: int | None = None

    def __init__(self, settings: Settings) -> None:
        self._name = settings.device
        self._host, self._port = address(settings.device)
        datatype, self.rate, self.frequency = bare(settings)
        self.datatype = datatype.name
        self._stream = ByteStream(self._name, datatype.bytes)

    def open(self) -> None:
        if self._host:
            self._stream.connect(connected(self._host, self._port, self._name))
            return
        try:
            with socket.create_server(("", self._port), backlog=1) as server:
                server.settimeout(WAITED)  # whoever started this may be gone
                made, _ = server.accept()
        except TimeoutError:
            raise DeviceError(f"{self._name}: nobody connects") from None
        except OSError as error:
            why = os.strerror(error.errno) if error.errno else error  # its own words tell of the address, too
            raise DeviceError(f"{self._name}: cannot be listened at: {why}") from error
        self._stream.connect(made)

    def read(self, out: memoryview) -> int:
        return self._stream.read(out)

    def close(self) -> None:
        self._stream.close()


device = Tcp
