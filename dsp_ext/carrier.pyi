from typing import Any

import numpy as np
from numpy.typing import NDArray

def mix(
    x: NDArray[Any],
    edges: NDArray[np.int64],
    phase: NDArray[np.float64],
    frequency: NDArray[np.float64],
    slope: NDArray[np.float64],
) -> NDArray[np.complex64]: ...
def square(y: NDArray[np.complex64]) -> NDArray[np.complex64]: ...
def fourth(y: NDArray[np.complex64]) -> NDArray[np.complex64]: ...
def clock_tone(
    y: NDArray[np.complex64], chips: int, pairs: bool = False
) -> tuple[NDArray[np.complex64], NDArray[np.float32]]: ...
