"""Finds the carrier in the band, follows it, and moves it to zero.

    decimate to the searched band -> power spectrum each row -> score of a signal of this bandwidth at each frequency
    -> best path through the rows -> centre of gravity about it -> mixer

Lines in the spectrum, such as a bare carrier or the receiver's DC, are cut down to what is around them, and the score
adds log(1 + P/N) over the signal's bandwidth, so that only what is as wide as the signal attracts. Rows stand at fixed
samples, so how the stream is cut does not matter.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dsp_ext.doppler import Mixer, ramps
from dsp_ext.ridge import Ridge
from dsp_ext.spectrum import BandSearch, PowerRows, without_lines

from ..errors import FlowgraphError
from ..stage import Chunk, Clock, Kind, Stream, parameter, required
from .filters import decimator_for

WIDEST = 4096
"""Bandwidths of the signal in the band that is searched."""
FINEST = 4 * WIDEST
"""Details of the signal in it."""
LAG = 8
"""Rows looked ahead before the path is decided."""
LINE = 5
"""Bins that a bare carrier or the receiver's DC fills less than; a signal fills 16 or more."""
STICKS_OUT = 4.0
"""How far a line stands out from what is around it; noise rarely does so."""
NEAR = 0.25
"""Bandwidths by which rows of tones that lie apart may differ: with many ones or zeros the centre of gravity moves."""
EVEN = 0.3
"""Nepers that a bin weighs at most in the centre of tones that lie apart: rarely are there as many ones as zeros."""
MOVE, JUMP = 0.5, 25.0
"""Costs of the path, in standard deviations of the score of noise."""


@dataclass
class Track:
    """Move a signal of known bandwidth and unknown frequency to zero."""

    takes: ClassVar[tuple[Kind, ...]] = ("iq",)
    gives: ClassVar[Kind] = "iq"

    bandwidth: float = required("Hz", "occupied by the signal")
    detail: float | None = parameter(None, "Hz", "width of its narrowest part, which is no line, where that is less")

    def __post_init__(self) -> None:
        if not self.bandwidth > 0:
            raise ValueError(f"bandwidth is {self.bandwidth}; it must be above 0")
        if self.detail is not None and not self.detail > 0:
            raise ValueError(f"detail is {self.detail}; it must be above 0")

    def open(self, stream: Stream) -> Stream:
        self._target, span = stream.target or 0.0, stream.span
        reach = stream.rate / 2
        if stream.target is not None and span is not None:
            reach = abs(stream.target) + span + self.bandwidth / 2
        self._rate, self._decimator = decimator_for(stream.rate, reach)
        detail = self.detail or self.bandwidth
        given = "the recording's frequency or the signal's offset must be given"
        if self._rate > WIDEST * self.bandwidth:
            raise FlowgraphError(
                f"a signal of {self.bandwidth / 1e3:g} kHz cannot be searched for in {self._rate / 1e3:g} kHz; {given}"
            )
        if self._rate > FINEST * detail:
            raise FlowgraphError(
                f"{self._rate:g} samples per second are too many to search for a detail of {detail:g} Hz; {given}"
            )
        coarse, size = (
            2 ** max(3, math.ceil(math.log2(self._rate / bin_width)))
            for bin_width in (self.bandwidth / 16, min(self.bandwidth / 16, detail / 8))
        )
        averages = max(4, round(max(400 / self.bandwidth, 128 / detail) * self._rate / size))
        self._size, self._row = size, size * averages
        frequency = np.fft.fftshift(np.fft.fftfreq(size, 1 / self._rate))
        wanted = np.abs(frequency) <= 0.45 * self._rate
        usable = np.flatnonzero(wanted)
        half = min(size, max(1, round(self.bandwidth / 2 / (self._rate / size))))
        reach = min(size, math.ceil(0.6 * self.bandwidth / (self._rate / size)))
        most = EVEN if self.detail else math.inf
        self._search = BandSearch(size, int(usable[0]), int(usable[-1]) + 1, half, reach, most)
        if stream.target is not None and span is not None:
            wanted &= np.abs(frequency - self._target) <= max(span, self._rate / size)
        self._wanted = np.flatnonzero(wanted)
        self._power = PowerRows(np.hanning(size + 1)[:-1].astype(np.float32), averages)
        self._deviation = 0.5 / math.sqrt(averages) * math.sqrt(2 * half + 1)
        self._ridge = Ridge(len(self._wanted), LAG, MOVE * coarse / size, JUMP, reach=2 * size // coarse)
        self._mixer = Mixer()
        self._held: list[NDArray[np.complex64]] = []  # samples from the start of the first undecided row on
        self._begun = np.empty(0, np.complex64)  # the last of them, which are no whole row yet
        self._spectra = np.empty((0, size), np.float32)  # of the rows that are not decided
        self._centres: NDArray[np.float64] = np.empty(0)  # of the last two rows that are decided
        self._masses: NDArray[np.float64] = np.empty(0)  # and the power that says so
        self._settled = 0
        self._knots: NDArray[np.float64] = np.empty(0)  # carrier in decided rows: the last given out, those to come
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
        self._settle(np.empty(0), np.empty(0), last=True)
        rest = sum(map(len, self._held))
        if not len(self._knots):
            self._knots = np.array([self._target])
        if rest:
            out += self._give(math.ceil(rest / self._row), last=True)
        self._origin = None
        return out

    def _take(self, x: NDArray[np.complex64]) -> list[Chunk]:
        self._held.append(x)
        rows = self._rows(x)
        if not rows:
            return []
        power = np.concatenate([self._power.process(each) for each in rows])
        without_lines(power, LINE, STICKS_OUT)
        self._search.normalise(power)
        self._spectra = np.concatenate([self._spectra, power])
        score = self._search.score(power, 1 / self._deviation)
        self._decide(self._ridge.process(np.ascontiguousarray(score[:, self._wanted])))
        # a row needs the carrier in the next one to be interpolated to
        ready = len(self._knots) - (2 if self._given else 1)
        return self._give(ready) if ready > 0 else []

    def _rows(self, x: NDArray[np.complex64]) -> list[NDArray[np.complex64]]:
        """Whole rows that are there with x, one after the other."""
        rows = []
        if len(self._begun):
            first = np.concatenate([self._begun, x[: self._row - len(self._begun)]])
            x = x[len(first) - len(self._begun) :]
            if len(first) < self._row:
                self._begun = first
                return []
            rows.append(first)
        whole = len(x) - len(x) % self._row
        if whole:
            rows.append(x[:whole])
        self._begun = x[whole:].copy()  # a view would keep all of x
        return rows

    def _decide(self, path: NDArray[np.int64]) -> None:
        """Refine the path's bins to the centre of gravity of the power about them."""
        spectra, self._spectra = self._spectra[: len(path)], self._spectra[len(path) :]
        centre, mass = self._search.refine(spectra, self._wanted[path] - self._size / 2)
        self._settle(centre * (self._rate / self._size), mass)

    def _settle(self, centre: NDArray[np.float64], mass: NDArray[np.float64], last: bool = False) -> None:
        """Give a row that a burst only touches, at its start or end, the frequency of the row that the burst fills."""
        centre, mass = np.concatenate([self._centres, centre]), np.concatenate([self._masses, mass])
        n = len(centre)
        if n < 2 and not last:
            self._centres, self._masses = centre, mass
            return
        row = np.arange(n)
        before, behind = np.maximum(row - 1, 0), np.minimum(row + 1, n - 1)
        stronger = np.where(mass[before] > mass[behind], before, behind)
        chosen = np.where(4 * mass < mass[stronger], centre[stronger], centre)
        # the first row here is settled already, unless it is the first of all; the last one waits for its neighbour
        self._knots = np.concatenate([self._knots, chosen[self._settled : None if last else -1]])
        self._settled = 1
        self._centres, self._masses = centre[-2:], mass[-2:]

    def _give(self, rows: int, last: bool = False) -> list[Chunk]:
        """Mix rows down. Knot 0 is the row before the first that is held, once anything was given out."""
        knots = self._knots
        if not self._given:
            knots = np.concatenate([knots[:1], knots])
        if last:
            knots = np.concatenate([knots, np.repeat(knots[-1:], max(0, rows + 2 - len(knots)))])
        before, here, after = knots[:rows], knots[1 : rows + 1], knots[2 : rows + 2]
        near = NEAR * self.bandwidth if self.detail else 3 * self._rate / self._size
        # within one path the carrier runs straight from middle to middle; a jump takes effect at the row's edge
        left = np.where(np.abs(here - before) <= near, (before + here) / 2, here)
        right = np.where(np.abs(here - after) <= near, (here + after) / 2, here)
        first = self._row // 2
        lengths = np.array([first, self._row - first] * rows)
        edges = np.stack([left, here, right], axis=1)
        starts = edges[:, :2].ravel()
        slopes = (edges[:, 1:] - edges[:, :2]).ravel() / lengths
        n = min(rows * self._row, sum(map(len, self._held)))
        over = rows * self._row - n
        if over:
            ends = np.minimum(np.cumsum(lengths), n)
            lengths = np.diff(ends, prepend=0)
        y = self._mixed(n, lengths, -starts / self._rate, -slopes / self._rate)
        offsets = ramps(lengths, starts - self._target, slopes)
        position = (self._origin or 0.0) + self._given * (self._clock.rate / self._rate)
        self._given += n
        self._knots = knots[rows:]
        return [Chunk(y, self._rate, position, self._clock, offsets=offsets)]

    def _mixed(
        self, n: int, lengths: NDArray[np.int64], starts: NDArray[np.float64], slopes: NDArray[np.float64]
    ) -> NDArray[np.complex64]:
        """Take so many samples, turned by frequencies that are straight in pieces, in cycles per sample."""
        y = np.empty(n, np.complex64)
        edges = np.concatenate([[0], np.cumsum(lengths)])
        done = 0
        while done < n:
            x = self._held.pop(0)
            if len(x) > n - done:
                self._held.insert(0, x[n - done :].copy())
                x = x[: n - done]
            end = done + len(x)
            first, stop = np.searchsorted(edges, (done, end))
            # a piece that began in the samples before goes on
            rest = min(int(edges[first]), end) - done
            self._mixer.process(x[:rest], y[done : done + rest])
            cut = np.minimum(edges[first + 1 : stop + 1], end) - edges[first:stop]
            self._mixer.pieces(x[rest:], y[done + rest : end], cut, starts[first:stop], slopes[first:stop])
            done = end
        return y


stage = Track
