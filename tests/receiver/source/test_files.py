"""Every kind of file against the numpy arrays it was written from."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import struct
import sys
import tarfile
import tracemalloc
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import sigmf
import soundfile
import zstandard

from receiver.errors import SourceError
from receiver.source import CHUNK, Recording, Source, open_source
from receiver.stage import Clock

RATE = 48000.0
START = 1438720973 * 1_000_000_000
"""2015-08-04T20:42:53Z"""
COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".bz2": lambda data: bz2.compress(data, 1),
    ".xz": lzma.compress,
    ".zst": zstandard.ZstdCompressor(write_checksum=True).compress,
}


def read(path: Path | str, **options: Any) -> tuple[Recording, np.ndarray, list[tuple[int, Clock]]]:
    """Everything in a recording: its description, its samples, and where each of its clocks begins."""
    with closing(open_source(str(path), **options)) as source:
        parts, clocks, position = [], [], 0
        while (chunk := source.read()) is not None:
            assert chunk.position == position
            assert chunk.rate == source.recording.rate
            assert 0 < len(chunk) <= CHUNK
            assert chunk.items.dtype == (np.complex64 if source.recording.kind == "iq" else np.float32)
            if not clocks or clocks[-1][1] is not chunk.clock:
                clocks.append((position, chunk.clock))
            parts.append(chunk.items)
            position += len(chunk)
        assert source.read() is None
        assert clocks[0][1] is source.recording.clock
        return source.recording, np.concatenate(parts), clocks


def fault(path: Path | str, **options: Any) -> str:
    """The message of a recording that cannot be opened: one sentence."""
    with pytest.raises(SourceError) as caught:
        open_source(str(path), **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def read_to_fault(source: Source) -> tuple[np.ndarray, str]:
    """All samples of a recording with a fault, and the fault."""
    parts = []
    with closing(source):
        try:
            while (chunk := source.read()) is not None:
                parts.append(chunk.items)
        except SourceError as error:
            assert source.read() is None
            return np.concatenate(parts), str(error)
    raise AssertionError("the recording has no fault")


def stored(datatype: str, n: int = 1000) -> tuple[bytes, np.ndarray]:
    """Bytes of random samples of a SigMF type, and what they mean."""
    rng = np.random.default_rng(7)
    pair, kind, order = datatype[0] == "c", datatype[1:].split("_")[0], ">" if datatype.endswith("_be") else "<"
    dtype = np.dtype(f"{order}{kind[0]}{int(kind[1:]) // 8}")
    if kind[0] == "f":
        x = rng.normal(size=n * (1 + pair)).astype(dtype)
        y = x.astype(np.float64)
    else:
        x = rng.integers(0, 256, n * (1 + pair) * dtype.itemsize, np.uint8).view(dtype)
        half = 2.0 ** (8 * dtype.itemsize - 1)
        y = x.astype(np.float64) / half - (kind[0] == "u")
        if datatype == "cu8":
            y = ((x.astype(np.float32) - np.float32(127.4)) / np.float32(128)).astype(np.float64)  # as RTL-SDRs have it
    return x.tobytes(), y.view(np.complex128) if pair else y


def write_sigmf(base: Path, data: bytes, captures: list[dict[str, Any]] | None = None, **facts: Any) -> Path:
    """A pair of files; keys without their "core:"."""
    world = {"datatype": "cu8", "sample_rate": RATE, "version": "1.2.0"} | facts
    captures = [{"sample_start": 0}] if captures is None else captures
    meta = {
        "global": {f"core:{key}": value for key, value in world.items()},
        "captures": [{f"core:{key}": value for key, value in capture.items()} for capture in captures],
        "annotations": [],
    }
    Path(f"{base}.sigmf-data").write_bytes(data)
    path = Path(f"{base}.sigmf-meta")
    path.write_text(json.dumps(meta))
    return path


# SigMF

TYPES = [
    f"{pair}{value}{order}"
    for pair in "cr"
    for value in ("u8", "i8", "u16", "i16", "u32", "i32", "u64", "i64", "f32", "f64")
    for order in ([""] if value.endswith("8") else ["_le", "_be"])
]


@pytest.mark.parametrize("datatype", TYPES)
def test_sigmf_datatypes(tmp_path: Path, datatype: str) -> None:
    data, expected = stored(datatype)
    recording, x, _ = read(write_sigmf(tmp_path / "a", data, datatype=datatype))
    assert (recording.datatype, recording.rate, recording.samples) == (datatype, RATE, 1000)
    np.testing.assert_allclose(x, expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("packed", ["", ".tar", ".gz"])
def test_sigmf_of_the_reference_package(tmp_path: Path, packed: str) -> None:
    data, expected = stored("ci16_le", 70000)
    (tmp_path / "a.sigmf-data").write_bytes(data)
    meta = sigmf.SigMFFile(
        data_file=tmp_path / "a.sigmf-data",
        global_info={sigmf.DATATYPE_KEY: "ci16_le", sigmf.SAMPLE_RATE_KEY: RATE},
    )
    meta.add_capture(0, metadata={sigmf.FREQUENCY_KEY: 437.1e6, sigmf.DATETIME_KEY: "2015-08-04T20:42:53.5Z"})
    meta.add_capture(66000, metadata={sigmf.FREQUENCY_KEY: 437.1e6, sigmf.GLOBAL_INDEX_KEY: 90000})
    if packed:
        path = tmp_path / ("b.sigmf" + packed.replace(".tar", ""))
        meta.archive(path, compression=packed.strip(".") if packed != ".tar" else None)
    else:
        path = tmp_path / "a.sigmf-meta"
        meta.tofile(path)
    recording, x, clocks = read(path)
    assert (recording.kind, recording.frequency) == ("iq", 437.1e6)
    np.testing.assert_allclose(x, expected, rtol=1e-6)
    assert [start for start, _ in clocks] == [0, 66000]
    assert clocks[0][1].time_ns(0) == START + 500_000_000
    assert clocks[1][1].time_ns(66000) == START + 500_000_000 + 90000 * 10**9 // 48000
    assert recording.remarks == ["24000 samples are missing before sample 66000"]


@pytest.mark.parametrize("name", ["a.sigmf-meta", "a.sigmf-data", "a"])
def test_sigmf_names(tmp_path: Path, name: str) -> None:
    data, _ = stored("cu8")
    write_sigmf(tmp_path / "a", data)
    assert read(tmp_path / name)[0].samples == 1000
    for suffix, compress in COMPRESSORS.items():
        (tmp_path / f"a.sigmf-data{suffix}").write_bytes(compress(data))
        (tmp_path / "a.sigmf-data").unlink(missing_ok=True)
        assert len(read(tmp_path / (name + suffix if name.endswith("data") else name))[1]) == 1000
        (tmp_path / f"a.sigmf-data{suffix}").unlink()


def test_sigmf_offsets_headers_and_trailer(tmp_path: Path) -> None:
    data, expected = stored("cu8", 100)
    dataset = b"four" + data[:60] + b"eight..." + data[60:] + b"tail."
    captures = [{"sample_start": 1000, "header_bytes": 4}, {"sample_start": 1030, "header_bytes": 8}]
    path = write_sigmf(tmp_path / "a", dataset, captures, offset=1000, trailing_bytes=5, dataset="a.bin")
    (tmp_path / "a.sigmf-data").rename(tmp_path / "a.bin")
    recording, x, clocks = read(path)
    np.testing.assert_array_equal(x, expected)
    assert recording.samples == 100
    assert len(clocks) == 1


def test_sigmf_place_and_dates(tmp_path: Path) -> None:
    capture = {"sample_start": 0, "geolocation": {"type": "Point", "coordinates": [8.5, 47.25]}}
    for text, ns in [
        ("2015-08-04T20:42:53.123456789Z", 123456789),
        ("2015-08-04T20:42:53", 0),
        ("2015-08-04 22:42:53.1+02:00", 100_000_000),
        ("2015-08-04T18:12:53,25-0230", 250_000_000),
        ("2015-08-04T20:42:53.1234567891234Z", 123456789),
    ]:
        recording, _, _ = read(write_sigmf(tmp_path / "a", bytes(20), [capture | {"datetime": text}]))
        assert recording.clock.utc_ns == START + ns, text
        assert recording.station == (47.25, 8.5, 0.0)
    recording, _, _ = read(write_sigmf(tmp_path / "a", bytes(20), [{"sample_start": 0, "datetime": "noon"}]))
    assert recording.clock.utc_ns is None
    assert "no date" in recording.remarks[0]


def test_sigmf_gaps(tmp_path: Path) -> None:
    def clocks_of(*captures: dict[str, Any], **options: Any) -> list[tuple[int, int | None]]:
        path = write_sigmf(tmp_path / "a", bytes(2 * 48000), list(captures))
        return [(start, clock.time_ns(start)) for start, clock in read(path, **options)[2]]

    first = {"sample_start": 0, "datetime": "2015-08-04T20:42:53.000Z"}
    half = START + 500_000_000
    # nothing lost: neither by index, nor by a date to the ms, nor with a jitter
    assert clocks_of(first, {"sample_start": 24000, "global_index": 24000}) == [(0, START)]
    assert clocks_of(first, {"sample_start": 24000, "datetime": "2015-08-04T20:42:53.501Z"}) == [(0, START)]
    # 4800 samples lost, by index and by date
    lost = [(0, START), (24000, half + 100_000_000)]
    assert clocks_of(first, {"sample_start": 24000, "global_index": 28800}) == lost
    assert clocks_of(first, {"sample_start": 24000, "datetime": "2015-08-04T20:42:53.600Z"}) == lost
    # indices that start elsewhere
    assert clocks_of(first | {"global_index": 10**12}, {"sample_start": 24000, "global_index": 10**12 + 28800}) == lost
    # the user's time moves all of them
    second = {"sample_start": 24000, "datetime": "2015-08-04T20:42:53.600Z"}
    assert clocks_of(first, second, start=0) == [(0, 0), (24000, 600_000_000)]
    # only a later capture has a time: it holds for what is joined to it
    assert clocks_of({"sample_start": 0}, second) == [(0, START + 100_000_000)]


def test_sigmf_retuned(tmp_path: Path) -> None:
    captures = [{"sample_start": 0, "frequency": 145e6}, {"sample_start": 100, "frequency": 437e6}]
    path = write_sigmf(tmp_path / "a", bytes(1000), captures)
    recording, _, clocks = read(path)
    assert recording.frequency == 145e6
    assert recording.retunings == ((100, 437e6),)
    assert [recording.frequency_at(i) for i in (0, 99, 100)] == [145e6, 145e6, 437e6]
    assert [start for start, _ in clocks] == [0, 100]
    assert read(path, frequency=437.5e6)[0].frequency == 437.5e6
    assert read(path, frequency=437.5e6)[0].retunings == ()


def test_sigmf_where_null_stands_for_what_is_not_known(tmp_path: Path) -> None:
    names = ("header_bytes", "global_index", "datetime", "frequency", "sample_start")
    facts = dict.fromkeys(("num_channels", "offset", "trailing_bytes", "dataset", "geolocation"))
    path = write_sigmf(tmp_path / "a", bytes(1000), [dict.fromkeys(names)], **facts)
    recording, x, clocks = read(path)
    assert (len(x), recording.remarks, len(clocks)) == (500, [], 1)
    assert (recording.frequency, recording.clock.utc_ns, recording.station) == (None, None, None)
    assert "has no core:sample_rate" in fault(write_sigmf(tmp_path / "b", bytes(1000), sample_rate=None))


@pytest.mark.parametrize("when", ["2015-08-04", "2015-08-04T20", "noon", 1438720973])
def test_sigmf_of_a_date_that_says_too_little(tmp_path: Path, when: object) -> None:
    """A time that may be hours off is of no use for an orbit."""
    path = write_sigmf(tmp_path / "a", bytes(1000), [{"sample_start": 0, "datetime": when}])
    recording, _, _ = read(path)
    assert recording.clock.utc_ns is None
    assert recording.remarks == [f"core:datetime is {when!r}, which is no date and time, so it was passed over"]


def test_sigmf_captures_beyond_the_end(tmp_path: Path) -> None:
    """What is there before them is read, whatever their heads are to be."""
    late = {"sample_start": 400, "frequency": 437e6}
    for size, head, read_all in ((1000, 10**9, 400), (900, 100, 400), (901, 100, 400), (901, 99, 401), (700, 0, 350)):
        path = write_sigmf(tmp_path / "a", bytes(size), [{"sample_start": 0}, {**late, "header_bytes": head}])
        recording, x, _ = read(path)
        assert recording.samples == len(x) == read_all
        told = read_all > 400
        assert ("the file ends before 1 of its captures begin" in recording.remarks) is not told
        assert recording.retunings == (((400, 437e6),) if told else ())


def test_sigmf_of_a_frequency_that_is_not_known(tmp_path: Path) -> None:
    """Many programs write 0 then; it is no band about zero, in which no satellite sends."""
    path = write_sigmf(tmp_path / "a", bytes(1000), [{"sample_start": 0, "frequency": 0}])
    recording, _, _ = read(path)
    assert recording.frequency is None
    assert recording.remarks == ["core:frequency is 0, so the frequency is taken as not known"]
    recording, _, _ = read(path, frequency=437e6)
    assert (recording.frequency, recording.remarks) == (437e6, [])
    path = write_sigmf(tmp_path / "a", bytes(1000), [{"sample_start": 0, "frequency": 437e6}])
    assert read(path, frequency=0)[0].frequency is None
    for name in ("a_437.1M_48k.cu8", "SDRSharp_20150804_204253Z_435595kHz_IQ.wav"):
        (tmp_path / name).write_bytes(wav(bytes(400), 1, 2, 16) if name.endswith("wav") else bytes(400))
        assert read(tmp_path / name)[0].frequency is not None
        assert read(tmp_path / name, frequency=0)[0].frequency is None
    assert "core:frequency is False" in fault(write_sigmf(tmp_path / "b", bytes(1000), [{"frequency": False}]))


@pytest.mark.parametrize(
    ("facts", "captures", "message"),
    [
        ({"datatype": "cf16"}, None, "core:datatype: 'cf16' is no sample type"),
        ({"datatype": 8}, None, "core:datatype is 8; it is a text"),
        ({"sample_rate": 0}, None, "core:sample_rate is 0; a sample rate is"),
        ({"sample_rate": True}, None, "core:sample_rate is True"),
        ({"sample_rate": 1e11}, None, "core:sample_rate is 100000000000.0"),
        ({"sample_rate": "48k"}, None, "core:sample_rate is '48k'"),
        ({"num_channels": 2}, None, "has 2 channels"),
        ({"metadata_only": True}, None, "without its samples"),
        ({"dataset": "../a"}, None, "names a file in the same folder"),
        ({}, [{"sample_start": -1}], "core:sample_start is -1; it is a whole number, at least 0"),
        ({}, [{"sample_start": 10}, {"sample_start": 5}], "capture 1: begins before"),
        ({}, [{"sample_start": 0, "frequency": "high"}], "core:frequency is 'high'; a frequency is"),
        ({"offset": 5}, [{"sample_start": 0}], "before core:offset"),
    ],
)
def test_sigmf_mistakes(tmp_path: Path, facts: dict[str, Any], captures: list[dict[str, Any]], message: str) -> None:
    path = write_sigmf(tmp_path / "a", bytes(100), captures, **facts)
    assert message in fault(path)
    assert str(path) in fault(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "is not JSON"),
        (b"{", "is not JSON"),
        (b"\xff\xfe{", "is not text in UTF-8"),
        (b"[" * 200_000, "nested too deeply"),
        (b"[]", "it is an object"),
        (b'{"global": 3}', "global is 3; "),
        (b'{"global": {"core:datatype": "cu8"}}', "give the sample rate with --rate"),
        (b'{"global": {"core:datatype": "cu8", "core:sample_rate": 1' + b"0" * 400 + b"}}", "core:sample_rate is 1"),
        (b'{"global": {"core:datatype": "cu8", "core:sample_rate": NaN}}', "core:sample_rate is nan"),
        (
            b'{"global": {"core:datatype": "cu8", "core:sample_rate": 1}, "captures": {}}',
            "captures is {}; it is a list",
        ),
        (b'{"global": {"core:datatype": "cu8", "core:sample_rate": 1}, "captures": [7]}', "capture 0 is 7; "),
        (b'{"collection": {}}', "is a list of recordings"),
    ],
)
def test_sigmf_texts(tmp_path: Path, text: bytes, message: str) -> None:
    (tmp_path / "a.sigmf-meta").write_bytes(text)
    (tmp_path / "a.sigmf-data").write_bytes(bytes(10))
    assert message in fault(tmp_path / "a.sigmf-meta")


def archive(path: Path, members: dict[str, bytes], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as tar:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return path


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_sigmf_archives(tmp_path: Path, mode: str) -> None:
    data, expected = stored("cu8", 70000)
    meta = write_sigmf(tmp_path / "a", data).read_bytes()
    path = tmp_path / "a.sigmf"
    # either order, with a companion that macOS leaves
    for members in (
        {"a/._a.sigmf-meta": b"\0", "a/a.sigmf-meta": meta, "a/a.sigmf-data": data},
        {"a/a.sigmf-data": data, "a/a.sigmf-meta": meta},
    ):
        np.testing.assert_array_equal(read(archive(path, members, mode))[1], expected)
    assert "no pair" in fault(archive(path, {"a.sigmf-meta": meta}, mode))
    assert "several recordings" in fault(archive(path, {"a.sigmf-collection": b""}, mode))
    two = {"a.sigmf-meta": meta, "a.sigmf-data": data, "b.sigmf-meta": meta, "b.sigmf-data": data}
    archive(path, two, mode)
    with pytest.raises(SourceError, match="holds several recordings; unpack it"):
        read(path)
    path.write_bytes(b"nothing of the kind" * 100)
    assert "no whole SigMF archive" in fault(path)


# WAV


def wav(frames: bytes, tag: int, channels: int, bits: int, *, extra: bytes = b"", size: int | None = None) -> bytes:
    """A RIFF file of 48 kHz, `extra` chunks before its samples."""
    frame = channels * bits // 8
    form = struct.pack("<HHIIHH", tag, channels, 48000, 48000 * frame, frame, bits)
    chunks = b"fmt " + struct.pack("<I", 16) + form + extra
    chunks += b"data" + struct.pack("<I", len(frames) if size is None else size) + frames
    return b"RIFF" + struct.pack("<I", 4 + len(chunks) if size is None else size) + b"WAVE" + chunks


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
@pytest.mark.parametrize("form", ["WAV", "WAVEX", "RF64"])
def test_wav_of_libsndfile(tmp_path: Path, form: str, subtype: str, channels: int) -> None:
    x = np.random.default_rng(3).uniform(-1, 1, (777, channels))
    path = tmp_path / "a.wav"
    soundfile.write(path, x, 48000, subtype, format=form)
    expected = soundfile.read(path, always_2d=True)[0]
    shift = 0.6 / 128 if subtype == "PCM_U8" and channels == 2 else 0.0  # IQ is taken for an RTL-SDR's: zero at 127.4
    recording, y, _ = read(path)
    assert (recording.kind, recording.samples, recording.rate) == ("iq" if channels == 2 else "real", 777, 48000.0)
    np.testing.assert_allclose(y.view(np.float32).reshape(-1, channels), expected + shift, atol=1e-7)
    assert recording.remarks == []
    if channels == 2:
        recording, y, _ = read(path, kind="real")
        assert recording.kind == "real"
        np.testing.assert_allclose(y, expected[:, 0], atol=1e-7)
    else:
        assert "not what was asked for" in fault(path, kind="iq")


@pytest.mark.parametrize("silence", [0, 100_000])
@pytest.mark.parametrize("gains", [(1, 1), (1, 0), (0, 1), (1, -1), (0.3, 1), (1, 0.6)])
@pytest.mark.parametrize(
    ("suffix", "subtype"),
    [("wav", "PCM_U8"), ("wav", "PCM_16"), ("wav", "PCM_24"), ("wav", "FLOAT"), ("flac", "PCM_16"), ("ogg", "VORBIS")],
)
def test_two_channels_that_cannot_be_iq_are_audio(
    tmp_path: Path, suffix: str, subtype: str, gains: tuple[float, float], silence: int
) -> None:
    x = np.cumsum(np.random.default_rng(3).uniform(-0.01, 0.01, 20_000))
    x = np.concatenate([np.zeros(silence), 0.8 * x / np.abs(x).max()])
    path = tmp_path / f"a.{suffix}"
    soundfile.write(path, x[:, None] * np.array(gains), 48000, subtype)
    recording, y, _ = read(path)
    assert (recording.kind, len(y)) == ("real", len(x))
    which = "second" if gains[0] < 0.5 else "first"
    assert recording.remarks == [f"its two channels cannot be I and Q, so the {which} is taken as audio"]
    np.testing.assert_allclose(y, x, atol=0.1 if suffix == "ogg" else 0.02)
    # who knows better, says so
    assert read(path, kind="iq")[0].kind == "iq"


def test_the_noise_of_an_input_without_a_plug_is_no_q(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    x, hiss = rng.uniform(-0.1, 0.1, 20_000), rng.uniform(-1e-3, 1e-3, 20_000)
    soundfile.write(tmp_path / "a.wav", np.stack([hiss, x], axis=1), 48000, "PCM_16")
    recording, y, _ = read(tmp_path / "a.wav")
    assert recording.kind == "real"
    np.testing.assert_allclose(y, x, atol=1e-4)
    # I and Q of a receiver are not quite alike, and lean towards each other
    soundfile.write(tmp_path / "b.wav", np.stack([x, 0.5 * x[::-1] + 0.7 * x], axis=1), 48000, "PCM_16")
    assert read(tmp_path / "b.wav")[0].kind == "iq"


def test_sound_that_is_none_is_told_without_the_name_of_a_temporary_file(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    path.write_bytes(b"fLaC")
    with pytest.raises(SourceError) as caught:
        read(path)
    assert "cannot be read as FLAC" in str(caught.value)
    assert "<" not in str(caught.value)


@pytest.mark.skipif("MP3" not in soundfile.available_formats(), reason="libsndfile without MP3")
def test_mp3(tmp_path: Path) -> None:
    x = np.sin(np.arange(48_000) * 0.1) / 2
    soundfile.write(tmp_path / "a.mp3", x, 48000)
    recording, y, _ = read(tmp_path / "a.mp3")
    assert (recording.kind, recording.rate) == ("real", 48000)
    assert np.std(y[5000:40000]) == pytest.approx(0.35, abs=0.02)
    (tmp_path / "b.mp3").write_bytes((tmp_path / "a.mp3").read_bytes()[:200])
    assert "MP3" in fault(tmp_path / "b.mp3") or read(tmp_path / "b.mp3")


@pytest.mark.parametrize(
    ("form", "subtype"),
    [
        ("WAV", "ULAW"),
        ("WAV", "ALAW"),
        ("WAV", "IMA_ADPCM"),
        ("WAV", "MS_ADPCM"),
        ("AIFF", "PCM_16"),
        ("AU", "PCM_16"),
        ("CAF", "PCM_16"),
        ("RIFX", "PCM_16"),
    ],
)
def test_companded_wav_and_other_sound(tmp_path: Path, form: str, subtype: str) -> None:
    x = np.sin(np.arange(48_000) * 0.1) / 2
    path = tmp_path / "a.sound"
    big = form == "RIFX"
    soundfile.write(path, x, 48000, subtype, "BIG" if big else None, "WAV" if big else form)
    recording, y, _ = read(path)
    assert (recording.kind, recording.rate) == ("real", 48000)
    assert np.abs(y[5000:40000] - x[5000:40000]).max() < 0.05
    path.write_bytes(path.read_bytes()[:20])
    assert fault(path)


def test_wav_unfinished_odd_and_short(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    frames, expected = stored("ri16_le", 500)
    for size in (0, 0xFFFFFFFF):
        path.write_bytes(wav(frames, 1, 1, 16, size=size))
        recording, x, _ = read(path)
        np.testing.assert_allclose(x, expected, rtol=1e-6)
        assert "did not close" in recording.remarks[0]
    path.write_bytes(wav(frames, 1, 1, 16, extra=b"LIST\x03\0\0\0abc\0"))
    assert len(read(path)[1]) == 500
    path.write_bytes(wav(frames, 1, 1, 16)[:-301])
    recording, x, _ = read(path)
    assert len(x) == 349
    assert "301 of 1000 bytes of samples are missing" in recording.remarks[0]
    path.write_bytes(wav(b"", 1, 1, 16))
    assert fault(path) == f"{path}: holds no samples"
    path.write_bytes(wav(frames, 85, 1, 8))
    assert "format 85 in 8 bits" in fault(path)
    path.write_bytes(wav(frames, 1, 4, 16))
    assert "has 4 channels" in fault(path)
    path.write_bytes(wav(frames, 1, 1, 16)[:20])
    assert "ends before its samples" in fault(path)


def sized(path: Path, *, data: int | None = None, riff: int | None = None, ds64: tuple[int, int] | None = None) -> Path:
    """A WAV file with other sizes than it has."""
    whole = bytearray(path.read_bytes())
    for at, size in ((whole.index(b"data") + 4, data), (4, riff)):
        if size is not None:
            whole[at : at + 4] = struct.pack("<I", size)
    if ds64 is not None:
        at = whole.index(b"ds64") + 8
        whole[at : at + 16] = struct.pack("<QQ", *ds64)
    path.write_bytes(whole)
    return path


@pytest.mark.parametrize("riff", [None, 0, 36, 0xFFFFFFFF])
@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0x7FFFF000, 0x7FFFFFFF, 0x80000000])
def test_wav_of_a_recorder_that_was_killed(tmp_path: Path, size: int, riff: int | None) -> None:
    """Whatever it says of all its length, all behind the head are samples, in a file and through a pipe."""
    frames, expected = stored("ri16_le", 500)
    path = tmp_path / "a.wav"
    path.write_bytes(wav(frames, 1, 1, 16))
    sized(path, data=size, riff=riff)
    recording, x, _ = read(path)
    np.testing.assert_allclose(x, expected, rtol=1e-6)
    assert (recording.samples, len(recording.remarks)) == (500, 1)
    assert "did not close" in recording.remarks[0]
    (tmp_path / "a.wav.gz").write_bytes(gzip.compress(path.read_bytes()))
    recording, x, _ = read(tmp_path / "a.wav.gz")
    np.testing.assert_allclose(x, expected, rtol=1e-6)
    assert recording.samples is None


def test_wav_of_a_recorder_that_was_killed_after_it_wrote_sizes(tmp_path: Path) -> None:
    frames, expected = stored("ri16_le", 500)
    path = tmp_path / "a.wav"
    for size in (100, 101, 998):
        path.write_bytes(wav(frames, 1, 1, 16))
        recording, x, _ = read(sized(path, data=size, riff=36 + size))
        np.testing.assert_allclose(x, expected, rtol=1e-6)
        assert "went on after it wrote the length" in recording.remarks[0]
    for size, bytes_left in ((5000, 4000), (1001, 1)):  # too long
        path.write_bytes(wav(frames, 1, 1, 16))
        recording, x, _ = read(sized(path, data=size))
        np.testing.assert_allclose(x, expected, rtol=1e-6)
        assert f"{bytes_left} of {size} bytes of samples are missing" in recording.remarks[0]
    # a chunk behind is none of it, whatever the size of all
    for samples, tail in (
        (frames, b"LIST\3\0\0\0abc\0"),
        (frames[:-1], b"\0LIST\3\0\0\0abc\0"),
        (frames[:-1], b"id3 \1\0\0\0a"),  # not padded
    ):
        for riff in (None, 0, 77):
            path.write_bytes(wav(samples + tail, 1, 1, 16))
            _, x, _ = read(sized(path, data=len(samples), riff=riff))
            np.testing.assert_allclose(x, expected[: len(samples) // 2], rtol=1e-6)
    for riff in (None, 0):
        path.write_bytes(wav(b"LIST\3\0\0\0abc\0", 1, 1, 16))
        assert "holds no samples" in fault(sized(path, data=0, riff=riff))


def test_rf64_and_wave64_of_a_recorder_that_was_killed(tmp_path: Path) -> None:
    x = np.random.default_rng(3).uniform(-1, 1, (777, 2))
    path = tmp_path / "a.wav"
    endless = (1 << 64) - 1
    for data, ds64 in ((0, (0, 0)), (0xFFFFFFFF, (0, 0)), (0xFFFFFFFF, (endless, endless)), (0, (72, 0)), (0, None)):
        soundfile.write(path, x, 48000, "PCM_16", format="RF64")
        expected = soundfile.read(path)[0]
        recording, y, _ = read(sized(path, data=data, ds64=ds64))
        np.testing.assert_allclose(y.view(np.float32).reshape(-1, 2), expected, atol=1e-7)
        assert [("did not close" in text) for text in recording.remarks] == ([] if ds64 is None else [True])
    path = tmp_path / "a.w64"
    soundfile.write(path, x, 48000, "PCM_16", format="W64")
    whole = path.read_bytes()
    at = whole.index(b"data") + 16
    for size in (None, 0, 24, endless, 10**9, 1 << 63):
        path.write_bytes(whole if size is None else whole[:at] + struct.pack("<Q", size) + whole[at + 8 :])
        recording, y, _ = read(path)
        assert (recording.kind, recording.rate) == ("iq", 48000.0)
        np.testing.assert_allclose(y.view(np.float32).reshape(-1, 2), expected, atol=1e-7)


def test_wav_auxi(tmp_path: Path) -> None:
    frames, _ = stored("ci16_le", 50)
    systemtime = struct.pack("<8H", 2015, 8, 2, 4, 20, 42, 53, 250)
    auxi = systemtime + systemtime + struct.pack("<9I", 435595000, *[0] * 8)
    path = tmp_path / "SDRuno_20200101_000000Z_1kHz.wav"
    path.write_bytes(wav(frames, 1, 2, 16, extra=b"auxi" + struct.pack("<I", len(auxi)) + auxi))
    recording, _, _ = read(path)
    assert (recording.frequency, recording.clock.utc_ns) == (435595e3, START + 250_000_000)
    xml = "<?xml?><Definition RadioCenterFreq='435595000' UTCSeconds='1438720973'/>".encode("utf-16-le")
    path.write_bytes(wav(frames, 1, 2, 16, extra=b"auxi" + struct.pack("<I", len(xml)) + xml))
    recording, _, _ = read(path)
    assert (recording.frequency, recording.clock.utc_ns) == (435595e3, START)
    recording, _, _ = read(path, frequency=1.0, start=2, rate=96000)
    assert (recording.frequency, recording.clock, recording.rate) == (1.0, Clock(96000.0, 0.0, 2), 96000.0)


# bare samples, names, compression


@pytest.mark.parametrize(
    ("name", "datatype", "rate", "frequency", "utc_ns"),
    [
        ("g001_437.1M_1024k.cu8", "cu8", 1024e3, 437.1e6, None),
        ("gqrx_20150804_204253_435595000_1800000_fc.raw", "cf32_le", 1.8e6, 435595e3, START),
        ("2015-08-04_20-42-53_2400000SPS_137100000Hz.cs16", "ci16_le", 2.4e6, 137.1e6, START),
        ("pass_437.5MHz_48KSPS.CF64", "cf64_le", 48e3, 437.5e6, None),
        ("20151304_204253_48ksps.cs8", "ci8", 48e3, None, None),
    ],
)
def test_raw_names(
    tmp_path: Path, name: str, datatype: str, rate: float, frequency: float | None, utc_ns: int | None
) -> None:
    data, expected = stored(datatype)
    (tmp_path / name).write_bytes(data)
    recording, x, _ = read(tmp_path / name)
    np.testing.assert_allclose(x, expected, rtol=1e-6, atol=1e-7)
    assert (recording.datatype, recording.rate, recording.frequency) == (datatype, rate, frequency)
    assert recording.clock.utc_ns == utc_ns


@pytest.mark.parametrize(
    ("name", "frequency", "utc_ns"),
    [
        ("SDRSharp_20150804_204253Z_435595kHz_IQ.wav", 435595e3, START),
        ("HDSDR_20150804_204253Z_435595kHz_RF.wav", 435595e3, START),
        ("SDRuno_20150804_204253Z_435595000Hz.wav", 435595e3, START),
        ("baseband_435595000Hz_20-42-53_04-08-2015.wav", 435595e3, START),
        ("gqrx_20150804_204253_435595000.wav", 435595e3, START),
        ("satnogs_1234567_2015-08-04T20-42-53.wav", None, START),
        ("40M_12k.wav", None, None),
        ("pass_48kHz_IQ.wav", None, None),  # the rate
        ("pass_150kHz_wide.wav", None, None),
        ("SDRuno_20150804_204253Z_1648kHz.wav", 1648e3, START),
    ],
)
def test_wav_names(tmp_path: Path, name: str, frequency: float | None, utc_ns: int | None) -> None:
    (tmp_path / name).write_bytes(wav(bytes(40), 1, 2, 16))
    recording, _, _ = read(tmp_path / name)
    assert (recording.rate, recording.frequency, recording.clock.utc_ns) == (48000.0, frequency, utc_ns)
    assert ("local time" in " ".join(recording.remarks)) == name.startswith("baseband")


def test_what_must_be_unpacked(tmp_path: Path) -> None:
    for name, kind, head in (("a.zip", "ZIP", b"PK\3\4"), ("a.cu8.lz4", "LZ4", b"\x04\x22\x4d\x18")):
        path = tmp_path / name
        path.write_bytes(head + bytes(100))
        assert fault(path) == f"{path}: is packed by {kind}; unpack it and name the recording that is in it"
        assert len(read(path, format="cu8", rate=1)[1]) == 52  # the user knows better


def test_raw_needs(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(bytes(100))
    assert fault(path).endswith("give --format (such as cu8, cs16, cf32) and --rate")
    assert fault(path, format="cu8").endswith("give it with --rate, in samples per second")
    assert "'cu7' is no sample type" in fault(path, format="cu7", rate=1)
    for rate in (0, -1, float("nan"), 1e11, True, "48000", 10**400):
        assert "--rate is" in fault(path, format="cu8", rate=rate)
    assert "--frequency is nan" in fault(path, format="cu8", rate=1, frequency=float("nan"))
    assert "holds IQ samples (cu8), not what was asked for (real)" in fault(path, format="cu8", rate=1, kind="real")
    for form in ("cu8", "CU8"):  # as SoapySDR writes it
        assert len(read(path, format=form, rate=1)[1]) == 50
    path.write_bytes(bytes(101))
    recording, x, _ = read(path, format="cf32", rate=1)
    assert len(x) == 12
    assert recording.remarks == ["5 bytes of an incomplete sample at the end were left out"]
    path.write_bytes(bytes(7))
    assert fault(path, format="cf32", rate=1) == f"{path}: holds no samples"


def test_no_file(tmp_path: Path) -> None:
    assert fault(tmp_path) == f"{tmp_path}: is a folder; name a recording in it"
    assert "there is no such file" in fault(tmp_path / "a.wav")
    assert "a.sigmf-meta: there is no such file" in fault(tmp_path / "a.sigmf-data")
    assert "is not a file name" in fault("a\0b")
    (tmp_path / "a.wav").write_bytes(b"")
    assert "holds no samples" in fault(tmp_path / "a.wav")
    path = write_sigmf(tmp_path / "b", b"")
    assert "holds no samples" in fault(path)
    (tmp_path / "b.sigmf-data").unlink()
    assert "b.sigmf-data: there is no such file" in fault(path)


@pytest.mark.parametrize("suffix", COMPRESSORS)
def test_compressed(tmp_path: Path, suffix: str) -> None:
    data, expected = stored("cu8", 200_000)
    packed = COMPRESSORS[suffix](data)
    path = tmp_path / f"g001_437.1M_1024k.cu8{suffix}"
    path.write_bytes(packed)
    recording, x, _ = read(path)
    assert (recording.rate, recording.samples) == (1024e3, None)
    np.testing.assert_array_equal(x, expected)
    # by its first bytes; and two streams one after the other
    other = tmp_path / "other.cu8"
    other.write_bytes(packed + packed)
    np.testing.assert_array_equal(read(other, rate=1)[1], np.tile(expected, 2))
    # cut off: all that can be had, then the fault
    for cut in (len(packed) * 2 // 3, len(packed) - 3):
        path.write_bytes(packed[:cut])
        source = open_source(str(path))
        x, message = read_to_fault(source)
        assert message == f"{path}: is cut off: its compressed data has no end"
        assert len(x) >= 65536
        np.testing.assert_array_equal(x, expected[: len(x)])
    path.write_bytes(packed[:1000] + b"damaged" + packed[1007:])
    with pytest.raises(SourceError, match=r"cannot be read to its end|is cut off"):
        read(path)
    wav_path = tmp_path / f"a.wav{suffix}"
    wav_path.write_bytes(COMPRESSORS[suffix](wav(bytes(40), 1, 2, 16)))
    assert len(read(wav_path)[1]) == 10


@pytest.mark.parametrize(("form", "subtype"), [("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("OGG", "OPUS")])
@pytest.mark.parametrize("channels", [1, 2])
def test_audio(tmp_path: Path, form: str, subtype: str, channels: int) -> None:
    tone = np.exp(2j * np.pi * 0.02 * np.arange(80_000)) / 2
    x = np.stack([tone.real, tone.imag], 1)[:, :channels]
    path = tmp_path / f"satnogs_1_2015-08-04T20-42-53.{form.lower()}"
    soundfile.write(path, x, 48000, subtype, format=form)
    recording, y, _ = read(path)
    assert (recording.kind, recording.clock.utc_ns) == ("iq" if channels == 2 else "real", START)
    assert len(y) == recording.samples == 80_000
    error = y.view(np.float32).reshape(-1, channels)[5000:-5000] - x[5000:-5000]
    assert np.abs(error).max() < (0.1 if form == "OGG" else 2e-5)
    packed = tmp_path / (path.name + ".gz")
    packed.write_bytes(gzip.compress(path.read_bytes()))
    np.testing.assert_array_equal(read(packed)[1], y)
    path.write_bytes(path.read_bytes()[:30])
    assert str(path) in fault(path)


def test_not_finite(tmp_path: Path) -> None:
    x = np.ones(150_000, np.complex64)
    x[70_000], x[70_001], x[140_000] = np.nan, complex(1, np.inf), 1e30
    path = tmp_path / "a.cf32"
    path.write_bytes(x.tobytes())
    source = open_source(str(path), rate=1)
    y, message = read_to_fault(source)
    assert message.startswith(f"{path}: 3 samples are no numbers")
    assert message.endswith("the first is sample 70000")
    x[[70_000, 70_001, 140_000]] = 0
    np.testing.assert_array_equal(y, x)


def test_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def give(data: bytes) -> None:
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))

    data, expected = stored("cu8", 5000)
    give(data)
    recording, x, _ = read("-", format="cu8", rate=48000)
    assert recording.name == "standard input"
    np.testing.assert_array_equal(x, expected)
    give(gzip.compress(wav(data, 1, 2, 8)))
    np.testing.assert_array_equal(read("-")[1], expected)
    meta = write_sigmf(tmp_path / "a", data).read_bytes()
    give(archive(tmp_path / "a.sigmf", {"a.sigmf-meta": meta, "a.sigmf-data": data}).read_bytes())
    np.testing.assert_array_equal(read("-")[1], expected)
    give(archive(tmp_path / "a.sigmf", {"a.sigmf-data": data, "a.sigmf-meta": meta}).read_bytes())
    assert "save it as a file" in fault("-")
    give(data)
    assert "standard input: is of no known kind" in fault("-")


@pytest.mark.parametrize("kind", ["cu8", "wav", "sigmf"])
def test_memory_is_constant(tmp_path: Path, kind: str) -> None:
    size = 20 << 30
    path = tmp_path / f"a.{kind}"
    if kind == "sigmf":
        path = write_sigmf(tmp_path / "a", b"", [{"sample_start": 0, "header_bytes": 15 << 30}])
        os.truncate(tmp_path / "a.sigmf-data", size)
    else:
        if kind == "wav":  # the samples behind three gigabytes of something else
            path.write_bytes(wav(b"", 1, 2, 8, extra=b"junk" + struct.pack("<I", 3 << 30), size=0)[:44])
            with path.open("r+b") as file:
                file.seek(44 + (3 << 30))
                file.write(b"data\xff\xff\xff\xff")
        with path.open("ab") as file:
            file.truncate(size)
    tracemalloc.start()
    try:
        source = open_source(str(path), rate=1e6)
        assert sum(len(chunk.items) for _ in range(20) if (chunk := source.read())) == 20 * CHUNK
        assert (source.recording.samples or 0) > 2 << 30
        source.close()
        assert tracemalloc.get_traced_memory()[1] < 5e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz", ".zst"])
@pytest.mark.parametrize("data", [bytes(range(100)), b"x", b"\xfd7zXZ", b"BZh9"])
def test_samples_named_as_compressed(suffix: str, data: bytes, tmp_path: Path) -> None:
    """They are not read as they are: the name says that they are something else."""
    path = tmp_path / f"x.cu8{suffix}"
    path.write_bytes(data)
    said = f"x.cu8{suffix}: is named {suffix}, but is not compressed so; if it holds bare samples, give it a name"
    assert said in fault(str(path), rate=48000)
    assert said in fault(str(path), rate=48000, format="cu8")
