"""Windows, band contrast and line prominence against plain numpy."""

from __future__ import annotations

import numpy as np
import pytest

from dsp_ext.spectrum import PowerRows, contrast, prominence, windows

RNG = np.random.default_rng(2)
SPECTRA = (RNG.standard_normal((5, 60)) + 1j * RNG.standard_normal((5, 60))).astype(np.complex64)


@pytest.mark.parametrize("x", [SPECTRA.ravel(), SPECTRA.real.ravel()], ids=["complex", "real"])
def test_windows(x):
    taper = np.hanning(16).astype(np.float32)
    found = windows(x, np.array([0, 7, 284]), taper)
    assert found.dtype == x.dtype
    assert np.array_equal(found, np.stack([x[:16], x[7:23], x[284:]]) * taper)
    with pytest.raises(ValueError, match="within 300"):
        windows(x, np.array([285]), taper)
    assert windows(x, np.zeros(0, np.int64), taper).shape == (0, 16)


def test_contrast():
    edges = np.arange(-30, 31, 2)
    power = np.abs(np.fft.fftshift(SPECTRA.astype(complex), axes=1)) ** 2
    cells = np.log(power.reshape(5, 30, 2).sum(axis=2))
    found = contrast(SPECTRA, edges, 4, 1, 3)
    assert found.shape == (5, 30)

    def flank(low, high):
        low, high = max(low, 0), min(high, 30)
        return cells[:, low:high].mean(axis=1) if high - low >= 3 else np.full(5, -np.inf)

    for c in range(30):
        inside = cells[:, max(c - 4, 0) : c + 5].mean(axis=1)
        sides = np.maximum(flank(c - 8, c - 5), flank(c + 6, c + 9))
        if np.isfinite(sides).all():
            assert np.allclose(found[:, c], inside - sides, atol=1e-5)


def test_contrast_of_zeros_and_bad_edges():
    assert np.isfinite(contrast(np.zeros((2, 8), np.complex64), np.arange(9), 1, 0, 3)).all()
    with pytest.raises(ValueError, match="rise within -60 to 60"):
        contrast(SPECTRA, np.array([0, 61]), 1, 0, 3)
    with pytest.raises(ValueError, match="rise"):
        contrast(SPECTRA, np.array([3, 2]), 1, 0, 3)


def test_prominence():
    power = np.abs(SPECTRA.astype(complex)) ** 2
    expected = np.roll(power, 9, axis=1)[:, :19] / power.mean(axis=1, keepdims=True)
    assert np.allclose(prominence(SPECTRA, 9), expected, rtol=1e-5)
    assert (prominence(np.zeros((1, 60), np.complex64), 3) == 0).all()
    with pytest.raises(ValueError, match="half of 60"):
        prominence(SPECTRA, 30)


@pytest.mark.parametrize(("size", "averages"), [(2, 1), (8, 5), (64, 8), (64, 20), (1024, 9)])
def test_power_rows(size, averages):
    taper = np.hanning(size + 1)[:-1].astype(np.float32)
    x = (RNG.standard_normal((3, averages, size)) + 1j * RNG.standard_normal((3, averages, size))).astype(np.complex64)
    expected = np.fft.fftshift(np.abs(np.fft.fft(x.astype(complex) * taper)) ** 2, axes=-1).mean(axis=1)
    rows = PowerRows(taper, averages)
    found = rows.process(x.ravel())
    assert found.dtype == np.float32
    assert np.allclose(found, expected, rtol=1e-5, atol=1e-6 * expected.mean())
    # a row does not hang on those beside it
    assert (rows.process(x[1].ravel()) == found[1:2]).all()
    assert rows.process(np.empty(0, np.complex64)).shape == (0, size)


def test_power_rows_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match="power of two"):
        PowerRows(np.ones(12, np.float32), 4)
    with pytest.raises(ValueError, match="at least one window"):
        PowerRows(np.ones(8, np.float32), 0)
    with pytest.raises(ValueError, match="whole rows of 32"):
        PowerRows(np.ones(8, np.float32), 4).process(np.ones(33, np.complex64))
