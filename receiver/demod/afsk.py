"""AFSK: two audio tones about an audio carrier, from FM IQ or from the audio.

    IQ: channel filter -> FM discriminator -> |
    audio:                                    | down by the audio carrier -> FSK

The tones are demodulated as FSK at a carrier of `carrier` Hz, which they are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from dsp_ext.doppler import Mixer

from ..stage import Chunk, Kind, Stream, parameter, required
from ._fm import carson, tone_audio, with_offsets
from .fsk import Fsk


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
        return carson(self.fm_deviation, self._top)

    def open(self, stream: Stream) -> Stream:
        self._fm, self._rate = tone_audio(stream, "afsk", "tones", self._top, self.fm_deviation, self.baudrate)
        self._fsk = Fsk(self.baudrate, self.deviation)
        self._mixer = Mixer(-self.carrier / self._rate)
        self._begun = False
        self._fsk.open(replace(stream, kind="iq", rate=self._rate))
        return Stream("soft", self.baudrate, stream.clock, stream.frequency, stream.target, stream.span)

    def process(self, chunk: Chunk) -> list[Chunk]:
        self._begun = True
        return self._tones(self._fm.process(chunk) if self._fm is not None else chunk)

    def close(self) -> list[Chunk]:
        out = self._tones(self._fm.flush()) if self._begun and self._fm is not None else []
        out += with_offsets(self._fsk.close(), self._fm)
        self._begun = False
        return out

    def _tones(self, audio: Chunk) -> list[Chunk]:
        x = audio.items.astype(np.complex64)
        self._mixer.process(x, x)
        return with_offsets(self._fsk.process(replace(audio, items=x)), self._fm)


stage = Afsk
