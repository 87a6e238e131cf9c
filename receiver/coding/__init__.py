"""What a receiver undoes behind a sync word, a step after the other, as a declared framing lists them.

A step works on soft bits (positive = 1), so that what comes behind it knows how sure each bit is; what a decoder has
decided is as sure as can be.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

SURE = np.float32(1e3)
"""Magnitude of a bit that a decoder has decided."""


class Failed(Exception):  # noqa: N818
    """This is no frame; the argument says by what: "length", "fec" or "crc"."""


@dataclass
class Block:
    """What lies behind a sync word, as far as it is undone."""

    soft: NDArray[np.float32]
    """(bits,) soft bits."""
    chance: float
    """Probability that noise would have come so far."""
    limit: float
    """What `chance` may be at the end."""
    support: float = 1.0
    """Probability that noise would have made the preamble, which counts where there is a checksum."""
    regular: float = 1.0
    """Probability that noise would be as regular as words, copies or pairs of symbols are; `chance` has it."""
    integrity: Literal["crc", "rs", "none"] = "none"
    crc_ok: bool | None = None
    corrected: int | None = None
    line: NDArray[np.float32] | None = None
    """What the bits were before a scrambler's sequence was taken off; None where none was."""
    first: int = 0
    """Symbols from the sync word to where it begins, where a frame is split."""
    symbols: int | None = None
    """That it takes, where a frame is split."""
    said: int | None = None
    """Bits that a length said, where it was read."""
    ahead: float = 1.0
    """Probability that noise passes the checksums that are still to come."""
    decided: bool = False
    """Whether the magnitudes say nothing any more of how sure a bit is."""
    link: dict[str, Any] = field(default_factory=dict)

    @property
    def data(self) -> NDArray[np.uint8]:
        """Its whole bytes."""
        return np.packbits(self.soft[: len(self.soft) // 8 * 8] > 0)

    def take(self, which: slice | NDArray[np.int64]) -> None:
        """Keep these bits, in this order."""
        self.soft = self.soft[which]
        if self.line is not None:
            self.line = self.line[which]

    def decide(self, bits: NDArray[np.uint8]) -> None:
        """Put bits in the place of the soft ones, keeping how sure those were that did not change."""
        if len(bits) == len(self.soft):
            same = (self.soft > 0) == bits
            self.soft = np.where(same, self.soft, (2 * bits.astype(np.float32) - 1) * SURE)
        else:
            self.soft, self.decided, self.line = (2 * bits.astype(np.float32) - 1) * SURE, True, None

    def changed(self, n: int) -> None:
        """Count what a decoder corrected."""
        self.corrected = (self.corrected or 0) + n


class Step(Protocol):
    """A step. Implementations are dataclasses whose fields are their parameters in TOML."""

    @property
    def bitwise(self) -> bool:
        """Whether the first bits come out without those behind them, so that a length in them can be read early."""
        ...

    @property
    def sized(self) -> bool:
        """Whether the length of what comes out hangs on that of what goes in alone."""
        ...

    def undo(self, block: Block) -> list[Block] | None:
        """Undo what the transmitter did; gives blocks when it is taken apart.

        Raises
        ------
        Failed : this is no frame
        """
        ...

    def rate(self) -> float:
        """Information bits a bit, of the longest frame: counts for Eb/N0."""
        ...

    def before(self, bits: int) -> int:
        """How many bits it takes for so many to come out."""
        ...
