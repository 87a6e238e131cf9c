"""Plain encoders written from the standards, for the tests: bits are arrays of 0 and 1, first bit first."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Bits = NDArray[np.uint8]
Bytes = NDArray[np.uint8]


def to_bits(data: bytes | Bytes) -> Bits:
    """Most significant bit first."""
    return np.unpackbits(np.frombuffer(bytes(data), np.uint8))


def soft(bits: Bits, noise: float = 0.0, seed: int = 0) -> NDArray[np.float32]:
    """Antipodal symbols, 1 is +1, with white noise of this standard deviation."""
    return (2.0 * bits - 1 + noise * np.random.default_rng(seed).standard_normal(len(bits))).astype(np.float32)


def convolutional(bits: Bits, generators: tuple[str, str] = ("1111001", "1011011"), inverted: str = "01") -> Bits:
    """Rate 1/2; generators as CCSDS 131.0-B prints them, newest bit first."""
    symbols = np.empty((len(bits), 2), np.uint8)
    for j, generator in enumerate(generators):
        taps = np.array([int(c) for c in generator])
        symbols[:, j] = (np.convolve(bits, taps)[: len(bits)] + int(inverted[j])) % 2
    return symbols.ravel()


def ccsds_sequence(bits: int) -> Bits:
    """CCSDS 131.0-B, section 10: h(x) = x^8 + x^7 + x^5 + x^3 + 1 from all ones."""
    out = [1] * 8
    while len(out) < bits:
        out.append(out[-8] ^ out[-5] ^ out[-3] ^ out[-1])
    return np.array(out[:bits], np.uint8)


def g3ruh(bits: Bits, state: int = 0) -> Bits:
    """Scrambler 1 + x^12 + x^17: each bit out is the bit in plus those sent 12 and 17 before."""
    out = [state >> i & 1 for i in range(17)]
    for bit in bits:
        out.append(int(bit) ^ out[-12] ^ out[-17])
    return np.array(out[17:], np.uint8)


def multiply(a: int, b: int, polynomial: int = 0x187) -> int:
    """Product in GF(256), digit by digit."""
    product = 0
    for i in range(8):
        if b >> i & 1:
            product ^= a << i
    for i in range(14, 7, -1):
        if product >> i & 1:
            product ^= polynomial << (i - 8)
    return product


def power(a: int, n: int, polynomial: int = 0x187) -> int:
    """Power in GF(256)."""
    result = 1
    for _ in range(n % 255):
        result = multiply(result, a, polynomial)
    return result


def rs_parity(data: bytes | Bytes, parity: int = 32, first: int = 112, step: int = 11, field: int = 0x187) -> Bytes:
    """Parity of a Reed-Solomon word in the conventional basis: remainder of long division by the generator."""
    generator = [1]
    for i in range(first, first + parity):
        root = power(2, i * step, field)
        up, down = [*generator, 0], [0, *(multiply(g, root, field) for g in generator)]
        generator = [a ^ b for a, b in zip(up, down, strict=True)]
    remainder = [0] * parity
    for byte in bytes(data):
        factor = byte ^ remainder[0]
        remainder = [a ^ multiply(factor, g, field) for a, g in zip([*remainder[1:], 0], generator[1:], strict=True)]
    return np.array(remainder, np.uint8)


DUAL_ROWS = (0x8D, 0xEF, 0xEC, 0x86, 0xFA, 0x99, 0xAF, 0x7B)
"""CCSDS 131.0-B, annex F: dual representation of a^7, a^6, ... a^0."""


def to_dual(word: Bytes) -> Bytes:
    """Conventional to dual basis, by the matrix that the standard prints."""
    bits = np.unpackbits(word).reshape(-1, 8)
    rows = np.unpackbits(np.array(DUAL_ROWS, np.uint8)).reshape(8, 8)
    return np.packbits(bits @ rows % 2)


def from_dual(word: Bytes) -> Bytes:
    """The inverse of `to_dual`."""
    table = to_dual(np.arange(256, dtype=np.uint8))
    return np.argsort(table).astype(np.uint8)[word]


def golay(data: int) -> int:
    """Extended Golay code word, parity in the upper half: row i is the circulant 10001110110 turned left i times, 1."""
    word, row = 0, "10001110110"
    for i in range(12):
        pattern = int(row[i:] + row[:i] + "1", 2) if i < 11 else 0xFFE
        word = word << 1 | bin(data & pattern).count("1") % 2
    return word << 12 | data


def ax100(payload: bytes) -> Bits:
    """AX100 frame in ASM+Golay mode with its sync word."""
    body = payload + rs_parity(payload).tobytes()
    scrambled = to_bits(body) ^ ccsds_sequence(8 * len(body))
    return np.concatenate([to_bits(bytes.fromhex("930b51de") + golay(len(body)).to_bytes(3, "big")), scrambled])


def ax100_reed_solomon(payload: bytes) -> Bits:
    """AX100 frame in Reed Solomon mode with its sync word, not yet scrambled by G3RUH."""
    body = payload + rs_parity(payload).tobytes()
    return to_bits(bytes.fromhex("930b51de") + bytes([len(body) + 1]) + body)


def u482c(payload: bytes, flags: int) -> Bits:
    """U482C frame with its sync word; flags 0x100 convolutional, 0x200 scrambled, 0x400 Reed-Solomon."""
    body = to_bits(payload + (rs_parity(payload).tobytes() if flags & 0x400 else b""))
    if flags & 0x200:
        body ^= ccsds_sequence(len(body))
    if flags & 0x100:
        tail = np.zeros(6, np.uint8)
        pairs = convolutional(np.concatenate([body, tail]), inverted="00").reshape(-1, 2)
        body = np.concatenate([pairs[:, ::-1].reshape(-1), np.zeros(4, np.uint8)])  # 133 goes first
    head = bytes.fromhex("c3aa6655") + golay(flags | len(body) // 8).to_bytes(3, "big")
    return np.concatenate([to_bits(head), body])


def ccsds(frame: bytes, *, dual: bool = True, depth: int = 1, scrambled: bool = True) -> Bits:
    """Telemetry frame with sync word, Reed-Solomon parity and scrambler."""
    data = np.frombuffer(frame, np.uint8)
    coded = np.empty(len(frame) + 32 * depth, np.uint8)
    coded[: len(frame)] = data
    for i in range(depth):
        word = data[i::depth]
        parity = rs_parity(from_dual(word) if dual else word)
        coded[len(frame) + i :: depth] = to_dual(parity) if dual else parity
    bits = to_bits(coded)
    return np.concatenate([to_bits(bytes.fromhex("1acffc1d")), bits ^ ccsds_sequence(len(bits)) if scrambled else bits])


def nrz_m(bits: Bits) -> Bits:
    """A 1 is a change, from 0 before the first."""
    return (np.cumsum(bits) % 2).astype(np.uint8)


def branch(x: NDArray[Any], taps: NDArray[Any], size: int, number: int) -> NDArray[Any]:
    """Branch of a filter bank: mixed down, filtered, and every size/2-th item kept."""
    turns = number * np.arange(len(x)) % size / size
    return decimate(x * np.exp(-2j * np.pi * turns), taps, size // 2)


def decimate(x: NDArray[Any], taps: NDArray[Any], factor: int) -> NDArray[Any]:
    """Every factor-th sample of the filtered stream, without delay: output m is at input m * factor."""
    wide = x.astype(np.complex128 if np.iscomplexobj(x) else np.float64)
    if not len(wide):
        return wide
    return np.convolve(wide, taps.astype(np.float64))[len(taps) // 2 :][: len(wide)][::factor]


def resample(x: NDArray[Any], bank: NDArray[Any], step: float) -> NDArray[Any]:
    """Samples of the filtered stream at n * step, with the nearest row of the bank."""
    phases, length = len(bank) - 1, bank.shape[1]
    t = np.arange(int(np.ceil(len(x) / step)) + 2) * step
    t = t[t < len(x)]
    first = np.floor(t).astype(int)
    row = np.floor((t - first) * phases + 0.5).astype(int)
    padded = np.concatenate([np.zeros(length), x, np.zeros(length)])
    windows = padded[first[:, None] + np.arange(length) + length - (length // 2 - 1)]
    return (windows * bank[row].astype(np.float64)).sum(axis=1)


def two_means(x: NDArray[Any]) -> tuple[float, float]:
    """Centre and half distance of two levels: each value belongs to the nearer one."""
    wide = x.astype(np.float64)
    centre = wide.mean()
    for _ in range(50):
        centre = (wide[wide > centre].mean() + wide[wide <= centre].mean()) / 2
    return float(centre), float((wide[wide > centre].mean() - wide[wide <= centre].mean()) / 2)


FLAG = np.array([0, 1, 1, 1, 1, 1, 1, 0], np.uint8)


def crc_x25(data: bytes) -> bytes:
    """Frame check sequence of ISO/IEC 13239, bit by bit, as it is sent."""
    register = 0xFFFF
    for byte in data:
        for i in range(8):
            feedback = (register ^ byte >> i) & 1
            register = register >> 1 ^ (0x8408 if feedback else 0)
    return (register ^ 0xFFFF).to_bytes(2, "little")


def hdlc(payload: bytes) -> Bits:
    """Frame with its checksum between two flags, zeros stuffed."""
    plain = np.unpackbits(np.frombuffer(payload + crc_x25(payload), np.uint8), bitorder="little")
    text = "".join(map(str, plain)).replace("11111", "111110")
    return np.concatenate([FLAG, np.array(list(text), np.uint8), FLAG])


def hdlc_frames(bits: Bits, longest: int, shortest: int) -> list[bytes]:
    """Frames with a right checksum: what is between flags, looked at as text."""
    text, found = "".join(map(str, bits)), []
    flags = [i for i in range(len(text) - 7) if text[i : i + 8] == "01111110"]
    for start, stop in pairwise(flags):
        stuffed = text[start + 8 : stop]
        plain = stuffed.replace("111110", "11111")
        if "1111111" in stuffed or len(plain) % 8 or not shortest <= len(plain) // 8 <= longest:
            continue
        data = np.packbits(np.array(list(plain), np.uint8), bitorder="little").tobytes()
        if crc_x25(data[:-2]) == data[-2:]:
            found.append(data[:-2])
    return found


def nrzi(bits: Bits) -> Bits:
    """A 0 is a change, from 0 before the first."""
    return (np.cumsum(1 - bits) % 2).astype(np.uint8)
