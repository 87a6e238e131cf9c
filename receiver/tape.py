"""The SigMF recordings of a live reception, with its frames in them as annotations.

An annotation has what the core namespace offers, and the frame record under ``radome:``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .channel.tap import Tap
from .flowgraph import Chain
from .pipeline import DELAY_SYMBOLS, Line
from .sink.terminal import line as one_line
from .source import Recording
from .source.recorder import Around, Limits, Recorder
from .stage import Stream

if TYPE_CHECKING:
    from .orbit import Station

BUSY = 10.0
"""Seconds by which chains may be behind, beside what they need by their nature."""
_ELSEWHERE = {"schema", "sample", "samples", "frequency_hz"}


def annotation(record: dict[str, Any], bandwidth: float, *, corrected: bool = False) -> dict[str, Any]:
    """What the annotation says beside the samples.

    Parameters
    ----------
    record : of the frame
    bandwidth : of the signal, Hz
    corrected : the Doppler shift is off the recording
    """
    table: dict[str, Any] = {}
    if (carrier := record["frequency_hz"]) is not None:
        carrier -= (record["doppler_hz"] or 0.0) if corrected else 0.0
        table["core:freq_lower_edge"] = round(carrier - bandwidth / 2, 1)
        table["core:freq_upper_edge"] = round(carrier + bandwidth / 2, 1)
    table["core:label"] = record["framing"]
    table["core:comment"] = one_line(record, bytes.fromhex(record["payload"]))
    table["core:generator"] = "Radome"
    table |= {f"radome:{key}": value for key, value in record.items() if value is not None and key not in _ELSEWHERE}
    if carrier is not None:
        table["radome:frequency_hz"] = record["frequency_hz"]
    return table


class Tapes:
    """The recordings of a run.

    Parameters
    ----------
    recording : the source
    remark : takes a sentence when something is wrong
    limits : of each recording
    site : where this is
    lines : the chains, opened
    """

    def __init__(
        self,
        recording: Recording,
        remark: Callable[[str], None],
        limits: Limits,
        site: Station | None,
        lines: Sequence[Line],
    ) -> None:
        self._recording, self._lines = recording, lines
        self._bandwidths = [_bandwidth(line) for line in lines]
        place = None if site is None else site.place
        late = BUSY + 2 * DELAY_SYMBOLS / min(line.baudrate for line in lines)

        def end(text: str) -> None:
            remark(f"{text}; reception goes on")

        self._make = partial(Recorder, remark=remark, end=end, limits=limits, late=late, site=place)
        self._everything: Recorder | None = None
        self._channels: dict[int, Recorder] = {}

    def everything(self, folder: Path, around: Around | None) -> Recorder:
        """Recorder of all samples, or of those around frames."""
        self._everything = self._make(folder, self._recording, around=around)
        return self._everything

    def channels(self, folder: Path, names: Sequence[str]) -> list[Line]:
        """The same chains, whose channels are recorded."""

        def make(number: int, rate: float, stream: Stream) -> Recorder:
            name = self._recording.name
            if number in self._channels:  # the stream is another one, as a branch of a filter bank
                self._channels[number].close()
            recording = Recording(name, "iq", rate, stream.clock, stream.frequency, datatype="cf32_le")
            self._channels[number] = self._make(folder, recording, label=names[number])
            return self._channels[number]

        return [tapped(line, Tap(self._bandwidths[i], partial(make, i))) for i, line in enumerate(self._lines)]

    def note(self, line: int, record: dict[str, Any]) -> None:
        """Mark a frame."""
        for recorder in filter(None, [self._everything, self._channels.get(line)]):
            table = annotation(record, self._bandwidths[line], corrected=recorder is not self._everything)
            recorder.mark(record["sample"], record["samples"], table)

    def close(self) -> None:
        for recorder in filter(None, [self._everything, *self._channels.values()]):
            recorder.close()


def tapped(line: Line, tap: Tap) -> Line:
    """The same chain with a tap behind its Doppler correction."""
    assert line.opened is not None
    stages = list(line.chain.stages)
    stages.insert(1 + next(i for i, stage in enumerate(stages) if hasattr(stage, "predicted")), tap)
    chain = Chain(stages, line.name)
    chain.open(line.opened)
    return replace(line, chain=chain)


def _bandwidth(line: Line) -> float:
    """Of the signal that a chain demodulates, Hz."""
    demod: Any = next(stage for stage in line.chain.stages if hasattr(stage, "baudrate"))
    return float(demod.bandwidth)
