"""``radome decode``: frames out of recordings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ._receive import (
    SOURCE_KEYS,
    check_choice,
    context,
    opener,
    output_options,
    progress_of,
    re_readable,
    read_once,
    realtime_option,
    receive,
    satellite_options,
    satellites_of,
    sinks_of,
    site_of,
    source_options,
)

if TYPE_CHECKING:
    from ..identify import Trial
    from ..orbit import Station
    from ..pipeline import Line
    from ..reception import Conditions
    from ..record import Context
    from ..satellite import Satellite, Transmitter
    from ..sink.terminal import Display
    from ..source import Recording
    from ..statistics import Statistics


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@satellite_options
@click.option("--station", metavar="LAT,LON,ALT", help="Where it was received: degrees, degrees, metres.")
@click.option("--offset", type=float, metavar="HZ", help="Known offset of the signal, instead of a search.")
@click.option("--ppm", type=float, default=0.0, metavar="PPM", help="Error of the receiver's oscillator.")
@source_options
@realtime_option
@output_options
def command(
    files: tuple[str, ...],
    names: tuple[str, ...],
    definition: Path | None,
    definitions: tuple[Path, ...],
    transmitters: tuple[str, ...],
    elements: str | None,
    all_visible: bool,
    station: str | None,
    offset: float | None,
    ppm: float,
    **options: Any,
) -> None:
    """Decode the frames in recordings: SigMF, WAV, raw IQ, FLAC, Ogg, MP3, AIFF, AU; - is standard input.

    Without orbital elements the signal is searched in the whole recorded band. Without a satellite all that is known
    is tried on all signals, and what was recognised is shown at the end.
    """
    from ..reception import lines_of_all, visible_lines
    from ..record import boot_of

    check_choice(names, definition, all_visible, elements, needed=False)
    if not names and definition is None and not all_visible:
        need = {"--transmitter": transmitters, "--tle": elements, "--offset": offset is not None, "--ppm": ppm}
        if given := [name for name, value in need.items() if value]:
            raise click.UsageError(f"{given[0]} is of use only with --satellite or --definition")
        _decode_blind(files, definitions, options)
        return
    wanted = satellites_of(names, definition, definitions)
    told = {key: options[key] for key in SOURCE_KEYS}
    open_file = opener(options)
    site = site_of(station) if elements is not None or station is not None else None
    place = site if station is not None else None
    facts = [(satellite.names, satellite.norad, satellite.transmitters) for satellite in wanted]
    boot = boot_of(repr((files, facts, transmitters, elements, site, offset, ppm, told, *["all"] * all_visible)))

    def all_chains(recording: Recording, remark: Callable[[str], None]) -> list[tuple[Satellite, Transmitter, Line]]:
        if all_visible:
            where = _place(recording, site, station is not None)
            return visible_lines(Path(elements or ""), definitions, recording, where, transmitters, ppm, offset, remark)

        def conditions(satellite: Satellite) -> Conditions:
            return _conditions(recording, satellite, elements, site, station is not None, ppm, offset, remark)

        return lines_of_all(wanted, recording, conditions, transmitters, remark)

    def prepare(recording: Recording, display: Display) -> list[tuple[Line, Context]]:
        return [
            (line, context(boot, satellite, transmitter, line, recording, place))
            for satellite, transmitter, line in all_chains(recording, display.remark)
        ]

    def chains(recording: Recording) -> list[tuple[Transmitter, Line]]:
        return [(transmitter, line) for _, transmitter, line in all_chains(recording, _silent)]

    def finish(recording: Recording, display: Display, statistics: Statistics) -> None:
        display.finish(statistics)
        if not statistics.frames.total() and not all_visible and not read_once(recording.name):
            from ..why import why

            display.report(why(lambda: open_file(recording.name), chains))

    receive(
        files,
        open_file,
        prepare,
        sinks_of(options),
        boot,
        realtime=options["realtime"],
        quiet=options["quiet"],
        beside=[definition, elements],
        finish=finish,
    )


def _silent(text: str) -> None:
    """Say nothing a second time."""


def _decode_blind(files: tuple[str, ...], folders: tuple[Path, ...], options: dict[str, Any]) -> None:
    """Decode whatever is recognised."""
    from ..identify import explore, framed, narrowed, report
    from ..record import boot_of
    from ..satellite import Transmitter

    open_file = opener(options)
    again = {name: re_readable(name, open_file) for name in files}
    tried: list[Trial] = []

    def prepare(recording: Recording, display: Display) -> list[tuple[Line, Context]]:
        progress = None if options["quiet"] else progress_of(display)
        reopen = again[recording.name]
        exploration = narrowed(reopen, explore(reopen, folders, progress), folders)
        pairs = framed(recording, exploration)
        tried[:] = [trial for trial, _ in pairs]
        made = []
        for trial, line in pairs:
            way = trial.hypothesis
            frequency = recording.frequency or 0.0
            transmitter = Transmitter(trial.name, frequency, way.demod, {"use": "several"}, way.modulation)
            made.append((line, context(boot, None, transmitter, line, recording)))
        return made

    def finish(recording: Recording, display: Display, statistics: Statistics) -> None:
        statistics.failures.clear()  # of dozens of framings that were not sent
        display.finish(statistics)
        display.report(report(tried, recording))

    boot = boot_of(repr((files, folders, {key: options[key] for key in SOURCE_KEYS})))
    receive(
        files,
        open_file,
        prepare,
        sinks_of(options),
        boot,
        realtime=options["realtime"],
        quiet=options["quiet"],
        finish=finish,
    )


def _conditions(
    recording: Recording,
    satellite: Satellite,
    elements: str | None,
    site: Station | None,
    given: bool,
    ppm: float,
    offset: float | None,
    remark: Callable[[str], None],
) -> Conditions:
    """Gather what is known of the reception; an orbit without a place is of no use, which is said.

    The recording's own place goes before that of the configuration, but not before one that was `given`.
    """
    from ..reception import Conditions

    if elements is None:
        return Conditions(ppm=ppm, offset=offset)
    from ..errors import OrbitError
    from ..orbit import load_orbit

    orbit = load_orbit(Path(elements), satellite.norad, satellite.names, recording.clock.utc_ns)
    if recording.kind == "real":
        remark("the recording is audio, whose Doppler the receiver has taken off; the orbit is not used")
        return Conditions(ppm=ppm, offset=offset)
    site = _place(recording, site, given)
    if recording.clock.utc_ns is None:
        raise OrbitError(f"{recording.name}: has no start time, which the orbit needs; give --start")
    return Conditions(orbit, site, ppm, offset)


def _place(recording: Recording, site: Station | None, given: bool) -> Station:
    """Where it was received: the recording's own place goes before `site`, unless that was given. OrbitError."""
    from ..errors import OrbitError
    from ..orbit import Station

    if not given and recording.station is not None:
        site = Station(*recording.station)
    if site is None:
        raise OrbitError(f"{recording.name}: does not say where it was received; give --station LAT,LON,ALT")
    return site
