"""Header of the CubeSat Space Protocol, version 1, big-endian.

    | priority 2 | source 5 | destination 5 | destination port 6 | source port 6 | reserved 4 | HMAC XTEA RDP CRC |

GomSpace and AAU, libcsp 1.x (csp_types.h); the trailer of each flag stands behind the data.
"""

from __future__ import annotations

from typing import Any

SIZE = 4
FLAGS = {"hmac": (0x08, 4), "xtea": (0x04, 4), "rdp": (0x02, 5), "crc": (0x01, 4)}
"""Bit of a flag, and bytes that it adds."""


def csp_header(packet: bytes) -> dict[str, Any]:
    """What the header says; nothing when it cannot be one.

    Reserved bits are zero, nobody writes to himself, and what the flags add is there: of random bytes one in sixteen
    passes.
    """
    if len(packet) < SIZE:
        return {}
    word = int.from_bytes(packet[:SIZE], "big")
    source, destination = word >> 25 & 31, word >> 20 & 31
    flags = [name for name, (bit, _) in FLAGS.items() if word & bit]
    added = sum(FLAGS[name][1] for name in flags)
    if word & 0xF0 or source == destination or len(packet) < SIZE + added:
        return {}
    return {
        "protocol": "CSP",
        "priority": word >> 30,
        "source": source,
        "destination": destination,
        "source_port": word >> 8 & 63,
        "destination_port": word >> 14 & 63,
        "flags": flags,
    }
