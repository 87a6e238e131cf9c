#!/usr/bin/env python3
"""How fast the kernels of dsp_ext and whole chains are.

Kernels: millions of input items a second, of one thread, the best of several runs, beside what an item takes at least.
Chains: `radome decode` on a recording that is synthesised first; CPU seconds and peak memory of the whole process,
start included.

    python benchmarks/throughput.py --instructions --peers       everything in one run; minutes
    python benchmarks/throughput.py --instructions    instructions an item and a sample too, by valgrind
    python benchmarks/throughput.py --peers           beside what is installed: functions of VOLK, liquid-dsp, libfec,
                                                      blocks of GNU Radio, Direwolf, multimon-ng, gr_satellites
    python benchmarks/throughput.py --guard           fails when a kernel needs 5 % more instructions than recorded
    python benchmarks/throughput.py --record          after a change that is worth it, or a kernel that is new

Beside other libraries stand medians of nine runs in turn, by processor time: ours, theirs, and the ratio. GNU Radio's
blocks are without what its scheduler takes; the speed with it stands behind the bound. Other programs get the audio of
the recording as 16 bit samples, multimon-ng at 22050 Hz, and their time is that of the whole process, too.
"""

from __future__ import annotations

import argparse
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
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from peers import Program, compare, decode_word, environment, peers, programs, write_audio

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
from dsp_ext.galois import GaloisReedSolomon
from dsp_ext.hdlc import HdlcReceiver
from dsp_ext.level import Level
from dsp_ext.limiter import ClickLimiter
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

if TYPE_CHECKING:
    from receiver.satellite import Transmitter

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
    bound = "8 bytes; 5.5 additions, two comparisons, and a half of an average to sort by"
    yield samples("limiter.ClickLimiter, of symbols", bound, ClickLimiter(256, 11, 0.05, 12).process, real)
    bound = "8 bytes; two comparisons, and a fifth of an average to sort by"
    yield samples("limiter.ClickLimiter, of tones", bound, ClickLimiter(1280, 1, 0.12, 0).process, real)
    clock = SymbolClock(lowpass(0.43 / 4, 0.9 * 0.43 / 4, 40))
    bound = "352 states of the path a 64 samples, each 4 additions and 3 comparisons: 39; symbol filter a 4 samples"
    yield samples("clock.SymbolClock", bound, clock.process, real)
    bound = "8 bytes; for each of 30 pairs 22 additions and products, and a system of 4 a 128 symbols"
    yield symbols("audiopath.AudioPath", bound, AudioPath().process)
    yield symbols("level.Level", "8 bytes; each symbol in 4 windows, parted some times over", Level().process)
    bound = "the same, and what 5 windows leave of 64 symbols in 32"
    yield symbols("level.Level, of bursts", bound, Level(around=2).process)
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
    for length, generators in ((5, (0o23, 0o35)), (7, (0o171, 0o133))):
        states = 1 << (length - 1)
        bound = f"{states} states: {2 * states} additions of float32, {states} comparisons"
        decode = partial(Trellis(generators).decode, soft)
        yield Kernel(f"trellis.Trellis, K={length}, rate 1/2", "Mbit/s", n // 2, decode, bound)
    code = ReedSolomon(32)
    data = np.frombuffer(RNG.bytes(223), np.uint8)
    for errors in (0, 16):
        word = np.concatenate([data, code.encode(data)])
        word[RNG.choice(255, errors, replace=False)] ^= 0x5A
        bound = "255 * 32 products in GF(256) a word of 1784 bits, 8 at a time: 0.6 a bit"
        if errors:
            bound += "; syndromes, locator and roots again as much"
        yield Kernel(f"reedsolomon, {errors} errors", "Mbit/s", 223 * 8, partial(decode_word, code, word), bound)
    accumulate = RepeatAccumulate(128)
    sent = 2.0 * np.unpackbits(accumulate.encode(np.frombuffer(RNG.bytes(128), np.uint8))) - 1
    noisy = (sent + 0.7 * RNG.standard_normal(len(sent))).astype(np.float32)
    bound = "each turn of the decoder 4 chains, forward and back: 8 times 2 comparisons and 2 additions or more"
    yield Kernel("repeataccumulate, 128 bytes", "Mbit/s", 1024, partial(accumulate.decode, noisy), bound)
    bound = "two table look-ups; the call costs more"
    yield Kernel("golay.decode, 3 errors", "Mbit/s", 12, partial(golay.decode, golay.encode(0xABC) ^ 0x10101), bound)
    wide, symbols_of_data = GaloisReedSolomon(32, 0x409), RNG.integers(0, 1024, 223).astype(np.uint16)
    word = np.concatenate([symbols_of_data, wide.encode(symbols_of_data)])
    word[RNG.choice(255, 16, replace=False)] ^= 0x15A
    bound = "255 * 32 products in GF(1024) a word of 2230 bits, two table look-ups each: 7 a bit; roots as much"
    yield Kernel("galois, GF(1024), 16 errors", "Mbit/s", 2230, partial(decode_word, wide, word), bound)


def chosen(only: str, n: int) -> Iterator[Kernel]:
    """Those with a text in their name."""
    return (kernel for kernel in kernels(n) if only.lower() in kernel.name.lower())


def throughput(kernel: Kernel, seconds: float = 0.1, rounds: int = 5) -> float:
    """Millions of items a second, of the best round, by processor time."""
    kernel.run()
    begun, calls = time.thread_time(), 0
    while time.thread_time() - begun < seconds / 4:
        kernel.run()
        calls += 1
    calls = max(1, calls * 4)
    best = float("inf")
    for _ in range(rounds):
        begun = time.thread_time()
        for _ in range(calls):
            kernel.run()
        best = min(best, time.thread_time() - begun)
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


PIECE = 10.0
"""Seconds of a recording of which instructions are counted."""


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
    piece: float = PIECE
    """Seconds that are synthesised; the recording repeats them."""


@dataclass
class Usage:
    """What a program took for a recording."""

    signal_s: float
    samples: int
    frames: int
    sent: int
    cpu_s: float
    wall_s: float
    peak_rss_mb: float

    @property
    def speed(self) -> float:
        """Million samples a second."""
        return float(f"{self.samples / self.cpu_s / 1e6:.3g}")


RECORDINGS = (
    Recording("FSK 9600, AX.25 G3RUH, IQ at 48 kHz", "44369", "9k6 FSK downlink", "iq", "cf32_le", 48e3),
    Recording("FSK 9600, AX.25 G3RUH, FM audio at 48 kHz", "44369", "9k6 FSK downlink", "fm", "ri16_le", 48e3,
              seconds=300.0, ebn0_db=14.0, piece=60.0),
    Recording("FSK 9600, AX100, IQ at 240 kHz", "43466", "9k6 FSK downlink", "iq", "cu8", 240e3, 20.0),
    Recording("4FSK 4800, EQUiSat, IQ at 48 kHz", "43552", "9k6 4FSK telemetry downlink", "iq", "cf32_le", 48e3),
    Recording("AFSK 1200, AX.25, IQ at 48 kHz", "40654", "1k2 AFSK downlink", "iq", "cf32_le", 48e3, ebn0_db=25.0),
    Recording("AFSK 1200, AX.25, FM audio at 48 kHz", "40654", "1k2 AFSK downlink", "fm", "ri16_le", 48e3,
              seconds=300.0, ebn0_db=17.0, piece=300.0),
    Recording("BPSK 9600, CCSDS concatenated, IQ at 48 kHz", "40908", "9k6 BPSK downlink", "iq", "cf32_le", 48e3),
    Recording("SDPSK 4800, ORBCOMM, IQ at 48 kHz", "40086", "4k8 SDPSK subscriber downlink, lower", "iq", "cf32_le",
              48e3),
    Recording("QPSK 500000, K2SAT, IQ at 2 MHz", "98001", "500k QPSK image downlink", "iq", "cu8", 2e6, 4.0, piece=1.0),
)  # fmt: skip


@dataclass(frozen=True)
class Job:
    """A recording and the command that decodes it."""

    command: list[str]
    output: Path
    data: Path
    samples: int
    sent: int
    payloads: set[str]
    transmitter: Transmitter


def synthesise(recording: Recording, piece: float, seconds: float, folder: Path) -> Job:
    """Make a recording of about so many seconds, which repeats a piece."""
    # here, since under valgrind they take longer than all the kernels
    from receiver.satellite import find_satellite
    from receiver.synth import Channel, Synthesiser
    from receiver.synth.payloads import payloads
    from receiver.synth.sigmf import write_sigmf

    satellite = find_satellite(recording.satellite)
    transmitter = next(t for t in satellite.transmitters if t.name == recording.transmitter)
    frames = takewhile(
        lambda _: synthesiser.samples < piece * recording.rate, payloads(transmitter.framing, sys.maxsize)
    )
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
        data,
        repeats * synthesiser.samples,
        repeats * len(synthesiser.truth),
        {truth.payload.hex() for truth in synthesiser.truth},
        transmitter,
    )


WATCH = """
import json, os, sys, time
begun = time.perf_counter()
process = os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ)
_, status, used = os.wait4(process, 0)
with open(sys.argv[1], "w") as file:
    json.dump([used.ru_utime + used.ru_stime, time.perf_counter() - begun, used.ru_maxrss], file)
sys.exit(os.waitstatus_to_exitcode(status) & 255)
"""
"""Runs a program from a small process: Linux counts what the parent had in memory among the child's."""


def take(
    command: Sequence[str],
    frames: Callable[[bytes], int],
    recording: Recording,
    job: Job,
    environment: dict[str, str] | None = None,
) -> Usage:
    """Run a program, see what that took, and how many frames it gave, by what it printed."""
    with tempfile.TemporaryFile() as printed, tempfile.TemporaryFile() as errors, tempfile.NamedTemporaryFile() as took:
        words = [sys.executable, "-I", "-c", WATCH, took.name, *command]
        status = subprocess.run(words, stdout=printed, stderr=errors, env=environment, check=False).returncode
        printed.seek(0), errors.seek(0)
        said = printed.read()
        if status:
            lines = (said + b"\n" + errors.read()).decode(errors="replace").split("\n")
            reason = next((line.strip() for line in reversed(lines) if line.strip()), "nothing said")
            raise ChildProcessError(f"{command[0]} ended with status {status}: {reason}")
        cpu, wall, memory = json.loads(took.read())
    return Usage(
        signal_s=round(job.samples / recording.rate, 1),
        samples=job.samples,
        frames=frames(said),
        sent=job.sent,
        cpu_s=round(cpu, 2),
        wall_s=round(wall, 2),
        peak_rss_mb=round(memory / 1024, 1),
    )


def decode(recording: Recording, seconds: float, folder: Path) -> tuple[Usage, Job]:
    """Synthesise a recording of some length, decode it, and see what that took."""
    job = synthesise(recording, min(recording.piece, seconds), seconds, folder)

    def right(_: bytes) -> int:
        return sum(json.loads(line)["payload"] in job.payloads for line in job.output.read_text().splitlines())

    return take(job.command, right, recording, job), job


def beside(program: Program, recording: Recording, job: Job, files: dict[str, str]) -> Usage:
    """What another program took for the same recording."""
    command = [word.format(**files) for word in program.command]
    kiss = Path(files["kiss"])
    kiss.unlink(missing_ok=True)

    def given(printed: bytes) -> int:
        return program.frames(printed, kiss.read_bytes() if kiss.exists() else b"")

    return take(command, given, recording, job, environment())


def samples_of(recording: Recording, job: Job) -> NDArray[np.int16]:
    """As 16 bit audio has them; IQ as (n, 2)."""
    if recording.datatype == "ri16_le":
        return np.fromfile(job.data, "<i2")
    if recording.datatype == "cu8":
        values = np.round((np.fromfile(job.data, np.uint8) - 127.4) * 256)
    else:
        values = np.fromfile(job.data, "<f4") * 32767
    return np.clip(np.round(values), -32768, 32767).astype(np.int16).reshape(-1, 2)


def chain_instructions(recording: Recording) -> float:
    """Instructions a sample of a whole chain: what two pieces take more than one, so without the start."""
    totals, samples = [], []
    for repeats in CALLS:
        with tempfile.TemporaryDirectory() as folder:
            piece = min(PIECE, recording.piece)
            job = synthesise(recording, piece, repeats * piece, Path(folder))
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
    parser.add_argument("--peers", action="store_true", help="beside other libraries and programs that are installed")
    parser.add_argument("--no-chains", action="store_true")
    parser.add_argument("--no-kernels", action="store_true")
    parser.add_argument("--instructions", action="store_true", help="instructions too, by valgrind")
    parser.add_argument("--guard", action="store_true", help="fail when a kernel needs 5 %% more instructions")
    parser.add_argument("--record", action="store_true", help=f"write instructions into {RECORD.name}")
    parser.add_argument("--between-marks", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(words)
    if options.between_marks:
        run_between_marks(options.only, options.chunk)
        return 0
    if options.guard or options.record:
        return count(options)

    machine = {"machine": platform.processor() or platform.machine(), "isa": dsp_ext.isa, "chunk": options.chunk}
    results: dict[str, Any] = {**machine, "kernels": {}, "peers": {}, "chains": {}, "programs": {}}
    show = (lambda line: None) if options.json else partial(print, flush=True)
    show(f"{machine['machine']}, instruction set {dsp_ext.isa}, {options.chunk} items at a time")
    if options.instructions:
        show(f"instructions: with {ISA}, by valgrind")
    if not options.no_kernels:
        measure_kernels(options, results["kernels"], show)
    if options.peers and not options.no_kernels:
        measure_peers(options, results["peers"], show)
    if not options.no_chains:
        measure_chains(options, results, show)
    if options.json:
        print(json.dumps(results, indent=1))
    return 0


Show = Callable[[str], object]


def measure_kernels(options: argparse.Namespace, results: dict[str, Any], show: Show) -> None:
    """Speed of each kernel, instructions where they are wanted, and the bound."""
    counted = instructions(options.only, options.chunk) if options.instructions else {}
    heading = f"\n{'kernel':44}{'speed':>10} {'':<12}{'instructions':>12}  an item takes at least"
    for kernel in chosen(options.only, options.chunk):
        value, of_item = float(f"{throughput(kernel):.3g}"), counted.get(kernel.name)
        row = {"value": value, "unit": kernel.unit, "instructions": of_item, "bound": kernel.bound}
        results[kernel.name] = row
        if heading:
            show(heading)
            heading = ""
        show(f"{kernel.name:44}{value:>10.5g} {kernel.unit:<12}{_or_dash(of_item):>12}  {kernel.bound}")


def measure_peers(options: argparse.Namespace, results: dict[str, Any], show: Show) -> None:
    """Speed of kernels and of other libraries' functions."""
    show(f"\n{'kernel, function':78}{'ours':>8}  {'theirs':<8}{'':11}   {'ratio':<8}an item takes at least")
    for peer in peers(options.only):
        found = compare(peer)
        row = {name: value and float(f"{value:.3g}") for name, value in asdict(found).items()}
        results[peer.name] = {**row, "unit": peer.unit, "bound": peer.bound}
        bound = peer.bound + (f"; with the scheduler {row['scheduled']:g}" if row["scheduled"] else "")
        show(f"{peer.name:78}{row['ours']:>8.5g} :{row['theirs']:<8.5g}{peer.unit:11} = {row['ratio']:<7.4g} {bound}")


def measure_chains(options: argparse.Namespace, results: dict[str, Any], show: Show) -> None:
    """What each chain takes, and other programs for the same signal."""
    wanted = [recording for recording in RECORDINGS if options.only.lower() in recording.name.lower()]
    said: set[str] = set()
    columns = ("signal s", "CPU s", "wall s", "MB", "Msamples/s", "instructions")
    show(f"\n{'chain':46}" + "".join(f"{column:>13}" for column in columns) + "   frames")

    def line(name: str, usage: Usage, of_sample: float | None = None) -> None:
        numbers = (f"{usage.signal_s:.0f}", f"{usage.cpu_s:.2f}", f"{usage.wall_s:.2f}", f"{usage.peak_rss_mb:.0f}")
        columns = (*numbers, f"{usage.speed:g}", _or_dash(of_sample))
        show(f"{name:46}" + "".join(f"{x:>13}" for x in columns) + f"   {usage.frames} of {usage.sent}")

    for recording in wanted:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            usage, job = decode(recording, options.seconds or recording.seconds, folder)
            of_sample = chain_instructions(recording) if options.instructions else None
            more = {"msamples_per_s": usage.speed, "instructions": of_sample}
            results["chains"][recording.name] = {**asdict(usage), **more}
            line(recording.name, usage, of_sample)
            use, sent_as = (str(table["use"]) for table in (job.transmitter.demod, job.transmitter.framing))
            every = programs(recording.form, use, job.transmitter.baudrate, sent_as, recording.satellite)
            files: dict[str, str] = {}
            for program in every if options.peers else ():
                files = files or write_audio(samples_of(recording, job), recording.rate, folder)
                try:
                    other = beside(program, recording, job, files)
                except ChildProcessError as error:
                    if str(error) not in said:
                        print(f"{error}: left out", file=sys.stderr)
                    said.add(str(error))
                    continue
                rows = results["programs"].setdefault(recording.name, {})
                rows[program.name] = {**asdict(other), "msamples_per_s": other.speed}
                line(f"  {program.name}", other)
    if wanted:
        with tempfile.TemporaryDirectory() as name:
            usage, _ = decode(wanted[0], 1.0, Path(name))
        results["start_cpu_s"] = usage.cpu_s
        show(f"of Radome's CPU seconds {usage.cpu_s:.2f} are its start and a second of signal")


def _or_dash(value: float | None) -> str:
    return "-" if value is None else f"{value:g}"


def count(options: argparse.Namespace) -> int:
    """Count the kernels' instructions, and print, record or compare them."""
    reason = incomparable(options.chunk) if options.guard else None
    if reason is not None:
        sys.exit(reason)
    found = instructions(options.only, options.chunk)
    results: dict[str, Any] = {**conditions(options.chunk), "kernels": found}
    if options.json:
        print(json.dumps(results, indent=2))
    else:
        print(f"{options.chunk} items at a time; instructions an item with {ISA}, and what an item takes at least\n")
        for kernel in chosen(options.only, options.chunk):
            print(f"{kernel.name:44}{found[kernel.name]:>10.5g}  {kernel.bound}", flush=True)
    if options.record:
        if options.only:
            results["kernels"] = {**json.loads(RECORD.read_text())["kernels"], **found}
        RECORD.write_text(json.dumps(results, indent=2) + "\n")
    worse = guard(found) if options.guard else []
    for sentence in worse:
        print(sentence, file=sys.stderr)
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
