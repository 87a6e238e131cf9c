"""What is in a recording of which nothing is known: signals, their modulation and rate, framings, satellites.

    waterfall -> bands that stand out from the noise -> every demodulator that fits a band, each measured by its symbols
    -> the same at symbol rates that the signal itself shows -> those that stand out, with all framings that are used
    with them -> frames

What is tried are the demodulators and framings of the shipped definitions. Frames decide what a signal is; without any,
the demodulator whose symbols are farthest from noise does.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from dsp_ext.doppler import Mixer
from dsp_ext.quality import esn0

from . import rates
from .bands import Band, bands
from .channel.filters import decimator_for
from .channel.track import Track
from .errors import FlowgraphError, counted
from .flowgraph import Chain, build
from .framing.several import BESIDE, Several, key
from .pipeline import Line, Pipeline
from .reception import declared_stages
from .satellite import Satellite, Transmitter, all_satellites
from .source import Recording, Source
from .stage import Chunk, Kind, Stage, Stream
from .survey import Survey, Waterfall

SECONDS, FIRST = 60.0, 20.0
"""Of a longer recording, the busiest stretch of this length is measured, and in so much of it framings are tried."""
SAMPLES = 3e6
"""Of IQ in which nothing stands out, so many are measured: it is little that is found, and all at the full rate."""
WINDOW = 128
"""Symbols that are measured together."""
ENOUGH, SHORTEST = 4, 0.3
"""A signal has so many windows as good as its score, or those of so many seconds where that is less, but two."""
NEAR = 0.007
"""Symbol rates as near as this, relatively, are taken for one: the clock follows so far."""
FAR = 0.02
"""Rates as near as this may be meant to be one."""
CHOSEN, LEAST = 6, 2.0
"""Demodulators whose framings are tried, at most, and the score in dB from which on."""
COMMON, FEW = 5, 2
"""Satellites; framings that more send are tried with every modulation that more than a few framings use."""
RARE = 8.0
"""dB, handicap of a modulation that few framings use."""
RATES = 4
"""Symbol rates that a signal itself shows, at most."""
NARROWEST = 1 / 32
"""Of the recorded band: where nothing stands out from the noise there is nothing narrower."""
BAND_BELOW, BAND_ABOVE, BAND_MORE = 0.1, 1.6, 3e3
"""A demodulator's bandwidth is at least and at most so much of the band, and so many Hz more."""
BESIDE_TONES = (0.55, 0.1)
"""Symbol rates that a band may reach beyond the tones of a large deviation, of a strong signal and of a weak one."""
ODD = 3
"""Demodulators at symbol rates of no definition that all framings are tried with, at most."""
SYMBOLS = 100e3
"""That are enough to try framings on."""
RANGE = 4.0
"""Where a framing is not known with a modulation, it is tried at symbol rates up to so many times from those it is
known at."""
SEEN = 6.0
"""Score in dB from which on a signal without frames is recognised."""
NAMED = 8
"""Satellites that are named."""
TOLERANCE = 30e3
"""Hz from its nominal frequency within which a satellite is heard."""


@dataclass(frozen=True, eq=False)
class Hypothesis:
    """A demodulator, and the framings that are used with it."""

    modulation: str
    """As the field writes it, such as "FSK"."""
    demod: dict[str, Any]
    framings: tuple[dict[str, Any], ...]
    """Those of which most is said first, those that are common last."""
    common: int
    """Number of those."""
    satellites: tuple[tuple[Satellite, Transmitter], ...]
    """That send so."""
    handicap: float
    """dB by which its symbols must be better than another's: what few use looks like what many do, too."""
    shown: bool = False
    """The signal itself shows the symbol rate, so that it fits."""

    @property
    def baudrate(self) -> float:
        return float(self.demod["baudrate"])

    @property
    def name(self) -> str:
        """Such as "FSK 9600"."""
        return f"{self.modulation} {self.baudrate:g}"


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
        return self.frames.total(), self.score - (0.0 if self.frames else self.hypothesis.handicap)


@cache
def hypotheses(folders: tuple[Path, ...] = ()) -> tuple[Hypothesis, ...]:
    """Each way of modulation that a definition has, with the framings that go with it or with many.

    Parameters
    ----------
    folders : of definitions beside those that are shipped

    Raises FlowgraphError, naming the file and the transmitter, for a fault in one of their definitions.
    """
    users: dict[str, list[tuple[Satellite, Transmitter]]] = {}
    senders: dict[str, set[int]] = {}
    families: dict[str, set[str]] = {}
    tables: dict[str, dict[str, Any]] = {}
    for satellite in all_satellites(folders):
        for transmitter in satellite.transmitters:
            if satellite.path.parent in folders:
                declared_stages(transmitter, satellite.place(transmitter))
            users.setdefault(_way(transmitter.demod), []).append((satellite, transmitter))
            called = key(transmitter.framing)
            tables[called] = transmitter.framing
            senders.setdefault(called, set()).add(satellite.norad)
            families.setdefault(_kind(transmitter.demod), set()).add(called)
    usual = [key for key, numbers in senders.items() if len(numbers) > COMMON]
    for framing in BESIDE:
        usual.append(key(framing))
        tables[usual[-1]] = framing
    made = []
    for same in users.values():
        demod = {
            key: value for key, value in same[0][1].demod.items() if key != "deviation" or "carrier" in same[0][1].demod
        }
        demod["baudrate"] = Counter(t.baudrate for _, t in same).most_common(1)[0][0]
        # ORBCOMM's modulation is ORBCOMM's
        common = usual if len(families[_kind(demod)]) > FEW else []
        own = dict.fromkeys(key(t.framing) for _, t in sorted(same, key=_said, reverse=True))
        framings = tuple(tables[key] for key in [*(key for key in own if key not in common), *common])
        made.append(
            Hypothesis(same[0][1].modulation, demod, framings, len(common), tuple(same), 0.0 if common else RARE)
        )
    return tuple(sorted(made, key=lambda h: (h.demod["use"], h.baudrate)))


def _said(sent: tuple[Satellite, Transmitter]) -> int:
    """How much is said of the framing: of two that read the same, the one that says more goes before."""
    return len(sent[1].framing)


def _way(demod: dict[str, Any]) -> str:
    """The same for demodulators that do for each other."""
    rate = round(math.log(demod.get("baudrate", 1.0)) / NEAR)
    tones = demod.get("carrier"), demod.get("fm_deviation")
    return f"{rate} {tones} {family(demod)}"


def family(demod: dict[str, Any]) -> str:
    """The same for demodulators that differ but in symbol rate and frequencies."""
    frequencies = ("baudrate", "deviation", "carrier", "fm_deviation")
    return repr(sorted((key, value) for key, value in demod.items() if key not in frequencies))


def _kind(demod: dict[str, Any]) -> str:
    """The same for demodulators that may be used for the same: what is sent with two phases is with four, too."""
    return family({key: value for key, value in demod.items() if key != "order"})


@dataclass
class Shift:
    """Move the middle of a band to zero, leave out what is far from it, and say how far the signal may be."""

    takes: ClassVar[tuple[Kind, ...]] = ("iq",)
    gives: ClassVar[Kind] = "iq"

    band: Band

    def open(self, stream: Stream) -> Stream:
        self._mixer = Mixer(-self.band.middle / stream.rate)
        reach = self.band.width / 2 + BAND_ABOVE * self.band.width + BAND_MORE
        self._rate, self._decimator = decimator_for(stream.rate, reach)
        self._origin: Chunk | None = None
        self._given = 0
        frequency = None if stream.frequency is None else stream.frequency + self.band.middle
        return replace(stream, rate=self._rate, frequency=frequency, target=0.0, span=self.band.width / 2)

    def process(self, chunk: Chunk) -> list[Chunk]:
        y = np.empty_like(chunk.items)
        self._mixer.process(chunk.items, y)
        if self._decimator is None:
            return [replace(chunk, items=y)]
        if self._origin is None:
            self._origin = chunk
        return self._moved(self._decimator.process(y))

    def close(self) -> list[Chunk]:
        return [] if self._decimator is None else self._moved(self._decimator.flush())

    def _moved(self, y: NDArray[np.complex64]) -> list[Chunk]:
        if self._origin is None or not len(y):
            return []
        first = self._origin
        position = first.position + self._given * (first.clock.rate / self._rate)
        self._given += len(y)
        return [Chunk(y, self._rate, position, first.clock)]


class Front:
    """A band for all demodulators that are tried on it.

    Parameters
    ----------
    band : None: the whole recorded band
    """

    def __init__(self, band: Band | None) -> None:
        self.band = band
        self.heard: list[NDArray[Any]] = []
        """Samples from when the band is heard, as many as symbol rates are sought in."""
        self._shift = None if band is None else Shift(band)

    def open(self, stream: Stream) -> None:
        self.stream = stream if self._shift is None else self._shift.open(stream)

    def process(self, chunk: Chunk) -> list[Chunk]:
        made = [chunk] if self._shift is None else self._shift.process(chunk)
        at = chunk.position / chunk.clock.rate
        if self.band is None or self.band.start <= at <= self.band.stop:
            room = rates.SAMPLES - sum(map(len, self.heard))
            self.heard += [part.items[:room].copy() for part in made if room > 0]
        return made

    def close(self) -> list[Chunk]:
        return [] if self._shift is None else self._shift.close()

    def symbol_rates(self) -> list[float]:
        """What the samples say; nothing of IQ in which nothing stands out."""
        if not self.heard or (self.band is None and self.stream.kind == "iq"):
            return []
        width = self.stream.rate / 4 if self.band is None else self.band.width
        return rates.symbol_rates(np.concatenate(self.heard), self.stream.rate, width)


class Meter:
    """Measure symbols as they pass by."""

    takes: ClassVar[tuple[Kind, ...]] = ("soft",)
    gives: ClassVar[Kind] = "soft"
    KEPT = 64

    def __init__(self) -> None:
        self.windows = np.empty((0, 3))
        """Es/N0 in dB, symbol rate and carrier of the best."""
        self.rate = math.nan
        """Of soft symbols, of which there may be several to a symbol; nominal."""
        self._rest: list[NDArray[Any]] | None = None

    def open(self, stream: Stream) -> Stream:
        self._rest = None
        return stream

    def process(self, chunk: Chunk) -> list[Chunk]:
        n = len(chunk)
        positions = chunk.positions if chunk.positions is not None else chunk.position + chunk.step * np.arange(n)
        carriers = chunk.offsets if chunk.offsets is not None else np.full(n, np.nan, np.float32)
        arrays: list[NDArray[Any]] = [chunk.items, positions, carriers]
        if self._rest is not None:
            arrays = [np.concatenate(pair) for pair in zip(self._rest, arrays, strict=True)]
        n = len(arrays[0]) // WINDOW * WINDOW
        self._rest = [x[n:] for x in arrays]
        if n:
            self.rate = chunk.rate
            soft, at, offsets = (x[:n].reshape(-1, WINDOW) for x in arrays)
            self._take(soft, at, offsets, chunk.clock.rate)
        return [chunk]

    def close(self) -> list[Chunk]:
        return []

    def _take(self, soft: NDArray[Any], at: NDArray[Any], offsets: NDArray[Any], rate: float) -> None:
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

    def heard(self) -> list[dict[str, Any]]:
        """Framings that made frames, even if others had more evidence: without the rest the frames are the same."""
        return [self.hypothesis.framings[i] for i in sorted(self.framings.made)] if self.framings else []

    def likely(self, frequency: float | None) -> list[dict[str, Any]]:
        """Framings of which there were frames, those of the satellites that send so, and the common ones."""
        way = self.hypothesis
        numbers = {satellite.norad for satellite, _ in self.satellites(frequency)}
        theirs = [t.framing for satellite, t in way.satellites if satellite.norad in numbers]
        found = [way.framings[i] for i, _ in (self.framings.found if self.framings else ())]
        first_common = len(way.framings) - way.common
        return [table for i, table in enumerate(way.framings) if i >= first_common or table in found or table in theirs]

    @property
    def name(self) -> str:
        """Of the way of modulation and its place."""
        place = "" if self.band is None else f" at {self.band.middle / 1e3:+.1f} kHz"
        return self.hypothesis.name + place

    @property
    def frames(self) -> Counter[str]:
        """By framing; two tables of one name find the same ones."""
        most: Counter[str] = Counter()
        for (_, name), number in (self.framings.found if self.framings else {}).items():
            most[name] = max(most[name], number)
        return most

    def satellites(self, frequency: float | None) -> list[tuple[Satellite, Transmitter]]:
        """Who sends so, with a framing of which there were frames, and near the recording's frequency, if known."""
        if self.framings is None:
            return []
        tables = [self.hypothesis.framings[i] for i, _ in self.framings.found]
        middle = 0.0 if self.band is None else self.band.middle
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
        if self.band is not None:
            offset += self.band.middle
        known = not math.isnan(offset) and not (self.kind == "real" and use != "psk")
        index = getattr(self.demod, "index", None)
        return Finding(
            self.band,
            self.hypothesis,
            float(best[enough - 1, 0]),
            float(level),
            float(rate) * baudrate / self.meter.rate,
            float(offset) if known else None,
            index,
            self.frames,
        )


def trials(
    recording: Recording,
    wanted: Iterable[tuple[Band | None, Hypothesis]],
    *,
    framings: bool = False,
    fronts: Mapping[Band | None, Front] | None = None,
) -> list[Trial]:
    """Chains for hypotheses about bands, with their framings or without.

    Those that the recording is too narrow for are left out.

    Parameters
    ----------
    fronts : open, what the chains are fed by; None: they take the recording itself
    """
    stream = Stream(recording.kind, recording.rate, recording.clock, recording.frequency_at(0.0))
    made = []
    for band, hypothesis in wanted:
        demod = build(hypothesis.demod, hypothesis.name, "demod")
        width = getattr(demod, "bandwidth", 0.0)
        fits = recording.kind in demod.takes
        if hypothesis.shown:
            pass
        elif band is not None:
            fits &= BAND_BELOW * band.width < width < BAND_ABOVE * band.width + BAND_MORE
        elif recording.kind == "iq":
            fits &= width > NARROWEST * recording.rate
        if not fits:
            continue
        meter = Meter()
        stages: list[Stage] = [Shift(band)] if band is not None and fronts is None else []
        if recording.kind == "iq" and not getattr(demod, "finds_carrier", False):
            stages.append(Track(bandwidth=getattr(demod, "searched", width), detail=getattr(demod, "detail", None)))
        stages += [demod, meter]
        several = Several(list(hypothesis.framings)) if framings and hypothesis.framings else None
        if several is not None:
            stages.append(several)
        chain = Chain(stages, hypothesis.name)
        try:
            chain.open(stream if fronts is None else fronts[band].stream)
        except FlowgraphError:
            continue
        made.append(Trial(band, hypothesis, demod, meter, several, chain, recording.kind))
    return made


def _variants(hypothesis: Hypothesis, band: Band | None) -> Iterator[Hypothesis]:
    """As it is, and with deviations that would fill the band where these are large ones."""
    yield hypothesis
    if band is None or hypothesis.demod["use"] != "fsk" or "subaudio" in hypothesis.demod:
        return
    for beside in BESIDE_TONES:
        deviation = band.width / 2 - beside * hypothesis.baudrate
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


def busiest(waterfall: Waterfall, found: Sequence[Band]) -> tuple[float, float]:
    """Start and end, in seconds, of the stretch that is measured: where most bands are, or most is not as usual."""
    power, seconds = waterfall.power, waterfall.seconds
    iq = waterfall.recording.kind == "iq"
    length = min(SECONDS, SAMPLES / waterfall.recording.rate) if iq and not found else SECONDS
    if seconds <= length:
        return 0.0, math.inf
    middle = (np.arange(len(power)) + 0.5) * seconds / len(power)
    activity = np.zeros(len(power))
    for band in found:
        activity += (band.start <= middle) & (middle <= band.stop)
    if not found:
        levels = np.log(power + 1e-30)
        activity = np.abs(levels - np.median(levels, axis=0)).mean(axis=1)
    rows = max(1, round(length / seconds * len(power)))
    sums = np.convolve(activity, np.ones(rows), "valid")
    start = float(np.argmax(sums)) * seconds / len(power)
    return start, start + length


class Stretch:
    """A source from which only some seconds are read.

    Parameters
    ----------
    source : open, at its beginning
    span : start and end, seconds
    """

    def __init__(self, source: Source, span: tuple[float, float]) -> None:
        self.recording = source.recording
        self._source, self._span = source, span

    def read(self) -> Chunk | None:
        while (chunk := self._source.read()) is not None:
            start = chunk.position / chunk.rate
            if start >= self._span[1]:
                return None
            if start + len(chunk) / chunk.rate > self._span[0]:
                return chunk
        return None

    def close(self) -> None:
        self._source.close()


def measure(
    source: Source, wanted: Iterable[tuple[Band | None, Hypothesis]], progress: Callable[[float], None] | None = None
) -> tuple[list[Finding], list[Front]]:
    """Send a source through demodulators, which begin anew where samples are missing.

    Parameters
    ----------
    wanted : hypotheses about bands

    Returns
    -------
    What was found, the likeliest first; and the bands as they were heard.
    """
    recording, wanted = source.recording, list(wanted)
    fronts = {band: Front(band) for band, _ in wanted}
    clock = recording.clock

    def opened(position: float) -> None:
        stream = Stream(recording.kind, recording.rate, clock, recording.frequency_at(position))
        for front in fronts.values():
            front.open(stream)

    opened(0.0)
    tried = trials(recording, wanted, fronts=fronts)
    with ThreadPoolExecutor() as pool:

        def fed(take: Callable[[Front], list[Chunk]]) -> None:
            made = dict(zip(fronts, pool.map(take, fronts.values()), strict=True))
            list(pool.map(lambda t: [t.chain.process(chunk) for chunk in made[t.band]], tried))

        def ended() -> None:
            fed(Front.close)
            list(pool.map(lambda trial: trial.chain.close(), tried))

        read = 0
        while (chunk := source.read()) is not None:
            if chunk.clock is not clock:
                if read:
                    ended()
                clock = chunk.clock
                opened(chunk.position)
                for trial in tried:
                    trial.chain.open(fronts[trial.band].stream)
            read += 1
            fed(lambda front, chunk=chunk: front.process(chunk))  # type: ignore[misc]
            if progress is not None:
                progress((chunk.position + len(chunk)) / chunk.rate)
        ended()
    findings = [finding for trial in tried if (finding := trial.finding()) is not None]
    return sorted(findings, key=lambda finding: -finding.score), list(fronts.values())


def unusual(found: Iterable[float], known: Sequence[Hypothesis]) -> Iterator[Hypothesis]:
    """Ways of modulation at symbol rates that no definition has, with the framings that may be sent so.

    These are the common ones, and those that are known to be sent with such a modulation or at such rates.
    """
    alike: dict[str, list[Hypothesis]] = {}
    for way in known:
        if way.demod["use"] in ("fsk", "psk") and way.common and "manchester" not in way.demod:
            alike.setdefault(family(way.demod), []).append(way)
    most = max(known, key=lambda way: way.common)
    common = most.framings[len(most.framings) - most.common :]
    own = {key(table): table for way in known for table in way.framings if table not in common}
    kinds: dict[str, set[str]] = {called: set() for called in own}
    sent_at: dict[str, set[float]] = {called: set() for called in own}
    for way in known:
        for _, transmitter in way.satellites:
            if (called := key(transmitter.framing)) in own:
                kinds[called].add(_kind(transmitter.demod))
                sent_at[called].add(transmitter.baudrate)
    first = sorted(own, key=lambda called: len(own[called]), reverse=True)
    for rate in found:
        for ways in alike.values():
            if not any(abs(rate / way.baudrate - 1) < NEAR for way in ways):
                demod = {**ways[0].demod, "baudrate": float(f"{rate:.5g}")}
                senders = tuple(pair for way in ways for pair in way.satellites if abs(rate / way.baudrate - 1) < FAR)
                theirs = [
                    own[called]
                    for called in first
                    if _kind(demod) in kinds[called] or any(1 / RANGE < rate / at < RANGE for at in sent_at[called])
                ]
                framings = (*theirs, *common)
                yield Hypothesis(ways[0].modulation, demod, framings, len(common), senders, 0.0, shown=True)


def chosen(findings: Sequence[Finding]) -> list[Finding]:
    """Of each band those worth trying framings on."""
    counts: Counter[Band | None] = Counter()
    kept = []
    for finding in sorted(findings, key=lambda f: -f.score):
        counts[finding.band] += 1
        if counts[finding.band] <= CHOSEN and (finding.score >= LEAST or counts[finding.band] <= 2):
            kept.append(finding)
    return kept


@dataclass(frozen=True)
class Exploration:
    """What was seen of a recording."""

    survey: Survey
    bands: list[Band]
    """Of IQ, the strongest first."""
    span: tuple[float, float]
    """Start and end, in seconds, of the stretch that was measured."""
    findings: list[Finding]
    """The likeliest first."""
    rates: dict[Band | None, list[float]]
    """Symbol rates that the signals show, in Bd."""


def explore(
    reopen: Callable[[], Source], folders: Sequence[Path] = (), progress: Callable[[float], None] | None = None
) -> Exploration:
    """Look at a recording and measure what is in it, which takes two passes.

    Parameters
    ----------
    reopen : opens the source at its beginning
    folders : of definitions beside those that are shipped
    progress : called with the seconds that are done, twice from the start
    """
    with closing(reopen()) as source:
        survey = look(source, progress)
    assert survey.waterfall is not None
    found = bands(survey.waterfall) if survey.waterfall.recording.kind == "iq" else []
    places: list[Band | None] = list(found) or [None]
    known = hypotheses(tuple(folders))
    wanted = [(band, way) for band in places for usual in known for way in _variants(usual, band)]
    span = busiest(survey.waterfall, found)
    with closing(reopen()) as source:
        findings, fronts = measure(Stretch(source, span), wanted, progress)
    return Exploration(survey, found, span, findings, {front.band: front.symbol_rates() for front in fronts})


def framed(recording: Recording, exploration: Exploration) -> list[tuple[Trial, Line]]:
    """Chains with framings for what was found, ready to run."""
    wanted = [(finding.band, finding.hypothesis) for finding in chosen(exploration.findings)]
    stream = Stream(recording.kind, recording.rate, recording.clock, recording.frequency_at(0.0))
    return [
        (trial, Line(trial.name, trial.chain, None, trial.hypothesis.baudrate, stream))
        for trial in trials(recording, wanted, framings=True)
    ]


def narrowed(reopen: Callable[[], Source], exploration: Exploration, folders: Sequence[Path] = ()) -> Exploration:
    """Try what was found on a part of the recording, to know better what to try on all of it.

    Where there are no frames, other symbol rates that the signal shows are tried with all framings that may be sent so.
    Of a long recording what gives no frames where something else does is left out. Of the framings remain those that
    give some, those of the satellites that send so, and the common ones; where the part was all, only the first.
    """
    assert exploration.survey.waterfall is not None
    recording = exploration.survey.waterfall.recording
    frequency = recording.frequency
    start = exploration.span[0]
    length = exploration.survey.samples / recording.rate - start
    tried = _in_part(reopen, exploration, FIRST)
    most: Counter[Band | None] = Counter()
    for trial in tried:
        most[trial.band] = max(most[trial.band], trial.frames.total())
    kept = list(exploration.findings)
    if not math.isinf(exploration.span[1]):
        kept = _as_tried(kept, [t for t in tried if 2 * t.frames.total() >= most[t.band]], frequency, False)
    elif length <= FIRST:
        kept = _as_tried(kept, tried, frequency, True)
    known = hypotheses(tuple(folders))
    odd = [
        (band, way)
        for band, found in exploration.rates.items()
        if not most[band]
        for other in unusual(found[:RATES], known)
        for way in _variants(other, band)
    ]
    if odd:
        with closing(reopen()) as source:
            more, _ = measure(Stretch(source, (start, start + FIRST)), odd)
        likeliest = [[f for f in more if f.band is band][:ODD] for band in exploration.rates]
        seconds = min([FIRST, *(SYMBOLS / f.hypothesis.baudrate for some in likeliest for f in some)])
        tried, framed_so = [], set()
        for place in range(ODD):
            next_ones = [some[place] for some in likeliest if place < len(some) and some[place].band not in framed_so]
            tried += _in_part(reopen, replace(exploration, findings=next_ones), seconds) if next_ones else []
            framed_so = {trial.band for trial in tried if trial.frames}
        kept = [f for f in kept if f.band not in framed_so]
        better = [t for t in tried if t.frames or t.band not in framed_so]
        kept += _as_tried(chain(*likeliest), better, frequency, length <= seconds)
        kept.sort(key=lambda finding: -finding.score)
    return replace(exploration, findings=kept)


def _in_part(reopen: Callable[[], Source], exploration: Exploration, seconds: float) -> list[Trial]:
    """Findings with their framings, sent through a part of the recording."""
    start, _ = exploration.span
    with closing(reopen()) as source:
        pairs = framed(source.recording, exploration)
        if pairs:
            Pipeline(Stretch(source, (start, start + seconds)), [line for _, line in pairs]).run(lambda *_: None)
    return [trial for trial, _ in pairs]


def _as_tried(
    findings: Iterable[Finding], tried: Iterable[Trial], frequency: float | None, whole: bool
) -> list[Finding]:
    """Those that were tried, with the framings that are worth trying on all, if not the whole has been tried."""
    trial_of = {(trial.band, trial.hypothesis): trial for trial in tried}
    kept = []
    for finding in findings:
        trial = trial_of.get((finding.band, finding.hypothesis))
        if trial is None:
            continue
        way = trial.hypothesis
        if whole or trial.frames or way.shown:
            framings = tuple(trial.heard() if whole else trial.likely(frequency))
            way = replace(way, framings=framings, common=len(framings))
        kept.append(replace(finding, hypothesis=way))
    return kept


def recognised(tried: Iterable[Trial]) -> list[tuple[Trial, Finding]]:
    """The best of each band, those with most frames first."""
    best: dict[Band | None, tuple[Trial, Finding]] = {}
    for trial in tried:
        finding = trial.finding()
        if finding is not None and (trial.band not in best or finding.rank > best[trial.band][1].rank):
            best[trial.band] = trial, finding
    # where nothing stands out of IQ, only frames tell
    kept = [
        (trial, finding)
        for trial, finding in best.values()
        if finding.frames or (finding.score >= SEEN and (trial.band is not None or trial.kind == "real"))
    ]
    told: list[tuple[Trial, Finding]] = []
    for trial, finding in sorted(kept, key=lambda pair: pair[1].rank, reverse=True):
        # a band and the whole that it is part of have one signal
        if not any(
            _overlap(trial.band, other.band) and finding.hypothesis.name == f.hypothesis.name for other, f in told
        ):
            told.append((trial, finding))
    return told


def _overlap(one: Band | None, other: Band | None) -> bool:
    return one is not None and other is not None and one.low <= other.high and other.low <= one.high


def describe(trial: Trial, finding: Finding, recording: Recording) -> list[str]:
    """Say what was recognised, for a person."""
    band, lines = finding.band, []
    if band is not None:
        lines.append(seen(band, recording))
    said = [f"{finding.hypothesis.name} Bd, measured {finding.baudrate:.5g}"]
    if finding.index is not None and finding.deviation is not None:
        said.append(f"deviation {finding.deviation:.0f} Hz (h = {finding.index:.2f})")
    if finding.offset is not None:
        said.append(f"carrier at {place(finding.offset, recording)}")
    lines.append(", ".join([*said, f"Es/N0 {finding.esn0_db:.0f} dB"]))
    for framing, number in finding.frames.most_common():
        lines.append(f"{framing}: {counted(number, 'frame')}")
    if not finding.frames:
        lines.append("no frames with any framing that is known to be used so")
    names = list(dict.fromkeys(satellite.name for satellite, _ in trial.satellites(recording.frequency)))
    if names:
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        lines.append(f"sent so by {', '.join(names[:NAMED])}{more}")
    return lines


def report(tried: Sequence[Trial], recording: Recording) -> list[str]:
    """Say what was recognised in a recording, for a person."""
    lines = []
    found = recognised(tried)
    for number, (trial, finding) in enumerate(found, 1):
        first, *more = describe(trial, finding, recording)
        lines += [f"  {number}  {first}", *(f"     {line}" for line in more)]
    known = [trial.band for trial, _ in found if trial.band is not None]
    for band in dict.fromkeys(trial.band for trial in tried if trial.band is not None):
        if not any(one.low <= band.middle <= one.high or band.low <= one.middle <= band.high for one in known):
            lines.append(f"  ?  {seen(band, recording)}")
    return lines or ["  nothing that is known"]


def seen(band: Band, recording: Recording) -> str:
    """Say where and when something is."""
    where = place(band.middle, recording, (band.start + band.stop) / 2)
    return (
        f"{where}, {band.width / 1e3:.1f} kHz wide, {band.start:.1f} to {band.stop:.1f} s, "
        f"{band.snr_db:.0f} dB over the noise"
    )


def place(offset: float, recording: Recording, seconds: float = 0.0) -> str:
    """A frequency in the recording, at some time from its start, as a person would say it."""
    if recording.kind == "real":
        return f"{offset:.0f} Hz"
    zero = recording.frequency_at(seconds * recording.rate)
    if zero is None:
        return f"{offset / 1e3:+.2f} kHz"
    return f"{(zero + offset) / 1e6:.5f} MHz ({offset / 1e3:+.2f} kHz)"


def table(trial: Trial, finding: Finding, recording: Recording) -> dict[str, Any]:
    """The same for JSON."""
    band = finding.band
    return {
        "band_hz": None if band is None else [round(band.low, 1), round(band.high, 1)],
        "time_s": None if band is None else [round(band.start, 3), round(band.stop, 3)],
        "snr_db": None if band is None else round(band.snr_db, 1),
        "modulation": finding.hypothesis.modulation,
        "baudrate": finding.hypothesis.baudrate,
        "measured_baudrate": round(finding.baudrate, 2),
        "deviation_hz": None if finding.deviation is None else round(finding.deviation, 1),
        "modulation_index": None if finding.index is None else round(finding.index, 3),
        "carrier_hz": None if finding.offset is None else round(finding.offset, 1),
        "esn0_db": round(finding.esn0_db, 1),
        "frames": dict(finding.frames.most_common()),
        "satellites": [
            {"name": satellite.name, "norad": satellite.norad, "transmitter": transmitter.name}
            for satellite, transmitter in trial.satellites(recording.frequency)
        ],
    }
