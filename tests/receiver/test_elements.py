"""Every format gives the same elements; what is wrong is said in one sentence."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from receiver.elements import Elements, read_elements
from receiver.errors import OrbitError

TLE = """\
1 43804U 18099AY  19312.63974356 -.00000043  00000-0  13601-5 0  9999
2 43804  97.7300  22.7185 0014609 207.1414 152.9045 14.95350049 50798
"""
OMM: dict[str, Any] = {
    "OBJECT_NAME": "SUOMI-100",
    "OBJECT_ID": "2018-099AY",
    "EPOCH": "2019-11-08T15:21:13.843584",
    "MEAN_MOTION": 14.95350049,
    "ECCENTRICITY": 0.0014609,
    "INCLINATION": 97.73,
    "RA_OF_ASC_NODE": 22.7185,
    "ARG_OF_PERICENTER": 207.1414,
    "MEAN_ANOMALY": 152.9045,
    "EPHEMERIS_TYPE": 0,
    "CLASSIFICATION_TYPE": "U",
    "NORAD_CAT_ID": 43804,
    "ELEMENT_SET_NO": 999,
    "REV_AT_EPOCH": 5079,
    "BSTAR": 1.3601e-6,
    "MEAN_MOTION_DOT": -4.3e-7,
    "MEAN_MOTION_DDOT": 0,
}
METADATA = {"CENTER_NAME": "EARTH", "REF_FRAME": "TEME", "TIME_SYSTEM": "UTC", "MEAN_ELEMENT_THEORY": "SGP4"}


def checked(line: str) -> str:
    """A TLE line with its checksum set right."""
    return line[:68] + str(sum(int(c) if c.isdigit() else c == "-" for c in line[:68]) % 10)


def xml(*objects: dict[str, Any], namespace: str = "") -> str:
    def fields(entry: dict[str, Any]) -> str:
        return "".join(f'<{key} units="x">{value}</{key}>' for key, value in entry.items())

    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<ndm{namespace}>'
        + "".join(
            f'<omm id="CCSDS_OMM_VERS" version="2.0"><header><CREATION_DATE/></header><body><segment><metadata>'
            f"{fields(METADATA)}</metadata><data><meanElements>{fields(entry)}</meanElements>"
            f"</data></segment></body></omm>"
            for entry in objects
        )
        + "</ndm>"
    )


def kvn(*objects: dict[str, Any]) -> str:
    units = {"MEAN_MOTION": " [rev/day]", "INCLINATION": "[deg]"}
    return "\n".join(
        "CCSDS_OMM_VERS = 2.0\nCOMMENT made = here\n\nORIGINATOR    = X\n"
        + "".join(f"{key:20}= {value}{units.get(key, '')}\n" for key, value in {**METADATA, **entry}.items())
        for entry in objects
    )


def as_csv(*objects: dict[str, Any], quote: bool = False) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(objects[0]), quoting=csv.QUOTE_ALL if quote else csv.QUOTE_MINIMAL)
    writer.writeheader()
    writer.writerows(objects)
    return text.getvalue()


def read(tmp_path: Path, text: str | bytes) -> list[Elements]:
    path = tmp_path / "orbit.txt"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_elements(path)


def as_text(entry: dict[str, Any]) -> dict[str, str]:
    return {key: str(value) for key, value in entry.items()}


FORMATS = {
    "3LE": "SUOMI-100\n" + TLE,
    "3LE with 0": "0 SUOMI-100\n" + TLE,
    "CRLF, blank lines": ("\r\n\r\nSUOMI-100   \n" + TLE).replace("\n", "\r\n"),
    "byte order mark": "\ufeffSUOMI-100\n" + TLE,
    "JSON": json.dumps([OMM]),
    "JSON of texts": json.dumps([as_text({**METADATA, **OMM, "TLE_LINE0": None, "DECAY_DATE": None})], indent=1),
    "JSON object": json.dumps(OMM),
    "JSON of SatNOGS": json.dumps(
        [dict(zip(("tle0", "tle1", "tle2"), ["0 SUOMI-100", *TLE.split("\n")], strict=False))]
    ),
    "XML": xml(OMM),
    "XML with namespace": xml(OMM, namespace=' xmlns="urn:ccsds:schema:ndmxml"'),
    "KVN": kvn(OMM),
    "CSV": as_csv(OMM),
    "CSV, quoted": as_csv(OMM, quote=True),
}


@pytest.mark.parametrize("form", FORMATS)
def test_formats_agree(form: str, tmp_path: Path) -> None:
    (found,) = read(tmp_path, FORMATS[form])
    assert (found.name, found.norad) == ("SUOMI-100", 43804)
    assert found.epoch_ns == pytest.approx(1573226473843584000, abs=1000)
    values = (found.inclination, found.node, found.eccentricity, found.perigee, found.anomaly, found.motion)
    assert values == (97.73, 22.7185, 0.0014609, 207.1414, 152.9045, 14.95350049)
    assert found.drag == pytest.approx(1.3601e-6, rel=1e-12)


def test_many_objects(tmp_path: Path) -> None:
    first, second = checked(TLE[:2] + "T0001" + TLE[7:69]), checked(TLE[70:72] + "T0001" + TLE[77:139])
    other = {**OMM, "OBJECT_NAME": "NEW", "NORAD_CAT_ID": 270001}
    for text in (
        f"SUOMI-100\n{TLE}NEW\n{first}\n{second}\n",
        json.dumps([OMM, other]),
        xml(OMM, other),
        kvn(OMM, other),
        as_csv(OMM, other),
    ):
        assert [(e.name, e.norad) for e in read(tmp_path, text)] == [("SUOMI-100", 43804), ("NEW", 270001)]
    pair = read(tmp_path, TLE + f"{first}\n{second}")
    assert [(e.name, e.norad, e.label) for e in pair] == [("", 43804, "(43804)"), ("", 270001, "(270001)")]


@pytest.mark.parametrize(
    ("text", "number"), [("  5", 5), ("A0000", 100000), ("J2931", 182931), ("P4018", 234018), ("Z9999", 339999)]
)
def test_alpha5(text: str, number: int, tmp_path: Path) -> None:
    lines = [checked(line[:2] + text.rjust(5) + line[7:]) for line in TLE.splitlines()]
    assert read(tmp_path, "\n".join(lines))[0].norad == number


def test_catalogue_numbers_above_99999(tmp_path: Path) -> None:
    for number in (100000, 339999, 340000, 799500000):
        assert read(tmp_path, json.dumps({**OMM, "NORAD_CAT_ID": number}))[0].norad == number
    assert read(tmp_path, kvn({k: v for k, v in OMM.items() if k != "NORAD_CAT_ID"}))[0].norad is None


def test_epochs(tmp_path: Path) -> None:
    for text, ns in (
        ("2019-312T15:21:13.5Z", 1573226473_500000000),
        ("2019-11-08 15:21:13", 1573226473_000000000),
        ("2019-11-08T15:21:13.123456789", 1573226473_123456789),
    ):
        assert read(tmp_path, json.dumps({**OMM, "EPOCH": text}))[0].epoch_ns == ns
    old = checked(TLE[:18] + "57" + TLE[20:69]) + TLE[69:]
    assert read(tmp_path, old)[0].epoch_ns < 0


L1, L2 = TLE.splitlines()
FAULTS: dict[str, tuple[str | bytes, str]] = {
    "empty": ("", "is empty"),
    "blank": (" \n\n", "is empty"),
    "binary": (bytes(range(256)), "is not text"),
    "prose": ("hello\nworld\n", "line 2: a line of a TLE begins with '1 ' or '2 '"),
    "one word": ("No GP data found", "is not followed by the lines of a TLE"),
    "checksum": (f"X\n{L1}\n{L2[:-1]}0", "line 3: ends with checksum '0', but its characters give 8"),
    "digit": (f"X\n{L1[:30]}7{L1[31:]}\n{L2}", "line 2: ends with checksum '9'"),
    "short": (f"{L1}\n{L2[:-1]}", "line 2: has 68 characters; line 2 of a TLE has 69"),
    "only line 1": (L1, "line 2: must be line 2 of the TLE of 43804 and begin with '2 '; it is missing"),
    "only line 2": (f"X\n{L2}", "line 2: is the second line of a TLE without the first"),
    "names in between": (f"{L1}\nX\n{L2}", "line 2: must be line 2"),
    "two objects": (f"{L1}\n{checked(L2[:2] + '43805' + L2[7:])}", "line 2: is of object 43805, but line 1"),
    "letter": (f"{checked(L1[:2] + 'I0001' + L1[7:])}\n{checked(L2[:2] + 'I0001' + L2[7:])}", "not I or O"),
    "shifted": (f"{checked(L1[:17] + L1[18:68] + ' ')}\n{L2}", "line 1: column 18 of a TLE is blank; it is '1'"),
    "inclination": (
        f"{L1}\n{checked(L2[:8] + '197.7300' + L2[16:])}",
        "line 2: inclination is 197.73; it must be from",
    ),
    "motion": (f"{L1}\n{checked(L2[:52] + '00.00000000' + L2[63:])}", "line 2: mean motion is 0"),
    "no number": (f"{L1}\n{checked(L2[:8] + ' 9x.7300' + L2[16:])}", "line 2: inclination is '9x.7300'"),
    "day": (f"{checked(L1[:20] + '400' + L1[23:])}\n{L2}", "columns 19 to 32, the epoch"),
    "drag": (f"{checked(L1[:53] + ' 13.0 -5' + L1[61:])}\n{L2}", "line 1: columns 54 to 61, B*, are ' 13.0 -5'"),
    "SGP4-XP": (f"{checked(L1[:62] + '4' + L1[63:])}\n{L2}", "SGP4-XP"),
    "JSON cut": (json.dumps([OMM])[:-9], "begins like JSON, but is not"),
    "JSON deep": ("[" * 100_000, "begins like JSON"),
    "JSON list": ("[]", "holds no orbital elements"),
    "JSON of numbers": ("[1]", "object 1: must be an OMM"),
    "JSON infinite": (json.dumps([{**OMM, "BSTAR": float("inf")}]), "object 1: BSTAR is 'inf'; it must be a number"),
    "JSON true": (json.dumps([{**OMM, "MEAN_MOTION": True}]), "MEAN_MOTION is 'True'"),
    "XML cut": (xml(OMM)[:-9], "begins like XML, but is not"),
    "web page": ("<!DOCTYPE html><html><body>no", "is a page or has a document type"),
    "XML empty": ("<ndm/>", "holds no orbital elements"),
    "KVN line": (kvn(OMM) + "\nBSTAR 1", "must be KEY = value; it is 'BSTAR 1'"),
    "CSV row": (as_csv(OMM) + "1,2,3\n", "line 3: has 3 columns; the header has 17"),
    "lacking": (json.dumps([OMM, {k: v for k, v in OMM.items() if k != "EPOCH"}]), "object 2: has no EPOCH"),
    "epoch": (json.dumps({**OMM, "EPOCH": "2019-02-30T00:00:00"}), "EPOCH is '2019-02-30T00:00:00'"),
    "eccentricity": (json.dumps({**OMM, "ECCENTRICITY": 1.5}), "eccentricity is 1.5; it must be from 0 to 0.999999"),
    "frame": (json.dumps({**OMM, "REF_FRAME": "ITRF"}), "REF_FRAME is 'ITRF'; it must be TEME"),
    "theory": (json.dumps({**OMM, "MEAN_ELEMENT_THEORY": "DSST"}), "MEAN_ELEMENT_THEORY is 'DSST'; it must be SGP4"),
    "type": (json.dumps({**OMM, "EPHEMERIS_TYPE": 4}), "EPHEMERIS_TYPE is '4'"),
    "number": (json.dumps({**OMM, "NORAD_CAT_ID": "x"}), "the catalogue number is 'x'"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_one_sentence(fault: str, tmp_path: Path) -> None:
    text, said = FAULTS[fault]
    with pytest.raises(OrbitError) as error:
        read(tmp_path, text)
    message = str(error.value)
    assert message.startswith(f"{tmp_path / 'orbit.txt'}: ")
    assert said in message
    assert "\n" not in message
    assert len(message) < 300


def test_files_that_are_none(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(OrbitError, match="cannot be read"):
            read_elements(path)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    form=st.sampled_from([*FORMATS.values(), xml(OMM, OMM)]),
    at=st.floats(0, 1),
    length=st.integers(0, 12),
    new=st.text(st.sampled_from('0179 .-+eE,:;<>/[]{}="\n\x00éA'), max_size=8),
)
def test_damage_is_found_or_harmless(form: str, at: float, length: int, new: str, tmp_path_factory: Any) -> None:
    start = int(at * len(form))
    path = tmp_path_factory.getbasetemp() / "damaged.txt"
    path.write_text(form[:start] + new + form[start + length :], encoding="utf-8")
    try:
        assert all(0 <= e.eccentricity < 1 and 0 < e.motion <= 18 for e in read_elements(path))
    except OrbitError as error:
        assert str(error).startswith(str(path))  # noqa: PT017
