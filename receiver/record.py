"""The frame record: what Radome says of one frame, the same in JSON lines, on ZeroMQ and in archives.

`frame.schema.json` beside this module is its JSON Schema.
"""

from __future__ import annotations

import json
import math
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from .satellite import Satellite, Transmitter

if TYPE_CHECKING:
    from .stage import Clock, Frame

SCHEMA = 1
"""Version of the record. Fields may be added to it; one that changes its meaning or goes makes a new version."""

_write = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
_RUNS = uuid.UUID("8f0c2f6e-6d0a-5d0e-9a3b-5c1d0e6c7a11")  # name space of the ids made from a text


def new_boot() -> str:
    """Make the id of a live run: another one each time."""
    return str(uuid.uuid4())


def boot_of(text: str) -> str:
    """Make the id of a run over files from what it reads and how, so that a second run gives the same bytes."""
    return str(uuid.uuid5(_RUNS, text))


@dataclass(frozen=True)
class Context:
    """What all frames of one chain have in common."""

    boot: str
    """Id of the run: `new_boot` or `boot_of`."""
    satellite: Satellite | None
    """None where it is not known, as for a chain that is for any."""
    transmitter: Transmitter
    station: str | None = None
    """Name of the station, or its place as ``LAT,LON,ALT``."""
    carrier: float | None = None
    """Frequency that a frame's offset counts from when the Doppler shift is zero, Hz; None where unknown."""
    doppler: Callable[[float, Clock], float | None] | None = None
    """Predicted shift at a position, Hz; None without an orbit."""
    band: tuple[float, float] | None = None
    """Edges of the recorded band, Hz, where the carrier is expected beyond them: it can be received only within."""


def record(frame: Frame, context: Context, seq: int) -> dict[str, Any]:
    """Make the record of a frame.

    Parameters
    ----------
    frame : as the chain gave it
    context : of that chain
    seq : number of the record in this run, from 0

    Returns
    -------
    The fields in their fixed order, ready for JSON: no NaN, floats rounded to what they can mean.
    """
    satellite, transmitter = context.satellite, context.transmitter
    doppler = context.doppler(frame.position, frame.clock) if context.doppler else None
    carrier, offset = None, frame.offset
    if context.carrier is not None and offset is not None:
        carrier = context.carrier + (doppler or 0.0) + offset
        if context.band is not None:  # sampling folds the frequencies beyond one edge onto the other
            low, high = context.band
            within = low + (carrier - low) % (high - low)
            carrier, offset = within, offset + within - carrier
    utc = iso_time(frame.clock.time_ns(frame.position))
    return {
        "schema": SCHEMA,
        "boot": context.boot,
        "seq": seq,
        "station": context.station,
        "satellite": satellite.name or None if satellite else None,
        "norad": satellite.norad or None if satellite else None,
        "transmitter": transmitter.name,
        "modulation": transmitter.modulation or None,
        "baudrate": _decimals(transmitter.baudrate, 1000),
        "framing": frame.framing,
        "time": utc,
        "time_uncertainty_s": None if utc is None else _digits(frame.clock.uncertainty),
        "sample": _decimals(frame.position, 1000),
        "samples": _decimals(frame.length, 1000),
        "frequency_hz": _decimals(carrier, 10),
        "doppler_hz": _decimals(doppler, 10),
        "offset_hz": _decimals(offset, 10),
        "snr_db": _decimals(frame.snr_db, 10),
        "ebn0_db": _decimals(frame.ebn0_db, 10),
        "sync_errors": frame.sync_errors,
        "corrected": frame.corrected,
        "integrity": frame.integrity,
        "crc_ok": frame.crc_ok,
        "false_alarm": _digits(frame.false_alarm),
        "continuity": frame.continuity,
        "link": frame.link,
        "payload": frame.payload.hex(),
    }


def to_json(table: dict[str, Any]) -> bytes:
    """Write a record, or any table made for JSON, as one line of UTF-8 without the line's end."""
    return _write(table).encode("utf-8", "replace")


def iso_time(utc_ns: int | None) -> str | None:
    """Write UTC as ISO 8601 with nine digits and Z; None for no time, and for one that a calendar year cannot hold."""
    if utc_ns is None:
        return None
    seconds, ns = divmod(utc_ns, 1_000_000_000)
    try:
        return f"{(datetime(1970, 1, 1) + timedelta(seconds=seconds)).isoformat()}.{ns:09d}Z"
    except OverflowError:
        return None


def _decimals(value: float | None, parts: int) -> float | None:
    """Round to tenths or thousandths; what is not a number, or no finite one, is unknown."""
    return None if value is None or not math.isfinite(value) else round(float(value) * parts) / parts


def _digits(value: float | None) -> float | None:
    """Round to three significant digits."""
    return None if value is None or not math.isfinite(value) else float(f"{value:.3g}")
