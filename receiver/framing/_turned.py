"""A framing over symbols of four phases, of which it is not known where the axes are."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from ..stage import Chunk, Frame, Kind, Stage, Stream, failures_of


@dataclass
class Turned:
    """Give what a framing reads in pairs of symbols as they came, and in the same a quarter turn on.

    The other two turns are their inversions.
    """

    takes: ClassVar[tuple[Kind, ...]] = ("soft",)
    gives: ClassVar[Kind] = "frames"
    reads_pairs: ClassVar[bool] = True

    upright: Stage
    turned: Stage

    @property
    def failures(self) -> Counter[str]:
        """Why candidates were no frames."""
        return failures_of((self.upright, self.turned))

    def open(self, stream: Stream) -> Stream:
        stream = replace(stream, pairs=False)
        self.turned.open(stream)
        return self.upright.open(stream)

    def process(self, chunk: Chunk) -> Sequence[Chunk | Frame]:
        y = np.empty_like(chunk.items)
        y[0::2], y[1::2] = -chunk.items[1::2], chunk.items[0::2]
        return self._measured([*self.upright.process(chunk), *self.turned.process(replace(chunk, items=y))])

    def close(self) -> Sequence[Chunk | Frame]:
        return self._measured([*self.upright.close(), *self.turned.close()])

    def _measured(self, made: Sequence[Any]) -> Sequence[Frame]:
        """With the power of both coordinates, of which a framing knows one."""
        return [f.but(snr_db=f.snr_db + 10 * math.log10(2)) if f.snr_db is not None else f for f in made]


def readable(stage: Any, stream: Stream) -> Stage:
    """What reads a stream: the stage itself, or where the stream is of pairs, two of the framing that it is."""
    twice = stream.pairs and stage.gives == "frames" and not getattr(stage, "reads_pairs", False)
    return Turned(stage, replace(stage)) if twice else stage
