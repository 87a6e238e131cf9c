"""Bits and checksums: CRCs, scrambling sequences, self-synchronising and differential decoding of soft bits.

Soft values are positive for 1. A sum modulo 2 of soft values is as sure as the least sure of them: its sign is the
product of the signs, its magnitude the smallest magnitude (the max-log approximation of the sum of likelihood ratios).
"""

import numpy as np

cimport cython
from libc.math cimport fabsf
from libc.stdint cimport uint8_t, uint64_t


@cython.final
cdef class Crc:
    """Cyclic redundancy check of 1 to 64 bits, in the Rocksoft model.

    Parameters
    ----------
    width : bits, 1 to 64
    polynomial : without the leading term, highest power in the most significant bit
    initial : register before the first byte
    reflected : bytes go in least significant bit first, and the result is reflected
    final : added modulo 2 to the result

    Raises
    ------
    ValueError : a width outside 1 to 64, or a number that does not fit into it
    """
    cdef readonly int width
    cdef bint reflected
    # where bytes go in most significant bit first, all is at the upper end of 64 bits
    cdef uint64_t polynomial, initial, final
    cdef uint64_t table[256]

    def __init__(self, int width, polynomial, initial=0, *, bint reflected=False, final=0):
        cdef uint64_t value
        cdef int byte, _
        if not 1 <= width <= 64:
            raise ValueError(f"width of a CRC must be 1 to 64 bits, got {width}")
        for name, number in (("polynomial", polynomial), ("initial", initial), ("final", final)):
            if number < 0 or number >> width:
                raise ValueError(f"{name} {number:#x} does not fit into {width} bits")
        self.width, self.reflected, self.final = width, reflected, final
        self.polynomial, self.initial = polynomial, initial
        if reflected:
            self.polynomial, self.initial = _reverse(self.polynomial, width), _reverse(self.initial, width)
        else:
            self.polynomial <<= 64 - width
            self.initial <<= 64 - width
        for byte in range(256):
            if reflected:
                value = byte
                for _ in range(8):
                    value = (value >> 1) ^ (self.polynomial if value & 1 else 0)
            else:
                value = self._shifted((<uint64_t>byte) << 56, 8)
            self.table[byte] = value

    def __call__(self, const uint8_t[::1] data not None, bits=None):
        """CRC of some data.

        Parameters
        ----------
        data : `bytes`, `bytearray` or (n,) uint8
        bits : of them that count, from the most significant one of the first byte on; None: all

        Raises
        ------
        ValueError : more bits than there are, or of a reflected CRC such as fill no byte
        """
        cdef Py_ssize_t n = data.shape[0]
        cdef int rest = 0
        cdef uint64_t value
        if bits is not None:
            if not 0 <= bits <= 8 * n:
                raise ValueError(f"bits must be 0 to {8 * n}, got {bits}")
            n, rest = divmod(bits, 8)
            if rest and self.reflected:
                raise ValueError(f"a reflected CRC is one of whole bytes, got {bits} bits")
        with nogil:
            value = self._run(&data[0] if n else NULL, n)
            if rest:
                value = self._shifted(value ^ (<uint64_t>(data[n] >> (8 - rest)) << (64 - rest)), rest)
            if not self.reflected:
                value >>= 64 - self.width
        return value ^ self.final

    cdef uint64_t _run(self, const uint8_t *data, Py_ssize_t n) noexcept nogil:
        """Register behind whole bytes."""
        cdef Py_ssize_t i
        cdef uint64_t value = self.initial
        if self.reflected:
            for i in range(n):
                value = (value >> 8) ^ self.table[(value ^ data[i]) & 0xff]
        else:
            for i in range(n):
                value = (value << 8) ^ self.table[(value >> 56) ^ data[i]]
        return value

    cdef uint64_t _shifted(self, uint64_t value, int count) noexcept nogil:
        """Register, to which bits have been added, behind so many of them, the most significant first."""
        cdef int _
        for _ in range(count):
            value = (value << 1) ^ (self.polynomial if value >> 63 else 0)
        return value


cdef uint64_t _reverse(uint64_t value, int width) noexcept nogil:
    cdef uint64_t result = 0
    cdef int i
    for i in range(width):
        result = (result << 1) | ((value >> i) & 1)
    return result


CRC16_X25 = Crc(16, 0x1021, 0xffff, reflected=True, final=0xffff)
CRC16_CCITT_FALSE = Crc(16, 0x1021, 0xffff)
CRC32C = Crc(32, 0x1edc6f41, 0xffffffff, reflected=True, final=0xffffffff)


def lfsr_sequence(taps, seed, Py_ssize_t n):
    """Bytes of an additive scrambler, first bit in the most significant bit.

    The bits follow s[i] = sum modulo 2 of s[i - t] over the taps t.

    Parameters
    ----------
    taps : distances back, 1 to 64, such as (8, 5, 3, 1) for h(x) = x^8 + x^7 + x^5 + x^3 + 1
    seed : the first max(taps) bits as 0 and 1
    n : bytes wanted

    Returns
    -------
    (n,) uint8

    Raises
    ------
    ValueError : taps outside 1 to 64, or a seed of another length than the longest tap
    """
    cdef uint64_t mask = 0, state = 0
    cdef Py_ssize_t i, length
    if not taps or not all(1 <= t <= 64 for t in taps):
        raise ValueError(f"taps must be 1 to 64, got {tuple(taps)}")
    length = max(taps)
    if len(seed) != length:
        raise ValueError(f"the seed must have {length} bits, the longest tap, got {len(seed)}")
    for t in taps:
        mask |= (<uint64_t>1) << (<int>t - 1)
    bits = np.empty(8 * n, np.uint8)
    cdef uint8_t[::1] out = bits
    bits[:length] = np.asarray(seed, np.uint8)[:8 * n]
    for i in range(8 * n):
        if i >= length:
            out[i] = <uint8_t>_parity(state & mask)
        state = (state << 1) | out[i]
    return np.packbits(bits)


cdef inline int _parity(uint64_t x) noexcept nogil:
    x ^= x >> 32
    x ^= x >> 16
    x ^= x >> 8
    x ^= x >> 4
    return (0x6996 >> (x & 15)) & 1


@cython.final
cdef class Descrambler:
    """Self-synchronising (multiplicative) descrambler of soft bits: y[n] = x[n] + sum of x[n - tap] modulo 2.

    Before the first symbol stand sure zeros. `Descrambler(12, 17)` is the one of G3RUH modems (1 + x^12 + x^17).

    Parameters
    ----------
    taps : distances back, 1 to 64, no more than 64 of them

    Raises
    ------
    ValueError : other taps
    """
    cdef int taps[64]
    cdef int count
    cdef float history[64]

    def __init__(self, *taps):
        if not 1 <= len(taps) <= 64 or not all(1 <= t <= 64 for t in taps):
            raise ValueError(f"a descrambler has 1 to 64 taps of 1 to 64, got {taps}")
        self.count = len(taps)
        for i, t in enumerate(taps):
            self.taps[i] = t
        self.reset()

    def reset(self):
        """Forget the symbols so far."""
        cdef int i
        for i in range(64):
            self.history[i] = <float>-3e38

    def process(self, const float[::1] soft not None):
        """Descramble the next symbols: (n,) float32 to (n,) float32."""
        cdef Py_ssize_t n = soft.shape[0]
        # the longest memory before the chunk makes the loops free of branches
        joined = np.empty(n + 64, np.float32)
        result = np.empty(n, np.float32)
        cdef float[::1] x = joined, y = result
        cdef int k
        if n == 0:
            return result
        with nogil:
            for k in range(64):
                x[k] = self.history[k]
            _copy(&soft[0], &x[64], n)
            _copy(&soft[0], &y[0], n)
            for k in range(self.count):
                _add(&x[64 - self.taps[k]], &y[0], n)
            for k in range(64):
                self.history[k] = x[n + k]
        return result


cdef void _copy(const float *x, float *y, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = x[i]


cdef void _add(const float *x, float *y, Py_ssize_t n) noexcept nogil:
    """y = x + y modulo 2: positive where the signs differ."""
    cdef Py_ssize_t i
    cdef float a, b, least
    for i in range(n):
        a = fabsf(x[i])
        b = fabsf(y[i])
        least = a if a < b else b
        y[i] = least if (x[i] > 0) != (y[i] > 0) else -least


@cython.final
cdef class DifferentialDecoder:
    """Soft decoding of NRZ-M (1 is a change) or NRZ-S (0 is a change, as HDLC's NRZI).

    The symbol before the first is taken for a sure 0.

    Parameters
    ----------
    mark : True for NRZ-M, False for NRZ-S
    """
    cdef float sign, last

    def __init__(self, bint mark=True):
        self.sign = <float>(1.0 if mark else -1.0)
        self.reset()

    def reset(self):
        """Forget the symbol before."""
        self.last = <float>-3e38

    def process(self, const float[::1] soft not None):
        """Decode the next symbols: (n,) float32 to (n,) float32."""
        cdef Py_ssize_t i, n = soft.shape[0]
        cdef float a, b, least, last = self.last, sign = self.sign
        result = np.empty(n, np.float32)
        cdef float[::1] y = result
        with nogil:
            for i in range(n):
                a = fabsf(soft[i])
                b = fabsf(last)
                least = a if a < b else b
                y[i] = sign * (least if (soft[i] > 0) != (last > 0) else -least)
                last = soft[i]
        self.last = last
        return result


@cython.final
cdef class IntelsatDescrambler:
    """Self-synchronising descrambler of IESS-308, which is V.35's with another count, of hard or soft bits.

        y[n] = x[n] + x[n - 3] + x[n - 20] + 1 + c[n]    modulo 2

    c[n] is 1 where 31 bits in a row up to x[n - 1], counted anew from 0 behind 32, were like those 8 before them.
    """
    cdef unsigned int register, count

    def __init__(self):
        self.reset()

    def reset(self):
        """Forget the bits so far."""
        self.register = self.count = 0

    def process(self, const float[::1] soft not None):
        """Descramble the next symbols: (n,) float32 to (n,) float32 of the same magnitudes."""
        cdef Py_ssize_t i, n = soft.shape[0]
        cdef unsigned int register = self.register, count = self.count, bit
        result = np.empty(n, np.float32)
        cdef float[::1] y = result
        with nogil:
            for i in range(n):
                # bit k of the register is x[n - 20 + k]
                bit = soft[i] > 0
                y[i] = fabsf(soft[i])
                if (bit ^ register ^ (register >> 17) ^ (count == 31)) & 1:
                    y[i] = -y[i]
                count = 0 if ((register >> 19) ^ (register >> 11)) & 1 else (count + 1) & 31
                register = (register >> 1) | (bit << 19)
        self.register, self.count = register, count
        return result
