"""The live view: what it shows, at every size, and that nobody waits for a terminal."""

from __future__ import annotations

import io
import json
import logging
import os
import pty
import re
import select
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from rich.cells import cell_len
from rich.console import Console

from receiver.log import JsonFormatter, LogDisplay
from receiver.monitor import BINS, Channel, Loss, Pass, State
from receiver.sink.view import ROW, Band, View, render
from receiver.statistics import Statistics
from tests.receiver.sink.test_terminal import PAYLOAD, RECORD

RATE = 250e3


def spectrum(*carriers: float, seed: int = 0) -> np.ndarray:
    """Noise at -60 dB, and carriers 40 dB above it, Hz from the middle."""
    power = -60 + np.random.default_rng(seed).standard_normal(BINS).astype(np.float32)
    for frequency in carriers:
        power[round((frequency / RATE + 0.5) * BINS)] = -20
    return power


def filled(*carriers: float) -> Band:
    band = Band()
    for i in range(20):
        band.add(spectrum(*carriers, seed=i), 100 + i * ROW)
    return band


def full(channels: int = 3) -> State:
    now = time.time_ns()
    return State(
        "rtltcp://192.168.1.20:1234",
        *(RATE, 437.35e6, 4831.0, 10**9, 61_250, 2, Loss(1000, 50_000, "2026-11-29T14:02:11.100000000Z"), 1, False),
        *(-23.4, 0.0215, spectrum(50e3), 0.6, 0.1),
        tuple(
            Channel(f"SAT-{i}", i, f"9k6 FSK {i}", 1e3 * i, i == 1, 17.25, -84.0, 5210.0, 23.0, 41, 2.0, {"crc": 2})
            for i in range(channels)
        ),
        *(Path("/data/20261129T143001Z.sigmf-meta"), 2_415_500_000, 58_200_000_000),
        (Pass("SAT-1", now - 1, now + 10**12, 23.0), Pass("SAT-2", now + 780 * 10**9, now + 10**12, 34.0)),
    )


STATES = {
    "nothing": State(),
    "opened": State("udp://:7355", 48e3),
    "away": replace(full(), away=True, spectrum=None, level_dbfs=None),
    "full": full(),
    "many": full(70),
    "strange": replace(full(0), device="a\x1b[2J\n", channels=(Channel("\x1b]0;x\x07", None, "b\n" * 50),)),
}


def shown(state: State, band: Band, width: int, height: int, colour: bool) -> str:
    console = Console(
        file=io.StringIO(), width=width, height=height, record=True, color_system="truecolor" if colour else None
    )
    console.print(render(state, band, width, height, colour))
    return console.export_text(styles=False)


@pytest.mark.parametrize("name", STATES)
def test_it_fits_at_every_size(name: str) -> None:
    bands = [Band(), filled(-50e3, 90e3)]
    for width in (*range(1, 30), 39, 40, 41, 55, 63, 79, 80, 100, 119, 160, 300):
        for height in (1, 5, 10, 24, 50):
            for band in bands:
                text = shown(STATES[name], band, width, height, width % 2 == 0)
                assert max(map(cell_len, text.splitlines()), default=0) <= width
                assert "\x1b" not in text
                if height >= 10:
                    assert len(text.splitlines()) <= height


def test_it_shows_the_figures() -> None:
    text = shown(full(), filled(50e3), 160, 50, True)
    for words in (
        "rtltcp://192.168.1.20:1234  437.3500 MHz  250 ksps",
        "up 1:20:31",
        "level -23.4 dBFS",
        "clipping 2.1 %",
        "lost 0.245 s in 2 places, last 14:02:11",
        "1 restart",
        "behind: queue 60%",
        "rec 20261129T143001Z.sigmf-meta   2.42 GB   58.2 GB free",
        "SAT-1 up now, 23°   SAT-2 in 13 min, 34°",
    ):
        assert words in text
    [row] = [line for line in text.splitlines() if "9k6 FSK 1" in line]
    assert " ".join(row.split()) == "2 SAT-1 9k6 FSK 1 ● yes 17.2 dB -84 Hz +5210 Hz 23° 41 2 s crc 2"
    [head] = [line for line in text.splitlines() if "satellite" in line]
    for heading, cell in (("SNR", "17.2 dB"), ("Doppler", "+5210 Hz"), ("frames", "41")):
        assert head.index(heading) + len(heading) == row.index(cell) + len(cell)
    assert "nothing lost" in shown(replace(full(), lost=0), Band(), 160, 50, True)
    assert "device gone, trying again" in shown(STATES["away"], Band(), 160, 50, True)


def test_signals_and_marks_stand_where_they_are() -> None:
    width, state = 100, replace(full(), channels=(Channel("A", 1, "x", -50e3), Channel("A", 1, "y", 90e3)))
    lines = shown(state, filled(-50e3, 90e3), width, 50, False).splitlines()
    [marks] = [line for line in lines if "▾1" in line]
    columns = [marks.index("▾1"), marks.index("▾2")]
    assert columns == [30, 86]
    bars = lines[lines.index(marks) - 1]
    assert [i for i, c in enumerate(bars) if c not in " ▁"] == columns
    fall = lines[lines.index(marks) + 1]
    assert [i for i, c in enumerate(fall) if c == "█"] == columns
    [scale] = [line for line in lines if "╵437.35" in line]
    assert scale.index("╵437.35") == 50


def test_of_many_channels_those_that_matter_are_shown() -> None:
    state = full(70)
    channels = [replace(one, signal=i in (60, 65), last_frame=None) for i, one in enumerate(state.channels)]
    channels[68] = replace(channels[68], last_frame=1.0)
    text = shown(replace(state, channels=tuple(channels)), Band(), 160, 24, False)
    for there in ("SAT-60 ", "SAT-65 ", "SAT-68 ", "and "):
        assert there in text


class Terminal(io.StringIO):
    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def write(self, text: str) -> int:
        os.write(self._descriptor, text.encode())
        return len(text)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A terminal as standard output and error; its other end."""
    master, slave = pty.openpty()
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("LINES", "40")
    # in the test, for pytest puts its own there before it
    monkeypatch.setattr("receiver.sink.terminal.sys", SimpleNamespace(stdout=Terminal(slave), stderr=Terminal(slave)))
    yield master
    os.close(master)
    os.close(slave)


def view(state: State) -> View:
    monitor: Any = SimpleNamespace(state=lambda: state)
    made = View(monitor)
    assert monitor.spectrum is True
    return made


def read_until(master: int, text: str) -> str:
    out = b""
    deadline = time.monotonic() + 10
    while text.encode() not in out:
        assert time.monotonic() < deadline, f"{text!r} did not come: {out[:3000]!r}"
        assert select.select([master], [], [], 10)[0], f"{text!r} did not come behind {out[-2000:]!r}"
        out += os.read(master, 65536)
    return out.decode("utf-8", "replace")


@pytest.mark.parametrize("plain", [False, True])
def test_frames_go_above_and_the_view_goes_at_the_end(
    plain: bool, terminal: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if plain:
        monkeypatch.setenv("NO_COLOR", "1")
    made = view(full())
    text = read_until(terminal, "SAT-2")
    made.frame(RECORD, PAYLOAD)
    made.remark("a word")
    text += read_until(terminal, "a word")
    made.finish(Statistics())
    text += read_until(terminal, "0 frames in")
    assert ("38;2;" in text) is not plain
    assert text.index("SAT-1") < text.index("KOYO")
    assert "0000  00 01" not in text  # no dump
    assert text.index("\x1b[?25l") < text.index("\x1b[?25h") < text.index("0 frames in")
    # what the view stood on is cleared before the summary
    assert re.search(r"\x1b\[J[^\n]*\x1b\[\?25h0 frames in", text)


def test_a_terminal_that_takes_nothing_holds_nobody_up(terminal: int) -> None:
    made = view(full())

    def receive() -> None:
        for _ in range(10):  # the terminal's buffer is full after a few of the views
            for _ in range(200):
                made.frame(RECORD, PAYLOAD)
            time.sleep(0.1)

    thread = threading.Thread(target=receive, daemon=True)
    thread.start()
    thread.join(10)
    assert not thread.is_alive()
    threading.Thread(target=made.close, daemon=True).start()
    read_until(terminal, "\x1b[?25h")  # and when it does again, all is there


def test_a_log_is_lines_of_json(caplog: pytest.LogCaptureFixture) -> None:
    display = LogDisplay()
    with caplog.at_level(logging.INFO, "radome"):
        record = {**RECORD, "seq": 3, "norad": 1, "transmitter": "x"}
        display.frame(record, PAYLOAD)
        display.remark("careful\n")
        display.note("it is up")
        display.progress(1.0, None, 1.0)
        display.finish(Statistics())
        logging.getLogger("other").warning("from %s", "elsewhere")
    lines = [JsonFormatter().format(one) for one in caplog.records]
    frame, remark, note, other = map(json.loads, lines)
    assert (note["level"], note["event"], note["message"]) == ("info", "note", "it is up")
    assert all("\n" not in line for line in lines)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", frame.pop("time"))
    assert frame == {
        "level": "info",
        "event": "frame",
        "utc": RECORD["time"],
        "seq": 3,
        "satellite": "KOYO",
        "norad": 1,
        "transmitter": "x",
        "framing": "AX.25 G3RUH",
        "snr_db": 12.34,
        "offset_hz": -12.3,
        "crc_ok": True,
        "continuity": True,
        "length": 20,
        "link": {},
    }
    assert (remark["event"], remark["level"], remark["message"]) == ("remark", "warning", "careful\n")
    assert (other["event"], other["logger"], other["message"]) == ("log", "other", "from elsewhere")


def test_passes_to_come_are_seen_beside_those_under_way() -> None:
    now = time.time_ns()
    up = [Pass(f"UP-{i}", now - 1, now + 10**12, 23.0) for i in range(9)]
    coming = [Pass(f"LATER-{i}", now + (i + 2) * 60 * 10**9, now + 10**13, 34.0) for i in range(9)]
    for passes, seen in (
        ([*up, *coming], ["UP-0", "UP-1", "LATER-0", "LATER-1"]),
        (up, ["UP-0", "UP-1", "UP-2", "UP-3"]),
        ([*up, coming[0]], ["UP-0", "UP-1", "UP-2", "LATER-0"]),
        (coming, ["LATER-0", "LATER-1", "LATER-2", "LATER-3"]),
    ):
        text = shown(replace(full(), passes=tuple(passes)), filled(), 150, 40, False)
        assert re.findall(r"(?:UP|LATER)-\d", text) == seen
