"""A transmitter's channel as a recording: decoding it gives what decoding everything gave."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sigmf

from receiver.channel.tap import Tap
from receiver.elements import Elements
from receiver.orbit import Orbit, Station
from receiver.pipeline import Pipeline
from receiver.reception import Conditions, lines
from receiver.record import Context, record
from receiver.source import open_source
from receiver.source.recorder import Limits
from receiver.stage import Chunk, Clock, Frame, Stream
from receiver.tape import Tapes
from tests.jig import cuts
from tests.loopback import FREQUENCY, Memory, payloads, run, satellite, send, transmitter

START = 1_704_110_400_000_000_000
LOW = Orbit(
    Elements("LOW", 99999, START - 43_200 * 10**9, 51.6, 208.9, 0.0006, 130.5, 325.0, 15.49815345, 1e-4, "low.tle")
)
"""400 km high, and overhead at the place 450 s after the start."""
SITE = Station(27.52, -51.88)
OVERHEAD = 447.0
"""Seconds from the start at which the Doppler shift turns over."""


def doppler(seconds: Any) -> Any:
    times = START + np.rint((np.asarray(seconds, np.float64) + OVERHEAD) * 1e9).astype(np.int64)
    return LOW.doppler(FREQUENCY, SITE, np.atleast_1d(times)).reshape(np.shape(seconds))


@pytest.mark.parametrize("demod", [{"use": "fsk", "baudrate": 9600}, {"use": "psk", "baudrate": 1200}], ids=str)
def test_the_channel_gives_the_same_frames_without_an_orbit(tmp_path: Path, demod: dict[str, Any]) -> None:
    sent = transmitter(demod, name="a/b")
    told = payloads(12, 30)
    signal = send(
        sent,
        told,
        250e3,
        doppler=doppler,
        offset=-800.0,
        burst=2,
        pause=0.2,
        centre=FREQUENCY - 40e3,
        start_ns=START + round(OVERHEAD * 1e9),
    )
    source = Memory(signal, frequency=FREQUENCY - 40e3)
    of = satellite(sent)
    pairs = lines(of, source.recording, Conditions(LOW, SITE))
    tapes = Tapes(source.recording, print, Limits(), SITE, [line for _, line in pairs])
    (line,) = tapes.channels(tmp_path, ["Test a/b"])
    shifter = line.chain.stages[0]
    common = Context("boot", of, sent, None, line.chain.output.frequency, shifter.predicted)  # type: ignore[attr-defined]
    frames: list[Frame] = []

    def publish(number: int, frame: Frame) -> None:
        tapes.note(number, record(frame, common, len(frames)))
        frames.append(frame)

    Pipeline(source, [line]).run(publish)
    tapes.close()
    assert [frame.payload for frame in frames] == told
    (path,) = tmp_path.glob("*.sigmf-meta")
    assert path.name == "20240101T120727Z_Test-a-b_437350000Hz.sigmf-meta"
    file = sigmf.fromfile(str(path))
    file.validate()
    assert file.sample_rate <= 125e3
    assert file.get_captures()[0]["core:frequency"] == FREQUENCY
    opened = open_source(str(path))
    assert opened.recording.station == (27.52, -51.88, 0.0)
    again, _ = run(opened, sent)
    opened.close()
    assert [frame.payload for frame in again] == [frame.payload for frame in frames]
    step = 250e3 / file.sample_rate
    for one, other, mark in zip(frames, again, file.get_annotations(), strict=True):
        t, u = one.clock.time_ns(one.position), other.clock.time_ns(other.position)
        assert u == pytest.approx(t, abs=0.05 / demod["baudrate"] * 1e9)
        assert one.offset == pytest.approx(other.offset, abs=0.01 * demod["baudrate"])
        assert mark["core:sample_start"] == pytest.approx(other.position, abs=10)
        assert mark["core:sample_count"] == pytest.approx(one.length / step, abs=1)
        middle = (mark["core:freq_lower_edge"] + mark["core:freq_upper_edge"]) / 2
        assert middle == pytest.approx(FREQUENCY - 800.0, abs=0.02 * demod["baudrate"])
        assert bytes.fromhex(mark["radome:payload"]) == one.payload
        assert mark["radome:frequency_hz"] == pytest.approx(middle + mark["radome:doppler_hz"], abs=0.2)
    assert len({round(mark["radome:doppler_hz"]) for mark in file.get_annotations()}) > 5


def test_channels_behind_a_filter_bank_are_recorded_at_its_rate(tmp_path: Path) -> None:
    sent, told = transmitter({"use": "fsk", "baudrate": 9600}), payloads(3, 30)
    signal = send(sent, told, 1e6, burst=1, pause=0.1, centre=FREQUENCY - 77e3)
    source = Memory(signal, frequency=FREQUENCY - 77e3)
    of = satellite(sent, *(replace(sent, name=f"t{i}", frequency=FREQUENCY + 90e3 * (i - 2)) for i in range(4)))
    pairs = lines(of, source.recording, Conditions())
    tapes = Tapes(source.recording, print, Limits(), None, [line for _, line in pairs])
    own = tapes.channels(tmp_path, [one.name for one, _ in pairs])
    Pipeline(source, own).run(lambda *_: None)
    tapes.close()
    assert len(list(tmp_path.iterdir())) == 2 * len(pairs)
    for path in tmp_path.glob("*.sigmf-meta"):
        file = sigmf.fromfile(str(path))
        assert len(file.get_captures()) == 1
        assert file.sample_count / file.sample_rate == pytest.approx(len(signal.samples) / 1e6, abs=1e-3)
    (path,) = tmp_path.glob("*_test_*.sigmf-meta")
    opened = open_source(str(path))
    assert [frame.payload for frame in run(opened, sent)[0]] == told
    opened.close()


class Written:
    """Remembers what it is to write."""

    def __init__(self, rate: float, stream: Stream) -> None:
        self.rate = rate
        self.pieces: list[tuple[float, Clock, np.ndarray]] = []

    def write(self, raw: bytes, position: float, clock: Clock) -> None:
        self.pieces.append((position, clock, np.frombuffer(raw, "<c8")))


def test_a_tap_is_the_same_however_the_stream_is_cut() -> None:
    rng = np.random.default_rng(5)
    x = rng.standard_normal((20_000, 2)).astype(np.float32).view(np.complex64).ravel()
    clocks = [Clock(250e3, 0.0, START), Clock(250e3, 0.0, START)]
    seen = []
    for parts in cuts(x, few=300):
        tap: Any = Tap(17e3, Written)
        at = 1000.0
        for clock in clocks:  # 777 samples are lost between them
            stream = Stream("iq", 250e3, clock, FREQUENCY, 0.0, 12e3)
            assert tap.open(stream) is stream
            for part in parts:
                assert [chunk.items is part for chunk in tap.process(Chunk(part, 250e3, at, clock))] == [True]
                at += len(part)
            tap.close()
            at += 777
        written = tap.writer
        assert written.rate == 250e3 / 4
        for clock, first in zip(clocks, (1000.0, 21_777.0), strict=True):
            pieces = [piece for piece in written.pieces if piece[1] is clock]
            following = first
            for position, _, items in pieces:
                assert position == following
                following += 4 * len(items)
            assert following == first + len(x)
        seen.append(np.concatenate([items for *_, items in written.pieces]))
    assert all((one == seen[0]).all() for one in seen)


def test_without_frequencies_the_whole_band_is_the_channel() -> None:
    tap: Any = Tap(17e3, Written)
    tap.open(Stream("iq", 48e3, Clock(48e3)))
    x = np.arange(100).astype(np.complex64)
    tap.process(Chunk(x, 48e3, 0.0, Clock(48e3)))
    tap.close()
    assert tap.writer.rate == 48e3
    assert (tap.writer.pieces[0][2] == x).all()
