# isa: avx2
"""From short spectra to scores: where a band of power stands out from its flanks, and where a line from everything."""
import numpy as np

from libc.math cimport cos, logf, rint, sin, M_PI
from libc.string cimport memcpy, memset
from cpython.mem cimport PyMem_Calloc, PyMem_Free, PyMem_Malloc

cdef extern from "spectrum.h" nogil:
    void radome_butterfly(float* re0, float* im0, float* re1, float* im1, float c, float s)
    void radome_power(const float* re, const float* im, float* sums)

cdef enum:
    LANES = 8             # transforms side by side


cdef void _transform(float* re, float* im, const float* turns, Py_ssize_t size) noexcept nogil:
    # LANES transforms in place of (size, LANES) values that stand in bit-reversed order, by decimation in time
    cdef Py_ssize_t span = 1, first, k, i, j, step
    while span < size:
        step = size // span
        first = 0
        while first < size:
            for k in range(span):
                i, j = (first + k) * LANES, (first + k + span) * LANES
                radome_butterfly(re + i, im + i, re + j, im + j, turns[k * step], turns[k * step + 1])
            first += 2 * span
        span *= 2


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
    cdef float* _work
    cdef float* _turns
    cdef float* _taper
    cdef int* _place
    cdef Py_ssize_t _size, _averages

    def __cinit__(self, const float[::1] taper not None, Py_ssize_t averages):
        cdef Py_ssize_t size = taper.shape[0], k, r = 0, bit
        if size < 2 or size & (size - 1) or averages < 1:
            raise ValueError(f"a power of two and at least one window expected, got {size} and {averages}")
        self._size, self._averages = size, averages
        self._work = <float*>PyMem_Malloc(3 * size * LANES * sizeof(float))
        self._turns = <float*>PyMem_Malloc(size * sizeof(float))
        self._taper = <float*>PyMem_Malloc(size * sizeof(float))
        self._place = <int*>PyMem_Malloc(size * sizeof(int))
        if not (self._work and self._turns and self._taper and self._place):
            raise MemoryError
        for k in range(size // 2):
            self._turns[2 * k] = <float>cos(2 * M_PI * k / size)
            self._turns[2 * k + 1] = <float>-sin(2 * M_PI * k / size)
        for k in range(size):
            self._taper[k] = taper[k]
            self._place[k] = <int>r
            bit = size >> 1
            while r & bit:
                r ^= bit
                bit >>= 1
            r |= bit

    def __dealloc__(self):
        PyMem_Free(self._work)
        PyMem_Free(self._turns)
        PyMem_Free(self._taper)
        PyMem_Free(self._place)

    cdef void _row(self, const float* x, float* power) noexcept nogil:
        cdef Py_ssize_t size = self._size, n = size * LANES, done = 0, count, lane, k, i
        cdef float* re = self._work
        cdef float* im = re + n
        cdef float* sums = im + n
        cdef const float* v
        cdef float total, scale = <float>1 / self._averages
        memset(sums, 0, n * sizeof(float))
        while done < self._averages:
            count = self._averages - done if self._averages - done < LANES else LANES
            if count < LANES:
                memset(re, 0, 2 * n * sizeof(float))
            v = x + 2 * done * size
            for k in range(size):
                i = self._place[k] * LANES
                for lane in range(count):
                    re[i + lane] = v[2 * (lane * size + k)] * self._taper[k]
                    im[i + lane] = v[2 * (lane * size + k) + 1] * self._taper[k]
            _transform(re, im, self._turns, size)
            for k in range(size):
                radome_power(re + k * LANES, im + k * LANES, sums + k * LANES)
            done += LANES
        for k in range(size):
            total = 0
            for lane in range(LANES):
                total += sums[k * LANES + lane]
            # zero frequency in the middle
            power[k ^ (size >> 1)] = total * scale

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
        cdef Py_ssize_t size = self._size, each = size * self._averages, n = x.shape[0], rows = n // each, r
        cdef float[:, ::1] out
        if n % each:
            raise ValueError(f"whole rows of {each} samples expected, got {n} samples")
        result = np.empty((rows, size), np.float32)
        if rows:
            out = result
            with nogil:
                for r in range(rows):
                    self._row(<const float*>&x[r * each], &out[r, 0])
        return result


cdef void _open(float* x, Py_ssize_t n, Py_ssize_t reach, float sticks_out, float* least) noexcept nogil:
    # least of the bins about each, then the largest of these: the spectrum is a circle
    cdef Py_ssize_t k, d
    cdef float v
    for k in range(n):
        x[k] = x[k] if x[k] < <float>3e38 else 0
    for k in range(n):
        least[k] = x[k]
        for d in range(-reach, reach + 1):
            v = x[(k + d) & (n - 1)]
            least[k] = v if v < least[k] else least[k]
    for k in range(n):
        v = least[k]
        for d in range(-reach, reach + 1):
            v = least[(k + d) & (n - 1)] if least[(k + d) & (n - 1)] > v else v
        x[k] = v if x[k] > sticks_out * v else x[k]


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
    cdef float[::1] least
    if size < 1 or size & (size - 1):
        raise ValueError(f"spectra of a power of two expected, got {size}")
    least = np.empty(size, np.float32)
    if rows:
        with nogil:
            for r in range(rows):
                _open(&power[r, 0], size, width // 2, sticks_out, &least[0])


cdef float _quantile(float* x, Py_ssize_t n, double place) noexcept nogil:
    # between the values at floor(place) and behind it; x is rearranged (Hoare, Algorithm 65, Comm. ACM 4, 1961)
    cdef Py_ssize_t low = 0, high = n - 1, k = <Py_ssize_t>place, i, j
    cdef float pivot, v
    while low < high:
        pivot = x[k]
        i, j = low, high
        while i <= j:
            while x[i] < pivot:
                i += 1
            while pivot < x[j]:
                j -= 1
            if i <= j:
                x[i], x[j] = x[j], x[i]
                i += 1
                j -= 1
        if j < k:
            low = i
        if k < i:
            high = j
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
    """
    cdef Py_ssize_t _size, _first, _stop, _half, _reach
    cdef float[::1] _work
    cdef double[::1] _total
    cdef double[::1] _moment

    def __cinit__(self, Py_ssize_t size, Py_ssize_t first, Py_ssize_t stop, Py_ssize_t half, Py_ssize_t reach):
        if not 0 <= first < stop <= size:
            raise ValueError(f"bins within 0 to {size} expected, got {first} to {stop}")
        self._size, self._first, self._stop, self._half, self._reach = size, first, stop, half, reach
        self._work = np.empty(size, np.float32)
        self._total, self._moment = np.zeros(size + 1), np.zeros(size + 1)

    cdef void _normalise(self, float* x) noexcept nogil:
        cdef Py_ssize_t k, n = self._stop - self._first
        cdef float noise
        memcpy(&self._work[0], x + self._first, n * sizeof(float))
        noise = _quantile(&self._work[0], n, 0.3 * (n - 1)) + <float>1e-30
        for k in range(self._size):
            x[k] /= noise

    cdef void _score(self, const float* x, float* score, float scale) noexcept nogil:
        cdef Py_ssize_t k, n = self._size, low, high
        for k in range(n):
            self._total[k + 1] = self._total[k]
            if self._first <= k < self._stop:
                self._total[k + 1] += logf(<float>0.5 + <float>0.5 * x[k])
        for k in range(n):
            low, high = max(k - self._half, 0), min(k + self._half + 1, n)
            score[k] = <float>(self._total[high] - self._total[low]) * scale

    cdef void _centre(self, const float* x, double* centre, double* mass) noexcept nogil:
        cdef float v
        cdef Py_ssize_t k, n = self._size, index, low, high
        for k in range(n):
            v = 0
            if self._first <= k < self._stop and x[k] > 2:
                # compressed, so that a line in the signal does not pull its centre
                v = logf(x[k] / 2)
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


def windows(x, const long long[::1] starts not None, const float[::1] taper not None):
    """Tapered windows of a stream.

    Parameters
    ----------
    x : (n,) complex64 or float32
    starts : (rows,) int64, first samples
    taper : (length,) float32

    Returns
    -------
    (rows, length) of the type of x

    Raises
    ------
    ValueError : a window that reaches beyond x
    """
    cdef Py_ssize_t rows = starts.shape[0], length = taper.shape[0], r, k, n = x.shape[0]
    cdef const float complex[::1] both
    cdef const float[::1] real
    cdef const float* p
    cdef const float* v
    cdef float* w
    cdef float[:, ::1] out
    cdef bint is_complex = x.dtype == np.complex64
    for r in range(rows):
        if starts[r] < 0 or starts[r] + length > n:
            raise ValueError(f"windows within {n} samples expected, got {starts[r]} to {starts[r] + length}")
    result = np.empty((rows, length * 2 if is_complex else length), np.float32)
    if rows and length:
        if is_complex:
            both = x
            p = <const float*>&both[0]
        else:
            real = x
            p = &real[0]
        out = result
        with nogil:
            for r in range(rows):
                w = &out[r, 0]
                if is_complex:
                    v = p + 2 * starts[r]
                    for k in range(length):
                        w[2 * k] = v[2 * k] * taper[k]
                        w[2 * k + 1] = v[2 * k + 1] * taper[k]
                else:
                    v = p + starts[r]
                    for k in range(length):
                        w[k] = v[k] * taper[k]
    return result.view(np.complex64) if is_complex else result


cdef void _contrast(const float* x, Py_ssize_t n, const long long* edges, Py_ssize_t cells, Py_ssize_t half,
                    Py_ssize_t gap, Py_ssize_t flank, double* total, float* score) noexcept nogil:
    cdef Py_ssize_t c, k, b, low, high
    cdef float power
    cdef double inside, side, most
    total[0] = 0
    for c in range(cells):
        power = 0
        for k in range(edges[c], edges[c + 1]):
            b = k + n if k < 0 else k
            power += x[2 * b] * x[2 * b] + x[2 * b + 1] * x[2 * b + 1]
        total[c + 1] = total[c] + logf(power + <float>1e-20)
    for c in range(cells):
        low, high = max(c - half, 0), min(c + half + 1, cells)
        inside = (total[high] - total[low]) / (high - low)
        most = -1e30
        low, high = max(c - half - gap - flank, 0), max(c - half - gap, 0)
        if high - low >= 3:
            most = (total[high] - total[low]) / (high - low)
        low, high = min(c + half + gap + 1, cells), min(c + half + gap + flank + 1, cells)
        if high - low >= 3:
            side = (total[high] - total[low]) / (high - low)
            most = side if side > most else most
        score[c] = <float>(inside - most)


def contrast(const float complex[:, ::1] spectra not None, const long long[::1] edges not None, Py_ssize_t half,
             Py_ssize_t gap, Py_ssize_t flank):
    """By how much a band's mean logarithm of power is above the stronger one of its flanks'.

    A logarithm for each cell, so that a bare carrier weighs little. Flanks of which fewer than 3 cells are there do not
    count.

    Parameters
    ----------
    spectra : (rows, n) complex64, as a Fourier transform gives them
    edges : (cells + 1,) int64, rising: cell c is bins edges[c] up to edges[c + 1]; negative ones are negative
        frequencies
    half : the band is cells c - half to c + half
    gap, flank : cells between band and flank, and in a flank

    Returns
    -------
    (rows, cells) float32, nepers of power
    """
    cdef Py_ssize_t rows = spectra.shape[0], n = spectra.shape[1], cells = edges.shape[0] - 1, r
    cdef double* total
    cdef float[:, ::1] out
    if cells < 1 or edges[0] < -n or edges[cells] > n or any(edges[r] > edges[r + 1] for r in range(cells)):
        raise ValueError(f"edges that rise within -{n} to {n} expected")
    result = np.empty((rows, cells), np.float32)
    if rows:
        out = result
        total = <double*>PyMem_Calloc(cells + 1, sizeof(double))
        if not total:
            raise MemoryError
        with nogil:
            for r in range(rows):
                _contrast(<const float*>&spectra[r, 0], n, &edges[0], cells, half, gap, flank, total, &out[r, 0])
        PyMem_Free(total)
    return result


def prominence(const float complex[:, ::1] spectra not None, Py_ssize_t reach):
    """Power about zero frequency over the mean of the spectrum.

    Parameters
    ----------
    spectra : (rows, n) complex64, as a Fourier transform gives them
    reach : bins on each side of zero, below n / 2

    Returns
    -------
    (rows, 2 * reach + 1) float32; 0 in a row of zeros
    """
    cdef Py_ssize_t rows = spectra.shape[0], n = spectra.shape[1], r, k, b
    cdef const float* x
    cdef float total, scale
    cdef float[:, ::1] out
    cdef float sums[16]
    if not 0 <= reach < n / 2:
        raise ValueError(f"a reach below half of {n} expected, got {reach}")
    result = np.empty((rows, 2 * reach + 1), np.float32)
    if rows:
        out = result
        with nogil:
            for r in range(rows):
                x = <const float*>&spectra[r, 0]
                for k in range(16):
                    sums[k] = 0
                for b in range(0, 2 * n - 15, 16):
                    for k in range(16):
                        sums[k] += x[b + k] * x[b + k]
                total = 0
                for k in range(16):
                    total += sums[k]
                for k in range(2 * n - 2 * n % 16, 2 * n):
                    total += x[k] * x[k]
                scale = n / (total if total > <float>1e-30 else <float>1e-30)
                for k in range(reach):
                    b = n - reach + k
                    out[r, k] = (x[2 * b] * x[2 * b] + x[2 * b + 1] * x[2 * b + 1]) * scale
                for k in range(reach + 1):
                    out[r, reach + k] = (x[2 * k] * x[2 * k] + x[2 * k + 1] * x[2 * k + 1]) * scale
    return result
