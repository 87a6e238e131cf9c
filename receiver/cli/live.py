"""``radome live``: frames out of what a device receives now."""

from __future__ import annotations

import signal
import threading
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ._receive import context, output_options, receive, satellite_options, satellites_of, sinks_of, site_of
from ._values import Number

if TYPE_CHECKING:
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
    """
    from ..device import Settings
    from ..device._reader import Reader

    if bool(names) == (definition is not None):
        raise click.UsageError("give either --satellite, a name or catalogue number, or --definition, a file")
    if options.pop("realtime"):
        raise click.UsageError("--realtime is for recordings; what is live has no other speed")
    # it starts while this imports what it needs
    reader = click.get_current_context().with_resource(Reader())

    from ..reception import lines_of_all
    from ..record import new_boot
    from ..source.live import LiveSource
    from ..source.recorder import Recorder

    wanted = satellites_of(names, definition, definitions)
    chosen = [t for s in wanted for t in s.transmitters if not transmitters or t.name in transmitters]
    conditions = {satellite.norad: _conditions(elements, station, satellite, ppm) for satellite in wanted}
    tuned = frequency
    if tuned is None and chosen and not device.startswith(("tcp:", "udp:", "zmq:", "-")):
        tuned = tuning([t.frequency for t in chosen], rate or 250e3)
    settings = Settings(device, rate, tuned, gain, format_, bias_tee)
    boot = new_boot()
    made: list[LiveSource] = []

    def open_device(name: str) -> LiveSource:
        source = LiveSource(settings, reader=reader)
        made.append(source)
        stop_at = None if duration is None else threading.Timer(duration, source.stop)
        if stop_at is not None:
            stop_at.daemon = True
            stop_at.start()
        return source

    def prepare(recording: Recording, display: Display) -> list[tuple[Line, Context]]:
        made[-1].say = display.remark
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

    receive([device], open_device, prepare, sinks_of(options), boot, realtime=False, quiet=options["quiet"])


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
