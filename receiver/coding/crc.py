"""Cyclic redundancy check, at the end of the frame or elsewhere, with repair of the bits that were least sure.

    in bytes   whole bytes | the checksum in as many bytes as it takes, with zeros above it
    packed     bits | the checksum, highest power first

Names and parameters are those of the catalogue of parametrised CRC algorithms (G. Cook, reveng.sourceforge.io), in the
Rocksoft model (R. Williams, "A painless guide to CRC error detection algorithms", 1993).
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from itertools import combinations
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from dsp_ext.bits import Crc as Checksum

from ..errors import short
from ..stage import parameter
from . import Block, Failed
from ._catalogue import NAMES

WEAK = 8
"""Least sure bits of which one or two are tried the other way round: of broken frames one in 1800 becomes a wrong one
by a checksum of 16 bits."""


@dataclass
class Crc:
    """Check the frame and take the checksum off."""

    bitwise: ClassVar[bool] = False

    name: str = parameter("", "", "of the catalogue of parametrised CRC algorithms, such as CRC-16/IBM-3740")
    width: int | None = parameter(None, "bits", "where it has no name; up to 64")
    polynomial: int = parameter(0, "", "without its leading term")
    initial: int = parameter(0, "", "register at the beginning")
    reflected: bool = parameter(False, "", "bytes go in least significant bit first")
    final: int = parameter(0, "", "added modulo 2 at the end")
    packed: bool = parameter(False, "", "stands in bits behind bits, which go in as they are sent; else in whole bytes")
    little_endian: bool = parameter(False, "", "sent least significant byte first")
    start: float = parameter(0.0, "B", "where what it covers begins; bits as fractions")
    stop: float | None = parameter(None, "B", "where that ends; none: with the frame; never the checksum itself")
    at: float | None = parameter(None, "B", "where it stands; bits as fractions; none: at the end")
    until: str = parameter("", "", "bytes, in hexadecimal digits, before the first of which the frame ends that fits")
    keep: bool = parameter(False, "", "hand the checksum on")
    repair: bool = parameter(True, "", "try the least sure bits the other way round")

    def __post_init__(self) -> None:
        own = (self.width or 0, self.polynomial, self.initial, self.reflected, self.final)
        if bool(self.name) == any(own):
            raise ValueError("crc needs either name or width, polynomial and what else is not 0")
        if self.name and self.name not in NAMES:
            near = ", ".join(difflib.get_close_matches(self.name.upper(), NAMES, 3, 0))
            raise ValueError(
                f"name is {short(self.name)}; it must be one of the catalogue, of up to 64 bits, such as {near}"
            )
        width, polynomial, initial, reflected, final = NAMES[self.name] if self.name else own
        if not 1 <= width <= 64:
            raise ValueError(f"width is {short(self.width)}; it must be 1 to 64 bits")
        if not polynomial % 2:
            raise ValueError(f"polynomial is {polynomial:#x}; it must end with 1, its leading term being left out")
        if self.packed and self.little_endian:
            raise ValueError("little_endian is true; it must be false where the checksum is packed in bits")
        if self.packed and reflected and not final >> width:
            # where bytes are sent least significant bit first, the bits go in as they are sent
            reflected, final = False, int(f"{final:0{width}b}"[::-1], 2)
        self._crc = Checksum(width, polynomial, initial, reflected=reflected, final=final)
        self._field = width if self.packed else -(-width // 8) * 8
        self._order: Literal["little", "big"] = "little" if self.little_endian else "big"
        self.chance = 2.0**-self._field
        """Probability that noise passes."""
        for name in ("start", "stop", "at"):
            place = getattr(self, name)
            if place is not None and (place < 0 or 8 * place % 1 or (8 * place % 8 and not self.packed)):
                raise ValueError(
                    f"{name} is {place:g}; it must be 0 or more, and whole bytes{', or bits' if self.packed else ''}"
                )
        self._start = round(8 * self.start)
        self._stop = None if self.stop is None else round(8 * self.stop)
        if self._stop is not None and self._stop <= self._start:
            raise ValueError(f"stop is {self.stop:g}; it must be more than start, {self.start:g}")
        self._at = None if self.at is None else round(8 * self.at)
        try:
            self._until = bytes.fromhex(self.until)
        except ValueError:
            raise ValueError(f"until is {self.until!r}; it must be pairs of hexadecimal digits") from None

    @property
    def sized(self) -> bool:
        """Whether the length of what comes out hangs on that of what goes in alone."""
        return not self.until

    def _field_of(self, n: int) -> slice:
        """Where the checksum stands in a frame of n bits."""
        at = n - self._field if self._at is None else self._at
        return slice(at, at + self._field)

    def _difference(self, bits: NDArray[np.bool_]) -> int:
        """What a checksum and that of what it covers differ in."""
        field = self._field_of(len(bits))
        # the last byte is filled up with zeros
        sent = int.from_bytes(np.packbits(bits[field]).tobytes(), self._order) >> -self._field % 8
        stop = len(bits) if self._stop is None else self._stop
        covered = np.concatenate(
            [bits[self._start : min(field.start, stop)], bits[max(self._start, field.stop) : stop]]
        )
        return self._crc(np.packbits(covered), len(covered)) ^ sent

    def undo(self, block: Block) -> None:
        if self._until:
            self._end(block)
        if not self.packed:
            block.take(slice(len(block.soft) // 8 * 8))
        bits = block.soft > 0
        if (
            len(bits) <= self._start + (self._field if self._at is None else 0)
            or len(bits) <= (self._at or 0) + self._field
            or len(bits) < (self._stop or 0)
        ):
            raise Failed("length")
        chance = block.chance * block.support * self.chance
        difference = self._difference(bits)
        if difference:
            chance *= self._repair(block, bits, difference, chance)
        elif chance > block.limit:
            raise Failed("sync")
        block.chance, block.support, block.integrity, block.crc_ok = chance, 1.0, "crc", True
        if not self.keep:
            block.take(np.delete(np.arange(len(bits)), self._field_of(len(bits))))

    def _end(self, block: Block) -> None:
        """Cut the block at the first mark before which the checksum fits."""
        bits, whole, end, tries = block.soft > 0, block.data.tobytes(), -1, 0
        while (end := whole.find(self._until, end + 1)) >= 0:
            if 8 * end > self._start + self._field:
                tries += 1
                if not self._difference(bits[: 8 * end]):
                    block.take(slice(8 * end))
                    block.chance *= tries
                    if block.integrity == "none":  # else a code's words have their own length
                        block.symbols = 8 * end
                    return
        raise Failed("crc")

    def _repair(self, block: Block, bits: NDArray[np.bool_], difference: int, chance: float) -> int:
        """Mend one or two bits; gives the number of ways that were open. Raises Failed where there is none."""
        ways = WEAK * (WEAK + 1) // 2
        if not self.repair or block.decided or chance * ways > block.limit:
            raise Failed("crc")
        concerned = np.zeros(len(bits), bool)
        concerned[self._start : self._stop] = concerned[self._field_of(len(bits))] = True
        places = np.flatnonzero(concerned)
        weak = np.argsort(np.abs(block.soft[places]), kind="stable")[:WEAK]
        effects = {}
        for bit in places[weak].tolist():
            other = bits.copy()
            other[bit] ^= True
            effects[bit] = self._difference(other) ^ difference
        found = [pick for n in (1, 2) for pick in combinations(effects, n)]
        fits = [pick for pick in found if effects[pick[0]] ^ (effects[pick[1]] if len(pick) > 1 else 0) == difference]
        if not fits:
            raise Failed("crc")
        best = min(fits, key=lambda pick: float(np.abs(block.soft[list(pick)]).sum()))
        block.soft = block.soft.copy()
        block.soft[list(best)] *= -1
        block.changed(len(best))
        return ways

    def rate(self) -> float:
        return 1.0

    def before(self, bits: int) -> int:
        return bits


stage = Crc
