# isa: avx2
"""Soft-decision Viterbi decoder for blocks of any short convolutional code of rate 1/n (A. Viterbi, 1967).

    bits u[0], u[1], … -> symbols: for each bit one a generator, the parity of (u[i], u[i-1], …) AND the generator

A generator's highest bit stands for the newest bit. The encoder may be known to begin and end with zeros, of which the
last are not given. For long streams of the code of constraint length 7 there is `dsp_ext.viterbi`.
"""

import numpy as np

cimport cython
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.stdint cimport uint8_t

cdef enum:
    LONGEST = 9    # constraint length
    MOST = 8       # generators


@cython.final
cdef class Trellis:
    """Decoder of one code.

    Parameters
    ----------
    generators : 2 to 8 numbers of up to 9 bits, the longest of which gives the constraint length
    inverted : for each of them, whether its symbols are sent as their complement
    terminated : as many zeros as the encoder remembers are before and behind the bits

    Raises
    ------
    ValueError : other numbers of generators, or one outside 1 to 511
    """
    cdef int count, length
    cdef bint terminated
    cdef float sign[MOST]
    cdef uint8_t output[1 << LONGEST][MOST]

    def __init__(self, generators, inverted=(), *, bint terminated=False):
        cdef int i, word
        if not 2 <= len(generators) <= MOST:
            raise ValueError(f"2 to {MOST} generators expected, got {len(generators)}")
        if not all(0 < g < 1 << LONGEST for g in generators):
            raise ValueError(f"generators must have up to {LONGEST} bits, got {', '.join(map(oct, generators))}")
        if inverted and len(inverted) != len(generators):
            raise ValueError(f"{len(generators)} values of inverted expected, got {len(inverted)}")
        self.count, self.terminated = len(generators), terminated
        self.length = max(int(g).bit_length() for g in generators)
        for i in range(self.count):
            self.sign[i] = -1 if inverted and inverted[i] else 1
            for word in range(1 << self.length):
                self.output[word][i] = bin(word & generators[i]).count("1") & 1

    def decode(self, const float[::1] soft not None):
        """Decode a block.

        Parameters
        ----------
        soft : (n,) float32, positive = 1; what exceeds whole groups of a symbol a generator is left out

        Returns
        -------
        bits : (m,) uint8
        wrong : symbols that differ from those of these bits
        """
        cdef Py_ssize_t steps = soft.shape[0] // self.count
        cdef int wrong = 0
        bits = np.zeros(steps, np.uint8)
        cdef uint8_t[::1] out = bits
        cdef uint8_t* choice
        if not steps:
            return bits, 0
        choice = <uint8_t*>PyMem_Malloc(steps << (self.length - 1))
        if not choice:
            raise MemoryError
        try:
            with nogil:
                wrong = self._decode(&soft[0], steps, &out[0], choice)
        finally:
            PyMem_Free(choice)
        return bits[:steps - (self.length - 1 if self.terminated else 0)] if steps >= self.length else bits[:0], wrong

    cdef int _decode(self, const float* soft, Py_ssize_t steps, uint8_t* bits, uint8_t* choice) noexcept nogil:
        # states are the last bits, the newest the most significant
        cdef int states = 1 << (self.length - 1), s, b, k, word, top = self.length - 1, best, wrong = 0, which
        cdef float metric[1 << (LONGEST - 1)]
        cdef float fresh[1 << (LONGEST - 1)]
        cdef float gain[1 << LONGEST]
        cdef float a, c
        cdef Py_ssize_t i
        for s in range(states):
            metric[s] = 0 if s == 0 or not self.terminated else <float>-1e30
        for i in range(steps):
            for word in range(2 * states):
                a = 0
                for k in range(self.count):
                    c = self.sign[k] * soft[self.count * i + k]
                    a += c if self.output[word][k] else -c
                gain[word] = a
            for s in range(states):
                # the newest bit is known; the oldest that falls out is 0 or 1
                b = s >> (top - 1) if top else 0
                which = (s << 1) & (states - 1)
                a = metric[which] + gain[(b << top) | which]
                c = metric[which | 1] + gain[(b << top) | which | 1]
                choice[i * states + s] = c > a
                fresh[s] = c if c > a else a
            a = fresh[0]
            for s in range(1, states):
                a = fresh[s] if fresh[s] > a else a
            for s in range(states):
                metric[s] = fresh[s] - a
        best = 0
        if not self.terminated:
            for s in range(1, states):
                best = s if metric[s] > metric[best] else best
        for i in range(steps - 1, -1, -1):
            bits[i] = <uint8_t>(best >> (top - 1))
            word = (best << 1) | choice[i * states + best]
            for k in range(self.count):
                wrong += (self.sign[k] * soft[self.count * i + k] > 0) != self.output[word][k]
            best = word & (states - 1)
        return wrong
