"""Why a recording gave no frames of a satellite: what is in it, against what the definition says.

Of a long recording the busiest minute is looked into.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any

import numpy as np

from .bands import Band
from .errors import counted
from .identify import (
    NEAR,
    SEEN,
    Exploration,
    Finding,
    Stretch,
    Trial,
    explore,
    family,
    framed,
    narrowed,
    place,
    recognised,
    seen,
)
from .pipeline import Line, Pipeline
from .satellite import Transmitter
from .source import Recording, Source
from .stage import Chunk, Frame
from .survey import Survey

CLIPPED = 1e-3
"""Share of samples that are clipped from which on that is worth telling of."""
UNLIKE = 0.25
"""Relative error of a deviation that is."""
MISTAKEN = 0.1
"""Relative error of a sample rate that may be wrong, up to which that is told of."""

Chains = Callable[[Recording], Sequence[tuple[Transmitter, Line]]]


class Swapped:
    """A source whose I and Q have changed places."""

    def __init__(self, source: Source) -> None:
        self.recording = source.recording
        self._source = source

    def read(self) -> Chunk | None:
        chunk = self._source.read()
        return None if chunk is None else replace(chunk, items=np.conj(chunk.items))

    def close(self) -> None:
        self._source.close()


def why(reopen: Callable[[], Source], chains: Chains) -> list[str]:
    """Lines for a person.

    Parameters
    ----------
    reopen : opens the recording at its beginning
    chains : makes those that found nothing, once more
    """
    exploration = narrowed(reopen, explore(reopen))
    survey = exploration.survey
    assert survey.waterfall is not None
    recording = survey.waterfall.recording
    lines = []
    if survey.clipped is not None and survey.clipped > CLIPPED:
        lines.append(f"{100 * survey.clipped:.2g} % of the samples are clipped; the receiver's gain was too high")
    with closing(reopen()) as source:
        wanted = chains(source.recording)
    lines += _seen(exploration, wanted, recording)
    lines += _otherwise(reopen, exploration, wanted)
    if recording.kind == "iq":
        lines += _swapped(reopen, exploration, chains)
    return ["why no frames:", *(f"  {line}" for line in lines)]


def _seen(exploration: Exploration, wanted: Sequence[tuple[Transmitter, Line]], recording: Recording) -> list[str]:
    """What stands out from the noise, and how it differs from what is sent."""
    if recording.kind == "iq" and not exploration.bands:
        return ["nothing stands out from the noise in the recorded band"]
    lines = []
    places: list[Band | None] = [*exploration.bands] or [None]
    for band in places:
        best = max((f for f in exploration.findings if f.band is band), key=lambda f: f.rank, default=None)
        known = best is not None and best.score >= SEEN
        if band is not None:
            lines.append(f"a signal at {seen(band, recording)}")
            lines += [f"  {text}" for text in _apart(band, wanted, exploration.survey, recording)]
        if best is not None and known:
            lines.append(("  " if band else "") + _compared(best, wanted))
        elif band is None:
            lines.append("nothing in it looks like a signal that is known")
        else:
            lines.append("  it looks like none that is known")
    return lines


def _apart(band: Band, wanted: Sequence[tuple[Transmitter, Line]], survey: Survey, recording: Recording) -> list[str]:
    """How far a band is from where transmitters were looked for, if that is too far."""
    lines = []
    position = (band.start + band.stop) / 2 * recording.rate
    zero, clock = recording.frequency_at(position), survey.clock_at(position) or recording.clock
    for transmitter, line in wanted:
        shifter, stream = line.chain.stages[0], line.opened
        if zero is None or stream is None or not hasattr(shifter, "predicted"):
            continue
        span = shifter.open(stream).span
        doppler = shifter.predicted(position, clock)
        away = band.middle + zero - transmitter.frequency - (doppler or 0.0)
        if span is not None and abs(away) > span + band.width / 2:
            where = "it is sent" if doppler is None else "the orbit has it"
            lines.append(f"{away / 1e3:+.1f} kHz from where {where} ({transmitter.name}), too far to be looked for")
    return lines


def _compared(finding: Finding, wanted: Sequence[tuple[Transmitter, Line]]) -> str:
    """What a signal looks like, against the transmitters of its modulation."""
    text = (
        f"it looks like {finding.hypothesis.name} Bd (measured {finding.baudrate:.5g}), Es/N0 {finding.esn0_db:.0f} dB"
    )
    way = finding.hypothesis
    alike = [t for t, _ in wanted if t.modulation == way.modulation or _sent_so(t.demod) == _sent_so(way.demod)]
    same = [t for t in alike if abs(finding.baudrate / t.baudrate - 1) < NEAR]
    if not alike:
        all_of_them = sorted({f"{t.modulation or t.demod['use']} {t.baudrate:g} Bd" for t, _ in wanted})
        return f"{text}; defined are {', '.join(all_of_them)}"
    if not same:
        return f"{text}; the definition has {', '.join(f'{t.baudrate:g}' for t in alike)} Bd"
    deviation, defined = finding.deviation, same[0].demod.get("deviation")
    if deviation is not None and defined and abs(deviation / abs(defined) - 1) > UNLIKE:
        return f"{text}, as defined, but with a deviation of {deviation:.0f} Hz instead of {abs(defined):.0f}"
    return f"{text}, as defined"


def _sent_so(demod: dict[str, Any]) -> str:
    """The same for demodulators of what looks the same, whether its symbols or their changes are the data."""
    return family({key: value for key, value in demod.items() if key != "differential"})


def _otherwise(
    reopen: Callable[[], Source], exploration: Exploration, wanted: Sequence[tuple[Transmitter, Line]]
) -> list[str]:
    """Frames that come when all that is known is tried."""
    with closing(reopen()) as source:
        tried = framed(source.recording, exploration)
        if not tried:
            return []
        Pipeline(Stretch(source, exploration.span), [line for _, line in tried]).run(lambda *_: None)
        recording = source.recording
    lines = []
    for trial, finding in recognised(trial for trial, _ in tried):
        for framing, number in finding.frames.items():
            at = "" if finding.offset is None else f" at {place(finding.offset, recording)}"
            lines.append(
                f"{counted(number, 'frame')} of {framing} in {trial.hypothesis.name}{at}: "
                "decode without --satellite to have them"
            )
        lines += _at_another_rate(trial, finding, wanted, recording)
    return lines


def _at_another_rate(
    trial: Trial, finding: Finding, wanted: Sequence[tuple[Transmitter, Line]], recording: Recording
) -> list[str]:
    """With what sample rate frames would come as fast as a transmitter sends such, where that is nearly the rate."""
    lines = []
    for transmitter, _ in wanted:
        factor = transmitter.baudrate / finding.baudrate
        if transmitter.framing in trial.heard() and NEAR < abs(factor - 1) < MISTAKEN:
            rate = float(f"{recording.rate * factor:.4g}")
            lines.append(
                f"  {transmitter.name} sends such at {transmitter.baudrate:g} Bd: "
                f"the recording may have {rate:.0f} samples/s instead of {recording.rate:.0f}"
            )
    return lines


def _swapped(reopen: Callable[[], Source], exploration: Exploration, chains: Chains) -> list[str]:
    """Whether there are frames when I and Q change places."""
    count = 0

    def publish(line: int, frame: Frame) -> None:
        nonlocal count
        count += 1

    with closing(reopen()) as source:
        Pipeline(Swapped(Stretch(source, exploration.span)), [line for _, line in chains(source.recording)]).run(
            publish
        )
    if not count:
        return []
    are = "is" if count == 1 else "are"
    return [
        f"with I and Q in each other's place there {are} {counted(count, 'frame')}: "
        "the recording has them the wrong way round"
    ]
