"""A transmitter's signal as samples, block by block, with the truth of what was sent and when."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import FlowgraphError
from ..satellite import Transmitter
from .channel import Channel, Motion, Noise
from .framing import Encoder, Piece
from .link import linked_encoder
from .modulation import Modulator, modulator

Form = Literal["iq", "fm", "ssb"]
"""IQ, audio of an FM discriminator, or audio of a single-sideband receiver."""

BLOCK = 65536
"""Samples that are made at a time."""
_SILENCE = 256
"""Silent symbols before the first sample, for filters to look back at."""


@dataclass(frozen=True)
class Truth:
    """A frame that was sent, with the receiver's conventions."""

    payload: bytes
    framing: str
    position: float
    """Leading edge of the first bit behind flag or sync word, in samples of the recording."""
    length: float
    """From there to the end of the last bit, in samples of the recording."""
    seconds: float
    """When the first bit arrived, since the first sample; lost samples count."""
    time_ns: int | None
    """The same as UTC, ns since 1970-01-01."""
    doppler: float | None
    """Doppler shift then, Hz; None without any."""
    continuity: bool = True
    """False when lost samples touch the frame."""


@dataclass(frozen=True)
class Block:
    """Consecutive samples: complex128 for IQ, float64 for audio, full scale 1."""

    samples: NDArray[Any]
    index: int
    """Of the first sample, lost ones counted."""


@dataclass
class Synthesiser:
    """Makes one recording, once. `truth` and `captures` are complete when `blocks` has ended."""

    transmitter: Transmitter
    frames: Iterable[bytes]
    rate: float
    """Samples per second."""
    channel: Channel = field(default_factory=Channel)
    form: Form = "iq"
    seed: int = 0
    start_ns: int | None = None
    """UTC of the first sample, ns since 1970-01-01."""
    centre: float | None = None
    """Radio frequency of zero in IQ, Hz; None: the transmitter's."""
    level: float = 0.25
    """RMS of signal and noise, of full scale; for FM audio: that of the peak deviation."""
    bt: float | None = 0.5
    """Bandwidth-time product of FSK's Gaussian filter; None: rectangular."""
    rolloff: float | None = 0.5
    """Of PSK's root-raised cosine; None: rectangular."""
    preamble: int = 16
    """Bytes or flags before the first frame of a burst."""
    postamble: int = 2
    """Bytes or flags behind the last frame of a burst."""
    burst: int | None = None
    """Frames in a burst; None: all of them in one."""
    pause: float = 0.05
    """Seconds without signal between bursts."""
    lead: float = 0.02
    """Seconds without signal before the first burst."""
    tail: float = 0.02
    """Seconds without signal behind the last burst."""
    carrier: float = 1500.0
    """Of single-sideband audio, Hz."""
    if_bandwidth: float | None = None
    """Of the FM receiver before its discriminator, Hz; None: what the modulation needs."""
    truth: list[Truth] = field(init=False, default_factory=list)
    captures: list[tuple[int, int]] = field(init=False, default_factory=list)
    """Of each stretch without a gap: its first sample in the recording, and the same with lost ones counted."""
    samples: int = field(init=False, default=0)
    """Samples so far, without lost ones."""

    def __post_init__(self) -> None:
        if self.form not in ("iq", "fm", "ssb"):
            raise ValueError(f"form {self.form!r}: one of 'iq', 'fm', 'ssb' was expected")
        if self.rate < self.transmitter.baudrate:
            raise FlowgraphError(
                f"{self.rate:g} samples per second are too few for {self.transmitter.baudrate:g} Bd; more are needed"
            )
        self._encoder = linked_encoder(self.transmitter.framing, self.transmitter.link)
        self._modulator = modulator(self.transmitter.demod, self.bt, self.rolloff)
        self._rng = np.random.default_rng(self.seed)
        self._gaps = [(round(at * self.rate), round(long * self.rate)) for at, long in sorted(self.channel.gaps)]
        for (at, lost), (following, _) in zip(self._gaps, self._gaps[1:], strict=False):
            if following < at + lost:
                raise FlowgraphError(f"the gaps at {at / self.rate:g} s and {following / self.rate:g} s overlap")
        self._tuning = 0.0 if self.centre is None else self.transmitter.frequency - self.centre
        self._doppler = self.channel.shift()
        self._end: float | None = None
        """Seconds at which the recording ends, once known."""

    @property
    def noise_density(self) -> float:
        """Noise power per Hz, where the signal's power is 1."""
        if self.channel.ebn0_db is None:
            return 0.0
        channel_bits = self.transmitter.baudrate * self._modulator.per_baud / self._modulator.per_bit
        bits = channel_bits * self._encoder.rate
        return float(10 ** (-self.channel.ebn0_db / 10) / bits)

    @property
    def zero_frequency(self) -> float:
        """Radio frequency of zero in the recording, Hz; for FM audio the transmitter's."""
        if self.form == "ssb":
            return self.transmitter.frequency - self.carrier
        return self.transmitter.frequency - self._tuning

    def blocks(self) -> Iterator[Block]:
        """Samples, split where some were lost."""
        form = {"iq": self._iq_form, "fm": self._fm_form, "ssb": self._ssb_form}[self.form]
        index = 0
        previous: int | None = None
        for samples in form():
            if self._end is not None:
                samples = samples[: max(0, math.ceil(self._end * self.rate) - index)]
            for a, b in self._kept(index, index + len(samples)):
                if previous != a:
                    self.captures.append((self.samples, a))
                previous, self.samples = b, self.samples + b - a
                yield Block(samples[a - index : b - index], a)
            index += len(samples)

    # -- forms --------------------------------------------------------------------------------------------------------

    def _iq_form(self) -> Iterator[NDArray[np.complex128]]:
        variance = self.noise_density * self.rate
        scale = self.level / math.sqrt(1 + variance)
        for _, x in self._received(self.rate, 0, 0.0):
            yield scale * x + self.channel.dc

    def _ssb_form(self) -> Iterator[NDArray[np.float64]]:
        noise = Noise(self._rng, self.channel.noise_tilt_db, is_complex=False)
        variance = self.noise_density * self.rate / 2
        scale = self.level / math.sqrt(1 + variance)
        for seconds, x in self._clean(self.rate, 0, 0.0):
            y = math.sqrt(2) * (x * np.exp(2j * np.pi * (self.carrier * seconds % 1.0))).real
            y = self.channel.gain(seconds) * (y + math.sqrt(variance) * noise(len(x)))
            yield scale * y + self.channel.dc.real

    def _fm_form(self) -> Iterator[NDArray[np.float64]]:
        """Sample k is the mean frequency from half a sample before it to half a sample behind."""
        deviation, highest = _fm_extent(self.transmitter.demod)
        bandwidth = self.if_bandwidth or 2 * (deviation + highest)
        times = max(2, math.ceil(2 * bandwidth / self.rate))
        rate = times * self.rate
        reach = math.ceil(5 * rate / bandwidth)
        taps = np.sinc(np.arange(-reach, reach + 1) * bandwidth / rate) * np.hamming(2 * reach + 1)
        taps /= taps.sum()
        held = np.zeros(0, np.complex128)
        for _, x in self._received(rate, -reach, -times / 2, margin=2 * reach + 2 * times):
            held = np.concatenate([held, x])
            count = (len(held) - 2 * reach - 1) // times
            if count < 1:
                continue
            y = np.convolve(held[: count * times + 2 * reach + 1], taps, "valid")
            held = held[count * times :]
            cycles = np.angle(y[1:] * np.conj(y[:-1])) / (2 * np.pi)
            yield cycles.reshape(-1, times).sum(axis=1) * self.rate * self.level / deviation

    def _received(
        self, rate: float, first: int, shift: float, margin: int = 0
    ) -> Iterator[tuple[NDArray[np.float64], NDArray[np.complex128]]]:
        """IQ with noise and the receiver's imperfections; arguments as of `_clean`."""
        noise = Noise(self._rng, self.channel.noise_tilt_db, is_complex=True)
        amplitude = math.sqrt(self.noise_density * rate)
        for seconds, x in self._clean(rate, first, shift, margin):
            if amplitude:
                x = x + amplitude * noise(len(x))
            yield seconds, self.channel.imperfect(seconds, x)

    def _clean(
        self, rate: float, first: int, shift: float, margin: int = 0
    ) -> Iterator[tuple[NDArray[np.float64], NDArray[np.complex128]]]:
        """Signal and spurs at the instants (i + shift) / rate for i from `first`, and `margin` beyond the end."""
        symbol_rate = self.transmitter.baudrate * self._modulator.per_baud
        phase, fraction = self._rng.random(2)
        motion = Motion(self.channel, symbol_rate, self.transmitter.frequency, self._tuning, _SILENCE + fraction)
        sender = _Sender(self, symbol_rate)
        while self._end is None or (first + shift) / rate < self._end + margin / rate:
            seconds = np.arange(first, first + BLOCK, dtype=np.float64) + shift
            seconds /= rate
            start, stop = float(seconds[0]), (first + BLOCK + shift) / rate
            motion.begin(start, stop)
            u = motion.symbols(seconds)
            sender.reach(math.ceil(u[-1]) + 1)
            x = self._modulator(u) * np.exp(2j * np.pi * ((motion.cycles(seconds) + phase) % 1.0))
            for frequency, decibel in self.channel.spurs:
                x += 10 ** (decibel / 20) * np.exp(2j * np.pi * (frequency * seconds % 1.0))
            sender.note(motion, stop)
            yield seconds, x
            self._modulator.forget(math.floor(u[-1]))
            first += BLOCK

    # -- truth --------------------------------------------------------------------------------------------------------

    def _kept(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        """Stretches from start to stop that no gap takes away."""
        for at, lost in self._gaps:
            if at >= stop:
                break
            if start < at:
                yield start, at
            start = max(start, at + lost)
        if start < stop:
            yield start, stop

    def _place(self, seconds: float) -> float:
        """Place in the recording at some time."""
        place = sample = seconds * self.rate
        for at, lost in self._gaps:
            place -= min(max(sample - at, 0.0), lost)
        return place

    def _add(self, payload: bytes, start: float, stop: float) -> None:
        """Note a frame received from start to stop, seconds."""
        position = self._place(start)
        touched = any(start * self.rate < at + lost and stop * self.rate > at for at, lost in self._gaps)
        self.truth.append(
            Truth(
                payload=payload,
                framing=self._encoder.name,
                position=position,
                length=self._place(stop) - position,
                seconds=start,
                time_ns=None if self.start_ns is None else self.start_ns + round(start * 1e9),
                doppler=None if self._doppler is None else float(self._doppler(np.array([start]))[0]),
                continuity=not touched,
            )
        )


class _Sender:
    """Feeds the modulator with symbols, and remembers where frames are."""

    def __init__(self, synthesiser: Synthesiser, symbol_rate: float) -> None:
        self._synthesiser, self._symbol_rate = synthesiser, symbol_rate
        self._encoder: Encoder = synthesiser._encoder
        self._modulator: Modulator = synthesiser._modulator
        self._pieces = self._send()
        self._sent: deque[tuple[bytes, float, float]] = deque()
        self._begun: float | None = None
        self._stop: float | None = None
        self._silence(_SILENCE + synthesiser.lead * symbol_rate)

    def reach(self, symbol: int) -> None:
        """Have symbols up to this one, and as many more as the modulator looks ahead."""
        modulator = self._modulator
        while modulator.stop <= symbol + modulator.reach:
            piece = next(self._pieces, None)
            if piece is None:
                if self._stop is None:
                    self._stop = modulator.stop + self._synthesiser.tail * self._symbol_rate
                self._silence(symbol + modulator.reach + 1 - modulator.stop)
                return
            if piece.payload is not None:
                first = modulator.stop + modulator.waiting * modulator.per_bit
                bounds = (first + piece.start * modulator.per_bit, first + piece.stop * modulator.per_bit)
                self._sent.append((piece.payload, *bounds))
            modulator.append(modulator.symbols(piece.bits))

    def note(self, motion: Motion, stop: float) -> None:
        """Write down the frames that have arrived before `stop`, seconds, and when all ends."""
        arrived = float(motion.symbols(np.array([stop]))[0])
        while self._sent:
            payload, first, last = self._sent[0]
            if self._begun is None and first < arrived:
                self._begun = motion.time(first)
            if self._begun is None or last >= arrived:
                break
            self._synthesiser._add(payload, self._begun, motion.time(last))
            self._sent.popleft()
            self._begun = None
        if self._synthesiser._end is None and self._stop is not None and self._stop <= arrived:
            self._synthesiser._end = motion.time(self._stop)

    def _silence(self, symbols: float) -> None:
        self._modulator.append(np.zeros(max(0, round(symbols)), np.int8))

    def _send(self) -> Iterator[Piece]:
        synthesiser = self._synthesiser
        frames = iter(synthesiser.frames)
        frame = next(frames, None)
        number = 0
        while frame is not None:
            yield self._encoder.begin(synthesiser.preamble)
            sent = 0
            while frame is not None and sent != synthesiser.burst:
                number += 1
                try:
                    yield self._encoder.frame(frame)
                except ValueError as error:
                    raise FlowgraphError(f"frame {number}: {error}") from error
                frame, sent = next(frames, None), sent + 1
            yield self._encoder.end(synthesiser.postamble)
            if frame is not None:
                self._silence(synthesiser.pause * self._symbol_rate)


def _fm_extent(table: dict[str, Any]) -> tuple[float, float]:
    """Peak deviation and highest modulating frequency of an FM signal, Hz."""
    baudrate = float(table["baudrate"])
    if "carrier" in table:
        highest = float(table["carrier"]) + abs(float(table.get("deviation", 0.0))) + baudrate / 2
        return float(table.get("fm_deviation", 3000.0)), highest
    usual = baudrate / (2 if table.get("levels") == 4 else 4)
    return abs(float(table.get("deviation", usual))), 0.75 * baudrate
