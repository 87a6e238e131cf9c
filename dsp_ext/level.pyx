# isa: avx2
"""Centre and swing of a two-level signal, and the signal put to -1 and +1.

In each window of 128 symbols the values are parted at their centre; the new centre is midway between the means of the
two parts, some rounds over (two-means clustering). Unlike a mean it does not move when ones outnumber zeros, as in a
row of HDLC flags. Of the clusterings from the mean and from midway between the extremes the better one counts. Windows
advance by 32 symbols; between their middles centre and swing are interpolated.
"""
import numpy as np

from libc.math cimport fabsf
from libc.string cimport memmove

cdef enum:
    BLOCK = 32
    WINDOW = 128
    FEW = 8      # symbols, as many as clicks may be
    LANES = 16   # the step of the loops over a window, too


cdef inline float _sum(float* lane) noexcept nogil:
    # by halves; the lanes are used up
    cdef Py_ssize_t j
    for j in range(8):
        lane[j] += lane[j + 8]
    for j in range(4):
        lane[j] += lane[j + 4]
    return (lane[0] + lane[2]) + (lane[1] + lane[3])


cdef void _means(const float* x, float* middle, float* limit, float* fewer, float* weight) noexcept nogil:
    # two-means from a middle on, in LANES parts, so that they can be done side by side; the classes' means are `limit`
    # apart, the smaller class has `fewer` symbols, and `weight` is the power that the classes account for
    cdef float high[LANES]
    cdef float low[LANES]
    cdef float many[LANES]
    cdef float v, up, above, below, count, mean_high = 0, mean_low = 0, moved, settled
    cdef Py_ssize_t i, j, _round
    for _round in range(5):
        for j in range(LANES):
            high[j] = low[j] = many[j] = 0
        for i in range(0, WINDOW, 16):
            for j in range(LANES):
                v = x[i + j] - middle[0]
                v = v if v < limit[0] else limit[0]
                v = v if v > -limit[0] else -limit[0]
                up = v if v > 0 else 0
                high[j] += up
                low[j] += v - up
                many[j] += <float>1 if v > 0 else <float>0
        above, below, count = _sum(high), _sum(low), _sum(many)
        mean_high = above / (count if count > 0 else 1)
        mean_low = below / (WINDOW - count if count < WINDOW else 1)
        moved = (mean_high + mean_low) / 2
        middle[0] += moved
        settled = limit[0]
        # what is far outside is a click of the discriminator, not a level
        limit[0] = mean_high - mean_low
        fewer[0] = count if count < WINDOW - count else WINDOW - count
        weight[0] = count * (WINDOW - count) * limit[0] * limit[0]
        if fabsf(moved) + fabsf(settled - limit[0]) <= <float>1e-5 * limit[0]:
            break


cdef float _midway(const float* x, float middle, float limit) noexcept nogil:
    # between the extremes, as far as they are no further from the middle than the limit
    cdef float high[LANES]
    cdef float low[LANES]
    cdef float v
    cdef Py_ssize_t i, j
    for j in range(LANES):
        high[j] = middle - limit
        low[j] = middle + limit
    for i in range(0, WINDOW, 16):
        for j in range(LANES):
            v = x[i + j]
            high[j] = v if v > high[j] else high[j]
            low[j] = v if v < low[j] else low[j]
    for j in range(1, LANES):
        high[0] = high[j] if high[j] > high[0] else high[0]
        low[0] = low[j] if low[j] < low[0] else low[0]
    high[0] = high[0] if high[0] < middle + limit else middle + limit
    low[0] = low[0] if low[0] > middle - limit else middle - limit
    return (high[0] + low[0]) / 2


cdef void _cluster(const float* x, float* centre, float* swing) noexcept nogil:
    cdef float many[LANES]
    cdef float middle, limit = <float>1e30, weight, fewer, other, other_limit, other_weight
    cdef Py_ssize_t i, j
    for j in range(LANES):
        many[j] = 0
    for i in range(0, WINDOW, 16):
        for j in range(LANES):
            many[j] += x[i + j]
    middle = _sum(many) / WINDOW
    _means(x, &middle, &limit, &fewer, &weight)
    # one symbol amid seven others, as in flags, passes for a click, and these are parted by what is beside them
    other, other_limit = _midway(x, middle, 2 * limit), 2 * limit
    if fabsf(other - middle) > limit / 4:
        _means(x, &other, &other_limit, &fewer, &other_weight)
        if fewer >= FEW and other_weight > weight:
            middle, limit = other, other_limit
    centre[0] = middle
    swing[0] = limit / 2
    if swing[0] < <float>1e-12:
        swing[0] = <float>1e-12


cdef inline float _clipped(float v) noexcept nogil:
    v = v if v < 4 else 4
    return v if v > -4 else -4


cdef void _put(const float* x, int n, int ahead, float centre, float more_centre, float swing, float more_swing,
               float* soft, float* centres, float* swings) noexcept nogil:
    # n symbols by centre and swing that begin to change so many symbols ahead
    cdef int j
    cdef float u
    for j in range(n):
        u = <float>(j - ahead) * <float>(1.0 / BLOCK)
        u = u if u > 0 else 0
        centres[j] = centre + u * more_centre
        swings[j] = swing + u * more_swing
        soft[j] = _clipped((x[j] - centres[j]) / swings[j])


cdef class Level:
    """Take off the centre and divide by the swing, both estimated around each symbol."""
    cdef float _x[WINDOW + BLOCK]
    cdef float _centre, _swing         # at the middle of the window before
    cdef Py_ssize_t _held, _ready      # symbols in _x; how many of them, from its start, are already out
    cdef bint _first

    def __cinit__(self):
        self.reset()

    cpdef reset(self):
        """Forget all input."""
        self._held = self._ready = 0
        self._first = True

    cdef Py_ssize_t _push(
        self, const float* x, Py_ssize_t n, float* soft, float* centres, float* swings
    ) noexcept nogil:
        cdef Py_ssize_t i = 0, j, made = 0, stop
        cdef float centre, swing
        while i < n:
            stop = min(n - i, WINDOW - self._held)
            for j in range(stop):
                # also false for what is no number
                self._x[self._held + j] = x[i + j] if -<float>1e15 < x[i + j] < <float>1e15 else 0
            self._held += stop
            i += stop
            if self._held < WINDOW:
                break
            _cluster(self._x, &centre, &swing)
            if self._first:
                self._centre, self._swing, self._first = centre, swing, False
            stop = WINDOW // 2 - self._ready
            _put(self._x + self._ready, <int>stop, <int>(stop - BLOCK), self._centre, centre - self._centre,
                 self._swing, swing - self._swing, soft + made, centres + made, swings + made)
            made += stop
            self._centre, self._swing = centre, swing
            memmove(self._x, self._x + BLOCK, (WINDOW - BLOCK) * sizeof(float))
            self._held -= BLOCK
            self._ready = WINDOW // 2 - BLOCK
        return made

    def process(self, const float[::1] x not None):
        """Level a chunk.

        Parameters
        ----------
        x : (n,) float32

        Returns
        -------
        soft : (m,) float32, near -1 and +1, clipped to +-4
        centres, swings : (m,) float32, what was taken off, and half the distance of the levels
        """
        cdef Py_ssize_t n = x.shape[0], made = 0
        cdef float[::1] a, b, c
        soft = np.empty(n + WINDOW, np.float32)
        centres, swings = np.empty_like(soft), np.empty_like(soft)
        if n:
            a, b, c = soft, centres, swings
            with nogil:
                made = self._push(&x[0], n, &a[0], &b[0], &c[0])
        return soft[:made], centres[:made], swings[:made]

    def flush(self):
        """Level what is left with the estimate of the last window. The state is reset.

        Returns
        -------
        soft, centres, swings : as of `process`
        """
        cdef Py_ssize_t i
        rest = np.array([self._x[i] for i in range(self._ready, self._held)], np.float32)
        if self._first and len(rest):
            # shorter than one window: repeat it until it fills one
            full = np.resize(rest, WINDOW)
            _fill(self, full)
        centre, swing = self._centre, self._swing
        self.reset()
        n = len(rest)
        return (np.clip((rest - np.float32(centre)) / np.float32(swing), -4, 4).astype(np.float32),
                np.full(n, centre, np.float32), np.full(n, swing, np.float32))


cdef _fill(Level level, const float[::1] full):
    _cluster(&full[0], &level._centre, &level._swing)
