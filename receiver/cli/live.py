"""``radome live``: frames out of what a device receives now."""

from __future__ import annotations

import signal
import sys
import threading
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ._receive import context, output_options, receive, satellite_options, satellites_of, sinks_of, site_of
from ._values import Number

if TYPE_CHECKING:
    from ..monitor import Monitor, Tell
    from ..orbit import Orbit, Station
    from ..pipeline import Line
    from ..reception import Conditions
    from ..record import Context
    from ..satellite import Satellite
    from ..sink.terminal import Display
    from ..source import Recording
    from ..source.live import LiveSource

GUARD = 20e3
"""Hz that a signal is kept away from the middle of the band, where receivers have a line of their own."""
USABLE = 0.4
"""Of the rate, on each side of the middle."""


@click.command()
@click.argument("device")
@satellite_options
@click.option("--station", metavar="LAT,LON,ALT", help="Where this is: degrees, degrees, metres.")
@click.option("--frequency", type=Number(0, 1e12, open=True), metavar="HZ", help="To tune to; else beside the signals.")
@click.option("--rate", type=Number(0, 1e10, open=True), metavar="HZ", help="Samples per second.")
@click.option("--gain", type=Number(-100, 200), metavar="DB", help="Of the device; else it controls that itself.")
@click.option("--ppm", type=Number(-1000, 1000), default=0.0, metavar="PPM", help="Error of the device's oscillator.")
@click.option("--format", "format_", metavar="F", help="cu8, cs16, cf32 …: sample type of bare samples.")
@click.option("--bias-tee", is_flag=True, help="Power an amplifier through the aerial's cable.")
@click.option("--duration", type=Number(0, open=True), metavar="SECONDS", help="End after so many seconds of signal.")
@click.option("--record", metavar="DIR", type=click.Path(path_type=Path), help="Write the samples there, as SigMF.")
@click.option("--log", type=click.Choice(["text", "json"]), default="text", help="What standard error gets.")
@click.option("--metrics", metavar="[ADDRESS:]PORT", help="Serve metrics for Prometheus there.")
@output_options
def command(
    device: str,
    names: tuple[str, ...],
    definition: Path | None,
    definitions: tuple[Path, ...],
    transmitters: tuple[str, ...],
    elements: str | None,
    station: str | None,
    frequency: float | None,
    rate: float | None,
    gain: float | None,
    ppm: float,
    format_: str | None,
    bias_tee: bool,
    duration: float | None,
    record: Path | None,
    log: str,
    metrics: str | None,
    **options: Any,
) -> None:
    """Decode what DEVICE receives, until Ctrl-C.

    \b
    DEVICE is one of
      soapy:driver=KIND,…  what SoapySDR drives: RTL-SDR, USRP, Airspy, HackRF …
      rtlsdr:0             an RTL-SDR by pyrtlsdr, if that is installed
      rtltcp://HOST:PORT   an RTL-SDR behind rtl_tcp
      tcp://HOST:PORT      bare samples from a server; tcp://:PORT waits for one that connects
      udp://[HOST]:PORT    bare samples in datagrams
    `radome devices` lists what there is. Bare samples need --format and --rate, and --frequency for an orbit.

    On a terminal a view below the frames shows the band, each channel and what is lost.
    """
    from .. import __version__
    from ..device import Settings
    from ..monitor import Monitor
    from ..reception import lines_of_all
    from ..record import new_boot
    from ..source.live import LiveSource
    from ..source.recorder import Recorder

    quiet, tell = options["quiet"], _logger() if log == "json" else None
    if bool(names) == (definition is not None):
        raise click.UsageError("give either --satellite, a name or catalogue number, or --definition, a file")
    if options.pop("realtime"):
        raise click.UsageError("--realtime is for recordings; what is live has no other speed")
    wanted = satellites_of(names, definition, definitions)
    chosen = [t for s in wanted for t in s.transmitters if not transmitters or t.name in transmitters]
    conditions = {satellite.norad: _conditions(elements, station, satellite, ppm) for satellite in wanted}
    tuned = frequency
    if tuned is None and chosen and not device.startswith(("tcp:", "udp:")):
        tuned = tuning([t.frequency for t in chosen], rate or 250e3)
    if tell is not None:
        tell("info", "start", {"version": __version__, "device": device, "satellites": [s.name for s in wanted]})
    sights: dict[int | None, tuple[Orbit, Station]] = {
        n: (c.orbit, c.station) for n, c in conditions.items() if c.orbit is not None and c.station is not None
    }
    monitor = Monitor(tell, sights)
    exporter = None
    if metrics is not None:
        from ..metrics import Exporter

        exporter = Exporter(metrics, monitor)
    settings = Settings(device, rate, tuned, gain, format_, bias_tee)
    boot = new_boot()
    made: list[LiveSource] = []

    def open_device(name: str) -> LiveSource:
        source = LiveSource(settings)
        made.append(source)
        stop_at = None if duration is None else threading.Timer(duration, source.stop)
        if stop_at is not None:
            stop_at.daemon = True
            stop_at.start()
        return source

    def prepare(recording: Recording, display: Display) -> list[tuple[Line, Context]]:
        made[-1].say = (lambda text: None) if tell else display.remark  # a log has the events
        if tell is not None:
            about = {"rate_hz": recording.rate, "frequency_hz": recording.frequency, "datatype": recording.datatype}
            tell("info", "device_open", {"device": device, **about})
        if exporter is not None:
            if tell is not None:
                tell("info", "metrics", {"url": exporter.url})
            else:
                display.remark(f"metrics at {exporter.url}")
        if record is not None:
            made[-1].recorder = Recorder(record, display.remark)
        # from now on an end is an orderly one: what is in the chains comes out
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, partial(_stop, made, signal.getsignal(number)))
        return [
            (line, context(boot, satellite, transmitter, line, recording, conditions[satellite.norad].station))
            for satellite, transmitter, line in lines_of_all(
                wanted, recording, lambda satellite: conditions[satellite.norad], transmitters, display.remark
            )
        ]

    try:
        receive(
            *([device], open_device, prepare, sinks_of(options, live=True), boot),
            realtime=False,
            quiet=quiet,
            monitor=monitor,
            show=partial(_display, monitor, tell is not None, quiet),
        )
    finally:
        if exporter is not None:
            exporter.close()


def _display(monitor: Monitor, json: bool, quiet: bool, data_on_stdout: bool, dump: bool) -> Display:
    """Log, view, or plain lines."""
    from ..sink.terminal import Display, is_terminal

    if json:
        from ..log import LogDisplay

        return LogDisplay()
    drawable = is_terminal(sys.stderr) and (sys.stderr.encoding or "").lower().startswith("utf")
    if not quiet and drawable and not (data_on_stdout and sys.stdout.isatty()):
        from ..sink.view import View

        return View(monitor, data_on_stdout, dump)
    return Display(data_on_stdout, dump)


def _logger() -> Tell:
    """Begin to log JSON lines."""
    from ..log import start, tell

    start()
    return tell


def _stop(sources: list[LiveSource], before: Any, number: int, frame: object) -> None:
    """End in order; at the second time at once."""
    for source in sources:
        source.stop()
    signal.signal(number, before)


def _conditions(elements: str | None, station: str | None, satellite: Satellite, ppm: float) -> Conditions:
    """What is known of the reception of a satellite. OrbitError for an orbit without a place."""
    import time

    from ..errors import OrbitError
    from ..orbit import load_orbit
    from ..reception import Conditions

    site = site_of(station)
    if elements is None:
        return Conditions(None, site, ppm)
    if site is None:
        raise OrbitError("an orbit needs to know where this is; give --station LAT,LON,ALT")
    return Conditions(load_orbit(Path(elements), satellite.norad, satellite.names, time.time_ns()), site, ppm)


def tuning(frequencies: list[float], rate: float) -> float:
    """Where to tune to, Hz, so that all are in the band and none is in its middle.

    Where they are too far apart for the rate, the first counts.
    """
    low, high = min(frequencies), max(frequencies)
    if high - low > 2 * USABLE * rate:
        low = high = frequencies[0]
    guard = min(GUARD, USABLE * rate / 2)
    edges = sorted({low - guard, *(f + guard for f in frequencies if low <= f <= high)})
    fits = [
        edge for edge in edges if all(guard <= abs(f - edge) <= USABLE * rate for f in frequencies if low <= f <= high)
    ]
    return min(fits, key=lambda edge: abs(edge - (low + high) / 2)) if fits else (low + high) / 2
