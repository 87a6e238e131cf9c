"""Frames on a ZeroMQ PUB socket, for any number of subscribers.

    | frame/<norad or 0>/<transmitter> | frame record without payload, and "topic_seq" (JSON) | payload, raw |
    | status/<boot>    | {"schema", "boot", "seq", "topics", "event": "start" | "welcome" | … | "end", …} |
    | gap/<boot>       | {"schema", "boot", "seq", "topics", …}: the source lost samples                  |
    | heartbeat/<boot> | {"schema", "boot", "seq", "topics", "overruns"}                                  |

Losses show: ``seq`` numbers all frames of a run; ``topic_seq`` those of one topic, for those who subscribe to a part.
Each other message has the last ``seq`` (null before the first frame) and in ``topics`` the number of frames sent so far
by topic, so that a loss shows even when no frame follows. It is sent each second, at the end ("end") and as soon as
somebody subscribes ("welcome").

PUB drops silently for a subscriber that is behind. Here the socket is an XPUB with XPUB_NODROP (zmq_setsockopt(3)),
which says so instead: a file then waits, so that a running subscriber loses nothing; a live source never waits, and the
slow subscriber alone loses frames.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import struct
import termios
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Literal

import zmq

from ..errors import SinkError
from ..record import SCHEMA, to_json
from ..stage import parameter, required
from . import Remark, Sink, to_stderr

FRAME = "frame/"
STATUS = "status/"

_BACKLOG = {False: 100, True: 10_000}
"""Messages kept for a subscriber that is behind; live, it is all there is between it and a loss."""
_TURN = 0.1  # seconds between looks at the clock and at `interrupt` while waiting
_EXAMPLE = "an address is like tcp://127.0.0.1:5555 or ipc:///tmp/frames"
_SAY = 5.0  # seconds of waiting after which the user is told


@dataclass
class Publisher(Sink):
    address: str = required(help="such as tcp://*:5555 or ipc:///tmp/frames")
    connect: bool = parameter(False, "", "connect to a proxy there instead of being the one others connect to")
    live: bool = parameter(False, "", "never wait for a slow subscriber")
    wait: float = parameter(0.0, "s", "wait at most so long for a first subscriber; 0: do not")
    patience: float = parameter(60.0, "s", "a subscriber that takes nothing for so long is no longer waited for")
    heartbeat: float = parameter(1.0, "s", "between heartbeats")
    subscribers: int = field(default=0, init=False)
    """Subscriptions to frames at this moment."""
    overruns: int = field(default=0, init=False)
    """Times that a subscriber was too slow and began to lose frames."""
    endpoint: str = field(default="", init=False)
    """Address as it came to be, with the port in place of ``*``."""

    def open(self, boot: str, remark: Remark = to_stderr) -> None:
        self._boot, self._remark = boot, remark
        self._topics: Counter[str] = Counter()
        self._seq: int | None = None
        self._interrupted = threading.Event()
        self._half_sent = False
        self._beat = time.monotonic()
        self.subscribers = self.overruns = 0
        # an inproc address is only known within a context, so it is the one that all share
        self._shared = self.address.startswith("inproc:")
        self._context = zmq.Context.instance() if self._shared else zmq.Context()
        self._socket = self._context.socket(zmq.XPUB)
        self._monitor = self._socket.get_monitor_socket(
            zmq.EVENT_ACCEPTED | zmq.EVENT_CONNECTED | zmq.EVENT_DISCONNECTED
        )
        self._connections: set[int] = set()
        try:
            self._socket.set(zmq.SNDHWM, _BACKLOG[self.live])
            self._socket.set(zmq.XPUB_NODROP, 1)
            self._socket.set(zmq.XPUB_VERBOSER, 1)
            self._socket.set(zmq.SNDTIMEO, 0 if self.live else round(_TURN * 1000))
            self._socket.set(zmq.TCP_KEEPALIVE, 1)
            self._socket.set(zmq.TCP_KEEPALIVE_IDLE, 30)
            self._socket.set(zmq.IPV6, int("[" in self.address))
            check_address(self.address)
            (self._socket.connect if self.connect else self._socket.bind)(self.address)
            self.endpoint = str(self._socket.getsockopt_string(zmq.LAST_ENDPOINT)).rstrip("\0")
            self._await_subscriber()
            self.event("status", {"event": "start"})
        except zmq.ZMQError as error:
            self._end(0)
            raise address_error(self.address, error, "connect to" if self.connect else "bind to") from error
        except BaseException:
            self._end(0)
            raise

    def write(self, record: dict[str, Any], payload: bytes) -> None:
        if record["boot"] != self._boot:
            raise ValueError(f"record of run {record['boot']}, opened for {self._boot}")
        topic = f"{FRAME}{record['norad'] or 0}/{record['transmitter']}"
        header = {name: value for name, value in record.items() if name != "payload"}
        header["topic_seq"] = self._topics[topic]
        self.tick()
        self._send([topic.encode("utf-8", "replace"), to_json(header), payload])
        self._topics[topic] += 1
        self._seq = record["seq"]

    def event(self, kind: Literal["status", "gap"], table: dict[str, Any]) -> None:
        self._send(self._message(kind, table))

    def tick(self) -> None:
        self._greet()
        now = time.monotonic()
        if now - self._beat >= self.heartbeat:
            self._beat = now
            self._follow_connections()
            self._offer(self._message("heartbeat", {"overruns": self.overruns}))

    def interrupt(self) -> None:
        self._interrupted.set()

    def close(self) -> None:
        """Say that this is the end and wait until subscribers have everything, `patience` at most."""
        if self._socket.closed:
            return
        try:
            self._greet()
            self.event("status", {"event": "end", "end": True})
            self._settle()
        except KeyboardInterrupt:
            self._interrupted.set()
            raise
        finally:
            self._end(self.patience)

    def _message(self, kind: str, table: dict[str, Any]) -> list[bytes]:
        head = {"schema": SCHEMA, "boot": self._boot, "seq": self._seq, "topics": dict(self._topics)}
        return [f"{kind}/{self._boot}".encode(), to_json({**head, **table})]

    def _send(self, parts: list[bytes]) -> None:
        """Send, waiting for a slow subscriber as long as is right; then the others get it without that one."""
        start, told = time.monotonic(), self.live
        while True:
            try:
                self._put(parts)
                return
            except KeyboardInterrupt:
                self._interrupted.set()
                raise
            except zmq.Again:
                waited = time.monotonic() - start
                if self.live or waited > self.patience or self._interrupted.is_set():
                    break
                if not told and waited > _SAY:
                    told = True
                    self._remark(f"{self.address}: waiting for a subscriber that takes no more frames")
        self.overruns += 1
        if self.overruns == 1 and not self._interrupted.is_set():
            self._remark(f"{self.address}: a subscriber is too slow and loses frames; the others get them")
        self._socket.set(zmq.XPUB_NODROP, 0)
        self._put(parts)
        self._socket.set(zmq.XPUB_NODROP, 1)

    def _put(self, parts: list[bytes], flags: int = 0) -> None:
        if self._half_sent:
            # Ctrl-C came between two parts: end that message as none that anybody takes for a frame
            self._half_sent = False
            self._socket.send_multipart([b""] * 3)
        self._half_sent = True
        try:
            self._socket.send_multipart(parts, flags)
            self._half_sent = False
        except zmq.Again:
            self._half_sent = False
            raise

    def _offer(self, parts: list[bytes]) -> None:
        """Send what may be lost, because a later one says the same."""
        with contextlib.suppress(zmq.Again):
            self._put(parts, zmq.NOBLOCK)

    def _greet(self) -> None:
        """Take note of subscriptions; tell a new subscriber where the numbers stand."""
        welcome = False
        while int(self._socket.get(zmq.EVENTS)) & zmq.POLLIN:
            change = self._socket.recv()
            topic = change[1:].decode("utf-8", "replace")
            if change[:1] in (b"\0", b"\1") and _overlap(topic, FRAME):
                self.subscribers += 1 if change[0] else -1
            welcome |= change[:1] == b"\1" and _overlap(topic, STATUS)
        if welcome:
            self._offer(self._message("status", {"event": "welcome"}))

    def _await_subscriber(self) -> None:
        deadline = time.monotonic() + self.wait
        while self.wait > 0 and self.subscribers < 1 and not self._interrupted.is_set():
            if time.monotonic() > deadline:
                raise SinkError(f"{self.address}: nobody subscribed within {self.wait:g} s")
            self._socket.poll(round(_TURN * 1000))
            self._greet()

    def _follow_connections(self) -> None:
        while self._monitor.poll(0):
            event, descriptor = struct.unpack("=Hi", self._monitor.recv_multipart()[0])
            if event == zmq.EVENT_DISCONNECTED:
                self._connections.discard(descriptor)
            else:
                self._connections.add(descriptor)

    def _settle(self) -> None:
        """Wait until subscribers have taken everything, as long as they go on taking.

        ZMQ_LINGER alone is not enough: over ipc a subscriber that is behind drops what it has not yet read as soon as
        the connection ends (libzmq issue 4660).
        """
        empty, left, told = 0, 0, False
        since = time.monotonic()
        while not self._interrupted.is_set():
            self._follow_connections()
            before, left = left, sum(map(_unsent, self._connections))
            empty = 0 if left else empty + 1
            # more than once, as the thread of ZeroMQ may be about to send more
            if empty > 3 or not self._connections:
                return
            now = time.monotonic()
            if left != before:
                since = now
            elif left and now - since > self.patience:
                self._remark(f"{self.address}: a subscriber did not take the last frames")
                return
            elif left and now - since > _SAY and not told:
                told = True
                self._remark(f"{self.address}: waiting for a subscriber that has not taken the last frames")
            self._interrupted.wait(0.01)

    def _end(self, linger: float) -> None:
        """Close, which waits for what is still to be sent; in a thread, as nothing can interrupt that."""
        self._socket.disable_monitor()
        self._monitor.close(linger=0)
        self._socket.close(linger=0 if self._interrupted.is_set() else round(linger * 1000))
        if self._shared:
            return
        thread = threading.Thread(target=self._context.term, daemon=True)
        thread.start()
        while thread.is_alive() and not self._interrupted.is_set():
            thread.join(_TURN)


def _unsent(descriptor: int) -> int:
    """Bytes that the other end of a connection has not taken (ipc) or not acknowledged (tcp): tcp(7), SIOCOUTQ."""
    try:
        return int(struct.unpack("i", fcntl.ioctl(descriptor, termios.TIOCOUTQ, bytes(4)))[0])
    except OSError:
        return 0  # closed meanwhile


def _overlap(one: str, other: str) -> bool:
    """Whether subscribing to one prefix gives some of what the other gives."""
    return one.startswith(other) or other.startswith(one)


def check_address(address: str) -> None:
    """Raise SinkError for what ZeroMQ would take for another address or refuse without saying why."""
    protocol, colons, place = address.partition("://")
    if not colons:
        raise SinkError(f"{address!r} has no protocol; {_EXAMPLE}")
    port = place.rpartition(":")[2]
    if (
        protocol == "tcp"
        and port != "*"
        and not (port.isascii() and port.isdigit() and len(port) < 6 and int(port) < 65536)
    ):
        raise SinkError(f"{address}: the port is {port!r}; it must be a number up to 65535, as in tcp://127.0.0.1:5555")


def address_error(address: str, error: zmq.ZMQError, wanted: str) -> SinkError:
    """Say in a sentence why an address cannot be used."""
    reasons = {
        zmq.EINVAL: f"is not an address to {wanted}; {_EXAMPLE}",
        zmq.ENOCOMPATPROTO: f"has a protocol that is not compatible with publishing; {_EXAMPLE}",
        zmq.EADDRINUSE: "is in use by another program; choose another",
        zmq.EADDRNOTAVAIL: "is not an address of this machine",
        zmq.EPROTONOSUPPORT: f"has a protocol that ZeroMQ does not know; {_EXAMPLE}",
        errno.ENODEV: "is not an address of this machine",
    }
    reason = reasons.get(error.errno or 0) or f"cannot be used to {wanted}: {zmq.strerror(error.errno or 0)}"
    return SinkError(f"{address}: {reason}")


stage = Publisher
