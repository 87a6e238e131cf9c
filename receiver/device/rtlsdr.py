"""An RTL-SDR in this machine, by pyrtlsdr; ``rtlsdr:0``, or ``rtlsdr:SERIAL``.

Its samples come in callbacks on a thread; no loss is told of. pyrtlsdr is not installed with Radome:
``pip install 'radome[rtlsdr]'``. Where it does not load the system's librtlsdr, ``soapy:driver=rtlsdr`` does.
"""

from __future__ import annotations

import queue
import threading
from contextlib import suppress
from typing import Any

from ..datatype import checked_frequency
from ..errors import SourceError
from . import DeviceError, Settings
from ._net import PATIENCE
from .rtltcp import rtl_rate

BLOCK = 16384
"""Bytes in a callback: 33 ms at 250,000 samples per second."""
WAITING = 256
"""Blocks between the callback and the reader."""


class RtlSdr:
    """See `Device`."""

    datatype = "cu8"
    counts = patient = False
    lost = 0
    utc_ns: int | None = None

    def __init__(self, settings: Settings) -> None:
        self._name, self._settings = settings.device, settings
        self._which = settings.device.partition(":")[2] or "0"
        if settings.frequency is None:
            raise SourceError(f"{settings.device}: needs a --frequency to tune to, Hz")
        self.frequency: float | None = checked_frequency(settings.frequency, "--frequency")
        self._wanted, self.rate = rtl_rate(settings.rate)
        self._device: Any = None
        self._blocks: queue.Queue[bytes | None] = queue.Queue(WAITING)

    def open(self) -> None:
        try:
            import rtlsdr
        except (ImportError, AttributeError, OSError) as error:  # by what of it or of librtlsdr is missing
            raise DeviceError(
                f"{self._name}: pyrtlsdr cannot be loaded ({error}); install it with: pip install 'radome[rtlsdr]', or "
                "receive through soapy:driver=rtlsdr"
            ) from error
        serial = None if self._which.isdigit() and len(self._which) < 3 else self._which
        try:
            device = rtlsdr.RtlSdr(serial_number=serial) if serial else rtlsdr.RtlSdr(int(self._which))
            self._device = device
            device.sample_rate = self._wanted
            device.center_freq = self.frequency
            device.gain = "auto" if self._settings.overall_gain is None else self._settings.overall_gain
            device.set_bias_tee(self._settings.bias_tee)
        except (OSError, ValueError) as error:
            raise DeviceError(f"{self._name}: cannot be opened: {error}") from error
        threading.Thread(target=self._receive, name="rtlsdr", daemon=True).start()

    def _receive(self) -> None:
        def take(buffer: Any, context: object) -> None:
            with suppress(queue.Full):  # shows as a loss, by its time
                self._blocks.put_nowait(bytes(buffer))

        with suppress(OSError):
            self._device.read_bytes_async(take, BLOCK)
        # it returns without a word, too, when the dongle is gone
        self._blocks.put(None)

    def read(self, out: memoryview) -> int:
        try:
            block = self._blocks.get(timeout=PATIENCE)
        except queue.Empty:
            return 0
        if block is None:
            raise DeviceError(f"{self._name}: gives no more samples")
        out[: len(block)] = block
        return len(block)

    def close(self) -> None:
        """Nothing: the process ends, and librtlsdr lets go; to close it while it reads may hang."""


device = RtlSdr
