"""``radome live``: frames out of what a device receives now."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ._device import LIMITS, device_options, end_in_order, limits_of, open_device, record_options, settings_of
from ._receive import (
    check_choice,
    context,
    output_options,
    receive,
    satellite_options,
    satellites_of,
    sinks_of,
    site_of,
)
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
@device_options
@click.option("--ppm", type=Number(-1000, 1000), default=0.0, metavar="PPM", help="Error of the device's oscillator.")
@click.option("--record", metavar="DIR", type=click.Path(path_type=Path), help="Write the samples there, as SigMF.")
@click.option("--record-on-frame", is_flag=True, help="Of the samples only those around frames.")
@click.option("--before", type=Number(0, 3600), metavar="SECONDS", help="So long before a frame: 10.")
@click.option("--after", type=Number(0, 3600), metavar="SECONDS", help="And so long behind it: 10.")
@click.option(
    "--record-channels", metavar="DIR", type=click.Path(path_type=Path), help="Write each channel, without Doppler."
)
@record_options
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
    all_visible: bool,
    station: str | None,
    frequency: float | None,
    ppm: float,
    duration: float | None,
    record: Path | None,
    record_on_frame: bool,
    before: float | None,
    after: float | None,
    record_channels: Path | None,
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
      zmq:tcp://HOST:PORT  bare samples from GNU Radio's ZMQ PUB Sink; zmq:pull:tcp://… from a PUSH Sink
      -                    bare samples from standard input
    `radome devices` lists what there is. Bare samples need --format and --rate, and --frequency for an orbit.

    On a terminal a view below the frames shows the band, each channel and what is lost.
    """
    from .. import __version__
    from ..device._reader import Reader

    quiet, tell = options["quiet"], _logger() if log == "json" else None
    check_choice(names, definition, all_visible, elements)
    if all_visible and frequency is None:
        raise click.UsageError("--all-visible needs --frequency, the middle of the band that is received")
    if all_visible and record_channels is not None:
        raise click.UsageError("--record-channels needs --satellite: with --all-visible channels come and go")
    if record_on_frame and record is None:
        raise click.UsageError("--record-on-frame needs --record, a folder")
    if not record_on_frame and (before is not None or after is not None):
        raise click.UsageError("--before and --after are of use only with --record-on-frame")
    if record is None and record_channels is None and any(options[f"record_{name}"] for name in LIMITS):
        raise click.UsageError("--record-size, --record-keep-free and --record-delete-oldest need --record, a folder")
    # it starts while this imports what it needs
    reader = click.get_current_context().with_resource(Reader())

    from ..monitor import Monitor
    from ..reception import lines_of_all, visible_lines
    from ..record import new_boot
    from ..source.recorder import Around
    from ..tape import Tapes

    around = Around(10.0 if before is None else before, 10.0 if after is None else after) if record_on_frame else None
    limits = limits_of(options)
    wanted = satellites_of(names, definition, definitions)
    chosen = [t for s in wanted for t in s.transmitters if not transmitters or t.name in transmitters]
    site = _site(station) if all_visible else None
    conditions = {satellite.norad: _conditions(elements, station, satellite, ppm) for satellite in wanted}
    tuned = frequency
    if tuned is None and chosen and not device.startswith(("tcp:", "udp:", "zmq:", "-")):
        tuned = tuning([t.frequency for t in chosen], options["rate"] or 250e3)
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
    settings = settings_of(device, tuned, options)
    boot = new_boot()
    made: list[LiveSource] = []
    tapes: list[Tapes] = []

    def opened(name: str) -> LiveSource:
        made.append(open_device(settings, duration, reader))
        return made[-1]

    def prepare(recording: Recording, display: Display) -> list[tuple[Line, Context]]:
        source = made[-1]
        source.say = (lambda text: None) if tell else display.remark  # a log has the events
        if tell is not None:
            about = {"rate_hz": recording.rate, "frequency_hz": recording.frequency, "datatype": recording.datatype}
            tell("info", "device_open", {"device": device, **about})
        if exporter is not None:
            if tell is not None:
                tell("info", "metrics", {"url": exporter.url})
            else:
                display.remark(f"metrics at {exporter.url}")
        end_in_order(made)
        if site is not None:
            every = Path(elements or "")
            lines = visible_lines(every, definitions, recording, site, transmitters, ppm, remark=display.remark)
        else:
            lines = lines_of_all(
                wanted, recording, lambda satellite: conditions[satellite.norad], transmitters, display.remark
            )
        tapes.append(Tapes(recording, display.remark, limits, site_of(station), [line for *_, line in lines]))
        if record is not None:
            source.recorder = tapes[-1].everything(record, around)
        if record_channels is not None:
            own = tapes[-1].channels(record_channels, [f"{satellite.name} {sent.name}" for satellite, sent, _ in lines])
            lines = [(satellite, sent, line) for (satellite, sent, _), line in zip(lines, own, strict=True)]
        return [
            (line, context(boot, satellite, sent, line, recording, site or conditions[satellite.norad].station))
            for satellite, sent, line in lines
        ]

    def note(line: int, table: dict[str, Any]) -> None:
        tapes[-1].note(line, table)

    try:
        receive(
            *([device], opened, prepare, sinks_of(options, live=True), boot),
            realtime=False,
            quiet=quiet,
            beside=[definition, elements],
            note=note,
            monitor=monitor,
            show=partial(_display, monitor, tell is not None, quiet),
        )
    finally:
        if exporter is not None:
            exporter.close()
        for tape in tapes:
            tape.close()


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


def _conditions(elements: str | None, station: str | None, satellite: Satellite, ppm: float) -> Conditions:
    """What is known of the reception of a satellite. OrbitError for an orbit without a place."""
    import time

    from ..orbit import load_orbit
    from ..reception import Conditions

    if elements is None:
        return Conditions(None, site_of(station), ppm)
    site = _site(station)
    return Conditions(load_orbit(Path(elements), satellite.norad, satellite.names, time.time_ns()), site, ppm)


def _site(station: str | None) -> Station:
    """Where this is. OrbitError when that is not known."""
    from ..errors import OrbitError

    site = site_of(station)
    if site is None:
        raise OrbitError("an orbit needs to know where this is; give --station LAT,LON,ALT")
    return site


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
