# isa: avx2
"""Soft-decision Viterbi decoder for convolutional codes of rate 1/2 and constraint length 7.

Each information bit u gives two symbols, c = parity of (u and the six bits before it, AND a generator). Octal 171 and
133 with the second inverted is the code of CCSDS 131.0-B, section 3. A trellis state is the last six bits, the newest
in the least significant place, so that states i and i + 32 lead to 2 i and 2 i + 1; both generators have their first
and last tap, which makes the two branches into a state complementary and one branch metric enough for a butterfly.

Symbols become 16 levels, a step a quarter of their mean magnitude, so branch metrics fit into 0 to 30. In six steps any
state is reached from any other, therefore path metrics lie within 6 * 30 of the least, and the least grows by at most
15 a step (one of two complementary branches): bytes are enough when the least is subtracted every fourth step
(180 + 3 * 15 + 30 = 255). The survivors are traced back over blocks at fixed places, so what comes out does not depend
on how the input was cut.
"""

import numpy as np

cimport cython
from libc.math cimport fabsf
from libc.stddef cimport ptrdiff_t
from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memcpy, memset

cdef extern from *:
    """
    #ifdef __clang__
    #define RADOME_APART __attribute__((noinline))
    #else
    #define RADOME_APART __attribute__((noinline, noclone))
    #endif
    /* Add, compare, select over n steps. In C and apart from its caller, because the metrics then stay in vector
       registers. A decision is laid out and scaled for the traceback, which works on the place
       32 * (state & 1) + (state >> 1) of a state in a row: 16 where the survivor came from the upper half. */
    static RADOME_APART void radome_advance(uint8_t *kept, uint8_t *decision, const uint8_t *flips0,
                                            const uint8_t *flips1, const uint8_t *symbol0, const uint8_t *symbol1,
                                            ptrdiff_t n) {
        uint8_t metric[64], flip0[32], flip1[32], even[32], odd[32];
        memcpy(metric, kept, 64);
        memcpy(flip0, flips0, 32);
        memcpy(flip1, flips1, 32);
        for (ptrdiff_t step = 0; step < n; step++, decision += 64) {
            uint8_t s0 = symbol0[step], s1 = symbol1[step], least = 255;
            for (int i = 0; i < 32; i++) {
                uint8_t b = (s0 ^ flip0[i]) + (s1 ^ flip1[i]), c = 30 - b;
                uint8_t p = metric[i] + b, q = metric[i + 32] + c, r = metric[i] + c, s = metric[i + 32] + b;
                even[i] = p < q ? p : q;
                odd[i] = r < s ? r : s;
                decision[i] = q < p ? 16 : 0;
                decision[i + 32] = s < r ? 16 : 0;
            }
            for (int i = 0; i < 32; i++) {
                metric[2 * i] = even[i];
                metric[2 * i + 1] = odd[i];
            }
            if (step % 4 == 3) {
                for (int i = 0; i < 64; i++) least = metric[i] < least ? metric[i] : least;
                for (int i = 0; i < 64; i++) metric[i] -= least;
            }
        }
        memcpy(kept, metric, 64);
    }
    /* Follow a survivor back over n rows that end before `decision`; bits go before `bits`. */
    static int radome_trace(const uint8_t *decision, uint8_t *bits, ptrdiff_t n, int place) {
        for (; n > 0; n--) {
            *--bits = place >> 5;
            decision -= 64;
            place = ((place & 1) << 5 | (place & 31) >> 1) | decision[place];
        }
        return place;
    }
    """
    void radome_advance(uint8_t *, uint8_t *, const uint8_t *, const uint8_t *, const uint8_t *, const uint8_t *,
                        ptrdiff_t) noexcept nogil
    int radome_trace(const uint8_t *, uint8_t *, ptrdiff_t, int) noexcept nogil

cdef enum:
    STATES = 64
    HALF = 32
    GROUP = 64  # bits that are taken in at once, with one level
    BLOCK = 256  # bits that one traceback gives
    MERGE = 64  # bits over which survivors merge before them: 9 constraint lengths
    RING = BLOCK + MERGE
    LEVEL = 2  # groups over which the level is averaged


@cython.final
cdef class Viterbi:
    """A stream decoder. Bit k of the output was sent in symbols 2 k and 2 k + 1 of the input.

    Parameters
    ----------
    generators : of the first and the second symbol, 7 bits, newest bit first, as octal 171 and 133
    inverted : which of the two symbols are sent as their complement
    terminated : the encoder began with six zeros and ended with six: one block, `process` then `flush`

    Raises
    ------
    ValueError : a generator that is not of 7 bits with the first and the last of them set
    """
    cdef int taps0, taps1, invert0, invert1
    cdef uint8_t flip0[HALF]
    cdef uint8_t flip1[HALF]
    cdef bint terminated
    cdef float waiting[2 * GROUP]
    cdef int held
    cdef float level
    cdef uint8_t metric[STATES]
    cdef uint8_t decision[RING][STATES]
    cdef uint8_t symbol0[RING]
    cdef uint8_t symbol1[RING]
    cdef int slot  # the ring's next place
    cdef int64_t count  # steps made
    cdef int64_t given  # bits handed out
    cdef uint8_t past[6]  # the last bits handed out, oldest first

    def __init__(self, generators=(0o171, 0o133), inverted=(False, True), *, bint terminated=False):
        cdef int i
        for g in generators:
            if not 0 <= g < 128 or g & 0x41 != 0x41:
                raise ValueError(f"a generator must have 7 bits, first and last of them set, got {oct(g)}")
        self.taps0, self.taps1 = (int(f"{g:07b}"[::-1], 2) for g in generators)
        self.invert0, self.invert1 = bool(inverted[0]), bool(inverted[1])
        for i in range(HALF):
            # from state i with bit 0 the encoder holds 2 i; level 15 is a sure 1
            self.flip0[i] = 15 if bin(2 * i & self.taps0).count("1") % 2 != self.invert0 else 0
            self.flip1[i] = 15 if bin(2 * i & self.taps1).count("1") % 2 != self.invert1 else 0
        self.terminated = terminated
        self.reset()

    def reset(self):
        """Forget the stream so far."""
        memset(self.metric, 180 if self.terminated else 0, STATES)
        self.metric[0] = 0
        memset(self.past, 0, sizeof(self.past))
        self.count = self.given = self.held = self.slot = 0
        self.level = 0

    def process(self, const float[::1] soft not None):
        """Decode the next symbols.

        Parameters
        ----------
        soft : (n,) float32, positive = 1, of any scale

        Returns
        -------
        bits : (m,) uint8, the next decoded bits
        errors : (m,) uint8, how many of each bit's two symbols, taken hard, differ from what was sent
        """
        cdef Py_ssize_t n = soft.shape[0], room = n // 2 + 2 * BLOCK, made = 0
        bits, errors = np.empty(room, np.uint8), np.empty(room, np.uint8)
        cdef uint8_t[::1] b = bits, e = errors
        if n:
            with nogil:
                made = self._run(&soft[0], n, &b[0], &e[0])
        return bits[:made], errors[:made]

    def flush(self):
        """The bits still inside, as from `process`; a last symbol without its second is dropped. Then starts anew."""
        bits, errors = np.empty(RING + GROUP, np.uint8), np.empty(RING + GROUP, np.uint8)
        cdef uint8_t[::1] b = bits, e = errors
        cdef Py_ssize_t made = 0
        with nogil:
            self._take(self.waiting, self.held // 2)
            if self.count > self.given:
                made = self.count - self.given
                self._trace(0 if self.terminated else self._best(), made, &b[0], &e[0])
        self.reset()
        return bits[:made], errors[:made]

    cdef Py_ssize_t _run(self, const float *x, Py_ssize_t n, uint8_t *bits, uint8_t *errors) noexcept nogil:
        cdef Py_ssize_t made = 0, part
        while n > 0:
            if self.held == 0 and n >= 2 * GROUP:
                part = 2 * GROUP
                self._take(x, GROUP)
            else:
                part = n if n < 2 * GROUP - self.held else 2 * GROUP - self.held
                memcpy(self.waiting + self.held, x, part * sizeof(float))
                self.held += <int>part
                if self.held == 2 * GROUP:
                    self._take(self.waiting, GROUP)
                    self.held = 0
            x += part
            n -= part
            if self.count - self.given == RING:
                self._trace(self._best(), BLOCK, bits + made, errors + made)
                made += BLOCK
        return made

    cdef void _take(self, const float *x, Py_ssize_t n) noexcept nogil:
        """Take in up to GROUP pairs of symbols, which begin at a multiple of GROUP."""
        cdef int64_t groups = self.count // GROUP + 1
        cdef float scale, weight = <float>1.0 / <float>(groups if groups < LEVEL else LEVEL)
        if n == 0:
            return
        self.level += weight * (_magnitude(x, 2 * n) / <float>(2 * n) - self.level)
        scale = <float>4.0 / self.level if self.level > <float>1e-30 else <float>0.0
        _quantise(x, scale, self.symbol0 + self.slot, self.symbol1 + self.slot, n)
        radome_advance(self.metric, self.decision[self.slot], self.flip0, self.flip1, self.symbol0 + self.slot,
                       self.symbol1 + self.slot, n)
        self.slot = (self.slot + <int>n) % RING
        self.count += n

    cdef int _best(self) noexcept nogil:
        cdef int i, best = 0
        for i in range(1, STATES):
            if self.metric[i] < self.metric[best]:
                best = i
        return best

    cdef void _trace(self, int state, Py_ssize_t wanted, uint8_t *bits, uint8_t *errors) noexcept nogil:
        """Follow the survivor into `state` back; give the oldest `wanted` bits."""
        cdef uint8_t sent[RING + 6]
        cdef uint8_t code0[RING]
        cdef uint8_t code1[RING]
        cdef Py_ssize_t early, length = self.count - self.given
        cdef Py_ssize_t late = length if length < self.slot else self.slot  # rows at the ring's beginning
        cdef int slot = <int>(self.given % RING), place = (state & 1) << 5 | state >> 1
        memcpy(sent, self.past, 6)
        place = radome_trace(self.decision[self.slot], sent + 6 + length, late, place)
        radome_trace(self.decision[0] + RING * STATES, sent + 6 + length - late, length - late, place)
        _encode(sent, code0, wanted, self.taps0, self.invert0)
        _encode(sent, code1, wanted, self.taps1, self.invert1)
        memcpy(bits, sent + 6, wanted)
        early = RING - slot if wanted > RING - slot else wanted  # rows before the ring's end
        _differences(code0, self.symbol0 + slot, code1, self.symbol1 + slot, errors, early)
        _differences(code0 + early, self.symbol0, code1 + early, self.symbol1, errors + early, wanted - early)
        memcpy(self.past, sent + wanted, 6)
        self.given += wanted


cdef float _magnitude(const float *x, Py_ssize_t n) noexcept nogil:
    """Sum of the magnitudes, in eight parts so that no sum waits for another."""
    cdef float parts[8]
    cdef float total = 0
    cdef Py_ssize_t i
    cdef int k
    for k in range(8):
        parts[k] = 0
    for i in range(0, n - 7, 8):
        for k in range(8):
            parts[k] += fabsf(x[i + k])
    for i in range(n // 8 * 8, n):
        total += fabsf(x[i])
    for k in range(8):
        total += parts[k]
    return total


cdef void _quantise(const float *x, float scale, uint8_t *first, uint8_t *second, Py_ssize_t n) noexcept nogil:
    """Levels 0 to 15 of the two symbols of each pair; three plain loops, so that they become vectors."""
    cdef float scaled[2 * GROUP]
    cdef uint8_t level[2 * GROUP]
    cdef float y
    cdef Py_ssize_t i
    for i in range(2 * n):
        y = x[i] * scale + <float>8.0
        y = y if y > <float>0.0 else <float>0.0
        scaled[i] = y if y < <float>15.5 else <float>15.5
    for i in range(2 * n):
        level[i] = <uint8_t><int>scaled[i]
    for i in range(n):
        first[i] = level[2 * i]
        second[i] = level[2 * i + 1]


cdef void _encode(const uint8_t *sent, uint8_t *code, Py_ssize_t n, int taps, int invert) noexcept nogil:
    cdef Py_ssize_t i
    cdef int tap
    for i in range(n):
        code[i] = <uint8_t>invert
    for tap in range(7):
        if taps >> tap & 1:
            for i in range(n):
                code[i] ^= sent[6 + i - tap]


cdef void _differences(const uint8_t *code0, const uint8_t *symbol0, const uint8_t *code1, const uint8_t *symbol1,
                       uint8_t *errors, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        errors[i] = (code0[i] ^ symbol0[i] >> 3) + (code1[i] ^ symbol1[i] >> 3)
