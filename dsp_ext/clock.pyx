# isa: avx2
"""Symbol timing without a loop, for signals at four samples a symbol.

Transitions of a two-level signal make d[n] = (x[n+1] - x[n-1])^2 large midway between symbols; the phase of d at the
symbol rate is the timing (the feed-forward estimator of Oerder and Meyr, IEEE Trans. Comm. 36-5, 1988, on the
difference so that a constant does not matter). It is followed by dynamic programming over phase and clock error, in
blocks of 16 symbols with 16 blocks looked ahead: a fade is bridged at the clock error that held before it, a burst
elsewhere is jumped to, and a burst is right from its first symbol. What is left is smoothed away over about 256
symbols. The tone lives at the band's edge, which costs noise in the symbols: these are taken through a narrower
filter, by a cubic through four of its outputs.
"""
import numpy as np

from libc.math cimport cos, fabsf, sin, sqrtf, M_PI
from libc.stdint cimport int32_t
from libc.string cimport memcpy, memmove, memset
from cpython.mem cimport PyMem_Malloc, PyMem_Realloc, PyMem_Free

cdef extern from "simd.h" nogil:
    void radome_dot(const float* x, const float* h, Py_ssize_t n, bint pairs, float* y)
    void radome_dots(const float* x0, const float* x1, const float* x2, const float* x3, const float* h0,
                     const float* h1, const float* h2, const float* h3, Py_ssize_t n, bint pairs, float* y)
    enum:
        RADOME_LANES

cdef extern from "clock.h" nogil:
    int radome_clock_step(const float* value, const float* score, float jump, float swerve, float hurry, float* next,
                          int32_t* which)
    enum:
        PHASES "RADOME_PHASES"      # states of phase; a drift of 1 is 1/32 symbol a block, 0.2 %
        FASTEST "RADOME_FASTEST"    # states of drift: -5 .. 5
        DRIFTS "RADOME_DRIFTS"
        STRIDE "RADOME_STRIDE"      # from one drift's values to the next's

cdef enum:
    BLOCK = 16            # symbols in a step of the path
    LAG = 16              # blocks looked ahead
    HALF = 64             # symbols on each side in each of two moving sums that smooth the rest
    POINTS = 64           # places between two samples at which the symbol filter is tabulated
    WIDEST = 80           # its taps, rounded up to whole vectors
    RENEW = 1024          # symbols after which moving sums are made anew, so that no rounding error stays
    RING = 1024           # symbols whose tone is kept, more than LAG*BLOCK + 4*HALF + 2*BLOCK

cdef float LOUDEST = <float>1e15   # what is louder, or no number, is taken for 0
cdef float JUMP = 20      # cost of any other phase, in standard deviations of a block's score in noise
cdef float SWERVE = 6     # cost of another clock error, by one state
cdef float HURRY = <float>0.05   # cost of a clock error, by one state, each block


cdef void _copy(const float* x, Py_ssize_t n, float* y) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = x[i] if fabsf(x[i]) < LOUDEST else 0


cdef inline double _turns(double q) noexcept nogil:
    # arctangent of -1 .. 1 in turns, to 2e-8 radian: Abramowitz and Stegun, Handbook of Mathematical Functions, 4.4.49
    cdef double u = q * q
    return q / (2 * M_PI) * (
        1 + u * (-0.3333314528 + u * (0.1999355085 + u * (-0.1420889944 + u * (
            0.1065626393 + u * (-0.0752896400 + u * (0.0429096138 + u * (-0.0161657367 + u * 0.0028662257))))))))


cdef class SymbolClock:
    """Find the symbols of a real stream of nominally four samples a symbol.

    Parameters
    ----------
    taps : (K,) float32, K odd and below 64, filter for the symbols
    lead : how many samples a tone that is given stands behind its samples
    """
    cdef float _bank[(POINTS + 1) * WIDEST]   # cubic interpolation and symbol filter in one
    cdef Py_ssize_t _reach, _length           # taps on each side of the middle one; of a row of the bank
    cdef float* _x                       # samples from index _base on
    cdef readonly double lead
    cdef Py_ssize_t _held, _room
    cdef long long _base
    cdef bint _led                       # whether a tone is given
    cdef long long _told                 # its values so far
    cdef float _early[3 * 4]             # those that no symbol has yet, and the first of what comes
    cdef long long _toned, _refined, _smoothed   # symbols whose tone, residue and sums are known
    cdef double _last                    # instant of the last symbol given
    # of symbols; what is complex by real and imaginary parts
    cdef float _tone[2][RING]
    cdef double _rest[2][RING]           # tone turned back by the path
    cdef double _sums[2][RING]
    cdef double _phase[RING]             # path, in turns
    cdef double _sum1[2]
    cdef double _sum2[2]
    cdef float _value[2][DRIFTS * STRIDE]   # of states, by now and by the block before, in turn
    cdef float _cosine[PHASES]
    cdef float _sine[PHASES]
    cdef float _drift_cosine[DRIFTS][BLOCK]
    cdef float _drift_sine[DRIFTS][BLOCK]
    cdef int32_t _choice[(LAG + 1) * DRIFTS * PHASES]   # drift before: -1, 0, 1 from this one; 2: jump
    cdef short _jumped[LAG + 1]
    cdef short _path[LAG + 1]            # states of the best path, by its newest LAG + 1 blocks
    cdef long long _blocks
    cdef Py_ssize_t _top                 # best state
    cdef bint _begun

    def __cinit__(self, const float[::1] taps not None, double lead=0):
        cdef Py_ssize_t i, j, k
        cdef double u
        cdef double cubic[4]
        if taps.shape[0] % 2 == 0 or taps.shape[0] > 63:
            raise ValueError(f"an odd number of taps below 64 expected, got {taps.shape[0]}")
        self._reach = taps.shape[0] // 2
        self._length = (taps.shape[0] + 3 + 15) // 16 * 16
        memset(self._bank, 0, sizeof(self._bank))
        for i in range(POINTS + 1):
            u = <double>i / POINTS
            cubic[0] = -u * (u - 1) * (u - 2) / 6
            cubic[1] = (u + 1) * (u - 1) * (u - 2) / 2
            cubic[2] = -(u + 1) * u * (u - 2) / 2
            cubic[3] = (u + 1) * u * (u - 1) / 6
            for j in range(4):
                for k in range(taps.shape[0]):
                    self._bank[i * self._length + j + k] += <float>(cubic[j] * taps[k])
        self._room = 8192
        self._x = <float*>PyMem_Malloc(self._room * sizeof(float))
        if not self._x:
            raise MemoryError
        self.lead = lead
        for i in range(PHASES):
            self._cosine[i] = <float>cos(2 * M_PI * i / PHASES)
            self._sine[i] = <float>sin(2 * M_PI * i / PHASES)
        for i in range(DRIFTS):
            for j in range(BLOCK):
                # straight through the block's middle
                u = 2 * M_PI * (i - FASTEST) / PHASES * (j - (BLOCK - 1) / 2.0) / BLOCK
                self._drift_cosine[i][j], self._drift_sine[i][j] = <float>cos(u), <float>sin(u)
        self.reset()

    def __dealloc__(self):
        PyMem_Free(self._x)

    cpdef reset(self):
        """Forget all input; the next sample is number 0."""
        memset(self._tone, 0, sizeof(self._tone))
        memset(self._rest, 0, sizeof(self._rest))
        memset(self._sums, 0, sizeof(self._sums))
        memset(self._value, 0, sizeof(self._value))
        self._sum1[0] = self._sum1[1] = self._sum2[0] = self._sum2[1] = 0
        memset(self._x, 0, WIDEST * sizeof(float))
        memset(self._early, 0, sizeof(self._early))
        self._led = False
        self._held, self._base, self._last, self._told = WIDEST, -WIDEST, -4, 0
        self._toned = self._refined = self._smoothed = self._blocks = 0
        self._top = 0
        memset(self._path, -1, sizeof(self._path))
        self._begun = False

    cdef void _step(self) noexcept nogil:
        # one block of the path
        cdef float score[PHASES]
        cdef float power = 0, re = 0, im = 0, scale, top
        cdef Py_ssize_t row = self._blocks % (LAG + 1), i, p, at = self._top
        cdef const float* value = self._value[self._blocks % 2]
        cdef const float* tone_re = self._tone[0] + self._blocks * BLOCK % RING
        cdef const float* tone_im = self._tone[1] + self._blocks * BLOCK % RING
        for i in range(BLOCK):
            re += tone_re[i]
            im += tone_im[i]
            power += tone_re[i] * tone_re[i] + tone_im[i] * tone_im[i]
        scale = <float>1.0 / (sqrtf(power / 2) + <float>1e-20)
        top = value[(at // PHASES) * STRIDE + 8 + at % PHASES]
        for p in range(PHASES):
            score[p] = (re * self._cosine[p] + im * self._sine[p]) * scale - top
        self._jumped[row] = <short>at
        self._top = radome_clock_step(value, score, top - JUMP, SWERVE, HURRY, self._value[(self._blocks + 1) % 2],
                                      self._choice + row * DRIFTS * PHASES)
        self._blocks += 1

    cdef Py_ssize_t _trace(self) noexcept nogil:
        # state of the best path LAG blocks before the newest; mostly it only goes on, and is known from before
        cdef long long block = self._blocks - 1, last = block - LAG
        cdef Py_ssize_t at = self._top, d, p
        cdef int which
        self._path[block % (LAG + 1)] = <short>at
        while block > last:
            which = self._choice[block % (LAG + 1) * DRIFTS * PHASES + at]
            d, p = at // PHASES, at % PHASES
            if which == 2:
                at = self._jumped[block % (LAG + 1)]
            else:
                at = (d + which) * PHASES + ((p - (d - FASTEST)) & (PHASES - 1))
            block -= 1
            if self._path[block % (LAG + 1)] == at:
                break
            self._path[block % (LAG + 1)] = <short>at
        return self._path[last % (LAG + 1)]

    cdef void _decide(self) noexcept nogil:
        # path over the symbols of the block that is LAG blocks back, and the tone turned back by it
        cdef Py_ssize_t at = self._trace(), d = at // PHASES, p = at % PHASES, i
        cdef long long first = (self._blocks - 1 - LAG) * BLOCK
        cdef Py_ssize_t slot = first % RING
        cdef const float* tone_re = self._tone[0] + slot
        cdef const float* tone_im = self._tone[1] + slot
        cdef double* rest_re = self._rest[0] + slot
        cdef double* rest_im = self._rest[1] + slot
        cdef double* phase = self._phase + slot
        cdef float cosine = self._cosine[p], sine = self._sine[p], c, s, power = 0, scale
        for i in range(BLOCK):
            power += tone_re[i] * tone_re[i] + tone_im[i] * tone_im[i]
        # noise beside a burst can be far stronger than it; every block counts the same
        scale = <float>1 / (sqrtf(power) + <float>1e-20)
        for i in range(BLOCK):
            c = (cosine * self._drift_cosine[d][i] - sine * self._drift_sine[d][i]) * scale
            s = (sine * self._drift_cosine[d][i] + cosine * self._drift_sine[d][i]) * scale
            rest_re[i] = tone_re[i] * c + tone_im[i] * s
            rest_im[i] = tone_im[i] * c - tone_re[i] * s
            phase[i] = <double>p / PHASES + <double>(d - FASTEST) / PHASES * ((i - (BLOCK - 1) / 2.0) / BLOCK)
        self._refined = first + BLOCK

    cdef double _total(self, const double* values, long long k) noexcept nogil:
        # sum over the window that ends at symbol k
        cdef double total = 0
        cdef Py_ssize_t i
        for i in range(2 * HALF + 1 if k > 2 * HALF else k + 1):
            total += values[(k - i) % RING]
        return total

    cdef void _smooth(self, Py_ssize_t part, double* twice) noexcept nogil:
        # the next block of the rest, added up over the window, twice
        cdef long long first = self._smoothed
        cdef Py_ssize_t slot = first % RING, old, i
        cdef double* values = self._rest[part]
        cdef double* sums = self._sums[part]
        cdef double once = self._sum1[part], total = self._sum2[part]
        for i in range(BLOCK):
            # nothing has been there yet when the stream begins
            old = (first + i + RING - 2 * HALF - 1) % RING
            once += values[slot + i] - values[old]
            if i == 0 and first % RENEW == 0:
                once = self._total(values, first)
            sums[slot + i] = once
            total += once - sums[old]
            if i == 0 and first % RENEW == 0:
                total = self._total(sums, first)
            twice[i] = total
        self._sum1[part], self._sum2[part] = once, total

    cdef Py_ssize_t _give(self, double* instants) noexcept nogil:
        # instants of symbols for which the smoothed rest is known
        cdef double re[BLOCK]
        cdef double im[BLOCK]
        cdef double turns[BLOCK]
        cdef const double* phase
        cdef Py_ssize_t made = 0, i
        cdef long long k
        cdef double t, gap, size
        while self._smoothed < self._refined:
            self._smooth(0, re)
            self._smooth(1, im)
            k = self._smoothed - 2 * HALF
            self._smoothed += BLOCK
            if k < 0:
                continue
            phase = self._phase + k % RING
            for i in range(BLOCK):
                # the tone's phase is that of the transitions, half a symbol from the middle
                # and what the path left is small: an eighth of a symbol at most
                size = im[i] if im[i] >= 0 else -im[i]
                size = re[i] if re[i] > size else size
                turns[i] = phase[i] + _turns(im[i] / (size + 1e-300)) + 0.5
            for i in range(BLOCK):
                t = turns[i]
                t = 4 * (k + i + t - <long long>(t + 8) + 8) + (self.lead if self._led else 0)
                gap = t - self._last
                if gap < 2:
                    continue
                if gap > 6:
                    made += self._note(t - gap / 2, instants + made)
                made += self._note(t, instants + made)
                self._last = t
        return made

    cdef Py_ssize_t _run(self, const float* tone, Py_ssize_t n, float* soft, double* instants) noexcept nogil:
        # all symbols whose surroundings are complete; with n more values of the tone
        cdef Py_ssize_t made = 0, slot, k = 0, early = <Py_ssize_t>(self._told - 4 * self._toned), first = min(n, 8)
        cdef Py_ssize_t known = early + n if self._led else <Py_ssize_t>(self._base + self._held - 4 * self._toned)
        cdef const float* kept = self._early
        cdef const float* p
        cdef float re, im
        if self._led:
            memcpy(self._early + early, tone, first * sizeof(float))
        while k + 4 < known:
            if self._led:
                p = kept + k if k + 4 <= early + first else tone + (k - early)
                re, im = p[0] - p[2], p[1] - p[3]
                if not (fabsf(re) < LOUDEST and fabsf(im) < LOUDEST):
                    re = im = 0
            else:
                p = self._x + (4 * self._toned - 1 - self._base)
                re = (p[2] - p[0]) * (p[2] - p[0]) - (p[4] - p[2]) * (p[4] - p[2])
                im = (p[3] - p[1]) * (p[3] - p[1]) - (p[5] - p[3]) * (p[5] - p[3])
            k += 4
            slot = self._toned % RING
            self._tone[0][slot], self._tone[1][slot] = re, im
            self._toned += 1
            if self._toned % BLOCK == 0:
                self._step()
                if self._blocks > LAG:
                    self._decide()
                    made += self._give(instants + made)
        if self._led:
            # four at most are left
            p = kept + k if n <= 8 else tone + (k - early)
            memmove(self._early, p, (known - k) * sizeof(float))
            self._told += n
        self._interpolate(instants, made, soft)
        return made

    cdef inline Py_ssize_t _first(self, double t) noexcept nogil:
        # of the samples that the filter takes for an instant
        return <Py_ssize_t>(<long long>(t + 8) - 8 - self._base) - 1 - self._reach

    cdef inline Py_ssize_t _note(self, double t, double* instant) noexcept nogil:
        # an instant, if its samples are there
        cdef Py_ssize_t i = self._first(t)
        instant[0] = t
        return i >= 0 and i + self._length <= self._held

    cdef void _interpolate(self, const double* instants, Py_ssize_t n, float* soft) noexcept nogil:
        # four at once, so that their sums do not wait for each other
        cdef const float* x[4]
        cdef const float* h[4]
        cdef Py_ssize_t m, r, count
        cdef double t
        for m in range(0, n, 4):
            count = n - m if n - m < 4 else 4
            for r in range(count):
                t = instants[m + r]
                x[r] = self._x + self._first(t)
                h[r] = self._bank + <Py_ssize_t>((t - (<long long>(t + 8) - 8)) * POINTS + 0.5) * self._length
            if count == 4 and self._length >= RADOME_LANES:
                radome_dots(x[0], x[1], x[2], x[3], h[0], h[1], h[2], h[3], self._length, False, soft + m)
            else:
                for r in range(count):
                    radome_dot(x[r], h[r], self._length, False, soft + m + r)

    def process(self, const float[::1] x not None, const float[::1] tone=None):
        """Find the symbols of a chunk.

        Parameters
        ----------
        x : (n,) float32, four samples a symbol
        tone : (k,) float32, what is largest midway between symbols, of samples that have none yet, from the first on;
            it may come later than they do. None: it is found from x, or 0 for all of them where one was given before

        Returns
        -------
        soft : (m,) float32, value at the middle of each symbol
        instants : (m,) float64, that instant in samples since the first
        """
        cdef Py_ssize_t n = x.shape[0], told, drop, made, i
        cdef float* grown
        cdef float[::1] soft
        cdef double[::1] instants
        if self._held + n > self._room:
            grown = <float*>PyMem_Realloc(self._x, 2 * (self._held + n) * sizeof(float))
            if not grown:
                raise MemoryError
            self._x, self._room = grown, 2 * (self._held + n)
        if n and not self._begun:
            # a constant that begins is no transition
            for i in range(self._held):
                self._x[i] = x[0] if fabsf(x[0]) < LOUDEST else 0
            self._begun = True
        if n:
            _copy(&x[0], n, self._x + self._held)
        self._held += n
        # samples that have no tone
        told = <Py_ssize_t>(self._base + self._held - self._told)
        if tone is not None:
            self._led = True
            told = min(told, tone.shape[0])
        elif self._led:
            tone = np.zeros(told, np.float32)
        else:
            self._told += told
        # two samples apart at least
        n = (self._held + <Py_ssize_t>(self._base - 4 * self._toned)) // 2 + 4 * BLOCK
        values, times = np.empty(n, np.float32), np.empty(n, np.float64)
        soft, instants = values, times
        with nogil:
            made = self._run(&tone[0] if told and self._led else NULL, told if self._led else 0, &soft[0], &instants[0])
            drop = <Py_ssize_t>(4 * (self._smoothed - 2 * HALF - 4) - WIDEST - self._base)
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
        cdef float last = self._x[self._held - 1]
        soft, instants = self.process(np.full(4 * (LAG * BLOCK + 2 * HALF + 2 * BLOCK), last, np.float32))
        keep = instants < end
        self.reset()
        return soft[keep], instants[keep]
