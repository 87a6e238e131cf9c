"""Samples from ZeroMQ sinks as GNU Radio has them, from standard input, and audio in datagrams."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zmq

from receiver.device import DeviceError, Settings, make
from receiver.errors import SourceError
from receiver.source.live import LiveSource
from tests.drivers import free_port

RATE = 200e3
RECORDINGS = Path(__file__).parents[3] / "recordings"
SYMBOL = b"\x02\x00\x07rx_time"
TIME = b"\x0c\x00\x00\x00\x02" + b"\x0b" + bytes(8) + b"\x04" + bytes(8)  # a tuple of uint64 and double
PMTS = (
    b"\x00",
    b"\x01",
    SYMBOL,
    b"\x03" + bytes(4),
    b"\x05" + bytes(16),
    b"\x06",
    b"\x07" + SYMBOL + b"\x06",
    b"\x08\x00\x00\x00\x02" + SYMBOL + b"\x00",
    b"\x09\x07" + SYMBOL + b"\x03" + bytes(4) + b"\x06",
    b"\x0a\x0a\x00\x00\x00\x03\x01\x00" + bytes(24),  # three complex
    TIME,
    b"\x0d" + bytes(8),
)


def header(number: int, *values: bytes) -> bytes:
    tags = b"".join(struct.pack("<Q", number) + SYMBOL + value + b"\x06" for value in values)
    return struct.pack("<HBQQ", 0x5FF0, 1, number, len(values)) + tags


def counter(first: int, count: int) -> bytes:
    """Samples whose real part is their number."""
    return np.arange(first, first + count).astype(np.complex64).tobytes()


@pytest.fixture
def sink() -> Iterator[Callable[[int, Any], str]]:
    """Starts a sink whose plan sends; gives where."""
    context, threads, done = zmq.Context(), list[threading.Thread](), threading.Event()

    def start(kind: int, plan: Callable[[zmq.Socket[bytes], threading.Event], None]) -> str:
        made = context.socket(kind)
        made.linger = 0
        port = made.bind_to_random_port("tcp://127.0.0.1")

        def run() -> None:
            with contextlib.suppress(zmq.ZMQError):
                plan(made, done)
            made.close()

        threads.append(threading.Thread(target=run))
        threads[-1].start()
        return f"tcp://127.0.0.1:{port}"

    yield start
    done.set()
    for thread in threads:
        thread.join()
    context.term()


def taken(source: LiveSource, samples: int) -> list[tuple[int, int, int, object]]:
    """Position, first number, length and clock of the chunks; each chunk counts on."""
    chunks, came = list[tuple[int, int, int, object]](), 0
    while came < samples and (chunk := source.read()) is not None:
        values = np.rint(chunk.items.real).astype(int)
        assert (np.diff(values) == 1).all()
        chunks.append((int(chunk.position), int(values[0]), len(values), chunk.clock))
        came += len(chunk)
    return chunks


@pytest.mark.parametrize("key", [(), (b"iq",)])
def test_a_pub_sink_that_passes_tags_tells_of_every_sample(sink: Any, key: tuple[bytes, ...]) -> None:
    lost = {20: 1, 30: 12345}

    def plan(made: zmq.Socket[bytes], done: threading.Event) -> None:
        made.recv()  # that somebody listens
        at = turn = 0
        while not done.wait(0.004):
            at += lost.get(turn, 0)
            made.send_multipart([*key, header(at, *(PMTS if turn % 3 else ())) + counter(at, 1000)])
            at += 1000
            turn += 1

    source = LiveSource(Settings(f"zmq:{sink(zmq.XPUB, plan)}", RATE, format="cf32"))
    try:
        chunks = taken(source, 60_000)
    finally:
        source.close()
    start = chunks[0][1]
    assert source.lost == sum(lost.values())
    assert source.restarts == 0
    assert all(first - start == position for position, first, *_ in chunks)


def test_a_pull_loses_nothing_and_a_message_may_be_large(sink: Any) -> None:
    """Unpaced, 40 times what the ring holds of them, and read late."""

    def plan(made: zmq.Socket[bytes], done: threading.Event) -> None:
        for at in range(0, 2_000_000, 50_000):
            while not made.poll(100, zmq.POLLOUT):
                if done.is_set():
                    return
            made.send(counter(at, 50_000))
        done.wait()

    source = LiveSource(Settings(f"zmq:pull:{sink(zmq.PUSH, plan)}", RATE, format="cf32"), seconds=0.25)
    try:
        chunks = taken(source, 500_000)
        time.sleep(0.5)
        chunks += taken(source, 1_500_000)
    finally:
        source.close()
    assert source.lost == 0
    assert sum(length for _, _, length, _ in chunks) == 2_000_000
    assert all(position == first for position, first, *_ in chunks)


GNU_RADIO = """
import sys, time, pmt
from gnuradio import blocks, gr, network, zeromq
kind, address, tags = sys.argv[1:]
top = gr.top_block()
source = blocks.vector_source_c([complex(i) for i in range(100000)], True)
words = (gr.sizeof_gr_complex, 1)
if kind == "udp":
    sink = network.udp_sink(*words, "127.0.0.1", int(address), 0, 1472, False)
elif kind == "pub":
    sink = zeromq.pub_sink(*words, address, 100, tags == "tags", -1, "key" if tags == "key" else "")
else:
    sink = zeromq.push_sink(*words, address, 100, tags == "tags", -1)
strobe = blocks.tags_strobe(gr.sizeof_gr_complex, pmt.to_pmt({"a": 1.5, "b": (1, 2j)}), 777, pmt.intern("strobe"))
add = blocks.add_cc()
top.connect(source, blocks.throttle(gr.sizeof_gr_complex, 200e3), (add, 0))
top.connect(strobe, (add, 1))
top.connect(add, sink)
top.start()
time.sleep(60)
"""
"""Counts to 100,000 over and over, with a tag at every 777th."""


@pytest.mark.parametrize(
    ("kind", "tags"), [("pub", "plain"), ("pub", "tags"), ("pub", "key"), ("push", "tags"), ("udp", "plain")]
)
def test_gnu_radio_itself(kind: str, tags: str) -> None:
    python = "/usr/bin/python3"
    if not Path(python).exists() or subprocess.run([python, "-c", "import gnuradio"], capture_output=True).returncode:
        pytest.skip("GNU Radio is not installed (apt: gnuradio); the messages that it sends are tested without it")
    port = free_port()
    address = str(port) if kind == "udp" else f"tcp://127.0.0.1:{port}"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    with subprocess.Popen([python, "-c", GNU_RADIO, kind, address, tags], env=environment) as process:
        try:
            device = {"pub": f"zmq:{address}", "push": f"zmq:pull:{address}", "udp": f"udp://127.0.0.1:{port}"}[kind]
            source = LiveSource(Settings(device, RATE, format="cf32"))
            try:
                before, came = None, 0
                while came < 150_000:
                    chunk = source.read()
                    assert chunk is not None
                    values = np.rint(chunk.items.real).astype(int)
                    assert set(np.diff(values)) <= {1, -99_999}
                    assert before is None or values[0] == (before + 1) % 100_000
                    before, came = values[-1], came + len(values)
            finally:
                source.close()
        finally:
            process.kill()
    assert source.lost == source.restarts == 0


@pytest.mark.parametrize(
    ("messages", "says"),
    [
        ([counter(0, 100)[:-3]], "are no whole samples of 8; --format"),
        ([header(0) + counter(0, 10), counter(10, 10)], "does not: a header"),
        ([header(0, b"\x77") + counter(0, 10)], "does not: a value of type 119"),
        ([header(0, b"\x07" * 3000) + counter(0, 10)], "does not: values too deep"),
        ([header(0, b"\x08\xff\xff\xff\xff") + counter(0, 10)], "sends messages that GNU Radio does not"),
        ([header(0)[:-1] + b"\x05"], "sends messages that GNU Radio does not"),
        ([header(5000) + counter(0, 10), header(0) + counter(0, 10)], "counts from the beginning"),
    ],
)
def test_messages_of_others_are_named(messages: list[bytes], says: str) -> None:
    device: Any = make(Settings("zmq:tcp://127.0.0.1:1", RATE, format="cf32"))
    for message in messages[:-1]:
        device._samples(memoryview(message))
    with pytest.raises(DeviceError, match=says):
        device._samples(memoryview(messages[-1]))


def test_addresses_that_are_none() -> None:
    for text in ("zmq:127.0.0.1:5555", "zmq:push:tcp://h:1", "zmq:"):
        with pytest.raises(SourceError, match="is written like zmq:tcp://"):
            make(Settings(text, RATE, format="cf32"))
    with pytest.raises(SourceError, match="zmq:tcp://h:1: sends bare samples; --format"):
        make(Settings("zmq:tcp://h:1", RATE))
    with pytest.raises(SourceError, match="standard input: sends bare samples; --rate"):
        make(Settings("-", format="cf32"))
    device = make(Settings("zmq:tcp://127.0.0.1", RATE, format="cf32"))
    with pytest.raises(DeviceError, match="cannot be used"):
        device.open()
    device.close()


def command(*words: object) -> list[str]:
    return [sys.executable, "-m", "receiver", "live", *map(str, words)]


def test_standard_input_to_its_end(tmp_path: Path) -> None:
    """The whole recording through a pipe at once, in odd pieces; every frame comes out, and it ends by itself."""
    name = RECORDINGS / "au02-afsk4k8-u482c-audio"
    words = command("-", "--format", "s16", "--rate", 48000, "--satellite", "AU02", "--jsonl", tmp_path / "out.jsonl")
    data = name.with_suffix(".sigmf-data").read_bytes()
    with subprocess.Popen(words, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        for at in range(0, len(data), 9999):
            process.stdin.write(data[at : at + 9999])
            process.stdin.flush()
        process.stdin.close()
        said = process.stderr.read().decode()
    assert process.returncode == 0, said
    assert "standard input has ended" in said
    assert "lost" not in said
    got, expected = (
        [json.loads(line)["payload"] for line in path.read_text().splitlines()]
        for path in (tmp_path / "out.jsonl", name.with_suffix(".jsonl"))
    )
    assert got == expected


def test_standard_input_that_holds_nothing(tmp_path: Path) -> None:
    words = command("-", "--format", "s16", "--rate", 48000, "--satellite", "AU02")
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == "radome: standard input has ended\n"


def test_audio_in_datagrams_as_gqrx_sends_it() -> None:
    port, done = free_port(), threading.Event()

    def send() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            at = 0
            while not done.wait(0.005):
                out.sendto(np.arange(at, at + 240, dtype="<i2").tobytes(), ("127.0.0.1", port))
                at = (at + 240) % 32640

    thread = threading.Thread(target=send)
    thread.start()
    try:
        source = LiveSource(Settings(f"udp://127.0.0.1:{port}", 48e3, format="s16"))
        try:
            chunk = source.read()
        finally:
            source.close()
    finally:
        done.set()
        thread.join()
    assert chunk is not None
    assert source.recording.kind == "real"
    assert chunk.items.dtype == np.float32
    assert set(np.diff(np.rint(chunk.items * 32768))) <= {1, 1 - 32640}


def test_the_reader_writes_nothing_to_standard_output(tmp_path: Path) -> None:
    """What a driver prints does not come among the frames."""
    (tmp_path / "rtlsdr.py").write_text("print('hello from the driver', flush=True)\nraise ImportError('x')\n")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    words = command("rtlsdr:0", "--satellite", "AU02", "--jsonl", "-")
    done = subprocess.run(words, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path})
    assert done.returncode == 2
    assert done.stdout == ""
    assert "hello from the driver" in done.stderr
