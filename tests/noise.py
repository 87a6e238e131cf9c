"""Samples in which nothing was sent, and the chains of all definitions to listen to them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from receiver.identify import hypotheses
from receiver.reception import Conditions, chain, declared_stages, other_ways
from receiver.satellite import Transmitter, all_satellites
from receiver.source import Recording
from receiver.stage import Chunk, Clock, Frame, Stream
from receiver.synth.channel import Noise
from receiver.synth.modulation import Fsk

KINDS = ("white", "coloured", "carrier", "fsk")
FORMS = ("iq", "audio")
RATE = 48000.0
BLOCK = 65536
FREQUENCY = 437.35e6


def noise(kind: str, form: str, rate: float, seconds: float, seed: int = 0) -> Iterator[NDArray[Any]]:
    """Blocks of samples in which nothing was sent, complex64 or float32.

    white : Gaussian; coloured : 30 dB more at one edge of the band, and its level wanders; carrier : 20 dB over the
    noise, drifting (audio: a tone); fsk : random bits at 9600 Bd, Gaussian with h = 1/2, at 25 dB Eb/N0
    """
    rng = np.random.default_rng((seed, KINDS.index(kind), FORMS.index(form)))
    is_complex = form == "iq"
    hiss = Noise(rng, 30.0 if kind == "coloured" else 0.0, is_complex)
    modulator, bits = Fsk(9600.0, 2400.0), 0
    modulator.append(np.zeros(8, np.int8))
    done, total = 0, round(seconds * rate)
    while done < total:
        n = min(BLOCK, total - done)
        t = (done + np.arange(n)) / rate
        x = hiss(n)
        if kind == "coloured":
            x = x * (1 + 0.9 * np.sin(2 * np.pi * t / 7))
        elif kind == "carrier":
            phase = 2 * np.pi * ((1500 * t + 200 * np.sin(t / 50)) % 1.0)
            x = 0.1 * x + (np.exp(1j * phase) if is_complex else np.cos(phase))
        elif kind == "fsk" and is_complex:
            u = 8 + t * 9600
            while modulator.stop <= u[-1] + 8:
                modulator.append(rng.choice(np.array([-1, 1], np.int8), 65536))
            x = modulator(u) + x * math.sqrt(rate / 9600 / 10**2.5)
            modulator.forget(math.floor(u[-1]))
        elif kind == "fsk":
            # the symbols themselves, smoothed a little, as a discriminator gives them
            index = (t * 9600).astype(np.int64)
            symbols = np.random.default_rng((seed, bits)).choice(np.array([-1.0, 1.0]), index[-1] - index[0] + 1)
            x = 0.1 * x + np.convolve(symbols[index - index[0]], [0.25, 0.5, 0.25], "same")
            bits += 1
        yield (0.25 * x).astype(np.complex64 if is_complex else np.float32)
        done += n


def demodulators(
    every: bool = False, blind: bool = False, form: str = "iq"
) -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Distinct demodulators of the shipped definitions, each with the framings that occur with it.

    Parameters
    ----------
    every : those that differ only in the deviation count as several
    blind : with the framings, too, that are tried where no satellite is named
    form : of the samples; in IQ more is tried where a definition tells no deviation
    """
    found: dict[str, tuple[dict[str, Any], dict[str, dict[str, Any]]]] = {}

    def add(demod: dict[str, Any], framings: Iterable[dict[str, Any]], every: bool = every) -> None:
        short = demod if every else {k: v for k, v in demod.items() if k not in ("deviation", "carrier")}
        _, known = found.setdefault(json.dumps(short, sort_keys=True), (demod, {}))
        known |= {json.dumps(framing, sort_keys=True): framing for framing in framings}

    for satellite in all_satellites():
        for sent in satellite.transmitters:
            add(sent.demod, [sent.framing])
            for way in other_ways(sent, declared_stages(sent, satellite.name)) if form == "iq" else ():
                add(way.demod, [sent.framing], True)
    if blind:
        for way in hypotheses():
            add(next(t.demod for _, t in way.satellites if t.demod["baudrate"] == way.baudrate), way.framings)
    return [(demod, list(framings.values())) for demod, framings in found.values()]


def frames_in(
    kind: str, form: str, seconds: float, demod: dict[str, Any], framings: list[dict[str, Any]], seed: int = 0
) -> list[Frame]:
    """Frames that a demodulator and framings find in noise."""
    rate = RATE
    while rate < 2.5 * demod["baudrate"]:
        rate *= 2
    clock = Clock(rate)
    recording = Recording("noise", "iq" if form == "iq" else "real", rate, clock, FREQUENCY if form == "iq" else None)
    chains = [
        chain(Transmitter("x", FREQUENCY, demod, framing), recording, Conditions(), "noise") for framing in framings
    ]
    front, ends = chains[0].stages[:-1], [made.stages[-1] for made in chains]
    stream = Stream(recording.kind, rate, clock, recording.frequency)
    for stage in front:
        stream = stage.open(stream)
    for end in ends:
        end.open(stream)
    frames: list[Frame] = []

    def give(items: list[Any], stages: list[Any]) -> None:
        for stage in stages:
            items = [made for item in items for made in stage.process(item)]
        for end in ends:
            frames.extend(frame for item in items for frame in end.process(item) if isinstance(frame, Frame))

    position = 0.0
    for x in noise(kind, form, rate, seconds, seed):
        give([Chunk(x, rate, position, clock)], front)
        position += len(x)
    for i, stage in enumerate(front):
        give(list(stage.close()), front[i + 1 :])
    for end in ends:
        frames.extend(frame for frame in end.close() if isinstance(frame, Frame))
    return frames
