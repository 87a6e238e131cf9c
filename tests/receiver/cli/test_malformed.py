"""Input that is broken in every way: one sentence and status 2, or, where it can be read, a run without a fault."""

from __future__ import annotations

import bz2
import gzip
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.cli import main
from tests.fuzz import FUZZ

DEFINITION = """
name = "Test-1"
norad = 99998
[[transmitter]]
name = "9k6 FSK"
frequency = 437.35e6
demod = { use = "fsk", baudrate = 9600 }
framing = { use = "ax25", scrambler = "g3ruh" }
"""
META: dict[str, Any] = {
    "global": {"core:datatype": "cf32_le", "core:sample_rate": 48000, "core:version": "1.0.0"},
    "captures": [{"core:sample_start": 0, "core:frequency": 437.35e6, "core:datetime": "2024-01-01T00:00:00Z"}],
    "annotations": [],
}
SAMPLES = np.random.default_rng(1).standard_normal(4000).astype("<f4").tobytes()
TLE = """TEST-1
1 99998U 18099AY  19312.63974356 -.00000043  00000-0  13601-5 0  9994
2 99998  97.7300  22.7185 0014609 207.1414 152.9045 14.95350049 50793
"""
FLOWGRAPH = """
[[chain]]
name = "9k6 FSK"
stages = [
  {{ use = "channel.doppler", frequency = 437.35e6{orbit} }},
  {{ use = "demod.fsk", baudrate = 9600 }},
  {{ use = "framing.ax25", scrambler = "g3ruh" }},
]
[[chain]]
name = "9k6 FSK, audio"
kind = "real"
stages = [{{ use = "demod.fsk", baudrate = 9600 }}, {{ use = "framing.ax25", scrambler = "g3ruh" }}]
"""
Outcome = tuple[int, str, str]


def run(folder: Path, capfd: pytest.CaptureFixture[str], *words: str) -> Outcome:
    """Status, output and complaint of a run, which is none of a crash; of `radome run`, the same status."""
    (folder / "test.toml").write_text(DEFINITION)
    outcome = called(capfd, "decode", *words, "--definition", str(folder / "test.toml"))
    file, *options = words
    given = dict(zip(options[::2], options[1::2], strict=True))
    stage = {"elements": given.pop("--tle", None), "station": given.pop("--station", None)}
    orbit = "".join(f", {key} = {json.dumps(value)}" for key, value in stage.items() if value is not None)
    (folder / "flowgraph.toml").write_text(FLOWGRAPH.format(orbit=orbit))
    same = called(
        capfd, "run", str(folder / "flowgraph.toml"), file, *(word for pair in given.items() for word in pair)
    )
    assert same[:2] == outcome[:2], (outcome[2], same[2])
    return outcome


def called(capfd: pytest.CaptureFixture[str], *words: str) -> Outcome:
    """Status, output and complaint of a command."""
    with pytest.raises(SystemExit) as done:
        main([*words, "--jsonl", "-", "-q"])
    out, err = capfd.readouterr()
    status = int(str(done.value.code))
    assert "Traceback" not in err
    assert "Warning" not in err
    if status == 2:
        last = err.splitlines()[-1]
        assert last.startswith(("radome: ", "Error: ")), err
        assert len(last) < 400
        assert sum(line.startswith("Error: ") or "remark" not in line for line in err.splitlines()) >= 1
    else:
        assert status == 0
    return status, out, err


@pytest.fixture(autouse=True)
def _home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))


def sigmf(folder: Path, meta: Any, samples: bytes = SAMPLES) -> str:
    (folder / "x.sigmf-meta").write_text(meta if isinstance(meta, str) else json.dumps(meta))
    (folder / "x.sigmf-data").write_bytes(samples)
    return str(folder / "x.sigmf-meta")


def changed(part: str, key: str, value: Any) -> dict[str, Any]:
    meta = json.loads(json.dumps(META))
    table = meta[part] if part == "global" else meta[part][0]
    if value is ...:
        del table[key]
    else:
        table[key] = value
    return meta  # type: ignore[no-any-return]


RATES = [0, -1, 1e-300, 1e-3, 1, 100, 1e11, 1e300, "48000", None, True, [], {}, ..., 10**400, "nan"]
BROKEN_META: dict[str, Any] = {
    **{f"rate {value!r:.20}": changed("global", "core:sample_rate", value) for value in RATES},
    **{
        f"datatype {value!r}": changed("global", "core:datatype", value)
        for value in ("cf99_le", "", None, 7, "cf16_le", "x" * 10000, ...)
    },
    **{
        f"start {value!r}": changed("captures", "core:sample_start", value)
        for value in (-1, 10**30, 0.5, "0", None, 1e300, ...)
    },
    **{
        f"frequency {value!r}": changed("captures", "core:frequency", value)
        for value in (-437e6, 1e300, "437", None, 0, True)
    },
    **{
        f"time {value!r}": changed("captures", "core:datetime", value)
        for value in ("yesterday", "", 0, None, "9999-99-99T99:99:99Z", "0001-01-01T00:00:00Z", "2024")
    },
    "no captures": {**META, "captures": []},
    "captures that are none": {**META, "captures": {"core:sample_start": 0}},
    "a collection": {"collection": {"core:streams": []}},
    "no global": {"captures": []},
    "a list": [],
    "null": "null",
    "half of it": json.dumps(META)[:60],
    "nothing": "",
    "no JSON": "<xml/>",
    "deep": "[" * 20000,
    "a number too long": '{"global": {"core:sample_rate": 1' + "0" * 5000 + "}}",
    "NaN": json.dumps(META).replace("48000", "NaN"),
    "infinite": json.dumps(META).replace("48000", "1e999"),
    "two of a key": json.dumps(META).replace('"core:version"', '"core:sample_rate": 1, "core:version"'),
}
FINE = ("time", "frequency None", "no captures", "two of a key")


@pytest.mark.parametrize("name", BROKEN_META)
def test_metadata(name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(tmp_path, capfd, sigmf(tmp_path, BROKEN_META[name]))
    assert out == ""
    if name.startswith(("rate", "datatype", "half", "nothing", "no JSON", "a list", "null", "deep", "NaN", "a coll")):
        assert status == 2


SPECIAL = [np.nan, np.inf, -np.inf, 3e38, -3e38, 1e-45]


@pytest.mark.parametrize("rate", ["48000", "1000000"])
@pytest.mark.parametrize("kind", ["all", "some", "bursts"])
def test_samples_that_are_no_numbers(kind: str, rate: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(3)
    x = rng.standard_normal(60000).astype("<f4")
    if kind == "all":
        x = rng.choice(SPECIAL, len(x)).astype("<f4")
    elif kind == "some":
        x[rng.integers(0, len(x), 200)] = rng.choice(SPECIAL, 200)
    else:
        x[20000:30000] = 3e38
        x[40000:50000] = np.nan
    (tmp_path / "x.cf32").write_bytes(x.tobytes())
    status, out, err = run(tmp_path, capfd, str(tmp_path / "x.cf32"), "--rate", rate)
    assert out == ""
    # what is no number became 0, and is a fault of the file; what is too large is but useless
    assert status == 2
    assert "NaN or infinite" in err


def wav(rate: int = 48000, bits: int = 16, channels: int = 1, form: int = 1, size: int = 2000) -> bytes:
    block = bits // 8 * channels
    head = struct.pack("<4sI4s4sIHHIIHH", b"RIFF", 36 + size, b"WAVE", b"fmt ", 16, form, channels, rate & 0xFFFFFFFF,
                       rate * block & 0xFFFFFFFF, block & 0xFFFF, bits)  # fmt: skip
    return head + struct.pack("<4sI", b"data", size) + SAMPLES[:size]


BROKEN_FILES: dict[str, tuple[str, bytes]] = {
    **{f"WAV cut at {n}": ("x.wav", wav()[:n]) for n in (1, 4, 11, 12, 20, 30, 43, 44, 45)},
    "WAV at 0 Hz": ("x.wav", wav(rate=0)),
    "WAV at 1 Hz": ("x.wav", wav(rate=1)),
    "WAV at 4 GHz": ("x.wav", wav(rate=2**32 - 1, channels=2)),
    "WAV of 0 bits": ("x.wav", wav(bits=0)),
    "WAV of 7 bits": ("x.wav", wav(bits=7)),
    "WAV of no channel": ("x.wav", wav(channels=0)),
    "WAV of 999 channels": ("x.wav", wav(channels=999)),
    "WAV in another form": ("x.wav", wav(form=85)),
    "WAV of nothing": ("x.wav", wav(size=0)),
    "empty": ("x.wav", b""),
    "empty raw": ("x.cf32", b""),
    "half a sample": ("x.cf32", b"\x00\x00\x80"),
    "text": ("x.wav", b"This is not a recording.\n" * 100),
    "gzip of nothing": ("x.wav.gz", gzip.compress(b"")),
    "gzip cut": ("x.wav.gz", gzip.compress(wav())[:50]),
    "gzip with a wrong bit": ("x.wav.gz", gzip.compress(wav())[:-6] + b"\x00\x00\x00\x00\x00\x00"),
    "bzip2 that is none": ("x.wav.bz2", b"BZh9" + bytes(100)),
    "bzip2 of text": ("x.wav.bz2", bz2.compress(b"nothing of a recording")),
    "zstandard that is none": ("x.cf32.zst", b"\x28\xb5\x2f\xfd" + bytes(40)),
    "FLAC that is none": ("x.flac", b"fLaC" + bytes(100)),
    "Ogg that is none": ("x.ogg", b"OggS" + bytes(100)),
    "an archive that is none": ("x.sigmf", bytes(1024)),
}


@pytest.mark.parametrize("name", BROKEN_FILES)
def test_files(name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file, data = BROKEN_FILES[name]
    path = tmp_path / file
    path.write_bytes(data)
    rate = ["--rate", "48000"] if ".cf32" in file else []
    status, out, err = run(tmp_path, capfd, str(path), *rate)
    assert out == ""
    if status == 2:
        assert file in err
    else:
        assert name in ("WAV at 4 GHz", "WAV cut at 45", "half a sample")


ELEMENTS: dict[str, str] = {
    "empty": "",
    "text": "no elements at all\n",
    "one line": TLE.splitlines()[1] + "\n",
    "a bad checksum": TLE.replace("9994\n", "9997\n"),
    "cut": TLE[:100],
    "letters": TLE.replace("97.7300", "9x.7300"),
    "JSON that is none": "[{",
    "JSON of nothing": "[]",
    "JSON without elements": '[{"OBJECT_NAME": "TEST-1"}]',
    "XML that is none": "<?xml version='1.0'?><omm><",
    "KVN of nothing": "CCSDS_OMM_VERS = 2.0\n",
    "CSV of a head": "OBJECT_NAME,OBJECT_ID,EPOCH,MEAN_MOTION\n",
    "zeros": "\0" * 500,
}


@pytest.mark.parametrize("name", ELEMENTS)
def test_elements(name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.tle").write_text(ELEMENTS[name])
    words = [sigmf(tmp_path, META), "--tle", str(tmp_path / "x.tle"), "--station", "52,4,0"]
    status, _, err = run(tmp_path, capfd, *words)
    assert status == 2
    assert "x.tle" in err.splitlines()[-1]
    assert len(err.splitlines()) == 1


def test_elements_that_are_right(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """What the others break."""
    (tmp_path / "x.tle").write_text(TLE)
    words = [sigmf(tmp_path, META), "--tle", str(tmp_path / "x.tle"), "--station", "52,4,0"]
    assert run(tmp_path, capfd, *words)[0] == 0


@pytest.mark.parametrize("place", ["", "52", "52,4", "91,0,0", "0,0,nan", "a,b,c", "52,4,0,0", "1e999,0,0"])
def test_stations(place: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.tle").write_text(TLE)
    words = [sigmf(tmp_path, META), "--tle", str(tmp_path / "x.tle"), "--station", place]
    status, _, err = run(tmp_path, capfd, *words)
    assert status == 2 or place == "52,4"
    assert status == 0 or len(err.splitlines()) == 1


@FUZZ
@given(place=st.integers(0, 10**6), bits=st.integers(1, 255), cut=st.integers(0, 300), which=st.sampled_from("mwt"))
def test_wrong_bytes_anywhere(
    place: int, bits: int, cut: int, which: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A byte of the metadata, of a WAV file's head or of the elements is changed, and the end cut off."""

    def damaged(data: bytes) -> bytes:
        at = place % len(data)
        return data[:at] + bytes([data[at] ^ bits]) + data[at + 1 : max(at + 2, len(data) - cut)]

    words = [sigmf(tmp_path, META)]
    if which == "m":
        (tmp_path / "x.sigmf-meta").write_bytes(damaged(json.dumps(META).encode()))
    elif which == "w":
        (tmp_path / "x.wav").write_bytes(damaged(wav()[:44]) + SAMPLES[:2000])
        words = [str(tmp_path / "x.wav")]
    else:
        (tmp_path / "x.tle").write_bytes(damaged(TLE.encode()))
        words += ["--tle", str(tmp_path / "x.tle"), "--station", "52,4,0"]
    _, out, _ = run(tmp_path, capfd, *words)
    assert out == ""
