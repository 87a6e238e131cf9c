"""Log for services: one JSON object a line on standard error.

    {"time": "2024-05-01T12:00:00.123Z", "level": "info", "event": "frame", …}

A thread of its own writes, so that nothing waits for whoever takes the lines.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import logging
import os
import sys
import threading
from collections.abc import Sequence
from datetime import datetime, timezone
from logging.handlers import QueueHandler
from queue import Full, Queue
from types import TracebackType
from typing import Any

from .sink.terminal import Display
from .statistics import Statistics

LOGGER = logging.getLogger("radome")
WAITING = 10_000
"""Lines kept for a reader that is slow; what is beyond them is lost."""
PARTING = 2.0
"""Seconds that it has at the end."""


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


def start() -> None:
    """Write all that is logged from now on, and what ends the program or a thread unforeseen, as JSON lines."""
    queue: Queue[logging.LogRecord | None] = Queue(WAITING)
    thread = threading.Thread(target=_write, args=(queue, sys.stderr.fileno()), name="log", daemon=True)
    logging.raiseExceptions = False  # a reader that is slow is no reason to end
    logging.basicConfig(level=logging.INFO, handlers=[_Queued(queue)], force=True)
    logging.captureWarnings(True)
    thread.start()

    def end() -> None:
        with contextlib.suppress(Full):
            queue.put_nowait(None)
        thread.join(PARTING)

    def unforeseen(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
        known = (kind, error or kind(), trace)
        LOGGER.critical("exception", exc_info=known, extra={"fields": {"message": str(error)}})

    atexit.register(end)
    sys.excepthook = unforeseen
    threading.excepthook = lambda told: unforeseen(told.exc_type, told.exc_value, told.exc_traceback)


def _write(queue: Queue[logging.LogRecord | None], file: int) -> None:
    """Write lines until the end, without a lock that the end of the program would wait for."""
    form = JsonFormatter()
    while (record := queue.get()) is not None:
        rest = memoryview(f"{form.format(record)}\n".encode("utf-8", "replace"))
        with contextlib.suppress(OSError):  # a reader that went is no reason to end
            while rest:
                rest = rest[os.write(file, rest) :]


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

    def note(self, text: str) -> None:
        tell("info", "note", {"message": text})

    def finish(self, statistics: Statistics) -> None:
        pass  # the monitor tells more

    def report(self, lines: Sequence[str]) -> None:
        tell("info", "report", {"lines": list(lines)})

    def close(self) -> None:
        pass
