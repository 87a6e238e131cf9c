"""Every kernel that is built for several instruction sets gives the same with each that runs here, within bounds."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.jig import outputs
from tests.reference import convolutional, soft

ROOT = Path(__file__).parents[2]
RNG = np.random.default_rng(7)
X = (RNG.standard_normal(6007) + 1j * RNG.standard_normal(6007)).astype(np.complex64)
TAPS = (np.hanning(67)[1:-1] / 33).astype(np.float32)
TWO_LEVELS = (RNG.choice([-1.0, 1.0], 6007).repeat(4)[:6007] + 0.1 * RNG.standard_normal(6007)).astype(np.float32)


def carrier() -> list[NDArray[Any]]:
    from dsp_ext.carrier import clock_tone, mix, square

    one = np.array([0.01])
    tone = clock_tone(X[:5984], 8)
    turned = mix(X, np.array([0, len(X)]), one, one, one * 1e-4)
    return [turned, square(X), *tone, *clock_tone(X[:5984], 8, pairs=True)]


def channelizer() -> list[NDArray[Any]]:
    from dsp_ext.channelizer import Channelizer

    which = np.array([0, 5, 15])
    bank = Channelizer(TAPS, 16)
    return [bank.process(X, which), bank.flush(which)]


def clock() -> list[Any]:
    from dsp_ext.clock import SymbolClock

    return outputs(SymbolClock(TAPS[2:65]), [TWO_LEVELS])


def convert() -> list[NDArray[Any]]:
    from dsp_ext.convert import to_float

    raw = RNG.integers(0, 256, 4096).astype(np.uint8)
    return [to_float(raw, kind) for kind in ("u8", "i8", "u16", "i16", "i32")]


def cpm() -> list[Any]:
    from dsp_ext.cpm import CpmDetector, phase_tone

    bits = RNG.integers(0, 2, 600) * 2 - 1
    x = np.exp(1j * np.pi / 2 / 8 * np.cumsum(np.repeat(bits, 8))).astype(np.complex64)
    half, instants = np.full(600, 0.25, np.float32), np.arange(600) * 8 + 3.5
    detector = CpmDetector(0.5)
    found = [detector.process(x, instants, 0 * half, half, 0 * half, bits.astype(np.float32)), detector.flush()]
    return [phase_tone(x[:404], 0.1 * half[:200]), *(np.concatenate(both) for both in zip(*found, strict=True))]


def cpm4() -> list[Any]:
    from dsp_ext.cpm4 import FourLevelDetector

    levels = RNG.integers(0, 4, 600) * 2 - 3
    x = np.exp(1j * np.pi * 0.3 / 8 * np.cumsum(np.repeat(levels, 8))).astype(np.complex64)
    swings, instants = np.full(600, 0.45, np.float32), np.arange(600) * 8 + 3.5
    eye = np.stack([-np.sign(levels), np.abs(levels) - 2], axis=1).astype(np.float32)
    detector = FourLevelDetector(0.28, 8)
    found = [detector.process(x, instants, 0 * swings, swings, 0 * swings, 0 * swings, eye), detector.flush()]
    return [np.concatenate(both) for both in zip(*found, strict=True)]


def discriminator() -> list[Any]:
    from dsp_ext.discriminator import Discriminator

    return outputs(Discriminator(), [X])


def doppler() -> list[NDArray[Any]]:
    from dsp_ext.doppler import Mixer, ramps

    y = np.empty_like(X)
    Mixer(0.123, 1e-7).process(X, y)
    return [y, ramps(np.array([100, 0, 37]), np.array([1.0, 2.0, 3.0]), np.array([1e-3, 0.0, -0.1]))]


def equaliser() -> list[Any]:
    from dsp_ext.equaliser import Equaliser

    return outputs(Equaliser(), [TWO_LEVELS])


def fir() -> list[Any]:
    from dsp_ext.fir import Decimator

    return outputs(Decimator(TAPS, 3, True), [X]) + outputs(Decimator(TAPS, 3, False), [X.real.copy()])


def framesync() -> list[Any]:
    from dsp_ext.framesync import FrameSync

    return outputs(FrameSync(0x1ACF, 16, 3), [TWO_LEVELS])


def audiopath() -> list[Any]:
    from dsp_ext.audiopath import AudioPath

    drooping = np.convolve(TWO_LEVELS, [1, -0.2, -0.16, -0.13, -0.1, -0.08], "same").astype(np.float32)
    return outputs(AudioPath(), [TWO_LEVELS]) + outputs(AudioPath(), [drooping])


def level() -> list[Any]:
    from dsp_ext.level import Level

    return outputs(Level(), [TWO_LEVELS])


def resample() -> list[Any]:
    from dsp_ext.resample import Resampler

    bank = np.stack([np.roll(TAPS, i)[:64] for i in range(5)])
    return outputs(Resampler(bank, 2.2, True), [X]) + outputs(Resampler(bank, 2.2, False), [X.real.copy()])


def lines() -> list[NDArray[Any]]:
    from dsp_ext.lines import Lines

    path, taper = np.cumsum(RNG.standard_normal(900)), np.hanning(17)[1:-1]
    both = Lines(taper, 2.0).process(path, np.abs(path)), Lines(taper, 2.0, 16).process(path, tone=X[:900])
    return [array for made in both for array in made]


def psk() -> list[NDArray[Any]]:
    from dsp_ext.psk import Peaks, SoftChips, around, between, phase_scores

    soft, at = SoftChips(16, 16, np.hanning(17)[1:-1]), np.arange(6007.0)
    tones = soft.append(X, at, at)
    rows = np.abs(X[:6000].reshape(-1, 24))
    path = np.argmax(rows, axis=1)
    peaks = Peaks(24).process(rows, at[:250], path)
    return [
        *tones,
        *soft.process(at[:300] / 64),
        *peaks,
        around(rows, path, 4, 0.5),
        between(rows[:, :9].copy(), rows, np.linspace(0, 8, 24)),
        phase_scores(X, rows[0].repeat(251)[:6007], 16),
    ]


def reedsolomon() -> list[NDArray[Any]]:
    from dsp_ext.reedsolomon import ReedSolomon

    code, words = ReedSolomon(32), []
    for errors in range(18):  # beyond 16 the word stays as it is
        data = RNG.integers(0, 256, 223, np.uint8)
        word = np.concatenate([data, code.encode(data)])
        word[RNG.choice(255, errors, replace=False)] ^= 0x5A
        words.append(np.append(word, code.decode(word)))
        words.append(word)
    return words


def ridge() -> list[Any]:
    from dsp_ext.ridge import Ridge

    return outputs(Ridge(32, 8, 0.5, 20.0), [np.ascontiguousarray(X.real[:5984].reshape(-1, 32))])


def spectrum() -> list[NDArray[Any]]:
    from dsp_ext.spectrum import BandSearch, Contrast, PowerRows, Prominence, limit, without_lines

    limited = np.ascontiguousarray(X.real[:6000].reshape(-1, 60))
    limit(limited, 0.5, 7)
    look = Contrast(np.hanning(500).astype(np.float32), np.linspace(-0.5, 0.5, 121), 4, 1, 5)
    power = PowerRows(np.hanning(64).astype(np.float32), 10).process(X[:5760])
    without_lines(power, 5, 4.0)
    search = BandSearch(64, 3, 61, 8, 10)
    search.normalise(power)
    found = [limited, power, search.score(power, 0.5), *search.refine(power, np.zeros(9))]
    return [*found, look.process(X, np.array([3, 500])), Prominence(64, 100).process(X[:5952], np.zeros(93))]


def strobe() -> list[NDArray[Any]]:
    from dsp_ext.strobe import Strobe

    bank = np.stack([TAPS[:64]] * 9)
    return [Strobe(bank).at(X, np.linspace(0, 6000, 900)), Strobe(bank).every(X, 0.5, 6.7, 900)]


def repeataccumulate() -> list[Any]:
    from dsp_ext.repeataccumulate import RepeatAccumulate

    code = RepeatAccumulate(64)
    bits = np.unpackbits(code.encode(RNG.integers(0, 256, 64, np.uint8)))
    data, wrong = code.decode(soft(bits, 0.7))
    return [data, np.array([wrong])]


def tones() -> list[NDArray[Any]]:
    from dsp_ext.tones import tone_contrast

    at = RNG.uniform(10, len(X) - 10, 60)
    centres, swings = (RNG.uniform(-0.2, 0.2, 60).astype(np.float32) for _ in range(2))
    return [tone_contrast(X, at, centres, swings, 8)]


def trellis() -> list[Any]:
    from dsp_ext.trellis import Trellis

    bits, wrong = Trellis((0o23, 0o35)).decode(soft(RNG.integers(0, 2, 600).astype(np.uint8), 0.7))
    return [bits, np.array([wrong])]


def viterbi() -> list[Any]:
    from dsp_ext.viterbi import Viterbi

    bits = RNG.integers(0, 2, 3000).astype(np.uint8)
    return outputs(Viterbi(), [soft(convolutional(bits), 0.7)])


CASES: dict[str, Callable[[], list[Any]]] = {
    case.__name__: case
    for case in (
        audiopath,
        carrier,
        channelizer,
        clock,
        convert,
        cpm,
        cpm4,
        discriminator,
        doppler,
        equaliser,
        fir,
        framesync,
        level,
        lines,
        psk,
        reedsolomon,
        repeataccumulate,
        resample,
        ridge,
        spectrum,
        strobe,
        tones,
        trellis,
        viterbi,
    )
}


def results() -> dict[str, NDArray[Any]]:
    """Arrays of all cases, by case and number; the same on every machine but for rounding."""
    made = {}
    for name, case in CASES.items():
        global RNG
        RNG = np.random.default_rng(8)
        made.update({f"{name} {i}": array for i, array in enumerate(case())})
    return made


def save(path: str) -> None:
    """Run in another process: the results, and the instruction set that gave them."""
    import dsp_ext

    np.savez(path, isa=np.array(dsp_ext.isa), **results())


def run(isa: str, code: str, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    code = f"import sys; sys.path.append({str(ROOT)!r}); {code}"
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "DSP_EXT_ISA": isa},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("isa", ["baseline", "avx2", "avx512"])
def test_gives_the_same_with_each_instruction_set(isa: str, tmp_path: Path) -> None:
    import dsp_ext
    from dsp_ext._cpu import supported

    if isa not in supported():
        pytest.skip(f"this processor does not run {isa}")
    if isa == dsp_ext.isa:
        pytest.skip(f"{isa} is what all tests run with here")
    path = tmp_path / "results.npz"
    done = run(isa, f"from tests.dsp_ext.test_isa import save; save({str(path)!r})", tmp_path)
    assert done.returncode == 0, done.stderr
    with np.load(path) as other:
        assert other["isa"] == isa
        for name, here in results().items():
            there = other[name]
            assert here.shape == there.shape, name
            # sums of some 70 products in another order
            bound = 1e-5 if here.dtype.kind in "fc" else 0
            np.testing.assert_allclose(here, there, rtol=0, atol=bound, err_msg=name)


def test_vectors_are_shuffled_as_gcc_11_can() -> None:
    """Ubuntu 22.04's compiler has no __builtin_shufflevector; simd.h chooses what there is."""
    for header in (ROOT / "dsp_ext").glob("*.h"):
        assert header.name == "simd.h" or "__builtin_shufflevector" not in header.read_text(), header.name


def test_an_instruction_set_that_does_not_run_is_refused(tmp_path: Path) -> None:
    done = run("sse9", "import dsp_ext", tmp_path)
    assert done.returncode != 0
    assert "DSP_EXT_ISA='sse9': no such instruction set runs here; these do: " in done.stderr
    assert "baseline" in done.stderr


def test_no_kernel_is_left_out() -> None:
    sources = {path.stem for path in (ROOT / "dsp_ext").glob("*.pyx") if path.read_text().startswith("# isa:")}
    assert sources <= set(CASES)
