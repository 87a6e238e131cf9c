"""Whatever SoapySDR drives: RTL-SDR, USRP, Airspy, HackRF, PlutoSDR, SoapyRemote …; ``soapy:driver=rtlsdr,serial=…``.

By ctypes on the C interface of SoapySDR 0.8 (SoapySDR/Device.h), so that any Python does, without a compiler. Samples
are asked for in the device's own format. Behind a SoapyRemote server (``soapy:driver=remote,remote=tcp://HOST:55132,
remote:driver=rtlsdr``) they come by TCP, in blocks of 64 KiB; its UDP loses some without a word.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from ..datatype import checked_frequency, checked_rate
from ..errors import SourceError, short
from . import DeviceError, Settings

ABI = b"0.8"
RX = 1
FORMATS = {"CS8": "ci8", "CU8": "cu8", "CS16": "ci16_le", "CF32": "cf32_le"}
HAS_TIME = 4
TIMEOUT, CORRUPTION, OVERFLOW = -1, -3, -4
WAIT_US = 250_000
FADES = 0.9
"""Times are rounded, to ns or worse; what that leaves counts at the next read, the more distant ones less."""
BACK = -100.0
"""Samples; a time that goes back further was set anew."""
REMOTE = ("remote:prot", "remote:mtu", "remote:window", "remote:format", "remote:priority")
"""What SoapyRemote takes of a stream."""
INSTALL = (
    "SoapySDR 0.8 is not installed; get it with: sudo apt install soapysdr-module-all (Debian, Ubuntu), "
    "conda install soapysdr, or brew install soapysdr"
)


class Kwargs(ctypes.Structure):
    """SoapySDRKwargs."""

    _fields_ = (
        ("size", ctypes.c_size_t),
        ("keys", ctypes.POINTER(ctypes.c_char_p)),
        ("vals", ctypes.POINTER(ctypes.c_char_p)),
    )

    @classmethod
    def of(cls, values: Mapping[str, str]) -> Kwargs:
        count = len(values)
        keys, vals = ((ctypes.c_char_p * count)(*(x.encode() for x in some)) for some in (values, values.values()))
        return cls(count, keys, vals)

    def table(self) -> dict[str, str]:
        return {(self.keys[i] or b"").decode(): (self.vals[i] or b"").decode() for i in range(self.size)}


def _paths() -> Iterator[str]:
    if told := os.environ.get("SOAPYSDR_LIBRARY"):
        yield told
    if sys.platform == "darwin":
        names = ["libSoapySDR.0.8.dylib"]
        folders = [f"{sys.prefix}/lib", "/opt/homebrew/lib", "/usr/local/lib"]
    else:
        names, folders = ["libSoapySDR.so.0.8"], [f"{sys.prefix}/lib"]
    yield from (f"{folder}/{name}" for folder in folders for name in names)
    yield from names
    if found := ctypes.util.find_library("SoapySDR"):
        yield found


@cache
def library() -> Any:
    """SoapySDR, its functions declared. Raises DeviceError when there is none that will do."""
    os.environ.setdefault("SOAPY_SDR_LOG_LEVEL", "WARNING")
    for path in _paths():
        try:
            lib = ctypes.CDLL(path)
            break
        except OSError:
            continue
    else:
        raise DeviceError(INSTALL)
    pointer, size, number, text = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_char_p
    kwargs, double, texts = ctypes.POINTER(Kwargs), ctypes.c_double, ctypes.POINTER(text)
    channel = (pointer, number, size)
    for name, result, arguments in (
        ("SoapySDR_getABIVersion", text, ()),
        ("SoapySDR_errToStr", text, (number,)),
        ("SoapySDR_free", None, (pointer,)),
        ("SoapySDRKwargsList_clear", None, (kwargs, size)),
        ("SoapySDRDevice_lastError", text, ()),
        ("SoapySDRDevice_enumerateStrArgs", kwargs, (text, ctypes.POINTER(size))),
        ("SoapySDRDevice_makeStrArgs", pointer, (text,)),
        ("SoapySDRDevice_unmake", number, (pointer,)),
        ("SoapySDRDevice_getDriverKey", pointer, (pointer,)),
        ("SoapySDRDevice_setSampleRate", number, (*channel, double)),
        ("SoapySDRDevice_getSampleRate", double, channel),
        ("SoapySDRDevice_setFrequency", number, (*channel, double, kwargs)),
        ("SoapySDRDevice_getFrequency", double, channel),
        ("SoapySDRDevice_hasGainMode", ctypes.c_bool, channel),
        ("SoapySDRDevice_setGainMode", number, (*channel, ctypes.c_bool)),
        ("SoapySDRDevice_setGain", number, (*channel, double)),
        ("SoapySDRDevice_setGainElement", number, (*channel, text, double)),
        ("SoapySDRDevice_setAntenna", number, (*channel, text)),
        ("SoapySDRDevice_setBandwidth", number, (*channel, double)),
        ("SoapySDRDevice_setClockSource", number, (pointer, text)),
        ("SoapySDRDevice_setTimeSource", number, (pointer, text)),
        ("SoapySDRDevice_listGains", texts, (*channel, ctypes.POINTER(size))),
        ("SoapySDRDevice_listAntennas", texts, (*channel, ctypes.POINTER(size))),
        ("SoapySDRDevice_listClockSources", texts, (pointer, ctypes.POINTER(size))),
        ("SoapySDRDevice_listTimeSources", texts, (pointer, ctypes.POINTER(size))),
        ("SoapySDRStrings_clear", None, (ctypes.POINTER(texts), size)),
        ("SoapySDRDevice_writeSetting", number, (pointer, text, text)),
        ("SoapySDRDevice_getNativeStreamFormat", pointer, (*channel, ctypes.POINTER(double))),
        ("SoapySDRDevice_setupStream", pointer, (pointer, number, text, ctypes.POINTER(size), size, kwargs)),
        ("SoapySDRDevice_closeStream", number, (pointer, pointer)),
        ("SoapySDRDevice_activateStream", number, (pointer, pointer, number, ctypes.c_longlong, size)),
        ("SoapySDRDevice_deactivateStream", number, (pointer, pointer, number, ctypes.c_longlong)),
        (
            "SoapySDRDevice_readStream",
            number,
            (
                pointer,
                pointer,
                ctypes.POINTER(pointer),
                size,
                ctypes.POINTER(number),
                ctypes.POINTER(ctypes.c_longlong),
                ctypes.c_long,
            ),
        ),
    ):
        function = getattr(lib, name)
        function.restype, function.argtypes = result, arguments
    version = lib.SoapySDR_getABIVersion()
    if not version.startswith(ABI):
        raise DeviceError(f"SoapySDR has ABI {version.decode()}; 0.8 is needed")
    return lib


def found() -> list[dict[str, str]]:
    """What SoapySDR finds on this machine and near it. Raises DeviceError without SoapySDR."""
    lib, count = library(), ctypes.c_size_t()
    listed = lib.SoapySDRDevice_enumerateStrArgs(b"", ctypes.byref(count))
    tables = [listed[i].table() for i in range(count.value)]
    lib.SoapySDRKwargsList_clear(listed, count)
    return tables


class Soapy:
    """See `Device`."""

    patient = False
    lost = 0
    utc_ns: int | None = None

    def __init__(self, settings: Settings) -> None:
        self._name, self._settings = settings.device, settings
        self._arguments = settings.device.partition(":")[2]
        words = (word.partition("=") for word in self._arguments.split(","))
        self._words = {key.strip(): value.strip() for key, _, value in words}
        if "=" not in self._arguments:
            raise SourceError(f"{settings.device}: is written like soapy:driver=rtlsdr; 'radome devices' lists them")
        if settings.frequency is None:
            raise SourceError(f"{settings.device}: needs a --frequency to tune to, Hz")
        self.frequency: float | None = checked_frequency(settings.frequency, "--frequency")
        self.rate = checked_rate(settings.rate or 250e3, "--rate")
        self.datatype = "cf32_le"
        self.counts = False
        self._device: int | None = None
        self._stream: int | None = None
        try:
            self._lib = library()
        except DeviceError as error:
            raise SourceError(f"{self._name}: {error}") from error

    def _fault(self, what: str) -> DeviceError:
        why = (self._lib.SoapySDRDevice_lastError() or b"").decode(errors="replace")
        return DeviceError(f"{self._name}: {what}{': ' + why if why else ''}")

    def _text(self, pointer: int | None) -> str:
        value = (ctypes.string_at(pointer) if pointer else b"").decode()
        self._lib.SoapySDR_free(pointer)
        return value

    def open(self) -> None:
        lib = self._lib
        self._device = device = lib.SoapySDRDevice_makeStrArgs(self._arguments.encode())
        if not device:
            kind = self._words.get("driver", "")
            if b"no match" in (lib.SoapySDRDevice_lastError() or b""):
                raise DeviceError(
                    f"{self._name}: SoapySDR finds no such receiver; it is not plugged in, or SoapySDR's module for "
                    f"{kind or 'it'} is missing (Debian, Ubuntu: sudo apt install soapysdr-module-{kind or 'all'})"
                )
            raise self._fault("cannot be opened")
        driver = self._text(lib.SoapySDRDevice_getDriverKey(device))
        channel = device, RX, 0
        if lib.SoapySDRDevice_setSampleRate(*channel, self.rate):
            raise self._fault(f"does not do {self.rate:g} samples per second")
        self.rate = lib.SoapySDRDevice_getSampleRate(*channel) or self.rate
        if lib.SoapySDRDevice_setFrequency(*channel, self.frequency, None):
            raise self._fault(f"does not tune to {self.frequency:g} Hz")
        self.frequency = lib.SoapySDRDevice_getFrequency(*channel) or self.frequency
        self._set_up(device)
        full = ctypes.c_double()
        native = self._text(lib.SoapySDRDevice_getNativeStreamFormat(*channel, ctypes.byref(full)))
        kind = native if native in FORMATS else "CF32"
        self.datatype, self._size = FORMATS[kind], {"CS8": 2, "CU8": 2, "CS16": 4, "CF32": 8}[kind]
        # an RTL-SDR's default buffers last half a second at a low rate
        words = {"bufflen": "16384", "buffers": "64"} if driver.lower() == "rtlsdr" else {}
        if self._words.get("driver") == "remote":
            words |= {"remote:prot": "tcp", "remote:mtu": "65536"}
            words |= {key: value for key, value in self._words.items() if key in REMOTE}
        arguments = Kwargs.of(words)
        channels = (ctypes.c_size_t * 1)(0)
        self._stream = lib.SoapySDRDevice_setupStream(device, RX, kind.encode(), channels, 1, ctypes.byref(arguments))
        if not self._stream:
            raise self._fault(f"gives no stream of {kind}")
        if lib.SoapySDRDevice_activateStream(device, self._stream, 0, 0, 0):
            raise self._fault("does not begin to receive")
        # SoapyRTLSDR's time is made of its own count, and up to 0.3.3 runs at twice the speed
        self._timed = driver.lower() not in ("rtlsdr", "")
        self._time: int | None = None  # of the samples before, ns
        self.utc_ns = None
        self._came = 0  # so many
        self._late = 0.0  # samples: what rounding left

    def _set_up(self, device: int) -> None:
        """Gain, inputs, and what else was wanted."""
        lib, settings, channel = self._lib, self._settings, (device, RX, 0)
        gain = settings.gain
        if lib.SoapySDRDevice_hasGainMode(*channel):
            lib.SoapySDRDevice_setGainMode(*channel, gain is None)
        if isinstance(gain, tuple):
            for name, decibels in gain:
                self._check("gain", name, lib.SoapySDRDevice_listGains, channel)
                if lib.SoapySDRDevice_setGainElement(*channel, name.encode(), decibels):
                    raise self._fault(f"does not take a gain of {decibels:g} dB at {name}")
        elif gain is not None and lib.SoapySDRDevice_setGain(*channel, gain):
            raise self._fault(f"does not take a gain of {gain:g} dB")
        if settings.antenna is not None:
            self._check("antenna", settings.antenna, lib.SoapySDRDevice_listAntennas, channel)
            if lib.SoapySDRDevice_setAntenna(*channel, settings.antenna.encode()):
                raise self._fault(f"does not take the antenna {settings.antenna}")
        if settings.bandwidth is not None and lib.SoapySDRDevice_setBandwidth(*channel, settings.bandwidth):
            raise self._fault(f"has no bandwidth of {settings.bandwidth:g} Hz")
        for what, source in (("Clock", settings.clock_source), ("Time", settings.time_source)):
            if source is not None:
                kind = f"{what.lower()} source"
                self._check(kind, source, getattr(lib, f"SoapySDRDevice_list{what}Sources"), (device,))
                if getattr(lib, f"SoapySDRDevice_set{what}Source")(device, source.encode()):
                    raise self._fault(f"does not take the {kind} {source}")
        if settings.bias_tee and lib.SoapySDRDevice_writeSetting(device, b"biastee", b"true"):
            raise self._fault("has no bias tee")
        for key, value in settings.more:
            if lib.SoapySDRDevice_writeSetting(device, key.encode(), value.encode()):
                raise self._fault(f"does not take the setting {key}={value}")

    def _check(self, what: str, name: str, known: Any, of: tuple[int, ...]) -> None:
        """Raise DeviceError where a device knows no such name; drivers take any without a word."""
        count = ctypes.c_size_t()
        listed = known(*of, ctypes.byref(count))
        names = [(listed[i] or b"").decode(errors="replace") for i in range(count.value)]
        self._lib.SoapySDRStrings_clear(ctypes.byref(listed), count)
        if name not in names:
            raise DeviceError(f"{self._name}: has no {what} {short(name)}; it has {', '.join(names) or 'none'}")

    def read(self, out: memoryview) -> int:
        lib, flags, ns = self._lib, ctypes.c_int(), ctypes.c_longlong()
        buffers = (ctypes.c_void_p * 1)(ctypes.addressof(ctypes.c_char.from_buffer(out)))
        self.lost = 0
        n = lib.SoapySDRDevice_readStream(
            self._device, self._stream, buffers, len(out) // self._size, ctypes.byref(flags), ctypes.byref(ns), WAIT_US
        )
        if n in (0, TIMEOUT, OVERFLOW, CORRUPTION):
            return 0  # what was lost shows in the next samples' time
        if n < 0:
            raise self._fault(f"ends its stream: {self._lib.SoapySDR_errToStr(n).decode()}")
        if self._timed and flags.value & HAS_TIME:
            self.counts = True
            if self._time is not None:
                late = self._late + (ns.value - self._time) * self.rate / 1e9 - self._came
                self.lost = max(0, round(late))
                self._late = FADES * (late - self.lost) if late > BACK else 0.0
            self._time, self._came = ns.value, n
            self.utc_ns = ns.value
        return int(n) * self._size

    def close(self) -> None:
        if self._stream:
            self._lib.SoapySDRDevice_deactivateStream(self._device, self._stream, 0, 0)
            self._lib.SoapySDRDevice_closeStream(self._device, self._stream)
        if self._device:
            self._lib.SoapySDRDevice_unmake(self._device)
        self._device = self._stream = None


device = Soapy
