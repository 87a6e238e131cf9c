# isa: avx2
"""Reed-Solomon codes over GF(256): errors and erasures, shortened words, any first root, primitive step and field.

The generator has the roots b^(first), b^(first + 1), ... with b = a^step, a a root of the field polynomial. Word byte 0
belongs to the highest power of x; a shortened word lacks its first bytes, which are zero. References: R. Blahut, Theory
and Practice of Error Control Codes (1983), chapters 7 and 9; for the CCSDS codes CCSDS 131.0-B, sections 4 and annex F.

All is sums of multiples of rows of bytes: the syndromes, one of which belongs to each column; the locator and its
product with the syndromes, in which Berlekamp and Massey's discrepancies and in the end the evaluator stand; the values
of both at all places. Where rows are not multiplied fast, a word is divided by the generator first, eight remainder
bytes a machine word, since most words are right and the remainder is short.
"""

import numpy as np

cimport cython
from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcpy, memset

from dsp_ext.erasures cimport _places

cdef extern from "reedsolomon.h":
    enum:
        RADOME_GF_SHUFFLES
        RADOME_GF_PRODUCTS
    int radome_gf_with(int)
    void radome_gf_add(uint8_t *, const uint8_t *, Py_ssize_t, const uint8_t *, int) noexcept nogil
    void radome_gf_sum(uint8_t *, const uint8_t *, Py_ssize_t, Py_ssize_t, const uint8_t *, const uint8_t *,
                       Py_ssize_t) noexcept nogil
    int radome_gf_equal(const uint8_t *, const uint8_t *, Py_ssize_t, int *, int) noexcept nogil


@cython.final
cdef class ReedSolomon:
    """A Reed-Solomon code over GF(256).

    Parameters
    ----------
    parity : parity bytes of a word, 2 to 64
    polynomial : of the field, degree 8, primitive; 0x187 is x^8 + x^7 + x^2 + x + 1
    first : exponent of the first root
    step : primitive element b = a^step; prime to 255

    Raises
    ------
    ValueError : parameters that make no code
    """
    cdef readonly int parity
    cdef int first, step, words
    cdef int log[256]
    cdef uint8_t exp[512]
    cdef uint8_t products[256 * RADOME_GF_PRODUCTS]
    cdef uint64_t table[256][8]
    cdef uint8_t power[65][256]  # b^(-i j) at [j][i]
    cdef uint8_t syndrome[255][64]  # those of a 1 at each place

    def __init__(self, int parity, int polynomial=0x187, int first=112, int step=11):
        cdef int i, j, k, x = 1
        if not 2 <= parity <= 64:
            raise ValueError(f"parity must be 2 to 64 bytes, got {parity}")
        if not 0x100 < polynomial < 0x200:
            raise ValueError(f"the field polynomial must be of degree 8, got {polynomial:#x}")
        self.parity, self.first, self.step = parity, first % 255, step % 255
        for i in range(255):
            if i and x == 1:
                raise ValueError(f"the field polynomial {polynomial:#x} is not primitive")
            self.exp[i] = self.exp[i + 255] = <uint8_t>x
            self.log[x] = i
            x = (x << 1) ^ (polynomial if x & 0x80 else 0)
        if x != 1:
            raise ValueError(f"the field polynomial {polynomial:#x} is not primitive")
        for i in range(256):
            for j in range(RADOME_GF_PRODUCTS):
                self.products[RADOME_GF_PRODUCTS * i + j] = self._product(i, radome_gf_with(j))
        seen = {i * step % 255 for i in range(255)}
        if len(seen) != 255:
            raise ValueError(f"step must be prime to 255, got {step}")
        memset(self.power, 0, sizeof(self.power))
        memset(self.syndrome, 0, sizeof(self.syndrome))
        for i in range(255):
            for j in range(65):
                self.power[j][i] = self.exp[(255 * 255 - i * self.step % 255 * j) % 255]
            for j in range(parity):
                self.syndrome[i][j] = self.exp[(self.first + j) * self.step % 255 * i % 255]
        # generator, lowest power first
        generator = [1]
        for i in range(parity):
            root = self.exp[(self.first + i) * self.step % 255]
            generator = [a ^ self._product(b, root) for a, b in zip([0, *generator], [*generator, 0])]
        memset(self.table, 0, sizeof(self.table))
        self.words = (parity + 7) // 8
        for i in range(256):
            for j in range(parity):
                k = generator[parity - 1 - j]
                self.table[i][j // 8] |= (<uint64_t>self._product(i, k)) << (8 * (j % 8))

    def decode(self, uint8_t[::1] word not None, erasures=None):
        """Correct a word in place.

        Parameters
        ----------
        word : (n,) uint8, parity < n <= 255; left as it is on failure
        erasures : indices of bytes that are not to be trusted, each once

        Returns
        -------
        bytes that were changed, or -1 when there are more than 2 * errors + erasures <= parity

        Raises
        ------
        ValueError : a word or an erasure outside its range
        """
        cdef int erased[64]
        cdef int count, n = <int>word.shape[0], result
        if not self.parity < word.shape[0] <= 255:
            raise ValueError(f"a word has {self.parity + 1} to 255 bytes, got {word.shape[0]}")
        count = _places(erasures, n, self.parity, "bytes", erased)
        if count < 0:
            return -1
        with nogil:
            result = self._decode(&word[0], n, erased, count)
        return result

    def encode(self, const uint8_t[::1] data not None):
        """Parity bytes of some data: (parity,) uint8.

        Raises ValueError for more than 255 - parity bytes.
        """
        cdef uint8_t remainder[64]
        cdef int j
        if data.shape[0] > 255 - self.parity:
            raise ValueError(f"a word holds up to {255 - self.parity} bytes, got {data.shape[0]}")
        if data.shape[0]:
            self._divide(&data[0], <int>data.shape[0], remainder)
        else:
            memset(remainder, 0, sizeof(remainder))
        return np.array([remainder[j] for j in range(self.parity)], np.uint8)

    cdef void _divide(self, const uint8_t *word, int n, uint8_t *remainder) noexcept nogil:
        """Remainder of word(x) * x^parity by the generator, highest power first."""
        cdef uint64_t w0 = 0, w1 = 0, w2 = 0, w3 = 0
        cdef uint64_t w[8]
        cdef const uint64_t *row
        cdef int i, j
        if self.parity == 32:
            for i in range(n):
                row = self.table[(w0 & 0xff) ^ word[i]]
                w0 = (w0 >> 8 | w1 << 56) ^ row[0]
                w1 = (w1 >> 8 | w2 << 56) ^ row[1]
                w2 = (w2 >> 8 | w3 << 56) ^ row[2]
                w3 = (w3 >> 8) ^ row[3]
            w[0], w[1], w[2], w[3] = w0, w1, w2, w3
        else:
            memset(w, 0, sizeof(w))
            for i in range(n):
                row = self.table[(w[0] & 0xff) ^ word[i]]
                for j in range(self.words - 1):
                    w[j] = (w[j] >> 8 | w[j + 1] << 56) ^ row[j]
                w[self.words - 1] = (w[self.words - 1] >> 8) ^ row[self.words - 1]
        for j in range(self.parity):
            remainder[j] = <uint8_t>(w[j // 8] >> (8 * (j % 8)))

    cdef uint8_t _product(self, int a, int b) noexcept nogil:
        return self.exp[self.log[a] + self.log[b]] if a and b else 0

    cdef int _decode(self, uint8_t *word, int n, const int *erased, int erasures) noexcept nogil:
        cdef int parity = self.parity, i, j, k, length, degree, lx, changed = 0, shift = 0
        cdef uint8_t remainder[64]
        cdef uint8_t syndrome[64]
        # coefficients of the locator but the first, which is 1, and of its product with the syndromes
        cdef uint8_t locator[64]
        cdef uint8_t product[64]
        # the same before the length last grew, all coefficients, after as many zeros as they can be shifted
        cdef uint8_t before[2][64 + 72]
        cdef uint8_t after[2][64 + 64]
        cdef int kept = 0
        # the even and the odd powers' share of the locator, and the evaluator, at all places
        cdef uint8_t even[256]
        cdef uint8_t odd[256]
        cdef uint8_t evaluator[256]
        cdef int place[64]
        cdef uint8_t magnitude[64]
        cdef uint8_t delta, last = 1
        if RADOME_GF_SHUFFLES:
            radome_gf_sum(syndrome, self.syndrome[0], 64, parity, self.products, word, n)
        else:
            # r(x) = q(x) g(x) + parity part: dividing the information part leaves what the parity ought to be
            self._divide(word, n - parity, remainder)
            for j in range(parity):
                remainder[j] ^= word[n - parity + j]
            if not _any(remainder, parity):
                return 0
            radome_gf_sum(syndrome, self.syndrome[0], 64, parity, self.products, remainder, parity)
        if not _any(syndrome, parity):
            return 0
        # Berlekamp-Massey, started with the locator of the erasures (Blahut, figure 9.1)
        memset(locator, 0, sizeof(locator))
        memset(product, 0, sizeof(product))
        memcpy(product, syndrome, parity)
        memset(before, 0, sizeof(before))
        memset(after, 0, sizeof(after))
        for i in range(erasures + 1):
            before[0][64] = 1
            memcpy(&before[0][65], locator, 64)
            memcpy(&after[0][64], product, 64)
            if i < erasures:
                j = self.exp[erased[i] * self.step % 255]
                radome_gf_add(locator, &before[0][64], parity, self.products, j)
                radome_gf_add(product, &after[0][63], parity, self.products, j)
        length = erasures
        for i in range(erasures, parity):
            shift += 1
            delta = product[i]
            if delta == 0:
                continue
            k = kept
            if 2 * length <= i + erasures:
                kept = 1 - k
                before[kept][64] = 1
                memcpy(&before[kept][65], locator, 64)
                memcpy(&after[kept][64], product, 64)
            j = self.exp[self.log[delta] + 255 - self.log[last]]
            radome_gf_add(locator, &before[k][65 - shift], i + 1, self.products, j)
            radome_gf_add(product, &after[k][64 - shift], parity, self.products, j)
            if kept != k:
                last = delta
                length = i + 1 + erasures - length
                shift = 0
        degree = parity
        while degree > 0 and locator[degree - 1] == 0:
            degree -= 1
        if degree != length or 2 * degree - erasures > parity:
            return -1
        # roots (Chien), only at places that the shortened word has
        memset(even, 1, sizeof(even))
        memset(odd, 0, sizeof(odd))
        memset(evaluator, 0, sizeof(evaluator))
        for j in range(1, degree + 1):
            radome_gf_add(&odd[0] if j & 1 else &even[0], self.power[j], n, self.products, locator[j - 1])
        if radome_gf_equal(even, odd, n, place, degree) != degree:
            return -1
        # magnitudes (Forney): the evaluator and x times the locator's derivative, which is its odd powers' share
        for j in range(degree):
            radome_gf_add(evaluator, self.power[j], n, self.products, product[j])
        for k in range(degree):
            i = place[k]
            if odd[i] == 0:
                return -1
            lx = (255 - self.first) * (i * self.step % 255) % 255  # X^-first in b
            delta = self._product(evaluator[i], self.exp[255 - self.log[odd[i]]])
            magnitude[k] = self._product(delta, self.exp[lx])
            # the errors' syndromes must be the word's
            radome_gf_add(syndrome, self.syndrome[i], parity, self.products, magnitude[k])
        if _any(syndrome, parity):
            return -1
        for k in range(degree):
            word[n - 1 - place[k]] ^= magnitude[k]
            changed += magnitude[k] != 0
        return changed


cdef inline bint _any(const uint8_t *bytes, int n) noexcept nogil:
    """Whether one of them is not zero."""
    cdef uint8_t all_bits = 0
    cdef int j
    for j in range(n):
        all_bits |= bytes[j]
    return all_bits != 0


def _dual_tables():
    """Tables between the conventional and the dual basis of CCSDS 131.0-B, section 4.4.2 and annex F.

    Bit i (most significant first) of the dual representation of u is the trace of u * a^(117 i).
    """
    exp, x = [], 1
    for _ in range(255):
        exp.append(x)
        x = x << 1 ^ (0x187 if x & 0x80 else 0)
    log = {x: i for i, x in enumerate(exp)}

    def trace(i):
        total = 0
        for k in range(8):
            total ^= exp[(i << k) % 255]
        return total

    to_dual = np.zeros(256, np.uint8)
    for u in range(1, 256):
        to_dual[u] = sum(trace((log[u] + 117 * i) % 255) << (7 - i) for i in range(8))
    from_dual = np.zeros(256, np.uint8)
    from_dual[to_dual] = np.arange(256)
    return to_dual, from_dual


TO_DUAL, FROM_DUAL = _dual_tables()
