"""Ways to cut a stream into chunks, for the law of chunks."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray


def cuts(x: NDArray[np.float32], seed: int = 0) -> Iterator[list[NDArray[np.float32]]]:
    """Whole, one by one, even and odd sizes, at random with empty chunks."""
    rng = np.random.default_rng(seed)
    random = np.sort(rng.integers(0, len(x) + 1, 12))
    for places in (range(1, len(x)), range(7, len(x), 7), range(333, len(x), 333), [0, *random, len(x)]):
        yield np.split(x, list(places))
