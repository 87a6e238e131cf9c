"""`radome synth`: what it writes, and what it says when it cannot."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from click.testing import CliRunner

from receiver.cli import cli
from receiver.errors import RadomeError

TLE = """SWAMPSAT-2
1 45115U 19071E   20099.39926589  .00009061  00000-0  28184-3 0  9997
2 45115  51.6436 341.7044 0013599 160.9961 199.1531 15.33977638 10366
"""


def run(folder: Path, *arguments: str) -> dict[str, Any]:
    """Metadata of what a command makes."""
    output = folder / "x.sigmf-meta"
    CliRunner().invoke(cli, ["synth", "-o", str(output), *arguments], catch_exceptions=False, standalone_mode=False)
    meta: dict[str, Any] = json.loads(output.read_text())
    return meta


def test_frames_of_a_file_with_the_doppler_of_an_orbit(tmp_path: Path) -> None:
    (tmp_path / "x.tle").write_text(TLE)
    (tmp_path / "frames").write_text('{"payload": "0102030405"}\n\n0a0b0c0d0e\n')
    arguments = ["-s", "SwampSat-2", "--frames", str(tmp_path / "frames"), "--tle", str(tmp_path / "x.tle")]
    arguments += [
        "--station",
        "52,4.36,10",
        "--start",
        "2020-04-08T14:38:02.25Z",
        "--ebn0",
        "none",
        "--datatype",
        "ci16_le",
    ]
    meta = run(tmp_path, *arguments, "--jsonl", str(tmp_path / "x.jsonl"), "--frequency", "436345000")
    assert [note["radome:payload"] for note in meta["annotations"]] == ["0102030405", "0a0b0c0d0e"]
    assert meta["captures"][0]["core:datetime"] == "2020-04-08T14:38:02.250000000Z"
    line = json.loads((tmp_path / "x.jsonl").read_text().splitlines()[0])
    x = np.fromfile(tmp_path / "x.sigmf-data", "<i2").astype(np.float64).view(np.complex128)
    a = int(line["sample"])
    phase = np.unwrap(np.angle(x[a - 600 : a]))
    turned = (phase[-1] - phase[0]) / (2 * np.pi) * 48000 / 599
    # tuned 5 kHz below; flags have more zeros than ones on the line by some hundred hertz
    assert turned == pytest.approx(5000 + line["doppler_hz"], abs=700)
    assert 2000 < line["doppler_hz"] < 3500


def test_the_same_seed_makes_the_same_file(tmp_path: Path) -> None:
    digests = [run(tmp_path, "-s", "45115", "-n", "2", "--seed", seed)["global"]["core:sha512"] for seed in "112"]
    assert digests[0] == digests[1] != digests[2]


def test_gaps_make_captures(tmp_path: Path) -> None:
    meta = run(tmp_path, "-s", "45115", "-n", "2", "--gap", "0.05,0.01", "--gap", "0.08,0.01")
    assert [capture["core:global_index"] for capture in meta["captures"]] == [0, 2880, 4320]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "give the satellite by --satellite or by --definition"),
        (["-s", "45115", "-t", "nothing"], "has no transmitter 'nothing'; it has '9k6 FSK downlink'"),
        (["-s", "45115", "--frame", "xyz"], "--frame 1: 'xyz' is not hex digits"),
        (["-s", "45115", "--datatype", "ri16_le"], "does not fit"),
        (["-s", "44030", "--frame", "00" * 300], "frame 1: a Reed-Solomon message has 1 to 223 bytes, got 300"),
    ],
)
def test_mistakes_are_told_in_a_sentence(tmp_path: Path, arguments: list[str], words: str) -> None:
    with pytest.raises(RadomeError, match=words.replace("(", r"\(")):
        run(tmp_path, *arguments)


@pytest.mark.parametrize(
    "option",
    [
        *(f"--{name} {value}" for name in ("rate", "level") for value in ("nan", "inf", "0", "-1", "1e300", "x")),
        *(f"--{name} nan" for name in ("offset", "clock-ppm", "noise-tilt", "carrier", "frequency", "bt", "rolloff")),
        *(f"--{name} {value}" for name in ("pause", "lead", "tail") for value in ("nan", "-1", "1e300")),
        *(f"--{name} 1,nan" for name in ("spur", "gain-step", "gap", "dc", "iq-imbalance", "doppler")),
        *(f"--{name} 1,2,3" for name in ("spur", "gain-step", "gap", "dc", "iq-imbalance")),
        *(f"--ebn0 {value}" for value in ("nan", "-1e300", "1e300", "little")),
        *("--gap -1,5", "--gain-step -1,3", "--spur 1e300,1", "--bt 0", "--rolloff 2", "--seed -1"),
        *("--length 100000000000", "--preamble 99999999999", "--start 9999-12-31T00:00:00Z", "--start noon"),
    ],
)
def test_numbers_that_cannot_be(option: str, tmp_path: Path) -> None:
    """Each is refused by its name, and nothing is written."""
    name, value = option.split()
    with pytest.raises(click.BadParameter) as caught:
        run(tmp_path, "-s", "45115", name, value)
    assert name in str(caught.value.param and caught.value.param.opts)
    assert "\n" not in caught.value.format_message()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--rate", "9000"], "9000 samples per second are too few for 9600 Bd"),
        (["--doppler", "0,1e6,1e6", "--lead", "50"], "must be under a tenth of the carrier's frequency"),
        (["--jsonl", "x.sigmf-data"], "x.sigmf-data: is a file of the recording"),
        (["--jsonl", "./x.sigmf-meta"], "x.sigmf-meta: is a file of the recording"),
        (["--frames", "number.jsonl", "--jsonl", "number.jsonl"], "number.jsonl: is what is read; frames"),
        (["--output", ""], "--output: its value is empty; give one, or leave the option out"),
        (["--output", "-"], "'-' is no name for a recording"),
        (["--output", "/nowhere/x"], "/nowhere/x: cannot be written"),
        (["--frames", "bytes"], "bytes, line 1: "),
        (["--frames", "number.jsonl"], "number.jsonl, line 1: is no JSON with a payload"),
        (["--frames", "deep.jsonl"], "deep.jsonl, line 1: is no JSON with a payload"),
    ],
)
def test_what_is_wrong_leaves_no_recording(
    options: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bytes").write_bytes(b"\xff\xfe\x00\x01")
    Path("number.jsonl").write_text('{"payload": 5}')
    Path("deep.jsonl").write_text('{"payload": ' + "[" * 100_000)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(RadomeError) as caught:
        run(Path(), "-s", "45115", *options)
    assert words in str(caught.value)
    assert sorted(tmp_path.iterdir()) == before


def test_the_frames_are_not_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("x.sigmf-meta").write_text("00 01 02 03\n")
    with pytest.raises(
        RadomeError, match=r"x\.sigmf-meta: is what is read; a recording must be written to another file"
    ):
        run(Path(), "-s", "45115", "--frames", "x.sigmf-meta")
    assert Path("x.sigmf-meta").read_text() == "00 01 02 03\n"


def test_half_of_a_recording_is_none(tmp_path: Path) -> None:
    """Nothing is left of the new one, and the old one is as it was until another is whole."""
    run(tmp_path, "-s", "45115")
    old = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert len(old) == 2
    (tmp_path / "frames").write_text("00 01 02 03\n" * 2000 + "nothing\n")
    with pytest.raises(RadomeError, match="line 2001: 'nothing' is not hex digits"):
        run(tmp_path, "-s", "45115", "--frames", str(tmp_path / "frames"))
    (tmp_path / "frames").unlink()
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == old
    run(tmp_path, "-s", "45115", "--seed", "1")
    new = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert new.keys() == old.keys()
    assert all(new[name] != old[name] for name in old)


def test_metadata_are_never_beside_other_samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever step the command is killed at, an older recording being there."""
    meta, data, seen = tmp_path / "x.sigmf-meta", tmp_path / "x.sigmf-data", []

    def look() -> None:
        if meta.exists():
            digest = hashlib.sha512(data.read_bytes()).hexdigest()
            seen.append(json.loads(meta.read_text())["global"]["core:sha512"] == digest)

    def replace(self: Path, target: Path) -> None:
        look()
        os.replace(self, target)
        look()

    run(tmp_path, "-s", "45115")
    monkeypatch.setattr(Path, "replace", replace)
    run(tmp_path, "-s", "45115", "--seed", "1")
    assert seen
    assert all(seen)
    assert sorted(path.name for path in tmp_path.iterdir()) == [data.name, meta.name]


@pytest.mark.parametrize("name", ["x.sigmf-meta", "x.sigmf-data"])
def test_a_folder_in_the_place_of_a_recording(name: str, tmp_path: Path) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises((RadomeError, click.BadParameter), match=name):
        run(tmp_path, "-s", "45115")
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_an_orbit_needs_station_and_start(tmp_path: Path) -> None:
    (tmp_path / "x.tle").write_text(TLE)
    with pytest.raises(RadomeError, match="needs --station and --start"):
        run(tmp_path, "-s", "45115", "--tle", str(tmp_path / "x.tle"))
