# What the sequence detectors of two and of four levels have in common.
from libc.math cimport erf, exp, fabs, floor, sin, sqrt, M_PI

cdef enum:
    TAPS = 8              # of the filter between samples
    POINTS = 64           # places between two samples at which it is tabulated


cdef inline void _cis(double turns, float* c, float* s) noexcept nogil:
    # cosine and sine of any turns: a quarter turn at most through polynomials (Abramowitz and Stegun 4.3.97, 4.3.99)
    cdef double quarters = floor(4 * turns + 0.5)
    cdef float z = <float>(2 * M_PI * (turns - quarters / 4)), q = z * z
    cdef float sine = z * (1 - q * (<float>(1.0 / 6) - q * (<float>(1.0 / 120) - q * <float>(1.0 / 5040))))
    cdef float cosine = 1 - q * (<float>0.5 - q * (<float>(1.0 / 24) - q * <float>(1.0 / 720)))
    cdef int which = <int>(<long long>quarters & 3)
    c[0] = (sine if which & 1 else cosine) * (-1 if which == 1 or which == 2 else 1)
    s[0] = (cosine if which & 1 else sine) * (-1 if which >= 2 else 1)


cdef inline double _ramp(double t, double sigma) noexcept nogil:
    cdef double z = t / sigma
    return t * 0.5 * (1 + erf(z / sqrt(2.0))) + sigma * exp(-z * z / 2) / sqrt(2 * M_PI)


cdef inline double _pulse(double t, double sigma) noexcept nogil:
    # integral of a rectangle of one symbol smoothed by a Gaussian
    return _ramp(t + 0.5, sigma) - _ramp(t - 0.5, sigma)


cdef inline double _bessel(double x) noexcept nogil:
    # I0, the modified Bessel function of order zero
    cdef double term = 1, total = 1
    cdef int k
    for k in range(1, 30):
        term *= (x / (2 * k)) ** 2
        total += term
    return total


cdef inline void _between(float* taps) noexcept nogil:
    # filters to places between two samples: a sinc in Kaiser's window, 50 dB, flat up to 0.3 and nothing from 0.7
    # cycles a sample on
    cdef Py_ssize_t i, k
    cdef double t, total
    cdef double h[TAPS]
    for i in range(POINTS + 1):
        total = 0
        for k in range(TAPS):
            t = k - (TAPS // 2 - 1) - <double>i / POINTS
            h[k] = (sin(M_PI * t) / (M_PI * t) if t else 1) * _bessel(
                4.5 * sqrt(1 - (t / (TAPS // 2)) ** 2 if fabs(t) < TAPS // 2 else 0))
            total += h[k]
        for k in range(TAPS):
            taps[i * TAPS + k] = <float>(h[k] / total)
