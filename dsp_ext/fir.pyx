# isa: avx2, avx512
"""Decimating FIR filter with symmetric real taps, for real and complex streams.

    y[m] = sum_k  h[k] * x[m*D + k - K//2]        x is zero before its first and behind its last sample

Output m stands for the instant of input m*D: the filter has no delay to account for.
"""
import numpy as np

from libc.string cimport memcpy, memmove, memset
from cpython.mem cimport PyMem_Malloc, PyMem_Free

cdef extern from "simd.h" nogil:
    Py_ssize_t radome_room(Py_ssize_t n)
    float* radome_aligned(void* p)
    void radome_lay(const float* taps, Py_ssize_t n, float* h)
    void radome_decimate(const float* x, Py_ssize_t step, const float* h, Py_ssize_t n, Py_ssize_t outputs, bint pairs,
                         float* y)
    void radome_slide(const float* x, const float* h, Py_ssize_t n, bint pairs, Py_ssize_t outputs, float* y)
    enum:
        RADOME_LINE


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
    cdef void* _room
    cdef float* _taps      # in it: each tap twice where complex, so that one product serves I and Q; once for factor 1
    cdef float* _buffer    # what is still needed of the input, in floats
    cdef Py_ssize_t _count, _length, _factor, _width, _skip
    cdef readonly bint is_complex

    def __cinit__(self, const float[::1] taps not None, Py_ssize_t factor, bint is_complex):
        cdef Py_ssize_t k = taps.shape[0]
        cdef const float[::1] laid
        if k % 2 != 1:
            raise ValueError(f"an odd number of taps expected, got {k}")
        if factor < 1:
            raise ValueError(f"factor of 1 or more expected, got {factor}")
        self.is_complex, self._length, self._factor = is_complex, k, factor
        self._width = 2 if is_complex else 1
        laid = np.repeat(taps, self._width)
        self._room = PyMem_Malloc(radome_room(k * self._width) * sizeof(float) + RADOME_LINE)
        self._buffer = <float*>PyMem_Malloc(2 * k * self._width * sizeof(float))
        if not self._room or not self._buffer:
            raise MemoryError
        self._taps = radome_aligned(self._room)
        if factor == 1:
            memcpy(self._taps, &taps[0], k * sizeof(float))
        else:
            radome_lay(&laid[0], k * self._width, self._taps)
        self.reset()

    def __dealloc__(self):
        PyMem_Free(self._room)
        PyMem_Free(self._buffer)

    cpdef reset(self):
        """Forget all input."""
        memset(self._buffer, 0, (self._length // 2) * self._width * sizeof(float))
        self._count, self._skip = self._length // 2, 0

    cdef void _filter(self, const float* x, Py_ssize_t outputs, float* y) noexcept nogil:
        if self._factor == 1:
            if self._width == 2:
                radome_slide(x, self._taps, self._length, True, outputs, y)
            else:
                radome_slide(x, self._taps, self._length, False, outputs, y)
        elif self._width == 2:
            radome_decimate(x, 2 * self._factor, self._taps, 2 * self._length, outputs, True, y)
        else:
            radome_decimate(x, self._factor, self._taps, self._length, outputs, False, y)

    cdef _run(self, const float* x, Py_ssize_t n):
        cdef Py_ssize_t width = self._width, length = self._length, factor = self._factor
        cdef Py_ssize_t have, outputs, first, part, drop
        cdef float[::1] out
        drop = self._skip if self._skip < n else n
        self._skip -= drop
        x += drop * width
        n -= drop
        have = self._count + n
        outputs = (have - length) // factor + 1 if have >= length else 0
        result = np.empty(outputs * width, np.float32)
        out = result
        with nogil:
            # outputs that begin in the buffer need up to length - 1 samples behind it; the others have all theirs in x
            part = n if n < length - 1 else length - 1
            memcpy(self._buffer + self._count * width, x, part * width * sizeof(float))
            first = (self._count + factor - 1) // factor
            first = first if first < outputs else outputs
            if first:
                self._filter(self._buffer, first, &out[0])
            if outputs > first:
                self._filter(x + (first * factor - self._count) * width, outputs - first, &out[first * width])
            drop = outputs * factor
            if drop > have:
                self._skip, drop = drop - have, have
            if drop >= self._count:
                memcpy(self._buffer, x + (drop - self._count) * width, (have - drop) * width * sizeof(float))
            else:
                # less than `length` are left, so all of x is in the buffer
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
            return self._run(<const float*>&both[0] if both.shape[0] else self._buffer, both.shape[0])
        real = x
        return self._run(&real[0] if real.shape[0] else self._buffer, real.shape[0])

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
