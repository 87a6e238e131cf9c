"""What the monitor says of a reception, against what is sent."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from receiver.cli.passes import find_passes
from receiver.monitor import BINS, BLOCK, Monitor, next_pass
from receiver.orbit import load_orbit, parse_station
from receiver.pipeline import Pipeline
from receiver.reception import Conditions, lines
from receiver.record import Context
from receiver.source import Recording
from receiver.stage import Chunk, Clock
from receiver.visibility import Visibility
from tests.loopback import FREQUENCY, Memory, payloads, satellite, send, transmitter

RATE = 250e3
TLE = """\
SUOMI-100
1 43804U 18099AY  19312.63974356 -.00000043  00000-0  13601-5 0  9999
2 43804  97.7300  22.7185 0014609 207.1414 152.9045 14.95350049 50798
"""

PIPELINE: Any = SimpleNamespace(fill=0.0, failures=lambda i: {}, runs=lambda i: True)


class Tone:
    """A source as of a device: a carrier, and what the device tells."""

    def __init__(self, amplitude: float, frequency: float, datatype: str = "cu8") -> None:
        self.recording = Recording("tone", "iq", RATE, Clock(RATE, 0.0, 10**18), 437e6, datatype=datatype)
        self.tell: Any = None
        self.received, self.lost, self.restarts, self.fill, self.recorder = 1000, 0, 0, 0.25, None
        n = np.arange(4 * BINS)
        noise = np.random.default_rng(0).standard_normal(2 * len(n)).view(np.complex128) * 1e-4
        self._items = (amplitude * np.exp(2j * np.pi * frequency / RATE * n) + noise).astype(np.complex64)

    def read(self) -> Chunk:
        return Chunk(self._items, RATE, 0.0, self.recording.clock)

    def close(self) -> None: ...


def looked_at(source: Any, **options: Any) -> Monitor:
    monitor = Monitor(**options)
    monitor.spectrum = True
    monitor.watch(source).read()
    monitor._look()
    return monitor


@pytest.mark.parametrize("amplitude", [0.1, 0.5])
def test_level_and_spectrum(amplitude: float) -> None:
    state = looked_at(Tone(amplitude, 60e3)).state()
    assert state.level_dbfs == pytest.approx(20 * math.log10(amplitude), abs=0.01)
    assert state.clipped == 0
    assert state.spectrum is not None
    peak = int(np.argmax(state.spectrum))
    assert (peak / BINS - 0.5) * RATE == pytest.approx(60e3, abs=RATE / BINS)
    assert float(state.spectrum[peak]) == pytest.approx(20 * math.log10(amplitude), abs=1.5)  # between two bins
    assert (state.device, state.rate, state.frequency, state.ring) == ("tone", RATE, 437e6, 0.25)


def test_clipping() -> None:
    source = Tone(0.1, 0.0)
    source._items[:2048] = 1.0
    state = looked_at(source).state()
    assert state.clipped == pytest.approx(2048 / len(source._items))
    source._items[0] = 1.5  # floats may be beyond the scale, and then nobody knows
    assert looked_at(source).state().clipped is None


def test_level_goes_with_the_samples() -> None:
    monitor = looked_at(Tone(0.1, 0.0))
    for _ in range(5):
        monitor._look()
    assert monitor.state().level_dbfs is None
    assert monitor.state().spectrum is None


def test_what_a_device_tells_is_told_and_published_once() -> None:
    told: list[tuple[str, str]] = []
    source = Tone(0.1, 0.0)
    monitor = looked_at(source, tell=lambda level, event, fields: told.append((level, event)))
    gap = {"sample": 500, "seconds": 0.002, "lost": 77, "utc": "2020-01-01T00:00:00.000000000Z"}
    source.tell("gap", gap)
    source.tell("device_lost", {"message": "gone"})
    state = monitor.state()
    assert state.away
    assert (state.gaps, state.last_loss and state.last_loss.sample, state.last_loss and state.last_loss.lost) == (
        1,
        500,
        77,
    )
    source.tell("device_back", {"message": "back"})
    assert not monitor.state().away
    assert told == []  # not in the source's thread
    monitor._look()
    assert told == [("warning", "gap"), ("warning", "device_lost"), ("info", "device_back")]
    assert monitor.due() == [
        ("gap", {"file": "tone", "gaps": 1, **gap}),
        ("status", {"event": "device_lost", "message": "gone"}),
        ("status", {"event": "device_back", "message": "back"}),
    ]
    assert monitor.due() == []


def test_a_state_is_published_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("receiver.monitor.STATE", 0.0)
    [(kind, table)] = looked_at(Tone(0.1, 0.0)).due()
    assert (kind, table["event"], table["samples"], table["level_dbfs"]) == ("status", "state", 1000, -20.0)


@pytest.mark.parametrize(
    "demod", [{"use": "fsk", "baudrate": 9600}, {"use": "psk", "baudrate": 9600}], ids=lambda d: d["use"]
)
def test_a_channel_has_what_its_frames_have(demod: dict[str, Any]) -> None:
    sent = transmitter(demod)
    source = Memory(send(sent, payloads(6, 200), RATE, offset=18e3, ebn0_db=14.0), (25_000,), FREQUENCY - 2e3)
    told: list[tuple[str, dict[str, Any]]] = []
    monitor = Monitor(lambda level, event, fields: told.append((event, fields)))
    watched, of = monitor.watch(source), satellite(sent)
    [(_, line)] = lines(of, source.recording, Conditions())
    pipeline, frames = Pipeline(watched, [line]), []
    monitor.begin(pipeline, [(line, Context("", of, sent, carrier=line.chain.output.frequency))])
    pipeline.run(lambda i, frame: (frames.append(frame), monitor.frame(i)))
    monitor.close()
    state = monitor.state()
    [channel] = state.channels
    assert channel.frames == len(frames) == 6
    assert channel.signal
    assert channel.place == pytest.approx(2e3)
    assert channel.offset_hz == pytest.approx(16e3, abs=30)
    best = max(frame.snr_db for frame in frames)
    assert channel.snr_db == pytest.approx(best, abs=2.5)
    assert channel.last_frame is not None
    assert channel.last_frame < 30
    assert [event for event, _ in told] == ["signal_seen", "end"]
    assert told[-1][1]["channels"][0]["frames"] == 6
    table = state.table()["channels"][0]
    assert (table["satellite"], table["transmitter"], table["signal"]) == ("Test", "test", True)


def test_a_signal_that_goes_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    line = SimpleNamespace(chain=SimpleNamespace(stages=[], tap=None), opened=None, visible=None)
    told: list[str] = []
    monitor = Monitor(lambda level, event, fields: told.append(event))
    context = Context("", satellite(transmitter({"use": "fsk", "baudrate": 9600})), transmitter({}))
    monkeypatch.setattr("receiver.monitor.TURN", 60.0)
    monitor.begin(PIPELINE, [(line, context)])  # type: ignore[list-item]
    noise = np.random.default_rng(1).standard_normal(BLOCK).astype(np.float32)
    offsets = np.full(BLOCK, 250.0, np.float32)
    clock = Clock(RATE)

    def symbols(soft: np.ndarray) -> None:
        # in pieces that do not go into the blocks
        for part in np.split(np.arange(BLOCK), [100, 101]):
            line.chain.tap(Chunk(soft[part].astype(np.float32), 9600.0, 0.0, clock, offsets=offsets[part]))
        monitor._look()

    symbols(noise)
    assert not monitor.state().channels[0].signal
    symbols(1 + 0.1 * noise)  # a bare carrier
    assert not monitor.state().channels[0].signal
    symbols(np.sign(np.roll(noise, 1)) + 0.2 * noise)
    channel = monitor.state().channels[0]
    assert channel.signal
    assert channel.snr_db == pytest.approx(10 * math.log10(1 / (2 * 0.2**2)), abs=1)
    assert channel.offset_hz == pytest.approx(250.0)
    monkeypatch.setattr("receiver.monitor.NOW", 0.0)
    assert monitor.state().channels[0].snr_db is None
    monkeypatch.setattr("receiver.monitor.GONE", 0.0)
    symbols(noise)
    assert told == ["signal_seen", "signal_lost"]
    monitor.close()


@pytest.mark.parametrize("waits", [False, True])
def test_orbits_give_shift_elevation_and_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, waits: bool) -> None:
    """Of chains that run always, and of those that wait for their satellite."""
    (tmp_path / "a.tle").write_text(TLE)
    orbit, station = load_orbit(tmp_path / "a.tle"), parse_station("56.31,38.13,200")
    now = 1_573_633_164 * 10**9  # at the top of a pass
    monkeypatch.setattr("receiver.monitor.time.time_ns", lambda: now)
    monkeypatch.setattr("receiver.monitor.TURN", 60.0)
    sent = transmitter({"use": "fsk", "baudrate": 9600})
    of = satellite(sent)
    monitor = Monitor(sights=None if waits else {of.norad: (orbit, station)})
    stream = SimpleNamespace(frequency=FREQUENCY - 10e3)
    sky = Visibility(of.name, orbit, station) if waits else None
    context = Context("", of, sent, carrier=FREQUENCY)
    made = [(SimpleNamespace(chain=SimpleNamespace(stages=[], tap=None), opened=stream, visible=sky), context)]
    if waits:  # another one, that is down
        below = SimpleNamespace(chain=SimpleNamespace(stages=[], tap=None), opened=stream, visible=sky)
        made.append((below, Context("", replace(of, norad=1, name="Below"), sent, carrier=FREQUENCY)))
    monitor.begin(SimpleNamespace(fill=0.0, failures=lambda i: {}, runs=lambda i: i == 0), made)  # type: ignore[arg-type]
    monitor._look()
    state = monitor.state()
    [channel], [one, *others] = state.channels, state.passes
    monitor.close()
    assert [other.satellite for other in others] == ["Below"] * waits
    assert channel.elevation == pytest.approx(float(orbit.look(station, np.array([now])).elevation[0]))
    assert channel.doppler_hz == pytest.approx(float(orbit.doppler(FREQUENCY, station, np.array([now]))[0]))
    assert channel.place == pytest.approx(10e3 + (channel.doppler_hz or 0.0))
    assert (one.satellite, one.rise_ns, round(one.elevation)) == ("Test", now, 66)


def test_the_next_pass_is_that_of_the_almanac(tmp_path: Path) -> None:
    (tmp_path / "a.tle").write_text(TLE)
    orbit, station = load_orbit(tmp_path / "a.tle"), parse_station("56.31,38.13,200")
    begin = 1_573_603_200_000_000_000  # 2019-11-13
    first, second, *_ = find_passes(orbit, station, begin, 12.0, 0.0)
    found = next_pass(orbit, station, begin)
    assert found is not None
    assert first.rise is not None
    assert first.set is not None
    assert first.culmination is not None
    assert found.rise_ns == pytest.approx(first.rise.utc_ns, abs=3e9)
    assert found.set_ns == pytest.approx(first.set.utc_ns, abs=3e9)
    assert found.elevation == pytest.approx(first.culmination.elevation, abs=0.5)
    middle = next_pass(orbit, station, first.culmination.utc_ns)
    assert middle is not None
    assert middle.rise_ns == first.culmination.utc_ns
    after = next_pass(orbit, station, first.set.utc_ns + 60 * 10**9)
    assert after is not None
    assert second.rise is not None
    assert after.rise_ns == pytest.approx(second.rise.utc_ns, abs=3e9)
