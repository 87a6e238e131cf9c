# isa: avx2
"""Symbols from a two-level signal whose neighbours reach into each other.

    y[k] = h1*a[k-1] + h0*a[k] + h2*a[k+1] + b + noise        a = -1 or 1

Behind a frequency discriminator the noise rises with the square of frequency, so a low-pass well below the symbol rate
takes off far more noise than signal; what it costs is this interference. The four coefficients are fitted to the
decisions of 256 symbols about each block of 128 (least squares), and each symbol's value is the difference of the
smallest squared errors with and without it over all sequences: the max-log form of Bahl, Cocke, Jelinek and Raviv, IEEE
Trans. Inf. Theory 20-2, 1974, on the trellis of Forney, IEEE Trans. Inf. Theory 18-3, 1972.
"""
import numpy as np

from libc.string cimport memmove, memcpy
from cpython.mem cimport PyMem_Malloc, PyMem_Realloc, PyMem_Free

cdef enum:
    BLOCK = 128
    AROUND = 64                      # symbols on each side that are looked at, too
    SPAN = BLOCK + 2 * AROUND


cdef void _fit(const float* y, Py_ssize_t n, double* h) noexcept nogil:
    # least squares for (before, at, behind, constant) by the decisions sign(y)
    cdef double g[4][5]
    cdef float a, p, q, v, s_pa = 0, s_pq = 0, s_aq = 0, s_p = 0, s_a = 0, s_q = 0
    cdef float s_yp = 0, s_ya = 0, s_yq = 0, s_y = 0
    cdef Py_ssize_t i, j, k
    cdef double f
    for k in range(1, n - 1):
        v = y[k]
        p = <float>1 if y[k - 1] > 0 else <float>-1
        a = <float>1 if v > 0 else <float>-1
        q = <float>1 if y[k + 1] > 0 else <float>-1
        s_pa += p * a
        s_pq += p * q
        s_aq += a * q
        s_p += p
        s_a += a
        s_q += q
        s_yp += v * p
        s_ya += v * a
        s_yq += v * q
        s_y += v
    f = n - 2
    # a little is added to the diagonal: a steady pattern does not tell the coefficients apart
    g[0][0], g[0][1], g[0][2], g[0][3], g[0][4] = 1.02 * f, s_pa, s_pq, s_p, s_yp
    g[1][0], g[1][1], g[1][2], g[1][3], g[1][4] = s_pa, 1.001 * f, s_aq, s_a, s_ya
    g[2][0], g[2][1], g[2][2], g[2][3], g[2][4] = s_pq, s_aq, 1.02 * f, s_q, s_yq
    g[3][0], g[3][1], g[3][2], g[3][3], g[3][4] = s_p, s_a, s_q, 1.02 * f, s_y
    for i in range(4):
        for j in range(i + 1, 4):
            f = g[j][i] / g[i][i]
            for k in range(i, 5):
                g[j][k] -= f * g[i][k]
    for i in range(3, -1, -1):
        f = g[i][4]
        for k in range(i + 1, 4):
            f -= g[i][k] * h[k]
        h[i] = f / g[i][i]


cdef inline float _less(float a, float b) noexcept nogil:
    return a if a < b else b


cdef void _detect(const float* y, Py_ssize_t n, Py_ssize_t first, Py_ssize_t last, float* soft) noexcept nogil:
    # soft values of symbols first .. last-1 among n that are looked at, n <= SPAN
    cdef double h[4]
    cdef float level[8]              # expected for (a[k-1], a[k], a[k+1]), the newest in bit 0
    cdef float cost[SPAN + 1][4]     # forward, by (a[k-1], a[k]) before y[k]; the newest in bit 0
    cdef float back[4]
    cdef float e[8]
    cdef float a0, a1, a2, a3, v, scale, low
    cdef Py_ssize_t k, i
    _fit(y, n, h)
    for i in range(8):
        level[i] = <float>(h[0] * (2 * ((i >> 2) & 1) - 1) + h[1] * (2 * ((i >> 1) & 1) - 1) + h[2] * (2 * (i & 1) - 1)
                           + h[3])
    scale = <float>(1 / (4 * (h[0] * h[0] + h[1] * h[1] + h[2] * h[2]) + 1e-12))
    cost[0][0] = cost[0][1] = cost[0][2] = cost[0][3] = 0
    for k in range(n):
        v = y[k]
        for i in range(8):
            e[i] = (v - level[i]) * (v - level[i])
        a0 = _less(cost[k][0] + e[0], cost[k][2] + e[4])
        a1 = _less(cost[k][0] + e[1], cost[k][2] + e[5])
        a2 = _less(cost[k][1] + e[2], cost[k][3] + e[6])
        a3 = _less(cost[k][1] + e[3], cost[k][3] + e[7])
        low = _less(_less(a0, a1), _less(a2, a3))
        cost[k + 1][0], cost[k + 1][1], cost[k + 1][2], cost[k + 1][3] = a0 - low, a1 - low, a2 - low, a3 - low
    back[0] = back[1] = back[2] = back[3] = 0
    for k in range(n - 1, first - 1, -1):
        v = y[k]
        for i in range(8):
            e[i] = (v - level[i]) * (v - level[i])
        # back: from the state before y[k] on
        a0 = _less(back[0] + e[0], back[1] + e[1])
        a1 = _less(back[2] + e[2], back[3] + e[3])
        a2 = _less(back[0] + e[4], back[1] + e[5])
        a3 = _less(back[2] + e[6], back[3] + e[7])
        low = _less(_less(a0, a1), _less(a2, a3))
        back[0], back[1], back[2], back[3] = a0 - low, a1 - low, a2 - low, a3 - low
        if k < last:
            soft[k - first] = scale * (_less(cost[k][0] + back[0], cost[k][2] + back[2])
                                       - _less(cost[k][1] + back[1], cost[k][3] + back[3]))


cdef class Equaliser:
    """Take the interference of neighbouring symbols off."""
    cdef float* _y
    cdef Py_ssize_t _held, _room
    cdef Py_ssize_t _before          # symbols in front of the next block that are held for it

    def __cinit__(self):
        self._room = 4 * SPAN
        self._y = <float*>PyMem_Malloc(self._room * sizeof(float))
        if not self._y:
            raise MemoryError
        self.reset()

    def __dealloc__(self):
        PyMem_Free(self._y)

    cpdef reset(self):
        """Forget all input."""
        self._held = self._before = 0

    def process(self, const float[::1] y not None):
        """Equalise a chunk.

        Parameters
        ----------
        y : (n,) float32, symbols about -1 and +1, such as `dsp_ext.level.Level` gives

        Returns
        -------
        (m,) float32, about -1 and +1: the symbols in order, as far as their surroundings are known
        """
        cdef Py_ssize_t n = y.shape[0], made = 0, need = self._held + y.shape[0], start = 0
        cdef float* grown
        cdef float[::1] out
        if need > self._room:
            grown = <float*>PyMem_Realloc(self._y, 2 * need * sizeof(float))
            if not grown:
                raise MemoryError
            self._y, self._room = grown, 2 * need
        if n:
            memcpy(self._y + self._held, &y[0], n * sizeof(float))
        self._held += n
        soft = np.empty(self._held + BLOCK, np.float32)
        out = soft
        with nogil:
            while self._held - start >= self._before + BLOCK + AROUND:
                _detect(self._y + start, self._before + BLOCK + AROUND, self._before, self._before + BLOCK, &out[made])
                made += BLOCK
                start += self._before + BLOCK - AROUND
                self._before = AROUND
            memmove(self._y, self._y + start, (self._held - start) * sizeof(float))
            self._held -= start
        return soft[:made]

    def flush(self):
        """The symbols that are left. The state is reset.

        Returns
        -------
        (m,) float32
        """
        cdef Py_ssize_t first = self._before, left = self._held - self._before
        soft = np.empty(max(left, 0), np.float32)
        cdef float[::1] out = soft
        if left > 0 and self._held >= 8:
            _detect(self._y, self._held, first, self._held, &out[0])
        elif left > 0:
            soft[:] = [self._y[first + i] for i in range(left)]
        self.reset()
        return soft
