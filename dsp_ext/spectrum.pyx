# isa: avx2
"""From short spectra to scores: where a band of power stands out from its flanks, and where a line from everything."""
import numpy as np

from libc.math cimport logf
from cpython.mem cimport PyMem_Calloc, PyMem_Free


def windows(x, const long long[::1] starts not None, const float[::1] taper not None):
    """Tapered windows of a stream.

    Parameters
    ----------
    x : (n,) complex64 or float32
    starts : (rows,) int64, first samples
    taper : (length,) float32

    Returns
    -------
    (rows, length) of the type of x

    Raises
    ------
    ValueError : a window that reaches beyond x
    """
    cdef Py_ssize_t rows = starts.shape[0], length = taper.shape[0], r, k, n = x.shape[0]
    cdef const float complex[::1] both
    cdef const float[::1] real
    cdef const float* p
    cdef const float* v
    cdef float* w
    cdef float[:, ::1] out
    cdef bint is_complex = x.dtype == np.complex64
    for r in range(rows):
        if starts[r] < 0 or starts[r] + length > n:
            raise ValueError(f"windows within {n} samples expected, got {starts[r]} to {starts[r] + length}")
    result = np.empty((rows, length * 2 if is_complex else length), np.float32)
    if rows and length:
        if is_complex:
            both = x
            p = <const float*>&both[0]
        else:
            real = x
            p = &real[0]
        out = result
        with nogil:
            for r in range(rows):
                w = &out[r, 0]
                if is_complex:
                    v = p + 2 * starts[r]
                    for k in range(length):
                        w[2 * k] = v[2 * k] * taper[k]
                        w[2 * k + 1] = v[2 * k + 1] * taper[k]
                else:
                    v = p + starts[r]
                    for k in range(length):
                        w[k] = v[k] * taper[k]
    return result.view(np.complex64) if is_complex else result


cdef void _contrast(const float* x, Py_ssize_t n, const long long* edges, Py_ssize_t cells, Py_ssize_t half,
                    Py_ssize_t gap, Py_ssize_t flank, double* total, float* score) noexcept nogil:
    cdef Py_ssize_t c, k, b, low, high
    cdef float power
    cdef double inside, side, most
    total[0] = 0
    for c in range(cells):
        power = 0
        for k in range(edges[c], edges[c + 1]):
            b = k + n if k < 0 else k
            power += x[2 * b] * x[2 * b] + x[2 * b + 1] * x[2 * b + 1]
        total[c + 1] = total[c] + logf(power + <float>1e-20)
    for c in range(cells):
        low, high = max(c - half, 0), min(c + half + 1, cells)
        inside = (total[high] - total[low]) / (high - low)
        most = -1e30
        low, high = max(c - half - gap - flank, 0), max(c - half - gap, 0)
        if high - low >= 3:
            most = (total[high] - total[low]) / (high - low)
        low, high = min(c + half + gap + 1, cells), min(c + half + gap + flank + 1, cells)
        if high - low >= 3:
            side = (total[high] - total[low]) / (high - low)
            most = side if side > most else most
        score[c] = <float>(inside - most)


def contrast(const float complex[:, ::1] spectra not None, const long long[::1] edges not None, Py_ssize_t half,
             Py_ssize_t gap, Py_ssize_t flank):
    """By how much a band's mean logarithm of power is above the stronger one of its flanks'.

    A logarithm for each cell, so that a bare carrier weighs little. Flanks of which fewer than 3 cells are there do not
    count.

    Parameters
    ----------
    spectra : (rows, n) complex64, as a Fourier transform gives them
    edges : (cells + 1,) int64, rising: cell c is bins edges[c] up to edges[c + 1]; negative ones are negative
        frequencies
    half : the band is cells c - half to c + half
    gap, flank : cells between band and flank, and in a flank

    Returns
    -------
    (rows, cells) float32, nepers of power
    """
    cdef Py_ssize_t rows = spectra.shape[0], n = spectra.shape[1], cells = edges.shape[0] - 1, r
    cdef double* total
    cdef float[:, ::1] out
    if cells < 1 or edges[0] < -n or edges[cells] > n or any(edges[r] > edges[r + 1] for r in range(cells)):
        raise ValueError(f"edges that rise within -{n} to {n} expected")
    result = np.empty((rows, cells), np.float32)
    if rows:
        out = result
        total = <double*>PyMem_Calloc(cells + 1, sizeof(double))
        if not total:
            raise MemoryError
        with nogil:
            for r in range(rows):
                _contrast(<const float*>&spectra[r, 0], n, &edges[0], cells, half, gap, flank, total, &out[r, 0])
        PyMem_Free(total)
    return result


def prominence(const float complex[:, ::1] spectra not None, Py_ssize_t reach):
    """Power about zero frequency over the mean of the spectrum.

    Parameters
    ----------
    spectra : (rows, n) complex64, as a Fourier transform gives them
    reach : bins on each side of zero, below n / 2

    Returns
    -------
    (rows, 2 * reach + 1) float32; 0 in a row of zeros
    """
    cdef Py_ssize_t rows = spectra.shape[0], n = spectra.shape[1], r, k, b
    cdef const float* x
    cdef float total, scale
    cdef float[:, ::1] out
    cdef float sums[16]
    if not 0 <= reach < n / 2:
        raise ValueError(f"a reach below half of {n} expected, got {reach}")
    result = np.empty((rows, 2 * reach + 1), np.float32)
    if rows:
        out = result
        with nogil:
            for r in range(rows):
                x = <const float*>&spectra[r, 0]
                for k in range(16):
                    sums[k] = 0
                for b in range(0, 2 * n - 15, 16):
                    for k in range(16):
                        sums[k] += x[b + k] * x[b + k]
                total = 0
                for k in range(16):
                    total += sums[k]
                for k in range(2 * n - 2 * n % 16, 2 * n):
                    total += x[k] * x[k]
                scale = n / (total if total > <float>1e-30 else <float>1e-30)
                for k in range(reach):
                    b = n - reach + k
                    out[r, k] = (x[2 * b] * x[2 * b] + x[2 * b + 1] * x[2 * b + 1]) * scale
                for k in range(reach + 1):
                    out[r, reach + k] = (x[2 * k] * x[2 * k] + x[2 * k + 1] * x[2 * k + 1]) * scale
    return result
