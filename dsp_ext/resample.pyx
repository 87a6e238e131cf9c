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
    Py_ssize_t radome_room(Py_ssize_t n)
    void radome_lay(const float* taps, Py_ssize_t n, float* h)
    void radome_dot(const float* x, const float* h, Py_ssize_t n, bint pairs, float* y)
    void radome_dots(const float* x0, const float* x1, const float* x2, const float* x3, const float* h0,
                     const float* h1, const float* h2, const float* h3, Py_ssize_t n, bint pairs, float* y)
    enum:
        RADOME_LANES


cdef inline void _filter(const float* x, const float* bank, Py_ssize_t taps, Py_ssize_t row, bint pairs,
                         Py_ssize_t phases, long long first, long long number, double step, Py_ssize_t outputs,
                         float* y) noexcept nogil:
    # outputs from that number on; x[0] is input number `first`, less the taps before an instant
    cdef const float* at[4]
    cdef const float* h[4]
    cdef Py_ssize_t m, r, count, width = 2 if pairs else 1
    cdef long long i
    cdef double t
    for m in range(0, outputs, 4):
        count = outputs - m if outputs - m < 4 else 4
        for r in range(count):
            t = (number + m + r) * step
            i = <long long>t
            at[r] = x + (i - first) * width
            h[r] = bank + <Py_ssize_t>((t - i) * phases + 0.5) * row
        if count == 4 and taps > RADOME_LANES:
            radome_dots(at[0], at[1], at[2], at[3], h[0], h[1], h[2], h[3], taps, pairs, y + m * width)
        else:
            for r in range(count):
                radome_dot(at[r], h[r], taps, pairs, y + (m + r) * width)


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
    cdef Py_ssize_t _phases, _length, _row, _width, _count, _capacity
    cdef long long _first, _output
    cdef double _step
    cdef readonly bint is_complex

    def __cinit__(self, const float[:, ::1] bank not None, double step, bint is_complex):
        cdef Py_ssize_t p
        cdef const float[:, ::1] twice
        if bank.shape[0] < 2 or bank.shape[1] < 2 or bank.shape[1] % 2:
            raise ValueError(f"a bank of 2 or more rows and an even number of taps expected, "
                             f"got {bank.shape[0]} x {bank.shape[1]}")
        if not 1e-6 < step < 1e9:
            raise ValueError(f"a step above 0 expected, got {step}")
        self.is_complex, self._width = is_complex, 2 if is_complex else 1
        self._phases, self._length, self._step = bank.shape[0] - 1, bank.shape[1], step
        self._row = radome_room(self._length * self._width)
        self._bank = <float*>PyMem_Malloc(bank.shape[0] * self._row * sizeof(float))
        if not self._bank:
            raise MemoryError
        twice = np.repeat(bank, self._width, axis=1)
        for p in range(bank.shape[0]):
            radome_lay(&twice[p, 0], self._length * self._width, self._bank + p * self._row)
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
        cdef Py_ssize_t outputs, drop
        cdef long long last
        cdef double step = self._step
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
                if width == 2:
                    _filter(self._buffer, self._bank, 2 * length, self._row, True, self._phases, self._first + half,
                            self._output, step, outputs, &out[0])
                else:
                    _filter(self._buffer, self._bank, length, self._row, False, self._phases, self._first + half,
                            self._output, step, outputs, &out[0])
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
