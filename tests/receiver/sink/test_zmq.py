"""Publisher and subscriber, over real sockets."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import zmq
from hypothesis import given, settings
from hypothesis import strategies as st

from receiver.errors import SinkError, SourceError
from receiver.record import to_json
from receiver.sink.zmq import Publisher
from receiver.subscriber import Continuity, MalformedError, Message, Subscriber, parse
from tests.receiver.frames import BOOT, make

EXAMPLE = Path(__file__).parent / "subscriber_example.py"


@contextmanager
def publishing(address: str = "tcp://127.0.0.1:*", boot: str = BOOT, **options: Any) -> Iterator[Publisher]:
    sink = Publisher(address, **{"patience": 5.0, "heartbeat": 0.05, **options})
    sink.open(boot, lambda text: None)
    try:
        yield sink
    finally:
        sink.close()


def until(sink: Publisher, condition: Callable[[], bool], seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        sink.tick()
        time.sleep(0.005)
        assert time.monotonic() < deadline, "took too long"


def receive(subscriber: Subscriber, kind: str, seconds: float = 5.0) -> Message:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        message = subscriber.receive(0.05)
        if message is not None and message.kind == kind:
            return message
    raise AssertionError(f"no {kind} came")


def test_message_is_topic_header_payload() -> None:
    with publishing() as sink, zmq.Context() as context, context.socket(zmq.SUB) as socket:
        socket.connect(sink.endpoint)
        socket.subscribe("frame/")
        until(sink, lambda: sink.subscribers == 1)
        sent, payload = make(7)
        sink.write(sent, payload)
        topic, header, raw = socket.recv_multipart()
    assert topic == b"frame/99999/9k6 FSK"
    assert raw == payload
    assert json.loads(header) == {**{k: v for k, v in sent.items() if k != "payload"}, "topic_seq": 0}


@pytest.mark.parametrize("protocol", ["tcp", "ipc", "inproc"])
def test_frames_arrive_as_they_were_sent(protocol: str, tmp_path: Path) -> None:
    address = {"tcp": "tcp://127.0.0.1:*", "ipc": f"ipc://{tmp_path}/s", "inproc": "inproc://test"}[protocol]
    with publishing(address) as sink, Subscriber([sink.endpoint]) as subscriber:
        until(sink, lambda: sink.subscribers == 1)
        sent = [make(i, name) for i, name in enumerate(["a", "b", "a/b", "Ł"])]
        for table, payload in sent:
            sink.write(table, payload)
        got = [receive(subscriber, "frame") for _ in sent]
    assert [(message.table, message.payload) for message in got] == sent
    assert [list(message.table) for message in got] == [list(table) for table, _ in sent]
    assert not any(message.missing for message in got)


@pytest.mark.parametrize(("protocol", "n"), [("tcp", 20_000), ("ipc", 4000)])
def test_slow_subscriber_loses_nothing(protocol: str, n: int, tmp_path: Path) -> None:
    tables = [make(i, payload=bytes(200)) for i in range(2)]
    got: list[int] = []

    def subscribe(address: str) -> None:
        with zmq.Context() as context, context.socket(zmq.SUB) as socket:
            socket.set(zmq.RCVHWM, 10)
            socket.connect(address)
            socket.subscribe("")
            while socket.poll(5000):
                topic, header, *_ = socket.recv_multipart()
                if topic.startswith(b"frame/"):
                    got.append(json.loads(header)["seq"])
                    if len(got) % (n // 4) == 1:
                        time.sleep(0.2)
                    elif len(got) == n - 300:
                        time.sleep(0.5)  # so that it is behind when the publisher ends
                elif topic.startswith(b"status/") and json.loads(header).get("end"):
                    return

    address = {"tcp": "tcp://127.0.0.1:*", "ipc": f"ipc://{tmp_path}/s"}[protocol]
    with publishing(address, patience=20.0) as sink:
        thread = threading.Thread(target=subscribe, args=[sink.endpoint])
        thread.start()
        until(sink, lambda: sink.subscribers == 1)
        start = time.monotonic()
        for seq in range(n):
            sink.write({**tables[0][0], "seq": seq}, tables[0][1])
        waited = time.monotonic() - start
        behind = n - len(got)
    thread.join()
    assert got == list(range(n))
    assert sink.overruns == 0
    assert behind < n // 2, "the publisher did not wait"
    assert waited > 0.3


def test_live_does_not_wait_and_others_get_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("receiver.sink.zmq._BACKLOG", {True: 5})
    remarks: list[str] = []
    payload = bytes(50_000)
    table, _ = make(0)
    sink = Publisher("tcp://127.0.0.1:*", live=True, patience=0.1, heartbeat=100)
    sink.open(BOOT, remarks.append)
    with zmq.Context() as context, context.socket(zmq.SUB) as stuck, Subscriber([sink.endpoint]) as good:
        stuck.set(zmq.RCVHWM, 1)
        stuck.set(zmq.RCVBUF, 4096)
        stuck.set(zmq.LINGER, 0)
        stuck.connect(sink.endpoint)
        stuck.subscribe("")
        until(sink, lambda: sink.subscribers == 2)
        n = 150
        seen = []
        for seq in range(n):
            start = time.monotonic()
            sink.write({**table, "seq": seq}, payload)
            assert time.monotonic() - start < 1
            seen.append(receive(good, "frame"))
        assert [message.table["seq"] for message in seen] == list(range(n))
        assert sink.overruns > 0
        sink.close()
    assert ["too slow" in remark for remark in remarks][:1] == [True]


def test_interrupted_publisher_does_not_wait() -> None:
    table, _ = make(0)
    sink = Publisher("tcp://127.0.0.1:*", patience=100.0)
    sink.open(BOOT, lambda text: None)
    with zmq.Context() as context, context.socket(zmq.SUB) as stuck:
        stuck.set(zmq.RCVHWM, 1)
        stuck.set(zmq.RCVBUF, 4096)
        stuck.set(zmq.LINGER, 0)
        stuck.connect(sink.endpoint)
        stuck.subscribe("")
        until(sink, lambda: sink.subscribers == 1)
        timer = threading.Timer(0.5, sink.interrupt)
        timer.start()
        start = time.monotonic()
        for seq in range(300):
            sink.write({**table, "seq": seq}, bytes(100_000))
        sink.close()
        assert 0.4 < time.monotonic() - start < 5
        timer.join()


@pytest.mark.parametrize("parts_sent", [0, 1, 2])
def test_interrupt_within_a_message(parts_sent: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with publishing() as sink, Subscriber([sink.endpoint]) as subscriber:
        until(sink, lambda: sink.subscribers == 1)

        def interrupted(parts: list[bytes], flags: int = 0) -> None:
            for part in parts[:parts_sent]:
                sink._socket.send(part, zmq.SNDMORE)
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(sink._socket, "send_multipart", interrupted)
            with pytest.raises(KeyboardInterrupt):
                sink.write(*make(0))
        sink.write(*make(1))
        assert receive(subscriber, "frame").table["seq"] == 1
        sink.close()
        while not receive(subscriber, "status").table.get("end"):
            pass


def test_waits_for_the_first_subscriber() -> None:
    with pytest.raises(SinkError, match=r"nobody subscribed within 0\.2 s"):
        Publisher("tcp://127.0.0.1:*", wait=0.2).open(BOOT)
    sink = Publisher("inproc://wait", wait=5.0)
    opening = threading.Thread(target=sink.open, args=[BOOT])
    opening.start()
    with Subscriber(["inproc://wait"]) as subscriber:
        opening.join()
        assert sink.subscribers == 1
        for seq in range(10):
            sink.write(*make(seq))
        assert [receive(subscriber, "frame").table["seq"] for _ in range(10)] == list(range(10))
    sink.close()


def test_subscriptions_are_counted() -> None:
    with publishing() as sink:
        with Subscriber([sink.endpoint], ["frame/1/"]), Subscriber([sink.endpoint]):
            until(sink, lambda: sink.subscribers == 2)
        until(sink, lambda: sink.subscribers == 0)


def test_heartbeat_welcome_gap_and_end() -> None:
    with Subscriber(["inproc://words"]) as subscriber:
        with publishing("inproc://words") as sink:
            until(sink, lambda: sink.subscribers == 1)
            while receive(subscriber, "status").table["event"] != "welcome":  # before it perhaps "start"
                pass
            sink.write(*make(0))
            sink.event("gap", {"lost_samples": 12})
            gap = receive(subscriber, "gap").table
            assert (gap["seq"], gap["lost_samples"], gap["boot"]) == (0, 12, BOOT)
            time.sleep(0.06)
            sink.tick()
            assert receive(subscriber, "heartbeat").table["topics"] == {"frame/99999/9k6 FSK": 1}
        end = receive(subscriber, "status").table
        assert (end["end"], end["seq"], end["topics"]) == (True, 0, {"frame/99999/9k6 FSK": 1})


class Proxy:
    """Passes messages on, save those of given numbers; another end each time a publisher is connected."""

    def __init__(self, drop: Callable[[list[bytes]], bool]) -> None:
        self._context = zmq.Context()
        self._back = self._context.socket(zmq.SUB)
        self._back.subscribe("")
        self._front = self._context.socket(zmq.XPUB)
        port = self._front.bind_to_random_port("tcp://127.0.0.1")
        self.address = f"tcp://127.0.0.1:{port}"
        self._drop = drop

    def connect(self, address: str) -> None:
        self._back.connect(address)

    def forward(self, seconds: float = 0.2) -> None:
        while self._back.poll(round(seconds * 1000)):
            parts = self._back.recv_multipart()
            if not self._drop(parts):
                self._front.send_multipart(parts)

    def close(self) -> None:
        self._context.destroy(linger=0)


@contextmanager
def proxied(drop: Callable[[list[bytes]], bool], *topics: str) -> Iterator[tuple[Publisher, Proxy, Subscriber]]:
    proxy = Proxy(drop)
    try:
        with publishing(heartbeat=1000) as sink, Subscriber([proxy.address], topics) as subscriber:
            proxy.connect(sink.endpoint)
            until(sink, lambda: sink.subscribers == 1)
            for _ in range(3 + max(1, len(topics))):
                assert proxy._front.poll(5000)
                proxy._front.recv()
            yield sink, proxy, subscriber
    finally:
        proxy.close()


def frame_numbers(*numbers: int) -> Callable[[list[bytes]], bool]:
    return lambda parts: parts[0].startswith(b"frame/") and json.loads(parts[1])["seq"] in numbers


def test_gap_is_seen_at_the_next_frame() -> None:
    with proxied(frame_numbers(3, 4, 7)) as (sink, proxy, subscriber):
        for seq in range(10):
            sink.write(*make(seq))
        proxy.forward()
        got = [receive(subscriber, "frame") for _ in range(7)]
    assert [(message.table["seq"], message.missing) for message in got if message.missing] == [(5, 2), (8, 1)]


def test_gap_is_seen_at_the_end() -> None:
    with proxied(frame_numbers(8, 9)) as (sink, proxy, subscriber):
        for seq in range(10):
            sink.write(*make(seq))
        sink.event("status", {"event": "x"})
        proxy.forward()
        assert not any(receive(subscriber, "frame").missing for _ in range(8))
        assert receive(subscriber, "status").missing == 2


def test_first_frames_of_a_topic_are_missed_by_those_who_were_there() -> None:
    with proxied(frame_numbers(0, 1)) as (sink, proxy, subscriber):
        sink.event("status", {"event": "x"})
        for seq in range(4):
            sink.write(*make(seq))
        proxy.forward()
        assert [receive(subscriber, "frame").missing for _ in range(2)] == [2, 0]


def test_filtering_is_no_gap_but_a_loss_within_the_filter_is() -> None:
    with proxied(frame_numbers(4, 5), "frame/99999/b") as (sink, proxy, subscriber):
        for seq in range(12):
            sink.write(*make(seq, "ab"[seq % 2]))
        sink.event("status", {"event": "x"})
        proxy.forward()
        got = [receive(subscriber, "frame") for _ in range(5)]
        assert [(message.table["seq"], message.missing) for message in got] == [(1, 0), (3, 0), (7, 1), (9, 0), (11, 0)]
        assert receive(subscriber, "status").missing == 0


def test_late_joiner_misses_nothing() -> None:
    with publishing() as sink:
        for seq in range(5):
            sink.write(*make(seq))
        with Subscriber([sink.endpoint]) as subscriber:
            until(sink, lambda: sink.subscribers == 1)
            sink.write(*make(5))
            message = receive(subscriber, "frame")
            assert (message.table["seq"], message.missing, message.restarted) == (5, 0, False)


def test_publisher_that_comes_back() -> None:
    with publishing() as sink:
        address = sink.endpoint
        subscriber = Subscriber([address])
        until(sink, lambda: sink.subscribers == 1)
        for seq in range(5):
            sink.write(*make(seq))
        assert [receive(subscriber, "frame").missing for _ in range(5)] == [0] * 5
    with publishing(address, boot="another") as sink:
        messages: list[Message | None] = [receive(subscriber, "status")]
        # a socket subscribes again only while its owner looks at it
        until(sink, lambda: bool(messages.append(subscriber.receive(0.01)) or sink.subscribers == 1))
        table, payload = make(0)
        sink.write({**table, "boot": "another"}, payload)
        while messages[-1] is None or messages[-1].table["boot"] == BOOT:
            messages.append(subscriber.receive(1.0))
        assert [m.table["boot"] for m in messages if m and m.restarted] == ["another"]
        message = receive(subscriber, "frame")
        assert (message.table["seq"], message.missing) == (0, 0)
    subscriber.close()


def test_same_file_once_more_is_another_run() -> None:
    continuity = Continuity()
    topic = "frame/1/a"
    first = [continuity.follow(Message("frame", topic, {"boot": "b"}, b"", n)) for n in range(5)]
    again = [continuity.follow(Message("frame", topic, {"boot": "b"}, b"", n)) for n in (0, 1, 3)]
    assert not any(m.missing or m.restarted for m in first)
    assert [(m.missing, m.restarted) for m in again] == [(0, True), (0, False), (1, False)]
    counts = continuity.follow(Message("status", "status/b", {"boot": "b", "topics": {}}))
    assert (counts.missing, counts.restarted) == (0, True)


def test_continuity_remembers_a_bounded_number_of_runs() -> None:
    continuity = Continuity()
    for i in range(1000):
        continuity.follow(Message("frame", f"frame/{i}", {"boot": str(i)}, b"", i))
    assert len(continuity._runs) <= 64


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("tcp://*:99999", "the port is '99999'; it must be a number up to 65535"),
        ("localhost:5555", "has no protocol"),
        ("foo://x", "protocol that ZeroMQ does not know"),
        ("tcp://203.0.113.1:5555", "is not an address of this machine"),
        ("ipc:///nonexistent/folder/x", "No such file"),
        ("udp://*:5", "not compatible"),
        ("inproc://", "is not an address"),
    ],
)
def test_bad_address_is_one_sentence(address: str, reason: str) -> None:
    for make_it, error in (
        (lambda: Publisher(address).open(BOOT), SinkError),
        (lambda: Subscriber([address], bind=True), SourceError),
    ):
        with pytest.raises(error, match=r"^[^\n]+$") as info:
            make_it()
        assert reason in str(info.value)
        assert address in str(info.value)


def test_address_in_use() -> None:
    with publishing() as sink, pytest.raises(SinkError, match="in use by another program"):
        Publisher(sink.endpoint).open(BOOT)


def good_parts() -> list[bytes]:
    table, payload = make(0)
    del table["payload"]
    return [b"frame/99999/x", to_json({**table, "topic_seq": 0}), payload]


def changed(**changes: Any) -> list[bytes]:
    topic, header, payload = good_parts()
    return [topic, json.dumps({**json.loads(header), **changes}).encode(), payload]


@pytest.mark.parametrize(
    "parts",
    [
        [b""],
        [b"frame/1/x"],
        [b"frame/1/x", b"{}"],
        [b"frame/1/x", b"{}", b"", b""],
        [b"frame/1/x", b"{", b""],
        [b"frame/1/x", b"[]", b""],
        [b"frame/1/x", b"[" * 100_000, b""],
        [b"frame/1/x", b"1" * 100_000, b""],
        [b"frame/1/x", b'{"boot":1e999}', b""],
        [b"frame/1/x", b'{"boot":NaN}', b""],
        [b"frame/1/x", b"\xff", b""],
        [b"frame/\xff", good_parts()[1], b""],
        [b"frame/" + b"x" * 5000, good_parts()[1], b""],
        [b"status/x", b'{"schema":1,"boot":"b"}'],
        [b"status/x", b'{"schema":1,"boot":"b","topics":[]}'],
        [b"status/x", b'{"schema":1,"boot":"b","topics":{"a":-1}}'],
        [b"status/x", b'{"schema":2,"boot":"b","topics":{}}'],
        changed(snr_db="loud"),
        changed(seq=-1),
        changed(seq=True),
        changed(topic_seq=None),
        changed(time="2023-13-14T22:13:20.223459361Z"),
        changed(time="2023-11-14T22:13:20.223459361Z\n"),
        changed(integrity="maybe"),
        changed(schema=2),
        changed(link=json.loads("[" * 50 + "]" * 50)),
        changed(link={"a": json.loads("[" * 50 + "]" * 50)}),
        changed(norad=10**25),
        changed(boot="x" * 10_000),
    ],
    ids=lambda parts: repr(b"|".join(parts)[:40]),
)
def test_malformed_messages(parts: list[bytes]) -> None:
    assert parse(good_parts()).kind == "frame"
    with pytest.raises(MalformedError):
        parse(parts)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2000), st.integers(0, 255)), min_size=1, max_size=8))
def test_any_damage_is_refused_or_harmless(damage: list[tuple[int, int, int]]) -> None:
    parts = [bytearray(part) for part in good_parts()]
    for part, place, value in damage:
        parts[part][place % len(parts[part])] = value
    try:
        message = parse([bytes(part) for part in parts])
    except MalformedError:
        return
    to_json(message.table)
    Continuity().follow(message)


def test_strange_messages_are_left_out() -> None:
    with zmq.Context() as context, context.socket(zmq.PUB) as socket:
        socket.set(zmq.LINGER, 0)
        port = socket.bind_to_random_port("tcp://127.0.0.1")
        with Subscriber([f"tcp://127.0.0.1:{port}"], [""]) as subscriber:
            for _ in range(200):  # until it has joined
                socket.send_multipart([b"status/b", b'{"schema":1,"boot":"b","topics":{}}'])
                if subscriber.receive(0.05):
                    break
            strange = [[b"x", b"y"], [b"frame/"], [b"\0" * 100], [b"frame/a", b"{}", b"\xff"], [b"", b"", b"", b""]]
            for parts in strange:
                socket.send_multipart(parts)
            socket.send_multipart(good_parts())
            assert receive(subscriber, "frame").payload == make(0)[1]
            assert sum(subscriber.malformed.values()) == len(strange)


def test_example_of_the_readme(tmp_path: Path) -> None:
    address = f"ipc://{tmp_path}/s"
    script = tmp_path / "example.py"
    script.write_text(EXAMPLE.read_text().replace("tcp://127.0.0.1:5555", address))
    with (
        publishing(address) as sink,
        subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True) as process,
    ):
        until(sink, lambda: sink.subscribers == 1)
        for seq in range(3):
            sink.write(*make(seq))
        sink.close()
        out, _ = process.communicate(timeout=10)
    assert out.splitlines()[0] == "2023-11-14T22:13:20.000000000Z Test-99999 12.0 c048656c6c6f00"
    assert len(out.splitlines()) == 3
    assert process.returncode == 0


def test_readme_shows_the_example() -> None:
    readme = EXAMPLE.parents[3] / "README.md"
    if not readme.exists() or "zmq.SUB" not in readme.read_text():
        pytest.skip("README.md has no example of a subscriber")
    assert EXAMPLE.read_text() in readme.read_text()


def test_record_of_another_run_is_refused() -> None:
    with publishing(boot="another") as sink, pytest.raises(ValueError, match="opened for another"):
        sink.write(*make(0))
