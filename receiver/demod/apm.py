"""Phase modulation of an audio tone of which some is left, from FM IQ or from the audio.

    IQ: channel filter -> FM discriminator -> |
    audio:                                    | clicks cut -> down by the audio carrier -> across the carrier -> FSK

    audio = cos(2 pi carrier t + a[n] deviation),    a[n]: -1, 1

What is left of the carrier tells its phase: the mean over some symbols on both sides. Across it, a 1 is above zero and
a 0 below, as behind a discriminator. D. Estevez, "Decoding TANUSHA-3" (2018), for the one satellite that sends so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dsp_ext.doppler import Mixer
from dsp_ext.fir import Decimator

from ..channel.filters import lowpass
from ..stage import Chunk, Clock, Kind, Stream, above_0, parameter, required
from ._fm import carson, tone_audio, tone_limiter, with_offsets
from .fsk import Fsk

AROUND, EACH = 8, 2
"""Blocks on each side over which the tone's phase is averaged, and symbols in a block."""


@dataclass
class Apm:
    """Demodulate an audio tone whose phase is modulated by less than a quarter turn."""

    takes: ClassVar[tuple[Kind, ...]] = ("iq", "real")
    gives: ClassVar[Kind] = "soft"
    has_carrier: ClassVar[bool] = True

    baudrate: float = required("Bd", "symbols per second")
    carrier: float = required("Hz", "audio frequency")
    fm_deviation: float = parameter(3000.0, "Hz", "peak deviation of the FM")

    def __post_init__(self) -> None:
        above_0(self, "baudrate", "carrier", "fm_deviation")

    @property
    def _top(self) -> float:
        return self.carrier + self.baudrate

    @property
    def bandwidth(self) -> float:
        """Band that the signal takes at radio frequency, Hz (Carson)."""
        return carson(self.fm_deviation, self._top)

    def open(self, stream: Stream) -> Stream:
        top, tone = self._top, self.carrier
        self._fm, self._rate = tone_audio(stream, "apm", "a band", top, tone, self.fm_deviation, self.baudrate)
        self._fsk = Fsk(self.baudrate)
        self._fsk.open(replace(stream, kind="real", rate=self._rate))  # refuses symbols that are too long
        self._limiter = tone_limiter(self._rate, self.baudrate)
        self._mixer = Mixer(-self.carrier / self._rate)
        # the band on the other side of zero, and what else is in the audio
        cutoff = 0.9 * self.baudrate / self._rate
        self._band = Decimator(lowpass(cutoff, 0.5 * cutoff, 50), 1, is_complex=True)
        self._block = round(EACH * self._rate / self.baudrate)
        self._held = np.zeros(AROUND * self._block, np.complex64)
        self._origin: float | None = None
        self._clock: Clock = stream.clock
        self._count = 0
        return Stream("soft", self.baudrate, stream.clock, stream.frequency, stream.target, stream.span)

    def process(self, chunk: Chunk) -> list[Chunk]:
        return self._audio(self._fm.process(chunk) if self._fm is not None else chunk)

    def close(self) -> list[Chunk]:
        if self._origin is None:
            return []
        out = self._audio(self._fm.flush()) if self._fm is not None else []
        out += self._down(self._limiter.flush())
        rest = np.concatenate([self._band.flush(), np.zeros((AROUND + 1) * self._block, np.complex64)])
        out += [*self._across(rest), *with_offsets(self._fsk.close(), self._fm)]
        self._origin = None
        return out

    def _audio(self, audio: Chunk) -> list[Chunk]:
        if not len(audio):
            return []
        if self._origin is None:
            self._origin = audio.position
        self._clock = audio.clock
        return self._down(self._limiter.process(audio.items))

    def _down(self, audio: NDArray[np.float32]) -> list[Chunk]:
        x = audio.astype(np.complex64)
        self._mixer.process(x, x)
        return self._across(self._band.process(x))

    def _across(self, x: NDArray[np.complex64]) -> list[Chunk]:
        """What is at right angles to the carrier, of blocks that have as many behind them as the mean takes."""
        held = np.concatenate([self._held, x])
        blocks = len(held) // self._block
        n = blocks - 2 * AROUND
        if n <= 0:
            self._held = held
            return []
        y = held[: blocks * self._block].reshape(blocks, self._block)
        # of unit vectors, so that noise between transmissions has no say in it
        sums = (y / np.maximum(np.abs(y), np.float32(1e-20))).sum(axis=1)
        mean = np.lib.stride_tricks.sliding_window_view(sums, 2 * AROUND + 1).sum(axis=1)
        turn = np.conj(mean) / np.maximum(np.abs(mean), np.float32(1e-20))
        here = y[AROUND : AROUND + n]
        self._held = held[n * self._block :]
        across = np.ascontiguousarray((here * turn[:, None]).imag.ravel(), np.float32)
        n = len(across)
        position = (self._origin or 0.0) + self._count * (self._clock.rate / self._rate)
        self._count += n
        return with_offsets(self._fsk.process(Chunk(across, self._rate, position, self._clock)), self._fm)


stage = Apm
