"""An RTL-SDR behind the rtl_tcp server.

    server: "RTL0" | tuner 4 B | number of gains 4 B | cu8 samples …        client: command 1 B | value 4 B, big endian

As the osmocom rtl-sdr project's rtl_tcp.c has it. Nothing is acknowledged, and no loss is told of.
"""

from __future__ import annotations

import struct

from ..datatype import checked_frequency, checked_rate
from ..errors import SourceError
from . import DeviceError, Settings, address
from ._net import ByteStream, connected

PORT = 1234
FREQUENCY, RATE, GAIN_MODE, GAIN, AGC, BIAS_TEE = 1, 2, 3, 4, 8, 14
RATES = ((225_001, 300_000), (900_001, 3_200_000))
"""Samples per second that the chip can do."""
CRYSTAL = 28.8e6


def rtl_rate(rate: float | None) -> tuple[int, float]:
    """Rate to ask an RTL-SDR for, and the one that it then has. Raises SourceError."""
    wanted = round(checked_rate(rate or 250e3, "--rate"))
    if not any(low <= wanted <= high for low, high in RATES):
        ranges = " or ".join(f"{low} to {high}" for low, high in RATES)
        raise SourceError(f"--rate is {wanted}; an RTL-SDR does {ranges} samples per second")
    # the chip divides its crystal by a number with 22 bits behind the point, of which the last two are 0
    return wanted, CRYSTAL * 2**22 / (int(CRYSTAL * 2**22 / wanted) & ~3)


class RtlTcp:
    """See `Device`."""

    datatype = "cu8"
    counts = patient = False
    lost = 0
    utc_ns: int | None = None

    def __init__(self, settings: Settings) -> None:
        self._name, self._settings = settings.device, settings
        self._host, self._port = address(settings.device, PORT)
        if settings.frequency is None:
            raise SourceError(f"{settings.device}: needs a --frequency to tune to, Hz")
        self.frequency: float | None = float(round(checked_frequency(settings.frequency, "--frequency")))
        if not 0 < self.frequency < 2**32:
            raise SourceError(f"--frequency is {settings.frequency:g}; rtl_tcp tunes up to {2**32 - 1} Hz")
        self._wanted, self.rate = rtl_rate(settings.rate)
        self._stream = ByteStream(self._name, 2)

    def open(self) -> None:
        made = connected(self._host, self._port, self._name)
        head = b""
        try:
            while len(head) < 12 and (came := made.recv(12 - len(head))):
                head += came
        except OSError as error:
            made.close()
            raise DeviceError(f"{self._name}: gave no greeting; it may serve somebody else: {error}") from error
        if not head:
            made.close()
            raise DeviceError(f"{self._name}: closed the connection without a greeting")
        if head[:4] != b"RTL0" or len(head) < 12:
            made.close()
            raise DeviceError(f"{self._name}: is no rtl_tcp server; its greeting is {head!r}")
        gain = self._settings.overall_gain
        commands = [(RATE, self._wanted), (FREQUENCY, round(self.frequency or 0)), (AGC, 0)]
        commands += [(GAIN_MODE, 0)] if gain is None else [(GAIN_MODE, 1), (GAIN, round(10 * gain) & 0xFFFFFFFF)]
        commands += [(BIAS_TEE, int(self._settings.bias_tee))]
        try:
            made.sendall(b"".join(struct.pack(">BI", *command) for command in commands))
        except OSError as error:
            raise DeviceError(f"{self._name}: takes no commands: {error}") from error
        self._stream.connect(made)

    def read(self, out: memoryview) -> int:
        return self._stream.read(out)

    def close(self) -> None:
        self._stream.close()


device = RtlTcp
