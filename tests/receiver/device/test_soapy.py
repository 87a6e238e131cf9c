"""SoapySDR, the real library, with a receiver of our own behind it that loses samples where it is told to."""

from __future__ import annotations

import itertools
import json
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from receiver.device import DeviceError, Settings, make
from receiver.errors import SourceError
from receiver.source import open_source
from receiver.source.live import LiveSource
from receiver.source.recorder import Recorder
from tests.drivers import SoapyServer, soapy_environment, soapy_plugin

RATE = 200e3
COUNT = 400_000


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the plug-in and of a counter to be played."""
    folder = soapy_plugin(tmp_path_factory.mktemp("soapy"))
    values = np.stack([np.arange(COUNT) & 0x7FFF, np.arange(COUNT) >> 15], axis=1)
    values.astype("<i2").tofile(folder / "counter.cs16")
    return folder


@pytest.fixture
def device(plugin: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in soapy_environment(plugin).items():
        monkeypatch.setenv(name, value)
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


@pytest.mark.parametrize(("ahead", "taken"), [(0.6, 0.6), (-0.6, -0.6), (5.0, 0.0)])
def test_a_device_whose_clock_is_on_utc(device: str, ahead: float, taken: float) -> None:
    """That of a GPS receiver; not one that is beyond all that a computer's own may be off."""
    source = LiveSource(Settings(f"{device},ahead={ahead}", RATE, 437e6))
    try:
        chunks = read(source, 50_000)
        now = time.time_ns()
    finally:
        source.close()
    clock = source.recording.clock
    late = now - clock.time_ns(chunks[-1][0] + chunks[-1][2])
    assert -0.05 < late / 1e9 + taken < 0.55  # what is read has been on its way
    assert clock.uncertainty == (0.005 if taken else 0.02)


def test_what_a_device_is_set_to(device: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    settings = Settings(
        f"{device},log={log}",
        RATE,
        437e6,
        gain=(("LNA", 30.0), ("VGA", 12.0)),
        bias_tee=True,
        antenna="LNAW",
        bandwidth=200e3,
        clock_source="external",
        time_source="gpsdo",
        more=(("agc", "fast"), ("mode", "a=b")),
    )
    LiveSource(settings).close()
    assert log.read_text().splitlines() == [
        *("LNA 30", "VGA 12", "antenna LNAW", "bandwidth 200000", "clock external", "time gpsdo", "biastee true"),
        *("agc fast", "mode a=b"),
    ]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"gain": (("IF", 3.0),)}, "has no gain 'IF'; it has LNA, VGA"),
        ({"antenna": "TX/RX"}, "has no antenna 'TX/RX'; it has RX, LNAW"),
        ({"clock_source": "gpsdo"}, "has no clock source 'gpsdo'; it has internal, external"),
        ({"time_source": "pps"}, "has no time source 'pps'; it has internal, gpsdo"),
        ({"more": (("none", "1"),)}, "does not take the setting none=1: no such setting"),
    ],
)
def test_settings_that_a_device_does_not_know(device: str, wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(SourceError, match=says):
        LiveSource(Settings(device, RATE, 437e6, **wrong))


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
    source.recorder = Recorder(tmp_path / "a" / "b", source.recording, lambda text: None)
    try:
        chunks = read(source, 120_000)
        # as it is while it is written
        deadline = time.monotonic() + 10
        while source.recorder.written < 4 * 107_655 and time.monotonic() < deadline:
            time.sleep(0.01)
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


def test_only_the_time_tells_of_a_loss(device: str) -> None:
    events = "jump@30000:1;jump@50000:4321;stall@70000:300;lose@81920:5"
    source = LiveSource(Settings(f"{device},events={events}", RATE, 437e6))
    try:
        chunks = read(source, 170_000)
    finally:
        source.close()
    assert all(position == first for position, first, *_ in chunks)
    steps = [later[0] - before[0] - before[2] for before, later in itertools.pairwise(chunks)]
    lost = [step for step in steps if step]
    assert lost[:2] == [1, 4321]
    assert set(lost[2:]) == {5}
    assert len(lost) > 8
    assert source.lost == sum(lost)


def test_a_time_that_goes_back_hides_no_loss(device: str) -> None:
    opened = make(Settings(f"{device},speed=9,events=jump@30000:-9000;overflow@50000:7;jump@70000:1", RATE, 437e6))
    opened.open()
    try:
        buffer, lost, came = memoryview(bytearray(4 * 8192)), list[int](), 0
        while came < 90_000:
            came += opened.read(buffer) // 4
            lost.append(opened.lost)
    finally:
        opened.close()
    assert [count for count in lost if count] == [7, 1]


@pytest.mark.parametrize("event", ["hang", "spin"])
def test_a_device_that_hangs_is_opened_again(device: str, event: str) -> None:
    """Also where it does so in C, as SoapyRemote's client may without its server."""
    said: list[str] = []
    source = LiveSource(Settings(f"{device},events={event}@60000", RATE, 437e6))
    source.say = said.append
    try:
        first = read(source, 60_000)
        chunk = source.read()
    finally:
        source.close()
    assert sum(length for _, _, length, _ in first) == 60_000
    assert chunk is not None
    assert chunk.position == 60_000 + source.lost
    assert 2 < source.lost / RATE < 30
    assert ["silent for 2 s" in text or text.endswith("is back") for text in said] == [True, True]


def test_a_device_that_is_gone_and_then_busy_is_waited_for(device: str, tmp_path: Path) -> None:
    busy = tmp_path / "busy"
    busy.touch()
    with pytest.raises(SourceError, match="cannot be opened: device or resource busy"):
        LiveSource(Settings(f"{device},busy={busy}", RATE, 437e6))
    busy.unlink()
    source = LiveSource(Settings(f"{device},busy={busy},events=unplug@60000", RATE, 437e6))
    try:
        read(source, 40_000)
        busy.touch()
        threading.Timer(1.5, busy.unlink).start()
        read(source, 60_000)
        chunk = source.read()
    finally:
        source.close()
    assert chunk is not None
    assert source.restarts == 1
    assert chunk.position == 60_000 + source.lost
    assert 1.3 < source.lost / RATE < 30


@pytest.mark.parametrize(
    ("code", "name"), [(-2, "STREAM_ERROR"), (-5, "NOT_SUPPORTED"), (-6, "TIME_ERROR"), (-7, "UNDERFLOW")]
)
def test_errors_have_their_names(device: str, code: int, name: str) -> None:
    opened = make(Settings(f"{device},serial={code},events=error@8192:{code}", RATE, 437e6))
    opened.open()
    try:
        buffer = memoryview(bytearray(8 * 8192))
        assert opened.read(buffer) == 4 * 8192
        with pytest.raises(DeviceError, match=f"ends its stream: {name}"):
            opened.read(buffer)
    finally:
        opened.close()


def test_a_rate_other_than_was_asked_for(device: str) -> None:
    """The one that it has counts: for the ring, the time and the chunks."""
    source = LiveSource(Settings(f"{device},gives=1e6", RATE, 437e6))
    try:
        chunks = read(source, 300_000)
        assert source._reader is not None
        assert source._reader.ring is not None
        assert source._reader.ring.capacity == 4_000_000
    finally:
        source.close()
    assert source.recording.rate == 1e6
    assert all(position == first for position, first, *_ in chunks)


def test_a_server_that_is_killed_is_waited_for(device: str, plugin: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in soapy_environment(plugin):
        monkeypatch.delenv(name)
    said: list[str] = []
    arguments = device.partition(",")[2]
    with SoapyServer(soapy_environment(plugin)) as server:
        remote = f"soapy:driver=remote,remote=tcp://127.0.0.1:{server.port},remote:driver=fakesdr,{arguments}"
        source = LiveSource(Settings(f"{remote},events=overflow@50000:12345", RATE, 437e6))
        source.say = said.append
        try:
            chunks = read(source, 100_000)
            assert all(position == first for position, first, *_ in chunks)
            # at an overflow the server itself drops what it had not sent yet
            assert 12345 <= source.lost < 12345 + 16384
            server.kill()
            threading.Timer(3.0, server.start).start()
            while source.restarts == 0:
                chunk = source.read()
        finally:
            source.close()
    assert source.recording.datatype == "ci16_le"
    assert chunk is not None
    assert numbers(chunk.items)[0] == 0
    # what had come before it was killed is read, too; a busy machine may have been late with the first samples
    assert chunk.position - chunks[-1][0] - chunks[-1][2] > 2.5 * RATE
    assert ["trying again" in text or text.endswith("is back") for text in said] == [True, True]


def test_faults_are_named(device: str) -> None:
    with pytest.raises(SourceError, match="does not do 2e"):
        LiveSource(Settings(device, 2e7, 437e6))
    with pytest.raises(SourceError, match="cannot be opened: no file"):
        LiveSource(Settings("soapy:driver=fakesdr,file=/nowhere", RATE, 437e6))
    with pytest.raises(SourceError, match=r"finds no such receiver; .* apt install soapysdr-module-uhd\)"):
        LiveSource(Settings("soapy:driver=uhd,serial=1", RATE, 437e6))
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
