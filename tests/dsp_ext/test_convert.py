"""Sample types against float64 numpy."""

from __future__ import annotations

import numpy as np
import pytest

from dsp_ext.convert import all_samples, clean, to_float

INTEGERS = ["u8", "i8", "u16", "i16", "u32", "i32", "u64", "i64"]


def reference(x: np.ndarray) -> np.ndarray:
    """Full scale 1, the middle of an unsigned type's range 0."""
    if x.dtype.kind == "f":
        return x.astype(np.float64)
    half = 2 ** (8 * x.itemsize - 1)
    middle = half if x.dtype.kind == "u" else 0
    return np.array([int(v) - middle for v in x]) / half


@pytest.mark.parametrize("kind", [*INTEGERS, "f32", "f64"])
def test_values(kind: str) -> None:
    rng = np.random.default_rng(1)
    dtype = np.dtype(f"{kind[0]}{int(kind[1:]) // 8}")
    if kind[0] == "f":
        x = rng.normal(size=1001).astype(dtype)
    else:
        ends = np.iinfo(dtype)
        x = rng.integers(ends.min, ends.max, 1001, dtype, endpoint=True)
        x[:2] = ends.min, ends.max
    y = to_float(x.view(np.uint8), kind)
    assert y.dtype == np.float32
    np.testing.assert_allclose(y, reference(x), rtol=2**-24, atol=0)


def test_u8_of_a_dongle() -> None:
    x = np.arange(256, dtype=np.uint8)
    np.testing.assert_allclose(to_float(x, "cu8"), (x - 127.4) / 128, atol=1e-7)


def test_24_bits() -> None:
    x = np.array([0, 1, -1, 2**23 - 1, -(2**23), 0x123456])
    data = b"".join(int(v).to_bytes(3, "little", signed=True) for v in x)
    np.testing.assert_array_equal(to_float(np.frombuffer(data, np.uint8), "i24"), x / 2**23)


def test_out_unaligned_and_read_only() -> None:
    x = np.arange(-8, 8, dtype=np.int16)
    data = np.frombuffer(b"\0" + x.tobytes(), np.uint8)[1:]
    out = np.empty(16, np.float32)
    assert to_float(data, "i16", out) is out
    np.testing.assert_array_equal(out, x / 32768)
    assert len(to_float(np.empty(0, np.uint8), "f64")) == 0


def test_arguments() -> None:
    with pytest.raises(ValueError, match=r"one of u8 .* got 'u7'"):
        to_float(np.zeros(4, np.uint8), "u7")
    with pytest.raises(ValueError, match="whole values of 4 bytes, got 3"):
        to_float(np.zeros(3, np.uint8), "f32")
    with pytest.raises(ValueError, match="out must have 3 items, got 2"):
        to_float(np.zeros(3, np.uint8), "u8", np.empty(2, np.float32))
    with pytest.raises(ValueError, match="whole samples"):
        clean(np.zeros(3, np.float32), 2)


@pytest.mark.parametrize("n", [0, 1, 20, 70001])
def test_clean(n: int) -> None:
    x = np.random.default_rng(n).normal(size=2 * n).astype(np.float32)
    expected = x.copy()
    assert all_samples(x)
    assert clean(x, 2) == (0, -1)
    np.testing.assert_array_equal(x, expected)
    if n < 20:
        return
    for i, value in [(5, np.nan), (12, np.inf), (13, np.nan), (2 * n - 1, -3e30)]:
        x[i] = value
        expected[i - i % 2 : i - i % 2 + 2] = 0
    assert not all_samples(x)
    assert clean(x, 2) == (3, 2)
    np.testing.assert_array_equal(x, expected)
