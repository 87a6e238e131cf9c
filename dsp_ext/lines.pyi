from typing import Any

import numpy as np
from numpy.typing import NDArray

class Lines:
    def __init__(self, taper: NDArray[np.float64], furthest: float, states: int = 0, bend: float = 0) -> None: ...
    def process(
        self, path: NDArray[Any], weight: NDArray[np.float64] | None = None, tone: NDArray[np.complex64] | None = None
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.float64]]: ...
