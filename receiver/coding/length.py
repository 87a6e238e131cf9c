"""A field that says how long the frame is; what lies behind its end is cut off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from ..errors import short
from ..stage import parameter
from . import Block, Failed


@dataclass
class Length:
    """Read the length and cut the frame there."""

    bitwise: ClassVar[bool] = True
    sized: ClassVar[bool] = False

    at: int = parameter(0, "B", "where the field begins")
    bytes: int = parameter(1, "B", "of the field")
    mask: int | None = parameter(None, "", "bits of the field that count")
    little_endian: bool = parameter(False, "", "least significant byte first")
    unit: float = parameter(1.0, "B", "what the field counts; bits as fractions")
    add: float = parameter(0.0, "B", "what it does not count of all from the block's beginning to the frame's end")
    least: int = parameter(0, "", "smallest value that a frame has")
    most: int | None = parameter(None, "", "largest value that a frame has")
    clipped: bool = parameter(False, "", "a frame that says to be longer than it is ends where it ends")
    only: list[Any] | None = parameter(None, "", "the values that frames have")
    table: dict[str, Any] | None = parameter(None, "B", "for each of them the whole length, which then stands for it")

    def __post_init__(self) -> None:
        if self.at < 0 or not 1 <= self.bytes <= 4:
            raise ValueError(f"at is {self.at}, bytes {self.bytes}; they must be 0 or more, and 1 to 4")
        if self.unit <= 0 or 8 * self.unit % 1 or 8 * self.add % 1:
            raise ValueError(
                f"unit is {self.unit:g}, add {self.add:g}; they must be whole bits, 0.125 B each, and unit more than 0"
            )
        self._order: Literal["little", "big"] = "little" if self.little_endian else "big"
        if self.table is not None:
            if not all(k.isdigit() and isinstance(v, int) and v > 0 for k, v in self.table.items()) or not self.table:
                raise ValueError(f"table is {short(self.table)}; it must give bytes for some values")
            self._table = {int(value): whole for value, whole in self.table.items()}
            self.only = sorted(self._table)
        if self.only is not None and not all(isinstance(value, int) for value in self.only):
            raise ValueError(f"only is {self.only}; it must be a list of whole numbers")
        self.chance = 1.0
        """Probability that a random field says a length that frames have."""
        mask = (1 << 8 * self.bytes) - 1 if self.mask is None else self.mask
        if mask <= 0 or mask >> 8 * self.bytes:
            raise ValueError(f"mask is {mask:#x}; it must be some bits of a field of {self.bytes} B")
        self._shift = (mask & -mask).bit_length() - 1
        self._mask = mask >> self._shift
        values = self._mask + 1
        if self.only is not None:
            self.chance = len(self.only) / values
        else:
            self.chance = max(1, min(self._mask, self.most or self._mask) - self.least + 1) / values

    @property
    def header(self) -> int:
        """Bits from the block's beginning to the field's end."""
        return 8 * (self.at + self.bytes)

    def undo(self, block: Block) -> None:
        bits = self.bits(block)
        if bits > len(block.soft) and not self.clipped:
            raise Failed("length")
        block.chance *= self.chance
        block.take(slice(bits))
        block.said = bits

    def bits(self, block: Block) -> int:
        """Length of the frame that begins with the block, bits. Raises Failed when no frame has it."""
        field = bytes(block.data[self.at : self.at + self.bytes])
        if len(field) < self.bytes:
            raise Failed("length")
        value = int.from_bytes(field, self._order) >> self._shift & self._mask
        if self.only is not None:
            fits = value in self.only
        else:
            fits = self.least <= value and (self.most is None or value <= self.most)
        bits = round(8 * (self._table[value] if self.table and fits else value * self.unit + self.add))
        if not fits or bits < self.header:
            raise Failed("length")
        return bits

    def rate(self) -> float:
        return 1.0

    def before(self, bits: int) -> int:
        return bits


stage = Length
