"""The live view below the frames on a terminal: band, waterfall, a row for each channel, what is lost and recorded.

A thread of its own draws it, four times a second, and writes the frames above it. Nobody waits for a terminal that
takes nothing (Ctrl-S).
"""

from __future__ import annotations

import contextlib
import io
import math
import os
import re
import shutil
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np
from numpy.typing import NDArray
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.segment import Segment
from rich.style import Style
from rich.text import Text

from ..errors import counted
from ..monitor import TURN, Channel, Monitor, State
from .terminal import Display, duration, printable
from .terminal import line as line_of

if TYPE_CHECKING:
    from rich.console import RenderResult

    from ..statistics import Statistics

ROW = 0.5
"""Seconds of a line of the waterfall, of which a character holds two."""
KEPT = 64
"""Lines of it that are kept."""
RANGE = 24.0
"""dB from the noise to the brightest colour, at least."""
WAITING = 10_000
"""Lines that wait for a slow terminal; the oldest beyond them are left out."""
HEIGHT = 0.75
"""Of the terminal, that spectrum and waterfall may fill: the last frames stay in sight."""
PASSES = 4
"""That are shown, no more than half of them under way where others come."""
SHADES = 32
BARS = " ▁▂▃▄▅▆▇█"
MAP = ((10, 12, 30), (22, 38, 84), (24, 92, 122), (52, 152, 128), (168, 200, 104), (250, 232, 160))
"""Colours from noise to the strongest signal, red, green, blue."""
HIDE, SHOW, CLEAR = "\x1b[?25l", "\x1b[?25h", "\x1b[J"
"""The cursor, and all from it on."""
CODES = re.compile(r"\x1b\[[\d;]*m")
BEGIN, END = "\x1b[?2026h", "\x1b[?2026l"
"""Of what a terminal is to show at once, if it can: https://gist.github.com/christianparpart/d8a62cc1ab659194337d73e399004036"""
REASONS = ("sync", "length", "fec", "crc")
DIM, TEXT, STRONG = "grey50", "grey78", "bold"
GOOD, WARN, BAD, MARK = "#7fc8a0", "#e0b860", "#e07a70", "#8fb8e8"


@cache
def _shade(level: int) -> str:
    at = level / (SHADES - 1) * (len(MAP) - 1)
    i = min(int(at), len(MAP) - 2)
    low, high = MAP[i], MAP[i + 1]
    return "#" + "".join(f"{round(a + (b - a) * (at - i)):02x}" for a, b in zip(low, high, strict=True))


@cache
def _cell(upper: int, lower: int) -> Style:
    return Style(color=_shade(upper), bgcolor=_shade(lower))


@cache
def _ink(level: int) -> Style:
    return Style(color=_shade(level))


@dataclass
class Band:
    """Spectrum and waterfall as they come, in levels from the noise up."""

    rows: deque[NDArray[np.float32]] = field(default_factory=lambda: deque(maxlen=KEPT))
    """dB of full scale, newest first."""
    smooth: NDArray[np.float32] | None = None
    floor: float = 0.0
    top: float = RANGE
    _last: float = 0.0
    _sum: NDArray[np.float32] | None = None
    _count: int = 0

    def add(self, spectrum: NDArray[np.float32], now: float) -> None:
        self.smooth = spectrum if self.smooth is None else self.smooth + np.float32(0.4) * (spectrum - self.smooth)
        floor = float(np.median(self.smooth))
        top = max(RANGE, float(self.smooth.max()) - floor)
        fresh = not self.rows
        self.floor = floor if fresh else self.floor + 0.2 * (floor - self.floor)
        self.top = top if fresh or top > self.top else self.top + 0.05 * (top - self.top)
        self._sum = spectrum if self._sum is None else self._sum + spectrum
        self._count += 1
        if now - self._last >= ROW - TURN / 2:
            self._last = now
            self.rows.appendleft(self._sum / np.float32(self._count))
            self._sum, self._count = None, 0

    def levels(self, spectrum: NDArray[np.float32], columns: int) -> NDArray[np.float64]:
        """(columns,) 0 to 1: the strongest bin of each, so that what is narrow is seen."""
        edges = np.linspace(0, len(spectrum), columns + 1).astype(int)[:-1]
        strongest = np.maximum.reduceat(spectrum, edges)
        # the strongest of many bins of noise is above their median
        lift = 1.0 + 0.6 * np.log2(max(len(spectrum) / columns, 1.0))
        return np.asarray(np.clip((strongest - self.floor - lift) / (self.top - lift), 0.0, 1.0), np.float64)


class Picture:
    """Spectrum, waterfall, and the channels' places, as wide as there is room."""

    def __init__(self, band: Band, state: State, bars: int, lines: int, colour: bool) -> None:
        self._band, self._state, self._bars, self._lines, self._colour = band, state, bars, lines, colour

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width, band = options.max_width, self._band
        if band.smooth is None or width < 8:
            return
        level = band.levels(band.smooth, width) * self._bars * 8
        for row in reversed(range(self._bars)):
            eighths = np.clip(np.rint(level - 8 * row), 0, 8).astype(int)
            ink = (np.clip((row + 0.8) / self._bars, 0, 1) * (SHADES - 9)).astype(int) + 8
            yield from _runs([BARS[i] for i in eighths], [_ink(int(ink)) if self._colour else None] * width)
        yield from self._marks(width)
        rows = [np.rint(band.levels(row, width) * (SHADES - 1)).astype(int) for row in list(band.rows)]
        for i in range(0, 2 * self._lines, 2):
            upper = rows[i] if i < len(rows) else np.zeros(width, int)
            lower = rows[i + 1] if i + 1 < len(rows) else np.zeros(width, int)
            if self._colour:
                styles = [_cell(a, b) for a, b in zip(upper.tolist(), lower.tolist(), strict=True)]
                yield from _runs(["▀"] * width, styles)
            else:
                shade = np.maximum(upper, lower) * 4 // (SHADES - 1)
                yield from _runs([" ░▒▓█"[i] for i in shade.tolist()], [None] * width)
        yield self._scale(width)

    def _marks(self, width: int) -> RenderResult:
        """A line with each channel's number at its place."""
        rate, line = self._state.rate, [" "] * width
        styles: list[Style | None] = [None] * width
        for number, channel in enumerate(self._state.channels, 1):
            if channel.place is None or not rate or abs(channel.place) > rate / 2:
                continue
            column = min(int((channel.place / rate + 0.5) * width), width - 1)
            label = f"▾{number}"
            at = min(column, width - len(label))
            if any(c != " " for c in line[at : at + len(label)]):
                label = "▾"
            style = Style.parse(f"bold {GOOD}" if channel.signal else MARK)
            for i, c in enumerate(label):
                if line[at + i] == " ":
                    line[at + i], styles[at + i] = c, style
        yield from _runs(line, styles)

    def _scale(self, width: int) -> Text:
        """Frequencies below the waterfall, MHz."""
        middle, rate = self._state.frequency or 0.0, self._state.rate or 1.0
        step = next(s * 10.0**e for e in range(10) for s in (1, 2, 5) if rate / (s * 10.0**e) <= max(width / 14, 2))
        places = max(0, min(6, 6 - int(np.floor(np.log10(step)))))
        line, first = [" "] * width, np.ceil((middle - rate / 2) / step)
        for i in range(int(rate / step) + 1):
            frequency = (first + i) * step
            column = (frequency - middle) / rate + 0.5
            if not 0 <= column < 1:
                continue
            label = f"╵{frequency / 1e6:.{places}f}" if self._state.frequency else f"╵{frequency / 1e3:+.0f}"
            at = int(column * width)
            if at + len(label) < width - 4:
                line[at : at + len(label)] = label
        line[-3:] = "MHz" if self._state.frequency else "kHz"
        return Text("".join(line), style=DIM, no_wrap=True)


def _runs(characters: Sequence[str], styles: Sequence[Style | None]) -> Iterator[Segment]:
    """A line whose neighbours of one style are one segment."""
    start = 0
    for i in range(1, len(characters) + 1):
        if i == len(characters) or styles[i] is not styles[start]:
            yield Segment("".join(characters[start:i]), styles[start])
            start = i
    yield Segment.line()


def render(state: State, band: Band, width: int, height: int, colour: bool = True) -> RenderableType:
    """The whole view.

    Parameters
    ----------
    width, height : characters that there are
    """
    rest = 2 + (state.recorded is not None) + bool(state.passes)  # lines of head and foot
    numbered = _important(state.channels, max(height - rest - 3, 1))
    room = round(HEIGHT * height) - rest - 1 - len(numbered)
    airy = room >= 12
    parts: list[RenderableType] = [Text("")] if airy else []
    parts += [_head(state, width), _health(state, width)]
    if band.smooth is not None and room >= 2 and width >= 40:
        bars = 1 if room < 6 else 2 if room < 12 else 3
        parts.append(Picture(band, state, bars, max(1, min(8, room - bars - 2 - 3 * airy)), colour))
    if numbered:
        parts += [Text("")] if airy else []
        parts.append(_channels(numbered, width))
    if len(numbered) < len(state.channels):
        parts.append(_joined([(f"and {len(state.channels) - len(numbered)} more", DIM)], ""))
    foot = _foot(state, width)
    if foot.plain:
        parts += [Text(""), foot] if airy else [foot]
    return Group(*parts)


def _head(state: State, width: int) -> Text:
    words = [(printable(state.device), STRONG)]
    if state.frequency is not None:
        words.append((f"{state.frequency / 1e6:.4f} MHz", TEXT))
    if state.rate:
        words.append((_rate(state.rate), TEXT))
    left = _joined(words, "  ")
    right = Text(f"up {duration(state.elapsed)}   {time.strftime('%H:%M:%S', time.gmtime())} UTC", style=DIM)
    return _spread(left, right, width)


def _health(state: State, width: int) -> Text:
    words: list[tuple[str, str]] = []
    if state.away:
        words.append(("device gone, trying again", f"bold {BAD}"))
    elif state.level_dbfs is None:
        words.append(("no samples yet", DIM))
    else:
        words.append((f"level {state.level_dbfs:.1f} dBFS", TEXT))
    if state.clipped is not None and state.level_dbfs is not None:
        style = DIM if state.clipped < 1e-4 else WARN if state.clipped < 1e-2 else BAD
        words.append((f"clipping {100 * state.clipped:.2g} %", style))
    if state.lost:
        share = state.lost / (state.rate or 1.0)
        text = f"lost {share:.3f} s in {counted(state.gaps, 'place')}"
        if state.last_loss is not None and state.last_loss.utc:
            text += f", last {state.last_loss.utc[11:19]}"
        words.append((text, WARN))
    else:
        words.append(("nothing lost", GOOD))
    if state.restarts:
        words.append((counted(state.restarts, "restart"), WARN))
    fill = max(state.ring, state.queue)
    if fill > 0.5:
        words.append((f"behind: queue {fill:.0%}", BAD if fill > 0.9 else WARN))
    line = _joined(words, "   ")
    line.truncate(width, overflow="ellipsis")
    return line


def _important(channels: Sequence[Channel], most: int) -> list[tuple[int, Channel]]:
    """Channels with their numbers; where there are too many, those of which there is something to tell."""
    numbered = list(enumerate(channels, 1))
    if len(numbered) <= most:
        return numbered

    def rank(item: tuple[int, Channel]) -> tuple[bool, float, bool]:
        one = item[1]
        age = math.inf if one.last_frame is None else one.last_frame
        return not one.signal, age, one.elevation is not None and one.elevation < 0

    return sorted(sorted(numbered, key=rank)[: max(most - 1, 1)], key=lambda item: item[0])


def _channels(channels: Sequence[tuple[int, Channel]], width: int) -> Text:
    """A row for each channel; where it is narrow the least important columns are left out."""
    several = len({one.satellite for _, one in channels}) > 1
    headings = ("", "satellite", "transmitter", "signal", "SNR", "offset", "Doppler", "el", "frames", "last", "failed")
    left = ("satellite", "transmitter", "signal", "failed")
    rows = [_row(number, one) for number, one in channels]
    shown = [i for i, heading in enumerate(headings) if not heading or any(row[i].plain for row in rows)]
    widths = {i: max(len(headings[i]), *(row[i].cell_len for row in rows)) for i in shown}
    names = ("transmitter",) if several else ("satellite", "transmitter")
    spare = ("el", "failed", "Doppler", "last", *names, "offset", "SNR", "satellite", "frames", "signal")
    for heading in spare:
        over = sum(widths.values()) + 2 * (len(widths) - 1) - width
        if over <= 0:
            break
        i = headings.index(heading)
        if i in widths and heading in (*names, "satellite", "failed") and widths[i] - over >= 8:
            widths[i] -= over
        else:
            widths.pop(i, None)
    made = []
    for row in ([Text(heading, DIM) for heading in headings], *rows):
        line = Text(no_wrap=True)
        for i in widths:
            cell = row[i].copy()
            cell.truncate(widths[i], overflow="ellipsis")
            space = " " * (widths[i] - cell.cell_len)
            parts = (cell, space) if headings[i] in left else (space, cell)
            line = Text.assemble(line, "  " if line.plain else "", *parts)
        made.append(line)
    return Text("\n", no_wrap=True).join(made)


def _row(number: int, one: Channel) -> list[Text]:
    up = one.elevation is None or one.elevation >= 0
    plain, reasons = TEXT if up else DIM, [*REASONS, *sorted(set(one.failures) - set(REASONS))]

    def figure(value: float | None, form: str) -> Text:
        return Text("" if value is None else form.format(value), plain)

    return [
        Text(str(number), f"bold {GOOD}" if one.signal else MARK),
        Text(printable(one.satellite), plain),
        Text(printable(one.transmitter), plain),
        Text("● yes", GOOD) if one.signal else Text("·", DIM),
        figure(one.snr_db, "{:.1f} dB"),
        figure(one.offset_hz, "{:+.0f} Hz"),
        figure(one.doppler_hz, "{:+.0f} Hz"),
        figure(None if one.elevation is None else round(one.elevation), "{}°"),
        Text(str(one.frames), STRONG if one.frames else DIM),
        Text("" if one.last_frame is None else _age(one.last_frame), plain),
        Text("  ".join(f"{reason} {one.failures[reason]}" for reason in reasons if one.failures.get(reason)), DIM),
    ]


def _foot(state: State, width: int) -> Text:
    lines = []
    if state.recorded is not None:
        free = "" if state.free is None else f"   {_size(state.free)} free"
        low = state.free is not None and state.free < 1e9
        name = printable(state.recording.name) if state.recording else "nothing yet"
        words = [("rec ", BAD), (f"{name}   {_size(state.recorded)}", TEXT), (free, WARN if low else DIM)]
        lines.append(_joined(words, ""))
    if state.passes:
        now = time.time_ns()
        words = [("next", DIM)]
        coming = [one for one in state.passes if one.rise_ns > now][:PASSES]
        up = [one for one in state.passes if one.rise_ns <= now]
        for one in [*up[: max(PASSES // 2, PASSES - len(coming))], *coming][:PASSES]:
            when = "up now" if one.rise_ns <= now else f"in {_until((one.rise_ns - now) / 1e9)}"
            words.append((f"{printable(one.satellite)} {when}, {one.elevation:.0f}°", TEXT))
        lines.append(_joined(words, "   "))
    for line in lines:
        line.truncate(width, overflow="ellipsis")
    return Text("\n").join(lines)


def _joined(words: Sequence[tuple[str, str]], gap: str) -> Text:
    text = Text(no_wrap=True, overflow="ellipsis")
    for i, (word, style) in enumerate(words):
        text.append(gap if i else "").append(word, style)
    return text


def _spread(left: Text, right: Text, width: int) -> Text:
    space = width - left.cell_len - right.cell_len
    if space < 2:
        left.truncate(width, overflow="ellipsis")
        return left
    return left.append(" " * space).append_text(right)


def _rate(rate: float) -> str:
    return f"{rate / 1e6:g} Msps" if rate >= 1e6 else f"{rate / 1e3:g} ksps"


def _age(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else _until(seconds)


def _until(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60:02d}"


def _size(count: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.4g} TB"


class View(Display):
    """A line for each frame and remark, and the view below them.

    Parameters
    ----------
    monitor : has the state
    data_on_stdout, dump : as of `Display`; no dumps are shown on the terminal
    """

    def __init__(self, monitor: Monitor, data_on_stdout: bool = False, dump: bool = True) -> None:
        super().__init__(data_on_stdout, dump)
        self._monitor = monitor
        monitor.spectrum = True
        self._band = Band()
        self._waiting: deque[str] = deque(maxlen=WAITING)
        self._shown_lines: list[str] = []  # of the view, as they are on the terminal
        self._widths: list[int] = []
        self._size = (0, 0)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="view", daemon=True)
        self._thread.start()

    def frame(self, record: dict[str, Any], payload: bytes) -> None:
        if not self._out.isatty():
            return super().frame(record, payload)
        text = line_of(record, payload)
        if len(text) > terminal_size(self._out)[0]:
            text = line_of(record)  # without the first bytes
        self._print(self._out, self._style("1", text))

    def progress(self, seconds: float, total: float | None, speed: float) -> None:
        pass

    def finish(self, statistics: Statistics) -> None:
        self.close()
        super().finish(statistics)

    def close(self) -> None:
        self._stop.set()
        self._thread.join(2.0)  # a terminal that takes nothing is not waited for
        super().close()

    def _print(self, stream: TextIO, text: str) -> None:
        if self._stop.is_set() or not stream.isatty():
            super()._print(stream, text)
        else:
            self._waiting.append(text + "\n")

    def _run(self) -> None:
        self._put(HIDE)
        while not self._stop.wait(TURN):
            self._draw(self._monitor.state())
        self._put(self._home() + CLEAR + self._above() + SHOW)

    def _draw(self, state: State) -> None:
        size = terminal_size(self._err)
        if state.spectrum is not None:
            self._band.add(state.spectrum, time.monotonic())
        lines, widths = self.lines(state, size[0] - 1, size[1]) if state.device else ([], [])
        before = self._shown_lines
        text = self._home(size[0])
        if self._waiting or size != self._size or len(lines) != len(before):
            text, before = text + CLEAR + self._above(), []
        # each line over the old one, in one piece, so that nothing flickers
        text += "\n".join(
            "" if i < len(before) and line == before[i] else line + "\x1b[K" for i, line in enumerate(lines)
        )
        self._put(BEGIN + text + END)
        self._shown_lines, self._widths, self._size = lines, widths, size

    def _home(self, width: int = 0) -> str:
        """Go to the beginning of the view; lines that a narrower terminal has broken are several there."""
        rows = sum(max(1, -(-wide // width)) for wide in self._widths) if width else len(self._widths)
        self._widths = []
        return "\r" + (f"\x1b[{rows - 1}A" if rows > 1 else "")

    def _above(self) -> str:
        """Lines that wait to be written."""
        text = ""
        while self._waiting:
            text += self._waiting.popleft()
        return text

    def lines(self, state: State, width: int, height: int) -> tuple[list[str], list[int]]:
        """The view as lines with the terminal's codes, and the characters in each."""
        console = Console(file=io.StringIO(), force_terminal=True, width=max(width, 1), height=max(height, 1))
        colour = console.color_system is not None and not console.no_color
        with console.capture() as made:
            console.print(render(state, self._band, max(width, 1), height, colour))
        lines = made.get().splitlines()[:height]
        return lines, [cell_len(CODES.sub("", line)) for line in lines]

    def _put(self, text: str) -> None:
        with contextlib.suppress(ValueError):  # closed
            self._write(self._err, text)


def terminal_size(stream: TextIO) -> tuple[int, int]:
    """Columns and lines."""
    try:
        size = os.get_terminal_size(stream.fileno())
    except (OSError, ValueError):
        size = shutil.get_terminal_size()
    return (size.columns or 80, size.lines or 24)
