"""The clicks of an FM receiver, cut to the height of the signal.

Near its threshold an FM discriminator's noise has clicks: the carrier is swept round once more, which adds a cycle to
the phase within about one over the receiver's bandwidth (S. O. Rice, "Noise in FM Receivers", in Rosenblatt: Time
Series Analysis, 1963). Such a click is many times as high as a signal that is much slower than the receiver is wide.
Low-passed as it is, it would fill a symbol; cut to the signal's height before, it is a small part of one.

    y[n] = x[n], or the nearer bound where x[n] lies beyond

The stream is taken in blocks. In each the values are averaged over some samples, and all but a share of these on each
side lies between two levels. Those of a block and of its neighbours tell how high the signal is. Coupling capacitors
make a signal of two levels lean over, and reach further than the greater part of it: half of the averages lie between
their quartiles, and the further beyond these the levels are, the further out are the bounds. So they are, too, where
noise hides the levels: what is cut off it would not be a click.
"""
import numpy as np

from libc.stdlib cimport free
from libc.string cimport memcpy, memset
from cpython.mem cimport PyMem_Free, PyMem_Malloc

from dsp_ext.order cimport smallest
from dsp_ext.queue cimport radome_drop, radome_items, radome_push, radome_queue

cdef enum:
    MANY = 256                  # averages of a block are enough

cdef float CLEAR = <float>1.55  # times the quartiles are apart the levels are, where two of them stand out
cdef float LEAST = <float>1.1   # times half of the levels' distance from midway between them is where bounds are


cdef struct Levels:
    float low, high
    float between               # the quartiles


cdef class ClickLimiter:
    """Cut what is higher than the signal.

    Parameters
    ----------
    block : samples in a block
    smooth : samples that are averaged before levels are looked for; a click is shorter
    share : of the averages that may lie beyond a level on each side, 0 to below 0.25
    leaning : how much further out the bounds are by how much further than two clear levels these are apart, as a share
        of the quartiles' distance; 0 for what cannot lean, such as tones

    Raises
    ------
    ValueError : a block that is not longer than `smooth`, or no such share
    """
    cdef radome_queue _held
    cdef float* _averages
    cdef Py_ssize_t _block, _smooth, _step
    cdef double _share
    cdef float _leaning
    cdef bint _begun            # `_here` is that of the first block held
    cdef Levels _before, _here

    def __cinit__(self, Py_ssize_t block, Py_ssize_t smooth, double share, float leaning):
        if not 1 <= smooth < block:
            raise ValueError(f"an average over 1 to {block - 1} samples of a block of {block} expected, got {smooth}")
        if not 0 <= share < 0.25:
            raise ValueError(f"a share of 0 to below 0.25 expected, got {share:g}")
        self._block, self._smooth, self._share, self._leaning = block, smooth, share, leaning
        self._step = max(1, smooth // 4, block // MANY)
        memset(&self._held, 0, sizeof(radome_queue))
        self._averages = <float*>PyMem_Malloc(((block - smooth) // self._step + 1) * sizeof(float))
        if not self._averages:
            raise MemoryError
        self.reset()

    def __dealloc__(self):
        free(self._held.bytes)
        PyMem_Free(self._averages)

    cpdef reset(self):
        """Forget the stream so far."""
        self._held.first = self._held.stop = 0
        self._begun = False

    cdef Levels _levels(self, const float* x, Py_ssize_t n) noexcept nogil:
        cdef Levels found
        cdef Py_ssize_t i, j, k = (n - self._smooth) // self._step + 1, beyond, quarter
        cdef float sum
        for i in range(k):
            sum = 0
            for j in range(self._smooth):
                sum += x[i * self._step + j]
            self._averages[i] = sum / self._smooth
        beyond, quarter = <Py_ssize_t>(self._share * k), k // 4
        found.low = smallest(self._averages, 0, k, beyond)
        found.between = -smallest(self._averages, beyond, k, quarter)
        found.between += smallest(self._averages, quarter, k, k - 1 - quarter)
        found.high = smallest(self._averages, k - 1 - quarter, k, k - 1 - beyond)
        return found

    cdef void _cut(self, const float* x, float* y, Py_ssize_t n, Levels after) noexcept nogil:
        cdef Levels a = self._before, b = self._here, c = after
        cdef float low = min(a.low, min(b.low, c.low)), high = max(a.high, max(b.high, c.high))
        cdef float far = (a.high - a.low + b.high - b.low + c.high - c.low) / (a.between + b.between + c.between)
        cdef float middle = (low + high) / 2, reach = (high - low) / 2
        cdef Py_ssize_t i
        reach *= LEAST + (self._leaning * (far - CLEAR) if far > CLEAR else 0)
        low, high = middle - reach, middle + reach
        for i in range(n):
            y[i] = low if x[i] < low else (high if x[i] > high else x[i])

    cdef void _next(self, const float* x, float* y, Py_ssize_t left) noexcept nogil:
        # the first block of what is left, of which the next may be no whole one
        cdef Py_ssize_t behind = min(left - self._block, self._block)
        cdef Levels after
        if not self._begun:
            self._before = self._here = self._levels(x, self._block)
            self._begun = True
        after = self._levels(x + self._block, behind) if behind >= self._smooth else self._here
        self._cut(x, y, self._block, after)
        self._before, self._here = self._here, after

    def process(self, const float[::1] x not None):
        """Take samples.

        Parameters
        ----------
        x : (n,) float32

        Returns
        -------
        (m,) float32, the next ones, one to two blocks behind
        """
        cdef Py_ssize_t n = x.shape[0], held, whole, i
        cdef float* room = <float*>radome_push(&self._held, n * sizeof(float))
        cdef const float* at
        cdef float[::1] out
        if not room:
            raise MemoryError
        if n:
            memcpy(room, &x[0], n * sizeof(float))
        held = (self._held.stop - self._held.first) // sizeof(float)
        whole = max(0, held // self._block - 1) * self._block
        y = np.empty(whole, np.float32)
        if whole:
            out = y
            at = <const float*>radome_items(&self._held)
            with nogil:
                for i in range(whole // self._block):
                    self._next(at + i * self._block, &out[i * self._block], held - i * self._block)
            radome_drop(&self._held, whole * sizeof(float))
        return y

    def flush(self):
        """The samples still inside. The state is reset.

        Returns
        -------
        (m,) float32, below two blocks
        """
        cdef Py_ssize_t held = (self._held.stop - self._held.first) // sizeof(float), done = 0
        cdef const float* at = <const float*>radome_items(&self._held)
        cdef float[::1] out
        y = np.empty(held, np.float32)
        if held:
            out = y
            if held >= self._block:
                self._next(at, &out[0], held)
                done = self._block
            elif held >= self._smooth:
                self._before = self._here = self._levels(at, held)
            else:
                memcpy(&out[0], at, held * sizeof(float))  # too little to tell a click in
                done = held
            self._cut(at + done, &out[0] + done, held - done, self._here)
        self.reset()
        return y
