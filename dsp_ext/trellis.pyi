from collections.abc import Sequence
from typing import final

import numpy as np
from numpy.typing import NDArray

@final
class Trellis:
    def __init__(
        self, generators: Sequence[int], inverted: Sequence[bool] = (), *, terminated: bool = False
    ) -> None: ...
    def decode(self, soft: NDArray[np.float32]) -> tuple[NDArray[np.uint8], int]: ...
