# What the sequence detectors of two and of four levels have in common.
from libc.math cimport erf, exp, fabs, floor, sin, sqrt, M_PI
from libc.string cimport memcpy, memmove, memset
from cpython.mem cimport PyMem_Malloc, PyMem_Realloc, PyMem_Free

cdef enum:
    TAPS = 8              # of the filter between samples
    POINTS = 64           # places between two samples at which it is tabulated
    SPAN = 32             # samples that a symbol takes, at most


cdef extern from "cpm.h" nogil:
    void _cis "radome_cpm_cis"(double turns, float* c, float* s)
    void _circle "radome_cpm_circle"(const double* turns, int n, float* c, float* s)
    void radome_cpm_take(const float* x, const float* taps, float c, float s, float* y)


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


cdef struct Samples:
    # kept from what came before, and what comes now
    float* x                             # from number `base` on
    Py_ssize_t held, room
    long long base
    const float* more                    # behind those; the first of them stand there, too
    Py_ssize_t coming
    Py_ssize_t stride                    # from one of a symbol's four to the next
    float taps[(POINTS + 1) * TAPS]


cdef inline int _open(Samples* samples, int per_symbol) except -1:
    if per_symbol != 4 and per_symbol != 8:
        raise ValueError(f"4 or 8 samples a symbol expected, got {per_symbol}")
    samples.stride = per_symbol // 4
    _between(samples.taps)
    samples.room = 16384
    samples.x = <float*>PyMem_Malloc(2 * samples.room * sizeof(float))
    if not samples.x:
        raise MemoryError
    return 0


cdef inline void _close(Samples* samples) noexcept:
    PyMem_Free(samples.x)


cdef inline void _restart(Samples* samples) noexcept nogil:
    # the next is number 0; what is before is zero
    memset(samples.x, 0, 32 * sizeof(float))
    samples.held, samples.base, samples.coming = 16, -16, 0


cdef inline int _come(Samples* samples, const float complex* x, Py_ssize_t n) except -1:
    # n more, which stay where they are until `_keep`
    cdef float* grown
    cdef Py_ssize_t room = samples.held + n + SPAN
    if room > samples.room:
        grown = <float*>PyMem_Realloc(samples.x, 4 * room * sizeof(float))
        if not grown:
            raise MemoryError
        samples.x, samples.room = grown, 2 * room
    if n:
        memcpy(samples.x + 2 * samples.held, x, 2 * min(n, SPAN) * sizeof(float))
    samples.more, samples.coming = <const float*>x, n
    return 0


cdef inline void _keep(Samples* samples, long long first) noexcept nogil:
    # what is from some number on
    cdef Py_ssize_t drop = min(max(<Py_ssize_t>(first - samples.base), 0), samples.held + samples.coming)
    cdef Py_ssize_t old = min(drop, samples.held), new = drop - old, left = samples.held - old
    memmove(samples.x, samples.x + 2 * old, 2 * left * sizeof(float))
    if samples.coming > new:
        memcpy(samples.x + 2 * left, samples.more + 2 * new, 2 * (samples.coming - new) * sizeof(float))
    samples.held += samples.coming - drop
    samples.base += drop
    samples.coming = 0


cdef inline void _take(const Samples* samples, double u, float c, float s, float* y) noexcept nogil:
    # four samples about a symbol's middle, u in samples, turned by c + j s
    cdef Py_ssize_t stride = samples.stride, j, k
    cdef double start = u - 1.5 * stride
    cdef long long n = <long long>floor(start)
    cdef Py_ssize_t i = <Py_ssize_t>(n - samples.base) - TAPS // 2 + 1
    cdef const float* x
    cdef const float* taps
    cdef float part[2 * (TAPS + 3)]
    cdef float four[8]
    if i < 0 or i + TAPS + 3 * stride > samples.held + samples.coming:
        memset(y, 0, 8 * sizeof(float))
        return
    if i < samples.held:
        x = samples.x + 2 * i
    else:
        x = samples.more + 2 * (i - samples.held)
    taps = samples.taps + TAPS * <Py_ssize_t>((start - n) * POINTS + 0.5)
    if stride == 1:
        radome_cpm_take(x, taps, c, s, y)
        return
    for j in range(4):
        for k in range(TAPS):
            part[2 * k], part[2 * k + 1] = x[2 * (j * stride + k)], x[2 * (j * stride + k) + 1]
        memset(part + 2 * TAPS, 0, 6 * sizeof(float))
        radome_cpm_take(part, taps, c, s, four)
        y[2 * j], y[2 * j + 1] = four[0], four[1]


cdef inline void _sample(const Samples* samples, double u, double turned, float* y) noexcept nogil:
    # the same, turned by so many turns
    cdef float c, s
    _cis(turned, &c, &s)
    _take(samples, u, c, s, y)
