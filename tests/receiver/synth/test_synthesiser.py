"""Signals against their definition: power, noise, frequency and the exact place of each bit."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from receiver.errors import FlowgraphError
from receiver.satellite import Transmitter
from receiver.synth import Signal, Truth, synthesise
from receiver.synth.codes import golay24

G3RUH = {"use": "ax25", "scrambler": "g3ruh"}
FRAMES = [np.random.default_rng(n).bytes(40 + n) for n in range(12)]


def transmitter(demod: dict[str, object], framing: dict[str, object]) -> Transmitter:
    return Transmitter("test", 437e6, demod, framing)


def phase_at(signal: Signal, positions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cycles of the carrier at some positions."""
    cycles = np.unwrap(np.angle(signal.samples.astype(np.complex128))) / (2 * np.pi)
    return np.interp(positions, np.arange(len(cycles)), cycles)


def fsk_bits(signal: Signal, truth: Truth, symbol: float, shift: float = 0.0, before: int = 18) -> NDArray[np.uint8]:
    """Hard bits of a frame and some before it, from the frequency over the middle of each symbol."""
    centres = truth.position + (np.arange(-before, round(truth.length / symbol)) + 0.5) * symbol
    cycles = phase_at(signal, centres + symbol / 4) - phase_at(signal, centres - symbol / 4)
    return (cycles > shift / signal.rate * symbol / 2).astype(np.uint8)


def ax25(line: NDArray[np.uint8]) -> bytes:
    """Payload and checksum of a G3RUH line that begins 18 bits before the frame."""
    level = line[17:] ^ line[5:-12] ^ line[:-17]
    text = "".join(map(str, 1 - (level[1:] ^ level[:-1])))
    plain = np.array([int(bit) for bit in text.replace("111110", "11111")], np.uint8)
    return np.packbits(plain, bitorder="little").tobytes()


@pytest.mark.parametrize("bt", [0.5, None])
def test_fsk_carries_its_frames_where_the_truth_says(bt: float | None) -> None:
    sent = transmitter({"use": "fsk", "baudrate": 9600}, G3RUH)
    signal = synthesise(sent, FRAMES, rate=96000.0, seed=3, burst=4, bt=bt)
    assert [truth.payload for truth in signal.truth] == FRAMES
    for truth in signal.truth:
        assert ax25(fsk_bits(signal, truth, 10.0))[:-2] == truth.payload


def test_symbol_edges_fall_on_the_truth_with_clock_error_and_doppler() -> None:
    """Rectangular FSK has a corner in its phase at each edge: the frame's first and last edges, to 0.01 symbol."""
    sent = transmitter({"use": "fsk", "baudrate": 9600, "deviation": 4800}, G3RUH)
    signal = synthesise(
        sent, FRAMES, rate=192000.0, seed=4, bt=None, clock_ppm=200.0, doppler=lambda t: 9000 - 300 * t, burst=3
    )
    for truth in signal.truth:
        shift = 9000 - 300 * truth.seconds
        symbol = 192000 / 9600 / (1 + 200e-6 + shift / 437e6)
        assert truth.length / symbol == pytest.approx(round(truth.length / symbol), abs=2e-3)
        assert ax25(fsk_bits(signal, truth, symbol, shift))[:-2] == truth.payload
        # straight lines through the phase of the symbols before and behind an edge cross at the edge
        line = fsk_bits(signal, truth, symbol, shift, before=1)
        edge = truth.position if line[0] != line[1] else None
        if edge is not None:
            before = edge - symbol * np.array([0.9, 0.2])
            behind = edge + symbol * np.array([0.2, 0.9])
            (a, b), (c, d) = (np.polyfit(p, phase_at(signal, p), 1) for p in (before, behind))
            assert (d - b) / (a - c) == pytest.approx(edge, abs=0.01 * symbol)


def test_frequency_follows_doppler_and_offset() -> None:
    sent = transmitter({"use": "fsk", "baudrate": 1200, "deviation": 300}, G3RUH)
    signal = synthesise(sent, FRAMES * 4, rate=48000.0, doppler=(5000.0, -100.0), offset=250.0, lead=0.0, tail=0.0)
    edges = phase_at(signal, np.array([0, len(signal.samples) - 1.0]))
    seconds = (len(signal.samples) - 1) / 48000
    # as many ones as zeros, nearly: a scrambler's balance leaves a few cycles
    assert (edges[1] - edges[0]) / seconds == pytest.approx(5250 - 50 * seconds, abs=20)


@pytest.mark.parametrize("ebn0_db", [0.0, 12.0])
def test_noise_has_the_density_asked_for(ebn0_db: float) -> None:
    sent = transmitter({"use": "fsk", "baudrate": 9600}, G3RUH)
    clean = synthesise(sent, FRAMES, rate=48000.0, seed=5)
    noisy = synthesise(sent, FRAMES, rate=48000.0, seed=5, ebn0_db=ebn0_db)
    start, stop = int(clean.truth[0].position), int(clean.truth[-1].position)
    x, y = clean.samples[start:stop].astype(np.complex128), noisy.samples[start:stop].astype(np.complex128)
    gain = np.vdot(x, y) / np.vdot(x, x)
    energy = float(np.mean(np.abs(gain * x) ** 2)) / 9600
    density = float(np.var(y - gain * x)) / 48000
    assert 10 * np.log10(energy / density) == pytest.approx(ebn0_db, abs=0.1)


def test_same_seed_same_samples() -> None:
    sent = transmitter({"use": "fsk", "baudrate": 9600}, G3RUH)
    one, two, other = (synthesise(sent, FRAMES, rate=48000.0, seed=s, ebn0_db=9.0) for s in (7, 7, 8))
    assert np.array_equal(one.samples, two.samples)
    assert not np.array_equal(one.samples, other.samples)


@pytest.mark.parametrize("manchester", [False, True])
@pytest.mark.parametrize("rolloff", [0.5, None])
def test_psk_symbols_stand_where_the_truth_says(manchester: bool, rolloff: float | None) -> None:
    sent = transmitter(
        {"use": "psk", "baudrate": 1200, "manchester": manchester}, {"use": "ax100", "mode": "ASM+Golay"}
    )
    signal = synthesise(sent, FRAMES[:4], rate=48000.0, seed=2, rolloff=rolloff, burst=2, clock_ppm=-100.0)
    x = signal.samples.astype(np.complex128)
    for truth in signal.truth:
        symbol = 40 / (1 - 100e-6)
        # the sync word before the frame and the Golay word behind its edge, at the middle of their first (half) bits
        centres = truth.position + (np.arange(-32, 24) + (0.25 if manchester else 0.5)) * symbol
        values = np.interp(centres, np.arange(len(x)), x.real) + 1j * np.interp(centres, np.arange(len(x)), x.imag)
        bits = ((values * np.conj(values[0])).real > 0) ^ (0x930B51DE < 1 << 31)
        assert np.packbits(bits).tobytes()[:4].hex() == "930b51de"
        assert np.packbits(bits).tobytes()[4:] == golay24(len(truth.payload) + 32).to_bytes(3, "big")


def test_differential_psk_turns_for_a_one() -> None:
    framing = {"use": "ax100", "mode": "ASM+Golay"}
    sent = transmitter({"use": "psk", "baudrate": 9600, "differential": True}, framing)
    signal = synthesise(sent, FRAMES[:1], rate=96000.0, rolloff=None)
    centres = signal.truth[0].position + (np.arange(-33, 0) + 0.5) * 10
    values = signal.samples[np.rint(centres).astype(int)]
    turned = (values[1:] * np.conj(values[:-1])).real < 0
    assert np.packbits(turned).tobytes().hex() == "930b51de"


def test_mean_power_of_psk_is_that_of_the_level() -> None:
    sent = transmitter({"use": "psk", "baudrate": 9600}, G3RUH)
    signal = synthesise(sent, FRAMES * 3, rate=48000.0, level=0.3)
    start, stop = int(signal.truth[0].position), int(signal.truth[-1].position)
    assert np.mean(np.abs(signal.samples[start:stop]) ** 2) == pytest.approx(0.09, rel=0.02)


@pytest.mark.parametrize("deviation", [500.0, -500.0])
def test_afsk_tones_stand_where_the_truth_says(deviation: float) -> None:
    demod = {"use": "afsk", "baudrate": 1200, "carrier": 1700, "deviation": deviation}
    sent = transmitter(demod, {"use": "ax100", "mode": "ASM+Golay"})
    signal = synthesise(sent, FRAMES[:2], rate=48000.0)
    positions = np.arange(0, len(signal.samples) - 1, 1.0)
    audio = np.diff(phase_at(signal, positions)) * 48000  # of the instants between samples
    sending = slice(int(signal.truth[0].position), int(signal.truth[-1].position))
    assert np.abs(audio[sending]).max() == pytest.approx(3000, rel=0.01)
    for truth in signal.truth:
        bits = []
        for n in range(-32, 24):
            at = np.arange(np.ceil(truth.position + n * 40), truth.position + (n + 1) * 40 - 1).astype(int)
            one, zero = (
                abs(np.sum(audio[at] * np.exp(-2j * np.pi * tone * at / 48000)))
                for tone in (1700 + deviation, 1700 - deviation)
            )
            bits.append(one > zero)
        assert np.packbits(bits).tobytes().hex().startswith("930b51de")
        assert np.packbits(bits).tobytes()[4:] == golay24(len(truth.payload) + 32).to_bytes(3, "big")


def test_fm_audio_is_the_frequency_at_each_sample() -> None:
    sent = transmitter({"use": "fsk", "baudrate": 4800}, G3RUH)
    audio = synthesise(sent, FRAMES, rate=48000.0, seed=6, form="fm", level=0.5)
    iq = synthesise(sent, FRAMES, rate=48000.0, seed=6)
    assert audio.truth == iq.truth
    assert len(audio.samples) == len(iq.samples)
    start, stop = int(audio.truth[0].position), int(audio.truth[-1].position)
    k = np.arange(start, stop, dtype=np.float64)
    frequency = (phase_at(iq, k + 1) - phase_at(iq, k - 1)) * 24000 / 1200 * 0.5
    heard = audio.samples[start:stop].astype(np.float64)
    lags = [float(np.dot(heard[8:-8], frequency[8 + lag : len(frequency) - 8 + lag])) for lag in (-1, 0, 1)]
    peak = 0.5 * (lags[0] - lags[2]) / (lags[0] - 2 * lags[1] + lags[2])
    assert peak == pytest.approx(0, abs=0.01)
    assert np.sqrt(np.mean((heard - frequency) ** 2)) < 0.03


def test_ssb_audio_is_the_upper_sideband_with_the_noise_asked_for() -> None:
    sent = transmitter({"use": "psk", "baudrate": 1200}, G3RUH)
    options = {"rate": 48000.0, "seed": 6, "form": "ssb", "carrier": 12000.0}
    iq = synthesise(sent, FRAMES, rate=48000.0, seed=6)
    clean, noisy = synthesise(sent, FRAMES, **options), synthesise(sent, FRAMES, ebn0_db=10.0, **options)
    expected = np.sqrt(2) * (iq.samples * np.exp(0.5j * np.pi * np.arange(len(iq.samples)))).real
    assert np.allclose(clean.samples, expected, atol=1e-6)
    start, stop = int(clean.truth[0].position), int(clean.truth[-1].position)
    x, y = clean.samples[start:stop].astype(np.float64), noisy.samples[start:stop].astype(np.float64)
    gain = np.dot(x, y) / np.dot(x, x)
    energy, density = np.mean((gain * x) ** 2) / 1200, np.var(y - gain * x) / 24000
    assert 10 * np.log10(energy / density) == pytest.approx(10.0, abs=0.1)


def test_coded_transmitters_count_energy_per_information_bit() -> None:
    framing = {"use": "ccsds", "frame_size": 223, "convolutional": "CCSDS"}
    frames = [bytes(223)] * 3
    clean = synthesise(transmitter({"use": "psk", "baudrate": 9600}, framing), frames, rate=48000.0)
    noisy = synthesise(transmitter({"use": "psk", "baudrate": 9600}, framing), frames, rate=48000.0, ebn0_db=6.0)
    x, y = clean.samples.astype(np.complex128), noisy.samples.astype(np.complex128)
    gain = np.vdot(x, y) / np.vdot(x, x)
    start, stop = int(clean.truth[0].position), int(clean.truth[-1].position)
    energy = np.mean(np.abs(gain * x[start:stop]) ** 2) / (9600 * 223 / 255 / 2)
    assert 10 * np.log10(energy / (np.var(y - gain * x) / 48000)) == pytest.approx(6.0, abs=0.1)


def test_gaps_take_samples_away_and_nothing_else() -> None:
    sent = transmitter({"use": "fsk", "baudrate": 9600}, G3RUH)
    options = {"rate": 48000.0, "ebn0_db": 10.0, "burst": 1, "start_ns": 10**18}
    whole = synthesise(sent, FRAMES, **options)
    # one gap inside the third frame, one that begins in the silence before the sixth
    first = (whole.truth[2].position + 100) / 48000
    second = (whole.truth[5].position - 2000) / 48000
    cut = synthesise(sent, FRAMES, gaps=[(first, 0.01), (second, 0.03)], **options)
    a, b = round(first * 48000), round(second * 48000)
    kept = np.r_[0:a, a + 480 : b, b + 1440 : len(whole.samples)]
    assert np.array_equal(cut.samples, whole.samples[kept])
    assert cut.captures == [(0, 0), (a, a + 480), (b - 480, b + 1440)]
    assert [truth.continuity for truth in cut.truth] == [n != 2 for n in range(12)]
    lost = [0, 0, 0, 480, 480] + 7 * [1920]
    for n, (old, new) in enumerate(zip(whole.truth, cut.truth, strict=True)):
        assert new.position == pytest.approx(old.position - lost[n], abs=1e-6)
        assert new.time_ns == old.time_ns == 10**18 + round(old.seconds * 1e9)
    assert cut.truth[2].length == pytest.approx(whole.truth[2].length - 480, abs=1e-6)


def test_gaps_that_overlap_are_refused() -> None:
    with pytest.raises(FlowgraphError, match=r"gaps at 0\.1 s and 0\.15 s overlap"):
        synthesise(
            transmitter({"use": "fsk", "baudrate": 9600}, G3RUH), [], rate=48000.0, gaps=[(0.15, 0.1), (0.1, 0.1)]
        )


def test_imperfections_of_the_receiver() -> None:
    sent = transmitter({"use": "fsk", "baudrate": 9600}, G3RUH)
    plain = synthesise(sent, FRAMES, rate=48000.0).samples.astype(np.complex128)
    bad = synthesise(
        sent, FRAMES, rate=48000.0, dc=0.1 - 0.05j, iq_gain_db=2.0, iq_phase_deg=10.0, gain_steps=[(0.2, -6.0)]
    ).samples.astype(np.complex128)
    step = round(0.2 * 48000)
    gain = np.where(np.arange(len(plain)) < step, 1.0, 10 ** (-6 / 20))
    i, q = (bad - (0.1 - 0.05j)).real / gain, (bad - (0.1 - 0.05j)).imag / gain
    assert np.allclose(i, plain.real * 10 ** (1 / 20), atol=1e-6)
    lean = np.radians(10.0)
    assert np.allclose(q * 10 ** (1 / 20), plain.imag * np.cos(lean) + plain.real * np.sin(lean), atol=1e-6)


@pytest.mark.parametrize("form", ["iq", "ssb"])
def test_tilted_noise_keeps_its_density_in_the_middle(form: str) -> None:
    sent = transmitter({"use": "psk", "baudrate": 9600}, G3RUH)
    options = {"rate": 48000.0, "ebn0_db": 0.0, "lead": 0.0, "tail": 4.0, "form": form, "level": 0.1}

    def spectrum(tilt: float) -> NDArray[np.float64]:
        x = synthesise(sent, [], noise_tilt_db=tilt, **options).samples
        blocks = np.fft.fft(x[: len(x) // 256 * 256].reshape(-1, 256) * np.hanning(256), axis=1)
        return np.asarray(10 * np.log10(np.mean(np.abs(blocks) ** 2, axis=0)))

    raised = spectrum(12.0) - spectrum(0.0)
    places = {0: 0.0, 64: 3.0, 192: -3.0} if form == "iq" else {64: 0.0, 32: -3.0, 96: 3.0}
    for place, decibel in places.items():
        assert np.mean(raised[[place - 2, place - 1, place, place + 1, place + 2]]) == pytest.approx(decibel, abs=0.5)


def test_spurs_and_tuning() -> None:
    sent = transmitter({"use": "psk", "baudrate": 1200}, G3RUH)
    signal = synthesise(sent, FRAMES, rate=48000.0, centre=437e6 - 5000, spurs=[(-7000.0, 10.0)], level=0.1)
    power = np.abs(np.fft.fft(signal.samples)) ** 2 / len(signal.samples) ** 2
    frequency = np.fft.fftfreq(len(signal.samples), 1 / 48000)
    assert frequency[np.argmax(power)] == pytest.approx(-7000, abs=1)
    assert 10 * np.log10(power.max() / 0.01) == pytest.approx(10, abs=0.5)
    near = np.abs(frequency - 5000) < 1000
    assert power[near].sum() == pytest.approx(power[frequency > 0].sum(), rel=0.01)


def test_no_frames_is_noise_of_the_length_asked_for() -> None:
    signal = synthesise(transmitter({"use": "fsk", "baudrate": 9600}, G3RUH), [], rate=48000.0, lead=0.0, tail=2.0)
    assert len(signal.samples) == pytest.approx(96000, abs=10)
    assert not signal.truth
    assert not signal.samples.any()


@pytest.mark.parametrize(
    ("demod", "framing", "words"),
    [
        ({"use": "lora", "baudrate": 1}, G3RUH, "cannot be synthesised"),
        ({"use": "afsk", "baudrate": 1200}, G3RUH, "'deviation'"),
        ({"use": "fsk", "baudrate": 9600}, {"use": "ax100"}, "frame 1: a Reed-Solomon message has 1 to 223 bytes"),
    ],
)
def test_what_cannot_be_sent_is_refused(demod: dict[str, object], framing: dict[str, object], words: str) -> None:
    with pytest.raises(FlowgraphError, match=words):
        synthesise(transmitter(demod, framing), [bytes(500)], rate=48000.0)
