# isa: avx2
"""Which of two tones a symbol is, whatever their phases.

    soft = (|H| - |L|) / (|H| + |L|)        H, L = sum over the symbol of x[n] exp(-2 pi i (centre +- swing) n)

The envelope detector of orthogonal signals (J. G. Proakis, Digital Communications, section 5.4). Where the modulation
index is large it hears more than a discriminator, which takes the noise of the whole band.
"""
import numpy as np

from libc.math cimport M_PI, cos, floor, sin, sqrtf


cdef float _magnitude(const float* x, Py_ssize_t n, double frequency) noexcept nogil:
    # a rotation from sample to sample, exact enough over a symbol
    cdef float c = <float>cos(2 * M_PI * frequency), s = <float>sin(-2 * M_PI * frequency)
    cdef float re = 1, im = 0, turned, total_re = 0, total_im = 0
    cdef Py_ssize_t i
    for i in range(n):
        total_re += x[2 * i] * re - x[2 * i + 1] * im
        total_im += x[2 * i] * im + x[2 * i + 1] * re
        turned = re * c - im * s
        im = re * s + im * c
        re = turned
    return sqrtf(total_re * total_re + total_im * total_im)


def tone_contrast(
    const float complex[::1] x not None,
    const double[::1] at not None,
    const float[::1] centres not None,
    const float[::1] swings not None,
    Py_ssize_t per_symbol,
):
    """Compare the tones of symbols.

    Parameters
    ----------
    x : (n,) complex64
    at : (m,) float64, middles of the symbols, in samples of x
    centres, swings : (m,) float32, midway between the tones, and from there to the upper one, cycles per sample
    per_symbol : samples in a symbol

    Returns
    -------
    (m,) float32, 1 where all is in the upper tone, -1 where it is in the lower one; 0 where a symbol is beyond x

    Raises
    ------
    ValueError : other lengths, or a symbol of no sample
    """
    cdef Py_ssize_t m = at.shape[0], n = x.shape[0], k, first
    cdef float high, low
    cdef float[::1] out
    cdef const float* p
    if centres.shape[0] != m or swings.shape[0] != m or per_symbol < 1:
        raise ValueError(
            f"{m} centres and swings and a symbol of 1 sample or more expected, "
            f"got {centres.shape[0]}, {swings.shape[0]} and {per_symbol}"
        )
    result = np.zeros(m, np.float32)
    if not m or not n:
        return result
    out = result
    p = <const float*>&x[0]
    with nogil:
        for k in range(m):
            # no number is in no range
            if not 0 <= at[k] <= n:
                continue
            first = <Py_ssize_t>floor(at[k] - 0.5 * per_symbol + 1)
            if first < 0 or first + per_symbol > n:
                continue
            high = _magnitude(p + 2 * first, per_symbol, centres[k] + swings[k])
            low = _magnitude(p + 2 * first, per_symbol, centres[k] - swings[k])
            out[k] = (high - low) / (high + low) if high + low > <float>1e-30 else 0
    return result
