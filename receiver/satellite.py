"""A satellite: a TOML file of on-air facts, and how to find it by name or number."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Transmitter:
    """One signal of a satellite."""

    name: str
    frequency: float
    """Nominal downlink, Hz."""
    demod: dict[str, Any]
    """Table of the demodulator: ``use`` and its parameters, as in the file."""
    framing: dict[str, Any]
    """Table of the framing."""
    modulation: str = ""
    """As the field writes it, such as "FSK" or "DBPSK Manchester"."""

    @property
    def baudrate(self) -> float:
        return float(self.demod.get("baudrate", 0.0))


@dataclass(frozen=True)
class Satellite:
    name: str
    norad: int
    alternative_names: tuple[str, ...]
    transmitters: tuple[Transmitter, ...]
    path: Path
