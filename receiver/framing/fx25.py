"""FX.25: Reed-Solomon words around AX.25 frames, and AX.25 frames without them.

    | flags | correlation tag 8 B | flag | AX.25 frame, stuffed, with its FCS | flags | Reed-Solomon parity 16 to 64 B |

Receivers of AX.25 see a frame between flags and something behind it. Eleven tags say how long data and parity are. The
code has the roots a to a^parity in the field of x^8 + x^4 + x^3 + x^2 + 1; data shorter than a whole word are filled up
with zeros behind them, which are not sent. All bytes are sent least significant bit first, in AX.25's line code: NRZI
and, at 9600 Bd and above, the G3RUH scrambler. Stensat Group, "FX.25: Forward Error Correction Extension to AX.25 Link
Protocol for Amateur Packet Radio", 2006; the field, the roots and the place of the zeros, which it leaves open, are
those of the Dire Wolf software, and so of its recordings.

What AX.25 alone receives is handed on too (`ax25.py`); a frame in a word that is corrected is given once, as FX.25.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dsp_ext.bits import CRC16_X25, Descrambler, DifferentialDecoder
from dsp_ext.reedsolomon import ReedSolomon

from ..stage import Chunk, Frame, Kind, Stream, parameter
from ._block import FALSE_ALARM, correct, reliability, sync_chance, weak_flips
from ._symbols import SymbolHistory
from ._sync import Candidate, SyncedFrames
from .ax25 import SHORTEST, Ax25, addresses

TAGS = {
    0xB74DB7DF8A532F3E: (239, 16),
    0x26FF60A600CC8FDE: (128, 16),
    0xC7DC0508F3D9B09E: (64, 16),
    0x8F056EB4369660EE: (32, 16),
    0x6E260B1AC5835FAE: (223, 32),
    0xFF94DC634F1CFF4E: (128, 32),
    0x1EB7B9CDBC09C00E: (64, 32),
    0xDBF869BD2DBB1776: (32, 32),
    0x3ADB0C13DEAE2836: (191, 64),
    0xAB69DB6A543188D6: (128, 64),
    0x4A4ABEC4A724B796: (64, 64),
}
"""Bytes of data and of parity by the tag (table 1, tags 01 to 0B), whose least significant bit is sent first. Any two
differ in 32 places."""
SIZES = list(TAGS.values())
TAG = 64
TOLERANCE = {"none": 12, "g3ruh": 16}
"""Wrong bits in the tag: a wrong symbol makes two of them, behind the descrambler six."""
SURE = 12
"""Wrong bits in a tag, up to which it pays to try symbols the other way round."""
SPREAD = {"none": (0, 1), "g3ruh": (0, 1, 12, 13, 17, 18)}
"""How far behind it a wrong symbol makes bits wrong."""
LONGEST = 8 * 255
LACKING = 1 / 16
"""Of a word that may be missing at the end of the recording."""
FLAG = "01111110"


@cache
def _code(parity: int) -> ReedSolomon:
    return ReedSolomon(parity, polynomial=0x11D, first=1, step=1)


@dataclass(frozen=True, slots=True)
class Word:
    """A corrected word, from a symbol up to another."""

    start: int
    stop: int
    frames: list[Frame]


@dataclass
class Fx25:
    """Find AX.25 frames, in FX.25 words or without."""

    takes: ClassVar[tuple[Kind, ...]] = ("soft",)
    gives: ClassVar[Kind] = "frames"

    scrambler: str = parameter("none", "", "scrambler on the line", ("none", "g3ruh"))

    def open(self, stream: Stream) -> Stream:
        self._plain = Ax25(scrambler=self.scrambler)
        self._descrambler = Descrambler(12, 17) if self.scrambler == "g3ruh" else None
        self._changes = DifferentialDecoder(mark=False)
        self._lead = max(SPREAD[self.scrambler])
        self._history = SymbolHistory(LONGEST + self._lead)
        tags = [int(f"{tag:064b}"[::-1], 2) for tag in TAGS]
        self._words: SyncedFrames[Word] = SyncedFrames(
            tags, TOLERANCE[self.scrambler], LONGEST, 0, self._attempt, bits=TAG, inverted=False
        )
        # words that are not complete, and what was received inside them
        self._open: list[tuple[int, int]] = []
        self._held: list[Frame] = []
        self._failures: Counter[str] = Counter()
        return self._plain.open(stream)

    @property
    def failures(self) -> Counter[str]:
        """Why candidates were no frames."""
        counted = Counter(self._plain.failures)  # copies: another thread may ask
        counted.update(dict(self._failures))
        return counted

    def process(self, chunk: Chunk) -> list[Frame]:
        first = self._history.append(chunk)
        soft = chunk.items if self._descrambler is None else self._descrambler.process(chunk.items)
        words = {word.stop: word for word in self._words.process(self._changes.process(soft))}
        frames: list[Frame] = []
        # in the order in which a receiver of single symbols would know them
        done = 0
        ends = {stop - first for _, stop in self._open}
        for stop in sorted({len(chunk), *(end for end in ends if end <= len(chunk))}):
            self._held += self._plain.process(_part(chunk, done, stop))
            frames += self._released(first + stop)
            word = words.pop(first + stop, None)
            if word is not None:
                frames += word.frames
                self._held = self._outside(word)
            elif any(span[1] == first + stop for span in self._open):
                # flags are many in there: what is repaired has to look like AX.25
                self._held = [frame for frame in self._held if frame.corrected is None or frame.link]
            self._open = [span for span in self._open if span[1] > first + stop]
            frames += self._released(first + stop)
            done = stop
        return frames

    def close(self) -> list[Frame]:
        words = self._words.flush(LACKING)
        self._held += self._plain.close()
        for word in words:
            self._held = self._outside(word)
        frames = [*self._held, *(frame for word in words for frame in word.frames)]
        return sorted(frames, key=lambda frame: frame.position)

    def _outside(self, word: Word) -> list[Frame]:
        """Frames held that do not begin in a word."""
        begin, end = (self._history.position(i) for i in (word.start, min(word.stop, self._history.stop) - 1))
        return [frame for frame in self._held if not begin <= frame.position < end]

    def _released(self, stop: int) -> list[Frame]:
        """Frames that can be in no word whose symbols have not all come."""
        begin = min((self._history.position(start) for start, _ in self._open if start < stop), default=np.inf)
        free = [frame for frame in self._held if frame.position < begin]
        self._held = [frame for frame in self._held if frame.position >= begin]
        return free

    def _attempt(self, candidate: Candidate, soft: NDArray[np.float32]) -> int | Word | None:
        data, parity = SIZES[candidate.which]
        symbols = 8 * (data + parity)
        if len(soft) < symbols:
            self._open.append((candidate.start, candidate.start + symbols))
            return symbols
        chance = 2.0**-16 * sync_chance(candidate.errors, TAG, len(TAGS))
        stop = min(candidate.start + symbols, self._history.stop)
        flips = None
        if candidate.errors <= SURE:
            line = self._history.soft(candidate.start - self._lead, stop)
            flips = weak_flips(line, self._lead, symbols, SPREAD[self.scrambler])
            # bytes as the code has them
            flips = np.packbits(np.unpackbits(flips, axis=1), axis=1, bitorder="little")
            flips = np.roll(flips, parity, axis=1)
        # the code is cyclic: zeros, parity and data are a word too, which is a shortened one
        received = np.roll(np.packbits(soft > 0, bitorder="little"), parity)
        word = correct(
            received, np.roll(reliability(soft), parity), min(1.0, FALSE_ALARM / chance), flips, _code(parity)
        )
        if word is None:
            self._failures["fec"] += 1
            return None
        frames = [
            self._history.frame(
                candidate.start,
                stop,
                payload,
                "FX.25 G3RUH" if self.scrambler == "g3ruh" else "FX.25",
                data / (data + parity),
                sync_errors=candidate.errors,
                corrected=word.corrected,
                integrity="crc",
                crc_ok=True,
                false_alarm=chance * word.chance,
                link=addresses(payload),
            )
            for payload in _payloads(word.word[parity:])
        ]
        if not frames:
            self._failures["crc"] += 1
            return None
        return Word(candidate.start, candidate.start + symbols, frames)


def _payloads(data: NDArray[np.uint8]) -> Iterator[bytes]:
    """Between flags, those with a right checksum, which is left off."""
    text = "".join(map(str, np.unpackbits(data, bitorder="little").tolist()))
    for part in text.split(FLAG)[1:-1]:
        bits = part.replace("111110", "11111")
        if "111111" in part or len(bits) % 8 or len(bits) < 8 * SHORTEST:
            continue
        frame = np.packbits(np.array(list(bits), np.uint8), bitorder="little").tobytes()
        if CRC16_X25(frame[:-2]) == int.from_bytes(frame[-2:], "little"):
            yield frame[:-2]


def _part(chunk: Chunk, start: int, stop: int) -> Chunk:
    """Items of a chunk from one up to another."""
    return Chunk(
        chunk.items[start:stop],
        chunk.rate,
        chunk.position + start * chunk.step,
        chunk.clock,
        chunk.positions[start:stop] if chunk.positions is not None else None,
        chunk.offsets[start:stop] if chunk.offsets is not None else None,
    )


stage = Fx25
