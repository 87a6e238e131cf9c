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
from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memcpy, memset

cdef enum:
    STATES = 64
    HALF = 32
    GROUP = 32  # bits that are taken in at once, with one level
    BLOCK = 256  # bits that one traceback gives
    MERGE = 96  # bits over which survivors merge before them: 14 constraint lengths
    RING = BLOCK + MERGE
    LEVEL = 4  # groups over which the level is averaged


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
        cdef Py_ssize_t i
        cdef int64_t groups = self.count // GROUP + 1
        cdef float total = 0, scale, weight = <float>1.0 / <float>(groups if groups < LEVEL else LEVEL)
        if n == 0:
            return
        for i in range(2 * n):
            total += fabsf(x[i])
        self.level += weight * (total / <float>(2 * n) - self.level)
        scale = <float>4.0 / self.level if self.level > <float>1e-30 else <float>0.0
        _quantise(x, scale, self.symbol0 + self.slot, self.symbol1 + self.slot, n)
        _advance(self.metric, self.decision[self.slot], self.flip0, self.flip1, self.symbol0 + self.slot,
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
        cdef uint8_t sent[BLOCK + MERGE + 6]
        cdef uint8_t code0[BLOCK + MERGE]
        cdef uint8_t code1[BLOCK + MERGE]
        cdef Py_ssize_t i, length = self.count - self.given
        cdef int slot = self.slot, place = (state & 1) << 5 | state >> 1
        memcpy(sent, self.past, 6)
        for i in range(length - 1, -1, -1):
            slot = slot - 1 if slot else RING - 1
            sent[6 + i] = <uint8_t>(place >> 5)
            place = (place & 1) << 5 | (place & 31) >> 1 | self.decision[slot][place]
        _encode(sent, code0, wanted, self.taps0, self.invert0)
        _encode(sent, code1, wanted, self.taps1, self.invert1)
        for i in range(wanted):
            bits[i] = sent[6 + i]
            errors[i] = (code0[i] ^ self.symbol0[slot] >> 3) + (code1[i] ^ self.symbol1[slot] >> 3)
            slot = slot + 1 if slot + 1 < RING else 0
        memcpy(self.past, sent + wanted, 6)
        self.given += wanted


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


cdef void _advance(uint8_t *kept, uint8_t *decision, const uint8_t *flips0, const uint8_t *flips1,
                   const uint8_t *symbol0, const uint8_t *symbol1, Py_ssize_t n) noexcept nogil:
    """Add, compare, select. Plain loops over local arrays of bytes, which compilers turn into vectors.

    decision[32 * (state & 1) + (state >> 1)] becomes 16 where the survivor came from the upper half: laid out and
    scaled for the traceback, which works on that place number instead of the state.
    """
    cdef uint8_t metric[STATES]
    cdef uint8_t flip0[HALF]
    cdef uint8_t flip1[HALF]
    cdef uint8_t even[HALF]
    cdef uint8_t odd[HALF]
    cdef uint8_t b, c, p, q, r, s, s0, s1, least
    cdef Py_ssize_t step
    cdef int i
    memcpy(metric, kept, STATES)
    memcpy(flip0, flips0, HALF)
    memcpy(flip1, flips1, HALF)
    for step in range(n):
        s0, s1 = symbol0[step], symbol1[step]
        for i in range(HALF):
            b = (s0 ^ flip0[i]) + (s1 ^ flip1[i])
            c = 30 - b
            p = metric[i] + b
            q = metric[i + 32] + c
            r = metric[i] + c
            s = metric[i + 32] + b
            even[i] = p if p < q else q
            odd[i] = r if r < s else s
            decision[i] = 16 if q < p else 0
            decision[i + 32] = 16 if s < r else 0
        for i in range(HALF):
            metric[2 * i] = even[i]
            metric[2 * i + 1] = odd[i]
        decision += STATES
        if step % 4 == 3:
            least = 255
            for i in range(STATES):
                least = metric[i] if metric[i] < least else least
            for i in range(STATES):
                metric[i] = metric[i] - least
    memcpy(kept, metric, STATES)
