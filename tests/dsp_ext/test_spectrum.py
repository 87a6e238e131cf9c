"""Power spectra, band contrast and line prominence against plain numpy."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from dsp_ext.spectrum import BandSearch, Contrast, PowerRows, Prominence, limit, without_lines

X = np.random.default_rng(2).standard_normal((700, 2)).view(np.complex128)[:, 0].astype(np.complex64)


@pytest.mark.parametrize(
    ("rows", "length", "size"), [(1, 60, 64), (8, 78, 80), (21, 93, 96), (9, 128, 128), (3, 20, 20)]
)
@pytest.mark.parametrize("is_complex", [True, False], ids=["complex", "real"])
@pytest.mark.parametrize("floor", [0.0, 0.02])
def test_contrast(rng: np.random.Generator, is_complex, rows, length, size, floor):
    x = X if is_complex else X.real.copy()
    taper, starts = np.hanning(length + 2)[1:-1].astype(np.float32), rng.integers(0, 701 - length, rows)
    edges = np.linspace(-0.5 if is_complex else 0, 0.5, 17 if is_complex else 9)
    spectra = np.abs(np.fft.fft(np.stack([x[s : s + length] for s in starts]).astype(complex) * taper, size)) ** 2
    bins = np.rint(edges * size).astype(int)
    density = np.array([spectra[:, np.arange(a, b) % size].mean(axis=1) for a, b in pairwise(bins)]).T
    cells = np.log(density + floor * density.sum(axis=1, keepdims=True))

    def mean(low, high, least):
        low, high = max(low, 0), min(high, cells.shape[1])
        return cells[:, low:high].mean(axis=1) if high - low >= least else np.full(rows, -1e30)

    found = Contrast(taper, edges, 4, 1, 3, floor).process(x, starts)
    assert found.shape == cells.shape
    for c in range(cells.shape[1]):
        flanks = np.maximum(mean(c - 8, c - 5, 3), mean(c + 6, c + 9, 3))
        assert np.allclose(found[:, c], mean(c - 4, c + 5, 1) - flanks, rtol=1e-5, atol=1e-4)


def test_contrast_of_zeros_and_what_does_not_fit():
    taper, edges = np.ones(8, np.float32), np.linspace(-0.5, 0.5, 9)
    look = Contrast(taper, edges, 1, 0, 3)
    for x in (np.zeros(8, np.complex64), np.full(8, np.nan, np.complex64), np.full(8, 1e30, np.float32)):
        assert np.isfinite(look.process(x, np.zeros(2, np.int64))).all()
    assert look.process(X, np.zeros(0, np.int64)).shape == (0, 8)
    for start in (693, -1):
        with pytest.raises(ValueError, match="within 700"):
            look.process(X, np.array([0, start]))
    for wrong in (np.array([0, 0.6]), np.array([0.3, 0.2]), np.array([0.3]), np.array([np.nan, 0.2])):
        with pytest.raises(ValueError, match="rise within"):
            Contrast(taper, wrong, 1, 0, 3)


def test_prominence():
    moves = np.zeros(21)
    moves[[3, 9, 20]] = 0.125, -0.3, 0.5
    x = X[: 21 * 32]
    rows = np.concatenate([np.zeros((1, 32)), x.reshape(-1, 32).astype(complex)])
    turned = rows[:-1] * np.exp(-2j * np.pi * moves[:, None] * np.arange(-32, 0))
    power = np.abs(np.fft.fft(np.hstack([turned, rows[1:]]), 128)) ** 2
    expected = np.roll(power, 9, axis=1)[:, :19] / power.mean(axis=1, keepdims=True)
    whole = Prominence(32, 9).process(x, moves)
    assert np.allclose(whole, expected, rtol=1e-4, atol=1e-4)
    again = Prominence(32, 9)
    parts = [again.process(x[32 * a : 32 * b], moves[a:b]) for a, b in [(0, 1), (1, 1), (1, 14), (14, 21)]]
    assert np.array_equal(np.concatenate(parts), whole)
    assert (Prominence(8, 3).process(np.zeros(16, np.complex64), np.zeros(2)) == 0).all()
    for bad in (1e25, np.nan):
        loud = np.concatenate([x[:32], np.full(64, bad, np.complex64), x[96:]])
        found = Prominence(32, 9).process(loud, moves)
        assert (found[1:4] == 0).all()
        assert np.array_equal(found[4:], whole[4:])
    for window, reach in [(12, 3), (8, 16), (0, 0)]:
        with pytest.raises(ValueError, match="power of two"):
            Prominence(window, reach)
    with pytest.raises(ValueError, match="2 rows of 8"):
        Prominence(8, 3).process(x[:17], np.zeros(2))


@pytest.mark.parametrize(("size", "averages"), [(2, 1), (8, 5), (64, 8), (64, 20), (1024, 9)])
def test_power_rows(rng: np.random.Generator, size, averages):
    taper = np.hanning(size + 1)[:-1].astype(np.float32)
    x = (rng.standard_normal((3, averages, size)) + 1j * rng.standard_normal((3, averages, size))).astype(np.complex64)
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


@pytest.mark.parametrize("most", [np.inf, 0.3])
@pytest.mark.parametrize(("first", "stop"), [(4, 61), (0, 64), (10, 11)])
def test_band_search(first, stop, most):
    random = np.random.default_rng(4)
    spectra = random.exponential(size=(40, 64)).astype(np.float32)
    for row, at in enumerate(random.integers(14, 50, len(spectra))):
        spectra[row, at - 8 : at + 9] *= 20
    spectra[5] = 0
    spectra[6] = 7
    search = BandSearch(64, first, stop, 8, 10, most)
    floor = np.quantile(spectra[:, first:stop].astype(float), 0.3, axis=1, keepdims=True) + 1e-30
    usable = (np.arange(64) >= first) & (np.arange(64) < stop)
    total = np.cumsum(np.pad(np.where(usable, np.log1p(spectra / floor) - np.log(2), 0), ((0, 0), (1, 0))), axis=1)
    low, high = np.maximum(np.arange(64) - 8, 0), np.minimum(np.arange(64) + 9, 64)
    normal = spectra.copy()
    search.normalise(normal)
    assert np.allclose(search.score(normal, 0.5), 0.5 * (total[:, high] - total[:, low]), rtol=1e-5, atol=1e-4)

    excess = np.where(usable, np.log1p(np.clip(spectra / (2 * floor) - 1, 0, None)), 0)
    excess = np.minimum(excess, most)
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


def test_band_search_beside_silence():
    """What is loud there is no number times the noise."""
    spectra = np.zeros((1, 64), np.float32)
    spectra[0, 30:41] = 1e30
    search = BandSearch(64, 4, 61, 8, 10)
    search.normalise(spectra)
    assert np.isfinite(search.score(spectra, 1.0)).all()
    centre, mass = search.refine(spectra, np.zeros(1))
    assert centre[0] == pytest.approx(3, abs=0.01)
    assert np.isfinite(mass).all()


@pytest.mark.parametrize("reach", [0, 3, 12, 100])
def test_scores_are_limited_where_a_peak_is_too_high(reach):
    score = np.random.default_rng(reach).standard_normal((9, 70)).astype(np.float32)
    score[0] = np.minimum(score[0], 1.5)
    expected = np.empty_like(score)
    for k in range(70):
        highest = score[:, max(0, k - reach) : k + reach + 1].max(axis=1)
        expected[:, k] = score[:, k] - np.maximum(highest - np.float32(1.5), 0)
    before = score.copy()
    limit(score, 1.5, reach)
    np.testing.assert_allclose(score, expected, atol=1e-6)
    assert np.array_equal(score[0], before[0])
    assert score.max() == np.float32(1.5)
    with pytest.raises(ValueError, match="0 or more"):
        limit(score, 1.5, -1)
    limit(np.zeros((0, 5), np.float32), 1.0, 2)
