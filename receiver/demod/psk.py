"""BPSK, DBPSK, SDPSK and QPSK, from IQ or from the audio of a single-sideband receiver.

    samples -> power in the band -> about where the carrier is -> |  4 samples a chip, power  -> timing
                                                                  |  4 samples a chip, square -> frequency
    samples, frequency off -> matched filter at the chips' instants -> square -> phase -> level -> soft

A chip is a symbol, or half of one in Manchester code, which is clocked by its symbols: where audio has room for half
the chip rate on each side of the carrier and no more, there is no line at the chip rate. Nothing is fed back. Place in
the band, frequency and timing are the best paths through maps of scores (`dsp_ext.ridge`), phase and level are
averages, and all look both ways: a burst is right from its first symbol. Rows of these maps are 8, 16 or 32 chips and
stand at whole multiples of that; a *node* is the border of two.

In SDPSK (symmetric: a quarter turn on or back from symbol to symbol) chip k lies on the axis that is k quarter turns
from the first's. Its square has two lines, half a chip rate on each side of twice the carrier, which count together;
the chips are turned back by k quarters, and what is left is DBPSK.

QPSK has no line in its square, but one at four times the carrier in -y^4 / |y|^2; each chip gives two soft values.

Line at twice the carrier: A. J. Viterbi, A. M. Viterbi, IEEE Trans. IT-29 (1983) 543. Clock: M. Oerder, H. Meyr,
"Digital filter and square timing recovery", IEEE Trans. COM-36 (1988) 605.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from dsp_ext.carrier import clock_tone, fourth, mix, square
from dsp_ext.fir import Decimator
from dsp_ext.lines import Lines
from dsp_ext.psk import Ends, Peaks, Pieces, SoftChips, around, between, chips, phase_scores
from dsp_ext.ridge import Ridge
from dsp_ext.spectrum import Contrast, Prominence, limit
from dsp_ext.strobe import Strobe

from ..channel.filters import decimator_for, tabulate
from ..errors import FlowgraphError
from ..stage import Chunk, Kind, Stream, above_0, parameter, required
from ._offsets import OffsetTrack

BLOCK = 0.4
"""Seconds that are worked on at a time, in 32, 64 or 128 rows."""
LAG = 32
"""Rows that frequency and timing look ahead."""
AT_ONCE = 4
"""Blocks that are worked on together where as many are there: what comes out hangs on no cut."""
COHERENCE = 0.05
"""Seconds over which a line at twice the carrier is taken together: then a carrier of 100 Hz/s stays in its width."""
DRIFT = 500.0
"""Hz/s that the carrier may drift."""
ROLL_OFF, SPAN = 0.5, 4
"""Of the root-raised-cosine matched filter, and its half length in chips."""
BAND_HOP = 32
"""Chips from one look at the band to the next; each takes twice that."""
CELLS = 16
"""Cells of the band's map in a bandwidth of one chip rate."""
CLEAREST = {2: 2.0, 4: 6.0}
"""By order: nepers of contrast of a band that count at most. QPSK has more lines, a quarter of the chip rate apart, and
which is the carrier's only the band says."""
OWN = round(CELLS * (1 + ROLL_OFF) / 2)
"""Cells on each side of its own that a signal reaches to. Of these the clearest counts at most so much, others less:
with noise on one side of a signal alone, as in a receiver's audio, many are as clear as can be."""
AUDIO_FLOOR = 1e-6
"""Of the whole power in audio, what a cell has at least: nothing 50 dB below the rest can be read there."""
CLOCK_ERROR = 4e-3
"""Transmitters in orbit have been seen 3300 ppm off their nominal rate."""
CLOCK_WIDTH = 512
"""Chips on each side over which timing is averaged: its drift is followed."""
CARRIER_REACH, PHASE_REACH = 8, 5
"""Nodes on each side of one through which lines of frequency and phase are laid."""
BEND = 4.0
"""States by which a carrier is the next burst's after two nodes, with both bursts in the node between. Noise that a
frame survives bends the path by 3 or less."""
LEVEL_GROUP, LEVEL_WIDTH = 16, 8
"""Chips whose level is taken together; such groups on each side over which it is averaged."""
WIDEST = 2048
"""Chip rates in the band that is searched; time and memory grow with its square."""

QUARTERS = np.array([1, -1j, -1, 1j], np.complex64)

Floats = NDArray[np.float64]
Complex = NDArray[np.complex64]


@dataclass
class Psk:
    """Demodulate phase shift keying with two or four phases.

    Which phase is a 1 is not known, so all symbols may be inverted; with `differential` and `symmetric` they are not.
    Of four phases, each gives the real part and then the imaginary one; where the axes are is not known.
    Offsets are the carrier's place in the stream: in IQ from zero, in audio the audio frequency.
    """

    takes: ClassVar[tuple[Kind, ...]] = ("iq", "real")
    gives: ClassVar[Kind] = "soft"
    finds_carrier: ClassVar[bool] = True
    """Needs no carrier search before it."""

    baudrate: float = required("Bd", "symbols per second")
    order: int = parameter(2, "", "phases", (2, 4))
    differential: bool = parameter(False, "", "a 1 is a reversal of the phase")
    manchester: bool = parameter(False, "", "a symbol is two opposite halves")
    symmetric: bool = parameter(False, "", "SDPSK: a 1 is a quarter turn of the phase forward, a 0 one back")

    def __post_init__(self) -> None:
        if self.symmetric and (self.differential or self.manchester):
            raise ValueError("symmetric goes with neither differential nor manchester")
        if self.order == 4 and (self.differential or self.manchester or self.symmetric):
            raise ValueError("order 4 goes with neither differential nor manchester nor symmetric")
        above_0(self, "baudrate")

    @property
    def bandwidth(self) -> float:
        """Band that the signal takes at radio frequency, Hz."""
        return self.baudrate * (3 if self.manchester else 1.5)

    def open(self, stream: Stream) -> Stream:
        chip_rate = self.baudrate * (2 if self.manchester else 1)
        if stream.rate < 2 * chip_rate:
            raise FlowgraphError(
                f"psk at {self.baudrate:g} Bd needs {2 * chip_rate:g} samples per second or more, got {stream.rate:g}"
            )
        self._decimator: Decimator | None = None
        self._rate = stream.rate
        if stream.kind == "iq" and stream.target is not None and stream.span is not None:
            reach = abs(stream.target) + stream.span + chip_rate
            self._rate, self._decimator = decimator_for(stream.rate, reach)
        if self._rate > WIDEST * chip_rate:
            raise FlowgraphError(
                f"psk at {self.baudrate:g} Bd cannot be searched for in {self._rate / 1e3:g} kHz; "
                "the recording's frequency or the signal's offset must be given"
            )
        stream = replace(stream, rate=self._rate)
        self._receiver = _ChipReceiver(stream, chip_rate, self.order, self.symmetric, self.manchester)
        self._pairs = _Pairs() if self.manchester else None
        self._last = np.zeros(1, np.float32)
        self._origin: float | None = None
        self._track = OffsetTrack()
        self._clock = stream.clock
        pairs = self.order == 4
        rate = self.baudrate * (2 if pairs else 1)
        return Stream("soft", rate, stream.clock, stream.frequency, stream.target, stream.span, pairs)

    def process(self, chunk: Chunk) -> list[Chunk]:
        if self._origin is None:
            self._origin = chunk.position
        self._clock = chunk.clock
        self._track.append(chunk)
        x = self._decimator.process(chunk.items) if self._decimator else chunk.items
        return [made for block in self._receiver.process(x) for made in self._symbols(*block)]

    def close(self) -> list[Chunk]:
        blocks = self._receiver.process(self._decimator.flush()) if self._decimator else []
        made = [made for block in [*blocks, *self._receiver.flush()] for made in self._symbols(*block)]
        if self._pairs is not None and self._origin is not None:
            made += self._symbols(np.empty(0, np.float32), np.empty(0), np.empty(0), last=True)
        self._origin = None
        return made

    def _symbols(self, soft: NDArray[np.float32], instants: Floats, offsets: Floats, last: bool = False) -> list[Chunk]:
        if self._pairs is not None:
            soft, instants, offsets = self._pairs.flush() if last else self._pairs.process(soft, instants, offsets)
        if not len(soft):
            return []
        if self.differential or self.symmetric:
            before = np.concatenate([self._last, soft[:-1]])
            self._last = soft[-1:]
            soft = np.minimum(np.abs(soft), np.abs(before)) * np.where((soft < 0) == (before < 0), -1, 1)
            soft = (-soft if self.symmetric else soft).astype(np.float32)
        rate = self.baudrate
        if self.order == 4:
            # a symbol's second half is the other bit's
            rate *= 2
            quarter = self._rate / self.baudrate / 4
            instants, offsets = (instants[:, None] + [-quarter, quarter]).ravel(), np.repeat(offsets, 2)
        positions = (self._origin or 0.0) + instants * (self._clock.rate / self._rate)
        carriers = (offsets + self._track.at(positions)).astype(np.float32)
        return [Chunk(soft, rate, float(positions[0]), self._clock, positions, carriers)]


class _ChipReceiver:
    """From samples to chips of about +-1, their instants in samples and their carriers in Hz."""

    def __init__(self, stream: Stream, chip_rate: float, order: int, turning: bool, paired: bool) -> None:
        self._chip_rate, self._order, self._turning, self._paired = chip_rate, order, turning, paired
        self._per_chip = stream.rate / chip_rate
        self._window = int(np.clip(2 ** round(math.log2(COHERENCE * chip_rate)), 16, 64))
        self._hop = self._window // 2
        self._rows = int(np.clip(2 ** round(math.log2(BLOCK * chip_rate / self._hop)), 32, 128))
        self._samples = _Samples(np.complex64 if stream.kind == "iq" else np.float32)
        self._filter = Strobe(_root_raised_cosine(self._per_chip))
        self._band = _Band(stream, self._per_chip, self._hop, self._rows, CLEAREST[order])
        self._carrier = _Carrier(self._window, chip_rate, order, turning)
        self._tone, self._power = np.zeros(1, np.complex64), np.zeros(1, np.float32)
        speed = CLOCK_ERROR * self._hop * _PhasePath.STATES / (2 if paired else 1)
        self._timing = _PhasePath(speed, 1.0, 3.0, 10.0, CLOCK_WIDTH // self._hop, 4)
        self._block = self._row = self._node = 0
        margin = self._filter.reach + 1
        self._coarse_pieces = Pieces(self._hop, self._per_chip, margin)
        self._pieces = Pieces(self._hop, self._per_chip, margin)
        self._found, self._delays = _Queue(np.int64, np.float32), np.empty(0)
        self._turn_group = self._window // 4
        self._soft = SoftChips(self._turn_group, LEVEL_GROUP, _taper(LEVEL_WIDTH), order)
        self._phases = _PhasePath(1.0, 2.0, 3.0, 20.0, PHASE_REACH)

    def process(self, x: NDArray[Any]) -> list[tuple[NDArray[np.float32], Floats, Floats]]:
        self._samples.append(x)
        # the last look of a block ends half a look behind it
        ready = math.floor(((self._samples.stop / self._per_chip) - 2 * BAND_HOP) / (self._rows * self._hop))
        made = []
        while self._block < ready:
            made.append(self._work(min(ready - self._block, AT_ONCE)))
        return made

    def flush(self) -> list[tuple[NDArray[np.float32], Floats, Floats]]:
        end, made = self._samples.stop, []
        while end:
            soft, instants, offsets = self._work()
            stop = int(np.searchsorted(instants, end))
            made.append((soft[: stop * self._order // 2], instants[:stop], offsets[:stop]))
            if stop < len(instants):
                break
        return made

    def _work(self, blocks: int = 1) -> tuple[NDArray[np.float32], Floats, Floats]:
        """Take in the next blocks of rows."""
        centres, near = self._band.process(self._samples, self._block, blocks)
        self._block += blocks
        self._found.append(centres, near)
        y = self._coarse(centres)
        centres, near = self._found.take(len(y) // (4 * self._hop))
        frequencies = np.empty((0, 2))
        if len(centres):
            frequencies = self._carrier.process(y, centres, near)
            # what the band says of a signal's presence
            presence = np.maximum(near[:, CELLS // 2], 0) + np.float32(0.1)
            self._delays = np.append(self._delays, self._clock_delay(y, presence))
        frequencies, start, edges, pieces = self._pieces.process(frequencies, len(self._delays) - 1)
        if not len(frequencies):
            return np.empty(0, np.float32), np.empty(0), np.empty(0)
        line, power = self._soft.append(*self._chips(frequencies, start, edges, pieces))
        gain = np.float32(0.7 * self._turn_group) / np.maximum(power, np.float32(1e-30))
        return self._soft.process(self._phases.process(line, gain) / self._order)

    def _coarse(self, centres: NDArray[np.int64]) -> Complex:
        """Matched filter, 4 samples a chip, over the rows that another follows now, each moved down by its centre."""
        frequencies = np.repeat(centres / CELLS, 2).reshape(-1, 2)
        frequencies, start, edges, pieces = self._coarse_pieces.process(frequencies)
        x = mix(self._samples.read(start, start + int(edges[-1])), edges, *pieces)
        per_row = 4 * self._hop
        first, n = self._row * per_row, len(frequencies) * per_row
        self._row += len(frequencies)
        return self._filter.every(x, 0.0, self._per_chip / 4, n, first, start)

    def _clock_delay(self, y: Complex, presence: NDArray[np.float32]) -> Floats:
        """Chips by which a chip's centre is behind the nodes decided by now.

        Parameters
        ----------
        y : 4 samples a chip, whole rows
        presence : (rows,), above 0: weight of the rows
        """
        tone, power = clock_tone(y, self._hop, self._paired)
        tone, power = np.append(self._tone, tone), np.append(self._power, power)
        self._tone, self._power = tone[-1:], power[-1:]
        power = np.maximum(power[:-1] + power[1:], np.float32(1e-30))
        gain = np.float32(1.5 * math.sqrt(8 * self._hop)) / (power * presence)
        delay = self._timing.process(np.conj(tone[:-1] + tone[1:]) * presence, gain)
        # a chip is centred half a chip behind a border of pairs
        return 2 * delay + 0.5 if self._paired else delay

    def _chips(
        self, frequencies: Floats, start: int, edges: NDArray[np.int64], pieces: Floats
    ) -> tuple[Complex, Floats, Floats]:
        """Matched filter at the chips of the next rows: chips, instants in samples and carriers in Hz.

        Parameters
        ----------
        frequencies : (n, 2), at each row's beginning and end, cycles per chip
        start, edges, pieces : see `Pieces`
        """
        n = len(frequencies)
        delays, self._delays = self._delays[: n + 1], self._delays[n:]
        first, instants, carriers = chips(frequencies, delays, self._node * self._hop, self._hop, self._per_chip)
        self._node += n
        y = self._filter.at(mix(self._samples.read(start, start + int(edges[-1])), edges, *pieces), instants, start)
        if self._turning:
            y = y * QUARTERS[(first + np.arange(len(y))) % 4]
        self._samples.forget(start)
        return y, instants, carriers * self._chip_rate


class _Band:
    """About where the carrier is: where the power in a bandwidth of a chip rate stands out from both its flanks."""

    def __init__(self, stream: Stream, per_chip: float, hop: int, rows: int, clearest: float) -> None:
        self._per_chip = per_chip
        self._looks = rows * hop // BAND_HOP
        self._rows = BAND_HOP // hop
        self._is_complex = stream.kind == "iq"
        self._length = 2 * math.ceil(BAND_HOP * per_chip)
        taper = np.hanning(self._length + 2)[1:-1].astype(np.float32)
        half = CELLS // 2
        self._first = -math.floor(CELLS * per_chip / 2) + 1 if self._is_complex else 0
        last = math.floor(CELLS * per_chip / 2) - 1
        edges = (np.arange(self._first, last + 2, dtype=np.float64) - 0.5) / (CELLS * per_chip)
        # the audio's own band is not all of it; beyond are images of it and the like
        floor = 0.0 if self._is_complex else AUDIO_FLOOR
        self._contrast = Contrast(taper, np.maximum(edges, -0.5 if self._is_complex else 0.0), half, 2, 7, floor)
        count = len(edges) - 1
        index = np.arange(count)
        barred = (index < half) | (index + half >= count)
        if stream.target is not None and stream.span is not None:
            hertz = (index + self._first) * stream.rate / (CELLS * per_chip)
            barred |= np.abs(hertz - stream.target) > stream.span + stream.rate / (CELLS * per_chip)
        if barred.all():
            barred[np.argmin(np.abs(index + self._first - CELLS * per_chip * self._middle(stream)))] = False
        self._least = np.where(barred, -50, 0).astype(np.float32)
        self._most = np.where(barred, -50, np.inf).astype(np.float32)
        self._clearest = 10 * clearest
        self._ridge = Ridge(count, 16, 0.5, 15.0)
        self._lines = Lines(_taper(4), 2)
        self._scores = _Queue(np.float32)

    def _middle(self, stream: Stream) -> float:
        """Where the carrier is if there is no room to look for it, cycles per sample."""
        if stream.target is not None:
            return stream.target / stream.rate
        return 0.0 if self._is_complex else 0.25

    def process(self, samples: _Samples, block: int, blocks: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Look at the next blocks.

        Returns
        -------
        (n,) int64, centres of the rows decided by now, in cells from zero frequency
        (n, CELLS + 1) float32, scores of the cells around them
        """
        looks = block * self._looks + np.arange(blocks * self._looks)
        starts = np.round((looks + 0.5) * BAND_HOP * self._per_chip).astype(np.int64) - self._length // 2
        x = samples.read(int(starts[0]), int(starts[-1]) + self._length)
        score = self._contrast.process(x, starts - starts[0])
        score *= 10
        np.minimum(score, self._most, out=score)
        limit(score, self._clearest, OWN)
        np.maximum(score, self._least, out=score)
        self._scores.append(score)
        found = self._ridge.process(score)
        centres = np.rint(self._lines.process(found)[0]).astype(np.int64)
        (score,) = self._scores.take(len(centres))
        near = around(score, centres, CELLS // 2, 1 / self._rows)
        return np.repeat(centres + self._first, self._rows), np.repeat(near, self._rows, axis=0)


class _Carrier:
    """The line at twice the carrier, in SDPSK the two on both sides of it; in QPSK that at four times the carrier."""

    def __init__(self, window: int, chip_rate: float, order: int, turning: bool) -> None:
        self._line = square if order == 2 else fourth
        self._order, self._scale = order, 2 * order * window  # states in a chip rate
        self._beside = window if turning else 0
        most = window - 1 if turning else 3 * window // 2
        self._states = np.arange(-most, most + 1)
        # states in the time of a row
        furthest = round(DRIFT * (window / 2 / chip_rate) / (chip_rate / self._scale))
        drifts = np.arange(-furthest, furthest + 1, dtype=np.int32)
        self._ridge = Ridge(len(self._states), LAG, 2.0, 20.0, 1, drifts=drifts, turn=2.0)
        self._cells = self._states * CELLS / self._scale + CELLS // 2
        self._prominence = Prominence(window, most + self._beside)
        self._centre = 0
        self._peaks = Peaks(len(self._states))
        self._lines = Lines(_taper(CARRIER_REACH), furthest + 2, bend=BEND)
        self._ends = Ends()

    def process(self, y: Complex, centres: NDArray[np.int64], near: NDArray[np.float32]) -> Floats:
        """Carrier through the rows decided by now.

        Parameters
        ----------
        y : 4 samples a chip, whole rows
        centres : (n,) of the rows, cells; each was moved down by its own
        near : (n, CELLS + 1), scores of the power in the band at the cells around the centres

        Returns
        -------
        (m, 2) float64, at a row's beginning and end, cycles per chip
        """
        shifts = centres.copy()
        shifts[1:] -= centres[:-1]
        shifts[0] -= self._centre
        # as if the row before had been moved down by this row's centre; an item is half a chip
        score = self._prominence.process(self._line(y), shifts * (self._order / 2 / CELLS))
        beside, count = self._beside, len(self._states)
        if beside:
            score = score[:, :count] + score[:, 2 * beside :]
        scores = between(near, score, self._cells)
        shifts *= self._scale // CELLS
        self._centre = int(centres[-1])
        path = self._ridge.process(scores, shifts.astype(np.int32))

        middle = centres.astype(np.float64) * (self._scale / CELLS)
        bins, peak = self._peaks.process(score, middle, path)
        line, jumped, peak = self._lines.process(bins, peak)
        return self._ends.process(line, jumped.view(np.uint8), peak) / self._scale


class _PhasePath:
    """Phase of a tone that is measured at nodes, in cycles without jumps but where a new tone begins.

    The path gives the whole cycles and follows a drift; a line through it and the mean of the tones around it the rest.

    Parameters
    ----------
    speed : furthest drift, states of a cycle from node to node, or a little more
    stray, turn, jump : costs, see `Ridge`
    reach : nodes on each side to average over
    parts : of a state, which drifts are whole multiples of
    """

    STATES = 16

    def __init__(self, speed: float, stray: float, turn: float, jump: float, reach: int, parts: int = 1) -> None:
        furthest = math.ceil(speed * parts)
        drifts = np.arange(-furthest, furthest + 1, dtype=np.int32)
        self._ridge = Ridge(self.STATES, LAG, stray, jump, 1, True, drifts, turn, parts)
        self._lines = Lines(_taper(reach), math.ceil(speed) + 1, self.STATES)

    def process(self, tone: Complex, gain: NDArray[np.float32]) -> Floats:
        """Phases at the nodes decided by now.

        Parameters
        ----------
        tone : (n,) complex64, at more nodes
        gain : (n,), by which to multiply it for a logarithm of likelihood
        """
        found = self._ridge.process(phase_scores(tone, gain, self.STATES))
        return self._lines.process(found, tone=tone)[0]


class _Pairs:
    """Two chips to a symbol, by which way of pairing them makes opposites."""

    GROUP, LAG = 32, 16

    def __init__(self) -> None:
        self._ridge = Ridge(2, self.LAG, 10.0, 10.0)
        self._ungrouped = _Queue(np.float32)
        self._chips = _Queue(np.float32, np.float64, np.float64)

    def process(self, soft: NDArray[np.float32], instants: Floats, offsets: Floats) -> tuple[Any, Floats, Floats]:
        """Take chips, give symbols: the first chip less the second."""
        self._ungrouped.append(soft)
        self._chips.append(soft, instants, offsets)
        groups = max(0, len(self._ungrouped) - 1) // self.GROUP
        x = self._ungrouped.peek(groups * self.GROUP + 1)[0]
        self._ungrouped.take(groups * self.GROUP)
        contrast = np.abs(np.diff(x)).reshape(groups, self.GROUP // 2, 2).sum(axis=1)
        found = self._ridge.process(np.ascontiguousarray(contrast / 2, np.float32))
        n = len(found) * self.GROUP
        soft, instants, offsets = self._chips.peek(n + 1)
        self._chips.take(n)
        first = np.flatnonzero(np.arange(n) % 2 == np.repeat(found, self.GROUP))
        return (
            (soft[first] - soft[first + 1]) / 2,
            (instants[first] + instants[first + 1]) / 2,
            offsets[first],
        )

    def flush(self) -> tuple[Any, Floats, Floats]:
        """Symbols that waited."""
        n = len(self._chips) // 2
        extra = np.zeros(self.GROUP * (self.LAG + 2))
        made = self.process(extra.astype(np.float32), extra, extra)
        return made[0][:n], made[1][:n], made[2][:n]


class _Queue:
    """Arrays side by side that grow at one end and are taken from at the other."""

    def __init__(self, *kinds: Any) -> None:
        self._kinds = kinds
        self._arrays: list[NDArray[Any]] = []

    def __len__(self) -> int:
        return len(self._arrays[0]) if self._arrays else 0

    def append(self, *arrays: NDArray[Any]) -> None:
        arrays = tuple(a.astype(kind, copy=False) for a, kind in zip(arrays, self._kinds, strict=True))
        if not self._arrays:
            self._arrays = [a[:0] for a in arrays]
        self._arrays = [np.concatenate([old, new]) for old, new in zip(self._arrays, arrays, strict=True)]

    def peek(self, n: int) -> list[NDArray[Any]]:
        return [a[:n] for a in self._arrays] or [np.empty(0, kind) for kind in self._kinds]

    def take(self, n: int) -> list[NDArray[Any]]:
        taken = self.peek(n)
        self._arrays = [a[n:] for a in self._arrays]
        return taken


class _Samples:
    """The last samples of a stream by their number; zeros where there are none."""

    def __init__(self, kind: Any) -> None:
        self._room: NDArray[Any] = np.empty(0, kind)
        self._place = self._first = self.stop = 0

    def append(self, x: NDArray[Any]) -> None:
        held = self.stop - self._first
        if self._place + held + len(x) > len(self._room):
            old = self._room[self._place : self._place + held]
            if 2 * (held + len(x)) > len(self._room):
                self._room = np.empty(2 * (held + len(x)), self._room.dtype)
            self._room[:held] = old
            self._place = 0
        self._room[self._place + held : self._place + held + len(x)] = x
        self.stop += len(x)

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Samples from start up to stop, as a view where they are all there."""
        move = self._place - self._first
        if self._first <= start and stop <= self.stop:
            return self._room[start + move : stop + move]
        y = np.zeros(stop - start, self._room.dtype)
        low, high = max(start, self._first), min(stop, self.stop)
        if low < high:
            y[low - start : high - start] = self._room[low + move : high + move]
        return y

    def forget(self, start: int) -> None:
        """Drop what is before start."""
        drop = max(0, min(start, self.stop) - self._first)
        self._place += drop
        self._first += drop


def _taper(reach: int) -> Floats:
    return np.hanning(2 * reach + 3)[1:-1]


def _root_raised_cosine(per_chip: float) -> NDArray[np.float32]:
    """Bank of the matched filter (ETSI EN 302 307-1, 5.6), its ends tapered."""
    a = ROLL_OFF

    def pulse(t: Floats) -> Floats:
        u = t / per_chip
        u = np.where(np.abs(u) < 1e-6, 1e-6, u)
        u = np.where(np.abs(np.abs(4 * a * u) - 1) < 1e-6, u * (1 + 1e-5), u)
        h = np.sin(np.pi * u * (1 - a)) + 4 * a * u * np.cos(np.pi * u * (1 + a))
        # zero beyond, not just tiny: products with subnormal numbers take many times as long
        taper = np.where(np.abs(u) < SPAN, np.cos(np.pi / 2 * u / SPAN) ** 2, 0)
        shaped: Floats = h / (np.pi * u * (1 - (4 * a * u) ** 2)) * taper
        return shaped

    return tabulate(pulse, SPAN * per_chip, max(4, math.ceil(320 / per_chip)), 8)


stage = Psk
