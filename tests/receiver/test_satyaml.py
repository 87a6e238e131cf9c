"""SatYAML files: read as they are, found in folders, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.errors import FlowgraphError
from receiver.flowgraph import build
from receiver.satellite import all_satellites, find_satellite, load_satellite
from receiver.satyaml import demod_table, framing_table
from tests.fuzz import FUZZ

FILE = """\
name: SMOG-9
alternative_names:
  - Hungarian-9
  - "MO 9"
norad: 99012
telemetry_servers:
  - SatNOGS
  - HIT example.org/5
data:
  &tlm Telemetry:
    telemetry: smog
  Image:
    image: x
transports:
  KISS:
    protocol: KISS
    data:
    - *tlm
transmitters:
  1k25 FSK downlink:
    frequency: 437.345e+6
    modulation: FSK
    baudrate: 1250
    deviation: -625
    framing: SMOG-1 RA
    frame size: 256
    data:
    - *tlm
  1k2 AFSK:
    frequency: 437345000
    modulation: AFSK
    baudrate: 1200
    af_carrier: 1700
    deviation: 500
    framing: AX.25
    transports:
    - KISS
  9k6 BPSK:
    frequency: 437.345e6
    modulation: DBPSK Manchester
    baudrate: 9600
    framing: CCSDS Concatenated
    frame size: 223
    RS basis: conventional
    RS interleaving: 1
    precoding: differential
    scrambler: none
    convolutional: NASA-DSN
    data:
    - *tlm
  what nobody knows:
    frequency: 437.345e6
    modulation: FSK
    baudrate: 9600
    framing: Semaphore
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "SMOG-9.yml").write_text(FILE)
    return tmp_path


def test_a_file(folder: Path) -> None:
    satellite = load_satellite(folder / "SMOG-9.yml")
    assert (satellite.name, satellite.norad) == ("SMOG-9", 99012)
    assert satellite.alternative_names == ("Hungarian-9", "MO 9")
    fsk, afsk, psk = satellite.transmitters
    assert (fsk.name, fsk.frequency, fsk.modulation) == ("1k25 FSK downlink", 437.345e6, "FSK")
    assert fsk.demod == {"use": "fsk", "baudrate": 1250.0, "deviation": -625}
    assert fsk.framing == {"use": "smog-1-ra", "size": 514}
    assert afsk.demod == {"use": "afsk", "baudrate": 1200.0, "carrier": 1700, "deviation": 500}
    assert afsk.framing == {"use": "ax25"}
    assert psk.demod == {"use": "psk", "baudrate": 9600.0, "differential": True, "manchester": True}
    assert psk.framing == {
        "use": "ccsds",
        "convolutional": "NASA-DSN",
        "frame_size": 223,
        "precoding": "differential",
        "rs_basis": "conventional",
        "scrambler": "none",
    }
    for transmitter in satellite.transmitters:
        build(transmitter.demod, "here", "demod")
        build(transmitter.framing, "here", "framing")


@pytest.mark.parametrize("query", ["smog9", "99012", "hungarian 9", "MO-9"])
def test_found_in_a_folder(query: str, folder: Path) -> None:
    assert find_satellite(query, [folder]).norad == 99012
    assert "SMOG-9" in [satellite.name for satellite in all_satellites([folder], "smog")]


def test_alternative_names_in_a_row(folder: Path) -> None:
    (folder / "other.yaml").write_text(FILE.replace("99012", "99013").replace("SMOG-9", "Other"))
    text = (folder / "other.yaml").read_text()
    start = text.index("alternative_names")
    stop = text.index("norad")
    (folder / "other.yaml").write_text(text[:start] + 'alternative_names: ["One more", Two]\n' + text[stop:])
    assert find_satellite("two", [folder]).norad == 99013


@pytest.mark.parametrize(
    "name",
    ["AX.25", "AX.25 G3RUH", "AX100 ASM+Golay", "U482C", "USP", "GEOSCAN", "Mobitex-NX", "TUBIN", "FORESAIL-1", "UA01"],
)
def test_framings_by_name(name: str) -> None:
    table = framing_table(name, {})
    assert table is not None
    build(table, "here", "framing")


def test_what_radome_does_not_have() -> None:
    assert framing_table("Semaphore", {}) is None
    assert demod_table("QAM", 9600, {}) is None
    assert demod_table("", 9600, {}) is None
    assert demod_table("FSK loud", 9600, {}) is None


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("norad: 99012", "norad: x", "norad is 'x'; it must be a whole number"),
        ("norad: 99012", "", "has no 'norad'"),
        ("transmitters:", "transmitter:", "has no 'transmitters'"),
        ("    baudrate: 1250\n", "", "transmitter '1k25 FSK downlink': has no 'baudrate'"),
        ("frequency: 437345000", "frequency: 0", "transmitter '1k2 AFSK': frequency is 0"),
        ("    af_carrier: 1700\n", "", "transmitter '1k2 AFSK': has no 'af_carrier'; it must be a number"),
        (
            "frame size: 256",
            "frame size: short",
            "'1k25 FSK downlink': frame size is 'short'; it must be a whole number",
        ),
        ("name: SMOG-9\n", "", "has no 'name'"),
        ("name: SMOG-9\n", "name: [\n", "is not YAML that can be read"),
        ("SatNOGS", "\x00", "is not YAML that can be read"),
        ("data:\n", "a: &x [1]\nb: *x\ndata:\n", "\\*x stands for a list or a table"),
    ],
)
def test_faults_are_named(old: str, new: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.yml"
    path.write_text(FILE.replace(old, new, 1))
    with pytest.raises(FlowgraphError, match=f"^{path}.*{says}".replace("(", "\\(")):
        load_satellite(path)


@pytest.mark.parametrize(
    "data", [b"", b"- 1\n", b"\xff\xfe\x00", b"[" * 100000, b"1" * (1 << 21), b"a: " + b"9" * 5000]
)
def test_files_that_are_none(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "bad.yml"
    path.write_bytes(data)
    with pytest.raises(FlowgraphError, match=f"^{path}"):
        load_satellite(path)
    all_satellites([tmp_path], "no such name")


def test_nothing_to_receive(tmp_path: Path) -> None:
    path = tmp_path / "bad.yml"
    head = FILE[: FILE.index("  1k25")] + FILE[FILE.index("  what nobody") :]
    path.write_text(head)
    with pytest.raises(
        FlowgraphError, match="nothing to receive: transmitter 'what nobody knows' has framing 'Semaphore'"
    ):
        load_satellite(path)


@given(st.integers(0, len(FILE) - 1), st.binary(max_size=3))
@FUZZ
def test_changed_files_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, at: int, data: bytes) -> None:
    path = tmp_path_factory.mktemp("yaml") / "x.yml"
    path.write_bytes(FILE.encode()[:at] + data + FILE.encode()[at + 1 :])
    try:
        load_satellite(path)
    except FlowgraphError as error:
        assert str(error).startswith(str(path))  # noqa: PT017
