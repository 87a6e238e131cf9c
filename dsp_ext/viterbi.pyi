from typing import final

import numpy as np
from numpy.typing import NDArray

@final
class Viterbi:
    def __init__(
        self,
        generators: tuple[int, int] = (0o171, 0o133),
        inverted: tuple[bool, bool] = (False, True),
        *,
        terminated: bool = False,
    ) -> None: ...
    def reset(self) -> None: ...
    def process(self, soft: NDArray[np.float32]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]: ...
    def flush(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]: ...
