"""Threads, queues and ends: what is published, in which order, and what is raised when."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pytest

from receiver.errors import SourceError
from receiver.flowgraph import Chain
from receiver.pipeline import DELAY_SYMBOLS, Line, Pipeline
from receiver.source import Recording
from receiver.stage import Chunk, Clock, Frame, Kind, Stream

RATE = 1000.0


class Samples:
    """Source of chunks of 100 samples; a new clock where `gaps` say, an error at the end if there is one."""

    def __init__(self, chunks: int, gaps: Sequence[int] = (), fault: BaseException | None = None) -> None:
        self.recording = Recording("test", "iq", RATE, Clock(RATE), samples=100 * chunks)
        self._chunks, self._gaps, self._fault, self._next = chunks, gaps, fault, 0
        self._clock = self.recording.clock

    def read(self) -> Chunk | None:
        i = self._next
        if i >= self._chunks:
            if self._fault is not None:
                raise self._fault
            return None
        self._next += 1
        if i in self._gaps:
            self._clock = Clock(RATE, 100.0 * i, i)
        return Chunk(np.zeros(100, np.complex64), RATE, 100.0 * i, self._clock)

    def close(self) -> None:
        self._next = self._chunks


@dataclass
class Marks:
    """A frame for each place in `at`, `late` samples behind its end; notes what happens to it."""

    takes: ClassVar[tuple[Kind, ...]] = ("iq",)
    gives: ClassVar[Kind] = "frames"
    at: tuple[float, ...]
    late: float = 0.0
    length: float = 10.0
    name: str = ""
    slow: float = 0.0
    fails_at: float = float("inf")
    log: list[str] = field(default_factory=list)
    failures: dict[str, int] = field(default_factory=lambda: {"crc": 3})

    def open(self, stream: Stream) -> Stream:
        self.log.append(f"open {stream.clock.sample:g}")
        self._left = list(self.at)
        self._passed = 0.0
        return stream

    def process(self, chunk: Chunk) -> Sequence[Frame]:
        time.sleep(self.slow)
        self._clock, self._passed = chunk.clock, chunk.position + len(chunk)
        if self._passed > self.fails_at:
            raise ZeroDivisionError("a mistake in a stage")
        return self._give(self.late)

    def close(self) -> Sequence[Frame]:
        self.log.append(f"close {self._passed:g}")
        return self._give(0.0)

    def _give(self, late: float) -> list[Frame]:
        ready = [at for at in self._left if at + self.length + late <= self._passed]
        self._left = [at for at in self._left if at not in ready]
        start = self._clock.sample
        return [
            Frame(f"{self.name}{at:g}".encode(), at, self.length, self._clock, "test") for at in ready if at >= start
        ]


def line(stage: Marks, baudrate: float = 1e5) -> Line:
    return Line(stage.name or "test", Chain([stage]), 1, baudrate)


def run(pipeline: Pipeline) -> list[str]:
    out: list[str] = []
    pipeline.run(lambda _, frame: out.append(frame.payload.decode()))
    return out


def test_frames_come_in_the_order_of_their_ends_whatever_chain_is_slow() -> None:
    for slow in ((0.0, 0.004), (0.004, 0.0), (0.001, 0.001)):
        stages = [
            Marks((50.0, 200.0, 930.0), name="a", slow=slow[0], late=70.0),
            Marks((10.0, 190.0, 205.0, 400.0), name="b", slow=slow[1]),
        ]
        assert run(Pipeline(Samples(10), [line(stage) for stage in stages])) == [
            "b10", "a50", "b190", "a200", "b205", "b400", "a930",
        ]  # fmt: skip


def test_what_is_left_at_the_end_comes_too_and_statistics_are_kept() -> None:
    stage = Marks((980.0, 990.0), late=500.0)
    pipeline = Pipeline(Samples(10), [line(stage)])
    assert run(pipeline) == ["980", "990"]
    assert stage.log == ["open 0", "close 1000"]
    assert pipeline.statistics.frames == {"test": 2}
    assert pipeline.statistics.failures == {"test": {"crc": 3}}
    assert pipeline.statistics.seconds == 1.0
    assert pipeline.statistics.gaps == 0
    assert pipeline.statistics.elapsed > 0


def test_a_gap_closes_and_opens_the_chain() -> None:
    stage = Marks((250.0, 320.0, 640.0), late=100.0)
    pipeline = Pipeline(Samples(10, gaps=(3, 6)), [line(stage)])
    assert run(pipeline) == ["250", "320", "640"]
    assert stage.log == ["open 0", "close 300", "open 300", "close 600", "open 600", "close 1000"]
    assert pipeline.statistics.gaps == 2


def test_frames_that_touch_a_gap_are_marked() -> None:
    stage = Marks((285.0, 290.0, 300.0, 300.001, 301.0, 990.0, 0.0), late=50.0)
    found: dict[str, bool] = {}
    pipeline = Pipeline(Samples(10, gaps=(3,)), [line(stage, baudrate=1000.0)])
    pipeline.run(lambda _, frame: found.update({frame.payload.decode(): frame.continuity}))
    assert found == {
        "0": True, "285": True, "290": False, "300": False, "300.001": False, "301": True, "990": True,
    }  # fmt: skip


def test_nothing_is_a_run_too() -> None:
    stage = Marks((1.0,))
    assert run(Pipeline(Samples(0), [line(stage)])) == []
    assert stage.log == []
    assert run(Pipeline(Samples(3), [])) == []


def test_a_fault_of_the_source_comes_after_what_was_received() -> None:
    out: list[bytes] = []
    pipeline = Pipeline(Samples(10, fault=SourceError("x: ends early")), [line(Marks((100.0, 985.0), late=100.0))])
    with pytest.raises(SourceError, match="x: ends early"):
        pipeline.run(lambda _, frame: out.append(frame.payload))
    assert out == [b"100", b"985"]


def test_a_fault_of_one_chain_leaves_the_others_running() -> None:
    out: list[bytes] = []
    said: list[str] = []
    stages = [Marks((100.0, 800.0), name="a", fails_at=500.0), Marks((150.0, 900.0), name="b")]
    pipeline = Pipeline(Samples(50), [line(stage) for stage in stages], remark=said.append)
    with pytest.raises(ZeroDivisionError, match="a mistake in a stage"):
        pipeline.run(lambda _, frame: out.append(frame.payload))
    assert out == [b"a100", b"b150", b"b900"]
    assert said == ["a: has failed, the others go on: ZeroDivisionError('a mistake in a stage')"]


def test_progress_never_goes_back() -> None:
    seen: list[float] = []
    stages = [Marks((), name="slow"), Marks((), name="fast")]
    made = [line(stage, baudrate) for stage, baudrate in zip(stages, (2e5, 4e6), strict=True)]
    Pipeline(Samples(300), made).run(lambda *_: None, seen.append)
    assert seen == sorted(seen)
    assert seen[-1] > 20


def test_a_run_without_a_chain_left_ends() -> None:
    source = Samples(10**6)
    with pytest.raises(ZeroDivisionError):
        Pipeline(source, [line(Marks((), fails_at=500.0, slow=0.01))]).run(lambda *_: None)
    assert source.read() is not None


def test_what_failed_is_counted_over_gaps_and_never_less() -> None:
    class Counting(Marks):
        def open(self, stream: Stream) -> Stream:
            self.failures = {"crc": 0}
            return super().open(stream)

        def process(self, chunk: Chunk) -> Sequence[Frame]:
            self.failures["crc"] += 1
            return super().process(chunk)

    stage = Counting((100.0, 250.0, 320.0, 640.0))
    pipeline = Pipeline(Samples(10, gaps=(3, 6)), [line(stage)])
    seen: list[int] = []
    pipeline.run(lambda *_: None, lambda _: seen.append(pipeline.failures(0)["crc"]))
    assert pipeline.statistics.failures == {"test": {"crc": 10}}
    assert seen == sorted(seen)
    assert pipeline.failures(0) == {"crc": 10}


def test_a_publisher_that_raises_ends_the_run_and_its_threads() -> None:
    class FullError(Exception):
        pass

    def publish(_: int, frame: Frame) -> None:
        raise FullError

    before = threading.active_count()
    with pytest.raises(FullError):
        Pipeline(Samples(10**6), [line(Marks((10.0,))), line(Marks((20.0,)))]).run(publish)
    deadline = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() == before


def test_an_interrupt_still_publishes_what_is_decoded() -> None:
    """Frames wait for the slower chain; when the user interrupts, they are not lost."""
    out: list[bytes] = []

    def progress(seconds: float) -> None:
        if seconds > 0.5:
            raise KeyboardInterrupt

    stages = [Marks((100.0,), name="a"), Marks((), name="b", slow=0.002)]
    with pytest.raises(KeyboardInterrupt):
        Pipeline(Samples(10**6), [line(s, 1e6) for s in stages]).run(lambda _, f: out.append(f.payload), progress)
    assert out == [b"a100"]


def test_no_chain_is_at_work_behind_an_interrupt() -> None:
    """Python's end would abort the program where one is in C++, as numpy's transforms are."""

    def progress(seconds: float) -> None:
        raise KeyboardInterrupt

    before = threading.active_count()
    stages = [Marks(tuple(np.arange(0.0, 1e5, 1.0)), slow=0.2), Marks(())]
    with pytest.raises(KeyboardInterrupt):
        Pipeline(Samples(10**6), [line(s, 1e6) for s in stages]).run(lambda *_: None, progress)
    assert threading.active_count() == before


def test_an_interrupt_while_a_frame_is_handed_over_keeps_those_behind_it() -> None:
    out: list[bytes] = []

    def publish(_: int, frame: Frame) -> None:
        out.append(frame.payload)
        if len(out) == 2:
            raise KeyboardInterrupt

    stage = Marks((100.0, 110.0, 120.0, 130.0, 140.0))
    with pytest.raises(KeyboardInterrupt):
        Pipeline(Samples(10), [line(stage)]).run(publish)
    assert out == [b"100", b"110", b"120", b"130", b"140"]


def test_no_frame_waits_longer_than_the_delay() -> None:
    """A frame is out as soon as every chain has passed its end by the longest delay."""
    baudrate = 1e5
    enough = 15.0 + DELAY_SYMBOLS / baudrate * RATE + 200.0
    out = threading.Event()
    waited: list[bool] = []

    class Patient(Samples):
        """Gives no more than is enough until the frame is out."""

        def read(self) -> Chunk | None:
            if 100 * self._next >= enough and not waited:
                waited.append(out.wait(30))
            return super().read()

    pipeline = Pipeline(Patient(10), [line(Marks((5.0,)), baudrate), line(Marks((), name="b"), baudrate)])
    pipeline.run(lambda *_: out.set())
    assert waited == [True]


def test_realtime_takes_as_long_as_the_recording() -> None:
    begun = time.monotonic()
    pipeline = Pipeline(Samples(3), [line(Marks(()))], realtime=True)
    run(pipeline)
    assert 0.29 < time.monotonic() - begun < 3


def test_progress_rises() -> None:
    seen: list[Any] = []
    Pipeline(Samples(20), [line(Marks(()), 1e9)]).run(lambda *_: None, seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == pytest.approx(2.0, abs=0.01)
