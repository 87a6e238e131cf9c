"""Whether a transmitter's definition works: frames are synthesised, sent through noise, and received by its chain."""

from __future__ import annotations

import json
from dataclasses import dataclass

from .errors import RadomeError, counted
from .framing.several import BESIDE
from .reception import Conditions, chain
from .satellite import Transmitter
from .source import Recording
from .stage import Chunk, Clock, Frame, Stream
from .synth import Channel, Synthesiser
from .synth.framing import encoder
from .synth.payloads import payloads

FRAMES = 2
EBN0_DB = 25.0
LEAST_RATE = 8000.0
SEED = 20


OTHERS = tuple(
    Transmitter(" ".join(framing.values()), 437e6, demod, framing)
    for framing in BESIDE
    for demod in (
        {"use": "fsk", "baudrate": 9600},
        {"use": "afsk", "baudrate": 1200, "carrier": 1700, "deviation": 500},
    )
)
"""Transmitters with the framings that no definition has."""


@dataclass(frozen=True)
class Outcome:
    """What came of one chain."""

    sent: int
    received: int
    """Frames that came back whole."""
    wrong: int = 0
    """Frames that were not sent."""
    fault: str = ""
    """Why there is no chain or nothing to send."""

    @property
    def good(self) -> bool:
        return not self.fault and self.received == self.sent > 0 and not self.wrong

    def __str__(self) -> str:
        return self.fault or (
            f"{self.received} of {counted(self.sent, 'frame')} came back, {counted(self.wrong, 'wrong one')}"
        )


def key(transmitter: Transmitter) -> str:
    """The same for transmitters that have the same chain."""
    return json.dumps([transmitter.demod, transmitter.framing, transmitter.link], sort_keys=True)


def check(transmitter: Transmitter) -> Outcome:
    """Send frames as IQ at 25 dB Eb/N0 and receive them; the same outcome every time."""
    try:
        return _check(transmitter)
    except (RadomeError, ValueError) as error:
        return Outcome(0, 0, fault=str(error).removeprefix(f"{transmitter.name}: "))


def _check(transmitter: Transmitter) -> Outcome:
    clock = Clock(1.0)
    recording = Recording("synthesised", "iq", 1.0, clock, transmitter.frequency)
    stages = chain(transmitter, recording, Conditions(), transmitter.name)
    bandwidth = max(getattr(stage, "bandwidth", 0.0) for stage in stages.stages)
    rate = max(LEAST_RATE, 5 * transmitter.baudrate, 2.5 * bandwidth)
    clock = Clock(rate)
    frames = payloads(transmitter.framing, FRAMES, SEED, link=transmitter.link)
    synthesiser = Synthesiser(transmitter, frames, rate, Channel(ebn0_db=EBN0_DB), seed=SEED, burst=1)
    stages.open(Stream("iq", rate, clock, transmitter.frequency))
    made: list[Chunk | Frame] = []
    position = 0
    for block in synthesiser.blocks():
        made += stages.process(Chunk(block.samples.astype("complex64"), rate, float(position), clock))
        position += len(block.samples)
    made += stages.close()
    found = [frame.payload for frame in made if isinstance(frame, Frame)]
    sent = [truth.payload for truth in synthesiser.truth]
    received = sum(payload in found for payload in sent)
    return Outcome(len(sent), received, len(set(found) - set(sent) - {encoder(transmitter.framing).filling}))
