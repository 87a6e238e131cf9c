"""Sample types, and the limits of rates and frequencies. It imports little: the reader process begins with it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

from .errors import SourceError, short

HIGHEST_RATE = 1e10
"""No receiver is faster: above it, a rate is a mistake."""

_SIGMF = re.compile(r"([cr])([fiu])(8|16|24|32|64)(?:_(le|be))?")
_SHORT = re.compile(r"(c?)([fius])(8|16|24|32|64)(?:_(le|be))?")  # of rtl_433 and others; "s" is signed, "cs16" complex
_EXAMPLES = "cu8, cs16 or cf32, or a SigMF datatype such as ci16_le or rf32_le"


@dataclass(frozen=True)
class Datatype:
    """How a sample is stored."""

    name: str
    """As SigMF writes it, such as "cu8" or "ci16_le" (and "ri24_le", which SigMF does not have)."""
    pair: bool
    """Whether it is complex: I, then Q."""
    value: str
    """Of I, Q or the real sample: "u8", "i16", "f32" …"""
    big_endian: bool = False

    @property
    def width(self) -> int:
        """Bytes of I, Q or the real sample."""
        return int(self.value[1:]) // 8

    @property
    def bytes(self) -> int:
        """Bytes of a sample."""
        return self.width * (1 + self.pair)

    @classmethod
    def parse(cls, text: str) -> Datatype:
        """Read a SigMF datatype or a short form of it: "cu8", "cs16", "cf32", "s16"; little endian unless it says so.

        Capitals are the same, as SoapySDR writes them: "CS16".

        Raises ValueError when it is none.
        """
        match = _SIGMF.fullmatch(text.lower()) or _SHORT.fullmatch(text.lower())
        if match is None or (match[2] + match[3]).replace("s", "i") in ("f8", "f16", "f24", "u24"):
            raise ValueError(f"{short(text)} is no sample type; give {_EXAMPLES}")
        pair, value, order = match[1] == "c", match[2].replace("s", "i") + match[3], match[4]
        name = ("c" if pair else "r") + value + ("" if match[3] == "8" else f"_{order or 'le'}")
        return cls(name, pair, value, order == "be" and match[3] != "8")


def checked_rate(value: Any, where: str) -> float:
    """Sample rate as a float.

    Raises SourceError, whose sentence begins with `where`, unless it is a number above 0 and at most 1e10.
    """
    try:
        rate = float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else math.nan
    except OverflowError:
        rate = math.inf
    if not 0 < rate <= HIGHEST_RATE:
        raise SourceError(f"{where} is {short(value)}; a sample rate is a number of samples per second, up to 1e10")
    return rate


def checked_frequency(value: Any, where: str) -> float:
    """Radio frequency in Hz as a float.

    Raises SourceError, whose sentence begins with `where`, unless it is a finite number below 1e15.
    """
    try:
        frequency = float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else math.nan
    except OverflowError:
        frequency = math.inf
    if not abs(frequency) < 1e15:
        raise SourceError(f"{where} is {short(value)}; a frequency is a number of Hz")
    return frequency
