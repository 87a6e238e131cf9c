"""What a person sees: a line and a hexdump a frame, progress, remarks, a summary at the end."""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import nullcontext, suppress
from threading import Lock
from typing import Any, TextIO

from ..errors import counted
from ..statistics import Statistics

_BAR = 24  # characters
_REFRESH = 0.1  # seconds between two states of the progress bar
_REASONS = ("sync", "length", "fec", "crc")


class Display:
    """Writes frames to standard output, all else to standard error; everything there when data has standard output.

    Control characters that come over the air or the network are not passed on. Threads may share a display.

    Parameters
    ----------
    data_on_stdout : standard output carries JSON lines or the like
    dump : a hexdump below the line of each frame
    """

    def __init__(self, data_on_stdout: bool = False, dump: bool = True) -> None:
        self._err = sys.stderr
        self._out = sys.stderr if data_on_stdout else sys.stdout
        self._dump = dump
        self._colour = is_terminal(self._out) and "NO_COLOR" not in os.environ
        self._live = is_terminal(self._err)
        self._bar = False
        self._shown = -_REFRESH
        self._frames = 0
        self._lock = Lock()

    def frame(self, record: dict[str, Any], payload: bytes) -> None:
        """Show one frame."""
        lines = [self._style("1", line(record, payload if not self._dump else None))]
        if self._dump:
            lines += [self._style("2", text) for text in hexdump(payload)]
        with self._lock:
            self._frames += 1
            self._print(self._out, "\n".join(lines))

    def progress(self, seconds: float, total: float | None, speed: float) -> None:
        """Show how far a file is read, on a terminal only.

        Parameters
        ----------
        seconds, total : of signal; total None where unknown
        speed : seconds of signal per second
        """
        text = f"{duration(seconds)} of signal"
        if total:
            part = min(seconds / total, 1.0)
            full = round(part * _BAR)
            text = f"{'━' * full}{'╌' * (_BAR - full)} {part:4.0%}  {duration(seconds)} of {duration(total)}"
        self.status(f"{text}  {speed:.0f}x  {counted(self._frames, 'frame')}")

    def status(self, text: str) -> None:
        """Show a line that the next such line takes the place of, on a terminal only."""
        now = time.monotonic()
        if not self._live or now - self._shown < _REFRESH:
            return
        self._shown = now
        with self._lock:
            self._clear()
            self._write(self._err, text)
            self._bar = True

    def remark(self, text: str) -> None:
        """Say something to the user."""
        with self._lock:
            self._print(self._err, f"radome: {printable(text)}")

    def note(self, text: str) -> None:
        """Say something that is as it should be."""
        self.remark(text)

    def finish(self, statistics: Statistics) -> None:
        """Show the summary."""
        with self._lock:
            self._print(self._err, "\n".join(summary(statistics)))

    def report(self, lines: Sequence[str]) -> None:
        """Show lines that stand together."""
        with self._lock:
            self._print(self._err, "\n".join(map(printable, lines)))

    def close(self) -> None:
        """Take the progress bar away."""
        with self._lock:
            self._clear()

    def _print(self, stream: TextIO, text: str) -> None:
        self._clear()
        self._write(stream, text + "\n")

    def _clear(self) -> None:
        if self._bar:
            self._write(self._err, "\r\x1b[K")
            self._bar = False

    def _write(self, stream: TextIO, text: str) -> None:
        # remarks that nobody can see must not stop what goes elsewhere
        with suppress(OSError) if stream is self._err else nullcontext():
            _write(stream, text)

    def _style(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colour else text


def is_terminal(stream: TextIO) -> bool:
    """Whether it is one that can move its cursor."""
    return stream.isatty() and os.environ.get("TERM") not in ("dumb", "unknown")


def line(record: dict[str, Any], payload: bytes | None = None) -> str:
    """Say what a frame is in a line: time, satellite, framing, length, SNR, offset, callsigns or first bytes.

    Parameters
    ----------
    record : of the frame
    payload : its first bytes are shown where there are no callsigns; None: they are not
    """
    size = len(record["payload"]) // 2
    time = record["time"]
    words = [
        f"{time[:10]} {time[11:23]}" if time else f"sample {record['sample']:.0f}",
        record["satellite"] or record["transmitter"],
        record["framing"],
        f"{size} B",
    ]
    if record["snr_db"] is not None:
        words.append(f"SNR {record['snr_db']:.1f} dB")
    if record["offset_hz"] is not None:
        words.append(f"{record['offset_hz']:+.0f} Hz")
    if record["corrected"]:
        words.append(f"{record['corrected']} corrected")
    if record["crc_ok"] is False:
        words.append("CRC wrong")
    if not record["continuity"]:
        words.append("samples lost")
    link = record["link"]
    if "source" in link and "destination" in link:
        words.append(f"{link['source']} > {link['destination']}")
    elif payload is not None:
        words.append(payload[:12].hex(" ") + (" …" if len(payload) > 12 else ""))
    return printable("  ".join(words))


def hexdump(data: bytes) -> Iterator[str]:
    """Lines of 16 bytes: their place, hexadecimal, and ASCII where it is printable."""
    for i in range(0, len(data), 16):
        part = data[i : i + 16]
        text = "".join(chr(b) if 32 <= b < 127 else "." for b in part)
        yield f"  {i:04x}  {part[:8].hex(' '):23}  {part[8:].hex(' '):23}  {text}"


def summary(statistics: Statistics) -> Iterator[str]:
    """Lines of the summary: how much, how fast, and per transmitter what came and what failed."""
    total = sum(statistics.frames.values())
    text = f"{counted(total, 'frame')} in {duration(statistics.seconds)} of signal"
    if statistics.duplicates:
        text += f", {counted(statistics.duplicates, 'duplicate')} left out"
    if statistics.gaps:
        text += f", samples lost {counted(statistics.gaps, 'time')}"
    if statistics.elapsed > 0:
        text += f"; took {statistics.elapsed:.1f} s, {statistics.speed:.0f} times real time"
    yield text
    names = list(dict.fromkeys([*statistics.failures, *statistics.frames]))
    width = max((len(printable(name)) for name in names), default=0)
    for name in names:
        failures = statistics.failures.get(name, Counter())
        reasons = [*_REASONS, *sorted(set(failures) - set(_REASONS))]
        failed = ", ".join(f"{reason} {failures[reason]}" for reason in reasons if failures.get(reason))
        row = f"  {printable(name):{width}}  {statistics.frames[name]:5d}"
        yield row + (f"   failed: {failed}" if failed else "")


def duration(seconds: float) -> str:
    """Write a time as 12.3 s, 4:05 or 1:02:03."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def printable(text: str) -> str:
    """Replace what would control a terminal."""
    return text if text.isprintable() else "".join(c if c.isprintable() else "·" for c in text)


def _write(stream: TextIO, text: str) -> None:
    try:
        stream.write(text)
    except UnicodeEncodeError:
        stream.write(text.encode(stream.encoding, "replace").decode(stream.encoding))
    stream.flush()
