# isa: avx2
"""Soft-decision Viterbi decoder for blocks of any short convolutional code of rate 1/n (A. Viterbi, 1967).

    bits u[0], u[1], … -> symbols: for each bit one a generator, the parity of (u[i], u[i-1], …) AND the generator

A generator's highest bit stands for the newest bit. The encoder may be known to begin and end with zeros, of which the
last are not given. For long streams of the code of constraint length 7 there is `dsp_ext.viterbi`.
"""

import numpy as np

cimport cython
from cpython.mem cimport PyMem_Free, PyMem_Malloc, PyMem_Realloc
from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memset

cdef enum:
    LONGEST = 15   # constraint length
    STATES = 16384
    HALF = 8192
    EIGHTHS = 2048
    MOST = 8       # generators


@cython.final
cdef class Trellis:
    """Decoder of one code.

    Parameters
    ----------
    generators : 2 to 8 numbers of up to 15 bits, the longest of which gives the constraint length
    inverted : for each of them, whether its symbols are sent as their complement
    terminated : as many zeros as the encoder remembers are before and behind the bits

    Raises
    ------
    ValueError : other numbers of generators, one outside 1 to 32767, or only such of one bit
    """
    cdef int count, length
    cdef bint terminated
    cdef float sign[MOST]
    cdef uint8_t* output[MOST]
    # symbols on the way into each state from the one whose oldest bit is 0, -1 or 1
    cdef float* even[MOST]
    cdef float* odd[MOST]

    def __cinit__(self):
        cdef int i
        for i in range(MOST):
            self.output[i], self.even[i], self.odd[i] = NULL, NULL, NULL

    def __dealloc__(self):
        cdef int i
        for i in range(MOST):
            PyMem_Free(self.output[i])
            PyMem_Free(self.even[i])
            PyMem_Free(self.odd[i])

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
        if self.length < 2:
            raise ValueError("a generator of 2 bits or more expected")
        for i in range(self.count):
            self.sign[i] = -1 if inverted and inverted[i] else 1
            self.output[i] = <uint8_t*>PyMem_Realloc(self.output[i], 1 << self.length)
            self.even[i] = <float*>PyMem_Realloc(self.even[i], sizeof(float) << (self.length - 1))
            self.odd[i] = <float*>PyMem_Realloc(self.odd[i], sizeof(float) << (self.length - 1))
            if not (self.output[i] and self.even[i] and self.odd[i]):
                raise MemoryError
            for word in range(1 << self.length):
                self.output[i][word] = bin(word & generators[i]).count("1") & 1
            # a state's bits with the oldest one behind them
            for word in range(1 << (self.length - 1)):
                self.even[i][word] = self.sign[i] if self.output[i][2 * word] else -self.sign[i]
                self.odd[i][word] = self.sign[i] if self.output[i][2 * word + 1] else -self.sign[i]

    def decode(self, const float[::1] soft not None):
        """Decode a block.

        Parameters
        ----------
        soft : (n,) float32, positive = 1, 0 = unknown; what exceeds whole groups of a symbol a generator is left out

        Returns
        -------
        bits : (m,) uint8
        wrong : known symbols that differ from those of these bits
        """
        cdef Py_ssize_t steps = soft.shape[0] // self.count
        cdef int wrong = 0
        bits = np.zeros(steps, np.uint8)
        cdef uint8_t[::1] out = bits
        cdef uint64_t* choice
        if not steps:
            return bits, 0
        choice = <uint64_t*>PyMem_Malloc(steps << _places(1 << (self.length - 1)))
        if not choice:
            raise MemoryError
        try:
            with nogil:
                wrong = self._decode(&soft[0], steps, &out[0], choice)
        finally:
            PyMem_Free(choice)
        return bits[:steps - (self.length - 1 if self.terminated else 0)] if steps >= self.length else bits[:0], wrong

    cdef int _decode(self, const float* soft, Py_ssize_t steps, uint8_t* bits, uint64_t* choice) noexcept nogil:
        # states are the last bits, the newest the most significant
        cdef int states = 1 << (self.length - 1), half = states // 2, s, k, word, best, wrong = 0
        cdef float metric[STATES]
        cdef float zero[HALF]  # of the states whose oldest bit is 0, and 1
        cdef float one[HALF]
        cdef float gain_even[STATES]
        cdef float gain_odd[STATES]
        cdef uint64_t flags[EIGHTHS]
        cdef uint8_t* chosen = <uint8_t*>flags
        cdef float a, c
        cdef int places = _places(states), words = 1 << (places - 3)
        cdef const uint8_t* packed = <const uint8_t*>choice
        cdef Py_ssize_t i
        cdef const float* even0 = self.even[0]
        cdef const float* odd0 = self.odd[0]
        cdef const float* even1 = self.even[1]
        cdef const float* odd1 = self.odd[1]
        memset(flags, 0, 8 * sizeof(flags[0]))
        for s in range(states):
            metric[s] = 0 if s == 0 or not self.terminated else <float>-1e30
        for i in range(steps):
            a, c = soft[self.count * i], soft[self.count * i + 1]
            for s in range(states):
                gain_even[s] = a * even0[s] + c * even1[s]
                gain_odd[s] = a * odd0[s] + c * odd1[s]
            for k in range(2, self.count):
                a = soft[self.count * i + k]
                for s in range(states):
                    gain_even[s] += a * self.even[k][s]
                    gain_odd[s] += a * self.odd[k][s]
            # all stay near the first, which every state can be reached from
            a = metric[0]
            for s in range(half):
                zero[s], one[s] = metric[2 * s] - a, metric[2 * s + 1] - a
            # the newest bit of the lower half is 0, that of the upper 1
            for s in range(half):
                gain_even[s] += zero[s]
                gain_odd[s] += one[s]
                gain_even[half + s] += zero[s]
                gain_odd[half + s] += one[s]
            for s in range(states):
                metric[s] = gain_odd[s] if gain_odd[s] > gain_even[s] else gain_even[s]
            for s in range(states):
                chosen[s] = gain_odd[s] > gain_even[s]
            _pack(flags, words, choice + i * words)
        best = 0
        if not self.terminated:
            for s in range(1, states):
                best = s if metric[s] > metric[best] else best
        for i in range(steps - 1, -1, -1):
            bits[i] = <uint8_t>(best >= half)
            word = (best << 1) | (packed[(i << places) + (best & (1 << places) - 1)] >> (best >> places) & 1)
            for k in range(self.count):
                a = self.sign[k] * soft[self.count * i + k]
                wrong += a != 0 and (a > 0) != self.output[k][word]
            best = word & (states - 1)
        return wrong


cdef inline int _places(int states) noexcept nogil:
    """Logarithm to base 2 of the bytes, n, that say what was chosen: of state s it is bit s // n of byte s % n."""
    cdef int places = 3
    while 8 << places < states:
        places += 1
    return places


cdef inline void _pack(const uint64_t* flags, int words, uint64_t* packed) noexcept nogil:
    """Put bytes of 0 or 1 into bits, all that are `words` words behind another into its byte."""
    cdef int j, k
    cdef uint64_t word
    for j in range(words):
        word = flags[j]
        for k in range(1, 8):
            word |= flags[k * words + j] << k
        packed[j] = word
