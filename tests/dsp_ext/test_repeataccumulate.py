"""The repeat-accumulate code against an encoder of its own, in noise, and at its doors."""

from __future__ import annotations

import zlib

import numpy as np
import pytest

from dsp_ext.repeataccumulate import RepeatAccumulate
from receiver.synth.codes import repeat_accumulate

SIZES = [8, 62, 64, 126, 128, 256, 512]


def noisy(code: RepeatAccumulate, data: np.ndarray, ebn0_db: float, rng: np.random.Generator) -> np.ndarray:
    """Soft symbols of some data in white noise."""
    bits = np.unpackbits(code.encode(data))
    sigma = np.sqrt(code.code_size / len(data) / 2) * 10 ** (-ebn0_db / 20)
    return (2.0 * bits - 1 + sigma * rng.standard_normal(len(bits))).astype(np.float32)


@pytest.mark.parametrize("size", SIZES)
def test_encoder_against_another(size: int) -> None:
    rng = np.random.default_rng(size)
    code = RepeatAccumulate(size)
    for _ in range(5):
        data = rng.integers(0, 256, size, np.uint8)
        assert code.encode(data).tobytes() == repeat_accumulate(data.tobytes())


@pytest.mark.parametrize(
    ("size", "head", "crc"),
    [
        (126, "5e5fe16036f7d938", 0x54875827),
        (128, "3a3be1607cbdae4f", 0x10B87560),
        (256, "2c2dcc4d0acbc726", 0xD44258D6),
    ],
)
def test_codes_of_counting_bytes(size: int, head: str, crc: int) -> None:
    """Made by another program from Maroti's description."""
    code = RepeatAccumulate(size).encode(np.arange(size, dtype=np.uint8)).tobytes()
    assert code[:8].hex() == head
    assert zlib.crc32(code) == crc


@pytest.mark.parametrize("size", [126, 128, 256])
def test_decodes_at_2_db(size: int) -> None:
    """Half a decibel above where it begins to; hard decisions have a tenth of the symbols wrong there."""
    rng = np.random.default_rng(size)
    code = RepeatAccumulate(size)
    right, wrong = 0, 0
    for _ in range(40):
        data = rng.integers(0, 256, size, np.uint8)
        soft = noisy(code, data, 2.0, rng)
        decoded, differ = code.decode(soft)
        right += bool((decoded == data).all())
        wrong += differ
        if (decoded == data).all():
            assert differ == np.count_nonzero((soft > 0) != np.unpackbits(code.encode(data)))
    assert right >= 39
    assert 0.08 < wrong / 40 / 8 / code.code_size < 0.13


def test_noise_is_near_no_code_word() -> None:
    rng = np.random.default_rng(3)
    code = RepeatAccumulate(128)
    for _ in range(50):
        _, wrong = code.decode(rng.standard_normal(8 * code.code_size).astype(np.float32))
        assert wrong > 0.3 * 8 * code.code_size


def test_a_decoder_remembers_nothing() -> None:
    rng = np.random.default_rng(4)
    code = RepeatAccumulate(64)
    data = rng.integers(0, 256, 64, np.uint8)
    soft = noisy(code, data, 1.5, rng)
    first = code.decode(soft)
    code.decode(rng.standard_normal(len(soft)).astype(np.float32))
    again = code.decode(soft)
    assert (first[0] == again[0]).all()
    assert first[1] == again[1]


def test_what_is_no_number_does_no_harm() -> None:
    code = RepeatAccumulate(64)
    soft = np.full(8 * code.code_size, np.nan, np.float32)
    soft[::3] = np.inf
    code.decode(soft)


@pytest.mark.parametrize("size", [6, 9, 514])
def test_sizes_outside(size: int) -> None:
    with pytest.raises(ValueError, match=f"even number of bytes, 8 to 512, got {size}"):
        RepeatAccumulate(size)


def test_lengths_that_do_not_fit() -> None:
    code = RepeatAccumulate(64)
    with pytest.raises(ValueError, match="64 bytes expected, got 3"):
        code.encode(np.zeros(3, np.uint8))
    with pytest.raises(ValueError, match="symbols expected, got 5"):
        code.decode(np.zeros(5, np.float32))
