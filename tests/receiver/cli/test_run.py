"""`radome run`: the flowgraphs that are shipped, on synthesised recordings, and what a flowgraph can declare."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import receiver.record
from receiver.cli import main
from receiver.declared import load_flowgraph
from receiver.flowgraph import folder
from receiver.satellite import Transmitter
from receiver.synth import Channel, Synthesiser
from receiver.synth.sigmf import write_sigmf
from tests.fuzz import FUZZ
from tests.loopback import FREQUENCY, START, payloads, transmitter

Cli = Callable[..., tuple[int, str, str]]
SCHEMA = json.loads((Path(receiver.record.__file__).parent / "frame.schema.json").read_text())
AFSK = transmitter({"use": "afsk", "baudrate": 1200, "carrier": 1700, "deviation": -500}, {"use": "ax25"})
G3RUH = transmitter({"use": "fsk", "baudrate": 9600})
AIS = transmitter({"use": "fsk", "baudrate": 9600, "deviation": 2400}, {"use": "ais"})
BPSK = transmitter({"use": "psk", "baudrate": 1200}, {"use": "ax25"})


def ccsds(code: str) -> Transmitter:
    return transmitter({"use": "psk", "baudrate": 9600}, {"use": "ccsds", "frame_size": 223, "convolutional": code})


def ax100(baudrate: int, mode: str) -> Transmitter:
    return transmitter({"use": "fsk", "baudrate": baudrate}, {"use": "ax100", "mode": mode})


SHIPPED: dict[str, tuple[str, Transmitter, str, dict[str, Any]]] = {
    "FSK, IQ": ("fsk-9600-ax25", G3RUH, "9k6 FSK, IQ", {"offset": 9000.0}),
    "FSK, audio": ("fsk-9600-ax25", G3RUH, "9k6 FSK, audio", {"form": "fm"}),
    "AFSK, IQ": ("afsk-1200-ax25", AFSK, "1k2 AFSK, IQ", {"offset": -6000.0}),
    "AFSK, audio": ("afsk-1200-ax25", AFSK, "1k2 AFSK, audio", {"form": "fm"}),
    "BPSK, IQ": ("bpsk-1200-ax25", BPSK, "1k2 BPSK AX.25", {"offset": 2100.0}),
    "BPSK, audio": ("bpsk-1200-ax25", BPSK, "1k2 BPSK AX.25", {"form": "ssb"}),
    "CCSDS": ("bpsk-9600-ccsds", ccsds("CCSDS"), "9k6 BPSK CCSDS", {"offset": -3000.0}),
    "NASA-DSN": ("bpsk-9600-ccsds", ccsds("NASA-DSN"), "9k6 BPSK CCSDS, NASA-DSN", {}),
    "AIS, IQ": ("gmsk-9600-ais", AIS, "AIS, IQ", {"offset": 9000.0}),
    "AIS, audio": ("gmsk-9600-ais", AIS, "AIS, audio", {"form": "fm"}),
    "AX100": ("ax100-survey", ax100(4800, "ASM+Golay"), "4k8 ASM+Golay, IQ", {"offset": -7000.0}),
    "AX100, audio": ("ax100-survey", ax100(4800, "ASM+Golay"), "4k8 ASM+Golay, audio", {"form": "fm"}),
    "AX100 RS": ("ax100-survey", ax100(9600, "Reed Solomon"), "9k6 Reed Solomon, IQ", {"offset": 5000.0}),
}


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Cli:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))

    def call(*words: Any) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as done:
            main(["run", *(str(word) for word in words)])
        out, err = capfd.readouterr()
        return int(str(done.value.code)), out, err

    return call


def write(folder: Path, sent: Transmitter, frames: list[bytes], form: Any = "iq", **channel: Any) -> Path:
    path = folder / "made.sigmf-meta"
    model = Channel(ebn0_db=18.0 if form != "iq" else 14.0, **channel)
    synthesiser = Synthesiser(sent, frames, 48000.0, model, seed=1, start_ns=START, burst=2, form=form)
    write_sigmf(path, synthesiser, "ci16_le" if form == "iq" else "ri16_le")
    return path


def records(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_all_shipped_are_tried() -> None:
    assert {path.stem for path in folder().glob("*.toml")} == {name for name, *_ in SHIPPED.values()}


@pytest.mark.parametrize("case", SHIPPED)
def test_shipped(case: str, cli: Cli, tmp_path: Path) -> None:
    name, sent, chain, options = SHIPPED[case]
    frames = [np.random.default_rng((1, i)).bytes(223) for i in range(3)] if "ccsds" in name else payloads(3)
    if sent is AIS:  # binary broadcasts
        frames = [b"\x20" + frame[1:] for frame in frames]
    status, out, err = cli(name, write(tmp_path, sent, frames, **options), "--jsonl", "-")
    assert status == 0, err
    found = records(out)
    assert [record["payload"] for record in found] == [frame.hex() for frame in frames]
    for record in found:
        jsonschema.validate(record, SCHEMA)
        assert record["transmitter"] == chain
        assert (record["satellite"], record["norad"], record["doppler_hz"]) == (None, None, None)
        assert record["modulation"] in ("FSK", "AFSK", "BPSK", "GMSK")
        assert record["baudrate"] == sent.baudrate
        if options.get("form", "iq") == "iq":
            offset = options.get("offset", 0.0)
            assert record["offset_hz"] == pytest.approx(offset, abs=300)
            assert record["frequency_hz"] == pytest.approx(FREQUENCY + offset, abs=300)
        else:
            assert record["frequency_hz"] is None


FLOWGRAPH = """
name = "Test"
[source]
file = "{file}"
[[chain]]
name = "first"
satellite = "Test-1"
norad = 99998
stages = [{{ use = "demod.fsk", baudrate = 9600 }}, {{ use = "framing.ax25", scrambler = "g3ruh" }}]
[[chain]]
name = "other"
stages = [{{ use = "demod.fsk", baudrate = 4800 }}, {{ use = "framing.ax100" }}]
[[sink]]
use = "jsonl"
file = "{out}"
[[sink]]
use = "kiss"
file = "{out}.kiss"
timestamps = true
"""


def test_all_that_a_flowgraph_declares(cli: Cli, tmp_path: Path) -> None:
    frames = payloads(3)
    made = write(tmp_path, G3RUH, frames)
    (tmp_path / "x.toml").write_text(FLOWGRAPH.format(file=made, out=tmp_path / "out"))
    status, _, err = cli(tmp_path / "x.toml")
    assert status == 0, err
    found = records((tmp_path / "out").read_text())
    assert [record["payload"] for record in found] == [frame.hex() for frame in frames]
    assert {(record["satellite"], record["norad"], record["transmitter"]) for record in found} == {
        ("Test-1", 99998, "first")
    }
    assert (tmp_path / "out.kiss").read_bytes().count(b"\xc0\x09") == 3
    assert "other" in err
    # options go instead of the sinks, files instead of the source's
    (tmp_path / "out").write_text("kept")
    (tmp_path / "x.toml").write_text(FLOWGRAPH.format(file="nowhere.cf32", out=tmp_path / "out"))
    status, out, err = cli(tmp_path / "x.toml", made, made, "--jsonl", "-")
    assert status == 0, err
    assert [record["seq"] for record in records(out)] == list(range(6))
    assert (tmp_path / "out").read_text() == "kept"


CHAIN = '[[chain]]\nname = "a"\n'
STAGES = 'stages = [{ use = "demod.fsk", baudrate = 9600 }, { use = "framing.ax25" }]\n'
TLE = """TEST-1
1 99998U 18099AY  19312.63974356 -.00000043  00000-0  13601-5 0  9994
2 99998  97.7300  22.7185 0014609 207.1414 152.9045 14.95350049 50793
"""
FAULTS: dict[str, tuple[str, str]] = {
    "nothing": ("", "chain"),
    "no TOML": ("[[", "is not TOML"),
    "a key": ("chains = 1\n" + CHAIN + STAGES, "did you mean 'chain'?"),
    "chain of no table": ("chain = [1]", "[[chain]]"),
    "chain of a number": ("chain = 1", "chain is 1"),
    "no name": ("[[chain]]\n" + STAGES, "name"),
    "two of a name": ((CHAIN + STAGES) * 2, "names must differ"),
    "no stages": (CHAIN, "stages"),
    "empty stages": (CHAIN + "stages = []", "stages"),
    "stages of texts": (CHAIN + 'stages = ["demod.fsk"]', "stages"),
    "a stage": (CHAIN + STAGES.replace("fsk", "fks"), "did you mean 'demod.fsk'?"),
    "no stage": (CHAIN + STAGES.replace("demod.fsk", "sink.jsonl").replace("baudrate = 9600", 'file = "x"'), "stage 1"),
    "a source in the chain": (CHAIN + STAGES.replace("demod.fsk", "source.wav"), "no such stage"),
    "a folder": (CHAIN + STAGES.replace("demod.fsk", "demod"), "no such stage"),
    "a path": (CHAIN + STAGES.replace("demod.fsk", "../demod/fsk"), "no such stage"),
    "a parameter": (CHAIN + STAGES.replace("baudrate", "baud_rate"), "did you mean 'baudrate'?"),
    "a text": (CHAIN + STAGES.replace("9600", '"9600"'), "baudrate"),
    "a rate of nothing": (CHAIN + STAGES.replace("9600", "0"), "baudrate"),
    "a rate that is none": (CHAIN + STAGES.replace("9600", "nan"), "baudrate"),
    "order": (
        CHAIN + 'stages = [{ use = "framing.ax25" }, { use = "demod.fsk", baudrate = 9600 }]',
        "before it gives frames",
    ),
    "no framing": (CHAIN + 'stages = [{ use = "demod.fsk", baudrate = 9600 }]', "not frames"),
    "a bandwidth": (CHAIN + STAGES.replace("[{", '[{ use = "channel.track", bandwidth = -1 }, {', 1), "bandwidth"),
    "an orbit": (
        CHAIN + STAGES.replace("[{", '[{ use = "channel.doppler", frequency = 437e6, elements = "none.tle" }, {', 1),
        "x.toml, chain 1 (a), stage 1: none.tle",
    ),
    "too fast a signal": (CHAIN + STAGES.replace("9600", "1e6"), "chain 1 (a), stage 1: fsk at 1e+06 Bd needs"),
    "too slow a signal": (CHAIN + STAGES.replace("9600", "1"), "chain 1 (a), stage 1: fsk at 1 Bd takes up to"),
    "a deviation": (
        CHAIN + STAGES.replace("9600", "9600, deviation = 1e6"),
        "stage 1: fsk with a deviation of 1e+06 Hz",
    ),
    "a deviation of nothing": (CHAIN + STAGES.replace("9600", "9600, deviation = 0"), "stage 1: deviation is 0"),
    "FM": (
        CHAIN
        + STAGES.replace("demod.fsk", "demod.afsk").replace(
            "9600", "1200, carrier = 1700, deviation = 500, fm_deviation = 1e6"
        ),
        "stage 1: afsk by FM of 1e+06 Hz",
    ),
    "a search": (
        CHAIN + STAGES.replace("demod.fsk", "demod.psk").replace("9600", "5"),
        "stage 1: psk at 5 Bd cannot be searched",
    ),
    "an orbit without a place": (
        CHAIN + STAGES.replace("[{", '[{ use = "channel.doppler", elements = "x.tle" }, {', 1),
        "stage 1: the orbit needs the station",
    ),
    "norad": (CHAIN + STAGES + "norad = -1", "norad"),
    "kind": (CHAIN + STAGES + 'kind = "audio"', "kind is 'audio'; it is one of 'iq', 'real'"),
    "IQ only": (
        CHAIN + STAGES.replace("[{", '[{ use = "channel.track", bandwidth = 17000 }, {', 1) + 'kind = "real"',
        "stage 1: channel.track takes iq, but kind is 'real'",
    ),
    "satellite": (CHAIN + STAGES + "satellite = 7", "satellite"),
    "source of no table": ("source = 1\n" + CHAIN + STAGES, "source"),
    "a source": ('[source]\nuse = "raw"\n' + CHAIN + STAGES, "source.raw"),
    "a source's key": ('[source]\nname = "x"\n' + CHAIN + STAGES, "source"),
    "a source's rate": ("[source]\nrate = -1\n" + CHAIN + STAGES, "rate is -1"),
    "a source's frequency": ("[source]\nfrequency = 1e30\n" + CHAIN + STAGES, "frequency"),
    "a source's format": ('[source]\nformat = "x"\n' + CHAIN + STAGES, "format"),
    "a source's start": ('[source]\nstart = "noon"\n' + CHAIN + STAGES, "start"),
    "a source's kind": ('[source]\nkind = "both"\n' + CHAIN + STAGES, "kind"),
    "a stage for a source": ('[source]\nuse = "demod.fsk"\nbaudrate = 9600\n' + CHAIN + STAGES, "source"),
    "sink of no table": ("sink = [1]\n" + CHAIN + STAGES, "[[sink]]"),
    "the flowgraph as an output": (CHAIN + STAGES + '[[sink]]\nuse = "jsonl"\nfile = "x.toml"', "is what is read"),
    "an empty start": (CHAIN + STAGES + '[source]\nfile = "x.cf32"\nstart = ""', "start"),
    "a detail": (
        CHAIN + STAGES.replace("[", '[{ use = "channel.track", bandwidth = 9e3, detail = 1e-9 }, ', 1),
        "48000 samples per second are too many to search for a detail of 1e-09 Hz",
    ),
    "a sink": (CHAIN + STAGES + '[[sink]]\nuse = "json"', "did you mean 'sink.jsonl'?"),
    "a sink without a file": (CHAIN + STAGES + '[[sink]]\nuse = "jsonl"', "file"),
    "a sink's folder": (CHAIN + STAGES + '[[sink]]\nuse = "jsonl"\nfile = "/nowhere/x"', "/nowhere/x"),
    "no sink": (CHAIN + STAGES + '[[sink]]\nuse = "demod.fsk"\nbaudrate = 1200', "no sink"),
    "an address": (CHAIN + STAGES + '[[sink]]\nuse = "zmq"\naddress = "x"', "'x'"),
    "two outputs": (CHAIN + STAGES + '[[sink]]\nuse = "jsonl"\nfile = "t"\n[[sink]]\nuse = "kiss"\nfile = "t"', "two"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_faults(name: str, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text, says = FAULTS[name]
    monkeypatch.chdir(tmp_path)
    Path("x.toml").write_text(text)
    np.zeros(4000, np.complex64).tofile("x.cf32")
    Path("x.tle").write_text(TLE)
    rate = [] if name.startswith("a source's rate") else ["--rate", 48000]
    status, out, err = cli("x.toml", "x.cf32", *rate)
    assert (status, out) == (2, "")
    assert len(err.splitlines()) == 1, err
    assert err.startswith("radome: ")
    assert says in err
    assert "x.toml" in err or name in ("an address", "a sink's folder", "two outputs")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.cf32", "x.tle", "x.toml"]


NO_TEXT: dict[str, bytes] = {
    "zeros": bytes(500),
    "random": np.random.default_rng(9).bytes(3000),
    "Latin-1": (CHAIN + STAGES + 'satellite = "\xe9"').encode("latin-1"),
    "UTF-16": (CHAIN + STAGES).encode("utf-16"),
    "a compressed file": b"\x1f\x8b\x08" + bytes(40),
    "deep": b"chain = " + b"[" * 5000,
    "deep tables": b"[" + b"a." * 5000 + b"a]",
    "a number too long": b"chain = 1" + b"0" * 5000,
    "a line of 2 MB": b'name = "' + b"x" * 2_000_000,
    "a line of 900 KB": b"name = [" + b"1," * 450_000 + b"]",
    "a long key": b"x" * 100_000 + b" = 1",
    "a long name": ("[[chain]]\nname = '" + "x" * 1000 + "'\n" + STAGES).encode(),
    "a name that moves the cursor": ("[[chain]]\nname = 'x\\u001b[2J'\n".replace("'", '"') + STAGES).encode(),
    "norad of 400 digits": (CHAIN + STAGES + "norad = 1" + "0" * 400).encode(),
    "a baud rate of 400 digits": (CHAIN + STAGES.replace("9600", "1" + "0" * 400)).encode(),
    "half of it": (CHAIN + STAGES)[:60].encode(),
}


@pytest.mark.parametrize("name", NO_TEXT)
def test_files_that_are_no_flowgraph(name: str, cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_bytes(NO_TEXT[name])
    np.zeros(4000, np.complex64).tofile(tmp_path / "x.cf32")
    status, out, err = cli(tmp_path / "x.toml", tmp_path / "x.cf32", "--rate", 48000)
    assert (status, out) == (2, "")
    assert len(err.splitlines()) == 1, err
    assert err.startswith(f"radome: {tmp_path / 'x.toml'}")
    assert len(err) < 400 + len(str(tmp_path))


def test_a_byte_order_mark_is_passed_over(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_bytes(b"\xef\xbb\xbf" + (CHAIN + STAGES).replace("\n", "\r\n").encode())
    np.zeros(4000, np.complex64).tofile(tmp_path / "x.cf32")
    assert cli(tmp_path / "x.toml", tmp_path / "x.cf32", "--rate", 48000)[0] == 0


def test_places_where_no_file_can_be(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As flowgraph, recording and output: one sentence, whatever the system says."""
    monkeypatch.chdir(tmp_path)
    Path("loop").symlink_to("loop")
    Path("folder").mkdir()
    Path("x.toml").write_text(CHAIN + STAGES)
    np.zeros(4000, np.complex64).tofile("x.cf32")
    for name in ("loop", "folder", "x.toml/inside", "folder/none/inside", "n" * 3000, "\udcff\nnew\x1b[2J line"):
        for words in (
            [name, "x.cf32"],
            ["x.toml", name],
            ["x.toml", f"{name}.sigmf-meta"],
            ["x.toml", "x.cf32", "--jsonl", name],
        ):
            if words[-1] == "\udcff\nnew\x1b[2J line" and "--jsonl" in words:
                continue  # that can be written
            status, out, err = cli(*words, "--rate", 48000)
            assert (status, out) == (2, ""), words
            assert len(err.splitlines()) == 1, err
            assert err.startswith("radome: ")
            assert err.rstrip("\n").isprintable()
    # which no command line can name
    for source, sink in (("x\\u0000.cf32", "x"), ("x.cf32", "x\\u0000")):
        Path("y.toml").write_text(
            f'[source]\nfile = "{source}"\n{CHAIN}{STAGES}[[sink]]\nuse = "jsonl"\nfile = "{sink}"'
        )
        status, _, err = cli("y.toml", "--rate", 48000)
        assert status == 2
        assert "x" in err
        assert "null byte" in err
        assert len(err.splitlines()) == 1


@settings(FUZZ, max_examples=150)
@given(place=st.integers(0, 10**6), new=st.integers(0, 255), cut=st.integers(0, 400))
def test_a_wrong_byte_in_a_flowgraph(place: int, new: int, cut: int, cli: Cli, tmp_path: Path) -> None:
    """It is refused in one sentence that names it, or it runs."""
    text = FLOWGRAPH.format(file=tmp_path / "x.cf32", out=tmp_path / "out").encode()
    at = place % len(text)
    np.zeros(4000, np.complex64).tofile(tmp_path / "x.cf32")
    (tmp_path / "x.toml").write_bytes(text[:at] + bytes([new]) + text[at + 1 : max(at + 2, len(text) - cut)])
    status, out, err = cli(tmp_path / "x.toml", "--rate", 48000, "--jsonl", "-", "-q")
    assert out == ""
    assert status in (0, 2)
    assert "Traceback" not in err
    if status == 2:
        assert len(err.splitlines()) == 1, err
        assert err.startswith("radome: ")


@pytest.mark.parametrize(("form", "chain"), [("iq", "9k6 FSK, IQ"), ("fm", "9k6 FSK, audio")])
def test_a_chain_is_for_the_kind_that_it_says(form: str, chain: str, cli: Cli, tmp_path: Path) -> None:
    """In IQ with its carrier where it should be the demodulator alone would find the frames, too."""
    status, out, err = cli("fsk-9600-ax25", write(tmp_path, G3RUH, payloads(3), form), "--jsonl", "-")
    assert status == 0
    assert [record["transmitter"] for record in records(out)] == [chain] * 3
    other = {"9k6 FSK, IQ", "9k6 FSK, audio"} - {chain}
    assert not any(name in err for name in other)


def test_frames_before_a_bad_recording_are_kept(cli: Cli, tmp_path: Path) -> None:
    frames = payloads(3)
    made = write(tmp_path, G3RUH, frames)
    (tmp_path / "bad.wav").write_bytes(b"RIFF")
    status, out, err = cli("fsk-9600-ax25", made, tmp_path / "bad.wav", "--jsonl", "-", "-q")
    assert status == 2
    assert "bad.wav" in err.splitlines()[-1]
    assert [record["payload"] for record in records(out)] == [frame.hex() for frame in frames]


def test_what_does_not_fit(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text(CHAIN + STAGES)
    for words, says in (
        ([tmp_path / "x.toml"], "nothing to read"),
        ([tmp_path / "y.toml"], "no such file"),
        (["fsk-9600-ax"], "did you mean 'fsk-9600-ax25'?"),
        ([tmp_path], "cannot be read"),
        ([tmp_path / "x.toml", tmp_path / "none.wav"], "none.wav"),
    ):
        status, _, err = cli(*words)
        assert status == 2
        assert says in err
        assert len(err.splitlines()) == 1
    # audio for a chain that takes IQ
    np.zeros(4000, np.float32).tofile(tmp_path / "x.f32")
    (tmp_path / "x.toml").write_text(
        CHAIN + STAGES.replace("[{", '[{ use = "channel.track", bandwidth = 17000 }, {', 1)
    )
    status, _, err = cli(tmp_path / "x.toml", tmp_path / "x.f32", "--rate", 48000)
    assert status == 2
    assert "is audio" in err


def test_every_shipped_one_is_checked() -> None:
    for path in folder().glob("*.toml"):
        assert load_flowgraph(path).chains
