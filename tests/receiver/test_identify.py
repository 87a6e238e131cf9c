"""What is recognised in recordings of which nothing is known, and why there are no frames of a satellite."""

from __future__ import annotations

import json
import os
import wave
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from receiver.bands import Band, bands
from receiver.cli import main
from receiver.identify import (
    NEAR,
    Finding,
    Stretch,
    busiest,
    explore,
    framed,
    hypotheses,
    narrowed,
    place,
    recognised,
    unusual,
)
from receiver.pipeline import Pipeline
from receiver.reception import Conditions, lines
from receiver.satellite import Transmitter
from receiver.source import Recording
from receiver.stage import Chunk, Clock
from receiver.survey import Survey
from receiver.synth import Channel, Signal, Synthesiser
from receiver.synth.payloads import payloads
from receiver.synth.sigmf import write_sigmf
from receiver.why import _apart, why
from tests.loopback import FREQUENCY, Memory, satellite, send, transmitter

SENT: dict[str, tuple[dict[str, Any], dict[str, Any], str, str]] = {
    "FSK 9600": ({"use": "fsk", "baudrate": 9600, "deviation": 3000}, {"use": "usp"}, "iq", "USP"),
    "FSK 9600 of large deviation": (
        {"use": "fsk", "baudrate": 9600, "deviation": 12000},
        {"use": "ax25", "scrambler": "g3ruh"},
        "iq",
        "AX.25 G3RUH",
    ),
    "FSK 1200": ({"use": "fsk", "baudrate": 1200, "deviation": 400}, {"use": "ax100"}, "iq", "AX100 ASM+Golay"),
    "FSK 4800 audio": ({"use": "fsk", "baudrate": 4800}, {"use": "geoscan"}, "fm", "GEOSCAN"),
    "BPSK 1200": ({"use": "psk", "baudrate": 1200}, {"use": "ax25"}, "iq", "AX.25"),
    "BPSK 1200 audio": ({"use": "psk", "baudrate": 1200}, {"use": "ax25"}, "ssb", "AX.25"),
    "FSK 3333 of large deviation": (
        {"use": "fsk", "baudrate": 3333, "deviation": 3000},
        {"use": "ax25", "scrambler": "g3ruh"},
        "iq",
        "AX.25 G3RUH",
    ),
    "FSK 3333 audio": ({"use": "fsk", "baudrate": 3333}, {"use": "usp"}, "fm", "USP"),
    "BPSK 7000": ({"use": "psk", "baudrate": 7000}, {"use": "ax25"}, "iq", "AX.25"),
    "QPSK 9600": ({"use": "psk", "order": 4, "baudrate": 9600}, {"use": "ax25"}, "iq", "AX.25"),
    "QPSK 12345": (
        {"use": "psk", "order": 4, "baudrate": 12345},
        {"use": "ccsds", "frame_size": 223, "convolutional": "CCSDS"},
        "iq",
        "CCSDS Concatenated",
    ),
    "AFSK 1200 audio": (
        {"use": "afsk", "baudrate": 1200, "carrier": 1700, "deviation": 500},
        {"use": "fx25"},
        "fm",
        "FX.25",
    ),
}


def of(samples: np.ndarray, rate: float = 48000.0) -> Signal:
    return Signal(samples, rate, [], [], None, FREQUENCY)


def recognise(signal: Signal, frequency: float | None = FREQUENCY) -> list[Any]:
    def again() -> Memory:
        return Memory(signal, frequency=frequency)

    exploration = narrowed(again, explore(again))
    source = again()
    pairs = framed(source.recording, exploration)
    Pipeline(source, [line for _, line in pairs]).run(lambda *_: None)
    return recognised(trial for trial, _ in pairs)


@pytest.mark.parametrize("name", SENT)
def test_what_was_sent_is_recognised(name: str) -> None:
    demod, framing, form, called = SENT[name]
    rate = 96000.0 if form == "iq" else 48000.0
    frames = payloads(framing, 4, seed=3)
    signal = send(
        transmitter(demod, framing),
        frames,
        rate,
        ebn0_db=18.0,
        burst=2,
        form=form,
        offset=9000.0 if form == "iq" else 0.0,
    )
    (_, finding), *_ = recognise(signal)
    assert finding.hypothesis.demod["use"] == demod["use"]
    assert finding.baudrate == pytest.approx(demod["baudrate"], rel=0.002)
    assert finding.frames[called] == finding.frames.most_common(1)[0][1] == 4
    if form == "iq":
        assert finding.offset == pytest.approx(9000.0, abs=0.02 * demod["baudrate"])
    if name == "FSK 9600":
        assert finding.deviation == pytest.approx(3000.0, rel=0.05)


def test_two_signals_side_by_side() -> None:
    one = send(
        transmitter({"use": "fsk", "baudrate": 9600}), payloads({"use": "ax25"}, 6), 192e3, offset=-40e3, burst=1
    )
    other = send(
        transmitter({"use": "psk", "baudrate": 1200}, {"use": "ax25"}), payloads({"use": "ax25"}, 2), 192e3, offset=50e3
    )
    n = min(len(one.samples), len(other.samples))
    one.samples[:n] += other.samples[:n]
    found = {(f.hypothesis.modulation, round(f.offset, -3)) for _, f in recognise(one) if f.frames}
    assert found == {("FSK", -40000.0), ("BPSK", 50000.0)}


def test_a_signal_in_a_band_and_in_the_whole_around_it_is_told_once() -> None:
    way = next(way for way in hypotheses() if way.name == "FSK 9600")
    other = next(way for way in hypotheses() if way.name == "BPSK 1200")

    def trial(low: float, high: float, which: Any, score: float) -> Any:
        band = Band(low, high, 0.0, 1.0, 20.0)
        finding = Finding(band, which, score, score, which.baudrate, None, None)
        return SimpleNamespace(band=band, kind="iq", finding=lambda: finding)

    part, whole = trial(-20e3, -7e3, way, 20.0), trial(-24e3, -3e3, way, 18.0)
    far, inside = trial(20e3, 30e3, way, 12.0), trial(-5e3, -4e3, other, 10.0)
    assert [t for t, _ in recognised([whole, part, inside, far])] == [part, far, inside]


def test_frames_decide_before_what_is_common() -> None:
    rare = next(way for way in hypotheses() if way.handicap)
    usual = next(way for way in hypotheses() if not way.handicap)
    one, other = (Finding(None, way, score, score, 1200.0, None, None) for way, score in ((rare, 12.0), (usual, 7.0)))
    assert one.rank < other.rank
    one.frames["AO-40 FEC"] = other.frames["AO-40 FEC"] = 1
    assert one.rank > other.rank


def test_noise_is_nothing() -> None:
    rng = np.random.default_rng(5)
    x = (rng.standard_normal(96000) + 1j * rng.standard_normal(96000)).astype(np.complex64)
    assert recognise(of(x)) == []
    for silence in (np.zeros(48000, np.complex64), np.zeros(10, np.complex64)):
        assert recognise(of(silence)) == []


def survey(x: np.ndarray, rate: float) -> Survey:
    made = Survey(Recording("a", "iq", rate, Clock(rate)), True)
    made.add(Chunk(x, rate, 0.0, Clock(rate)))
    return made


def test_bands_are_where_and_when_they_are() -> None:
    rng = np.random.default_rng(6)
    rate, n = 200e3, 800_000
    x = (rng.standard_normal(n) + 1j * rng.standard_normal(n)).astype(np.complex64)
    part = send(transmitter({"use": "fsk", "baudrate": 9600}), payloads({"use": "ax25"}, 9), rate, offset=30e3).samples
    x[300_000 : 300_000 + len(part)] += 0.7 / np.sqrt(np.mean(np.abs(part) ** 2)) * part
    x += 0.5  # the receiver's DC
    waterfall = survey(x, rate).waterfall
    assert waterfall is not None
    (band,) = bands(waterfall)
    assert band.middle == pytest.approx(30e3, abs=1500)
    assert 4e3 < band.width < 16e3
    assert band.start == pytest.approx(1.5, abs=0.15)
    assert band.stop == pytest.approx(1.5 + len(part) / rate, abs=0.15)


def test_ways_of_modulation_have_their_framings_and_the_common_ones() -> None:
    ways = hypotheses()
    assert len({(way.name, str(way.demod)) for way in ways}) == len(ways)
    for way in ways:
        for _, sender in way.satellites:
            assert sender.framing in way.framings
            assert abs(sender.baudrate / way.baudrate - 1) < 2 * NEAR
    assert {"use": "il2p"} in next(way for way in ways if way.name == "FSK 9600").framings


def test_at_odd_rates_framings_are_tried_that_are_sent_so_or_as_fast() -> None:
    slow, fast = (
        {way.modulation: way.framings for way in unusual([rate], hypotheses())} for rate in (12345.0, 69120.0)
    )
    of_fsk = {"use": "ccsds", "frame_size": 223, "convolutional": "CCSDS"}
    of_qpsk = next(t.framing for way in hypotheses() for _, t in way.satellites if t.baudrate == 72000)
    assert of_fsk in slow["QPSK"]
    assert of_qpsk in slow["QPSK"]
    assert of_qpsk in fast["QPSK"]
    assert {"use": "il2p"} in fast["QPSK"]
    for rare in ({"use": "tt-64"}, {"use": "fox"}):  # in FSK at 9600 and 200 Bd
        assert rare not in fast["QPSK"]
    assert {"use": "tt-64"} in fast["FSK"]
    assert {"use": "fox"} not in fast["FSK"]


def test_at_odd_rates_the_likeliest_is_tried_first(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[Any] = []

    def noted(*args: Any) -> Any:
        pairs = framed(*args)
        tried.extend(trial.hypothesis for trial, _ in pairs)
        return pairs

    monkeypatch.setattr("receiver.identify.framed", noted)
    demod, framing, *_ = SENT["BPSK 7000"]
    recognise(send(transmitter(demod, framing), payloads(framing, 4), 96000.0, ebn0_db=18.0, burst=2))
    assert [way.modulation for way in tried if way.baudrate == pytest.approx(7000, rel=0.002)] == ["BPSK"]


def test_where_the_part_was_all_only_what_was_heard_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    signal = send(transmitter({"use": "fsk", "baudrate": 9600}), payloads({"use": "ax25"}, 6), 48000.0)

    def ways() -> list[Any]:
        return [f.hypothesis for f in narrowed(lambda: Memory(signal), explore(lambda: Memory(signal))).findings]

    heard = {way.name: way.framings for way in ways()}
    # FX.25 reads plain AX.25, too, though not the frames that are given
    assert heard.pop("FSK 9600") == tuple({"use": use, "scrambler": "g3ruh"} for use in ("ax25", "fx25"))
    assert heard
    assert not any(heard.values())
    monkeypatch.setattr("receiver.identify.FIRST", 0.1)
    assert all({"use": "il2p"} in way.framings for way in ways() if way.name == "FSK 9600")


def test_a_long_recording_is_measured_where_it_is_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("receiver.identify.SECONDS", 1.0)
    monkeypatch.setattr("receiver.identify.FIRST", 1.0)
    frames = payloads({"use": "ax25"}, 6)
    signal = send(transmitter({"use": "fsk", "baudrate": 9600}), frames, 48000.0)
    rng = np.random.default_rng(1)
    level = np.sqrt(np.mean(np.abs(signal.samples) ** 2) / 50)
    quiet = [
        (level * (rng.standard_normal(n) + 1j * rng.standard_normal(n))).astype(np.complex64) for n in (200_000, 96_000)
    ]
    signal = of(np.concatenate([quiet[0], signal.samples, quiet[1]]))
    exploration = explore(lambda: Memory(signal))
    assert 3.0 < exploration.span[0] < 200_000 / 48000 + 1
    (_, finding), *_ = recognise(signal)
    assert finding.frames == {"AX.25 G3RUH": 6}
    # only that stretch is read
    stretch = Stretch(Memory(signal), (1.0, 2.0))
    read = []
    while (chunk := stretch.read()) is not None:
        read.append((chunk.position, chunk.position + len(chunk)))
    assert read[0][0] <= 48000 <= read[0][1]
    assert read[-1][0] < 96000 <= read[-1][1]


def test_what_is_behind_a_gap_is_measured_too() -> None:
    signal = send(
        transmitter({"use": "fsk", "baudrate": 9600}), payloads({"use": "ax25"}, 6), 96e3, offset=9000.0, burst=1
    )
    signal.captures[:] = [(0, 0), (4800, 40_000)]
    (_, finding), *_ = recognise(signal)
    assert finding.hypothesis.name == "FSK 9600"
    assert finding.frames["AX.25 G3RUH"] >= 5


def test_where_nothing_stands_out_little_is_measured() -> None:
    rng = np.random.default_rng(5)
    x = rng.standard_normal((1_200_000, 2)).astype(np.float32).view(np.complex64).ravel()
    for rate, length in ((48e3, np.inf), (2.4e6, np.inf), (24e6, 0.125)):
        waterfall = survey(x if rate < 20e6 else np.tile(x, 4), rate).waterfall
        assert waterfall is not None
        start, stop = busiest(waterfall, [])
        assert stop - start == pytest.approx(length)


def reasons(signal: Signal, sender: Transmitter) -> str:
    def again() -> Memory:
        return Memory(signal)

    def chains(recording: Recording) -> Any:
        return lines(satellite(sender), recording, Conditions())

    return "\n".join(why(again, chains))


def test_another_rate_than_is_defined() -> None:
    sent = transmitter({"use": "fsk", "baudrate": 4800})
    text = reasons(send(sent, payloads({"use": "ax25"}, 4), 48000.0), transmitter({"use": "fsk", "baudrate": 9600}))
    assert "it looks like FSK 4800 Bd (measured 4800)" in text
    assert "the definition has 9600 Bd" in text
    assert "4 frames of AX.25 G3RUH in FSK 4800" in text


def test_another_sample_rate_than_is_told() -> None:
    sent = transmitter({"use": "fsk", "baudrate": 9600})
    text = reasons(replace(send(sent, payloads({"use": "ax25"}, 4), 50000.0), rate=48000.0), sent)
    assert "4 frames of AX.25 G3RUH in FSK" in text
    assert "test sends such at 9600 Bd: the recording may have 50000 samples/s instead of 48000" in text
    text = reasons(send(sent, payloads({"use": "ax25"}, 4), 48000.0), transmitter({"use": "fsk", "baudrate": 4800}))
    assert "4 frames of AX.25 G3RUH in FSK 9600" in text
    assert "sends such" not in text


def test_another_modulation_than_is_defined() -> None:
    sent = transmitter({"use": "psk", "baudrate": 9600})
    text = reasons(
        send(sent, payloads({"use": "ax25"}, 4), 96e3),
        transmitter({"use": "psk", "baudrate": 9600, "differential": True, "manchester": True}),
    )
    assert "it looks like BPSK 9600 Bd" in text
    assert "as defined" not in text


def test_too_far_from_where_it_is_sent() -> None:
    sent = transmitter({"use": "fsk", "baudrate": 9600})
    text = reasons(send(sent, payloads({"use": "ax25"}, 4), 192e3, offset=60e3), sent)
    assert "+60.0 kHz from where it is sent (test), too far to be looked for" in text


def test_i_and_q_in_each_others_place() -> None:
    sent = transmitter({"use": "fsk", "baudrate": 9600})
    signal = send(sent, payloads({"use": "ax25"}, 4), 192e3)
    moved = Memory(signal, frequency=FREQUENCY - 40e3)
    turned = signal.samples * np.exp(2j * np.pi * 40e3 / 192e3 * np.arange(len(signal.samples)))

    def again() -> Memory:
        return Memory(of(np.conj(turned).astype(np.complex64), 192e3), frequency=FREQUENCY - 40e3)

    text = "\n".join(why(again, lambda recording: lines(satellite(sent), recording, Conditions())))
    assert moved.recording.frequency == FREQUENCY - 40e3
    assert "with I and Q in each other's place there are 4 frames" in text


def test_nothing_and_clipping() -> None:
    rng = np.random.default_rng(3)
    x = (0.1 * rng.standard_normal((96000, 2))).astype(np.float32).view(np.complex64).ravel()
    sent = transmitter({"use": "fsk", "baudrate": 9600})
    assert reasons(of(x), sent).splitlines() == [
        "why no frames:",
        "  nothing stands out from the noise in the recorded band",
    ]
    clipped = np.clip(10 * x.view(np.float32), -1, 1).view(np.complex64)
    assert "% of the samples are clipped" in reasons(of(clipped), sent)


Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str]) -> Cli:
    def run(*words: object) -> tuple[int, str, str]:
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words])
        status = ended.value.code
        assert isinstance(status, int)
        out, err = capfd.readouterr()
        return status, out, err

    return run


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("identify") / "a.sigmf-meta"
    sent = transmitter({"use": "fsk", "baudrate": 9600})
    channel = Channel(ebn0_db=25.0, offset=-8000.0)
    write_sigmf(path, Synthesiser(sent, payloads({"use": "ax25"}, 3), 96000.0, channel, seed=2), "ci16_le")
    return path


def test_the_commands(recording: Path, cli: Cli, tmp_path: Path) -> None:
    status, out, err = cli("identify", recording, "--json", "--quiet")
    assert (status, err) == (0, "")
    told = json.loads(out)
    (signal,) = told["signals"]
    assert signal["frames"] == {"AX.25 G3RUH": 3}
    assert signal["carrier_hz"] == pytest.approx(-8000, abs=50)
    status, out, err = cli("identify", recording, recording)
    assert status == 0
    assert out.count("AX.25 G3RUH: 3 frames") == 2
    status, out, err = cli("decode", recording, "--jsonl", tmp_path / "a.jsonl")
    assert status == 0
    assert "AX.25 G3RUH: 3 frames" in err
    records = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert len(records) == 3
    for record in records:
        assert record["satellite"] is None
        assert (
            record["transmitter"] == f"FSK 9600 at {signal['carrier_hz'] / 1e3:+.1f} kHz"
            or "FSK 9600" in record["transmitter"]
        )
        assert record["frequency_hz"] == pytest.approx(FREQUENCY - 8000, abs=50)
    first = (tmp_path / "a.jsonl").read_bytes()
    cli("decode", recording, "--jsonl", tmp_path / "a.jsonl", "--quiet")
    assert (tmp_path / "a.jsonl").read_bytes() == first


def test_silence_holds_up_no_row_of_recordings(recording: Path, cli: Cli, tmp_path: Path) -> None:
    np.zeros(50, np.complex64).tofile(tmp_path / "short.cf32")
    np.zeros(96000, np.complex64).tofile(tmp_path / "silent.cf32")
    names = [tmp_path / "short.cf32", tmp_path / "silent.cf32", recording]
    status, _, err = cli("decode", *names, "--rate", 96000, "--jsonl", tmp_path / "a.jsonl")
    assert status == 0
    assert err.count("nothing that is known") == 2
    assert len((tmp_path / "a.jsonl").read_text().splitlines()) == 3


def test_a_picture_of_it(recording: Path, cli: Cli, tmp_path: Path) -> None:
    assert cli("identify", recording, "--picture", tmp_path / "a.png", "--quiet")[0] == 0
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_a_picture_of_a_file_with_an_odd_name(recording: Path, cli: Cli, tmp_path: Path) -> None:
    name = os.fsdecode(b"\xff$\\x$\x1b[31m.wav")
    with wave.open(os.fspath(tmp_path / name), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(16000))
    status, out, err = cli("identify", tmp_path / name, "--picture", tmp_path / "a.png", "--quiet")
    assert (status, err) == (0, "")
    assert "\x1b" not in out
    assert (tmp_path / "a.png").exists()


def test_what_is_behind_a_gap_has_its_own_time_and_frequency() -> None:
    rate, clocks = 1000.0, [Clock(1000.0, 0.0, 0), Clock(1000.0, 1024.0, 90 * 10**9)]
    recording = Recording("a", "iq", rate, clocks[0], FREQUENCY, retunings=((1024, 438e6),))
    made = Survey(recording, True)
    for i, clock in enumerate(clocks):
        made.add(Chunk(np.zeros(1024, np.complex64), rate, 1024.0 * i, clock))
    assert [made.clock_at(position) for position in (5.0, 1024.0, 9999.0)] == [clocks[0], clocks[1], clocks[1]]
    assert [place(100.0, recording, seconds)[:9] for seconds in (0.5, 1.5)] == ["437.35010", "438.00010"]
    sent = transmitter({"use": "fsk", "baudrate": 100})
    (band, line) = Band(90.0, 110.0, 1.2, 1.6, 20.0), lines(satellite(sent), recording, Conditions())
    (text,) = _apart(band, line, made, recording)
    assert text.startswith(f"{(438e6 + 100 - FREQUENCY) / 1e3:+.1f} kHz")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["-"], "standard input: can be read only once"),
        (["none.wav"], "none.wav"),
        (["a", "b", "--picture", "x.png"], "a --picture is drawn of one file"),
        (["/dev/null"], "can be read only once"),
    ],
)
def test_mistakes_are_one_sentence(words: list[str], says: str, cli: Cli) -> None:
    status, _, err = cli("identify", *words)
    assert status == 2
    assert says in err
    assert "Traceback" not in err


def test_no_frames_are_explained_unless_quiet(recording: Path, cli: Cli) -> None:
    for name in (recording, recording.with_suffix("")):
        status, _, err = cli("decode", name, "--satellite", "1KUNS-PF")
        assert status == 0
        assert "why no frames:" in err
    assert "it looks like FSK 9600 Bd" in err
    assert "why" not in cli("decode", recording, "--satellite", "1KUNS-PF", "--quiet")[2]
