"""Runs chains over a source: one thread reads, one runs each chain, the caller's thread publishes.

Queues between them are bounded: a file is read no faster than the slowest chain. Frames come out in the order of their
ends whatever the threads do.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from math import inf
from queue import Empty, Full, Queue

from .flowgraph import Chain
from .merge import Merger
from .source import Source
from .stage import Chunk, Clock, Frame, Stream
from .statistics import Statistics

QUEUE = 8
"""Chunks between reader and chain."""
TURN = 0.25
"""Seconds that results are waited for before the caller has its turn."""
DELAY_SYMBOLS = 8192
"""No chain gives a frame out later than this many symbols behind its end."""


@dataclass(frozen=True)
class Line:
    """A chain to be run, and what the runner must know of it."""

    name: str
    chain: Chain
    satellite: Hashable
    baudrate: float
    opened: Stream | None = None
    """What the chain has just been opened with, by whoever wanted to know whether it can be."""


class _StoppedError(Exception):
    pass


class Pipeline:
    """One run of some chains over one source.

    Parameters
    ----------
    source : open source
    lines : what to run, in parallel
    realtime : hand chunks out no faster than they were recorded
    """

    def __init__(self, source: Source, lines: Sequence[Line], *, realtime: bool = False) -> None:
        self._source, self._lines, self._realtime = source, list(lines), realtime
        self._stop = threading.Event()
        self._inputs: list[Queue[Chunk | None]] = [Queue(QUEUE) for _ in self._lines]
        # (line, frames, position up to which all are given); line -1 is the reader: its fault, or None
        self._results: Queue[tuple[int, list[Frame], float] | tuple[int, BaseException | None, float]] = Queue(1024)
        self.statistics = Statistics()

    def run(
        self,
        publish: Callable[[int, Frame], None],
        progress: Callable[[float], None] | None = None,
        settle: Callable[[], None] | None = None,
    ) -> Statistics:
        """Run to the end of the source.

        Parameters
        ----------
        publish : called with line and frame, from this thread
        progress : called with the seconds of the source that are done
        settle : called when all frames that were ready are published, and now and then while none come

        Raises
        ------
        What the source raised, and the first exception of a chain, when all that was received is published.
        """
        recording = self._source.recording
        begun = time.monotonic()
        tolerance = max((64 / line.baudrate for line in self._lines), default=0.0) * recording.rate
        merger = Merger(len(self._lines), tolerance, [line.satellite for line in self._lines])
        threads = [threading.Thread(target=self._read, name="source", daemon=True)]
        threads += [
            threading.Thread(target=self._work, args=(i,), name=line.name, daemon=True)
            for i, line in enumerate(self._lines)
        ]
        for thread in threads:
            thread.start()
        pending: deque[tuple[int, Frame]] = deque()
        fault: BaseException | None = None
        running = len(threads)
        try:
            while running:
                try:
                    line, what, position = self._results.get(timeout=TURN)
                except Empty:
                    if settle is not None:
                        settle()
                    continue
                if isinstance(what, list):
                    for frame in what:
                        merger.add(line, frame)
                    ready = merger.advance(line, position)
                    if position == inf:
                        running -= 1
                    elif progress is not None:
                        progress(position / recording.rate)
                else:
                    running -= 1
                    fault = fault or what
                    ready = merger.advance(line, inf) if line >= 0 else []
                pending.extend(ready)
                self._publish(publish, pending)
                if ready and settle is not None:
                    settle()
        finally:
            self._stop.set()
            try:
                # on an interrupt, too, everything decoded so far goes out
                while not self._results.empty():
                    line, what, _ = self._results.get()
                    for frame in what if isinstance(what, list) else ():
                        merger.add(line, frame)
                pending.extend(merger.close())
                self._publish(publish, pending)
                self.statistics.duplicates = merger.duplicates
                self.statistics.elapsed = time.monotonic() - begun
                for i, used in enumerate(self._lines):
                    self.statistics.failures[used.name] = self.failures(i)
            finally:
                self._join(threads)
        if fault is not None:
            raise fault
        return self.statistics

    @property
    def fill(self) -> float:
        """Part of the fullest queue before a chain that is full."""
        return max((queue.qsize() / QUEUE for queue in self._inputs), default=0.0)

    def failures(self, line: int) -> Counter[str]:
        """Of a chain so far, by reason; may be asked for from any thread."""
        counted: Counter[str] = Counter()
        for stage in self._lines[line].chain.stages:
            counted.update(dict(getattr(stage, "failures", {})))
        return counted

    def _join(self, threads: Sequence[threading.Thread]) -> None:
        """Wait for threads that were told to stop: Python's end aborts the program where one is still in C++ then."""
        source, *workers = threads
        for thread in workers:
            while thread.is_alive():
                while not self._results.empty():  # one may wait for room
                    self._results.get()
                thread.join(0.05)
        source.join(0.5)  # it may wait for samples

    def _publish(self, publish: Callable[[int, Frame], None], pending: deque[tuple[int, Frame]]) -> None:
        while pending:
            chain, frame = pending.popleft()
            self.statistics.frames[self._lines[chain].name] += 1
            publish(chain, frame)

    def _put(self, queue: Queue[Chunk | None], item: Chunk | None) -> None:
        while not self._stop.is_set():
            try:
                return queue.put(item, timeout=0.2)
            except Full:
                continue
        raise _StoppedError

    def _read(self) -> None:
        fault: BaseException | None = None
        clock: Clock | None = None
        begun = time.monotonic()
        try:
            while (chunk := self._source.read()) is not None:
                if clock is not None and chunk.clock is not clock:
                    self.statistics.gaps += 1
                clock = chunk.clock
                end = chunk.position + len(chunk)
                self.statistics.seconds = end / chunk.rate
                if self._realtime:
                    self._stop.wait(max(0.0, begun + end / chunk.rate - time.monotonic()))
                for queue in self._inputs:
                    self._put(queue, chunk)
        except _StoppedError:
            return
        except BaseException as error:
            fault = error
        try:
            for queue in self._inputs:
                self._put(queue, None)
        except _StoppedError:
            return
        self._results.put((-1, fault, 0.0))

    def _work(self, index: int) -> None:
        line = self._lines[index]
        recording = self._source.recording
        symbol = recording.rate / line.baudrate
        clock: Clock | None = None
        start, stop = -inf, 0.0  # of the samples since the last gap
        try:
            while not self._stop.is_set():
                try:
                    chunk = self._inputs[index].get(timeout=0.2)
                except Empty:
                    continue
                frames: list[Frame] = []
                if clock is not None and (chunk is None or chunk.clock is not clock):
                    end = inf if chunk is None else stop
                    frames += _marked(line.chain.close(), start + symbol / 2, end - symbol / 2)
                if chunk is None:
                    self._results.put((index, frames, inf))
                    return
                if chunk.clock is not clock:
                    frequency = recording.frequency_at(chunk.position)
                    stream = Stream(recording.kind, recording.rate, chunk.clock, frequency)
                    if clock is not None or stream != line.opened:
                        line.chain.open(stream)
                    start = -inf if clock is None else chunk.position
                    clock = chunk.clock
                stop = chunk.position + len(chunk)
                frames += _marked(line.chain.process(chunk), start + symbol / 2, inf)
                self._results.put((index, frames, stop - DELAY_SYMBOLS * symbol))
        except BaseException as error:
            self._results.put((index, error, 0.0))
            # keep the reader going for the other chains
            while not self._stop.is_set():
                try:
                    if self._inputs[index].get(timeout=0.2) is None:
                        return
                except Empty:
                    continue


def _marked(made: Sequence[Chunk | Frame], start: float, stop: float) -> list[Frame]:
    """Frames, those marked that begin before `start` or end behind `stop`, where samples were lost."""
    frames = [item for item in made if isinstance(item, Frame)]
    return [f if start <= f.position and f.end <= stop else f.but(continuity=False) for f in frames]
