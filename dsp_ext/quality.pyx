"""How good the symbols of one frame are."""
from libc.math cimport M_PI, NAN, erfc, exp, fabs, isfinite, sqrt


def esn0(const float[::1] soft not None):
    """Es/N0 of antipodal symbols in real noise, from the first two moments of their magnitude.

    Folding makes |s| of weak symbols too large and its spread too small; the fixed point of the folded normal
    distribution's moments (Leone, Nelson, Nottingham, Technometrics 3, 1961) undoes that.

    Parameters
    ----------
    soft : (n,) float32, n of 1 or more

    Returns
    -------
    Power ratio, 0.01 to 10000
    """
    cdef Py_ssize_t i, n = soft.shape[0]
    cdef double mean = 0, square = 0, a, before, sigma, ratio, variance
    if not n:
        raise ValueError("one symbol or more expected")
    with nogil:
        for i in range(n):
            mean += fabs(soft[i])
            square += <double>soft[i] * soft[i]
    mean /= n
    square /= n
    if square <= 0:
        return 0.01
    a = mean
    for _ in range(20):
        sigma = sqrt(max(square - a * a, 1e-12 * square))
        ratio = a / sigma
        before = a
        a = max(mean - sigma * sqrt(2 / M_PI) * exp(-ratio * ratio / 2) + a * erfc(ratio / sqrt(2.0)), 0.0)
        if fabs(a - before) < 1e-9 * mean:
            break
    variance = max(square - a * a, 1e-12 * square)
    return min(max(a * a / (2 * variance), 0.01), 1e4)


def mean_of_known(const float[::1] x not None):
    """Mean of the values that are finite; NaN where none is.

    Parameters
    ----------
    x : (n,) float32
    """
    cdef Py_ssize_t i, n = 0
    cdef double total = 0
    with nogil:
        for i in range(x.shape[0]):
            if isfinite(x[i]):
                total += x[i]
                n += 1
    return total / n if n else NAN
