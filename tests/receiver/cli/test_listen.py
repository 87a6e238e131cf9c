from __future__ import annotations

import json
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zmq

from receiver.cli import main
from receiver.record import to_json
from receiver.sink.zmq import Publisher
from tests.receiver.frames import BOOT, PAYLOAD, make

Radome = Callable[..., tuple[int, str, str]]


def publish(address: str, records: list[tuple[dict[str, Any], bytes]], close: bool = True) -> threading.Thread:
    """Publish from a thread, as soon as somebody listens."""

    def run() -> None:
        sink = Publisher(address, wait=10.0, heartbeat=0.1, patience=2.0)
        sink.open(BOOT, lambda text: None)
        for record, payload in records:
            sink.write(record, payload)
        if not close:
            for _ in range(10):
                time.sleep(0.1)
                sink.tick()
        sink.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


@pytest.fixture
def radome(capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def run(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as info:
            main([str(argument) for argument in arguments])
        return (int(info.value.code or 0), *capfd.readouterr())

    return run


def test_frames_are_shown_and_handed_on(radome: Radome, tmp_path: Path) -> None:
    address = f"ipc://{tmp_path}/s"
    records = [make(seq) for seq in range(3)]
    thread = publish(address, records)
    script = (
        "import os, sys; print(os.environ['RADOME_SEQ'], sys.stdin.buffer.read().hex(), file=open(sys.argv[1], 'a'))"
    )
    command = shlex.join([sys.executable, "-c", script, str(tmp_path / "out")])
    jsonl, kiss = tmp_path / "jsonl", tmp_path / "kiss"
    status, out, err = radome(
        *("listen", address, "--jsonl", jsonl, "--kiss", kiss, "--exec", command, "--exec", "false", "--until-end")
    )
    thread.join()
    assert status == 0
    assert out.splitlines()[::2] == [
        f"2023-11-14 22:13:2{seq}.000  Test-99999  AX.25  7 B  SNR 12.0 dB" for seq in range(3)
    ]
    assert "3 frames received, 0 lost on the way" in err
    assert err.count("command 'false': exit status 1") == 3
    assert jsonl.read_bytes() == b"".join(to_json(record) + b"\n" for record, _ in records)
    assert kiss.read_bytes() == b"\xc0\x00\xdb\xdcHello\x00\xc0" * 3
    assert (tmp_path / "out").read_text().splitlines() == [f"{seq} {PAYLOAD.hex()}" for seq in range(3)]


def test_data_on_standard_output_is_clean(radome: Radome, tmp_path: Path) -> None:
    thread = publish(f"ipc://{tmp_path}/s", [make(seq) for seq in range(3)])
    command = shlex.join([sys.executable, "-c", "print('noise')"])
    status, out, err = radome("listen", f"ipc://{tmp_path}/s", "--jsonl", "-", "--exec", command, "--count", "2")
    thread.join()
    assert status == 0
    assert [json.loads(line)["seq"] for line in out.splitlines()] == [0, 1]
    assert err.count("noise") == 2


def test_filter_by_satellite(radome: Radome, tmp_path: Path) -> None:
    thread = publish(f"ipc://{tmp_path}/s", [make(seq, norad=(9999, 99999)[seq % 2]) for seq in range(6)])
    status, out, err = radome(
        "listen", f"ipc://{tmp_path}/s", "--satellite", "9999", "--jsonl", "-", "--quiet", "--until-end"
    )
    thread.join()
    assert status == 0
    assert [json.loads(line)["seq"] for line in out.splitlines()] == [0, 2, 4]
    assert err == "radome: 3 frames received, 0 lost on the way\n"


def test_loss_is_reported(radome: Radome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    send = Publisher._send

    def lossy(self: Publisher, parts: list[bytes]) -> None:
        if not (parts[0].startswith(b"frame/") and json.loads(parts[1])["seq"] in (1, 2, 4)):
            send(self, parts)

    monkeypatch.setattr(Publisher, "_send", lossy)
    thread = publish(f"ipc://{tmp_path}/s", [make(seq) for seq in range(5)])
    status, _, err = radome("listen", f"ipc://{tmp_path}/s", "--until-end", "--quiet")
    thread.join()
    assert status == 0
    assert "2 frames lost on the way, as seen at frame/99999/9k6 FSK" in err
    assert "1 frame lost on the way, as seen at the publisher's count" in err
    assert "2 frames received, 3 lost on the way" in err


@contextmanager
def sending(address: str, messages: Sequence[Sequence[bytes]]) -> Iterator[None]:
    """Send bare messages once a listener has subscribed to its four topics."""
    with zmq.Context() as context, context.socket(zmq.XPUB) as socket:
        socket.set(zmq.LINGER, 0)
        socket.bind(address)

        def run() -> None:
            for _ in range(4):
                assert socket.poll(10_000)
                socket.recv()
            for message in messages:
                socket.send_multipart(message)

        thread = threading.Thread(target=run)
        thread.start()
        yield
        thread.join()


def test_strange_messages_are_reported_once(radome: Radome, tmp_path: Path) -> None:
    with sending(f"ipc://{tmp_path}/s", [[b"frame/1/x", b"\xff", b""]] * 50):
        status, out, err = radome("listen", f"ipc://{tmp_path}/s", "--timeout", "0.7")
    assert (status, out) == (0, "")
    assert err.count("none of Radome's") == 1
    assert "50 other messages left out" in err


def test_frames_among_hostile_messages(radome: Radome, tmp_path: Path) -> None:
    """Each good frame is handed on, and nothing else; what a message holds never reaches the terminal as it is."""
    rng = np.random.default_rng(4)
    escape = json.dumps({"schema": 1, "boot": "\x1b[2J\n", "topics": {"frame/\x1b[2J\n": 10**18}}).encode()
    strange = [
        [b""],
        [b"frame/"],
        [b"frame/1/x"] * 40,
        [b"frame/1/x", b"", b""],
        [b"frame/1/x", b"{}", b""],
        [b"frame/1/x", b"[" * 100_000, b""],
        [b"frame/1/x", b'{"boot": "' + b"x" * 2_000_000 + b'"}', b""],
        [b"frame/1/x", b'{"seq": ' + b"1" * 10_000 + b"}", b""],
        [b"frame/1/x", b'{"snr_db": NaN}', b""],
        [b"frame/" + b"x" * 5000, to_json(make(0)[0]), b""],
        [b"frame/\xff\xfe", to_json(make(0)[0]), b""],
        [b"status/x", escape],
        [b"gap/x", b"7"],
        [b"heartbeat/x", json.dumps({"schema": 1, "boot": "x", "topics": {"frame/1/x": -1}}).encode()],
        *([b"frame/" + rng.bytes(8), rng.bytes(300), rng.bytes(300)] for _ in range(100)),
    ]
    good = make(3)[0]
    header = to_json({**{name: value for name, value in good.items() if name != "payload"}, "topic_seq": 0})
    with sending(f"ipc://{tmp_path}/s", [*strange, [b"frame/99999/9k6 FSK", header, PAYLOAD]]):
        status, out, err = radome("listen", f"ipc://{tmp_path}/s", "--count", 1, "--timeout", 20, "--jsonl", "-")
    assert status == 0
    assert [json.loads(line) for line in out.splitlines()] == [{**good, "payload": PAYLOAD.hex()}]
    assert "1 frame received" in err
    assert err.count("none of Radome's") == 1
    assert all(line.isprintable() for line in err.splitlines())


def test_silence_is_reported(radome: Radome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("receiver.cli.listen._SILENCE", 0.3)
    status, _, err = radome("listen", f"ipc://{tmp_path}/s", "--timeout", "1")
    assert status == 0
    assert err.count("not even a heartbeat") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["localhost:5555"], "'localhost:5555' has no protocol"),
        (["tcp://localhost:99999"], "the port is '99999'"),
        (["tcp://localhost:1", "--jsonl", "/nonexistent/x"], "/nonexistent/x: cannot be written"),
        (["tcp://localhost:1", "--exec", "no-such-program"], "there is no such program"),
        (["tcp://localhost:1", "--satellite", "no such satellite"], "there is no definition"),
        (["tcp://localhost:" + "1" * 5000], "the port is"),
        (["tcp://localhost:1", "--satellite", "1" * 5000], "there is no definition"),
        (["tcp://localhost:1", "--exec", "/"], "none that may be run"),
        (["tcp://localhost:1", "--exec", "'"], "is not quoted as in a shell"),
        (["tcp://localhost:1", "--jsonl", "/tmp/x", "--kiss", "/tmp/x"], "/tmp/x: two outputs"),
        (["tcp://localhost:1", "--jsonl", "-", "--kiss", "-"], "-: two outputs"),
        (["tcp://localhost:1", "--jsonl", ""], "--jsonl: its value is empty"),
        (["tcp://localhost:1", "--topic", "\udcff"], "--topic"),
        (["tcp://localhost:1", "--timeout", "nan"], "--timeout"),
        (["udp://localhost:1"], "not compatible with publishing"),
        ([], "Missing argument"),
    ],
)
def test_what_the_user_must_mend(radome: Radome, arguments: list[str], message: str) -> None:
    status, out, err = radome("listen", *arguments)
    assert (status, out) == (2, "")
    assert message in err
    assert "Traceback" not in err


def test_interrupt(tmp_path: Path) -> None:
    address, jsonl = f"ipc://{tmp_path}/s", tmp_path / "jsonl"
    command = [sys.executable, "-m", "receiver", "listen", address, "--jsonl", str(jsonl)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        thread = publish(address, [make(0)], close=False)
        deadline = time.monotonic() + 10
        while not (jsonl.exists() and jsonl.read_bytes()) and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=10)
        thread.join()
    assert process.returncode == 130
    assert json.loads(jsonl.read_text())["seq"] == 0
    assert "1 frame received" in err
    assert "Traceback" not in err
