"""SoapySDR, the real library, with a receiver of our own behind it that loses samples where it is told to."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import numpy as np
import pytest

from receiver.device import DeviceError, Settings, make
from receiver.device.soapy import library
from receiver.errors import SourceError
from receiver.source import open_source
from receiver.source.live import LiveSource
from receiver.source.recorder import Recorder

HERE = Path(__file__).parent
RATE = 200e3
COUNT = 400_000


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the plug-in and of a counter to be played."""
    try:
        library()
    except DeviceError as error:
        pytest.skip(str(error))
    compiler = shutil.which("c++") or shutil.which("g++")
    if compiler is None or not any(
        Path(p, "SoapySDR/Device.hpp").exists() for p in ("/usr/include", "/usr/local/include")
    ):
        pytest.skip("a C++ compiler and libsoapysdr-dev are needed to build the receiver that is tested")
    folder = tmp_path_factory.mktemp("soapy")
    words = [compiler, "-std=c++17", "-O1", "-fPIC", "-shared", str(HERE / "fakesdr.cpp")]
    subprocess.run([*words, "-o", str(folder / "libfakesdr.so"), "-lSoapySDR"], check=True)
    values = np.stack([np.arange(COUNT) & 0x7FFF, np.arange(COUNT) >> 15], axis=1)
    values.astype("<i2").tofile(folder / "counter.cs16")
    return folder


@pytest.fixture
def device(plugin: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("SOAPY_SDR_ROOT", "/nonexistent")
    monkeypatch.setenv("SOAPY_SDR_PLUGIN_PATH", str(plugin))
    return f"soapy:driver=fakesdr,file={plugin}/counter.cs16"


def numbers(items: np.ndarray) -> np.ndarray:
    pairs = np.rint(items.view(np.float32).reshape(-1, 2) * 32768).astype(np.int64)
    return np.asarray(pairs[:, 0] + 32768 * pairs[:, 1])


def read(source: LiveSource, until: int) -> list[tuple[int, int, int, object]]:
    """Position, first number, length and clock of the chunks; each chunk counts on."""
    chunks = []
    while (chunk := source.read()) is not None:
        values = numbers(chunk.items)
        assert (np.diff(values) == 1).all()
        chunks.append((int(chunk.position), int(values[0]), len(values), chunk.clock))
        if chunk.position + len(chunk) >= until:
            break
    return chunks


def test_samples_times_and_settings(device: str) -> None:
    source = LiveSource(Settings(device, RATE, 437e6, gain=20.0))
    try:
        chunks = read(source, 150_000)
    finally:
        source.close()
    assert source.recording.datatype == "ci16_le"
    assert (source.recording.rate, source.recording.frequency) == (RATE, 437e6)
    assert all(position == first for position, first, *_ in chunks)
    assert source.lost == 0


def test_losses_are_where_they_happened_to_the_sample(device: str) -> None:
    events = "overflow@50000:12345;timeout@80000;corrupt@100000;overflow@120000:7"
    source = LiveSource(Settings(f"{device},events={events}", RATE, 437e6))
    try:
        chunks = read(source, 160_000)
    finally:
        source.close()
    assert source.lost == 12345 + 7
    assert all(position == first for position, first, *_ in chunks)
    clocks = [clock for *_, clock in chunks]
    begins = [chunk[0] for chunk, before in zip(chunks[1:], clocks, strict=False) if chunk[3] is not before]
    assert begins == [62345, 120007]


def test_what_is_recorded_reads_back_with_its_gaps(device: str, tmp_path: Path) -> None:
    source = LiveSource(Settings(f"{device},events=overflow@50000:12345", RATE, 437e6))
    source.recorder = Recorder(tmp_path / "a" / "b", lambda text: None)
    try:
        chunks = read(source, 120_000)
        # as it is while it is written
        path = source.recorder.path
        assert path is not None
        back = open_source(str(path))
        recording, again = back.recording, []
        while (chunk := back.read()) is not None:
            values = numbers(chunk.items)
            since = (chunk.clock.time_ns(chunk.position) or 0) - (source.recording.clock.utc_ns or 0)
            assert (values == round(since * RATE / 1e9) + np.arange(len(values))).all()
            again.append(chunk)
        back.close()
    finally:
        source.close()
    assert recording.frequency == 437e6
    assert recording.datatype == "ci16_le"
    assert recording.clock.utc_ns == source.recording.clock.utc_ns
    assert again[-1].position + len(again[-1]) == chunks[-1][0] + chunks[-1][2] - 12345


def test_a_full_disk_ends_the_recording_and_not_the_reception(device: str) -> None:
    said: list[str] = []
    source = LiveSource(Settings(device, RATE, 437e6))
    source.recorder = recorder = Recorder(Path("/tmp"), said.append)
    recorder._data = open("/dev/full", "wb", buffering=0)  # noqa: SIM115
    recorder._clock = source.recording.clock
    try:
        read(source, 60_000)
    finally:
        source.close()
    assert len(said) == 1
    assert "No space left on device; reception goes on" in said[0]


def test_metrics_and_log_tell_the_losses_to_the_sample(device: str, tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(
        'name = "Test"\nnorad = 99998\n[[transmitter]]\nname = "a"\nfrequency = 437e6\n'
        'demod = { use = "fsk", baudrate = 9600 }\nframing = { use = "ax25", scrambler = "g3ruh" }\n'
    )
    events = "overflow@50000:12345;timeout@80000;overflow@120000:7"
    words = [f"{device},events={events}", "--definition", str(tmp_path / "a.toml"), "--rate", f"{RATE:.0f}"]
    words += ["--frequency", "437.02e6", "--log", "json", "--metrics", "0", "--record", str(tmp_path / "recorded")]
    process = subprocess.Popen(
        [sys.executable, "-m", "receiver", "live", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    told, figures = [], dict[str, float]()
    try:
        while not told or told[-1]["event"] != "metrics":
            told.append(json.loads(process.stderr.readline()))
        deadline = time.monotonic() + 20
        while figures.get("radome_samples_received_total", 0) < 250_000 and time.monotonic() < deadline:
            time.sleep(0.1)
            with urllib.request.urlopen(told[-1]["url"], timeout=10) as answer:
                rows = [row.rsplit(" ", 1) for row in answer.read().decode().splitlines() if row[:1] != "#"]
            figures = {name: float(value) for name, value in rows}
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
    assert (process.returncode, out) == (0, "")
    assert figures["radome_samples_lost_total"] == 12345 + 7
    assert figures["radome_gaps_total"] == 2
    assert figures["radome_device_restarts_total"] == 0
    assert figures["radome_recorded_bytes_total"] == pytest.approx(
        4 * figures["radome_samples_received_total"], rel=0.2
    )
    assert figures["radome_free_bytes"] > 0
    told += [json.loads(line) for line in err.splitlines()]
    assert all({"time", "level", "event"} <= one.keys() for one in told)
    assert [one["event"] for one in told[:3]] == ["start", "device_open", "metrics"]
    assert {one["event"] for one in told} >= {"gap", "recording", "end"}
    gaps = [(one["sample"], one["lost"]) for one in told if one["event"] == "gap"]
    assert gaps == [(50_000, 12345), (120_000, 7)]
    end = told[-1]
    assert (end["event"], end["samples_lost"], end["gaps"], end["restarts"]) == ("end", 12352, 2, 0)
    assert end["samples"] >= figures["radome_samples_received_total"]


def test_unplugged_and_back(device: str) -> None:
    source = LiveSource(Settings(f"{device},events=unplug@60000", RATE, 437e6))
    try:
        first = read(source, 60_000)
        chunk = source.read()
    finally:
        source.close()
    assert sum(length for _, _, length, _ in first) == 60_000
    assert chunk is not None
    assert source.restarts == 1
    assert chunk.position == 60_000 + source.lost


def test_faults_are_named(device: str) -> None:
    with pytest.raises(SourceError, match="does not do 2e"):
        LiveSource(Settings(device, 2e7, 437e6))
    with pytest.raises(SourceError, match="cannot be opened"):
        LiveSource(Settings("soapy:driver=fakesdr,file=/nowhere", RATE, 437e6))
    with pytest.raises(SourceError, match="is written like soapy:driver="):
        make(Settings("soapy:rtlsdr", RATE, 437e6))
    with pytest.raises(SourceError, match="needs a --frequency"):
        make(Settings(device, RATE))


def test_without_soapysdr_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> object:
        raise DeviceError("SoapySDR 0.8 is not installed; get it with: sudo apt install soapysdr-module-all")

    monkeypatch.setattr("receiver.device.soapy.library", missing)
    with pytest.raises(SourceError, match="sudo apt install soapysdr-module-all"):
        make(Settings("soapy:driver=rtlsdr", RATE, 437e6))


def test_devices_are_listed(device: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from receiver.cli import main

    with pytest.raises(SystemExit) as ended:
        main(["devices"])
    assert ended.value.code == 0
    out = capfd.readouterr().out
    assert "SoapySDR finds no receiver" in out
    assert "rtltcp://HOST:PORT" in out
