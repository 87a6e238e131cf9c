from __future__ import annotations

from functools import reduce
from operator import xor

import numpy as np
import pytest

from dsp_ext.bits import (
    CRC16_CCITT_FALSE,
    CRC16_X25,
    CRC32C,
    Crc,
    Descrambler,
    DifferentialDecoder,
    IntelsatDescrambler,
    lfsr_sequence,
)
from receiver.coding._catalogue import NAMES
from receiver.synth import declared
from receiver.synth.catalogue import CRCS
from tests import reference
from tests.catalogue import CHECKS
from tests.cuts import cuts


def test_check_values_of_published_crcs() -> None:
    for crc, check in [
        (CRC16_X25, 0x906E),
        (CRC16_CCITT_FALSE, 0x29B1),
        (CRC32C, 0xE3069283),
        (Crc(8, 0x07), 0xF4),
        (Crc(32, 0x04C11DB7, 0xFFFFFFFF, reflected=True, final=0xFFFFFFFF), 0xCBF43926),
        (Crc(24, 0x864CFB, 0xB704CE), 0x21CF02),
        (Crc(64, 0x42F0E1EBA9EA3693), 0x6C40DF5F0B497347),
    ]:
        assert crc(b"123456789") == check
    assert CRC16_X25(b"") == 0


@pytest.mark.parametrize("name", CHECKS)
def test_check_values_of_the_catalogue(name: str) -> None:
    width, polynomial, initial, reflected, final = NAMES[name]
    assert Crc(width, polynomial, initial, reflected=reflected, final=final)(b"123456789") == CHECKS[name]
    assert declared.crc(b"123456789", *CRCS[name]) == CHECKS[name]
    assert NAMES.keys() == CHECKS.keys()


def test_the_exclusive_or_of_bytes() -> None:
    assert Crc(8, 1)(b"RADOME") == reduce(xor, b"RADOME")


@pytest.mark.parametrize("width", [1, 3, 7, 8, 15, 24, 61, 64])
def test_a_crc_of_bits_that_fill_no_byte(width: int) -> None:
    """Its register is empty behind the checksum of what it covers, however many bits that is."""
    rng = np.random.default_rng(width)
    rule = Crc(width, int(rng.integers(0, 1 << (width - 1))) << 1 & (1 << width) - 1 | 1, 0)
    for n in range(1, 40):
        bits = rng.integers(0, 2, n, np.uint8)
        told = [int(bit) for bit in f"{rule(np.packbits(bits), n):0{width}b}"]
        assert rule(np.packbits([*bits, *told]), n + width) == 0
        assert rule(np.packbits([*bits, 1, *told[1:]]), n) == int("".join(map(str, told)), 2)


def test_refuses_crcs_that_are_none() -> None:
    with pytest.raises(ValueError, match="1 to 64 bits, got 65"):
        Crc(65, 0x09)
    with pytest.raises(ValueError, match="bits must be 0 to 8, got 9"):
        Crc(5, 0x05)(b"1", 9)
    with pytest.raises(ValueError, match="one of whole bytes, got 7 bits"):
        Crc(5, 0x05, reflected=True)(b"1", 7)
    with pytest.raises(ValueError, match="does not fit into 16 bits"):
        Crc(16, 0x11021)


def test_randomiser_of_the_standard() -> None:
    # CCSDS 131.0-B-3, section 10.4.1: first 40 bits
    sequence = lfsr_sequence((8, 5, 3, 1), [1] * 8, 300)
    assert sequence[:5].tobytes() == bytes.fromhex("ff480ec09a")
    assert (np.unpackbits(sequence)[:255] == np.unpackbits(sequence)[255:510]).all()
    # CCSDS 131.0-B-5, section 10.4.3, note 2: the long sequence, x^17 + x^14 + 1
    long = lfsr_sequence((17, 3), [int(c) for c in "00011100011100011"], 5)
    assert long.tobytes() == bytes.fromhex("1c71b91ba9")
    assert lfsr_sequence((8, 5, 3, 1), [1] * 8, 0).tobytes() == b""
    with pytest.raises(ValueError, match="must have 8 bits"):
        lfsr_sequence((8, 5), [1], 4)


def test_descrambles_what_was_scrambled() -> None:
    bits = np.random.default_rng(1).integers(0, 2, 500, np.uint8)
    scrambled = reference.soft(reference.g3ruh(bits))
    whole = Descrambler(12, 17).process(scrambled)
    assert ((whole > 0) == bits).all()
    for parts in cuts(scrambled):
        descrambler = Descrambler(12, 17)
        assert (np.concatenate([descrambler.process(p) for p in parts]) == whole).all()


def test_a_sum_is_as_sure_as_its_least_sure_bit() -> None:
    x = np.full(40, 1.0, np.float32)
    x[20] = 0.25
    y = Descrambler(12, 17).process(x)
    assert np.flatnonzero(np.abs(y) == 0.25).tolist() == [20, 32, 37]
    y = DifferentialDecoder().process(x)
    assert np.flatnonzero(np.abs(y) == 0.25).tolist() == [20, 21]


@pytest.mark.parametrize("mark", [True, False])
def test_differential_decoding(mark: bool) -> None:
    bits = np.random.default_rng(2).integers(0, 2, 300, np.uint8)
    line = reference.soft(reference.nrz_m(bits if mark else 1 - bits))
    for sign in (1, -1):
        whole = DifferentialDecoder(mark).process(sign * line)
        assert ((whole > 0) == bits)[1:].all()
        for parts in cuts(sign * line):
            decoder = DifferentialDecoder(mark)
            assert (np.concatenate([decoder.process(p) for p in parts]) == whole).all()


def test_intelsat_descrambler():
    """Against the formula; constant and periodic input makes the count that stands in it turn over."""
    bits = np.concatenate([np.random.default_rng(4).integers(0, 2, 300), np.tile([0, 1] * 4, 60), np.ones(100, int)])
    x = np.concatenate([np.zeros(20, int), bits])
    expected, alike = [], 0
    for n in range(20, len(x)):
        expected.append(x[n] ^ x[n - 3] ^ x[n - 20] ^ 1 ^ (alike == 31))
        alike = 0 if x[n - 1] != x[n - 9] else (alike + 1) % 32
    soft = ((2.0 * bits - 1) * np.linspace(0.1, 2, len(bits))).astype(np.float32)
    descrambler = IntelsatDescrambler()
    y = descrambler.process(soft)
    assert ((y > 0) == np.array(expected)).all()
    assert np.array_equal(np.abs(y), np.abs(soft))
    descrambler.reset()
    assert np.array_equal(np.concatenate([descrambler.process(part) for part in np.split(soft, [0, 1, 8, 400])]), y)
