"""HDLC frames in a stream of soft symbols, broken ones repaired.

    symbol -> [G3RUH descrambler 1 + x^12 + x^17] -> NRZI (no change = 1) -> flag 01111110, bits unstuffed -> FCS

ISO/IEC 13239: flags, a 0 stuffed behind five 1s, FCS = CRC-16/X.25 sent with the low byte first; bytes low bit first.
AX.25 2.2 section 3 uses it so. The descrambler is self-synchronising (J. Miller G3RUH, 9600 baud packet modem design).
Descrambling and NRZI are linear apart from a constant, and polarity does not matter.

Repair. A wrong symbol makes the bits at 0 and 1 behind it wrong, through the descrambler those at 0, 1, 12, 13, 17 and
18. That is an *event*: from the first of these bits to where unstuffing is again in the state it was in without it,
the frame is decoded once more, and all it does to the rest is three numbers: by how many bits the length changes, how
many violations (more than five 1s) it adds or takes off, and, the checksum being linear, what it adds to the register
at the frame's end. So events apart from each other combine by arithmetic: with sum s1 for the earlier event and s2 for
the later that changes the length by d, the register ends at s1 x^d + s2 + what it was (mod x^16 + x^12 + x^5 + 1).

Of the symbols of least magnitude all single, double and, of the weakest, triple events are looked at; neighbours also
count as one event, as sequence detectors go wrong so. The likeliest that makes length, violations and checksum right
is taken if it is likely at all. With L = 2 a |s| / sigma^2 for each symbol the probability of a pattern, given that
something is wrong, is

    P0 = prod over all 1 / (1 + e^-L)     P = P0 / (1 - P0) prod over those changed e^-L

and has to stand against 2^-16 for any other pattern to have the checksum right. What is much larger than the other
symbols is as unsure as what is small: a click of an FM discriminator. An event that makes a flag ends the frame there.
"""
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.mem cimport PyMem_Malloc, PyMem_Free
from libc.math cimport erfc, exp, expm1, fabs, log, sqrt
from libc.string cimport memmove, memcpy

cdef unsigned short CRC_TABLE[256]
cdef unsigned short POWER[32767]       # x^k mod the checksum's polynomial; x^32767 = 1


cdef void _make_tables() noexcept:
    cdef int i, _bit
    cdef unsigned int c
    for i in range(256):
        c = i
        for _bit in range(8):
            c = (c >> 1) ^ 0x8408 if c & 1 else c >> 1
        CRC_TABLE[i] = <unsigned short>c
    c = 0x8000
    for i in range(32767):
        POWER[i] = <unsigned short>c
        c = (c >> 1) ^ 0x8408 if c & 1 else c >> 1


_make_tables()

cdef enum:
    NOTHING, CANDIDATE
    FLAG = 4
    RIGHT = 0xF0B8            # register behind a frame and its checksum
    MEMORY = 18               # symbols before a bit that it depends on
    WEAK = 40                 # symbols that may be wrong
    NEIGHBOURS = 24           # pairs of them that are at most two apart
    FEW = 31                  # bits of idle; fewer are too little evidence to repair a frame without addresses
    UNTRAINED = 5             # wrong symbols of a training sequence, at most, to repair a frame behind it
    EVENTS = WEAK + NEIGHBOURS
    WEAKEST = 20              # events that triples are made of
    OPENINGS = 4              # flags that may open the frame that the next one closes
    TRIALS = 256              # of the checksum, at most
    BLOCK = 4096

cdef double LEAST_CLEAR = 0.78    # (mean |s|)^2 / mean s^2 in a frame worth a try; noise has 0.64
cdef double SUREST = 24           # L of the mean symbol, at most
cdef double CLICK = 3             # L of a symbol much larger than the others, as a discriminator's clicks make them
cdef double LOG_ODDS = log(1.0 / 1024)


cdef struct Opening:
    long long at          # index behind the flag
    int idle              # bits of flags or marks in a row before and with it
    int likely            # whether addresses seem to follow; -1: not known

cdef struct Event:
    Py_ssize_t at         # symbol that is wrong, from the opening flag
    Py_ssize_t stop       # bits from here on are as before
    Py_ssize_t flag       # index behind the first flag that it makes; 0 without
    Py_ssize_t last_flag  # and behind the last
    unsigned long long wrong  # bits from `at` on that come out otherwise
    int apart             # how far behind `at` another wrong symbol is; 0: none
    int bits              # change of length
    int broken            # change of violations
    unsigned int sum      # of the register at the end
    double cost           # -log of the odds


cdef inline unsigned int _step(unsigned int crc, int bit) noexcept nogil:
    return (crc >> 1) ^ (0x8408 & -((crc ^ bit) & 1))


cdef inline unsigned int _times(unsigned int a, Py_ssize_t power) noexcept nogil:
    # a x^power
    cdef unsigned int b = POWER[power % 32767], c = 0
    cdef int i
    for i in range(16):
        c ^= b & -((a >> (15 - i)) & 1)
        b = (b >> 1) ^ (0x8408 & -(b & 1))
    return c & 0xFFFF


cdef class HdlcReceiver:
    """Frames between flags whose checksum is right, or can be made right by changing some of the least sure symbols.

    Parameters
    ----------
    scrambled : the G3RUH scrambler is undone first
    longest : bytes in the longest frame, FCS included
    shortest : bytes in the shortest frame, FCS included
    repairs : whether frames are repaired
    training : bits 0101... that each frame has before its flag, up to 64; frames are repaired for their sake instead of
        flags or addresses. Not with `scrambled`

    Attributes
    ----------
    crc_failures : whole bytes between two flags, but a wrong checksum
    symbols : how many have been taken
    """
    cdef unsigned char* _bytes
    cdef Py_ssize_t _longest, _shortest, _training
    cdef unsigned int _line            # the last symbols, newest in bit 0
    cdef int _partial, _bits_in
    cdef bint _inside, _scrambled, _repairs
    cdef Py_ssize_t _count
    cdef long long _start, _flag_end
    cdef int _idle                     # bits of flags or marks in a row since which all could be frames
    cdef Py_ssize_t _ones, _ones_before_zero   # in a row: now, and before the last 0
    cdef Py_ssize_t _marks             # ones before the 0 that began the last flag
    cdef readonly long long crc_failures, symbols
    # for repair
    cdef float* _soft                  # symbols from index _first on
    cdef long long _first
    cdef Py_ssize_t _held, _kept       # symbols in _soft; how many are never thrown away
    cdef Opening _openings[OPENINGS]
    cdef int _opened
    cdef unsigned char* _bit_of        # of the span that is looked at: bits before unstuffing,
    cdef unsigned char* _ones_before   # 1s in a row before each, at most 7,
    cdef int* _bits_before             # bits without stuffing before each,
    cdef int* _broken_before           # violations before each
    cdef unsigned short* _crc_before   # and the register
    cdef double _scale                 # L of a symbol of magnitude 1
    cdef double _largest               # magnitude of symbols that are no clicks
    cdef double _budget                # highest cost of a likely pattern

    def __cinit__(self, bint scrambled, Py_ssize_t longest, Py_ssize_t shortest, bint repairs=True,
                  Py_ssize_t training=0):
        if not 0 <= training <= (0 if scrambled else 64):
            raise ValueError(f"training of 0 to 64 bits expected, and of none with a scrambler, got {training}")
        if not 2 < shortest <= longest <= 65536:
            raise ValueError(f"3 <= shortest <= longest <= 65536 expected, got {shortest} and {longest}")
        self._kept = 10 * longest + 64
        self._bytes = <unsigned char*>PyMem_Malloc(longest + 1)
        self._soft = <float*>PyMem_Malloc((2 * self._kept + BLOCK) * sizeof(float))
        self._bit_of = <unsigned char*>PyMem_Malloc(self._kept)
        self._ones_before = <unsigned char*>PyMem_Malloc(self._kept)
        self._bits_before = <int*>PyMem_Malloc(self._kept * sizeof(int))
        self._broken_before = <int*>PyMem_Malloc(self._kept * sizeof(int))
        self._crc_before = <unsigned short*>PyMem_Malloc(self._kept * sizeof(short))
        if not (self._bytes and self._soft and self._bit_of and self._ones_before and self._bits_before
                and self._broken_before and self._crc_before):
            raise MemoryError
        self._scrambled, self._longest, self._shortest, self._repairs = scrambled, longest, shortest, repairs
        self._training = training
        self.reset()

    def __dealloc__(self):
        PyMem_Free(self._bytes)
        PyMem_Free(self._soft)
        PyMem_Free(self._bit_of)
        PyMem_Free(self._ones_before)
        PyMem_Free(self._bits_before)
        PyMem_Free(self._broken_before)
        PyMem_Free(self._crc_before)

    cpdef reset(self):
        """Forget all input; the next symbol is number 0."""
        self._line = 0
        self._ones = self._ones_before_zero = self._marks = self._partial = self._bits_in = 0
        self._inside = False
        self._count = 0
        self._start = self._flag_end = 0
        self._idle = 0
        self.crc_failures = self.symbols = 0
        self._first = self._held = self._opened = 0

    cdef Py_ssize_t _run(self, const float* soft, Py_ssize_t i, Py_ssize_t n, int* what) noexcept nogil:
        # stops behind each flag; CANDIDATE when it has closed a whole number of bytes
        cdef unsigned int line = self._line, taken, bit
        cdef unsigned int scrambled = <unsigned int>-1 if self._scrambled else 0
        cdef int partial = self._partial, bits_in = self._bits_in
        cdef Py_ssize_t ones = self._ones, before = self._ones_before_zero, begun = i, run
        what[0] = NOTHING
        while i < n:
            line = (line << 1) | (soft[i] > 0)
            i += 1
            taken = line ^ ((line >> 12 ^ line >> 17) & scrambled)
            bit = ~(taken ^ taken >> 1) & 1
            # a branch on a bit of data is guessed wrong every other time
            run, ones = ones, (ones + 1) & -<Py_ssize_t>bit
            if run > 5:
                if bit:
                    self._inside = False        # abort
                    continue
                if run == 6:
                    # the flag's own first seven bits were taken for data: 7 bits too many are in
                    if self._inside and bits_in == 7 and self._count >= self._shortest:
                        what[0] = CANDIDATE
                    what[0] |= FLAG
                    self._marks, before = before, run
                    break
            before ^= (before ^ run) & (<Py_ssize_t>bit - 1)
            if not self._inside or (run == 5 and not bit):
                continue
            partial = (partial >> 1) | (bit << 7)
            bits_in += 1
            if bits_in == 8:
                if self._count == self._longest:
                    self._inside = False
                    continue
                self._bytes[self._count] = <unsigned char>partial
                self._count += 1
                bits_in = 0
        self._line, self._partial, self._bits_in = line, partial, bits_in
        self._ones, self._ones_before_zero = ones, before
        self.symbols += i - begun
        self._flag_end = self.symbols if what[0] else self._flag_end
        return i

    cdef inline float _at(self, long long symbol) noexcept nogil:
        return self._soft[symbol - self._first] if symbol >= self._first else 0

    cdef void _decode(self, long long start, Py_ssize_t n) noexcept nogil:
        # the n bits from symbol `start` on, which follows a flag, one state more than bits
        cdef unsigned int line = 0, crc = 0xFFFF
        cdef int level, before, bit, ones = 0, bits = 0, broken = 0
        cdef Py_ssize_t k
        for k in range(-MEMORY, 0):
            line = (line << 1) | (self._at(start + k) > 0)
        before = (line ^ (line >> 12) ^ (line >> 17)) & 1 if self._scrambled else line & 1
        for k in range(n + 1):
            self._ones_before[k] = <unsigned char>ones
            self._bits_before[k] = bits
            self._broken_before[k] = broken
            self._crc_before[k] = <unsigned short>crc
            if k == n:
                break
            line = (line << 1) | (self._at(start + k) > 0)
            level = (line ^ (line >> 12) ^ (line >> 17)) & 1 if self._scrambled else line & 1
            bit = level ^ before ^ 1
            before = level
            self._bit_of[k] = <unsigned char>bit
            if bit or ones != 5:
                crc = _step(crc, bit)
                bits += 1
            if bit:
                broken += ones >= 5
                ones += ones < 7
            else:
                ones = 0

    cdef void _event(self, Py_ssize_t at, unsigned long long wrong, Py_ssize_t n, Event* e) noexcept nogil:
        # what it does to the decoded span of n bits that bits wrong from `at` on come out otherwise
        cdef Py_ssize_t start = at if at > 0 else 0, k = start
        cdef unsigned long long rest = wrong
        cdef unsigned int crc
        cdef int bit, ones, bits = 0, broken = 0
        e.at, e.wrong, e.flag, e.last_flag = at, wrong, 0, 0
        if at < 0:
            rest = wrong >> -at
            if (wrong & ((<unsigned long long>1 << -at) - 1)) >> (-at - 8 if at < -8 else 0):
                broken = 1000               # destroys the opening flag
        crc, ones = self._crc_before[k], self._ones_before[k]
        while k < n and (rest or ones != self._ones_before[k]):
            bit = self._bit_of[k] ^ <int>(rest & 1)
            if bit or ones != 5:
                crc = _step(crc, bit)
                bits += 1
            k += 1
            if bit:
                broken += ones >= 5
                ones += ones < 7
            else:
                if ones == 6:
                    e.flag, e.last_flag = e.flag if e.flag else k, k
                ones = 0
            rest >>= 1
        broken -= self._broken_before[k] - self._broken_before[start]
        if k == n:
            # a stuffed 0 is missing before the flag, or the flag is destroyed
            broken += (ones == 5) - (self._ones_before[n] == 5)
            broken += 1000 if rest & 0xFF else 0
        e.stop, e.broken = k, broken
        e.bits = bits - (self._bits_before[k] - self._bits_before[start])
        e.sum = _times(crc ^ self._crc_before[k], self._bits_before[n] - self._bits_before[k])

    cdef bint _clear(self, long long start, long long stop) noexcept nogil:
        # whether a look at 32 of these symbols allows of a signal
        cdef double s, mean = 0, square = 0
        cdef Py_ssize_t k, step = (stop - start) // 32
        for k in range(32):
            s = fabs(self._at(start + k * step))
            mean += s
            square += s * s
        return mean * mean > 0.7 * 32 * square

    cdef long long _last_clear(self, long long start, long long stop) noexcept nogil:
        # how far there is a signal
        cdef long long k = start
        while k + 96 <= stop and self._clear(k, k + 64):
            k += 32
        return stop if k + 96 > stop else k + 32

    cdef bint _measure(self, long long start, Py_ssize_t n) noexcept nogil:
        # scale of L, and the budget from the probability that all is right; False where too much is wrong
        cdef double s, mean = 0, square = 0, a, sigma, ratio, product = 1, sound
        cdef Py_ssize_t k, _round
        for k in range(n):
            s = fabs(self._at(start + k))
            mean += s
            square += s * s
        mean /= n
        square /= n
        if not mean * mean > LEAST_CLEAR * square:
            return False
        # folding makes the spread of weak symbols look smaller than it is
        a = mean
        for _round in range(4):
            sigma = sqrt(square - a * a if square - a * a > 1e-4 * square else 1e-4 * square)
            ratio = a / sigma
            a = mean - sigma * 0.79788 * exp(-ratio * ratio / 2) + a * erfc(ratio * 0.70711)
        self._scale = 2 * a / (sigma * sigma)
        self._largest = a + 4 * sigma
        # what breaks a strong frame is not the noise
        if self._scale * a > SUREST:
            self._scale = SUREST / a
        for k in range(n):
            s = self._doubt(self._at(start + k))
            if s < 15:
                product *= 1 + exp(-s)
                if product > 1e100:
                    return False
        sound = -log(product)
        self._budget = sound - log(1e-300 - expm1(sound)) - LOG_ODDS
        return self._budget > 0

    cdef inline double _doubt(self, double s) noexcept nogil:
        # L
        s = fabs(s)
        return self._scale * s if s < self._largest else CLICK

    cdef unsigned long long _pattern(self) noexcept nogil:
        # bits that one wrong symbol makes wrong
        return 0x63003 if self._scrambled else 3

    cdef int _find_events(self, long long start, Py_ssize_t n, Event* events) noexcept nogil:
        # by rising cost singles; then neighbours
        cdef Py_ssize_t weak[WEAK]
        cdef float least[WEAK]
        cdef float s
        cdef Py_ssize_t k, i, j, count = 0, made, apart
        cdef unsigned long long wrong = self._pattern()
        for k in range(-MEMORY if self._scrambled else 0, n):
            if start + k < self._first:
                continue
            s = <float>self._doubt(self._at(start + k))
            if count == WEAK and not s < least[WEAK - 1]:
                continue
            i = count if count < WEAK else WEAK - 1
            while i > 0 and s < least[i - 1]:
                least[i], weak[i] = least[i - 1], weak[i - 1]
                i -= 1
            least[i], weak[i] = s, k
            count += count < WEAK
        for i in range(count):
            self._event(weak[i], wrong, n, &events[i])
            events[i].apart = 0
            events[i].cost = least[i]
        made = count
        for j in range(count):
            for i in range(j):
                apart = weak[j] - weak[i] if weak[j] > weak[i] else weak[i] - weak[j]
                if apart <= 2 and made < EVENTS:
                    k = weak[i] if weak[i] < weak[j] else weak[j]
                    self._event(k, wrong ^ (wrong << apart), n, &events[made])
                    events[made].apart = <int>apart
                    events[made].cost = least[j]
                    made += 1
        # a click may reach into a neighbour that looks sure
        for i in range(count):
            if least[i] != <float>CLICK:
                continue
            for k in range(weak[i] - 1, weak[i] + 1):
                if made < EVENTS and 0 <= k < n - 1:
                    self._event(k, wrong ^ (wrong << 1), n, &events[made])
                    events[made].apart = 1
                    events[made].cost = CLICK + CLICK / 2
                    made += 1
        return <int>made

    cdef bint _pair(self, const Event* one, const Event* other, Py_ssize_t n, Event* both) noexcept nogil:
        # two events as one; False where that cannot be
        cdef const Event* a = one if one.at < other.at else other
        cdef const Event* b = other if one.at < other.at else one
        if b.at >= a.stop and b.at >= 0:
            both.at, both.stop = a.at, b.stop
            both.bits, both.broken = a.bits + b.bits, a.broken + b.broken
            both.sum = _times(a.sum, 32767 + b.bits) ^ b.sum
            both.flag = both.last_flag = 0
        else:
            if b.at + b.apart - a.at > 40 or b.at == a.at or b.at == a.at + a.apart or b.at + b.apart == a.at + a.apart:
                return False
            self._event(a.at, a.wrong ^ (b.wrong << (b.at - a.at)), n, both)
        both.cost = a.cost + b.cost
        return True

    cdef inline int _fits(self, const Event* e, int bits, int broken, unsigned int sum) noexcept nogil:
        # 1: a trial of the checksum, 2: it is right
        bits += e.bits
        if e.broken != broken or bits & 7 or not 8 * self._shortest <= bits <= 8 * self._longest:
            return 0
        return 2 if e.sum == sum else 1

    cdef int _search(self, Py_ssize_t n, const Event* events, int count, double* best,
                     int* chosen) noexcept nogil:
        # the cheapest one to three events that put the span right; how many trials are as cheap, 0 without
        cdef Event two, three
        cdef int i, j, k, turn, found, trials = 0
        cdef int bits = self._bits_before[n], broken = -self._broken_before[n] - (self._ones_before[n] == 5)
        cdef unsigned int sum = self._crc_before[n] ^ RIGHT
        # first the cheapest that fits, then how many trials that are no dearer
        for turn in range(2):
            for i in range(count):
                if events[i].cost > best[0]:
                    continue
                found = self._fits(&events[i], bits, broken, sum)
                if turn:
                    trials += found > 0
                elif found == 2 and events[i].cost < best[0]:
                    best[0] = events[i].cost
                    chosen[0], chosen[1], chosen[2] = i, -1, -1
                for j in range(i):
                    if events[i].cost + events[j].cost > best[0] or not self._pair(&events[i], &events[j], n, &two):
                        continue
                    found = self._fits(&two, bits, broken, sum)
                    if turn:
                        trials += found > 0
                    elif found == 2 and two.cost < best[0]:
                        best[0] = two.cost
                        chosen[0], chosen[1], chosen[2] = i, j, -1
                    if i >= WEAKEST:
                        continue
                    for k in range(j):
                        if two.cost + events[k].cost > best[0]:
                            continue
                        # only where the third lies apart from the two
                        if events[k].at < two.stop and events[k].stop > two.at:
                            continue
                        if not self._pair(&two, &events[k], n, &three):
                            continue
                        found = self._fits(&three, bits, broken, sum)
                        if turn:
                            trials += found > 0
                        elif found == 2 and three.cost < best[0]:
                            best[0] = three.cost
                            chosen[0], chosen[1], chosen[2] = i, j, k
            if chosen[0] < 0:
                return 0
        return trials if trials <= TRIALS else 0

    cdef void _flip(self, long long start, const Event* e) noexcept nogil:
        cdef long long k = start + e.at - self._first
        self._soft[k] = -self._soft[k]
        if e.apart:
            self._soft[k + e.apart] = -self._soft[k + e.apart]

    cdef bint _repair(self, long long start, long long stop, bint search, int* changed) noexcept nogil:
        # whether the bits between the flags at start and stop are right, or can be put right
        cdef Event[EVENTS] events
        cdef Event asis
        cdef Py_ssize_t n = stop - 8 - start
        cdef int count, k
        cdef int[3] chosen
        cdef double best
        if not 8 * self._shortest <= n + 4 <= 8 * 6 * self._longest // 5 + 8:
            return False
        self._decode(start, n)
        asis.sum = asis.bits = asis.broken = 0
        if self._fits(&asis, self._bits_before[n], -self._broken_before[n] - (self._ones_before[n] == 5),
                      self._crc_before[n] ^ RIGHT) == 2:
            return True
        if not search or self._broken_before[n] > 9 or not self._measure(start, n):
            return False
        best = self._budget
        count = self._find_events(start, n, events)
        chosen[0] = -1
        if not self._search(n, events, count, &best, chosen):
            return False
        for k in range(3):
            if chosen[k] >= 0:
                self._flip(start, &events[chosen[k]])
                changed[0] += 1 + (events[chosen[k]].apart > 0)
        return True

    cdef bint _split(self, Opening* opening, long long stop, bint closed, int* changed, long long* end) noexcept nogil:
        # an event makes a flag that closes the frame, or that is the last of those before it
        cdef Event[EVENTS] events
        cdef long long start = opening.at
        cdef Py_ssize_t n = stop - start
        cdef int count, k
        cdef bint mended = False
        cdef double budget
        if not self._measure(start, n):
            return False
        budget = self._budget
        self._decode(start, n)
        count = self._find_events(start, n, events)
        for k in range(count):
            if not events[k].flag or events[k].cost > budget:
                continue
            changed[0] = 1 + (events[k].apart > 0)
            self._flip(start, &events[k])
            if events[k].flag >= 8 * self._shortest:
                end[0] = start + events[k].flag
                mended = self._repair(start, end[0], False, changed)
            elif 7 <= events[k].last_flag <= 24 and closed:
                end[0] = stop
                mended = self._repair(start + events[k].last_flag, stop, False, changed)
                opening.at += events[k].last_flag if mended else 0
            if mended:
                return True
            self._flip(start, &events[k])
        return False

    cdef bint _likely(self, long long start) noexcept nogil:
        # whether most of the first bytes can be those of AX.25 callsigns
        cdef int byte = 0, bits = 0, k
        cdef int count = 0, bad = 0
        cdef Py_ssize_t n = 8 * self._shortest - 4
        n = n if n < 76 else 76
        self._decode(start, n)
        for k in range(n):
            if not self._bit_of[k] and self._ones_before[k] == 5:
                continue
            byte = (byte >> 1) | (self._bit_of[k] << 7)
            bits += 1
            if bits == 8:
                bits = 0
                count += 1
                if count == 14:
                    break
                if count != 7 and (byte & 1 or not (0x60 <= byte <= 0x72 or 0x82 <= byte <= 0xB4 or byte == 0x40)):
                    bad += 1
                if bad > 3:
                    return False
        return True

    cdef bint _trained(self, long long start) noexcept nogil:
        # whether 0101..., of which two symbols each are alike, lies before the flag
        cdef int k, same = 0
        for k in range(self._training):
            same += (self._at(start - 9 - k) > 0) == ((k & 2) == 0)
        return same <= UNTRAINED or self._training - same <= UNTRAINED

    cdef bint _mend(self, long long stop, bint closed, Opening* opening, long long* end, int* changed) noexcept nogil:
        # whether there is a frame that a flag at the stop has closed, or one that ends before it
        cdef int k
        cdef long long last
        cdef Opening* o
        for k in range(self._opened - 1, -1, -1):
            o = &self._openings[k]
            if not 8 * self._shortest + 4 <= stop - o.at <= self._kept - 64:
                continue
            if o.likely < 0:
                o.likely = self._clear(o.at, o.at + 64) and (
                    self._trained(o.at) if self._training else o.idle >= FEW or self._likely(o.at))
            if not o.likely:
                continue
            last = self._last_clear(o.at, stop)
            changed[0] = 0
            opening[0], end[0] = o[0], stop
            if closed and last == stop and self._repair(o.at, stop, True, changed):
                return True
            if self._split(opening, last, closed and last == stop, changed, end):
                return True
        return False

    cdef void _open(self, long long at, int idle) noexcept nogil:
        # remember a flag
        if self._opened and at - self._openings[self._opened - 1].at <= 8:
            self._opened -= 1
        elif self._opened == OPENINGS:
            memmove(&self._openings[0], &self._openings[1], (OPENINGS - 1) * sizeof(Opening))
            self._opened -= 1
        self._openings[self._opened].at = at
        self._openings[self._opened].idle = idle
        self._openings[self._opened].likely = -1
        self._opened += 1

    cdef _frame(self, Opening opening, long long stop, int changed):
        # what was put right, as `process` gives it
        cdef Py_ssize_t n = stop - 8 - opening.at, k, bits = 0
        cdef int byte = 0
        self._decode(opening.at, n)
        frame = bytearray()
        for k in range(n):
            if not self._bit_of[k] and self._ones_before[k] == 5:
                continue
            byte = (byte >> 1) | (self._bit_of[k] << 7)
            bits += 1
            if bits % 8 == 0:
                frame.append(byte)
        # the likeliest of all that fit is taken, in each of the spans from the last flags
        return (bytes(frame[:len(frame) - 2]), opening.at, stop - 8, opening.idle, changed,
                TRIALS * OPENINGS if changed else 1)

    cdef int _mended(self, long long stop, bint closed, list frames) except -1 nogil:
        # how many frames that end at or before a flag could be put right
        cdef Opening opening
        cdef long long end = 0
        cdef int changed = 0, count = 0
        cdef Py_ssize_t k
        while self._mend(stop, closed, &opening, &end, &changed):
            with gil:
                frames.append(self._frame(opening, end, changed))
            count += 1
            # what lies before is done with; this flag opens the next
            self._opened = 0
            self._open(end, opening.idle)
            if end == stop:
                break
        if count:
            # decode on from the symbols put right
            self._line = 0
            for k in range(-MEMORY, 0):
                self._line = (self._line << 1) | (self._at(self.symbols + k) > 0)
        return count

    cdef void _hold(self, const float* soft, Py_ssize_t n) noexcept nogil:
        # n <= BLOCK symbols more
        if self._held + n > 2 * self._kept + BLOCK:
            memmove(self._soft, self._soft + self._held - self._kept, self._kept * sizeof(float))
            self._first += self._held - self._kept
            self._held = self._kept
        memcpy(self._soft + self._held, soft, n * sizeof(float))
        self._held += n

    def process(self, const float[::1] soft not None):
        """Take some symbols.

        Parameters
        ----------
        soft : (n,) float32, positive = 1, magnitude rising with certainty

        Returns
        -------
        list of (payload, start, stop, idle, changed, trials) for each frame whose checksum is right: its bytes without
        FCS, the index of its first symbol since the reset, the index behind its last, FCS included, how many bits of
        flags or marks stood in a row before its opening flag, or before that of a frame from which on no abort has
        come, how many symbols were changed, and how many changes one could have been taken of, none included
        """
        cdef Py_ssize_t n = soft.shape[0], i = 0
        frames = []
        with nogil:
            while i < n:
                self._block(&soft[i], n - i if n - i < BLOCK else BLOCK, frames)
                i += BLOCK
        return frames

    def flush(self):
        """Frames whose closing flag is damaged and no other came. The state is reset.

        Returns
        -------
        list as of `process`
        """
        frames = []
        if self._repairs:
            self._mended(self.symbols, False, frames)
        self.reset()
        return frames

    cdef bint _right(self) noexcept nogil:
        # whether the checksum of the bytes is
        cdef unsigned int crc = 0xFFFF
        cdef Py_ssize_t k
        for k in range(self._count):
            crc = (crc >> 8) ^ CRC_TABLE[(crc ^ self._bytes[k]) & 0xFF]
        return crc == RIGHT

    cdef int _block(self, const float* soft, Py_ssize_t n, list frames) except -1 nogil:
        cdef Py_ssize_t i = 0
        cdef int what = 0
        cdef long long before
        cdef bint good
        if self._repairs:
            self._hold(soft, n)
        while i < n:
            before = self._flag_end
            i = self._run(soft, i, n, &what)
            if not what:
                break
            good = what & CANDIDATE and self._right()
            if good:
                with gil:
                    frames.append((PyBytes_FromStringAndSize(<char*>self._bytes, self._count - 2), self._start,
                                   self.symbols - 8, self._idle, 0, 1))
            # flags may share the 0 between them
            if self.symbols - before <= 8:
                self._idle += <int>(self.symbols - before)
            elif not self._inside or self._idle < self._marks:
                self._idle = <int>(self._marks if self._marks < 1000 else 1000)
            self._idle = self._idle if self._idle < 1000 else 1000
            if good:
                self._opened = 0
            elif self._repairs and self._opened and self._mended(self.symbols, True, frames):
                # the last one's end is the only opening
                good = self._openings[0].at == self.symbols
                self._idle = self._openings[0].idle if good and self._openings[0].idle > self._idle else self._idle
            if what & CANDIDATE and not good:
                self.crc_failures += 1
            if self._repairs:
                self._open(self.symbols, self._idle)
            self._start = self.symbols
            self._inside, self._count, self._bits_in, self._partial = True, 0, 0, 0
        return 0
