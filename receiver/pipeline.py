"""Runs chains over a source: one thread reads, one for each processor runs chains, the caller's thread publishes.

A chain with input waits for a thread, which takes one chunk of it, then lets others go first: so no chain is run by two
at a time, and many chains do not fight for the interpreter. The reader also parts a wide stream for many chains
(`channel/bank.py`), and begins and ends chains that run only while their satellite is up. Queues are bounded: a file is
read no faster than the slowest chain. Frames come out in the order of their ends whatever the threads do.
"""

from __future__ import annotations

import os
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from queue import Empty, Queue, SimpleQueue

from .channel.bank import Band, Bank, fits, size_for
from .errors import RadomeError
from .flowgraph import Chain
from .merge import Merger
from .source import Source
from .stage import Chunk, Clock, Frame, Stream, failures_of
from .statistics import Statistics
from .visibility import Visibility, begin, block_of, start_of

QUEUE = 3
"""Chunks between reader and chain."""
TURN = 0.25
"""Seconds that results are waited for before the caller has its turn."""
DELAY_SYMBOLS = 8192
"""No chain gives a frame out later than this many symbols behind its end, but for what its stages say they delay."""


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

    line: int
    chain: Chain
    opened: Stream | None
    branch: int | None = None
    """Of the bank; None: the whole stream."""
    input: deque[Stream | Chunk | None] = field(default_factory=deque)
    """A stream before the chunks of it; None is the end."""
    waits: bool = False
    """For a thread, or has one."""
    is_open: bool = False
    """Guarded: what its stages count is not in the statistics yet."""
    gap: bool = False
    """Samples were lost before the next chunk."""
    failed: bool = False
    start: float = -inf
    stop: float = 0.0
    """Of the samples since the last gap."""
    ended: threading.Event = field(default_factory=threading.Event)


class _StoppedError(Exception):
    pass


class Pipeline:
    """One run of some chains over one source.

    Parameters
    ----------
    source : open source
    lines : what to run, in parallel
    realtime : hand chunks out no faster than they were recorded
    say : takes a sentence when a satellite rises or sets, from the reader's thread
    remark : takes a sentence when a chain has failed and others go on
    """

    def __init__(
        self,
        source: Source,
        lines: Sequence[Line],
        *,
        realtime: bool = False,
        say: Callable[[str], None] | None = None,
        remark: Callable[[str], None] | None = None,
    ) -> None:
        self._source, self._lines, self._realtime, self._say = source, list(lines), realtime, say
        self._remark = remark
        self._stop = threading.Event()
        self._runs: dict[int, _Run] = {}  # the reader's, by line
        self._ready: SimpleQueue[_Run | None] = SimpleQueue()  # None wakes a thread up at the end
        self._room = threading.Condition()  # guards inputs; told when one has room again
        self._counting = threading.Lock()
        self._bank: Bank | None = None
        self._watched = {i: line.visible for i, line in enumerate(self._lines) if line.visible is not None}
        self._block: int | None = None  # of time
        # of a line: frames and position up to which all are given; its chain's fault; None: it begins at a position.
        # Line -1 is the reader: no frames, and the position, while no chain runs; its fault, or None
        self._results: Queue[tuple[int, list[Frame] | BaseException | None, float]] = Queue(1024)
        self.statistics = Statistics()
        self.statistics.failures = {line.name: Counter() for line in self._lines if line.visible is None}

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
        What the source raised, and the first exception of a chain, when all that was received is published; at once
        when no chain is left.
        """
        recording = self._source.recording
        begun = time.monotonic()
        tolerance = max((64 / line.baudrate for line in self._lines), default=0.0) * recording.rate
        merger = Merger(len(self._lines), tolerance, [line.satellite for line in self._lines])
        for i in range(len(self._lines)):
            merger.begin(i, inf)
        threads = [threading.Thread(target=self._read, name="source", daemon=True)]
        threads += [
            threading.Thread(target=self._work, name=f"chains {i}", daemon=True)
            for i in range(min(len(self._lines), processors()))
        ]
        for thread in threads:
            thread.start()
        pending: deque[tuple[int, Frame]] = deque()
        fault: BaseException | None = None
        running, done = 1, 0.0
        try:
            while running:
                try:
                    line, what, position = self._results.get(timeout=TURN)
                except Empty:
                    if settle is not None:
                        settle()
                    continue
                ready: list[tuple[int, Frame]] = []
                if isinstance(what, list):
                    for frame in what:
                        merger.add(line, frame)
                    if line >= 0:
                        ready = merger.advance(line, position)
                    if position == inf:
                        running -= 1
                    elif progress is not None:
                        done = max(done, position / recording.rate)
                        progress(done)
                elif line >= 0 and what is None:
                    running += 1
                    merger.begin(line, position)
                else:
                    running -= 1
                    fault = fault or what
                    ready = merger.advance(line, inf) if line >= 0 else []
                    if line >= 0 and running == 1 and not self._watched:
                        running = 0  # nobody is left to read for
                    elif line >= 0 and self._remark is not None:
                        why = what if isinstance(what, RadomeError) else repr(what)
                        self._remark(f"{self._lines[line].name}: has failed, the others go on: {why}")
                pending.extend(ready)
                self._publish(publish, pending)
                if ready and settle is not None:
                    settle()
        finally:
            self._stop.set()
            for _ in threads:
                self._ready.put(None)
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
                self._join(threads)
                runs, self._runs = self._runs, {}
                for run in runs.values():
                    self._count(run)
        if fault is not None:
            raise fault
        return self.statistics

    @property
    def fill(self) -> float:
        """Part of the fullest queue before a chain that is full."""
        return max((len(run.input) / QUEUE for run in list(self._runs.values())), default=0.0)

    def runs(self, line: int) -> bool:
        """Whether a chain is under way; may be asked for from any thread, as what follows."""
        return line in self._runs

    def failures(self, line: int) -> Counter[str]:
        """Of a chain so far, by reason."""
        with self._counting:
            counted = Counter(self.statistics.failures.get(self._lines[line].name))
            run = self._runs.get(line)
            if run is not None and run.is_open:
                counted.update(failures_of(run.chain.stages))
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

    def _count(self, run: _Run) -> None:
        """Note what a chain gave up, before it forgets that or goes."""
        with self._counting:
            if run.is_open:
                self.statistics.failures[self._lines[run.line].name].update(failures_of(run.chain.stages))
            run.is_open = False

    def _publish(self, publish: Callable[[int, Frame], None], pending: deque[tuple[int, Frame]]) -> None:
        while pending:
            chain, frame = pending.popleft()
            self.statistics.frames[self._lines[chain].name] += 1
            publish(chain, frame)

    def _put(self, run: _Run, item: Stream | Chunk | None) -> None:
        with self._room:
            while len(run.input) >= QUEUE and not self._stop.is_set():
                self._room.wait(0.2)
            if self._stop.is_set():
                raise _StoppedError
            run.input.append(item)
            if not run.waits:
                run.waits = True
                self._ready.put(run)

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
                if not self._runs:
                    self._results.put((-1, [], end))
        except _StoppedError:
            return
        except BaseException as error:
            fault = error
        try:
            self._hand_branches(self._bank.close() if self._bank is not None else {})
            for run in self._runs.values():
                self._put(run, None)
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
        if self._say is not None and block is not None:
            for lines, what in ((risen, "is up"), (gone, "has set")):
                for name in dict.fromkeys(self._watched[i].name for i in lines):
                    self._say(f"{begin(block)}: {name} {what}")

    def _begin(self, lines: Sequence[int], position: float) -> None:
        for i in lines:
            line = self._lines[i]
            always = line.visible is None
            with self._counting:
                self.statistics.failures.setdefault(line.name, Counter())
            self._runs[i] = _Run(i, line.chain, line.opened) if always else _Run(i, line.chain.fresh(), None)
            self._results.put((i, None, position))
        self._route({i: self._runs[i] for i in lines})

    def _end(self, line: int) -> None:
        run = self._runs[line]
        self._put(run, None)
        while not run.ended.wait(0.2):
            if self._stop.is_set():
                raise _StoppedError
        self._count(run)
        del self._runs[line]

    def _route(self, runs: Mapping[int, _Run]) -> None:
        """Give these chains the whole stream or a branch of it, whichever costs less; others stay where they are."""
        bands = {i: band for i in self._runs if (band := self._lines[i].band) is not None and band.within(self._stream)}
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
        for i, run in runs.items():
            stream = self._stream if bank is None or run.branch is None else bank.stream(bands[i].frequency)
            self._put(run, stream)

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
                self._put(run, part)
        if self._bank is not None:
            self._hand_branches(self._bank.process(part))

    def _hand_branches(self, chunks: Mapping[int, Chunk]) -> None:
        for run in self._runs.values() if chunks else ():
            if run.branch is not None and run.branch in chunks:
                self._put(run, chunks[run.branch])

    # -- the chains' threads ------------------------------------------------------------------------------------------

    def _work(self) -> None:
        while (run := self._ready.get()) is not None and not self._stop.is_set():
            with self._room:
                item = run.input.popleft()
                if len(run.input) == QUEUE // 2:
                    self._room.notify()
            try:
                if not run.failed:
                    self._step(run, item)
            except BaseException as error:
                run.failed = True  # and takes what comes, to keep the reader going for the other chains
                self._results.put((run.line, error, 0.0))
            if item is None:
                run.ended.set()
            with self._room:
                run.waits = bool(run.input)
                if run.waits:
                    self._ready.put(run)

    def _step(self, run: _Run, item: Stream | Chunk | None) -> None:
        symbol = self._source.recording.rate / self._lines[run.line].baudrate
        frames: list[Frame] = []
        if isinstance(item, Chunk):
            if run.gap:
                run.start, run.gap = item.position, False
            run.stop = item.position + len(item) * item.step
            frames = _marked(run.chain.process(item), run.start + symbol / 2, inf)
        elif again := run.is_open:
            end = inf if item is None else run.stop
            frames = _marked(run.chain.close(), run.start + symbol / 2, end - symbol / 2)
            self._count(run)
        if isinstance(item, Stream):
            if again or item != run.opened:
                run.chain.open(item)
            run.gap, run.is_open = again, True
        if frames or not isinstance(item, Stream):
            delay = symbol * (DELAY_SYMBOLS + sum(getattr(stage, "delay", 0) for stage in run.chain.stages))
            self._results.put((run.line, frames, inf if item is None else run.stop - delay))


def processors() -> int:
    """Those that this program may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


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
        part = (
            chunk
            if stop - first == len(chunk)
            else replace(chunk, items=chunk.items[first:stop], position=chunk.position + first)
        )
        yield part, block
        first = stop


def _marked(made: Sequence[Chunk | Frame], start: float, stop: float) -> list[Frame]:
    """Frames, those marked that begin before `start` or end behind `stop`, where samples were lost."""
    frames = [item for item in made if isinstance(item, Frame)]
    return [f if start <= f.position and f.end <= stop else f.but(continuity=False) for f in frames]
