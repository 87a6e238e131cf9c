"""Packets in frames: over the borders of frames, with frames missing, damaged, and however they come."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.check import check
from receiver.errors import FlowgraphError
from receiver.flowgraph import build
from receiver.framing._csp import csp_header
from receiver.satellite import Transmitter
from receiver.satyaml import load_satyaml
from receiver.stage import Clock, Frame, Stage, Stream
from receiver.synth.catalogue import CRCS
from receiver.synth.declared import crc
from receiver.synth.link import kiss, nanolink
from tests.fuzz import FUZZ

CLOCK = Clock(48000.0)


def frames(data: bytes, size: int, head: bytes = b"", apart: float = 0.0, **changes: Any) -> list[Frame]:
    """A stream in frames of so many bytes, which last ten samples a byte."""
    made = []
    for i in range(0, len(data), size):
        piece = head + data[i : i + size]
        at = i / size * (10 * (size + len(head)) + apart)
        made.append(Frame(piece, at, 10.0 * len(piece), CLOCK, "X", integrity="crc", crc_ok=True, **changes))
    return made


def tm_frames(data: bytes, size: int, channel: int = 1, short: bool = False, first: int = 250) -> list[Frame]:
    made = []
    for n, frame in enumerate(frames(data, size)):
        count = first + n & 0xFF
        head = struct.pack(">HBB", 0x2AD << 4 | channel << 1, count, count) + (b"\0" if short else b"\x18\0")
        made.append(frame.but(payload=head + frame.payload))
    return made


def run(stages: list[dict[str, Any]], sent: list[Frame]) -> list[Frame]:
    made = [build(table, "here", "link") for table in stages]
    stream = Stream("frames", 1.0, CLOCK)
    for stage in made:
        stream = stage.open(stream)
    for stage in made:
        sent = [frame for one in sent for frame in through(stage, one)]
    return sent


def through(stage: Stage, frame: Frame) -> list[Frame]:
    return stage.process(frame)  # type: ignore[arg-type, return-value]


PACKETS = [bytes([i, 0xC0, 0xDB, 0xDC, 0xDD]) * (3 * i + 1) for i in range(9)]
STREAM = b"\xc0" * 7 + b"".join(kiss(packet) for packet in PACKETS)


@pytest.mark.parametrize("size", [1, 2, 5, 32, 1000])
def test_kiss_over_frames_of_any_size(size: int) -> None:
    made = run([{"use": "kiss"}], frames(STREAM, size))
    assert [frame.payload for frame in made] == PACKETS
    assert all(frame.framing == "KISS" and frame.continuity and frame.crc_ok for frame in made)


@FUZZ
@given(st.lists(st.binary(min_size=1, max_size=60), max_size=8), st.integers(1, 40), st.booleans())
def test_kiss_of_any_bytes(packets: list[bytes], size: int, control: bool) -> None:
    stream = b"".join(kiss(packet, control) for packet in packets)
    assert [f.payload for f in run([{"use": "kiss", "control": control}], frames(stream, size))] == packets


@FUZZ
@given(st.binary(max_size=300), st.integers(1, 40))
def test_any_bytes_are_no_fault(data: bytes, size: int) -> None:
    for link in ([{"use": "kiss"}], [{"use": "nanolink"}], [{"use": "tm"}, {"use": "kiss"}], [{"use": "tm"}]):
        for frame in run(link, frames(data, size)):
            assert frame.payload
            assert frame.length > 0


def test_a_packet_is_where_its_bytes_are() -> None:
    stream = b"\xc0" * 10 + kiss(bytes(range(1, 30)), False)
    frame = run([{"use": "kiss", "control": False}], frames(stream, 16))[0]
    assert frame.position == pytest.approx(110)
    assert frame.position + frame.length == pytest.approx(110 + 290)


def test_other_commands_and_fragments_are_left_out() -> None:
    stream = b"tail of one\xc0" + b"\x01\x02\xc0" + kiss(b"data") + b"\xc0\x00head"
    assert [frame.payload for frame in run([{"use": "kiss"}], frames(stream, 5))] == [b"data"]


def test_a_wrong_escape_spoils_its_packet_only() -> None:
    stage = build({"use": "kiss"}, "here", "link")
    stage.open(Stream("frames", 1.0, CLOCK))
    stream = kiss(b"one") + b"\xc0\x00bad\xdb\x01\xc0" + b"\xc0\x00bad\xdb\xc0" + kiss(b"two")
    made = [frame for one in frames(stream, 4) for frame in through(stage, one)]
    assert [frame.payload for frame in made] == [b"one", b"two"]
    assert stage.failures["sync"] == 2  # type: ignore[attr-defined]


def test_bytes_before_the_stream() -> None:
    made = run([{"use": "kiss", "head": 3}], frames(STREAM, 20, b"\xc0\xdb\x00"))
    assert [frame.payload for frame in made] == PACKETS


def test_pieces_that_lie_apart_are_told() -> None:
    stream = kiss(b"short") + b"\xc0" * 10 + kiss(bytes(40))
    made = run([{"use": "kiss"}], frames(stream, 20, apart=1000))
    assert [frame.continuity for frame in made] == [True, False]


@pytest.mark.parametrize("short", [False, True])
def test_kiss_in_transfer_frames(short: bool) -> None:
    """Two channels in turn, one of them not asked for, and idle frames between; the counter wraps."""
    table = [{"use": "tm", "short": short, "channels": [1, 3]}, {"use": "kiss"}]
    one, three = tm_frames(STREAM, 30, 1, short), tm_frames(STREAM[::1], 30, 3, short)
    other = tm_frames(STREAM, 30, 5, short)
    sent = [frame for some in zip(one, three, other, strict=True) for frame in some]
    made = run(table, sent)
    for channel in (1, 3):
        assert [frame.payload for frame in made if frame.link["virtual_channel"] == channel] == PACKETS
    assert len(made) == 2 * len(PACKETS)


def test_a_transfer_frame_that_is_missing_spoils_what_was_in_it() -> None:
    sent = tm_frames(STREAM, 30)
    complete = run([{"use": "tm"}, {"use": "kiss"}], sent)
    assert [frame.payload for frame in complete] == PACKETS
    for lost in range(len(sent)):
        made = [f.payload for f in run([{"use": "tm"}, {"use": "kiss"}], sent[:lost] + sent[lost + 1 :])]
        assert set(made) < set(PACKETS)
        assert len(made) >= len(PACKETS) - 6


def test_transfer_frames() -> None:
    """Idle data, secondary header, operational control field, checksum, and what is none."""
    head = struct.pack(">HBBH", 0x2AD << 4 | 2 << 1, 7, 9, 0x1800)
    base = frames(head + b"data", 100)[0]

    def data(payload: bytes, **table: Any) -> list[bytes]:
        return [frame.payload for frame in run([{"use": "tm", **table}], [base.but(payload=payload)])]

    link = run([{"use": "tm"}], [base])[0].link
    assert link == {"spacecraft": 0x2AD, "virtual_channel": 2, "frame_count": 9}
    assert data(head + b"data") == [b"data"]
    assert data(head[:4] + b"\x07\xfe" + bytes(20)) == []
    assert data(head[:4] + b"\x98\x00" + b"\x02abdata") == [b"data"]
    assert data(bytes([head[0], head[1] | 1]) + head[2:] + b"dataOCF!") == [b"data"]
    assert data(b"\x40" + head[1:] + b"data") == []
    assert data(head) == []
    checked = head + b"data"
    checked += crc(checked, *CRCS["CRC-16/IBM-3740"]).to_bytes(2, "big")
    assert data(checked, error_control=True) == [b"data"]
    assert data(checked[:-1] + b"?", error_control=True) == []
    assert data(head + b"data", channels=[1]) == []


def test_an_idle_frame_counts() -> None:
    sent = tm_frames(STREAM, 30)
    idle = [
        frame.but(payload=frame.payload[:4] + b"\x07\xfe" + bytes(30)) if i == 3 else frame
        for i, frame in enumerate(tm_frames(STREAM[:90] + bytes(30) + STREAM[90:], 30))
    ]
    assert len(idle) == len(sent) + 1
    assert [frame.payload for frame in run([{"use": "tm"}, {"use": "kiss"}], idle)] == PACKETS
    missing = run([{"use": "tm"}], idle[:2] + idle[3:])
    assert [frame.link.get("frames_missing") for frame in missing[:4]] == [None, None, 1, None]


@pytest.mark.parametrize("size", [1, 7, 64, 5000])
def test_nanolink(size: int) -> None:
    told, stream = [], b"\xfa\xf3noise\xfa\xf3\x20\x01\x00\x12"
    for n, packet in enumerate(PACKETS):
        one, sent = nanolink(packet, n)
        told.append(one)
        stream += sent + b"\x55" * n
    bad = bytearray(nanolink(b"spoilt", 1)[1])
    bad[8] ^= 1
    stream += bytes(bad) + nanolink(b"last", 9)[1]
    made = run([{"use": "nanolink"}], frames(stream, size))
    assert [frame.payload for frame in made] == [*told, nanolink(b"last", 9)[0]]
    assert [frame.link["sequence"] for frame in made] == [*range(9), 9]
    starts = [frame.position for frame in made]
    assert starts == sorted(starts)


def test_csp_headers() -> None:
    head = struct.pack(">I", 2 << 30 | 5 << 25 | 10 << 20 | 11 << 14 | 31 << 8 | 1)
    assert csp_header(head + b"data") == {
        "protocol": "CSP",
        "priority": 2,
        "source": 5,
        "destination": 10,
        "source_port": 31,
        "destination_port": 11,
        "flags": ["crc"],
    }
    assert csp_header(head + b"dat") == {}  # no room for the checksum
    assert csp_header(head[:3]) == {}
    assert csp_header(bytes(40)) == {}
    assert csp_header(head[:3] + b"\x10" + bytes(9)) == {}
    some = np.random.default_rng(0).integers(0, 256, (4000, 40), np.uint8)
    assert sum(bool(csp_header(one.tobytes())) for one in some) < 4000 / 12


TABLES: list[tuple[dict[str, Any], list[dict[str, Any]]]] = [
    ({"use": "ax100"}, [{"use": "kiss"}]),
    ({"use": "ccsds", "frame_size": 223, "convolutional": "CCSDS"}, [{"use": "kiss", "control": False, "head": 3}]),
    ({"use": "ccsds", "frame_size": 223}, [{"use": "tm", "short": True, "channels": [2]}, {"use": "kiss"}]),
    ({"use": "ccsds", "frame_size": 223}, [{"use": "tm", "error_control": True}, {"use": "nanolink"}]),
    ({"use": "ccsds", "frame_size": 223}, [{"use": "tm"}]),
    ({"use": "geoscan"}, [{"use": "nanolink"}]),
]


@pytest.mark.parametrize(("framing", "link"), TABLES, ids=str)
def test_packets_come_back_over_the_air(framing: dict[str, Any], link: list[dict[str, Any]]) -> None:
    outcome = check(Transmitter("x", 437e6, {"use": "fsk", "baudrate": 9600}, framing, "FSK", tuple(link)))
    assert outcome.good, outcome


SATYAML = """
name: X
norad: 1
transports:
  &a TM KISS:
    protocol: TM short KISS
    virtual_channels:
    - 0
    - 2
  &b other:
    protocol: KISS KS-1Q
  &c new:
    protocol: unheard of
transmitters:
  one: {frequency: 436.2e+6, modulation: BPSK, baudrate: 9600, framing: CCSDS Concatenated, frame size: 223,
        RS basis: conventional, transports: [*a]}
  two: {frequency: 436.5e+6, modulation: FSK, baudrate: 20000, framing: AX.25, transports: [*b]}
  three: {frequency: 436.5e+6, modulation: FSK, baudrate: 20000, framing: AX.25, transports: [*c]}
  four: {frequency: 436.5e+6, modulation: FSK, baudrate: 20000, framing: AX.25, data: [x], transports: [*b]}
"""


def test_transports_of_satyaml(tmp_path: Path) -> None:
    path = tmp_path / "x.yml"
    path.write_text(SATYAML)
    links = [transmitter.link for transmitter in load_satyaml(path).transmitters]
    assert links == [
        ({"use": "tm", "short": True, "channels": [0, 2]}, {"use": "kiss", "control": False}),
        ({"use": "kiss", "control": False, "head": 3},),
        (),
        (),
    ]


def test_faults_are_named() -> None:
    for table, says in (
        ({"use": "kiss", "head": -1}, "head is -1"),
        ({"use": "tm", "channels": [9]}, r"channels is \[9\]"),
        ({"use": "kis"}, "kis"),
    ):
        with pytest.raises(FlowgraphError, match=says):
            build(table, "here", "link")
