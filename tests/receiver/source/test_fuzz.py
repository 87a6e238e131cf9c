"""Damaged files of every kind: read to an end, or one sentence."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import tarfile
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from receiver.errors import SourceError
from receiver.source import open_source
from tests.fuzz import FUZZ

SAMPLES = np.random.default_rng(5).integers(0, 256, 600, np.uint8).tobytes()
META: dict[str, Any] = {
    "global": {
        "core:datatype": "cu8",
        "core:sample_rate": 48000,
        "core:offset": 0,
        "core:num_channels": 1,
        "core:trailing_bytes": 0,
        "core:dataset": "a.sigmf-data",
        "core:geolocation": {"type": "Point", "coordinates": [8.5, 47.25, 400]},
    },
    "captures": [
        {"core:sample_start": 0, "core:frequency": 145e6, "core:datetime": "2015-08-04T20:42:53.5Z"},
        {"core:sample_start": 100, "core:global_index": 200, "core:header_bytes": 4},
    ],
}


def end_of(path: Path, **options: Any) -> str:
    """Read a recording; the sentence that it ends in, if any."""
    try:
        with closing(open_source(str(path), **options)) as source:
            total = 0
            while (chunk := source.read()) is not None:
                assert np.isfinite(chunk.items.view(np.float32)).all()
                assert chunk.position == total
                total += len(chunk)
                assert total < 1_000_000
            assert total > 0
            return ""
    except SourceError as error:
        message = str(error)
        assert message
        assert "\n" not in message
        return message


def archived() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for name, data in {"a.sigmf-meta": json.dumps(META).encode(), "a.sigmf-data": SAMPLES}.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return file.getvalue()


def sound(form: str, subtype: str) -> bytes:
    file = io.BytesIO()
    tone = np.sin(0.1 * np.arange(5000)) / 2
    soundfile.write(file, np.stack([tone, tone], 1), 48000, subtype, format=form)
    return file.getvalue()


VALID = {
    "a.wav": sound("WAV", "FLOAT")[:3000],
    "wide.wav": sound("RF64", "PCM_16")[:3000],
    "a.flac": sound("FLAC", "PCM_16"),
    "a.ogg": sound("OGG", "VORBIS"),
    "opus.ogg": sound("OGG", "OPUS"),
    "a.sigmf": archived(),
    "b.sigmf": gzip.compress(archived()),
    "a_1Msps.cu8": gzip.compress(SAMPLES),
    "b_1Msps.cf32": bz2.compress(SAMPLES),
    "c_1Msps.cf64": lzma.compress(SAMPLES),
    "d_1Msps.cs16": zstandard.compress(SAMPLES),
}


@pytest.mark.parametrize("name", VALID)
@FUZZ
@given(data=st.data())
def test_damaged_bytes(tmp_path: Path, name: str, data: st.DataObject) -> None:
    content = bytearray(VALID[name])
    # most of what matters is at the beginning
    places = st.integers(0, min(len(content), 80) - 1) | st.integers(0, len(content) - 1)
    for place, value in data.draw(st.lists(st.tuples(places, st.integers(0, 255)), max_size=6)):
        content[place] = value
    content = content[: data.draw(st.just(len(content)) | st.integers(0, len(content)))]
    (tmp_path / name).write_bytes(content)
    end_of(tmp_path / name)


ODD = st.sampled_from(
    [None, True, -1, 0, 1, 3, 2**31, 2**63, 10**30, 1e300, -0.5, float("nan"), float("inf"), "", "x", "cf32_be"]
) | st.sampled_from([[], {}, [[]], [None], [1, 2], {"a": 1}, "2015-13-45T99:99:99Z", "9999-12-31T23:59:60Z", "é\0\n"])


@FUZZ
@given(data=st.data())
def test_odd_metadata(tmp_path: Path, data: st.DataObject) -> None:
    meta = json.loads(json.dumps(META))
    (tmp_path / "a.sigmf-data").write_bytes(SAMPLES)
    for _ in range(data.draw(st.integers(1, 3))):
        place: Any = meta
        while True:  # down to some leaf, or a branch to be replaced whole
            key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
            if not isinstance(place[key], (dict, list)) or not place[key] or data.draw(st.integers(0, 4)) == 0:
                break
            place = place[key]
        place[key] = data.draw(ODD)
        if not isinstance(meta["global"], dict) or not meta["captures"]:
            break
    (tmp_path / "a.sigmf-meta").write_text(json.dumps(meta))
    end_of(tmp_path / "a.sigmf-meta")


@FUZZ
@given(data=st.data())
def test_damaged_metadata(tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(json.dumps(META).encode())
    for place, value in data.draw(
        st.lists(st.tuples(st.integers(0, len(content) - 1), st.sampled_from(b'0e-[]{}",:\\\xff\0')), max_size=4)
    ):
        content[place] = value
    (tmp_path / "a.sigmf-data").write_bytes(SAMPLES)
    (tmp_path / "a.sigmf-meta").write_bytes(content[: data.draw(st.integers(0, len(content)))])
    end_of(tmp_path / "a.sigmf-meta")


@FUZZ
@given(name=st.text(st.sampled_from("0123456789_-.TZkMGHzspqrxg"), max_size=40))
def test_names(tmp_path: Path, name: str) -> None:
    path = tmp_path / f"{name or 'a'}.cu8"
    path.write_bytes(SAMPLES)
    assert end_of(path) in ("", f"{path}: does not tell its sample rate; give it with --rate, in samples per second")
    path.unlink()
