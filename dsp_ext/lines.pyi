import numpy as np
from numpy.typing import NDArray

def lines(
    path: NDArray[np.float64],
    segment: NDArray[np.int64],
    weight: NDArray[np.float64],
    taper: NDArray[np.float64],
    tone: NDArray[np.complex64] | None = None,
) -> NDArray[np.float64]: ...
