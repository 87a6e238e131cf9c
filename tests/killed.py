"""Recordings of a program that is killed at some moment: they open, are valid, and hold what came until then."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import sigmf

from receiver.source import open_source
from receiver.synth import Signal, Truth
from tests.loopback import FREQUENCY, payloads, run, send, transmitter

RATE = 250e3
SENT = transmitter({"use": "fsk", "baudrate": 9600})
DEFINITION = f"""
name = "Test"
norad = 99998
[[transmitter]]
name = "a b"
frequency = {FREQUENCY}
demod = {{ use = "fsk", baudrate = 9600 }}
framing = {{ use = "ax25", scrambler = "g3ruh" }}
"""
LOST = 1.0
"""Seconds before the end that may be missing."""
WAYS = {
    "all": ("live", "--record", "all", "--record-channels", "channels"),
    "turned": ("live", "--record", "all", "--record-size", "2MB", "--record-channels", "channels"),
    "frames": ("live", "--record", "frames", "--record-on-frame", "--before", "2", "--after", "3"),
    "bare": ("record", "--record", "all"),
}
"""Arguments of the program; each folder is checked by itself."""


HEADER = bytes.fromhex("86a240404040e0 a48288929e8261 03f0")
"""From RADIOA to CQ (AX.25 v2.2, section 3.12): a frame of which a recording's start cut the flags needs addresses."""


def message(seconds: float, seed: int) -> Signal:
    """A frame every 0.2 s or so for so many seconds, the first behind 1 s."""
    frames = [HEADER + text for text in payloads(round(seconds * 5), 14, seed)]
    signal_ = send(SENT, frames, RATE, offset=12e3, burst=1, pause=0.12, lead=1.0, seed=seed)
    assert signal_.samples.dtype == np.complex64
    return signal_


def as_cs16(signal_: Signal) -> bytes:
    x = 0.5 * signal_.samples / np.abs(signal_.samples).max()
    return np.rint(x.view(np.float32) * 32767).astype("<i2").tobytes()


class Air:
    """A server that sends samples in real time to each that connects, and then silence."""

    def __init__(self, data: bytes, rate: float = RATE, width: int = 4) -> None:
        self._data, self._flow = data, rate * width
        self._width = width
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"tcp://127.0.0.1:{self._socket.getsockname()[1]}"
        self.sent = 0
        """Samples, to the last that connected."""
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                made, _ = self._socket.accept()
                threading.Thread(target=self._send, args=(made,), daemon=True).start()

    def _send(self, made: socket.socket) -> None:
        begun, done = time.monotonic(), 0
        with made, contextlib.suppress(OSError):
            while True:
                due = int((time.monotonic() - begun) * self._flow) // self._width * self._width
                part = self._data[done:due]
                made.sendall(part + bytes(due - done - len(part)))
                done, self.sent = due, due // self._width
                time.sleep(0.01)

    def close(self) -> None:
        self._socket.close()


@contextlib.contextmanager
def on_air(signal_: Signal) -> Iterator[Air]:
    air = Air(as_cs16(signal_))
    try:
        yield air
    finally:
        air.close()


@dataclass(frozen=True)
class Outcome:
    """What a killed program left."""

    problems: list[str]
    recordings: int
    frames: int
    late: float
    """Seconds before the kill that the last frame ended which is in the recordings."""


def started(air: Air, way: Sequence[str], folder: Path) -> subprocess.Popen[str]:
    """The program, receiving from `air`, writing into `folder`."""
    command, *options = way
    words = [command, air.address, "--format", "cs16", "--rate", str(RATE), "--frequency", str(FREQUENCY), *options]
    if command == "live":
        (folder / "a.toml").write_text(DEFINITION)
        words += ["--definition", "a.toml", "--jsonl", "frames.jsonl"]
    return subprocess.Popen(
        [sys.executable, "-m", "receiver", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def killed(signal_: Signal, way: Sequence[str], folder: Path, moment: float) -> Outcome:
    """Start the program, kill all of it when so many seconds are sent, and look at what is there."""
    told: list[bytes] = []
    with on_air(signal_) as air:
        process = started(air, way, folder)
        try:
            while air.sent < moment * RATE:
                if process.poll() is not None:
                    return Outcome([f"ended by itself: {process.communicate()[1]}"], 0, 0, 0.0)
                if air.sent < (moment - LOST) * RATE:
                    told = published(folder)
                time.sleep(0.02)
            sent = air.sent
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    # before the first frame is out nothing is recorded around it
    due = sent - LOST * RATE if told or "--record-on-frame" not in way else 0.0
    return looked_at(signal_.truth, folder, sent, due, told)


def published(folder: Path) -> list[bytes]:
    """Payloads that the program has given out so far."""
    path = folder / "frames.jsonl"
    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    return [bytes.fromhex(json.loads(line)["payload"]) for line in lines if line.endswith("\n")]


def looked_at(truth: Sequence[Truth], folder: Path, sent: float, due: float, told: Sequence[bytes]) -> Outcome:
    """Check the recordings in the folders.

    Parameters
    ----------
    sent : samples that were
    due : the frames that ended before this sample must be in the recordings
    told : and these be marked
    """
    wanted = {one.payload for one in truth if one.position + one.length < due}
    known = {one.payload: one for one in truth}
    problems, recordings, frames, last = [], 0, 0, sent
    for place in sorted(path for path in folder.iterdir() if path.is_dir()):
        got: set[bytes] = set()
        marked: set[bytes] = set()
        for path in sorted(place.glob("*.sigmf-meta")):
            recordings += 1
            try:
                found, annotated = _frames(path)
                got |= found
                marked |= annotated
            except Exception as error:  # whatever it is, it is told
                problems.append(f"{path.name}: {type(error).__name__}: {error}")
        for payload in got - known.keys():
            problems.append(f"{place.name}: a frame that was not sent: {payload.hex()}")
        if missing := len(wanted - got):
            problems.append(f"{place.name}: {missing} of {len(wanted)} frames are missing")
        if missing := len(set(told) - marked):
            problems.append(f"{place.name}: {missing} of {len(told)} frames are not marked")
        frames += len(got)
        last = min(last, max((known[p].position + known[p].length for p in got & known.keys()), default=0.0))
    if wanted and not recordings:
        problems.append("there is no recording")
    return Outcome(problems, recordings, frames, (sent - last) / RATE)


def _frames(path: Path) -> tuple[set[bytes], set[bytes]]:
    """Payloads in a recording, and those of its annotations, which are compared with them."""
    file = sigmf.fromfile(str(path))
    file.validate()
    with contextlib.closing(open_source(str(path))) as source:
        frames, _ = run(source, SENT)
    found = {frame.payload: frame for frame in frames}
    for annotation in file.get_annotations():
        told = bytes.fromhex(annotation["radome:payload"])
        start, count = annotation["core:sample_start"], annotation["core:sample_count"]
        whole = start > 0 and start + count < file.sample_count
        if told not in found:
            assert not whole, f"a frame at {start} is marked that is not there"
        elif whole:
            assert abs(found[told].position - start) < 3 * file.sample_rate / 9600, f"{found[told].position} {start}"
    return set(found), {bytes.fromhex(annotation["radome:payload"]) for annotation in file.get_annotations()}
