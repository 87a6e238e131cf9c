"""Moves the wanted carrier to zero: from where an orbit, or the transmitter's frequency alone, puts it.

The sent oscillation f_tx arrives as f_tx (t - tau(t)) cycles, tau being the light's travel time. A receiver whose one
crystal runs e = ppm 1e-6 fast tunes to f_c (1 + e) when told f_c, and counts T = t (1 + e) seconds from its samples.
So in the recording, on its own scale, the carrier has

    phase(T) = f_tx (T / (1 + e) - tau(t)) - f_c T + offset T   cycles

and that is taken off. In each 0.1 s the phase is a parabola through the exact phase at both ends and in the middle, so
that nothing accumulates. It stays within 0.002 Hz and 3e-5 cycle of the curve at 437 MHz, 400 km overhead.

The receiver's DC, which would then be a tone, is taken off before where that is wanted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dsp_ext.doppler import Mixer

from ..errors import FlowgraphError, OrbitError
from ..orbit import Orbit, Station, default_station, load_orbit, parse_station
from ..stage import Chunk, Clock, Frame, Kind, Stream, parameter
from ._constant import Constant

BLOCK = 0.1
"""Seconds over which the frequency is linear."""
BATCH = 64
"""Blocks computed at once."""
DRIFT = 4000.0
"""Hz that a cubesat's and a simple receiver's oscillator are off, beside `DRIFT_PPM`."""
DRIFT_PPM = 10.0
DOPPLER_PPM = 25.0
"""Largest Doppler shift of a low satellite: the more to be searched where no orbit is given."""
OFFSET_SPAN = 2500.0
"""Hz around an offset that the user gives."""


@dataclass
class Doppler:
    """Mix so that the transmitter's carrier is at zero; without known frequencies pass through."""

    takes: ClassVar[tuple[Kind, ...]] = ("iq",)
    gives: ClassVar[Kind] = "iq"

    frequency: float | None = parameter(None, "Hz", "nominal frequency of the transmitter")
    elements: str = parameter("", help="TLE or OMM file of the satellite's orbit")
    norad: int | None = parameter(None, help="catalogue number of the satellite in that file")
    station: str = parameter("", "degrees, m", "latitude,longitude,altitude; by default from the configuration")
    ppm: float = parameter(0.0, "ppm", "by how much the receiver's crystal, hence tuning and sample rate, is too fast")
    offset: float | None = parameter(None, "Hz", "how far above its expected frequency the carrier is, where known")
    without_dc: bool = parameter(False, "", "take off the constant that a receiver adds, where there is one")
    orbit: Orbit | None = field(default=None, repr=False)
    """Prepared elements, instead of a file."""
    site: Station | None = field(default=None, repr=False)
    """Prepared station, instead of its text."""
    remarks: list[str] = field(default_factory=list, init=False, repr=False)
    """Sentences for the user, after `open`."""
    place: Station | None = field(default=None, init=False, repr=False)
    """The station that the orbit is seen from, after `open`; None without an orbit."""
    _curve: tuple[Orbit, Station] | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.frequency is not None and not 0 < self.frequency < 1e12:
            raise ValueError(f"frequency is {self.frequency:g} Hz; it must be positive")
        if not abs(self.ppm) <= 1000:
            raise ValueError(f"ppm is {self.ppm:g}; it must be within +-1000")
        if self.offset is not None and not np.isfinite(self.offset):
            raise ValueError(f"offset is {self.offset:g}; it must be a number of Hz")

    def open(self, stream: Stream) -> Stream:
        """Read the elements and design the shift.

        Raises
        ------
        FlowgraphError : the offset is out of the band
        OrbitError : elements or station cannot be read, or there is an orbit but no time or no station
        """
        self.remarks = []
        self._stream = stream
        self._dc = Constant(stream.rate) if self.without_dc else None
        self._count = 0
        self._origin: float | None = None
        self._batch: tuple[int, NDArray[np.float64], NDArray[np.float64]] | None = None
        known = self.frequency is not None and stream.frequency is not None
        if self.offset is not None and abs(self.offset) > stream.clock.rate / (1 if known else 2):
            raise FlowgraphError(
                f"an offset of {self.offset:g} Hz is out of the recording, which is {stream.clock.rate:g} Hz wide"
            )
        self._curve = self._prepare(stream)
        self._heard = self.hears(stream)
        if not known and self.offset is None:
            self._mixer = None
            return stream
        if self.frequency is not None and stream.frequency is not None:
            self._shift = self._shift_in(stream)
            if self._heard and abs(self._shift) > stream.rate / 2:
                low, high = ((stream.frequency + side * stream.rate / 2) / 1e6 for side in (-1, 1))
                self.remarks.append(
                    f"{self.frequency / 1e6:.4f} MHz are outside the recording's {low:.4f} to {high:.4f}"
                )
        else:
            self._shift = self.offset or 0.0
        # where the carrier is at zero already, samples go through as they are
        self._mixer = Mixer(-self._shift / stream.rate) if self._shift or self._curve else None
        zero = self.frequency + (self.offset or 0.0) if self.frequency is not None and known else None
        return replace(stream, frequency=zero, target=0.0, span=self._span())

    def process(self, chunk: Chunk) -> Sequence[Chunk | Frame]:
        if not self._heard:
            return []
        x, mixer = chunk.items, self._mixer
        if self._dc is not None:
            x = self._dc.process(x)
        if mixer is None or not len(x):
            return [replace(chunk, items=x)]
        y = np.empty(len(x), np.complex64)
        if self._curve is None:
            mixer.process(x, y)
        else:
            if self._origin is None:
                self._origin = chunk.position
            size, start = self._size, 0
            while start < len(x):
                block, inside = divmod(self._count, size)
                if inside == 0:
                    mixer.set(*self._line(block))
                end = min(start + size - inside, len(x))
                mixer.process(x[start:end], y[start:end])
                self._count += end - start
                start = end
        return [replace(chunk, items=y)]

    def close(self) -> Sequence[Chunk | Frame]:
        return []

    def hears(self, stream: Stream) -> bool:
        """Whether the carrier can be in a stream: nothing of its band is out of reach of oscillators and speed.

        Where it cannot be, nothing is handed on; the mixer would only fold another part of the band onto it.
        """
        if self.frequency is None or stream.frequency is None:
            return True
        reach = OFFSET_SPAN if self.offset is not None else DRIFT + DRIFT_PPM * 1e-6 * self.frequency
        return abs(self._shift_in(stream)) <= stream.rate / 2 + reach + DOPPLER_PPM * 1e-6 * self.frequency

    def predicted(self, position: float, clock: Clock) -> float | None:
        """Doppler shift in Hz at a position of the source; None without orbit, station, time or frequency."""
        if self._curve is None or self.frequency is None or clock.utc_ns is None:
            return None
        orbit, site = self._curve
        return float(orbit.doppler(self.frequency, site, self._utc_ns(np.array([position]), clock))[0])

    @property
    def looks(self) -> tuple[float, float] | None:
        """Radio frequency about which the carrier may be received, and how far to each side, Hz, after `open`.

        None where that is not known, or outside the stream.
        """
        span, middle = self._span(), self._stream.frequency
        if self.frequency is None or middle is None or span is None or abs(self._shift) > self._stream.rate / 2:
            return None
        return middle + self._shift, span + (DOPPLER_PPM * 1e-6 * self.frequency if self._curve is not None else 0.0)

    def _shift_in(self, stream: Stream) -> float:
        """Hz from the stream's zero to the carrier without Doppler shift; both frequencies are known."""
        return (self.frequency or 0.0) / self._pace - (stream.frequency or 0.0) + (self.offset or 0.0)

    @property
    def _pace(self) -> float:
        """Seconds by the receiver's crystal in a second."""
        return 1 + self.ppm * 1e-6

    @property
    def _size(self) -> int:
        """Items in a block."""
        return max(1, round(BLOCK * self._stream.rate))

    def _prepare(self, stream: Stream) -> tuple[Orbit, Station] | None:
        orbit, site = self.orbit, self.site
        self.place = None
        if orbit is None and self.elements:
            orbit = load_orbit(Path(self.elements), self.norad, near_ns=stream.clock.utc_ns)
        if orbit is None:
            return None
        if site is None:
            site = parse_station(self.station) if self.station else default_station()
        if site is None:
            raise OrbitError(
                "the orbit needs the station; give it as latitude,longitude,altitude, or in the configuration"
            )
        if stream.clock.utc_ns is None:
            raise OrbitError("the orbit is given but the recording has no start time; give --start")
        self.place = site
        self.remarks += [*orbit.remarks, *filter(None, [orbit.remark(stream.clock.utc_ns)])]
        if self.frequency is None or stream.frequency is None:
            what = "transmitter" if self.frequency is None else "recording"
            self.remarks.append(f"the orbit is not used, because the frequency of the {what} is not known")
            return None
        return orbit, site

    def _span(self) -> float | None:
        if self.offset is not None:
            return OFFSET_SPAN
        if self.frequency is None:
            return None
        trusted = self._curve is not None and not self.remarks
        return DRIFT + (DRIFT_PPM + (0.0 if trusted else DOPPLER_PPM)) * 1e-6 * self.frequency

    def _utc_ns(self, positions: NDArray[np.float64], clock: Clock) -> NDArray[np.int64]:
        wander = clock.wander_ns(float(positions[0]))
        pace = self._pace if wander is None else 1.0  # what is watched is known better
        since = np.rint((positions - clock.sample) / (clock.rate * pace) * 1e9).astype(np.int64)
        return since + (clock.utc_ns or 0) + (wander or 0)

    def _line(self, block: int) -> tuple[float, float]:
        """Frequency of the mixer at the block's first item and its rate, cycles per item and per item^2."""
        number, inside = divmod(block, BATCH)
        if self._batch is None or self._batch[0] != number:
            assert self._curve is not None
            assert self._origin is not None
            assert self.frequency is not None
            orbit, site = self._curve
            clock, rate, size = self._stream.clock, self._stream.rate, self._size
            edges = (number * BATCH + np.arange(2 * BATCH + 1) / 2) * size  # and middles
            delay = orbit.delay(site, self._utc_ns(self._origin + edges * (clock.rate / rate), clock))
            # a parabola through the phase at both ends and in the middle of each block, less the constant shift
            half = -self.frequency * (delay[1::2] - delay[:-1:2])
            whole = -self.frequency * (delay[2::2] - delay[:-1:2])
            mean = self._shift / rate + (4 * half - whole) / size
            self._batch = number, -mean, -(4 * whole - 8 * half) / size**2
        return float(self._batch[1][inside]), float(self._batch[2][inside])


stage = Doppler
