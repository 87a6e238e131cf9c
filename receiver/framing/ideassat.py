"""Beacons of IDEASSat, put together from nine pieces.

    | callsigns and F0, 15 B | number of the piece, 0 to 8, 1 B | data 22 B | 7E 7E |    each, see `ideassat-piece`

The beacon is the callsigns once and the data of all pieces, 200 B; what is behind that is not used. Pieces without the
others are handed on as they are. As it was received from the satellite in 2021.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import ClassVar

from ..flowgraph import build
from ..stage import Chunk, Frame, Kind, Stage, Stream

HEADER, DATA, PIECES, SIZE = 15, 22, 9, 200
STEP = 1.2
"""Lengths of a piece from one to the next, at most."""


@dataclass
class Ideassat:
    """Find IDEASSat's beacons."""

    takes: ClassVar[tuple[Kind, ...]] = ("soft",)
    gives: ClassVar[Kind] = "frames"

    def open(self, stream: Stream) -> Stream:
        self._pieces: Stage = build({"use": "framing.ideassat-piece"}, "IDEASSat")
        self._held: list[Frame] = []
        return self._pieces.open(stream)

    @property
    def failures(self) -> Counter[str]:
        """Why candidates were no pieces."""
        found: Counter[str] = self._pieces.failures  # type: ignore[attr-defined]
        return found

    def process(self, chunk: Chunk) -> list[Frame]:
        return [
            made for piece in self._pieces.process(chunk) if isinstance(piece, Frame) for made in self._taken(piece)
        ]

    def close(self) -> list[Frame]:
        made = [made for piece in self._pieces.close() if isinstance(piece, Frame) for made in self._taken(piece)]
        made += self._held
        self._held = []
        return made

    def _taken(self, piece: Frame) -> list[Frame]:
        """What a further piece completes, or breaks off."""
        number, out = piece.payload[HEADER], []
        last = self._held[-1] if self._held else None
        follows = (
            last is not None
            and number == len(self._held)
            and piece.payload[:HEADER] == last.payload[:HEADER]
            and piece.position - last.position <= STEP * last.length
        )
        if not follows:
            out, self._held = self._held, []
        if not follows and number:
            return [*out, piece]
        self._held.append(piece)
        if number == PIECES - 1:
            out.append(_beacon(self._held))
            self._held = []
        return out


def _beacon(pieces: list[Frame]) -> Frame:
    """All pieces in one."""
    data = b"".join(piece.payload[HEADER + 1 : HEADER + 1 + DATA] for piece in pieces)
    ratios = [piece.ebn0_db for piece in pieces if piece.ebn0_db is not None]
    mean = 10 * math.log10(sum(10 ** (x / 10) for x in ratios) / len(ratios)) if ratios else None
    return pieces[0].but(
        payload=(pieces[0].payload[:HEADER] + data)[:SIZE],
        framing="IDEASSat",
        length=pieces[-1].end - pieces[0].position,
        ebn0_db=mean,
        snr_db=mean,
        sync_errors=sum(piece.sync_errors or 0 for piece in pieces),
        false_alarm=math.prod(piece.false_alarm or 1.0 for piece in pieces),
    )


stage = Ideassat
