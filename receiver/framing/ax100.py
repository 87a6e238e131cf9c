"""Frames of GomSpace's NanoCom AX100 transceiver.

    ASM+Golay:    | 93 0B 51 DE | length, Golay (24,12) 3 B | payload | RS parity 32 B |  scrambled behind the length
    Reed Solomon: | 93 0B 51 DE | length 1 B | payload | RS parity 32 B |                 scrambled as a whole

The Golay word holds the number of bytes behind it in its low 8 bits; the plain length byte counts itself as well. The
scrambler of the first mode is CCSDS 131.0-B's 255-bit sequence, that of the second G3RUH's, 1 + x^12 + x^17.
RS(255,223) is CCSDS 131.0-B's in the conventional basis, shortened to the frame. Described in D. Estevez,
"Decoding packets from GOMX-3: modulation and coding" (2016), from what GomSpace told radio amateurs. The payload
usually is a CSP packet, whose header becomes the link.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import combinations
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dsp_ext import golay
from dsp_ext.bits import Descrambler

from ..stage import Chunk, Frame, Kind, Stream, parameter
from ._block import (
    FALSE_ALARM,
    FLIPS,
    PARITY,
    SURE_SYNC,
    ccsds_randomiser,
    correct,
    hard_bytes,
    pattern,
    reliability,
    repeats,
    surplus,
    sync_chance,
    weak_flips,
)
from ._csp import csp_header
from ._symbols import SymbolHistory
from ._sync import Candidate, SyncedFrames

TOLERANCE = {"ASM+Golay": 5, "Reed Solomon": 6}
"""Wrong bits in the sync word; the G3RUH descrambler makes three of one."""
SURE_HEAD = 3
"""Wrong bits in the sync word of a frame, up to which more than one length is tried."""
LARGEST_WORD_CHANCE = 1e-8
"""Of a word of another length than is said: there is a frame, so that the sync word is no evidence for this one."""
LONGEST = 256
"""Bytes behind the sync word, about."""


@dataclass
class Ax100:
    """Find AX100 frames."""

    takes: ClassVar[tuple[Kind, ...]] = ("soft",)
    gives: ClassVar[Kind] = "frames"

    mode: str = parameter("ASM+Golay", "", "framing mode of the radio", ("ASM+Golay", "Reed Solomon"))
    scrambler: str = parameter("CCSDS", "", "scrambler in ASM+Golay mode", ("CCSDS", "none"))
    sync: str = parameter("930B51DE", "", "sync word, in eight hexadecimal digits")

    def __post_init__(self) -> None:
        word = pattern(self.sync, "sync")
        if len(word) != 32:
            raise ValueError(f"sync has {len(word)} bits; it must have 32")
        self._word = int.from_bytes(np.packbits(word).tobytes(), "big")

    def open(self, stream: Stream) -> Stream:
        longest = 8 * (LONGEST + 8)
        golay_mode = self.mode == "ASM+Golay"
        self._descrambler = None if golay_mode else Descrambler(12, 17)
        self._spread = (0,) if golay_mode else (0, 12, 17)
        self._head = 24 if golay_mode else 8
        self._history = SymbolHistory(longest)
        self._frames: SyncedFrames[Frame] = SyncedFrames(
            self._word, TOLERANCE[self.mode], longest, self._head, self._attempt
        )
        self.failures: Counter[str] = Counter()
        return Stream("frames", stream.rate, stream.clock, stream.frequency)

    def process(self, chunk: Chunk) -> list[Frame]:
        self._history.append(chunk)
        soft = chunk.items
        return self._frames.process(self._descrambler.process(soft) if self._descrambler else soft)

    def close(self) -> list[Frame]:
        return self._frames.flush(0.0)

    def _attempt(self, candidate: Candidate, soft: NDArray[np.float32]) -> int | Frame | None:
        reason = "length"
        for k, field in enumerate(self._fields(candidate, soft)):
            symbols = self._head + 8 * self._length(field)
            if not PARITY < self._length(field) <= 255:
                continue
            if len(soft) < symbols:
                return symbols
            frame = self._decode(candidate, soft[:symbols], field, LARGEST_WORD_CHANCE if k else 1.0)
            if frame is not None:
                return frame
            reason = "fec"
        self.failures[reason] += 1
        return None

    def _fields(self, candidate: Candidate, soft: NDArray[np.float32]) -> list[int]:
        """What the symbols may say of the length, the likeliest first.

        The Golay word that says it is decided. A bare byte is wrong when one of 25 symbols is; behind a sync word that
        is sure, each of the least sure ones and each two of them may be.
        """
        if self._descrambler is None:
            return [golay.decode_soft(soft[: self._head])[0]]
        field, lead = int(hard_bytes(soft[: self._head])[0]), max(self._spread)
        if candidate.errors > SURE_HEAD:
            return [field]
        symbols = self._history.soft(candidate.start - lead, candidate.start + self._head)
        doubts = np.sort(np.abs(symbols))[:FLIPS].tolist()
        changes = weak_flips(symbols, lead, self._head, self._spread)[:, 0].tolist()
        ways = list(zip(doubts, changes, strict=True))
        ways += [(doubt + other, change ^ more) for (doubt, change), (other, more) in combinations(ways, 2)]
        return list(dict.fromkeys([field, *(field ^ change for _, change in sorted(ways))]))

    def _length(self, field: int) -> int:
        return field & 0xFF if self._descrambler is None else field - 1

    def _decode(self, candidate: Candidate, soft: NDArray[np.float32], field: int, largest: float) -> Frame | None:
        """The frame in symbols of this length, of which noise makes no larger part than this for words."""
        header, length = self._head, self._length(field)
        coded = soft[header:]
        sequence = ccsds_randomiser(length) if self._descrambler is None and self.scrambler == "CCSDS" else np.uint8(0)
        chance = sync_chance(candidate.errors)
        flips = None
        if candidate.errors <= SURE_SYNC:
            lead = max(self._spread)
            symbols = self._history.soft(candidate.start + header - lead, candidate.start + len(soft))
            flips = weak_flips(symbols, lead, len(coded), self._spread)
        raw, sureness = hard_bytes(coded) ^ sequence, reliability(coded)
        word = correct(raw, sureness, min(largest, FALSE_ALARM / chance), flips)
        if word is None or repeats(word.word ^ sequence):
            return None
        length -= surplus(raw, word.word, sureness, soft[:header], lambda less: self._header(field - less))
        corrected = int((word.word[:length] != raw[:length]).sum())
        payload = word.word[: length - PARITY].tobytes()
        return self._history.frame(
            candidate.start,
            candidate.start + header + 8 * length,
            payload,
            f"AX100 {self.mode}",
            (length - PARITY) / length,
            sync_errors=candidate.errors,
            corrected=corrected,
            integrity="rs",
            false_alarm=chance * word.chance,
            link=csp_header(payload),
        )

    def _header(self, field: int) -> int:
        return golay.encode(field) if self._descrambler is None else field


stage = Ax100
