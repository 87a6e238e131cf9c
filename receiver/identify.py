"""What is in a recording of which nothing is known: signals, their modulation and rate, framings, satellites.

    waterfall -> bands that stand out from the noise -> every demodulator that fits a band, each measured by its symbols
    -> those that stand out, with all framings that are used with them -> frames

What is tried are the demodulators and framings of the shipped definitions. Frames decide what a signal is; without any,
the demodulator whose symbols are farthest from noise does.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from dsp_ext.quality import esn0

from .channel.track import Track
from .errors import FlowgraphError
from .flowgraph import Chain, build
from .framing.several import Several
from .satellite import Satellite, Transmitter, all_satellites
from .source import Recording, Source
from .stage import Chunk, Clock, Frame, Kind, Stage, Stream
from .survey import Survey, Waterfall

SECONDS = 60.0
"""Of a longer recording, the busiest stretch of this length is measured."""
WINDOW = 128
"""Symbols that are measured together."""
ENOUGH, SHORTEST = 4, 0.3
"""A signal has so many windows as good as its score, or those of so many seconds where that is less, but two."""
NEAR = 0.007
"""Symbol rates as near as this, relatively, are taken for one: the clock follows so far."""
BANDS = 8
"""The strongest bands are looked into."""
SMOOTH_HZ, SMOOTH_S = 1000.0, 0.1
"""Over which the waterfall is averaged before bands are sought in it."""
STANDS_OUT, WEAKEST = 8.0, 2.0
"""Standard deviations of the noise; and dB over it for a band beside the strongest."""
CHOSEN, LEAST = 6, 2.0
"""Demodulators whose framings are tried, at most, and the score in dB from which on."""
TOLERANCE = 30e3
"""Hz from its nominal frequency within which a satellite is heard."""


@dataclass(frozen=True)
class Band:
    """Where and when something stands out from the noise."""

    low: float
    """Hz from the recording's zero."""
    high: float
    start: float
    """Seconds from the recording's start."""
    stop: float
    snr_db: float
    """At its strongest, in a bandwidth of `SMOOTH_HZ` or more."""

    @property
    def width(self) -> float:
        return self.high - self.low


@dataclass(frozen=True)
class Hypothesis:
    """A demodulator, and the framings that are used with it."""

    name: str
    """Such as "FSK 9600"."""
    demod: dict[str, Any]
    framings: tuple[dict[str, Any], ...]
    satellites: tuple[tuple[Satellite, Transmitter], ...]
    """That send so."""

    @property
    def baudrate(self) -> float:
        return float(self.demod["baudrate"])


@dataclass
class Finding:
    """A hypothesis about a band, with what was measured."""

    band: Band | None
    """None: the whole recorded band."""
    hypothesis: Hypothesis
    score: float
    """Es/N0 in dB that the best windows of symbols reach at least."""
    esn0_db: float
    """Median of the best windows."""
    baudrate: float
    """As measured, Bd."""
    offset: float | None
    """Carrier, Hz from the recording's zero; in audio the audio frequency, None where there is none."""
    index: float | None
    """Modulation index of frequency shift keying in IQ."""
    frames: Counter[str] = field(default_factory=Counter)
    """By framing."""

    @property
    def deviation(self) -> float | None:
        """Hz."""
        return None if self.index is None else self.index * self.baudrate / 2

    @property
    def rank(self) -> tuple[int, float]:
        return sum(self.frames.values()), self.score


@cache
def hypotheses() -> tuple[Hypothesis, ...]:
    """Each way of modulation that a shipped definition has, with the framings that go with it or with many."""
    users: dict[str, list[tuple[Satellite, Transmitter]]] = {}
    rates: dict[str, set[float]] = {}
    tables: dict[str, dict[str, Any]] = {}
    for satellite in all_satellites():
        for transmitter in satellite.transmitters:
            users.setdefault(_way(transmitter.demod), []).append((satellite, transmitter))
            key = repr(sorted(transmitter.framing.items()))
            tables[key] = transmitter.framing
            rates.setdefault(key, set()).add(transmitter.baudrate)
    common = [key for key, used in rates.items() if len(used) > 2]
    made = []
    for same in users.values():
        demod = {key: value for key, value in same[0][1].demod.items() if key != "deviation" or "carrier" in same[0][1].demod}
        demod["baudrate"] = Counter(t.baudrate for _, t in same).most_common(1)[0][0]
        keys = dict.fromkeys([repr(sorted(t.framing.items())) for _, t in same] + common)
        name = f"{same[0][1].modulation} {demod['baudrate']:g}"
        made.append(Hypothesis(name, demod, tuple(tables[key] for key in keys), tuple(same)))
    return tuple(sorted(made, key=lambda h: (h.demod["use"], h.baudrate)))


def _way(demod: dict[str, Any]) -> str:
    """The same for demodulators that do for each other."""
    rate = round(math.log(demod.get("baudrate", 1.0)) / NEAR)
    return repr([rate, sorted((key, value) for key, value in demod.items() if key not in ("baudrate", "deviation"))])


def bands(waterfall: Waterfall) -> list[Band]:
    """Find what stands out of the noise, the strongest first."""
    power, frequency = waterfall.power, waterfall.frequencies
    rows, bins = power.shape
    step = float(frequency[1] - frequency[0])
    row_s = waterfall.seconds / rows
    across = min(bins // 8, max(3, round(SMOOTH_HZ / step)))
    along = min(rows, max(1, round(SMOOTH_S / row_s)))
    smooth = _means(_means(power, across, 1), along, 0)
    # what is there all the time, too, stands out from what is beside it
    quiet = np.quantile(smooth, 0.25, axis=0)
    floor = _running_median(quiet, bins // 2)
    ratio = smooth / np.maximum(floor, 1e-30)
    ratio /= np.median(ratio)
    deviation = 1 / math.sqrt(waterfall.spectra * max(1.0, across / 1.5) * along)
    hot = ratio > 1 + max(STANDS_OUT * deviation, 0.2)
    found = []
    for first, stop in _stretches(hot.any(axis=0), across):
        when = np.flatnonzero(hot[:, first:stop].any(axis=1))
        peak = float(ratio[:, first:stop].max())
        # a line is as wide as the smoothing
        low, high = frequency[first] + across / 2 * step, frequency[stop - 1] - across / 2 * step
        middle = (low + high) / 2
        low, high = min(low, middle - step), max(high, middle + step)
        if abs(middle) > 0.43 * waterfall.recording.rate or (high - low <= 4 * step and abs(middle) <= 2 * step):
            continue  # the band's edge, or the receiver's DC
        if len(when) * row_s < SHORTEST / 3:
            continue
        found.append(Band(float(low), float(high), float(when[0] * row_s), float((when[-1] + 1) * row_s), _db(peak - 1)))
    found.sort(key=lambda band: -band.snr_db)
    return [band for i, band in enumerate(found[:BANDS]) if band.snr_db > WEAKEST or i == 0]


def _means(x: NDArray[np.float64], n: int, axis: int) -> NDArray[np.float64]:
    """Mean over n values about each, fewer at the ends."""
    total = np.cumsum(np.insert(x, 0, 0.0, axis=axis), axis=axis)
    at = np.arange(x.shape[axis])
    low, high = np.maximum(at - n // 2, 0), np.minimum(at + (n + 1) // 2, len(at))
    shape = [-1 if i == axis else 1 for i in range(x.ndim)]
    means: NDArray[np.float64] = (total.take(high, axis) - total.take(low, axis)) / (high - low).reshape(shape)
    return means


def _running_median(x: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    padded = np.pad(x, n // 2, mode="reflect")
    return np.asarray(np.median(np.lib.stride_tricks.sliding_window_view(padded, n // 2 * 2 + 1), axis=1))


def _stretches(hot: NDArray[np.bool_], gap: int) -> Iterator[tuple[int, int]]:
    """First and last + 1 of the stretches that are hot; those nearer than `gap` are one."""
    at = np.flatnonzero(hot)
    if len(at):
        breaks = np.flatnonzero(np.diff(at) > gap)
        yield from zip(at[np.r_[0, breaks + 1]], at[np.r_[breaks, len(at) - 1]] + 1, strict=True)


def _db(power: float) -> float:
    return 10 * math.log10(max(power, 1e-10))


@dataclass
class Place:
    """Say where in the band the signal is."""

    takes: ClassVar[tuple[Kind, ...]] = ("iq",)
    gives: ClassVar[Kind] = "iq"

    band: Band

    def open(self, stream: Stream) -> Stream:
        return replace(stream, target=(self.band.low + self.band.high) / 2, span=self.band.width / 2)

    def process(self, chunk: Chunk) -> list[Chunk]:
        return [chunk]

    def close(self) -> list[Chunk]:
        return []


class Meter:
    """Measure symbols as they pass by."""

    takes: ClassVar[tuple[Kind, ...]] = ("soft",)
    gives: ClassVar[Kind] = "soft"
    KEPT = 64

    def __init__(self) -> None:
        self.windows = np.empty((0, 3))
        """Es/N0 in dB, symbol rate and carrier of the best."""
        self._rest: tuple[NDArray[Any], ...] | None = None

    def open(self, stream: Stream) -> Stream:
        self._rest = None
        return stream

    def process(self, chunk: Chunk) -> list[Chunk]:
        n = len(chunk)
        at = chunk.positions if chunk.positions is not None else chunk.position + chunk.step * np.arange(n)
        offsets = chunk.offsets if chunk.offsets is not None else np.full(n, np.nan, np.float32)
        soft = chunk.items
        if self._rest is not None:
            soft, at, offsets = (
                np.concatenate([old, new]) for old, new in zip(self._rest, (soft, at, offsets), strict=True)
            )
        n = len(soft) // WINDOW * WINDOW
        self._rest = soft[n:], at[n:], offsets[n:]
        if n:
            self._take(*(x[:n].reshape(-1, WINDOW) for x in (soft, at, offsets)), chunk.clock.rate)
        return [chunk]

    def close(self) -> list[Chunk]:
        return []

    def _take(self, soft: NDArray[np.float32], at: NDArray[np.float64], offsets: NDArray[np.float32], rate: float) -> None:
        change = np.diff(soft > 0, axis=1)
        alone = (change[:, 1:] & change[:, :-1]).sum(axis=1) / np.maximum(change.sum(axis=1), 1)
        # data: not a constant, not a pattern, not symbols of twice or more the length
        data = (np.abs(change.mean(axis=1) - 0.5) < 0.3) & (np.abs(alone - 0.5) < 0.35)
        for row in np.flatnonzero(data):
            known = offsets[row][~np.isnan(offsets[row])]
            measured = (
                10 * math.log10(esn0(np.ascontiguousarray(soft[row]))),
                (WINDOW - 1) * rate / max(at[row, -1] - at[row, 0], 1e-9),
                float(known.mean()) if len(known) else math.nan,
            )
            self.windows = np.vstack([self.windows, measured])
        if len(self.windows) > self.KEPT:
            self.windows = self.windows[np.argsort(-self.windows[:, 0], kind="stable")[: self.KEPT]]


@dataclass
class Trial:
    """A hypothesis about a band as a chain of stages."""

    band: Band | None
    hypothesis: Hypothesis
    demod: Stage
    meter: Meter
    framings: Several | None
    chain: Chain
    kind: Kind

    def satellites(self, frequency: float | None) -> list[tuple[Satellite, Transmitter]]:
        """Who sends so, with a framing of which there were frames, and near the recording's frequency, if known."""
        if self.framings is None:
            return []
        tables = [self.hypothesis.framings[i] for i, number in self.framings.found.items() if number]
        middle = 0.0 if self.band is None else (self.band.low + self.band.high) / 2
        return [
            (satellite, transmitter)
            for satellite, transmitter in self.hypothesis.satellites
            if transmitter.framing in tables
            and (frequency is None or abs(transmitter.frequency - frequency - middle) < TOLERANCE)
        ]

    def finding(self) -> Finding | None:
        """What the meter says; None when that is nothing."""
        best = self.meter.windows[np.argsort(-self.meter.windows[:, 0], kind="stable")]
        use, baudrate = self.hypothesis.demod["use"], self.hypothesis.baudrate
        enough = min(ENOUGH, max(2, round(SHORTEST * baudrate / WINDOW)))
        if len(best) < enough:
            return None
        level, rate, offset = np.median(best[:16], axis=0)
        if self.kind == "real" and use == "psk" and not offset > 0.75 * baudrate:
            return None  # baseband
        known = not math.isnan(offset) and not (self.kind == "real" and use != "psk")
        index = getattr(self.demod, "index", None)
        return Finding(
            self.band, self.hypothesis, float(best[enough - 1, 0]), level, rate, offset if known else None, index
        )


def trials(recording: Recording, found: Sequence[Band], framed: Iterable[Finding] | None = None) -> list[Trial]:
    """Chains for all that may be in the bands, or, with their framings, for findings.

    Those that the recording is too narrow for are left out.
    """
    if framed is not None:
        wanted = [(finding.band, finding.hypothesis) for finding in framed]
    else:
        places: list[Band | None] = list(found) or [None]
        wanted = [(band, variant) for band in places for known in hypotheses() for variant in _variants(known, band)]
    stream = Stream(recording.kind, recording.rate, recording.clock, recording.frequency_at(0.0))
    made = []
    for band, hypothesis in wanted:
        demod = build(hypothesis.demod, hypothesis.name, "demod")
        width = getattr(demod, "bandwidth", 0.0)
        if recording.kind not in demod.takes or (band is not None and not band.width / 10 < width < 1.6 * band.width + 3e3):
            continue
        meter = Meter()
        stages: list[Stage] = [Place(band)] if band is not None else []
        if recording.kind == "iq" and not getattr(demod, "finds_carrier", False):
            stages.append(Track(bandwidth=getattr(demod, "searched", width)))
        stages += [demod, meter]
        framings = Several(list(hypothesis.framings)) if framed is not None else None
        if framings is not None:
            stages.append(framings)
        chain = Chain(stages, hypothesis.name)
        try:
            chain.open(stream)
        except FlowgraphError:
            continue
        made.append(Trial(band, hypothesis, demod, meter, framings, chain, recording.kind))
    return made


def _variants(hypothesis: Hypothesis, band: Band | None) -> Iterator[Hypothesis]:
    """As it is, and with the deviation that would fill the band where that is a large one."""
    yield hypothesis
    if band is not None and hypothesis.demod["use"] == "fsk" and "subaudio" not in hypothesis.demod:
        deviation = band.width / 2 - 0.55 * hypothesis.baudrate
        if 0.75 < deviation / hypothesis.baudrate < 4:
            yield replace(hypothesis, demod={**hypothesis.demod, "deviation": round(deviation)})


def look(source: Source, progress: Callable[[float], None] | None = None) -> Survey:
    """Read a source to its end: level, clipping and waterfall."""
    survey = Survey(source.recording, True)
    while (chunk := source.read()) is not None:
        survey.add(chunk)
        if progress is not None:
            progress((chunk.position + len(chunk)) / chunk.rate)
    return survey


def busiest(found: Sequence[Band], seconds: float) -> tuple[float, float]:
    """Start and end, in seconds, of the stretch that is measured: where most bands are."""
    if seconds <= SECONDS or not found:
        return 0.0, SECONDS
    starts = sorted({min(band.start, seconds - SECONDS) for band in found})

    def filled(start: float) -> float:
        stop = start + SECONDS
        return sum(max(0.0, min(stop, band.stop) - max(start, band.start)) for band in found)

    start = max(starts, key=filled)
    return start, start + SECONDS


def measure(
    source: Source, found: Sequence[Band], span: tuple[float, float], progress: Callable[[float], None] | None = None
) -> list[Finding]:
    """Send a stretch of a source through all demodulators; the likeliest first, by band.

    Parameters
    ----------
    span : start and end of the stretch, seconds
    """
    recording = source.recording
    tried = trials(recording, found)
    clock: Clock | None = None
    with ThreadPoolExecutor() as pool:
        while (chunk := source.read()) is not None:
            start = chunk.position / chunk.rate
            if start >= span[1]:
                break
            if start + len(chunk) / chunk.rate <= span[0]:
                continue
            if chunk.clock is not clock and clock is not None:
                break  # samples are missing here
            clock = chunk.clock
            list(pool.map(lambda trial: trial.chain.process(chunk), tried))  # noqa: B023
            if progress is not None:
                progress(start + len(chunk) / chunk.rate)
        list(pool.map(lambda trial: trial.chain.close(), tried))
    findings = [finding for trial in tried if (finding := trial.finding()) is not None]
    return sorted(findings, key=lambda finding: -finding.score)


def chosen(findings: Sequence[Finding]) -> list[Finding]:
    """Of each band those worth trying framings on."""
    counts: Counter[Band | None] = Counter()
    kept = []
    for finding in sorted(findings, key=lambda f: -f.score):
        counts[finding.band] += 1
        if counts[finding.band] <= CHOSEN and (finding.score >= LEAST or counts[finding.band] <= 2):
            kept.append(finding)
    return kept
