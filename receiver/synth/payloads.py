"""Frames such as a satellite would send, made up: callsign RADOME, counting, with some telemetry."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from .framing import ax25_address
from .link import linked_encoder


def payloads(
    framing: dict[str, Any],
    count: int,
    seed: int = 0,
    length: int | None = None,
    link: Sequence[dict[str, Any]] = (),
) -> Iterator[bytes]:
    """Make `count` payloads for the table of a framing, or packets for those of the link in it.

    Parameters
    ----------
    length : bytes of each; None: 40 to 120 of them (U482C, coded twice: to 90), where the framing leaves that open
    """
    rng = np.random.default_rng([seed, 0x7E1E])
    use = "" if link else str(framing.get("use", "")).removeprefix("framing.")
    code = None if use in ("ax25", "raw", "ccsds") else linked_encoder(framing, link)
    fixed = code.payload_size if code else None
    for number in range(count):
        size = length or int(rng.integers(40, 91 if use == "u482c" else 121))
        if code is not None and length is None:
            size = min(size, code.payload_most)
        if use == "ax25" or (code is not None and code.called):
            head = ax25_address("CQ", "RADOME")
        elif use == "raw":
            yield rng.bytes(size)
            continue
        elif use == "ccsds":
            size = int(framing["frame_size"])
            head = tm_header(number)
        elif use == "ais":
            size, head = 21, position_report(number)
        elif fixed is not None:
            size, head = fixed, {"equisat": b"WL9XZE", "orbcomm": b"\x1a"}.get(use, b"")
        else:
            head = csp_header()
        yield (head + _telemetry(number, rng, size))[:size]


def _telemetry(number: int, rng: np.random.Generator, size: int) -> bytes:
    """A counter, a text, and housekeeping that looks like some."""
    voltages = rng.integers(7000, 8300, 4)
    temperatures = rng.integers(-200, 400, 4)
    return b"RADOME" + struct.pack(">I4H4h", number, *voltages, *temperatures) + rng.bytes(size)


def position_report(number: int) -> bytes:
    """Head of an AIS message 1 of ship 211000000 + number (ITU-R M.1371-5, annex 8, table 48)."""
    return (1 << 34 | 211000000 + number << 2).to_bytes(5, "big")


def csp_header() -> bytes:
    """CSP version 1: priority 2, from 5 port 31 to 10 port 10, no flags."""
    return struct.pack(">I", 2 << 30 | 5 << 25 | 10 << 20 | 10 << 14 | 31 << 8)


def tm_header(number: int) -> bytes:
    """Primary header of a TM transfer frame, spacecraft 0x2AD, virtual channel 1 (CCSDS 132.0-B, section 4.1.2)."""
    return struct.pack(">HBBH", 0x2AD << 4 | 1 << 1, number & 0xFF, number & 0xFF, 0x1800)
