"""Audio of an FM signal in IQ, as a receiver gives it, and how far its carrier is beside zero."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from dsp_ext.discriminator import Discriminator
from dsp_ext.limiter import ClickLimiter
from dsp_ext.resample import Resampler

from ..channel.filters import polyphase
from ..errors import FlowgraphError
from ..stage import Chunk, Stream
from ._offsets import OffsetTrack

BLOCK = 64
"""Symbols over which the carrier's offset is averaged where the audio is a tone, which turns over many times."""

TONE_BLOCK = 32
"""Symbols by which the height of a tone is measured."""


def tone_audio(
    stream: Stream, name: str, of: str, top: float, tone: float, fm_deviation: float, baudrate: float
) -> tuple[FmAudio | None, float]:
    """What makes audio of a stream, None where it is audio, and the audio's rate.

    Parameters
    ----------
    name, of : of the demodulator, and of what it takes from the audio, for messages
    top : highest frequency of that, Hz
    tone : highest audio frequency that lasts, Hz. A receiver as wide as it makes by Carson's rule loses less of the
        signal than it gains by fewer clicks
    fm_deviation : peak deviation of the FM, Hz

    Raises
    ------
    FlowgraphError : the stream has too low a rate
    """
    if stream.rate < 2 * top:
        raise FlowgraphError(
            f"{name} with {of} up to {top:g} Hz needs {2 * top:g} samples per second or more, got {stream.rate:g}"
        )
    if stream.kind != "iq":
        return None, stream.rate
    if fm_deviation > stream.rate / 2:
        raise FlowgraphError(
            f"{name} by FM of {fm_deviation:g} Hz needs {2 * fm_deviation:g} samples per second or more, "
            f"got {stream.rate:g}"
        )
    bandwidth = carson(fm_deviation, tone)
    rate = max(2.5 * carson(fm_deviation, top) / 2, 3 * top)
    return FmAudio(stream, bandwidth, rate, max(1, round(BLOCK * rate / baudrate))), rate


def tone_limiter(rate: float, baudrate: float) -> ClickLimiter:
    """What cuts the clicks in such audio: a tone is within 0.93 of its height for three quarters of the time."""
    return ClickLimiter(round(TONE_BLOCK * rate / baudrate), 1, 0.12, 0)


def carson(deviation: float, top: float) -> float:
    """Band that FM takes, by its peak deviation and its highest audio frequency, all in Hz (Carson, 1922)."""
    return 2 * (deviation + top)


def with_offsets(chunks: Sequence[Chunk], fm: FmAudio | None) -> list[Chunk]:
    """Chunks with the radio carrier's offsets in place of what was measured in the audio."""
    return [
        replace(chunk, offsets=None if fm is None or chunk.positions is None else fm.offsets(chunk.positions))
        for chunk in chunks
    ]


class FmAudio:
    """Channel filter and discriminator.

    Parameters
    ----------
    stream : the input, IQ
    bandwidth : that the FM takes, Hz
    rate : of the audio
    block : samples of audio over which the carrier's offset is averaged; the audio turns over many times in it. None:
        the audio has in it what was taken off before, so that a search for the carrier leaves no wobble there
    """

    def __init__(self, stream: Stream, bandwidth: float, rate: float, block: int | None = None) -> None:
        cutoff = min(0.5 * bandwidth / stream.rate, 0.45)
        self._channel = Resampler(polyphase(cutoff, cutoff * 0.4, 50), stream.rate / rate, is_complex=True)
        self._discriminator = Discriminator()
        self._rate, self._block, self._clock = rate, block, stream.clock
        self._step = stream.clock.rate / rate
        self._track, self._residue = OffsetTrack(), OffsetTrack()
        # not yet averaged; of still audio, not yet given out
        self._waiting: NDArray[np.float32] = np.empty(0, np.float32)
        self._origin: float | None = None
        self._count = 0  # samples given out

    def process(self, chunk: Chunk) -> Chunk:
        """Take IQ; give audio in cycles a sample, float32."""
        if self._origin is None:
            # a sample of the discriminator stands between two of its input
            self._origin = chunk.position - 0.5 * self._step
        self._clock = chunk.clock
        self._track.append(chunk)
        return self._audio(self._channel.process(chunk.items), self._track.reach)

    def flush(self) -> Chunk:
        """Give what is still inside."""
        return self._audio(self._channel.flush(), math.inf)

    def offsets(self, positions: NDArray[np.float64]) -> NDArray[np.float32]:
        """Residual frequency of the carrier at ascending positions, Hz; of still audio, its own mean tells."""
        return (self._track.at(positions) + self._residue.at(positions)).astype(np.float32)

    def _audio(self, x: NDArray[np.complex64], reach: float) -> Chunk:
        audio = self._discriminator.process(x)
        position = (self._origin or 0.0) + self._count * self._step
        if self._block is None:
            audio = self._stilled(audio, position, reach)
        else:
            self._average(audio, position, self._block)
        self._count += len(audio)
        return Chunk(audio, self._rate, position, self._clock)

    def _stilled(self, audio: NDArray[np.float32], position: float, reach: float) -> NDArray[np.float32]:
        """Put back what was taken off, as far as that is known."""
        audio = np.concatenate([self._waiting, audio])
        positions = position + self._step * np.arange(len(audio), dtype=np.float64)
        n = int(np.searchsorted(positions, reach, "right"))
        self._waiting = audio[n:]
        return audio[:n] + (self._track.at(positions[:n]) / self._rate).astype(np.float32)

    def _average(self, audio: NDArray[np.float32], position: float, block: int) -> None:
        """Note the audio's mean, which is how far the carrier is beside zero."""
        held = np.concatenate([self._waiting, audio])
        n = len(held) // block
        means = held[: n * block].reshape(n, block).mean(axis=1, dtype=np.float64)
        first = position - len(self._waiting) * self._step
        self._residue.add(first + (np.arange(n) + 0.5) * block * self._step, means * self._rate)
        self._waiting = held[n * block :]
