"""Packets of K2SAT's S-band transmitter (Clyde Space STX).

    55… | 7E | packet, most significant bit first | CRC-16 | 7E 55 55 55    scrambled; NRZ-M; convolutional

The bits are scrambled as IESS-308 has it, then NRZ-M, then coded as CCSDS 131.0-B, section 3, without its inversion;
the first symbol of a pair is the phase's real part, the second its imaginary one. The checksum, CRC-16/IBM-3740, covers
the flag before the packet, too. Nothing says the length; the packet ends where a flag and filling follow a checksum
that fits. Described in D. Estevez, "K2SAT S-band image receiver" (2018).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dsp_ext.bits import CRC16_CCITT_FALSE, DifferentialDecoder, IntelsatDescrambler
from dsp_ext.viterbi import Viterbi

from ..stage import Chunk, Frame, Kind, Stream
from ._block import hard_bytes, sync_chance
from ._symbols import SymbolHistory
from ._sync import Candidate, SyncedFrames
from .ccsds import CODES

SYNC_WORD, SYNC_BITS = 0x557E, 16
FLAG, END = b"\x7e", b"\x7e\x55\x55"
LONGEST = 2200
"""Bytes of a packet with its checksum and what ends it."""
VITERBI_DELAY = 2304
"""Symbols that the decoder may hold: 1024 + 64 bits of a block, 64 of a group."""


@dataclass
class K2sat:
    """Find packets of K2SAT."""

    takes: ClassVar[tuple[Kind, ...]] = ("soft",)
    gives: ClassVar[Kind] = "frames"

    def open(self, stream: Stream) -> Stream:
        self._history = SymbolHistory(16 * LONGEST + VITERBI_DELAY)
        self._viterbi = Viterbi(*CODES["CCSDS uninverted"])
        self._differential, self._descrambler = DifferentialDecoder(), IntelsatDescrambler()
        self._frames: SyncedFrames[Frame] = SyncedFrames(
            SYNC_WORD, 0, 8 * LONGEST, 8 * 64, self._attempt, bits=SYNC_BITS, inverted=False, used=self._used
        )
        self.failures: Counter[str] = Counter()
        return Stream("frames", stream.rate, stream.clock, stream.frequency)

    def process(self, chunk: Chunk) -> list[Frame]:
        self._history.append(chunk)
        return self._found(self._viterbi.process(chunk.items)[0])

    def close(self) -> list[Frame]:
        frames = self._found(self._viterbi.flush()[0])
        return [*frames, *self._frames.flush(1.0)]

    def _found(self, bits: NDArray[np.uint8]) -> list[Frame]:
        soft = bits.astype(np.float32) * 2 - 1
        return self._frames.process(self._descrambler.process(self._differential.process(soft)))

    def _used(self, frame: Frame) -> int:
        return 8 * (len(frame.payload) + 2)

    def _attempt(self, candidate: Candidate, soft: NDArray[np.float32]) -> int | Frame | None:
        data = hard_bytes(soft).tobytes()
        end = data.find(END)
        while end > 2:
            if not CRC16_CCITT_FALSE(FLAG + data[:end]):
                return self._frame(candidate, data, end)
            end = data.find(END, end + 1)
        if len(data) < LONGEST:
            return 8 * min(2 * len(data), LONGEST)
        self.failures["crc"] += 1
        return None

    def _frame(self, candidate: Candidate, data: bytes, end: int) -> Frame:
        start = 2 * candidate.start
        return self._history.frame(
            start,
            min(start + 16 * end, self._history.stop),
            data[: end - 2],
            "K2SAT",
            0.5,
            sync_errors=candidate.errors,
            integrity="crc",
            crc_ok=True,
            false_alarm=sync_chance(0, SYNC_BITS, 1) * end * 2.0 ** -(16 + 8 * len(END)),
        )


stage = K2sat
