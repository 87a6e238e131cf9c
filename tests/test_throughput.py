"""No kernel needs more instructions than recorded: the short form of `benchmarks/throughput.py`; what it is made of."""

from __future__ import annotations

import json
import pkgutil
import re
import sys
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dsp_ext
from tests.benchmarks import load


@pytest.fixture(scope="module")
def benchmark() -> Any:
    return load("throughput")


def test_instructions_of_each_kernel(benchmark: Any, capsys: pytest.CaptureFixture[str]) -> None:
    reason = benchmark.incomparable(benchmark.CHUNK)
    if reason is not None:
        pytest.skip(f"instructions are not counted: {reason}")
    status = benchmark.main(["--guard"])
    assert status == 0, capsys.readouterr().err


def test_guard(benchmark: Any) -> None:
    """5 % more is too much, and so is a kernel without a record; each kernel has one."""
    recorded = json.loads(benchmark.RECORD.read_text())["kernels"]
    assert list(recorded) == [kernel.name for kernel in benchmark.kernels(1024)]
    assert benchmark.guard(recorded) == []
    name, value = next(iter(recorded.items()))
    assert len(benchmark.guard({name: 1.04 * value})) == 0
    assert len(benchmark.guard({name: 1.06 * value})) == 1
    assert len(benchmark.guard({"new": 1.0})) == 1


def test_every_module_of_kernels_is_measured(benchmark: Any) -> None:
    modules = {re.split(r"[.,]", kernel.name)[0] for kernel in benchmark.kernels(1024)}
    assert modules == {module.name for module in pkgutil.iter_modules(dsp_ext.__path__) if module.name[0] != "_"}


def test_frames_of_other_programs() -> None:
    """How many frames Direwolf, multimon-ng and gr_satellites say they gave."""
    peers = load("peers")
    printed = (
        b"\x1b[0;32m\x1b[0m48000 samples per second.  16 bits per sample.  1 audio channels.\nDECODED[1] 0:00.5\n"
        b"[0] RADOME>CQ:12 packets decoded in 1 s\n\n30 from 40654.wav\n"
        b"30 packets decoded in 1.409 seconds.  33.6 x realtime\n"
    )
    assert peers.direwolf_frames(printed) == 30
    assert peers.direwolf_frames(b"\x1b[0m" + printed.split(b"\n")[-2]) == 30
    with pytest.raises(ValueError, match="did not say"):
        peers.direwolf_frames(b"Couldn't open file for read: 40654.wav\n")
    printed = b"FSK9600: fm RADOME-0 to CQ-0 UI^ pid=F0\nRADOME.. FSK9600: fm \nAFSK1200: fm A-0 to B-0 UI\n\xff\n"
    assert peers.multimon_frames(printed) == 2
    stamp, frame = b"\xc0\x09\0\0\1\xa2\x2e\x78\x46\x54\xc0", b"\xc0\0\x86\xa2\xdb\xdc\x40\xc0"
    assert peers.kiss_frames(b"", 3 * (stamp + frame)) == 3
    assert peers.kiss_frames(b"", b"") == 0


def test_audio_for_other_programs(tmp_path: Path) -> None:
    """A tone at 48 kHz is the same tone at the 22050 Hz that multimon-ng takes; IQ is two channels."""
    peers = load("peers")
    tone = np.round(10000 * np.sin(2 * np.pi * 2200 / 48000 * np.arange(48000))).astype(np.int16)
    files = peers.write_audio(tone, 48000.0, tmp_path)
    with wave.open(files["wav"]) as file:
        assert (file.getnchannels(), file.getframerate()) == (1, 48000)
        assert np.array_equal(np.frombuffer(file.readframes(48000), "<i2"), tone)
    fewer = np.fromfile(files["raw"], np.int16)[1000:-1000].astype(float)
    assert len(fewer) == pytest.approx(22050 - 2000, abs=50)
    phase = 2 * np.pi * 2200 / 22050 * np.arange(len(fewer))
    wanted, *_ = np.linalg.lstsq(np.stack([np.cos(phase), np.sin(phase)], 1), fewer, rcond=None)
    assert np.hypot(*wanted) == pytest.approx(10000, rel=0.01)
    left = fewer - np.cos(phase) * wanted[0] - np.sin(phase) * wanted[1]
    assert np.std(left) < 20
    with wave.open(peers.write_audio(np.zeros((10, 2), np.int16), 240e3, tmp_path)["wav"]) as file:
        assert (file.getnchannels(), file.getnframes(), file.getframerate()) == (2, 10, 240000)


def test_programs_that_are_not_installed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    peers = load("peers")
    monkeypatch.setattr(peers.shutil, "which", lambda name: None if name == "atest" else f"/usr/bin/{name}")
    found = [program.command[0] for program in peers.programs("fm", "afsk", 1200.0, "ax25", "40654")]
    assert found == ["multimon-ng", "gr_satellites"]
    assert capsys.readouterr().err == "atest is not installed: left out\n"
    assert [program.command[0] for program in peers.programs("iq", "psk", 9600.0, "ccsds", "40908")] == [
        "gr_satellites"
    ]


def test_chain_and_program(benchmark: Any, tmp_path: Path) -> None:
    """Frames that were sent are counted, time and memory are those of the process; one that fails says why."""
    recording = next(recording for recording in benchmark.RECORDINGS if recording.name.startswith("AFSK 1200"))
    usage, job = benchmark.decode(recording, 2.0, tmp_path)
    assert usage.frames == usage.sent == len(job.payloads) > 0
    assert usage.samples == job.data.stat().st_size / 8
    assert 0 < usage.cpu_s < 60
    assert 10 < usage.peak_rss_mb < 1000
    files = {"wav": "no", "raw": "no", "rate": "48000", "kiss": str(tmp_path / "kiss")}
    peers = load("peers")
    fails = peers.Program("fails", [sys.executable, "-c", "raise SystemExit('no {wav}')"], peers.kiss_frames)
    with pytest.raises(ChildProcessError, match="status 1: no no"):
        benchmark.beside(fails, recording, job, files)
    write = "open(r'{kiss}', 'wb').write(bytes([0xC0, 0, 1, 0xC0]))"
    gives = peers.Program("gives", [sys.executable, "-c", write], peers.kiss_frames)
    assert benchmark.beside(gives, recording, job, files).frames == 1
