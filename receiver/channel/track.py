"""Finds the carrier in the band, follows it, and moves it to zero.

    decimate to the searched band -> power spectrum each row -> score of a signal of this bandwidth at each frequency
    -> best path through the rows -> centre of gravity about it -> mixer

The score adds log(1 + P/N) over the signal's bandwidth, so that a bare carrier or the receiver's DC line weighs less than
a modulated signal. Rows stand at fixed samples, so how the stream is cut does not matter.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dsp_ext.doppler import Mixer
from dsp_ext.fir import Decimator
from dsp_ext.ridge import Ridge

from ..stage import Chunk, Clock, Kind, Stream, required
from .filters import lowpass

LAG = 8
"""Rows looked ahead before the path is decided."""
MOVE, JUMP = 0.5, 25.0
"""Costs of the path, in standard deviations of the score of noise."""


@dataclass
class Track:
    """Move a signal of known bandwidth and unknown frequency to zero."""

    takes: ClassVar[tuple[Kind, ...]] = ("iq",)
    gives: ClassVar[Kind] = "iq"

    bandwidth: float = required("Hz", "occupied by the signal")

    def __post_init__(self) -> None:
        if not self.bandwidth > 0:
            raise ValueError(f"bandwidth is {self.bandwidth}; it must be above 0")

    def open(self, stream: Stream) -> Stream:
        self._decimator: Decimator | None = None
        self._target, span = stream.target or 0.0, stream.span
        reach = stream.rate / 2 if stream.target is None or span is None else span + self.bandwidth / 2
        factor = max(1, math.floor(stream.rate / (2.5 * reach)))
        self._rate = stream.rate / factor
        if factor > 1:
            cutoff = 0.5 * (reach + self._rate / 2) / stream.rate
            transition = (self._rate - 2 * reach) / stream.rate
            self._decimator = Decimator(lowpass(cutoff, transition, 60), factor, is_complex=True)
        size = 2 ** max(3, math.ceil(math.log2(16 * self._rate / self.bandwidth)))
        averages = max(4, round(400 / self.bandwidth * self._rate / size))
        self._size, self._row = size, size * averages
        frequency = np.fft.fftshift(np.fft.fftfreq(size, 1 / self._rate))
        usable = np.abs(frequency) <= 0.45 * self._rate
        self._half = max(1, round(self.bandwidth / 2 / (self._rate / size)))
        wanted = usable.copy()
        if stream.target is not None and span is not None:
            wanted &= np.abs(frequency - self._target) <= max(span, self._rate / size)
        self._frequency, self._usable, self._wanted = frequency, usable, wanted
        self._window = np.hanning(size + 1)[:-1].astype(np.float32)
        self._deviation = 0.5 / math.sqrt(averages) * math.sqrt(2 * self._half + 1)
        self._ridge = Ridge(int(wanted.sum()), LAG, MOVE, JUMP)
        self._mixer = Mixer()
        self._held = np.empty(0, np.complex64)  # samples from the start of the first undecided row on
        self._measured = 0  # samples of them whose rows are measured
        self._spectra: list[NDArray[np.float32]] = []  # of the rows that are not decided
        self._knots: list[float] = []  # carrier in decided rows: the last one given out and those to come
        self._origin: float | None = None
        self._given = 0  # samples given out
        self._clock: Clock = stream.clock
        return replace(stream, rate=self._rate, target=0.0, span=self.bandwidth / 4)

    def process(self, chunk: Chunk) -> list[Chunk]:
        if self._origin is None:
            self._origin = chunk.position
        self._clock = chunk.clock
        return self._take(self._decimator.process(chunk.items) if self._decimator else chunk.items)

    def close(self) -> list[Chunk]:
        if self._origin is None:
            return []
        out = self._take(self._decimator.flush()) if self._decimator else []
        self._decide(self._ridge.flush())
        rest = self._held
        if not self._knots:
            self._knots = [self._target]
        if len(rest):
            out += self._give(math.ceil(len(rest) / self._row), last=True)
        self._origin = None
        return out

    def _take(self, x: NDArray[np.complex64]) -> list[Chunk]:
        self._held = np.concatenate([self._held, x])
        rows = (len(self._held) - self._measured) // self._row
        if rows <= 0:
            return []
        block = self._held[self._measured : self._measured + rows * self._row].reshape(rows, -1, self._size)
        self._measured += rows * self._row
        power = np.fft.fft(block * self._window, axis=2)
        spectra = np.fft.fftshift((power.real**2 + power.imag**2).mean(axis=1), axes=1).astype(np.float32)
        self._spectra += list(spectra)
        self._decide(self._ridge.process(self._score(spectra)))
        # a row needs the carrier in the next one to be interpolated to
        return self._give(len(self._knots) - 2) if len(self._knots) > 2 else []

    def _score(self, spectra: NDArray[np.float32]) -> NDArray[np.float32]:
        floor = np.quantile(spectra[:, self._usable], 0.3, axis=1, keepdims=True) + 1e-30
        gain = np.where(self._usable, np.log1p(spectra / floor) - np.log(2), 0)
        total = np.concatenate([np.zeros((len(gain), 1)), np.cumsum(gain, axis=1)], axis=1)
        index = np.arange(self._size)
        low, high = np.clip(index - self._half, 0, None), np.clip(index + self._half + 1, None, self._size)
        score = (total[:, high] - total[:, low]) / self._deviation
        return np.ascontiguousarray(score[:, self._wanted], np.float32)

    def _decide(self, path: NDArray[np.int64]) -> None:
        at = np.flatnonzero(self._wanted)
        for step in path:
            spectrum = self._spectra.pop(0)
            floor = float(np.quantile(spectrum[self._usable], 0.3))
            centre = float(self._frequency[at[step]])
            for _ in range(3):
                inside = np.abs(self._frequency - centre) <= self.bandwidth * 0.6
                # compressed, so that a line in the signal does not pull its centre
                excess = np.where(inside & self._usable, np.log1p(np.clip(spectrum / (2 * floor + 1e-30) - 1, 0, None)), 0)
                if excess.sum() <= 0:
                    break
                centre = float((self._frequency * excess).sum() / excess.sum())
            self._knots.append(centre)

    def _give(self, rows: int, last: bool = False) -> list[Chunk]:
        """Mix rows down; knots[0] is the row before the first held one once anything was given out."""
        out = []
        bin_width = self._rate / self._size
        knots = self._knots
        first = 0 if self._given == 0 else 1
        for i in range(rows):
            here = knots[min(first + i, len(knots) - 1)]
            before = knots[max(first + i - 1, 0)]
            after = knots[min(first + i + 1, len(knots) - 1)]
            # within one path the carrier runs straight from middle to middle; a jump takes effect at the row's edge
            left = (before + here) / 2 if abs(here - before) <= 3 * bin_width else here
            right = (here + after) / 2 if abs(here - after) <= 3 * bin_width else here
            x = self._held[i * self._row : (i + 1) * self._row]
            for part, a, b in ((slice(0, self._row // 2), left, here), (slice(self._row // 2, None), here, right)):
                piece = np.ascontiguousarray(x[part])
                n = len(piece)
                if not n:
                    continue
                full = self._row // 2 if part.start == 0 else self._row - self._row // 2
                slope = (b - a) / full
                y = np.empty_like(piece)
                self._mixer.set(-a / self._rate, -slope / self._rate)
                self._mixer.process(piece, y)
                offsets = (a - self._target + slope * np.arange(n)).astype(np.float32)
                position = (self._origin or 0.0) + self._given * (self._clock.rate / self._rate)
                out.append(Chunk(y, self._rate, position, self._clock, offsets=offsets))
                self._given += n
        self._held = self._held[rows * self._row :]
        self._measured = max(0, self._measured - rows * self._row)
        self._knots = knots[first + rows - 1 :]
        return out


stage = Track
