"""`radome live` from outside: its log, what it publishes, and what it says of itself."""

from __future__ import annotations

import contextlib
import copy
import json
import math
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from receiver.cli._receive import receive
from receiver.errors import SinkError
from receiver.monitor import Monitor
from receiver.pipeline import Line
from receiver.reception import Conditions, lines
from receiver.record import Context
from receiver.sink.jsonl import JsonLines
from receiver.sink.terminal import Display
from receiver.source import Recording
from receiver.subscriber import Message, Subscriber
from tests.loopback import FREQUENCY, Memory, payloads, satellite, send, transmitter

RATE = 250e3
DEFINITION = f"""
name = "Test"
norad = 99998
[[transmitter]]
name = "a"
frequency = {FREQUENCY}
demod = {{ use = "fsk", baudrate = 9600 }}
framing = {{ use = "ax25", scrambler = "g3ruh" }}
"""


def serve(data: bytes, first: int, away: float) -> int:
    """Port of an rtl_tcp that sends `first` samples, greets nobody for some seconds, and then sends on and on."""
    server = socket.create_server(("127.0.0.1", 0))

    def one(made: socket.socket, end: float) -> None:
        made.sendall(b"RTL0" + bytes(8))
        begun, done = time.monotonic(), 0
        while done < end:
            due = min(end, 2 * int((time.monotonic() - begun) * RATE))
            while done < due:
                part = data[done % len(data) :][: int(due - done)]
                made.sendall(part)
                done += len(part)
            time.sleep(0.01)

    def play() -> None:
        gone = None
        while True:
            made, _ = server.accept()
            with made, contextlib.suppress(OSError):
                if gone is None:
                    one(made, 2 * first)
                    gone = time.monotonic()
                elif time.monotonic() - gone > away:
                    one(made, math.inf)

    threading.Thread(target=play, daemon=True).start()
    return int(server.getsockname()[1])


def test_log_and_topics_tell_what_happens(tmp_path: Path) -> None:
    sent = transmitter({"use": "fsk", "baudrate": 9600})
    signal_ = send(sent, payloads(3), RATE, offset=18e3, burst=3)
    x = 0.4 * signal_.samples / np.abs(signal_.samples).max()
    x = np.concatenate([x, np.zeros(int(RATE) // 2, np.complex64)]).astype(np.complex64)
    x += (0.02 * np.random.default_rng(2).standard_normal(2 * len(x))).astype(np.float32).view(np.complex64)
    data = np.clip(np.rint(x.view(np.float32) * 128 + 128), 0, 255).astype(np.uint8).tobytes()
    port = serve(data, 150_000, 2.0)
    (tmp_path / "a.toml").write_text(DEFINITION)
    address = f"ipc://{tmp_path}/z"
    words = [f"rtltcp://127.0.0.1:{port}", "--definition", tmp_path / "a.toml", "--frequency", str(FREQUENCY - 2e3)]
    words += ["--log", "json", "--zmq", address, "--zmq-wait", "20"]
    process = subprocess.Popen(
        [sys.executable, "-m", "receiver", "live", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    heard: list[tuple[float, Message]] = []
    try:
        with Subscriber([address]) as subscriber:
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline:
                message = subscriber.receive(0.2)
                if message is not None:
                    heard.append((time.monotonic(), message))
                back = [at for at, message in heard if message.table.get("event") == "device_back"]
                if back and any(message.kind == "frame" and at > back[0] for at, message in heard):
                    break
            for _ in range(2):  # as timeout(1) does
                process.send_signal(signal.SIGTERM)
                time.sleep(0.002)
            while time.monotonic() < deadline and not heard[-1][1].table.get("end"):
                message = subscriber.receive(0.2)
                if message is not None:
                    heard.append((time.monotonic(), message))
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
    assert (process.returncode, out) == (0, "")
    told = [json.loads(line) for line in err.splitlines()]
    assert all({"time", "level", "event"} <= one.keys() for one in told)
    events = [one["event"] for one in told]
    once = ["start", "device_open", "device_lost", "gap", "device_back", "end"]
    assert [event for event in events if event in once] == once
    assert events.count("signal_seen") == 1
    assert events.count("frame") == sum(message.kind == "frame" for _, message in heard)
    by = {one["event"]: one for one in told}
    assert by["start"]["satellites"] == ["Test"]
    assert by["device_open"]["frequency_hz"] == FREQUENCY - 2e3
    assert by["signal_seen"]["offset_hz"] == pytest.approx(16e3, abs=100)
    assert by["frame"]["snr_db"] > 10
    assert by["gap"]["sample"] == 150_000
    assert by["gap"]["lost"] / RATE > 1.5
    end = by["end"]
    assert (end["samples_lost"], end["gaps"], end["restarts"]) == (by["gap"]["lost"], 1, 1)
    assert end["channels"][0]["frames"] == events.count("frame")
    # the same over ZeroMQ, and heartbeats while the device was away
    [gap] = [message.table for _, message in heard if message.kind == "gap"]
    assert (gap["sample"], gap["lost"], gap["gaps"]) == (150_000, by["gap"]["lost"], 1)
    said = {str(message.table.get("event")): at for at, message in heard if message.kind == "status"}
    assert {"device_lost", "device_back", "signal_seen", "state", "end"} <= said.keys()
    between = [at for at, message in heard if message.kind == "heartbeat"]
    assert sum(said["device_lost"] < at < said["device_back"] for at in between) >= 1


def test_a_log_that_nobody_takes_does_not_hold_up_the_end() -> None:
    """And one that is taken has all, a thread's end among it."""
    program = """
import sys, threading
from receiver import log
log.start()
log.PARTING = float(sys.argv[1])
for i in range(300):
    log.tell("info", "some", {"text": 1000 * "x", "i": i})
thread = threading.Thread(target=lambda: 1 / 0)
thread.start()
thread.join()
"""
    begun = time.monotonic()
    with subprocess.Popen([sys.executable, "-c", program, "0.2"], stderr=subprocess.PIPE) as process:
        assert process.wait(20) == 0
    assert time.monotonic() - begun < 15
    done = subprocess.run([sys.executable, "-c", program, "20"], stderr=subprocess.PIPE, text=True, timeout=40)
    *lines, last = map(json.loads, done.stderr.splitlines())
    assert [one["i"] for one in lines] == list(range(300))
    assert last["event"] == "exception"
    assert "ZeroDivisionError" in last["exception"]


def test_an_output_that_fails_live_does_not_end_the_others(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """But that of a file, which can be read again. The first is as on a full disk, and closed before the other."""
    sent = transmitter({"use": "fsk", "baudrate": 9600})
    of, told = satellite(sent), payloads(3)
    source = Memory(send(sent, told, 48e3, burst=1, pause=0.2))
    good = tmp_path / "good.jsonl"

    def prepare(recording: Recording, display: Display) -> list[tuple[Line, Context]]:
        return [(line, Context("boot", of, sent)) for _, line in lines(of, recording, Conditions())]

    def run(monitor: Monitor | None) -> list[bytes]:
        again = copy.copy(source)
        with pytest.raises(SinkError, match="/dev/full: cannot be written: No space left on device"):
            receive(
                *(["x"], lambda name: again, prepare, [JsonLines("/dev/full"), JsonLines(str(good))], "boot"),
                realtime=False,
                quiet=True,
                monitor=monitor,
            )
        return [bytes.fromhex(json.loads(line)["payload"]) for line in good.read_text().splitlines()]

    assert run(Monitor()) == told
    assert capfd.readouterr().err.count("/dev/full: cannot be written: No space left on device; reception goes on") == 1
    run(None)
    assert "goes on" not in capfd.readouterr().err
