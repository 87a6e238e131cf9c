"""Windows, band contrast and line prominence against plain numpy."""

from __future__ import annotations

import numpy as np
import pytest

from dsp_ext.spectrum import contrast, prominence, windows

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
