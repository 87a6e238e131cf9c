"""Log for services: one JSON object a line on standard error.

    {"time": "2024-05-01T12:00:00.123Z", "level": "info", "event": "frame", …}

A thread of its own writes, so that nothing waits for whoever takes the lines.
"""

from __future__ import annotations

import atexit
import json
import logging
import sys
from collections.abc import Sequence
from datetime import datetime, timezone
from logging.handlers import QueueHandler, QueueListener
from queue import Queue
from types import TracebackType
from typing import Any, TextIO

from .sink.terminal import Display
from .statistics import Statistics

LOGGER = logging.getLogger("radome")
WAITING = 10_000
"""Lines kept for a reader that is slow; what is beyond them is lost."""


class JsonFormatter(logging.Formatter):
    """A line; the message is the event's name, and what ``extra={"fields": …}`` has goes beside it."""

    def format(self, record: logging.LogRecord) -> str:
        when = datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds")
        table = {"time": when.replace("+00:00", "Z"), "level": record.levelname.lower()}
        if record.name == LOGGER.name:
            table |= {"event": record.getMessage(), **getattr(record, "fields", {})}
        else:  # another library's
            table |= {"event": "log", "logger": record.name, "message": record.getMessage()}
        if record.exc_info:
            table["exception"] = self.formatException(record.exc_info)
        return json.dumps(table, ensure_ascii=False, separators=(",", ":"), default=str)


def start(stream: TextIO | None = None) -> None:
    """Write all that is logged from now on, and what ends the program unforeseen, as JSON lines."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter())
    queue: Queue[logging.LogRecord] = Queue(WAITING)
    listener = QueueListener(queue, handler)
    logging.raiseExceptions = False  # a reader that went is no reason to end
    logging.basicConfig(level=logging.INFO, handlers=[_Queued(queue)], force=True)
    logging.captureWarnings(True)
    listener.start()
    atexit.register(listener.stop)

    def unforeseen(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        LOGGER.critical("exception", exc_info=(kind, error, trace), extra={"fields": {"message": str(error)}})

    sys.excepthook = unforeseen


class _Queued(QueueHandler):
    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        return record


def tell(level: str, event: str, fields: dict[str, Any]) -> None:
    """Log an event."""
    LOGGER.log(getattr(logging, level.upper()), event, extra={"fields": fields})


def active() -> bool:
    """Whether standard error takes JSON lines."""
    return any(isinstance(handler, _Queued) for handler in logging.getLogger().handlers)


class LogDisplay(Display):
    """A display whose words are log lines."""

    def frame(self, record: dict[str, Any], payload: bytes) -> None:
        kept = ("seq", "satellite", "norad", "transmitter", "framing", "snr_db", "offset_hz", "crc_ok", "continuity")
        fields = {name: record[name] for name in kept}
        tell("info", "frame", {"utc": record["time"], **fields, "length": len(payload), "link": record["link"]})

    def progress(self, seconds: float, total: float | None, speed: float) -> None:
        pass

    def remark(self, text: str) -> None:
        tell("warning", "remark", {"message": text})

    def finish(self, statistics: Statistics) -> None:
        pass  # the monitor tells more

    def report(self, lines: Sequence[str]) -> None:
        tell("info", "report", {"lines": list(lines)})

    def close(self) -> None:
        pass
