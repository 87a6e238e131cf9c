# isa: avx2, avx512
"""Taking a carrier off, where its frequency is known piece by piece.

    y[i] = x[i] * exp(-j 2 pi p(i)),    p(i) = phase + frequency * k + slope * k^2 / 2,    k = i - edge

with phase, frequency and slope of the piece that i is in, in units of 2^-64 cycle.
"""
import numpy as np

from libc.stdint cimport uint64_t

cdef extern from "simd.h" nogil:
    uint64_t radome_fixed(double cycles)
    void radome_mix(const float* x, float* y, Py_ssize_t n, uint64_t phase, uint64_t step, uint64_t rate)


def mix(x, const long long[::1] edges not None, const double[::1] phase not None, const double[::1] frequency not None,
        const double[::1] slope not None):
    """Move a carrier to zero.

    Parameters
    ----------
    x : (n,) complex64 or float32
    edges : (m + 1,) int64, rising; piece j is x[edges[j]] up to x[edges[j + 1]]; the first is 0, the last n
    phase : (m,) float64, of the carrier at each piece's first sample, cycles
    frequency : (m,) float64, there, cycles per sample
    slope : (m,) float64, cycles per sample per sample

    Returns
    -------
    (n,) complex64

    Raises
    ------
    ValueError : edges that do not span x, pieces of different number
    """
    cdef const float complex[::1] items = x if x.dtype == np.complex64 else x.astype(np.complex64)
    cdef float complex[::1] out
    cdef Py_ssize_t n = items.shape[0], m = phase.shape[0], j, a
    cdef bint rising
    if edges.shape[0] != m + 1 or frequency.shape[0] != m or slope.shape[0] != m:
        raise ValueError(f"{m} phases need {m + 1} edges and {m} frequencies and slopes, got {edges.shape[0]}, "
                         f"{frequency.shape[0]} and {slope.shape[0]}")
    rising = edges[0] == 0 and edges[m] == n
    for j in range(m):
        rising = rising and edges[j] <= edges[j + 1]
    if not rising:
        raise ValueError(f"edges that rise from 0 to {n} expected")
    result = np.empty(n, np.complex64)
    if n:
        out = result
        with nogil:
            for j in range(m):
                a = edges[j]
                if a < edges[j + 1]:
                    radome_mix(<const float*>&items[a], <float*>&out[a], edges[j + 1] - a, radome_fixed(-phase[j]),
                               radome_fixed(-(frequency[j] + 0.5 * slope[j])), radome_fixed(-slope[j]))
    return result


cdef void _square(const float* y, Py_ssize_t groups, float* line) noexcept nogil:
    # sums of two squares
    cdef Py_ssize_t g
    cdef const float* v
    for g in range(groups):
        v = y + 4 * g
        line[2 * g] = v[0] * v[0] - v[1] * v[1] + v[2] * v[2] - v[3] * v[3]
        line[2 * g + 1] = 2 * (v[0] * v[1] + v[2] * v[3])


cdef inline void _add_fourth(const float* v, float* sum) noexcept nogil:
    # -y^4 / |y|^2
    cdef float re = v[0] * v[0] - v[1] * v[1], im = 2 * v[0] * v[1]
    cdef float scale = 1 / (v[0] * v[0] + v[1] * v[1] + <float>1e-30)
    sum[0] += im * (im * scale) - re * (re * scale)
    sum[1] -= 2 * re * (im * scale)


cdef void _fourth(const float* y, Py_ssize_t groups, float* line) noexcept nogil:
    cdef Py_ssize_t g
    for g in range(groups):
        line[2 * g] = line[2 * g + 1] = 0
        _add_fourth(y + 4 * g, line + 2 * g)
        _add_fourth(y + 4 * g + 2, line + 2 * g)


cdef void _tone(const float* y, Py_ssize_t chips, float* tone, float* power) noexcept nogil:
    # sum of |y|^2 * exp(-j 2 pi n / 4), and of |y|^2
    cdef Py_ssize_t k
    cdef float a = 0, b = 0, c = 0, d = 0
    cdef const float* v
    for k in range(chips):
        v = y + 8 * k
        a += v[0] * v[0] + v[1] * v[1]
        b += v[2] * v[2] + v[3] * v[3]
        c += v[4] * v[4] + v[5] * v[5]
        d += v[6] * v[6] + v[7] * v[7]
    tone[0] = a - c
    tone[1] = d - b
    power[0] = (a + b) + (c + d)


cdef void _tone_of_pairs(const float* y, Py_ssize_t chips, float* tone, float* power) noexcept nogil:
    # sum of |y|^2 * exp(-j 2 pi n / 8), and of |y|^2
    cdef Py_ssize_t k, i
    cdef float s[8]
    cdef const float* v
    cdef float root = <float>0.70710678
    for i in range(8):
        s[i] = 0
    for k in range(chips // 2):
        v = y + 16 * k
        for i in range(8):
            s[i] += v[2 * i] * v[2 * i] + v[2 * i + 1] * v[2 * i + 1]
    tone[0] = (s[0] - s[4]) + root * ((s[1] - s[5]) - (s[3] - s[7]))
    tone[1] = (s[6] - s[2]) - root * ((s[1] - s[5]) + (s[3] - s[7]))
    power[0] = ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]))


ctypedef void (*Line)(const float*, Py_ssize_t, float*) noexcept nogil


cdef object _of_pairs(const float complex[::1] y, Line line):
    cdef Py_ssize_t n = y.shape[0] // 2
    cdef float complex[::1] out
    result = np.empty(n, np.complex64)
    if n:
        out = result
        with nogil:
            line(<const float*>&y[0], n, <float*>&out[0])
    return result


def square(const float complex[::1] y not None):
    """Squares of a stream, two and two added: a line at twice the carrier of phase shift keying with two phases.

    Parameters
    ----------
    y : (2n,) complex64

    Returns
    -------
    (n,) complex64
    """
    return _of_pairs(y, _square)


def fourth(const float complex[::1] y not None):
    """The same for four phases, at four times the carrier: the sums of -y^4 / |y|^2, which weighs as the square does.

    Where the phases are odd multiples of an eighth of a turn, the line's is zero.

    Parameters
    ----------
    y : (2n,) complex64

    Returns
    -------
    (n,) complex64
    """
    return _of_pairs(y, _fourth)


def clock_tone(const float complex[::1] y not None, Py_ssize_t chips, bint pairs=False):
    """Line at the symbol rate in the power of a stream with 4 samples a symbol, row by row (Oerder and Meyr, 1988).

    Parameters
    ----------
    y : (rows * 4 * chips,) complex64
    chips : symbols in a row; of pairs an even number
    pairs : the line at half that rate, of pairs of opposites: in a pair's middle, power is least

    Returns
    -------
    (rows,) complex64, sum of |y[n]|^2 exp(-j 2 pi n/4), of pairs n/8: where symbols, or borders of pairs, stand t of
    these times after a sample n = 0, its argument is -2 pi t
    (rows,) float32, sum of |y[n]|^2
    """
    cdef Py_ssize_t rows, r
    cdef float complex[::1] tones
    cdef float[::1] powers
    if chips < 1 or y.shape[0] % (4 * chips):
        raise ValueError(f"a whole number of rows of {chips} symbols expected, got {y.shape[0]} samples")
    if pairs and chips % 2:
        raise ValueError(f"an even number of symbols in a row of pairs expected, got {chips}")
    rows = y.shape[0] // (4 * chips)
    tone, power = np.empty(rows, np.complex64), np.empty(rows, np.float32)
    if rows:
        tones, powers = tone, power
        with nogil:
            for r in range(rows):
                if pairs:
                    _tone_of_pairs(<const float*>&y[4 * chips * r], chips, <float*>&tones[r], &powers[r])
                else:
                    _tone(<const float*>&y[4 * chips * r], chips, <float*>&tones[r], &powers[r])
    return tone, power
