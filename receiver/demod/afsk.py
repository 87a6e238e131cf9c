"""AFSK: two audio tones about an audio carrier, from FM IQ or from the audio.

    IQ: channel filter -> FM discriminator -> |
    audio:                                    | down by the audio carrier -> FSK

The tones are demodulated as FSK at a carrier of `carrier` Hz, which they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dsp_ext.discriminator import Discriminator
from dsp_ext.doppler import Mixer
from dsp_ext.resample import Resampler

from ..channel.filters import polyphase
from ..errors import FlowgraphError
from ..stage import Chunk, Kind, Stream, parameter, required
from ._offsets import OffsetTrack
from .fsk import Fsk

BLOCK = 64
"""Symbols over which the carrier's offset is averaged; the tones turn over many times."""


@dataclass
class Afsk:
    """Demodulate audio frequency shift keying."""

    takes: ClassVar[tuple[Kind, ...]] = ("iq", "real")
    gives: ClassVar[Kind] = "soft"

    baudrate: float = required("Bd", "symbols per second")
    carrier: float = required("Hz", "audio frequency midway between the tones")
    deviation: float = required("Hz", "from there to the tone of a 1; negative when that is the lower one")
    fm_deviation: float = parameter(3000.0, "Hz", "peak deviation of the FM")

    def __post_init__(self) -> None:
        if not (self.baudrate > 0 and self.carrier > 0 and self.fm_deviation > 0):
            raise ValueError("baudrate, carrier and fm_deviation must be above 0")
        if self.deviation == 0:
            raise ValueError("deviation is 0; it must be the distance of a 1 from the carrier")

    @property
    def _top(self) -> float:
        """Highest audio frequency of the signal, Hz."""
        return self.carrier + abs(self.deviation) + 0.5 * self.baudrate

    @property
    def bandwidth(self) -> float:
        """Band that the signal takes at radio frequency, Hz (Carson)."""
        return 2 * (self.fm_deviation + self._top)

    def open(self, stream: Stream) -> Stream:
        if stream.rate < 2 * self._top:
            raise FlowgraphError(
                f"afsk with tones up to {self._top:g} Hz needs {2 * self._top:g} samples per second or more, "
                f"got {stream.rate:g}"
            )
        if stream.kind == "iq" and self.fm_deviation > stream.rate / 2:
            raise FlowgraphError(
                f"afsk by FM of {self.fm_deviation:g} Hz needs {2 * self.fm_deviation:g} samples per second or more, "
                f"got {stream.rate:g}"
            )
        self._fsk = Fsk(self.baudrate, self.deviation)
        self._channel: Resampler | None = None
        rate = stream.rate
        if stream.kind == "iq":
            rate = max(2.5 * self.bandwidth / 2, 3 * self._top)
            cutoff = min(0.5 * self.bandwidth / stream.rate, 0.45)
            self._channel = Resampler(polyphase(cutoff, cutoff * 0.4, 50), stream.rate / rate, is_complex=True)
            self._discriminator = Discriminator()
        self._rate, self._delay = rate, 0.5 * stream.clock.rate / rate if stream.kind == "iq" else 0.0
        self._mixer = Mixer(-self.carrier / rate)
        self._track, self._residue = OffsetTrack(), OffsetTrack()
        self._block = max(1, round(BLOCK * rate / self.baudrate))
        self._unaveraged: NDArray[np.float32] = np.empty(0, np.float32)
        self._origin: float | None = None
        self._count = 0
        self._last: Chunk | None = None
        self._fsk.open(replace(stream, kind="iq", rate=rate))
        return Stream("soft", self.baudrate, stream.clock, stream.frequency, stream.target, stream.span)

    def process(self, chunk: Chunk) -> list[Chunk]:
        if self._origin is None:
            self._origin = chunk.position - self._delay
        self._last = chunk
        audio = chunk.items
        if self._channel is not None:
            self._track.append(chunk)
            audio = self._discriminator.process(self._channel.process(audio))
        return self._tones(audio, chunk)

    def close(self) -> list[Chunk]:
        out: list[Chunk] = []
        if self._last is not None and self._channel is not None:
            out = self._tones(self._discriminator.process(self._channel.flush()), self._last)
        out += self._finished(self._fsk.close())
        self._origin = self._last = None
        return out

    def _tones(self, audio: NDArray[np.float32], chunk: Chunk) -> list[Chunk]:
        x = audio.astype(np.complex64)
        self._mixer.process(x, x)
        step = chunk.clock.rate / self._rate
        position = (self._origin or 0.0) + self._count * step
        if self._channel is not None:
            # what the discriminator gives on average is how far the carrier is beside zero
            held = np.concatenate([self._unaveraged, audio])
            n = len(held) // self._block
            first = position - len(self._unaveraged) * step
            means = held[: n * self._block].reshape(n, self._block).mean(axis=1, dtype=np.float64)
            middles = first + (np.arange(n) + 0.5) * self._block * step
            self._residue.add(middles, means * self._rate)
            self._unaveraged = held[n * self._block :]
        self._count += len(x)
        return self._finished(self._fsk.process(Chunk(x, self._rate, position, chunk.clock)))

    def _finished(self, chunks: Sequence[Chunk]) -> list[Chunk]:
        """Put the radio carrier's offsets in place of the tones'."""
        out = []
        for chunk in chunks:
            offsets = None
            if self._channel is not None and chunk.positions is not None:
                both = self._track.at(chunk.positions) + self._residue.at(chunk.positions)
                offsets = both.astype(np.float32)
            out.append(replace(chunk, offsets=offsets))
        return out


stage = Afsk
