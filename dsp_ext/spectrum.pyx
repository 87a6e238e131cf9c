# isa: avx2
"""From short spectra to scores: where a band of power stands out from its flanks, and where a line from everything."""
import numpy as np

from libc.math cimport INFINITY, cos, logf, rint, sin, M_PI
from libc.string cimport memcpy, memset
from cpython.mem cimport PyMem_Free, PyMem_Malloc

from dsp_ext.order cimport smallest

cdef extern from "spectrum.h" nogil:
    void radome_butterfly(float* re0, float* im0, float* re1, float* im1, float c, float s)
    void radome_butterflies(float* re, float* im, Py_ssize_t span, float c, float s, float c2, float s2)
    void radome_odd(float* re, float* im, Py_ssize_t apart, Py_ssize_t m, const float* turn,
                    const float* circle)
    void radome_deal(const float** rows, Py_ssize_t item, float a, float b, float* re0, float* im0, float* re1,
                     float* im1)
    void radome_power(const float* re, const float* im, float* sums)
    void radome_power_of(const float* re, const float* im, int first, int stop, float* sums)
    void radome_log(float* x)


cdef class _Transform:
    def __cinit__(self, Py_ssize_t size):
        cdef Py_ssize_t k, r = 0, bit, i
        self.size, self.part = size, 1
        while size % (2 * self.part) == 0:
            self.part *= 2
        self.odd = size // self.part
        self.re = <float*>PyMem_Malloc(size * LANES * sizeof(float))
        self.im = <float*>PyMem_Malloc(size * LANES * sizeof(float))
        self.turns = <float*>PyMem_Malloc((self.part + 1) * sizeof(float))
        self.last = <float*>PyMem_Malloc(2 * (size + self.odd) * sizeof(float))
        self.place = <int*>PyMem_Malloc(size * sizeof(int))
        if not (self.re and self.im and self.turns and self.last and self.place):
            raise MemoryError
        for k in range(self.part // 2):
            self.turns[2 * k] = <float>cos(2 * M_PI * k / self.part)
            self.turns[2 * k + 1] = <float>-sin(2 * M_PI * k / self.part)
        for k in range(self.part + 1):
            for i in range(self.odd):
                # behind all: of m-ths
                bit = i * (k if k < self.part else self.part)
                self.last[2 * (k * self.odd + i)] = <float>cos(2 * M_PI * bit / size)
                self.last[2 * (k * self.odd + i) + 1] = <float>-sin(2 * M_PI * bit / size)
        for k in range(self.part):
            for i in range(self.odd):
                self.place[k * self.odd + i] = <int>(i * self.part + r)
            bit = self.part >> 1
            while r & bit:
                r ^= bit
                bit >>= 1
            r |= bit

    def __dealloc__(self):
        PyMem_Free(self.re)
        PyMem_Free(self.im)
        PyMem_Free(self.turns)
        PyMem_Free(self.last)
        PyMem_Free(self.place)

    cdef void clear(self) noexcept nogil:
        memset(self.re, 0, self.size * LANES * sizeof(float))
        memset(self.im, 0, self.size * LANES * sizeof(float))

    cdef void run(self) noexcept nogil:
        # two steps of 2 at a time, a single one where their number is odd, and one of 3 or 5
        cdef Py_ssize_t span = 1, first, k, i, j, step
        cdef const float* turn
        while 2 * span < self.part:
            step = self.part // (2 * span)
            first = 0
            while first < self.size:
                for k in range(span):
                    i, turn = (first + k) * LANES, self.turns + k * step
                    radome_butterflies(
                        self.re + i, self.im + i, span * LANES, turn[0], turn[1], turn[k * step], turn[k * step + 1]
                    )
                first += 4 * span
            span *= 4
        if span < self.part:
            first = 0
            while first < self.size:
                for k in range(span):
                    i, j = (first + k) * LANES, (first + k + span) * LANES
                    radome_butterfly(
                        self.re + i, self.im + i, self.re + j, self.im + j, self.turns[2 * k], self.turns[2 * k + 1]
                    )
                first += self.part
        if self.odd > 1:
            turn = self.last + 2 * self.size
            for k in range(self.part):
                radome_odd(
                    self.re + k * LANES, self.im + k * LANES, self.part * LANES, self.odd,
                    self.last + 2 * k * self.odd, turn
                )


cdef class PowerRows:
    """Mean power spectra of windows that follow one another.

    The transform is that of Cooley and Tukey, Math. Comp. 19, 1965, of several windows side by side.

    Parameters
    ----------
    taper : (size,) float32, size a power of two, 2 or more
    averages : windows in a row

    Raises
    ------
    ValueError : a size or number of another kind
    """
    cdef _Transform _transform
    cdef const float[::1] _taper
    cdef float[::1] _sums
    cdef Py_ssize_t _size, _averages

    def __cinit__(self, const float[::1] taper not None, Py_ssize_t averages):
        cdef Py_ssize_t size = taper.shape[0]
        if size < 2 or size & (size - 1) or averages < 1:
            raise ValueError(f"a power of two and at least one window expected, got {size} and {averages}")
        self._size, self._averages = size, averages
        self._transform = _Transform(size)
        self._taper = np.array(taper)
        self._sums = np.zeros(size * LANES, np.float32)

    cdef void _rows(self, const float* x, Py_ssize_t rows, float* power) noexcept nogil:
        # windows side by side, of whichever rows they are
        cdef Py_ssize_t size = self._size, averages = self._averages, windows = rows * averages, first = 0, count
        cdef Py_ssize_t lane, stop, k, i, j
        cdef float* re = self._transform.re
        cdef float* im = self._transform.im
        cdef float* sums = &self._sums[0]
        cdef const float* taper = &self._taper[0]
        cdef const float* v[LANES]
        memset(sums, 0, size * LANES * sizeof(float))
        while first < windows:
            count = windows - first if windows - first < LANES else LANES
            for lane in range(LANES):
                v[lane] = x + 2 * size * (first + (lane if lane < count else 0))
            for k in range(0, size, 2):
                i, j = self._transform.place[k] * LANES, self._transform.place[k + 1] * LANES
                radome_deal(v, k, taper[k], taper[k + 1], re + i, im + i, re + j, im + j)
            self._transform.run()
            lane = 0
            while lane < count:
                # those of one row
                stop = lane + averages - (first + lane) % averages
                stop = stop if stop < count else count
                for k in range(size):
                    i = k * LANES
                    radome_power_of(re + i, im + i, <int>lane, <int>stop, sums + i)
                if (first + stop) % averages == 0:
                    self._give((first + stop - averages) % LANES, power)
                    power += size
                lane = stop
            first += LANES

    cdef void _give(self, Py_ssize_t lane, float* power) noexcept nogil:
        # a row whose first window was in that lane
        cdef Py_ssize_t size = self._size, k, i
        cdef float* sums = &self._sums[0]
        cdef float total, scale = <float>1 / self._averages
        for k in range(size):
            total = 0
            for i in range(LANES):
                total += sums[k * LANES + (lane + i) % LANES]
            # zero frequency in the middle
            power[k ^ (size >> 1)] = total * scale
        memset(sums, 0, size * LANES * sizeof(float))

    def process(self, const float complex[::1] x not None):
        """Transform whole rows.

        Parameters
        ----------
        x : (rows * averages * size,) complex64

        Returns
        -------
        (rows, size) float32, mean |X|^2 of a row's windows, from the lowest frequency to the highest

        Raises
        ------
        ValueError : samples that are no whole rows
        """
        cdef Py_ssize_t size = self._size, each = size * self._averages, n = x.shape[0], rows = n // each
        cdef float[:, ::1] out
        if n % each:
            raise ValueError(f"whole rows of {each} samples expected, got {n} samples")
        result = np.empty((rows, size), np.float32)
        if rows:
            out = result
            with nogil:
                self._rows(<const float*>&x[0], rows, &out[0, 0])
        return result


cdef void _open(float* x, Py_ssize_t n, Py_ssize_t reach, float sticks_out, float* around, float* found) noexcept nogil:
    # least of the bins about each, then the largest of these: the spectrum is a circle, continued in `around`
    cdef Py_ssize_t k, d
    for k in range(n):
        x[k] = x[k] if x[k] < <float>3e38 else 0
        found[k] = x[k]
    _continue(found, n, reach, around)
    for d in range(2 * reach + 1):
        for k in range(n):
            found[k] = around[k + d] if around[k + d] < found[k] else found[k]
    _continue(found, n, reach, around)
    for d in range(2 * reach + 1):
        for k in range(n):
            found[k] = around[k + d] if around[k + d] > found[k] else found[k]
    for k in range(n):
        x[k] = found[k] if x[k] > sticks_out * found[k] else x[k]


cdef void _continue(const float* x, Py_ssize_t n, Py_ssize_t reach, float* around) noexcept nogil:
    cdef Py_ssize_t k
    memcpy(around + reach, x, n * sizeof(float))
    for k in range(reach):
        around[k], around[reach + n + k] = x[(k - reach) & (n - 1)], x[k & (n - 1)]


def without_lines(float[:, ::1] power not None, Py_ssize_t width, float sticks_out):
    """Level, in place, what is narrower than some bins and stands out: a bare carrier, the receiver's DC.

    Morphological opening (Serra, Image Analysis and Mathematical Morphology, 1982). What is no number becomes 0.

    Parameters
    ----------
    power : (rows, size) float32, size a power of two
    width : odd number of bins that stay
    sticks_out : times what is around it, from which on a line is levelled
    """
    cdef Py_ssize_t rows = power.shape[0], size = power.shape[1], r
    cdef float[::1] around, found
    if size < 1 or size & (size - 1):
        raise ValueError(f"spectra of a power of two expected, got {size}")
    around, found = np.empty(size + 2 * (width // 2), np.float32), np.empty(size, np.float32)
    if rows:
        with nogil:
            for r in range(rows):
                _open(&power[r, 0], size, width // 2, sticks_out, &around[0], &found[0])


cdef float _quantile(float* x, Py_ssize_t n, double place) noexcept nogil:
    # between the values at floor(place) and behind it; x is rearranged
    cdef Py_ssize_t k = <Py_ssize_t>place, i
    cdef float v
    smallest(x, 0, n, k)
    if k + 1 >= n:
        return x[k]
    v = x[k + 1]
    for i in range(k + 2, n):
        v = x[i] if x[i] < v else v
    return x[k] + (v - x[k]) * <float>(place - k)


cdef class BandSearch:
    """Where in spectra a signal of some bandwidth is.

    Parameters
    ----------
    size : bins of a spectrum, zero frequency at size / 2
    first, stop : the bins that count, from first up to stop
    half : the signal takes so many bins on each side of its centre
    reach : bins on each side from which a centre is refined
    most : nepers that a bin weighs at most in that
    """
    cdef Py_ssize_t _size, _first, _stop, _half, _reach
    cdef float _most
    cdef float[::1] _work
    cdef double[::1] _total
    cdef double[::1] _moment

    def __cinit__(self, Py_ssize_t size, Py_ssize_t first, Py_ssize_t stop, Py_ssize_t half, Py_ssize_t reach,
                  float most=INFINITY):
        if not 0 <= first < stop <= size:
            raise ValueError(f"bins within 0 to {size} expected, got {first} to {stop}")
        self._size, self._first, self._stop, self._half, self._reach = size, first, stop, half, reach
        self._most = most
        self._work = np.ones(size + LANES, np.float32)
        self._total, self._moment = np.zeros(size + 1), np.zeros(size + 1)

    cdef void _normalise(self, float* x) noexcept nogil:
        cdef Py_ssize_t k, n = self._stop - self._first
        cdef float noise
        memcpy(&self._work[0], x + self._first, n * sizeof(float))
        noise = _quantile(&self._work[0], n, 0.3 * (n - 1)) + <float>1e-30
        for k in range(self._size):
            # beside silence a loud signal is beyond all numbers, whose logarithms would be no centre
            x[k] = x[k] / noise if x[k] < <float>1e38 * noise else <float>1e38

    cdef void _score(self, const float* x, float* score, float scale) noexcept nogil:
        cdef Py_ssize_t k, n = self._size, half = self._half, high
        cdef float* work = &self._work[0]
        cdef double* total = &self._total[0]
        cdef double sum_so_far = 0
        for k in range(n):
            work[k] = <float>0.5 + <float>0.5 * x[k]
        for k in range((n + LANES - 1) // LANES):
            radome_log(work + LANES * k)
        for k in range(n):
            total[k] = sum_so_far
            sum_so_far += work[k] if self._first <= k < self._stop else 0
        total[n] = sum_so_far
        for k in range(half, n - half):
            score[k] = <float>(total[k + half + 1] - total[k - half]) * scale
        for k in range(min(half, n)):
            high = n - 1 - k
            score[k] = <float>(total[min(k + half + 1, n)] - total[max(k - half, 0)]) * scale
            score[high] = <float>(total[min(high + half + 1, n)] - total[max(high - half, 0)]) * scale

    cdef void _centre(self, const float* x, double* centre, double* mass) noexcept nogil:
        cdef float v
        cdef Py_ssize_t k, n = self._size, index, low, high
        for k in range(n):
            v = 0
            if self._first <= k < self._stop and x[k] > 2:
                # compressed, so that a line in the signal does not pull its centre
                v = logf(x[k] / 2)
                v = v if v < self._most else self._most
            self._total[k + 1] = self._total[k] + v
            self._moment[k + 1] = self._moment[k] + v * (k - n // 2)
        for _ in range(3):
            index = min(max(<Py_ssize_t>rint(centre[0]) + n // 2, 0), n - 1)
            low, high = max(index - self._reach, 0), min(index + self._reach + 1, n)
            mass[0] = self._total[high] - self._total[low]
            if mass[0] > 0:
                centre[0] = (self._moment[high] - self._moment[low]) / mass[0]

    cdef int _check(self, Py_ssize_t bins) except -1:
        if bins != self._size:
            raise ValueError(f"spectra of {self._size} bins expected, got {bins}")
        return 0

    def normalise(self, float[:, ::1] spectra not None):
        """Divide spectra, in place, by their noise, which is what 0.3 of the bins that count are below.

        Parameters
        ----------
        spectra : (rows, size) float32
        """
        cdef Py_ssize_t r
        self._check(spectra.shape[1])
        with nogil:
            for r in range(spectra.shape[0]):
                self._normalise(&spectra[r, 0])

    def score(self, const float[:, ::1] spectra not None, float scale):
        """Sum of log(1 + P/N) - log 2 over the signal's bandwidth.

        Parameters
        ----------
        spectra : (rows, size) float32, normalised
        scale : of the sums

        Returns
        -------
        (rows, size) float32, of a signal about each bin
        """
        cdef Py_ssize_t rows = spectra.shape[0], r
        cdef float[:, ::1] out
        self._check(spectra.shape[1])
        result = np.empty((rows, self._size), np.float32)
        if rows:
            out = result
            with nogil:
                for r in range(rows):
                    self._score(&spectra[r, 0], &out[r, 0], scale)
        return result

    def refine(self, const float[:, ::1] spectra not None, const double[::1] guess not None):
        """Centre of gravity of the power about a guess.

        Parameters
        ----------
        spectra : (rows, size) float32, normalised
        guess : (rows,) float64, bins from zero frequency

        Returns
        -------
        centre : (rows,) float64, bins from zero frequency
        mass : (rows,) float64, power that says so, nepers; 0 where there is none
        """
        cdef Py_ssize_t rows = spectra.shape[0], r
        cdef double[::1] at
        cdef double[::1] weight
        self._check(spectra.shape[1])
        if guess.shape[0] != rows:
            raise ValueError(f"a guess for each of {rows} spectra of {self._size} bins expected, got {guess.shape[0]}")
        centre, mass = np.array(guess), np.zeros(rows)
        if rows:
            at, weight = centre, mass
            with nogil:
                for r in range(rows):
                    self._centre(&spectra[r, 0], &at[r], &weight[r])
        return centre, mass


cdef Py_ssize_t _fast(Py_ssize_t least) noexcept nogil:
    # a power of two, or 3 or 5 times one
    cdef Py_ssize_t n = 4
    while n < least:
        n *= 2
    if n // 8 * 5 >= least and n >= 8:
        return n // 8 * 5
    return n // 4 * 3 if n // 4 * 3 >= least else n


cdef class Contrast:
    """By how much a band's mean logarithm of density is above the stronger one of its flanks'.

    A logarithm for each cell, so that a bare carrier weighs little. Flanks of which fewer than 3 cells are there do not
    count.

    Parameters
    ----------
    taper : (length,) float32, of the windows looked at; they are padded to a power of two, or 3 or 5 times one
    edges : (cells + 1,) float64, rising: cell c is the frequencies from edges[c] up to edges[c + 1], cycles per sample
    half : the band is cells c - half to c + half
    gap, flank : cells between band and flank, and in a flank
    floor : share of the density of all cells together that is added to each, so that nothing much weaker stands out

    Raises
    ------
    ValueError : edges that do not rise within -1/2 to 1/2
    """
    cdef _Transform _transform
    cdef const float[::1] _taper
    cdef long long[::1] _edges
    cdef double[:, ::1] _total
    cdef float[::1] _density
    cdef Py_ssize_t _cells, _half, _gap, _flank
    cdef float _floor

    def __cinit__(self, const float[::1] taper not None, const double[::1] edges not None, Py_ssize_t half,
                  Py_ssize_t gap, Py_ssize_t flank, float floor=0):
        cdef Py_ssize_t size = _fast(taper.shape[0]), c
        self._floor = floor
        self._cells, self._half, self._gap, self._flank = edges.shape[0] - 1, half, gap, flank
        rising = all([edges[c] <= edges[c + 1] for c in range(self._cells)])
        if self._cells < 1 or not (rising and -0.5 <= edges[0] and edges[self._cells] <= 0.5):
            raise ValueError("edges that rise within -1/2 to 1/2 expected")
        self._edges = np.rint(np.asarray(edges) * size).astype(np.int64)
        self._transform = _Transform(size)
        self._taper = np.array(taper)
        self._total = np.zeros((self._cells + 1, LANES))
        self._density = np.zeros(self._cells * LANES, np.float32)

    cdef void _load(self, _Transform t, const float* x, Py_ssize_t width, const long long* starts,
                    Py_ssize_t count) noexcept nogil:
        # width 2: complex, 1: real
        cdef Py_ssize_t k, lane, length = self._taper.shape[0]
        cdef const float* v[LANES]
        cdef const float* taper = &self._taper[0]
        cdef const int* place = t.place
        cdef float* re
        cdef float* im
        for lane in range(LANES):
            v[lane] = x + width * starts[min(lane, count - 1)]
        if width == 2:
            for k in range(0, length - 1, 2):
                radome_deal(
                    v, k, taper[k], taper[k + 1], t.re + place[k] * LANES, t.im + place[k] * LANES,
                    t.re + place[k + 1] * LANES, t.im + place[k + 1] * LANES
                )
        for k in range(length - length % 2 if width == 2 else 0, length):
            re, im = t.re + place[k] * LANES, t.im + place[k] * LANES
            if width == 2:
                for lane in range(LANES):
                    re[lane], im[lane] = v[lane][2 * k] * taper[k], v[lane][2 * k + 1] * taper[k]
            else:
                for lane in range(LANES):
                    re[lane], im[lane] = v[lane][k] * taper[k], 0
        for k in range(length, t.size):
            memset(t.re + place[k] * LANES, 0, LANES * sizeof(float))
            memset(t.im + place[k] * LANES, 0, LANES * sizeof(float))

    cdef void _score(self, _Transform t, float* score, Py_ssize_t count) noexcept nogil:
        cdef Py_ssize_t cells = self._cells, c, k, lane, half = self._half, gap = self._gap, flank = self._flank
        cdef Py_ssize_t low, high, left, left_end, right, right_end
        cdef double inside, side, most, each, each_left, each_right, none_left, none_right
        cdef float power[LANES]
        cdef float least[LANES]
        cdef float* density = &self._density[0]
        cdef double* total = &self._total[0, 0]
        for lane in range(LANES):
            least[lane] = <float>1e-20
        for c in range(cells):
            for lane in range(LANES):
                power[lane] = 0
            for k in range(self._edges[c], self._edges[c + 1]):
                low = (k + t.size if k < 0 else k) * LANES
                radome_power(t.re + low, t.im + low, power)
            # cells differ by a bin
            each = 1.0 / max(1, self._edges[c + 1] - self._edges[c])
            for lane in range(LANES):
                density[c * LANES + lane] = power[lane] * <float>each
                least[lane] += self._floor * density[c * LANES + lane]
        for c in range(cells):
            for lane in range(LANES):
                power[lane] = density[c * LANES + lane] + least[lane]
            radome_log(power)
            for lane in range(LANES):
                total[(c + 1) * LANES + lane] = total[c * LANES + lane] + power[lane]
        for c in range(cells):
            low, high = max(c - half, 0), min(c + half + 1, cells)
            left, left_end = max(c - half - gap - flank, 0), max(c - half - gap, 0)
            right, right_end = min(c + half + gap + 1, cells), min(c + half + gap + flank + 1, cells)
            each = 1.0 / (high - low)
            each_left = 1.0 / (left_end - left) if left_end - left >= 3 else 0
            each_right = 1.0 / (right_end - right) if right_end - right >= 3 else 0
            none_left, none_right = 0 if each_left > 0 else -1e30, 0 if each_right > 0 else -1e30
            for lane in range(LANES):
                inside = (total[high * LANES + lane] - total[low * LANES + lane]) * each
                most = (total[left_end * LANES + lane] - total[left * LANES + lane]) * each_left + none_left
                side = (total[right_end * LANES + lane] - total[right * LANES + lane]) * each_right + none_right
                power[lane] = <float>(inside - (side if side > most else most))
            for lane in range(count):
                score[lane * cells + c] = power[lane]

    def process(self, x not None, const long long[::1] starts not None):
        """Look at windows of a stream.

        Parameters
        ----------
        x : (n,) complex64 or float32
        starts : (rows,) int64, first samples of the windows

        Returns
        -------
        (rows, cells) float32, nepers of power

        Raises
        ------
        ValueError : a window that reaches beyond x
        """
        cdef Py_ssize_t rows = starts.shape[0], length = self._taper.shape[0], r, count, n = x.shape[0]
        cdef Py_ssize_t width = 1
        cdef const float complex[::1] both
        cdef const float[::1] real
        cdef const float* p
        cdef float[:, ::1] out
        for r in range(rows):
            if starts[r] < 0 or starts[r] + length > n:
                raise ValueError(f"windows within {n} samples expected, got {starts[r]} to {starts[r] + length}")
        result = np.empty((rows, self._cells), np.float32)
        if not rows or not n:
            return result
        if x.dtype == np.complex64:
            both = x
            p = <const float*>&both[0]
            width = 2
        else:
            real = x
            p = &real[0]
        out = result
        r = 0
        with nogil:
            while r < rows:
                count = min(rows - r, LANES)
                self._load(self._transform, p, width, &starts[r], count)
                self._transform.run()
                self._score(self._transform, &out[r, 0], count)
                r += LANES
        return result


cdef void _limit(float* x, Py_ssize_t n, float most, Py_ssize_t reach, float* high) noexcept nogil:
    cdef Py_ssize_t k, d
    cdef float top = most
    for k in range(n):
        top = x[k] if x[k] > top else top
    if top == most:
        return
    for k in range(n):
        high[k] = most
    for d in range(-reach, reach + 1):
        for k in range(max(0, -d), min(n, n - d)):
            high[k] = x[k + d] if x[k + d] > high[k] else high[k]
    for k in range(n):
        x[k] -= high[k] - most


def limit(float[:, ::1] score not None, float most, Py_ssize_t reach):
    """Bring scores down, in place, by as much as the highest within some cells is too high: peaks stay where they are.

    Parameters
    ----------
    score : (rows, cells) float32, finite
    most : that a score may be
    reach : cells on each side
    """
    cdef Py_ssize_t rows = score.shape[0], cells = score.shape[1], r
    cdef float[::1] high
    if reach < 0:
        raise ValueError(f"a reach of 0 or more expected, got {reach}")
    if rows and cells:
        high = np.empty(cells, np.float32)
        with nogil:
            for r in range(rows):
                _limit(&score[r, 0], cells, most, reach, &high[0])


cdef class Prominence:
    """Power about zero frequency over the mean of the spectrum, of each row of a stream together with the one before.

    Parameters
    ----------
    window : items in a row, a power of two; spectra are of 4 * window bins
    reach : bins on each side of zero, below 2 * window

    Raises
    ------
    ValueError : another window or reach
    """
    cdef _Transform _transform
    cdef float[::1] _rows
    cdef Py_ssize_t _window, _reach

    def __cinit__(self, Py_ssize_t window, Py_ssize_t reach):
        if window < 1 or window & (window - 1) or not 0 <= reach < 2 * window:
            raise ValueError(f"a power of two and a reach below twice it expected, got {window} and {reach}")
        self._window, self._reach = window, reach
        self._transform = _Transform(4 * window)
        self._rows = np.zeros(2 * window * (LANES + 1), np.float32)

    cdef void _load(self, _Transform t, const double* moves, Py_ssize_t count, float* scale) noexcept nogil:
        cdef Py_ssize_t k, lane, i, j, window = self._window
        cdef const float* rows[LANES]
        cdef float total[LANES]
        cdef float re, im, c, s
        cdef double turn
        for lane in range(LANES):
            rows[lane] = &self._rows[0] + 2 * min(lane, count - 1) * window
            total[lane] = 0
        for k in range(0, 2 * window, 2):
            i, j = t.place[k] * LANES, t.place[k + 1] * LANES
            radome_deal(rows, k, 1, 1, t.re + i, t.im + i, t.re + j, t.im + j)
            radome_power(t.re + i, t.im + i, total)
            radome_power(t.re + j, t.im + j, total)
        for k in range(2 * window, t.size):
            memset(t.re + t.place[k] * LANES, 0, LANES * sizeof(float))
            memset(t.im + t.place[k] * LANES, 0, LANES * sizeof(float))
        for lane in range(count):
            if moves[lane] != 0:
                for k in range(window):
                    i = t.place[k] * LANES + lane
                    re, im, turn = t.re[i], t.im[i], 2 * M_PI * moves[lane] * (k - window)
                    c, s = <float>cos(turn), <float>sin(turn)
                    t.re[i] = re * c + im * s
                    t.im[i] = im * c - re * s
            # the sum of the spectrum, by Parseval's theorem, is 4 * window times that of the items
            scale[lane] = 1 / (total[lane] if total[lane] > <float>1e-30 else <float>1e-30)
            if not total[lane] < <float>1e38 / t.size:
                # too loud for squares, or no number: nothing can be seen
                for k in range(2 * window):
                    i = t.place[k] * LANES + lane
                    t.re[i] = t.im[i] = 0

    cdef void _score(self, _Transform t, const float* scale, Py_ssize_t count, float* score) noexcept nogil:
        cdef Py_ssize_t k, lane, i, bins = 2 * self._reach + 1
        cdef float power[LANES]
        for k in range(bins):
            i = ((k - self._reach) & (t.size - 1)) * LANES
            for lane in range(LANES):
                power[lane] = 0
            radome_power(t.re + i, t.im + i, power)
            for lane in range(count):
                score[lane * bins + k] = power[lane] * scale[lane]

    def process(self, const float complex[::1] x not None, const double[::1] moves not None):
        """Take rows; before the first there are zeros.

        Parameters
        ----------
        x : (rows * window,) complex64
        moves : (rows,) float64, by which the row before has yet to be moved down, cycles per item

        Returns
        -------
        (rows, 2 * reach + 1) float32; 0 in a row of zeros, and where power, times the window, is beyond 1e37

        Raises
        ------
        ValueError : items that are no whole rows
        """
        cdef Py_ssize_t rows = moves.shape[0], size = 2 * self._window, count, r = 0, bins = 2 * self._reach + 1
        cdef float scale[LANES]
        cdef float[:, ::1] out
        if x.shape[0] != rows * self._window:
            raise ValueError(f"{rows} rows of {self._window} expected, got {x.shape[0]} items")
        result = np.empty((rows, bins), np.float32)
        if not rows:
            return result
        out = result
        with nogil:
            while r < rows:
                count = min(rows - r, LANES)
                memcpy(&self._rows[size], <const float*>&x[r * self._window], count * size * sizeof(float))
                self._load(self._transform, &moves[r], count, scale)
                self._transform.run()
                self._score(self._transform, scale, count, &out[r, 0])
                memcpy(&self._rows[0], &self._rows[count * size], size * sizeof(float))
                r += LANES
        return result
