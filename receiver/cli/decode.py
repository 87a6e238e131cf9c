"""``radome decode``: frames out of recordings."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

if TYPE_CHECKING:
    from ..reception import Conditions
    from ..sink import Sink
    from ..sink.terminal import Display
    from ..source import Recording
    from ..statistics import Statistics


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option("--satellite", metavar="NAME|NORAD", help="What to receive, by name or catalogue number.")
@click.option("--definition", type=click.Path(path_type=Path), help="A definition file (TOML) instead.")
@click.option("--definitions", type=click.Path(path_type=Path), multiple=True, help="A folder of your definitions.")
@click.option("--transmitter", "transmitters", metavar="NAME", multiple=True, help="Only this one; may be repeated.")
@click.option("--tle", "--omm", "elements", metavar="FILE", help="Orbital elements: TLE, 3LE or OMM (any form).")
@click.option("--station", metavar="LAT,LON,ALT", help="Where it was received: degrees, degrees, metres.")
@click.option("--start", metavar="TIME", help="UTC of the first sample, such as 2024-05-01T12:00:00Z.")
@click.option("--frequency", type=float, metavar="HZ", help="Radio frequency of the recording's centre.")
@click.option("--offset", type=float, metavar="HZ", help="Known offset of the signal, instead of a search.")
@click.option("--ppm", type=float, default=0.0, metavar="PPM", help="Error of the receiver's oscillator.")
@click.option(
    "--format", "format_", metavar="F", help="cu8, cs8, cs16, cf32, cf64, wav, sigmf: where the name is silent."
)
@click.option("--rate", type=float, metavar="HZ", help="Samples per second, where the file is silent.")
@click.option("--kind", type=click.Choice(["iq", "real"]), help="IQ or audio, where the file can be taken for both.")
@click.option("--jsonl", metavar="FILE", help="Write frame records as JSON lines; - is standard output.")
@click.option("--kiss", metavar="FILE", help="Write frames to a KISS file.")
@click.option("--zmq", metavar="ADDRESS", help="Publish frames there, such as tcp://*:5555.")
@click.option("--zmq-wait", type=float, metavar="SECONDS", help="Wait so long for a subscriber before starting.")
@click.option("--realtime", is_flag=True, help="No faster than it was recorded.")
@click.option("--quiet", "-q", is_flag=True, help="Show neither frames nor a summary.")
def command(
    files: tuple[str, ...],
    satellite: str | None,
    definition: Path | None,
    definitions: tuple[Path, ...],
    transmitters: tuple[str, ...],
    elements: str | None,
    station: str | None,
    start: str | None,
    frequency: float | None,
    offset: float | None,
    ppm: float,
    format_: str | None,
    rate: float | None,
    kind: Literal["iq", "real"] | None,
    jsonl: str | None,
    kiss: str | None,
    zmq: str | None,
    zmq_wait: float | None,
    realtime: bool,
    quiet: bool,
) -> None:
    """Decode the frames in recordings: SigMF, WAV, raw IQ, FLAC, Ogg; - is standard input.

    Without orbital elements the signal is searched in the whole recorded band.
    """
    from ..pipeline import Pipeline
    from ..reception import lines
    from ..record import Context, boot_of, record
    from ..satellite import find_satellite, load_satellite
    from ..sink.terminal import Display
    from ..source import open_source
    from ..utc import parse_utc

    if (satellite is None) == (definition is None):
        raise click.UsageError("give either --satellite, a name or catalogue number, or --definition, a file")
    wanted = load_satellite(definition) if definition else find_satellite(satellite or "", definitions)
    begin = parse_utc(start) if start else None
    if start and begin is None:
        raise click.BadParameter(f"{start!r} is no time; it is written like 2024-05-01T12:00:00Z", param_hint="--start")
    data_on_stdout = "-" in (jsonl, kiss)
    display = Display(data_on_stdout, dump=jsonl is None and kiss is None and zmq is None)
    boot = boot_of(repr((files, wanted.norad, transmitters, frequency, offset, ppm, start, rate, format_)))
    sinks = _sinks(jsonl, kiss, zmq, zmq_wait)
    seq = 0
    opened: list[Sink] = []
    try:
        for sink in sinks:
            sink.open(boot, display.remark)
            opened.append(sink)
        for name in files:
            source = open_source(
                name, format=format_, rate=rate, frequency=frequency, start=begin[0] if begin else None, kind=kind
            )
            try:
                recording = source.recording
                for text in recording.remarks:
                    display.remark(text)
                conditions = _conditions(recording, wanted.norad, wanted.names, elements, station, ppm, offset, display)
                made = lines(wanted, recording, conditions, transmitters, display.remark)
                contexts = [_context(boot, wanted, transmitter, recording, conditions) for transmitter, _ in made]

                def publish(line: int, frame: Any, contexts: list[Context] = contexts) -> None:
                    nonlocal seq
                    table = record(frame, contexts[line], seq)
                    seq += 1
                    for sink in sinks:
                        sink.write(table, frame.payload)
                    if not quiet:
                        display.frame(table, frame.payload)

                begun = time.monotonic()
                total = recording.samples / recording.rate if recording.samples else None

                pipeline = Pipeline(source, [line for _, line in made], realtime=realtime)
                statistics, gaps = pipeline.statistics, 0

                def progress(
                    seconds: float,
                    name: str = name,
                    begun: float = begun,
                    total: float | None = total,
                    statistics: Statistics = statistics,
                ) -> None:
                    nonlocal gaps
                    if not quiet and seconds > 0:
                        display.progress(seconds, total, seconds / max(time.monotonic() - begun, 1e-9))
                    for sink in sinks:
                        if statistics.gaps > gaps:
                            sink.event("gap", {"file": name, "gaps": statistics.gaps, "seconds": seconds})
                        sink.tick()
                    gaps = statistics.gaps

                try:
                    pipeline.run(publish, progress)
                finally:
                    for sink in sinks:
                        sink.event("status", {"event": "file", "file": name, "statistics": statistics.table()})
                    if not quiet:
                        display.finish(statistics)
            finally:
                source.close()
    finally:
        display.close()
        for sink in opened:
            sink.close()


def _sinks(jsonl: str | None, kiss: str | None, zmq: str | None, zmq_wait: float | None) -> list[Sink]:
    sinks: list[Sink] = []
    if jsonl:
        from ..sink.jsonl import JsonLines

        sinks.append(JsonLines(jsonl))
    if kiss:
        from ..sink.kiss import KissFile

        sinks.append(KissFile(kiss))
    if zmq:
        from ..sink.zmq import Publisher

        sinks.append(Publisher(zmq, wait=zmq_wait or 0.0))
    return sinks


def _conditions(
    recording: Recording,
    norad: int,
    names: tuple[str, ...],
    elements: str | None,
    station: str | None,
    ppm: float,
    offset: float | None,
    display: Display,
) -> Conditions:
    """Gather what is known of the reception; an orbit without a place is of no use, which is said."""
    from ..reception import Conditions

    if elements is None:
        return Conditions(ppm=ppm, offset=offset)
    from ..errors import OrbitError
    from ..orbit import Station, default_station, load_orbit, parse_station

    orbit = load_orbit(Path(elements), norad, names, recording.clock.utc_ns)
    site = parse_station(station) if station else None
    if site is None and recording.station is not None:
        site = Station(*recording.station)
    site = site or default_station()
    if recording.kind == "real":
        display.remark("the recording is audio, whose Doppler the receiver has taken off; the orbit is not used")
        return Conditions(ppm=ppm, offset=offset)
    if site is None:
        raise OrbitError(f"{recording.name}: does not say where it was received; give --station LAT,LON,ALT")
    if recording.clock.utc_ns is None:
        raise OrbitError(f"{recording.name}: has no start time, which the orbit needs; give --start")
    for text in filter(None, (*orbit.remarks, orbit.remark(recording.clock.utc_ns))):
        display.remark(text)
    return Conditions(orbit, site, ppm, offset)


def _context(boot: str, satellite: Any, transmitter: Any, recording: Recording, conditions: Conditions) -> Any:
    from ..record import Context

    place = recording.station
    site = conditions.station
    if site is not None:
        place = (site.latitude, site.longitude, site.altitude)
    doppler = None
    if conditions.orbit is not None and site is not None:
        orbit, there = conditions.orbit, site

        def doppler(position: float, clock: Any) -> float | None:
            from numpy import array

            utc = clock.time_ns(position)
            return None if utc is None else float(orbit.doppler(transmitter.frequency, there, array([utc]))[0])

    return Context(
        boot,
        satellite,
        transmitter,
        station=",".join(f"{x:g}" for x in place) if place else None,
        carrier=transmitter.frequency if recording.kind == "iq" and recording.frequency is not None else None,
        doppler=doppler,
    )
