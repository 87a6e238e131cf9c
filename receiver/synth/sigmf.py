"""Recordings and the truth about them as files: SigMF 1.2 with the frames as annotations, and JSON lines.

An annotation is a frame, from its first bit to the end of its last. Beside SigMF's own fields it has those of the
extension ``radome``: ``radome:payload`` (hex), ``radome:position`` and ``radome:length`` (samples, with fractions),
``radome:time`` (UTC, ns), ``radome:continuity`` (false where lost samples touch the frame).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import FlowgraphError, RadomeError, SinkError
from ..record import iso_time, to_json
from ..satellite import Satellite
from .synthesiser import Synthesiser, Truth

_DATATYPE = re.compile(r"([cr])(?:(f64|f32|i32|i16|u32|u16)_([lb]e)|([iu]8))")


def sample_type(datatype: str) -> tuple[bool, np.dtype[Any]]:
    """Whether a SigMF datatype is complex, and the numpy type of one number of it; FlowgraphError for no datatype."""
    match = _DATATYPE.fullmatch(datatype)
    if match is None:
        raise FlowgraphError(f"datatype {datatype!r} is none of SigMF's, such as cf32_le, ci16_le, cu8 or ri16_le")
    number = match[2] or match[4]
    order = "<" if (match[3] or "le") == "le" else ">"
    return match[1] == "c", np.dtype(f"{order}{number[0]}{int(number[1:]) // 8}")


def quantise(samples: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Samples of full scale 1 as numbers of a type, complex ones as pairs; integers are rounded and clipped.

    Zero is the middle of an unsigned type's range, but 127.4 for complex u8, as in RTL-SDRs.
    """
    flat = np.ascontiguousarray(samples).view(np.float64)
    if dtype.kind == "f":
        return flat.astype(dtype)
    limits = np.iinfo(dtype)
    half = 2.0 ** (8 * dtype.itemsize - 1)
    middle = half if dtype.kind == "u" else 0.0
    if np.iscomplexobj(samples) and dtype == np.uint8:
        middle = 127.4
    return np.clip(np.rint(flat * half + middle), limits.min, limits.max).astype(dtype)


def paths(path: Path) -> tuple[Path, Path]:
    """The two files of a recording that is called by one of them, or by what their names have in common."""
    name = path.name.removesuffix(".sigmf-meta").removesuffix(".sigmf-data")
    if name in ("", "-"):
        raise SinkError(
            f"{str(path)!r} is no name for a recording, whose two files are NAME.sigmf-meta and .sigmf-data"
        )
    return path.with_name(f"{name}.sigmf-meta"), path.with_name(f"{name}.sigmf-data")


def write_sigmf(
    path: Path,
    synthesiser: Synthesiser,
    datatype: str,
    station: tuple[float, float, float] | None = None,
    description: str = "",
) -> None:
    """Make a recording and write it block by block, as ``NAME.sigmf-meta`` (`path`) and ``NAME.sigmf-data``.

    It takes the place of an older one of that name when all of it is written.

    Parameters
    ----------
    datatype : SigMF name; complex for IQ, real for audio
    station : latitude, longitude (degrees), altitude (m)
    """
    is_complex, dtype = sample_type(datatype)
    if is_complex != (synthesiser.form == "iq"):
        kind = "complex" if synthesiser.form == "iq" else "real"
        raise FlowgraphError(f"datatype {datatype!r} does not fit: {synthesiser.form!r} samples are {kind}")
    digest = hashlib.sha512()
    made = paths(path)
    for old in made:
        if old.is_dir():
            raise SinkError(f"{old}: is a folder; a recording must be written to another name")
    meta_part, data_part = parts = [old.with_name(f"{old.name}.part") for old in made]
    try:
        with data_part.open("wb") as file:
            for block in synthesiser.blocks():
                data = quantise(block.samples, dtype).tobytes()
                digest.update(data)
                file.write(data)
        meta = _meta(synthesiser, datatype, digest.hexdigest(), station, description)
        meta_part.write_text(json.dumps(meta, indent=1) + "\n")
        made[0].unlink(missing_ok=True)  # whatever ends this, no metadata are beside samples of another recording
        data_part.replace(made[1])
        meta_part.replace(made[0])
    except BaseException as error:
        for part in parts:
            with contextlib.suppress(OSError):
                part.unlink()  # half of a recording is none
        if isinstance(error, OSError) and not isinstance(error, RadomeError):  # those are of the frames, read meanwhile
            raise SinkError(f"{path}: cannot be written: {error.strerror}") from error
        raise


def _meta(
    synthesiser: Synthesiser,
    datatype: str,
    sha512: str,
    station: tuple[float, float, float] | None,
    description: str,
) -> dict[str, Any]:
    details: dict[str, Any] = {
        "core:datatype": datatype,
        "core:sample_rate": synthesiser.rate,
        "core:version": "1.2.0",
        "core:sha512": sha512,
        "core:recorder": "radome synth",
        "core:extensions": [{"name": "radome", "version": "1.0.0", "optional": True}],
    }
    if description:
        details["core:description"] = description
    if station is not None:
        latitude, longitude, altitude = station
        details["core:geolocation"] = {"type": "Point", "coordinates": [longitude, latitude, altitude]}
    return {
        "global": details,
        "captures": [_capture(synthesiser, *capture) for capture in synthesiser.captures],
        "annotations": [_annotation(truth) for truth in synthesiser.truth],
    }


def _capture(synthesiser: Synthesiser, sample: int, index: int) -> dict[str, Any]:
    capture: dict[str, Any] = {
        "core:sample_start": sample,
        "core:global_index": index,
        "core:frequency": synthesiser.zero_frequency,
    }
    if synthesiser.start_ns is not None:
        capture["core:datetime"] = iso_time(synthesiser.start_ns + round(index / synthesiser.rate * 1e9))
    return capture


def _annotation(truth: Truth) -> dict[str, Any]:
    start, stop = int(truth.position), int(truth.position + truth.length)
    annotation = {
        "core:sample_start": start,
        "core:sample_count": stop - start + 1,
        "core:label": truth.framing,
        "core:generator": "radome synth",
        "radome:position": round(truth.position, 6),
        "radome:length": round(truth.length, 6),
        "radome:time": iso_time(truth.time_ns),
        "radome:continuity": truth.continuity,
        "radome:payload": truth.payload.hex(),
    }
    return {key: value for key, value in annotation.items() if value is not None}


def write_frames(path: Path, synthesiser: Synthesiser, satellite: Satellite) -> None:
    """Write what was sent as JSON lines, with those fields of the frame record that are known beforehand."""
    transmitter = synthesiser.transmitter
    lines = []
    for truth in synthesiser.truth:
        shift = (truth.doppler or 0.0) + synthesiser.channel.offset
        line = {
            "satellite": satellite.name,
            "norad": satellite.norad,
            "transmitter": transmitter.name,
            "modulation": transmitter.modulation,
            "baudrate": transmitter.baudrate,
            "framing": truth.framing,
            "time": iso_time(truth.time_ns),
            "sample": round(truth.position, 3),
            "samples": round(truth.length, 3),
            "frequency_hz": round(transmitter.frequency + shift, 1),
            "doppler_hz": None if truth.doppler is None else round(truth.doppler, 1),
            "continuity": truth.continuity,
            "payload": truth.payload.hex(),
        }
        lines.append(to_json(line) + b"\n")
    try:
        path.write_bytes(b"".join(lines))
    except OSError as error:
        raise SinkError(f"{path}: cannot be written: {error.strerror}") from error
