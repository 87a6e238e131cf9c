"""Extended Golay code (24,12): 12 parity bits, then 12 information bits, most significant first.

     23          12 11           0
    +--------------+--------------+
    |    parity    | information  |
    +--------------+--------------+

Parity bit i (from the left) is the parity of information AND row i. Row i of the first eleven is the circulant
10001110110 of the quadratic residues modulo 11, turned left by i, followed by 1; the last is 111111111110
(MacWilliams and Sloane, The Theory of Error-Correcting Codes, chapter 16; any two words differ in at least 8 bits).
GomSpace's radios protect their length field with it.
"""

from libc.stdint cimport uint16_t, uint32_t

cdef uint16_t PARITY[4096]
cdef uint32_t LEADER[4096]  # error pattern of up to 3 bits for each syndrome; NONE where there is none
cdef uint32_t NONE = 0xffffffff


cdef int _weight(uint32_t x) noexcept nogil:
    x = x - ((x >> 1) & 0x55555555)
    x = (x & 0x33333333) + ((x >> 2) & 0x33333333)
    x = (x + (x >> 4)) & 0x0f0f0f0f
    return (x * 0x01010101) >> 24


cdef void _tables() noexcept nogil:
    cdef uint32_t row, data, error
    cdef int i, a, b, c
    for data in range(4096):
        PARITY[data] = 0
        LEADER[data] = NONE
    for i in range(12):
        row = ((0x476 << i | 0x476 >> (11 - i)) & 0x7ff) << 1 | 1
        if i == 11:
            row = 0xffe
        for data in range(4096):
            PARITY[data] |= <uint16_t>((_weight(data & row) & 1) << (11 - i))
    LEADER[0] = 0
    for a in range(24):
        for b in range(a + 1):
            for c in range(b + 1):
                error = 1 << a
                error |= 1 << b
                error |= 1 << c
                LEADER[(error >> 12) ^ PARITY[error & 0xfff]] = error
                if c == 0:
                    error = (1 << a) ^ (1 << b)
                    LEADER[(error >> 12) ^ PARITY[error & 0xfff]] = error


_tables()


def encode(int data):
    """Code word of 24 bits for 12 bits of information; ValueError when they are more."""
    if not 0 <= data < 4096:
        raise ValueError(f"information must be 12 bits, got {data:#x}")
    return (<int>PARITY[data] << 12) | data


def decode(int word):
    """Correct up to three wrong bits of a received word.

    Returns
    -------
    (information, number of wrong bits), or None when four or more are wrong

    Raises
    ------
    ValueError : a word of more than 24 bits
    """
    cdef uint32_t error
    if not 0 <= word < 1 << 24:
        raise ValueError(f"a word has 24 bits, got {word:#x}")
    error = LEADER[(word >> 12) ^ PARITY[word & 0xfff]]
    if error == NONE:
        return None
    return (word ^ error) & 0xfff, _weight(error)


def decode_soft(const float[::1] soft not None):
    """The most likely information given soft bits, positive = 1, and the number of bits that it changes.

    Parameters
    ----------
    soft : (24,) float32, first bit first

    Raises
    ------
    ValueError : another length
    """
    cdef float upper[4096]
    cdef float lower[4096]
    cdef float best
    cdef uint32_t data, winner = 0, hard = 0
    cdef int i
    if soft.shape[0] != 24:
        raise ValueError(f"a word has 24 soft bits, got {soft.shape[0]}")
    with nogil:
        for i in range(24):
            hard = hard << 1 | (1 if soft[i] > 0 else 0)
        _sums(&soft[0], upper)
        _sums(&soft[12], lower)
        best = upper[PARITY[0]] + lower[0]
        for data in range(1, 4096):
            if upper[PARITY[data]] + lower[data] > best:
                best = upper[PARITY[data]] + lower[data]
                winner = data
    return winner, _weight(hard ^ ((<uint32_t>PARITY[winner] << 12) | winner))


cdef void _sums(const float *soft, float *sums) noexcept nogil:
    """Sum of the soft bits that a 12-bit number has set, for every number."""
    cdef int i, j
    sums[0] = 0
    for i in range(12):
        for j in range(1 << i):
            sums[(1 << i) + j] = sums[j] + soft[11 - i]
