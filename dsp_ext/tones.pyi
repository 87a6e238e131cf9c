import numpy as np
from numpy.typing import NDArray

def tone_contrast(
    x: NDArray[np.complex64],
    at: NDArray[np.float64],
    centres: NDArray[np.float32],
    swings: NDArray[np.float32],
    per_symbol: int,
) -> NDArray[np.float32]: ...
