"""Reed-Solomon codes over GF(2^m), m = 3 to 16: errors and erasures, shortened words, any first root, step and field.

The generator has the roots b^(first), b^(first + 1), ... with b = a^step, a a root of the field polynomial, all in the
polynomial basis. Word symbol 0 belongs to the highest power of x; a shortened word lacks its first symbols, which are
zero. R. Blahut, Theory and Practice of Error Control Codes (1983), chapters 7 and 9: the algorithm of Berlekamp and
Massey, begun with the erasures, and G. D. Forney's. For GF(256) with up to 64 symbols of parity `dsp_ext.reedsolomon`
is far faster.
"""

import numpy as np

cimport cython
from libc.stdint cimport uint16_t, uint32_t
from libc.string cimport memcpy, memmove, memset

from dsp_ext.erasures cimport _places

cdef enum:
    MOST = 256  # symbols of parity

MOST_PARITY = MOST


@cython.final
cdef class GaloisReedSolomon:
    """A Reed-Solomon code over GF(2^m).

    Parameters
    ----------
    parity : parity symbols of a word, 2 to 256, and at least one less than a word may have
    polynomial : of the field, degree 3 to 16, primitive; 0x43 is x^6 + x + 1
    first : exponent of the first root
    step : primitive element b = a^step; prime to 2^m - 1

    Raises
    ------
    ValueError : parameters that make no code
    """
    cdef readonly int parity
    cdef readonly int bits
    cdef int order, step, inverse_first
    # sums of two logarithms are exponents; that of 0 is so large that those with it are of zeros
    cdef uint16_t[::1] exp
    cdef uint32_t[::1] log
    cdef uint32_t root[MOST]  # their logarithms
    cdef uint32_t generator[MOST]  # logarithms of the coefficients but the first, highest power first

    def __init__(self, int parity, int polynomial, int first=1, int step=1):
        cdef int i, j, k, x = 1
        if not 8 <= polynomial < 1 << 17:
            raise ValueError(f"the field polynomial must be of degree 3 to 16, got {polynomial:#x}")
        self.bits = (<object>polynomial).bit_length() - 1
        self.order = (1 << self.bits) - 1
        if not 2 <= parity <= min(MOST, self.order - 1):
            raise ValueError(f"parity must be 2 to {min(MOST, self.order - 1)} symbols, got {parity}")
        self.parity = parity
        self.exp = np.zeros(4 * self.order + 1, np.uint16)
        self.log = np.zeros(self.order + 1, np.uint32)
        for i in range(self.order):
            if i and x == 1:
                raise ValueError(f"the field polynomial {polynomial:#x} is not primitive")
            self.exp[i] = self.exp[i + self.order] = <uint16_t>x
            self.log[x] = i
            x <<= 1
            if x > self.order:
                x ^= polynomial
        if x != 1:
            raise ValueError(f"the field polynomial {polynomial:#x} is not primitive")
        self.log[0] = 2 * self.order
        i, j = abs(step) % self.order, self.order
        while i:
            i, j = j % i, i
        if j != 1 or step < 0:
            raise ValueError(f"step must be prime to {self.order}, got {step}")
        self.step = step % self.order
        first = (first % self.order + self.order) % self.order
        self.inverse_first = (self.order - first) % self.order
        cdef uint16_t coefficients[MOST + 1]
        memset(coefficients, 0, sizeof(coefficients))
        coefficients[0] = 1
        for i in range(parity):
            k = <int>((<long long>first + i) % self.order * self.step % self.order)
            self.root[i] = k
            for j in range(i + 1, 0, -1):
                coefficients[j] ^= self.exp[self.log[coefficients[j - 1]] + k]
        for j in range(parity):
            self.generator[j] = self.log[coefficients[j + 1]]

    def decode(self, uint16_t[::1] word not None, erasures=None):
        """Correct a word in place.

        Parameters
        ----------
        word : (n,) uint16 below 2^m, parity < n < 2^m; left as it is on failure
        erasures : indices of symbols that are not to be trusted, each once

        Returns
        -------
        symbols that were changed, or -1 when there are more than 2 * errors + erasures <= parity

        Raises
        ------
        ValueError : a word, a symbol or an erasure outside its range
        """
        cdef int erased[MOST]
        cdef int count, n, result
        if not self.parity < word.shape[0] <= self.order:
            raise ValueError(f"a word has {self.parity + 1} to {self.order} symbols, got {word.shape[0]}")
        n = <int>word.shape[0]
        self._check(&word[0], n)
        count = _places(erasures, n, self.parity, "symbols", erased)
        if count < 0:
            return -1
        with nogil:
            result = self._decode(&word[0], n, erased, count)
        return result

    def encode(self, const uint16_t[::1] data not None):
        """Parity symbols of some data below 2^m: (parity,) uint16.

        Raises ValueError for more than 2^m - 1 - parity symbols, or one that is too large.
        """
        cdef uint16_t remainder[MOST]
        cdef uint32_t factor
        cdef Py_ssize_t i, n = data.shape[0]
        cdef int j
        if n > self.order - self.parity:
            raise ValueError(f"a word holds up to {self.order - self.parity} symbols, got {n}")
        memset(remainder, 0, sizeof(remainder))
        if n:
            self._check(&data[0], <int>n)
        for i in range(n):
            factor = self.log[data[i] ^ remainder[0]]
            memmove(remainder, &remainder[1], (self.parity - 1) * sizeof(uint16_t))
            remainder[self.parity - 1] = 0
            for j in range(self.parity):
                remainder[j] ^= self.exp[factor + self.generator[j]]
        return np.array([remainder[j] for j in range(self.parity)], np.uint16)

    cdef int _check(self, const uint16_t *symbols, int n) except -1:
        cdef int i, most = 0
        for i in range(n):
            most |= symbols[i]
        if most > self.order:
            raise ValueError(f"a symbol has {self.bits} bits, one of these has more")
        return 0

    cdef int _decode(self, uint16_t *word, int n, const int *erased, int erasures) noexcept nogil:
        cdef const uint16_t *exp = &self.exp[0]
        cdef const uint32_t *log = &self.log[0]
        cdef int parity = self.parity, order = self.order
        cdef int i, j, k, length, degree, terms, found = 0, changed = 0
        cdef uint16_t syndrome[MOST]
        cdef uint16_t locator[MOST + 1]
        cdef uint16_t before[MOST + 1]  # the locator before its length last grew, over its discrepancy, shifted
        cdef uint16_t longer[MOST + 1]
        cdef uint16_t evaluator[MOST]
        # of the terms that are not zero: their logarithms, how these fall from place to place, whether odd
        cdef uint32_t term[MOST + 1]
        cdef uint32_t fall[MOST + 1]
        cdef int power[MOST + 1]
        cdef int place[MOST]
        cdef uint16_t magnitude[MOST]
        cdef uint16_t odd[MOST]
        cdef uint16_t delta, total, share
        cdef uint32_t x
        memset(syndrome, 0, sizeof(syndrome))
        for i in range(n):
            for j in range(parity):
                syndrome[j] = exp[log[syndrome[j]] + self.root[j]] ^ word[i]
        if not _any(syndrome, parity):
            return 0
        memset(locator, 0, sizeof(locator))
        locator[0] = 1
        for i in range(erasures):
            x = <uint32_t>(<long long>erased[i] * self.step % order)
            for j in range(i + 1, 0, -1):
                locator[j] ^= exp[log[locator[j - 1]] + x]
        # Berlekamp-Massey (Blahut, figure 9.1)
        memcpy(before, locator, sizeof(locator))
        length = erasures
        for i in range(erasures, parity):
            delta = 0
            for j in range(min(length, i) + 1):
                delta ^= exp[log[locator[j]] + log[syndrome[i - j]]]
            memmove(&before[1], before, parity * sizeof(uint16_t))
            before[0] = 0
            if delta == 0:
                continue
            x = log[delta]
            memcpy(longer, locator, sizeof(locator))
            for j in range(1, parity + 1):
                longer[j] ^= exp[log[before[j]] + x]
            if 2 * length <= i + erasures:
                length = i + 1 + erasures - length
                x = order - x
                for j in range(parity + 1):
                    before[j] = exp[log[locator[j]] + x]
            memcpy(locator, longer, sizeof(locator))
        degree = parity
        while degree > 0 and locator[degree] == 0:
            degree -= 1
        if degree != length or 2 * degree - erasures > parity:
            return -1
        # roots (Chien), only at places that the shortened word has; the odd terms are x times the derivative
        terms = 0
        for j in range(degree + 1):
            if locator[j]:
                term[terms] = log[locator[j]]
                fall[terms] = order - <uint32_t>(<long long>j * self.step % order)
                power[terms] = j
                terms += 1
        for i in range(n):
            total = share = 0
            for j in range(terms):
                total ^= exp[term[j]]
                share ^= exp[term[j]] if power[j] & 1 else 0
                term[j] += fall[j]
                term[j] -= order if term[j] >= <uint32_t>order else 0
            if total == 0:
                if found == degree or share == 0:
                    return -1
                place[found] = i
                odd[found] = share
                found += 1
        if found != degree:
            return -1
        # magnitudes (Forney)
        for i in range(degree):
            evaluator[i] = 0
            for j in range(i + 1):
                evaluator[i] ^= exp[log[locator[j]] + log[syndrome[i - j]]]
        for k in range(degree):
            i = <int>(<long long>place[k] * self.step % order)
            total = 0
            for j in range(degree - 1, -1, -1):
                total = exp[log[total] + order - i] ^ evaluator[j]
            x = <uint32_t>(<long long>i * self.inverse_first % order)
            delta = exp[log[total] + order - log[odd[k]]]
            magnitude[k] = exp[log[delta] + x]
            # the errors' syndromes must be the word's
            for j in range(parity):
                x = <uint32_t>(<long long>self.root[j] * place[k] % order)
                syndrome[j] ^= exp[log[magnitude[k]] + x]
        if _any(syndrome, parity):
            return -1
        for k in range(degree):
            word[n - 1 - place[k]] ^= magnitude[k]
            changed += magnitude[k] != 0
        return changed


cdef inline bint _any(const uint16_t *symbols, int n) noexcept nogil:
    """Whether one of them is not zero."""
    cdef uint16_t all_bits = 0
    cdef int j
    for j in range(n):
        all_bits |= symbols[j]
    return all_bits != 0
