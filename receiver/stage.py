"""What flows between the steps of a receiver, and what each step is.

A *stage* turns chunks of one kind into chunks of another, or into frames. It knows neither its neighbours nor threads.
Three conventions hold everywhere:

- **Position.** Every item has a position: the index, in samples of the source, of the instant it stands for. Filters
  take their own delay off. A symbol's position is its centre. `Clock` turns a position into UTC.
- **Law of chunks.** Any split of a stream into chunks, empty ones included, gives the same items.
- **Gaps.** A source that lost samples starts a new `Clock`; the runner then closes and reopens every stage.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Kind = Literal["iq", "real", "soft", "frames"]
"""complex64 | float32 audio | float32 soft symbols, positive = 1 | `Frame`"""


@dataclass(frozen=True, slots=True)
class Clock:
    """Straight line from the source's sample count to UTC, anchored at one sample."""

    rate: float
    """Samples of the source per second."""
    sample: float = 0.0
    """Sample at which `utc_ns` was the time."""
    utc_ns: int | None = None
    """UTC of that sample in ns since 1970-01-01; None where the time is not known."""
    uncertainty: float = 0.0
    """Standard uncertainty of the time, seconds."""

    def time_ns(self, position: float) -> int | None:
        """UTC of a position in ns since 1970-01-01, None where the time is not known."""
        if self.utc_ns is None:
            return None
        return self.utc_ns + round((position - self.sample) / self.rate * 1e9) + (self.wander_ns(position) or 0)

    def wander_ns(self, position: float) -> int | None:
        """ns by which a sample is later than on the line; None where nobody watches that."""
        return None


@dataclass(frozen=True, slots=True)
class Stream:
    """What a stage is told of its input before the first chunk."""

    kind: Kind
    rate: float
    """Items per second (symbols: nominal)."""
    clock: Clock
    frequency: float | None = None
    """Radio frequency of the stream's zero frequency, Hz; None where unknown. Audio has the carrier's, if known."""
    target: float | None = None
    """Where in the stream the wanted carrier is expected after Doppler correction, Hz from zero; None: anywhere."""
    span: float | None = None
    """The carrier is within +- this many Hz of `target`; None: anywhere in the band."""
    pairs: bool = False
    """Soft symbols are the two coordinates of points, in turn, in a plane that may be turned by quarters."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Consecutive items of one stream."""

    items: NDArray[Any]
    """(n,) C-contiguous: complex64, float32 or float32 soft symbols."""
    rate: float
    """Items per second (symbols: nominal)."""
    position: float
    """Of items[0], in samples of the source since its start."""
    clock: Clock
    positions: NDArray[np.float64] | None = None
    """(n,) position of each item, where a timing loop makes them uneven (soft symbols)."""
    offsets: NDArray[np.float32] | None = None
    """(n,) Hz by which the signal was moved down so far beyond the predicted Doppler: its residual frequency."""

    def __len__(self) -> int:
        return len(self.items)

    @property
    def step(self) -> float:
        """Source samples per item."""
        return self.clock.rate / self.rate


@dataclass(frozen=True, slots=True)
class Frame:
    """One decoded frame, as the framing hands it on."""

    payload: bytes
    """After error correction and descrambling; without sync word, parity and checksum."""
    position: float
    """Leading edge of the frame's first bit (the first after flag or sync word), in samples of the source."""
    length: float
    """From there to the end of its last bit, in samples of the source."""
    clock: Clock
    framing: str
    """Name of the framing as the field uses it."""
    offset: float | None = None
    """Residual carrier frequency, Hz from where it was expected."""
    ebn0_db: float | None = None
    snr_db: float | None = None
    """In the bandwidth of the symbol rate."""
    sync_errors: int | None = None
    """Wrong bits in sync word or flags."""
    corrected: int | None = None
    """Symbols (Reed-Solomon) or bits that error correction or repair changed; None without either."""
    integrity: Literal["crc", "rs", "none"] = "none"
    crc_ok: bool | None = None
    false_alarm: float | None = None
    """Probability that noise alone would have made this frame, per candidate examined."""
    continuity: bool = True
    """False when lost samples touch the frame."""
    link: dict[str, Any] = field(default_factory=dict)
    """Addresses, virtual channel and so on, where the framing knows them."""

    @property
    def end(self) -> float:
        """Position of the end of the last bit."""
        return self.position + self.length

    def but(self, **changes: Any) -> Frame:
        """Copy with some fields changed."""
        return replace(self, **changes)


@runtime_checkable
class Stage(Protocol):
    """A step of a chain. Implementations are dataclasses whose fields are their parameters in TOML."""

    takes: ClassVar[tuple[Kind, ...]]
    gives: ClassVar[Kind]

    def open(self, stream: Stream) -> Stream:
        """Design filters for this stream, forget all state, and say what comes out."""
        ...

    def process(self, chunk: Chunk) -> Sequence[Chunk | Frame]:
        """Take some items, give what they complete."""
        ...

    def close(self) -> Sequence[Chunk | Frame]:
        """Give what was still inside. The stage can be opened again."""
        ...


def failures_of(stages: Iterable[object]) -> Counter[str]:
    """What stages gave up, by reason; may be asked for by another thread while they run."""
    total: Counter[str] = Counter()
    for stage in stages:
        total.update(dict(getattr(stage, "failures", {})))
    return total


def above_0(stage: object, *names: str) -> None:
    """Raise ValueError for the first of these parameters that is not above 0."""
    for name in names:
        if not getattr(stage, name) > 0:
            raise ValueError(f"{name} is {getattr(stage, name)}; it must be above 0")


def parameter(default: Any, unit: str = "", help: str = "", choices: tuple[Any, ...] = ()) -> Any:
    """Declare a field of a stage: its default, unit and meaning are what `--help`, the loader and docs/ show."""
    metadata = {"unit": unit, "help": help, "choices": choices}
    if isinstance(default, (list, dict)):
        return field(default_factory=lambda: type(default)(default), metadata=metadata)
    return field(default=default, metadata=metadata)


def required(unit: str = "", help: str = "") -> Any:
    """Declare a field of a stage that has no default."""
    return field(metadata={"unit": unit, "help": help, "choices": ()})
