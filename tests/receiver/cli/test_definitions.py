"""Definitions with mistakes: each is one sentence that names the file, and status 2."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from receiver.cli import main
from receiver.errors import RadomeError
from receiver.reception import Conditions, lines
from receiver.satellite import load_satellite
from receiver.source import Recording
from receiver.stage import Clock
from tests.fuzz import FUZZ

GOOD = """\
name = "Test-1"
norad = 99998
alternative_names = ["Tester"]

[[transmitter]]
name = "9k6 FSK"
frequency = 437.35e6
modulation = "GMSK"
demod = { use = "fsk", baudrate = 9600, deviation = 2400 }
framing = { use = "ax25", scrambler = "g3ruh" }
"""

MISTAKES: dict[str, tuple[str, str, str]] = {
    # what is replaced, by what, and what is said of it
    "no TOML": ("norad = 99998", "norad 99998", "is not TOML"),
    "a key twice": ("norad = 99998", "norad = 1\nnorad = 2", "is not TOML"),
    "no name": ('name = "Test-1"\n', "", "has no 'name'; it must be a text"),
    "a name that is a number": ('name = "Test-1"', "name = 1", "name is 1; it must be a text"),
    "no number": ("norad = 99998\n", "", "has no 'norad'; it must be a whole number"),
    "a number that is a text": ("norad = 99998", 'norad = "99998"', "norad is '99998'; it must be a whole number"),
    "a number below 1": ("norad = 99998", "norad = 0", "norad is 0; it must be a catalogue number above 0"),
    "true for a number": ("norad = 99998", "norad = true", "norad is True; it must be a whole number"),
    "a name for names": ('["Tester"]', '"Tester"', "alternative_names is 'Tester'; it must be a list"),
    "numbers for names": ('["Tester"]', "[1, 2]", "alternative_names is [1, 2]; it must be a list of texts"),
    "a key that is none": ("norad =", "nordad = 1\nnorad =", "'nordad' is not known here; did you mean 'norad'?"),
    "no transmitter": (GOOD[GOOD.index("[[") :], "", "has no 'transmitter'"),
    "one bracket": ("[[transmitter]]", "[transmitter]", "transmitter is {"),
    "no name of a transmitter": ('name = "9k6 FSK"\n', "", "transmitter 1: has no 'name'"),
    "no frequency": ("frequency = 437.35e6\n", "", "transmitter 1 (9k6 FSK): has no 'frequency'"),
    "a frequency in MHz as text": ("437.35e6", '"437.35 MHz"', "frequency is '437.35 MHz'; it must be a number"),
    "a negative frequency": ("437.35e6", "-437.35e6", "frequency is -4.3735e+08; it must be the downlink in Hz"),
    "a frequency that is none": ("437.35e6", "nan", "frequency is nan; it must be the downlink in Hz"),
    "a demodulator that is none": ('use = "fsk"', 'use = "fks"', "there is no such stage; did you mean 'demod.fsk'"),
    "no demodulator": ("demod = {", "demodulator = {", "'demodulator' is not known here; did you mean '"),
    "a demodulator as text": ('{ use = "fsk", baudrate = 9600, deviation = 2400 }', '"fsk"', "demod is 'fsk'; it must"),
    "no use": ('use = "fsk", ', "", "demod does not name a stage; write demod = { use = "),
    "use of a number": ('use = "fsk"', "use = 7", "demod does not name a stage"),
    "use of a way out": ('use = "fsk"', 'use = "../../os"', "there is no such stage"),
    "use of a module that is none": ('use = "fsk"', 'use = "_offsets"', "there is no such stage"),
    "a framing that is none": (
        'use = "ax25", scrambler = "g3ruh"',
        'use = "morse"',
        "there are ais, ax100, ax25,",
    ),
    "a framing in capitals": ('use = "ax25"', 'use = "AX25"', "no such stage; did you mean 'framing.ax25'?"),
    "a framing with a parameter of another": ('"g3ruh" }', '"g3ruh", mode = "x" }', "ax25 has no parameter 'mode'"),
    "a sync word too long": (
        'use = "ax25", scrambler = "g3ruh"',
        'use = "ax100", sync = "930B51DE7"',
        "sync has 36 bits; it must have 32",
    ),
    "a sync word that is none": (
        'use = "ax25", scrambler = "g3ruh"',
        'use = "ax100", sync = "93-0B"',
        "sync is '93-0B'; it must be hexadecimal digits such as",
    ),
    "a sync word of a declared framing": (
        'use = "ax25", scrambler = "g3ruh"',
        'use = "geoscan", sync = "9"',
        "sync has 4 bits; it must have 8 to 64",
    ),
    "a link that is none": (
        '"g3ruh" }',
        '"g3ruh" }\nlink = [{ use = "kis" }]',
        "no such stage; did you mean 'link.kiss'?",
    ),
    "a link with a wrong parameter": (
        '"g3ruh" }',
        '"g3ruh" }\nlink = [{ use = "kiss", head = -1 }]',
        "head is -1; it must",
    ),
    "use of a framing": (
        'use = "fsk", baudrate = 9600, deviation = 2400',
        'use = "framing.ax25"',
        "is no demodulator; it takes soft",
    ),
    "no baud rate": ("baudrate = 9600, ", "", "fsk needs baudrate"),
    "a parameter that is none": ("deviation =", "devation =", "no parameter 'devation'; did you mean 'deviation'?"),
    "a baud rate of 0": ("baudrate = 9600", "baudrate = 0", "baudrate is 0.0; it must be above 0"),
    "a baud rate that is none": ("baudrate = 9600", "baudrate = nan", "baudrate is nan; it must be a number"),
    "an endless baud rate": ("baudrate = 9600", "baudrate = inf", "baudrate is inf; it must be a number"),
    "a baud rate too high": ("baudrate = 9600", "baudrate = 1e6", "samples per second"),
    "a baud rate too low": ("baudrate = 9600", "baudrate = 0.001", "samples per second"),
    "an endless deviation": ("deviation = 2400", "deviation = inf", "deviation is inf; it must be a number"),
    "a scrambler that is none": ("g3ruh", "rot13", "scrambler is 'rot13'; it is one of 'none', 'g3ruh'"),
    "a list for a scrambler": ('"g3ruh"', '["g3ruh"]', "scrambler is ['g3ruh']; it is one of"),
    "two of a name": ("[[transmitter]]", GOOD[GOOD.index("[[") :] + "[[transmitter]]", "2 transmitters are named"),
}


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recording") / "x.cf32"
    np.zeros(2000, np.float32).tofile(path)
    return path


def of(recording: Path) -> list[str]:
    return [str(recording), "--rate", "48000", "--jsonl", "-", "-q"]


def told(args: list[str], capfd: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as done:
        main(args)
    out, err = capfd.readouterr()
    return int(str(done.value.code)), out, err


def decode(recording: Path, definition: Path, capfd: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    return told(["decode", *of(recording), "--definition", str(definition)], capfd)


def one_sentence(of_it: tuple[int, str, str], *said: str) -> None:
    status, out, err = of_it
    assert (status, out) == (2, "")
    assert err.startswith("radome: ")
    assert len(err.splitlines()) == 1
    for words in said:
        assert words in err


@pytest.mark.parametrize("name", MISTAKES)
def test_one_sentence(name: str, recording: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    old, new, said = MISTAKES[name]
    assert old in GOOD
    (tmp_path / "mine.toml").write_text(GOOD.replace(old, new))
    one_sentence(decode(recording, tmp_path / "mine.toml", capfd), said, str(tmp_path / "mine.toml"))


TLE = """\
TEST-1
1 99998U 18099AY  19312.63974356 -.00000043  00000-0  13601-5 0  9994
2 99998  97.7300  22.7185 0014609 207.1414 152.9045 14.95350049 50793
"""
SATYAML = """\
name: Test-1
norad: 99998
transmitters:
  9k6 FSK:
    frequency: 437350000
    modulation: FSK
    baudrate: 9600
    framing: CCSDS Reed-Solomon
    frame size: 223
"""
"""The same in SatYAML, and mistakes in it."""
SATYAML_MISTAKES: dict[str, tuple[str, str, str]] = {
    "an unknown framing": ("CCSDS Reed-Solomon", "CCSDS Reed Solomon", "did you mean 'CCSDS Reed-Solomon'?"),
    "an unknown modulation": (
        "FSK\n    b",
        "QAM\n    b",
        "has modulation 'QAM', which is unknown; known are FSK, AFSK",
    ),
    "a wrong parameter": ("frame size: 223", "frame size: 224", "frame_size is 224; with rs_interleaving 1 it must be"),
    "a basis that is none": ("frame size: 223", "RS basis: triple", "rs_basis is 'triple'; it is one of 'dual'"),
    "a baud rate below 0": ("baudrate: 9600", "baudrate: -9600", "baudrate is -9600.0; it must be above 0"),
    "a baud rate too high": ("baudrate: 9600", "baudrate: 1e6", "samples per second"),
}


@pytest.mark.parametrize("name", SATYAML_MISTAKES)
def test_one_sentence_of_satyaml(name: str, recording: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    old, new, said = SATYAML_MISTAKES[name]
    assert old in SATYAML
    (tmp_path / "mine.yml").write_text(SATYAML.replace(old, new))
    one_sentence(decode(recording, tmp_path / "mine.yml", capfd), said, f"{tmp_path}/mine.", "9k6 FSK")


@pytest.mark.parametrize("file", ["mine.toml", "mine.yml"])
def test_every_way_to_use_a_definition_names_its_file(
    file: str, recording: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """By its name, beside another that is good, by an orbit, by recognition, and for sending."""
    good, old, new, said = {
        "mine.toml": (GOOD, "g3ruh", "rot13", "scrambler is 'rot13'; it is one of 'none', 'g3ruh'"),
        "mine.yml": (SATYAML, "frame size: 223", "RS basis: triple", "rs_basis is 'triple'; it is one of 'dual'"),
    }[file]
    (tmp_path / file).write_text(good.replace(old, new))
    (tmp_path / "orbit.tle").write_text(TLE)
    decode, own = ["decode", *of(recording)], ["--definitions", str(tmp_path)]
    seen = ["--frequency", "437.35e6", "--start", "2019-11-08T15:21:14Z", "--station", "0,105,0", "--all-visible"]
    for args in (
        [*decode, *own, "--satellite", "Test-1"],
        [*decode, *own, "--satellite", "43466", "--satellite", "Test-1"],
        [*decode, *own, *seen, "--tle", str(tmp_path / "orbit.tle")],
        [*decode, *own],
        ["synth", "--definition", str(tmp_path / file), "-o", str(tmp_path / "made.sigmf-meta")],
    ):
        one_sentence(told(args, capfd), said, f"{tmp_path}/mine.", "9k6 FSK")
    assert not list(tmp_path.glob("made*"))


def test_files_that_are_none(recording: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "binary.toml").write_bytes(bytes(range(256)))
    (tmp_path / "empty.toml").write_bytes(b"")
    (tmp_path / "null.toml").write_bytes(b"\0" * 20)
    for file in ("binary.toml", "empty.toml", "null.toml", "nowhere.toml", "."):
        one_sentence(decode(recording, tmp_path / file, capfd), str(tmp_path / file))


def test_the_good_one(recording: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.toml").write_text(GOOD)
    assert decode(recording, tmp_path / "mine.toml", capfd) == (0, "", "")


NUMBERS = st.one_of(
    st.sampled_from([0, -1, 1, 2, 1e-300, 1e-9, 0.1, 1e9, 1e18, 1e300, -1e300, 10**30, math.nan, math.inf, -math.inf]),
    st.floats(),
    st.integers(),
)
VALUES = st.one_of(NUMBERS, st.booleans(), st.text(max_size=5), st.lists(st.integers(), max_size=2), st.just({}))
STAGES: dict[str, dict[str, Any]] = {
    "fsk": {"baudrate": 9600, "deviation": 2400, "subaudio": False},
    "afsk": {"baudrate": 1200, "carrier": 1700, "deviation": 500, "fm_deviation": 3000},
    "psk": {"baudrate": 1200, "order": 2, "differential": True, "manchester": False},
    "ax25": {"scrambler": "none"},
    "ax100": {"mode": "ASM+Golay", "scrambler": "CCSDS"},
    "u482c": {},
    "ccsds": {"frame_size": 223, "rs_interleaving": 1, "convolutional": "none", "precoding": "none"},
}


@settings(max_examples=80, deadline=None, derandomize=True, database=None)
@given(
    demod=st.sampled_from(["fsk", "afsk", "psk"]),
    framing=st.sampled_from(["ax25", "ax100", "u482c", "ccsds"]),
    changes=st.lists(st.tuples(st.booleans(), st.integers(0, 5), VALUES), max_size=2),
    rate=st.sampled_from([1.0, 8000.0, 48000.0, 2.4e6, 1e10]),
    kind=st.sampled_from(["iq", "real"]),
    known=st.booleans(),
)
def test_any_values_make_chains_or_a_sentence(
    demod: str, framing: str, changes: list[tuple[bool, int, Any]], rate: float, kind: Any, known: bool
) -> None:
    from receiver.satellite import Satellite, Transmitter

    tables = [{"use": demod, **STAGES[demod]}, {"use": framing, **STAGES[framing]}]
    for first, number, value in changes:
        table = tables[0 if first else 1]
        table[list(table)[number % len(table)]] = value
    sent = Transmitter("t", 437e6, tables[0], tables[1])
    recording = Recording("x", kind, rate, Clock(rate), 437e6 if known else None)
    try:
        assert len(lines(Satellite("Test-1", 1, (), (sent,), Path("x")), recording, Conditions())) == 1
    except RadomeError as error:
        assert_sentence(str(error))


def assert_sentence(text: str) -> None:
    assert text
    assert "\n" not in text


@settings(FUZZ, max_examples=60)
@given(start=st.integers(0, len(GOOD) - 1), length=st.integers(0, 30), text=st.text(max_size=6))
def test_any_text_loads_or_is_a_sentence(start: int, length: int, text: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(GOOD[:start] + text + GOOD[start + length :], encoding="utf-8", errors="replace")
    try:
        assert load_satellite(path).transmitters
    except RadomeError as error:
        assert_sentence(str(error).removeprefix(str(path)))
