# isa: avx2
"""Sequence detector for four-level frequency shift keying of any index: as `dsp_ext.cpm`, whose words hold here too.

    s(t) = exp(j pi h sum of a[n] q(t - n)),    a: -3, -1, 1, 3;  q: integral of a rectangle of one symbol, 0 to 1

So h is the distance of neighbouring levels by the symbol rate, a third of the outer ones'. The rectangle may be
smoothed by a Gaussian: of several pulses that is believed which fits best over the last blocks. Of the symbols n-1, n
and n+1, on which the signal during symbol n depends, a state has the last two, and the first is decided as soon as that
signal has been seen. So 16 states are searched, each by way of four others.

Beside frequency and index, the symbols that a rough search decided tell how late their samples stand: these are ahead
in phase by the symbol in them. They are taken anew at the right places. A block that is noise but for some symbols of a
burst goes by the one beside it.
"""
import numpy as np

from libc.math cimport atan2, cos, fabs, fabsf, floor, sin, sqrt, M_PI, NAN
from libc.string cimport memcpy, memset

from dsp_ext.cpm_common cimport Samples, _cis, _close, _come, _keep, _open, _pulse, _restart, _sample

cdef extern from "cpm4.h" nogil:
    ctypedef struct Waves "radome_cpm4_waves":
        float turn_re[4]
        float turn_im[4]
    ctypedef struct Paths "radome_cpm4_paths":
        pass
    ctypedef struct Costs "radome_cpm4_costs":
        pass
    void radome_cpm4_match(const float* x, const Waves* waves, float* z)
    void radome_cpm4_step(const float* z, const Waves* waves, float keep, Paths* paths, float* loss)
    int radome_cpm4_level(Paths* paths, float* gain)
    Costs radome_cpm4_start(const Paths* paths)
    void radome_cpm4_back(const float* loss, int n, Costs* costs, float* soft)
    float radome_cpm_doubt(const float* soft, int n, float trust)
    void radome_cpm_phasors(const float* cosine, const float* sine, const float* step_cosine, const float* step_sine,
                            float hop_cosine, float hop_sine, int n, float* c, float* s)
    void radome_cpm_turn(const float* y, const float* w_re, const float* w_im, float c, float s, float* u)

cdef enum:
    BLOCK = 128           # symbols between estimates of frequency, index and pulse
    BLOCKS = 8            # of which estimates are kept
    LAG = BLOCK           # symbols looked ahead before a symbol is decided
    RING = 512            # symbols kept: four blocks
    PIECE = 32            # symbols that are taken from search or discriminator together
    BEFORE = 6            # pieces that have a say in that: so many before
    BEHIND = 2            # and so many behind
    PIECES = RING // PIECE
    APART = 4             # symbols between two phases that are compared
    SUMS = 3 * APART + 1  # that so many symbols may have
    MEMORIES = 3
    PULSES = 2
    REFINEMENTS = 2
    BRANCHES = 64

cdef float[MEMORIES] KEEP = [0.9, 0.7, 0.5]   # what is left of a reference after a symbol
cdef float ROUGH = <float>0.8                 # the same in the rough search
cdef double[PULSES] BT = [0.5, 20]            # bandwidth-time products of the pulses: one is a rectangle
cdef double NEAR = 0.015      # cycles a symbol; frequencies further apart are of different signals
cdef double BESIDE = 0.003    # further apart than this, another search is worth it
cdef double LATE = 0.01       # symbols by which samples stand beside their places, to take them anew
cdef float STEPS = <float>0.02      # cycles a symbol; a carrier search that moves on by more has taken a step
cdef double LATEST = 0.2      # and what is corrected at a time
cdef double ALIKE = 0.08      # indices further apart than this part of them are tried both
cdef double REFINED = 0.03    # part of the index by which the block's own is beside it, to search once more
cdef float DOUBTFUL = 4       # log of the odds; a symbol counts by how much it has less
cdef float MISFIT = <float>0.03    # of all symbols in doubt, from which on the search may be wrong altogether
cdef float CLEARER = 12       # the discriminator must be by so much
cdef double NEARLY = 0.03     # fit by which a clearer block beside may be worse
cdef double TELLS = 0.73      # fit of a block; noise has 0.55 to 0.7, a signal of 6 dB 0.8 and more


cdef double _within(double h) noexcept nogil:
    # also what is no number
    return h if 0.08 <= h <= 1.2 else 1.2 if h > 1.2 else 0.08


cdef void _within_symbol(double f, float* w_re, float* w_im) noexcept nogil:
    # by what a symbol's four samples are turned against its middle
    cdef Py_ssize_t i
    for i in range(4):
        _cis(-f * (i - 1.5) / 4, &w_re[2 * i], &w_im[2 * i + 1])
        w_re[2 * i + 1], w_im[2 * i] = w_re[2 * i], -w_im[2 * i + 1]


cdef struct Found:
    # what phases say: how far frequency (cycles a symbol) and index are off, and how surely
    double frequency, index, weight, spread


cdef Found _solve(double[2]* total) noexcept nogil:
    # a straight line through the phases of products, by the sum of the symbols between
    cdef double w, t, k, sw = 0, swk = 0, swt = 0, swkk = 0, swkt = 0, a, re = 0, im = 0, mean
    cdef int c
    cdef Found found
    for c in range(SUMS):
        re += total[c][0]
        im += total[c][1]
    mean = atan2(im, re)
    for c in range(SUMS):
        w = sqrt(total[c][0] * total[c][0] + total[c][1] * total[c][1])
        t = atan2(total[c][1], total[c][0]) - mean
        t -= 2 * M_PI * floor(t / (2 * M_PI) + 0.5)
        k = 2 * c - 3 * APART
        sw += w
        swk += w * k
        swt += w * t
        swkk += w * k * k
        swkt += w * k * t
    found.weight, found.spread, found.index = sw, 0, 0
    found.frequency = mean / (2 * M_PI * APART)
    if sw > 0:
        swk /= sw
        swt /= sw
        found.spread = swkk / sw - swk * swk
        if found.spread > 0:
            a = (swkt / sw - swk * swt) / found.spread
            found.index = a / M_PI
            found.frequency = (mean + swt - a * swk) / (2 * M_PI * APART)
    return found


cdef class FourLevelDetector:
    """Decide symbols from samples, where the symbols' instants are known.

    Parameters
    ----------
    index : of neighbouring levels, as far as it is known; 0: it is not
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
    cdef double _at[RING]                # its middle
    cdef double _back[RING]              # turns by which its samples are turned
    cdef float _y[RING][8]               # four samples
    cdef float _centre[RING]             # frequency by the eye, cycles a symbol
    cdef float _swing[RING]              # of the outer levels
    cdef float _eye[RING][2]             # soft bits of the discriminator
    cdef float _moved[RING]              # frequency by which it was turned
    cdef float _frequency[RING]
    cdef float _loss[MEMORIES][RING][BRANCHES]
    cdef float _soft[RING][2]
    # of pieces
    cdef float _doubt[PIECES]
    cdef float _eye_doubt[PIECES]
    # of blocks
    cdef float _u[BLOCK][8]              # of one, turned back
    cdef float _matched[BLOCK][2 * BRANCHES]
    cdef float _lost[BLOCK][BRANCHES]
    cdef double _power[BLOCKS]
    cdef double _tried_f[BLOCKS]         # frequency and index of the best rough search
    cdef double _tried_h[BLOCKS]
    cdef double _fit[BLOCKS]             # how well that went
    cdef double _fits[BLOCKS][PULSES]    # and with each pulse
    cdef double _turned[BLOCKS][SUMS][2]    # products of phases in it, by the sum of the symbols between
    cdef double _near[BLOCKS]            # frequency by one block alone
    cdef double _placed[BLOCKS]          # symbols by which samples are taken later than the middles say
    cdef double _late[BLOCKS]            # and by which they should be
    cdef double _f[BLOCKS]               # estimates
    cdef double _h[BLOCKS]
    cdef int _shape[BLOCKS]
    cdef double _gain[BLOCKS]            # amplitude by the best references
    cdef int _best[BLOCKS]               # memory that they have
    cdef Waves _waves[PULSES]
    cdef double _made[PULSES]            # indices that they are for
    cdef double _pulses[PULSES][4][3]    # of the symbol before, this one and the next, at four places of a symbol
    cdef Paths _paths[MEMORIES]
    cdef double _gone                    # turns up to the next block that is searched
    cdef double _score[PULSES]
    cdef int _pulse                      # that is believed
    cdef double _expected, _sum, _weight
    cdef readonly double index, measured
    cdef readonly long long replaced

    def __cinit__(self, double index, int per_symbol=4):
        cdef Py_ssize_t i, k, pulse
        cdef double sigma
        for pulse in range(PULSES):
            sigma = sqrt(0.6931471805599453) / (2 * M_PI * BT[pulse])
            for i in range(4):
                for k in range(3):
                    self._pulses[pulse][i][k] = _pulse((i - 1.5) / 4 + 1 - k, sigma)
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
        self._sum = self._weight = self._phase = self._gone = 0
        self._pulse = 0
        memset(self._score, 0, sizeof(self._score))
        memset(self._made, 0, sizeof(self._made))
        memset(self._paths, 0, sizeof(self._paths))
        memset(self._doubt, 0, sizeof(self._doubt))
        memset(self._eye_doubt, 0, sizeof(self._eye_doubt))

    cdef Waves* _design(self, int pulse, double h) noexcept nogil:
        # the signal of an index, as it was made last for that pulse if that is near enough
        cdef double turns
        cdef float c, d
        cdef int k, s, j
        cdef float* re = <float*>&self._waves[pulse]
        cdef float* im = re + 4 * BRANCHES
        cdef double[3]* q = self._pulses[pulse]
        if fabs(h - self._made[pulse]) < 0.001:
            return &self._waves[pulse]
        self._made[pulse] = h
        for k in range(4):
            for j in range(4):
                for s in range(16):
                    turns = h / 2 * ((2 * k - 3) * q[j][0] + (2 * (s >> 2) - 3) * q[j][1] + (2 * (s & 3) - 3) * q[j][2])
                    _cis(turns, &c, &d)
                    re[64 * k + 16 * j + s], im[64 * k + 16 * j + s] = c / 2, d / 2
            _cis(h / 2 * (2 * k - 3), &self._waves[pulse].turn_re[k], &self._waves[pulse].turn_im[k])
        return &self._waves[pulse]

    cdef double _turn(self, long long first, double f_start, double f_stop, double turned) noexcept nogil:
        # symbols of a block turned back by a frequency that runs straight, cycles per symbol, and so many turns before;
        # gives the turns up to the next
        cdef Py_ssize_t i, at = first % RING
        cdef double f = (f_start + f_stop) / 2, slope = (f_stop - f_start) / BLOCK
        cdef float w_re[8]
        cdef float w_im[8]
        cdef float start[2][8]
        cdef float step[2][8]
        cdef float hop[2]
        cdef float c[BLOCK]
        cdef float s[BLOCK]
        cdef float moved = 0
        for i in range(BLOCK):
            moved += self._moved[at + i]
        moved /= BLOCK
        _within_symbol(f - moved, w_re, w_im)
        for i in range(8):
            _cis(turned - f_start * i - slope * (i * (i - 1) // 2), &start[0][i], &start[1][i])
            _cis(-8 * f_start - slope * (8 * i + 28), &step[0][i], &step[1][i])
        _cis(-64 * slope, &hop[0], &hop[1])
        radome_cpm_phasors(start[0], start[1], step[0], step[1], hop[0], hop[1], BLOCK, c, s)
        for i in range(BLOCK):
            if fabsf(self._moved[at + i] - moved) > STEPS:
                moved = self._moved[at + i]
                _within_symbol(f - moved, w_re, w_im)
            radome_cpm_turn(self._y[at + i], w_re, w_im, c[i], s[i], self._u[i])
        turned -= f_start * BLOCK + slope * (BLOCK * (BLOCK - 1) // 2)
        return turned - floor(turned)

    cdef void _place(self, long long k, double first, double last) noexcept nogil:
        # samples of a block, from so much of a symbol behind the middles on, up to so much
        cdef Py_ssize_t i, at = k * BLOCK % RING, step = 4 * self._samples.stride
        for i in range(BLOCK):
            _sample(&self._samples, self._at[at + i] + step * (first + (last - first) * (i + 0.5) / BLOCK),
                    self._back[at + i], self._y[at + i])
        self._placed[k % BLOCKS] = (first + last) / 2

    cdef void _rough(self, long long k, double f, double h, int pulse) noexcept nogil:
        # decisions of a block with a short memory; what they say of frequency and index is kept if they are better
        cdef Py_ssize_t i
        cdef int state, c, which, step
        cdef float z[BLOCK][2]
        cdef unsigned char path[BLOCK]
        cdef double corr[SUMS][2]
        cdef double re, im, a, g, turn_c, turn_s, power = 1e-30, sum_re = 0, sum_im = 0
        cdef double turned_c[4]
        cdef double turned_s[4]
        cdef float gain = 0
        cdef Paths paths
        cdef const float* lost
        cdef Waves* waves = self._design(pulse, h)
        h = self._made[pulse]
        self._turn(k * BLOCK, f, f, 0)
        memset(&paths, 0, sizeof(paths))
        memset(corr, 0, sizeof(corr))
        for i in range(BLOCK):
            radome_cpm4_match(self._u[i], waves, self._matched[i])
            radome_cpm4_step(self._matched[i], waves, ROUGH, &paths, self._lost[i])
        state = radome_cpm4_level(&paths, &gain)
        for i in range(BLOCK - 1, -1, -1):
            lost = self._lost[i] + state
            step = 0
            for c in range(1, 4):
                step = c if lost[16 * c] < lost[16 * step] else step
            # the symbol before
            path[i] = <unsigned char>step
            z[i][0] = 2 * self._matched[i][16 * step + state]
            z[i][1] = 2 * self._matched[i][BRANCHES + 16 * step + state]
            power += z[i][0] * z[i][0] + z[i][1] * z[i][1]
            state = 4 * step + (state >> 2)
        # phases APART symbols apart, by the sum of the symbols that turned it meanwhile
        which = 0
        for i in range(APART - 1):
            which += path[i]
        for i in range(APART, BLOCK):
            which += path[i - 1]
            # sum of the symbols is 2 which - 3 APART
            corr[which][0] += z[i][0] * z[i - APART][0] + z[i][1] * z[i - APART][1]
            corr[which][1] += z[i][1] * z[i - APART][0] - z[i][0] * z[i - APART][1]
            which -= path[i - APART]
        for c in range(SUMS):
            a = M_PI * h * (2 * c - 3 * APART)
            turn_c, turn_s = cos(a), -sin(a)
            re, im = corr[c][0], corr[c][1]
            corr[c][0] = re * turn_c - im * turn_s
            corr[c][1] = re * turn_s + im * turn_c
            sum_re += corr[c][0]
            sum_im += corr[c][1]
        a = sqrt(sum_re * sum_re + sum_im * sum_im) / power
        if a > self._fits[k % BLOCKS][pulse]:
            self._fits[k % BLOCKS][pulse] = a
        if a > self._fit[k % BLOCKS]:
            self._fit[k % BLOCKS] = a
            self._power[k % BLOCKS] = power
            self._tried_f[k % BLOCKS] = f
            self._near[k % BLOCKS] = f + atan2(sum_im, sum_re) / (2 * M_PI * APART)
            self._tried_h[k % BLOCKS] = h
            # samples that are late are ahead in phase by the symbol in them
            a = atan2(sum_im, sum_re) / APART
            for c in range(4):
                turned_c[c], turned_s[c] = cos(a + M_PI * h * (2 * c - 3)), -sin(a + M_PI * h * (2 * c - 3))
            sum_re = 1e-30
            sum_im = 0
            for i in range(1, BLOCK - 1):
                re = z[i][0] * z[i - 1][0] + z[i][1] * z[i - 1][1]
                im = z[i][1] * z[i - 1][0] - z[i][0] * z[i - 1][1]
                c = path[i - 1]
                g = 2 * M_PI * h * (path[i + 1] - path[i])
                sum_im += g * (re * turned_s[c] + im * turned_c[c])
                sum_re += g * g * sqrt(re * re + im * im)
            a = sum_im / sum_re
            a = a if fabs(a) < LATEST else LATEST if a > 0 else -LATEST
            self._late[k % BLOCKS] = self._placed[k % BLOCKS] - a
            memcpy(self._turned[k % BLOCKS], corr, sizeof(corr))

    cdef void _as_beside(self, long long k, long long other) noexcept nogil:
        # a block by what one beside it found. Few symbols of a burst, and noise, fit a wrong frequency a little better
        # than the right one, so that a clearer block is believed if it fits nearly as well
        cdef Py_ssize_t b = k % BLOCKS, beside = other % BLOCKS
        cdef double fit = self._fit[b], placed = self._placed[b], least
        least = fit - NEARLY if fit < self._fit[beside] else fit
        self._place(k, self._late[beside], self._late[beside])
        self._fit[b] = least
        self._rough(k, self._near[beside], self._tried_h[beside], self._pulse)
        if self._fit[b] == least:
            self._fit[b] = fit
            self._place(k, placed, placed)
        else:
            self._fits[b][self._pulse] = self._fit[b]

    cdef void _survey(self, long long k) noexcept nogil:
        # the first estimates of a block: by the eye's centre or as in the block before, or that one as in this
        cdef double f = 0, h = 0, before, told, late, fit
        cdef Py_ssize_t i, b = k % BLOCKS, last = (k - 1) % BLOCKS
        cdef int pulse
        cdef Found found
        for i in range(BLOCK):
            f += self._centre[(k * BLOCK + i) % RING]
            h += self._swing[(k * BLOCK + i) % RING]
        f = f / BLOCK if fabs(f) < 1e6 else 0
        h = _within(h / BLOCK * 2 / 3)
        self._fit[b] = -1
        self._placed[b] = 0
        for pulse in range(PULSES):
            self._fits[b][pulse] = -1
        told = self.index if self.index > 0 else h
        self._rough(k, f, told, self._pulse)
        if fabs(h - told) > ALIKE * told:
            self._rough(k, f, h, self._pulse)
        if fabs(self._expected - told) > ALIKE * told and fabs(h - self._expected) > ALIKE * self._expected > 0:
            self._rough(k, f, self._expected, self._pulse)
        for _ in range(REFINEMENTS):
            found = _solve(self._turned[b])
            f, h = self._tried_f[b] + found.frequency, _within(self._tried_h[b] + found.index)
            if fabs(found.index) > REFINED * h or fabs(found.frequency) > BESIDE:
                self._rough(k, f, h, self._pulse)
        for _ in range(REFINEMENTS):
            late = self._placed[b]
            if fabs(self._late[b] - late) > LATE and self._fit[b] > TELLS:
                fit = self._fit[b]
                found = _solve(self._turned[b])
                self._place(k, self._late[b], self._late[b])
                self._rough(k, self._tried_f[b] + found.frequency, _within(self._tried_h[b] + found.index), self._pulse)
                if self._fit[b] == fit:
                    self._place(k, late, late)
                    break
        if k:
            before = self._near[last]
            if fabs(self._near[b] - before) > BESIDE:
                if self._fit[last] > TELLS:
                    self._as_beside(k, k - 1)
                if self._fit[b] > TELLS and fabs(self._near[b] - before) > BESIDE:
                    self._as_beside(k - 1, k)
        f, h = self._near[b], self._tried_h[b]
        for pulse in range(PULSES):
            if pulse != self._pulse:
                self._rough(k, f, h, pulse)

    cdef void _estimate(self, long long k) noexcept nogil:
        # frequency, index and pulse in block k, from those around it
        cdef double total[SUMS][2]
        cdef double w, a, power = 1e-30, h0
        cdef int c
        cdef Py_ssize_t b = k % BLOCKS, other
        cdef long long j
        cdef Found found
        memset(total, 0, sizeof(total))
        h0 = self._tried_h[b]
        for j in range(k - 1 if k else 0, k + 2):
            other = j % BLOCKS
            if j != k and (fabs(self._near[other] - self._near[b]) > NEAR or fabs(self._tried_h[other] - h0) > ALIKE
                           or (self._fit[other] < TELLS < self._fit[b])):
                continue
            for c in range(SUMS):
                a = (2 * M_PI * APART * (self._tried_f[other] - self._tried_f[b])
                     + M_PI * (2 * c - 3 * APART) * (self._tried_h[other] - h0))
                total[c][0] += self._turned[other][c][0] * cos(a) - self._turned[other][c][1] * sin(a)
                total[c][1] += self._turned[other][c][0] * sin(a) + self._turned[other][c][1] * cos(a)
            power += self._power[other]
        found = _solve(total)
        self._f[b] = self._near[b]
        if found.spread > 0:
            self._f[b] = self._tried_f[b] + found.frequency
            h0 += found.index
            w = found.weight / power
            # noise has nothing to tell
            if w > TELLS and self._fit[b] > TELLS:
                if fabs(h0 - self.index) > 0.1 * h0:
                    self._sum = self._weight = 0
                w = w ** 8 * found.spread
                self._sum = 0.8 * self._sum + w * h0
                self._weight = 0.8 * self._weight + w
                self.measured = self.index = _within(self._sum / self._weight)
                for c in range(PULSES):
                    self._score[c] = 0.9 * self._score[c] + self._fits[b][c] - self._fit[b]
                for c in range(PULSES):
                    self._pulse = c if self._score[c] > self._score[self._pulse] else self._pulse
        self._h[b] = self.index if self.index > 0 else _within(h0)
        self._shape[b] = self._pulse
        if self._fit[b] < TELLS:
            # a few symbols of a burst at most: they are as those beside
            self._late[b] = 0
            for j in range(k + 1, k - 2 if k else k - 1, -2):
                if self._fit[j % BLOCKS] > TELLS:
                    self._f[b] = self._near[j % BLOCKS] if j > k else self._f[j % BLOCKS]
                    self._late[b] = self._late[j % BLOCKS]
                    h0 = self._tried_h[j % BLOCKS]
                    self._h[b] = h0 if fabs(h0 - self._h[b]) > REFINED * h0 else self._h[b]
                    break

    cdef void _search(self, long long k) noexcept nogil:
        # decisions, and what others lose, by the memory that fits best
        cdef long long first = k * BLOCK
        cdef double here = self._f[k % BLOCKS], before = here, after = self._f[(k + 1) % BLOCKS]
        cdef double late = self._late[k % BLOCKS], late_before = late, late_after = self._late[(k + 1) % BLOCKS]
        cdef Py_ssize_t i, at = first % RING
        cdef int m, best = 0
        cdef Paths paths[MEMORIES]
        cdef float gain[MEMORIES]
        cdef float unused[2 * BLOCK]
        cdef float z[2 * BRANCHES]
        cdef Costs costs
        cdef Waves* waves
        if k:
            before = self._f[(k - 1) % BLOCKS]
            late_before = self._late[(k - 1) % BLOCKS]
        # straight within one signal, a step from one to the next
        before = (before + here) / 2 if fabs(before - here) < NEAR else here
        after = (after + here) / 2 if fabs(after - here) < NEAR else here
        late_before = (late_before + late) / 2 if fabs(late_before - late) < LATEST else late
        late_after = (late_after + late) / 2 if fabs(late_after - late) < LATEST else late
        self._place(k, late_before, late_after)
        waves = self._design(self._shape[k % BLOCKS], self._h[k % BLOCKS])
        self._gone = self._turn(first, before, after, self._gone)
        memcpy(paths, self._paths, sizeof(paths))
        for m in range(MEMORIES):
            gain[m] = 0
        for i in range(BLOCK):
            self._frequency[at + i] = <float>(before + (after - before) * (i + 0.5) / BLOCK)
            radome_cpm4_match(self._u[i], waves, z)
            for m in range(MEMORIES):
                radome_cpm4_step(z, waves, KEEP[m], &paths[m], self._loss[m][at + i])
            if i % 32 == 31:
                for m in range(MEMORIES):
                    radome_cpm4_level(&paths[m], &gain[m])
        memcpy(self._paths, paths, sizeof(paths))
        for m in range(1, MEMORIES):
            best = m if gain[m] > gain[best] else best
        self._gain[k % BLOCKS] = gain[best] / BLOCK
        self._best[k % BLOCKS] = best
        costs = radome_cpm4_start(&paths[best])
        radome_cpm4_back(self._loss[best][at], BLOCK, &costs, self._soft[at])
        if k:
            # the block before by the memory that fits it
            m = self._best[(k - 1) % BLOCKS]
            if m != best:
                costs = radome_cpm4_start(&paths[m])
                radome_cpm4_back(self._loss[m][at], BLOCK, &costs, unused)
            at = (first - BLOCK) % RING
            radome_cpm4_back(self._loss[m][at], BLOCK, &costs, self._soft[at])

    cdef Py_ssize_t _give(self, long long k, float* soft, float* frequencies) noexcept nogil:
        # symbols from LAG before a block on
        cdef long long n = k * BLOCK - LAG, stop = n + BLOCK
        cdef Py_ssize_t i, made = 0
        if n < 0:
            return 0
        for i in range((BLOCK + BEHIND * PIECE) // PIECE):
            self._compare(n + i * PIECE)
        while n < stop:
            self._choose(n, soft + 2 * made)
            for i in range(PIECE):
                frequencies[made] = self._frequency[(n + i) % RING]
                made += 1
            n += PIECE
        return made

    cdef void _compare(self, long long first) noexcept nogil:
        # how many bits of a piece search and discriminator are in doubt about
        cdef Py_ssize_t i, k = (first // BLOCK) % BLOCKS, start = first % RING
        cdef float v, rest = 0, mean = 0
        cdef float amplitude = <float>self._gain[k] + <float>1e-20, trust
        cdef float noise = <float>(self._power[k] / BLOCK) - amplitude * amplitude
        cdef const float* soft = self._soft[start]
        cdef const float* eye = self._eye[start]
        # the second bits have the distance of inner and outer levels
        for i in range(PIECE):
            v = fabsf(eye[2 * i + 1])
            mean += v
            rest += v * v
        mean /= PIECE
        # log of the odds for each unit, by noise and by what does not fit
        trust = 2 * mean / (rest / PIECE - mean * mean + <float>0.001)
        i = (first // PIECE) % PIECES
        self._eye_doubt[i] = radome_cpm_doubt(eye, 2 * PIECE, trust / DOUBTFUL) / 2
        trust = 2 * amplitude / (noise + <float>0.002 * amplitude * amplitude)
        self._doubt[i] = radome_cpm_doubt(soft, 2 * PIECE, trust / DOUBTFUL) / 2

    cdef void _choose(self, long long first, float* soft) noexcept nogil:
        # a piece's bits, by search, or by discriminator where that is in far less doubt
        cdef Py_ssize_t i, j, k = (first // BLOCK) % BLOCKS
        cdef double gain = self._gain[k], beside = self._gain[(first // BLOCK + 1) % BLOCKS], apart
        cdef float doubt = 0, eye_doubt = 0, scale
        cdef const float* given
        # where a burst begins or ends within a block, the one beside it has the amplitude
        gain = gain if gain > beside else beside
        if first >= BLOCK:
            beside = self._gain[(first // BLOCK - 1) % BLOCKS]
            gain = gain if gain > beside else beside
        # what is lost without noise by the nearest other sequence: up one level and down again
        apart = 2 * M_PI * (self._h[k] if self._h[k] < 0.5 else 0.5)
        scale = <float>(0.5 / (gain + 1e-20) / (1 - sin(apart) / apart))
        for i in range(-BEFORE, BEHIND + 1):
            j = (first // PIECE + i + PIECES) % PIECES
            doubt += self._doubt[j]
            eye_doubt += CLEARER * self._eye_doubt[j]
        # noise about a burst is full of doubt, so that this piece counts by itself, too
        j = (first // PIECE) % PIECES
        if (doubt > MISFIT * (BEFORE + BEHIND + 1) * PIECE and doubt > eye_doubt
                and self._doubt[j] > MISFIT * PIECE and self._doubt[j] > CLEARER * self._eye_doubt[j]):
            self.replaced += 1
            memcpy(soft, self._eye[first % RING], PIECE * sizeof(self._eye[0]))
        else:
            given = self._soft[first % RING]
            for i in range(2 * PIECE):
                soft[i] = scale * given[i]

    cdef Py_ssize_t _run(self, const double* instants, const float* centres, const float* swings,
                         const float* moved, const float* turned, const float* eye, Py_ssize_t n,
                         float* soft, float* frequencies) noexcept nogil:
        cdef Py_ssize_t i, made = 0, at
        cdef long long k
        for i in range(n):
            at = self._count % RING
            self._phase += turned[i]
            self._phase = self._phase - floor(self._phase) if fabs(self._phase) < 1e6 else 0
            self._at[at], self._back[at] = instants[i], self._phase
            _sample(&self._samples, instants[i], self._phase, self._y[at])
            self._centre[at] = centres[i] + moved[i]
            self._moved[at] = moved[i]
            self._eye[at][0], self._eye[at][1] = eye[2 * i], eye[2 * i + 1]
            self._swing[at] = swings[i]
            self._count += 1
            if self._count % BLOCK == 0:
                k = self._count // BLOCK - 1
                self._survey(k)
                if k >= 1:
                    self._estimate(k - 1)
                if k >= 2:
                    self._search(k - 2)
                    made += self._give(k - 2, soft + 2 * made, frequencies + made)
        return made

    def process(self, const float complex[::1] x not None, const double[::1] instants not None,
                const float[::1] centres not None, const float[::1] swings not None,
                const float[::1] moved not None, const float[::1] turned not None,
                const float[:, ::1] eye not None):
        """Take some samples, and some symbols whose samples and those of the next two symbols have come by now.

        Parameters
        ----------
        x : (n,) complex64, nominally `per_symbol` a symbol, of a band that is flat over the signal
        instants : (m,) float64, middles of symbols, in samples since the first; rising
        centres, swings : (m,) float32, frequency and outer deviation by the discriminator, cycles per symbol
        moved : (m,) float32, frequency by which the samples were turned back before, cycles per symbol
        turned : (m,) float32, turns by which they were turned back since the symbol before
        eye : (m, 2) float32, soft bits by the discriminator, near -1 and +1

        Returns
        -------
        soft : (k, 2) float32, bits of later symbols, in order, about -1 and +1: above 0 where a symbol is below the
            centre, and where it is an outer one
        frequencies : (k,) float32, of the carrier before it was moved, cycles per symbol
        """
        cdef Py_ssize_t n = x.shape[0], m = instants.shape[0], made = 0, oldest
        cdef float[:, ::1] soft
        cdef float[::1] frequencies
        if (not m == centres.shape[0] == swings.shape[0] == moved.shape[0] == turned.shape[0] == eye.shape[0]
                or eye.shape[1] != 2):
            raise ValueError(f"{m} values expected of each kind, got {centres.shape[0]}, {swings.shape[0]}, "
                             f"{moved.shape[0]}, {turned.shape[0]} and {eye.shape[0]}")
        decided, carriers = np.empty((m + BLOCK, 2), np.float32), np.empty(m + BLOCK, np.float32)
        _come(&self._samples, &x[0] if n else NULL, n)
        if m:
            soft, frequencies = decided, carriers
            with nogil:
                made = self._run(&instants[0], &centres[0], &swings[0], &moved[0], &turned[0], &eye[0, 0], m,
                                 &soft[0, 0], &frequencies[0])
        # symbols rise, so none needs anything before the oldest of them
        oldest = 0 if self._count < RING else self._count % RING
        _keep(&self._samples, <long long>floor(self._at[oldest]) - 16 if self._count else self._samples.base)
        return decided[:made], carriers[:made]

    def flush(self):
        """Symbols that wait for those behind the end. The detector is reset.

        Returns
        -------
        soft, frequencies : as of `process`
        """
        cdef long long left = self._count - max(0, (self._count // BLOCK - 2) * BLOCK - LAG)
        zero = np.zeros(3 * BLOCK + LAG, np.float32)
        soft, frequencies = self.process(np.empty(0, np.complex64), np.full(len(zero), -1e9), zero, zero, zero, zero,
                                         np.zeros((len(zero), 2), np.float32))
        self.reset()
        return soft[:left], frequencies[:left]
