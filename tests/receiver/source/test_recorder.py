"""Recordings of made-up samples, each its own number: what is written is what came, at its place, whatever happens."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import threading
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sigmf

from receiver.errors import SinkError
from receiver.source import Recording, _tape, open_source, recorder
from receiver.source._spool import Block, Spool
from receiver.source.recorder import Around, Limits, Recorder, make_room
from receiver.stage import Clock

RATE = 1000.0
START = 1_700_000_000 * 10**9
CLOCK = Clock(RATE, 0.0, START)
RECORDING = Recording("made up", "iq", RATE, CLOCK, 437e6, datatype="ci16_le")


def block(first: int, count: int) -> bytes:
    return (
        np.stack([np.arange(first, first + count) & 0x7FFF, np.arange(first, first + count) >> 15], 1)
        .astype("<i2")
        .tobytes()
    )


def numbers(path: Path) -> list[int]:
    """Of the samples in a recording that is valid, whose captures tell of every loss and the time of each."""
    file = sigmf.fromfile(str(path))
    file.validate()
    pairs = np.fromfile(path.with_suffix(".sigmf-data"), "<i2").reshape(-1, 2).astype(int)
    values = pairs[:, 0] + (pairs[:, 1] << 15)
    captures = file.get_captures()
    starts = [capture["core:sample_start"] for capture in captures]
    for capture, low, high in zip(captures, starts, [*starts[1:], len(values)], strict=True):
        first = capture["core:global_index"]
        assert (values[low:high] == first + np.arange(high - low)).all()
        utc = np.datetime64(capture["core:datetime"].rstrip("Z"), "ns").astype(np.int64)
        assert utc == START + first * 10**9 // int(RATE)
        assert capture["core:frequency"] == 437e6
    return [int(value) for value in values]


def settled(made: Recorder) -> None:
    """Wait until all that was given is written."""
    deadline = time.monotonic() + 10
    while made._items and time.monotonic() < deadline:
        time.sleep(0.005)
    time.sleep(0.05)


@pytest.fixture
def said() -> list[str]:
    return []


def feed(made: Recorder, stretches: list[tuple[int, int]], size: int = 70) -> None:
    """Give samples from one to another, with a gap between two stretches."""
    for start, stop in stretches:
        clock = Clock(RATE, 0.0, START)
        for first in range(start, stop, size):
            made.write(block(first, min(size, stop - first)), first, clock)


def test_what_came_is_there_with_its_gaps_and_frames(tmp_path: Path, said: list[str]) -> None:
    made = Recorder(tmp_path / "a" / "b", RECORDING, said.append, site=(56.3, 38.1, 200.0))
    feed(made, [(100, 1000), (1500, 2000)])
    made.mark(1600.5, 100.0, {"core:label": "two", "radome:payload": "00"})
    made.mark(150.0, 60.0, {"core:label": "one"})
    made.mark(950.0, 600.0, {"core:label": "over the gap"})
    made.close()
    assert said == []
    assert made.path is not None
    assert made.path.name == "20231114T221320Z_437000000Hz.sigmf-meta"
    assert numbers(made.path) == [*range(100, 1000), *range(1500, 2000)]
    table = json.loads(made.path.read_text())
    assert table["global"]["core:geolocation"]["coordinates"] == [38.1, 56.3, 200.0]
    marks = [(a["core:label"], a["core:sample_start"], a["core:sample_count"]) for a in table["annotations"]]
    assert marks == [("one", 50, 60), ("over the gap", 850, 100), ("two", 1000, 100)]
    assert not list(made.path.parent.glob("*.new"))


def test_dates_are_those_of_the_stream_whatever_is_done_to_the_clock(
    tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Recorder(tmp_path, RECORDING, said.append)
    feed(made, [(0, 300)])
    settled(made)
    monkeypatch.setattr(time, "time", lambda: 1.0)
    monkeypatch.setattr(time, "time_ns", lambda: 10**9)
    feed(made, [(400, 900)])
    made.close()
    assert len(made.paths) == 1
    assert numbers(made.paths[0]) == [*range(300), *range(400, 900)]


def test_how_well_the_time_is_known_is_kept(tmp_path: Path, said: list[str]) -> None:
    """The date has nine digits, which the computer's clock does not have."""
    made = Recorder(tmp_path, RECORDING, said.append)
    made.write(block(0, 100), 0, Clock(RATE, 0.0, START, 0.02))
    made.close()
    opened = open_source(str(made.paths[0]))
    opened.close()
    assert opened.recording.clock.uncertainty == pytest.approx(0.02)
    table = json.loads(made.paths[0].read_text())
    table["captures"][0]["radome:time_uncertainty_s"] = "no number"
    made.paths[0].write_text(json.dumps(table))
    opened = open_source(str(made.paths[0]))
    opened.close()
    assert opened.recording.clock.uncertainty < 1e-8


def test_another_time_line_is_another_recording(tmp_path: Path, said: list[str]) -> None:
    made = Recorder(tmp_path, RECORDING, said.append)
    made.write(block(0, 100), 0, CLOCK)
    made.write(block(100, 100), 100, Clock(RATE, 100.0, START))
    made.close()
    first, second = (json.loads(path.read_text())["captures"] for path in made.paths)
    assert [first[0]["core:datetime"], second[0]["core:datetime"]] == ["2023-11-14T22:13:20.000000000Z"] * 2


@pytest.mark.parametrize("seed", range(4))
def test_around_frames_to_the_sample(tmp_path: Path, said: list[str], seed: int) -> None:
    """Frames at random places, told of at random times up to 1 s late: all of 0.3 s before to 0.5 s behind, no more."""
    rng = np.random.default_rng(seed)
    made = Recorder(tmp_path, RECORDING, said.append, around=Around(0.3, 0.5), late=1.0)
    starts = np.sort(rng.integers(0, 20_000, 8))
    lengths = rng.integers(10, 400, 8)
    told = sorted((int(s + n + rng.integers(0, 800)), int(s), int(n)) for s, n in zip(starts, lengths, strict=True))
    position = 0
    while position < 22_000:
        n = int(rng.integers(1, 200))
        while told and told[0][0] <= position:
            _, at, length = told.pop(0)
            made.mark(at, length, {"core:label": f"{at}"})
        made.write(block(position, n), position, CLOCK)
        position += n
    made.close()
    assert said == []
    wanted = {i for s, n in zip(starts, lengths, strict=True) for i in range(max(0, s - 300), s + n + 500)}
    got = [numbers(path) for path in made.paths]
    assert all(values == list(range(values[0], values[-1] + 1)) for values in got)
    assert {i for values in got for i in values} == wanted
    assert len(got) < len(starts)
    for start, length in zip(starts, lengths, strict=True):
        marks = [
            values[a["core:sample_start"]]
            for path, values in zip(made.paths, got, strict=True)
            for a in json.loads(path.read_text())["annotations"]
            if a["core:label"] == f"{start}" and a["core:sample_count"] == length
        ]
        assert start in marks


def test_no_frame_no_recording_and_what_is_kept_is_bounded(tmp_path: Path, said: list[str]) -> None:
    made = Recorder(tmp_path, RECORDING, said.append, around=Around(1.0, 1.0), late=1.0)
    for first in range(0, 4_000_000, 100_000):
        made.write(block(first, 100_000), first, CLOCK)
    made.close()
    assert made._spool is not None
    blocks = made._spool.count - made._spool.first
    assert 20 <= blocks <= 22  # of 0.4 MB in 8 MB
    assert made.paths == []
    assert list(tmp_path.iterdir()) == []


def test_spool_gives_back_what_it_keeps(tmp_path: Path) -> None:
    spool, rng, position = Spool(tmp_path, 10_000), np.random.default_rng(1), 0
    for _ in range(300):
        n = int(rng.integers(1, 600))
        spool.add(Block(block(position, n), position, CLOCK))
        position += n
        for number in range(spool.first, spool.count):
            at, size = round(spool.position(number)), spool.size(number)
            low, high = sorted(4 * int(i) for i in rng.integers(0, size // 4 + 1, 2))
            assert spool.read(number, low, high) == block(at, size // 4)[low:high]
    spool.close()
    assert list(tmp_path.iterdir()) == []


def test_recordings_of_a_size_overlap(tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_tape, "PIECE", 1000)
    made = Recorder(tmp_path, RECORDING, said.append, Limits(size=8000))
    feed(made, [(0, 1700), (1800, 9000)])
    for at in range(0, 8990, 100):
        made.mark(at, 40, {"core:label": f"{at}"})
    made.close()
    assert said == []
    got = [numbers(path) for path in made.paths]
    assert len(got) == 6
    assert all(8000 <= 4 * len(values) < 8000 + 4 * 70 for values in got[:-1])
    for one, other in pairwise(got):
        assert one[-500:] == other[:500]
    assert sorted({i for values in got for i in values}) == [*range(1700), *range(1800, 9000)]
    whole = set()
    for path in made.paths:
        for a in json.loads(path.read_text())["annotations"]:
            assert a["core:sample_count"] <= 40
            if a["core:sample_count"] == 40:
                whole.add(int(a["core:label"]))
    assert whole == {at for at in range(0, 8990, 100) if at != 1700}


def test_many_gaps_do_not_make_endless_metadata(
    tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_tape, "MOST_CAPTURES", 20)
    made = Recorder(tmp_path, RECORDING, said.append)
    feed(made, [(first, first + 1) for first in range(0, 200, 2)])
    made.close()
    assert {i for path in made.paths for i in numbers(path)} == set(range(0, 200, 2))
    assert len(made.paths) > 4


class Full:
    """A file on a disk that becomes full in the middle of a write."""

    def __init__(self, file: Any, left: int) -> None:
        self._file, self._left = file, left

    def write(self, data: memoryview) -> int:
        if not self._left:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        n = self._file.write(data[: self._left])
        self._left -= n
        return int(n)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def test_a_full_disk_leaves_whole_samples_and_frames_are_still_marked(tmp_path: Path, said: list[str]) -> None:
    ended: list[str] = []
    made = Recorder(tmp_path, RECORDING, said.append, end=ended.append)
    feed(made, [(0, 70)])
    settled(made)
    assert made._tape is not None
    made._tape._file = Full(made._tape._file, 4 * 50 + 3)
    feed(made, [(70, 1000)])
    settled(made)
    made.mark(80, 20, {"core:label": "late"})
    made.close()
    assert said == []
    assert ended == [f"{made.path}: recording ended: No space left on device"]
    assert made.path is not None
    assert numbers(made.path) == list(range(120))
    assert [a["core:sample_start"] for a in json.loads(made.path.read_text())["annotations"]] == [80]


@pytest.mark.parametrize("left", [0, 3, 43])
def test_a_disk_that_is_full_at_once_leaves_a_recording_or_nothing(
    tmp_path: Path, said: list[str], left: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, begin = Recorder(tmp_path, RECORDING, said.append), Recorder._begin

    def full(self: Recorder, first: Block) -> Any:
        tape = begin(self, first)
        tape._file = Full(tape._file, left)
        return tape

    monkeypatch.setattr(Recorder, "_begin", full)
    feed(made, [(0, 700)])
    made.close()
    assert len(said) == 1
    if left < 4:
        assert list(tmp_path.iterdir()) == []
    else:
        assert numbers(made.paths[0]) == list(range(10))


def test_metadata_that_find_no_room_leave_the_old_ones(
    tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Recorder(tmp_path, RECORDING, said.append)
    feed(made, [(0, 700)])
    settled(made)
    write = Path.write_text

    def full(path: Path, text: str, **options: Any) -> int:
        write(path, text[:100], **options)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_text", full)
    made.mark(80, 20, {"core:label": "late"})
    made.close()
    assert len(said) == 1
    assert numbers(made.paths[0]) == list(range(700))
    assert len(list(tmp_path.iterdir())) == 2


def test_a_folder_that_cannot_be_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SinkError, match="file/x: cannot be made: Not a directory"):
        Recorder(tmp_path / "file" / "x", RECORDING, print)
    with pytest.raises(SinkError, match="file: is a file; recordings go into a folder, so give the name of one"):
        Recorder(tmp_path / "file", RECORDING, print)
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(SinkError, match="cannot be written to"):
        Recorder(tmp_path, RECORDING, print)


def test_no_room_for_the_past_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("os.posix_fallocate", full)
    with pytest.raises(SinkError, match=r"cannot keep the last 40 s of samples, 8 MB: No space left"):
        Recorder(tmp_path, RECORDING, print, around=Around(10.0, 10.0), late=30.0)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("what", ["data", "folder"])
def test_what_is_deleted_under_way_is_begun_anew(
    tmp_path: Path, said: list[str], what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "CHECKED", 0.0)
    made = Recorder(tmp_path / "a", RECORDING, said.append)
    feed(made, [(0, 700)])
    settled(made)
    assert made.path is not None
    if what == "data":
        made.path.with_suffix(".sigmf-data").unlink()
        made.path.unlink()
    else:
        shutil.rmtree(tmp_path / "a")
    feed(made, [(700, 770)])
    settled(made)
    feed(made, [(770, 2000)])
    made.close()
    assert len(said) == 1
    assert "has been deleted; what comes goes into a new recording" in said[0]
    assert numbers(made.paths[-1]) == list(range(700, 2000))
    assert len(list((tmp_path / "a").iterdir())) == 2


def test_metadata_that_are_deleted_are_written_again(
    tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "CHECKED", 0.0)
    made = Recorder(tmp_path, RECORDING, said.append)
    feed(made, [(0, 700)])
    settled(made)
    assert made.path is not None
    made.path.unlink()
    feed(made, [(700, 900)])
    made.close()
    assert said == []
    assert numbers(made.path) == list(range(900))


def test_a_slow_disk_makes_a_gap_in_the_recording_alone(
    tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "QUEUED", (0.0, 2000))
    made, go = Recorder(tmp_path, RECORDING, said.append), threading.Event()
    put = made._put

    def slow(one: Block) -> None:
        go.wait(10)
        put(one)

    monkeypatch.setattr(made, "_put", slow)
    begun = time.monotonic()
    feed(made, [(0, 2100)])
    assert time.monotonic() - begun < 5
    go.set()
    settled(made)
    feed(made, [(2100, 2380)])
    made.close()
    assert len(said) == 1
    assert "the disk is too slow" in said[0]
    values = numbers(made.paths[0])
    assert values[-280:] == list(range(2100, 2380))
    assert 280 < len(values) < 1200


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder on a disk of 100 kB."""
    usage = shutil.disk_usage(tmp_path)

    def used(folder: Path) -> Any:
        return usage._replace(free=100_000 - sum(p.stat().st_size for p in tmp_path.glob("*.sigmf-data")))

    monkeypatch.setattr(recorder.shutil, "disk_usage", used)
    return tmp_path


def test_what_is_to_be_left_free_is(disk: Path, said: list[str]) -> None:
    old = Recorder(disk, RECORDING, said.append)
    feed(old, [(0, 5000)])
    old.close()
    made = Recorder(disk, RECORDING, said.append, Limits(keep_free=50_000))
    feed(made, [(0, 20_000)])
    made.close()
    assert said == [f"{made.path}: recording ended: less than 0.05 MB are free on the disk"]
    assert made.path is not None
    assert 28_000 < 4 * len(numbers(made.path)) < 31_000
    assert numbers(old.paths[0]) == list(range(5000))


def test_oldest_recordings_of_radome_make_room_when_asked(disk: Path, said: list[str]) -> None:
    foreign = disk / "mine.sigmf-meta"
    foreign.write_text('{"global": {"core:recorder": "GQRX"}, "captures": [], "annotations": []}')
    foreign.with_suffix(".sigmf-data").write_bytes(bytes(8000))
    (disk / "odd.sigmf-meta").write_text("[]")
    limits = Limits(size=20_000, keep_free=30_000, delete_oldest=True)
    other = Recorder(disk, RECORDING, said.append)
    feed(other, [(0, 500)])
    settled(other)
    made = Recorder(disk, RECORDING, said.append, limits)
    feed(made, [(0, 40_000)])
    made.close()
    other.close()
    assert said == []
    assert foreign.exists()
    assert numbers(other.paths[0]) == list(range(500))
    left = [path for path in made.paths if path.exists()]
    assert left == made.paths[-len(left) :]
    assert 2 <= len(left) < len(made.paths)
    assert numbers(made.paths[-1])[-1] == 39_999


def test_what_is_being_written_is_not_deleted(tmp_path: Path, said: list[str]) -> None:
    made = Recorder(tmp_path, RECORDING, said.append)
    feed(made, [(0, 500)])
    settled(made)
    assert not make_room(tmp_path)
    made.close()
    assert make_room(tmp_path)
    assert list(tmp_path.iterdir()) == []
    with open(tmp_path / "x", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # as it was: nothing is left locked


def test_two_recordings_of_the_same_second(tmp_path: Path, said: list[str]) -> None:
    made = [Recorder(tmp_path, RECORDING, said.append) for _ in range(3)]
    for number, one in enumerate(made):
        one.write(block(0, 100), 0, CLOCK)
        settled(one)
        if not number and one.path:
            one.path.unlink()  # as if it were about to be written
    for one in made:
        one.close()
    assert said == []
    assert len({one.path for one in made}) == 3
    assert len(list(tmp_path.glob("*.sigmf-data"))) == 3
