"""Frames of GomSpace's NanoCom U482C transceiver.

    | C3 AA 66 55 | flags and length, Golay (24,12) 3 B | data, length B |

Low 8 bits of the Golay word: number of bytes behind it. Flags above: 0x100 convolutional code, 0x200 scrambler, 0x400
Reed-Solomon. They apply in this order to what was received: Viterbi (CCSDS's generators, 133 first as AU02 sends them,
no symbol inverted, six zeros at the end, padded to bytes), CCSDS 131.0-B's 255-bit scrambler, RS(255,223) in the
conventional basis, shortened. Described in D. Estevez, "Decoding GOMX-1 telemetry" (2016), from what GomSpace told
radio amateurs.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from dsp_ext import golay
from dsp_ext.viterbi import Viterbi

from ..stage import Chunk, Frame, Kind, Stream
from ._block import (
    FALSE_ALARM,
    PARITY,
    SURE_SYNC,
    ccsds_randomiser,
    correct,
    hard_bytes,
    reliability,
    repeats,
    surplus,
    sync_chance,
    weak_flips,
)
from ._csp import csp_header
from ._symbols import SymbolHistory
from ._sync import Candidate, SyncedFrames

SYNC_WORD = 0xC3AA6655
TOLERANCE = 5
HEADER = 24
GOLAY = 3
"""Wrong bits that the Golay code corrects for sure."""
CONVOLUTIONAL, SCRAMBLED, REED_SOLOMON = 0x100, 0x200, 0x400


@dataclass
class U482c:
    """Find U482C frames."""

    takes: ClassVar[tuple[Kind, ...]] = ("soft",)
    gives: ClassVar[Kind] = "frames"

    def open(self, stream: Stream) -> Stream:
        longest = HEADER + 8 * 256
        self._history = SymbolHistory(longest)
        self._frames: SyncedFrames[Frame] = SyncedFrames(SYNC_WORD, TOLERANCE, longest, HEADER, self._attempt)
        self._viterbi = Viterbi((0o133, 0o171), (False, False), terminated=True)
        self.failures: Counter[str] = Counter()
        return Stream("frames", stream.rate, stream.clock, stream.frequency)

    def process(self, chunk: Chunk) -> list[Frame]:
        self._history.append(chunk)
        return self._frames.process(chunk.items)

    def close(self) -> list[Frame]:
        return self._frames.flush(0.0)

    def _attempt(self, candidate: Candidate, soft: NDArray[np.float32]) -> int | Frame | None:
        field, wrong = golay.decode_soft(soft[:HEADER])
        flags, length = field & 0xF00, field & 0xFF
        size = length // 2 - 1 if flags & CONVOLUTIONAL else length
        if size <= (PARITY if flags & REED_SOLOMON else 0):
            self.failures["length"] += 1
            return None
        if len(soft) < HEADER + 8 * length:
            return HEADER + 8 * length
        # without Reed-Solomon only sync and length tell a frame from noise
        chance = sync_chance(candidate.errors) * min(1.0, sum(math.comb(24, i) for i in range(wrong + 1)) / 4096)
        coded = soft[HEADER:]
        sureness = flips = None
        if flags & CONVOLUTIONAL:
            # six zeros at the end, and two bits to fill the byte
            first, _ = self._viterbi.process(coded[: 2 * (8 * size + 6)])
            received = np.packbits(np.concatenate([first, self._viterbi.flush()[0]])[: 8 * size])
        else:
            received, sureness = hard_bytes(coded), reliability(coded)
            if candidate.errors <= SURE_SYNC:
                flips = weak_flips(coded, 0, len(coded))
        sequence = ccsds_randomiser(size) if flags & SCRAMBLED else np.uint8(0)
        payload, corrected = received ^ sequence, None
        integrity: Literal["rs", "none"] = "none"
        if flags & REED_SOLOMON:
            word = correct(payload, sureness, FALSE_ALARM / chance, flips)
            if word is None or repeats(word.word ^ sequence):
                self.failures["fec"] += 1
                return None
            if sureness is None:
                less = _behind_zeros(received, payload, word.word, wrong)
            else:
                less = surplus(payload, word.word, sureness, soft[:HEADER], lambda less: golay.encode(field - less))
            size -= less
            length -= 2 * less if flags & CONVOLUTIONAL else less
            corrected, integrity = int((word.word[:size] != payload[:size]).sum()), "rs"
            payload = word.word[: size - PARITY]
            chance *= word.chance
        elif chance > FALSE_ALARM:
            self.failures["sync"] += 1
            return None
        return self._history.frame(
            candidate.start,
            candidate.start + HEADER + 8 * length,
            payload.tobytes(),
            "U482C",
            len(payload) / length,
            sync_errors=candidate.errors,
            corrected=corrected,
            integrity=integrity,
            false_alarm=chance,
            link=csp_header(payload.tobytes()),
        )


def _behind_zeros(bare: NDArray[np.uint8], received: NDArray[np.uint8], word: NDArray[np.uint8], wrong: int) -> int:
    """As `surplus`, of a word from the Viterbi decoder: the zeros that end the code stand behind the true end.

    `bare` are the bytes before they were descrambled. Where no such zero is found, two wrong bytes that became zero say
    the same: both would be parity that is zero by chance, and both received wrong. So does one, where so many bits of
    the length were `wrong` that other Golay words are as near.
    """
    zeros = len(word) - 1 - int(np.flatnonzero(word)[-1]) if word.any() else 0
    # the last byte of parity may be zero too
    for less in (zeros, zeros - 1):
        # the path of the last bits leans on what follows
        if less > 0 and received[-less] and not bare[-less] & (0xF0 if less == 1 else 0xFF):
            return less
    return zeros if np.count_nonzero(received[len(word) - zeros :]) >= (1 if wrong > GOLAY else 2) else 0


stage = U482c
