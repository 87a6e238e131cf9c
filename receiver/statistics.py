"""What a run did, for the summary on the terminal and the status on ZeroMQ."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Statistics:
    seconds: float = 0.0
    """Of signal, processed so far."""
    elapsed: float = 0.0
    """By the wall clock, seconds."""
    frames: Counter[str] = field(default_factory=Counter)
    """Given out, by transmitter."""
    duplicates: int = 0
    """Frames left out because another transmitter gave them too."""
    failures: dict[str, Counter[str]] = field(default_factory=dict)
    """By transmitter, then by reason: sync, length, fec, crc."""
    gaps: int = 0
    """Places where the source lost samples."""

    @property
    def speed(self) -> float:
        """Seconds of signal per second."""
        return self.seconds / self.elapsed if self.elapsed > 0 else 0.0

    def table(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "seconds": round(self.seconds, 6),
            "elapsed": round(self.elapsed, 3),
            "speed": round(self.speed, 3),
            "frames": dict(self.frames),
            "duplicates": self.duplicates,
            "failures": {name: dict(reasons) for name, reasons in self.failures.items()},
            "gaps": self.gaps,
        }
