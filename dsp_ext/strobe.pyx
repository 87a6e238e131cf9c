# isa: avx2, avx512
"""A filter's output at any instants: the symbols of a stream straight from its samples, through the matched filter.

    y[n] = sum_k  h(k - t_n) * x[k],    x zero outside its samples

with h tabulated at `phases` points a sample and the nearest point taken, so the instant of an output is within
1/(2*phases) input sample of its nominal one.
"""
import numpy as np

from libc.math cimport floor
from cpython.mem cimport PyMem_Malloc, PyMem_Free

cdef extern from "simd.h" nogil:
    const Py_ssize_t RADOME_LANES
    void radome_dot_complex(const float* x, const float* h2, Py_ssize_t n, float* y)
    void radome_dots(const float* x0, const float* x1, const float* x2, const float* x3, const float* h0,
                     const float* h1, const float* h2, const float* h3, Py_ssize_t n, bint pairs, float* y)


cdef class Strobe:
    """Filter at given instants; it keeps nothing between calls.

    Parameters
    ----------
    bank : (phases + 1, K) float32, K even; row p holds h(k - K/2 + 1 - p/phases) for k = 0 .. K-1

    Raises
    ------
    ValueError : a bank of another form
    """
    cdef float* _bank
    cdef Py_ssize_t _phases, _length

    def __cinit__(self, const float[:, ::1] bank not None):
        cdef Py_ssize_t p, k
        if bank.shape[0] < 2 or bank.shape[1] < 2 or bank.shape[1] % 2:
            raise ValueError(f"a bank of 2 or more rows and an even number of taps expected, "
                             f"got {bank.shape[0]} x {bank.shape[1]}")
        self._phases, self._length = bank.shape[0] - 1, bank.shape[1]
        self._bank = <float*>PyMem_Malloc(2 * bank.shape[0] * bank.shape[1] * sizeof(float))
        if not self._bank:
            raise MemoryError
        for p in range(bank.shape[0]):
            for k in range(bank.shape[1]):
                self._bank[2 * (p * self._length + k)] = self._bank[2 * (p * self._length + k) + 1] = bank[p, k]

    def __dealloc__(self):
        PyMem_Free(self._bank)

    @property
    def reach(self):
        """Samples on each side of an instant that its output needs."""
        return self._length // 2

    cdef void _one(self, const float* x, Py_ssize_t n, Py_ssize_t first, const float* h, float* y) noexcept nogil:
        cdef Py_ssize_t skip = -first if first < 0 else 0
        cdef Py_ssize_t count = self._length if first + self._length <= n else n - first
        count -= skip
        y[0] = y[1] = 0
        if count > 0:
            radome_dot_complex(x + 2 * (first + skip), h + 2 * skip, count, y)

    cdef void _run(self, const float* x, Py_ssize_t n, const double* at, Py_ssize_t m, float* y) noexcept nogil:
        # four at a time where all of their samples are there
        cdef Py_ssize_t i = 0, j, k, count, length = 2 * self._length, whole = length // RADOME_LANES * RADOME_LANES
        cdef Py_ssize_t first[4]
        cdef const float* v[4]
        cdef const float* h[4]
        cdef double whole_samples
        cdef bint inside
        while i < m:
            count = m - i if m - i < 4 else 4
            inside = count == 4 and whole > RADOME_LANES
            for j in range(count):
                whole_samples = floor(at[i + j])
                h[j] = self._bank + <Py_ssize_t>((at[i + j] - whole_samples) * self._phases + 0.5) * length
                first[j] = <Py_ssize_t>whole_samples - self._length // 2 + 1
                inside = inside and first[j] >= 0 and first[j] + self._length <= n
            if inside:
                for j in range(4):
                    v[j] = x + 2 * first[j]
                radome_dots(v[0], v[1], v[2], v[3], h[0], h[1], h[2], h[3], whole, True, y + 2 * i)
                for j in range(4):
                    for k in range(whole, length):
                        y[2 * (i + j) + k % 2] += v[j][k] * h[j][k]
            else:
                for j in range(count):
                    self._one(x, n, first[j], h[j], y + 2 * (i + j))
            i += count

    def at(self, const float complex[::1] x not None, const double[::1] instants not None):
        """Outputs of the filter.

        Parameters
        ----------
        x : (n,) complex64
        instants : (m,) float64, in samples from x[0], of magnitude below 2^53

        Returns
        -------
        (m,) complex64
        """
        cdef Py_ssize_t n = x.shape[0], m = instants.shape[0]
        cdef float complex[::1] out
        result = np.zeros(m, np.complex64)
        if n and m:
            out = result
            with nogil:
                self._run(<const float*>&x[0], n, &instants[0], m, <float*>&out[0])
        return result

    def every(self, const float complex[::1] x not None, double first, double step, Py_ssize_t m):
        """Outputs of the filter at instants that follow one another evenly.

        Parameters
        ----------
        x : (n,) complex64
        first, step : of the instants, in samples from x[0]
        m : outputs, 0 or more

        Returns
        -------
        (m,) complex64
        """
        cdef Py_ssize_t n = x.shape[0], i = 0, k, count
        cdef double at[64]
        cdef float complex[::1] out
        result = np.empty(m, np.complex64) if n else np.zeros(m, np.complex64)
        if n and m:
            out = result
            with nogil:
                while i < m:
                    count = min(64, m - i)
                    for k in range(count):
                        at[k] = first + step * (i + k)
                    self._run(<const float*>&x[0], n, at, count, <float*>&out[i])
                    i += count
        return result
