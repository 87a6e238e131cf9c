"""Where live samples come from. Each kind of device is one module here; the part of its name before ":" picks it.

    rtlsdr:INDEX            an RTL-SDR by pyrtlsdr
    rtltcp://HOST:PORT      an RTL-SDR behind rtl_tcp
    tcp://HOST:PORT         bare samples from a TCP server; tcp://:PORT waits for one that connects
    udp://[HOST]:PORT       bare samples in datagrams: IQ as of SDR++ and GNU Radio, audio as of gqrx
    zmq:tcp://HOST:PORT     bare samples from a ZeroMQ sink of GNU Radio; zmq:pull:tcp://HOST:PORT from a PUSH sink
    -                       bare samples from standard input
    soapy:driver=KIND,…     whatever SoapySDR drives

A device lives in the reader process (`_reader`), which may be killed at any time.
"""

from __future__ import annotations

import importlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ..errors import SourceError, short


@dataclass(frozen=True)
class Settings:
    """What the user wants of a device."""

    device: str
    """Such as "rtltcp://127.0.0.1:1234"."""
    rate: float | None = None
    """Samples per second."""
    frequency: float | None = None
    """Of zero, Hz."""
    gain: float | tuple[tuple[str, float], ...] | None = None
    """dB, of all or of each named stage; None: the device's own control."""
    format: str | None = None
    """Sample type of bare samples."""
    bias_tee: bool = False
    antenna: str | None = None
    """Name of the device's input; this and the rest only where SoapySDR drives it."""
    bandwidth: float | None = None
    """Of the filter before the converter, Hz."""
    clock_source: str | None = None
    time_source: str | None = None
    more: tuple[tuple[str, str], ...] = ()
    """Keys and values that the driver knows."""

    @property
    def overall_gain(self) -> float | None:
        """Where stages have no names."""
        return None if isinstance(self.gain, tuple) else self.gain


class DeviceError(Exception):
    """A device that is gone, or never was; one sentence."""


class EndError(DeviceError):
    """What came to an end for good: to open it again would give nothing."""


class Device(Protocol):
    """What the reader process drives. Made from `Settings`, which it checks: SourceError."""

    datatype: str
    """Of the samples as they come, such as "cu8"."""
    rate: float
    """Samples per second, as the device has set it."""
    frequency: float | None
    """Of zero, Hz, as the device has set it."""
    counts: bool
    """Whether it tells itself of every sample that it lost."""
    patient: bool
    """Whether nothing is lost when it is read later."""
    lost: int
    """Samples lost before those that the last `read` gave."""
    utc_ns: int | None
    """Time of the first of these by a clock of the device's own, which may count from anywhere; None without one."""

    def open(self) -> None:
        """Raises DeviceError."""
        ...

    def read(self, out: memoryview) -> int:
        """Put whole samples into `out`; gives the bytes, 0 when nothing came in a quarter of a second.

        Raises DeviceError when there will be no more.
        """
        ...

    def close(self) -> None: ...


def make(settings: Settings) -> Device:
    """The device of some settings, not yet open. Raises SourceError, whose sentence names it."""
    kind = "stdin" if settings.device == "-" else settings.device.partition(":")[0]
    known = sorted(path.stem for path in Path(__file__).parent.glob("*.py") if not path.stem.startswith("_"))
    if kind not in known or (":" not in settings.device and settings.device != "-"):
        raise SourceError(
            f"{short(settings.device)} is no device; it is written like rtltcp://127.0.0.1:1234, and known are "
            + ", ".join(known)
        )
    if kind != "soapy":
        for option, wanted in (
            ("--gain NAME=DB", isinstance(settings.gain, tuple)),
            ("--antenna", settings.antenna),
            ("--bandwidth", settings.bandwidth),
            ("--clock-source", settings.clock_source),
            ("--time-source", settings.time_source),
            ("--setting", settings.more),
        ):
            if wanted:
                raise SourceError(f"{short(settings.device)}: has no {option}; that is for soapy: devices")
    device: Device = importlib.import_module(f"{__name__}.{kind}").device(settings)
    return device


def address(device: str, default_port: int | None = None) -> tuple[str, int]:
    """Host and port of ``kind://HOST:PORT``; no host is "". Raises SourceError."""
    match = re.fullmatch(r"[a-z]+://(\[[0-9a-fA-F:.]+\]|[^:/\[\]]*)(?::(\d{1,5}))?/?", device)
    port = int(match[2]) if match and match[2] else default_port
    if match is None or port is None or not 0 < port < 65536:
        raise SourceError(f"{short(device)}: is written like {device.partition(':')[0]}://127.0.0.1:1234")
    host = match[1].strip("[]")
    try:
        host.encode("idna")
    except UnicodeError:
        raise SourceError(f"{short(device)}: {short(host)} cannot be a host's name") from None
    return host, port
