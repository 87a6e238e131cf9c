from typing import Any

import numpy as np
from numpy.typing import NDArray

def windows(x: NDArray[Any], starts: NDArray[np.int64], taper: NDArray[np.float32]) -> NDArray[Any]: ...
def contrast(
    spectra: NDArray[np.complex64], edges: NDArray[np.int64], half: int, gap: int, flank: int
) -> NDArray[np.float32]: ...
def prominence(spectra: NDArray[np.complex64], reach: int) -> NDArray[np.float32]: ...
