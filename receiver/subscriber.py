"""The other end of `receiver.sink.zmq`: messages taken from the network, checked, and their losses counted.

Nothing that arrives is trusted: what is not a message of Radome is counted and left out.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal, cast

import zmq

from .errors import SourceError
from .record import SCHEMA
from .sink.zmq import FRAME, address_error, check_address

Kind = Literal["frame", "status", "gap", "heartbeat"]

_KINDS = ("frame", "status", "gap", "heartbeat")
_OTHERS = ("status/", "gap/", "heartbeat/")
_BACKLOG = 10_000  # messages kept while the caller is busy
_LONGEST = 16 << 20  # bytes in a part of a message; a peer that sends more is disconnected
_LONGEST_HEADER = 1 << 20
_LONGEST_TOPIC = 1024
_DEEPEST = 20  # levels of nesting
_RUNS = 64  # runs, and topics in one, that are remembered
_TOPICS = 4096


@dataclass(frozen=True)
class Message:
    """A message that is well formed."""

    kind: Kind
    topic: str
    table: dict[str, Any]
    """The frame record, payload included; or what the message says."""
    payload: bytes = b""
    topic_seq: int = 0
    """Number of a frame in its topic."""
    missing: int = 0
    """Frames lost between the message before it and this one."""
    restarted: bool = False
    """It is the first of another run than the messages before it."""


class MalformedError(ValueError):
    """A message is none of Radome's."""


class Subscriber:
    """Receives the frames of one or several publishers.

    Parameters
    ----------
    addresses : such as tcp://127.0.0.1:5555; publishers need not be there yet
    topics : prefixes of the topics wanted; none means all frames
    bind : be the one that publishers connect to

    Raises
    ------
    SourceError
        An address cannot be used.
    """

    def __init__(self, addresses: Sequence[str], topics: Sequence[str] = (), bind: bool = False) -> None:
        self.malformed: Counter[str] = Counter()
        """Messages left out, by reason."""
        self._continuity = Continuity(tuple(topics) or (FRAME,))
        shared = any(address.startswith("inproc:") for address in addresses)
        self._context = zmq.Context.instance() if shared else zmq.Context()
        self._shared = shared
        self._socket = self._context.socket(zmq.SUB)
        self._socket.set(zmq.LINGER, 0)
        self._socket.set(zmq.RCVHWM, _BACKLOG)
        self._socket.set(zmq.MAXMSGSIZE, _LONGEST)
        self._socket.set(zmq.TCP_KEEPALIVE, 1)
        self._socket.set(zmq.TCP_KEEPALIVE_IDLE, 30)
        self._socket.set(zmq.RECONNECT_IVL_MAX, 2000)
        # libzmq tells publishers in the order of the bytes: of frames first, so that no frame can fall between the
        # welcome and the subscription to it
        for topic in (*self._continuity.prefixes, *_OTHERS):
            self._socket.subscribe(topic)
        for address in addresses:
            wanted = "bind to" if bind else "connect to"
            try:
                check_address(address)
                self._socket.set(zmq.IPV6, int("[" in address))
                (self._socket.bind if bind else self._socket.connect)(address)
            except zmq.ZMQError as error:
                self.close()
                raise SourceError(str(address_error(address, error, wanted))) from error
            except OSError as error:
                self.close()
                raise SourceError(str(error)) from error

    def receive(self, timeout: float | None = None) -> Message | None:
        """Wait for the next message of Radome.

        Parameters
        ----------
        timeout : seconds; None waits without end

        Returns
        -------
        The message, or None when none came in time or the one that came was none of Radome's.
        """
        if not self._socket.poll(None if timeout is None else round(timeout * 1000)):
            return None
        parts = self._socket.recv_multipart()
        try:
            message = parse(parts)
        except MalformedError as error:
            self.malformed[str(error)] += 1
            return None
        return self._continuity.follow(message)

    def close(self) -> None:
        self._socket.close()
        if not self._shared:
            self._context.term()

    def __enter__(self) -> Subscriber:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass
class _Run:
    """What is known of one run of a publisher."""

    next: dict[str, int] = field(default_factory=dict)
    """Number that the next frame of a topic must have."""
    known: bool = False
    """A publisher's count has been seen, so that a topic not in `next` begins at 0."""


class Continuity:
    """Counts the frames that are missing, per run and topic; what was sent before joining is not missing.

    Parameters
    ----------
    prefixes : of the topics that are subscribed to
    """

    def __init__(self, prefixes: Sequence[str] = (FRAME,)) -> None:
        self.prefixes = tuple(prefixes)
        self._runs: OrderedDict[str, _Run] = OrderedDict()

    def follow(self, message: Message) -> Message:
        """Give the message with `missing` and `restarted` filled in."""
        boot = message.table["boot"]
        run = self._runs.get(boot)
        again = run is not None and self._begins_again(run, message)
        restarted = again or (run is None and bool(self._runs))
        if run is None or again:
            run = self._runs[boot] = _Run()
        self._runs.move_to_end(boot)
        if len(self._runs) > _RUNS:
            self._runs.popitem(last=False)
        if message.kind == "frame":
            number = message.topic_seq
            missing = number - run.next.get(message.topic, 0 if run.known else number)
            if message.topic in run.next or len(run.next) < _TOPICS:
                run.next[message.topic] = number + 1
        else:
            counts = self._counts(message)
            missing = sum(n - run.next.get(topic, 0 if run.known else n) for topic, n in counts.items())
            run.next.update(counts)
            run.known = True
        return replace(message, missing=missing, restarted=restarted)

    def _begins_again(self, run: _Run, message: Message) -> bool:
        """Whether the numbers go back: a file that is decoded again has the same id."""
        if message.kind == "frame":
            return message.topic_seq < run.next.get(message.topic, 0)
        counts = self._counts(message)
        return any(counts.get(topic, 0) < n for topic, n in run.next.items())

    def _counts(self, message: Message) -> dict[str, int]:
        topics: dict[str, int] = message.table["topics"]
        return {topic: n for topic, n in topics.items() if topic.startswith(self.prefixes)}


def parse(parts: Sequence[bytes]) -> Message:
    """Check the parts of a message against what `receiver.sink.zmq` sends.

    Raises MalformedError with the reason.
    """
    kind = parts[0].partition(b"/")[0].decode("ascii", "replace")
    if kind not in _KINDS:
        raise MalformedError("unknown topic")
    if len(parts) != (3 if kind == "frame" else 2):
        raise MalformedError(f"{kind} of another number of parts")
    if len(parts[0]) > _LONGEST_TOPIC or len(parts[1]) > _LONGEST_HEADER:
        raise MalformedError(f"{kind} with a header of absurd length")
    try:
        topic = parts[0].decode()
        table = json.loads(parts[1].decode(), parse_int=_integer, parse_float=_float, parse_constant=_float)
    except UnicodeDecodeError:
        raise MalformedError(f"{kind} that is not UTF-8") from None
    except (ValueError, RecursionError):
        raise MalformedError(f"{kind} whose header is not JSON") from None
    if not isinstance(table, dict) or not isinstance(table.get("boot"), str) or len(table["boot"]) > _LONGEST_TOPIC:
        raise MalformedError(f"{kind} without a boot id")
    if table.get("schema") != SCHEMA:
        raise MalformedError(f"{kind} of another schema than {SCHEMA}")
    return _frame(topic, table, parts[2]) if kind == "frame" else _other(cast(Kind, kind), topic, table)


def _frame(topic: str, table: dict[str, Any], payload: bytes) -> Message:
    for name, fits in _rules().items():
        if name != "payload" and not (name in table and fits(table[name])):
            raise MalformedError(f"frame whose {name!r} does not fit the schema")
    if not _is_count(table.get("topic_seq")):
        raise MalformedError("frame without topic_seq")
    try:
        datetime.fromisoformat(table["time"][:19] if table["time"] else "1970-01-01")
    except ValueError:
        raise MalformedError("frame whose 'time' does not fit the schema") from None
    if _depth(table["link"]) > _DEEPEST:
        raise MalformedError("frame whose 'link' does not fit the schema")
    record = {name: table[name] for name in _rules() if name != "payload"}
    return Message("frame", topic, {**record, "payload": payload.hex()}, payload, table["topic_seq"])


def _other(kind: Kind, topic: str, table: dict[str, Any]) -> Message:
    topics = table.get("topics")
    if not isinstance(topics, dict) or len(topics) > _TOPICS or not all(map(_is_count, topics.values())):
        raise MalformedError(f"{kind} without the counts of the topics")
    return Message(kind, topic, table)


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _integer(text: str) -> int:
    if len(text) > 19:
        raise ValueError("too long")
    return int(text)


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("not finite")
    return value


def _depth(value: Any) -> int:
    """Levels of nesting, counted no further than is needed."""
    level, depth = [value], 0
    while level and depth <= _DEEPEST:
        inside = (v.values() if isinstance(v, dict) else v for v in level if isinstance(v, (dict, list)))
        level, depth = [item for items in inside for item in items], depth + 1
    return depth


@cache
def _rules() -> dict[str, Callable[[Any], bool]]:
    """For each field of the record, in order, a check of type, constants and range as the schema has them."""
    schema = json.loads((Path(__file__).parent / "frame.schema.json").read_text(encoding="utf-8"))
    return {name: _rule(entry) for name, entry in schema["properties"].items()}


def _rule(entry: dict[str, Any]) -> Callable[[Any], bool]:
    names = entry.get("type", [])
    types = tuple(kind for name in ([names] if isinstance(names, str) else names) for kind in _TYPES[name])
    pattern = re.compile(entry.get("pattern", ""))
    low, high = entry.get("minimum", -math.inf), entry.get("maximum", math.inf)

    def fits(value: Any) -> bool:
        if types and type(value) not in types:
            return False
        if "enum" in entry and value not in entry["enum"]:
            return False
        if isinstance(value, str) and pattern.pattern and not pattern.fullmatch(value):
            return False
        return not isinstance(value, (int, float)) or low <= value <= high

    return fits


_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "object": (dict,),
    "null": (type(None),),
}
