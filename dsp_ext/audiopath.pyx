# isa: avx2
"""What the audio path of an FM receiver did to the symbols of a two-level signal, undone.

Coupling capacitors take the lowest frequencies off: a level droops while it lasts. De-emphasis takes the highest off: a
level is approached slowly. Both are of first order and belong to the receiver, so each has one number, the same for all
of a recording:

    u[k] = y[k] + a (y[k]/2 + y[k-1] + y[k-2] + ...)          a = 2 pi (corner of the high-pass) / (symbol rate)
    x[k] = (u[k] - r u[k-1]) / (1 - r)                        r = exp(-symbol / time constant of the de-emphasis)

The sum forgets slowly, as nothing can be said of a constant. In each block of 128 symbols, for each pair on a grid, the
decisions, parted at the centre of two clusters, are fitted by least squares to what a symbol and both its neighbours
bring; what is left over, by the power that the symbol itself brings, is the pair's misfit. So what a narrow filter
does, the step from a preamble to data with it, counts for no pair, while droop and de-emphasis reach further. Of an
alternation, which the sum takes off and the difference raises, nothing can be said, nor of another row of equal bytes,
such as flags, whose few levels any pair fits. The logarithms of the misfits are summed over the blocks that some pair
fits, and the least sum is chosen, two blocks ahead; no single block is enough for anything to be done, and where
nothing was done to the signal, nothing is. Where many blocks have told it, one in four is looked at.
"""
import numpy as np

from libc.math cimport log, sqrt
from libc.string cimport memmove

cdef extern from "audiopath.h" nogil:
    void radome_droop(const float* y, const float* sums, Py_ssize_t n, float a, float scale, float* u)
    ctypedef struct Told "radome_told":
        float power
        float misfit
        float turns
    void radome_misfit(const float* u, Py_ssize_t n, float r, Told* told)

cdef enum:
    BLOCK = 128
    AHEAD = 2            # blocks looked ahead
    HELD = (AHEAD + 1) * BLOCK
    LEAST = 32           # symbols of a last block that tell something
    WHOLE = 8            # they come in as many
    PERIOD = 16          # after which a row of equal bytes repeats, whatever the line code
    SETTLED = 64         # blocks that have told something, from which on one in SELDOM is looked at
    SELDOM = 4
    DROOPS = 5
    LAGS = 6
    PAIRS = DROOPS * LAGS

cdef float[DROOPS] A = [0, 0.07, 0.14, 0.22, 0.36]
cdef float[LAGS] R = [0, 0.48, 0.64, 0.76, 0.85, 0.92]
cdef float LEAK = <float>0.03   # a symbol; what is left of a high-pass so low does no harm
cdef float KEPT = <float>(15.0 / 16)  # of the sums, at each block that tells something
cdef double FITS = 0.25         # largest misfit in a block that tells something; noise has twice that, about 10 dB half
cdef double ALTERNATION = -0.4  # product of neighbouring decisions below which nothing is told
cdef double AGAIN = 0.5         # correlation of steps with those two bytes before, above which nothing is told
cdef double EXACT = 0.03        # is added to misfits, lest what is tiny counts in strong signals
cdef double MOST = 0.5          # in logarithms, that a block may say for doing anything at all
cdef double COST = 0.6          # of doing anything: more than a block may say
cdef double HABIT = 0.2         # in a block, of undoing de-emphasis: the equaliser does better with a little of it
cdef float SILENCE = <float>1e-6  # of the power, what a constant leaves
cdef float LOUDEST = <float>1e15  # what is louder, or no number, is taken for 0


cdef class AudioPath:
    """Undo high-pass and de-emphasis of an audio path, as far as they are seen."""
    cdef float _y[HELD + 1]        # symbols, after the one before them
    cdef float _sums[HELD + 1]     # of all before each and half of itself
    cdef double _costs[PAIRS]
    cdef float _sum
    cdef Py_ssize_t _held
    cdef int _chosen
    cdef int _told                 # blocks that have told something, up to SETTLED
    cdef int _turn                 # blocks since the start, modulo SELDOM

    def __cinit__(self):
        self.reset()

    cpdef reset(self):
        """Forget all input."""
        cdef int i
        self._y[0] = self._sums[0] = self._sum = 0
        self._held = 0
        self._chosen = self._told = self._turn = 0
        for i in range(PAIRS):
            self._costs[i] = COST if i else 0

    cdef void _measure(self, Py_ssize_t start, Py_ssize_t n) noexcept nogil:
        # a block, from its place among those held
        cdef float u[BLOCK + 1]
        cdef float misfits[PAIRS]
        cdef Told told
        cdef double gains[PAIRS]
        cdef double power = 0, turns = 0, most = MOST, steps = 0, again = 0, step, before
        cdef float scale
        cdef Py_ssize_t k
        cdef int pair, best = 0
        for k in range(start + 1, start + n + 1):
            power += <double>self._y[k] * self._y[k]
        if power < 1e-30:
            return
        # in symbols a high-pass makes wander and a de-emphasis alike, steps do not follow from those of long before
        for k in range(start + 2 + PERIOD, start + n + 1):
            step, before = self._y[k] - self._y[k - 1], self._y[k - PERIOD] - self._y[k - PERIOD - 1]
            again += step * before
            steps += step * step + before * before
        if 2 * again > AGAIN * steps:
            return
        scale = <float>(1 / sqrt(power / n))
        for pair in range(PAIRS):
            if pair % LAGS == 0:
                radome_droop(self._y + start + 1, self._sums + start + 1, n, A[pair // LAGS], scale, u + 1)
            radome_misfit(u + 1, n, R[pair % LAGS], &told)
            if not told.power > SILENCE or pair == 0 and told.turns < ALTERNATION:
                return
            misfits[pair] = told.misfit
            if pair == 0 or told.misfit < misfits[best]:
                best, turns = pair, told.turns
        if not misfits[best] < FITS or turns < ALTERNATION:
            return
        self._told = self._told + 1 if self._told < SETTLED else SETTLED
        for pair in range(1, PAIRS):
            gains[pair] = log((misfits[0] + EXACT) / (misfits[pair] + EXACT)) - (HABIT if pair % LAGS else 0)
            most = gains[pair] if gains[pair] > most else most
        for pair in range(1, PAIRS):
            self._costs[pair] = COST + KEPT * (self._costs[pair] - COST) - (gains[pair] - (most - MOST))

    cdef void _choose(self) noexcept nogil:
        cdef int pair
        self._chosen = 0
        for pair in range(1, PAIRS):
            if self._costs[pair] < self._costs[self._chosen]:
                self._chosen = pair

    cdef void _give(self, Py_ssize_t n, float* x) noexcept nogil:
        # the first n of those held, which leave
        cdef float a = A[self._chosen // LAGS], r = R[self._chosen % LAGS], scale = 1 / (1 - r)
        cdef Py_ssize_t k
        if self._chosen == 0:
            for k in range(n):
                x[k] = self._y[k + 1]
        else:
            for k in range(n):
                x[k] = scale * (self._y[k + 1] + a * self._sums[k + 1] - r * (self._y[k] + a * self._sums[k]))
        memmove(self._y, self._y + n, (self._held - n + 1) * sizeof(float))
        memmove(self._sums, self._sums + n, (self._held - n + 1) * sizeof(float))
        self._held -= n

    cdef Py_ssize_t _push(self, const float* y, Py_ssize_t n, float* x) noexcept nogil:
        cdef Py_ssize_t k, made = 0
        cdef float v
        for k in range(n):
            # also false for what is no number
            v = y[k] if -LOUDEST < y[k] < LOUDEST else 0
            self._held += 1
            self._y[self._held] = v
            self._sums[self._held] = self._sum + v / 2
            self._sum = (1 - LEAK) * self._sum + v
            if self._held % BLOCK == 0:
                self._turn = (self._turn + 1) % SELDOM
                if self._told < SETTLED or self._turn == 0:
                    self._measure(self._held - BLOCK, BLOCK)
            if self._held == HELD:
                self._choose()
                self._give(BLOCK, x + made)
                made += BLOCK
        return made

    def process(self, const float[::1] y not None):
        """Take symbols.

        Parameters
        ----------
        y : (n,) float32

        Returns
        -------
        (m,) float32, the next ones, up to 383 behind
        """
        cdef Py_ssize_t n = y.shape[0], made = 0
        cdef float[::1] out
        x = np.empty(n + HELD, np.float32)
        if n:
            out = x
            with nogil:
                made = self._push(&y[0], n, &out[0])
        return x[:made]

    def flush(self):
        """The symbols still inside. The state is reset.

        Returns
        -------
        (m,) float32
        """
        cdef Py_ssize_t rest = self._held % BLOCK, n = self._held
        cdef float[::1] out
        x = np.empty(n + 1, np.float32)
        out = x
        if rest >= LEAST:
            self._measure(self._held - rest, rest // WHOLE * WHOLE)
        self._choose()
        self._give(n, &out[0])
        self.reset()
        return x[:n]
