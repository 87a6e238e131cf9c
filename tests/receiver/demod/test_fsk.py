"""FSK symbols against those that were sent."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import lfilter

from receiver.channel.track import Track
from receiver.demod.afsk import Afsk
from receiver.demod.fsk import Fsk
from receiver.errors import FlowgraphError
from receiver.flowgraph import Chain
from receiver.stage import Stage
from receiver.synth.payloads import payloads as payloads_of
from tests.jig import items, offsets, positions, run_stage, stage_keeps_the_law, stream_of
from tests.loopback import payloads, receive, send, transmitter

RATE, BAUDRATE = 48000.0, 9600.0


def bits(n: int, seed: int = 0) -> NDArray[np.float64]:
    return np.random.default_rng(seed).choice([-1.0, 1.0], n)


EDGE = np.linspace(-3, 3, 601)
RISE = np.array([0.5 * math.erfc(-t * math.pi * math.sqrt(2 / math.log(2)) * 0.5) for t in EDGE])
"""A step through a Gaussian filter of BT 0.5, by symbols."""


def wave(symbols: NDArray[np.float64], baudrate: float = BAUDRATE, shift: float = 0.0) -> NDArray[np.float64]:
    """The symbol at instants k + shift, in samples, edges rounded; symbol k's middle is at (k + 1/2) periods."""
    u = (np.arange(int(len(symbols) * RATE / baudrate)) + shift) * baudrate / RATE
    k = np.floor(u).astype(int)
    padded = np.pad(symbols, 4)
    x = np.zeros(len(u))
    for j in range(-3, 4):
        x += padded[k + j + 4] * (np.interp(u - k - j, EDGE, RISE) - np.interp(u - k - j - 1, EDGE, RISE))
    return x


def turned(frequency: NDArray[np.float64]) -> NDArray[np.complex128]:
    """Samples k whose phase turns by frequency[k], Hz, from sample k - 1."""
    return np.exp(2j * np.pi * np.cumsum(frequency) / RATE)


def modulated(symbols: NDArray[np.float64], deviation: float, carrier: float = 0.0) -> NDArray[np.complex128]:
    return turned(carrier + deviation * wave(symbols, shift=-0.5))


def tones(symbols: NDArray[np.float64], deviation: float, shift: float = 0.0) -> NDArray[np.float64]:
    """Audio at instants k + shift."""
    return turned(1700 + deviation * wave(symbols, 1200.0, shift - 0.5)).real


def noise(n: int, ebn0_db: float, baudrate: float = BAUDRATE, seed: int = 1) -> NDArray[np.complex128]:
    rng = np.random.default_rng(seed)
    return rng.standard_normal(2 * n).view(complex) * np.sqrt(RATE / baudrate / 10 ** (ebn0_db / 10) / 2)


def iq(x: NDArray[Any]) -> NDArray[np.complex64]:
    return np.ascontiguousarray(x, np.complex64)


def found(stage: Stage, kind: str, x: NDArray[Any], centres: NDArray[np.float64]) -> tuple[NDArray[Any], Any, Any]:
    """Soft symbols received at the middles of those sent, how late they are in samples, and their offsets."""
    made = run_stage(stage, stream_of(kind, RATE), [x])
    at = positions(made)
    nearest = np.searchsorted((at[1:] + at[:-1]) / 2, centres)
    return items(made)[nearest], at[nearest] - centres, offsets(made)[nearest]


def middles(n: int, baudrate: float = BAUDRATE) -> NDArray[np.float64]:
    return (np.arange(n) + 0.5) * RATE / baudrate


@pytest.mark.parametrize(("deviation", "most"), [(2400.0, 0.003), (4800.0, 0.02), (-2400.0, 0.003)])
def test_symbols_at_12_db(deviation: float, most: float) -> None:
    """Wrong symbols: GMSK with h = 1/2, and h = 1 without memory of phase."""
    symbols = bits(4000)
    x = modulated(symbols, deviation, 300.0) + noise(20000, 12)
    soft, late, offset = found(Fsk(BAUDRATE, deviation), "iq", iq(x), middles(4000))
    assert (soft * symbols <= 0)[20:-20].mean() < most
    assert 0.8 < np.abs(soft).mean() < 1.3
    assert np.abs(late).max() < 0.15 * 5
    assert abs(late.mean()) < 0.02 * 5
    assert abs(offset.mean() - 300) < 0.01 * BAUDRATE


@pytest.mark.parametrize("gain", [0.3, -0.01])
def test_audio(gain: float) -> None:
    """Audio of any level, polarity and with a constant in it."""
    symbols = bits(1000)
    x = gain * (wave(symbols) + 0.4 + 0.05 * np.random.default_rng(2).standard_normal(5000))
    soft, late, offset = found(Fsk(BAUDRATE), "real", x.astype(np.float32), middles(1000))
    assert (soft * symbols * np.sign(gain) > 0).all()
    assert np.abs(late).max() < 0.05 * 5
    assert np.isnan(offset).all()


@pytest.mark.parametrize(("corner", "time_constant"), [(300.0, 0.0), (0.0, 75e-6), (0.0, 750e-6), (100.0, 250e-6)])
def test_audio_that_is_coupled_and_de_emphasised(corner: float, time_constant: float) -> None:
    """As a receiver's loudspeaker has it, not its discriminator."""
    symbols = bits(1500)
    x = wave(symbols) + 0.05 * np.random.default_rng(2).standard_normal(7500)
    if time_constant:
        keep = math.exp(-1 / (RATE * time_constant))
        x = lfilter([1 - keep], [1, -keep], x)
    if corner:
        keep = math.exp(-2 * math.pi * corner / RATE)
        x = lfilter([1, -1], [1, -keep], x)
    soft, late, _ = found(Fsk(BAUDRATE), "real", x.astype(np.float32), middles(1500))
    assert (soft * symbols > 0)[128:-2].all()
    assert np.abs(late[128:]).max() < 0.4 * 5


def test_isolated_bursts_in_audio_to_which_nothing_was_done() -> None:
    """Data that are not scrambled, behind an alternation: no path is seen in them that was not there."""
    rng = np.random.default_rng(5)
    framing = {"use": "yusat"}
    for i, payload in enumerate(payloads_of(framing, 20, 77)):
        sent = transmitter({"use": "fsk", "baudrate": 9600, "deviation": 2400 * rng.uniform(0.85, 1.15)}, framing)
        lead = 0.3 + rng.uniform(0, 0.01)
        signal = send(sent, [payload], 48000.0, form="fm", lead=lead, tail=0.3, clock_ppm=rng.uniform(-80, 80), seed=i)
        assert [frame.payload for frame in receive(signal, transmitter({"use": "fsk", "baudrate": 9600}, framing))] == [
            payload
        ]


@pytest.mark.parametrize(
    ("baudrate", "deviation", "scrambler", "offset"),
    [(9600.0, 2400.0, "g3ruh", 2500.0), (4800.0, 1200.0, "g3ruh", -2500.0), (1200.0, 600.0, "none", 800.0)],
)
def test_bursts_in_audio_of_a_receiver_that_is_mistuned(
    baudrate: float, deviation: float, scrambler: str, offset: float
) -> None:
    """Their constant is that of the noise around them neither at the first symbol nor at the last."""
    sent = transmitter(
        {"use": "fsk", "baudrate": baudrate, "deviation": deviation}, {"use": "ax25", "scrambler": scrambler}
    )
    frames = payloads_of(sent.framing, 12, 7)
    signal = send(
        sent, list(frames), 48000.0, form="fm", burst=1, pause=0.3, offset=offset, if_bandwidth=15e3, ebn0_db=24.0
    )
    found = [frame.payload for frame in receive(signal, sent)]
    assert found == [true.payload for true in signal.truth]


@pytest.mark.parametrize("kind", ["iq", "real"])
def test_fsk_keeps_the_law_of_chunks(kind: str) -> None:
    symbols = bits(2500)
    x = modulated(symbols, 2400.0) + noise(12500, 10) if kind == "iq" else wave(symbols)
    x = iq(x) if kind == "iq" else x.astype(np.float32)
    for deviation in (None, 9600.0, 20e3):
        stage_keeps_the_law(Fsk(BAUDRATE, deviation), stream_of(kind, RATE), x, tolerance=1e-5)


@pytest.mark.parametrize("kind", ["iq", "real"])
def test_afsk_keeps_the_law_of_chunks(kind: str) -> None:
    symbols = bits(400)
    audio = tones(symbols, 500.0)
    x = turned(3000 * tones(symbols, 500.0, -0.5)) + noise(len(audio), 25, 1200.0)
    x = iq(x) if kind == "iq" else audio.astype(np.float32)
    stage_keeps_the_law(Afsk(1200.0, 1700.0, 500.0), stream_of(kind, RATE), x, tolerance=2e-5)


@pytest.mark.parametrize("carrier", [0.0, 700.0])
@pytest.mark.parametrize("deviation", [500.0, -500.0])
def test_afsk(deviation: float, carrier: float) -> None:
    symbols = bits(600)
    audio = tones(symbols, deviation)
    x = turned(carrier + 3000 * tones(symbols, deviation, -0.5)) + noise(len(audio), 22, 1200.0)
    stage = Afsk(1200.0, 1700.0, deviation)
    soft, late, offset = found(stage, "iq", iq(x), middles(600, 1200.0))
    assert (soft * symbols > 0)[3:-3].all()
    assert np.abs(late).max() < 0.1 * 40
    assert abs(offset.mean() - carrier) < 0.02 * 1200
    soft, late, _ = found(stage, "real", audio.astype(np.float32), middles(600, 1200.0))
    assert (soft * symbols > 0)[3:-3].all()
    assert np.abs(late).max() < 0.1 * 40


@pytest.mark.parametrize(("baudrate", "carrier", "deviation"), [(1200.0, 1700.0, 500.0), (4800.0, 3600.0, 1200.0)])
def test_afsk_in_audio_of_a_receiver_that_is_mistuned(baudrate: float, carrier: float, deviation: float) -> None:
    """A constant five times the tones'."""
    symbols = bits(1500)
    x = turned(carrier + deviation * wave(symbols, baudrate, -0.5)).real
    x = (0.1 * (x + 0.05 * np.random.default_rng(3).standard_normal(len(x))) + 0.5).astype(np.float32)
    centres = middles(len(symbols), baudrate)
    soft, *_ = found(Afsk(baudrate, carrier, deviation), "real", x, centres)
    assert ((soft > 0) == (symbols > 0))[20:-20].mean() > 0.995


@pytest.mark.parametrize("index", [1.5, 2.0, 3.0, 5.6])
def test_a_large_index(index: float) -> None:
    """At 10 dB, where the discriminator gets more wrong."""
    baudrate = 1200.0
    symbols = bits(3000, 2)
    x = turned(0.5 * index * baudrate * wave(symbols, baudrate, -0.5)) + noise(len(symbols) * 40, 10, baudrate)
    soft, late, _ = found(Fsk(baudrate, 0.5 * index * baudrate), "iq", iq(x), middles(len(symbols), baudrate))
    assert (soft * symbols < 0)[20:-20].mean() < (0.016 if index > 2 else 0.008)
    assert np.abs(late[20:-20]).max() < 0.2 * 40


@pytest.mark.parametrize("index", [1.5, 1.9, 2.0, 3.0, 5.6, 8.0])
@pytest.mark.parametrize("seed", range(4))
def test_bursts_of_a_large_index(index: float, seed: int) -> None:
    """Half a symbol off, the clock would find a tone as strong."""
    baudrate = 1200.0
    symbols = bits(400, seed)
    x = turned(0.5 * index * baudrate * wave(symbols, baudrate, -0.5))
    x = np.concatenate([np.zeros(4800), x, np.zeros(4800)])
    x = x + noise(len(x), 20, baudrate, seed)
    soft, _, _ = found(Fsk(baudrate, 0.5 * index * baudrate), "iq", iq(x), middles(len(symbols), baudrate) + 4800)
    assert (soft * symbols > 0)[3:-3].all()


@pytest.mark.parametrize("error", [0.8, 1.0, 1.25])
@pytest.mark.parametrize("index", [2.5, 5.6])
def test_a_large_index_that_is_not_well_known(index: float, error: float) -> None:
    """At 12 dB, and the carrier is off, too."""
    baudrate = 1200.0
    symbols = bits(2000, 5)
    x = turned(150 + 0.5 * index * baudrate * wave(symbols, baudrate, -0.5))
    x = x + noise(len(symbols) * 40, 12, baudrate)
    stage = Fsk(baudrate, 0.5 * index * error * baudrate)
    soft, _, offset = found(stage, "iq", iq(x), middles(len(symbols), baudrate))
    assert (soft * symbols < 0)[20:-20].mean() < 0.003
    assert abs(offset.mean() - 150) < 0.03 * baudrate


@pytest.mark.parametrize(
    ("baudrate", "index", "ebn0_db"),
    [
        (9600.0, 1.2, 10),
        (9600.0, 1.3, 10),
        (9600.0, 1.5, 9),
        (9600.0, 1.8, 9),
        (9600.0, 2.2, 11),
        (1200.0, 4.0, 14),
        (1200.0, 5.6, 14),
    ],
)
def test_frames_of_an_index_above_1(baudrate: float, index: float, ebn0_db: float) -> None:
    """Through the carrier search, for which many ones or zeros move the carrier."""
    sent, frames = transmitter({"use": "fsk", "baudrate": baudrate, "deviation": index * baudrate / 2}), payloads(80)
    signal = send(sent, frames, max(24000.0, 5 * baudrate), ebn0_db=ebn0_db)
    given = [frame.payload for frame in receive(signal, sent)]
    assert len(given) == len(set(given)) >= 79
    assert set(given) <= set(frames)


CLICKS: list[tuple[dict[str, Any], str, float]] = [
    ({"use": "fsk", "baudrate": 1200.0, "deviation": 1200.0}, "g3ruh", 16.5),
    ({"use": "fsk", "baudrate": 1200.0, "deviation": 600.0}, "g3ruh", 17.5),
    ({"use": "fsk", "baudrate": 2400.0, "deviation": 1200.0}, "none", 15.3),
    ({"use": "afsk", "baudrate": 1200.0, "carrier": 1700.0, "deviation": 500.0}, "none", 15.0),
    ({"use": "apm", "baudrate": 1200.0, "carrier": 2400.0}, "none", 17.2),
]


@pytest.mark.parametrize(("demod", "scrambler", "ebn0_db"), CLICKS)
def test_clicks_of_a_receiver_much_wider_than_the_signal(demod: dict[str, Any], scrambler: str, ebn0_db: float) -> None:
    """They filled symbols where they were not cut: half of these frames or fewer were decoded."""
    sent, frames = transmitter(demod, {"use": "ax25", "scrambler": scrambler}), payloads(20)
    signal = send(sent, frames, 48000.0, form="fm", if_bandwidth=15e3, ebn0_db=ebn0_db)
    given = [frame.payload for frame in receive(signal, sent)]
    assert len(given) >= 15
    assert set(given) <= set(frames)


@pytest.mark.parametrize("deviation", [600.0, 1200.0])
def test_cutting_clicks_leaves_what_leans(deviation: float) -> None:
    """Behind a coupling capacitor of 300 Hz a symbol of 1200 Bd falls off, and reaches twice as far as the level."""
    sent, frames = transmitter({"use": "fsk", "baudrate": 1200.0, "deviation": deviation}), payloads(20)
    signal = send(sent, frames, 48000.0, form="fm", if_bandwidth=15e3, ebn0_db=22.0)
    keep = math.exp(-2 * math.pi * 300.0 / RATE)
    samples = lfilter([1, -1], [1, -keep], signal.samples).astype(np.float32)
    assert len({frame.payload for frame in receive(replace(signal, samples=samples), sent)} & set(frames)) >= 19


def voice(n: int) -> NDArray[np.float64]:
    """Hz of deviation by something like speech: 1500 Hz RMS of noise from 300 to 3000 Hz, syllables and pauses."""
    rng = np.random.default_rng(7)
    spectrum = np.fft.rfft(rng.standard_normal(n))
    frequency = np.fft.rfftfreq(n, 1 / RATE)
    x = np.fft.irfft(np.where((frequency > 300) & (frequency < 3000), spectrum, 0), n)
    x *= np.repeat(np.resize([1.0, 0.0, 1.5], n // 4800 + 1), 4800)[:n]
    return 1500 * x / x.std()


@pytest.mark.parametrize("carrier", [0.0, -900.0])
def test_data_below_a_voice(carrier: float) -> None:
    """In IQ, and in the audio of an FM receiver; without `subaudio` the voice drowns them in IQ."""
    symbols = bits(300)
    n = int(300 * RATE / 300)
    x = turned(carrier + 600 * wave(symbols, 300.0, -0.5) + voice(n)) + noise(n, 35, 300.0)
    soft, late, offset = found(Fsk(300.0, 600.0, subaudio=True), "iq", iq(x), middles(300, 300.0))
    assert (soft * symbols > 0)[5:-5].all()
    assert np.abs(late[5:-5]).max() < 0.1 * 160
    assert abs(offset.mean() - carrier) < 60
    plain, _, _ = found(Fsk(300.0, 600.0), "iq", iq(x), middles(300, 300.0))
    assert (plain * symbols <= 0).mean() > 0.02
    audio = (600 * wave(symbols, 300.0) + voice(n)) / 5000
    soft, late, _ = found(Fsk(300.0, 600.0, subaudio=True), "real", audio.astype(np.float32), middles(300, 300.0))
    assert (soft * symbols > 0)[5:-5].all()
    assert np.abs(late[5:-5]).max() < 0.1 * 160


def test_data_below_a_voice_keep_the_law_of_chunks() -> None:
    x = turned(600 * wave(bits(60), 300.0, -0.5) + voice(9600)) + noise(9600, 30, 300.0)
    stage_keeps_the_law(Fsk(300.0, 600.0, subaudio=True), stream_of("iq", RATE), iq(x), tolerance=2e-5)
    searched: Any = Chain([Track(16000.0), Fsk(300.0, 600.0, subaudio=True)])
    stage_keeps_the_law(searched, stream_of("iq", RATE), iq(x), tolerance=1e-3)


STAGES: list[Any] = [
    Fsk(BAUDRATE),
    Fsk(1200.0),
    Fsk(1200.0, 1200.0),
    Fsk(300.0, subaudio=True),
    Afsk(1200.0, 1700.0, 500.0),
]


@pytest.mark.parametrize("kind", ["iq", "real"])
@pytest.mark.parametrize("stage", STAGES, ids=["fsk 9600", "fsk 1200", "fsk of index 2", "fsk below a voice", "afsk"])
def test_short_silent_and_constant_streams(stage: Any, kind: str) -> None:
    dtype = np.complex64 if kind == "iq" else np.float32
    for x in (np.ones(1), np.ones(7), np.zeros(3000), np.full(3000, 0.7)):
        made = run_stage(stage, stream_of(kind, RATE), [x.astype(dtype)])
        assert np.isfinite(items(made)).all()
        assert len(items(made)) <= len(x) * stage.baudrate / RATE + 2


@pytest.mark.parametrize("kind", ["iq", "real"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, 3e38])
def test_recovers_from_what_is_no_number(kind: str, bad: float) -> None:
    symbols = bits(4000)
    x = modulated(symbols, 2400.0) + noise(20000, 18) if kind == "iq" else wave(symbols)
    x = iq(x) if kind == "iq" else x.astype(np.float32)
    x[10000:10005] = bad
    with np.errstate(all="ignore"):
        soft, late, _ = found(Fsk(BAUDRATE), kind, x, middles(4000))
    assert np.isfinite(soft).all()
    far = np.abs(np.arange(4000) - 2000) > 300
    assert (soft * symbols > 0)[far].all()
    assert np.abs(late[far]).max() < 0.1 * 5


def test_refuses_what_makes_no_sense() -> None:
    for baudrate in (0.0, -1.0, float("nan")):
        with pytest.raises(ValueError, match="above 0"):
            Fsk(baudrate)
        with pytest.raises(ValueError, match="above 0"):
            Afsk(baudrate, 1700.0, 500.0)
    for carrier, fm_deviation in ((0.0, 3000.0), (1700.0, 0.0), (1700.0, float("nan"))):
        with pytest.raises(ValueError, match="above 0"):
            Afsk(1200.0, carrier, 500.0, fm_deviation)


@pytest.mark.parametrize("kind", ["iq", "real"])
def test_refuses_a_stream_that_is_too_narrow(kind: str) -> None:
    with pytest.raises(FlowgraphError, match="fsk at 9600 Bd needs 14400 samples per second or more, got 11025"):
        Fsk(BAUDRATE).open(stream_of(kind, 11025.0))
    with pytest.raises(FlowgraphError, match="afsk with tones up to 2800 Hz needs 5600 samples"):
        Afsk(1200.0, 1700.0, 500.0).open(stream_of(kind, 4800.0))
