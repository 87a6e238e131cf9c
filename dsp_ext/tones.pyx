# isa: avx2
"""Which of two tones a symbol is, whatever its phase, where each slides over from that of the symbol before.

    soft = (H - L) / (H + L)       H, L = (sum over the four waves of a 1, or of a 0, of
                                           |sum over the symbol of x[n] conj(wave[n])|^8)^(1/8)

with a wave for each symbol before and behind, of which nearly the best one counts, as likelihoods would have it.

A wave is frequency modulation by rectangles smoothed by a Gaussian; between equal symbols it is the bare tone, as
symbols without a Gaussian always are. The envelope detector of orthogonal signals (J. G. Proakis, Digital
Communications, section 5.4): where the modulation index is large it hears more than a discriminator, which takes the
noise of the whole band. Bare tones alone would miss most of a smooth symbol between two others from an index of 3 on.
"""
import numpy as np

from libc.math cimport M_PI, cos, erf, exp, floor, rint, sin, sqrt, sqrtf

cdef enum:
    LONGEST = 64          # samples in a symbol
    STEPS = 128           # of the modulation index for which waves are made, per unit

cdef double BT = 0.5      # bandwidth-time product of the Gaussian


cdef double _ramp(double t, double sigma) noexcept nogil:
    cdef double z = t / sigma
    return t * 0.5 * (1 + erf(z / sqrt(2.0))) + sigma * exp(-z * z / 2) / sqrt(2 * M_PI)


cdef void _design(double index, Py_ssize_t n, float* re, float* im) noexcept nogil:
    # the four waves of a 1: by the symbols before and behind, 00, 01, 10, 11; those of a 0 are their conjugates
    cdef double sigma = sqrt(0.6931471805599453) / (2 * M_PI * BT), t, before, here, behind, phase
    cdef Py_ssize_t i, k
    for i in range(n):
        t = (i - 0.5 * (n - 1)) / n
        before = _ramp(t + 1.5, sigma) - _ramp(t + 0.5, sigma)
        here = _ramp(t + 0.5, sigma) - _ramp(t - 0.5, sigma)
        behind = _ramp(t - 0.5, sigma) - _ramp(t - 1.5, sigma)
        for k in range(4):
            phase = M_PI * index * (here + (before if k & 2 else -before) + (behind if k & 1 else -behind))
            re[k * n + i], im[k * n + i] = <float>cos(phase), <float>sin(phase)


cdef float _contrast(const float* x, Py_ssize_t n, double centre, const float* re, const float* im) noexcept nogil:
    cdef float c = <float>cos(2 * M_PI * centre), s = <float>sin(-2 * M_PI * centre)
    cdef float turn_re = 1, turn_im = 0, turned, rr, ii, ir, ri, best = 0, high = 0, low = 0, q
    cdef float[LONGEST] u
    cdef float[LONGEST] v
    cdef float[8] power
    cdef Py_ssize_t i, k
    # a rotation from sample to sample, exact enough over a symbol
    for i in range(n):
        u[i] = x[2 * i] * turn_re - x[2 * i + 1] * turn_im
        v[i] = x[2 * i] * turn_im + x[2 * i + 1] * turn_re
        turned = turn_re * c - turn_im * s
        turn_im = turn_re * s + turn_im * c
        turn_re = turned
    for k in range(4):
        rr = ii = ir = ri = 0
        for i in range(n):
            rr += u[i] * re[k * n + i]
            ii += v[i] * im[k * n + i]
            ir += v[i] * re[k * n + i]
            ri += u[i] * im[k * n + i]
        power[k] = (rr + ii) * (rr + ii) + (ir - ri) * (ir - ri)
        power[4 + k] = (rr - ii) * (rr - ii) + (ir + ri) * (ir + ri)
    for k in range(8):
        best = power[k] if power[k] > best else best
    # what is no number is in no range
    if not <float>1e-30 < best < <float>1e30:
        return 0
    for k in range(4):
        q = power[k] / best
        high += q * q * q * q
        q = power[4 + k] / best
        low += q * q * q * q
    high, low = sqrtf(sqrtf(sqrtf(high))), sqrtf(sqrtf(sqrtf(low)))
    return (high - low) / (high + low)


def tone_contrast(
    const float complex[::1] x not None,
    const double[::1] at not None,
    const float[::1] centres not None,
    const float[::1] swings not None,
    Py_ssize_t per_symbol,
):
    """Compare the tones of symbols.

    Parameters
    ----------
    x : (n,) complex64
    at : (m,) float64, middles of the symbols, in samples of x
    centres, swings : (m,) float32, midway between the tones, and from there to the upper one, cycles per sample
    per_symbol : samples in a symbol, 64 at most

    Returns
    -------
    (m,) float32 from -1 to 1, above 0 where the upper tone is more likely; 0 where a symbol is beyond x

    Raises
    ------
    ValueError : other lengths, or a symbol of no sample or too many
    """
    cdef Py_ssize_t m = at.shape[0], n = x.shape[0], k, first
    cdef double index, made = -1
    cdef float[4 * LONGEST] re
    cdef float[4 * LONGEST] im
    cdef float[::1] out
    cdef const float* p
    if centres.shape[0] != m or swings.shape[0] != m or not 1 <= per_symbol <= LONGEST:
        raise ValueError(
            f"{m} centres and swings and a symbol of 1 to {LONGEST} samples expected, "
            f"got {centres.shape[0]}, {swings.shape[0]} and {per_symbol}"
        )
    result = np.zeros(m, np.float32)
    if not m or not n:
        return result
    out = result
    p = <const float*>&x[0]
    with nogil:
        for k in range(m):
            # no number is in no range
            if not 0 <= at[k] <= n:
                continue
            first = <Py_ssize_t>floor(at[k] - 0.5 * per_symbol + 1)
            if first < 0 or first + per_symbol > n:
                continue
            index = rint(2 * swings[k] * per_symbol * STEPS) / STEPS
            if index != made:
                _design(index, per_symbol, re, im)
                made = index
            out[k] = _contrast(p + 2 * first, per_symbol, centres[k], re, im)
    return result
