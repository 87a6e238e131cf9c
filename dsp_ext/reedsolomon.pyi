from collections.abc import Sequence
from typing import final

import numpy as np
from numpy.typing import NDArray

@final
class ReedSolomon:
    @property
    def parity(self) -> int: ...
    def __init__(self, parity: int, polynomial: int = 0x187, first: int = 112, step: int = 11) -> None: ...
    def decode(self, word: NDArray[np.uint8], erasures: Sequence[int] | None = None) -> int: ...
    def encode(self, data: bytes | NDArray[np.uint8]) -> NDArray[np.uint8]: ...

TO_DUAL: NDArray[np.uint8]
FROM_DUAL: NDArray[np.uint8]
