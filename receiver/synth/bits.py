"""Bit arrays (uint8, 0 or 1): packing, checksums, scramblers and line codes, from the transmitter's side."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Bits = NDArray[np.uint8]


def msb_first(data: bytes) -> Bits:
    """Bits of some bytes, most significant first."""
    return np.unpackbits(np.frombuffer(data, np.uint8))


def lsb_first(data: bytes) -> Bits:
    """Bits of some bytes, least significant first."""
    return np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")


def word(value: int, width: int) -> Bits:
    """Bits of a number, most significant first."""
    return np.array([value >> i & 1 for i in reversed(range(width))], np.uint8)


def crc16_x25(data: bytes) -> int:
    """Frame check sequence of HDLC and AX.25: x^16+x^12+x^5+1, reflected, preset and inverted with ones (ISO 13239)."""
    register = 0xFFFF
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ (0x8408 if register & 1 else 0)
    return register ^ 0xFFFF


def nrzi(bits: Bits, level: int = 0) -> Bits:
    """Line levels of HDLC's NRZI, where a 0 is a transition (AX.25); `level` is the line before the first bit."""
    changes = np.cumsum(1 - bits, dtype=np.int64)
    return ((changes + level) & 1).astype(np.uint8)


def nrz_m(bits: Bits, level: int = 0) -> Bits:
    """Line levels of NRZ-M, where a 1 is a transition (CCSDS 401.0-B, differential precoding)."""
    return ((np.cumsum(bits, dtype=np.int64) + level) & 1).astype(np.uint8)


class MultiplicativeScrambler:
    """Self-synchronising scrambler ``y[n] = x[n] + y[n-12] + y[n-17]`` of G3RUH's modem (1 + x^12 + x^17), or another.

    Division by P = 1 + D^12 + D^17 over GF(2) without a loop over bits: squaring doubles the delays, so
    1/P = P P^2 P^4 ... P^(2^(k-1)) / P^(2^k), and the last divisor is 1 within the block once its delays exceed it.
    """

    def __init__(self, *taps: int) -> None:
        self.taps = taps or (12, 17)
        self._last: Bits = np.zeros(max(self.taps), np.uint8)

    def __call__(self, bits: Bits) -> Bits:
        memory, n = len(self._last), len(bits)
        # what the past outputs still add to the first inputs
        y = np.concatenate([bits, np.zeros(memory, np.uint8)])
        for tap in self.taps:
            y[:tap] ^= self._last[memory - tap :]
        y = y[:n]
        scale = 1
        while scale * min(self.taps) < n:
            x = y.copy()
            for tap in self.taps:
                x[tap * scale :] ^= y[: max(n - tap * scale, 0)]
            y, scale = x, 2 * scale
        self._last = np.concatenate([self._last, y])[-memory:]
        return y


def ccsds_sequence(length: int) -> Bits:
    """Pseudo-random bits of h(x) = x^8 + x^7 + x^5 + x^3 + 1 from all ones, period 255 (CCSDS 131.0-B, section 10)."""
    sequence = [1] * 8
    while len(sequence) < 255:
        n = len(sequence)
        sequence.append(sequence[n - 8] ^ sequence[n - 5] ^ sequence[n - 3] ^ sequence[n - 1])
    return np.resize(np.array(sequence, np.uint8), length)


def ccsds_long_sequence(length: int) -> Bits:
    """Pseudo-random bits of h(x) = x^17 + x^14 + 1, period 131071 (CCSDS 131.0-B-5, section 10.4).

    The register's preset is printed with the bit that leaves first at its end.
    """
    register, bits = 0b11000111000111000, np.empty(length, np.uint8)
    for i in range(length):
        bits[i] = register & 1
        register = register >> 1 | ((register ^ register >> 14) & 1) << 16
    return bits


def ccsds_randomise(data: bytes, *, long: bool = False) -> bytes:
    """Add one of the CCSDS pseudo-random sequences, starting at the first byte."""
    sequence = ccsds_long_sequence if long else ccsds_sequence
    return np.packbits(msb_first(data) ^ sequence(8 * len(data))).tobytes()
