"""Frames of Mobitex, as amateur satellites send it, and of Mobitex-NX of TU Berlin's satellites.

    | sync 2 B | control 2 B | its parity 1 B | callsign 6 B | CRC 2 B | block | block | …
    block: 18 B and CRC 2 B, each byte with 4 bits of parity, interleaved, scrambled from the first block on: 30 B

The low five bits of the first control byte say how many blocks there are, less one; without NX there may be fewer, and
no callsign. Every 12 bits of control and blocks
are a word of a code that corrects one error. 240 bits of a block are sent as the first bits of its 20 words, then their
second bits, and so on. Described in D. Estevez, "Some notes on BEESAT and Mobitex-NX" (2016), and by TU Berlin's TNC
software. Handed on is what that hands on: control, callsign and its CRC, the data of all blocks, AA, four bytes that
have a bit for each block that is wrong, least significant first, and BB.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dsp_ext.bits import CRC16_X25, Crc, lfsr_sequence

from ..stage import Chunk, Frame, Kind, Stream, parameter
from ._block import FALSE_ALARM, sync_chance
from ._symbols import SymbolHistory
from ._sync import Candidate, SyncedFrames

SYNC, SYNC_NX = 0x5765, 0x0EF0
SYNC_BITS = 16
TOLERANCE = 3
BLOCK = 240
BLOCKS = 32
CONTROL = 24
CALLSIGN = 64
"""Bits of callsign and its CRC."""
KNOWN_ERRORS, UNKNOWN_ERRORS = 12, 2
"""Wrong bits of a callsign that is known, and of one that only its CRC bears out."""
WEAK = 6
"""Least sure words of a block of which one or two are tried as the second likeliest."""
SMALL, DAMAGED = 2, 4
"""Wrong bits among the 216 of the data, and among the 24 of the CRC, up to which a block is right: random bits are so
near to a block once in 2^50."""
WHOLE = 8
"""Words of a block without an error that show it to be one; random bits have 1 or 2."""
PARITY = (0b11101100, 0b11010011, 0b10111010, 0b01110101)
"""Bits of a byte that each bit of its parity covers."""
CRC16_XMODEM = Crc(16, 0x1021)


def _codebook() -> NDArray[np.float32]:
    """(12, 256) the words of all bytes, -1 and 1."""
    byte = np.arange(256)
    bits = [byte >> i & 1 for i in range(7, -1, -1)]
    bits += [np.bitwise_xor.reduce([byte >> i & 1 for i in range(8) if rule >> i & 1]) for rule in PARITY]
    words: NDArray[np.float32] = (2 * np.stack(bits) - 1).astype(np.float32)
    return words


def _wrong(data: NDArray[np.uint8]) -> int:
    """How the CRC of a block differs from the one that came with it."""
    return CRC16_X25(data[:18].copy()) ^ int.from_bytes(data[18:].tobytes(), "big")


def _changes() -> NDArray[np.uint16]:
    """(20, 256) what each byte at each place changes in `_wrong`, which is linear but for what it is of zeros."""
    changes = np.zeros((20, 256), np.uint16)
    for place in range(20):
        for bit in range(8):
            data = np.zeros(20, np.uint8)
            data[place] = 1 << bit
            changes[place, 1 << bit : 2 << bit] = changes[place, : 1 << bit] ^ (_wrong(data) ^ WRONG_OF_ZEROS)
    return changes


WRONG_OF_ZEROS = _wrong(np.zeros(20, np.uint8))
CHANGES = _changes()
PLACES = np.arange(20)
PICKS = np.array([(i, WEAK) for i in range(WEAK)] + [(i, j) for i in range(WEAK) for j in range(i)])
"""Which one or two of the weak words are tried as the second likeliest; `WEAK` is none."""
WORDS = _codebook()
BITS: NDArray[np.bool_] = WORDS.T > 0
"""(256, 12) the same as bits."""
SCRAMBLER = (1 - 2 * np.unpackbits(lfsr_sequence((9, 5), [1] * 9, BLOCKS * BLOCK // 8)).astype(np.float32)).reshape(
    BLOCKS, BLOCK
)


@dataclass
class Mobitex:
    """Find frames of Mobitex and Mobitex-NX."""

    takes: ClassVar[tuple[Kind, ...]] = ("soft",)
    gives: ClassVar[Kind] = "frames"

    nx: bool = parameter(False, "", "Mobitex-NX, which differs in its sync word")
    callsign: str = parameter("", "", "of the satellite, six characters, where it is known")
    header: str = parameter("callsign", "", "what the header has beside the control bytes", ("callsign", "none"))
    blocks: int | None = parameter(None, "", "in every frame, whatever the control bytes say")

    def __post_init__(self) -> None:
        if self.callsign and (len(self.callsign) != 6 or not self.callsign.isascii()):
            raise ValueError(f"callsign is {self.callsign!r}; it must be six characters")
        if self.blocks is not None and not 1 <= self.blocks <= BLOCKS:
            raise ValueError(f"blocks is {self.blocks}; it must be 1 to {BLOCKS}")
        self._header = CONTROL + (CALLSIGN if self.header == "callsign" else 0)
        name = self.callsign.encode("ascii")
        self._expected = np.unpackbits(np.frombuffer(name + CRC16_XMODEM(name).to_bytes(2, "big"), np.uint8))

    def open(self, stream: Stream) -> Stream:
        longest = self._header + BLOCKS * BLOCK
        self._history = SymbolHistory(longest)
        self._frames: SyncedFrames[Frame] = SyncedFrames(
            SYNC_NX if self.nx else SYNC,
            TOLERANCE,
            longest,
            self._header,
            self._attempt,
            bits=SYNC_BITS,
            used=lambda frame: self._used,
        )
        self.failures: Counter[str] = Counter()
        return Stream("frames", stream.rate, stream.clock, stream.frequency)

    def process(self, chunk: Chunk) -> list[Frame]:
        self._history.append(chunk)
        return self._frames.process(chunk.items)

    def close(self) -> list[Frame]:
        return self._frames.flush(1.0)

    def _attempt(self, candidate: Candidate, soft: NDArray[np.float32]) -> int | Frame | None:
        chance = sync_chance(candidate.errors, SYNC_BITS)
        # the parities of both control bytes share the third
        words = np.concatenate([soft[:8], soft[16:20], soft[8:16], soft[20:24]]).reshape(2, 12)
        control = (words @ WORDS).argmax(axis=1)
        if not self.callsign or self.header == "none":
            # the sync word is short: what follows it has to make up for its errors
            differ = int(np.count_nonzero((words > 0) != (WORDS[:, control].T > 0)))
            if candidate.errors + differ > TOLERANCE:
                self.failures["sync"] += 1
                return None
        head, differ = control.astype(np.uint8).tobytes(), 0
        if self.header == "callsign":
            called = self._called(soft[CONTROL : CONTROL + CALLSIGN])
            if called is None:
                self.failures["sync"] += 1
                return None
            callsign, odds, differ = called
            head, chance = head + callsign, chance * odds
        blocks = self.blocks or (int(control[0]) & 31) + 1
        if len(soft) < self._header + blocks * BLOCK:
            return self._header + blocks * BLOCK
        symbols = soft[self._header : self._header + blocks * BLOCK].reshape(blocks, BLOCK) * SCRAMBLER[:blocks]
        body, odds_of, changed, whole = _blocks(symbols)
        corrected, wrong, sent = sum(changed), 0, 0
        for i, odds in enumerate(odds_of):
            chance *= odds
            if odds == 1:
                wrong |= 1 << i
            if odds < 1 or whole[i] >= WHOLE:
                sent = i + 1
        if not self.nx and self.blocks is None:
            blocks = sent
            wrong &= (1 << blocks) - 1
        if wrong == (1 << blocks) - 1 or chance > FALSE_ALARM:
            self.failures["crc" if wrong else "sync"] += 1
            return None
        self._used = self._header + blocks * BLOCK
        return self._history.frame(
            candidate.start,
            min(candidate.start + self._used, self._history.stop),
            head + body[:blocks].tobytes() + b"\xaa" + wrong.to_bytes(4, "little") + b"\xbb",
            "Mobitex-NX" if self.nx else "Mobitex",
            8 / 12,
            sync_errors=candidate.errors + differ,
            corrected=corrected,
            integrity="crc",
            crc_ok=not wrong,
            false_alarm=chance,
            link={"source": head[2:8].decode("ascii")} if self.header == "callsign" else {},
        )

    def _called(self, soft: NDArray[np.float32]) -> tuple[bytes, float, int] | None:
        """Callsign and its CRC, how likely random bits are to be as near to one, and wrong bits; None where not any."""
        bits = (soft > 0).astype(np.uint8)
        if self.callsign:
            errors = int(np.count_nonzero(bits != self._expected))
            if errors > KNOWN_ERRORS:
                return None
            return np.packbits(self._expected).tobytes(), sync_chance(errors, CALLSIGN, 1), errors
        order = np.argsort(np.abs(soft), kind="stable")[: 2 * UNKNOWN_ERRORS].tolist()
        patterns = [(), *((a,) for a in order), *((a, b) for i, a in enumerate(order) for b in order[:i])]
        for flips in patterns:
            tried = bits.copy()
            tried[list(flips)] ^= 1
            data = np.packbits(tried).tobytes()
            if CRC16_XMODEM(data[:6]) == int.from_bytes(data[6:], "big"):
                name = data[:6].decode("ascii", "replace")
                if not name.replace(" ", "").replace("-", "").isalnum() or not name.isascii():
                    return None
                return data, 2.0**-16 * len(patterns) * (64 / 256) ** 6, len(flips)
        return None


def _blocks(soft: NDArray[np.float32]) -> tuple[NDArray[np.uint8], list[float], list[int], list[int]]:
    """Decode blocks that are descrambled, (n, 240) symbols.

    Returns
    -------
    of each its data (18,), the probability that noise would give a right one, 1 if it is wrong, bits changed, and words
    without an error
    """
    words = soft.reshape(-1, 12, 20).transpose(0, 2, 1)
    hard = words > 0
    scores = words @ WORDS
    data = scores.argmax(axis=2).astype(np.uint8)
    wrong = np.bitwise_xor.reduce(CHANGES[PLACES, data], axis=1) ^ WRONG_OF_ZEROS
    sent = data.copy()
    sent[:, 18:] ^= wrong[:, None].astype(">u2").view(np.uint8)
    differ = np.count_nonzero(hard != BITS[sent], axis=2)
    # data whose own words are whole need no CRC without an error
    close = (differ[:, :18].sum(axis=1) <= SMALL) & (differ[:, 18:].sum(axis=1) <= DAMAGED)
    data[close] = sent[close]
    ways = np.ones(len(data), int)
    rest = np.flatnonzero(~close & (wrong != 0))
    if len(rest):
        ways[rest] = _picked(scores[rest], data, wrong, rest)
    differ = np.count_nonzero(hard != BITS[data], axis=2)
    whole = np.count_nonzero((differ == 0) & words.any(axis=2), axis=1)
    changed = np.where(ways > 0, differ.sum(axis=1), 0).tolist()
    odds = [
        min(0.5, many * 2.0**-16, _nearness(bits)) if many else 1.0
        for many, bits in zip(ways.tolist(), changed, strict=True)
    ]
    return data[:, :18], odds, changed, whole.tolist()


def _picked(
    scores: NDArray[np.float32], data: NDArray[np.uint8], wrong: NDArray[np.uint16], rest: NDArray[np.intp]
) -> NDArray[np.intp]:
    """Change words of some blocks for their second likeliest, so that the CRC is right.

    Returns
    -------
    (rest,) how many ways of it were tried, 0 where none does it
    """
    likeliest = data[rest].astype(int)[..., None]
    best = np.take_along_axis(scores, likeliest, 2)[..., 0]
    np.put_along_axis(scores, likeliest, -np.inf, 2)
    second = scores.argmax(axis=2)
    margin = best - np.take_along_axis(scores, second[..., None], 2)[..., 0]
    weak = np.argsort(margin, axis=1, kind="stable")[:, :WEAK]
    swapped = CHANGES[PLACES, data[rest]] ^ CHANGES[PLACES, second]
    changes, costs = (np.pad(np.take_along_axis(of, weak, 1), ((0, 0), (0, 1))) for of in (swapped, margin))
    fits = changes[:, PICKS[:, 0]] ^ changes[:, PICKS[:, 1]] == wrong[rest, None]
    pick = np.where(fits, costs[:, PICKS[:, 0]] + costs[:, PICKS[:, 1]], np.inf).argmin(axis=1)
    done = fits.any(axis=1)
    for i in np.flatnonzero(done):
        places = weak[i, [place for place in PICKS[pick[i]] if place < WEAK]]
        data[rest[i], places] = second[i, places]
    return np.where(done, 1 + len(PICKS), 0)


@cache
def _nearness(errors: int) -> float:
    """Probability that random bits differ in no more than so many places from one of the 2^144 blocks."""
    return float(sum(math.comb(BLOCK, i) for i in range(errors + 1)) / 2 ** (BLOCK - 144))


stage = Mobitex
