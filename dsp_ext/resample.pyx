# isa: avx2, avx512
"""Resampling by any ratio with a polyphase filter, which may be a matched filter at the same time.

    y[n] = sum_k  h(k - t_n) * x[k]     at  t_n = n * step  input samples,  x zero outside its samples

with h tabulated at `phases` points a sample and the nearest point taken, so the instant of an output is within
1/(2*phases) input sample of its nominal one.
"""
import numpy as np

from libc.math cimport floor
from libc.string cimport memcpy, memmove, memset
from cpython.mem cimport PyMem_Malloc, PyMem_Realloc, PyMem_Free

cdef extern from "simd.h" nogil:
    void radome_dot_real(const float* x, const float* h, Py_ssize_t n, float* y)
    void radome_dot_complex(const float* x, const float* h2, Py_ssize_t n, float* y)


cdef class Resampler:
    """Give the filtered stream at every `step` input samples.

    Parameters
    ----------
    bank : (phases + 1, K) float32, K even; row p holds h(k - K/2 + 1 - p/phases) for k = 0 .. K-1
    step : input samples per output sample, > 0
    is_complex : complex64 items instead of float32

    Raises
    ------
    ValueError : a bank or step of another form
    """
    cdef float* _bank
    cdef float* _buffer
    cdef Py_ssize_t _phases, _length, _width, _count, _capacity
    cdef long long _first, _output
    cdef double _step
    cdef readonly bint is_complex

    def __cinit__(self, const float[:, ::1] bank not None, double step, bint is_complex):
        cdef Py_ssize_t p, k, w
        if bank.shape[0] < 2 or bank.shape[1] < 2 or bank.shape[1] % 2:
            raise ValueError(f"a bank of 2 or more rows and an even number of taps expected, "
                             f"got {bank.shape[0]} x {bank.shape[1]}")
        if not 1e-6 < step < 1e9:
            raise ValueError(f"a step above 0 expected, got {step}")
        self.is_complex, self._width = is_complex, 2 if is_complex else 1
        self._phases, self._length, self._step = bank.shape[0] - 1, bank.shape[1], step
        self._bank = <float*>PyMem_Malloc(bank.shape[0] * bank.shape[1] * self._width * sizeof(float))
        if not self._bank:
            raise MemoryError
        for p in range(bank.shape[0]):
            for k in range(bank.shape[1]):
                for w in range(self._width):
                    self._bank[(p * self._length + k) * self._width + w] = bank[p, k]
        self.reset()

    def __dealloc__(self):
        PyMem_Free(self._bank)
        PyMem_Free(self._buffer)

    cdef int _reserve(self, Py_ssize_t items) except -1:
        cdef float* grown
        if items > self._capacity:
            grown = <float*>PyMem_Realloc(self._buffer, items * self._width * sizeof(float))
            if not grown:
                raise MemoryError
            self._buffer, self._capacity = grown, items
        return 0

    cpdef reset(self):
        """Forget all input; the next sample is number 0."""
        self._reserve(self._length)
        self._count = self._length // 2 - 1
        self._first = -self._count          # input index of the first sample in the buffer
        self._output = 0
        memset(self._buffer, 0, self._count * self._width * sizeof(float))

    cdef _run(self, const float* x, Py_ssize_t n):
        cdef Py_ssize_t width = self._width, length = self._length, half = self._length // 2 - 1
        cdef Py_ssize_t row, m, outputs, drop
        cdef long long last, i
        cdef double t, step = self._step
        cdef float* bank = self._bank
        cdef float[::1] out
        self._reserve(self._count + n)
        memcpy(self._buffer + self._count * width, x, n * width * sizeof(float))
        self._count += n
        last = self._first + self._count - 1 - (length - 1 - half)   # last input index whose taps are filled
        # outputs with floor(t) <= last
        outputs = 0
        if last >= 0:
            outputs = <Py_ssize_t>(<long long>floor((last + 1) / step) - self._output) + 1
            while outputs > 0 and floor((self._output + outputs - 1) * step) > last:
                outputs -= 1
            if outputs < 0:
                outputs = 0
        result = np.empty(outputs * width, np.float32)
        if outputs:
            out = result
            with nogil:
                for m in range(outputs):
                    t = (self._output + m) * step
                    i = <long long>floor(t)
                    row = <Py_ssize_t>((t - i) * self._phases + 0.5)
                    if width == 2:
                        radome_dot_complex(self._buffer + 2 * (i - half - self._first), bank + 2 * row * length, length,
                                           &out[2 * m])
                    else:
                        radome_dot_real(self._buffer + (i - half - self._first), bank + row * length, length, &out[m])
        self._output += outputs
        drop = <Py_ssize_t>(<long long>floor(self._output * step) - half - self._first)
        if drop > self._count:
            drop = self._count
        if drop > 0:
            memmove(self._buffer, self._buffer + drop * width, (self._count - drop) * width * sizeof(float))
            self._count -= drop
            self._first += drop
        return result.view(np.complex64) if width == 2 else result

    def process(self, x):
        """Resample a chunk.

        Parameters
        ----------
        x : (n,) complex64 or float32, as constructed

        Returns
        -------
        (m,) of the same type: the outputs whose taps are filled; output number i of all stands at input sample i*step
        """
        cdef const float[::1] real
        cdef const float complex[::1] both
        if x is None:
            raise TypeError("an array expected, got None")
        if self.is_complex:
            both = x
            return self._run(<const float*>&both[0] if both.shape[0] else NULL, both.shape[0])
        real = x
        return self._run(&real[0] if real.shape[0] else NULL, real.shape[0])

    def flush(self):
        """Outputs that wait for input behind the end, which is taken as zero. The resampler is reset.

        Returns
        -------
        (m,) complex64 or float32
        """
        zeros = np.zeros(self._length // 2, np.complex64 if self.is_complex else np.float32)
        last = self.process(zeros)
        self.reset()
        return last
