"""CCSDS telemetry frames: sync word, scrambler, Reed-Solomon, convolutional code.

    | 1A CF FC 1D | frame and Reed-Solomon parity, scrambled |    all of it differentially, then convolutionally coded

CCSDS 131.0-B: convolutional code section 3, Reed-Solomon section 4, sync word section 9, scrambler section 10. The
receiver undoes the convolutional code first, in both alignments of symbols to pairs, then NRZ-M where it was used (both
codes are transparent to an inversion, so that settles the polarity), finds the sync word, descrambles, and decodes
Reed-Solomon. Byte j of the frame belongs to word j modulo the interleaving depth; shorter frames lack the first bytes
of each word (virtual fill).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dsp_ext.bits import DifferentialDecoder
from dsp_ext.reedsolomon import FROM_DUAL, TO_DUAL
from dsp_ext.viterbi import Viterbi

from ..stage import Chunk, Frame, Kind, Stream, parameter
from ._block import (
    FALSE_ALARM,
    PARITY,
    SURE_SYNC,
    Corrected,
    ccsds_randomiser,
    correct,
    hard_bytes,
    reliability,
    repeats,
    sync_chance,
    weak_flips,
)
from ._symbols import SymbolHistory
from ._sync import Candidate, SyncedFrames

SYNC_WORD = 0x1ACFFC1D
ASM = np.array([SYNC_WORD >> i & 1 for i in range(31, -1, -1)], bool)
TOLERANCE = 5
TOLERANCE_UNCODED = 1
"""Wrong bits in the sync word. Without Reed-Solomon nothing else tells a frame from noise."""
CODES = {
    "CCSDS": ((0o171, 0o133), (False, True)),
    "CCSDS uninverted": ((0o171, 0o133), (False, False)),
    "NASA-DSN": ((0o133, 0o171), (True, False)),
    "NASA-DSN uninverted": ((0o133, 0o171), (False, False)),
}
"""Generators of first and second symbol, and which is inverted. The Deep Space Network has them the other way round."""
LARGEST_WORD_CHANCE = 1e-7
"""Of one word of several; the frame as a whole must be under FALSE_ALARM."""
VITERBI_DELAY = 2304
"""Symbols that the decoder may hold: 1024 + 64 bits of a block, 64 of a group."""


@dataclass
class Ccsds:
    """Find CCSDS telemetry frames of one length."""

    takes: ClassVar[tuple[Kind, ...]] = ("soft",)
    gives: ClassVar[Kind] = "frames"

    frame_size: int = parameter(223, "B", "length of a frame, without sync word and parity")
    rs: bool = parameter(True, "", "frames are Reed-Solomon coded")
    rs_basis: str = parameter("dual", "", "how Reed-Solomon symbols are written", ("dual", "conventional"))
    rs_interleaving: int = parameter(1, "", "Reed-Solomon words that make up a frame", (1, 2, 3, 4, 5, 6, 7, 8))
    scrambler: str = parameter("CCSDS", "", "scrambler over frame and parity", ("CCSDS", "none"))
    convolutional: str = parameter("none", "", "convolutional code of rate 1/2", ("none", *CODES))
    precoding: str = parameter("none", "", "coding before the convolutional code", ("none", "differential"))

    def __post_init__(self) -> None:
        depth = self.rs_interleaving
        if self.frame_size < 1:
            raise ValueError(f"frame_size is {self.frame_size}; it must be above 0")
        if self.rs and (self.frame_size % depth or self.frame_size > (255 - PARITY) * depth):
            raise ValueError(
                f"frame_size is {self.frame_size}; with rs_interleaving {depth} it must be "
                f"a multiple of {depth} up to {(255 - PARITY) * depth}"
            )

    @property
    def name(self) -> str:
        """Name of the framing as the field uses it."""
        if self.convolutional != "none":
            return "CCSDS Concatenated"
        return "CCSDS Reed-Solomon" if self.rs else "CCSDS Uncoded"

    def open(self, stream: Stream) -> Stream:
        self._size = self.frame_size + (PARITY * self.rs_interleaving if self.rs else 0)
        self._sequence = ccsds_randomiser(self._size) if self.scrambler == "CCSDS" else np.uint8(0)
        self._per_bit = 1 if self.convolutional == "none" else 2
        self._history = SymbolHistory(8 * self._size * self._per_bit + VITERBI_DELAY)
        self._branches = [_Branch(self, first, self._size, self._attempt) for first in range(self._per_bit)]
        self._ready: list[tuple[int, int, Frame]] = []
        self.failures: Counter[str] = Counter()
        return Stream("frames", stream.rate, stream.clock, stream.frequency)

    def process(self, chunk: Chunk) -> list[Frame]:
        self._history.append(chunk)
        for branch in self._branches:
            self._ready += branch.process(chunk.items)
        return self._give(min(branch.passed for branch in self._branches))

    def close(self) -> list[Frame]:
        for branch in self._branches:
            self._ready += branch.flush()
        return self._give(self._history.stop)

    def _give(self, passed: int) -> list[Frame]:
        """Frames that end before a symbol which all branches have passed: so their order hangs on no chunk."""
        given = sorted((r for r in self._ready if r[0] <= passed), key=lambda r: r[:2])
        self._ready = [r for r in self._ready if r[0] > passed]
        return [frame for _, _, frame in given]

    def _attempt(self, first: int, candidate: Candidate, soft: NDArray[np.float32]) -> tuple[int, int, Frame] | None:
        polarities = 1 if self.precoding == "differential" else 2
        received = hard_bytes(soft) ^ self._sequence
        words: list[Corrected] = []
        chance = sync_chance(candidate.errors, polarities=polarities)
        if self.rs:
            if candidate.errors > self._errors_inside(soft):
                self.failures["sync"] += 1
                return None
            if self.rs_basis == "dual":
                received = FROM_DUAL[received]
            depth = self.rs_interleaving
            for i in range(depth):
                sureness = flips = None
                if self.convolutional == "none":
                    symbols = soft.reshape(-1, 8)[i::depth].ravel()
                    sureness = reliability(symbols)
                    if candidate.errors <= SURE_SYNC:
                        flips = weak_flips(symbols, 0, len(symbols))
                        flips = FROM_DUAL[flips] if self.rs_basis == "dual" else flips
                word = correct(
                    np.ascontiguousarray(received[i::depth]),
                    sureness,
                    FALSE_ALARM / chance if depth == 1 else LARGEST_WORD_CHANCE,
                    flips,
                )
                if word is None:
                    self.failures["fec"] += 1
                    return None
                words.append(word)
                received[i::depth] = word.word
                chance *= word.chance
            if self.rs_basis == "dual":
                received = TO_DUAL[received]
            if chance > FALSE_ALARM or repeats(received ^ self._sequence):
                self.failures["fec"] += 1
                return None
        start = first + self._per_bit * candidate.start
        stop = start + self._per_bit * len(soft)
        frame = self._history.frame(
            start,
            stop,
            received[: self.frame_size].tobytes(),
            self.name,
            self.frame_size / (self._size * self._per_bit),
            sync_errors=candidate.errors,
            corrected=sum(w.corrected for w in words) if self.rs else None,
            integrity="rs" if self.rs else "none",
            false_alarm=chance,
        )
        return stop, first, frame

    def _errors_inside(self, soft: NDArray[np.float32]) -> int:
        """Wrong bits of the best sync word at a byte that a frame found too early would take for data.

        The randomiser's sequence is a code word itself, and the code is cyclic: a frame that a chance sync word makes
        begin some bytes early is corrected, one error for each byte, to a wrong frame.
        """
        bits = soft[: 8 * self.rs_interleaving * PARITY // 2] > 0
        if len(bits) < len(ASM):
            return len(ASM)
        words = np.lib.stride_tricks.sliding_window_view(bits, len(ASM))[::8]
        return int((words != ASM).sum(axis=1).min())


class _Branch:
    """Everything from symbols to frames in one alignment of symbols to pairs."""

    def __init__(
        self,
        framing: Ccsds,
        first: int,
        size: int,
        attempt: Callable[[int, Candidate, NDArray[np.float32]], tuple[int, int, Frame] | None],
    ) -> None:
        self._first = self._skip = first
        differential = framing.precoding == "differential"
        self._viterbi = Viterbi(*CODES[framing.convolutional]) if framing.convolutional != "none" else None
        self._differential = DifferentialDecoder(mark=True) if differential else None
        self._frames: SyncedFrames[tuple[int, int, Frame]] = SyncedFrames(
            SYNC_WORD,
            TOLERANCE if framing.rs else TOLERANCE_UNCODED,
            8 * size,
            8 * size,
            partial(attempt, first),
            inverted=not differential,
        )

    @property
    def passed(self) -> int:
        """Symbol that comes next after the frames given."""
        return self._first + self._frames.stop * (1 if self._viterbi is None else 2)

    def process(self, soft: NDArray[np.float32]) -> list[tuple[int, int, Frame]]:
        skip = min(self._skip, len(soft))
        self._skip -= skip
        if self._viterbi is not None:
            return self._decoded(_soft(self._viterbi.process(soft[skip:])[0]))
        return self._decoded(soft[skip:])

    def flush(self) -> list[tuple[int, int, Frame]]:
        return self._decoded(_soft(self._viterbi.flush()[0])) if self._viterbi is not None else []

    def _decoded(self, soft: NDArray[np.float32]) -> list[tuple[int, int, Frame]]:
        return self._frames.process(self._differential.process(soft) if self._differential else soft)


def _soft(bits: NDArray[np.uint8]) -> NDArray[np.float32]:
    return bits.astype(np.float32) * 2 - 1


stage = Ccsds
