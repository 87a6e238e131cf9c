"""`radome synth`: what it writes, and what it says when it cannot."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

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
        (["-s", "45115", "--start", "yesterday"], "'yesterday' is no date"),
        (["-s", "45115", "--frame", "xyz"], "--frame 1: 'xyz' is not hex digits"),
        (["-s", "45115", "--datatype", "ri16_le"], "does not fit"),
        (["-s", "44030", "--frame", "00" * 300], "frame 1: a Reed-Solomon message has 1 to 223 bytes, got 300"),
    ],
)
def test_mistakes_are_told_in_a_sentence(tmp_path: Path, arguments: list[str], words: str) -> None:
    with pytest.raises(RadomeError, match=words.replace("(", r"\(")):
        run(tmp_path, *arguments)


def test_an_orbit_needs_station_and_start(tmp_path: Path) -> None:
    (tmp_path / "x.tle").write_text(TLE)
    with pytest.raises(RadomeError, match="needs --station and --start"):
        run(tmp_path, "-s", "45115", "--tle", str(tmp_path / "x.tle"))
