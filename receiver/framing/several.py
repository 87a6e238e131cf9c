"""Several framings side by side, of a transmitter whose framing is not known.

Some can be read in each other's frames: a code without its checksum, a frame inside another, the same sync word before
another length. Of those that lie on the same symbols only the one with the most evidence is a frame.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from ..flowgraph import build
from ..stage import Chunk, Frame, Kind, Stage, Stream, failures_of, parameter
from ._block import FALSE_ALARM
from ._turned import readable

BESIDE: tuple[dict[str, Any], ...] = ({"use": "fx25"}, {"use": "fx25", "scrambler": "g3ruh"}, {"use": "il2p"})
"""Framings that no definition has, but are in use."""
CHECKED, UNCHECKED = 4096, 24576
"""Symbols for which a frame with a checksum or code, and one with neither, waits for one with more evidence."""


@dataclass
class Several:
    """Give the frames of all of some framings, of those on the same symbols the one with the most evidence."""

    delay: ClassVar[int] = UNCHECKED
    """Symbols behind their end at which frames are given, beyond what framings take themselves."""

    takes: ClassVar[tuple[Kind, ...]] = ("soft",)
    gives: ClassVar[Kind] = "frames"
    reads_pairs: ClassVar[bool] = True

    framings: list[Any] = parameter([], "", "tables, each with `use`; empty: all that the shipped definitions name")

    def __post_init__(self) -> None:
        for i, table in enumerate(self.framings, 1):
            if not isinstance(table, dict):
                raise ValueError(
                    f'framings: number {i} is {table!r:.60}; it must be a table such as {{ use = "ax25" }}'
                )
        self._stages: list[Stage] = []
        self.found: Counter[tuple[int, str]] = Counter()
        """Frames by the number of the framing in the list, from 0, and its name."""
        self.made: set[int] = set()
        """Numbers of the framings that made a frame, whether it was given or not."""

    @property
    def failures(self) -> Counter[str]:
        """Candidates given up, by reason."""
        return failures_of(self._stages)

    def open(self, stream: Stream) -> Stream:
        """Build and open all; FlowgraphError when there is a fault in one's table."""
        if not self._stages:
            tables = self.framings or known_framings()
            self._stages = [readable(build(table, "framings", "framing"), stream) for table in tables]
        self._step = 1.0
        self._held: list[tuple[int, Frame]] = []
        self._given: deque[tuple[int, Frame]] = deque(maxlen=64)
        for stage in self._stages:
            out = stage.open(stream)
        return out

    def process(self, chunk: Chunk) -> Sequence[Frame]:
        self._step = chunk.step
        last = chunk.position + len(chunk) * chunk.step if chunk.positions is None else chunk.positions[-1:].sum()
        return self._chosen((stage.process(chunk) for stage in self._stages), float(last))

    def close(self) -> Sequence[Frame]:
        return self._chosen((stage.close() for stage in self._stages), math.inf)

    def _chosen(self, made: Iterable[Sequence[Chunk | Frame]], passed: float) -> list[Frame]:
        """Frames that no other has more evidence than, once all that may have are there."""
        new = [(i, frame) for i, some in enumerate(made) for frame in some if isinstance(frame, Frame)]
        self.made.update(i for i, _ in new)
        self._held += new
        self._held.sort(key=lambda one: (one[1].end, one[0]))
        frames, left = [], []
        for one in self._held:
            frame = one[1]
            wait = UNCHECKED if frame.integrity == "none" else CHECKED
            if frame.end + wait * self._step > passed:
                left.append(one)
            elif not any(_rival(other, one) for other in (*self._held, *self._given)):
                frames.append(frame)
                self.found[one[0], frame.framing] += 1
                self._given.append(one)
        self._held = left
        return frames


def _rival(other: tuple[int, Frame], one: tuple[int, Frame]) -> bool:
    """Whether another framing's frame lies on the same symbols and has more evidence."""
    if other[0] == one[0] or _evidence(other) <= _evidence(one):
        return False
    shared = min(other[1].end, one[1].end) - max(other[1].position, one[1].position)
    return shared >= 0.5 * min(other[1].length, one[1].length)


def _evidence(one: tuple[int, Frame]) -> tuple[bool, float, int, int]:
    """A checksum or code, how unlikely noise makes such a frame, wrong bits in its head, and the framing's place."""
    index, frame = one
    chance = FALSE_ALARM if frame.false_alarm is None else frame.false_alarm
    return frame.integrity != "none", -chance, -(frame.sync_errors or 0), -index


def key(framing: Mapping[str, Any]) -> str:
    """The same for equal tables."""
    return repr(sorted(framing.items()))


def known_framings() -> list[dict[str, Any]]:
    """Tables of the framings that the shipped definitions name, each once."""
    from ..satellite import all_satellites

    tables: dict[str, dict[str, Any]] = {}
    for satellite in all_satellites():
        for transmitter in satellite.transmitters:
            tables.setdefault(key(transmitter.framing), transmitter.framing)
    return list(tables.values())


stage = Several
