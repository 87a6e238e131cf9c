"""`radome record` and what `radome live` records, as programs, also when they are killed."""

from __future__ import annotations

import json
import resource
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from receiver.cli import main
from receiver.source import open_source
from receiver.synth import Signal
from tests.killed import RATE, WAYS, Air, as_cs16, killed, looked_at, message, on_air, published, started

SEED = 5


@pytest.fixture(scope="module")
def sent() -> Signal:
    return message(6.0, SEED)


@pytest.fixture
def air(sent: Signal) -> Iterator[Air]:
    with on_air(sent) as made:
        yield made


def test_killed_at_some_moments(sent: Signal, tmp_path: Path) -> None:
    """All of it at once; benchmarks/kill.py does more."""
    moments = np.random.default_rng(SEED).uniform(2.5, 5.5, len(WAYS))

    def one(name: str, moment: float) -> list[str]:
        (tmp_path / name).mkdir()
        return killed(sent, WAYS[name], tmp_path / name, moment).problems

    with ThreadPoolExecutor() as pool:
        assert list(pool.map(one, WAYS, moments)) == [[]] * len(WAYS)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_record_ends_at_once_with_all_that_was_sent(air: Air, sent: Signal, tmp_path: Path, number: int) -> None:
    process = started(air, WAYS["bare"], tmp_path)
    while air.sent < 1.5 * RATE:
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(number)
    begun, count = time.monotonic(), air.sent
    out, err = process.communicate(timeout=20)
    assert time.monotonic() - begun < 1.0
    assert process.returncode == 0, err
    (path,) = (tmp_path / "all").glob("*.sigmf-meta")
    assert out == f"all/{path.name}\n"
    assert "s of signal in 1 recording, " in err
    assert path.with_suffix(".sigmf-data").stat().st_size > 4 * (count - 0.3 * RATE)
    assert as_cs16(sent).startswith(path.with_suffix(".sigmf-data").read_bytes())


def test_record_for_some_seconds(air: Air, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    words = ["record", air.address, "--format", "cs16", "--rate", "250e3", "--record", str(tmp_path / "new")]
    ends = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in ends]
    try:
        with pytest.raises(SystemExit) as ended:
            main([*words, "--duration", "1.2", "--record-size", "1MB", "--station", "52,4.4,10"])
    finally:
        for number, handler in zip(ends, before, strict=True):
            signal.signal(number, handler)
    assert ended.value.code == 0
    out, err = capfd.readouterr()
    first, second = (Path(line) for line in out.splitlines())
    assert "1.2 s of signal in 2 recordings" in err or "1.1 s of signal in 2 recordings" in err
    source = open_source(str(second))
    recording = source.recording
    source.close()
    assert (recording.datatype, recording.rate, recording.frequency) == ("ci16_le", 250e3, None)
    assert recording.station == (52.0, 4.4, 10.0)
    assert first.with_suffix(".sigmf-data").stat().st_size >= 1_000_000


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="limits another process")
def test_a_full_disk_ends_record_with_a_sentence_and_live_goes_on(air: Air, sent: Signal, tmp_path: Path) -> None:
    """The system lets no file grow beyond 1.5 MB."""
    ways = {"record": WAYS["bare"], "live": WAYS["all"]}
    processes = {}
    for name, way in ways.items():
        (tmp_path / name).mkdir()
        processes[name] = started(air, (*way, "--duration", "3"), tmp_path / name)
    for name, process in processes.items():
        while not list((tmp_path / name).glob("*/*.sigmf-meta")):
            assert process.poll() is None
            time.sleep(0.01)
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (1_500_000, resource.RLIM_INFINITY))
    said = {name: process.communicate(timeout=60) for name, process in processes.items()}
    assert [process.returncode for process in processes.values()] == [2, 0], said
    (path,) = (tmp_path / "record" / "all").glob("*.sigmf-meta")
    assert said["record"][0] == f"all/{path.name}\n"
    assert said["record"][1].splitlines()[-1] == f"radome: all/{path.name}: recording ended: File too large"
    assert "recording ended: File too large; reception goes on" in said["live"][1]
    assert len(published(tmp_path / "live")) > 5
    for folder in ("record", "live"):
        assert looked_at(sent.truth, tmp_path / folder, 0.0, 0.0, []).problems == []
        for data in (tmp_path / folder / "all").glob("*.sigmf-data"):
            assert data.stat().st_size == 1_500_000


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["live", "--satellite", "1KUNS-PF", "--record-on-frame"], "--record-on-frame needs --record"),
        (["live", "--satellite", "1KUNS-PF", "--record", "x", "--before", "3"], "only with --record-on-frame"),
        (["live", "--satellite", "1KUNS-PF", "--record-size", "2GB"], "need --record, a folder"),
        (["record", "--record-delete-oldest"], "--record-delete-oldest needs --record-keep-free"),
        (["record", "--record-size", "12 parsecs"], "no number of bytes of at least 1MB, such as 500MB"),
        (["record", "--record-size", "900k"], "'900k' is no number of bytes of at least 1MB"),
        (["record", "--record-keep-free", "nan"], "'nan' is no number of bytes, such as"),
        (["record", "--rate", "48e3"], "--format must say"),
        (["record", "--rate", "48e3", "--format", "cu8", "--gain", "3"], "sends bare samples, and has no --gain"),
        (["record", "--rate", "48e3", "--format", "cu8", "--bias-tee"], "sends bare samples, and has no --bias-tee"),
    ],
)
def test_options_that_are_wrong(
    words: list[str], says: str, capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main([words[0], "udp://:7355", *words[1:]])
    assert ended.value.code == 2
    assert says in capfd.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "size"),
    [("2GB", 2e9), ("1 GiB", 2**30), ("1.5m", 1.5e6), ("3e9", 3e9), ("4KiB", 4096), ("77", 77), ("1TB", 1e12)],
)
def test_sizes(text: str, size: float) -> None:
    from receiver.cli._values import Size

    made: Any = Size().convert(text, None, None)
    assert made == int(size)


def test_a_frame_is_recorded_with_what_is_around_it(sent: Signal, tmp_path: Path) -> None:
    """The first 2 s only: 1.1 s of silence, 5 frames, silence."""
    few = [true for true in sent.truth if true.position + true.length < 2.0 * RATE]
    stop = round(few[-1].position + few[-1].length + 0.01 * RATE)
    air = Air(as_cs16(sent)[: 4 * stop])
    try:
        way = ("live", "--record", "frames", "--record-on-frame", "--before", "0.5", "--after", "1", "--duration", "4")
        process = started(air, way, tmp_path)
        _, err = process.communicate(timeout=60)
    finally:
        air.close()
    assert process.returncode == 0, err
    (path,) = (tmp_path / "frames").glob("*.sigmf-meta")
    table = json.loads(path.read_text())
    start = few[0].position - 0.5 * RATE
    stop = few[-1].position + few[-1].length + 1.0 * RATE
    assert table["captures"][0]["core:global_index"] == pytest.approx(start, abs=30)
    size = path.with_suffix(".sigmf-data").stat().st_size
    assert size / 4 == pytest.approx(stop - start, abs=60)
    marks = [(bytes.fromhex(a["radome:payload"]), a["core:sample_start"]) for a in table["annotations"]]
    assert marks == [(true.payload, pytest.approx(true.position - start, abs=60)) for true in few]
