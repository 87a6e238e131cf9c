# isa: avx2, avx512
"""Resampling by any ratio with a polyphase filter, which may be a matched filter at the same time.

    y[n] = sum_k  h(k - t_n) * x[k]     at  t_n = n * step  input samples,  x zero outside its samples

with h tabulated at `phases` points a sample and the nearest point taken, so the instant of an output is within
1/(2*phases) input sample of its nominal one.

Where the places between samples recur after a few outputs, as at a step of 5/4, taps of a vector of outputs stand side
by side, each shifted by as many samples as it is late, so that a sample is multiplied for all of them at once.
"""
import numpy as np

from libc.math cimport floor
from libc.string cimport memcpy, memmove, memset
from cpython.mem cimport PyMem_Malloc, PyMem_Free

cdef extern from "simd.h" nogil:
    Py_ssize_t radome_room(Py_ssize_t n)
    float* radome_aligned(void* p)
    void radome_lay(const float* taps, Py_ssize_t n, float* h)
    void radome_dot(const float* x, const float* h, Py_ssize_t n, bint pairs, float* y)
    void radome_dots(const float* x0, const float* x1, const float* x2, const float* x3, const float* h0,
                     const float* h1, const float* h2, const float* h3, Py_ssize_t n, bint pairs, float* y)
    void radome_beside(const float* x, Py_ssize_t hop, const float* h, Py_ssize_t n, bint pairs, Py_ssize_t count,
                       float* y, Py_ssize_t apart)
    enum:
        RADOME_LANES
        RADOME_LINE

cdef enum:
    PERIOD = 8            # outputs after which the places between samples recur, at most: by a power of 2 exactly


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
        if count == 4 and taps >= RADOME_LANES:
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
    cdef void* _room
    cdef float* _bank      # in it
    cdef float* _buffer    # what is still needed of the input
    cdef Py_ssize_t _phases, _length, _row, _width, _count
    cdef long long _first, _output
    cdef double _step
    # where places recur: for each of them, rows of taps of a vector of outputs
    cdef void* _side
    cdef float* _shifted   # in it
    cdef float* _rest      # samples of the last outputs, too few for a vector
    cdef Py_ssize_t _period, _rows, _used, _unused   # taps that are not zero; how many are before them
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
        self._room = PyMem_Malloc(bank.shape[0] * self._row * sizeof(float) + RADOME_LINE)
        self._buffer = <float*>PyMem_Malloc(2 * self._length * self._width * sizeof(float))
        if not self._room or not self._buffer:
            raise MemoryError
        self._bank = radome_aligned(self._room)
        twice = np.repeat(bank, self._width, axis=1)
        for p in range(bank.shape[0]):
            radome_lay(&twice[p, 0], self._length * self._width, self._bank + p * self._row)
        self._shift(bank)
        self.reset()

    def __dealloc__(self):
        PyMem_Free(self._room)
        PyMem_Free(self._buffer)
        PyMem_Free(self._side)
        PyMem_Free(self._rest)

    cdef int _shift(self, const float[:, ::1] bank) except -1:
        # taps of vectors of outputs, unless places do not recur or too many of the taps would be zero
        cdef Py_ssize_t lanes = RADOME_LANES // self._width, period = 1, start, r, k, late, lane
        cdef double t
        cdef float* h
        used = np.flatnonzero(np.any(bank, axis=0))
        while period < PERIOD and floor(period * self._step) != period * self._step:
            period *= 2
        if floor(period * self._step) != period * self._step or not len(used):
            return 0
        self._unused, self._used = used.min(), np.ptp(used) + 1
        self._rows = self._used + <Py_ssize_t>((lanes - 1) * self._step) + 1
        if 2 * self._rows > 3 * self._length:
            return 0
        self._side = PyMem_Malloc(period * self._rows * RADOME_LANES * sizeof(float) + RADOME_LINE)
        self._rest = <float*>PyMem_Malloc((self._rows * self._width + RADOME_LANES) * sizeof(float))
        if not self._side or not self._rest:
            raise MemoryError
        self._period, self._shifted = period, radome_aligned(self._side)
        memset(self._shifted, 0, period * self._rows * RADOME_LANES * sizeof(float))
        for start in range(period):
            h = self._shifted + start * self._rows * RADOME_LANES
            for r in range(lanes):
                t = (start + r) * self._step
                late = <Py_ssize_t>t - <Py_ssize_t>(start * self._step)
                for k in range(self._used):
                    for lane in range(r * self._width, (r + 1) * self._width):
                        h[(late + k) * RADOME_LANES + lane] = bank[
                            <Py_ssize_t>((t - floor(t)) * self._phases + 0.5), self._unused + k]
        return 0

    cpdef reset(self):
        """Forget all input; the next sample is number 0."""
        self._count = self._length // 2 - 1
        self._first = -self._count          # input index of the first sample in the buffer
        self._output = 0
        memset(self._buffer, 0, self._count * self._width * sizeof(float))

    cdef Py_ssize_t _outputs(self, long long stop) noexcept nogil:
        # that are ready when inputs up to `stop` are there: whose last tap is before it
        cdef long long last = stop - 1 - self._length // 2
        cdef Py_ssize_t outputs
        if last < 0:
            return 0
        outputs = <Py_ssize_t>(<long long>floor((last + 1) / self._step) - self._output) + 1
        while outputs > 0 and floor((self._output + outputs - 1) * self._step) > last:
            outputs -= 1
        return outputs if outputs > 0 else 0

    cdef void _vectors(self, const float* x, long long first, long long number, Py_ssize_t count, Py_ssize_t apart,
                       float* y) noexcept nogil:
        # so many vectors of outputs, the first of which has that number, and so many vectors apart; x as for _filter
        cdef Py_ssize_t lanes = RADOME_LANES // self._width, start = number % self._period
        cdef Py_ssize_t last = <Py_ssize_t>((start + lanes - 1) * self._step) - <Py_ssize_t>(start * self._step)
        x += (<long long>(number * self._step) - first + self._unused) * self._width
        radome_beside(x, <Py_ssize_t>(apart * lanes * self._step), self._shifted + start * self._rows * RADOME_LANES,
                      last + self._used, self._width == 2, count, y, apart * RADOME_LANES)

    cdef void _side_by_side(self, const float* x, long long first, Py_ssize_t outputs, float* y) noexcept nogil:
        # as _filter
        cdef Py_ssize_t lanes = RADOME_LANES // self._width, vectors = outputs // lanes, kinds = 1, kind, have
        cdef long long number = self._output + vectors * lanes, at = <long long>(number * self._step)
        while kinds * lanes % self._period:
            kinds *= 2
        for kind in range(kinds):
            self._vectors(x, first, self._output + kind * lanes, (vectors - kind + kinds - 1) // kinds, kinds,
                          y + kind * RADOME_LANES)
        if outputs % lanes:
            have = <Py_ssize_t>(<long long>((self._output + outputs - 1) * self._step) - at) + self._used
            memset(self._rest, 0, self._rows * self._width * sizeof(float))
            memcpy(self._rest, x + (at - first + self._unused) * self._width, have * self._width * sizeof(float))
            self._vectors(self._rest, at + self._unused, number, 1, 1, self._rest + self._rows * self._width)
            memcpy(y + vectors * RADOME_LANES, self._rest + self._rows * self._width,
                   outputs % lanes * self._width * sizeof(float))

    cdef void _make(self, const float* x, long long first, Py_ssize_t outputs, float* y) noexcept nogil:
        # the next outputs, from samples the first of which has that number
        cdef long long before = first + self._length // 2 - 1
        if self._period:
            self._side_by_side(x, before, outputs, y)
        elif self._width == 2:
            _filter(x, self._bank, 2 * self._length, self._row, True, self._phases, before, self._output, self._step,
                    outputs, y)
        else:
            _filter(x, self._bank, self._length, self._row, False, self._phases, before, self._output, self._step,
                    outputs, y)
        self._output += outputs

    cdef _run(self, const float* x, Py_ssize_t n):
        cdef Py_ssize_t width = self._width, part, early = 0, drop
        cdef Py_ssize_t outputs = self._outputs(self._first + self._count + n)
        cdef long long stop = self._first + self._count   # of what was there before
        cdef float[::1] out
        result = np.empty(outputs * width, np.float32)
        out = result
        with nogil:
            # outputs that begin in the buffer need up to length - 1 samples behind it; the others have all theirs in x
            part = n if n < self._length else self._length
            memcpy(self._buffer + self._count * width, x, part * width * sizeof(float))
            if outputs:
                early = outputs if part == n else self._outputs(stop + part)
                self._make(self._buffer, self._first, early, &out[0])
            if outputs > early:
                self._make(x, stop, outputs - early, &out[early * width])
            drop = <Py_ssize_t>(<long long>floor(self._output * self._step) - (self._length // 2 - 1) - self._first)
            drop = drop if drop < self._count + n else self._count + n
            if drop >= self._count:
                memcpy(self._buffer, x + (drop - self._count) * width, (self._count + n - drop) * width * sizeof(float))
            else:
                # what is left is less than the taps, so all of x is in the buffer
                memmove(self._buffer, self._buffer + drop * width, (self._count + n - drop) * width * sizeof(float))
            self._count += n - drop
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
            return self._run(<const float*>&both[0] if both.shape[0] else self._buffer, both.shape[0])
        real = x
        return self._run(&real[0] if real.shape[0] else self._buffer, real.shape[0])

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
