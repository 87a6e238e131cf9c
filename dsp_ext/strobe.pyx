# isa: avx2, avx512
"""A filter's output at any instants: the symbols of a stream straight from its samples, through the matched filter.

    y[n] = sum_k  h(k - t_n) * x[k],    x zero outside its samples

with h tabulated at `phases` points a sample and the nearest point taken, so the instant of an output is within
1/(2*phases) input sample of its nominal one.
"""
import numpy as np

from libc.math cimport floor
from libc.string cimport memcpy, memset
from cpython.mem cimport PyMem_Calloc, PyMem_Free

cdef extern from "strobe.h" nogil:
    const Py_ssize_t RADOME_LINE
    float* radome_aligned(void* p)
    void radome_strobe(const float** x, const float** h, Py_ssize_t n, float* y)


cdef class Strobe:
    """Filter at given instants; it keeps nothing between calls.

    Parameters
    ----------
    bank : (phases + 1, K) float32, K even; row p holds h(k - K/2 + 1 - p/phases) for k = 0 .. K-1

    Raises
    ------
    ValueError : a bank of another form
    """
    cdef void* _memory
    cdef float* _bank            # rows of whole vectors, each tap twice
    cdef float* _margin          # samples of four outputs, where some of them are not there
    cdef Py_ssize_t _phases, _length, _floats

    def __cinit__(self, const float[:, ::1] bank not None):
        cdef Py_ssize_t p, k
        if bank.shape[0] < 2 or bank.shape[1] < 2 or bank.shape[1] % 2:
            raise ValueError(f"a bank of 2 or more rows and an even number of taps expected, "
                             f"got {bank.shape[0]} x {bank.shape[1]}")
        self._phases, self._length = bank.shape[0] - 1, bank.shape[1]
        self._floats = (2 * self._length + 15) // 16 * 16
        self._memory = PyMem_Calloc((bank.shape[0] + 4) * self._floats * sizeof(float) + RADOME_LINE, 1)
        if not self._memory:
            raise MemoryError
        # each row begins where a line of the cache does
        self._bank = radome_aligned(self._memory)
        self._margin = self._bank + bank.shape[0] * self._floats
        for p in range(bank.shape[0]):
            for k in range(self._length):
                self._bank[p * self._floats + 2 * k] = self._bank[p * self._floats + 2 * k + 1] = bank[p, k]

    def __dealloc__(self):
        PyMem_Free(self._memory)

    @property
    def reach(self):
        """Samples on each side of an instant that its output needs."""
        return self._length // 2

    cdef const float* _padded(self, const float* x, Py_ssize_t n, Py_ssize_t first, Py_ssize_t j) noexcept nogil:
        # samples from first on, zeros where there are none
        cdef float* margin = self._margin + j * self._floats
        cdef Py_ssize_t start = max(first, 0), stop = min(first + self._floats // 2, n)
        memset(margin, 0, self._floats * sizeof(float))
        if start < stop:
            memcpy(margin + 2 * (start - first), x + 2 * start, 2 * (stop - start) * sizeof(float))
        return margin

    cdef void _run(self, const float* x, Py_ssize_t n, Py_ssize_t start, const double* at, Py_ssize_t m,
                   float* y) noexcept nogil:
        # four at a time; of what is left, the last one several times
        cdef Py_ssize_t i, j, first, floats = self._floats, back = start + self._length // 2 - 1, last = n - floats // 2
        cdef const float* bank = self._bank
        cdef const float* v[4]
        cdef const float* h[4]
        cdef float some[8]
        cdef double whole, instant, phases = self._phases
        for i in range(0, m, 4):
            for j in range(4):
                instant = at[min(i + j, m - 1)]
                whole = floor(instant)
                h[j] = bank + <Py_ssize_t>((instant - whole) * phases + 0.5) * floats
                first = <Py_ssize_t>whole - back
                v[j] = x + 2 * first if 0 <= first <= last else self._padded(x, n, first, j)
            if i + 4 <= m:
                radome_strobe(v, h, floats, y + 2 * i)
            else:
                radome_strobe(v, h, floats, some)
                memcpy(y + 2 * i, some, 2 * (m - i) * sizeof(float))

    def at(self, const float complex[::1] x not None, const double[::1] instants not None, Py_ssize_t start=0):
        """Outputs of the filter.

        Parameters
        ----------
        x : (n,) complex64
        instants : (m,) float64, in samples, of magnitude below 2^53
        start : number of the sample x[0]

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
                self._run(<const float*>&x[0], n, start, &instants[0], m, <float*>&out[0])
        return result

    def every(self, const float complex[::1] x not None, double first, double step, Py_ssize_t m, long long skip=0,
              Py_ssize_t start=0):
        """Outputs of the filter at instants that follow one another evenly.

        However a stream is cut, the same outputs come: what they hang on is their number and that of their samples.

        Parameters
        ----------
        x : (n,) complex64
        first, step : of the instants, in samples
        m : outputs, 0 or more
        skip : outputs before these
        start : number of the sample x[0]

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
                        at[k] = first + step * (skip + i + k)
                    self._run(<const float*>&x[0], n, start, at, count, <float*>&out[i])
                    i += count
        return result
