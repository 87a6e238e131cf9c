"""CCSDS telemetry frames: sync word, scrambler, Reed-Solomon, convolutional code.

    | 1A CF FC 1D | frame and Reed-Solomon parity, scrambled |    all of it differentially, then convolutionally coded

CCSDS 131.0-B: convolutional code section 3, Reed-Solomon section 4, sync word section 9, scrambler section 10. A
convolutional code is no longer than seven bits, so of the sync word's 64 symbols the last 52 are always the same, or
with NRZ-M theirs or their inverse (both codes are transparent to that). They are what is searched for: that settles the
alignment of symbols to pairs, the polarity and the encoder's state, and bears far more noise than the decoded sync word
would. Then the frame is decoded, NRZ-M undone where it was used, descrambled, and Reed-Solomon decoded. Byte j of the
frame belongs to word j modulo the interleaving depth; shorter frames lack the first bytes of each word (virtual fill).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
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
    RANDOMISERS,
    SURE_SYNC,
    Corrected,
    ccsds_randomiser,
    correct,
    hard_bytes,
    near_chance,
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
"""Wrong bits in the sync word. Where no code at all tells a frame from noise, it must be the one that is least sure:
then noise makes one a day at 9600 Bd."""
CODES = {
    "CCSDS": ((0o171, 0o133), (False, True)),
    "CCSDS uninverted": ((0o171, 0o133), (False, False)),
    "NASA-DSN": ((0o133, 0o171), (True, False)),
    "NASA-DSN uninverted": ((0o133, 0o171), (False, False)),
}
"""Generators of first and second symbol, and which is inverted. The Deep Space Network has them the other way round."""
LARGEST_WORD_CHANCE = 1e-7
"""Of one word of several; the frame as a whole must be under FALSE_ALARM."""
MEMORY = 6
"""Bits before one that its symbols hang on."""
TOLERANCE_SYMBOLS = 13
"""Wrong symbols in the encoded sync word: a quarter. One in 4000 is more likely wrong than a frame is lost by that."""
BEFORE = len(ASM) + 2 * MEMORY
"""Bits before a frame that are decoded with it where the sync word is not taken as known."""
TAIL = 2 * 6 * MEMORY
"""Symbols behind a frame that are decoded with it: its last bits are as sure as the others."""


@dataclass
class Ccsds:
    """Find CCSDS telemetry frames of one length."""

    takes: ClassVar[tuple[Kind, ...]] = ("soft",)
    gives: ClassVar[Kind] = "frames"

    frame_size: int = parameter(223, "B", "length of a frame, without sync word and parity")
    rs: bool = parameter(True, "", "frames are Reed-Solomon coded")
    rs_basis: str = parameter("dual", "", "how Reed-Solomon symbols are written", ("dual", "conventional"))
    rs_interleaving: int = parameter(1, "", "Reed-Solomon words that make up a frame", (1, 2, 3, 4, 5, 6, 7, 8))
    scrambler: str = parameter("CCSDS", "", "scrambler over frame and parity", (*RANDOMISERS, "none"))
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
        randomised = self.scrambler in RANDOMISERS
        self._sequence = ccsds_randomiser(self._size, self.scrambler) if randomised else np.uint8(0)
        differential = self.precoding == "differential"
        self._coded = _Coded(self.convolutional, differential) if self.convolutional != "none" else None
        self._differential = DifferentialDecoder(mark=True) if differential and not self._coded else None
        self._symbols = (16 if self._coded else 8) * self._size
        self._needed = self._symbols + (TAIL if self._coded else 0)
        self._sync = self._coded.sync if self._coded else ASM
        tolerance = TOLERANCE_SYMBOLS if self._coded else TOLERANCE if self.rs else TOLERANCE_UNCODED
        longest = self._needed + 2 * BEFORE
        self._frames: SyncedFrames[Frame] = SyncedFrames(
            int("".join("01"[bit] for bit in self._sync.tolist()), 2),
            tolerance,
            longest,
            self._needed,
            self._attempt,
            bits=len(self._sync),
            inverted=self._differential is None,
            used=lambda _: self._symbols,
        )
        self._history = SymbolHistory(longest)
        self.failures: Counter[str] = Counter()
        return Stream("frames", stream.rate, stream.clock, stream.frequency)

    def process(self, chunk: Chunk) -> list[Frame]:
        self._history.append(chunk)
        return self._frames.process(self._differential.process(chunk.items) if self._differential else chunk.items)

    def close(self) -> list[Frame]:
        return self._frames.flush(TAIL / self._needed if self._coded else 0.0)

    def _attempt(self, candidate: Candidate, soft: NDArray[np.float32]) -> Frame | None:
        if self._coded and not self.rs:
            decoded = self._decode_unchecked(candidate, soft)
        elif not self.rs and not self._least_is_wrong(candidate):
            decoded = None
        else:
            decoded = self._decode(soft, candidate.errors)
        if decoded is None:
            self.failures["fec"] += 1
            return None
        return self._history.frame(
            candidate.start,
            candidate.start + self._symbols,
            decoded.word[: self.frame_size].tobytes(),
            self.name,
            8 * self.frame_size / self._symbols,
            sync_errors=candidate.errors,
            corrected=decoded.corrected if self.rs else None,
            integrity="rs" if self.rs else "none",
            false_alarm=decoded.chance,
        )

    def _least_is_wrong(self, candidate: Candidate) -> bool:
        """Whether no bit of the sync word is wrong but the least sure one."""
        symbols = self._frames.window[candidate.start - len(ASM) : candidate.start] * candidate.polarity
        wrong = (symbols > 0) != ASM
        return not candidate.errors or bool(wrong[np.argmin(np.abs(symbols))])

    def _decode_unchecked(self, candidate: Candidate, soft: NDArray[np.float32]) -> Corrected | None:
        """A frame that nothing checks but the convolutional code: symbols that are so near to one of its words are no
        noise, and among its words only the sync word itself will do."""
        assert self._coded is not None
        first = max(self._frames.window.start, candidate.start - 2 * BEFORE)
        before = self._frames.window[first : candidate.start] * candidate.polarity
        before = np.concatenate([np.zeros(2 * BEFORE - len(before), np.float32), before])
        bits, wrong, sync = self._coded.decode(before, soft, 8 * self._size)
        chance = sync_chance(0) * near_chance(len(bits), wrong)
        if chance > FALSE_ALARM or (sync != ASM).any():
            return None
        return Corrected(np.packbits(bits) ^ self._sequence, 0, chance)

    def _decode(self, soft: NDArray[np.float32], sync_errors: int) -> Corrected | None:
        """A frame and its parity from its symbols and those of the tail; None where Reed-Solomon does not fit."""
        chance = sync_chance(sync_errors, len(self._sync), 1 if self._differential else 2)
        if self._coded is None:
            received = hard_bytes(soft) ^ self._sequence
        else:
            known = np.where(self._sync, np.float32(2), np.float32(-2)) * np.abs(soft).mean()
            received = np.packbits(self._coded.decode(known, soft, 8 * self._size)[0]) ^ self._sequence
        if not self.rs:
            # noise makes as many of a wrong bit, of which one in 32 is the least sure, as of none
            return Corrected(received, 0, sync_chance(0, polarities=1 if self._differential else 2) * (sync_errors + 1))
        if self.rs_basis == "dual":
            received = FROM_DUAL[received]
        depth, corrected = self.rs_interleaving, 0
        for i in range(depth):
            sureness = flips = None
            if self._coded is None:
                symbols = soft.reshape(-1, 8)[i::depth].ravel()
                sureness = reliability(symbols)
                if sync_errors <= SURE_SYNC:
                    flips = weak_flips(symbols, 0, len(symbols))
                    flips = FROM_DUAL[flips] if self.rs_basis == "dual" else flips
            word = correct(
                np.ascontiguousarray(received[i::depth]),
                sureness,
                FALSE_ALARM / chance if depth == 1 else LARGEST_WORD_CHANCE,
                flips,
            )
            if word is None:
                return None
            received[i::depth] = word.word
            corrected += word.corrected
            chance *= word.chance
        if self.rs_basis == "dual":
            received = TO_DUAL[received]
        if chance > FALSE_ALARM or repeats(received ^ self._sequence):
            return None
        return Corrected(received, corrected, chance)


class _Coded:
    """A convolutional code: what is always the same of a sync word in it, and the frame behind that."""

    def __init__(self, code: str, differential: bool) -> None:
        generators, inverted = CODES[code]
        self._viterbi = Viterbi(generators, inverted)
        self._differential = differential
        levels = np.cumsum(ASM) % 2 if differential else ASM.astype(int)
        registers = np.lib.stride_tricks.sliding_window_view(levels, MEMORY + 1)[:, ::-1]
        taps = np.array([[generator >> MEMORY - i & 1 for i in range(MEMORY + 1)] for generator in generators])
        self.sync: NDArray[np.bool_] = ((registers @ taps.T + inverted) % 2).astype(bool).ravel()
        """(52,)"""

    def decode(
        self, before: NDArray[np.float32], soft: NDArray[np.float32], bits: int
    ) -> tuple[NDArray[np.uint8], int, NDArray[np.uint8]]:
        """So many bits, how many of their symbols were wrong, and the bits before them.

        Parameters
        ----------
        before : an even number of symbols before the first bit's
        soft : the bits' symbols and some more
        """
        symbols = np.concatenate([before, soft])
        parts = self._viterbi.process(symbols), self._viterbi.flush()
        decoded, errors = (np.concatenate([part[i] for part in parts]) for i in range(2))
        if self._differential:
            decoded[1:] ^= decoded[:-1]
        first = len(before) // 2
        stop = first + bits
        return decoded[first:stop], int(errors[first:stop].sum()), decoded[max(0, first - len(ASM)) : first]


stage = Ccsds
