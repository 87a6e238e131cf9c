"""From frames to samples by `receiver.synth`, and back by the chains of the receiver."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from receiver.pipeline import Line, Pipeline
from receiver.reception import Conditions, lines
from receiver.satellite import Satellite, Transmitter
from receiver.source import Recording
from receiver.stage import Chunk, Clock, Frame
from receiver.statistics import Statistics
from receiver.synth import Signal, Truth, synthesise

FREQUENCY = 437.35e6
START = 1_700_000_000_123_456_789
G3RUH = {"use": "ax25", "scrambler": "g3ruh"}


def transmitter(demod: dict[str, Any], framing: dict[str, Any] | None = None, name: str = "test") -> Transmitter:
    return Transmitter(name, FREQUENCY, demod, framing or G3RUH)


def satellite(*transmitters: Transmitter) -> Satellite:
    from pathlib import Path

    return Satellite("Test", 99999, (), transmitters, Path("test.toml"))


def payloads(n: int, length: int = 60, seed: int = 0) -> list[bytes]:
    return [np.random.default_rng((seed, i)).bytes(length + i) for i in range(n)]


def send(sent: Transmitter, frames: Sequence[bytes], rate: float, **options: Any) -> Signal:
    """A recording in memory; at 25 dB Eb/N0 and with a start time where nothing else is said."""
    options = {"ebn0_db": 25.0, "start_ns": START, "seed": 1, **options}
    return synthesise(sent, frames, rate=rate, **options)


class Memory:
    """Source of a signal in memory, in chunks of these sizes over and over; a new clock after each gap."""

    def __init__(self, signal: Signal, sizes: Sequence[int] = (65536,), frequency: float | None = FREQUENCY) -> None:
        kind: Any = "iq" if np.iscomplexobj(signal.samples) else "real"
        self._samples: NDArray[Any] = np.ascontiguousarray(signal.samples, np.complex64 if kind == "iq" else np.float32)
        captures = signal.captures or [(0, 0)]
        self._starts = [start for start, _ in captures]
        self._clocks = [
            Clock(
                signal.rate,
                float(start),
                None if signal.start_ns is None else signal.start_ns + round(index / signal.rate * 1e9),
            )
            for start, index in captures
        ]
        self.recording = Recording("memory", kind, signal.rate, self._clocks[0], frequency, samples=len(self._samples))
        self._sizes, self._turn, self._at = sizes, 0, 0

    def read(self) -> Chunk | None:
        if self._at >= len(self._samples):
            return None
        run = int(np.searchsorted(self._starts, self._at, "right")) - 1
        stop = self._starts[run + 1] if run + 1 < len(self._starts) else len(self._samples)
        start, size = self._at, self._sizes[self._turn % len(self._sizes)]
        self._turn += 1
        self._at = min(stop, start + size)
        return Chunk(self._samples[start : self._at], self.recording.rate, float(start), self._clocks[run])

    def close(self) -> None:
        self._at = len(self._samples)


def receive(
    signal: Signal,
    *transmitters: Transmitter,
    sizes: Sequence[int] = (65536,),
    conditions: Conditions | None = None,
    frequency: float | None = FREQUENCY,
) -> list[Frame]:
    """Frames that the whole pipeline finds."""
    return run(Memory(signal, sizes, frequency), *transmitters, conditions=conditions)[0]


def run(
    source: Any, *transmitters: Transmitter, conditions: Conditions | None = None
) -> tuple[list[Frame], Statistics]:
    """Frames and statistics of a run over a source."""
    made: list[Line] = [
        line for _, line in lines(satellite(*transmitters), source.recording, conditions or Conditions())
    ]
    frames: list[Frame] = []
    statistics = Pipeline(source, made).run(lambda _, frame: frames.append(frame))
    return frames, statistics


def late(frames: Sequence[Frame], truth: Sequence[Truth], symbol: float) -> NDArray[np.float64]:
    """How late each frame that was found is, in symbols of so many samples; also checks that all are there."""
    assert [frame.payload for frame in frames] == [true.payload for true in truth]
    return np.array([f.position - t.position for f, t in zip(frames, truth, strict=True)]) / symbol
