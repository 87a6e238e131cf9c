"""Frames as JSON lines: a frame record a line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..record import to_json
from . import FileSink


@dataclass
class JsonLines(FileSink):
    def encode(self, record: dict[str, Any], payload: bytes) -> bytes:
        return to_json(record) + b"\n"


stage = JsonLines
