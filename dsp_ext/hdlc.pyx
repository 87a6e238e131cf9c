"""HDLC frames in a stream of soft symbols.

    symbol -> [G3RUH descrambler 1 + x^12 + x^17] -> NRZI (no change = 1) -> flag 01111110, bits unstuffed -> FCS

ISO/IEC 13239: flags, a 0 stuffed behind five 1s, FCS = CRC-16/X.25 sent with the low byte first; bytes low bit first.
AX.25 2.2 section 3 uses it so. The descrambler is self-synchronising (J. Miller G3RUH, 9600 baud packet modem design).
Descrambling and NRZI are linear apart from a constant, and polarity does not matter.
"""
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.mem cimport PyMem_Malloc, PyMem_Free

cdef unsigned short CRC_TABLE[256]


cdef void _make_table() noexcept:
    cdef int i, _bit
    cdef unsigned int c
    for i in range(256):
        c = i
        for _bit in range(8):
            c = (c >> 1) ^ 0x8408 if c & 1 else c >> 1
        CRC_TABLE[i] = <unsigned short>c


_make_table()

cdef enum:
    NOTHING, CANDIDATE, OVERLONG


cdef class HdlcReceiver:
    """Frames between flags whose checksum is right.

    Parameters
    ----------
    scrambled : the G3RUH scrambler is undone first
    longest : bytes in the longest frame, FCS included
    shortest : bytes in the shortest frame, FCS included

    Attributes
    ----------
    crc_failures : whole bytes between two flags, but a wrong checksum
    symbols : how many have been taken
    """
    cdef unsigned char* _bytes
    cdef Py_ssize_t _longest, _shortest
    cdef unsigned int _line            # the last symbols, newest in bit 0
    cdef unsigned int _window          # the last decoded bits, newest in bit 7 and older below
    cdef int _ones, _level, _partial, _bits_in
    cdef bint _inside, _scrambled, _previous_flag
    cdef Py_ssize_t _count
    cdef long long _start, _flag_end
    cdef int _idle                     # bits of flags or marks in a row since which all could be frames
    cdef int _run_of_ones, _run_before  # now, and before the last 0
    cdef int _marks                    # ones before the 0 that may begin a flag
    cdef readonly long long crc_failures, symbols

    def __cinit__(self, bint scrambled, Py_ssize_t longest, Py_ssize_t shortest):
        if not 2 < shortest <= longest <= 65536:
            raise ValueError(f"3 <= shortest <= longest <= 65536 expected, got {shortest} and {longest}")
        self._bytes = <unsigned char*>PyMem_Malloc(longest + 1)
        if not self._bytes:
            raise MemoryError
        self._scrambled, self._longest, self._shortest = scrambled, longest, shortest
        self.reset()

    def __dealloc__(self):
        PyMem_Free(self._bytes)

    cpdef reset(self):
        """Forget all input; the next symbol is number 0."""
        self._line = self._window = 0
        self._ones = self._level = self._partial = self._bits_in = 0
        self._inside = False
        self._count = 0
        self._start = self._flag_end = 0
        self._idle = self._run_of_ones = self._run_before = self._marks = 0
        self.crc_failures = self.symbols = 0

    cdef int _bit(self, int bit) noexcept nogil:
        # one decoded bit; CANDIDATE when a flag has just closed a whole number of bytes
        cdef int result = NOTHING
        self._window = (self._window >> 1) | (bit << 7)
        if bit:
            self._run_of_ones += self._run_of_ones < 1000
        else:
            self._marks, self._run_before, self._run_of_ones = self._run_before, self._run_of_ones, 0
        if self._window == 0x7E:
            # the flag's own first seven bits were taken for data: 7 bits too many are in
            if self._inside and self._bits_in == 7 and self._count >= self._shortest:
                result = CANDIDATE
            self._flag_end = self.symbols
            return result | 4
        if bit:
            self._ones += 1
            if self._ones > 6:
                self._inside = False            # abort
                return 0
        else:
            if self._ones == 5:
                self._ones = 0
                return 0
            self._ones = 0
        if self._inside:
            self._partial = (self._partial >> 1) | (bit << 7)
            self._bits_in += 1
            if self._bits_in == 8:
                if self._count == self._longest:
                    self._inside = False
                    return 0
                self._bytes[self._count] = <unsigned char>self._partial
                self._count += 1
                self._bits_in = 0
        return 0

    cdef Py_ssize_t _run(self, const float* soft, Py_ssize_t i, Py_ssize_t n, int* what) noexcept nogil:
        # stops behind each flag
        cdef int level, bit
        while i < n:
            self._line = (self._line << 1) | (soft[i] > 0)
            if self._scrambled:
                level = (self._line ^ (self._line >> 12) ^ (self._line >> 17)) & 1
            else:
                level = self._line & 1
            bit = (level ^ self._level) ^ 1
            self._level = level
            self.symbols += 1
            i += 1
            what[0] = self._bit(bit)
            if what[0]:
                return i
        return i

    def process(self, const float[::1] soft not None):
        """Take some symbols.

        Parameters
        ----------
        soft : (n,) float32, positive = 1

        Returns
        -------
        list of (payload, start, stop, idle) for each frame whose checksum is right: its bytes without FCS, the index of
        its first symbol since the reset, the index behind its last, FCS included, and how many bits of flags or marks
        stood in a row before its opening flag, or before that of a frame from which on no abort has come
        """
        cdef Py_ssize_t i = 0, n = soft.shape[0], k
        cdef int what = 0
        cdef unsigned int crc
        cdef long long before
        frames = []
        while i < n:
            with nogil:
                before = self._flag_end
                i = self._run(&soft[0], i, n, &what)
            if not what:
                break
            if what & CANDIDATE:
                crc = 0xFFFF
                for k in range(self._count):
                    crc = (crc >> 8) ^ CRC_TABLE[(crc ^ self._bytes[k]) & 0xFF]
                if crc == 0xF0B8:
                    frames.append((PyBytes_FromStringAndSize(<char*>self._bytes, self._count - 2), self._start,
                                   self.symbols - 8, self._idle))
                else:
                    self.crc_failures += 1
            # flags may share the 0 between them
            if self.symbols - before <= 8:
                self._idle += <int>(self.symbols - before)
            elif not self._inside or self._idle < self._marks:
                self._idle = self._marks
            self._idle = self._idle if self._idle < 1000 else 1000
            self._start = self.symbols
            self._inside, self._count, self._bits_in, self._ones, self._partial = True, 0, 0, 0, 0
        return frames
