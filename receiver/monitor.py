"""What a reception is doing at this moment, for view, logs and metrics.

Samples are looked at in thin slices, symbols where the demodulator hands them to the framing. Both are only put aside
by the threads they pass through; a thread of its own makes figures of them, four times a second. Nobody waits for it.
"""

from __future__ import annotations

import contextlib
import math
import shutil
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dsp_ext.quality import esn0

from .stage import Chunk
from .survey import clipping_level

if TYPE_CHECKING:
    from .orbit import Orbit, Station
    from .pipeline import Line, Pipeline
    from .record import Context
    from .source import Recording, Source

TURN = 0.25
"""Seconds from one look to the next."""
SLICE, BINS = 8192, 2048
"""Samples of a slice, and of a spectrum."""
SLICES = 8
"""Slices between two looks, at most."""
LEVEL = 4
"""Looks over which level and clipping are taken."""
BLOCK = 256
"""Symbols whose Es/N0 is measured together."""
SEEN = 3.0
"""dB of it that noise does not reach: of 128 symbols of FSK demodulated from noise it has 2 at most."""
SEEN_FOUR = 9.0
"""The same where symbols have four levels, which are not the two that are measured."""
ALIKE = 0.8
"""Of the symbols of a block, more of one sign than of the other: that is no signal."""
NOW, GONE = 2.0, 10.0
"""Seconds behind its last symbols for which a signal is shown, and until it counts as lost."""
STATE = 10.0
"""Seconds from one state that is published to the next."""
SOON_HOURS, STEP = 24.0, 20.0
"""Hours ahead in which passes are looked for, in steps of seconds."""
SIGHTED = 1.0
"""Seconds from one look at the sky to the next."""
SOUGHT = 8
"""Satellites whose next pass is looked for at once, at most: an all-day search takes some milliseconds."""
AGAIN = 1800 * 10**9
"""ns until they are looked for once more where there was none."""


class Pass(NamedTuple):
    satellite: str
    rise_ns: int
    """UTC; now, if it is up already."""
    set_ns: int
    elevation: float
    """At its top, degrees."""


@dataclass(frozen=True)
class Channel:
    """One transmitter that is received."""

    satellite: str
    norad: int | None
    transmitter: str
    place: float | None = None
    """Where it should be in the band, Doppler included, Hz from the middle."""
    signal: bool = False
    """Whether there is one now."""
    snr_db: float | None = None
    """Es/N0 of its symbols; None without a signal, as the next."""
    offset_hz: float | None = None
    """Carrier beyond where it should be."""
    doppler_hz: float | None = None
    elevation: float | None = None
    """Degrees; None without an orbit, as the shift."""
    frames: int = 0
    last_frame: float | None = None
    """Seconds since it came."""
    failures: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Loss:
    """A place where samples are missing."""

    sample: int
    """The first that is lost."""
    lost: int
    utc: str | None
    """Time of that sample, ISO 8601."""


@dataclass(frozen=True)
class State:
    """All that there is to see."""

    device: str = ""
    rate: float | None = None
    """Samples per second."""
    frequency: float | None = None
    """Of the middle of the band, Hz."""
    elapsed: float = 0.0
    """Seconds."""
    received: int = 0
    """Samples."""
    lost: int = 0
    gaps: int = 0
    last_loss: Loss | None = None
    restarts: int = 0
    away: bool = False
    """The device is gone and tried again."""
    level_dbfs: float | None = None
    clipped: float | None = None
    """Share of the samples."""
    spectrum: NDArray[np.float32] | None = None
    """(BINS,) power in dB of full scale, lowest frequency first."""
    ring: float = 0.0
    """Fill of the ring, 0 to 1; the chains' queue below."""
    queue: float = 0.0
    channels: tuple[Channel, ...] = ()
    recording: Path | None = None
    """The file that is written now."""
    recorded: int | None = None
    """Bytes, in all; None when nothing is to be recorded, as the next."""
    free: int | None = None
    passes: tuple[Pass, ...] = ()
    """Next ones, soonest first."""

    def table(self) -> dict[str, Any]:
        """For JSON."""

        def rounded(value: float | None, places: int) -> float | None:
            return None if value is None or not math.isfinite(value) else round(value, places)

        return {
            "device": self.device,
            "rate_hz": self.rate,
            "frequency_hz": self.frequency,
            "elapsed_s": round(self.elapsed, 1),
            "samples": self.received,
            "samples_lost": self.lost,
            "gaps": self.gaps,
            "restarts": self.restarts,
            "level_dbfs": rounded(self.level_dbfs, 1),
            "clipped": rounded(self.clipped, 6),
            "recorded_bytes": self.recorded,
            "free_bytes": self.free,
            "channels": [
                {
                    "satellite": one.satellite,
                    "norad": one.norad,
                    "transmitter": one.transmitter,
                    "signal": one.signal,
                    "snr_db": rounded(one.snr_db, 1),
                    "offset_hz": rounded(one.offset_hz, 1),
                    "doppler_hz": rounded(one.doppler_hz, 1),
                    "elevation": rounded(one.elevation, 1),
                    "frames": one.frames,
                    "failures": one.failures,
                }
                for one in self.channels
            ],
        }


Topic = Literal["status", "gap"]
Tell = Callable[[str, str, dict[str, Any]], None]
"""Takes an event: level ("info", "warning"), name, fields."""


class Monitor:
    """Looks at one reception.

    Parameters
    ----------
    tell : takes events, in the thread of the monitor: gap, device_lost, device_back, signal_seen, signal_lost,
        recording, end
    sights : orbit and station by catalogue number of the satellite; those of chains that wait for it are known
    """

    def __init__(
        self,
        tell: Tell | None = None,
        sights: Mapping[int | None, tuple[Orbit, Station]] | None = None,
    ) -> None:
        # a model of an orbit is for one thread
        self._sights = {norad: (replace(orbit), station) for norad, (orbit, station) in (sights or {}).items()}
        self._sighted = -math.inf
        self._tell = tell or (lambda level, event, fields: None)
        self.spectrum = False
        """Whether it is wanted."""
        self._begun = time.monotonic()
        self._told: deque[tuple[str, str, dict[str, Any]]] = deque()
        self._due: deque[tuple[Topic, dict[str, Any]]] = deque(maxlen=1000)
        self._source: Any = None
        self._pipeline: Pipeline | None = None
        self._lines: list[_Line] = []
        self._slices: deque[NDArray[Any]] = deque(maxlen=SLICES)
        self._sliced = 0.0
        self._levels: deque[tuple[float, float, int]] = deque(maxlen=LEVEL)  # power, clipped, samples
        self._gaps = 0
        self._loss: Loss | None = None
        self._path: Path | None = None
        self._free: int | None = None
        self._away = False
        self._over = False  # a sample was beyond full scale, so what is clipped is not known
        self._state = State()
        self._published = time.monotonic()
        self._passes: dict[int | None, tuple[int, Pass | None]] = {}  # when to look for the next one, UTC ns
        self._window = np.hanning(BINS).astype(np.float32)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="monitor", daemon=True)

    def watch(self, source: Source) -> Source:
        """The source, to be read in place of the one given; what a device tells is taken, too."""
        self._source = source
        recording = source.recording
        if hasattr(source, "tell"):
            source.tell = self._take
        self._clip = clipping_level(recording)
        self._state = replace(
            self._state, device=recording.name, rate=recording.rate, frequency=recording.frequency_at(0.0)
        )
        return _Watched(source, self._look_at)

    def begin(self, pipeline: Pipeline, made: Sequence[tuple[Line, Context]]) -> None:
        """Look from now on, until `close`."""
        self._pipeline = pipeline
        self._lines = [_Line(line, context) for line, context in made]
        for (line, _), known in zip(made, self._lines, strict=True):
            if line.visible is not None and known.norad not in self._sights:
                self._sights[known.norad] = replace(line.visible.orbit), line.visible.station
        self._thread.start()

    def frame(self, line: int) -> None:
        """A frame came."""
        self._lines[line].frame()

    def due(self) -> list[tuple[Topic, dict[str, Any]]]:
        """What is to be published since the last call: kind of topic ("status", "gap"), and table."""
        out: list[tuple[Topic, dict[str, Any]]] = []
        while self._due:
            out.append(self._due.popleft())
        now = time.monotonic()
        if now - self._published >= STATE:
            self._published = now
            out.append(("status", {"event": "state", **self.state().table()}))
        return out

    def state(self) -> State:
        """As it is now; may be asked for from anywhere."""
        state, source, now = self._state, self._source, time.monotonic()
        recorder = getattr(source, "recorder", None)
        lost = getattr(source, "lost", 0)
        pipeline = self._pipeline
        return replace(
            state,
            elapsed=now - self._begun,
            received=getattr(source, "received", 0),
            lost=lost,
            gaps=self._gaps,
            last_loss=self._loss,
            restarts=getattr(source, "restarts", 0),
            away=self._away,
            ring=getattr(source, "fill", 0.0),
            queue=pipeline.fill if pipeline else 0.0,
            channels=tuple(
                line.channel(now, pipeline.failures(i))
                for i, line in enumerate(self._lines)
                if pipeline and self._shown(i)
            ),
            recording=recorder.path if recorder is not None else None,
            recorded=recorder.written if recorder is not None else None,
            free=self._free,
        )

    def _shown(self, number: int) -> bool:
        """Whether there is something to tell of a channel."""
        line = self._lines[number]
        return line.always or line.has_given or (self._pipeline is not None and self._pipeline.runs(number))

    def close(self) -> None:
        """Take a last look, tell the sum of it, and end."""
        self._stop.set()
        self._thread.join()
        self._say("info", "end", self.state().table(), "state")

    def _look_at(self, chunk: Chunk) -> None:
        now = time.monotonic()
        if now - self._sliced >= TURN / SLICES:
            self._sliced = now
            self._slices.append(chunk.items[:SLICE].copy())

    def _take(self, event: str, fields: dict[str, Any]) -> None:
        """From the source's thread."""
        if event == "gap":
            self._gaps += 1
            self._loss = Loss(fields["sample"], fields["lost"], fields["utc"])
            self._due.append(("gap", {"file": self._state.device, "gaps": self._gaps, **fields}))
        else:
            self._away = event == "device_lost"
            self._due.append(("status", {"event": event, **fields}))
        self._told.append(("info" if event == "device_back" else "warning", event, fields))

    def _run(self) -> None:
        while not self._stop.wait(TURN):
            self._look()
        self._look()

    def _say(self, level: str, event: str, fields: dict[str, Any], published: str = "") -> None:
        """Tell of an event, and have it published."""
        self._tell(level, event, fields)
        self._due.append(("status", {"event": published or event, **fields}))

    def _look(self) -> None:
        now = time.monotonic()
        while self._told:
            self._tell(*self._told.popleft())
        slices = []
        while self._slices:
            slices.append(self._slices.popleft())
        self._measure(slices)
        for line in self._lines:
            said = line.look(now)
            if said is not None:
                self._say("info", *said)
        path = getattr(getattr(self._source, "recorder", None), "path", None)
        if path is not None and path != self._path:
            self._path = path
            self._say("info", "recording", {"path": str(path)})
        if path is not None:  # here, as a disk may keep who asks waiting
            with contextlib.suppress(OSError):
                self._free = shutil.disk_usage(path.parent).free
        if self._sights and now - self._sighted >= SIGHTED:
            self._sighted = now
            self._sight(time.time_ns())

    def _measure(self, slices: list[NDArray[Any]]) -> None:
        """Level, clipping and spectrum."""
        if slices:
            x = np.concatenate(slices)
            values = x.view(np.float32).reshape(len(x), -1)
            size = np.abs(values).max(axis=1)
            self._over |= bool(size.max(initial=0.0) > 1.0)
            self._levels.append((float(np.vdot(values, values)), int(np.count_nonzero(size >= self._clip)), len(x)))
        elif self._levels:
            self._levels.popleft()
        power, clipped, count = (
            (sum(column) for column in zip(*self._levels, strict=True)) if self._levels else (0,) * 3
        )
        spectrum = self._state.spectrum
        if not self._levels:
            spectrum = None
        elif slices and self.spectrum and np.iscomplexobj(slices[0]):
            spectrum = _spectrum(slices, self._window)
        self._state = replace(
            self._state,
            level_dbfs=10 * math.log10(max(power / count, 1e-20)) if count else None,
            clipped=clipped / count if count and not self._over else None,
            spectrum=spectrum,
        )

    def _sight(self, now_ns: int) -> None:
        """Elevations, shifts and next passes."""
        from .errors import OrbitError

        names = {line.norad: line.satellite for line in self._lines}
        shown: dict[int | None, list[_Line]] = {}
        for number, line in enumerate(self._lines):
            if self._shown(number):
                shown.setdefault(line.norad, []).append(line)
        sought = 0
        for norad, (orbit, station) in list(self._sights.items()):
            try:
                if sought < SOUGHT and (norad not in self._passes or self._passes[norad][0] <= now_ns):
                    sought += 1
                    found = next_pass(orbit, station, now_ns, names.get(norad, orbit.name))
                    self._passes[norad] = found.set_ns if found else now_ns + AGAIN, found
                if norad in shown:
                    elevation = float(orbit.look(station, np.array([now_ns])).elevation[0])
                    for line in shown[norad]:
                        line.sighted(orbit, station, elevation, now_ns)
            except OrbitError:
                del self._sights[norad]
                self._passes.pop(norad, None)
        passes = sorted((one for _, one in self._passes.values() if one), key=lambda one: one.rise_ns)
        self._state = replace(self._state, passes=tuple(passes))


class _Watched:
    """A source whose chunks are looked at as they pass."""

    def __init__(self, source: Source, look: Callable[[Chunk], None]) -> None:
        self._source, self._look = source, look
        self.recording: Recording = source.recording

    def read(self) -> Chunk | None:
        chunk = self._source.read()
        if chunk is not None:
            self._look(chunk)
        return chunk

    def close(self) -> None:
        self._source.close()


class _Line:
    """What is known of one channel."""

    def __init__(self, line: Line, context: Context) -> None:
        self.satellite = context.satellite.name if context.satellite else ""
        self.norad = context.satellite.norad if context.satellite else None
        self._carrier = context.carrier
        self._transmitter = context.transmitter.name
        middle = line.opened.frequency if line.opened else None
        self._place = context.carrier - middle if context.carrier is not None and middle is not None else None
        four = any(getattr(stage, "levels", 2) == 4 for stage in line.chain.stages)
        self._seen = SEEN_FOUR if four else SEEN
        self._chunks: deque[Chunk] = deque(maxlen=64)
        line.chain.tap = self._chunks.append
        self.always = line.visible is None
        """Whether it is received all the time."""
        self._soft = np.empty(0, np.float32)
        self._offsets = np.empty(0, np.float32)
        self._snr: float | None = None
        self._offset: float | None = None
        self._last_seen: float | None = None
        self._present = False
        self._frames = 0
        self._last_frame: float | None = None
        self._elevation: float | None = None
        self._doppler: float | None = None

    @property
    def has_given(self) -> bool:
        """Frames came."""
        return self._frames > 0

    def frame(self) -> None:
        self._frames += 1
        self._last_frame = time.monotonic()

    def sighted(self, orbit: Orbit, station: Station, elevation: float, now_ns: int) -> None:
        self._elevation = elevation
        if self._carrier is not None:
            self._doppler = float(orbit.doppler(self._carrier, station, np.array([now_ns]))[0])

    def look(self, now: float) -> tuple[str, dict[str, Any]] | None:
        """Measure the symbols that came; tells when a signal came or is gone."""
        soft, offsets = [self._soft], [self._offsets]
        while self._chunks:
            chunk = self._chunks.popleft()
            soft.append(chunk.items)
            offsets.append(chunk.offsets if chunk.offsets is not None else np.full(len(chunk), np.nan, np.float32))
        x, f = np.concatenate(soft), np.concatenate(offsets)
        whole = len(x) // BLOCK * BLOCK
        self._soft, self._offsets = x[whole:], f[whole:]
        # of a bare carrier, such as the receiver's own line in the middle of the band, all symbols are alike
        alike = [abs(float(np.sign(x[i : i + BLOCK]).mean())) > ALIKE for i in range(0, whole, BLOCK)]
        found = [10 * math.log10(esn0(x[i : i + BLOCK])) for i in range(0, whole, BLOCK)]
        best = max(((ratio, BLOCK * i) for i, ratio in enumerate(found) if not alike[i]), default=(-math.inf, 0))
        if best[0] >= self._seen:
            self._snr, self._last_seen = best[0], now
            known = f[best[1] : best[1] + BLOCK]
            known = known[np.isfinite(known)]
            self._offset = float(np.median(known)) if len(known) else None
        seen = self._last_seen is not None and now - self._last_seen < GONE
        if seen == self._present:
            return None
        self._present = seen
        fields: dict[str, Any] = {"satellite": self.satellite, "transmitter": self._transmitter}
        if seen:
            fields["snr_db"] = None if self._snr is None else round(self._snr, 1)
            fields["offset_hz"] = None if self._offset is None else round(self._offset, 1)
        return ("signal_seen" if seen else "signal_lost"), fields

    def channel(self, now: float, failures: Mapping[str, int]) -> Channel:
        signal = self._last_seen is not None and now - self._last_seen < NOW
        return Channel(
            self.satellite,
            self.norad,
            self._transmitter,
            None if self._place is None else self._place + (self._doppler or 0.0),
            signal,
            self._snr if signal else None,
            self._offset if signal else None,
            self._doppler,
            self._elevation,
            self._frames,
            None if self._last_frame is None else now - self._last_frame,
            dict(failures),
        )


def _spectrum(slices: Sequence[NDArray[np.complex64]], window: NDArray[np.float32]) -> NDArray[np.float32] | None:
    rows = [x[: len(x) // BINS * BINS].reshape(-1, BINS) for x in slices]
    blocks = np.concatenate(rows)
    if not len(blocks):
        return None
    made = np.fft.fft(blocks * window)
    power = np.fft.fftshift((made.real**2 + made.imag**2).mean(axis=0)) / float(window.sum()) ** 2
    return np.asarray(10 * np.log10(np.maximum(power, 1e-20)), np.float32)


def next_pass(orbit: Orbit, station: Station, now_ns: int, name: str = "") -> Pass | None:
    """The pass that is or comes next, within a day, to some seconds. Raises OrbitError."""
    at = now_ns + np.arange(0, round(SOON_HOURS * 3600 * 1e9), round(STEP * 1e9), dtype=np.int64)
    elevation = orbit.look(station, at).elevation
    up = np.flatnonzero(elevation > 0)
    if not len(up):
        return None
    first = int(up[0])
    down = np.flatnonzero(elevation[first:] <= 0)
    last = first + int(down[0]) if len(down) else len(at) - 1

    def crossing(i: int) -> int:
        """Between i - 1 and i."""
        low, high = elevation[i - 1], elevation[i]
        return int(at[i - 1] + (at[i] - at[i - 1]) * (low / (low - high)))

    rise = crossing(first) if first else now_ns
    top = float(elevation[first : last + 1].max())
    return Pass(name or orbit.name, rise, crossing(last) if len(down) else int(at[last]), top)
