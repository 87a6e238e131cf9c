# isa: avx2
"""Straight lines through a path, over some nodes on both sides of each but not across a jump.

    line_n(k) = a_n + b_n * (k - n)   by weighted least squares over the nodes k of the segment of n, |k - n| <= reach
    value_n   = a_n + arg( sum_k  taper(k - n) tone_k exp(-j 2 pi line_n(k)) ) / (2 pi)

The second term, the mean phase of tones against the line, only where there are tones; the path is in cycles then.
"""
import numpy as np

from libc.math cimport atan2, cos, sin

cdef double TURN = 6.283185307179586


cdef void _fit(const double* path, const long long* segment, const double* weight, const float* tone,
               const double* taper, Py_ssize_t reach, Py_ssize_t n, double* value) noexcept nogil:
    # the pointers stand at the first node that has `reach` nodes before it
    cdef Py_ssize_t i, k
    cdef double w, y, s, x_sum, y_sum, x_mean, y_mean, xx, xy, slope, level, re, im, c, d, c_step, d_step, c_next
    for i in range(n):
        s = x_sum = y_sum = xx = xy = 0
        for k in range(-reach, reach + 1):
            if segment[i + k] == segment[i]:
                w = weight[i + k] * taper[k + reach]
                y = path[i + k] - path[i]
                s += w
                x_sum += w * k
                y_sum += w * y
                xx += w * k * k
                xy += w * k * y
        if s <= 0:
            value[i] = path[i]
            continue
        x_mean, y_mean = x_sum / s, y_sum / s
        slope = (xy / s - x_mean * y_mean) / (xx / s - x_mean * x_mean + 1e-9)
        level = y_mean - slope * x_mean
        value[i] = path[i] + level
        if tone == NULL:
            continue
        # turning back by the line: one sine and cosine to begin with, then a rotation each
        c, d = cos(-TURN * (value[i] - slope * reach)), sin(-TURN * (value[i] - slope * reach))
        c_step, d_step = cos(-TURN * slope), sin(-TURN * slope)
        re = im = 0
        for k in range(-reach, reach + 1):
            if segment[i + k] == segment[i]:
                w = taper[k + reach]
                re += w * (tone[2 * (i + k)] * c - tone[2 * (i + k) + 1] * d)
                im += w * (tone[2 * (i + k)] * d + tone[2 * (i + k) + 1] * c)
            c_next = c * c_step - d * d_step
            d = c * d_step + d * c_step
            c = c_next
        value[i] += atan2(im, re) / TURN


def lines(const double[::1] path not None, const long long[::1] segment not None, const double[::1] weight not None,
          const double[::1] taper not None, const float complex[::1] tone=None):
    """Values of the lines at the nodes that have as many nodes on both sides as the taper reaches.

    Parameters
    ----------
    path : (n,) float64
    segment : (n,) int64, another number behind each jump
    weight : (n,) float64, 0 or more
    taper : (2 * reach + 1,) float64
    tone : (n,) complex64; default none

    Returns
    -------
    (n - 2 * reach,) float64, empty with fewer nodes

    Raises
    ------
    ValueError : arrays of different length, a taper of even length
    """
    cdef Py_ssize_t n = path.shape[0], reach = taper.shape[0] // 2, made = max(0, n - 2 * reach)
    cdef double[::1] out
    if segment.shape[0] != n or weight.shape[0] != n or (tone is not None and tone.shape[0] != n):
        raise ValueError(f"{n} segments, weights and tones expected")
    if taper.shape[0] % 2 == 0:
        raise ValueError(f"a taper of odd length expected, got {taper.shape[0]}")
    result = np.empty(made)
    if made:
        out = result
        with nogil:
            _fit(&path[reach], &segment[reach], &weight[reach],
                 <const float*>&tone[0] + 2 * reach if tone is not None else NULL, &taper[0], reach, made, &out[0])
    return result
