"""Packets of ORBCOMM's satellites, as their subscriber downlink sends them one behind the other.

    | type 1 B | data 9 B | check 2 B |            12 B, least significant bit first; 24 B of type 1F, ephemeris
    65 A8 F9 …  begins a minor frame of 50 times 12 B

The check bytes are those that make both sums of Fletcher's checksum, modulo 256, zero over the packet. Described in
M. Kenny, "Ever wondered what is on the Orbcomm satellite downlink?" (2004), and known from packets received.

Sixteen bits of checksum are little evidence. A packet counts with others in step with it: of five packets' time before
and as much behind. Filling, type 1E, is a packet like the others. A packet that is wrong is repaired where
three others and a known type bear it out, with one of the four least sure bits changed. As the checksum does not tell a
wrong bit of the highest place from another two bytes on, that has to be far less sure than any other that would do.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ..stage import Chunk, Frame, Kind, Stream
from ._block import FALSE_ALARM
from ._symbols import SymbolHistory

SIZE, CHECK = 12, 2
UNIT = 8 * SIZE
AROUND = 5
"""Packets on each side that are looked at."""
STEADY = 3
"""Of them that have to be right for one that is not clean or of no known type."""
FILLING, EPHEMERIS = 0x1E, 0x1F
TYPES = (0x0A, 0x0B, 0x0D, 0x0E, 0x13, 0x18, 0x1A, 0x1B, 0x1C, 0x1D, FILLING, EPHEMERIS, 0x22, 0x65)
KNOWN = np.isin(np.arange(256), TYPES)
CHANCE = 2.0**-16
"""That random bytes have a right checksum."""
FLIPS = 4
"""Least sure bits of which one may be wrong."""
WAYS = 1 + FLIPS
DOUBT = 0.3
"""Magnitude of a bit that is changed against that of the next that would make the checksum right, at most."""


@dataclass
class Orbcomm:
    """Find packets of ORBCOMM."""

    takes: ClassVar[tuple[Kind, ...]] = ("soft",)
    gives: ClassVar[Kind] = "frames"

    def open(self, stream: Stream) -> Stream:
        self.failures: Counter[str] = Counter()
        self._history = SymbolHistory((2 * AROUND + 4) * UNIT)
        self._right = np.zeros(AROUND * UNIT, np.bool_)  # whether packets of a known type begin; five before the next
        self._checked = self._next = self._end = 0
        return Stream("frames", stream.rate, stream.clock, stream.frequency)

    def process(self, chunk: Chunk) -> list[Frame]:
        self._history.append(chunk)
        bits = self._history.soft(self._checked, self._history.stop) > 0
        fresh = max(0, len(bits) - 2 * UNIT + 1)
        self._checked += fresh
        return self._frames(_right(bits)[:fresh])

    def close(self) -> list[Frame]:
        bits = self._history.soft(self._checked, self._history.stop) > 0
        # the last that may begin are known; behind them there are none
        last = _right(np.append(bits, np.zeros(2 * UNIT, np.bool_)))[: max(0, len(bits) - UNIT + 1)]
        return self._frames(np.append(last, np.zeros(AROUND * UNIT, np.bool_)))

    def _frames(self, right: NDArray[np.bool_]) -> list[Frame]:
        """Decide where a packet begins, five packets' time behind what is known to be right or not."""
        self._right = np.append(self._right, right)
        n = len(self._right) - 2 * AROUND * UNIT
        if n <= 0:
            return []
        around = np.stack([self._right[k * UNIT :][:n] for k in range(2 * AROUND + 1)])
        here = around[AROUND]
        others = around.sum(axis=0) - here
        worth = np.flatnonzero((others >= STEADY) | here & (others > 0))
        frames = [self._packet(self._next + int(at), int(others[at])) for at in worth]
        self._next += n
        self._right = self._right[n:]
        return [frame for frame in frames if frame is not None]

    def _packet(self, start: int, others: int) -> Frame | None:
        if start < self._end or start + UNIT > self._history.stop:
            return None
        chance = CHANCE * math.comb(2 * AROUND, others) * (CHANCE * len(TYPES) / 256) ** others
        bits = self._history.soft(start, start + UNIT)
        kind = int(np.packbits(bits[:8] > 0, bitorder="little")[0])
        size = 2 * SIZE if kind == EPHEMERIS else SIZE
        if start + 8 * size > self._history.stop:
            return None
        found = _repaired(self._history.soft(start, start + 8 * size), others >= STEADY)
        if found is None:
            self.failures["crc"] += 1
            return None
        packet, changed = found
        known = KNOWN[packet[0]]
        chance *= (WAYS if changed else 1) * (len(TYPES) / 256 if known else 1)
        if (changed and not known) or (packet[0] == EPHEMERIS) != (size > SIZE) or chance > FALSE_ALARM:
            self.failures["crc"] += 1
            return None
        self._end = start + 8 * size
        return self._history.frame(
            start,
            self._end,
            packet[:-CHECK],
            "ORBCOMM",
            (size - CHECK) / size,
            corrected=changed or None,
            integrity="crc",
            crc_ok=True,
            false_alarm=chance,
            link={"type": packet[0]},
        )


def _right(bits: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether a packet of a known type and with a right checksum begins at each bit that has two packets' time left."""
    n = len(bits) - 2 * UNIT + 1
    if n <= 0:
        return np.zeros(0, np.bool_)
    m = len(bits) - 7
    byte = np.zeros(m, np.int32)
    for i in range(8):
        byte |= bits[i : i + m].astype(np.int32) << i
    first = byte[:n]

    def passes(size: int) -> NDArray[np.bool_]:
        one, two = np.zeros((2, n), np.int32)
        for i in range(size):
            one += byte[8 * i :][:n]
            two += one
        passed: NDArray[np.bool_] = (one | two) & 0xFF == 0
        return passed

    right: NDArray[np.bool_] = KNOWN[first] & np.where(first == EPHEMERIS, passes(2 * SIZE), passes(SIZE))
    return right


def _repaired(soft: NDArray[np.float32], repairs: bool) -> tuple[bytes, int] | None:
    """A packet whose checksum is right, and how many bits were changed for that."""
    packet = np.packbits(soft > 0, bitorder="little").tobytes()
    if any(packet) and not any(sums(packet)):
        return packet, 0
    order = np.argsort(np.abs(soft), kind="stable").tolist() if repairs else []
    found: list[tuple[bytes, float]] = []
    for i, bit in enumerate(order):
        if not found and i == FLIPS:
            break
        changed = bytearray(packet)
        changed[bit // 8] ^= 1 << bit % 8
        if not any(sums(changed)):
            found.append((bytes(changed), abs(float(soft[bit]))))
            if len(found) == 2:
                break
    if not found or (len(found) > 1 and found[0][1] > DOUBT * found[1][1]):
        return None
    return found[0][0], 1


def sums(packet: bytes | bytearray) -> tuple[int, int]:
    """Both sums of Fletcher's checksum, modulo 256."""
    one = two = 0
    for byte in packet:
        one = (one + byte) & 0xFF
        two = (two + one) & 0xFF
    return one, two


stage = Orbcomm
