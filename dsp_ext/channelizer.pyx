# isa: avx2
"""Polyphase filter bank: parts a complex stream into M branches, evenly apart, each at 2/M of its rate.

    y[k][m] = sum_n  h[n - m*M/2] x[n] exp(-j 2 pi k n / M)        x is zero before its first and behind its last sample

Branch k is what is around k/M cycles per sample, moved to zero; with twice the rate that M branches need, what lies
between two of them is whole in either. Output m stands for the instant of input m*M/2: the bank has no delay to account
for. Products with h are summed at every M-th sample, and a Fourier transform of the M sums gives all branches at once
(Bellanger, Bonnerot, Coudreuse, IEEE Trans. ASSP 24, 1976, pages 109 to 114).
"""
import numpy as np

from libc.stdint cimport int64_t
from libc.string cimport memcpy, memmove, memset
from cpython.mem cimport PyMem_Malloc, PyMem_Free

from dsp_ext.spectrum cimport LANES, _Transform

cdef extern from "channelizer.h" nogil:
    void radome_arms(const float* x, const float* taps, Py_ssize_t width, Py_ssize_t rows, Py_ssize_t outputs,
                     float* sums, Py_ssize_t apart)
    void radome_spread(const float** source, Py_ssize_t at, const int* place, float* re, float* im)


cdef class Channelizer:
    """Part a stream into branches, of which those asked for are given.

    Parameters
    ----------
    taps : (K,) float32, symmetric, K odd: the low-pass h of each branch
    size : branches M, a multiple of 8 that is a power of two, or 3 or 5 times one

    Raises
    ------
    ValueError : an even number of taps, or another size
    """
    cdef _Transform _transform
    cdef float* _taps      # (rows, M), each twice, so that one product serves I and Q; zero beyond K
    cdef float* _buffer    # what is still needed of the input
    cdef float* _sums      # (LANES, M) complex
    cdef Py_ssize_t _count, _skip, _size, _rows, _before
    cdef bint _odd         # whether the next output is of an odd number

    def __cinit__(self, const float[::1] taps not None, Py_ssize_t size):
        cdef Py_ssize_t k = taps.shape[0], half = k // 2, i, odd = size
        while odd > 0 and odd % 2 == 0:
            odd //= 2
        if size % 8 or odd not in (1, 3, 5):
            raise ValueError(f"a multiple of 8 that is a power of two, or 3 or 5 times one, expected, got {size}")
        if k % 2 != 1:
            raise ValueError(f"an odd number of taps expected, got {k}")
        self._size = size
        # the middle tap stands at a multiple of M, so that a sum's place in the transform is that of its sample
        self._before = (half + size - 1) // size * size
        self._rows = (self._before + half) // size + 1
        self._transform = _Transform(size)
        self._taps = <float*>PyMem_Malloc(2 * self._rows * size * sizeof(float))
        self._buffer = <float*>PyMem_Malloc(4 * self._rows * size * sizeof(float))
        self._sums = <float*>PyMem_Malloc(2 * LANES * size * sizeof(float))
        if not self._taps or not self._buffer or not self._sums:
            raise MemoryError
        memset(self._taps, 0, 2 * self._rows * size * sizeof(float))
        memset(self._sums, 0, 2 * LANES * size * sizeof(float))
        for i in range(k):
            self._taps[2 * (self._before - half + i)] = self._taps[2 * (self._before - half + i) + 1] = taps[i]
        self.reset()

    def __dealloc__(self):
        PyMem_Free(self._taps)
        PyMem_Free(self._buffer)
        PyMem_Free(self._sums)

    cpdef reset(self):
        """Forget all input."""
        memset(self._buffer, 0, 2 * self._before * sizeof(float))
        self._count, self._skip, self._odd = self._before, 0, False

    cdef void _part(self, const float* x, Py_ssize_t outputs, const int64_t* branches, Py_ssize_t wanted, float* y,
                    Py_ssize_t stride) noexcept nogil:
        # outputs whose first sample is x, each M/2 further on
        cdef Py_ssize_t size = self._size, m, lane, count, k, b
        cdef const float* sums[LANES]
        cdef const float* turned[LANES]
        cdef const float* source
        cdef const float* re
        cdef const float* im
        cdef float* out
        m = 0
        while m < outputs:
            count = outputs - m if outputs - m < LANES else LANES
            if count == LANES:
                for lane in range(2):
                    radome_arms(x + (m + lane) * size, self._taps, 2 * size, self._rows, 4,
                                self._sums + 2 * lane * size, 4 * size)
            else:
                for lane in range(count):
                    radome_arms(x + (m + lane) * size, self._taps, 2 * size, self._rows, 1,
                                self._sums + 2 * lane * size, 0)
            for lane in range(LANES):
                # in outputs of odd number sums stand half a turn further on
                source = self._sums + 2 * lane * size
                sums[lane] = turned[lane] = source
                if self._odd ^ (lane & 1):
                    sums[lane], turned[lane] = source + size, source - size
            for k in range(0, size // 2, 4):
                radome_spread(sums, 2 * k, self._transform.place + k, self._transform.re, self._transform.im)
            for k in range(size // 2, size, 4):
                radome_spread(turned, 2 * k, self._transform.place + k, self._transform.re, self._transform.im)
            self._transform.run()
            for b in range(wanted):
                re = self._transform.re + branches[b] * LANES
                im = self._transform.im + branches[b] * LANES
                out = y + 2 * (b * stride + m)
                for lane in range(count):
                    out[2 * lane], out[2 * lane + 1] = re[lane], im[lane]
            m += count
            self._odd ^= count & 1

    def process(self, const float complex[::1] x not None, const int64_t[::1] branches not None):
        """Part a chunk.

        Parameters
        ----------
        x : (n,) complex64
        branches : (b,) int64, those wanted, 0 to M - 1; they may be others each time

        Returns
        -------
        (b, m) complex64: all outputs whose taps are filled

        Raises
        ------
        ValueError : a branch that there is not
        """
        cdef Py_ssize_t n = x.shape[0], length = self._rows * self._size, step = self._size // 2
        cdef Py_ssize_t have, outputs, first, part, drop, b, wanted = branches.shape[0]
        cdef const float* v = <const float*>&x[0] if n else NULL
        cdef const int64_t* which = &branches[0] if wanted else NULL
        cdef float complex[:, ::1] out
        cdef float* y = NULL
        for b in range(wanted):
            if not 0 <= branches[b] < self._size:
                raise ValueError(f"branches from 0 to {self._size - 1} expected, got {branches[b]}")
        drop = self._skip if self._skip < n else n
        self._skip -= drop
        v += 2 * drop
        n -= drop
        have = self._count + n
        outputs = (have - length) // step + 1 if have >= length else 0
        result = np.empty((wanted, outputs), np.complex64)
        if wanted and outputs:
            out = result
            y = <float*>&out[0, 0]
        with nogil:
            # outputs that begin in the buffer need up to length - 1 samples behind it; the others have all theirs in x
            part = n if n < length - 1 else length - 1
            if part:
                memcpy(self._buffer + 2 * self._count, v, 2 * part * sizeof(float))
            first = (self._count + step - 1) // step
            first = first if first < outputs else outputs
            self._part(self._buffer, first, which, wanted, y, outputs)
            self._part(v + 2 * (first * step - self._count), outputs - first, which, wanted, y + 2 * first, outputs)
            drop = outputs * step
            if drop > have:
                self._skip, drop = drop - have, have
            if drop >= self._count:
                if have > drop:
                    memcpy(self._buffer, v + 2 * (drop - self._count), 2 * (have - drop) * sizeof(float))
            else:
                # less than `length` are left, so all of x is in the buffer
                memmove(self._buffer, self._buffer + 2 * drop, 2 * (have - drop) * sizeof(float))
            self._count = have - drop
        return result

    def flush(self, const int64_t[::1] branches not None):
        """Outputs that wait for input behind the end, which is taken as zero. The bank is reset.

        Returns
        -------
        (b, m) complex64
        """
        last = self.process(np.zeros(self._rows * self._size - self._before - 1, np.complex64), branches)
        self.reset()
        return last
