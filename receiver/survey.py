"""Level, clipping, DC and spectrum of a recording, gathered in one pass and in constant memory."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .source import Recording
from .stage import Chunk, Clock

ROWS = 400
"""A waterfall has between this and twice this many rows, as long as there are samples for them."""
BINS = 1024
"""Samples to a spectrum."""


def clipping_level(recording: Recording) -> float:
    """From which on I, Q or a real sample is clipped: the two outermost codes of a converter."""
    bits = recording.datatype.lstrip("criuf").split("_")[0]
    return 1 - 2.0 ** (1 - min(int(bits or 16), 16)) * 1.5


class Survey:
    """Give it each chunk of a recording in order, then ask.

    Parameters
    ----------
    recording : that the chunks are of
    spectrum : whether to make a spectrum and waterfall, too
    """

    def __init__(self, recording: Recording, spectrum: bool = False) -> None:
        self.samples = 0
        self.gaps = 0
        """Places where samples are missing or the frequency changes."""
        self.peak = 0.0
        """Largest I, Q or real sample, of full scale 1."""
        self.waterfall = Waterfall(recording) if spectrum else None
        self._top = clipping_level(recording)
        self._clock: Clock | None = None
        self._clocks: list[tuple[float, Clock]] = []
        self._iq = recording.kind == "iq"
        self._power = 0.0
        self._sum = np.zeros(1 + self._iq)
        self._clipped = 0

    def add(self, chunk: Chunk) -> None:
        values = chunk.items.view(np.float32).reshape(len(chunk), -1)
        self.samples += len(chunk)
        if chunk.clock is not self._clock:
            self.gaps += self._clock is not None
            self._clock = chunk.clock
            self._clocks.append((chunk.position, chunk.clock))
        self._power += float(np.vdot(values, values))
        self._sum += values.sum(axis=0, dtype=np.float64)
        size = np.abs(values)
        self.peak = max(self.peak, float(size.max(initial=0.0)))
        self._clipped += int(np.count_nonzero(size.max(axis=1) >= self._top))
        if self.waterfall is not None:
            self.waterfall.add(chunk.items)

    def clock_at(self, position: float) -> Clock | None:
        """Clock of the samples there, None where nothing was."""
        return next((clock for start, clock in reversed(self._clocks) if start <= position), None)

    @property
    def power(self) -> float:
        """Mean of |x|^2; a full-scale carrier has 1 as IQ, and 1/2 as audio."""
        return self._power / max(self.samples, 1)

    @property
    def dc_power(self) -> float:
        """Of the mean, |mean x|^2."""
        return float(np.sum((self._sum / max(self.samples, 1)) ** 2))

    @property
    def clipped(self) -> float | None:
        """Share of samples at the end of the scale; None where float samples go beyond 1, so that it is not known."""
        return None if self.peak > 1.0 else self._clipped / max(self.samples, 1)


class Waterfall:
    """Power spectra over time. When there are too many rows, each two become one."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.rows = np.zeros((2 * ROWS, BINS if recording.kind == "iq" else BINS // 2 + 1))
        self._window = np.hanning(BINS).astype(np.float32)
        self._scale = 1 / float(np.sum(self._window)) ** 2
        self._each = 1  # spectra in a row
        self._full = 0  # rows complete
        self._part = 0  # spectra in the row that is not
        self._left = np.empty(0, np.float32)

    def add(self, items: NDArray[Any]) -> None:
        if len(self._left):
            items = np.concatenate([self._left, items])
        n = len(items) // BINS
        self._left = items[n * BINS :].copy()
        blocks = items[: n * BINS].reshape(n, BINS) * self._window
        iq = self.recording.kind == "iq"
        spectra = np.fft.fftshift(np.fft.fft(blocks), axes=1) if iq else np.fft.rfft(blocks)
        power = (spectra.real**2 + spectra.imag**2) * self._scale
        while len(power):
            take = min(self._each - self._part, len(power))
            self.rows[self._full] += power[:take].sum(axis=0)
            power = power[take:]
            self._part += take
            if self._part == self._each:
                self._part = 0
                self._full += 1
                if self._full == len(self.rows):
                    self.rows[:ROWS] = self.rows[::2] + self.rows[1::2]
                    self.rows[ROWS:] = 0
                    self._full = ROWS
                    self._each *= 2

    @property
    def power(self) -> NDArray[np.float64]:
        """(rows, bins) mean power, of full scale 1, oldest first; the frequencies of `frequencies`."""
        rows = self.rows[: self._full] / self._each
        return rows if len(rows) else self.rows[:1] / max(self._part, 1)

    @property
    def spectra(self) -> int:
        """That were averaged for a row."""
        return self._each

    @property
    def frequencies(self) -> NDArray[np.float64]:
        """(bins,) Hz from the recording's zero."""
        if self.recording.kind == "iq":
            return np.asarray(np.fft.fftshift(np.fft.fftfreq(BINS, 1 / self.recording.rate)), np.float64)
        return np.asarray(np.fft.rfftfreq(BINS, 1 / self.recording.rate), np.float64)

    @property
    def seconds(self) -> float:
        """From the first to the end of the last row."""
        return len(self.power) * self._each * BINS / self.recording.rate
