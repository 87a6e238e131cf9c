"""The ridge of a signal through successive scores over frequency, by dynamic programming with a fixed lag.

    V[t, f] = score[t, f] + max( V[t-1, f + d] - move*|d|  for |d| <= 2,   max V[t-1] - jump )

Moving a little is cheap, so a drifting carrier is followed through fades; jumping costs as much as a burst elsewhere
must earn (A. J. Viterbi, IEEE Trans. Inf. Theory 13-2, 1967, for the recursion).
"""
import numpy as np

from libc.string cimport memcpy, memset
from cpython.mem cimport PyMem_Malloc, PyMem_Free


cdef class Ridge:
    """Follow the best path through rows of scores.

    Parameters
    ----------
    bins : scores in a row
    lag : rows that are looked ahead before a row is decided
    move, jump : costs of moving by one bin, and to anywhere
    """
    cdef float* _value
    cdef float* _next
    cdef int* _from
    cdef Py_ssize_t _bins, _lag
    cdef long long _row
    cdef float _move, _jump

    def __cinit__(self, Py_ssize_t bins, Py_ssize_t lag, float move, float jump):
        if bins < 1 or lag < 1:
            raise ValueError(f"bins and lag of 1 or more expected, got {bins} and {lag}")
        self._bins, self._lag, self._move, self._jump = bins, lag, move, jump
        self._value = <float*>PyMem_Malloc(bins * sizeof(float))
        self._next = <float*>PyMem_Malloc(bins * sizeof(float))
        self._from = <int*>PyMem_Malloc((lag + 1) * bins * sizeof(int))
        if not (self._value and self._next and self._from):
            raise MemoryError
        self.reset()

    def __dealloc__(self):
        PyMem_Free(self._value)
        PyMem_Free(self._next)
        PyMem_Free(self._from)

    cpdef reset(self):
        """Forget all rows."""
        memset(self._value, 0, self._bins * sizeof(float))
        self._row = 0

    cdef Py_ssize_t _best(self) noexcept nogil:
        cdef Py_ssize_t f, best = 0
        for f in range(1, self._bins):
            if self._value[f] > self._value[best]:
                best = f
        return best

    cdef void _push(self, const float* score) noexcept nogil:
        cdef Py_ssize_t f, g, top = self._best(), source
        cdef float high, v, ceiling = self._value[top]
        cdef int* back = self._from + (self._row % (self._lag + 1)) * self._bins
        for f in range(self._bins):
            high, source = ceiling - self._jump, top
            for g in range(f - 2 if f >= 2 else 0, f + 3 if f + 3 <= self._bins else self._bins):
                v = self._value[g] - self._move * (g - f if g > f else f - g)
                if v > high or (v == high and g == f):
                    high, source = v, g
            # the best is kept at 0, so nothing grows without bound
            self._next[f] = high + score[f] - ceiling
            back[f] = <int>source
        memcpy(self._value, self._next, self._bins * sizeof(float))
        self._row += 1

    cdef Py_ssize_t _trace(self, Py_ssize_t rows) noexcept nogil:
        # bin of the best path so many rows before the newest
        cdef Py_ssize_t f = self._best(), k
        for k in range(rows):
            f = self._from[((self._row - 1 - k) % (self._lag + 1)) * self._bins + f]
        return f

    def process(self, const float[:, ::1] scores not None):
        """Take rows of scores.

        Parameters
        ----------
        scores : (rows, bins) float32

        Returns
        -------
        (decided,) int64: the path's bin in the rows that are now `lag` rows back
        """
        cdef Py_ssize_t i, made = 0, n = scores.shape[0]
        cdef long long[::1] out
        if scores.shape[1] != self._bins:
            raise ValueError(f"rows of {self._bins} scores expected, got {scores.shape[1]}")
        path = np.empty(n, np.int64)
        out = path
        with nogil:
            for i in range(n):
                self._push(&scores[i, 0])
                if self._row > self._lag:
                    out[made] = self._trace(self._lag)
                    made += 1
        return path[:made]

    def flush(self):
        """The path in the rows that are not decided yet. The state is reset.

        Returns
        -------
        (m,) int64, m <= lag
        """
        cdef Py_ssize_t left = <Py_ssize_t>(self._row if self._row < self._lag else self._lag), k
        path = np.array([self._trace(k) for k in range(left - 1, -1, -1)], np.int64)
        self.reset()
        return path
