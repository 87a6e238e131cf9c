"""Several framings side by side, of a transmitter whose framing is not known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from ..flowgraph import build
from ..stage import Chunk, Frame, Kind, Stage, Stream, parameter
from ._turned import readable

BESIDE: tuple[dict[str, Any], ...] = ({"use": "fx25"}, {"use": "fx25", "scrambler": "g3ruh"}, {"use": "il2p"})
"""Framings that no definition has, but are in use."""


@dataclass
class Several:
    """Give the frames of all of some framings; equal ones become one as those of several transmitters do."""

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

    @property
    def failures(self) -> Counter[str]:
        """Candidates given up, by reason."""
        total: Counter[str] = Counter()
        for stage in self._stages:
            total.update(getattr(stage, "failures", {}))
        return total

    def open(self, stream: Stream) -> Stream:
        """Build and open all; FlowgraphError when there is a fault in one's table."""
        if not self._stages:
            tables = self.framings or known_framings()
            self._stages = [readable(build(table, "framings", "framing"), stream) for table in tables]
        for stage in self._stages:
            out = stage.open(stream)
        return out

    def process(self, chunk: Chunk) -> Sequence[Frame]:
        return self._counted(stage.process(chunk) for stage in self._stages)

    def close(self) -> Sequence[Frame]:
        return self._counted(stage.close() for stage in self._stages)

    def _counted(self, made: Iterable[Sequence[Chunk | Frame]]) -> list[Frame]:
        frames = []
        for i, some in enumerate(made):
            new = [frame for frame in some if isinstance(frame, Frame)]
            self.found.update((i, frame.framing) for frame in new)
            frames += new
        return frames


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
