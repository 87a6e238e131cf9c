"""Signal processing and decoding kernels in Cython: numpy arrays in and out, normalised units.

Hot kernels are built once per instruction set, each set in a folder of its own (``avx2/``, ``avx512/``); the best one
that runs here comes first on this package's path, so that ``dsp_ext.fir`` is the fastest build there is. The
environment variable ``DSP_EXT_ISA`` chooses another; `isa` says which is in use.
"""

import os

from ._cpu import supported as _supported

__all__ = ["isa"]


def _choose() -> str:
    usable = _supported()
    wanted = os.environ.get("DSP_EXT_ISA", "")
    if not wanted:
        return usable[0]
    if wanted not in usable:
        raise ImportError(f"DSP_EXT_ISA={wanted!r}: no such instruction set runs here; these do: {', '.join(usable)}")
    return wanted


isa: str = _choose()
"""Name of the instruction set in use: "baseline", "avx2" or "avx512"."""

# best first: avx512 falls back to avx2 for kernels that gain nothing from it, and all fall back to the baseline
__path__[:0] = [
    os.path.join(folder, name) for name in _supported()[_supported().index(isa) : -1] for folder in list(__path__)
]
