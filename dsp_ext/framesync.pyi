from typing import final

import numpy as np
from numpy.typing import NDArray

@final
class FrameSync:
    def __init__(
        self, word: int, length: int, tolerance: int = 0, *, inverted: bool = True, spacing: int = 1
    ) -> None: ...
    def reset(self) -> None: ...
    def process(self, soft: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.uint8], NDArray[np.int8]]: ...
