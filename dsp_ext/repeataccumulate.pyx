# isa: avx2
"""Repeat-accumulate code of SMOG-P, SMOG-1, MRC-100 and ATL-1 (M. Maroti, 2015), of rate one half.

Data and code are words of 16 bits. The data are taken four times, each time in another order; each word is added modulo
2 to the sum so far, which is turned by one bit before. The first time every sum is sent, the other times every third,
and the last. The orders are those of four shift registers (Galois form, least significant bit out first), which leave
out what exceeds the number of words; the last of an order s is word s.

The decoder passes beliefs along the four chains in turn, forward and back, until what it has decided is a code word
(J. Hagenauer, E. Offer and L. Papke, "Iterative decoding of binary block and convolutional codes", 1996); a sum modulo
2 is as sure as the least sure of its parts.
"""

import numpy as np

cimport cython
from libc.math cimport fabsf
from libc.stdint cimport uint8_t, uint16_t
from libc.string cimport memset

cdef enum:
    BITS = 16
    LARGEST = 256      # words of data
    CODE = 2 * LARGEST + 8
    TURNS = 40         # of the decoder, at most
    THIRD = 3          # sums of which one is sent

cdef float KNOWN = <float>1e30
cdef float TRUST = <float>0.75   # of what a chain says: the least sure part alone is believed too much

# register masks by the highest bit from 4 on, as Maroti chose them from P. Koopman's table of maximal length registers
cdef tuple MASKS = (
    (0x12, 0x17, 0x1B, 0x1E),
    (0x21, 0x2D, 0x30, 0x39),
    (0x41, 0x53, 0x69, 0x7B),
    (0x8E, 0xAF, 0xC3, 0xE7),
    (0x108, 0x13B, 0x168, 0x1DC),
)


cdef inline float _sum(float a, float b) noexcept nogil:
    # belief in the sum modulo 2
    cdef float x = fabsf(a), y = fabsf(b)
    x = x if x < y else y
    return x if (a >= 0) == (b >= 0) else -x


@cython.final
cdef class RepeatAccumulate:
    """Encoder and decoder for one length.

    Parameters
    ----------
    size : bytes of data, even, 8 to 512

    Raises
    ------
    ValueError : for another size
    """
    cdef int words, sent
    cdef readonly int code_size
    """Bytes of the code."""
    cdef int order[4][LARGEST]
    cdef float channel[CODE][BITS]
    cdef float total[LARGEST][BITS]          # belief in each bit of the data, positive for 0
    cdef float said[4][LARGEST][BITS]        # what each chain adds to it
    cdef float forward[LARGEST][BITS]

    def __init__(self, int size):
        cdef int chain, i, state, offset, position, mask, high = 0
        if size % 2 or not 8 <= size <= 2 * LARGEST:
            raise ValueError(f"the data must be of an even number of bytes, 8 to {2 * LARGEST}, got {size}")
        self.words = size // 2
        self.sent = (self.words + THIRD - 1) // THIRD
        self.code_size = 2 * (self.words + 3 * self.sent)
        i = self.words
        while i >= 32:
            i //= 2
            high += 1
        for chain in range(4):
            mask = MASKS[high][chain]
            offset = self.words >> (1 + chain)
            state = 1 + chain + offset
            for i in range(self.words):
                while True:
                    state = (state >> 1) ^ (mask if state & 1 else 0)
                    if state <= self.words:
                        break
                position = state - 1 - offset
                self.order[chain][i] = position if position >= 0 else position + self.words

    def encode(self, const uint8_t[::1] data not None):
        """Code some data.

        Parameters
        ----------
        data : (size,) uint8

        Returns
        -------
        (code_size,) uint8
        """
        if data.shape[0] != 2 * self.words:
            raise ValueError(f"{2 * self.words} bytes expected, got {data.shape[0]}")
        code = np.zeros(self.code_size, np.uint8)
        cdef uint8_t[::1] out = code
        self._encode(&data[0], &out[0])
        return code

    cdef void _encode(self, const uint8_t* data, uint8_t* code) noexcept nogil:
        cdef int chain, i, position, each
        cdef Py_ssize_t made = 0
        cdef uint16_t word
        for chain in range(4):
            each = THIRD if chain else 1
            word = 0
            for i in range(self.words):
                position = self.order[chain][i]
                word = <uint16_t>((word >> 1) | (word << 15))
                word ^= <uint16_t>(data[2 * position] | data[2 * position + 1] << 8)
                if (i + 1) % each == 0 or i == self.words - 1:
                    code[made] = <uint8_t>(word & 0xff)
                    code[made + 1] = <uint8_t>(word >> 8)
                    made += 2

    def decode(self, const float[::1] soft not None):
        """Decode.

        Parameters
        ----------
        soft : (8 code_size,) float32, positive = 1, most significant bit of each byte first

        Returns
        -------
        data : (size,) uint8
        wrong : symbols of `soft` that differ from the code word of these data
        """
        if soft.shape[0] != 8 * self.code_size:
            raise ValueError(f"{8 * self.code_size} symbols expected, got {soft.shape[0]}")
        data, code = np.zeros(2 * self.words, np.uint8), np.zeros(self.code_size, np.uint8)
        cdef uint8_t[::1] decided = data
        cdef uint8_t[::1] again = code
        cdef int wrong
        with nogil:
            wrong = self._decode(&soft[0], &decided[0], &again[0])
        return data, wrong

    cdef int _decode(self, const float* soft, uint8_t* data, uint8_t* code) noexcept nogil:
        cdef int i, b, turn, wrong, least = 8 * self.code_size + 1
        for i in range(self.code_size // 2):
            for b in range(BITS):
                self.channel[i][b] = -soft[16 * i + (b & 8) + 7 - (b & 7)]
        memset(self.total, 0, sizeof(self.total))
        memset(self.said, 0, sizeof(self.said))
        wrong = least
        for turn in range(TURNS):
            for i in range(4):
                self._chain(i)
            if turn % 4 == 3:
                for i in range(self.words):
                    data[2 * i] = data[2 * i + 1] = 0
                    for b in range(BITS):
                        data[2 * i + (b >> 3)] |= <uint8_t>((self.total[i][b] < 0) << (b & 7))
                self._encode(data, code)
                wrong = 0
                for i in range(self.code_size):
                    for b in range(8):
                        wrong += (soft[8 * i + b] > 0) != (code[i] >> (7 - b) & 1)
                if wrong == least:
                    break  # it moves no more
                least = wrong
        return wrong

    cdef void _chain(self, int chain) noexcept nogil:
        # one chain, forward and back
        cdef int i, b, position, each = THIRD if chain else 1
        cdef Py_ssize_t at = self.words + (chain - 1) * self.sent if chain else 0
        cdef float belief[BITS]
        cdef float turned[BITS]
        cdef float own, other
        for b in range(BITS):
            belief[b] = KNOWN
        for i in range(self.words):
            position = self.order[chain][i]
            for b in range(BITS):
                turned[b] = belief[(b + 1) & 15]
            for b in range(BITS):
                self.forward[i][b] = turned[b]
                belief[b] = _sum(turned[b], self.total[position][b] - self.said[chain][position][b])
            if (i + 1) % each == 0 or i == self.words - 1:
                for b in range(BITS):
                    belief[b] += self.channel[at][b]
                at += 1
        for b in range(BITS):
            belief[b] = 0
        for i in range(self.words - 1, -1, -1):
            position = self.order[chain][i]
            if (i + 1) % each == 0 or i == self.words - 1:
                at -= 1
                for b in range(BITS):
                    belief[b] += self.channel[at][b]
            for b in range(BITS):
                other = self.total[position][b] - self.said[chain][position][b]
                own = TRUST * _sum(self.forward[i][b], belief[b])
                self.said[chain][position][b] = own
                self.total[position][b] = other + own
                turned[b] = _sum(belief[b], other)
            for b in range(BITS):
                belief[(b + 1) & 15] = turned[b]
