"""What `radome decode` and `radome run` share: their options, and the loop over recordings."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click

from ._values import Number, Time

if TYPE_CHECKING:
    from ..monitor import Monitor
    from ..orbit import Station
    from ..pipeline import Line
    from ..record import Context
    from ..satellite import Satellite, Transmitter
    from ..sink import Sink
    from ..sink.terminal import Display
    from ..source import Recording, Source
    from ..stage import Frame
    from ..statistics import Statistics

F = TypeVar("F", bound=Callable[..., Any])


def adding(options: Sequence[Callable[[Any], Any]]) -> Callable[[F], F]:
    """A decorator that adds options to a command, in their order."""

    def add(command: F) -> F:
        for option in reversed(options):
            command = option(command)
        return command

    return add


_SOURCE = (
    click.option(
        "--start",
        type=Time(),
        metavar="TIME",
        help="UTC of the first sample, such as 2024-05-01T12:00:00Z or 2024-05-01.",
    ),
    click.option(
        "--frequency", type=float, metavar="HZ", help="Radio frequency of the recording's centre; 0: not known."
    ),
    click.option("--format", metavar="F", help="cu8, cs8, cs16, cf32, cf64 …: sample type, where the name is silent."),
    click.option("--rate", type=float, metavar="HZ", help="Samples per second, where the file is silent."),
    click.option(
        "--kind", type=click.Choice(["iq", "real"]), help="IQ or audio, where the file can be taken for both."
    ),
)
_OUTPUT = (
    click.option("--jsonl", metavar="FILE", help="Write frame records as JSON lines; - is standard output."),
    click.option("--kiss", metavar="FILE", help="Write frames to a KISS file."),
    click.option("--zmq", metavar="ADDRESS", help="Publish frames there, such as tcp://*:5555."),
    click.option(
        "--zmq-wait", type=Number(0), metavar="SECONDS", help="Wait so long for a subscriber before starting."
    ),
    click.option("--quiet", "-q", is_flag=True, help="Show neither frames nor a summary."),
)
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_SATELLITE = (
    click.option(
        "--satellite",
        "names",
        metavar="NAME|NORAD",
        multiple=True,
        help="What to receive, by name or catalogue number; may be repeated.",
    ),
    click.option("--definition", type=click.Path(path_type=Path), help="A definition file (TOML) instead."),
    click.option("--definitions", type=FOLDER, multiple=True, help="A folder of your definitions."),
    click.option(
        "--transmitter", "transmitters", metavar="NAME", multiple=True, help="Only this one; may be repeated."
    ),
    click.option("--tle", "--omm", "elements", metavar="FILE", help="Orbital elements: TLE, 3LE or OMM (any form)."),
    click.option(
        "--all-visible",
        is_flag=True,
        help="Instead of --satellite: every satellite in the --tle or --omm file that has a definition, sends in the "
        "band, and is above the horizon, while it is.",
    ),
)
source_options = adding(_SOURCE)
"""Adds the options that say what a recording does not say of itself."""
satellite_options = adding(_SATELLITE)
"""Adds the options that say which satellites are received."""
output_options = adding(_OUTPUT)
"""Adds the options that say where frames go."""
realtime_option = click.option("--realtime", is_flag=True, help="No faster than it was recorded.")
SOURCE_KEYS = ("start", "frequency", "format", "rate", "kind")


def check_choice(
    names: Sequence[str], definition: Path | None, all_visible: bool, elements: str | None, needed: bool = True
) -> None:
    """Raise click.UsageError unless the options name satellites in one way, or, where that is not needed, in none."""
    given = bool(names) + (definition is not None) + all_visible
    if given > 1 or (needed and not given):
        raise click.UsageError(
            "give either --satellite, a name or catalogue number, or --definition, a file, or --all-visible"
        )
    if all_visible and elements is None:
        raise click.UsageError("--all-visible needs --tle or --omm, a file with the orbits of all that may be visible")


def satellites_of(names: Sequence[str], definition: Path | None, folders: Sequence[Path]) -> list[Satellite]:
    """The satellites that the options name. FlowgraphError for one that there is not."""
    from ..satellite import find_satellite, load_satellite

    return [load_satellite(definition)] if definition else [find_satellite(name, folders) for name in names]


def site_of(station: str | None) -> Station | None:
    """The place that is given, or else that of the configuration."""
    from ..orbit import default_station, parse_station

    return parse_station(station) if station is not None else default_station()


def opener(options: dict[str, Any]) -> Callable[[str], Source]:
    """What opens a file as `source_options` say."""
    from ..source import open_source

    told = {key: options[key] for key in SOURCE_KEYS}
    return lambda name: open_source(name, **told)


def read_once(name: str) -> bool:
    """Whether it can be read but once: standard input, a pipe, a device."""
    return name == "-" or (os.path.exists(name) and not os.path.isfile(name))


def re_readable(name: str, open_file: Callable[[str], Source]) -> Callable[[], Source]:
    """What opens a file once more each time. Raises SourceError for what can be read but once."""
    from ..errors import SourceError

    if read_once(name):
        what = "standard input" if name == "-" else name
        raise SourceError(
            f"{what}: can be read only once, and a search for what is in it reads it three times; "
            "save it to a file first, or say with --satellite what to receive"
        )
    return lambda: open_file(name)


def progress_of(display: Display, total: float | None = None) -> Callable[[float], None]:
    """What shows how far a recording of some length in seconds is read, from now on."""
    begun = time.monotonic()
    return lambda seconds: display.progress(seconds, total, seconds / max(time.monotonic() - begun, 1e-9))


def sinks_of(options: dict[str, Any], *, live: bool = False) -> list[Sink]:
    """The outputs that the options ask for, not yet open; `live` ones wait for nobody. Raises click.UsageError."""
    sinks: list[Sink] = []
    if options["zmq"] is None and options["zmq_wait"] is not None:
        raise click.UsageError("--zmq-wait is of use only with --zmq")
    if options["jsonl"] is not None:
        from ..sink.jsonl import JsonLines

        sinks.append(JsonLines(options["jsonl"]))
    if options["kiss"] is not None:
        from ..sink.kiss import KissFile

        sinks.append(KissFile(options["kiss"]))
    if options["zmq"] is not None:
        from ..sink.zmq import Publisher

        sinks.append(Publisher(options["zmq"], live=live, wait=options["zmq_wait"] or 0.0))
    return sinks


def receive(
    files: Sequence[str],
    open_file: Callable[[str], Source],
    prepare: Callable[[Recording, Display], list[tuple[Line, Context]]],
    sinks: Sequence[Sink],
    boot: str,
    *,
    realtime: bool,
    quiet: bool,
    beside: Sequence[str | Path | None] = (),
    finish: Callable[[Recording, Display, Statistics], None] | None = None,
    note: Callable[[int, dict[str, Any]], None] | None = None,
    monitor: Monitor | None = None,
    show: Callable[[bool, bool], Display] | None = None,
) -> None:
    """Run chains over recordings, one after the other, and hand their frames to sinks and terminal.

    The sinks are opened when the first recording is open and fits, so that nothing is overwritten for a mistake. One
    that fails ends the run; where it is live, the others go on, and it is tried again.

    Parameters
    ----------
    open_file : opens a source
    prepare : makes the chains for a recording, and what their records have in common
    boot : id of the run
    beside : other files that are read, which no output may overwrite
    finish : shows what a recording gave, instead of the usual summary; not called if `quiet`
    note : takes the number of the chain and the record of each frame
    monitor : looks on; for one source
    show : makes the display, as `Display` is made
    """
    from ..errors import SinkError
    from ..pipeline import Pipeline
    from ..record import record
    from ..sink import FileSink
    from ..sink.terminal import Display

    check_outputs(files, sinks, beside)
    on_stdout = any(isinstance(sink, FileSink) and sink.file == "-" for sink in sinks)
    display = (show or Display)(on_stdout, not sinks)
    opened: list[Sink] = []
    failed: set[str] = set()
    seq = 0

    def each(do: Callable[[Sink], None]) -> None:
        for sink in sinks:
            try:
                do(sink)
            except SinkError as error:
                if monitor is None:
                    raise
                if str(error) not in failed:
                    failed.add(str(error))
                    display.remark(f"{error}; reception goes on")

    try:
        for name in files:
            source = open_file(name)
            try:
                recording = source.recording
                said = len(recording.remarks)
                for text in recording.remarks:
                    display.remark(text)
                made = prepare(recording, display)
                for sink in sinks[len(opened) :]:
                    sink.open(boot, display.remark)
                    opened.append(sink)

                def publish(line: int, frame: Frame, made: list[tuple[Line, Context]] = made) -> None:
                    nonlocal seq
                    table = record(frame, made[line][1], seq)
                    seq += 1
                    if note is not None:
                        note(line, table)
                    if monitor is not None:
                        monitor.frame(line)
                    each(lambda one: one.write(table, frame.payload))
                    if not quiet:
                        display.frame(table, frame.payload)

                def settle() -> None:
                    for kind, event in monitor.due() if monitor is not None else ():
                        each(partial(_tell, kind, event))
                    each(lambda one: one.tick())

                begun = time.monotonic()
                total = recording.samples / recording.rate if recording.samples else None
                watched = source if monitor is None else monitor.watch(source)
                pipeline = Pipeline(
                    *(watched, [line for line, _ in made]),
                    realtime=realtime,
                    say=display.note,
                    remark=display.remark,
                )
                if monitor is not None:
                    monitor.begin(pipeline, made)
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
                    for sink in sinks if statistics.gaps > gaps and monitor is None else ():
                        sink.event("gap", {"file": name, "gaps": statistics.gaps, "seconds": seconds})
                    gaps = statistics.gaps
                    settle()

                try:
                    pipeline.run(publish, progress, settle)
                finally:
                    if monitor is not None:
                        monitor.close()
                        settle()
                    for text in recording.remarks[said:]:
                        display.remark(text)
                    each(partial(_tell, "status", {"event": "file", "file": name, "statistics": statistics.table()}))
                    if not quiet and finish is None:
                        display.finish(statistics)
                if not quiet and finish is not None:
                    finish(recording, display, statistics)
            finally:
                source.close()
    finally:
        with ExitStack() as stack:  # one that cannot be closed keeps no other from it
            for sink in reversed(opened):
                stack.callback(sink.close)
            display.close()


def _tell(kind: Literal["status", "gap"], table: dict[str, Any], sink: Sink) -> None:
    sink.event(kind, table)


def context(
    boot: str,
    satellite: Satellite | None,
    transmitter: Transmitter,
    line: Line,
    recording: Recording,
    given: Station | None = None,
) -> Context:
    """What the records of a chain that was opened for a recording have in common.

    A station that is `given` goes before the recording's.
    """
    from ..record import Context

    shifter = next((stage for stage in line.chain.stages if hasattr(stage, "predicted")), None)
    place, site = recording.station, getattr(shifter, "place", None)
    where = site or given
    if where is not None:
        place = where.place
    carrier = line.chain.output.frequency if recording.kind == "iq" else None
    if recording.retunings and carrier is not None and getattr(shifter, "frequency", None) is None:
        carrier = None  # it is another one after each
    band = None
    if carrier is not None and recording.frequency is not None and not recording.retunings:
        low, high = (recording.frequency + side * recording.rate / 2 for side in (-1, 1))
        band = None if low <= carrier <= high else (low, high)
    return Context(
        boot,
        satellite,
        transmitter,
        station=(where and where.name) or (",".join(f"{x:g}" for x in place) if place else None),
        carrier=carrier,
        doppler=getattr(shifter, "predicted", None) if site is not None else None,
        band=band,
    )


def check_outputs(inputs: Sequence[str], sinks: Sequence[Sink], beside: Sequence[str | Path | None] = ()) -> None:
    """Raise SinkError when a file is to be written that is read or that another sink writes, too.

    Parameters
    ----------
    inputs : recordings
    beside : other files that are read
    """
    from ..errors import SinkError
    from ..sink import FileSink

    written: set[str] = set()
    for sink in sinks:
        if not isinstance(sink, FileSink):
            continue
        path = _place(sink.file)
        check_unread(sink.file, "frames", inputs, beside)
        if path in written or _real(path) in written:
            raise SinkError(f"{sink.file}: two outputs are to be written there; give each its own file")
        written.add(_real(path) if os.path.isfile(path) or not os.path.exists(path) else path)


def check_unread(
    name: str | Path, what: str, recordings: Sequence[str] = (), others: Sequence[str | Path | None] = ()
) -> None:
    """Raise SinkError when a file is to be written that is read.

    Parameters
    ----------
    what : is to be written
    recordings, others : what is read; of SigMF recordings both files
    """
    from ..errors import SinkError

    path = _place(os.fspath(name))
    read = {_real(recording) for recording in recordings if recording != "-"}
    read |= {os.path.splitext(each)[0] + end for each in read for end in (".sigmf-meta", ".sigmf-data")}
    read |= {_real(os.fspath(other)) for other in others if other is not None}
    if _real(path) in read and os.path.isfile(path):
        raise SinkError(f"{name}: is what is read; {what} must be written to another file")


def _place(name: str) -> str:
    return "/dev/stdout" if name == "-" else name


def _real(path: str) -> str:
    """The path without links; of one that cannot be, such as with a NUL in it, whoever opens it complains."""
    try:
        return os.path.realpath(path)
    except ValueError:
        return path
