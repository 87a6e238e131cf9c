"""`radome passes`: when a satellite is over the station next."""

from __future__ import annotations

import sys
import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING, NamedTuple

import click

from ._values import Number, Time

if TYPE_CHECKING:
    from ..orbit import Orbit, Station

HEADER = ("satellite", "rise", "az", "top", "el", "az", "set", "az")
TIME = "%Y-%m-%dT%H:%M:%SZ"


class Event(NamedTuple):
    """A moment of a pass."""

    utc_ns: int
    azimuth: float
    elevation: float


class Pass(NamedTuple):
    """From rise to set; None for an end that is outside the time asked for."""

    satellite: str
    rise: Event | None
    culmination: Event | None
    set: Event | None


@click.command()
@click.argument("elements", type=click.Path(exists=True, dir_okay=False))
@click.option("--satellite", default="", help="Name or catalogue number, in a file of many; without it, all of them.")
@click.option(
    "--station", default="", help="Latitude,longitude,altitude in degrees and metres; else the configured one."
)
@click.option("--start", type=Time(), metavar="TIME", help="UTC from which to look; else now.")
@click.option("--hours", type=Number(0.01, 24 * 60), default=24.0, show_default=True, help="How far to look.")
@click.option(
    "--elevation",
    type=Number(0, 90),
    default=0.0,
    show_default=True,
    help="Degrees above the horizon at which a pass begins and ends.",
)
def command(elements: str, satellite: str, station: str, start: int | None, hours: float, elevation: float) -> None:
    """List the passes over the station of the satellites in ELEMENTS, a TLE or OMM file.

    Rise, top and set with azimuth (from north by east) and elevation; times are UTC, angles degrees. A table on a
    terminal; elsewhere a line for each pass, its columns separated by tabs.
    """
    from ..errors import OrbitError
    from ..orbit import default_station, load_orbit, load_orbits, parse_station
    from ..satellite import catalogue_number

    site = parse_station(station) if station else default_station()
    if site is None:
        raise OrbitError("the station is not known; give --station latitude,longitude,altitude")
    if satellite:
        number = catalogue_number(satellite)
        orbits = [load_orbit(elements, number, () if number is not None else (satellite,))]
    else:
        orbits = load_orbits(elements)
    begin_ns = round(time.time()) * 10**9 if start is None else start
    for orbit in orbits:
        for remark in filter(None, (*orbit.remarks, orbit.remark(begin_ns))):
            print(f"radome: {remark}", file=sys.stderr)
    passes = [one for orbit in orbits for one in find_passes(orbit, site, begin_ns, hours, elevation)]
    passes.sort(key=lambda one: next(event.utc_ns for event in one[1:] if event))
    if not passes:
        span = "an hour" if hours == 1 else f"{hours:g} hours"
        print(f"radome: no pass above {elevation:g} degrees in {span}", file=sys.stderr)
    elif sys.stdout.isatty():
        _print_table(passes)
    else:
        for one in passes:
            print("\t".join(_row(one, TIME, TIME)))


def find_passes(orbit: Orbit, station: Station, begin_ns: int, hours: float, elevation: float) -> list[Pass]:
    """Passes that are above an elevation at some time in the hours after a time.

    Raises OrbitError when the elements cannot be computed there.
    """
    import numpy as np
    from skyfield.api import EarthSatellite, load, wgs84

    end_ns = begin_ns + round(hours * 3600e9)
    orbit.look(station, np.array([begin_ns, end_ns]))  # says what is wrong with the elements, where something is
    scale = load.timescale(builtin=True)
    begin, end = (scale.from_datetime(datetime.fromtimestamp(ns / 1e9, timezone.utc)) for ns in (begin_ns, end_ns))
    place = wgs84.latlon(*station.place)
    satellite = EarthSatellite.from_satrec(orbit.satellite, scale)
    times, kinds = satellite.find_events(place, begin, end, altitude_degrees=elevation)
    at = np.array([round(time.utc_datetime().timestamp() * 1e3) * 10**6 for time in times], np.int64)
    look = orbit.look(station, at)
    passes, now = [], Pass(orbit.elements.label, None, None, None)
    for kind, *values in zip(kinds.tolist(), at.tolist(), look.azimuth, look.elevation, strict=True):
        event = Event(*values)
        if kind == 0:
            now = now._replace(rise=event)
        elif kind == 1 and (now.culmination is None or event.elevation > now.culmination.elevation):
            now = now._replace(culmination=event)
        elif kind == 2:
            passes.append(now._replace(set=event))
            now = Pass(now.satellite, None, None, None)
    return [*passes, now] if any(now[1:]) else passes


def _row(one: Pass, form: str, later: str) -> list[str]:
    row = [one.satellite]
    for event, elevation in ((one.rise, False), (one.culmination, True), (one.set, False)):
        if event is None:
            row += ["-"] * (3 if elevation else 2)
            continue
        moment = datetime.fromtimestamp(event.utc_ns / 1e9, timezone.utc)
        row += [
            moment.strftime(form if len(row) == 1 else later),
            *([f"{event.elevation:.0f}"] if elevation else []),
            f"{event.azimuth:.0f}",
        ]
    return row


def _print_table(passes: list[Pass]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in HEADER:
        table.add_column(name, justify="right" if name in ("az", "el") else "left", no_wrap=True)
    for one in passes:
        table.add_row(*_row(one, "%m-%d %H:%M:%S", "%H:%M:%S"))
    Console().print(table)
