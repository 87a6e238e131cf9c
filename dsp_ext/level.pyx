# isa: avx2
"""Centre and swing of a two-level signal, and the signal put to -1 and +1.

In each window of 128 symbols the values are parted at their centre; the new centre is midway between the means of the
two parts, some rounds over (two-means clustering). Unlike a mean it does not move when ones outnumber zeros, as in a
row of HDLC flags. Of the clusterings from the mean and from midway between the extremes the better one counts. Between
the middles of windows centre and swing are interpolated.
"""
import numpy as np

from libc.math cimport fabsf
from libc.string cimport memmove

cdef extern from "level.h" nogil:
    ctypedef struct Classes "radome_classes":
        float middle
        float limit
        float fewer
        float weight
        bint settled
    float radome_level_mean(const float* x)
    float radome_level_midway(const float* x, float middle, float limit)
    void radome_level_part(const float* x0, Classes* to0, const float* x1, Classes* to1)
    enum:
        WINDOW "RADOME_WINDOW"

cdef enum:
    ADVANCE = 64  # of windows, at most
    FEW = 8      # symbols, as many as clicks may be


cdef void _cluster(const float* x, int n, int advance, float* centres, float* swings) noexcept nogil:
    # one window, or that and the next
    cdef Classes to[2]
    cdef Classes other[2]
    cdef int i
    for i in range(2):
        to[i].settled = other[i].settled = i >= n
        to[i].middle, to[i].limit = radome_level_mean(x + i % n * advance), <float>1e30
    radome_level_part(x, &to[0], x + (n - 1) * advance, &to[1])
    for i in range(n):
        # one symbol amid seven others, as in flags, passes for a click, and these are parted by what is beside them
        other[i].limit = 2 * to[i].limit
        other[i].middle = radome_level_midway(x + i * advance, to[i].middle, other[i].limit)
        other[i].fewer = 0
        other[i].settled = fabsf(other[i].middle - to[i].middle) <= to[i].limit / 4
    radome_level_part(x, &other[0], x + (n - 1) * advance, &other[1])
    for i in range(n):
        if other[i].fewer >= FEW and other[i].weight > to[i].weight:
            to[i] = other[i]
        centres[i] = to[i].middle
        swings[i] = to[i].limit / 2 if to[i].limit > <float>2e-12 else <float>1e-12


cdef inline float _clipped(float v) noexcept nogil:
    v = v if v < 4 else 4
    return v if v > -4 else -4


cdef void _put(const float* x, int n, int ahead, float each, float centre, float more_centre, float swing,
               float more_swing, float* soft, float* centres, float* swings) noexcept nogil:
    # n symbols by centre and swing that begin to change so many symbols ahead, by such a part of that each
    cdef int j
    cdef float u
    for j in range(n):
        u = <float>(j - ahead) * each
        u = u if u > 0 else 0
        centres[j] = centre + u * more_centre
        swings[j] = swing + u * more_swing
        soft[j] = _clipped((x[j] - centres[j]) / swings[j])


cdef class Level:
    """Take off the centre and divide by the swing, both estimated around each symbol.

    Parameters
    ----------
    advance : symbols from one window to the next, 1 to 64

    Raises
    ------
    ValueError : another advance
    """
    cdef float _x[WINDOW + ADVANCE]
    cdef int _advance
    cdef float _centre, _swing         # at the middle of the window before
    cdef Py_ssize_t _held, _ready      # symbols in _x; how many of them, from its start, are already out
    cdef bint _first

    def __cinit__(self, int advance=32):
        if not 1 <= advance <= ADVANCE:
            raise ValueError(f"an advance of 1 to {ADVANCE} expected, got {advance}")
        self._advance = advance
        self.reset()

    cpdef reset(self):
        """Forget all input."""
        self._held = self._ready = 0
        self._first = True

    cdef Py_ssize_t _push(
        self, const float* x, Py_ssize_t n, float* soft, float* centres, float* swings
    ) noexcept nogil:
        cdef Py_ssize_t i = 0, j, made = 0, stop
        cdef int w, windows, advance = self._advance
        cdef float centre[2]
        cdef float swing[2]
        while i < n:
            stop = min(n - i, WINDOW + advance - self._held)
            for j in range(stop):
                # also false for what is no number
                self._x[self._held + j] = x[i + j] if -<float>1e15 < x[i + j] < <float>1e15 else 0
            self._held += stop
            i += stop
            if self._held < WINDOW:
                break
            windows = 2 if self._held == WINDOW + advance else 1
            _cluster(self._x, windows, advance, centre, swing)
            if self._first:
                self._centre, self._swing, self._first = centre[0], swing[0], False
            for w in range(windows):
                stop = w * advance + WINDOW // 2 - self._ready
                _put(self._x + self._ready, <int>stop, <int>(stop - advance), <float>(1.0 / advance), self._centre,
                     centre[w] - self._centre, self._swing, swing[w] - self._swing, soft + made, centres + made,
                     swings + made)
                made += stop
                self._ready += stop
                self._centre, self._swing = centre[w], swing[w]
            self._held -= windows * advance
            self._ready -= windows * advance
            memmove(self._x, self._x + windows * advance, self._held * sizeof(float))
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
    _cluster(&full[0], 1, 0, &level._centre, &level._swing)
