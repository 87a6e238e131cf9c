"""Frames of EQUiSat: blocks of a Pacific Crest XDL radio in its transparent 4FSK mode, a Reed-Solomon word in them.

    | preamble | sync 6 B | block | block | …          15 blocks
    block: 18 B and CRC 2 B, most significant first, interleaved: 20 B
    | FF 00 02 | length 2 B | callsign 6 B | data 217 B | Reed-Solomon parity 32 B | 66 66 …        in the blocks

Two bits are a symbol, 4800 Bd. 160 bits of a block are sent as the first bits of its 20 bytes, then their second bits,
and so on, so that of two bytes a symbol has one bit each. The CRC is CRC-16/XMODEM, over 18 bytes. The code is
RS(255,223) of x^8 + x^4 + x^3 + x^2 + 1 with roots a^1 to a^32, shortened; the callsign is not in it.

Sync word, interleaving and places as Brown Space Engineering's receiver for their satellite has them (2018), and the
University of Washington's "Instructions for decoding SOC-i's radio transmissions" (2022), whose satellite has the same
radio. That the last two bytes of a block are a CRC neither says; it is so in the recordings of both satellites.

Handed on are callsign and data. The callsign is the satellite's where it is near to that; otherwise `crc_ok` says if
the CRC of its block bears it out. A block whose CRC is right has no unsure bytes; in others up to two bits are changed
for its sake.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dsp_ext.bits import Crc
from dsp_ext.reedsolomon import ReedSolomon

from ..stage import Chunk, Frame, Kind, Stream, parameter
from ._block import FALSE_ALARM, PARITY, correct, hard_bytes, reliability, repeats, sync_chance, weak_flips
from ._symbols import SymbolHistory
from ._sync import Candidate, SyncedFrames

SYNC, SYNC_BITS = 0x223749F25B1B, 48
TOLERANCE = 8
BLOCK, DATA = 20, 18
"""Bytes of a block, and without its CRC."""
BLOCKS = 15
CALLSIGN_SIZE = 6
BITS = BLOCKS * BLOCK * 8
CALLSIGN, WORD, END = 5, 11, 260
"""Where the callsign begins, the Reed-Solomon word, and what is behind it."""
NEAR = 12
"""Wrong bits of the callsign, at most; random ones are so near once in 1500."""
RATE = (END - PARITY - CALLSIGN) / (BLOCKS * BLOCK)
REPAIRED = 3
"""By how much bytes of a repaired block are surer than others; those that needed none are twice that."""
CRC16_XMODEM = Crc(16, 0x1021)


@cache
def code() -> ReedSolomon:
    """The code of H. Minsky's library RSCODE, which the satellite has."""
    return ReedSolomon(PARITY, polynomial=0x11D, first=1, step=1)


@dataclass
class Equisat:
    """Find frames of EQUiSat."""

    takes: ClassVar[tuple[Kind, ...]] = ("soft",)
    gives: ClassVar[Kind] = "frames"

    callsign: str = parameter("WL9XZE", "", "of the satellite, six characters")

    def __post_init__(self) -> None:
        if len(self.callsign) != CALLSIGN_SIZE or not self.callsign.isascii():
            raise ValueError(f"callsign is {self.callsign!r}; it must be six characters")

    def open(self, stream: Stream) -> Stream:
        self.failures: Counter[str] = Counter()
        self._history = SymbolHistory(BITS)
        # of four levels turned over the second bits stay
        self._ways = [self._searched(SYNC), self._searched(SYNC ^ 0xAAAAAAAAAAAA)]
        return Stream("frames", stream.rate, stream.clock, stream.frequency)

    def process(self, chunk: Chunk) -> list[Frame]:
        self._history.append(chunk)
        return [frame for way in self._ways for frame in way.process(chunk.items)]

    def close(self) -> list[Frame]:
        # what is missing at the end is filling
        return [frame for way in self._ways for frame in way.flush(0.05)]

    def _searched(self, word: int) -> SyncedFrames[Frame]:
        def attempt(candidate: Candidate, soft: NDArray[np.float32]) -> Frame | None:
            return self._attempt(candidate, soft, upright=word == SYNC)

        return SyncedFrames(word, TOLERANCE, BITS, BITS, attempt, bits=SYNC_BITS, inverted=False)

    def _attempt(self, candidate: Candidate, soft: NDArray[np.float32], *, upright: bool) -> Frame | None:
        if candidate.start % 2:
            return None
        if not upright:
            soft = soft * np.resize(np.array([-1, 1], np.float32), len(soft))
        data, sureness = zip(*(_block(bits) for bits in soft.reshape(BLOCKS, 8 * BLOCK)), strict=True)
        received, sure = np.concatenate(data), np.concatenate(sureness)
        chance = sync_chance(candidate.errors, SYNC_BITS)
        word = correct(received[WORD:END], sure[WORD:END], FALSE_ALARM / chance, code=code())
        if word is None or repeats(word.word):
            self.failures["fec"] += 1
            return None
        callsign, known = received[CALLSIGN:WORD], np.frombuffer(self.callsign.encode("ascii"), np.uint8)
        near = int(np.unpackbits(callsign ^ known).sum()) <= NEAR
        source = (known if near else callsign).tobytes()
        return self._history.frame(
            candidate.start,
            min(candidate.start + BITS, self._history.stop),
            source + word.word[:-PARITY].tobytes(),
            "EQUiSat",
            RATE,
            sync_errors=candidate.errors,
            corrected=word.corrected,
            integrity="rs",
            crc_ok=near or bool(sure[0] >= REPAIRED),
            false_alarm=chance * word.chance,
            link={"source": source.decode("ascii")} if source.isalnum() else {},
        )


def _block(soft: NDArray[np.float32]) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Data of a block, repaired where its CRC gives that, and how sure each byte is."""
    soft = soft.reshape(8, BLOCK).T.ravel()
    data, sureness = hard_bytes(soft), reliability(soft)
    flips = weak_flips(soft, 0, len(soft))
    pairs = [a ^ b for i, a in enumerate(flips) for b in flips[:i]]
    for change in [np.zeros_like(data), *flips, *pairs]:
        tried = data ^ change
        if CRC16_XMODEM(tried[:DATA].copy()) == int.from_bytes(tried[DATA:].tobytes(), "big"):
            return tried[:DATA], sureness[:DATA] + np.float32(REPAIRED if change.any() else 2 * REPAIRED)
    return data[:DATA], sureness[:DATA]


stage = Equisat
