"""The mixing stage against the exact curve, and what it tells the stage behind it."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from receiver.channel.doppler import Doppler
from receiver.elements import Elements
from receiver.errors import FlowgraphError, OrbitError
from receiver.flowgraph import build
from receiver.orbit import LIGHT, Orbit, Station, load_orbit
from receiver.source.live import LiveClock
from receiver.stage import Chunk, Clock, Stream

RECORDINGS = Path(os.environ.get("RADOME_RECORDINGS", Path(__file__).parents[4] / "shared" / "recordings"))
F = 437e6


def ns(text: str) -> int:
    return int(np.datetime64(text, "ns").astype(np.int64))


START = ns("2024-01-01T12:00:00")
LOW = Orbit(
    Elements("LOW", 99999, START - 43_200 * 10**9, 51.6, 208.9, 0.0006, 130.5, 325.0, 15.49815345, 1e-4, "low.tle")
)
"""400 km high, like the ISS."""


def under(orbit: Orbit, utc_ns: int) -> Station:
    """Station that has the satellite overhead at a time."""
    best = Station(0, 0)
    for step in (10.0, 2.0, 0.3, 0.04):
        places = [
            Station(max(-90, min(90, best.latitude + a * step)), (best.longitude + b * step + 180) % 360 - 180)
            for a in range(-9, 10)
            for b in (range(-18, 19) if step == 10.0 else range(-9, 10))
        ]
        best = min(places, key=lambda place: float(orbit.delay(place, np.array([utc_ns]))[0]))
    return best


OVERHEAD = START + 450 * 10**9
SITE = under(LOW, OVERHEAD)


def mixed(stage: Doppler, stream: Stream, x: NDArray[np.complex64], cuts: list[int], at: float = 0.0) -> list[Chunk]:
    """Output chunks for an input cut at some items; `at` is the first item's position."""
    stage.open(stream)
    step = stream.clock.rate / stream.rate
    made = []
    for start, end in pairwise([0, *sorted(cuts), len(x)]):
        made += stage.process(Chunk(x[start:end], stream.rate, at + start * step, stream.clock))
    return [*made, *stage.close()]


def items(chunks: list[Chunk]) -> NDArray[np.complex64]:
    return np.concatenate([chunk.items for chunk in chunks])


@pytest.mark.parametrize("ppm", [0.0, 12.5])
def test_error_over_a_pass(ppm: float) -> None:
    """15 minutes at 437 MHz with the satellite overhead: under 0.01 Hz and 0.01 cycle against the exact curve.

    The curve is computed every 10 ms; a tone of amplitude 1 shows the stage's phase. At 2.5 kHz the shift turns over
    several times, which is no matter to the phase.
    """
    assert LOW.look(SITE, np.array([OVERHEAD])).elevation[0] > 89
    rate, seconds = 2500.0, 900
    clock = Clock(rate, 0.0, START)
    stage = Doppler(frequency=F, orbit=LOW, site=SITE, ppm=ppm)
    n = int(rate * seconds)
    y = items(mixed(stage, Stream("iq", rate, clock, F - 1234.5), np.ones(n, np.complex64), [n // 3]))
    at = np.arange(0, n, 25)
    nominal = at / rate
    times = START + np.rint(nominal / (1 + ppm * 1e-6) * 1e9).astype(np.int64)
    delay = LOW.delay(SITE, times)
    # LO and samples are fast alike: the carrier's own cycles, less those of the crystal's nominal time
    exact = (F / (1 + ppm * 1e-6) - F + 1234.5) * nominal - F * (delay - delay[0])
    error = (np.angle(y[at]) / (2 * np.pi) + exact + 0.5) % 1.0 - 0.5
    assert np.abs(error).max() < 0.01
    assert np.abs(np.diff(error)).max() < 0.5
    assert np.abs(np.diff(error) / 0.01).max() < 0.01
    # what was achieved
    assert np.abs(error).max() < 5e-4
    shift = LOW.doppler(F, SITE, times)
    assert shift.max() > 9000
    assert shift.min() < -9000
    # the curve itself, integrated from the frequency
    cycles = (shift[:-2:2] + 4 * shift[1:-1:2] + shift[2::2]).cumsum() * 0.01 / 3 / (1 + ppm * 1e-6)
    assert cycles == pytest.approx(-F * (delay[2::2] - delay[0]), rel=0, abs=0.01)


def test_predicted() -> None:
    stage = Doppler(frequency=F, orbit=LOW, site=SITE)
    clock = Clock(48000.0, 1000.0, START)
    stage.open(Stream("iq", 48000.0, clock, F))
    at = 1000.0 + 48000 * 450.0
    assert abs(stage.predicted(at, clock) or 1e9) < 150
    later = (stage.predicted(at + 48000, clock) or 0) - (stage.predicted(at, clock) or 0)
    # v^2 / h, less the part of the Earth that turns along
    assert -250 < later < -150
    assert later == pytest.approx(float(np.diff(LOW.doppler(F, SITE, OVERHEAD + np.array([0, 10**9])))[0]), abs=1e-3)
    assert Doppler(frequency=F).predicted(0.0, clock) is None


def test_a_crystal_that_is_watched_puts_the_curve_right() -> None:
    """After a day of live reception the line of samples may be seconds off."""
    late = 3_000_000_000
    watched = LiveClock(250e3, 0.0, OVERHEAD - late)
    watched.course.add(0.0, late)
    x = np.ones(200_000, np.complex64)
    made = []
    for clock, ppm in ((Clock(250e3, 0.0, OVERHEAD), 0.0), (watched, 20.0)):
        stage = Doppler(frequency=F, orbit=LOW, site=SITE, ppm=ppm)
        stage.open(Stream("iq", 250e3, clock, F))
        (chunk,) = stage.process(Chunk(x, 250e3, 0.0, clock))
        y = chunk.items.astype(np.complex128)
        turns = (y[1000:] * y[:-1000].conj())[::1000] * np.exp(2j * np.pi * stage._shift / 250)
        made.append(np.angle(turns) * 250 / (2 * np.pi))
        assert stage.predicted(100.0, clock) == pytest.approx(-63.5, abs=0.1)
    assert np.ptp(made[0]) > 30
    np.testing.assert_allclose(made[1], made[0], atol=0.1)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(cuts=st.lists(st.integers(0, 3000), max_size=9), at=st.sampled_from([0.0, 777.25]))
def test_any_cuts_give_the_same_bits(cuts: list[int], at: float) -> None:
    rng = np.random.default_rng(5)
    x = rng.standard_normal((3000, 2)).astype(np.float32).view(np.complex64)[:, 0].copy()
    x.flags.writeable = False
    clock = Clock(96000.0, 0.0, OVERHEAD)
    stream = Stream("iq", 9600.0, clock, F - 20e3)
    stage = Doppler(frequency=F, orbit=LOW, site=SITE)
    whole = mixed(stage, stream, x, [], at)
    pieces = mixed(stage, stream, x, cuts, at)
    assert items(pieces).tobytes() == items(whole).tobytes()
    position = at
    for chunk in pieces:
        assert (chunk.position, chunk.rate, chunk.clock) == (position, 9600.0, clock)
        position += len(chunk) * 10.0
    assert items(mixed(stage, stream, x[:300], list(range(300)), at)).tobytes() == items(whole)[:300].tobytes()


def test_what_the_next_stage_is_told() -> None:
    clock = Clock(48000.0, 0.0, START)
    stream = Stream("iq", 48000.0, clock, F - 10e3)

    def told(**fields: object) -> tuple[float | None, float | None, float | None]:
        out = Doppler(**fields).open(stream)  # type: ignore[arg-type]
        assert (out.kind, out.rate, out.clock) == ("iq", 48000.0, clock)
        return out.frequency, out.target, out.span

    assert told(frequency=F, orbit=LOW, site=SITE) == (F, 0.0, pytest.approx(4000 + 10e-6 * F))
    assert told(frequency=F) == (F, 0.0, pytest.approx(4000 + 35e-6 * F))
    assert told(frequency=F, offset=150.0) == (F + 150.0, 0.0, 2500.0)
    assert told(offset=150.0) == (None, 0.0, 2500.0)
    assert told() == (F - 10e3, None, None)
    unknown = replace(stream, frequency=None)
    assert Doppler(frequency=F, orbit=LOW, site=SITE).open(unknown) == unknown


def test_where_it_looks() -> None:
    """At the transmitter's frequency, as far off as oscillators and the satellite's speed take it."""

    def looks(stage: Doppler, frequency: float | None = F + 10e3) -> tuple[float, float] | None:
        stage.open(Stream("iq", 1e6, Clock(1e6, 0.0, START), frequency))
        return stage.looks

    drift = 4000 + 10e-6 * F
    assert looks(Doppler(F)) == pytest.approx((F, drift + 25e-6 * F))
    assert looks(Doppler(F, orbit=LOW, site=SITE)) == pytest.approx((F, drift + 25e-6 * F))
    assert looks(Doppler(F, offset=3e3)) == pytest.approx((F + 3e3, 2500))
    assert looks(Doppler(F, offset=3e3, orbit=LOW, site=SITE)) == pytest.approx((F + 3e3, 2500 + 25e-6 * F))
    assert looks(Doppler(F, ppm=10.0)) == pytest.approx((F * (1 - 10e-6), drift + 25e-6 * F))
    assert looks(Doppler(F), None) is None
    assert looks(Doppler(), F) is None
    assert looks(Doppler(F), F + 600e3) is None


def test_elements_that_do_not_fit_are_trusted_less() -> None:
    stream = Stream("iq", 48000.0, Clock(48000.0, 0.0, START + 30 * 86_400 * 10**9), F)
    stage = Doppler(frequency=F, orbit=LOW, site=SITE)
    assert stage.open(stream).span == pytest.approx(4000 + 35e-6 * F)
    (remark,) = stage.remarks
    assert "the elements of LOW (99999) are of 2024-01-01T00:00:00Z, 30 days before" in remark
    stage.orbit = replace(LOW, remarks=("a neighbour's",))
    assert stage.open(replace(stream, clock=Clock(48000.0, 0.0, START))).span == pytest.approx(4000 + 35e-6 * F)
    assert stage.remarks == ["a neighbour's"]
    stage = Doppler(frequency=F)
    stage.open(replace(stream, frequency=F + 30e3))
    assert stage.remarks == ["437.0000 MHz are outside the recording's 437.0060 to 437.0540"]


def test_what_cannot_be_in_the_stream_gives_nothing() -> None:
    stream = Stream("iq", 48000.0, Clock(48000.0, 0.0, START), F)
    chunk = Chunk(np.ones(300, np.complex64), 48000.0, 0.0, stream.clock)
    reach = 24e3 + 4000 + 35e-6 * F
    for side in (-1, 1):
        for stage in (Doppler(F), Doppler(F, orbit=LOW, site=SITE)):
            for away, heard in ((reach - 1, True), (reach + 1, False)):
                there = replace(stream, frequency=F + side * away)
                assert stage.hears(there) is heard
                stage.open(there)
                assert bool(stage.process(chunk)) is heard
                assert (stage.looks, bool(stage.remarks)) == (None, heard)
        stage = Doppler(F, offset=side * 100e3)
        assert stage.hears(replace(stream, frequency=F + side * 100e3))
        assert not stage.hears(replace(stream, frequency=F - side * 100e3))
    with pytest.raises(FlowgraphError, match="an offset of 30000 Hz is out of the recording, which is 48000 Hz wide"):
        Doppler(offset=30e3).open(stream)


def test_without_an_orbit_it_shifts() -> None:
    rate, ppm = 48000.0, 20.0
    stream = Stream("iq", rate, Clock(rate), 145.8e6)
    n = 5000
    # the recording's own scale: what is received at f is seen at f / (1 + e) - f_c
    seen = 145.81e6 / (1 + ppm * 1e-6) - 145.8e6 + 321.0
    x = np.exp(2j * np.pi * seen / rate * np.arange(n)).astype(np.complex64)
    stage = Doppler(frequency=145.81e6, ppm=ppm, offset=321.0)
    assert np.abs(items(mixed(stage, stream, x, [7, 7, 2000])) - 1).max() < 1e-6
    x = np.exp(2j * np.pi * -3000 / rate * np.arange(n)).astype(np.complex64)
    assert np.abs(items(mixed(Doppler(offset=-3000.0), replace(stream, frequency=None), x, [])) - 1).max() < 1e-6


def test_passes_through_what_it_does_not_know() -> None:
    stream = Stream("iq", 48000.0, Clock(48000.0), None)
    stage = Doppler(frequency=F)
    assert stage.open(stream) == stream
    chunk = Chunk(np.ones(3, np.complex64), 48000.0, 0.0, stream.clock)
    assert stage.process(chunk) == [chunk]
    assert stage.predicted(0.0, stream.clock) is None


def test_what_must_be_mended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    stream = Stream("iq", 48000.0, Clock(48000.0), F)
    with pytest.raises(OrbitError, match="the recording has no start time; give --start"):
        Doppler(frequency=F, orbit=LOW, site=SITE).open(stream)
    stream = replace(stream, clock=Clock(48000.0, 0.0, START))
    with pytest.raises(OrbitError, match="needs the station"):
        Doppler(frequency=F, orbit=LOW).open(stream)
    with pytest.raises(OrbitError, match="cannot be read"):
        Doppler(frequency=F, elements=str(tmp_path / "none.tle")).open(stream)
    with pytest.raises(OrbitError, match="latitude is 99"):
        Doppler(frequency=F, orbit=LOW, station="99,0").open(stream)
    for fields in ({"frequency": -1.0}, {"ppm": 1e6}, {"offset": float("nan")}):
        with pytest.raises(ValueError, match="is"):
            Doppler(**fields)


def test_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "suomi.tle"
    path.write_text(
        "1 43804U 18099AY  19312.63974356 -.00000043  00000-0  13601-5 0  9999\n"
        "2 43804  97.7300  22.7185 0014609 207.1414 152.9045 14.95350049 50798\n"
    )
    table = {"use": "channel.doppler", "frequency": 437.775e6, "elements": str(path), "station": "56.31,38.13,200"}
    stage = build(table, "test")
    assert isinstance(stage, Doppler)
    clock = Clock(48000.0, 0.0, ns("2019-11-13T08:19:58.849"))
    stage.open(Stream("iq", 48000.0, clock, 437.775e6))
    assert stage.remarks == []
    expected = load_orbit(path).doppler(437.775e6, Station(56.31, 38.13, 200.0), np.array([clock.utc_ns]))[0]
    assert stage.predicted(0.0, clock) == pytest.approx(expected)
    assert -4000 < expected < -3800
    assert load_orbit(path).range_rate(Station(56.31, 38.13, 200.0), np.array([clock.utc_ns]))[0] == pytest.approx(
        -expected / 437.775e6 * LIGHT
    )
    with pytest.raises(ValueError, match="has no parameter 'orbit'"):
        build({**table, "orbit": {}}, "test")


@pytest.mark.recordings
@pytest.mark.parametrize(
    ("name", "frequency"),
    [
        ("suomi", 437.775e6),
        ("delphini1", 437.5e6),
        ("strand1", 437.568e6),
        ("swampsat2", 436.35e6),
        ("delfic3", 145.867e6),
    ],
)
def test_real_signals_come_near_zero(name: str, frequency: float) -> None:
    """The strongest 50 ms of a recording: their middle within the span that the stage promises."""
    folder = RECORDINGS / "iq"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there; RADOME_RECORDINGS names the folder of the recordings")
    meta = json.loads((folder / f"{name}.sigmf-meta").read_text())
    data = np.fromfile(folder / f"{name}.sigmf-data", np.uint8)
    x = ((data.astype(np.float32) - 127.5) / 128).view(np.complex64)
    rate, capture = float(meta["global"]["core:sample_rate"]), meta["captures"][0]
    longitude, latitude, *altitude = meta["global"]["core:geolocation"]["coordinates"]
    stream = Stream("iq", rate, Clock(rate, 0.0, ns(capture["core:datetime"].rstrip("Z"))), capture["core:frequency"])
    stage = Doppler(frequency=frequency, orbit=load_orbit(folder / f"{name}.tle"))
    stage.site = Station(latitude, longitude, *altitude)
    span = stage.open(stream).span
    y = items(list(stage.process(Chunk(x, rate, 0.0, stream.clock))))
    size = round(rate * 0.05)
    spectra = np.abs(np.fft.fftshift(np.fft.fft(y[: len(y) // size * size].reshape(-1, size)), axes=1)) ** 2
    frequencies = (np.arange(size) - size // 2) / 0.05
    near = np.abs(frequencies) < 14e3
    burst = spectra[np.argsort(spectra[:, near].sum(axis=1))[-8:]][:, near].sum(axis=0)
    above = np.clip(burst - 3 * np.median(burst), 0, None)
    assert span is not None
    assert abs(np.sum(above * frequencies[near]) / np.sum(above)) < min(span, 2500)
