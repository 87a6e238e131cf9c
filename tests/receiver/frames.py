"""Frame records for the tests of what happens to them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from receiver.record import Context, boot_of, record
from receiver.satellite import Satellite, Transmitter
from receiver.stage import Clock, Frame

BOOT = boot_of("test")
PAYLOAD = b"\xc0Hello\x00"


def make(
    seq: int, transmitter: str = "9k6 FSK", norad: int = 99999, payload: bytes = PAYLOAD
) -> tuple[dict[str, Any], bytes]:
    """Make the record and payload of a frame, one a second from 2023-11-14 22:13:20."""
    signal = Transmitter(transmitter, 437.5e6, {"use": "fsk", "baudrate": 9600}, {"use": "ax25"}, "FSK")
    context = Context(BOOT, Satellite(f"Test-{norad}", norad, (), (signal,), Path("test.toml")), signal)
    clock = Clock(48000.0, 0.0, 1_700_000_000 * 10**9)
    frame = Frame(payload, 48000.0 * seq, 320.0, clock, "AX.25", snr_db=12.0, integrity="crc", crc_ok=True)
    return record(frame, context, seq), payload
