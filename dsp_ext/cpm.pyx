# isa: avx2, avx512
"""Sequence detector for two-level frequency shift keying of any index, which needs no carrier phase from elsewhere.

    s(t) = exp(j pi h sum of a[n] q(t - n)),    q: integral of a rectangle of one symbol smoothed by a Gaussian, 0 to 1

During symbol n the signal depends on the symbols n-1, n and n+1, apart from a phase to which every older symbol has
added pi h a. So eight states are searched (Viterbi), and each path carries its own phase reference: a mean of what
its signal leaves of the samples, which fades by a factor a symbol (per-survivor processing: Raheli, Polydoros, Tzou,
IEEE Trans. Comm. 43, 1995, pages 354 to 364; with long memory it is coherent detection, with short memory
differential detection over some symbols). The search goes with several memories at a time; in each block the one is
believed whose references foretell the samples best, so an unsteady oscillator costs only what it must.

Frequency and index are found for each block of symbols before that, looking both ways: a rough search with a short
memory decides the symbols, and the phases that are left, compared some symbols apart, turn by the frequency's error
and, by the sum of the symbols between, by the index's error. Starting points are the eye of the discriminator and the
blocks beside.

A symbol's soft value is what the best sequence with a zero there loses, less what the best one with a one loses; the
margins by which paths were given up are added up backwards for that (max-log-MAP over the paths that were searched:
Fossorier, Burkert, Lin, Hagenauer, IEEE Communications Letters 2-5, 1998). Where the search is in doubt about many
symbols and the discriminator about few, for pulses or errors of frequency that do not fit here, the latter's are given
instead.
"""
import numpy as np

from libc.math cimport atan2, fabs, floor, sqrt, M_PI, NAN
from libc.string cimport memcpy, memset

from dsp_ext.cpm_common cimport Samples, _circle, _cis, _close, _come, _keep, _open, _pulse, _restart, _take

cdef extern from "cpm.h" nogil:
    ctypedef struct Waves "radome_cpm_waves":
        pass
    ctypedef struct Paths "radome_cpm_paths":
        pass
    ctypedef struct Costs "radome_v8":
        pass
    void radome_cpm_tone(const float* y, const float* centres, float scale, float* tone)
    void radome_cpm_shift(const Waves* waves, const float* c, const float* s, Waves* shifted)
    void radome_cpm_rough(const float* y, int symbols, int n, const Waves* waves, float keep, float** matched,
                          unsigned char** came, Paths* paths)
    double radome_cpm_judge(const float* matched, const unsigned char* came, int state, int n, double[2]* corr)
    void radome_cpm_search(const float* y, int symbols, int n, Waves* waves, float hop_c, float hop_s,
                           const float* keep, Paths* paths, float** margin, float* gain)
    int radome_cpm_level(Paths* paths, float* gain)
    void radome_cpm_back(const float* margin, int n, Costs* cost, float* soft)
    Costs radome_cpm_costs(const Paths* paths)
    float radome_cpm_doubt(const float* soft, int n, float trust)
    float radome_cpm_sum(const float* values, int n)
    void radome_cpm_moments(const float* soft, int n, float* sizes, float* squares)

cdef enum:
    BLOCK = 128           # symbols between estimates of frequency and index
    BLOCKS = 8            # of which estimates are kept
    LAG = BLOCK           # symbols looked ahead before a symbol is decided
    RING = 512            # symbols kept: four blocks
    PIECE = 32            # symbols that are taken from search or discriminator together
    BEFORE = 6            # pieces that have a say in that: so many before
    BEHIND = 2            # and so many behind
    PIECES = RING // PIECE
    APART = 4             # symbols between two phases that are compared, as radome_cpm_judge does
    MEMORIES = 3
    GUESSES = 3           # indices that are tried at a time

cdef float[MEMORIES] KEEP = [0.9, 0.7, 0.5]   # what is left of a reference after a symbol
cdef float ROUGH = <float>0.8                 # the same in the rough search
cdef double NEAR = 0.015      # cycles a symbol; frequencies further apart are of different signals
cdef double ALIKE = 0.12      # indices further apart than this part of them, and of 1, are tried both
cdef double STEADY = 0.75     # fit of a block that is signal for sure
cdef double PRIOR = 0.02      # how much the expected index weighs; a block of signal has 0.1 to 5
cdef float DOUBTFUL = 4       # log of the odds; a symbol counts by how much it has less
cdef float MISFIT = <float>0.03    # of all symbols in doubt, from which on the search may be wrong altogether
cdef double TELLS = 0.5       # fit of a block; noise has 0.35 to 0.55, a signal of 4 dB 0.62 and more
cdef double TURNS = 0.2       # variance of the sum of APART symbols that tells an index; 4 in data, 1 in flags
cdef double VARIED = 1.7      # the same that tells one so well that all before is forgotten
cdef double EYE = 0.855       # half the opening of the discriminator's eye for a deviation of 1, for h from 0.35 to 1.3
cdef double BT = 0.5          # bandwidth-time product of the pulse


cdef void _tone(const float* y, const float* centres, Py_ssize_t n, float scale, float* tone) noexcept nogil:
    cdef Py_ssize_t i
    cdef float y_last[24]
    cdef float centres_last[4]
    cdef float tone_last[8]
    for i in range(0, n - 3, 4):
        radome_cpm_tone(y + 4 * i, centres + i, scale, tone + 2 * i)
    i = n - n % 4
    if i < n:
        memset(y_last, 0, sizeof(y_last))
        memset(centres_last, 0, sizeof(centres_last))
        memcpy(y_last, y + 4 * i, (4 * (n - i) + 8) * sizeof(float))
        memcpy(centres_last, centres + i, (n - i) * sizeof(float))
        radome_cpm_tone(y_last, centres_last, scale, tone_last)
        memcpy(tone + 2 * i, tone_last, 2 * (n - i) * sizeof(float))


def phase_tone(const float complex[::1] y not None, const float[::1] centres not None, float scale=1, out=None):
    """Cosine of how far the phase turns in a symbol, frequency taken off: largest midway between two that differ.

    Parameters
    ----------
    y : (n + 4,) complex64, four samples a symbol
    centres : (n / 2,) float32, frequency; times the scale, in cycles per symbol
    out : (n,) float32, where the result is put; None: it is made

    Returns
    -------
    (n,) float32, at the instants of y[2] to y[n + 1]
    """
    cdef Py_ssize_t n = 2 * centres.shape[0]
    cdef float[::1] tone
    if y.shape[0] != n + 4 and n:
        raise ValueError(f"{n + 4} samples expected, got {y.shape[0]}")
    result = np.empty(n, np.float32) if out is None else out
    tone = result
    if tone.shape[0] != n:
        raise ValueError(f"room for {n} values expected, got {tone.shape[0]}")
    if n:
        with nogil:
            _tone(<const float*>&y[0], &centres[0], n // 2, scale, &tone[0])
    return result


cdef double _within(double h) noexcept nogil:
    return 0.3 if h < 0.3 else 2.6 if h > 2.6 else h


cdef bint _alike(double g, double h) noexcept nogil:
    return fabs(g - h) <= ALIKE * (h if h < 1 else 1)


cdef class CpmDetector:
    """Decide symbols from samples, where the symbols' instants are known.

    Parameters
    ----------
    index : modulation index that is expected: twice the deviation by the symbol rate
    per_symbol : samples a symbol, 4 or 8

    Attributes
    ----------
    index : as it was measured last
    measured : the same, where there last was a signal, also before `reset`; no number before that
    replaced : pieces of 32 symbols that were taken from the discriminator
    """
    cdef Samples _samples
    cdef long long _count                # symbols taken
    cdef double _phase                   # by which samples were turned, turns
    # of symbols
    cdef float _y[RING][8]               # four samples
    cdef float _eye[RING]                # soft symbol of the discriminator
    cdef float _frequency[RING]
    cdef float _margin[MEMORIES][RING][8]
    cdef float _soft[RING]
    # of pieces
    cdef float _doubt[PIECES]
    cdef float _eye_doubt[PIECES]
    # of blocks
    cdef float _centres[BLOCK]           # of one, frequency by the eye, cycles a symbol
    cdef float _swings[BLOCK]
    cdef float _moves[BLOCK]             # frequency by which it was turned
    cdef double _moved[BLOCKS]           # mean of that
    cdef double _power[BLOCKS]
    cdef double _tried_f[BLOCKS]         # frequency and index of the best rough search
    cdef double _tried_h[BLOCKS]
    cdef double _fit[BLOCKS]             # how well that went
    cdef double _turned[BLOCKS][APART + 1][2]   # products of phases in it, by the number of ones between
    cdef double _near[BLOCKS]            # frequency by one block alone
    cdef double _f[BLOCKS]               # estimates
    cdef double _h[BLOCKS]
    cdef double _gain[BLOCKS]            # amplitude by the best references
    cdef int _best[BLOCKS]               # memory that they have
    cdef Waves _waves[GUESSES + 1]       # of the rough searches, and of the last one
    cdef double _made[GUESSES + 1]       # indices that they are for
    cdef double _pulses[4][3]            # of the symbol before, this one and the next, at four places of a symbol
    cdef Paths _paths[MEMORIES]
    cdef double _expected, _sum, _weight
    cdef readonly double index, measured
    cdef readonly long long replaced

    def __cinit__(self, double index, int per_symbol=4):
        cdef Py_ssize_t i, k
        cdef double sigma = sqrt(0.6931471805599453) / (2 * M_PI * BT)
        for i in range(4):
            for k in range(3):
                self._pulses[i][k] = _pulse((i - 1.5) / 4 + 1 - k, sigma)
        _open(&self._samples, per_symbol)
        self._expected, self.measured = index, NAN
        self.reset()

    def __dealloc__(self):
        _close(&self._samples)

    cpdef reset(self):
        """Forget all input; the next sample is number 0."""
        _restart(&self._samples)
        self._count = self.replaced = 0
        self.index = self._expected
        self._sum = self._weight = self._phase = 0
        memset(self._made, 0, sizeof(self._made))
        memset(self._paths, 0, sizeof(self._paths))
        memset(self._doubt, 0, sizeof(self._doubt))
        memset(self._eye_doubt, 0, sizeof(self._eye_doubt))

    cdef Waves* _design(self, int slot, double h) noexcept nogil:
        # the signal of an index, as it was made last in that slot if that is near enough
        cdef double turns
        cdef float c, d
        cdef int s, j
        cdef float* re = <float*>&self._waves[slot]
        cdef float* im = re + 32
        if fabs(h - self._made[slot]) < 0.002:
            return &self._waves[slot]
        self._made[slot] = h
        for j in range(4):
            for s in range(4):
                # and of the state whose symbols are all the others
                turns = h / 2 * (-self._pulses[j][0] + (self._pulses[j][1] if s & 2 else -self._pulses[j][1])
                                 + (self._pulses[j][2] if s & 1 else -self._pulses[j][2]))
                _cis(turns, &c, &d)
                re[8 * j + s], im[8 * j + s] = c / 2, d / 2
                re[8 * j + 7 - s], im[8 * j + 7 - s] = re[8 * j + s], -im[8 * j + s]
        for s in range(8):
            _cis(h / 2 if s & 4 else -h / 2, &re[64 + s], &re[72 + s])
        return &self._waves[slot]

    cdef void _shift(self, const Waves* waves, double within, double between, Waves* shifted) noexcept nogil:
        # by a frequency within symbols, and one from symbol to symbol, in cycles per symbol
        cdef Py_ssize_t i
        cdef float c[5]
        cdef float s[5]
        for i in range(2):
            _cis(within * (i - 1.5) / 4, &c[i], &s[i])
            c[3 - i], s[3 - i] = c[i], -s[i]
        _cis(between, &c[4], &s[4])
        radome_cpm_shift(waves, c, s, shifted)

    cdef void _rough(self, long long k, double f, const double* h, int n) noexcept nogil:
        # decisions of a block with a short memory for some indices, and what the best ones say
        cdef float matched_to[GUESSES][BLOCK * 16]
        cdef unsigned char came_by[GUESSES][BLOCK]
        cdef float* matched[GUESSES]
        cdef unsigned char* came[GUESSES]
        cdef Waves waves[GUESSES]
        cdef Paths paths[GUESSES]
        cdef int m
        for m in range(n):
            self._shift(self._design(m, h[m]), f - self._moved[k % BLOCKS], f, &waves[m])
            matched[m], came[m] = matched_to[m], came_by[m]
        radome_cpm_rough(self._y[k * BLOCK % RING], BLOCK, n, waves, ROUGH, matched, came, paths)
        for m in range(n):
            self._judge(k, f, self._made[m], matched[m], came[m], &paths[m])

    cdef void _judge(self, long long k, double f, double h, const float* matched, const unsigned char* came,
                     Paths* paths) noexcept nogil:
        # what decisions of a block say of frequency and index; kept if they are better
        cdef int c
        cdef double corr[APART + 1][2]
        cdef double re, im, a, power, sum_re = 0, sum_im = 0
        cdef float turn_c, turn_s, gain = 0
        power = 1e-30 + radome_cpm_judge(matched, came, radome_cpm_level(paths, &gain), BLOCK, corr)
        for c in range(APART + 1):
            # sum of the symbols is 2 c - APART
            _cis(-APART * f - h / 2 * (2 * c - APART), &turn_c, &turn_s)
            re, im = corr[c][0], corr[c][1]
            corr[c][0] = re * turn_c - im * turn_s
            corr[c][1] = re * turn_s + im * turn_c
            sum_re += corr[c][0]
            sum_im += corr[c][1]
        a = sqrt(sum_re * sum_re + sum_im * sum_im) / power
        if a > self._fit[k % BLOCKS]:
            self._fit[k % BLOCKS] = a
            self._power[k % BLOCKS] = power
            self._tried_f[k % BLOCKS] = f
            self._near[k % BLOCKS] = f + atan2(sum_im, sum_re) / (2 * M_PI * APART)
            self._tried_h[k % BLOCKS] = h
            memcpy(self._turned[k % BLOCKS], corr, sizeof(corr))

    cdef void _survey(self, long long k) noexcept nogil:
        # the first estimates of a block: by the eye's centre or as in the block before, or that one as in this
        cdef double moved = radome_cpm_sum(self._moves, BLOCK) / BLOCK
        cdef double f = radome_cpm_sum(self._centres, BLOCK) / BLOCK + moved, before
        cdef double h = _within(2 / EYE * radome_cpm_sum(self._swings, BLOCK) / BLOCK)
        cdef double guess[GUESSES]
        cdef int n = 1
        f = f if fabs(f) < 1e6 else 0
        self._moved[k % BLOCKS] = moved
        self._fit[k % BLOCKS] = -1
        guess[0] = self.index
        if not _alike(h, self.index):
            guess[n] = h
            n += 1
        if not _alike(self._expected, self.index) and not _alike(h, self._expected):
            guess[n] = self._expected
            n += 1
        self._rough(k, f, guess, n)
        if k:
            f, before, h = self._near[k % BLOCKS], self._near[(k - 1) % BLOCKS], self._tried_h[k % BLOCKS]
            if fabs(f - before) > NEAR:
                # noise has nothing to tell
                if self._fit[(k - 1) % BLOCKS] > TELLS:
                    self._rough(k, before, &self._tried_h[(k - 1) % BLOCKS], 1)
                if self._fit[k % BLOCKS] > TELLS:
                    self._rough(k - 1, f, &h, 1)
            elif (not _alike(self._tried_h[(k - 1) % BLOCKS], h) and self._fit[(k - 1) % BLOCKS] > TELLS
                    and self._fit[k % BLOCKS] > TELLS):
                # a preamble goes with any index
                self._rough(k - 1, before, &h, 1)

    cdef void _estimate(self, long long k) noexcept nogil:
        # frequency and index in block k, from those around it
        cdef double total[APART + 1][2]
        cdef double w, t, k1, sw = 0, swk = 0, swt = 0, swkk = 0, swkt = 0, re = 0, im = 0, mean, power = 1e-30
        cdef double h0, h1, fit
        cdef float turn_c, turn_s
        cdef int c
        cdef long long j
        memset(total, 0, sizeof(total))
        h0 = self._tried_h[k % BLOCKS]
        for j in range(k - 1 if k else 0, k + 2):
            if (fabs(self._near[j % BLOCKS] - self._near[k % BLOCKS]) > NEAR
                    or fabs(self._tried_h[j % BLOCKS] - h0) > ALIKE):
                continue
            for c in range(APART + 1):
                _cis(APART * (self._tried_f[j % BLOCKS] - self._tried_f[k % BLOCKS])
                     + (2 * c - APART) * (self._tried_h[j % BLOCKS] - h0) / 2, &turn_c, &turn_s)
                total[c][0] += self._turned[j % BLOCKS][c][0] * turn_c - self._turned[j % BLOCKS][c][1] * turn_s
                total[c][1] += self._turned[j % BLOCKS][c][0] * turn_s + self._turned[j % BLOCKS][c][1] * turn_c
            power += self._power[j % BLOCKS]
        for c in range(APART + 1):
            re += total[c][0]
            im += total[c][1]
        mean = atan2(im, re)
        for c in range(APART + 1):
            w = sqrt(total[c][0] * total[c][0] + total[c][1] * total[c][1])
            t = atan2(total[c][1], total[c][0]) - mean
            t -= 2 * M_PI * floor(t / (2 * M_PI) + 0.5)
            k1 = 2 * c - APART
            sw += w
            swk += w * k1
            swt += w * t
            swkk += w * k1 * k1
            swkt += w * k1 * t
        if sw > 0:
            swk /= sw
            swt /= sw
            swkk = swkk / sw - swk * swk
            swkt = swkt / sw - swk * swt
        self._f[k % BLOCKS] = self._near[k % BLOCKS]
        # a row of equal symbols goes with any index
        if swkk > TURNS:
            h1 = h0 + swkt / swkk / M_PI
            fit = sw / power
            # flags go with an index that is wrong, too
            if fit > STEADY and swkk > VARIED and fabs(h1 - self.index) > 0.08:
                self._sum = self._weight = 0
            # noise would turn the mean of what was before
            if self._fit[k % BLOCKS] > TELLS:
                w = fit ** 8
                self._sum = 0.9 * self._sum + w * swkk * h1
                self._weight = 0.9 * self._weight + w * swkk
            self.index = _within((self._sum + PRIOR * self._expected) / (self._weight + PRIOR))
            if fit > STEADY:
                self.measured = self.index
        if swkk > 0:
            # by the index of all blocks: where ones outnumber zeros, one block hardly tells it from frequency
            self._f[k % BLOCKS] = (self._tried_f[k % BLOCKS]
                                   + (mean + swt - M_PI * (self.index - h0) * swk) / (2 * M_PI * APART))
        self._h[k % BLOCKS] = self.index

    cdef void _search(self, long long k) noexcept nogil:
        # decisions and their margins, by the memory that fits best
        cdef long long first = k * BLOCK
        cdef double here = self._f[k % BLOCKS], before = here, after = self._f[(k + 1) % BLOCKS]
        cdef double slope
        cdef Py_ssize_t i, at = first % RING
        cdef int m, best = 0
        cdef float* margin[MEMORIES]
        cdef float gain[MEMORIES]
        cdef float unused[BLOCK]
        cdef float hop_c, hop_s
        cdef Costs costs
        cdef Waves waves
        if k:
            before = self._f[(k - 1) % BLOCKS]
        # straight within one signal, a step from one to the next
        before = (before + here) / 2 if fabs(before - here) < NEAR else here
        after = (after + here) / 2 if fabs(after - here) < NEAR else here
        slope = (after - before) / BLOCK
        for i in range(BLOCK):
            self._frequency[at + i] = <float>(before + slope * (i + 0.5))
        # eight symbols at a time turn alike
        self._shift(self._design(GUESSES, self._h[k % BLOCKS]), (before + after) / 2 - self._moved[k % BLOCKS],
                    before + 3.5 * slope, &waves)
        _cis(8 * slope, &hop_c, &hop_s)
        for m in range(MEMORIES):
            margin[m] = self._margin[m][at]
        radome_cpm_search(self._y[at], BLOCK, MEMORIES, &waves, hop_c, hop_s, KEEP, self._paths, margin, gain)
        for m in range(1, MEMORIES):
            best = m if gain[m] > gain[best] else best
        self._gain[k % BLOCKS] = gain[best] / BLOCK
        self._best[k % BLOCKS] = best
        costs = radome_cpm_costs(&self._paths[best])
        radome_cpm_back(self._margin[best][at], BLOCK, &costs, self._soft + at)
        if k:
            # the block before by the memory that fits it
            m = self._best[(k - 1) % BLOCKS]
            if m != best:
                costs = radome_cpm_costs(&self._paths[m])
                radome_cpm_back(self._margin[m][at], BLOCK, &costs, unused)
            at = (first - BLOCK) % RING
            radome_cpm_back(self._margin[m][at], BLOCK, &costs, self._soft + at)

    cdef Py_ssize_t _give(self, long long k, float* soft, float* frequencies) noexcept nogil:
        # symbols from LAG before a block on
        cdef long long n = k * BLOCK - LAG, stop = n + BLOCK
        cdef Py_ssize_t i, made = 0
        if n < 0:
            return 0
        for i in range((BLOCK + BEHIND * PIECE) // PIECE):
            self._compare(n + i * PIECE)
        while n < stop:
            self._choose(n, soft + made)
            memcpy(frequencies + made, self._frequency + n % RING, PIECE * sizeof(float))
            made += PIECE
            n += PIECE
        return made

    cdef void _compare(self, long long first) noexcept nogil:
        # how many symbols of a piece search and discriminator are in doubt about
        cdef Py_ssize_t k = (first // BLOCK) % BLOCKS, i = (first // PIECE) % PIECES, start = first % RING
        cdef float mean, rest, trust
        cdef float amplitude = <float>self._gain[k] + <float>1e-20
        cdef float noise = <float>(self._power[k] / BLOCK) - amplitude * amplitude
        radome_cpm_moments(self._eye + start, PIECE, &mean, &rest)
        mean /= PIECE
        # log of the odds for each unit, by noise and by what does not fit
        trust = 2 * mean / (rest / PIECE - mean * mean + <float>0.001)
        self._eye_doubt[i] = radome_cpm_doubt(self._eye + start, PIECE, trust / DOUBTFUL)
        trust = 2 * amplitude / (noise + <float>0.002 * amplitude * amplitude)
        self._doubt[i] = radome_cpm_doubt(self._soft + start, PIECE, trust / DOUBTFUL)

    cdef void _choose(self, long long first, float* soft) noexcept nogil:
        # a piece's symbols, by search, or by discriminator where that is in far less doubt
        cdef Py_ssize_t i, j, k = (first // BLOCK) % BLOCKS
        cdef double gain = self._gain[k], beside = self._gain[(first // BLOCK + 1) % BLOCKS]
        cdef float doubt = 0, eye_doubt = 0, scale
        cdef const float* given
        cdef float clicks = 2 * (1 if self._h[k] < 0.72 else (<float>self._h[k] / <float>0.72) ** 4)
        # where a burst begins or ends within a block, the one beside it has the amplitude
        gain = gain if gain > beside else beside
        if first >= BLOCK:
            beside = self._gain[(first // BLOCK - 1) % BLOCKS]
            gain = gain if gain > beside else beside
        scale = <float>(0.5 / (gain + 1e-20))
        # the nearest other sequence is nearer for large h: two symbols of a phase that is not known for sure
        if self._h[k] > <float>0.6:
            scale *= 1 + <float>1.3 * (self._h[k] - <float>0.6)
        # near h = 1 the discriminator errs by clicks, of which its eye says little
        for i in range(-BEFORE, BEHIND + 1):
            j = (first // PIECE + i + PIECES) % PIECES
            doubt += self._doubt[j]
            eye_doubt += clicks * self._eye_doubt[j]
        # noise about a burst is full of doubt, so that this piece counts by itself, too
        j = (first // PIECE) % PIECES
        if (doubt > MISFIT * (BEFORE + BEHIND + 1) * PIECE and doubt > eye_doubt
                and self._doubt[j] > MISFIT * PIECE and self._doubt[j] > clicks * self._eye_doubt[j]):
            self.replaced += 1
            memcpy(soft, self._eye + first % RING, PIECE * sizeof(float))
        else:
            given = self._soft + first % RING
            for i in range(PIECE):
                soft[i] = scale * given[i]

    cdef Py_ssize_t _run(self, const double* instants, const float* centres, const float* swings,
                         const float* moved, const float* eye, Py_ssize_t n,
                         float* soft, float* frequencies) noexcept nogil:
        cdef Py_ssize_t i = 0, made = 0, at, stop, j
        cdef long long k
        cdef double[BLOCK] turned
        cdef float[BLOCK] c
        cdef float[BLOCK] s
        while i < n:
            at = self._count % RING
            k = self._count // BLOCK
            stop = min(n, i + BLOCK - <Py_ssize_t>(self._count % BLOCK))
            self._count += stop - i
            memcpy(self._eye + at, eye + i, (stop - i) * sizeof(float))
            memcpy(self._centres + at % BLOCK, centres + i, (stop - i) * sizeof(float))
            memcpy(self._swings + at % BLOCK, swings + i, (stop - i) * sizeof(float))
            memcpy(self._moves + at % BLOCK, moved + i, (stop - i) * sizeof(float))
            for j in range(stop - i):
                self._phase += moved[i + j]
                turned[j] = self._phase
            _circle(turned, <int>(stop - i), c, s)
            for j in range(stop - i):
                _take(&self._samples, instants[i + j], c[j], s[j], self._y[at + j])
            i = stop
            if self._count % BLOCK == 0:
                self._phase = self._phase - floor(self._phase) if fabs(self._phase) < 1e6 else 0
                self._survey(k)
                if k >= 1:
                    self._estimate(k - 1)
                if k >= 2:
                    self._search(k - 2)
                    made += self._give(k - 2, soft + made, frequencies + made)
        return made

    def process(self, const float complex[::1] x not None, const double[::1] instants not None,
                const float[::1] centres not None, const float[::1] swings not None,
                const float[::1] moved not None, const float[::1] eye not None):
        """Take some samples, and some symbols whose samples have come by now.

        Parameters
        ----------
        x : (n,) complex64, nominally `per_symbol` a symbol, of a band that is flat over the signal
        instants : (m,) float64, middles of symbols, in samples since the first; rising
        centres, swings : (m,) float32, frequency and deviation by the discriminator, cycles per symbol
        moved : (m,) float32, frequency by which the samples were turned back before, cycles per symbol
        eye : (m,) float32, symbols by the discriminator, near -1 and +1

        Returns
        -------
        soft : (k,) float32, later symbols, in order; about -1 and +1 at h = 0.5, and 4 Es/N0 of it the log of the odds
        frequencies : (k,) float32, of the carrier before it was moved, cycles per symbol
        """
        cdef Py_ssize_t n = x.shape[0], m = instants.shape[0], made = 0
        cdef float[::1] soft
        cdef float[::1] frequencies
        if not m == centres.shape[0] == swings.shape[0] == moved.shape[0] == eye.shape[0]:
            raise ValueError(f"{m} values expected of each kind, got {centres.shape[0]}, {swings.shape[0]}, "
                             f"{moved.shape[0]} and {eye.shape[0]}")
        decided, turned = np.empty(m + BLOCK, np.float32), np.empty(m + BLOCK, np.float32)
        _come(&self._samples, &x[0] if n else NULL, n)
        if m:
            soft, frequencies = decided, turned
            with nogil:
                made = self._run(&instants[0], &centres[0], &swings[0], &moved[0], &eye[0], m, &soft[0],
                                 &frequencies[0])
        # symbols rise, so the next needs nothing before the last one's
        _keep(&self._samples, <long long>floor(instants[m - 1]) - 16 if m else self._samples.base)
        return decided[:made], turned[:made]

    def flush(self):
        """Symbols that wait for those behind the end. The detector is reset.

        Returns
        -------
        soft, frequencies : as of `process`
        """
        cdef long long left = self._count - max(0, (self._count // BLOCK - 2) * BLOCK - LAG)
        zero = np.zeros(3 * BLOCK + LAG, np.float32)
        soft, frequencies = self.process(np.empty(0, np.complex64), np.full(len(zero), -1e9), zero, zero, zero, zero)
        self.reset()
        return soft[:left], frequencies[:left]
