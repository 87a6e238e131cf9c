"""What is constant in a real stream, taken off.

    y[n] = x[n] - mean of x[n - h] to x[n + h]         h = length // 2

A notch at zero, of linear phase, about 0.9 / length cycles per sample wide (where half of the power is left). At both
ends the mean is over what there is.
"""
import numpy as np


cdef class DcBlocker:
    """Take the running mean off a stream.

    Parameters
    ----------
    length : samples in the mean, odd

    Raises
    ------
    ValueError : a length that is even or below 1
    """
    cdef object _kept        # the last samples that a mean is still to be made of
    cdef Py_ssize_t _half
    cdef Py_ssize_t _given   # outputs so far
    cdef Py_ssize_t _first   # index of the first sample kept
    cdef double _sum

    def __init__(self, Py_ssize_t length):
        if length < 1 or length % 2 == 0:
            raise ValueError(f"an odd length of 1 or more expected, got {length}")
        self._half = length // 2
        self.reset()

    def reset(self):
        """Forget the stream so far."""
        self._kept = np.empty(0, np.float32)
        self._given = self._first = 0
        self._sum = 0

    cdef void _run(self, const float* x, float* y, Py_ssize_t seen, Py_ssize_t stop) noexcept nogil:
        # sample by sample, so that the sum hangs on no cut; in float64 it stays exact enough for years
        cdef Py_ssize_t g, low, high, half = self._half, first = self._first
        if self._given == 0:
            for g in range(min(half, seen)):
                self._sum += x[g]
        for g in range(self._given, stop):
            low, high = g - half, g + half
            if high < seen:
                self._sum += x[high - first]
            if low > 0:
                self._sum -= x[low - 1 - first]
            low, high = max(low, 0), min(high + 1, seen)
            y[g - self._given] = x[g - first] - <float>(self._sum / (high - low))
        self._given = stop

    cdef object _made(self, x, bint last):
        cdef const float[::1] kept
        cdef float[::1] out
        cdef Py_ssize_t seen, stop, drop
        self._kept = np.concatenate([self._kept, x])
        kept = self._kept
        seen = self._first + kept.shape[0]
        stop = max(self._given, seen if last else seen - self._half)
        y = np.empty(stop - self._given, np.float32)
        if y.shape[0]:
            out = y
            with nogil:
                self._run(&kept[0], &out[0], seen, stop)
        drop = max(0, self._given - self._half - 1 - self._first)
        self._first += drop
        self._kept = self._kept[drop:]
        return y

    def process(self, const float[::1] x not None):
        """Take samples.

        Parameters
        ----------
        x : (n,) float32

        Returns
        -------
        (m,) float32, the next ones, `length // 2` behind
        """
        return self._made(np.asarray(x), False)

    def flush(self):
        """The samples still inside. The state is reset.

        Returns
        -------
        (m,) float32, m <= length // 2
        """
        y = self._made(np.empty(0, np.float32), True)
        self.reset()
        return y
