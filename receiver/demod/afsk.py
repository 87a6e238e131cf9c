"""AFSK: two audio tones about an audio carrier, from FM IQ or from the audio.

    IQ: channel filter -> FM discriminator -> |
    audio:                                    | DC off -> clicks cut -> down by the audio carrier -> FSK

The tones are demodulated as FSK at a carrier of `carrier` Hz, which they are. An FM receiver that is beside the signal
gives audio with a constant, often greater than the tones.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dsp_ext.dcblock import DcBlocker
from dsp_ext.doppler import Mixer

from ..stage import Chunk, Kind, Stream, above_0, parameter, required
from ._fm import carson, tone_audio, tone_limiter, with_offsets
from .fsk import Fsk

NOTCH = 1 / 32
"""Least width of the notch at zero, of the symbol rate: that much may be lacking from a spectrum that reaches there."""


@dataclass
class Afsk:
    """Demodulate audio frequency shift keying."""

    takes: ClassVar[tuple[Kind, ...]] = ("iq", "real")
    gives: ClassVar[Kind] = "soft"
    has_carrier: ClassVar[bool] = True

    baudrate: float = required("Bd", "symbols per second")
    carrier: float = required("Hz", "audio frequency midway between the tones")
    deviation: float = required("Hz", "from there to the tone of a 1; negative when that is the lower one")
    fm_deviation: float = parameter(3000.0, "Hz", "peak deviation of the FM")

    def __post_init__(self) -> None:
        above_0(self, "baudrate", "carrier", "fm_deviation")
        if self.deviation == 0:
            raise ValueError("deviation is 0; it must be the distance of a 1 from the carrier")

    @property
    def _top(self) -> float:
        """Highest audio frequency of the signal, Hz."""
        return self.carrier + abs(self.deviation) + 0.5 * self.baudrate

    @property
    def bandwidth(self) -> float:
        """Band that the signal takes at radio frequency, Hz (Carson)."""
        return carson(self.fm_deviation, self._top)

    def open(self, stream: Stream) -> Stream:
        highest = self.carrier + abs(self.deviation)
        self._fm, self._rate = tone_audio(stream, "afsk", "tones", self._top, highest, self.fm_deviation, self.baudrate)
        self._fsk = Fsk(self.baudrate, self.deviation)
        self._fsk.open(replace(stream, kind="iq", rate=self._rate))  # refuses symbols that are too long
        self._mixer = Mixer(-self.carrier / self._rate)
        low = self.carrier - abs(self.deviation) - 0.5 * self.baudrate
        self._blocker = DcBlocker(2 * round(self._rate / (2 * max(0.5 * low, NOTCH * self.baudrate))) + 1)
        self._limiter = tone_limiter(self._rate, self.baudrate)
        self._audio: Chunk | None = None  # the last
        self._done = 0  # samples
        return Stream("soft", self.baudrate, stream.clock, stream.frequency, stream.target, stream.span)

    def process(self, chunk: Chunk) -> list[Chunk]:
        return self._tones(self._fm.process(chunk) if self._fm is not None else chunk)

    def close(self) -> list[Chunk]:
        out = self._tones(self._fm.flush()) if self._audio is not None and self._fm is not None else []
        if self._audio is not None:
            out += self._down(self._limiter.process(self._blocker.flush()))
            out += self._down(self._limiter.flush())
        out += with_offsets(self._fsk.close(), self._fm)
        self._audio = None
        return out

    def _tones(self, audio: Chunk) -> list[Chunk]:
        if self._audio is None:
            self._origin = audio.position
        self._audio = audio
        return self._down(self._limiter.process(self._blocker.process(audio.items)))

    def _down(self, audio: NDArray[np.float32]) -> list[Chunk]:
        assert self._audio is not None
        x = audio.astype(np.complex64)
        self._mixer.process(x, x)
        position = self._origin + self._done * self._audio.step
        self._done += len(x)
        return with_offsets(self._fsk.process(replace(self._audio, items=x, position=position)), self._fm)


stage = Afsk
