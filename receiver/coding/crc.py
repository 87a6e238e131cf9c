"""Cyclic redundancy check, at the end of the frame or elsewhere, with repair of the bits that were least sure.

Names and parameters are those of the catalogue of parametrised CRC algorithms (G. Cook, reveng.sourceforge.io), in the
Rocksoft model (R. Williams, "A painless guide to CRC error detection algorithms", 1993).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dsp_ext.bits import Crc as Checksum

from ..errors import short
from ..stage import parameter
from . import Block, Failed

NAMES: dict[str, tuple[int, int, int, bool, int]] = {
    "CRC-8/SMBUS": (8, 0x07, 0x00, False, 0x00),
    "CRC-8/MAXIM-DOW": (8, 0x31, 0x00, True, 0x00),
    "CRC-16/ARC": (16, 0x8005, 0x0000, True, 0x0000),
    "CRC-16/CMS": (16, 0x8005, 0xFFFF, False, 0x0000),
    "CRC-16/GENIBUS": (16, 0x1021, 0xFFFF, False, 0xFFFF),
    "CRC-16/IBM-3740": (16, 0x1021, 0xFFFF, False, 0x0000),
    "CRC-16/IBM-SDLC": (16, 0x1021, 0xFFFF, True, 0xFFFF),
    "CRC-16/KERMIT": (16, 0x1021, 0x0000, True, 0x0000),
    "CRC-16/MODBUS": (16, 0x8005, 0xFFFF, True, 0x0000),
    "CRC-16/SPI-FUJITSU": (16, 0x1021, 0x1D0F, False, 0x0000),
    "CRC-16/USB": (16, 0x8005, 0xFFFF, True, 0xFFFF),
    "CRC-16/XMODEM": (16, 0x1021, 0x0000, False, 0x0000),
    "CRC-24/OPENPGP": (24, 0x864CFB, 0xB704CE, False, 0x000000),
    "CRC-32/BZIP2": (32, 0x04C11DB7, 0xFFFFFFFF, False, 0xFFFFFFFF),
    "CRC-32/ISCSI": (32, 0x1EDC6F41, 0xFFFFFFFF, True, 0xFFFFFFFF),
    "CRC-32/ISO-HDLC": (32, 0x04C11DB7, 0xFFFFFFFF, True, 0xFFFFFFFF),
    "CRC-32/MPEG-2": (32, 0x04C11DB7, 0xFFFFFFFF, False, 0x00000000),
}
"""Width, polynomial, initial register, reflected, and what is added at the end."""
WEAK = 8
"""Least sure bits of which one or two are tried the other way round: of broken frames one in 1800 becomes a wrong one
by a checksum of 16 bits."""


@dataclass
class Crc:
    """Check the frame and take the checksum off."""

    bitwise: ClassVar[bool] = False

    name: str = parameter("", "", "of the catalogue of parametrised CRC algorithms", ("", *NAMES))
    width: int | None = parameter(None, "bits", "where it has no name")
    polynomial: int = parameter(0, "", "without its leading term")
    initial: int = parameter(0, "", "register at the beginning")
    reflected: bool = parameter(False, "", "bytes go in least significant bit first")
    final: int = parameter(0, "", "added modulo 2 at the end")
    little_endian: bool = parameter(False, "", "sent least significant byte first")
    start: int = parameter(0, "B", "where what it covers begins")
    at: int | None = parameter(None, "B", "where it stands; none: at the end")
    until: str = parameter("", "", "bytes, in hexadecimal digits, before the first of which the frame ends that fits")
    keep: bool = parameter(False, "", "hand the checksum on")
    repair: bool = parameter(True, "", "try the least sure bits the other way round")

    def __post_init__(self) -> None:
        if bool(self.name) == (self.width is not None):
            raise ValueError("crc needs either name or width and polynomial")
        own = (self.width or 0, self.polynomial, self.initial, self.reflected, self.final)
        width, polynomial, initial, reflected, final = NAMES[self.name] if self.name else own
        if width not in range(8, 65, 8):
            raise ValueError(f"width is {short(width)}; it must be whole bytes, 8 to 64 bits")
        if self.start < 0:
            raise ValueError(f"start is {self.start}; it must be 0 or more")
        self._crc = Checksum(width, polynomial, initial, reflected=reflected, final=final)
        self._bytes = width // 8
        self.chance = 2.0**-width
        """Probability that noise passes."""
        if self.at is not None and self.at < 0:
            raise ValueError(f"at is {self.at}; it must be 0 or more")
        try:
            self._until = bytes.fromhex(self.until)
        except ValueError:
            raise ValueError(f"until is {self.until!r}; it must be pairs of hexadecimal digits") from None

    @property
    def sized(self) -> bool:
        """Whether the length of what comes out hangs on that of what goes in alone."""
        return not self.until

    def _difference(self, data: NDArray[np.uint8]) -> int:
        at = len(data) - self._bytes if self.at is None else self.at
        sent = int.from_bytes(data[at : at + self._bytes].tobytes(), "little" if self.little_endian else "big")
        covered = data[self.start : at]
        if self.at is not None:
            covered = np.concatenate([covered, data[max(self.start, at + self._bytes) :]])
        return self._crc(np.ascontiguousarray(covered)) ^ sent

    def undo(self, block: Block) -> None:
        if self._until:
            self._end(block)
        data = block.data
        if (
            len(data) <= self.start + (self._bytes if self.at is None else 0)
            or len(data) <= (self.at or 0) + self._bytes
        ):
            raise Failed("length")
        chance = block.chance * block.support * 2.0 ** -(8 * self._bytes)
        difference = self._difference(data)
        if difference:
            chance *= self._repair(block, data, difference, chance)
        elif chance > block.limit:
            raise Failed("sync")
        block.chance, block.support, block.integrity, block.crc_ok = chance, 1.0, "crc", True
        block.soft = block.soft[: 8 * len(data)]
        if not self.keep and self.at is None:
            block.soft = block.soft[: 8 * (len(data) - self._bytes)]
        elif not self.keep:
            at = 8 * (self.at or 0)
            block.soft = np.concatenate([block.soft[:at], block.soft[at + 8 * self._bytes :]])

    def _end(self, block: Block) -> None:
        """Cut the block at the first mark before which the checksum fits."""
        data = block.data
        whole, end, tries = data.tobytes(), -1, 0
        while (end := whole.find(self._until, end + 1)) >= 0:
            if end > self.start + self._bytes:
                tries += 1
                if not self._difference(data[:end]):
                    block.soft = block.soft[: 8 * end]
                    block.chance *= tries
                    if block.integrity == "none":  # else a code's words have their own length
                        block.symbols = 8 * end
                    return
        raise Failed("crc")

    def _repair(self, block: Block, data: NDArray[np.uint8], difference: int, chance: float) -> int:
        """Mend one or two bits; gives the number of ways that were open. Raises Failed where there is none."""
        ways = WEAK * (WEAK + 1) // 2
        if not self.repair or block.decided or chance * ways > block.limit:
            raise Failed("crc")
        first = 8 * min(self.start, self.start if self.at is None else self.at)
        weak = first + np.argsort(np.abs(block.soft[first : 8 * len(data)]), kind="stable")[:WEAK]
        effects = {}
        for bit in weak.tolist():
            other = data.copy()
            other[bit // 8] ^= 0x80 >> bit % 8
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
