"""Runs chains over a source: one thread reads, one runs each chain, the caller's thread publishes.

The reader also parts a wide stream for many chains (`channel/bank.py`), and begins and ends chains that run only while
their satellite is up. Queues are bounded: a file is read no faster than the slowest chain. Frames come out in the order
of their ends whatever the threads do.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from queue import Empty, Full, Queue

from .channel.bank import Band, Bank, fits, size_for
from .flowgraph import Chain
from .merge import Merger
from .source import Source
from .stage import Chunk, Clock, Frame, Stream
from .statistics import Statistics
from .visibility import Visibility, block_of, start_of

QUEUE = 8
"""Chunks between reader and chain."""
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
    band: Band | None = None
    """All that the chain looks at, where that is known; it can be run on a part of the stream then."""
    visible: Visibility | None = None
    """A fresh copy of the chain runs each time that the satellite is up; None: the chain runs always."""


@dataclass
class _Run:
    """A chain under way."""

    chain: Chain
    opened: Stream | None
    input: Queue[Stream | Chunk | None] = field(default_factory=lambda: Queue(QUEUE))
    branch: int | None = None
    """Of the bank; None: the whole stream."""
    thread: threading.Thread | None = None


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
        self._runs: dict[int, _Run] = {}  # the reader's, by line
        self._threads: list[threading.Thread] = []
        self._bank: Bank | None = None
        self._watched = {i: line.visible for i, line in enumerate(self._lines) if line.visible is not None}
        self._block: int | None = None  # of time
        # of a line: frames and position up to which all are given; its chain's fault; None: it begins behind a position.
        # Line -1 is the reader: its fault, or None
        self._results: Queue[tuple[int, list[Frame] | BaseException | None, float]] = Queue(1024)
        self.statistics = Statistics()
        self.statistics.failures = {line.name: Counter() for line in self._lines}

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
        settle : called when all frames that were ready are published

        Raises
        ------
        What the source raised, and the first exception of a chain, when all that was received is published.
        """
        recording = self._source.recording
        begun = time.monotonic()
        tolerance = max((64 / line.baudrate for line in self._lines), default=0.0) * recording.rate
        merger = Merger(len(self._lines), tolerance, [line.satellite for line in self._lines])
        for i in range(len(self._lines)):
            merger.begin(i, inf)
        reader = threading.Thread(target=self._read, name="source", daemon=True)
        reader.start()
        pending: deque[tuple[int, Frame]] = deque()
        fault: BaseException | None = None
        running = 1
        try:
            while running:
                line, what, position = self._results.get()
                ready: list[tuple[int, Frame]] = []
                if isinstance(what, list):
                    for frame in what:
                        merger.add(line, frame)
                    ready = merger.advance(line, position)
                    if position == inf:
                        running -= 1
                    elif progress is not None:
                        progress(position / recording.rate)
                elif line >= 0 and what is None:
                    running += 1
                    merger.begin(line, position)
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
            finally:
                self._join(reader)
                for line, run in list(self._runs.items()):
                    self._count(line, run)
        if fault is not None:
            raise fault
        return self.statistics

    def _join(self, reader: threading.Thread) -> None:
        """Wait for threads that were told to stop: Python's end aborts the program where one is still in C++ then."""
        reader.join(0.5)  # it may wait for samples
        for thread in list(self._threads):
            while thread.is_alive():
                while not self._results.empty():  # one may wait for room
                    self._results.get()
                thread.join(0.05)

    def _count(self, line: int, run: _Run) -> None:
        """Note what a chain that has ended gave up."""
        for stage in run.chain.stages:
            self.statistics.failures[self._lines[line].name].update(getattr(stage, "failures", {}))

    def _publish(self, publish: Callable[[int, Frame], None], pending: deque[tuple[int, Frame]]) -> None:
        while pending:
            chain, frame = pending.popleft()
            self.statistics.frames[self._lines[chain].name] += 1
            publish(chain, frame)

    def _put(self, queue: Queue[Stream | Chunk | None], item: Stream | Chunk | None) -> None:
        while not self._stop.is_set():
            try:
                return queue.put(item, timeout=0.2)
            except Full:
                continue
        raise _StoppedError

    # -- the reader's thread ------------------------------------------------------------------------------------------

    def _read(self) -> None:
        fault: BaseException | None = None
        clock: Clock | None = None
        begun = time.monotonic()
        try:
            while (chunk := self._source.read()) is not None:
                end = chunk.position + len(chunk)
                self.statistics.seconds = end / chunk.rate
                if self._realtime:
                    self._stop.wait(max(0.0, begun + end / chunk.rate - time.monotonic()))
                if chunk.clock is not clock:
                    self._reopen(chunk, clock is None)
                    clock = chunk.clock
                for part, block in _blocks(chunk) if self._watched else [(chunk, None)]:
                    if block != self._block:
                        self._block = block
                        self._attend(part, block)
                    self._hand_out(part)
        except _StoppedError:
            return
        except BaseException as error:
            fault = error
        try:
            self._hand_branches(self._bank.close() if self._bank is not None else {})
            for run in self._runs.values():
                self._put(run.input, None)
        except _StoppedError:
            return
        self._results.put((-1, fault, 0.0))

    def _reopen(self, chunk: Chunk, first: bool) -> None:
        """Begin with all chains, at the source's start, or anew with those under way behind a gap."""
        recording = self._source.recording
        if self._bank is not None:
            self._hand_branches(self._bank.close())
            self._bank = None
        frequency = recording.frequency_at(chunk.position)
        self._stream = Stream(recording.kind, recording.rate, chunk.clock, frequency)
        if first:
            self._begin([i for i, line in enumerate(self._lines) if line.visible is None], -inf)
        else:
            self.statistics.gaps += 1
            self._route(self._runs)

    def _attend(self, part: Chunk, block: int | None) -> None:
        """Begin and end chains as satellites rise and set."""
        up = {i for i, visible in self._watched.items() if block is not None and visible.up(block)}
        risen = [i for i in self._watched if i in up and i not in self._runs]
        gone = [i for i in self._watched if i not in up and i in self._runs]
        if not risen and not gone:
            return
        self._want()
        for i in gone:
            self._end(i)
        self._begin(risen, part.position)

    def _begin(self, lines: Sequence[int], position: float) -> None:
        for i in lines:
            line = self._lines[i]
            run = _Run(line.chain, line.opened) if line.visible is None else _Run(line.chain.fresh(), None)
            run.thread = threading.Thread(target=self._work, args=(i, run), name=line.name, daemon=True)
            self._runs[i] = run
            self._results.put((i, None, position))
        self._route({i: self._runs[i] for i in lines})
        for i in lines:
            thread = self._runs[i].thread
            assert thread is not None
            self._threads.append(thread)
            thread.start()

    def _end(self, line: int) -> None:
        run = self._runs[line]
        self._put(run.input, None)
        assert run.thread is not None
        while run.thread.is_alive() and not self._stop.is_set():
            run.thread.join(0.05)
        if self._stop.is_set():
            raise _StoppedError
        self._threads.remove(run.thread)
        del self._runs[line]
        self._count(line, run)

    def _route(self, runs: Mapping[int, _Run]) -> None:
        """Give these chains the whole stream or a branch of it, whichever costs less; others stay where they are."""
        known = self._stream.frequency is not None
        bands = {i: band for i in self._runs if known and (band := self._lines[i].band) is not None}
        if self._bank is None and any(i in bands for i in runs):
            size = size_for(self._stream.rate, list(bands.values()))
            self._bank = None if size is None else Bank(self._stream, size)
        bank = self._bank
        for i, run in runs.items():
            band = bands.get(i)
            run.branch = None
            if bank is not None and band is not None and fits(band, bank.rate):
                run.branch = bank.branch(band.frequency)
        self._want()
        for run in runs.values():
            stream = self._stream if bank is None or run.branch is None else bank.stream(run.branch)
            # the queue of a chain that is about to begin is empty
            self._put(run.input, stream)

    def _want(self) -> None:
        """Hand out what the bank holds, and have the branches that are needed now; without any it goes."""
        if self._bank is None:
            return
        wanted = {run.branch for run in self._runs.values() if run.branch is not None}
        self._hand_branches(self._bank.want(wanted))
        if not wanted:
            self._bank = None

    def _hand_out(self, part: Chunk) -> None:
        for run in self._runs.values():
            if run.branch is None:
                self._put(run.input, part)
        if self._bank is not None:
            self._hand_branches(self._bank.process(part))

    def _hand_branches(self, chunks: Mapping[int, Chunk]) -> None:
        for run in self._runs.values() if chunks else ():
            if run.branch is not None and run.branch in chunks:
                self._put(run.input, chunks[run.branch])

    # -- a chain's thread ---------------------------------------------------------------------------------------------

    def _work(self, index: int, run: _Run) -> None:
        chain, symbol = run.chain, self._source.recording.rate / self._lines[index].baudrate
        is_open = gap = False
        start, stop = -inf, 0.0  # of the samples since the last gap
        try:
            while not self._stop.is_set():
                try:
                    item = run.input.get(timeout=0.2)
                except Empty:
                    continue
                frames: list[Frame] = []
                if isinstance(item, Chunk):
                    if gap:
                        start, gap = item.position, False
                    stop = item.position + len(item) * item.step
                    frames = _marked(chain.process(item), start + symbol / 2, inf)
                elif is_open:
                    end = inf if item is None else stop
                    frames = _marked(chain.close(), start + symbol / 2, end - symbol / 2)
                if item is None:
                    self._results.put((index, frames, inf))
                    return
                if isinstance(item, Stream):
                    if is_open or item != run.opened:
                        chain.open(item)
                    gap, is_open = is_open, True
                self._results.put((index, frames, stop - DELAY_SYMBOLS * symbol))
        except BaseException as error:
            self._results.put((index, error, 0.0))
            # keep the reader going for the other chains
            while not self._stop.is_set():
                try:
                    if run.input.get(timeout=0.2) is None:
                        return
                except Empty:
                    continue


def _blocks(chunk: Chunk) -> Iterator[tuple[Chunk, int | None]]:
    """A chunk, cut where blocks of time begin, and the blocks; None where the time is not known."""
    clock, first, end = chunk.clock, 0, chunk.position + len(chunk)
    if clock.utc_ns is None:
        yield chunk, None
        return
    while first < len(chunk):
        block = block_of(chunk.position + first, clock)
        stop = len(chunk)
        if start_of(block + 1, clock) < end:
            stop = max(first + 1, start_of(block + 1, clock) - round(chunk.position))
        part = chunk if stop - first == len(chunk) else replace(
            chunk, items=chunk.items[first:stop], position=chunk.position + first
        )
        yield part, block
        first = stop


def _marked(made: Sequence[Chunk | Frame], start: float, stop: float) -> list[Frame]:
    """Frames, those marked that begin before `start` or end behind `stop`, where samples were lost."""
    frames = [item for item in made if isinstance(item, Frame)]
    return [f if start <= f.position and f.end <= stop else f.but(continuity=False) for f in frames]
