"""Telemetry of AMSAT's Fox satellites, and of others with their computer: 8b10b words, and Reed-Solomon over the bytes.

    DUV         K28.5 10 bits | 64 bytes | parity 32 B                              200 Bd below the voice
    high speed  K28.5 10 bits | 4600 bytes | parity 672 B, 21 words                 9600 Bd
    BPSK        47 CD 21 5D, 31 bits | 476 bytes | parity 96 B, 3 words             1200 Bd
    LTM         the same | 669 bytes | parity 96 B, 3 words                         1200 Bd

Byte i of the data, and of the parity, belongs to word i modulo their number, RS(255,223) of CCSDS 131.0-B in the
conventional basis, shortened. Every byte is sent as 10 bits, least significant first, with as many ones as zeros or two
more or less, in turn: of both forms of a byte the running disparity takes one (A. X. Widmer and P. A. Franaszek, "A
DC-balanced, partitioned-block, 8B/10B transmission code", IBM J. Res. Develop. 27, 1983). Data begin, least significant
bit first, with the satellite's number, 3 bits, 0 where there are more satellites than that. From AMSAT's telemetry
encoder (P. Karn, 2014) and the frame formats that its decoder FoxTelem documents.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ..stage import Chunk, Frame, Kind, Stream, parameter
from ._block import FALSE_ALARM, PARITY, correct, repeats, sync_chance
from ._symbols import SymbolHistory
from ._sync import Candidate, SyncedFrames


@dataclass(frozen=True, slots=True)
class Mode:
    """What differs between the formats."""

    size: int
    """Bytes of data."""
    words: int
    sync: int
    bits: int
    """Of the sync word."""
    tolerance: int

    @property
    def symbols(self) -> int:
        """Of a frame, behind the sync word."""
        return BITS * (self.size + self.words * PARITY)


BITS = 10
K28_5 = 0b0011111010
"""Behind a negative running disparity, which it makes positive; the complement behind a positive one."""
PRN = 0x47CD215D
SYNC: NDArray[np.float32] = (2.0 * (K28_5 >> np.arange(BITS - 1, -1, -1) & 1) - 1).astype(np.float32)
MODES = {
    "DUV": Mode(64, 1, K28_5, 10, 2),
    "high speed": Mode(4600, 21, K28_5, 10, 1),
    "BPSK": Mode(476, 3, PRN, 31, 5),
    "LTM": Mode(669, 3, PRN, 31, 5),
}
PROBE = 960
"""Symbols that show whether a sync word was one: all of the shortest frame."""
LOST = 0.013
"""Part of all that the symbols say that words of the code go without; of noise, and of words begun elsewhere, it is
more."""
SPREAD = 16
"""Words from one to the next of those, all over a frame, that are looked at before it is decoded."""
WEAK = 8
"""Least sure bytes of which the second likeliest are tried."""
WRONG = 1e-6
"""Probability that a word past repair is taken for another, in a frame that is one beyond doubt."""
LACKING = 0.05
"""Part of a frame that may lie behind the end of the recording."""

SIX = (
    "100111011101101101110001110101101001011001111000111001100101010101110100001101101100011100010111"
    "011011100011010011110010001011101010011010111010110011100110010110110110001110101110011110101011"
)
"""Of each value of the five low bits, six behind a negative disparity (Widmer and Franaszek, table 1)."""
FOUR = "10111001010111001101101001101110"
"""Of each value of the three high bits, four behind a negative disparity (table 2)."""

Bytes = tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.float32]]
"""The likeliest, the second likeliest, and how much less likely these are."""


def _half(bits: str, disparity: int) -> tuple[str, int]:
    """Form of a part of a word behind some disparity, -1 or 1, and the disparity behind it."""
    uneven = 2 * bits.count("1") != len(bits)
    # 111000 and 1100 have two forms though they are even
    if disparity > 0 and (uneven or bits in ("111000", "1100")):
        bits = bits.translate(str.maketrans("01", "10"))
    return bits, -disparity if uneven else disparity


def word(byte: int, disparity: int) -> tuple[str, int]:
    """The ten bits of a byte behind some running disparity, -1 or 1, and the disparity behind them."""
    six, disparity = _half(SIX[6 * (byte & 31) :][:6], disparity)
    four = FOUR[4 * (byte >> 5) :][:4]
    # five like bits in a row are K28.5's
    if byte >> 5 == 7 and six[-2:] == ("11" if disparity < 0 else "00"):
        four = "0111"
    four, disparity = _half(four, disparity)
    return six + four, disparity


_TABLE = [[word(byte, disparity) for byte in range(256)] for disparity in (-1, 1)]
_READ = {bits: byte for row in _TABLE for byte, (bits, _) in enumerate(row)}
BYTES: NDArray[np.uint8] = np.array(sorted(range(256), key=lambda byte: _TABLE[0][byte][1]), np.uint8)
"""First those that keep the disparity, then those that turn it round."""
KEEP = sum(disparity < 0 for _, disparity in _TABLE[0])
"""Number of those that keep it."""
WORDS: NDArray[np.float32] = np.array(
    [[2.0 * int(bit) - 1 for bit in row[byte][0]] for row in _TABLE for byte in BYTES], np.float32
).T.copy()
"""(10, 512) words of `BYTES`, -1 and 1: behind a negative disparity, then behind a positive one."""
TURNED_OVER: NDArray[np.uint8] = np.array(
    [_READ[bits.translate(str.maketrans("01", "10"))] for bits, _ in _TABLE[0]], np.uint8
)
"""(256,) what each byte is in the other polarity."""


def scores(soft: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n, 2, 256) how well each word fits, of soft bits of n words."""
    fits: NDArray[np.float32] = (soft.reshape(-1, BITS) @ WORDS).reshape(-1, 2, 256)
    return fits


def of_code(fits: NDArray[np.float32], said: float) -> bool:
    """Whether `scores` of some words, of all that their symbols say, are those of a frame, each word by itself."""
    return bool(fits.max(axis=(1, 2)).sum() >= (1 - 2 * LOST) * said)


def best_steps(fits: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n, 2, 2) the best score of a word behind each disparity that keeps it, that turns it round."""
    return np.stack([fits[:, :, :KEEP].max(axis=2), fits[:, :, KEEP:].max(axis=2)], axis=2)


def paths(steps: NDArray[np.float32], low: float, high: float) -> NDArray[np.float32]:
    """(n + 1, 2) score of the likeliest words up to each place that leave the disparity negative, positive.

    `low` and `high` are those in front of the first.
    """
    sums = [(low, high)]
    for (low_keeps, low_turns), (high_keeps, high_turns) in steps.tolist():
        low, high = max(low + low_keeps, high + high_turns), max(high + high_keeps, low + low_turns)
        sums.append((low, high))
    return np.array(sums, np.float32)


def decode(soft: NDArray[np.float32], low: float, high: float) -> Bytes:
    """The likeliest bytes, the second likeliest, and by how much they are so; each in the light of all others."""
    fits = scores(soft)
    steps = best_steps(fits)
    here = paths(steps, low, high)[:-1]
    # backwards, what turns to the one disparity comes from the other
    steps[:, :, 1] = steps[:, ::-1, 1]
    behind = paths(steps[::-1], 0.0, 0.0)[-2::-1]
    fits[:, :, :KEEP] += (here + behind)[:, :, None]
    fits[:, :, KEEP:] += (here + behind[:, ::-1])[:, :, None]
    fit = np.maximum(fits[:, 0], fits[:, 1])
    rows = np.arange(len(fit))
    best = fit.argmax(axis=1)
    most = fit[rows, best]
    fit[rows, best] = -np.inf
    second = fit.argmax(axis=1)
    return BYTES[best], BYTES[second], most - fit[rows, second]


@dataclass
class Fox:
    """Find Fox telemetry frames."""

    takes: ClassVar[tuple[Kind, ...]] = ("soft",)
    gives: ClassVar[Kind] = "frames"

    mode: str = parameter("DUV", "", "format of the frames", tuple(MODES))

    def open(self, stream: Stream) -> Stream:
        self._format = MODES[self.mode]
        longest = self._format.symbols
        self._history = SymbolHistory(longest + self._format.bits)
        self._frames: SyncedFrames[Frame] = SyncedFrames(
            self._format.sync, self._format.tolerance, longest, PROBE, self._attempt, bits=self._format.bits
        )
        self.failures: Counter[str] = Counter()
        return Stream("frames", stream.rate, stream.clock, stream.frequency)

    def process(self, chunk: Chunk) -> list[Frame]:
        self._history.append(chunk)
        return self._frames.process(chunk.items)

    def close(self) -> list[Frame]:
        return self._frames.flush(LACKING)

    def _attempt(self, candidate: Candidate, soft: NDArray[np.float32]) -> int | Frame | None:
        form = self._format
        if not self._probably(candidate, soft[:PROBE]):
            self.failures["sync"] += 1
            return None
        if len(soft) < form.symbols:
            return form.symbols
        some = soft.reshape(-1, BITS)[::SPREAD].ravel()
        if not of_code(scores(some), float(np.abs(some).sum())):
            self.failures["sync"] += 1
            return None
        chance = sync_chance(candidate.errors, form.bits)
        fits = self._sync_score(candidate)
        got, second, sureness = decode(soft, -fits, fits)
        found = self._corrected(got, second, sureness, chance)
        if found is None and form.sync == K28_5:
            # the complement of every word is one, too
            found = self._corrected(TURNED_OVER[got], TURNED_OVER[second], sureness, 2 * chance)
        if found is None:
            self.failures["fec"] += 1
            return None
        payload, corrected, chance = found
        return self._history.frame(
            candidate.start,
            min(candidate.start + form.symbols, self._history.stop),
            payload.tobytes(),
            f"AMSAT Fox {self.mode}",
            8 * form.size / form.symbols,
            sync_errors=candidate.errors,
            corrected=corrected,
            integrity="rs",
            false_alarm=chance,
            link={"source": str(payload[0] & 7)} if payload[0] & 7 else {},
        )

    def _sync_score(self, candidate: Candidate) -> float:
        """How well K28.5 fits that a negative disparity precedes; what a positive one precedes fits as badly."""
        if self._format.sync != K28_5:
            return 0.0
        return candidate.polarity * float(self._history.soft(candidate.start - BITS, candidate.start) @ SYNC)

    def _probably(self, candidate: Candidate, soft: NDArray[np.float32]) -> bool:
        """Whether words of the code follow a sync word."""
        sync, said = self._sync_score(candidate), float(np.abs(soft).sum())
        if self._format.tolerance == 1:
            # in a long frame there are many words that are a sync word but for one bit
            rival = scores(self._history.soft(candidate.start - BITS, candidate.start)).max()
            if rival - sync > said / PROBE:
                return False
        # most of what is none is so without a look at the disparities
        fits = scores(soft)
        if not of_code(fits, said):
            return False
        return bool(paths(best_steps(fits), -sync, sync)[-1].max() - sync >= (1 - 2 * LOST) * said)

    def _corrected(
        self, got: NDArray[np.uint8], second: NDArray[np.uint8], sureness: NDArray[np.float32], chance: float
    ) -> tuple[NDArray[np.uint8], int, float] | None:
        """Data of received bytes, how many were changed, and the probability that noise would have given them."""
        size, words = self._format.size, self._format.words
        data, changed = np.empty(size, np.uint8), 0
        for i in range(words):
            places = np.r_[i:size:words, size + i : len(got) : words]
            weak = np.argsort(sureness[places], kind="stable")[:WEAK]
            flips = np.zeros((WEAK, len(places)), np.uint8)
            flips[np.arange(WEAK), weak] = (got ^ second)[places[weak]]
            bound = min(WRONG, FALSE_ALARM / max(chance, FALSE_ALARM))
            result = correct(got[places], sureness[places], bound, flips)
            if result is None or repeats(result.word):
                return None
            data[i::words] = result.word[:-PARITY]
            changed += result.corrected
            chance *= result.chance
        return data, changed, chance


stage = Fox
