from collections.abc import Sequence
from typing import final

import numpy as np
from numpy.typing import NDArray

MOST_PARITY: int

@final
class GaloisReedSolomon:
    @property
    def parity(self) -> int: ...
    @property
    def bits(self) -> int: ...
    def __init__(self, parity: int, polynomial: int, first: int = 1, step: int = 1) -> None: ...
    def decode(self, word: NDArray[np.uint16], erasures: Sequence[int] | None = None) -> int: ...
    def encode(self, data: NDArray[np.uint16]) -> NDArray[np.uint16]: ...
