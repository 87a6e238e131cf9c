"""Definitions of satellites: reading, checking and finding them, and all that are shipped."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from receiver import flowgraph
from receiver.cli import cli
from receiver.errors import FlowgraphError
from receiver.satellite import all_satellites, find_satellite, load_satellite

SHIPPED = sorted((flowgraph.folder() / "satellites").glob("*.toml"))
GOOD = """name = "Test-1"
norad = 900_001
alternative_names = ["Probe", 'T 1']

[[transmitter]]
name = "9k6 FSK"
frequency = 437.3e6
modulation = "FSK"
demod = { use = "fsk", baudrate = 9600 }
framing = { use = "ax25", scrambler = "g3ruh" }
"""


def write(folder: Path, text: str, name: str = "test.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_definition_is_read(tmp_path: Path) -> None:
    satellite = load_satellite(write(tmp_path, GOOD))
    assert (satellite.name, satellite.norad, satellite.alternative_names) == ("Test-1", 900001, ("Probe", "T 1"))
    (transmitter,) = satellite.transmitters
    assert transmitter.frequency == 437.3e6
    assert transmitter.baudrate == 9600
    assert transmitter.framing == {"use": "ax25", "scrambler": "g3ruh"}


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("norad = 900_001", "", "has no 'norad'"),
        ("norad = 900_001", "norad = -5", "norad is -5"),
        ("norad = 900_001", 'norad = "5"', "norad is '5'; it must be a whole number"),
        ('name = "Test-1"', "nmae = 1", "'nmae' is not known here; did you mean 'name'?"),
        ("'T 1'", "5", "alternative_names is"),
        ("437.3e6", "437.3e16", "frequency is 4.373e+18"),
        ("437.3e6", "nan", "frequency is nan"),
        ("437.3e6", "true", "transmitter 1 (9k6 FSK): frequency is True; it must be a number"),
        ("frequency", "freqency", "transmitter 1 (9k6 FSK): 'freqency' is not known here; did you mean 'frequency'?"),
        ('{ use = "fsk", baudrate = 9600 }', '"fsk"', "demod is 'fsk'; it must be a table"),
        ('use = "ax25"', "use = 25", "framing does not name a stage"),
        ("[[transmitter]]", "[transmitter]", "transmitter is"),
        ('name = "9k6 FSK"', "", "transmitter 1: has no 'name'"),
        ('"Test-1"', '"Test-1', "is not TOML"),
    ],
)
def test_fault_is_named(tmp_path: Path, old: str, new: str, says: str) -> None:
    path = write(tmp_path, GOOD.replace(old, new, 1))
    with pytest.raises(FlowgraphError, match=re.escape(says)) as caught:
        load_satellite(path)
    assert str(path) in str(caught.value)


def test_names_of_transmitters_differ(tmp_path: Path) -> None:
    with pytest.raises(FlowgraphError, match="2 transmitters are named '9k6 FSK'"):
        load_satellite(write(tmp_path, GOOD + GOOD[GOOD.index("[[") :]))


@pytest.mark.parametrize("query", ["43466", "1KUNS-PF", "1kuns pf", "1KunsPf"])
def test_shipped_is_found(query: str) -> None:
    assert find_satellite(query).norad == 43466


@pytest.mark.parametrize("query", ["eyesat 1", "AO-27", "22825"])
def test_alternative_name_is_found(query: str) -> None:
    assert find_satellite(query).name == "AO-27"


@pytest.mark.parametrize("query", ["900001", "probe", "t1", "TEST 1"])
def test_own_folder_is_searched(tmp_path: Path, query: str) -> None:
    path = write(tmp_path, GOOD)
    assert find_satellite(query, [tmp_path]).path == path


def test_own_folder_goes_first(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD.replace("900_001", "43466").replace("Test-1", "1KUNS-PF"))
    for query in ("43466", "1KUNS-PF"):
        assert find_satellite(query, [tmp_path]).path == path
    assert [satellite.path for satellite in all_satellites([tmp_path], "43466")] == [path]


def test_close_names_are_suggested() -> None:
    with pytest.raises(FlowgraphError, match=r"satellite '1KUNS-FP': .* did you mean .*1KUNS-PF.*\?"):
        find_satellite("1KUNS-FP")
    with pytest.raises(FlowgraphError, match="'radome satellites' lists all"):
        find_satellite("")


def test_several_of_a_name(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    write(tmp_path, GOOD.replace("900_001", "900_002"), "other.toml")
    with pytest.raises(FlowgraphError, match="several have that name"):
        find_satellite("probe", [tmp_path])
    assert find_satellite("900002", [tmp_path]).norad == 900002


def test_satellites_without_a_number_of_their_own(tmp_path: Path) -> None:
    """Several may have 99999, and are told apart by their names; two files of one satellite are one."""
    one = GOOD.replace("900_001", "99999")
    other = one.replace("Test-1", "Test-2").replace("T 1", "T 2")
    paths = [write(tmp_path, one, "a.toml"), write(tmp_path, other, "b.toml")]
    write(tmp_path, one, "c.toml")
    assert [satellite.path for satellite in all_satellites([tmp_path], "99999")] == paths
    assert find_satellite("test2", [tmp_path]).path == paths[1]
    with pytest.raises(FlowgraphError, match=r"number: Test-1 \(a.toml\), Test-2 \(b.toml\); give its name"):
        find_satellite("99999", [tmp_path])
    paths[1].unlink()
    assert find_satellite("99999", [tmp_path]).path == paths[0]


def test_each_shipped_file_is_found_by_its_names() -> None:
    assert all_satellites(query="*") == []
    satellites = all_satellites()
    assert len(satellites) == len(SHIPPED) > 300
    assert all(satellite.path.name.startswith(f"{satellite.norad}-") for satellite in satellites)


@pytest.mark.parametrize("room", ["demod", "framing"])
def test_shipped_definitions_fit_the_stages(room: str) -> None:
    for satellite in all_satellites():
        for transmitter in satellite.transmitters:
            flowgraph.build(getattr(transmitter, room), f"{satellite.path.name}, {transmitter.name}", room)


def test_command_lists() -> None:
    result = CliRunner().invoke(cli, ["satellites", "1kuns"])
    assert result.exit_code == 0
    assert result.output.splitlines() == [
        "43466\t1KUNS-PF\t1k2 FSK downlink\t437.3\tFSK\t1200\tax100 ASM+Golay",
        "43466\t1KUNS-PF\t9k6 FSK downlink\t437.3\tFSK\t9600\tax100 ASM+Golay",
    ]


def test_command_gives_json() -> None:
    result = CliRunner().invoke(cli, ["satellites", "43466", "--json"])
    record = json.loads(result.output)
    assert record["norad"] == 43466
    assert record["transmitters"][1]["demod"] == {"use": "fsk", "baudrate": 9600}


def test_command_finds_nothing() -> None:
    result = CliRunner().invoke(cli, ["satellites", "no such satellite"])
    assert isinstance(result.exception, FlowgraphError)
