"""Reed-Solomon codes over GF(256): errors and erasures, shortened words, any first root, primitive step and field.

The generator has the roots b^(first), b^(first + 1), ... with b = a^step, a a root of the field polynomial. Word byte 0
belongs to the highest power of x; a shortened word lacks its first bytes, which are zero. References: R. Blahut, Theory
and Practice of Error Control Codes (1983), chapters 7 and 9; for the CCSDS codes CCSDS 131.0-B, sections 4 and annex F.

A word is divided by the generator, eight remainder bytes a machine word; a zero remainder is a code word, and the
syndromes of others follow from the remainder, which is short.
"""

import numpy as np

cimport cython
from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcpy, memset


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
    cdef uint8_t product[256][256]
    cdef uint64_t table[256][8]
    cdef uint8_t locator[255]  # b^i
    cdef uint8_t power[65][255]  # locator[i]^-j
    cdef uint8_t unit[255][64]  # remainder of a 1 at each place, highest power first
    cdef const uint8_t *root[64]  # row of products of each of the generator's roots

    def __init__(self, int parity, int polynomial=0x187, int first=112, int step=11):
        cdef int i, j, k, x = 1
        cdef uint8_t word[255]
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
            for j in range(256):
                self.product[i][j] = self.exp[self.log[i] + self.log[j]] if i and j else 0
        seen = {i * step % 255 for i in range(255)}
        if len(seen) != 255:
            raise ValueError(f"step must be prime to 255, got {step}")
        for i in range(255):
            self.locator[i] = self.exp[i * self.step % 255]
            for j in range(65):
                self.power[j][i] = self.exp[(255 * 255 - i * self.step % 255 * j) % 255]
        # generator, lowest power first
        generator = [1]
        for i in range(parity):
            root = self.exp[(self.first + i) * self.step % 255]
            self.root[i] = self.product[<int>root]
            generator = [a ^ self.product[<int>b][<int>root] for a, b in zip([0, *generator], [*generator, 0])]
        memset(self.table, 0, sizeof(self.table))
        self.words = (parity + 7) // 8
        for i in range(256):
            for j in range(parity):
                k = generator[parity - 1 - j]
                self.table[i][j // 8] |= (<uint64_t>self.product[i][k]) << (8 * (j % 8))
        memset(self.unit, 0, sizeof(self.unit))
        memset(word, 0, sizeof(word))
        word[0] = 1
        for i in range(255):
            if i < parity:
                self.unit[i][parity - 1 - i] = 1
            else:
                self._divide(word, i - parity + 1, self.unit[i])

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
        cdef int count = 0, n = <int>word.shape[0], result, position
        if not self.parity < word.shape[0] <= 255:
            raise ValueError(f"a word has {self.parity + 1} to 255 bytes, got {word.shape[0]}")
        if erasures is not None:
            if len(set(erasures)) != len(erasures):
                raise ValueError("an erasure is named twice")
            for position in erasures:
                if not 0 <= position < n:
                    raise ValueError(f"erasure {position} is outside the word of {n} bytes")
            if len(erasures) > self.parity:
                return -1
            for position in erasures:
                erased[count] = n - 1 - position
                count += 1
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

    cdef int _decode(self, uint8_t *word, int n, const int *erased, int erasures) noexcept nogil:
        cdef int parity = self.parity, i, j, k, length, changed = 0, degree, found = 0, lx, shift = 0, reach
        cdef uint8_t remainder[64]
        cdef uint8_t syndrome[64]
        cdef uint8_t locator[65]
        cdef uint8_t before[65]
        cdef uint8_t saved[65]
        cdef uint8_t evaluator[64]
        cdef uint8_t value[255]
        cdef int place[64]
        cdef uint8_t magnitude[64]
        cdef uint8_t delta, inverse, x, above, below
        cdef const uint8_t *row
        cdef const uint8_t *power
        # r(x) = q(x) g(x) + parity part: dividing the information part leaves what the parity ought to be
        self._divide(word, n - parity, remainder)
        delta = 0
        for j in range(parity):
            remainder[j] ^= word[n - parity + j]
            delta |= remainder[j]
        if delta == 0:
            return 0
        # all by Horner's rule side by side, so that no look-up waits for the one before
        memset(syndrome, 0, sizeof(syndrome))
        for j in range(parity):
            x = remainder[j]
            for i in range(parity):
                syndrome[i] = self.root[i][syndrome[i]] ^ x
        # Berlekamp-Massey, started with the locator of the erasures (Blahut, figure 9.1)
        memset(locator, 0, sizeof(locator))
        locator[0] = 1
        for i in range(erasures):
            row = self.product[self.locator[erased[i]]]
            for j in range(i + 1, 0, -1):
                locator[j] ^= row[locator[j - 1]]
        for j in range(65):
            before[j] = locator[j]
        length = reach = erasures
        for i in range(erasures, parity):
            delta = 0
            for j in range(length + 1):
                delta ^= self.product[locator[j]][syndrome[i - j]]
            # `before` stands `shift` powers higher; nothing in it is beyond `reach`
            shift += 1
            if delta:
                row = self.product[delta]
                if 2 * length <= i + erasures:
                    memcpy(saved, locator, parity + 1)
                    for j in range(min(reach, parity - shift) + 1):
                        locator[j + shift] ^= row[before[j]]
                    reach = length
                    length = i + 1 + erasures - length
                    row = self.product[self.exp[255 - self.log[delta]]]
                    for j in range(reach + 1):
                        before[j] = row[saved[j]]
                    shift = 0
                else:
                    for j in range(min(reach, parity - shift) + 1):
                        locator[j + shift] ^= row[before[j]]
        degree = parity
        while degree > 0 and locator[degree] == 0:
            degree -= 1
        if degree != length or 2 * degree - erasures > parity:
            return -1
        # roots (Chien), only at places that the shortened word has
        for k in range(n):
            value[k] = 1
        for j in range(1, degree + 1):
            row = self.product[locator[j]]
            power = self.power[j]
            for k in range(n):
                value[k] ^= row[power[k]]
        for k in range(n):
            if value[k] == 0:
                if found == degree:
                    return -1
                place[found] = k
                found += 1
        if found != degree:
            return -1
        # magnitudes (Forney)
        for i in range(degree):
            x = 0
            for j in range(i + 1):
                x ^= self.product[locator[j]][syndrome[i - j]]
            evaluator[i] = x
        for k in range(degree):
            lx = self.log[self.locator[place[k]]]  # of X; the polynomials are taken at 1/X
            above = 0
            row = self.product[self.exp[(255 - lx) % 255]]
            for j in range(degree - 1, -1, -1):
                above = row[above] ^ evaluator[j]
            below = 0
            inverse = self.exp[2 * (255 - lx) % 255]
            row = self.product[inverse]
            for j in range((degree - 1) | 1, 0, -2):
                below = row[below] ^ (locator[j] if j <= degree else 0)
            if below == 0:
                return -1
            # X^(1 - first) in b is X^(1 - first) in a: lx is already a logarithm in a
            x = self.product[above][self.exp[255 - self.log[below]]]
            magnitude[k] = self.product[x][self.exp[((1 - self.first) % 255 + 255) % 255 * lx % 255]]
        # the errors' remainder must be the word's
        for k in range(degree):
            row = self.product[magnitude[k]]
            power = self.unit[place[k]]
            for j in range(parity):
                remainder[j] ^= row[power[j]]
        delta = 0
        for j in range(parity):
            delta |= remainder[j]
        if delta:
            return -1
        for k in range(degree):
            word[n - 1 - place[k]] ^= magnitude[k]
            changed += magnitude[k] != 0
        return changed


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
