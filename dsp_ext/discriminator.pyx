# isa: avx2, avx512
"""Frequency discriminator.

    y[n] = arg(x[n] * conj(x[n-1])) / (2*pi)      cycles per sample, -0.5 to 0.5

It stands for the instant half a sample before x[n]. The arctangent is an odd polynomial of degree 15 on [0, 1] with the
octant folded, after Abramowitz and Stegun 4.4.49; its error is below 1e-6 cycle.
"""
import numpy as np


cdef inline float _turn(float re, float im) noexcept nogil:
    # argument in cycles; 0 for 0
    cdef float a = re if re >= 0 else -re
    cdef float b = im if im >= 0 else -im
    cdef float big = a if a > b else b
    cdef float small = b if a > b else a
    cdef float z = small / (big if big > <float>1e-30 else <float>1e-30)
    cdef float s = z * z
    cdef float p = <float>-0.0040540580
    p = p * s + <float>0.0218612288
    p = p * s - <float>0.0559098861
    p = p * s + <float>0.0964200441
    p = p * s - <float>0.1390853351
    p = p * s + <float>0.1994653599
    p = p * s - <float>0.3332985605
    p = p * s + <float>0.9999993329
    p = p * z * <float>0.15915494309189535
    p = <float>0.25 - p if b > a else p
    p = <float>0.5 - p if re < 0 else p
    # no number, after what was none or too large to multiply, would stay in the loops behind
    p = p if p < 1 else 0
    return -p if im < 0 else p


cdef void _discriminate(const float* x, float* y, Py_ssize_t n) noexcept nogil:
    # x[0], x[1] is the sample before the first
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = _turn(x[2 * i + 2] * x[2 * i] + x[2 * i + 3] * x[2 * i + 1],
                     x[2 * i + 3] * x[2 * i] - x[2 * i + 2] * x[2 * i + 1])


cdef class Discriminator:
    """Phase steps of a complex stream, in cycles per sample."""
    cdef float _last[4]

    def __cinit__(self):
        self.reset()

    cpdef reset(self):
        """Forget the last sample: the next gives 0."""
        self._last[0] = self._last[1] = 0

    def process(self, const float complex[::1] x not None):
        """Discriminate a chunk.

        Parameters
        ----------
        x : (n,) complex64

        Returns
        -------
        (n,) float32, cycles per sample; 0 for the first of all and where `x` is not finite or beyond 1e19
        """
        cdef Py_ssize_t n = x.shape[0]
        cdef const float* p
        cdef float[::1] out
        result = np.empty(n, np.float32)
        if n:
            out = result
            p = <const float*>&x[0]
            with nogil:
                self._last[2], self._last[3] = p[0], p[1]
                _discriminate(self._last, &out[0], 1)
                _discriminate(p, &out[1], n - 1)
                self._last[0], self._last[1] = p[2 * n - 2], p[2 * n - 1]
        return result
