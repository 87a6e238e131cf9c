"""IL2P, the Improved Layer 2 Protocol: AX.25 frames, their headers packed, in Reed-Solomon words.

    | F1 5E 48 | header 13 B, parity 2 B | block up to 239 B, parity 16 B | … | checksum 4 B, may be missing |

The code has the roots 1, a, a^2 … in the field of x^8 + x^4 + x^3 + x^2 + 1. Header and blocks are each scrambled, as
if ones had been sent before, by x^9 + x^4 + 1, and then coded. The larger blocks come first. The bits of the header's
bytes 0 to 11, most significant first, make columns:

    bit 7       strong parity 1, type 1, bytes in the blocks 10
    bit 6       unnumbered information 1, protocol 4, control 7          all zero in type 0
    bits 5-0    destination 6 characters, source 6 characters            less 0x20 each

and byte 12 the numbers of both stations. A header of type 0 goes before a whole AX.25 frame. The checksum is that of
the AX.25 frame, its half-bytes in words of a Hamming code (7,4). N. Carrillo KK4HEJ, "Improved Layer 2 Protocol",
version 0.6, 2024. Until version 0.4 parity was 2 to 8 bytes of blocks up to 247 where the strong parity bit is zero;
now that bit says nothing, so both are tried.

Handed on is the AX.25 frame, without FCS. A frame that the checksum shows to have had its command bits otherwise than
the header can say is given as it was.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from dsp_ext.bits import CRC16_X25
from dsp_ext.reedsolomon import ReedSolomon

from ..stage import Chunk, Frame, Kind, Stream, parameter
from ._block import FALSE_ALARM, correct, hard_bytes, reliability, repeats, sync_chance, weak_flips, word_chance
from ._symbols import SymbolHistory
from ._sync import Candidate, SyncedFrames
from .ax25 import addresses

SYNC_WORD, SYNC_BITS = 0xF15E48, 24
TOLERANCE = 3
SURE = 2
"""Wrong bits in the sync word, up to which it pays to try symbols the other way round."""
HEADER = 120
CHECK = 32
STRONG = 16
LONGEST = HEADER + 8 * (1023 + 5 * STRONG) + CHECK
WRONG = 1e-4
"""Bodies that are corrected so easily that chance would do it with a higher probability are not believed."""
DOUBT = 1.5
"""Magnitude of all bits that are changed in a header, in means of one, up to which it is believed without a checksum:
the code finds a wrong byte nearly always and a right one of 17."""
LACKING = 1 / 16
"""Of a frame that may be missing at the end of the recording."""
PROTOCOLS = {2: 0x20, 3: 0x01, 4: 0x06, 5: 0x07, 6: 0x08, 11: 0xCC, 12: 0xCD, 13: 0xCE, 14: 0xCF, 15: 0xF0}
"""AX.25's identifiers; 0 is a supervisory frame, 1 an unnumbered one without."""
UNNUMBERED = (0x2F, 0x43, 0x0F, 0x63, 0x87, 0x03, 0xAF, 0xE3)
"""AX.25's control byte: SABM, DISC, DM, UA, FRMR, UI, XID, TEST."""
CALLS = (sum(36**n for n in range(1, 7)) / 64**6) ** 2
"""Probability that random characters make two callsigns."""
COMMANDS = ((0x80, 0x00), (0x00, 0x80), (0x00, 0x00), (0x80, 0x80))
"""Command bits of destination and source: a command, a response, and what older stations send."""
HAMMING = np.array(
    [0x00, 0x71, 0x62, 0x13, 0x54, 0x25, 0x36, 0x47, 0x38, 0x49, 0x5A, 0x2B, 0x6C, 0x1D, 0x0E, 0x7F], np.uint8
)
WORDS = 2 * np.unpackbits(HAMMING).reshape(16, 8).astype(np.float32) - 1


@cache
def _code(parity: int) -> ReedSolomon:
    return ReedSolomon(parity, polynomial=0x11D, first=0, step=1)


@dataclass(frozen=True, slots=True)
class Header:
    """What a header says."""

    size: int
    """Bytes in the blocks."""
    strong: bool
    """Whether the parity is surely 16 bytes of each."""
    ax25: tuple[bytes, bytes, bytes] | None
    """Both addresses, and control and protocol; None: the blocks hold the whole frame."""
    command: bool
    chance: float
    """Probability that random bytes would make sense as these do."""


@dataclass
class Il2p:
    """Find IL2P frames."""

    takes: ClassVar[tuple[Kind, ...]] = ("soft",)
    gives: ClassVar[Kind] = "frames"

    checksum: str = parameter("optional", "", "behind the frame", ("optional", "always", "never"))

    def open(self, stream: Stream) -> Stream:
        self._history = SymbolHistory(LONGEST)
        self._frames: SyncedFrames[Frame] = SyncedFrames(
            SYNC_WORD, TOLERANCE, LONGEST, HEADER, self._attempt, bits=SYNC_BITS, used=lambda frame: self._used
        )
        self.failures: Counter[str] = Counter()
        return Stream("frames", stream.rate, stream.clock, stream.frequency)

    def process(self, chunk: Chunk) -> list[Frame]:
        self._history.append(chunk)
        return self._frames.process(chunk.items)

    def close(self) -> list[Frame]:
        return self._frames.flush(1.0)

    def _attempt(self, candidate: Candidate, soft: NDArray[np.float32]) -> int | Frame | None:
        found = _header(soft[:HEADER], candidate.errors <= SURE)
        if found is None:
            self.failures["sync"] += 1
            return None
        header, said, changed, doubt = found
        chance = sync_chance(candidate.errors, SYNC_BITS)
        layouts = [_blocks(header.size, True)] + ([] if header.strong else [_blocks(header.size, False)])
        need = HEADER + max(8 * sum(sizes) for sizes, _ in layouts) + (0 if self.checksum == "never" else CHECK)
        if len(soft) < need:
            return need
        known, why = self._history.stop - candidate.start, "fec"
        for sizes, parity in layouts:
            stop = HEADER + 8 * sum(sizes)
            if stop - known > LACKING * stop:
                continue
            body = self._body(soft[HEADER:stop], sizes, parity)
            if body is not None:
                data, odds, corrected = body
                # without blocks it is the header that must not be wrong
                chances = (chance * said, odds) if sizes else (chance, said)
                made = self._frame(candidate, header, data, chances, changed + corrected, doubt, soft[stop:], stop)
                if isinstance(made, Frame):
                    return made
                why = made
        self.failures[why] += 1
        return None

    def _body(self, soft: NDArray[np.float32], sizes: list[int], parity: int) -> tuple[bytes, float, int] | None:
        """Data of the blocks, the probability that random bits gave them, and bytes corrected; None where they fail."""
        limit = WRONG if self.checksum == "never" else 1.0
        data, odds, corrected = b"", 1.0, 0
        for start, stop in pairwise(np.cumsum([0, *sizes]).tolist()):
            symbols = soft[8 * start : 8 * stop]
            flips = weak_flips(symbols, 0, len(symbols))
            word = correct(hard_bytes(symbols), reliability(symbols), limit, flips, _code(parity))
            # a carrier makes words, too
            if word is None or (len(word.word) > STRONG and repeats(word.word)):
                return None
            data += _descrambled(word.word[:-parity])
            odds *= word.chance
            corrected += word.corrected
        return data, odds, corrected

    def _frame(
        self,
        candidate: Candidate,
        header: Header,
        data: bytes,
        chances: tuple[float, float],
        corrected: int,
        doubt: float,
        behind: NDArray[np.float32],
        stop: int,
    ) -> Frame | str:
        """Put the AX.25 frame together, and compare its checksum; gives why it is none."""
        chance, odds = chances
        payload = next(_forms(header, data))
        integrity: Literal["crc", "rs"] = "rs"
        if self.checksum != "never":
            sent = _checksum(behind[:CHECK])
            ways = [form for form in _forms(header, data) if CRC16_X25(form) == sent]
            if ways:
                payload, integrity, stop = ways[0], "crc", stop + CHECK
                odds *= len(COMMANDS) * 2.0**-16
            elif self.checksum == "always":
                return "crc"
        wrong = odds > WRONG or (integrity == "rs" and doubt > DOUBT)
        if wrong or chance * odds > FALSE_ALARM:
            return "fec" if wrong else "sync"
        self._used = stop
        return self._history.frame(
            candidate.start,
            min(candidate.start + stop, self._history.stop),
            payload,
            "IL2P",
            8 * len(payload) / stop,
            sync_errors=candidate.errors,
            corrected=corrected,
            integrity=integrity,
            crc_ok=True if integrity == "crc" else None,
            false_alarm=chance * odds,
            link=addresses(payload),
        )


def _header(soft: NDArray[np.float32], sure: bool) -> tuple[Header, float, int, float] | None:
    """The likeliest header that makes sense, how likely random bits are to give one, bytes and magnitude corrected.

    One byte is corrected; where the sync word is sure, with every combination of flips of the least sure symbols too.
    """
    received, code = hard_bytes(soft), _code(2)
    patterns = np.zeros((1, len(received)), np.uint8)
    for flip in weak_flips(soft, 0, len(soft)) if sure else ():
        patterns = np.concatenate([patterns, patterns ^ flip])
    best: tuple[Header, float, int, float] | None = None
    mean = float(np.abs(soft).mean()) or 1.0
    for i, pattern in enumerate(patterns):
        word = received ^ pattern
        errors = code.decode(word)
        header = _read(_descrambled(word[:-2])) if errors >= 0 else None
        if header is not None:
            wrong = np.unpackbits(word ^ received) > 0
            cost = float(np.abs(soft[wrong]).sum()) / mean
            if best is None or cost < best[3]:
                ways = len(patterns) if i else 1
                chance = min(1.0, ways * word_chance(len(word), errors, parity=2)) * header.chance
                best = header, chance, int(np.count_nonzero(word ^ received)), cost
        if i == 0 and header is not None and errors == 0:
            break
    return best


def _read(data: bytes) -> Header | None:
    """What a header says; None where it makes no sense."""
    columns = np.unpackbits(np.frombuffer(data[:12], np.uint8)).reshape(12, 8).T
    high, middle = (int("".join(map(str, column.tolist())), 2) for column in columns[:2])
    strong, size = bool(high >> 11), high & 0x3FF
    if not high >> 10 & 1:
        if not size or middle or any(byte & 0x3F for byte in data[:12]) or data[12]:
            return None
        return Header(size, strong, None, False, 2.0**-92)
    names = [bytes((byte & 0x3F) + 0x20 << 1 for byte in data[i : i + 6]) for i in (0, 6)]
    numbers = (0x60 | data[12] >> 4 << 1, 0x61 | (data[12] & 15) << 1)
    ends = [name + bytes([number]) for name, number in zip(names, numbers, strict=True)]
    if not addresses(b"".join(ends)):
        return None
    unnumbered, protocol, control = middle >> 11, middle >> 7 & 15, middle & 0x7F
    final, command = control >> 6 << 4, bool(control & 4)
    if unnumbered or protocol == 1:
        if control & 3 or (UNNUMBERED[control >> 3 & 7] == 0x03) != unnumbered:
            return None
        field = UNNUMBERED[control >> 3 & 7] | final
    elif protocol == 0:
        if size:
            return None
        field = (control >> 3 & 7) << 5 | final | (control & 3) << 2 | 1
    else:
        command, field = True, (control >> 3 & 7) << 5 | final | (control & 7) << 1
    if (protocol not in PROTOCOLS) if protocol > 1 else unnumbered:
        return None
    behind = bytes([field, PROTOCOLS[protocol]] if protocol > 1 else [field])
    return Header(size, strong, (ends[0], ends[1], behind), command, CALLS)


def _forms(header: Header, data: bytes) -> Iterator[bytes]:
    """AX.25 frames that may have been packed so, the likeliest first."""
    if header.ax25 is None:
        yield data
        return
    to, sender, behind = header.ax25
    for first, second in COMMANDS if header.command else (COMMANDS[1], COMMANDS[0], *COMMANDS[2:]):
        yield to[:6] + bytes([to[6] | first]) + sender[:6] + bytes([sender[6] | second]) + behind + data


def _blocks(size: int, strong: bool) -> tuple[list[int], int]:
    """Bytes of each block as it is sent, and of its parity: section "Payload Block Size Computations"."""
    if not size:
        return [], STRONG
    count = math.ceil(size / (239 if strong else 247))
    small, larger = divmod(size, count)
    # 2 for up to 61 bytes, and 2 more for each 62
    parity = STRONG if strong else 2 * (small // 62 + 1)
    return [small + 1 + parity] * larger + [small + parity] * (count - larger), parity


def _descrambled(data: NDArray[np.uint8]) -> bytes:
    bits = np.concatenate([np.ones(9, np.uint8), np.unpackbits(data)])
    return np.packbits(bits[9:] ^ bits[5:-4] ^ bits[:-9]).tobytes()


def _checksum(soft: NDArray[np.float32]) -> int:
    """The likeliest checksum of its Hamming words, the highest half-byte first."""
    halves = (soft.reshape(4, 8)[:, 1:] @ WORDS[:, 1:].T).argmax(axis=1).tolist()
    return int("".join(f"{half:x}" for half in halves), 16)


stage = Il2p
