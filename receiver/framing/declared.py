"""A framing that is declared instead of programmed: sync word, length, and what lies behind it, step by step.

    preamble | sync word | what the steps undo, in the order in which a receiver does

`flowgraphs/framings/` holds those that have a name, a TOML file each; `use` names one as if it were a module, and what
stands beside `use` replaces what the file says. The steps are the modules of `receiver/coding/`. All is decided by the
probability that noise alone would have made the frame: sync word, preamble, length and checksum bear each other out.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from dsp_ext.bits import Descrambler, DifferentialDecoder

from ..coding import Block, Failed, Step
from ..coding.crc import Crc
from ..coding.length import Length
from ..coding.rs import Rs
from ..coding.tag import Tag
from ..coding.until import Until
from ..errors import short
from ..flowgraph import construct
from ..stage import Chunk, Frame, Kind, Stream, parameter, required
from ._block import FALSE_ALARM, pattern, sync_chance
from ._symbols import SymbolHistory
from ._sync import Candidate, SyncedFrames

LONGEST = 1 << 16
"""Bytes."""
OFTEN = 1e-3
"""Sync words that random bits may hold a symbol, each of which costs a try."""
SUPPORT = 2.0**-16
"""What a preamble bears out at most: a carrier makes one, too."""
PREAMBLE = 32
"""Bits before the sync word that are compared with the preamble, at most."""
LACKING = 1 / 16
"""Part of a frame that may lie behind the end of the recording."""
LACKING_WORDS = 1 / 8
"""Of one with a Reed-Solomon code."""


G3RUH = [12, 17]


@cache
def _ball(bits: int, errors: int) -> float:
    return sum(math.comb(bits, i) for i in range(errors + 1)) / 2.0**bits


@dataclass
class Declared:
    """Find the frames of a declared framing."""

    takes: ClassVar[tuple[Kind, ...]] = ("soft",)
    gives: ClassVar[Kind] = "frames"

    name: str = required("", "as the field calls the framing")
    sync: str = required("", "sync word in hexadecimal digits, or in bits behind 0b")
    size: float | list[Any] = required(
        "B", "behind the sync word, as sent; several are tried in turn; where a length is sent first, the most"
    )
    preamble: str = parameter("", "", "what is sent over and over before the sync word, in the same form")
    line: list[Any] = parameter(
        [],
        "",
        "what is undone before the sync word is searched for, in the receiver's order: nrz-i, nrz-m, nrz-s, g3ruh, or "
        "distances back of the bits that a scrambler adds to each, such as [3, 20]",
    )
    inverted: bool = parameter(True, "", "the signal may come the other way round")
    spacing: int = parameter(1, "", "symbols from one bit of the sync word to the next, all of the frame being between")
    tolerance: int | None = parameter(None, "bits", "wrong ones in the sync word; none: as many as the frame bears")
    steps: list[Any] = parameter([], "", "tables, each of a step in receiver/coding and its parameters")

    def __post_init__(self) -> None:
        word = pattern(self.sync, "sync")
        if not 8 <= len(word) <= 64:
            raise ValueError(f"sync has {len(word)} bits; it must have 8 to 64")
        sizes = self.size if isinstance(self.size, list) else [self.size]
        if not sizes or not all(isinstance(size, (int, float)) and 1 <= size <= LONGEST for size in sizes):
            raise ValueError(f"size is {short(self.size)}; it must be 1 to {LONGEST} B")
        self._sizes = sorted({round(8 * size) for size in sizes})  # symbols
        self._word, self._bits = int("".join(map(str, word)), 2), len(word)
        self._preamble = np.resize(pattern(self.preamble, "preamble")[::-1], PREAMBLE)[::-1] if self.preamble else None
        self._turns = np.zeros(256, bool)
        """Bytes that occur in the preamble, at any place."""
        if self._preamble is not None:
            self._turns[_bytes_anywhere(self._preamble)] = True
        self._steps: list[Step] = []
        for i, table in enumerate(self.steps, 1):
            if not isinstance(table, dict):
                raise ValueError(f'step {i} is {table!r}; it must be a table such as {{ use = "crc", … }}')
            self._steps.append(construct(table, f"step {i}", "coding"))
        if not 1 <= self.spacing <= 256:
            raise ValueError(f"spacing is {self.spacing}; it must be 1 to 256 symbols")
        for i, step in enumerate(self._steps):
            if isinstance(step, Rs) and step.width != 8:
                self._check_symbols(i, step)
        self._line = [_line(name) for name in self.line]
        self._length = next((i for i, step in enumerate(self._steps) if isinstance(step, (Length, Tag))), None)
        # a length that can be read before the rest has come
        self._early = self._length is not None and all(step.bitwise for step in self._steps[: self._length])
        least = sum(sync_chance(e, self._bits) <= OFTEN for e in range(self._bits // 3))
        self._tolerance = max(0, least - 1) if self.tolerance is None else self.tolerance
        if not 0 <= 2 * self._tolerance < self._bits:
            raise ValueError(
                f"tolerance is {self.tolerance}; it must be under half of the sync word's {self._bits} bits"
            )
        self._ahead = [
            math.prod(later.chance for later in self._steps[i + 1 :] if isinstance(later, Crc))
            for i in range(len(self._steps))
        ]
        self._coded = any(isinstance(step, Rs) for step in self._steps)
        self._rate = math.prod(step.rate() for step in self._steps)

    def _check_symbols(self, at: int, step: Rs) -> None:
        """Refuse a length known beforehand that does not fill a Reed-Solomon code's symbols."""
        before = self._steps[:at]
        if not all(one.sized for one in before):
            return
        for size in self._sizes:
            block = Block(np.full(size, -1, np.float32), 1.0, 1.0)
            try:
                for one in before:
                    one.undo(block)
            except Failed:
                continue
            if len(block.soft) % (step.width * step.interleaving):
                words = f", {step.interleaving} words of them" if step.interleaving > 1 else ""
                raise ValueError(
                    f"step {at + 1}: {len(block.soft)} bits of a frame of {size / 8:g} B come to it; they must be a "
                    f"whole number of symbols of {step.width} bits{words}"
                )

    def open(self, stream: Stream) -> Stream:
        longest = self._sizes[-1] + PREAMBLE + self._bits
        self._history = SymbolHistory(longest)
        for stage in self._line:
            stage.reset()
        self._frames: SyncedFrames[list[Frame]] = SyncedFrames(
            self._word,
            self._tolerance,
            longest,
            self._header if self._early else self._sizes[0],
            self._attempt,
            bits=self._bits,
            inverted=self.inverted,
            spacing=self.spacing,
            used=lambda frames: self._used,
            frame=lambda frames: frames[0],
        )
        self._used = 0
        """Symbols that the last frames take."""
        self.failures: Counter[str] = Counter()
        return Stream("frames", stream.rate, stream.clock, stream.frequency)

    def process(self, chunk: Chunk) -> list[Frame]:
        self._history.append(chunk)
        soft = chunk.items
        for stage in self._line:
            soft = stage.process(soft)
        return [frame for frames in self._frames.process(soft) for frame in frames]

    def close(self) -> list[Frame]:
        # zeros are a code word: where they are not cut off, what is unknown must be little
        marked = isinstance(self._steps[0], Until) if self._steps else False
        lacking = LACKING_WORDS if self._coded and not marked else 1.0
        return [frame for frames in self._frames.flush(lacking) for frame in frames]

    @property
    def _header(self) -> int:
        """Bits that come before the length is known."""
        length = self._steps[self._length or 0]
        assert isinstance(length, (Length, Tag))
        return self._sent(length.header)

    def _attempt(self, candidate: Candidate, soft: NDArray[np.float32]) -> int | list[Frame] | None:
        try:
            if self._early:
                needed = self._needed(soft)
                if len(soft) < needed:
                    return needed
                soft = soft[:needed]
            return self._decode(candidate, soft)
        except Failed as failed:
            longer = [size for size in self._sizes if size > len(soft)]
            if longer and not self._early:
                return longer[0]
            self.failures[str(failed)] += 1
            return None

    def _needed(self, soft: NDArray[np.float32]) -> int:
        """Symbols behind the sync word by the length that they say."""
        block = Block(soft[: self._header], 1.0, 1.0)
        for step in self._steps[: self._length]:
            step.undo(block)
        length = self._steps[self._length or 0]
        assert isinstance(length, (Length, Tag))
        bits = self._sent(length.bits(block))
        if bits > self._sizes[-1]:
            raise Failed("length")
        return bits

    def _sent(self, bits: int) -> int:
        """Symbols that it takes for so many bits to come as far as the length."""
        for step in reversed(self._steps[: self._length]):
            bits = step.before(bits)
        return bits

    def _decode(self, candidate: Candidate, soft: NDArray[np.float32]) -> list[Frame]:
        chance = sync_chance(candidate.errors, self._bits, 2 if self.inverted else 1)
        block = Block(soft, chance, FALSE_ALARM, self._preceded(candidate, soft))
        return [self._frame(candidate, made, len(soft)) for made in self._undone(block, 0)]

    def _undone(self, block: Block, done: int) -> list[Block]:
        """What the steps make of a block that some are done with. Raises Failed when that is nothing."""
        for i in range(done, len(self._steps)):
            block.ahead = self._ahead[i]
            parts = self._steps[i].undo(block)
            if parts is not None:
                return self._parts_undone(parts, i + 1)
        if block.chance > FALSE_ALARM:
            raise Failed("sync")
        if not len(block.soft):
            raise Failed("length")
        return [block]

    def _parts_undone(self, parts: list[Block], done: int) -> list[Block]:
        made, failed = [], Failed("length")
        for part in parts:
            try:
                made += self._undone(part, done)
            except Failed as why:
                failed = why
        if not made:
            raise failed
        return made

    def _frame(self, candidate: Candidate, block: Block, symbols: int) -> Frame:
        if block.symbols is not None:
            symbols = block.symbols
        elif block.said is not None and not self._early and not self._coded:
            symbols = min(symbols, self._sent(block.said))
        start = candidate.start + block.first
        if start + symbols - self._history.stop > LACKING * symbols:
            raise Failed("length")  # behind the end there are only zeros
        self._used = block.first + symbols  # by the last of a sync word
        return self._history.frame(
            start,
            min(start + symbols, self._history.stop),
            block.data.tobytes(),
            self.name,
            self._rate,
            sync_errors=candidate.errors,
            corrected=block.corrected,
            integrity=block.integrity,
            crc_ok=block.crc_ok,
            false_alarm=block.chance,
            link=block.link,
        )

    def _preceded(self, candidate: Candidate, soft: NDArray[np.float32]) -> float:
        """Probability that noise before the sync word would be as like the preamble as these symbols.

        It is random, or as often like a preamble as the symbols behind the sync word are: a carrier is all through.
        """
        if self._preamble is None or self.spacing > 1:
            return 1.0
        window, stop = self._frames.window, candidate.start - self._bits
        start = max(window.start, stop - PREAMBLE, 0)
        if start >= stop:
            return 1.0
        wrong = (window[start:stop] * candidate.polarity > 0) != self._preamble[PREAMBLE - (stop - start) :]
        errors = np.cumsum(wrong[::-1]).tolist()
        lengths = range(8, len(errors) + 1, 8)
        like = self._likeness(soft)
        chances = (len(lengths) * max(_ball(n, errors[n - 1]), math.pow(like, n / 8)) for n in lengths)
        return max(SUPPORT, min([1.0, *chances]))

    def _likeness(self, soft: NDArray[np.float32]) -> float:
        """Part of the bytes, at any place, in which symbols are as in the preamble."""
        return float(self._turns[_bytes_anywhere(soft > 0)].mean()) if len(soft) >= 8 else 0.0


def _bytes_anywhere(bits: NDArray[Any]) -> NDArray[np.uint8]:
    """(n - 7, 1), the byte that begins at each of n >= 8 bits."""
    return np.packbits(np.lib.stride_tricks.sliding_window_view(bits, 8), axis=1)


def _line(rule: Any) -> Descrambler | DifferentialDecoder:
    if rule in ("nrz-i", "nrz-m", "nrz-s"):
        # NRZ-I as HDLC has it is NRZ-S: no change is a 1
        return DifferentialDecoder(rule == "nrz-m")
    taps = G3RUH if rule == "g3ruh" else rule
    if isinstance(taps, list) and taps and all(isinstance(tap, int) and 1 <= tap <= 64 for tap in taps):
        return Descrambler(*taps)
    raise ValueError(
        f"line has {short(rule)}; it may have nrz-i, nrz-m, nrz-s, g3ruh, or a list of whole numbers from 1 to 64"
    )


stage = Declared
