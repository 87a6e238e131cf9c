"""Symbol timing without a loop, for signals at four samples a symbol.

Transitions of a two-level signal make  d[n] = |x[n+1] - x[n-1]|  large midway between symbols; the phase of d at the
symbol rate, smoothed over some 130 symbols on both sides, gives the timing (the feed-forward estimator of Oerder and
Meyr, IEEE Trans. Comm. 36-5, 1988, on the difference so that a constant does not matter). Looking both ways, it is
right from the first symbol of a burst. Symbols are interpolated by a cubic through four samples.
"""
import numpy as np

from libc.math cimport atan2, M_PI
from libc.string cimport memmove, memcpy
from cpython.mem cimport PyMem_Malloc, PyMem_Realloc, PyMem_Free


cdef class SymbolClock:
    """Find the symbols of a real stream of nominally four samples a symbol.

    Parameters
    ----------
    width : symbols on each side over which the timing is smoothed with falling weight, 4 to 4096
    """
    cdef float* _x                   # samples from index _base on
    cdef Py_ssize_t _held, _room
    cdef long long _base, _symbol    # index of _x[0]; nominal symbol whose tone comes next
    cdef double* _tone               # ring: tone of a symbol (re, im)
    cdef double* _sums               # ring: its first moving sum
    cdef Py_ssize_t _half
    cdef double _sum1[2]
    cdef double _sum2[2]
    cdef double _last

    def __cinit__(self, Py_ssize_t width):
        if not 4 <= width <= 4096:
            raise ValueError(f"a width of 4 to 4096 symbols expected, got {width}")
        self._half = width // 2
        self._tone = <double*>PyMem_Malloc(2 * (2 * self._half + 1) * sizeof(double))
        self._sums = <double*>PyMem_Malloc(2 * (2 * self._half + 1) * sizeof(double))
        self._room = 8 * width + 64
        self._x = <float*>PyMem_Malloc(self._room * sizeof(float))
        if not (self._tone and self._sums and self._x):
            raise MemoryError
        self.reset()

    def __dealloc__(self):
        PyMem_Free(self._tone)
        PyMem_Free(self._sums)
        PyMem_Free(self._x)

    cpdef reset(self):
        """Forget all input; the next sample is number 0."""
        cdef Py_ssize_t i
        for i in range(2 * (2 * self._half + 1)):
            self._tone[i] = self._sums[i] = 0
        self._sum1[0] = self._sum1[1] = self._sum2[0] = self._sum2[1] = 0
        self._x[0] = 0
        self._held, self._base, self._symbol, self._last = 1, -1, 0, -4

    cdef Py_ssize_t _run(self, float* soft, double* instants) noexcept nogil:
        # all symbols whose surroundings are complete
        cdef Py_ssize_t made = 0, ring = 2 * self._half + 1, slot, j
        cdef long long k
        cdef float* p
        cdef float d[4]
        cdef double t, re, im, gap
        while 4 * self._symbol + 4 < self._base + self._held:
            p = self._x + (4 * self._symbol - self._base)
            for j in range(4):
                d[j] = p[j + 1] - p[j - 1]
                d[j] = d[j] if d[j] >= 0 else -d[j]
            slot = 2 * <Py_ssize_t>(self._symbol % ring)
            re, im = d[0] - d[2], d[3] - d[1]
            self._sum1[0] += re - self._tone[slot]
            self._sum1[1] += im - self._tone[slot + 1]
            self._tone[slot], self._tone[slot + 1] = re, im
            self._sum2[0] += self._sum1[0] - self._sums[slot]
            self._sum2[1] += self._sum1[1] - self._sums[slot + 1]
            self._sums[slot], self._sums[slot + 1] = self._sum1[0], self._sum1[1]
            k = self._symbol - 2 * self._half      # the symbol amid the two windows
            self._symbol += 1
            if k < 0:
                continue
            # midway between transitions, 0 to 4 samples behind sample 4k
            t = 2 - atan2(self._sum2[1], self._sum2[0]) * (2 / M_PI)
            t = 4 * k + (t if t < 4 else t - 4)
            gap = t - self._last
            if gap < 2:
                continue
            if gap > 6:
                made += self._interpolate(t - gap / 2, soft + made, instants + made)
            made += self._interpolate(t, soft + made, instants + made)
            self._last = t
        return made

    cdef inline Py_ssize_t _interpolate(self, double t, float* soft, double* instant) noexcept nogil:
        cdef long long n = <long long>(t + 4) - 4
        cdef float u = <float>(t - n)
        cdef Py_ssize_t i = <Py_ssize_t>(n - self._base)
        cdef float a, b, c, d
        if i < 1 or i + 2 >= self._held:
            return 0
        a, b, c, d = self._x[i - 1], self._x[i], self._x[i + 1], self._x[i + 2]
        soft[0] = (-u * (u - 1) * (u - 2) * a / 6 + (u + 1) * (u - 1) * (u - 2) * b / 2
                   - (u + 1) * u * (u - 2) * c / 2 + (u + 1) * u * (u - 1) * d / 6)
        instant[0] = t
        return 1

    def process(self, const float[::1] x not None):
        """Find the symbols of a chunk.

        Parameters
        ----------
        x : (n,) float32, four samples a symbol

        Returns
        -------
        soft : (m,) float32, value at the middle of each symbol
        instants : (m,) float64, that instant in samples since the first
        """
        cdef Py_ssize_t n = x.shape[0], need = self._held + x.shape[0], drop, made
        cdef float* grown
        cdef float[::1] soft
        cdef double[::1] instants
        if need > self._room:
            grown = <float*>PyMem_Realloc(self._x, 2 * need * sizeof(float))
            if not grown:
                raise MemoryError
            self._x, self._room = grown, 2 * need
        if n:
            memcpy(self._x + self._held, &x[0], n * sizeof(float))
        self._held += n
        values = np.empty(n // 2 + 4, np.float32)
        times = np.empty(n // 2 + 4, np.float64)
        soft, instants = values, times
        with nogil:
            made = self._run(&soft[0], &instants[0])
            drop = <Py_ssize_t>(4 * (self._symbol - 2 * self._half - 3) - self._base)
            if drop > 0:
                memmove(self._x, self._x + drop, (self._held - drop) * sizeof(float))
                self._held -= drop
                self._base += drop
        return values[:made], times[:made]

    def flush(self):
        """Symbols that wait for input behind the end. The clock is reset.

        Returns
        -------
        soft, instants : as of `process`
        """
        cdef long long end = self._base + self._held
        soft, instants = self.process(np.zeros(8 * self._half + 16, np.float32))
        keep = instants < end
        self.reset()
        return soft[keep], instants[keep]
