"""FSK, GFSK, GMSK and MSK, from IQ by a sequence detector, or from FM-discriminator audio.

    audio: low-pass, 4 samples a symbol -> clock -> level -> equaliser -> soft symbols

Timing, centre and swing are estimated looking both ways, so a burst is right from its first symbol.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dsp_ext.clock import SymbolClock
from dsp_ext.equaliser import Equaliser
from dsp_ext.level import Level
from dsp_ext.resample import Resampler

from ..channel.filters import lowpass, polyphase
from ..errors import FlowgraphError
from ..stage import Chunk, Clock, Kind, Stream, parameter, required
from ._cpm import SequenceReceiver

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
        if self.deviation == 0:
            raise ValueError("deviation is 0; it must be the distance of a 1 from the centre, or be left out")

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
        if stream.kind == "iq" and abs(self.deviation or 0.0) > stream.rate / 2:
            raise FlowgraphError(
                f"fsk with a deviation of {self.deviation:g} Hz needs {2 * abs(self.deviation or 0.0):g} samples per "
                f"second or more, got {stream.rate:g}"
            )
        if stream.rate > LONGEST_SYMBOL * self.baudrate:
            raise FlowgraphError(
                f"fsk at {self.baudrate:g} Bd takes up to {LONGEST_SYMBOL * self.baudrate:g} samples per second, "
                f"got {stream.rate:g}"
            )
        self._receiver: SequenceReceiver | None = None
        self._sign = -1.0 if self.deviation is not None and self.deviation < 0 else 1.0
        self._clock: Clock = stream.clock
        self._origin: float | None = None
        out = Stream("soft", self.baudrate, stream.clock, stream.frequency, stream.target, stream.span)
        if stream.kind == "iq":
            index = None if self.deviation is None else 2 * abs(self.deviation) / self.baudrate
            self._receiver = SequenceReceiver(stream, self.baudrate, self.bandwidth, index)
            return out
        step = stream.rate / (4 * self.baudrate)
        cutoff = min(0.9 * self.baudrate / stream.rate, 0.45)
        self._resampler = Resampler(polyphase(cutoff, cutoff * 0.9, 40), step, is_complex=False)
        self._clock_recovery = SymbolClock(lowpass(SYMBOL_CUTOFF / 4, 0.9 * SYMBOL_CUTOFF / 4, 40))
        self._level = Level()
        self._equaliser = Equaliser()
        # of the symbols that are still inside level and equaliser
        self._instants: NDArray[np.float64] = np.empty(0)
        self._step = stream.clock.rate / (4 * self.baudrate)  # source samples per sample of the clock's input
        return out

    def process(self, chunk: Chunk) -> list[Chunk]:
        if self._receiver is not None:
            return self._signed(self._receiver.process(chunk))
        if self._origin is None:
            self._origin = chunk.position
        self._clock = chunk.clock
        return self._symbols(*self._clock_recovery.process(self._resampler.process(chunk.items)))

    def close(self) -> list[Chunk]:
        if self._receiver is not None:
            return self._signed(self._receiver.close())
        out = self._symbols(*self._clock_recovery.process(self._resampler.flush()))
        out += self._symbols(*self._clock_recovery.flush())
        values = self._level.flush()[0]
        out += self._give(np.concatenate([self._equaliser.process(values), self._equaliser.flush()]))
        self._origin = None
        return out

    def _symbols(self, values: NDArray[np.float32], instants: NDArray[np.float64]) -> list[Chunk]:
        self._instants = np.concatenate([self._instants, instants])
        return self._give(self._equaliser.process(self._level.process(values)[0]))

    def _give(self, soft: NDArray[np.float32]) -> list[Chunk]:
        n = len(soft)
        if not n:
            return []
        instants, self._instants = self._instants[:n], self._instants[n:]
        positions = (self._origin or 0.0) + instants * self._step
        return self._signed([Chunk(soft, self.baudrate, float(positions[0]), self._clock, positions)])

    def _signed(self, chunks: list[Chunk]) -> list[Chunk]:
        return chunks if self._sign > 0 else [replace(chunk, items=-chunk.items) for chunk in chunks]


stage = Fsk
