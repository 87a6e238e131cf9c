"""``radome decode``: frames out of recordings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ._receive import SOURCE_KEYS, context, opener, output_options, receive, sinks_of, source_options

if TYPE_CHECKING:
    from ..orbit import Station
    from ..pipeline import Line
    from ..reception import Conditions
    from ..record import Context
    from ..satellite import Satellite
    from ..sink.terminal import Display
    from ..source import Recording


FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option("--satellite", metavar="NAME|NORAD", help="What to receive, by name or catalogue number.")
@click.option("--definition", type=click.Path(path_type=Path), help="A definition file (TOML) instead.")
@click.option("--definitions", type=FOLDER, multiple=True, help="A folder of your definitions.")
@click.option("--transmitter", "transmitters", metavar="NAME", multiple=True, help="Only this one; may be repeated.")
@click.option("--tle", "--omm", "elements", metavar="FILE", help="Orbital elements: TLE, 3LE or OMM (any form).")
@click.option("--station", metavar="LAT,LON,ALT", help="Where it was received: degrees, degrees, metres.")
@click.option("--offset", type=float, metavar="HZ", help="Known offset of the signal, instead of a search.")
@click.option("--ppm", type=float, default=0.0, metavar="PPM", help="Error of the receiver's oscillator.")
@source_options
@output_options
def command(
    files: tuple[str, ...],
    satellite: str | None,
    definition: Path | None,
    definitions: tuple[Path, ...],
    transmitters: tuple[str, ...],
    elements: str | None,
    station: str | None,
    offset: float | None,
    ppm: float,
    **options: Any,
) -> None:
    """Decode the frames in recordings: SigMF, WAV, raw IQ, FLAC, Ogg; - is standard input.

    Without orbital elements the signal is searched in the whole recorded band.
    """
    from ..reception import lines
    from ..record import boot_of
    from ..satellite import find_satellite, load_satellite

    if (satellite is None) == (definition is None):
        raise click.UsageError("give either --satellite, a name or catalogue number, or --definition, a file")
    wanted = load_satellite(definition) if definition else find_satellite(satellite or "", definitions)
    told = {key: options[key] for key in SOURCE_KEYS}
    open_file = opener(options)
    site = _site(station) if elements is not None or station is not None else None
    given = site if station is not None else None
    facts = wanted.names, wanted.norad, wanted.transmitters
    boot = boot_of(repr((files, facts, transmitters, elements, site, offset, ppm, told)))

    def prepare(recording: Recording, display: Display) -> list[tuple[Line, Context]]:
        conditions = _conditions(recording, wanted, elements, site, station is not None, ppm, offset, display)
        return [
            (line, context(boot, wanted, transmitter, line, recording, given))
            for transmitter, line in lines(wanted, recording, conditions, transmitters, display.remark)
        ]

    receive(files, open_file, prepare, sinks_of(options), boot, realtime=options["realtime"], quiet=options["quiet"])


def _site(station: str | None) -> Station | None:
    """The place that is given, or else that of the configuration."""
    from ..orbit import default_station, parse_station

    return parse_station(station) if station is not None else default_station()


def _conditions(
    recording: Recording,
    satellite: Satellite,
    elements: str | None,
    site: Station | None,
    given: bool,
    ppm: float,
    offset: float | None,
    display: Display,
) -> Conditions:
    """Gather what is known of the reception; an orbit without a place is of no use, which is said.

    The recording's own place goes before that of the configuration, but not before one that was `given`.
    """
    from ..reception import Conditions

    if elements is None:
        return Conditions(ppm=ppm, offset=offset)
    from ..errors import OrbitError
    from ..orbit import Station, load_orbit

    orbit = load_orbit(Path(elements), satellite.norad, satellite.names, recording.clock.utc_ns)
    if not given and recording.station is not None:
        site = Station(*recording.station)
    if recording.kind == "real":
        display.remark("the recording is audio, whose Doppler the receiver has taken off; the orbit is not used")
        return Conditions(ppm=ppm, offset=offset)
    if site is None:
        raise OrbitError(f"{recording.name}: does not say where it was received; give --station LAT,LON,ALT")
    if recording.clock.utc_ns is None:
        raise OrbitError(f"{recording.name}: has no start time, which the orbit needs; give --start")
    return Conditions(orbit, site, ppm, offset)
