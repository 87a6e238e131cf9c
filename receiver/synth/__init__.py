"""The other direction: frames to the samples that a receiver would have recorded of them, with the truth.

Written from the standards, in plain numpy, and shares no table or code with the receive side, so that a mistake in one
of them shows in the other.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..satellite import Transmitter
from .channel import Channel
from .synthesiser import Block, Form, Synthesiser, Truth

__all__ = ["Block", "Channel", "Form", "Signal", "Synthesiser", "Truth", "synthesise"]

_OF_CHANNEL = set(Channel.__dataclass_fields__)


@dataclass(frozen=True)
class Signal:
    """A whole recording in memory."""

    samples: NDArray[Any]
    """(n,) complex64, or float32 for audio; full scale 1."""
    rate: float
    truth: list[Truth]
    captures: list[tuple[int, int]]
    """Of each stretch without a gap: its first sample here, and the same with lost ones counted."""
    start_ns: int | None
    frequency: float
    """Nominal frequency of the transmitter, which is zero in IQ, Hz."""


def synthesise(
    transmitter: Transmitter, frames: Iterable[bytes], *, rate: float, ebn0_db: float | None = None, **options: Any
) -> Signal:
    """Make the samples of some frames.

    Parameters
    ----------
    transmitter : demodulation and framing say how the frames are sent
    frames : payloads as the receiver hands them on: without sync word, checksum and parity
    rate : samples per second
    ebn0_db : energy per information bit over noise density, dB; None: no noise
    options : fields of `Channel` and of `Synthesiser`, such as ``seed``, ``offset``, ``doppler``, ``form``, ``burst``
    """
    channel = Channel(ebn0_db=ebn0_db, **{name: options.pop(name) for name in list(options) if name in _OF_CHANNEL})
    synthesiser = Synthesiser(transmitter, frames, rate, channel, **options)
    blocks = [block.samples for block in synthesiser.blocks()]
    kind = np.complex64 if synthesiser.form == "iq" else np.float32
    samples = np.concatenate(blocks).astype(kind) if blocks else np.zeros(0, kind)
    return Signal(samples, rate, synthesiser.truth, synthesiser.captures, synthesiser.start_ns, transmitter.frequency)
