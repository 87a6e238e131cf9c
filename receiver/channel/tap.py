"""Hands what passes by to somebody who records it: one transmitter's channel, at a rate of its own.

decimate to the band that the carrier is expected in -> bytes, and the chunk itself goes on untouched
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

import numpy as np

from dsp_ext.fir import Decimator

from ..stage import Chunk, Clock, Frame, Kind, Stream
from .filters import decimator_for


class Writer(Protocol):
    """What records."""

    def write(self, raw: bytes, position: float, clock: Clock) -> None: ...


@dataclass
class Tap:
    """Write the channel about the expected carrier; stands behind Doppler correction."""

    takes: ClassVar[tuple[Kind, ...]] = ("iq",)
    gives: ClassVar[Kind] = "iq"

    bandwidth: float
    """Hz, of the signal."""
    make: Callable[[float, Stream], Writer]
    """Makes the writer for samples per second of a stream, and once more where these become others."""
    writer: Writer | None = field(default=None, init=False)
    _rate: float | None = field(default=None, init=False)

    def open(self, stream: Stream) -> Stream:
        rate = stream.rate
        self._decimator: Decimator | None = None
        if stream.target is not None and stream.span is not None:
            reach = abs(stream.target) + stream.span + self.bandwidth / 2
            rate, self._decimator = decimator_for(rate, reach)
        self._step = stream.clock.rate / rate
        self._position: float | None = None
        self._clock = stream.clock
        if self._rate != rate:
            self._rate = rate
            self.writer = self.make(self._rate, stream)
        return stream

    def process(self, chunk: Chunk) -> Sequence[Chunk | Frame]:
        if self._position is None:
            self._position = chunk.position
        self._clock = chunk.clock
        self._write(self._decimator.process(chunk.items) if self._decimator else chunk.items)
        return [chunk]

    def close(self) -> Sequence[Chunk | Frame]:
        if self._decimator is not None and self._position is not None:
            self._write(self._decimator.flush())
        self._position = None
        return []

    def _write(self, items: np.ndarray) -> None:
        assert self.writer is not None
        assert self._position is not None
        if len(items):
            self.writer.write(items.astype("<c8", copy=False).tobytes(), self._position, self._clock)
            self._position += len(items) * self._step
