# isa: avx2, avx512
"""Soft-decision Viterbi decoder for convolutional codes of rate 1/2 and constraint length 7.

Each information bit u gives two symbols, c = parity of (u and the six bits before it, AND a generator). Octal 171 and
133 with the second inverted is the code of CCSDS 131.0-B, section 3. A trellis state is the last six bits, the newest
in the least significant place, so that states i and i + 32 lead to 2 i and 2 i + 1; both generators have their first
and last tap, which makes the two branches into a state complementary and one branch metric enough for a butterfly.

Symbols become 16 levels, a step a quarter of their mean magnitude. A branch costs what the symbols that were received
otherwise are sure of, 0 to 30. In six steps any state is reached from any other, therefore path metrics lie within
6 * 30 of the least; bytes are enough when the least, as it was four steps before, is subtracted every eighth step: it
grows only by what the best path has wrong. Were that more than 255 - 7 * 30 in twelve steps, metrics far from it would
stop at 255.

Blocks at fixed places are decoded on their own, so what comes out does not depend on how the input was cut, and several
are side by side in a vector: over WARM bits before a block metrics come to be, and from the best state MERGE bits after
it the survivor is traced back. With each state's metric goes the state in which its survivor was up to eight steps
before, so that a look-up traces back over eight bits.
"""

import numpy as np

cimport cython
from libc.stddef cimport ptrdiff_t
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memmove, memset

cdef extern from "viterbi.h":
    float radome_magnitude(const float *, ptrdiff_t) noexcept nogil
    void radome_costs(const float *, float, uint32_t *, uint64_t *, uint64_t *, ptrdiff_t) noexcept nogil
    void radome_advance(uint8_t *, uint8_t *, const uint8_t *, const uint32_t *, ptrdiff_t, int, const uint8_t *,
                        ptrdiff_t, ptrdiff_t) noexcept nogil
    uint8_t radome_best(const uint8_t *) noexcept nogil
    void radome_trace(const uint8_t *, ptrdiff_t, int, const uint8_t *, uint8_t *, ptrdiff_t) noexcept nogil
    uint64_t radome_word(const uint8_t *) noexcept nogil
    uint8_t radome_last(uint8_t, ptrdiff_t) noexcept nogil
    void radome_unpack(uint64_t, uint64_t, uint64_t, uint8_t *, uint8_t *) noexcept nogil

cdef enum:
    STATES = 64
    HALF = 32
    GROUP = 64  # bits that are taken in at once, with one level
    EACH = 16  # groups of a block, which is decoded on its own
    BLOCK = EACH * GROUP
    WARM = GROUP  # bits after which metrics no longer tell where they began: 9 constraint lengths
    MERGE = GROUP  # bits over which survivors merge behind them: as many
    WINDOWS = 4  # blocks that are decoded at once
    WORDS = WINDOWS * EACH + 1
    ROOM = WORDS * GROUP
    ROW = 64 * WINDOWS
    ROWS = 8 * (EACH + 1)
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
    cdef int taps0, taps1
    cdef uint64_t invert0, invert1
    cdef uint8_t code[HALF]  # pair on the branch from state i with bit 0
    cdef bint terminated
    cdef float waiting[2 * GROUP]
    cdef int held
    cdef float level
    cdef int64_t groups  # taken in so far
    cdef bint begun  # bits have been given
    cdef uint32_t cost[WARM + ROOM]
    cdef uint64_t hard0[WORDS]
    cdef uint64_t hard1[WORDS]
    cdef int count  # bits taken in and not given; the costs of WARM bits stand before them
    cdef uint64_t past  # the last 64 bits given

    def __init__(self, generators=(0o171, 0o133), inverted=(False, True), *, bint terminated=False):
        cdef int i
        for g in generators:
            if not 0 <= g < 128 or g & 0x41 != 0x41:
                raise ValueError(f"a generator must have 7 bits, first and last of them set, got {oct(g)}")
        self.taps0, self.taps1 = (int(f"{g:07b}"[::-1], 2) for g in generators)
        self.invert0, self.invert1 = (0xffffffffffffffff if i else 0 for i in inverted)
        for i in range(HALF):
            # from state i with bit 0 the encoder holds 2 i
            self.code[i] = (bin(2 * i & self.taps0).count("1") % 2 ^ (self.invert0 & 1)
                            | (bin(2 * i & self.taps1).count("1") % 2 ^ (self.invert1 & 1)) << 1)
        self.terminated = terminated
        self.reset()

    def reset(self):
        """Forget the stream so far."""
        memset(self.cost, 0, WARM * sizeof(uint32_t))
        self.begun = False
        self.past = 0
        self.count = self.held = 0
        self.groups = 0
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
        cdef Py_ssize_t n = soft.shape[0], room = n // 2 + BLOCK + 2 * MERGE, made = 0
        bits, errors = np.empty(room, np.uint8), np.empty(room, np.uint8)
        cdef uint8_t[::1] b = bits, e = errors
        if n:
            with nogil:
                made = self._run(&soft[0], n, &b[0], &e[0])
        return bits[:made], errors[:made]

    def flush(self):
        """The bits still inside, as from `process`; a last symbol without its second is dropped. Then starts anew."""
        bits, errors = np.empty(BLOCK + MERGE, np.uint8), np.empty(BLOCK + MERGE, np.uint8)
        cdef uint8_t[::1] b = bits, e = errors
        cdef Py_ssize_t made
        with nogil:
            self._take(self.waiting, self.held // 2)
            made = self.count
            self._decode(1, made, &b[0], &e[0])
        self.reset()
        return bits[:made], errors[:made]

    cdef Py_ssize_t _run(self, const float *x, Py_ssize_t n, uint8_t *bits, uint8_t *errors) noexcept nogil:
        cdef Py_ssize_t made = 0, part
        while n > 0:
            if self.held == 0 and n >= 2 * GROUP:
                part = 2 * min(n // (2 * GROUP) * GROUP, <Py_ssize_t>(ROOM - self.count))
                self._take(x, part // 2)
            else:
                part = n if n < 2 * GROUP - self.held else 2 * GROUP - self.held
                memcpy(self.waiting + self.held, x, part * sizeof(float))
                self.held += <int>part
                if self.held == 2 * GROUP:
                    self._take(self.waiting, GROUP)
                    self.held = 0
            x += part
            n -= part
            if self.count == ROOM:
                made += self._give(bits + made, errors + made)
        if self.count >= BLOCK + MERGE:
            made += self._give(bits + made, errors + made)
        return made

    cdef void _take(self, const float *x, Py_ssize_t n) noexcept nogil:
        """Take in pairs of symbols, which begin at a multiple of GROUP; up to ROOM of them are not given."""
        cdef Py_ssize_t part
        cdef int group
        cdef float scale
        while n > 0:
            part = min(n, GROUP)
            group = self.count // GROUP
            self.groups += 1
            self.level += ((radome_magnitude(x, 2 * part) / <float>(2 * part) - self.level)
                           / <float>min(self.groups, LEVEL))
            scale = <float>4.0 / self.level if self.level > <float>1e-30 else <float>0.0
            radome_costs(x, scale, self.cost + WARM + self.count, self.hard0 + group, self.hard1 + group, part)
            self.count += <int>part
            x += 2 * part
            n -= part

    cdef Py_ssize_t _give(self, uint8_t *bits, uint8_t *errors) noexcept nogil:
        """Decode all blocks that are there whole."""
        cdef int blocks = (self.count - MERGE) // BLOCK, made = blocks * BLOCK
        self._decode(blocks, BLOCK + MERGE, bits, errors)
        self.count -= made
        self.begun = True
        memmove(self.cost, self.cost + made, (WARM + self.count) * sizeof(uint32_t))
        memmove(self.hard0, self.hard0 + made // GROUP, self.count // GROUP * sizeof(uint64_t))
        memmove(self.hard1, self.hard1 + made // GROUP, self.count // GROUP * sizeof(uint64_t))
        return made

    cdef void _decode(self, int blocks, Py_ssize_t n, uint8_t *bits, uint8_t *errors) noexcept nogil:
        """Decode blocks from n steps each, or the one that is the stream's last, with fewer."""
        cdef uint8_t metric[WINDOWS * STATES]
        cdef uint8_t origins[ROWS * ROW]
        cdef uint8_t decided[WINDOWS * (ROWS + 7)]
        cdef uint8_t places[WINDOWS]
        cdef uint8_t start[STATES]
        cdef bint last = n < BLOCK + MERGE
        cdef int i, group, windows = 4 if blocks > 2 else blocks
        cdef Py_ssize_t rows = (n + 7) // 8, words = (n + GROUP - 1) // GROUP if last else EACH
        cdef uint64_t sent, wrong0, wrong1
        memset(start, 180 if self.terminated and not self.begun else 0, STATES)
        start[0] = 0
        radome_advance(metric, origins, self.code, self.cost, BLOCK, windows, start, WARM, n)
        for i in range(windows):
            places[i] = 0 if last and self.terminated else radome_best(metric + STATES * i)
        radome_trace(origins, rows, windows, places, decided, ROWS + 7)
        if n % 8:
            decided[rows - 1] = radome_last(decided[rows - 1], n % 8)
        for i in range(blocks):
            for group in range(words):
                sent = radome_word(decided + (ROWS + 7) * i + 8 * group)
                wrong0 = self.hard0[i * EACH + group] ^ self.invert0 ^ _encoded(self.past, sent, self.taps0)
                wrong1 = self.hard1[i * EACH + group] ^ self.invert1 ^ _encoded(self.past, sent, self.taps1)
                radome_unpack(sent, wrong0, wrong1, bits, errors)
                self.past = sent
                bits += GROUP
                errors += GROUP


cdef inline uint64_t _encoded(uint64_t past, uint64_t sent, int taps) noexcept nogil:
    """One symbol of each of 64 bits; the first and the last tap are set."""
    cdef uint64_t code = sent
    cdef int tap
    for tap in range(1, 7):
        if taps >> tap & 1:
            code ^= sent >> tap | past << (GROUP - tap)
    return code
