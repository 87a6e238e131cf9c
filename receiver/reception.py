"""From a satellite and a recording to the chains that receive it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .errors import FlowgraphError
from .flowgraph import Chain, build
from .pipeline import Line
from .satellite import Satellite, Transmitter
from .source import Recording
from .stage import Stage, Stream

if TYPE_CHECKING:
    from .orbit import Orbit, Station


@dataclass(frozen=True)
class Conditions:
    """What is known of a reception beside the satellite and the recording."""

    orbit: Orbit | None = None
    station: Station | None = None
    ppm: float = 0.0
    offset: float | None = None
    """Hz of the signal from where it should be; None: to be found."""


def chain(transmitter: Transmitter, recording: Recording, conditions: Conditions, where: str) -> Chain:
    """Put the stages together that receive one transmitter.

    IQ goes through Doppler correction and, where the demodulator does not do it itself, carrier search; audio is what a
    receiver made of it, so the carrier is gone.
    """
    demod = build(transmitter.demod, where, "demod")
    if recording.kind not in demod.takes:
        takes = " or ".join(demod.takes)
        raise FlowgraphError(f"{where}: {transmitter.demod['use']} is no demodulator; it takes {takes}")
    framing = build(transmitter.framing, where, "framing")
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
                )
            )
        except ValueError as error:
            raise FlowgraphError(str(error)) from error
        if not getattr(demod, "finds_carrier", False):
            stages.append(Track(bandwidth=demod.bandwidth))  # type: ignore[attr-defined]
    return Chain([*stages, demod, framing], where)


def lines(
    satellite: Satellite,
    recording: Recording,
    conditions: Conditions,
    names: Sequence[str] = (),
    remark: Callable[[str], None] | None = None,
) -> list[tuple[Transmitter, Line]]:
    """Chains for all transmitters of a satellite, or for those named.

    Those that the recording is too narrow for are left out.

    Parameters
    ----------
    remark : takes a sentence about each that is left out

    Raises
    ------
    FlowgraphError : no transmitter of such a name, a fault in the definition, or the recording is too narrow for all
    """
    chosen = [t for t in satellite.transmitters if not names or t.name in names]
    for name in names:
        if name not in [t.name for t in satellite.transmitters]:
            have = ", ".join(repr(t.name) for t in satellite.transmitters)
            raise FlowgraphError(f"{satellite.name} has no transmitter {name!r}; it has {have}")
    made: list[tuple[Transmitter, Line]] = []
    refused: list[str] = []
    stream = Stream(recording.kind, recording.rate, recording.clock, recording.frequency_at(0.0))
    for transmitter in chosen:
        where = f"{satellite.name}, {transmitter.name}"
        stages = chain(transmitter, recording, conditions, where)
        try:
            stages.open(stream)
        except FlowgraphError as error:
            refused.append(f"{recording.name}: {where}: {error}")
            continue
        made.append((transmitter, Line(where, stages, satellite.norad, transmitter.baudrate)))
    if not made:
        raise FlowgraphError(refused[0])
    if remark is not None:
        for text in refused:
            remark(text)
    return made
