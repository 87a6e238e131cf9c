"""FSK, GFSK, GMSK, MSK and 4FSK, from IQ by a sequence detector, or from FM-discriminator audio.

    audio:         clicks cut -> low-pass, 4 samples a symbol -> clock -> audio path -> level -> equaliser
                                                                       -> four levels, two soft bits a symbol
    IQ, subaudio:  FM receiver -> the same
    IQ:            `_cpm`, and `_cpm4` for four levels

Timing, centre and swing are estimated looking both ways, so a burst is right from its first symbol.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dsp_ext.audiopath import AudioPath
from dsp_ext.clock import SymbolClock
from dsp_ext.equaliser import Equaliser
from dsp_ext.level import Level
from dsp_ext.limiter import ClickLimiter
from dsp_ext.resample import Resampler

from ..channel.filters import lowpass, polyphase
from ..errors import FlowgraphError
from ..stage import Chunk, Clock, Kind, Stream, above_0, parameter, required
from ._cpm import SequenceReceiver
from ._cpm4 import FourLevelReceiver
from ._fm import FmAudio
from ._four_levels import FourLevels

SYMBOL_CUTOFF = 0.43
"""Of the low-pass behind the discriminator, in symbol rates. Its noise rises with the square of frequency, and what so
narrow a filter does to the symbols the equaliser undoes: at h = 0.5 this gains 1.7 dB over 0.6 without one."""

FOUR_CUTOFF = 0.6
"""The same for four levels, of which the equaliser undoes less."""

VOICE = 16000.0
"""Hz that an FM voice channel takes: 5 kHz deviation and 3 kHz voice (Carson)."""

HUSHED = 6000.0
"""Hz that hold most of its power, and not so much more than it that a pause in the voice looks like a bare carrier."""

DEVIATIONS, LARGEST = (1.0, 2.0, 4.0), 5000.0
"""Those that are tried beside where none is told, in symbol rates, and Hz up to which: FM radios have as much. What
takes them for smaller ones holds up to an index of 1.5."""

FINE, LEAST_FINE, FINE_CUTOFF = 16.0, 12.0, 3.6
"""Samples a symbol of the audio in which clicks are cut, at most and at least, and the low-pass before in symbol rates.
A click is nearly as long as a symbol where there are fewer, and no higher than the noise beside it."""

CUT_BLOCK, CUT_SMOOTH, CUT_SHARE = 16, 0.7, 0.05
"""Symbols in which the signal's height is measured, and by averages over how much of one; ClickLimiter's share. One
symbol of another kind in a block is seen."""

CUT_LEANINGS = ((0.8, 5.0), (0.65, 12.0))
"""ClickLimiter's `leaning` from a modulation index on. Nothing is cut below: noise beside the clicks would be, and then
reach down into the signal's band. An index that is not told may be any, and goes as the last."""

LONGEST_SYMBOL = 8192
"""Samples; the filters grow with it."""


@dataclass
class Fsk:
    """Demodulate frequency shift keying of two or four levels."""

    takes: ClassVar[tuple[Kind, ...]] = ("iq", "real")
    gives: ClassVar[Kind] = "soft"

    baudrate: float = required("Bd", "symbols per second")
    deviation: float | None = parameter(
        None,
        "Hz",
        "from the centre to a 1, or of four levels to the outer one of 01; negative when that is the lower frequency",
    )
    levels: int = parameter(2, "", "two, or four, with two bits a symbol", (2, 4))
    subaudio: bool = parameter(False, "", "sent below the voice in an FM voice channel, all of which is then received")

    _resampler: Resampler = field(init=False, repr=False)

    def __post_init__(self) -> None:
        above_0(self, "baudrate")
        if self.deviation == 0:
            raise ValueError("deviation is 0; it must be the distance of a 1 from the centre, or be left out")

    @property
    def bandwidth(self) -> float:
        """Band that the signal takes at radio frequency, Hz."""
        if self.subaudio:
            return VOICE
        if self.levels == 4:
            return 2 * (abs(self.deviation or self.baudrate / 2) + 0.6 * self.baudrate)
        return 2 * (abs(self.deviation or self.baudrate / 3) + 0.55 * self.baudrate)

    @property
    def others(self) -> list[float]:
        """Deviations of signals in IQ that this may be meant for and would not receive, Hz."""
        if self.deviation is not None or self.levels == 4 or self.subaudio:
            return []
        return [share * self.baudrate for share in DEVIATIONS if share * self.baudrate <= LARGEST]

    @property
    def has_carrier(self) -> bool:
        """Whether a part of what is sent is a carrier that is not modulated."""
        return self.subaudio

    @property
    def searched(self) -> float:
        """Width by which the signal is found in its band, Hz."""
        return HUSHED if self.subaudio else self.bandwidth

    @property
    def detail(self) -> float | None:
        """Width of a tone where the two lie apart, Hz; None where they do not."""
        apart = self.levels == 2 and not self.subaudio and abs(self.deviation or 0.0) > 0.5 * self.baudrate
        return self.baudrate if apart else None

    @property
    def _leaning(self) -> float | None:
        """How clicks in audio are cut; None where they are not."""
        index = CUT_LEANINGS[-1][0] if self._told is None else self._told
        return next((leaning for least, leaning in CUT_LEANINGS if index >= least and not self.subaudio), None)

    @property
    def _told(self) -> float | None:
        """Modulation index of two levels as it is told."""
        return None if self.deviation is None else 2 * abs(self.deviation) / self.baudrate

    @property
    def index(self) -> float | None:
        """Modulation index, twice the deviation by the symbol rate, as it was last measured; None where it was not."""
        receiver = getattr(self, "_receiver", None)  # none before it is open
        return None if receiver is None else receiver.index

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
        self._receiver: SequenceReceiver | FourLevelReceiver | None = None
        self._fm: FmAudio | None = None
        self._sign = -1.0 if self.deviation is not None and self.deviation < 0 else 1.0
        self._clock: Clock = stream.clock
        self._origin: float | None = None
        self._bits = self.levels // 2  # a symbol
        out = Stream("soft", self._bits * self.baudrate, stream.clock, stream.frequency, stream.target, stream.span)
        rate = stream.rate
        if stream.kind == "iq" and self.levels == 4:
            index = None if self.deviation is None else 2 / 3 * abs(self.deviation) / self.baudrate
            self._receiver = FourLevelReceiver(stream, self.baudrate, self.bandwidth, index, upright=self._sign > 0)
            return out
        if stream.kind == "iq" and self.subaudio:
            rate = 1.25 * self.bandwidth
            self._fm = FmAudio(stream, self.bandwidth, rate)
        elif stream.kind == "iq":
            self._receiver = SequenceReceiver(stream, self.baudrate, self.bandwidth, self._told)
            return out
        self._limiter: ClickLimiter | None = None
        leaning = self._leaning
        if rate >= LEAST_FINE * self.baudrate and leaning is not None:
            fine, cutoff = min(FINE, rate / self.baudrate), FINE_CUTOFF * self.baudrate / rate
            self._finer = Resampler(polyphase(cutoff, cutoff, 40), rate / (fine * self.baudrate), is_complex=False)
            self._limiter = ClickLimiter(round(CUT_BLOCK * fine), round(CUT_SMOOTH * fine), CUT_SHARE, leaning)
            rate = fine * self.baudrate
        step = rate / (4 * self.baudrate)
        cutoff = min(0.9 * self.baudrate / rate, 0.45)
        self._resampler = Resampler(polyphase(cutoff, cutoff * 0.9, 40), step, is_complex=False)
        narrow = (FOUR_CUTOFF if self.levels == 4 else SYMBOL_CUTOFF) / 4
        self._clock_recovery = SymbolClock(lowpass(narrow, 0.9 * narrow, 40))
        self._four = FourLevels(upright=self._sign > 0) if self.levels == 4 else None
        # which what is demodulated here did not go
        self._path = AudioPath() if stream.kind == "real" else None
        self._level = Level(around=2)
        self._equaliser = Equaliser()
        # of the symbols that are still inside level and equaliser
        self._instants: NDArray[np.float64] = np.empty(0)
        self._centres: NDArray[np.float32] = np.empty(0, np.float32)
        self._audio_rate = rate
        self._step = stream.clock.rate / (4 * self.baudrate)  # source samples per sample of the clock's input
        return out

    def process(self, chunk: Chunk) -> list[Chunk]:
        if self._receiver is not None:
            return self._signed(self._receiver.process(chunk))
        if self._fm is not None:
            chunk = self._fm.process(chunk)
        if self._origin is None:
            self._origin = chunk.position
        self._clock = chunk.clock
        return self._audio(chunk.items)

    def close(self) -> list[Chunk]:
        if self._receiver is not None:
            return self._signed(self._receiver.close())
        out: list[Chunk] = []
        if self._fm is not None and self._origin is not None:
            out += self._audio(self._fm.flush().items)
        if self._limiter is not None:
            for rest in (self._limiter.process(self._finer.flush()), self._limiter.flush()):
                out += self._limited(rest)
        out += self._symbols(*self._clock_recovery.process(self._resampler.flush()))
        out += self._symbols(*self._clock_recovery.flush())
        if self._four is not None:
            out += self._give(*self._four.flush()[:2])
            self._origin = None
            return out
        if self._path is not None:
            out += self._levelled(self._path.flush())
        values, centres, swings = self._level.flush()
        out += self._give(np.concatenate([self._equaliser.process(values * swings), self._equaliser.flush()]), centres)
        self._origin = None
        return out

    def _audio(self, x: NDArray[np.float32]) -> list[Chunk]:
        if self._limiter is not None:
            x = self._limiter.process(self._finer.process(x))
        return self._limited(x)

    def _limited(self, x: NDArray[np.float32]) -> list[Chunk]:
        return self._symbols(*self._clock_recovery.process(self._resampler.process(x)))

    def _symbols(self, values: NDArray[np.float32], instants: NDArray[np.float64]) -> list[Chunk]:
        if self._four is not None:
            # a bit is half a symbol, which has 4 samples
            instants = (instants[:, None] + np.array([-1.0, 1.0])).ravel()
        self._instants = np.concatenate([self._instants, instants])
        if self._four is not None:
            return self._give(*self._four.process(values)[:2])
        return self._levelled(values if self._path is None else self._path.process(values))

    def _levelled(self, values: NDArray[np.float32]) -> list[Chunk]:
        values, centres, swings = self._level.process(values)
        # a swing that follows preamble, data and noise would not let the equaliser see one interference in them
        return self._give(self._equaliser.process(values * swings), centres)

    def _give(self, soft: NDArray[np.float32], centres: NDArray[np.float32]) -> list[Chunk]:
        n = len(soft)
        self._centres = np.concatenate([self._centres, centres])
        if not n:
            return []
        instants, self._instants = self._instants[:n], self._instants[n:]
        centres, self._centres = self._centres[:n], self._centres[n:]
        positions = (self._origin or 0.0) + instants * self._step
        offsets = None if self._fm is None else centres * np.float32(self._audio_rate)
        rate = self._bits * self.baudrate
        chunks = [Chunk(soft, rate, float(positions[0]), self._clock, positions, offsets)]
        return self._signed(chunks)

    def _signed(self, chunks: list[Chunk]) -> list[Chunk]:
        return (
            chunks if self._sign > 0 or self.levels == 4 else [replace(chunk, items=-chunk.items) for chunk in chunks]
        )


stage = Fsk
