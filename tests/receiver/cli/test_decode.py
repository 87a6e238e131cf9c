"""`radome decode` on synthesised recordings."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

import receiver.record
from receiver.cli import main
from receiver.synth import Channel, Synthesiser
from receiver.synth.sigmf import write_sigmf
from tests.loopback import FREQUENCY, START, payloads, satellite, send, transmitter

ROOT = Path(__file__).parents[3]
DEFINITION = f"""
name = "Test-1"
norad = 99998
alternative_names = ["Tester"]
[[transmitter]]
name = "9k6 FSK"
frequency = {FREQUENCY}
modulation = "GMSK"
demod = {{ use = "fsk", baudrate = 9600 }}
framing = {{ use = "ax25", scrambler = "g3ruh" }}
[[transmitter]]
name = "4k8 FSK"
frequency = {FREQUENCY}
demod = {{ use = "fsk", baudrate = 4800 }}
framing = {{ use = "ax100" }}
"""
FRAMES = payloads(5)
Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A definition, and recordings a and b of it."""
    folder = tmp_path_factory.mktemp("decode")
    (folder / "test.toml").write_text(DEFINITION)
    sent = transmitter({"use": "fsk", "baudrate": 9600})
    for name, frames, seed in (("a", FRAMES, 1), ("b", payloads(3, seed=9), 2)):
        channel = Channel(ebn0_db=25.0, offset=1500.0)
        synthesiser = Synthesiser(sent, frames, 48000.0, channel, seed=seed, start_ns=START, burst=2)
        write_sigmf(folder / f"{name}.sigmf-meta", synthesiser, "ci16_le", (52.0, 4.5, 10.0))
    return folder


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Cli:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))

    def call(*words: Any) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as done:
            main([str(word) for word in words])
        out, err = capfd.readouterr()
        return int(str(done.value.code)), out, err

    return call


def records(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_frame_records(folder: Path, cli: Cli, tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"
    status, out, err = cli("decode", folder / "a.sigmf-meta", "--definition", folder / "test.toml", "--jsonl", output)
    assert status == 0
    found = records(output.read_text())
    true = json.loads((folder / "a.sigmf-meta").read_text())["annotations"]
    assert [record["payload"] for record in found] == [frame.hex() for frame in FRAMES]
    schema = json.loads((Path(receiver.record.__file__).parent / "frame.schema.json").read_text())
    for number, (record, truth) in enumerate(zip(found, true, strict=True)):
        jsonschema.validate(record, schema)
        assert record["seq"] == number
        assert record["sample"] == pytest.approx(truth["radome:position"], abs=0.5)
        assert record["samples"] == pytest.approx(truth["radome:length"], abs=1)
        sent, got = (np.datetime64(time.rstrip("Z"), "ns") for time in (truth["radome:time"], record["time"]))
        assert abs(int((got - sent).astype(int))) < 0.1e9 / 9600
        assert record["offset_hz"] == pytest.approx(1500, abs=190)
        assert record["frequency_hz"] == pytest.approx(FREQUENCY + 1500, abs=190)
        assert (record["satellite"], record["norad"], record["transmitter"]) == ("Test-1", 99998, "9k6 FSK")
        assert record["station"] == "52,4.5,10"
        assert record["doppler_hz"] is None
    assert "5 frames" in err
    for frame in found:
        assert frame["time"][11:19] in out


@pytest.mark.parametrize("offset", [0.0, 1400.0, 3000.0, -700.0])
def test_frequency_with_an_offset_that_is_given(offset: float, folder: Path, cli: Cli) -> None:
    """It is the carrier's, whatever offset was said; what is left of that is `offset_hz`."""
    words = ["decode", folder / "a.sigmf-meta", "--definition", folder / "test.toml", "--jsonl", "-"]
    found = records(cli(*words, "--offset", offset)[1])
    assert len(found) == 5
    for record in found:
        assert record["frequency_hz"] == pytest.approx(FREQUENCY + 1500, abs=190)
        assert record["offset_hz"] == pytest.approx(1500 - offset, abs=190)
        assert record["doppler_hz"] is None


def test_a_station_that_is_given_goes_before_that_of_the_recording(folder: Path, cli: Cli) -> None:
    words = ["decode", folder / "a.sigmf-meta", "--definition", folder / "test.toml", "--jsonl", "-"]
    assert {record["station"] for record in records(cli(*words, "--station", "1,2,3")[1])} == {"1,2,3"}


def test_the_station_of_the_configuration_has_a_name(folder: Path, cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "radome").mkdir()
    (tmp_path / "radome" / "config.toml").write_text('[station]\nname = "home"\nlatitude = 52\nlongitude = 4.5\n')
    (tmp_path / "x.tle").write_text(tle(*(line.format(checksum(line)) for line in LINES)))
    meta = json.loads((folder / "a.sigmf-meta").read_text())
    del meta["global"]["core:geolocation"]
    (tmp_path / "a.sigmf-meta").write_text(json.dumps(meta))
    (tmp_path / "a.sigmf-data").write_bytes((folder / "a.sigmf-data").read_bytes())
    words = ["--definition", folder / "test.toml", "--tle", tmp_path / "x.tle", "--start", "2019-11-09T00:00:00Z"]
    found = records(cli("decode", tmp_path / "a.sigmf-meta", *words, "--jsonl", "-")[1])
    assert {record["station"] for record in found} == {"home"}


def test_a_recording_of_another_band_is_refused(folder: Path, cli: Cli) -> None:
    """Nothing of it is folded onto where the transmitters should be."""
    words = ["decode", folder / "a.sigmf-meta", "--definition", folder / "test.toml", "--jsonl", "-"]
    for beside in (-1e6, 1e6, 240e3, 48e3):  # whole rates away, the mixer would find the frames
        status, out, err = cli(*words, "--frequency", FREQUENCY + beside)
        assert (status, out) == (2, "")
        low, high = ((FREQUENCY + beside + side * 24e3) / 1e6 for side in (-1, 1))
        assert err == (
            f"radome: {folder / 'a.sigmf-meta'}: is of {low:.4f} to {high:.4f} MHz, so what is sent on "
            f"{FREQUENCY / 1e6:.4f} MHz (Test-1, 9k6 FSK; Test-1, 4k8 FSK) cannot be in it; "
            "if the band is wrong, give its middle with --frequency\n"
        )


def test_all_of_a_band_that_is_not_known_is_searched(folder: Path, cli: Cli) -> None:
    words = ["decode", folder / "a.sigmf-meta", "--definition", folder / "test.toml", "--jsonl", "-"]
    status, out, _ = cli(*words, "--frequency", 0)
    assert status == 0
    assert [record["payload"] for record in records(out)] == [frame.hex() for frame in FRAMES]
    assert {record["frequency_hz"] for record in records(out)} == {None}


def test_a_transmitter_out_of_the_recording_is_left_out(folder: Path, cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "two.toml").write_text(DEFINITION.replace(f"{FREQUENCY}\ndemod", f"{FREQUENCY + 200e3}\ndemod"))
    words = ["decode", folder / "a.sigmf-meta", "--definition", tmp_path / "two.toml", "--jsonl", "-"]
    status, out, err = cli(*words)
    assert status == 0
    assert [record["payload"] for record in records(out)] == [frame.hex() for frame in FRAMES]
    (line,) = (line for line in err.splitlines() if "cannot be in it" in line)
    assert f"so what is sent on {FREQUENCY / 1e6 + 0.2:.4f} MHz (Test-1, 4k8 FSK)" in line
    assert "4k8" not in err.replace(line, "")
    assert cli(*words, "--transmitter", "4k8 FSK")[:2] == (2, "")


@pytest.mark.parametrize("beside", [-40e3, 40e3])
def test_what_is_expected_beyond_the_edge_is_received_within(beside: float, folder: Path, cli: Cli) -> None:
    """A little beyond it the carrier may come in; where it is found, it is in the band that was recorded."""
    words = ["decode", folder / "a.sigmf-meta", "--definition", folder / "test.toml", "--jsonl", "-"]
    status, out, err = cli(*words, "--frequency", FREQUENCY + beside)
    assert status == 0
    assert f"{FREQUENCY / 1e6:.4f} MHz are outside the recording's" in err
    found = records(out)
    assert [record["payload"] for record in found] == [frame.hex() for frame in FRAMES]
    for record in found:
        assert record["frequency_hz"] == pytest.approx(FREQUENCY + beside + 1500, abs=190)
        assert record["offset_hz"] == pytest.approx(beside + 1500, abs=190)


def test_a_recording_that_is_tuned_to_the_transmitter_later(folder: Path, cli: Cli, tmp_path: Path) -> None:
    """Before that nothing is received, though the mixer would fold it there."""
    meta = json.loads((folder / "a.sigmf-meta").read_text())
    at = round(meta["annotations"][2]["core:sample_start"]) - 2000
    (first,) = meta["captures"]
    meta["captures"] = [first | {"core:frequency": FREQUENCY + 48e3}, {"core:sample_start": at}]
    meta["captures"][1]["core:frequency"] = FREQUENCY
    (tmp_path / "a.sigmf-meta").write_text(json.dumps(meta))
    (tmp_path / "a.sigmf-data").write_bytes((folder / "a.sigmf-data").read_bytes())
    words = ["decode", tmp_path / "a.sigmf-meta", "--definition", folder / "test.toml", "--jsonl", "-"]
    status, out, err = cli(*words)
    assert (status, "cannot be in it" in err) == (0, False)
    found = records(out)
    assert [record["payload"] for record in found] == [frame.hex() for frame in FRAMES[2:]]
    meta["captures"][1]["core:frequency"] = FREQUENCY - 96e3
    (tmp_path / "a.sigmf-meta").write_text(json.dumps(meta))
    status, out, err = cli(*words)
    assert (status, out) == (2, "")
    bands = (f"{(FREQUENCY + hz - 24e3) / 1e6:.4f} to {(FREQUENCY + hz + 24e3) / 1e6:.4f}" for hz in (48e3, -96e3))
    assert f"is of {', '.join(bands)} MHz, so what is sent on" in err


def test_the_same_run_gives_the_same_bytes(folder: Path, cli: Cli, tmp_path: Path) -> None:
    made = []
    for _ in range(2):
        words = ["decode", folder / "a.sigmf-meta", folder / "b.sigmf-meta", "--definition", folder / "test.toml"]
        output, kiss = tmp_path / "out.jsonl", tmp_path / "out.kiss"
        assert cli(*words, "--jsonl", output, "--kiss", kiss)[0] == 0
        made.append((output.read_bytes(), kiss.read_bytes()))
    assert made[0] == made[1]
    assert made[0][0].count(b"\n") == 8


@pytest.mark.parametrize("start", ["2026-11-26", "2026-11-26T00", "2026-11-26 01:00+01:00", "20261126T000000Z"])
@pytest.mark.parametrize("how", ["decode", "run"])
def test_a_start_without_all_its_digits(how: str, start: str, folder: Path, cli: Cli) -> None:
    words = {"decode": [folder / "a.sigmf-meta", "--definition", folder / "test.toml"]}
    words["run"] = ["fsk-9600-ax25", folder / "a.sigmf-meta"]
    status, out, _ = cli(how, *words[how], "--start", start, "--jsonl", "-")
    assert status == 0
    for record in records(out):
        begun = np.datetime64(record["time"].rstrip("Z"), "ns") - round(record["sample"] / 48e3 * 1e9)
        assert abs(int((begun - np.datetime64("2026-11-26T00:00:00", "ns")).astype(int))) < 10_000
    assert len(records(out)) == 5


def test_several_files_are_numbered_through(folder: Path, cli: Cli) -> None:
    words = ["decode", folder / "b.sigmf-meta", folder / "a.sigmf-meta", "--definition", folder / "test.toml"]
    status, out, _ = cli(*words, "--jsonl", "-", "--quiet")
    assert status == 0
    found = records(out)
    assert [record["payload"] for record in found] == [f.hex() for f in (*payloads(3, seed=9), *FRAMES)]
    assert [record["seq"] for record in found] == list(range(8))
    assert len({record["boot"] for record in found}) == 1


def test_data_on_standard_output_are_alone_there(folder: Path, cli: Cli) -> None:
    status, out, err = cli("decode", folder / "a.sigmf-meta", "--definition", folder / "test.toml", "--jsonl", "-")
    assert status == 0
    assert len(records(out)) == 5
    assert "5 frames" in err


def test_quiet_says_nothing(folder: Path, cli: Cli) -> None:
    assert cli("decode", folder / "a.sigmf-meta", "--definition", folder / "test.toml", "-q") == (0, "", "")


def test_no_frames_is_no_fault(folder: Path, cli: Cli, tmp_path: Path) -> None:
    noise = np.random.default_rng(1).standard_normal(40000).astype(np.float32)
    noise.tofile(tmp_path / "noise.cf32")
    words = ["decode", tmp_path / "noise.cf32", "--rate", 48000, "--definition", folder / "test.toml", "--jsonl", "-"]
    status, out, err = cli(*words)
    assert (status, out) == (0, "")
    assert "no frames" in err.lower() or "0 frames" in err


def test_only_the_transmitter_that_is_named(folder: Path, cli: Cli) -> None:
    words = ["decode", folder / "a.sigmf-meta", "--definition", folder / "test.toml", "--jsonl", "-"]
    assert len(records(cli(*words, "--transmitter", "9k6 FSK")[1])) == 5
    assert records(cli(*words, "--transmitter", "4k8 FSK")[1]) == []


def test_gaps_in_a_recording(folder: Path, cli: Cli, tmp_path: Path) -> None:
    """What lies on both sides of lost samples has the time at which it was sent."""
    sent = transmitter({"use": "fsk", "baudrate": 9600})
    plain = send(sent, FRAMES, 48000.0, burst=1, pause=0.2)
    after = plain.truth[1]
    lost = [(after.seconds + after.length / 48000 + 0.05, 0.1)]
    synthesiser = Synthesiser(
        sent, FRAMES, 48000.0, Channel(ebn0_db=25.0, gaps=lost), seed=1, start_ns=START, burst=1, pause=0.2
    )
    write_sigmf(tmp_path / "gap.sigmf-meta", synthesiser, "cf32_le")
    words = ["decode", tmp_path / "gap.sigmf-meta", "--definition", folder / "test.toml", "--jsonl", "-"]
    status, out, err = cli(*words)
    assert status == 0
    found = records(out)
    assert [record["payload"] for record in found] == [frame.hex() for frame in FRAMES]
    for record, truth in zip(found, synthesiser.truth, strict=True):
        got = int(np.datetime64(record["time"].rstrip("Z"), "ns").astype(np.int64))
        assert got == pytest.approx(truth.time_ns, abs=0.1e9 / 9600)
    assert "lost 1 time" in err


MISTAKES: dict[str, tuple[list[Any], str]] = {
    "no such satellite": (["A", "--satellite", "sputnick-77"], "satellite 'sputnick-77': there is no definition of it"),
    "a number without end": (["A", "--satellite", "1" * 5000], "there is no definition of it"),
    "no such transmitter": (["A", *["--definition", "D", "--transmitter", "1k2"]], "Test-1 has no transmitter '1k2'"),
    "no such file": (["nowhere.wav", "--definition", "D"], "nowhere.wav"),
    "no such definition": (["A", "--definition", "nowhere.toml"], "nowhere.toml: cannot be read"),
    "a folder for a definition": (["A", "--definition", "."], ".: cannot be read"),
    "a folder for a recording": ([".", "--definition", "D"], ".:"),
    "no satellite, but its orbit": (["A", "--tle", "x"], "--tle is of use only with --satellite"),
    "no satellite, and standard input": (["-", "--rate", "48000", "--format", "cf32"], "read only once"),
    "both": (["A", "--definition", "D", "--satellite", "43466"], "either --satellite"),
    "no file": (["--definition", "D"], "FILE"),
    "a start that is no time": (["A", "--definition", "D", "--start", "yesterday"], "'yesterday' is no time"),
    "an empty start": (["A", "--definition", "D", "--start", ""], "--start: its value is empty"),
    "empty elements": (["A", "--definition", "D", "--tle", ""], "--tle: its value is empty; give one, or leave the"),
    "empty elements by the other name": (["A", "--definition", "D", "--omm="], "--tle: its value is empty"),
    "an empty definition": (["A", "--definition", ""], "--definition: its value is empty"),
    "one of several empty": (["A", "--satellite", "43466", "--satellite", ""], "--satellite: its value is empty"),
    "a rate that is none": (["A", "--definition", "D", "--rate", "-5"], "sample rate"),
    "a rate that is no number": (["A", "--definition", "D", "--rate", "fast"], "fast"),
    "a format that is none": (["x.bin", "--definition", "D", "--format", "cx99"], "cx99"),
    "a format that is missing": (["x.bin", "--definition", "D"], "x.bin"),
    "an output in no folder": (["A", "--definition", "D", "--jsonl", "no/such/x"], "no/such/x: cannot be written"),
    "an output that is a folder": (["A", "--definition", "D", "--kiss", "."], ".: cannot be written"),
    "a full disk": (["A", "--definition", "D", "--jsonl", "/dev/full"], "/dev/full: cannot be written"),
    "an output over its definition": (["A", "--definition", "mine.toml", "--kiss", "mine.toml"], "is what is read"),
    "an output over the orbit": (
        ["A", "--definition", "D", "--tle", "good.tle", "--jsonl", "good.tle"],
        "what is read",
    ),
    "a wait for nobody": (["A", "--definition", "D", "--zmq-wait", "5"], "--zmq-wait is of use only with --zmq"),
    "a socket that is none": (["A", "--definition", "D", "--zmq", "carrier pigeon"], "carrier pigeon"),
    "elements that are missing": (["A", "--definition", "D", "--tle", "nowhere.tle"], "nowhere.tle"),
    "elements of another": (["A", "--definition", "D", "--tle", "other.tle"], "other.tle"),
    "a checksum": (["A", "--definition", "D", "--tle", "checksum.tle"], "checksum"),
    "a station that is none": (["A", "--definition", "D", "--tle", "good.tle", "--station", "Delft"], "Delft"),
    "a station that is none, without an orbit": (["A", "--definition", "D", "--station", "Delft"], "Delft"),
    "definitions in no folder": (["A", "--satellite", "99998", "--definitions", "nowhere"], "nowhere"),
    "an output without a name": (["A", "--definition", "D", "--jsonl", ""], "--jsonl: its value is empty"),
    "a socket without a name": (["A", "--definition", "D", "--zmq", ""], "--zmq: its value is empty"),
    "a wait that is none": (["A", "--definition", "D", "--zmq", "tcp://*:*", "--zmq-wait", "nan"], "--zmq-wait"),
    "an offset out of the recording": (["A", "--definition", "D", "--offset", "1e9"], "offset of 1e+09 Hz is out of"),
    "an offset that is no number": (["A", "--definition", "D", "--offset", "nan"], "offset"),
    "a crystal that is absurd": (["A", "--definition", "D", "--ppm", "1e9"], "ppm"),
    "a frequency that is absurd": (["A", "--definition", "D", "--frequency", "1e99"], "frequency"),
    "an option that is none": (["A", "--definition", "D", "--satelite", "x"], "--satelite"),
}
LINES = (
    "1 99998U 18099AY  19312.63974356 -.00000043  00000-0  13601-5 0  999{}",
    "2 99998  97.7300  22.7185 0014609 207.1414 152.9045 14.95350049 5079{}",
)


def tle(one: str, two: str) -> str:
    return "\n".join(("TEST-1", one, two)) + "\n"


def checksum(line: str) -> int:
    return sum(int(c) if c.isdigit() else c == "-" for c in line[:68]) % 10


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_one_sentence_and_status_2(
    name: str, folder: Path, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = [line.format(checksum(line)) for line in LINES]
    (tmp_path / "good.tle").write_text(tle(*good))
    (tmp_path / "checksum.tle").write_text(tle(good[0][:-1] + str((int(good[0][-1]) + 1) % 10), good[1]))
    (tmp_path / "other.tle").write_text(tle(*(line.replace("99998", "99997") for line in good)).replace("TEST", "REST"))
    (tmp_path / "x.bin").write_bytes(bytes(1000))
    (tmp_path / "mine.toml").write_text(DEFINITION)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    monkeypatch.chdir(tmp_path)
    words, expected = MISTAKES[name]
    names = {"A": folder / "a.sigmf-meta", "D": folder / "test.toml"}
    status, out, err = cli("decode", *(names.get(word, word) for word in words))
    assert status == 2
    assert expected in err
    assert "Traceback" not in err
    sentences = [line for line in err.splitlines() if line and not line.startswith(("Usage:", "Try "))]
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    if name != "a full disk":
        assert len(sentences) == 1
        assert out == ""


def test_what_was_received_before_a_fault_is_kept(folder: Path, cli: Cli, tmp_path: Path) -> None:
    """The second file is cut off in its header; the frames of the first are written."""
    (tmp_path / "broken.wav").write_bytes(b"RIFF\x00\x00\x00\x00WAVEfmt ")
    output = tmp_path / "out.jsonl"
    words = ["decode", folder / "a.sigmf-meta", tmp_path / "broken.wav", "--definition", folder / "test.toml"]
    status, _, err = cli(*words, "--jsonl", output)
    assert status == 2
    assert "broken.wav" in err.splitlines()[-1]
    assert len(records(output.read_text())) == 5


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupt_leaves_what_was_found(number: signal.Signals, folder: Path, tmp_path: Path) -> None:
    """Ctrl-C and the like while reading: 128 and the signal's number, and the frames so far are in the file."""
    output = tmp_path / "out.jsonl"
    words = ["decode", folder / "a.sigmf-meta", folder / "b.sigmf-meta", "--definition", folder / "test.toml"]
    process = subprocess.Popen(
        [sys.executable, "-c", f"import sys; sys.path.append({str(ROOT)!r}); from receiver.cli import main; main()"]
        + [str(word) for word in (*words, "--realtime", "--jsonl", output)],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "XDG_CONFIG_HOME": str(tmp_path)},
    )
    try:
        deadline = time.monotonic() + 60
        # the first file takes 0.7 s in real time; frames of it are out when it ends
        while time.monotonic() < deadline and not (output.exists() and output.read_bytes()):
            time.sleep(0.02)
        process.send_signal(number)
        _, err = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 128 + number
    assert "Traceback" not in err
    assert err.splitlines()[-1] == f"radome: {'interrupted' if number == signal.SIGINT else 'terminated'}"
    found = records(output.read_text())
    assert len(found) >= 1
    assert [record["payload"] for record in found][:5] == [frame.hex() for frame in FRAMES][: len(found)]


def test_a_reader_that_goes_away_is_no_fault(folder: Path) -> None:
    words = ["decode", folder / "a.sigmf-meta", "--definition", folder / "test.toml", "--jsonl", "-"]
    program = f"import sys; sys.path.append({str(ROOT)!r}); from receiver.cli import main; main()"
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, words)], stdout=write, stderr=subprocess.PIPE, text=True, timeout=60
    )
    os.close(write)
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


def test_the_satellite_is_found_by_name_in_a_folder(folder: Path, cli: Cli) -> None:
    words = ["decode", folder / "a.sigmf-meta", "--definitions", folder, "--jsonl", "-"]
    for name in ("tester", "99998", "TEST 1"):
        assert len(records(cli(*words, "--satellite", name)[1])) == 5


def test_satellites_of_the_loopback_are_what_a_file_gives(folder: Path) -> None:
    """The definition above is the transmitter that the recordings were made with."""
    from receiver.satellite import load_satellite

    loaded = load_satellite(folder / "test.toml")
    made = satellite(transmitter({"use": "fsk", "baudrate": 9600}, name="9k6 FSK"))
    assert loaded.transmitters[0].demod == made.transmitters[0].demod
    assert loaded.transmitters[0].framing == made.transmitters[0].framing


def test_what_is_on_disk_stays_when_the_command_is_wrong(folder: Path, cli: Cli, tmp_path: Path) -> None:
    old, definition = tmp_path / "old.jsonl", ["--definition", folder / "test.toml"]
    good = folder / "a.sigmf-meta"
    for words in (
        ["none.wav", *definition],
        [good, "--satellite", "no such satellite"],
        [good, *definition, "--transmitter", "none"],
        [good, *definition, "--tle", "none.tle"],
        [good, *definition, "--zmq", "nowhere"],
        [good, *definition, "--kiss", "/nowhere/x"],
        [good, *definition, "--kiss", old],
    ):
        old.write_text("kept")
        assert cli("decode", *words, "--jsonl", old)[0] == 2
        assert old.read_text() == "kept"
    recording = (folder / "a.sigmf-data").read_bytes()
    assert cli("decode", good, *definition, "--jsonl", folder / "a.sigmf-data")[0] == 2
    assert (folder / "a.sigmf-data").read_bytes() == recording
    # a run without frames leaves an empty file
    np.zeros(48000, np.complex64).tofile(tmp_path / "x.cf32")
    assert cli("decode", tmp_path / "x.cf32", "--rate", 48000, *definition, "--jsonl", old)[0] == 0
    assert old.read_text() == ""


def test_several_satellites_from_one_recording(cli: Cli, tmp_path: Path) -> None:
    """Two signals in a band of 400 kHz, each of a satellite of its own."""
    found = {}
    for name, number, use, offset, seed in (("One", 90001, "ax25", -80e3, 1), ("Two", 90002, "ax100", 90e3, 2)):
        table = {"use": use, "scrambler": "g3ruh"} if use == "ax25" else {"use": use}
        words = ", ".join(f'{key} = "{value}"' for key, value in table.items())
        (tmp_path / f"{name}.toml").write_text(
            f'name = "{name}"\nnorad = {number}\n[[transmitter]]\nname = "a"\nfrequency = {FREQUENCY + offset}\n'
            f'demod = {{ use = "fsk", baudrate = 9600 }}\nframing = {{ {words} }}\n'
        )
        sent = transmitter({"use": "fsk", "baudrate": 9600}, table)
        told = payloads(4, seed=seed)
        found[name] = told, send(sent, told, 400e3, offset=offset + 700.0, seed=seed).samples
    n = max(len(x) for _, x in found.values())
    both = sum(np.pad(x, (0, n - len(x))) for _, x in found.values())
    (0.4 * both).astype(np.complex64).tofile(tmp_path / "x.cf32")
    words = ["--satellite", "One", "--satellite", "Two", "--definitions", tmp_path, "--frequency", FREQUENCY]
    status, _, err = cli("decode", tmp_path / "x.cf32", "--rate", 400e3, *words, "--jsonl", tmp_path / "x.jsonl")
    assert status == 0, err
    records = [json.loads(line) for line in (tmp_path / "x.jsonl").read_text().splitlines()]
    for name, (told, _) in found.items():
        assert [bytes.fromhex(r["payload"]) for r in records if r["satellite"] == name] == told
    status, _, err = cli("decode", tmp_path / "x.cf32", "--rate", 400e3, *words, "--transmitter", "none")
    assert status == 2
    assert "has no transmitter 'none'" in err


def orbit(node: float) -> str:
    """A satellite that stands still, as an OMM."""
    angles = dict.fromkeys(("ECCENTRICITY", "INCLINATION", "ARG_OF_PERICENTER", "MEAN_ANOMALY", "BSTAR"), 0.0)
    table = {"OBJECT_NAME": "TESTER", "NORAD_CAT_ID": 99998, "EPOCH": "2023-11-14T22:13:20", "MEAN_MOTION": 1.00273791}
    return json.dumps([{**table, **angles, "RA_OF_ASC_NODE": node}])


def test_all_that_is_visible(folder: Path, cli: Cli, tmp_path: Path) -> None:
    """The same frames as by name while it is up; a sentence where it is not, or where too little is said."""
    up, down = tmp_path / "up.json", tmp_path / "down.json"
    # over 32 degrees east at that time
    up.write_text(orbit(60.0))
    down.write_text(orbit(240.0))
    words = ["decode", folder / "a.sigmf-meta", "--station", "0,32,0", "--jsonl", "-"]
    status, out, err = cli(*words, "--definitions", folder, "--all-visible", "--omm", up)
    assert status == 0
    assert "of 1 object 1 has a definition; received while up, on 2 channels: Test-1" in err
    assert "2023-11-14T22:13:20Z: Test-1 is up" in err
    by_name = records(cli(*words, "--definition", folder / "test.toml", "--omm", up)[1])
    assert [{**one, "boot": ""} for one in records(out)] == [{**one, "boot": ""} for one in by_name]
    assert len(by_name) == 5
    status, out, err = cli(*words, "--definitions", folder, "--all-visible", "--omm", down)
    assert (status, out) == (2, "")
    assert "none of these is up at some time of the recording and sends within 437.3260 to 437.3740 MHz" in err
    for more, message in (
        (["--satellite", "Test-1", "--omm", up], "either --satellite, a name or catalogue number, or --definition"),
        (["--definition", folder / "test.toml", "--omm", up], "or --definition, a file, or --all-visible"),
        ([], "--all-visible needs --tle or --omm"),
    ):
        status, out, err = cli(*words, "--all-visible", *more)
        assert (status, out) == (2, "")
        assert message in " ".join(err.split())
    status, _, err = cli("live", "tcp://127.0.0.1:1", "--all-visible", "--omm", up, "--station", "0,32,0")
    assert status == 2
    assert "--all-visible needs --frequency" in err
