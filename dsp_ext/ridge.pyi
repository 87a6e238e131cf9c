import numpy as np
from numpy.typing import NDArray

class Ridge:
    def __init__(
        self,
        bins: int,
        lag: int,
        move: float,
        jump: float,
        reach: int = 2,
        circular: bool = False,
        drifts: NDArray[np.int32] | None = None,
        turn: float = 0,
        parts: int = 1,
    ) -> None: ...
    def reset(self) -> None: ...
    def process(self, scores: NDArray[np.float32], shifts: NDArray[np.int32] | None = None) -> NDArray[np.int64]: ...
    def flush(self) -> NDArray[np.int64]: ...
