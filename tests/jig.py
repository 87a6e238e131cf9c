"""Runs kernels and stages on a stream cut in many ways: the law of chunks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from receiver.stage import Chunk, Clock, Frame, Stage, Stream

SIZES = ((1,), (7, 0, 333, 1, 4096), (4097,), (64,))
"""Sizes of chunks, again and again; beside them the whole is tried, and one that is halved by an empty chunk."""

Run = Callable[[Any, Sequence[NDArray[Any]]], list[Any]]


def cut(x: NDArray[Any], sizes: Sequence[int]) -> list[NDArray[Any]]:
    """Parts of x of these sizes, over and over until it is used up."""
    parts, at = [], 0
    while at < len(x):
        for size in sizes:
            parts.append(x[at : at + size])
            at += size
    return parts


def cuts(x: NDArray[Any], seed: int = 0, few: int = 3000) -> Iterator[list[NDArray[Any]]]:
    """Different ways to cut x; one by one only so many items at the beginning."""
    half = len(x) // 2
    yield [x[:0], x[:half], x[:0], x[half:], x[:0]]
    yield [*cut(x[:few], (1,)), x[few:]]
    for sizes in SIZES[1:]:
        yield cut(x, sizes)
    places = np.sort(np.random.default_rng(seed).integers(0, len(x) + 1, 9))
    yield np.split(x, list(places))


def outputs(kernel: Any, parts: Sequence[NDArray[Any]]) -> list[Any]:
    """What a kernel gives for the parts, `flush` included: a list of arrays, joined, or of other items."""
    made = [kernel.process(part) for part in parts]
    if hasattr(kernel, "flush"):
        made.append(kernel.flush())
    return joined(made)


def joined(made: Sequence[Any]) -> list[Any]:
    """Join the results of several calls."""
    if not made:
        return []
    if isinstance(made[0], list):
        return [[item for part in made for item in part]]
    if isinstance(made[0], tuple):
        return [np.concatenate(column) for column in zip(*made, strict=True)]
    return [np.concatenate(made)]


def kernel_keeps_the_law(make: Callable[[], Any], x: NDArray[Any], run: Run = outputs) -> list[Any]:
    """What a kernel makes of x, bit for bit the same however x is cut.

    Also after a reset, beside another instance, and with nothing to do; x is read-only throughout.
    """
    x = x.copy()
    x.flags.writeable = False
    whole = run(make(), [x])
    for parts in cuts(x):
        _same(run(make(), parts), whole)
    kernel = make()
    _same(run(kernel, []), run(make(), [x[:0]]) if run(make(), []) else [])
    kernel.process(x[: len(x) // 3])
    kernel.reset()
    _same(run(kernel, [x]), whole)
    if hasattr(kernel, "flush"):
        _same(run(kernel, [x]), whole)  # flush has reset it
    one, other = make(), make()
    made: tuple[list[Any], list[Any]] = ([], [])
    for part in cut(x, (777,)):
        made[0].append(one.process(part))
        made[1].append(other.process(part))
    for kernel, results in zip((one, other), made, strict=True):
        if hasattr(kernel, "flush"):
            results.append(kernel.flush())
        _same(joined(results), whole)
    return whole


def _same(one: list[Any], other: list[Any]) -> None:
    assert len(one) == len(other)
    for a, b in zip(one, other, strict=True):
        if isinstance(a, np.ndarray):
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(a, b)
        else:
            assert a == b


def run_stage(
    stage: Stage, stream: Stream, parts: Sequence[NDArray[Any]], position: float = 0.0
) -> list[Chunk | Frame]:
    """Everything that a stage gives for the parts of a stream."""
    stage.open(stream)
    made: list[Chunk | Frame] = []
    for part in parts:
        made += stage.process(Chunk(part, stream.rate, position, stream.clock))
        position += len(part) * stream.clock.rate / stream.rate
    return [*made, *stage.close()]


def items(made: Sequence[Chunk | Frame]) -> NDArray[Any]:
    """Items of chunks in a row."""
    return np.concatenate([np.empty(0, np.float32), *(chunk.items for chunk in made if isinstance(chunk, Chunk))])


def positions(made: Sequence[Chunk | Frame]) -> NDArray[np.float64]:
    """Position of each item."""
    out = [np.empty(0)]
    for chunk in made:
        if isinstance(chunk, Chunk):
            even = chunk.position + chunk.step * np.arange(len(chunk))
            out.append(even if chunk.positions is None else chunk.positions)
    return np.concatenate(out)


def offsets(made: Sequence[Chunk | Frame]) -> NDArray[np.float64]:
    """Offset at each item, NaN where none is known."""
    out = [np.empty(0)]
    for chunk in made:
        if isinstance(chunk, Chunk):
            out.append(np.full(len(chunk), np.nan) if chunk.offsets is None else chunk.offsets)
    return np.concatenate(out)


def stage_keeps_the_law(
    stage: Stage, stream: Stream, x: NDArray[Any], *, tolerance: float = 0.0, seed: int = 0
) -> list[Chunk | Frame]:
    """What a stage makes of x, the same however x is cut, and when it is opened again in the middle.

    Parameters
    ----------
    tolerance : of the items; positions and offsets may be off by 1e-9 of theirs
    """
    x = x.copy()
    x.flags.writeable = False
    start = 12345.0
    whole = run_stage(stage, stream, [x], start)
    for parts in cuts(x, seed, 300):
        stage.open(stream)
        stage.process(Chunk(x[: len(x) // 2], stream.rate, start, stream.clock))
        same_items(run_stage(stage, stream, parts, start), whole, tolerance)
    assert run_stage(stage, stream, []) == []
    assert run_stage(stage, stream, [x[:0]]) == [] or not len(items(run_stage(stage, stream, [x[:0]])))
    return whole


def same_items(one: Sequence[Chunk | Frame], other: Sequence[Chunk | Frame], tolerance: float = 0.0) -> None:
    """Assert that two runs gave the same frames, and items with their positions and offsets."""
    a, b = (
        [f.but(position=0, length=0, offset=0, snr_db=0, ebn0_db=0) for f in made if isinstance(f, Frame)]
        for made in (one, other)
    )
    assert a == b
    for name, bound in (("position", 1e-6), ("length", 1e-6), ("offset", 1e-2), ("snr_db", 1e-3), ("ebn0_db", 1e-3)):
        columns = [[getattr(f, name) for f in made if isinstance(f, Frame)] for made in (one, other)]
        np.testing.assert_allclose(
            np.array(columns[0], float), np.array(columns[1], float), rtol=0, atol=bound, err_msg=name
        )
    assert len(items(one)) == len(items(other))
    np.testing.assert_allclose(items(one), items(other), rtol=0, atol=tolerance)
    np.testing.assert_allclose(positions(one), positions(other), rtol=0, atol=1e-6)
    np.testing.assert_allclose(offsets(one), offsets(other), rtol=0, atol=1e-2)


def stream_of(kind: Any, rate: float, **known: Any) -> Stream:
    """A stream straight from a source."""
    return Stream(kind, rate, Clock(rate), **known)
