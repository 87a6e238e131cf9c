# isa: avx2
"""Sync words in soft symbols: every place where few enough bits differ, in both polarities."""

import numpy as np

cimport cython
from libc.stdint cimport int8_t, int64_t, uint8_t, uint64_t
from libc.string cimport memset

cdef extern from *:
    int popcount "__builtin_popcountll"(unsigned long long) noexcept nogil


@cython.final
cdef class FrameSync:
    """Finds a sync word of up to 64 bits in a stream of soft symbols, across chunks.

    Parameters
    ----------
    word : the sync word, first bit in the most significant place
    length : its bits, 1 to 64
    tolerance : wrong bits allowed
    inverted : find its complement too
    spacing : symbols from one of its bits to the next, 1 to 256; more than 1 when it is spread over a frame

    Raises
    ------
    ValueError : a length outside 1 to 64, a word that does not fit, a tolerance of half the length or more, or a
        spacing outside 1 to 256
    """
    cdef uint64_t word, mask
    cdef uint64_t registers[256]   # of symbols n, n + spacing, ...
    cdef int spacing
    cdef int length, tolerance
    cdef bint inverted
    cdef int64_t count

    def __init__(self, word, int length, int tolerance=0, *, bint inverted=True, int spacing=1):
        if not 1 <= length <= 64:
            raise ValueError(f"a sync word has 1 to 64 bits, got {length}")
        if word < 0 or word >> length:
            raise ValueError(f"sync word {word:#x} does not fit into {length} bits")
        if not 0 <= 2 * tolerance < length:
            raise ValueError(f"the tolerance must be under half of {length} bits, got {tolerance}")
        if not 1 <= spacing <= 256:
            raise ValueError(f"the spacing must be 1 to 256 symbols, got {spacing}")
        self.word, self.length, self.tolerance, self.inverted = word, length, tolerance, inverted
        self.spacing = spacing
        self.mask = (<uint64_t>-1) >> (64 - length)
        self.reset()

    def reset(self):
        """Forget the symbols so far; the next one has index 0."""
        memset(self.registers, 0, sizeof(self.registers))
        self.count = 0

    def process(self, const float[::1] soft not None):
        """Search the next symbols.

        Parameters
        ----------
        soft : (n,) float32, positive = 1

        Returns
        -------
        index : (hits,) int64, the symbol behind the last of the sync word, counted from the first after `reset`
        errors : (hits,) uint8, wrong bits
        polarity : (hits,) int8, 1 or -1 where the complement was found
        """
        cdef Py_ssize_t n = soft.shape[0], hits = 0
        index, errors, polarity = np.empty(n, np.int64), np.empty(n, np.uint8), np.empty(n, np.int8)
        cdef int64_t[::1] i = index
        cdef uint8_t[::1] e = errors
        cdef int8_t[::1] p = polarity
        if n:
            with nogil:
                hits = self._run(&soft[0], n, &i[0], &e[0], &p[0])
        return index[:hits].copy(), errors[:hits].copy(), polarity[:hits].copy()

    cdef Py_ssize_t _run(self, const float *x, Py_ssize_t n, int64_t *index, uint8_t *errors,
                         int8_t *polarity) noexcept nogil:
        cdef uint64_t register, word = self.word, mask = self.mask
        cdef int wrong, length = self.length, tolerance = self.tolerance
        # a complement is as many bits wrong as it lacks to the whole length
        cdef int upper = length - tolerance if self.inverted else length + 1
        cdef int64_t first = (<int64_t>length - 1) * self.spacing + 1
        cdef Py_ssize_t k, hits = 0, which = self.count % self.spacing
        for k in range(n):
            register = (self.registers[which] << 1) | <uint64_t>(x[k] > 0)
            self.registers[which] = register
            which = which + 1 if which + 1 < self.spacing else 0
            wrong = popcount((register ^ word) & mask)
            if (wrong <= tolerance or wrong >= upper) and self.count + k + 1 >= first:
                index[hits] = self.count + k + 1
                errors[hits] = <uint8_t>(wrong if wrong <= tolerance else length - wrong)
                polarity[hits] = <int8_t>(1 if wrong <= tolerance else -1)
                hits += 1
        self.count += n
        return hits
