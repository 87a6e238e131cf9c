from __future__ import annotations

import io
import json
import time
from collections import Counter
from typing import Any

import pytest

from receiver.sink.terminal import Display, duration, hexdump, line, summary
from receiver.statistics import Statistics

RECORD: dict[str, Any] = {
    "time": "2023-11-14T22:13:20.223999999Z",
    "sample": 4800.7,
    "satellite": "KOYO",
    "framing": "AX.25 G3RUH",
    "snr_db": 12.34,
    "offset_hz": -12.3,
    "corrected": None,
    "crc_ok": True,
    "continuity": True,
    "link": {},
    "payload": bytes(range(20)).hex(),
}
PAYLOAD = bytes(range(20))


@pytest.fixture(autouse=True)
def capable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_line() -> None:
    assert line(RECORD) == "2023-11-14 22:13:20.223  KOYO  AX.25 G3RUH  20 B  SNR 12.3 dB  -12 Hz"
    assert line(RECORD, PAYLOAD).endswith("  00 01 02 03 04 05 06 07 08 09 0a 0b …")
    assert line({**RECORD, "link": {"source": "JA1ABC", "destination": "CQ"}}, PAYLOAD).endswith("  JA1ABC > CQ")
    bare = {**RECORD, "time": None, "snr_db": None, "offset_hz": None, "crc_ok": False, "continuity": False}
    assert (
        line({**bare, "corrected": 3}) == "sample 4801  KOYO  AX.25 G3RUH  20 B  3 corrected  CRC wrong  samples lost"
    )


def test_line_does_not_pass_control_characters_on() -> None:
    assert "\x1b" not in line({**RECORD, "link": {"source": "\x1b[2J", "destination": "\x9b\n"}, "satellite": "\x07"})


def test_hexdump() -> None:
    assert list(hexdump(b"")) == []
    assert list(hexdump(b"Hello, world!\x00\xff~x")) == [
        "  0000  48 65 6c 6c 6f 2c 20 77  6f 72 6c 64 21 00 ff 7e  Hello, world!..~",
        "  0010  78                                                x",
    ]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0.0 s"), (59.94, "59.9 s"), (245, "4:05"), (1199.9, "19:59"), (3723, "1:02:03")]
)
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_summary() -> None:
    statistics = Statistics(
        1200.0, 4.0, Counter({"9k6 FSK": 17}), 2, {"9k6 FSK": Counter(crc=1, sync=3), "1k2 AFSK": Counter()}, 1
    )
    assert list(summary(statistics)) == [
        "17 frames in 20:00 of signal, 2 duplicates left out, samples lost 1 time; took 4.0 s, 300 times real time",
        "  9k6 FSK      17   failed: sync 3, crc 1",
        "  1k2 AFSK      0",
    ]
    assert list(summary(Statistics())) == ["0 frames in 0.0 s of signal"]
    assert json.loads(json.dumps(statistics.table())) == {
        "seconds": 1200.0,
        "elapsed": 4.0,
        "speed": 300.0,
        "frames": {"9k6 FSK": 17},
        "duplicates": 2,
        "failures": {"9k6 FSK": {"crc": 1, "sync": 3}, "1k2 AFSK": {}},
        "gaps": 1,
    }


def test_pipes_get_plain_text_and_no_progress(capsys: pytest.CaptureFixture[str]) -> None:
    display = Display()
    display.progress(1.0, 2.0, 3.0)
    display.frame(RECORD, PAYLOAD)
    display.remark("careful\n")
    display.finish(Statistics())
    display.close()
    out, err = capsys.readouterr()
    assert out == "\n".join([line(RECORD), *hexdump(PAYLOAD), ""])
    assert err == "radome: careful·\n0 frames in 0.0 s of signal\n"


def test_a_dumb_terminal_gets_lines_only(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setattr("sys.stdout", terminal)
    monkeypatch.setattr("sys.stderr", terminal)
    display = Display(dump=False)
    display.progress(30.0, 120.0, 10.0)
    display.frame(RECORD, PAYLOAD)
    display.close()
    assert terminal.getvalue() == line(RECORD, PAYLOAD) + "\n"


def test_data_has_standard_output_to_itself(capsys: pytest.CaptureFixture[str]) -> None:
    Display(data_on_stdout=True, dump=False).frame(RECORD, PAYLOAD)
    out, err = capsys.readouterr()
    assert (out, err) == ("", line(RECORD, PAYLOAD) + "\n")


def test_progress_gives_way_to_text(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    monkeypatch.setattr("sys.stderr", terminal)
    display = Display()
    display.progress(30.0, 120.0, 10.0)
    display.progress(31.0, 120.0, 10.0)
    time.sleep(0.11)
    display.progress(200.0, 120.0, 10.0)
    time.sleep(0.11)
    display.progress(200.0, None, 10.0)
    display.frame(RECORD, PAYLOAD)
    display.close()
    text = terminal.getvalue()
    assert "  25%  30.0 s of 2:00  10x  0 frames" in text
    assert "31.0 s" not in text
    assert " 100%  3:20 of 2:00" in text
    assert "\r\x1b[K3:20 of signal  10x  0 frames\r\x1b[K\x1b[1m2023" in text
    assert text.endswith("\x1b[0m\n")


def test_terminal_of_few_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(raw, "ascii"))
    Display(dump=False).frame({**RECORD, "satellite": "Światowid"}, PAYLOAD)
    assert b"?wiatowid" in raw.getvalue()
