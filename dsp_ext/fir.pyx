# isa: avx2, avx512
"""Decimating FIR filter with symmetric real taps, for real and complex streams.

    y[m] = sum_k  h[k] * x[m*D + k - K//2]        x is zero before its first and behind its last sample

Output m stands for the instant of input m*D: the filter has no delay to account for.
"""
import numpy as np

from libc.string cimport memcpy, memmove, memset
from cpython.mem cimport PyMem_Malloc, PyMem_Realloc, PyMem_Free

cdef extern from "simd.h" nogil:
    void radome_dot_real(const float* x, const float* h, Py_ssize_t n, float* y)
    void radome_dot_complex(const float* x, const float* h2, Py_ssize_t n, float* y)


cdef class Decimator:
    """Keep every `factor`-th sample of the filtered stream.

    Parameters
    ----------
    taps : (K,) float32, symmetric, K odd
    factor : decimation D >= 1
    is_complex : complex64 items instead of float32

    Raises
    ------
    ValueError : an even number of taps, or a factor below 1
    """
    cdef float* _taps      # each tap twice where complex, so that one product serves I and Q
    cdef float* _buffer    # what is still needed of the input, in floats
    cdef Py_ssize_t _count, _capacity, _length, _factor, _width, _skip
    cdef readonly bint is_complex

    def __cinit__(self, const float[::1] taps not None, Py_ssize_t factor, bint is_complex):
        cdef Py_ssize_t i, k = taps.shape[0]
        if k % 2 != 1:
            raise ValueError(f"an odd number of taps expected, got {k}")
        if factor < 1:
            raise ValueError(f"factor of 1 or more expected, got {factor}")
        self.is_complex, self._length, self._factor = is_complex, k, factor
        self._width = 2 if is_complex else 1
        self._taps = <float*>PyMem_Malloc(2 * k * sizeof(float))
        if not self._taps:
            raise MemoryError
        for i in range(k):
            if is_complex:
                self._taps[2 * i] = self._taps[2 * i + 1] = taps[i]
            else:
                self._taps[i] = taps[i]
        self.reset()

    def __dealloc__(self):
        PyMem_Free(self._taps)
        PyMem_Free(self._buffer)

    cdef int _reserve(self, Py_ssize_t items) except -1:
        cdef float* grown
        if items > self._capacity:
            grown = <float*>PyMem_Realloc(self._buffer, items * self._width * sizeof(float))
            if not grown:
                raise MemoryError
            self._buffer, self._capacity = grown, items
        return 0

    cpdef reset(self):
        """Forget all input."""
        self._reserve(self._length)
        memset(self._buffer, 0, (self._length // 2) * self._width * sizeof(float))
        self._count, self._skip = self._length // 2, 0

    cdef _run(self, const float* x, Py_ssize_t n):
        cdef Py_ssize_t have, outputs, drop, m
        cdef Py_ssize_t width = self._width, length = self._length, factor = self._factor
        cdef float* start
        cdef float[::1] out
        drop = self._skip if self._skip < n else n
        self._skip -= drop
        x += drop * width
        n -= drop
        self._reserve(self._count + n)
        memcpy(self._buffer + self._count * width, x, n * width * sizeof(float))
        have = self._count + n
        outputs = (have - length) // factor + 1 if have >= length else 0
        result = np.empty(outputs * width, np.float32)
        if outputs:
            out = result
            with nogil:
                start = self._buffer
                if width == 2:
                    for m in range(outputs):
                        radome_dot_complex(start + 2 * m * factor, self._taps, length, &out[2 * m])
                else:
                    for m in range(outputs):
                        radome_dot_real(start + m * factor, self._taps, length, &out[m])
        drop = outputs * factor
        if drop > have:
            self._skip, drop = drop - have, have
        memmove(self._buffer, self._buffer + drop * width, (have - drop) * width * sizeof(float))
        self._count = have - drop
        return result.view(np.complex64) if width == 2 else result

    def process(self, x):
        """Filter a chunk.

        Parameters
        ----------
        x : (n,) complex64 or float32, as constructed

        Returns
        -------
        (m,) of the same type: all outputs whose taps are filled
        """
        cdef const float[::1] real
        cdef const float complex[::1] both
        if x is None:
            raise TypeError("an array expected, got None")
        if self.is_complex:
            both = x
            return self._run(<const float*>&both[0] if both.shape[0] else NULL, both.shape[0])
        real = x
        return self._run(&real[0] if real.shape[0] else NULL, real.shape[0])

    def flush(self):
        """Outputs that wait for input behind the end, which is taken as zero. The filter is reset.

        Returns
        -------
        (m,) complex64 or float32
        """
        zeros = np.zeros(self._length // 2, np.complex64 if self.is_complex else np.float32)
        last = self.process(zeros)
        self.reset()
        return last
