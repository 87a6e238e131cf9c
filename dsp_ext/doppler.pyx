# isa: avx2, avx512
"""Mixer: turns complex samples by a phase that is a polynomial of the sample's number, without drift.

    y[k] = x[k] exp(j 2 pi phase(k)),   phase(k) = phase0 + frequency k + rate k^2 / 2   cycles

Phase, frequency and rate are integers in units of 2^-64 cycle, stepped by

    phase += step;  step += rate        mod 2^64; step starts at frequency + rate / 2

which is exact: the phase of a sample does not depend on how the samples before it were cut into calls, and a shift
does not drift over hours. Its upper 32 bits p (in cycles, -1/2 to 1/2) make sine and cosine,

    cos(2 pi p) = sin(pi/2 z),   z = 1 - 4 |p|

by an odd minimax polynomial of degree 9 on [-1, 1] (largest error 3.4e-9 by itself, below 2e-7 in float32).
"""
import numpy as np

from libc.math cimport fabsf, isfinite
from libc.stdint cimport int64_t, uint64_t

cdef extern from "simd.h" nogil:
    uint64_t radome_fixed(double cycles)
    void radome_mix(const float *x, float *y, Py_ssize_t n, uint64_t phase, uint64_t step, uint64_t rate)

cdef double TURN = 18446744073709551616.0  # 2^64, one cycle


cdef class Mixer:
    """Numerically controlled oscillator and complex multiplier.

    Frequency and rate hold until they are set again; the phase runs on over `set`, so that a frequency which is linear
    in pieces gives a phase without steps. Deterministic: the same pieces give the same bits under any cuts.

    Parameters
    ----------
    frequency : cycles per sample, at the next sample
    rate : cycles per sample^2; resolved to 2^-64, so that a piece of n samples ends within n^2 2^-66 cycle
    phase : cycles, of the next sample

    Raises
    ------
    ValueError : not finite
    """

    cdef uint64_t _phase
    cdef uint64_t _step
    cdef uint64_t _rate

    def __init__(self, double frequency=0.0, double rate=0.0, double phase=0.0):
        self._phase = 0
        self.set(frequency, rate, phase)

    @property
    def phase(self):
        """Of the next sample, cycles in [0, 1)."""
        return <double>(self._phase >> 11) / 9007199254740992.0

    @property
    def frequency(self):
        """At the next sample, cycles per sample in [-1/2, 1/2)."""
        return <double><int64_t>(self._step - <uint64_t>(<int64_t>self._rate >> 1)) / TURN

    cdef int _set(self, double frequency, double rate) except -1:
        if not (isfinite(frequency) and isfinite(rate)):
            raise ValueError(f"frequency {frequency!r} and rate {rate!r} must be finite")
        self._rate = radome_fixed(rate)
        self._step = radome_fixed(frequency) + radome_fixed(rate / 2)
        return 0

    def set(self, double frequency, double rate=0.0, phase=None):
        """Change the frequency and its rate from the next sample on; the phase runs on unless it is given.

        Parameters
        ----------
        frequency : cycles per sample, at the next sample
        rate : cycles per sample^2
        phase : cycles, of the next sample; None: as it is

        Raises
        ------
        ValueError : not finite
        """
        cdef double cycles
        self._set(frequency, rate)
        if phase is not None:
            cycles = phase
            if not isfinite(cycles):
                raise ValueError(f"phase {cycles!r} must be finite")
            self._phase = radome_fixed(cycles)

    def process(self, const float complex[::1] x not None, float complex[::1] out not None):
        """Turn the next samples.

        Parameters
        ----------
        x : (n,) complex64
        out : (n,) complex64; it may be `x` itself, but must not overlap it otherwise

        Raises
        ------
        ValueError : lengths differ
        """
        if out.shape[0] != x.shape[0]:
            raise ValueError(f"out has {out.shape[0]} items; x has {x.shape[0]}")
        if x.shape[0]:
            with nogil:
                self._run(<const float *>&x[0], <float *>&out[0], x.shape[0])

    def pieces(self, const float complex[::1] x not None, float complex[::1] out not None,
               const int64_t[::1] lengths not None, const double[::1] frequencies not None,
               const double[::1] rates not None):
        """Turn samples by a frequency that is linear in pieces: `set` and `process` for each, in one call.

        The last piece goes on in the next `process`.

        Parameters
        ----------
        x, out : (n,) complex64, as for `process`
        lengths : (m,) int64, samples in each piece; their sum is n
        frequencies : (m,) float64, cycles per sample at each piece's first sample
        rates : (m,) float64, cycles per sample^2

        Raises
        ------
        ValueError : lengths differ, are negative or do not sum to n; not finite
        """
        cdef Py_ssize_t m = lengths.shape[0], start = 0, i
        if out.shape[0] != x.shape[0]:
            raise ValueError(f"out has {out.shape[0]} items; x has {x.shape[0]}")
        if frequencies.shape[0] != m or rates.shape[0] != m:
            raise ValueError(f"{m} lengths, {frequencies.shape[0]} frequencies and {rates.shape[0]} rates differ")
        for i in range(m):
            if lengths[i] < 0 or lengths[i] > x.shape[0] - start:
                raise ValueError(f"lengths do not sum to the {x.shape[0]} items of x")
            if not (isfinite(frequencies[i]) and isfinite(rates[i])):
                raise ValueError(f"piece {i}: frequency {frequencies[i]!r} and rate {rates[i]!r} must be finite")
            start += lengths[i]
        if start != x.shape[0]:
            raise ValueError(f"lengths sum to {start}; x has {x.shape[0]} items")
        start = 0
        for i in range(m):
            self._set(frequencies[i], rates[i])
            if lengths[i]:
                self._run(<const float *>&x[start], <float *>&out[start], lengths[i])
            start += lengths[i]

    cdef void _run(self, const float *x, float *y, Py_ssize_t n) noexcept nogil:
        cdef uint64_t k = <uint64_t>n
        radome_mix(x, y, n, self._phase, self._step, self._rate)
        self._phase += k * self._step + k * (k - 1) // 2 * self._rate
        self._step += k * self._rate


def ramps(const int64_t[::1] lengths not None, const double[::1] starts not None, const double[::1] slopes not None):
    """Values that are linear in pieces.

    Parameters
    ----------
    lengths : (m,) int64, values in each piece
    starts : (m,) float64, first value of each
    slopes : (m,) float64, from one value to the next

    Returns
    -------
    (sum of lengths,) float32

    Raises
    ------
    ValueError : lengths differ, are negative or 2^31 or more
    """
    cdef Py_ssize_t m = lengths.shape[0], n = 0, at = 0, i
    cdef int k                                   # as vectors convert it
    cdef float[::1] out
    if starts.shape[0] != m or slopes.shape[0] != m:
        raise ValueError(f"{m} lengths, {starts.shape[0]} starts and {slopes.shape[0]} slopes differ")
    for i in range(m):
        if not 0 <= lengths[i] < 2**31:
            raise ValueError(f"piece {i}: a length of 0 or more, below 2^31, expected, got {lengths[i]}")
        n += lengths[i]
    result = np.empty(n, np.float32)
    out = result
    with nogil:
        for i in range(m):
            for k in range(<int>lengths[i]):
                out[at + k] = <float>(starts[i] + slopes[i] * k)
            at += lengths[i]
    return result


cdef inline double _slope(const double[::1] positions, const double[::1] values, Py_ssize_t k) noexcept nogil:
    # from value k to the next, the last of which goes on level
    if k + 1 == positions.shape[0]:
        return 0
    return (values[k + 1] - values[k]) / (positions[k + 1] - positions[k])


def straight(const double[::1] at not None, const double[::1] positions not None, const double[::1] values not None):
    """Values on straight lines from each that is known to the next; level before the first and behind the last.

    Parameters
    ----------
    at : (n,) float64, where they are wanted, rising
    positions, values : (m,) float64, m of 1 or more: where they are known, rising, and what they are there

    Returns
    -------
    (n,) float64

    Raises
    ------
    ValueError : none is known, or lengths differ
    """
    cdef Py_ssize_t n = at.shape[0], m = positions.shape[0], i, k = 0
    cdef double slope, gone
    cdef double[::1] out
    if not m or values.shape[0] != m:
        raise ValueError(f"as many values as positions expected, 1 or more, got {values.shape[0]} and {m}")
    result = np.empty(n)
    out = result
    with nogil:
        slope = _slope(positions, values, 0)
        for i in range(n):
            if k + 1 < m and at[i] >= positions[k + 1]:
                while k + 1 < m and at[i] >= positions[k + 1]:
                    k += 1
                slope = _slope(positions, values, k)
            gone = at[i] - positions[k]
            out[i] = values[k] + slope * (gone if gone > 0 else 0)
    return result


cdef bint _steps(const float* x, Py_ssize_t n, float least) noexcept nogil:
    # whether any of n differences is above the least
    cdef Py_ssize_t k
    cdef int above = 0
    for k in range(n):
        above |= fabsf(x[k + 1] - x[k]) > least
    return above


def kept_points(const float[::1] values not None, Py_ssize_t first, Py_ssize_t every, float least):
    """Points that tell a track which is smooth but for steps: those at even distances, and both sides of each step.

    Parameters
    ----------
    values : (n,) float32
    first : the first of the points at even distances, 0 or more
    every : from one of them to the next, 1 or more
    least : by which two neighbours differ, where there is a step between them

    Returns
    -------
    (m,) int64, rising

    Raises
    ------
    ValueError : first or every is too small
    """
    cdef Py_ssize_t n = values.shape[0], made = 0, start = 0, stop, k
    cdef const float* x = &values[0] if n else NULL
    cdef int64_t[::1] out
    if first < 0 or every < 1:
        raise ValueError(f"a first of 0 or more and 1 or more to the next expected, got {first} and {every}")
    result = np.empty(n, np.int64)
    out = result
    with nogil:
        while start < n:
            # up to the next point
            stop = first if start < first else start + every
            stop = stop if stop < n else n
            if start >= first and (not made or out[made - 1] < start):
                out[made] = start
                made += 1
            if _steps(x + start, stop - start if stop < n else n - 1 - start, least):
                for k in range(start, stop if stop < n else n - 1):
                    if fabsf(x[k + 1] - x[k]) > least:
                        if not made or out[made - 1] < k:
                            out[made] = k
                            made += 1
                        out[made] = k + 1
                        made += 1
            start = stop
    return result[:made]
