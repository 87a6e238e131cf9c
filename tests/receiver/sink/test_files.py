from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from receiver.errors import SinkError
from receiver.flowgraph import construct
from receiver.sink import FileSink, Sink
from receiver.sink.command import Command, environment
from receiver.sink.jsonl import JsonLines
from receiver.sink.kiss import KissFile, escape

RECORD: dict[str, Any] = {
    "schema": 1,
    "seq": 3,
    "satellite": "Światowid",
    "norad": 44426,
    "time": "2023-11-14T22:13:20.223999999Z",
    "snr_db": None,
    "crc_ok": True,
    "link": {"source": "A\0B"},
    "payload": "c0db00",
}
PAYLOAD = b"\xc0\xdb\x00"


def written(sink: FileSink, *records: dict[str, Any]) -> bytes:
    sink.open("boot")
    for record in records:
        sink.write(record, bytes.fromhex(record["payload"]))
    sink.event("status", {})
    sink.tick()
    there = Path(sink.file).read_bytes()  # flushed before it is closed
    sink.close()
    assert Path(sink.file).read_bytes() == there
    return there


def test_json_lines(tmp_path: Path) -> None:
    lines = written(JsonLines(str(tmp_path / "f.jsonl")), RECORD, {**RECORD, "seq": 4}).split(b"\n")
    assert [json.loads(text) for text in lines[:2]] == [RECORD, {**RECORD, "seq": 4}]
    assert lines[2:] == [b""]
    assert "Światowid".encode() in lines[0]


def test_standard_output(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    sink = JsonLines("-")
    sink.open("boot")
    sink.write(RECORD, PAYLOAD)
    sink.close()
    assert json.loads(capfdbinary.readouterr().out) == RECORD
    assert not sys.stdout.closed


def test_kiss(tmp_path: Path) -> None:
    data = b"\xc0\x00\xdb\xdc\xdb\xdd\x00\xc0"
    assert written(KissFile(str(tmp_path / "a")), RECORD) == data
    time = b"\xc0\x09" + (1_700_000_000_223).to_bytes(8, "big") + b"\xc0"
    assert (
        written(KissFile(str(tmp_path / "b"), timestamps=True), RECORD, {**RECORD, "time": None}) == time + data + data
    )
    assert (
        written(KissFile(str(tmp_path / "c"), timestamps=True), {**RECORD, "time": "1969" + RECORD["time"][4:]}) == data
    )


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.lists(st.lists(st.sampled_from([0xC0, 0xDB, 0xDC, 0xDD, 0]), max_size=20).map(bytes), max_size=5))
def test_kiss_can_be_undone(contents: list[bytes]) -> None:
    stream = b"".join(escape(b"\0" + content) for content in contents)
    frames = [part for part in stream.split(b"\xc0") if part]
    assert [frame.replace(b"\xdb\xdc", b"\xc0").replace(b"\xdb\xdd", b"\xdb")[1:] for frame in frames] == contents


@pytest.mark.parametrize("name", ["", "nowhere/file", "\0"])
def test_file_that_cannot_be_written(tmp_path: Path, name: str) -> None:
    sink = JsonLines(str(tmp_path / name) if name != "\0" else name)
    with pytest.raises(SinkError, match="cannot be written"):
        sink.open("boot")
    sink.close()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_full_disk() -> None:
    sink = JsonLines("/dev/full")
    sink.open("boot")
    sink.write(RECORD, PAYLOAD)
    with pytest.raises(SinkError, match="/dev/full: cannot be written: No space left"):
        sink.tick()
    with pytest.raises(SinkError):
        sink.close()


def test_made_from_toml() -> None:
    sink = construct({"use": "kiss", "file": "x", "timestamps": True}, "test", "sink")
    assert isinstance(sink, KissFile)
    assert isinstance(sink, Sink)
    assert sink.timestamps


SAVE = """
import json, os, sys
with open(sys.argv[1], "a") as file:
    print(sys.stdin.buffer.read().hex(), os.environ["RADOME_SATELLITE"], repr(os.environ["RADOME_SNR_DB"]),
          os.environ["RADOME_CRC_OK"], json.loads(os.environ["RADOME_RECORD"])["norad"], file=file)
sys.exit(3)
"""


def test_command(tmp_path: Path) -> None:
    remarks: list[str] = []
    script, out = tmp_path / "save it.py", tmp_path / "out"
    script.write_text(SAVE)
    sink = Command(f"{sys.executable} '{script}' {out}")
    sink.open("boot", remarks.append)
    sink.write(RECORD, PAYLOAD)
    sink.write(RECORD, bytes(300_000))
    sink.close()
    assert out.read_text().splitlines()[0] == "c0db00 Światowid '' true 44426"
    assert [remark.split(": ")[-1] for remark in remarks] == ["exit status 3 (frame 3)"] * 2
    assert sink.failures == 2


def test_command_that_does_not_read(tmp_path: Path) -> None:
    sink = Command("true")
    sink.open("boot")
    sink.write(RECORD, bytes(300_000))
    assert sink.failures == 0


@pytest.mark.parametrize("command", ["no-such-program-here x", "", "'"])
def test_no_command(command: str) -> None:
    with pytest.raises(SinkError, match="command"):
        Command(command).open("boot")


def test_environment_holds_only_what_an_environment_can() -> None:
    table = environment({**RECORD, "station": "\ud800", "payload": "00" * 70_000})
    assert "RADOME_PAYLOAD" not in table
    assert table["RADOME_STATION"] == "?"
    assert not any("\0" in value for value in table.values())
