"""What `radome live` and `radome record` share: the options of a device and of recordings, and the end in order."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from ._receive import adding
from ._values import Gain, Number, Size, pairs

if TYPE_CHECKING:
    from ..device import Settings
    from ..device._reader import Reader
    from ..source.live import LiveSource
    from ..source.recorder import Limits

ECHO = 0.5
"""Seconds within which a signal that comes again is the same: timeout(1) sends it to the program and to its group."""

_DEVICE = (
    click.option("--station", metavar="LAT,LON,ALT", help="Where this is: degrees, degrees, metres."),
    click.option(
        "--frequency", type=Number(0, 1e12, open=True), metavar="HZ", help="To tune to; live: else beside the signals."
    ),
    click.option("--rate", type=Number(0, 1e10, open=True), metavar="HZ", help="Samples per second."),
    click.option(
        "--gain", type=Gain(), metavar="DB", help="Of the device, or of stages, LNA=30,VGA=12; else its own control."
    ),
    click.option("--antenna", metavar="NAME", help="Input of a device that has several."),
    click.option("--bandwidth", type=Number(0, 1e10, open=True), metavar="HZ", help="Of the device's own filter."),
    click.option("--clock-source", metavar="NAME", help="external, gpsdo …: of the device's clock."),
    click.option("--time-source", metavar="NAME", help="external, gpsdo …: of the device's time."),
    click.option(
        "--setting", "more", multiple=True, callback=pairs, metavar="KEY=VALUE", help="Of the driver; may be repeated."
    ),
    click.option("--format", "format_", metavar="F", help="cu8, cs16, cf32 …: sample type of bare samples."),
    click.option("--bias-tee", is_flag=True, help="Power an amplifier through the aerial's cable."),
    click.option("--duration", type=Number(0, open=True), metavar="SECONDS", help="End after so many seconds."),
)
_RECORD = (
    click.option("--record-size", type=Size(1e6), metavar="BYTES", help="Begin the next recording at 2GB, say."),
    click.option("--record-keep-free", type=Size(), metavar="BYTES", help="Leave so much of the disk free: 1GB, say."),
    click.option(
        "--record-delete-oldest", is_flag=True, help="Then delete Radome's oldest recordings there, instead of ending."
    ),
)
device_options = adding(_DEVICE)
"""Adds the options that say how a device is set."""
record_options = adding(_RECORD)
"""Adds the options that say how much is recorded."""
LIMITS = ("size", "keep_free", "delete_oldest")
"""What `record_options` adds, each behind ``record_``."""


def limits_of(options: dict[str, Any]) -> Limits:
    """Take the options of `record_options`."""
    from ..source.recorder import Limits

    size, free, delete = (options.pop(f"record_{name}") for name in LIMITS)
    if delete and not free:
        raise click.UsageError("--record-delete-oldest needs --record-keep-free, which says when")
    return Limits(None if size is None else int(size), int(free or 0), delete)


def settings_of(device: str, frequency: float | None, options: dict[str, Any]) -> Settings:
    """Take the options of `device_options` that a device is set by, but for the frequency."""
    from ..device import Settings

    names = ("rate", "gain", "bias_tee", "antenna", "bandwidth", "clock_source", "time_source", "more")
    taken = {name: options.pop(name) for name in names}
    return Settings(device, frequency=frequency, format=options.pop("format_"), **taken)


def open_device(settings: Settings, duration: float | None, reader: Reader) -> LiveSource:
    """Open a device, for so many seconds, in a process that has been started. Raises SourceError."""
    from ..source.live import LiveSource

    source = LiveSource(settings, reader=reader)
    if duration is not None:
        stop = threading.Timer(duration, source.stop)
        stop.daemon = True
        stop.start()
    return source


def end_in_order(sources: Sequence[LiveSource]) -> None:
    """From now on let Ctrl-C, SIGTERM and a terminal that goes stop sources, so that what is still inside comes out.

    A second one ends at once.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        before = signal.getsignal(number)
        if number != signal.SIGHUP or before != signal.SIG_IGN:  # by nohup
            signal.signal(number, partial(_stop, sources, before, []))


def _stop(sources: Sequence[LiveSource], before: Any, times: list[float], number: int, frame: object) -> None:
    times.append(time.monotonic())
    if times[-1] - times[0] > ECHO:
        signal.signal(number, before)
        signal.raise_signal(number)
    for source in sources:
        source.stop()
