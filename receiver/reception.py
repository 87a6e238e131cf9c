"""From a satellite or a flowgraph, and a recording, to the chains that receive it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from .channel.bank import Band
from .errors import FlowgraphError, OrbitError, counted
from .flowgraph import Beside, Chain, build
from .pipeline import Line
from .satellite import Satellite, Transmitter
from .source import Recording
from .stage import Kind, Stage, Stream

if TYPE_CHECKING:
    from pathlib import Path

    from .declared import Declaration, Flowgraph
    from .orbit import Orbit, Station
    from .visibility import Visibility

T = TypeVar("T")

MOST = 8
"""Names or sentences in a row, of what may be many."""


@dataclass(frozen=True)
class Conditions:
    """What is known of a reception beside the satellite and the recording."""

    orbit: Orbit | None = None
    station: Station | None = None
    ppm: float = 0.0
    offset: float | None = None
    """Hz of the signal from where it should be; None: to be found."""


def declared_stages(transmitter: Transmitter, where: str, kinds: Collection[Kind] = ("iq", "real")) -> list[Stage]:
    """Build the stages that a definition names: demodulator, framing, and what is done with frames.

    Parameters
    ----------
    where : of the definition, for messages
    kinds : of samples, one of which the demodulator must take

    Raises
    ------
    FlowgraphError : a fault in the definition
    """
    demod = build(transmitter.demod, where, "demod")
    if not set(kinds) & set(demod.takes):
        takes = " or ".join(demod.takes)
        raise FlowgraphError(f"{where}: {transmitter.demod['use']} is no demodulator; it takes {takes}")
    stages = [demod, build(transmitter.framing, where, "framing")]
    stages += [build(table, where, "link") for table in transmitter.link]
    Chain(stages, where)
    return stages


def other_ways(transmitter: Transmitter, stages: Iterable[Stage]) -> list[Transmitter]:
    """What else a definition may mean of IQ, where it leaves out how wide the signal is.

    Parameters
    ----------
    stages : that were built from it, its demodulator among them
    """
    deviations = [deviation for stage in stages for deviation in getattr(stage, "others", ())]
    return [replace(transmitter, demod={**transmitter.demod, "deviation": deviation}) for deviation in deviations]


def chain(transmitter: Transmitter, recording: Recording, conditions: Conditions, where: str) -> Chain:
    """Put the stages together that receive one transmitter.

    IQ is freed of the receiver's DC, where what is sent has no carrier of its own, and goes through Doppler correction
    and, where the demodulator does not do it itself, carrier search; audio is what a receiver made of it, so the
    carrier is gone.

    Parameters
    ----------
    where : of the definition, for messages
    """
    declared = declared_stages(transmitter, where, (recording.kind,))
    demod = declared[0]
    stages: list[Stage] = []
    if recording.kind == "iq":
        from .channel.doppler import Doppler
        from .channel.track import Track

        known: dict[str, Any] = {"frequency": transmitter.frequency} if recording.frequency is not None else {}
        try:
            stages.append(
                Doppler(
                    **known,
                    ppm=conditions.ppm,
                    offset=conditions.offset,
                    orbit=conditions.orbit,
                    site=conditions.station,
                    without_dc=not getattr(demod, "has_carrier", False),
                )
            )
        except ValueError as error:
            raise FlowgraphError(str(error)) from error
        if not getattr(demod, "finds_carrier", False):
            width = getattr(demod, "searched", None) or demod.bandwidth  # type: ignore[attr-defined]
            stages.append(Track(bandwidth=width, detail=getattr(demod, "detail", None)))
    return Chain([*stages, *declared], where)


def lines(
    satellite: Satellite,
    recording: Recording,
    conditions: Conditions,
    names: Sequence[str] = (),
    remark: Callable[[str], None] | None = None,
) -> list[tuple[Transmitter, Line]]:
    """Chains for all transmitters of a satellite, or for those named.

    Those that the recording is too narrow for, or whose carrier cannot be in its band, are left out.

    Parameters
    ----------
    remark : takes sentences about those that are left out, and what the stages have to say

    Raises
    ------
    FlowgraphError : no transmitter of such a name, a fault in the definition, or all are left out
    """
    return _opened(_built(satellite, recording, conditions, names), recording, remark)


def _built(
    satellite: Satellite, recording: Recording, conditions: Conditions, names: Sequence[str]
) -> list[tuple[Transmitter, Line]]:
    """Chains as of `lines`, not yet opened."""
    for name in names:
        if name not in [t.name for t in satellite.transmitters]:
            have = ", ".join(repr(t.name) for t in satellite.transmitters)
            raise FlowgraphError(f"{satellite.name} has no transmitter {name!r}; it has {have}")
    chosen = [t for t in satellite.transmitters if not names or t.name in names]
    return [(t, _line(satellite, t, recording, conditions)) for t in chosen]


def _line(
    satellite: Satellite,
    transmitter: Transmitter,
    recording: Recording,
    conditions: Conditions,
    visible: Visibility | None = None,
) -> Line:
    where = satellite.place(transmitter)
    stages = chain(transmitter, recording, conditions, where)
    others = other_ways(transmitter, stages.stages) if recording.kind == "iq" else []
    if others:
        front, *first = stages.stages
        chains = [first, *(chain(other, recording, conditions, where).stages[1:] for other in others)]
        stages = Chain([front, Beside([Chain(one, where) for one in chains])], where)
    name = f"{satellite.name}, {transmitter.name}"
    return Line(name, stages, satellite.norad, transmitter.baudrate, visible=visible)


def lines_of_all(
    satellites: Sequence[Satellite],
    recording: Recording,
    conditions: Callable[[Satellite], Conditions],
    names: Sequence[str] = (),
    remark: Callable[[str], None] | None = None,
) -> list[tuple[Satellite, Transmitter, Line]]:
    """Chains for several satellites at once, otherwise as `lines`.

    Those that are left out are remarked on, unless that is all of them.
    """
    known = {transmitter.name for satellite in satellites for transmitter in satellite.transmitters}
    built = []
    for satellite in satellites:
        own = [t.name for t in satellite.transmitters]
        chosen = [name for name in names if name in own or (name not in known and satellite is satellites[0])]
        if chosen or not names:
            built.append((satellite, _built(satellite, recording, conditions(satellite), chosen)))
    made, refused = [], []
    for satellite, lines in built:
        try:
            pairs = _opened(lines, recording, remark)
        except FlowgraphError as error:
            refused.append(error)
        else:
            made += [(satellite, transmitter, line) for transmitter, line in pairs]
    if not made:
        raise refused[0]
    for why in refused:
        if remark is not None:
            remark(str(why))
    return made


def visible_lines(
    elements: Path,
    folders: Sequence[Path],
    recording: Recording,
    station: Station,
    names: Sequence[str] = (),
    ppm: float = 0.0,
    offset: float | None = None,
    remark: Callable[[str], None] | None = None,
) -> list[tuple[Satellite, Transmitter, Line]]:
    """Chains for all satellites of a file of orbits that have a definition, are in the band, and are up some time.

    Parameters
    ----------
    elements : TLE or OMM file
    folders : of definitions, before those that are shipped
    names : of the transmitters that are wanted; empty: all
    remark : takes sentences about what is received

    Raises
    ------
    FlowgraphError : there is none, or the recording is audio or of unknown frequency
    OrbitError : the file cannot be read, or the time is not known
    """
    from .satellite import all_satellites
    from .visibility import Visibility, block_of, orbits_by_number

    if recording.kind != "iq" or recording.frequency is None:
        lacks = "is audio" if recording.kind != "iq" else "is of unknown frequency; give --frequency"
        raise FlowgraphError(
            f"{recording.name}: all that is visible is received from IQ in a known band, but it {lacks}"
        )
    now = recording.clock.utc_ns
    if now is None:
        raise OrbitError(f"{recording.name}: has no start time, which the orbits need; give --start")
    say = remark or (lambda text: None)
    orbits = orbits_by_number(elements, now)
    satellites = all_satellites(folders, numbers=orbits)
    first = block_of(0.0, recording.clock)
    last = None if recording.samples is None else block_of(recording.samples - 1.0, recording.clock)
    tuned = [recording.frequency, *(frequency for _, frequency in recording.retunings)]
    made: list[tuple[tuple[Satellite, Transmitter], Line]] = []
    for satellite in satellites:
        orbit = orbits[satellite.norad]
        visible = Visibility(satellite.name, orbit, station)
        if not (visible.ever(first, last) if last is not None else visible.known(first)):
            continue
        conditions = Conditions(orbit, station, ppm, offset)
        for transmitter in satellite.transmitters:
            if names and transmitter.name not in names:
                continue
            line = _line(satellite, transmitter, recording, conditions, visible)
            width = max(getattr(stage, "bandwidth", 0.0) for stage in line.chain.stages)
            if any(abs(transmitter.frequency - middle) <= (recording.rate - width) / 2 for middle in tuned):
                made.append(((satellite, transmitter), line))
    low, high = ((middle + side * recording.rate / 2) / 1e6 for side, middle in ((-1, min(tuned)), (1, max(tuned))))
    when = "up at some time of the recording" if last is not None else "in the band"
    have = "has" if len(satellites) == 1 else "have"
    of = f"{elements}: of {counted(len(orbits), 'object')} {len(satellites)} {have} a definition"
    if not made:
        raise FlowgraphError(f"{of}, but none of these is {when} and sends within {low:.4f} to {high:.4f} MHz")
    texts: list[str] = []
    kept = _opened(made, recording, texts.append)
    received = list(dict.fromkeys(satellite.name for (satellite, _), _ in kept))
    say(f"{of}; received while up, on {counted(len(kept), 'channel')}: {_listed(received)}")
    for text in texts[:MOST]:
        say(text)
    if len(texts) > MOST:
        say(f"and {counted(len(texts) - MOST, 'more remark')} of this kind")
    return [(satellite, transmitter, line) for (satellite, transmitter), line in kept]


def _listed(names: Sequence[str]) -> str:
    """Names for a sentence, not too many of them."""
    rest = len(names) - MOST
    return ", ".join(names[:MOST]) + (f" and {rest} more" if rest > 0 else "")


def declared_lines(
    flowgraph: Flowgraph, recording: Recording, remark: Callable[[str], None] | None = None
) -> list[tuple[Declaration, Line]]:
    """Chains of a flowgraph for a recording.

    Those that take IQ are left out for audio, and the other way round; so are those that it is too narrow for, or
    whose carrier cannot be in its band.

    Parameters
    ----------
    remark : takes sentences about those that are left out, and what the stages have to say

    Raises
    ------
    FlowgraphError : none is left
    OrbitError : elements or station of a stage cannot be used
    """
    made = []
    for declared in flowgraph.chains:
        stages = declared.build()
        if recording.kind in declared.kinds and recording.kind in stages.stages[0].takes:
            satellite = declared.satellite and (declared.satellite.name, declared.satellite.norad)
            made.append((declared, Line(declared.name, stages, satellite, declared.transmitter.baudrate)))
    if not made:
        has, takes = ("audio", "IQ") if recording.kind == "real" else ("IQ", "audio")
        raise FlowgraphError(f"{recording.name}: is {has}, but the chains of {flowgraph.path} take {takes}")
    return _opened(made, recording, remark)


def _band(chain: Chain) -> Band | None:
    """All that an open chain looks at; None where that is not known, or is all of the stream."""
    looks = getattr(chain.stages[0], "looks", None)
    if looks is None:
        return None
    width = max(getattr(stage, "bandwidth", 0.0) for stage in chain.stages)
    # a demodulator looks beside the signal, too
    return Band(looks[0], looks[1] + 2 / 3 * width) if width else None


def _apart(elsewhere: dict[float, list[str]], streams: Sequence[Stream], name: str) -> str:
    """A sentence about chains, by frequency, whose carrier is in none of some streams."""
    middles = dict.fromkeys(stream.frequency or 0.0 for stream in streams)
    edges = [[(middle + side * streams[0].rate / 2) / 1e6 for side in (-1, 1)] for middle in middles]
    bands = _listed([f"{low:.4f} to {high:.4f}" for low, high in edges])
    sent = _listed([f"{hz / 1e6:.4f} MHz ({'; '.join(names)})" for hz, names in elsewhere.items()])
    return (
        f"{name}: is of {bands} MHz, so what is sent on {sent} cannot be in it; "
        "if the band is wrong, give its middle with --frequency"
    )


def _opened(
    made: Sequence[tuple[T, Line]], recording: Recording, remark: Callable[[str], None] | None
) -> list[tuple[T, Line]]:
    """Open chains, leaving out those that the recording is too narrow for, or whose carrier cannot be in it.

    Said is which these are, and what the stages have to say.
    """
    stream = Stream(recording.kind, recording.rate, recording.clock, recording.frequency_at(0.0))
    streams = [stream, *(replace(stream, frequency=hz) for _, hz in recording.retunings)]
    kept: list[tuple[T, Line]] = []
    refused: list[str] = []
    elsewhere: dict[float, list[str]] = {}
    said: dict[str, list[str]] = {}
    for what, line in made:
        used = line.chain if line.visible is None else line.chain.fresh()
        try:
            used.open(stream)
        except FlowgraphError as error:
            refused.append(f"{recording.name}: {error}")
            continue
        hears = getattr(used.stages[0], "hears", None)
        if hears is not None and not any(map(hears, streams)):
            elsewhere.setdefault(used.output.frequency or 0.0, []).append(line.name)
            continue
        for text in (text for stage in used.stages for text in getattr(stage, "remarks", ())):
            said.setdefault(text, []).append(line.name)
        line = replace(line, opened=stream, band=_band(used))
        if line.visible is not None:
            # what is kept of hundreds that wait is what a record asks for: the Doppler shift and the frequency
            line.chain.stages[0], line.chain.output = used.stages[0], used.output
        kept.append((what, line))
    if elsewhere:
        refused.append(_apart(elsewhere, streams, recording.name))
    if not kept:
        raise FlowgraphError(refused[0])
    refused += [text if len(names) == len(kept) else f"{', '.join(names)}: {text}" for text, names in said.items()]
    for text in refused:
        if remark is not None:
            remark(text)
    return kept
