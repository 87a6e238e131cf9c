"""Level against two-means clustering in float64, and against the levels that were put in."""

from __future__ import annotations

import numpy as np
import pytest

from dsp_ext.level import Level
from tests.jig import kernel_keeps_the_law, outputs
from tests.reference import two_means


def levels(
    rng: np.random.Generator, n: int, centre: float, swing: float, noise: float, ones: float = 0.5
) -> np.ndarray:
    symbols = np.where(rng.random(n) < ones, 1.0, -1.0)
    return (centre + swing * (symbols + noise * rng.standard_normal(n))).astype(np.float32)


@pytest.mark.parametrize("ones", [0.5, 0.8, 0.2])
@pytest.mark.parametrize("scale", [1.0, 1e-6, 1e6])
def test_centre_and_swing(rng: np.random.Generator, ones: float, scale: float) -> None:
    x = levels(rng, 5000, 0.3 * scale, 0.05 * scale, 0.2, ones)
    soft, centres, swings = kernel_keeps_the_law(Level, x)
    assert len(soft) == len(centres) == len(swings) == len(x)
    assert np.abs(centres / scale - 0.3).max() < 0.006
    assert np.abs(swings / scale - 0.05).max() < 0.005
    np.testing.assert_allclose(soft, np.clip((x - centres) / swings, -4, 4), atol=1e-4)
    assert np.abs(np.abs(soft).mean() - 1) < 0.02


def test_windows_are_clustered_as_two_means(rng: np.random.Generator) -> None:
    """At the middle of each window of 128 symbols, every 32, the estimate is the clustering of that window."""
    x = levels(rng, 1000, -0.1, 0.2, 0.15)
    _, centres, swings = outputs(Level(), [x])
    for start in range(0, len(x) - 128 - 32, 32):
        centre, swing = two_means(x[start : start + 128])
        # the kernel stops after five rounds and holds clicks down
        assert abs(centres[start + 64] - centre) < 0.003
        assert abs(swings[start + 64] - swing) < 0.003


def burst(rng: np.random.Generator, n: int, centre: float, noise: float) -> tuple[np.ndarray, np.ndarray]:
    """So many symbols about a centre, amid noise whose centre is 0, and the same as they were sent."""
    symbols = rng.choice([-1.0, 1.0], n)
    inside = centre + symbols + 0.15 * rng.standard_normal(n)
    sides = [noise * rng.standard_normal(500 + int(rng.integers(64))) for _ in range(2)]
    return np.concatenate([sides[0], inside, sides[1]]).astype(np.float32), np.pad(
        symbols, (len(sides[0]), len(sides[1]))
    )


@pytest.mark.parametrize("noise", [0.0, 0.5, 2.0, 4.0])
@pytest.mark.parametrize("centre", [0.0, 1.5, -2.5])
def test_a_burst_is_level_from_end_to_end(rng: np.random.Generator, centre: float, noise: float) -> None:
    """Windows at its ends are half full of noise, or of silence, whose centre is elsewhere."""
    wrong = 0
    for _ in range(20):
        x, symbols = burst(rng, 400, centre, noise)
        soft, _, _ = outputs(Level(around=2), [x])
        sent = np.flatnonzero(symbols)
        assert (soft * symbols >= 0)[sent[24:-24]].all()
        wrong += np.count_nonzero(soft * symbols < 0)
    assert wrong <= 40  # of 8000


def test_a_step_of_the_centre_within_a_signal(rng: np.random.Generator) -> None:
    """Windows on either side of it count for what they hold."""
    wrong = 0
    for _ in range(20):
        before, behind = levels(rng, 400 + int(rng.integers(64)), 0.0, 1.0, 0.1), levels(rng, 400, 1.5, 1.0, 0.1)
        soft, _, _ = outputs(Level(around=2), [np.concatenate([before, behind])])
        sent = np.concatenate([before > 0, behind > 1.5])
        wrong += np.count_nonzero((soft > 0) != sent)
    assert wrong <= 20 * 20


@pytest.mark.parametrize("advance", [32, 48, 64])
@pytest.mark.parametrize("around", [0, 1, 2])
def test_keeps_the_law_of_chunks(rng: np.random.Generator, advance: int, around: int) -> None:
    x, _ = burst(rng, 700, 1.0, 2.0)
    soft, centres, swings = kernel_keeps_the_law(lambda: Level(advance, around), x)
    assert len(soft) == len(centres) == len(swings) == len(x)
    np.testing.assert_allclose(soft, np.clip((x - centres) / swings, -4, 4), atol=1e-4)


def parted(x: np.ndarray, centre: float, apart: float) -> tuple[float, float, float, float]:
    """Centre and distance of two classes after up to five rounds, symbols of the smaller one, and what they explain."""
    for _ in range(5):
        v = np.clip(x - centre, -apart, apart)
        up = v > 0
        high, low = (v[part].mean() if part.any() else 0.0 for part in (up, ~up))
        settled = abs(high + low) / 2 + abs(apart - (high - low)) <= 1e-5 * (high - low)
        centre, apart = centre + (high + low) / 2, high - low
        if settled:
            break
    ones = int(up.sum())
    return centre, apart, min(ones, len(x) - ones), ones * (len(x) - ones) * apart**2


def test_extremes_count_only_where_they_lie_far_from_the_centre(rng: np.random.Generator) -> None:
    """Noise has no two classes: clustered anew from close by, it would part elsewhere."""
    x = rng.standard_normal(6000).astype(np.float32)
    _, centres, swings = outputs(Level(), [x])
    close = 0
    for start in range(0, len(x) - 128 - 32, 32):
        window = x[start : start + 128].astype(np.float64)
        centre, apart, _, weight = parted(window, window.mean(), 1e30)
        reach = 2 * apart
        middle = (min(window.max(), centre + reach) + max(window.min(), centre - reach)) / 2
        other = parted(window, middle, reach)
        if other[2] >= 8 and other[3] > weight:
            if abs(middle - centre) > apart / 4:
                centre, apart = other[:2]
            else:
                close += abs(other[0] - centre) > 0.01
        assert abs(centres[start + 64] - centre) < 1e-4
        assert abs(swings[start + 64] - apart / 2) < 1e-4
    assert close > 5


@pytest.mark.parametrize("n", [1, 2, 40, 127, 128, 129])
def test_short_streams(n: int) -> None:
    x = np.resize(np.array([0.9, 1.1, 1.1, 0.9, 0.9], np.float32), n)
    soft, centres, swings = outputs(Level(), [x])
    assert len(soft) == len(centres) == len(swings) == n
    if n > 1:
        assert np.array_equal(soft > 0, x > 1)
        assert np.allclose(np.abs(soft), 1, atol=0.05)
        assert np.allclose(centres, 1, atol=0.01)


def test_a_click_does_not_move_the_centre(rng: np.random.Generator) -> None:
    x = levels(rng, 1000, 0.0, 0.1, 0.1)
    x[500] = 5.0
    _, centres, swings = outputs(Level(), [x])
    assert np.abs(centres).max() < 0.03
    assert np.abs(swings - 0.1).max() < 0.03


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_one_symbol_amid_seven_others_is_no_click(rng: np.random.Generator, sign: float) -> None:
    """Flags in NRZI, of which a low-pass makes three levels: the two that are nearest are one symbol."""
    a = np.resize([-1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0], 1000)
    x = np.convolve(a, [0.26, 1.0, 0.26], "same") + 0.05 * rng.standard_normal(len(a))
    soft, _, _ = outputs(Level(), [(sign * x).astype(np.float32)])
    assert np.array_equal(soft[1:-1] > 0, sign * a[1:-1] > 0)


def rows(rng: np.random.Generator, row: str, n: int, noise: float) -> np.ndarray:
    """A row of bytes with levels of -1 and 1, and a single symbol that does not reach its one."""
    a = np.resize([2.0 * int(bit) - 1 for bit in row], n)
    x = np.convolve(a, [0.075, 0.85, 0.075], "same") + noise * rng.standard_normal(n)
    return x.astype(np.float32)


@pytest.mark.parametrize("told", [0.8, 1.0, 1.3])
@pytest.mark.parametrize(("row", "sign"), [("01111111", 1.0), ("01111111", -1.0), ("01111110", 1.0)])
def test_row_of_flags_in_noise(rng: np.random.Generator, row: str, sign: float, told: float) -> None:
    """In NRZI and NRZ: seven or six symbols of eight pass for two levels where noise parts them."""
    x = sign * rows(rng, row, 20000, 0.55)
    _, centres, swings = kernel_keeps_the_law(lambda: Level(deviation=told), x)
    bare = outputs(Level(), [x])[1]
    assert np.sqrt((centres**2).mean()) < 0.27
    assert np.sqrt((centres**2).mean()) < 0.8 * np.sqrt((bare**2).mean())
    assert 0.7 < np.median(swings) < 1.1
    # noise falls, and the row itself tells its levels
    _, centres, swings = outputs(Level(deviation=told), [sign * rows(rng, row, 20000, 0.05)])
    assert np.abs(centres).max() < 0.12
    assert np.abs(swings / 0.85 - 1).max() < 0.12


def test_data_and_bare_tones_are_no_row_of_flags(rng: np.random.Generator) -> None:
    for x in (levels(rng, 100_000, 0.2, 1.0, 0.5), levels(rng, 100_000, 0.2, 1.0, 0.5, ones=1.0)):
        told, bare = (outputs(level, [x])[1] for level in (Level(deviation=1.2), Level()))
        assert (told == bare).mean() > 0.995


def test_constant_and_silent_input_is_finite() -> None:
    for value in (0.0, 0.5):
        for level in (Level(), Level(deviation=0.1)):
            soft, _, swings = outputs(level, [np.full(500, value, np.float32)])
            assert np.isfinite(soft).all()
            assert np.abs(soft).max() <= 4
            assert (swings > 0).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 3e38])
def test_what_is_no_number_is_forgotten(rng: np.random.Generator, bad: float) -> None:
    x = levels(rng, 2000, 0.3, 0.05, 0.1)
    x[700] = bad
    for level in (Level(), Level(deviation=0.05)):
        soft, centres, swings = outputs(level, [x])
        assert np.isfinite(soft).all()
        far = np.abs(np.arange(len(x)) - 700) > 160
        assert np.abs(centres[far] - 0.3).max() < 0.01
        assert np.abs(swings[far] - 0.05).max() < 0.01


@pytest.mark.parametrize(("advance", "around"), [(31, 0), (65, 0), (32, -1), (32, 3)])
def test_refuses_other_windows(advance: int, around: int) -> None:
    with pytest.raises(ValueError, match="expected"):
        Level(advance, around)


def test_refuses_other_types() -> None:
    with pytest.raises(ValueError, match="mismatch"):
        Level().process(np.zeros(3))
    with pytest.raises(TypeError):
        Level().process(None)


@pytest.mark.parametrize("around", [0, 2])
def test_centres_by_themselves_are_the_same(rng: np.random.Generator, around: int) -> None:
    """However cut, of every second value where it stands, and what waits at the end."""
    x = np.concatenate([levels(rng, 3000, 0.4, 0.2, 0.1), burst(rng, 500, 1.5, 0.3)[0]])
    _, expected, _ = outputs(Level(64, around), [x])
    spread = np.stack([x, np.full_like(x, 1e9)], axis=1).ravel()
    level = Level(64, around)
    made = [level.centres(part) for part in np.split(spread[::2], [0, 1, 130, 131, 1900])]
    np.testing.assert_array_equal(np.concatenate([*made, level.flush()[1]]), expected)


@pytest.mark.parametrize("around", [0, 2])
@pytest.mark.parametrize(("noise", "sign"), [(0.1, -1.0), (0.3, 1.0)])
def test_a_row_of_equal_symbols_keeps_the_levels_before_it(around: int, noise: float, sign: float) -> None:
    rng = np.random.default_rng(9)
    symbols = np.concatenate([rng.choice([-1.0, 1.0], 300), np.full(700, sign), rng.choice([-1.0, 1.0], 300)])
    x = (0.4 + 0.2 * (symbols + noise * rng.standard_normal(len(symbols)))).astype(np.float32)
    soft, centres, _ = outputs(Level(around=around), [x])
    assert np.abs(centres - 0.4).max() < 0.1
    assert (np.sign(soft) != symbols).mean() < 0.004


@pytest.mark.parametrize("at", [0.4, 0.8, 1.2])
@pytest.mark.parametrize("around", [0, 2])
def test_a_tone_behind_noise_is_its_own_centre(around: int, at: float) -> None:
    """Both together look like two levels, but not for long."""
    rng = np.random.default_rng(10)
    x = np.concatenate([rng.standard_normal(1000), at + 0.1 * rng.standard_normal(1000)]).astype(np.float32)
    _, centres, _ = outputs(Level(around=around), [x])
    assert np.abs(centres[1128:] - at).max() < 0.1
