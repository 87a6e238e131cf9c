# isa: avx2
"""Symbols from a two-level signal whose neighbours reach into each other.

    y[k] = h1*a[k-1] + h0*a[k] + h2*a[k+1] + b + noise        a = -1 or 1

Behind a frequency discriminator the noise rises with the square of frequency, so a low-pass well below the symbol rate
takes off far more noise than signal; what it costs is this interference. The four coefficients are fitted to the
decisions of 256 symbols about each block of 128 (least squares). In each piece of 32 symbols those of its block
count, of the one before or of the next, whichever leave least, and they change where both leave least: noise before and
behind a burst has no part in it then. Each symbol's value is the difference of the smallest squared errors with and
without it over all sequences: the max-log form of Bahl, Cocke, Jelinek and Raviv, IEEE Trans. Inf. Theory 20-2, 1974,
on the trellis of Forney, IEEE Trans. Inf. Theory 18-3, 1972.
"""
import numpy as np

from libc.string cimport memmove, memcpy
from cpython.mem cimport PyMem_Malloc, PyMem_Realloc, PyMem_Free

cdef enum:
    BLOCK = 128
    AROUND = 64                      # symbols on each side that are looked at, too
    SPAN = BLOCK + 2 * AROUND
    MERGE = 24                       # symbols on each side over which sequences are followed
    LANES = 8                        # the step of the loops in _fit and _left, too
    PIECE = 32
    PIECES = (BLOCK + AROUND) // PIECE + 2  # with those on either side
    FITS = 3                         # of the block itself, the one before, the next


cdef void _fit(const float* y, Py_ssize_t n, double* h) noexcept nogil:
    # least squares for (before, at, behind, constant) by the decisions sign(y); sums in LANES parts, side by side
    cdef double g[4][5]
    cdef float a[SPAN]
    cdef float before[LANES]
    cdef float across[LANES]
    cdef float ones[LANES]
    cdef float y_before[LANES]
    cdef float y_at[LANES]
    cdef float y_behind[LANES]
    cdef float y_sum[LANES]
    cdef float s_pa = 0, s_pq = 0, s_aq, s_p, s_a = 0, s_q, s_yp = 0, s_ya = 0, s_yq = 0, s_y = 0
    cdef Py_ssize_t i, j, k, whole = (n - 2) // LANES * LANES
    cdef double f
    for k in range(n):
        a[k] = <float>1 if y[k] > 0 else <float>-1
    for j in range(LANES):
        before[j] = across[j] = ones[j] = y_before[j] = y_at[j] = y_behind[j] = y_sum[j] = 0
    for k in range(1, 1 + whole, 8):
        for j in range(LANES):
            before[j] += a[k + j - 1] * a[k + j]
            across[j] += a[k + j - 1] * a[k + j + 1]
            ones[j] += a[k + j]
            y_before[j] += y[k + j] * a[k + j - 1]
            y_at[j] += y[k + j] * a[k + j]
            y_behind[j] += y[k + j] * a[k + j + 1]
            y_sum[j] += y[k + j]
    for k in range(1 + whole, n - 1):
        j = k - 1 - whole
        before[j] += a[k - 1] * a[k]
        across[j] += a[k - 1] * a[k + 1]
        ones[j] += a[k]
        y_before[j] += y[k] * a[k - 1]
        y_at[j] += y[k] * a[k]
        y_behind[j] += y[k] * a[k + 1]
        y_sum[j] += y[k]
    for j in range(LANES):
        s_pa += before[j]
        s_pq += across[j]
        s_a += ones[j]
        s_yp += y_before[j]
        s_ya += y_at[j]
        s_yq += y_behind[j]
        s_y += y_sum[j]
    # the others are these, one symbol on or back
    s_aq = s_pa - a[0] * a[1] + a[n - 2] * a[n - 1]
    s_p = s_a + a[0] - a[n - 2]
    s_q = s_a - a[1] + a[n - 1]
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


cdef float _left(const float* y, const float* a, Py_ssize_t n, const double* h) noexcept nogil:
    # squares of what a fit leaves in n symbols, decided as a[-1] to a[n]
    cdef float parts[LANES]
    cdef float before = <float>h[0], at = <float>h[1], behind = <float>h[2], constant = <float>h[3], v, left = 0
    cdef Py_ssize_t k, j
    for j in range(LANES):
        parts[j] = 0
    for k in range(0, n // LANES * LANES, 8):
        for j in range(LANES):
            v = y[k + j] - before * a[k + j - 1] - at * a[k + j] - behind * a[k + j + 1] - constant
            parts[j] += v * v
    for k in range(n // LANES * LANES, n):
        v = y[k] - before * a[k - 1] - at * a[k] - behind * a[k + 1] - constant
        left += v * v
    for j in range(LANES):
        left += parts[j]
    return left


cdef inline float _of(const float* y, const float* a, const double* h) noexcept nogil:
    cdef float v = y[0] - <float>h[0] * a[-1] - <float>h[1] * a[0] - <float>h[2] * a[1] - <float>h[3]
    return v * v


cdef void _assign(const float* y, const float* a, Py_ssize_t n, Py_ssize_t first, Py_ssize_t last, const double* fits,
                  int many, signed char* which) noexcept nogil:
    # the fit that counts at each of n symbols, of which first .. last-1 matter
    cdef Py_ssize_t[PIECES + 1] edges
    cdef int chosen[PIECES]
    cdef Py_ssize_t pieces = 0, start = first - PIECE if first >= PIECE else first, stop, j, k, best
    cdef Py_ssize_t end = last + PIECE if last + PIECE < n else n
    cdef float left, least
    cdef int c
    while start < end and pieces < PIECES:
        stop = start + PIECE if start + PIECE < end else end
        edges[pieces] = start
        chosen[pieces] = 0
        least = 0
        for c in range(many):
            left = _left(y + start, a + start, stop - start, fits + 4 * c)
            if c == 0 or left < least:
                least = left
                chosen[pieces] = c
        pieces += 1
        start = stop
    edges[pieces] = start
    # where one gives way to another, in the piece before or behind, is where least is left of both
    for j in range(1, pieces):
        if chosen[j] != chosen[j - 1]:
            best = edges[j - 1]
            left = least = 0
            for k in range(edges[j - 1], edges[j + 1]):
                left += _of(y + k, a + k, fits + 4 * chosen[j - 1]) - _of(y + k, a + k, fits + 4 * chosen[j])
                if left < least:
                    least = left
                    best = k + 1
            edges[j] = best
    for k in range(edges[0]):
        which[k] = chosen[0]
    for j in range(pieces):
        for k in range(edges[j], edges[j + 1]):
            which[k] = chosen[j]
    for k in range(edges[pieces], n):
        which[k] = chosen[pieces - 1]


cdef void _detect(const float* y, Py_ssize_t n, Py_ssize_t first, Py_ssize_t last, const double* fits, int many,
                  float* soft) noexcept nogil:
    # soft values of symbols first .. last-1 among n that are looked at, n <= SPAN, by the best of these fits
    cdef const double* h
    cdef float[FITS][8] levels       # expected for (a[k-1], a[k], a[k+1]), the newest in bit 0
    cdef float scales[FITS]
    cdef signed char which[SPAN]
    cdef float[SPAN + 2] decided     # after one that is not known
    cdef float* a = decided + 1
    cdef float* level
    cdef float e[SPAN][8]
    cdef float ahead[SPAN][4]        # smallest error before y[k], by (a[k-1], a[k]), the newest in bit 0
    cdef float back[SPAN][4]         # and from y[k] on
    cdef float a0, a1, a2, f0 = 0, f1 = 0, f2 = 0, f3 = 0, b0 = 0, b1 = 0, b2 = 0, b3 = 0
    cdef float* v
    cdef Py_ssize_t k, i, j, start
    cdef int c
    for c in range(many):
        h = fits + 4 * c
        for i in range(8):
            levels[c][i] = <float>(h[0] * (2 * ((i >> 2) & 1) - 1) + h[1] * (2 * ((i >> 1) & 1) - 1)
                                   + h[2] * (2 * (i & 1) - 1) + h[3])
        scales[c] = <float>(1 / (4 * (h[0] * h[0] + h[1] * h[1] + h[2] * h[2]) + 1e-30))
    for k in range(n):
        a[k] = <float>1 if y[k] > 0 else <float>-1
    a[-1] = a[n] = 0
    _assign(y, a, n, first, last, fits, many, which)
    # the sequences merge within few symbols
    start = first - MERGE if first > MERGE else 0
    y += start
    first -= start
    last -= start
    n = last + MERGE if last + MERGE < n - start else n - start
    for k in range(n):
        level = levels[which[start + k]]
        for i in range(8):
            e[k][i] = (y[k] - level[i]) * (y[k] - level[i])
    # both ways at once: neither waits for the other
    for k in range(n):
        ahead[k][0], ahead[k][1], ahead[k][2], ahead[k][3] = f0, f1, f2, f3
        v = e[k]
        a0 = _less(f0 + v[0], f2 + v[4])
        a1 = _less(f0 + v[1], f2 + v[5])
        a2 = _less(f1 + v[2], f3 + v[6])
        f3 = _less(f1 + v[3], f3 + v[7])
        f0, f1, f2 = a0, a1, a2
        j = n - 1 - k
        v = e[j]
        a0 = _less(b0 + v[0], b1 + v[1])
        a1 = _less(b2 + v[2], b3 + v[3])
        a2 = _less(b0 + v[4], b1 + v[5])
        b3 = _less(b2 + v[6], b3 + v[7])
        b0, b1, b2 = a0, a1, a2
        back[j][0], back[j][1], back[j][2], back[j][3] = b0, b1, b2, b3
    for k in range(first, last):
        soft[k - first] = scales[which[start + k]] * (_less(ahead[k][0] + back[k][0], ahead[k][2] + back[k][2])
                                                      - _less(ahead[k][1] + back[k][1], ahead[k][3] + back[k][3]))


cdef class Equaliser:
    """Take the interference of neighbouring symbols off."""
    cdef float* _y
    cdef Py_ssize_t _held, _room
    cdef Py_ssize_t _before          # symbols in front of the next block that are held for it
    cdef double[4 * FITS] _fits      # of the next block, the one before it, the one behind it
    cdef int _known                  # of the first two, how many

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
        self._known = 0

    cdef void _block(self, const float* y, Py_ssize_t held, float* soft) noexcept nogil:
        # the next block, with at least AROUND symbols behind it
        cdef Py_ssize_t rest = held - self._before - BLOCK + AROUND
        cdef double* last = self._fits + 4 * (FITS - 1)
        if self._known == 0:
            _fit(y, self._before + BLOCK + AROUND, self._fits)
        _fit(y + self._before + BLOCK - AROUND, rest if rest < SPAN else SPAN, last)
        if self._known < 2:
            memcpy(self._fits + 4, last, 4 * sizeof(double))
        _detect(y, self._before + BLOCK + AROUND, self._before, self._before + BLOCK, self._fits, FITS, soft)
        memcpy(self._fits + 4, self._fits, 4 * sizeof(double))
        memcpy(self._fits, last, 4 * sizeof(double))
        self._known = 2

    def process(self, const float[::1] y not None):
        """Equalise a chunk.

        Parameters
        ----------
        y : (n,) float32, symbols about their centre in a unit that does not follow the signal: `dsp_ext.level.Level`'s
            times their swing

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
            while self._held - start >= self._before + 2 * BLOCK + AROUND:
                self._block(self._y + start, self._held - start, &out[made])
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
        cdef Py_ssize_t left = self._held - self._before, made = 0, start = 0, i
        soft = np.empty(max(left, 0), np.float32)
        cdef float[::1] out = soft
        if left > 0 and self._held >= 8:
            with nogil:
                while self._held - start >= self._before + BLOCK + AROUND:
                    self._block(self._y + start, self._held - start, &out[made])
                    made += BLOCK
                    start += self._before + BLOCK - AROUND
                    self._before = AROUND
                left = self._held - start
                if self._known == 0:
                    _fit(self._y, left, self._fits)
                if left > self._before:
                    _detect(self._y + start, left, self._before, left, self._fits, 2 if self._known == 2 else 1,
                            &out[made])
        elif left > 0:
            soft[:] = [self._y[self._before + i] for i in range(left)]
        self.reset()
        return soft
