"""Windows, band contrast and line prominence against plain numpy."""

from __future__ import annotations

import numpy as np
import pytest

from dsp_ext.spectrum import BandSearch, PowerRows, contrast, prominence, windows, without_lines

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


def test_lines_are_levelled():
    power = np.random.default_rng(3).exponential(size=(7, 64)).astype(np.float32)
    power[1, 20:24] = 1e4  # a line
    power[2, 30:50] = 1e4  # a signal
    power[3, 5], power[4, 6] = np.nan, np.inf
    clean = np.where(np.isfinite(power), power, 0)
    least = np.min([np.roll(clean, i, axis=1) for i in range(-2, 3)], axis=0)
    opened = np.max([np.roll(least, i, axis=1) for i in range(-2, 3)], axis=0)
    wanted = np.where(clean > 4 * opened, opened, clean)
    without_lines(power, 5, 4.0)
    assert np.array_equal(power, wanted)
    assert (power[1, 20:24] < 100).all()
    assert (power[2, 30:50] == 1e4).all()
    with pytest.raises(ValueError, match="power of two"):
        without_lines(np.zeros((1, 60), np.float32), 5, 4.0)


@pytest.mark.parametrize(("first", "stop"), [(4, 61), (0, 64), (10, 11)])
def test_band_search(first, stop):
    random = np.random.default_rng(4)
    spectra = random.exponential(size=(40, 64)).astype(np.float32)
    for row, at in enumerate(random.integers(14, 50, len(spectra))):
        spectra[row, at - 8 : at + 9] *= 20
    spectra[5] = 0
    spectra[6] = 7
    search = BandSearch(64, first, stop, 8, 10)
    floor = np.quantile(spectra[:, first:stop].astype(float), 0.3, axis=1, keepdims=True) + 1e-30
    usable = (np.arange(64) >= first) & (np.arange(64) < stop)
    total = np.cumsum(np.pad(np.where(usable, np.log1p(spectra / floor) - np.log(2), 0), ((0, 0), (1, 0))), axis=1)
    low, high = np.maximum(np.arange(64) - 8, 0), np.minimum(np.arange(64) + 9, 64)
    normal = spectra.copy()
    search.normalise(normal)
    assert np.allclose(search.score(normal, 0.5), 0.5 * (total[:, high] - total[:, low]), rtol=1e-5, atol=1e-4)

    excess = np.where(usable, np.log1p(np.clip(spectra / (2 * floor) - 1, 0, None)), 0)
    guess = random.integers(-20, 21, len(spectra)).astype(float)
    centre, mass = search.refine(normal, guess)
    for row in range(len(spectra)):
        expected = guess[row]
        for _ in range(3):
            index = np.rint(expected).astype(int) + 32
            bins = np.arange(max(index - 10, 0), min(index + 11, 64))
            weight = excess[row, bins]
            expected = (weight * (bins - 32)).sum() / weight.sum() if weight.sum() > 0 else expected
        assert centre[row] == pytest.approx(expected, abs=1e-4)
        assert mass[row] == pytest.approx(weight.sum(), rel=1e-4, abs=1e-4)
    with pytest.raises(ValueError, match="0 to 64"):
        BandSearch(64, 10, 65, 8, 10)
    with pytest.raises(ValueError, match="64 bins"):
        search.refine(spectra, guess[1:])
