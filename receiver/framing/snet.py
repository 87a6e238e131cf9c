"""Frames of TU Berlin's S-NET and SALSAT satellites: BCH words, interleaved, behind a header that says which.

    | 04 CF 5F C8 | header: 14 words BCH(15,5) | payload: blocks of 16 words BCH(15,k), or uncoded |

A word's bits are the coefficients of x^0, x^1, …: parity, then data. Words of the header, and of each block, are sent
bit by bit in turn. Of the header's words the data are taken last bit first: source and destination 7 bits each, frame
counters 4 and 4, SNR 4, code of the payload 4, of the other side 4, flags 8, length 10, CRC of the payload 13, CRC of
the header 5. Bytes of the payload are sent least significant bit first and filled up with DB. The checksums of S-NET
are wrong in a way of their own. Described in D. Estevez, "Decoding S-NET" (2018), from TU Berlin's documents.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ..stage import Chunk, Frame, Kind, Stream, parameter
from ._block import FALSE_ALARM, sync_chance
from ._symbols import SymbolHistory
from ._sync import Candidate, SyncedFrames

SYNC_WORD = 0x04CF5FC8
TOLERANCE = 5
BITS = 15
GENERATORS = {11: 0b10011, 7: 0b111010001, 5: 0b10100110111}
"""Of the words with so many bits of data, over GF(16) of x^4 + x + 1: roots a, a^3, a^5 as far as they go."""
CODES = {1: 11, 2: 7, 3: 5}
"""Bits of data by the header's code of the payload; 0: uncoded."""
HEADER_WORDS, BLOCK_WORDS = 14, 16
HEADER = HEADER_WORDS * BITS
BLOCK = BLOCK_WORDS * BITS
LONGEST = HEADER + 8192
CRC5, CRC13 = 0x15, 0x1CF5


@cache
def words(k: int) -> NDArray[np.float32]:
    """(15, 2^k) all words, -1 and 1; the data of word n are the bits of n, the first the most significant."""
    made = []
    for data in range(1 << k):
        value = sum((data >> k - 1 - i & 1) << BITS - k + i for i in range(k))
        rest = value
        for i in range(BITS - 1, BITS - k - 1, -1):
            if rest >> i & 1:
                rest ^= GENERATORS[k] << i - (BITS - k)
        made.append([(value ^ rest) >> i & 1 for i in range(BITS)])
    table: NDArray[np.float32] = (2 * np.array(made, np.float32) - 1).T
    return np.ascontiguousarray(table)


def decode(soft: NDArray[np.float32], k: int) -> tuple[NDArray[np.uint8], int]:
    """The likeliest words of (n, 15) soft bits: their data, (n, k) bits, and how many bits differ."""
    table = words(k)
    best = (soft @ table).argmax(axis=1)
    wrong = int(np.count_nonzero((soft > 0) != (table[:, best].T > 0)))
    return (best[:, None] >> np.arange(k - 1, -1, -1) & 1).astype(np.uint8), wrong


def remainder(bits: NDArray[np.uint8], width: int, polynomial: int, either: bool = False) -> int:
    """Register behind some bits, begun with ones. S-NET's shift goes round where the bit OR what falls out is 1."""
    register, top = (1 << width) - 1, width - 1
    for bit in bits.tolist():
        out = register >> top & 1
        register = register << 1 & (1 << width) - 1
        if (out | bit) if either else (out ^ bit):
            register ^= polynomial
    return register


def number(bits: NDArray[np.uint8]) -> int:
    """Value of bits, the first the most significant."""
    return int("".join(map(str, bits.tolist())), 2)


@dataclass
class Snet:
    """Find S-NET and SALSAT frames."""

    takes: ClassVar[tuple[Kind, ...]] = ("soft",)
    gives: ClassVar[Kind] = "frames"

    variant: str = parameter("S-NET", "", "whose checksums they are", ("S-NET", "SALSAT"))

    def open(self, stream: Stream) -> Stream:
        self._history = SymbolHistory(LONGEST)
        self._frames: SyncedFrames[Frame] = SyncedFrames(SYNC_WORD, TOLERANCE, LONGEST, HEADER, self._attempt)
        self.failures: Counter[str] = Counter()
        return Stream("frames", stream.rate, stream.clock, stream.frequency)

    def process(self, chunk: Chunk) -> list[Frame]:
        self._history.append(chunk)
        return self._frames.process(chunk.items)

    def close(self) -> list[Frame]:
        return self._frames.flush(0.0)

    def _attempt(self, candidate: Candidate, soft: NDArray[np.float32]) -> int | Frame | None:
        data, wrong = decode(soft[:HEADER].reshape(BITS, HEADER_WORDS).T, 5)
        header = data[:, ::-1].ravel()
        # random bits are so near to 14 words as seldom as this
        near = sum(math.comb(HEADER, i) for i in range(wrong + 1)) / 2.0 ** (HEADER - 5 * HEADER_WORDS)
        chance = sync_chance(candidate.errors) * min(1.0, near) * 2.0**-5
        if number(header[65:70]) != self._header_crc(header[:65]) or chance > FALSE_ALARM:
            self.failures["sync"] += 1
            return None
        code, length = number(header[26:30]), number(header[42:52])
        if length == 0 or (code and code not in CODES):
            self.failures["length"] += 1
            return None
        if code:
            k = CODES[code]
            blocks = -(-length // (2 * k))
            size = blocks * BLOCK
        else:
            size = 8 * length
        if len(soft) < HEADER + size:
            return HEADER + size
        body = soft[HEADER : HEADER + size]
        if code:
            sent = body.reshape(blocks, BITS, BLOCK_WORDS).swapaxes(1, 2).reshape(-1, BITS)
            data, more = decode(np.ascontiguousarray(sent), k)
            wrong += more
            bits = data.ravel()[: 8 * length]
        else:
            bits = (body > 0).astype(np.uint8)
        payload = bits.reshape(-1, 8)[:, ::-1]
        if number(header[52:65]) != self._payload_crc(payload):
            self.failures["crc"] += 1
            return None
        return self._history.frame(
            candidate.start,
            candidate.start + HEADER + size,
            np.packbits(payload).tobytes(),
            self.variant,
            8 * length / (HEADER + size),
            sync_errors=candidate.errors,
            corrected=wrong,
            integrity="crc",
            crc_ok=True,
            false_alarm=chance * 2.0**-13,
            link={"source": str(number(header[:7]))},
        )

    def _header_crc(self, bits: NDArray[np.uint8]) -> int:
        rows = np.concatenate([bits, np.array([1, 0, 1, 1, 0, 1, 1], np.uint8)]).reshape(9, 8)
        if self.variant == "S-NET":
            rows = rows[::-1].copy()
            rows[4] = rows[3]
        return remainder(rows.ravel(), 5, CRC5)

    def _payload_crc(self, rows: NDArray[np.uint8]) -> int:
        buggy = self.variant == "S-NET"
        return remainder((rows[::-1] if buggy else rows).ravel(), 13, CRC13, buggy)


stage = Snet
