import numpy as np
from numpy.typing import NDArray

def phase_tone(
    y: NDArray[np.complex64],
    centres: NDArray[np.float32],
    scale: float = 1.0,
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]: ...

class CpmDetector:
    index: float
    measured: float
    replaced: int
    def __init__(self, index: float, per_symbol: int = 4) -> None: ...
    def reset(self) -> None: ...
    def process(
        self,
        x: NDArray[np.complex64],
        instants: NDArray[np.float64],
        centres: NDArray[np.float32],
        swings: NDArray[np.float32],
        moved: NDArray[np.float32],
        eye: NDArray[np.float32],
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]: ...
    def flush(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]: ...
