"""FSK, GFSK, GMSK and MSK by frequency discriminator, from IQ or from FM-discriminator audio.

    IQ:    channel filter, 8 samples a symbol -> discriminator -> |
    audio:                                                        | low-pass, 4 a symbol -> clock -> level -> soft

Timing, centre and swing are estimated looking both ways, so a burst is right from its first symbol.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dsp_ext.clock import SymbolClock
from dsp_ext.discriminator import Discriminator
from dsp_ext.equaliser import Equaliser
from dsp_ext.level import Level
from dsp_ext.resample import Resampler

from ..channel.filters import lowpass, polyphase
from ..errors import FlowgraphError
from ..stage import Chunk, Clock, Kind, Stream, parameter, required
from ._offsets import OffsetTrack

SYMBOL_CUTOFF = 0.43
"""Of the low-pass behind the discriminator, in symbol rates. Its noise rises with the square of frequency, and what so
narrow a filter does to the symbols the equaliser undoes: at h = 0.5 this gains 1.7 dB over 0.6 without one."""

LONGEST_SYMBOL = 8192
"""Samples; the filters grow with it."""


@dataclass
class Fsk:
    """Demodulate two-level frequency shift keying."""

    takes: ClassVar[tuple[Kind, ...]] = ("iq", "real")
    gives: ClassVar[Kind] = "soft"

    baudrate: float = required("Bd", "symbols per second")
    deviation: float | None = parameter(None, "Hz", "from the centre to a 1; negative when a 1 is the lower frequency")
    subaudio: bool = parameter(False, "", "the data are below the voice band of an FM voice channel")

    _resampler: Resampler = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not self.baudrate > 0:
            raise ValueError(f"baudrate is {self.baudrate}; it must be above 0")

    @property
    def bandwidth(self) -> float:
        """Band that the signal takes at radio frequency, Hz."""
        return 2 * (abs(self.deviation or self.baudrate / 3) + 0.55 * self.baudrate)

    def open(self, stream: Stream) -> Stream:
        if stream.rate < 1.5 * self.baudrate:
            raise FlowgraphError(
                f"fsk at {self.baudrate:g} Bd needs {1.5 * self.baudrate:g} samples per second or more, "
                f"got {stream.rate:g}"
            )
        if stream.rate > LONGEST_SYMBOL * self.baudrate:
            raise FlowgraphError(
                f"fsk at {self.baudrate:g} Bd takes up to {LONGEST_SYMBOL * self.baudrate:g} samples per second, "
                f"got {stream.rate:g}"
            )
        rate, step = stream.rate, 0.0
        self._channel = None
        if stream.kind == "iq":
            per_symbol = 8
            cutoff = min(self.bandwidth / 2 / rate, 0.45)
            self._channel = Resampler(
                polyphase(cutoff, cutoff * 0.4, 50), rate / (per_symbol * self.baudrate), is_complex=True
            )
            self._discriminator = Discriminator()
            rate = per_symbol * self.baudrate
        step = rate / (4 * self.baudrate)
        cutoff = min(0.9 * self.baudrate / rate, 0.45)
        self._resampler = Resampler(polyphase(cutoff, cutoff * 0.9, 40), step, is_complex=False)
        self._clock_recovery = SymbolClock(lowpass(SYMBOL_CUTOFF / 4, 0.9 * SYMBOL_CUTOFF / 4, 40))
        self._level = Level()
        self._equaliser = Equaliser()
        # of the symbols that are still inside level and equaliser
        self._instants: NDArray[np.float64] = np.empty(0)
        self._centres: NDArray[np.float32] = np.empty(0, np.float32)
        self._sign = -1.0 if self.deviation is not None and self.deviation < 0 else 1.0
        # source samples per sample of the clock's input, and where its first one stands
        self._step = stream.clock.rate / (4 * self.baudrate)
        self._delay = 0.5 * stream.clock.rate / rate if stream.kind == "iq" else 0.0
        self._to_hz = rate if stream.kind == "iq" else None
        self._origin: float | None = None
        self._clock: Clock = stream.clock
        self._track = OffsetTrack()
        return Stream("soft", self.baudrate, stream.clock, stream.frequency, stream.target, stream.span)

    def process(self, chunk: Chunk) -> list[Chunk]:
        if self._origin is None:
            self._origin = chunk.position
        self._clock = chunk.clock
        x = chunk.items
        if self._channel is not None:
            self._track.append(chunk)
            x = self._discriminator.process(self._channel.process(x))
        return self._symbols(*self._clock_recovery.process(self._resampler.process(x)))

    def close(self) -> list[Chunk]:
        tail = np.empty(0, np.float32)
        if self._channel is not None:
            tail = self._discriminator.process(self._channel.flush())
        tail = np.concatenate([self._resampler.process(tail), self._resampler.flush()])
        out = self._symbols(*self._clock_recovery.process(tail))
        out += self._symbols(*self._clock_recovery.flush())
        values, centres, _ = self._level.flush()
        self._centres = np.concatenate([self._centres, centres])
        out += self._give(np.concatenate([self._equaliser.process(values), self._equaliser.flush()]))
        self._origin = None
        return out

    def _symbols(self, values: NDArray[np.float32], instants: NDArray[np.float64]) -> list[Chunk]:
        self._instants = np.concatenate([self._instants, instants])
        levelled, centres, _ = self._level.process(values)
        self._centres = np.concatenate([self._centres, centres])
        return self._give(self._equaliser.process(levelled))

    def _give(self, soft: NDArray[np.float32]) -> list[Chunk]:
        n = len(soft)
        if not n:
            return []
        instants, self._instants = self._instants[:n], self._instants[n:]
        centres, self._centres = self._centres[:n], self._centres[n:]
        positions = (self._origin or 0.0) + instants * self._step - self._delay
        offsets = None
        if self._to_hz is not None:
            offsets = (centres * np.float32(self._to_hz) + self._track.at(positions)).astype(np.float32)
        if self._sign < 0:
            soft = -soft
        return [Chunk(soft, self.baudrate, float(positions[0]), self._clock, positions, offsets)]


stage = Fsk
