"""Bare samples from standard input, as they are made: ``rtl_sdr -f 437e6 - | radome live - …``."""

from __future__ import annotations

import os
import select

from . import DeviceError, EndError, Settings
from ._net import PATIENCE, ByteStream, bare

NAME = "standard input"


class Stdin:
    """See `Device`."""

    counts = False
    patient = True
    lost = 0
    utc_ns: int | None = None

    def __init__(self, settings: Settings) -> None:
        datatype, self.rate, self.frequency = bare(settings)
        self.datatype = datatype.name
        self._stream = ByteStream(NAME, datatype.bytes, EndError(f"{NAME} has ended"))

    def open(self) -> None:
        if os.isatty(0):
            raise DeviceError(f"{NAME} is a terminal; pipe samples into it")
        self._stream.attach(self._receive)

    @staticmethod
    def _receive(out: memoryview) -> int:
        if not select.select([0], [], [], PATIENCE)[0]:
            raise TimeoutError
        return os.readv(0, [out])

    def read(self, out: memoryview) -> int:
        return self._stream.read(out)

    def close(self) -> None:
        self._stream.close()


device = Stdin
