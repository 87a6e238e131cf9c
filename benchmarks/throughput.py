#!/usr/bin/env python3
"""How fast the kernels of dsp_ext and whole chains are.

Kernels: millions of input items a second, of one thread, the best of several runs, beside what an item takes at least.
Chains: `radome decode` on a recording that is synthesised first; CPU seconds and peak memory of the whole process,
start included.

    python benchmarks/throughput.py --instructions    instructions instead of time, by valgrind (chains: minutes)
    python benchmarks/throughput.py --guard           fails when a kernel needs 5 % more of them than recorded
    python benchmarks/throughput.py --record          after a change that is worth it, or a kernel that is new
"""

from __future__ import annotations

import argparse
import ctypes
import ctypes.util
import gc
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

import dsp_ext
import dsp_ext.bits
from dsp_ext import golay
from dsp_ext._cpu import supported
from dsp_ext.audiopath import AudioPath
from dsp_ext.bits import CRC16_X25, Descrambler, DifferentialDecoder
from dsp_ext.carrier import clock_tone, mix, square
from dsp_ext.channelizer import Channelizer
from dsp_ext.clock import SymbolClock
from dsp_ext.convert import all_samples, clean, to_float
from dsp_ext.cpm import CpmDetector, phase_tone
from dsp_ext.cpm4 import FourLevelDetector
from dsp_ext.dcblock import DcBlocker
from dsp_ext.discriminator import Discriminator
from dsp_ext.doppler import Mixer
from dsp_ext.equaliser import Equaliser
from dsp_ext.fir import Decimator
from dsp_ext.framesync import FrameSync
from dsp_ext.hdlc import HdlcReceiver
from dsp_ext.level import Level
from dsp_ext.lines import Lines
from dsp_ext.psk import around, phase_scores
from dsp_ext.quality import esn0
from dsp_ext.reedsolomon import ReedSolomon
from dsp_ext.repeataccumulate import RepeatAccumulate
from dsp_ext.resample import Resampler
from dsp_ext.ridge import Ridge
from dsp_ext.spectrum import BandSearch, Contrast, PowerRows, Prominence, without_lines
from dsp_ext.strobe import Strobe
from dsp_ext.tones import tone_contrast
from dsp_ext.trellis import Trellis
from dsp_ext.viterbi import Viterbi
from receiver.channel.filters import lowpass, polyphase

RNG = np.random.default_rng(1)
ISA = "avx2"
"""Of which instructions are counted: the widest that valgrind knows."""
CHUNK = 16384


@dataclass
class Kernel:
    """A kernel with an input for it."""

    name: str
    unit: str
    items: int
    run: Callable[[], object]
    bound: str
    """What an item takes at least: bytes read and written, arithmetic."""


def kernels(n: int) -> Iterator[Kernel]:
    """Each kernel with about n items of input, set up as the chains use it."""
    iq = (RNG.standard_normal(n) + 1j * RNG.standard_normal(n)).astype(np.complex64)
    real = np.ascontiguousarray(iq.real)
    soft = np.sign(real) + np.float32(0.3) * iq.imag
    bank = polyphase(0.3, 0.1, 50)
    scores = RNG.random((max(1, n // 256), 256), dtype=np.float32)

    def samples(name: str, bound: str, process: Callable[..., object], *inputs: object) -> Kernel:
        return Kernel(name, "Msamples/s", n, partial(process, *inputs), bound)

    def symbols(name: str, bound: str, process: Callable[..., object], *inputs: object) -> Kernel:
        return Kernel(name, "Msymbols/s", n, partial(process, *(inputs or (soft,))), bound)

    raw = np.frombuffer(RNG.bytes(2 * n), np.uint8)
    yield samples(
        "convert.to_float, cu8",
        "2 bytes read, 8 written; 2 multiply-adds",
        to_float,
        raw,
        "cu8",
        iq.view(np.float32).copy(),
    )
    yield samples("convert.all_samples", "8 bytes; 2 comparisons", all_samples, iq.view(np.float32))
    yield samples("convert.clean", "8 bytes; 2 comparisons", clean, iq.view(np.float32).copy(), 2)
    bound = "16 bytes; two polynomials of 5 terms and a complex product: 14 multiply-adds"
    yield samples("doppler.Mixer", bound, Mixer(0.01, 1e-9).process, iq, np.empty_like(iq))
    for taps, factor in ((65, 10), (129, 4)):
        decimator = Decimator(np.hanning(taps).astype(np.float32), factor, is_complex=True)
        bound = f"{8 + 8 / factor:g} bytes; {2 * taps / factor:g} multiply-adds"
        yield samples(f"fir.Decimator, complex, {taps} taps, 1/{factor}", bound, decimator.process, iq)
    bank_of = Channelizer(lowpass(1 / 64, 1 / 128, 79.0), 64)
    bound = "8 bytes read, 2 written; 10 taps twice: 40 multiply-adds; a transform of 64 a 32 samples: 60 operations"
    yield samples("channelizer.Channelizer, 8 of 64 branches", bound, bank_of.process, iq, np.arange(8))
    decimator = Decimator(np.hanning(65).astype(np.float32), 4, is_complex=False)
    yield samples("fir.Decimator, real, 65 taps, 1/4", "5 bytes; 16.25 multiply-adds", decimator.process, real)
    for kind, x, width in (("complex", iq, 2), ("real", real, 1)):
        resampler = Resampler(bank, 1.25, is_complex=kind == "complex")
        length = bank.shape[1]
        bound = f"{4 * width * 1.8:g} bytes; {width * length * 0.8:g} multiply-adds"
        yield samples(f"resample.Resampler, {kind}, {length} taps", bound, resampler.process, x)
    bound = "12 bytes; complex product, division, polynomial of 8 terms: 12 multiply-adds, 1 division"
    yield samples("discriminator.Discriminator", bound, Discriminator().process, iq)
    bound = "8 bytes; 3 additions and a division, one after the other"
    yield samples("dcblock.DcBlocker", bound, DcBlocker(161).process, real)
    clock = SymbolClock(lowpass(0.43 / 4, 0.9 * 0.43 / 4, 40))
    bound = "352 states of the path a 64 samples, each 4 additions and 3 comparisons: 39; symbol filter a 4 samples"
    yield samples("clock.SymbolClock", bound, clock.process, real)
    bound = "8 bytes; for each of 30 pairs 22 additions and products, and a system of 4 a 128 symbols"
    yield symbols("audiopath.AudioPath", bound, AudioPath().process)
    yield symbols("level.Level", "8 bytes; each symbol in 4 windows, parted some times over", Level().process)
    bound = "5 moves and a jump, an addition and a comparison each; 4 bytes read, 4 written"
    yield Kernel("ridge.Ridge", "Mscores/s", scores.size, partial(Ridge(256, 16, 0.1, 10.0).process, scores), bound)
    bound = (
        "4 + 4 bytes; 8 metrics of 2 products each, 8 comparisons, both ways over 1.4 times the symbols; 3 fits tried"
    )
    yield symbols("equaliser.Equaliser", bound, Equaliser().process)

    send = np.repeat(np.sign(real[: n // 8]), 8)
    msk = np.exp(0.5j * np.pi / 8 * np.cumsum(send)).astype(np.complex64) + np.float32(0.1) * iq[: len(send)]
    zero, count = np.zeros(n // 8, np.float32), n // 8
    given: Any = (msk, np.arange(count) * 8 + 3.5, zero, zero + np.float32(0.25), zero, soft[:count].copy())
    bound = "8 states, 16 branches with a complex product each, for several memories at a time"
    yield Kernel("cpm.CpmDetector, index 0.5", "Msymbols/s", count, partial(CpmDetector(0.5).process, *given), bound)
    four = 2 * np.clip(np.floor(2 * real[: n // 8]), -2, 1) + 1
    cpm4 = (
        np.exp(0.27j * np.pi / 8 * np.cumsum(np.repeat(four, 8))).astype(np.complex64)
        + np.float32(0.1) * iq[: 8 * count]
    )
    both = np.stack([-np.sign(four), np.abs(four) - 2], axis=1).astype(np.float32)
    given = (cpm4, np.arange(count) * 8 + 3.5, zero, zero + np.float32(0.405), zero, zero, both)
    bound = "16 states, 64 branches with 4 complex products each, and one for several memories at a time"
    yield Kernel(
        "cpm4.FourLevelDetector, index 0.27",
        "Msymbols/s",
        count,
        partial(FourLevelDetector(0.27, 8).process, *given),
        bound,
    )
    bound = "nine complex products a sample, but signs, 8 samples a symbol: 400 operations; 2 roots"
    given = (msk, np.arange(count) * 8 + 3.5, zero, zero + np.float32(0.1), 8)
    yield Kernel("tones.tone_contrast", "Msymbols/s", count, partial(tone_contrast, *given), bound)
    centres = np.zeros(n // 2 - 2, np.float32)
    bound = "14 bytes; a complex product with a sample before, a magnitude, the frequency's cosine and sine"
    yield samples("cpm.phase_tone", bound, phase_tone, iq[: 2 * len(centres) + 4], centres)

    edges = np.arange(0, n + 1, 256)
    pieces = len(edges) - 1
    turn, frequency, slope = np.zeros(pieces), np.full(pieces, 0.01), np.zeros(pieces)
    bound = "16 bytes; two complex products: 8 multiply-adds"
    yield samples("carrier.mix", bound, mix, iq[: edges[-1]], edges, turn, frequency, slope)
    yield samples("carrier.square", "12 bytes; a complex square and half an addition: 4 multiply-adds", square, iq)
    bound = "8 bytes; 2 multiply-adds and 2 additions"
    yield samples("carrier.clock_tone", bound, clock_tone, iq[: n - n % 32], 8)
    found = Strobe(bank)
    instants = np.linspace(40.0, n - 40.0, n)
    bound = f"8 bytes of instant, 8 written; {2 * bank.shape[1]} multiply-adds"
    yield symbols(f"strobe.Strobe, {bank.shape[1]} taps", bound, found.at, iq, instants)
    starts, taper = np.arange(0, n - 255, 256), np.hanning(256).astype(np.float32)
    look = Contrast(taper, np.linspace(-0.5, 0.5, 121), 4, 1, 5)
    bound = "8 bytes; taper, transform of 256, power: 2 + 5 log2(256) + 2 = 44 operations; a logarithm a 2 bins"
    yield samples("spectrum.Contrast, 256 samples", bound, look.process, iq, starts)
    prominent = Prominence(64, 50)
    bound = "8 bytes; a transform of 256 a 64 samples, power: 4 * (5 log2(256) + 3) = 172 operations"
    yield samples("spectrum.Prominence, 64 samples", bound, prominent.process, iq[: n - n % 64], np.zeros(n // 64))
    power = PowerRows(np.hanning(64).astype(np.float32), 16)
    bound = "8 bytes; taper, transform of 64, power: 2 + 5 log2(64) + 2 = 34 operations"
    yield samples("spectrum.PowerRows, 64 bins", bound, power.process, iq[: n - n % 1024])
    rows = RNG.random((max(1, n // 1024), 1024), dtype=np.float32) + 1
    search = BandSearch(1024, 50, 974, 16, 20)
    search.normalise(rows)
    bound = "8 bytes; a logarithm, a running sum: an addition and a subtraction"
    yield Kernel("spectrum.BandSearch, score", "Mbins/s", rows.size, partial(search.score, rows, 0.5), bound)
    bound = "8 bytes; smallest and largest of 5 neighbours: 8 comparisons"
    level = partial(without_lines, rows, 5, 4.0)
    yield Kernel("spectrum.without_lines, 5 bins", "Mbins/s", rows.size, level, bound)
    path = np.cumsum(0.01 * iq.real.astype(np.float64))
    fit = Lines(np.hanning(67)[1:-1], 2.0)
    bound = f"{5 * 65} multiply-adds in double: sums of weights, places, values, squares and products"
    yield Kernel("lines.Lines, 65 nodes", "Mnodes/s", n, partial(fit.process, path, np.ones(n)), bound)
    bound = "8 + 4 bytes read, 128 written; 32 phases of 2 multiply-adds"
    likely = partial(phase_scores, iq, np.ones(n, np.float32), 32)
    yield Kernel("psk.phase_scores, 32 phases", "Mnodes/s", n, likely, bound)
    values = RNG.random((n // 32, 32), dtype=np.float32)
    bound = "4 bytes read, 4 written; an addition, a comparison"
    near = partial(around, values, np.full(len(values), 16), 8, 0.5)
    yield Kernel("psk.around, 17 of 32 bins", "Mscores/s", len(values) * 17, near, bound)

    yield symbols("quality.esn0", "4 bytes; sums of magnitude and square: 2 multiply-adds", esn0)
    bound = "8 bits of state: shifts, comparisons and a table step a bit, one symbol after the other"
    yield symbols("hdlc.HdlcReceiver, G3RUH", bound, HdlcReceiver(True, 2048, 10).process)
    bound = "4 bytes; sign, shift, exclusive or, population count, two comparisons"
    yield symbols("framesync.FrameSync, 32 bits", bound, FrameSync(0x1ACFFC1D, 32, 4).process)
    yield symbols("bits.Descrambler", "8 bytes; three signs' product, smallest of three", Descrambler(12, 17).process)
    yield symbols(
        "bits.DifferentialDecoder", "8 bytes; two signs' product, smaller of two", DifferentialDecoder().process
    )
    bound = "a table step after the other, 4 cycles or more each; less where several bytes go at a time"
    yield Kernel("bits.Crc, 16 bits", "Mbyte/s", n, partial(CRC16_X25, RNG.bytes(n)), bound)
    bound = "64 states: 128 additions, 64 comparisons of bytes: 6 vector instructions of 32 lanes"
    yield Kernel("viterbi.Viterbi, K=7, rate 1/2", "Mbit/s", n // 2, partial(Viterbi().process, soft), bound)
    bound = "16 states: 32 additions of float32, 16 comparisons"
    yield Kernel("trellis.Trellis, K=5, rate 1/2", "Mbit/s", n // 2, partial(Trellis((0o23, 0o35)).decode, soft), bound)
    code = ReedSolomon(32)
    data = np.frombuffer(RNG.bytes(223), np.uint8)
    for errors in (0, 16):
        word = np.concatenate([data, code.encode(data)])
        word[RNG.choice(255, errors, replace=False)] ^= 0x5A
        bound = "255 * 32 products in GF(256) a word of 1784 bits, 8 at a time: 0.6 a bit"
        if errors:
            bound += "; syndromes, locator and roots again as much"
        yield Kernel(f"reedsolomon, {errors} errors", "Mbit/s", 223 * 8, partial(_decode, code, word), bound)
    accumulate = RepeatAccumulate(128)
    sent = 2.0 * np.unpackbits(accumulate.encode(np.frombuffer(RNG.bytes(128), np.uint8))) - 1
    noisy = (sent + 0.7 * RNG.standard_normal(len(sent))).astype(np.float32)
    bound = "each turn of the decoder 4 chains, forward and back: 8 times 2 comparisons and 2 additions or more"
    yield Kernel("repeataccumulate, 128 bytes", "Mbit/s", 1024, partial(accumulate.decode, noisy), bound)
    bound = "two table look-ups; the call costs more"
    yield Kernel("golay.decode, 3 errors", "Mbit/s", 12, partial(golay.decode, golay.encode(0xABC) ^ 0x10101), bound)


def chosen(only: str, n: int) -> Iterator[Kernel]:
    """Those with a text in their name."""
    return (kernel for kernel in kernels(n) if only.lower() in kernel.name.lower())


def _decode(code: ReedSolomon, word: NDArray[np.uint8]) -> None:
    """Decode a copy: the word is mended in place."""
    code.decode(word.copy())


def throughput(kernel: Kernel, seconds: float = 0.1, rounds: int = 5) -> float:
    """Millions of items a second, of the best round."""
    kernel.run()
    begun, calls = time.perf_counter(), 0
    while time.perf_counter() - begun < seconds / 4:
        kernel.run()
        calls += 1
    calls = max(1, calls * 4)
    best = float("inf")
    for _ in range(rounds):
        begun = time.perf_counter()
        for _ in range(calls):
            kernel.run()
        best = min(best, time.perf_counter() - begun)
    return kernel.items * calls / best / 1e6


MARK = "getsid"
"""Function of the C library before each call of which callgrind writes down what it has counted since the last."""
CALLS = (1, 2)
COPIES = "glibc.cpu.x86_rep_movsb_threshold=0x40000000:glibc.cpu.x86_rep_stosb_threshold=0x40000000"
"""Copies and fills go by vectors: valgrind counts each byte of "rep movsb", which is taken or not by addresses."""
RECORD = Path(__file__).with_name("instructions.json")
TOLERANCE = 1.05


def run_between_marks(only: str, n: int) -> None:
    """Run each kernel twice, with some calls more the second time, between calls of MARK."""
    gc.disable()
    for kernel in chosen(only, n):
        kernel.run()
        for calls in CALLS:
            os.getsid(0)
            for _ in range(calls):
                kernel.run()
        os.getsid(0)


def callgrind(command: Sequence[str], counts: Path, *options: str) -> None:
    """Run a command and count its instructions, into a file."""
    if shutil.which("valgrind") is None:
        sys.exit("instructions are counted by valgrind, which is not installed")
    fixed = {"DSP_EXT_ISA": ISA, "GLIBC_TUNABLES": COPIES, "PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1"}
    environment = {**os.environ, **fixed}
    words = ["valgrind", "-q", "--tool=callgrind", f"--callgrind-out-file={counts}", *options, *command]
    done = subprocess.run(words, env=environment, stdout=subprocess.DEVNULL, check=False)
    if done.returncode:
        sys.exit(f"valgrind ended with status {done.returncode}; the reason is above")


def instructions(only: str, n: int) -> dict[str, float]:
    """Instructions an item of each kernel, as callgrind counts them with the instruction set ISA.

    What a call costs is the difference of more calls and fewer, so that neither start nor marks count.
    """
    with tempfile.TemporaryDirectory() as folder:
        counts = Path(folder) / "counts"
        words = ["--between-marks", "--only", only, "--chunk", str(n)]
        callgrind([sys.executable, __file__, *words], counts, f"--dump-before={MARK}*")
        found = {}
        for i, kernel in enumerate(chosen(only, n)):
            few, many = (_total(counts.with_suffix(f".{3 * i + k}")) for k in (2, 3))
            found[kernel.name] = float(f"{(many - few) / (CALLS[1] - CALLS[0]) / kernel.items:.4g}")
    return found


def _total(path: Path) -> int:
    """Instructions in a file of callgrind's."""
    found = re.search(r"^totals: (\d+)", path.read_text(), re.MULTILINE)
    if found is None:
        sys.exit(f"valgrind's {path.name} has no total")
    return int(found[1])


def conditions(n: int) -> dict[str, str | int]:
    """What instruction counts depend on besides the source: instruction set, compiler, Python, items at a time."""
    found = re.search(rb"(GCC|clang)(?: version|: \(.*?\)) (\d+)", Path(dsp_ext.bits.__file__).read_bytes())
    compiler = b" ".join(found.groups()).decode() if found else "unknown"
    return {"isa": ISA, "compiler": compiler, "python": ".".join(platform.python_version_tuple()[:2]), "chunk": n}


def incomparable(n: int) -> str | None:
    """Why instructions cannot be compared with the recorded ones here; None when they can."""
    if shutil.which("valgrind") is None:
        return "valgrind is not installed"
    if ISA not in supported():
        return f"{ISA} does not run here"
    recorded = json.loads(RECORD.read_text())
    for key, value in conditions(n).items():
        if recorded[key] != value:
            return f"instructions were recorded with {key} {recorded[key]}; this is {value}"
    return None


def guard(found: dict[str, float]) -> list[str]:
    """A sentence for each kernel that needs more than recorded, or is not in the record."""
    recorded = json.loads(RECORD.read_text())["kernels"]
    return [
        f"{name}: {value:g} instructions an item, recorded are {recorded.get(name, 'none')}"
        for name, value in found.items()
        if value > TOLERANCE * recorded.get(name, 0)
    ]


@dataclass
class Peer:
    """A kernel beside another library's function that does the same."""

    name: str
    unit: str
    items: int
    ours: Callable[[], object]
    theirs: Callable[[], object]
    bound: str
    """What an item takes at least."""


FILTERS = ((65, 10), (129, 4))
"""Taps and decimation."""
VOLK_FIR = """
#include <stddef.h>
typedef void (*dot)(float *result, const float *x, const float *taps, unsigned n);
void fir(const dot *product, float *y, const float *x, const float *taps, size_t outputs, size_t step, unsigned n)
{
    for (size_t i = 0; i < outputs; ++i)
        (*product)(y + 2 * i, x + 2 * i * step, taps, n);
}
"""
"""A filter as users of VOLK build it: a dot product for each output."""


def _compiled(source: str) -> ctypes.CDLL:
    """A library made of some C; it stays loaded when its file is gone."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "loop.so"
        command = ["cc", "-O3", "-shared", "-fPIC", "-x", "c", "-", "-o", str(path)]
        subprocess.run(command, input=source, text=True, check=True)
        return ctypes.CDLL(str(path))


def library(name: str) -> ctypes.CDLL | None:
    """A shared library, or None, saying so."""
    path = ctypes.util.find_library(name)
    if path is None:
        print(f"lib{name} is not installed: left out", file=sys.stderr)
    return ctypes.CDLL(path) if path else None


def peers() -> Iterator[Peer]:
    """Kernels of which an installed library has the like."""
    yield from _beside_fec()
    yield from _beside_volk()
    yield from _beside_liquid()


def _beside_fec() -> Iterator[Peer]:
    fec = library("fec")
    if fec is not None:
        n = 1 << 15
        soft = np.sign(RNG.standard_normal(2 * n)) + 0.6 * RNG.standard_normal(2 * n)
        symbols = np.clip(soft * 32 + 128, 0, 255).astype(np.uint8)
        output = np.zeros(n // 8, np.uint8)
        fec.create_viterbi27.restype = ctypes.c_void_p
        state = ctypes.c_void_p(fec.create_viterbi27(n))
        input_at, output_at = (ctypes.c_void_p(a.ctypes.data) for a in (symbols, output))

        def viterbi27() -> None:
            fec.init_viterbi27(state, 0)
            fec.update_viterbi27_blk(state, input_at, n - 6)
            fec.chainback_viterbi27(state, output_at, n - 6, 0)

        bound = "64 states: 128 additions, 64 comparisons a bit"
        process = partial(Viterbi().process, soft.astype(np.float32))
        yield Peer("viterbi.Viterbi, libfec viterbi27", "Mbit/s", n, process, viterbi27, bound)
        code = ReedSolomon(32)
        data = np.frombuffer(RNG.bytes(223), np.uint8)
        for errors in (0, 8, 16):
            word = np.concatenate([data, code.encode(data)])
            word[RNG.choice(255, errors, replace=False)] ^= 0x5A

            def decode_rs_8(word: NDArray[np.uint8] = word) -> None:
                mended = word.copy()
                fec.decode_rs_8(ctypes.c_void_p(mended.ctypes.data), None, 0, 0)

            mended = word.copy()
            if (
                fec.decode_rs_8(ctypes.c_void_p(mended.ctypes.data), None, 0, 0) != errors
                or (mended[:223] != data).any()
            ):
                sys.exit("libfec decodes another code")
            bound = "255 * 32 products in GF(256) a word, and more with errors"
            name = f"reedsolomon, {errors} errors, libfec decode_rs_8"
            yield Peer(name, "Mbit/s", 223 * 8, partial(_decode, code, word), decode_rs_8, bound)


def _beside_volk() -> Iterator[Peer]:
    volk = library("volk")
    if volk is None:
        return
    n = 1 << 14

    def function(name: str, *kinds: type) -> Callable[..., object]:
        at = ctypes.c_void_p.in_dll(volk, f"volk_{name}").value or 0
        return ctypes.CFUNCTYPE(None, *kinds)(at)

    at, count = ctypes.c_void_p, ctypes.c_uint
    raw, real = np.frombuffer(RNG.bytes(n), np.uint8), np.empty(n, np.float32)
    convert = function("8i_s32f_convert_32f", at, at, ctypes.c_float, count)
    theirs = partial(convert, real.ctypes.data, raw.ctypes.data, 128.0, n)
    ours: Callable[[], object] = partial(to_float, raw, "cu8", real)
    bound = "1 byte read, 4 written a value"
    yield Peer("convert, cu8, VOLK 8i_s32f_convert_32f", "Mvalues/s", n, ours, theirs, bound)

    x, y, phase = _noise(n), np.empty(n, np.complex64), np.ones(1, np.complex64)
    # a complex float goes by value as a double does: its two floats in one register
    rotate = function("32fc_s32fc_x2_rotator_32fc", at, at, ctypes.c_double, at, count)
    turn = np.exp(np.array([0.06j])).astype(np.complex64).view(np.float64)[0]
    theirs = partial(rotate, y.ctypes.data, x.ctypes.data, turn, phase.ctypes.data, n)
    ours = partial(Mixer(0.01, 0.0).process, x, np.empty_like(x))
    yield Peer("doppler.Mixer, VOLK rotator", "Msamples/s", n, ours, theirs, "8 bytes read, 8 written")

    times = function("32fc_x2_multiply_conjugate_32fc", at, at, at, count)
    angle = function("32fc_s32f_atan2_32f", at, at, ctypes.c_float, count)

    def discriminate() -> None:
        times(y.ctypes.data, x.ctypes.data + 8, x.ctypes.data, n - 1)
        angle(real.ctypes.data, y.ctypes.data, 2 * np.pi, n - 1)

    ours = partial(Discriminator().process, x)
    bound = "8 bytes read, 4 written; a complex product, an arctangent"
    yield Peer("discriminator.Discriminator, VOLK atan2", "Msamples/s", n, ours, discriminate, bound)

    fir = _compiled(VOLK_FIR).fir
    fir.argtypes = [at, at, at, at, ctypes.c_size_t, ctypes.c_size_t, count]
    dot = ctypes.addressof(at.in_dll(volk, "volk_32fc_32f_dot_prod_32fc"))
    for length, factor in FILTERS:
        # VOLK 2.5 faults where taps do not begin on a line of the cache
        room = np.empty(length + 16, np.float32)
        taps = room[-room.ctypes.data // 4 % 16 :][:length]
        taps[:] = np.hanning(length)
        outputs = (n - length) // factor + 1
        theirs = partial(fir, dot, y.ctypes.data, x.ctypes.data, taps.ctypes.data, outputs, factor, length)
        theirs()
        wanted = np.convolve(x, taps, "valid")[::factor]
        if not np.allclose(y[: len(wanted)], wanted, atol=1e-3):
            sys.exit("VOLK's dot products are another filter's")
        ours = partial(Decimator(taps, factor, is_complex=True).process, x)
        bound = f"{2 * length / factor:g} multiply-adds"
        name = f"fir.Decimator, {length} taps, 1/{factor}, VOLK 32fc_32f_dot_prod_32fc"
        yield Peer(name, "Msamples/s", n, ours, theirs, bound)


def _beside_liquid() -> Iterator[Peer]:
    liquid = library("liquid")
    if liquid is None:
        return
    n = 1 << 14
    at = ctypes.c_void_p
    x, y, real = _noise(n), np.empty(n, np.complex64), np.empty(n, np.float32)

    def make(name: str, *parameters: object) -> ctypes.c_void_p:
        create = getattr(liquid, f"{name}_create")
        create.restype = at
        return at(create(*parameters))

    oscillator = make("nco_crcf", 1)
    liquid.nco_crcf_set_frequency(oscillator, ctypes.c_float(0.06))
    theirs: Callable[[], object] = partial(
        liquid.nco_crcf_mix_block_up, oscillator, at(x.ctypes.data), at(y.ctypes.data), n
    )
    ours: Callable[[], object] = partial(Mixer(0.01, 0.0).process, x, np.empty_like(x))
    yield Peer("doppler.Mixer, liquid nco_crcf", "Msamples/s", n, ours, theirs, "8 bytes read, 8 written")

    for count, factor in FILTERS:
        taps = np.hanning(count).astype(np.float32)
        decimator = make("firdecim_crcf", factor, at(taps.ctypes.data), count)
        theirs = partial(
            liquid.firdecim_crcf_execute_block, decimator, at(x.ctypes.data), n // factor, at(y.ctypes.data)
        )
        ours = partial(Decimator(taps, factor, is_complex=True).process, x)
        bound = f"{2 * count / factor:g} multiply-adds"
        name = f"fir.Decimator, {count} taps, 1/{factor}, liquid firdecim_crcf"
        yield Peer(name, "Msamples/s", n, ours, theirs, bound)

    bank = polyphase(0.3, 0.1, 50)
    length, made = bank.shape[1], ctypes.c_uint()
    rate, half, cutoff, stop = ctypes.c_float(0.8), length // 2, ctypes.c_float(0.3), ctypes.c_float(50.0)
    resampler = make("resamp_crcf", rate, half, cutoff, stop, len(bank) - 1)
    theirs = partial(
        liquid.resamp_crcf_execute_block, resampler, at(x.ctypes.data), n, at(y.ctypes.data), ctypes.byref(made)
    )
    ours = partial(Resampler(bank, 1.25, is_complex=True).process, x)
    bound = f"{2 * length * 0.8:g} multiply-adds"
    yield Peer(f"resample.Resampler, {length} taps, liquid resamp_crcf", "Msamples/s", n, ours, theirs, bound)

    demodulator = make("freqdem", ctypes.c_float(0.5))
    theirs = partial(liquid.freqdem_demodulate_block, demodulator, at(x.ctypes.data), n, at(real.ctypes.data))
    ours = partial(Discriminator().process, x)
    bound = "8 bytes read, 4 written; a complex product, an arctangent"
    yield Peer("discriminator.Discriminator, liquid freqdem", "Msamples/s", n, ours, theirs, bound)


def _noise(n: int) -> NDArray[np.complex64]:
    return (RNG.standard_normal(n) + 1j * RNG.standard_normal(n)).astype(np.complex64)


def compare(peer: Peer, seconds: float = 0.05, rounds: int = 9) -> tuple[float, float, float]:
    """Median ratio of speeds, ours to theirs, of runs in turn; and the median speeds, millions of items a second."""

    def speed(run: Callable[[], object]) -> float:
        begun, calls = time.perf_counter(), 0
        while (passed := time.perf_counter() - begun) < seconds:
            run()
            calls += 1
        return peer.items * calls / passed / 1e6

    peer.ours(), peer.theirs()
    runs = np.array([(speed(peer.ours), speed(peer.theirs)) for _ in range(rounds)])
    ours, theirs = np.median(runs, axis=0).tolist()
    return float(np.median(runs[:, 0] / runs[:, 1])), ours, theirs


@dataclass(frozen=True)
class Recording:
    """What a chain is given."""

    name: str
    satellite: str
    transmitter: str
    form: Literal["iq", "fm", "ssb"]
    datatype: str
    rate: float
    seconds: float = 60.0
    ebn0_db: float = 15.0


@dataclass
class Usage:
    """What `radome decode` took."""

    signal_s: float
    frames: int
    sent: int
    cpu_s: float
    wall_s: float
    peak_rss_mb: float


RECORDINGS = (
    Recording("FSK 9600, AX.25 G3RUH, IQ at 48 kHz", "44369", "9k6 FSK downlink", "iq", "cf32_le", 48e3),
    Recording("FSK 9600, AX.25 G3RUH, FM audio at 48 kHz", "44369", "9k6 FSK downlink", "fm", "ri16_le", 48e3),
    Recording("FSK 9600, AX100, IQ at 240 kHz", "43466", "9k6 FSK downlink", "iq", "cu8", 240e3, 20.0),
    Recording(
        "AFSK 1240, AX.25, FM audio at 48 kHz",
        "22825",
        "1k2 AFSK telemetry downlink",
        "fm",
        "ri16_le",
        48e3,
        ebn0_db=25.0,
    ),
    Recording("BPSK 9600, CCSDS concatenated, IQ at 48 kHz", "40908", "9k6 BPSK downlink", "iq", "cf32_le", 48e3),
)
PIECE = 10.0
"""Seconds that are synthesised; a recording repeats them."""


@dataclass(frozen=True)
class Job:
    """A recording and the command that decodes it."""

    command: list[str]
    output: Path
    samples: int
    sent: int


def synthesise(recording: Recording, seconds: float, folder: Path) -> Job:
    """Make a recording of some length."""
    # here, since under valgrind they take longer than all the kernels
    from receiver.satellite import find_satellite
    from receiver.synth import Channel, Synthesiser
    from receiver.synth.payloads import payloads
    from receiver.synth.sigmf import write_sigmf

    satellite = find_satellite(recording.satellite)
    transmitter = next(t for t in satellite.transmitters if t.name == recording.transmitter)
    # half of the time something is sent
    frames = payloads(transmitter.framing, max(1, int(PIECE * transmitter.baudrate / 2 / 3000)))
    path = folder / "piece.sigmf-meta"
    synthesiser = Synthesiser(
        transmitter, frames, recording.rate, Channel(ebn0_db=recording.ebn0_db), form=recording.form, burst=1, pause=0.1
    )
    write_sigmf(path, synthesiser, recording.datatype)
    data = path.with_suffix(".sigmf-data")
    repeats = max(1, round(seconds * recording.rate / synthesiser.samples))
    data.write_bytes(data.read_bytes() * repeats)
    meta = json.loads(path.read_text())
    del meta["global"]["core:sha512"]
    path.write_text(json.dumps({**meta, "annotations": []}))

    output = folder / "frames.jsonl"
    words = [path, "--satellite", recording.satellite, "--transmitter", transmitter.name, "--jsonl", output]
    return Job(
        [sys.executable, "-m", "receiver", "decode", "--quiet", *map(str, words)],
        output,
        repeats * synthesiser.samples,
        repeats * len(synthesiser.truth),
    )


def decode(recording: Recording, seconds: float, folder: Path) -> Usage:
    """Synthesise a recording of some length, decode it, and see what that took."""
    job = synthesise(recording, seconds, folder)
    begun = time.perf_counter()
    with subprocess.Popen(job.command, stdout=subprocess.DEVNULL) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"radome decode ended with status {process.returncode} on {recording.name}")
    return Usage(
        signal_s=round(job.samples / recording.rate, 1),
        frames=len(job.output.read_text().splitlines()),
        sent=job.sent,
        cpu_s=round(used.ru_utime + used.ru_stime, 2),
        wall_s=round(time.perf_counter() - begun, 2),
        peak_rss_mb=round(used.ru_maxrss / 1024, 1),
    )


def chain_instructions(recording: Recording) -> float:
    """Instructions a sample of a whole chain: what two pieces take more than one, so without the start."""
    totals, samples = [], []
    for repeats in CALLS:
        with tempfile.TemporaryDirectory() as folder:
            job = synthesise(recording, repeats * PIECE, Path(folder))
            counts = Path(folder) / "counts"
            callgrind(job.command, counts)
            totals.append(_total(counts))
            samples.append(job.samples)
    return float(f"{(totals[1] - totals[0]) / (samples[1] - samples[0]):.4g}")


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of tables")
    parser.add_argument("--only", default="", metavar="TEXT", help="only what has TEXT in its name")
    parser.add_argument("--chunk", type=int, default=CHUNK, help="items that a kernel gets at a time")
    parser.add_argument("--seconds", type=float, help="length of the recordings")
    parser.add_argument("--peers", action="store_true", help="kernels beside other libraries' that are installed")
    parser.add_argument("--no-chains", action="store_true")
    parser.add_argument("--no-kernels", action="store_true")
    parser.add_argument("--instructions", action="store_true", help="instructions an item and a sample, by valgrind")
    parser.add_argument("--guard", action="store_true", help="fail when a kernel needs 5 %% more than recorded")
    parser.add_argument("--record", action="store_true", help=f"write instructions into {RECORD.name}")
    parser.add_argument("--between-marks", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(words)
    if options.between_marks:
        run_between_marks(options.only, options.chunk)
        return 0
    if options.instructions or options.guard or options.record:
        return count(options)

    machine = {"machine": platform.processor() or platform.machine(), "isa": dsp_ext.isa, "chunk": options.chunk}
    results: dict[str, Any] = {**machine, "kernels": {}, "chains": {}}
    if not options.json:
        print(f"{machine['machine']}, instruction set {dsp_ext.isa}, {options.chunk} items at a time\n")
    for kernel in chosen(options.only, options.chunk) if not options.no_kernels else ():
        value = float(f"{throughput(kernel):.3g}")
        results["kernels"][kernel.name] = {"value": value, "unit": kernel.unit, "bound": kernel.bound}
        if not options.json:
            print(f"{kernel.name:44}{value:>10.5g} {kernel.unit:<12}{kernel.bound}")
    for peer in peers() if options.peers else ():
        if options.only.lower() in peer.name.lower():
            ratio, ours, theirs = (float(f"{x:.3g}") for x in compare(peer))
            row = {"ratio": ratio, "ours": ours, "theirs": theirs, "unit": peer.unit, "bound": peer.bound}
            results.setdefault("peers", {})[peer.name] = row
            if not options.json:
                print(f"{peer.name:44}{ours:>8.5g} :{theirs:>8.5g} {peer.unit} = {ratio:<8.4g}{peer.bound}")
    heading = f"\n{'chain':46}{'signal':>8}{'CPU s':>8}{'wall s':>8}{'MB':>8}   frames\n"
    for recording in RECORDINGS if not options.no_chains else ():
        if options.only.lower() in recording.name.lower():
            with tempfile.TemporaryDirectory() as folder:
                usage = decode(recording, options.seconds or recording.seconds, Path(folder))
            results["chains"][recording.name] = asdict(usage)
            if not options.json:
                line = f"{usage.signal_s:>8.0f}{usage.cpu_s:>8.2f}{usage.wall_s:>8.2f}{usage.peak_rss_mb:>8.0f}"
                print(f"{heading}{recording.name:46}{line}   {usage.frames} of {usage.sent}")
                heading = ""
    if options.json:
        print(json.dumps(results, indent=1))
    return 0


def count(options: argparse.Namespace) -> int:
    """Count instructions, and print, record or compare them."""
    reason = incomparable(options.chunk) if options.guard else None
    if reason is not None:
        sys.exit(reason)
    found = instructions(options.only, options.chunk) if not options.no_kernels else {}
    results: dict[str, Any] = {**conditions(options.chunk), "kernels": found}
    if not options.json:
        print(f"{options.chunk} items at a time; instructions an item with {ISA}, and what an item takes at least\n")
        for kernel in chosen(options.only, options.chunk) if found else ():
            print(f"{kernel.name:44}{found[kernel.name]:>10.5g}  {kernel.bound}", flush=True)
    chains = {}
    for recording in RECORDINGS if options.instructions and not options.no_chains else ():
        if options.only.lower() in recording.name.lower():
            chains[recording.name] = chain_instructions(recording)
            if not options.json:
                print(f"{recording.name:50}{chains[recording.name]:>10.5g} a sample", flush=True)
    if options.json:
        print(json.dumps({**results, "chains": chains}, indent=2))
    if options.record and found:
        if options.only:
            results["kernels"] = {**json.loads(RECORD.read_text())["kernels"], **found}
        RECORD.write_text(json.dumps(results, indent=2) + "\n")
    worse = guard(found) if options.guard else []
    for sentence in worse:
        print(sentence, file=sys.stderr)
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
