"""From a recording through `radome decode` and ZeroMQ to `radome listen`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from receiver.subscriber import Subscriber

RECORDING = Path(__file__).parents[3] / "recordings" / "swampsat2-fsk9k6-ax25-g3ruh.sigmf-meta"
RADOME = [sys.executable, "-m", "receiver"]

pytestmark = pytest.mark.skipif(not RECORDING.exists(), reason=f"{RECORDING} is not there")


def decode(address: str, *options: str) -> subprocess.Popen[str]:
    what = ["decode", str(RECORDING), "--satellite", "45115", "--tle", str(RECORDING.with_suffix(".tle"))]
    command = [*RADOME, *what, "--zmq", address, "--zmq-wait", "20", *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_listener_has_what_the_decoder_had(tmp_path: Path) -> None:
    address, sent, got = f"ipc://{tmp_path}/s", tmp_path / "sent", tmp_path / "got"
    with decode(address, "--jsonl", str(sent)) as publisher:
        command = [*RADOME, "listen", address, "--until-end", "--timeout", "30", "--jsonl", str(got)]
        listener = subprocess.run(command, capture_output=True, text=True, timeout=60)
        _, err = publisher.communicate(timeout=30)
    assert publisher.returncode == 0, err
    assert listener.returncode == 0, listener.stderr
    assert sent.read_bytes() == got.read_bytes() != b""
    assert ", 0 lost on the way" in listener.stderr


def test_status_says_what_was_done(tmp_path: Path) -> None:
    address = f"ipc://{tmp_path}/s"
    events, frames = [], 0
    with decode(address, "--quiet") as publisher, Subscriber([address]) as subscriber:
        while not events or not events[-1].get("end"):
            message = subscriber.receive(20)
            assert message is not None
            assert not message.missing
            frames += message.kind == "frame"
            if message.kind == "status":
                events.append(message.table)
        publisher.communicate(timeout=30)
    done = next(event for event in events if event["event"] == "file")
    assert sum(done["statistics"]["frames"].values()) == frames > 0
    assert done["file"] == str(RECORDING)
    assert events[-1]["seq"] == frames - 1
