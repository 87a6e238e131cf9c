"""Samples from devices: servers and senders here play them; every loss is seen and has its place."""

from __future__ import annotations

import contextlib
import errno
import json
import math
import os
import signal
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

from receiver import device as device_package
from receiver.cli.live import USABLE, tuning
from receiver.device import DeviceError, Settings, make
from receiver.device._reader import BLOCK, WATCHED, Delays, Reader
from receiver.device._ring import Ring, memory
from receiver.earth import sidereal_angle
from receiver.errors import SourceError
from receiver.source.live import LiveSource
from tests.loopback import FREQUENCY, payloads, send, transmitter

RATE = 250e3


class Server:
    """rtl_tcp with a counter as its samples, or bytes of one's own; `plan` says what a connection does."""

    def __init__(self, plan: Callable[[socket.socket, int], None], greeting: bytes = b"RTL0" + bytes(8)) -> None:
        self.commands: list[tuple[int, int]] = []
        self.connections = 0
        self._plan, self._greeting = plan, greeting
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                made, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._one, args=(made, self.connections), daemon=True).start()

    def _one(self, made: socket.socket, number: int) -> None:
        with made:
            made.sendall(self._greeting)
            threading.Thread(target=self._listen, args=(made,), daemon=True).start()
            with contextlib.suppress(OSError):
                self._plan(made, number)
                made.shutdown(socket.SHUT_RDWR)

    def _listen(self, made: socket.socket) -> None:
        try:
            while len(command := made.recv(5, socket.MSG_WAITALL)) == 5:
                self.commands.append(struct.unpack(">BI", command))
        except OSError:
            return

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    made: list[Server] = []

    def start(*arguments: Any, **options: Any) -> Server:
        made.append(Server(*arguments, **options))
        return made[-1]

    yield start
    for server in made:
        server.close()


def counter(first: int, count: int) -> bytes:
    """Samples whose I and Q are the low and the high byte of their number."""
    return (np.arange(first, first + count) & 0xFFFF).astype("<u2").tobytes()


def numbers(items: np.ndarray) -> np.ndarray:
    pairs = np.floor(items.view(np.float32).reshape(-1, 2) * 128 + 128).astype(np.int64)
    return np.asarray(pairs[:, 0] + 256 * pairs[:, 1])


def paced(made: socket.socket, first: int, count: int, rate: float = RATE) -> None:
    """Send in real time."""
    begun, done = time.monotonic(), 0
    while done < count:
        due = min(count, int((time.monotonic() - begun) * rate) + 1)
        if due > done:
            made.sendall(counter(first + done, due - done))
            done = due
        time.sleep(0.002)


def rtl(server: Server, **more: Any) -> Settings:
    return Settings(f"rtltcp://127.0.0.1:{server.port}", RATE, FREQUENCY, **more)


def reader_of(source: LiveSource) -> Reader:
    assert source._reader is not None
    return source._reader


def ring_of(source: LiveSource) -> Ring:
    ring = reader_of(source).ring
    assert ring is not None
    return ring


def taken(source: LiveSource, samples: int) -> list[tuple[int, np.ndarray, Any]]:
    chunks, came = [], 0
    while came < samples and (chunk := source.read()) is not None:
        chunks.append((int(chunk.position), numbers(chunk.items), chunk.clock))
        came += len(chunk)
    return chunks


def test_what_the_ring_has_comes_behind_the_stop(serve: Callable[..., Server]) -> None:
    """With a loss told of that is among it."""
    source = LiveSource(rtl(serve(lambda made, _: paced(made, 0, 150_000))))
    try:
        [(_, first, _)] = taken(source, 1)
        ring = ring_of(source)
        while ring.written < 150_000:
            time.sleep(0.01)
        source._gaps.append((100_000, 777))
        source.stop()
        chunks = taken(source, 10**6)
        assert source.read() is None
    finally:
        source.close()
    assert (np.concatenate([first, *(x for _, x, _ in chunks)]) == np.arange(150_000) & 0xFFFF).all()
    at = len(first)
    for position, x, _ in chunks:
        assert position == at + 777 * (at >= 100_000)
        at += len(x)
    assert source.lost == 777


@pytest.mark.parametrize("plan", ["silent", "gone"])
def test_a_signal_may_stop_it_at_any_line(serve: Callable[..., Server], plan: str) -> None:
    """The handler runs in the thread that reads, amid whatever that waits with; nothing there may lock it out."""

    def wait(made: socket.socket, number: int) -> None:
        paced(made, 0, 1000)
        if plan == "silent":
            time.sleep(3)

    source = LiveSource(rtl(serve(wait)))
    lines = 0

    def trace(frame: Any, event: str, _: Any) -> Any:
        nonlocal lines
        if event == "line":
            lines += 1
            # in what waits, or after some turns without any
            if frame.f_code.co_name == "wait" or lines > 300:
                source.stop()
        return trace

    def read() -> None:
        sys.settrace(trace)
        try:
            while source.read() is not None:
                pass
        finally:
            sys.settrace(None)

    reading = threading.Thread(target=read, daemon=True)
    reading.start()
    reading.join(10)
    assert not reading.is_alive()
    source.close()
    assert lines


def test_every_sample_comes_in_order_and_commands_go_out(serve: Callable[..., Server]) -> None:
    server = serve(lambda made, _: paced(made, 0, 200_000))
    begun = time.time_ns()
    source = LiveSource(rtl(server, gain=32.8, bias_tee=True))
    try:
        chunks = taken(source, 100_000)
    finally:
        source.close()
    assert source.lost == source.restarts == 0
    at = 0
    for position, values, clock in chunks:
        assert position == at
        assert (values == (np.arange(at, at + len(values)) & 0xFFFF)).all()
        assert clock is source.recording.clock
        at += len(values)
    utc = source.recording.clock.time_ns(0)
    assert utc is not None
    assert abs(utc - begun) < 5e9
    assert source.recording.frequency == FREQUENCY
    assert source.recording.rate == pytest.approx(RATE, rel=1e-4)
    assert server.commands == [(2, 250000), (1, int(FREQUENCY)), (8, 0), (3, 1), (4, 328), (14, 1)]


def test_a_connection_that_ends_is_made_again_and_the_gap_is_as_long(serve: Callable[..., Server]) -> None:
    def plan(made: socket.socket, number: int) -> None:
        paced(made, 0, 50_000 if number == 1 else 500_000)

    source = LiveSource(rtl(serve(plan)))
    try:
        chunks = taken(source, 120_000)
    finally:
        source.close()
    before = [c for c in chunks if c[2] is chunks[0][2]]
    behind = chunks[len(before) :]
    assert sum(len(values) for _, values, _ in before) == 50_000
    assert source.restarts == 1
    assert behind[0][0] == 50_000 + source.lost
    # the server sends its number 0 again: from then on positions go with the time
    assert behind[0][1][0] == 0
    assert 0 < source.lost / RATE < 8
    one, other = before[0][2], behind[0][2]
    assert one.time_ns(1e6) == other.time_ns(1e6)
    assert any("trying again" in text for text in source.recording.remarks)
    assert "the connection was closed" in source.recording.remarks[0]
    assert source.recording.remarks[-1].endswith("is back")


def test_samples_faster_than_their_rate_do_not_put_the_time_wrong_for_good(serve: Callable[..., Server]) -> None:
    def plan(made: socket.socket, number: int) -> None:
        paced(made, 0, 1_000_000, RATE if number > 1 else 20 * RATE)

    source = LiveSource(rtl(serve(plan)))
    try:
        first = taken(source, 1_000_000)
        (position, _, clock), *_ = taken(source, 1)
        now = time.time_ns()
    finally:
        source.close()
    assert source.restarts == 1
    assert source.lost == 0
    assert position == 1_000_000
    assert clock is not first[0][2]
    at = clock.time_ns(position)
    assert at is not None
    assert abs(at - now) < 1e9  # 4 s of samples in less than 2


def test_a_gap_that_is_told_of_between_two_looks_keeps_its_place(serve: Callable[..., Server]) -> None:
    source = LiveSource(rtl(serve(lambda made, _: paced(made, 0, 30_000))))
    ring = ring_of(source)
    try:
        taken(source, 20_000)
        os.kill(reader_of(source).process.pid, signal.SIGSTOP)
        taken(source, ring.written - source._taken)
        first, told, begun, listen = ring.written, [], time.monotonic(), source._listen

        def between() -> str | None:
            why = listen()
            source._gaps.extend(told)
            told.clear()
            if ring.written == first and time.monotonic() - begun > 0.4:
                ring.write(memoryview(counter(first, 1000)))
                told.append((ring.written, 5000))
                ring.write(memoryview(counter(first + 6000, 2000)))
            return why

        source._listen = between  # type: ignore[method-assign]
        chunks = taken(source, 3000)
    finally:
        source.close()
    assert [(position, len(values)) for position, values, _ in chunks] == [(first, 1000), (first + 6000, 2000)]
    for position, values, _ in chunks:
        assert (values == (position + np.arange(len(values)) & 0xFFFF)).all()


def test_it_is_closed_behind_a_read_that_is_under_way(serve: Callable[..., Server]) -> None:
    source = LiveSource(rtl(serve(lambda made, _: paced(made, 0, 500_000))))
    writing, held = threading.Event(), []

    class Slow:
        def write(self, *_: object) -> None:
            writing.set()
            time.sleep(0.3)
            held.append(source._reader is not None)

        def close(self) -> None: ...

    source.recorder = Slow()  # type: ignore[assignment]
    thread = threading.Thread(target=source.read)
    thread.start()
    assert writing.wait(5)
    source.close()
    thread.join()
    assert held == [True]
    assert source._reader is None


def test_a_reader_lets_go_of_its_device(serve: Callable[..., Server]) -> None:
    source = LiveSource(rtl(serve(lambda made, _: paced(made, 0, 500_000))))
    process = reader_of(source).process
    source.close()
    assert process.returncode == 0


def test_an_interrupt_does_not_keep_it_from_closing(
    serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = LiveSource(rtl(serve(lambda made, _: paced(made, 0, 500_000))))
    reader = reader_of(source)
    wait = reader.process.wait

    def interrupted(patience: float | None = None) -> int:
        if patience is not None:
            raise KeyboardInterrupt
        return wait()

    monkeypatch.setattr(reader.process, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        source.close()
    assert reader.process.poll() is not None
    assert reader.ring is None


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc")
def test_a_reader_does_not_outlive_who_started_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    (tmp_path / "killed.py").write_text(
        "import os, time\nfrom receiver.device import Settings\nfrom receiver.device._reader import Reader\n"
        "reader = Reader()\n"
        f"reader.begin(Settings('tcp://:{port}', 1e6, format='cu8'))\n"
        f"while ':{port:04X} 00000000:0000 0A' not in open('/proc/net/tcp').read():\n    time.sleep(0.02)\n"
        "print(reader.process.pid, flush=True)\nos.kill(os.getpid(), 9)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    words = [sys.executable, str(tmp_path / "killed.py")]
    process = Path("/proc", subprocess.run(words, stdout=subprocess.PIPE, text=True, env=environment).stdout.strip())
    # it waits for a client, longer than this
    deadline = time.monotonic() + 8
    while time.monotonic() < deadline and process.exists():
        time.sleep(0.05)
    assert process.name.isdigit()
    assert not process.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc")
def test_ctrl_c_is_not_for_the_reader(serve: Callable[..., Server]) -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    source = LiveSource(rtl(serve(lambda made, _: paced(made, 0, 50_000))))
    try:
        status = Path(f"/proc/{reader_of(source).process.pid}/status").read_text()
    finally:
        source.close()
    blocked = int(status.partition("SigBlk:")[2].split()[0], 16)
    assert blocked & 1 << signal.SIGINT - 1  # from before it could ignore it
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before


def test_a_reader_needs_little_so_that_it_starts_at_once() -> None:
    """A tenth of what numpy and the kernels take; the program's first sample waits for that."""
    folder = Path(device_package.__file__).parent
    names = [path.stem for path in folder.glob("*.py") if path.stem != "__init__"]
    code = "import sys; sys.path[:] = sys.argv[2:]\n" + "".join(f"import receiver.device.{name}\n" for name in names)
    code += "print(*{'numpy', 'dsp_ext', 'click', 'rich', 'zmq', 'rtlsdr'} & set(sys.modules), end='')"
    done = subprocess.run([sys.executable, "-c", code, "", *sys.path], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("", "")


def test_a_ring_has_room_for_a_write_under_way(serve: Callable[..., Server]) -> None:
    source = LiveSource(rtl(serve(lambda made, _: paced(made, 0, 50_000))), seconds=0.1)
    try:
        ring = ring_of(source)
        assert 2 * (ring.capacity - ring.safe) >= BLOCK  # of two bytes a sample
    finally:
        source.close()


def test_no_room_for_a_ring_is_said(serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("os.posix_fallocate", full)
    with pytest.raises(SourceError, match=r"no 2 MiB of shared memory .* No space left"):
        LiveSource(rtl(serve(lambda made, _: paced(made, 0, 50_000))))


def test_nobody_is_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("receiver.device.tcp.WAITED", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with pytest.raises(DeviceError, match="nobody connects"):
        make(Settings(f"tcp://:{port}", 48e3, format="cs16")).open()


def test_a_silent_device_is_opened_again(serve: Callable[..., Server]) -> None:
    def plan(made: socket.socket, number: int) -> None:
        paced(made, 0, 25_000)
        time.sleep(60 if number == 1 else 0)
        paced(made, 25_000, 500_000)

    server, said = serve(plan), list[str]()
    source = LiveSource(rtl(server))
    source.say = said.append
    try:
        taken(source, 60_000)
    finally:
        source.close()
    assert server.connections == 2
    assert ["silent for 2 s" in text or text.endswith("is back") for text in said] == [True, True]
    assert source.lost / RATE > 1.5


def test_a_reader_that_is_killed_is_started_again(serve: Callable[..., Server]) -> None:
    source = LiveSource(rtl(serve(lambda made, _: paced(made, 0, 2_000_000))))
    try:
        taken(source, 30_000)
        os.kill(reader_of(source).process.pid, signal.SIGKILL)
        assert sum(len(values) for _, values, _ in taken(source, 60_000)) >= 60_000
    finally:
        source.close()
    assert source.restarts == 1
    assert source.lost > 0


def test_what_is_not_taken_in_time_is_lost_at_its_place(serve: Callable[..., Server]) -> None:
    source = LiveSource(rtl(serve(lambda made, _: paced(made, 0, 20_000_000, 4 * RATE))), seconds=0.5)
    try:
        first = taken(source, 20_000)
        time.sleep(2.0)  # more than the ring holds
        later = taken(source, 100_000)
    finally:
        source.close()
    assert source.lost > 0
    assert "s of samples are lost, as this computer was too busy" in source.recording.remarks[0]
    for position, values, _ in [*first, *later]:
        assert (values == (position + np.arange(len(values)) & 0xFFFF)).all()
    assert later[-1][2] is not first[0][2]


def test_bare_samples_in_datagrams_and_over_tcp() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    done = threading.Event()

    def sender() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            at = 0
            while not done.is_set():
                values = np.arange(at, at + 512, dtype="<i2").repeat(2)
                out.sendto(values.tobytes(), ("127.0.0.1", port))
                at = (at + 512) % 32768
                time.sleep(0.005)

    threading.Thread(target=sender, daemon=True).start()
    source = LiveSource(Settings(f"udp://127.0.0.1:{port}", 102400.0, format="cs16"))
    try:
        chunk = source.read()
    finally:
        done.set()
        source.close()
    assert chunk is not None
    values = np.rint(chunk.items.real * 32768).astype(int)
    assert (np.diff(values) % 32768 == 1).all()
    assert source.recording.datatype == "ci16_le"

    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            made, _ = server.accept()
            with made, contextlib.suppress(OSError):
                for _ in range(40):
                    made.sendall(np.ones(1000, np.complex64).tobytes()[:-3])
                    made.sendall(np.ones(1000, np.complex64).tobytes()[-3:])
                    time.sleep(0.01)

        threading.Thread(target=answer, daemon=True).start()
        source = LiveSource(Settings(f"tcp://127.0.0.1:{server.getsockname()[1]}", 100e3, format="cf32"))
        try:
            chunk = source.read()
            assert chunk is not None
            assert (chunk.items == 1).all()
        finally:
            source.close()


def test_losses_without_a_word_are_found_by_their_time() -> None:
    """Blocks of 20 ms with up to 30 ms of jitter and a crystal 50 ppm off, an hour; 0.3 s and 0.12 s are lost."""
    rng = np.random.default_rng(3)
    rate, block = 250e3, 5000
    watch, sent, known, found = Delays(rate), 0, 0, []
    for i in range(180_000):
        sent += block
        if i in (60_000, 120_000):
            sent += 75_000 if i == 60_000 else 30_000  # taken by nobody
        else:
            known += block
        now = sent / (rate * (1 + 50e-6)) + rng.exponential(0.006)
        if i not in (60_000, 120_000) and (lost := watch.lost(known, now)):
            found.append((i, lost))
            known += lost
    assert [lost for _, lost in found] == pytest.approx([80_000, 35_000], abs=0.005 * rate)
    assert [i for i, _ in found] == pytest.approx([60_000, 120_000], abs=3.5 * WATCHED / 0.02)


def test_a_stall_that_is_made_up_for_is_no_loss() -> None:
    rate, block, watch = 250e3, 5000, Delays(250e3)
    for i in range(6000):
        late = max(0.0, 4.0 - 0.02 * 0.5 * (i - 2000)) if i >= 2000 else 0.0
        assert not watch.lost((i + 1) * block, (i + 1) * block / rate + late)


def test_ring_goes_round() -> None:
    file = memory()
    ring, other = Ring(file, 4000, 4), Ring(file, 4000, 4)
    try:
        values = np.arange(5000, dtype=np.int32)
        for start in range(0, 5000, 77):
            part = values[start : start + 77]
            other.write(memoryview(part.tobytes()))
            got = ring.read(start, len(part))
            assert got == part.tobytes()
        assert ring.written == 5000
        assert ring.read(0, 100) is None
    finally:
        other.close()
        ring.close()
        os.close(file)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (Settings("nothing"), "'nothing' is no device"),
        (Settings("rtltcp://127.0.0.1:99999", RATE, 1e8), "is written like"),
        (Settings("rtltcp://a..b:1", RATE, 1e8), "'a..b' cannot be a host's name"),
        (Settings("rtltcp://h:1"), "needs a --frequency"),
        (Settings("rtltcp://h:1", 500e3, 1e8), "--rate is 500000"),
        (Settings("rtltcp://h:1", RATE, 1e10), "tunes up to"),
        (Settings("udp://:9000", 48e3), "--format must say"),
        (Settings("tcp://h:9000", format="cs16"), "--rate must say"),
        (Settings("tcp://h:9000", 48e3, format="x9"), "--format"),
    ],
)
def test_settings_that_are_wrong_are_named(settings: Settings, says: str) -> None:
    with pytest.raises(SourceError, match=says.replace("(", "\\(")):
        make(settings)


def test_devices_that_are_none(serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("receiver.source.live.FIRST", 3.0)
    with pytest.raises(SourceError, match="cannot be reached"):
        LiveSource(Settings("rtltcp://127.0.0.1:9", RATE, 1e8))
    with pytest.raises(SourceError, match="is no rtl_tcp server"):
        LiveSource(rtl(serve(lambda made, _: time.sleep(5), greeting=b"SSH-2.0-OpenSSH")))
    with pytest.raises(SourceError, match="without a greeting"):
        LiveSource(rtl(serve(lambda made, _: None, greeting=b"")))
    with pytest.raises(SourceError, match="gives no samples"):
        LiveSource(rtl(serve(lambda made, _: time.sleep(60))))


def test_tuning_keeps_signals_off_the_middle_and_inside() -> None:
    assert tuning([437e6], 250e3) in (437e6 - 20e3, 437e6 + 20e3)
    for frequencies in ([437e6, 437.05e6], [145.8e6, 145.85e6, 145.9e6]):
        middle = tuning(frequencies, 250e3)
        assert all(20e3 <= abs(f - middle) <= USABLE * 250e3 for f in frequencies)
    assert abs(tuning([437e6, 145e6], 250e3) - 437e6) <= 20e3


def still(path: Path, longitude: float) -> Path:
    """A satellite that stands still over a place on the equator, now."""
    now = time.time_ns()
    node = math.degrees(float(sidereal_angle(np.array([now]))[0])) + longitude
    table = {"OBJECT_NAME": "TEST", "NORAD_CAT_ID": 99998, "MEAN_MOTION": 1.00273791, "RA_OF_ASC_NODE": node % 360}
    rest = dict.fromkeys(("ECCENTRICITY", "INCLINATION", "ARG_OF_PERICENTER", "MEAN_ANOMALY", "BSTAR"), 0.0)
    path.write_text(json.dumps([{**table, **rest, "EPOCH": str(np.datetime64(now, "ns"))}]))
    return path


@pytest.mark.parametrize("all_visible", [False, True])
def test_the_command_decodes_and_ends_in_order(all_visible: bool, serve: Callable[..., Server], tmp_path: Path) -> None:
    sent = transmitter({"use": "fsk", "baudrate": 9600})
    told = payloads(6)
    signal_ = send(sent, told, RATE, offset=18e3, burst=2, pause=0.1)
    x = 0.5 * signal_.samples / np.abs(signal_.samples).max()
    data = np.clip(np.rint(x.view(np.float32) * 128 + 128), 0, 255).astype(np.uint8).tobytes()
    quiet = np.full(int(RATE), 128, np.uint8).tobytes()

    def plan(made: socket.socket, number: int) -> None:
        begun, done, rest = time.monotonic(), 0, data + 20 * quiet
        while done < len(rest):
            due = min(len(rest), int((time.monotonic() - begun) * 2 * RATE))
            made.sendall(rest[done:due])
            done = due
            time.sleep(0.01)

    server = serve(plan)
    (tmp_path / "a.toml").write_text(
        f'name = "Test"\nnorad = 99998\n[[transmitter]]\nname = "a"\n'
        f"frequency = {FREQUENCY + 16e3 * all_visible}\n"
        'demod = { use = "fsk", baudrate = 9600 }\nframing = { use = "ax25", scrambler = "g3ruh" }\n'
    )
    output = tmp_path / "frames.jsonl"
    words = [f"rtltcp://127.0.0.1:{server.port}", "--jsonl", output]
    if all_visible:
        orbits = still(tmp_path / "orbits.json", 20.0)
        words += ["--definitions", tmp_path, "--all-visible", "--omm", orbits, "--station", "0,20,0"]
    else:
        words += ["--definition", tmp_path / "a.toml"]
    process = subprocess.Popen(
        [sys.executable, "-m", "receiver", "live", *map(str, words), "--frequency", str(FREQUENCY - 2e3)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and (not output.exists() or output.read_text().count("\n") < len(told)):
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        begun = time.monotonic()
        _, err = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 0, err
    assert time.monotonic() - begun < 15
    records = [json.loads(line) for line in output.read_text().splitlines()]
    assert [bytes.fromhex(record["payload"]) for record in records] == told
    for record in records:
        assert record["frequency_hz"] == pytest.approx(FREQUENCY + 16e3, abs=100)
        assert record["continuity"]
        assert record["time"]
    assert ("Test is up" in err) == all_visible
    assert "6 frames in" in err
    assert "Traceback" not in err
