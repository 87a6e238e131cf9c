# isa: avx2
"""Centre and swing of a two-level signal, and the signal put to -1 and +1.

In each window of 128 symbols the values are parted at their centre; the new centre is midway between the means of the
two parts, some rounds over (two-means clustering). Unlike a mean it does not move when ones outnumber zeros, as in a
row of HDLC flags. Of the clusterings from the mean and from midway between the extremes the better one counts.

Where noise is as large as the levels are apart, and few symbols are of one kind, it passes for these. So where the
deviation is told, and a window repeats every byte, the centre is found by the mean after all, which is off by as many
deviations as there are more symbols of one kind in what repeats.

A window in a long row of equal symbols has one level only, whose noise is parted. Where that level is one of two that
have lasted for more than a window, as those about a step or of noise and a carrier do not, these hold on.

A window at the edge of a burst has noise in it, or the next burst, whose centre may be far off in audio: the 64 symbols
about its middle may then go by one of the two windows before or behind, which hold some of them, if that leaves less of
them. Between the middles of windows centre and swing are interpolated, or step where that leaves less.
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
    int radome_level_row(const float* x, float* centre, float* deviation)
    float radome_level_midway(const float* x, float middle, float limit)
    void radome_level_part(const float* x0, Classes* to0, const float* x1, Classes* to1)
    float radome_level_rest(const float* x, float centre, float swing)
    float radome_level_left(const float* x, float centre, float swing, float most)
    const float EYE "RADOME_EYE"
    enum:
        WINDOW "RADOME_WINDOW"
        PIECE "RADOME_PIECE"

cdef enum:
    ADVANCE = 64  # of windows, at most
    FEW = 8      # symbols, as many as clicks may be
    AROUND = 2   # windows on each side, at most
    WINDOWS = 2 * AROUND + 2

cdef float LESS = <float>0.9      # of what its own window leaves of a piece, for another to count
cdef float FAR = <float>0.5       # of the swing, by which two pieces are apart if there may be a step between them
cdef float CAP = 2                # swings from the nearer level beyond which a symbol counts no more
cdef float SMALLER = <float>0.25  # of another swing, that the one of these has at least
cdef float TWO = <float>0.22      # of a window is left by two levels at most; by the halves of noise 0.22 to 0.34
cdef float ONE = <float>0.18      # and by those of one level at least
cdef float NARROW = <float>0.5    # of the swing, that the noise of one level is parted by at most
cdef float NEAR = <float>0.35     # of the swing, by which this level may be off the one before


cdef void _cluster(const float* x, int n, int advance, float told, float* centres, float* swings,
                   float* rests) noexcept nogil:
    # one window, or that and the next
    cdef Classes to[2]
    cdef Classes other[2]
    cdef float deviation
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
        deviation = told
        if told > 0 and radome_level_row(x + i * advance, &centres[i], &deviation):
            swings[i] = EYE * deviation
        rests[i] = radome_level_rest(x + i * advance, centres[i], swings[i])


cdef inline float _clipped(float v) noexcept nogil:
    v = v if v < 4 else 4
    return v if v > -4 else -4


cdef inline float* _behind(float* p, Py_ssize_t n) noexcept nogil:
    return p + n if p != NULL else NULL


cdef void _put(const float* x, int n, int ahead, float each, float centre, float more_centre, float swing,
               float more_swing, float* soft, float* centres, float* swings) noexcept nogil:
    # n symbols by centre and swing that begin to change so many symbols ahead, by such a part of that each; without
    # swings, their centres only
    cdef int j
    cdef float u
    if swings == NULL:
        for j in range(n):
            u = <float>(j - ahead) * each
            u = u if u > 0 else 0
            centres[j] = centre + u * more_centre
        return
    for j in range(n):
        u = <float>(j - ahead) * each
        u = u if u > 0 else 0
        centres[j] = centre + u * more_centre
        swings[j] = swing + u * more_swing
        soft[j] = _clipped((x[j] - centres[j]) / swings[j])


cdef inline float _most(float small, float swing) noexcept nogil:
    # that counts of a symbol's square, by the least of some swings and another
    small = small if small > SMALLER * swing else SMALLER * swing
    return CAP * CAP * small * small


cdef inline float _left(float v, float centre, float swing, float most) noexcept nogil:
    # square of a symbol's distance from the nearer level
    v = fabsf(v - centre) - swing
    v *= v
    return v if v < most else most


cdef int _step(const float* x, int n, int ahead, float each, float centre, float more_centre, float swing,
               float more_swing) noexcept nogil:
    # where among n symbols, or behind them, a step from one centre and swing to the next leaves least; -1 where a slope
    # leaves no more
    cdef float next_centre = centre + more_centre, next_swing = swing + more_swing
    cdef float small = swing if swing < next_swing else next_swing, most = _most(small, swing + next_swing - small)
    cdef float u, slope = 0, step = 0, least = 0
    cdef int j, best = 0
    if fabsf(more_centre) + fabsf(more_swing) < FAR * small:
        return -1
    for j in range(n):
        u = <float>(j - ahead) * each
        u = u if u > 0 else 0
        slope += _left(x[j], centre + u * more_centre, swing + u * more_swing, most)
        # by how much more than with a step before all of them
        step += _left(x[j], centre, swing, most) - _left(x[j], next_centre, next_swing, most)
        if step < least:
            best, least = j + 1, step
    for j in range(n):
        least += _left(x[j], next_centre, next_swing, most)
    return best if least < LESS * slope else -1


cdef class Level:
    """Take off the centre and divide by the swing, both estimated around each symbol.

    Parameters
    ----------
    advance : symbols from one window to the next, 32 to 64
    around : windows on each side by which a piece may go, up to 2
    deviation : from the centre to the levels of long rows of equal symbols, as it is told; 0: it is not

    Raises
    ------
    ValueError : another advance or number of windows
    """
    cdef float _x[WINDOW + (AROUND + 1) * ADVANCE]
    cdef float _centres[WINDOWS]   # of the last windows, in order
    cdef float _swings[WINDOWS]
    cdef float _rests[WINDOWS]
    cdef int _advance, _around
    cdef float _told
    cdef int _steady                   # pieces in a row that went by the same two levels
    cdef int _windows, _middle         # how many these are; the first of them whose piece is to come
    cdef float _centre, _swing         # at the piece before
    cdef Py_ssize_t _held              # symbols in _x
    cdef Py_ssize_t _ready, _next      # how many of them are already out; where the next window begins
    cdef bint _first

    def __cinit__(self, int advance=32, int around=0, double deviation=0):
        if not PIECE // 2 <= advance <= ADVANCE:
            raise ValueError(f"an advance of {PIECE // 2} to {ADVANCE} expected, got {advance}")
        if not 0 <= around <= AROUND:
            raise ValueError(f"0 to {AROUND} windows on each side expected, got {around}")
        self._advance, self._around, self._told = advance, around, <float>deviation
        self.reset()

    cpdef reset(self):
        """Forget all input."""
        self._held = self._ready = self._next = 0
        self._windows = self._middle = self._steady = 0
        self._first = True

    cdef int _chosen(self, const float* piece) noexcept nogil:
        # the window by which a piece goes
        cdef int w, own = self._middle, best = own
        cdef int first = own - self._around if own > self._around else 0
        cdef int last = own + self._around if own + self._around < self._windows else self._windows - 1
        cdef float most = self._swings[own], left, least
        for w in range(first, last + 1):
            most = self._swings[w] if self._swings[w] < most else most
        most = _most(most, self._swings[own])
        least = LESS * radome_level_left(piece, self._centres[own], self._swings[own], most)
        for w in range(first, last + 1):
            if w != own:
                left = radome_level_left(piece, self._centres[w], self._swings[w], most)
                if left < least:
                    best, least = w, left
        return best

    cdef void _hold(self, int w) noexcept nogil:
        # a window that has only one of the levels before it gets both of these
        cdef float off = fabsf(self._centres[w] - self._centre), swing = self._swings[w]
        cdef bint near
        if (self._steady > WINDOW // self._advance and self._rests[w] > ONE and swing < NARROW * self._swing
                and fabsf(off - self._swing) < NEAR * self._swing):
            self._centres[w], self._swings[w] = self._centre, self._swing
        elif self._rests[w] < TWO:
            near = off < NEAR * self._swing and NARROW * self._swing < swing < self._swing / NARROW
            self._steady = self._steady + 1 if near else 1
        else:
            self._steady = 0

    cdef Py_ssize_t _give(self, float* soft, float* centres, float* swings) noexcept nogil:
        # the symbols up to the middle of the next window
        cdef Py_ssize_t stop = self._next + WINDOW // 2 - (self._windows - self._middle) * self._advance
        cdef Py_ssize_t n = stop - self._ready
        cdef const float* x = self._x + self._ready
        cdef int w = self._middle, ahead = <int>(n - self._advance), step = -1
        cdef float each = <float>(1.0 / self._advance), more_centre, more_swing
        if self._around:
            w = self._chosen(self._x + stop - PIECE // 2)
        if self._first:
            self._centre, self._swing, self._first = self._centres[w], self._swings[w], False
        self._hold(w)
        more_centre, more_swing = self._centres[w] - self._centre, self._swings[w] - self._swing
        if self._around:
            step = _step(x, <int>n, ahead, each, self._centre, more_centre, self._swing, more_swing)
        if step >= 0:
            _put(x, step, 0, 0, self._centre, 0, self._swing, 0, soft, centres, swings)
            _put(x + step, <int>n - step, 0, 0, self._centres[w], 0, self._swings[w], 0, _behind(soft, step),
                 centres + step, _behind(swings, step))
        else:
            _put(x, <int>n, ahead, each, self._centre, more_centre, self._swing, more_swing, soft, centres, swings)
        self._centre, self._swing = self._centres[w], self._swings[w]
        self._ready = stop
        self._middle += 1
        if self._middle > self._around:
            memmove(self._centres, self._centres + 1, (self._windows - 1) * sizeof(float))
            memmove(self._swings, self._swings + 1, (self._windows - 1) * sizeof(float))
            memmove(self._rests, self._rests + 1, (self._windows - 1) * sizeof(float))
            self._windows -= 1
            self._middle -= 1
        return n

    cdef Py_ssize_t _push(
        self, const float* x, Py_ssize_t n, Py_ssize_t apart, float* soft, float* centres, float* swings
    ) noexcept nogil:
        cdef Py_ssize_t i = 0, j, made = 0, stop, drop
        cdef int windows, advance = self._advance
        while i < n:
            stop = min(n - i, self._next + WINDOW + advance - self._held)
            for j in range(stop):
                # also false for what is no number
                self._x[self._held + j] = x[j * apart] if -<float>1e15 < x[j * apart] < <float>1e15 else 0
            x += stop * apart
            self._held += stop
            i += stop
            if self._held < self._next + WINDOW:
                break
            windows = 2 if self._held == self._next + WINDOW + advance else 1
            _cluster(self._x + self._next, windows, advance, self._told, self._centres + self._windows,
                     self._swings + self._windows, self._rests + self._windows)
            self._windows += windows
            self._next += windows * advance
            while self._windows - self._middle > self._around:
                made += self._give(_behind(soft, made), centres + made, _behind(swings, made))
            drop = min(self._ready, self._next)
            self._held -= drop
            self._ready -= drop
            self._next -= drop
            memmove(self._x, self._x + drop, self._held * sizeof(float))
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
        soft = np.empty(n + WINDOW + AROUND * ADVANCE, np.float32)
        centres, swings = np.empty_like(soft), np.empty_like(soft)
        if n:
            a, b, c = soft, centres, swings
            with nogil:
                made = self._push(&x[0], n, 1, &a[0], &b[0], &c[0])
        return soft[:made], centres[:made], swings[:made]

    def centres(self, const float[:] x not None):
        """Level a chunk of which nothing but the centres is wanted.

        Parameters
        ----------
        x : (n,) float32, also every so many of a larger array

        Returns
        -------
        (m,) float32, as of `process`
        """
        cdef Py_ssize_t n = x.shape[0], made = 0
        cdef float[::1] out
        result = np.empty(n + WINDOW + AROUND * ADVANCE, np.float32)
        if n:
            out = result
            with nogil:
                made = self._push(&x[0], n, x.strides[0] // <Py_ssize_t>sizeof(float), NULL, &out[0], NULL)
        return result[:made]

    def flush(self):
        """Level what is left with the estimate of the last window. The state is reset.

        Returns
        -------
        soft, centres, swings : as of `process`
        """
        cdef Py_ssize_t i, made = 0
        cdef float[::1] a, b, c
        soft = np.empty(self._held - self._ready, np.float32)
        centres, swings = np.empty_like(soft), np.empty_like(soft)
        if len(soft):
            a, b, c = soft, centres, swings
            while self._windows > self._middle:
                made += self._give(&a[made], &b[made], &c[made])
            rest = np.array([self._x[i] for i in range(self._ready, self._held)], np.float32)
            if self._first:
                # shorter than one window: repeat it until it fills one
                full = np.resize(rest, WINDOW)
                _fill(self, full)
            centres[made:], swings[made:] = self._centre, self._swing
            soft[made:] = np.clip((rest - np.float32(self._centre)) / np.float32(self._swing), -4, 4)
        self.reset()
        return soft, centres, swings


cdef _fill(Level level, const float[::1] full):
    cdef float rest
    _cluster(&full[0], 1, 0, 0, &level._centre, &level._swing, &rest)
