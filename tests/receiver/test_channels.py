"""Many chains on one wide stream, and chains that run only while their satellite is up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from receiver import pipeline, visibility
from receiver.channel.bank import Bank
from receiver.elements import Elements
from receiver.errors import FlowgraphError, OrbitError
from receiver.orbit import Orbit, Station
from receiver.pipeline import Pipeline
from receiver.reception import Conditions, lines, visible_lines
from receiver.satellite import Transmitter
from receiver.source import Recording
from receiver.source.live import LiveClock
from receiver.stage import Chunk, Clock, Frame, Stream
from receiver.synth import Signal
from receiver.visibility import BLOCK_NS, Visibility, block_of, start_of
from tests.loopback import FREQUENCY, G3RUH, START, Memory, payloads, satellite, send

RATE = 1e6
PLACES = (-391e3, -77e3, 31.5e3, 402e3)
KINDS = ("fsk", "psk", "fsk", "fsk")
FRAMES = 12
"""Of each: a frame's own level scatters by 1 dB."""


def sender(number: int) -> Transmitter:
    demod = {"use": KINDS[number], "baudrate": 9600}
    framing = G3RUH if KINDS[number] == "fsk" else {"use": "ax25"}
    return Transmitter(f"channel {number}", FREQUENCY + PLACES[number], demod, framing)


def mixture() -> tuple[Signal, list[Signal]]:
    """Four satellites at once, each with some frames, one after the other."""
    each = [
        send(sender(i), payloads(FRAMES, seed=i), RATE, seed=i, burst=1, centre=FREQUENCY, offset=700.0 - 400 * i)
        for i in range(len(PLACES))
    ]
    samples = np.zeros(max(len(one.samples) for one in each), np.complex128)
    for one in each:
        samples[: len(one.samples)] += one.samples / 4
    return replace(each[0], samples=samples, captures=[]), each


@pytest.fixture(scope="module")
def mixed() -> tuple[Signal, list[Signal]]:
    return mixture()


def received(signal: Signal, sizes: Sequence[int] = (65536,)) -> list[tuple[int, Frame]]:
    source = Memory(signal, sizes)
    made = lines(satellite(*(sender(i) for i in range(len(PLACES)))), source.recording, Conditions())
    out: list[tuple[int, Frame]] = []
    Pipeline(source, [line for _, line in made]).run(lambda line, frame: out.append((line, frame)))
    return out


def test_frames_of_four_satellites_as_each_by_itself(
    mixed: tuple[Signal, list[Signal]], monkeypatch: pytest.MonkeyPatch
) -> None:
    signal, each = mixed
    used: list[int] = []

    def watched(bank: Bank, frequency: float, branch=Bank.branch) -> int:  # type: ignore[no-untyped-def]
        used.append(branch(bank, frequency))
        return used[-1]

    monkeypatch.setattr(Bank, "branch", watched)
    found = received(signal)
    assert len(set(used)) == 4
    monkeypatch.setattr(pipeline, "size_for", lambda rate, bands: None)
    direct = received(signal)
    symbol = RATE / 9600
    # two may end at once
    found, direct = (sorted(some, key=lambda one: (one[0], one[1].position)) for some in (found, direct))
    assert [(line, frame.payload) for line, frame in found] == [(line, frame.payload) for line, frame in direct]
    for (_, one), (_, other) in zip(found, direct, strict=True):
        assert one.position == pytest.approx(other.position, abs=0.02 * symbol)
        assert one.length == pytest.approx(other.length, abs=0.05 * symbol)
        assert one.offset == pytest.approx(other.offset, abs=20.0)
    for kind, tolerance in (("psk", 0.1), ("fsk", 0.6)):
        levels = [[frame.snr_db or 0.0 for line, frame in some if KINDS[line] == kind] for some in (found, direct)]
        assert np.mean(levels[0]) == pytest.approx(np.mean(levels[1]), abs=tolerance)
    for number, alone in enumerate(each):
        frames = [frame for line, frame in found if line == number]
        assert [frame.payload for frame in frames] == [true.payload for true in alone.truth]
        for frame, true in zip(frames, alone.truth, strict=True):
            assert frame.position == pytest.approx(true.position, abs=0.1 * symbol)
            assert frame.offset == pytest.approx(700.0 - 400 * number, abs=100.0)


def test_the_doppler_shift_is_taken_off_behind_the_bank(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a satellite overhead: each frame is where, and its carrier what, the curve says."""
    orbit, at = Orbit(LOW), np.arange(0, 86_400, 20) * 10**9 + START
    site = Station(30.0, 40.0)
    start_ns = int(at[np.argmax(orbit.look(site, at).elevation)])
    sent = sender(0)

    def curve(seconds: NDArray[np.float64]) -> NDArray[np.float64]:
        return orbit.doppler(sent.frequency, site, start_ns + np.rint(seconds * 1e9).astype(np.int64))

    signal = send(sent, payloads(5), RATE, burst=1, centre=FREQUENCY, doppler=curve, start_ns=start_ns, pause=0.3)
    assert abs(signal.truth[0].doppler - signal.truth[-1].doppler) > 50
    rates: list[float] = []
    monkeypatch.setattr(Bank, "stream", lambda bank, branch, stream=Bank.stream: _noted(stream(bank, branch), rates))
    source = Memory(signal)
    # others, on which nothing is sent
    others = [replace(sent, name=f"other {i}", frequency=FREQUENCY + 90e3 * i) for i in range(4)]
    made = lines(satellite(sent, *others), source.recording, Conditions(orbit, site))
    frames: list[Frame] = []
    Pipeline(source, [line for _, line in made]).run(lambda _, frame: frames.append(frame))
    assert rates == [RATE / 4] * 5
    assert [frame.payload for frame in frames] == [true.payload for true in signal.truth]
    for frame, true in zip(frames, signal.truth, strict=True):
        assert frame.position == pytest.approx(true.position, abs=0.1 * RATE / 9600)
        assert frame.offset == pytest.approx(0.0, abs=100.0)


def _noted(stream: Stream, rates: list[float]) -> Stream:
    rates.append(stream.rate)
    return stream


def test_any_cut_gives_the_same_frames(mixed: tuple[Signal, list[Signal]]) -> None:
    signal, _ = mixed
    rng = np.random.default_rng(5)
    whole = received(signal)
    assert len(whole) == FRAMES * len(PLACES)
    for sizes in ([len(signal.samples)], rng.integers(1, 60_000, 7).tolist()):
        assert received(signal, sizes) == whole


def test_a_gap_begins_anew_in_every_branch(mixed: tuple[Signal, list[Signal]]) -> None:
    """Lost are the frames that it touches, and those behind it have their time."""
    signal, each = mixed
    at = round(each[0].truth[1].position + each[0].truth[1].length / 2)
    lost = 3000
    cut = replace(
        signal,
        samples=np.concatenate([signal.samples[:at], signal.samples[at + lost :]]),
        captures=[(0, 0), (at, at + lost)],
    )
    found = received(cut)
    for number, alone in enumerate(each):
        got = {frame.payload: frame for line, frame in found if line == number}
        for true in alone.truth:
            start, end = true.position, true.position + true.length
            if end < at - 200 or start > at + lost + 5000:
                frame = got[true.payload]
                assert frame.continuity
                assert frame.clock.time_ns(frame.position) == pytest.approx(true.time_ns, abs=0.1e9 / 9600)
    assert each[0].truth[1].payload not in {frame.payload for _, frame in found}


# -- rising and setting -----------------------------------------------------------------------------------------------

STILL = Elements("STILL", 99999, START, 0.0, 0.0, 0.0, 0.0, 0.0, 1.00273791, 0.0, "still.tle")
LOW = replace(STILL, name="LOW", norad=99998, inclination=51.6, motion=15.5)


class Sky(Visibility):
    """Up in the blocks that are told."""

    def __init__(self, name: str, *blocks: int) -> None:
        super().__init__(name, Orbit(STILL), Station(0, 0))
        self.blocks = blocks

    def up(self, block: int) -> bool:
        return block in self.blocks


def test_chains_run_while_their_satellite_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each frame that is sent meanwhile comes, in order, and no other, on the bank and off it."""
    monkeypatch.setattr(visibility, "BLOCK_NS", 10**9)
    rate, seconds, first = 480e3, 4, START // 10**9
    sent = [Transmitter(f"t{i}", FREQUENCY + 90e3 * (i - 1), {"use": "fsk", "baudrate": 9600}, G3RUH) for i in range(4)]
    rng = np.random.default_rng(1)
    samples = 1e-3 * rng.standard_normal(2 * round(rate * seconds)).view(np.complex128)
    truth: list[tuple[float, int, bytes]] = []
    for i, one in enumerate(sent):
        for second in range(seconds):
            frame = payloads(1, seed=10 * i + second)
            signal = send(one, frame, rate, centre=FREQUENCY, ebn0_db=None, seed=i)
            at = round((second + 0.4) * rate)
            samples[at : at + len(signal.samples)] += signal.samples / 4
            truth.append((at + signal.truth[0].position + signal.truth[0].length, i, frame[0]))
    whole = replace(signal, samples=samples, captures=[], start_ns=first * 10**9)
    skies = [None, Sky("B", first + 1, first + 2), Sky("C", first, first + 3), Sky("D", first + 1)]
    expected = [
        (i, payload)
        for end, i, payload in sorted(truth)
        if (sky := skies[i]) is None or first + int(end / rate) in sky.blocks
    ]
    assert len(expected) == 9
    sizes_used: list[int] = []
    monkeypatch.setattr(pipeline, "Bank", lambda stream, size: sizes_used.append(size) or Bank(stream, size))
    for sizes in ((65536,), (1_000_003,), (4801,)):
        source = Memory(whole, sizes)
        made = lines(satellite(*sent), source.recording, Conditions(offset=0.0))
        used = [replace(line, visible=sky) for (_, line), sky in zip(made, skies, strict=True)]
        out: list[tuple[int, Frame]] = []
        said: list[str] = []
        Pipeline(source, used, say=said.append).run(lambda *given: out.append(given))  # noqa: B023
        assert [(line, frame.payload) for line, frame in out] == expected
        assert [text.split(": ")[1] for text in said] == [
            "C is up", "B is up", "D is up", "C has set", "D has set", "C is up", "B has set",
        ]  # fmt: skip
        assert sizes_used == [8]
        sizes_used.clear()


def test_time_goes_on_while_nothing_is_up() -> None:
    rate = 48e3
    signal = Signal(np.zeros(48_000, np.complex128), rate, [], [], START, FREQUENCY)
    source = Memory(signal, (4800,))
    (made,) = lines(satellite(replace(sender(0), frequency=FREQUENCY)), source.recording, Conditions())
    seen: list[float] = []
    statistics = Pipeline(source, [replace(made[1], visible=Sky("A"))]).run(lambda *_: None, seen.append)
    assert statistics.failures == {}  # no word of those that were never up
    assert seen == pytest.approx(np.arange(1, 11) / 10)


def test_blocks_are_ten_seconds_of_utc() -> None:
    clock = Clock(48_000.0, 100.0, 1_700_000_003_000_000_001)
    block = block_of(100.0, clock)
    assert block == 170_000_000
    edge = start_of(block + 1, clock)
    assert edge == 100 + 7 * 48_000
    assert block_of(edge, clock) == block + 1
    assert block_of(edge - 1, clock) == block


def test_blocks_follow_a_crystal_that_is_off() -> None:
    for late in (-5_000_000, 5_000_000):
        clock = LiveClock(250e3, 0.0, 1_700_000_003_000_000_000)
        clock.course.add(1e6, late)
        clock.course.add(9e6, 2 * late)
        parts = list(pipeline._blocks(Chunk(np.zeros(5_000_000, np.complex64), 250e3, 0.0, clock)))
        assert [block for _, block in parts] == [170_000_000, 170_000_001, 170_000_002]
        for part, block in parts[1:]:
            assert clock.time_ns(part.position) == pytest.approx(block * BLOCK_NS, abs=4000)


def test_visible_is_what_is_above_the_horizon_at_an_end_of_a_block() -> None:
    visible = Visibility("LOW", Orbit(LOW), Station(10.0, 20.0))
    first = START // BLOCK_NS
    blocks = np.arange(first, first + 8640)
    up = np.array([visible.up(int(block)) for block in blocks])
    edges = np.arange(first, first + 8641) * BLOCK_NS
    above = visible.orbit.look(visible.station, edges).elevation > 0
    np.testing.assert_array_equal(up, above[1:] | above[:-1])
    assert 100 < up.sum() < 1000
    assert visible.ever(first, first + 8639)
    low = first + int(np.flatnonzero(~up)[0])
    assert not visible.ever(low, low)
    decayed = Visibility("GONE", Orbit(replace(LOW, drag=1.0)), Station(10.0, 20.0))
    assert not decayed.up(first + 8640 * 30)
    assert not decayed.known(first + 8640 * 30)


OMM = """[{{"OBJECT_NAME": "{name}", "NORAD_CAT_ID": {number}, "EPOCH": "2023-11-14T22:13:20", "MEAN_MOTION": {motion},
"ECCENTRICITY": 0.0, "INCLINATION": 0.0, "RA_OF_ASC_NODE": {node}, "ARG_OF_PERICENTER": 0.0, "MEAN_ANOMALY": 0.0,
"BSTAR": 0.0}}]"""


def orbit_file(path: Path, *objects: tuple[str, int, float]) -> Path:
    """Satellites that stand still, by their right ascension."""
    each = [OMM.format(name=name, number=number, motion=1.00273791, node=node)[1:-1] for name, number, node in objects]
    path.write_text(f"[{','.join(each)}]")
    return path


def overhead() -> tuple[Station, float]:
    """A station, and the right ascension of what is above it."""
    nodes = np.arange(0.0, 360.0, 5.0)
    station = Station(0.0, 10.0)
    at = np.array([START], np.int64)
    best = max(
        nodes,
        key=lambda node: float(Orbit(replace(STILL, epoch_ns=START, node=float(node))).look(station, at).elevation[0]),
    )
    return station, float(best)


def test_all_visible_are_those_up_and_in_the_band_with_a_definition(tmp_path: Path) -> None:
    station, node = overhead()
    for number, frequency in ((99991, FREQUENCY + 60e3), (99992, FREQUENCY - 50e3), (99993, FREQUENCY + 5e6)):
        (tmp_path / f"{number}.toml").write_text(
            f'name = "S{number}"\nnorad = {number}\n[[transmitter]]\nname = "t"\nfrequency = {frequency}\n'
            'demod = { use = "fsk", baudrate = 9600 }\nframing = { use = "ax25", scrambler = "g3ruh" }\n'
        )
    elements = orbit_file(
        tmp_path / "orbits.json",
        ("UP", 99991, node), ("DOWN", 99992, node + 180), ("ELSEWHERE", 99993, node), ("UNKNOWN", 99994, node),
    )  # fmt: skip
    recording = Recording("x", "iq", 250e3, Clock(250e3, 0.0, START), FREQUENCY, samples=250_000)
    said: list[str] = []

    def chosen(recording: Recording) -> list[str]:
        said.clear()
        return [s.name for s, _, _ in visible_lines(elements, [tmp_path], recording, station, remark=said.append)]

    assert chosen(recording) == ["S99991"]
    assert "of 4 objects 3 have a definition; received while up, on 1 channel: S99991" in said[0]
    # of what has no end yet, all that may rise are kept
    assert chosen(replace(recording, samples=None)) == ["S99991", "S99992"]
    with pytest.raises(FlowgraphError, match=r"none of these is up .* within 436\.2250 to 436\.4750 MHz"):
        chosen(replace(recording, frequency=436.35e6))
    with pytest.raises(FlowgraphError, match="unknown frequency; give --frequency"):
        chosen(replace(recording, frequency=None))
    with pytest.raises(FlowgraphError, match="it is audio"):
        chosen(replace(recording, kind="real"))
    with pytest.raises(OrbitError, match="no start time, which the orbits need; give --start"):
        chosen(replace(recording, clock=Clock(250e3)))
