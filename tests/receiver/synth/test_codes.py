"""Encoders against published vectors and the definitions of their codes."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from receiver.synth import bits, codes


def test_crc16_has_its_published_check_value() -> None:
    assert bits.crc16_x25(b"123456789") == 0x906E


def test_ccsds_randomiser_starts_as_the_standard_prints_it() -> None:
    """CCSDS 131.0-B, section 10.4: 1111 1111 0100 1000 0000 1110 1100 0000 1001 1010."""
    assert bits.ccsds_randomise(bytes(5)).hex() == "ff480ec09a"
    # 131.0-B-5, section 10.4.3, note 2
    assert bits.ccsds_randomise(bytes(5), long=True).hex() == "1c71b91ba9"
    long = bits.ccsds_long_sequence(2 * 131071)
    assert np.array_equal(long[:131071], long[131071:])
    assert np.array_equal(bits.ccsds_sequence(510)[255:], bits.ccsds_sequence(255))


def test_g3ruh_scrambler_is_its_recurrence_however_it_is_cut() -> None:
    rng = np.random.default_rng(1)
    x = rng.integers(0, 2, 3000).astype(np.uint8)
    scramble = bits.MultiplicativeScrambler()
    y = np.concatenate([scramble(part) for part in np.split(x, [1, 1, 17, 100, 1900])])
    past = np.concatenate([np.zeros(17, np.uint8), y])
    assert np.array_equal(past[17:] ^ past[5:-12] ^ past[:-17], x)


def test_line_codes() -> None:
    x = np.array([1, 0, 0, 1, 1, 0], np.uint8)
    assert bits.nrzi(x).tolist() == [0, 1, 0, 0, 0, 1]
    assert bits.nrz_m(x).tolist() == [1, 1, 1, 0, 1, 1]


def test_golay_is_the_extended_code() -> None:
    """Linear, 2576 words of weight 12, 759 each of 8 and 16; and one word as satellites send it."""
    words = [codes.golay24(message) for message in range(4096)]
    assert sorted({w: sum(x.bit_count() == w for x in words) for w in range(25)}.items()) == [
        (w, {0: 1, 8: 759, 12: 2576, 16: 759, 24: 1}.get(w, 0)) for w in range(25)
    ]
    assert all(words[a] ^ words[b] == words[a ^ b] for a, b in [(1, 2), (0x0F0, 0xFFF), (37, 1234)])
    # rows of the parity check matrix in common use: identity | parity
    for row in (0x8008ED, 0x4001DB, 0x2003B5, 0x100769, 0x080ED1, 0x01068F, 0x001FFE):
        assert not any((row & word).bit_count() & 1 for word in words)


def test_reed_solomon_words_have_the_roots_of_the_standard() -> None:
    """CCSDS 131.0-B, section 4: roots a^(11 j), j = 112 to 143, in GF(256) of 0x187."""
    power = [1]
    for _ in range(254):
        power.append(power[-1] << 1 ^ (0x187 if power[-1] & 0x80 else 0))

    def times(a: int, b: int) -> int:
        return power[(power.index(a) + power.index(b)) % 255] if a and b else 0

    word = codes.reed_solomon(np.random.default_rng(2).bytes(100))
    for j in (112, 113, 127, 143):
        value = 0
        for symbol in word:
            value = times(value, power[11 * j % 255]) ^ symbol
        assert value == 0


def test_dual_basis_is_the_published_matrix() -> None:
    table = codes.dual_basis()
    assert [int(table[1 << bit]) for bit in reversed(range(8))] == [0x8D, 0xEF, 0xEC, 0x86, 0xFA, 0x99, 0xAF, 0x7B]


def test_convolutional_impulse_is_both_polynomials() -> None:
    """CCSDS 131.0-B, section 3: 171 and 133 octal, the second inverted."""
    impulse = np.array([1, 0, 0, 0, 0, 0, 0], np.uint8)
    pairs = codes.Convolutional("CCSDS")(impulse).reshape(-1, 2)
    assert "".join(map(str, pairs[:, 0])) == f"{0o171:07b}"
    assert "".join(map(str, 1 - pairs[:, 1])) == f"{0o133:07b}"
    other = codes.Convolutional("NASA-DSN uninverted")(impulse).reshape(-1, 2)
    assert np.array_equal(other, np.stack([1 - pairs[:, 1], pairs[:, 0]], axis=1))


@pytest.mark.recordings
def test_suomi_npp_frames_encode_to_what_was_received() -> None:
    """65 frames of 892 bytes, RS(255,223) dual basis interleaved by 4, randomised."""
    folder = Path(os.environ.get("RADOME_RECORDINGS", Path(__file__).parents[4] / "shared" / "recordings"))
    path = folder / "vectors/ccsds-cadu/snpp_synchronized_cadus.dat"
    if not path.exists():
        pytest.skip(f"{path} is not there; RADOME_RECORDINGS names the folder of the recordings")
    data = path.read_bytes()
    for n in range(0, len(data), 1024):
        frame = bits.ccsds_randomise(data[n + 4 : n + 896])
        assert bits.ccsds_randomise(codes.ccsds_reed_solomon(frame, 4)) == data[n + 4 : n + 1024]
