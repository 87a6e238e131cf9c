#!/usr/bin/env python3
"""How fast the kernels of dsp_ext and whole chains are.

Kernels: millions of input items a second, of one thread, the best of several runs. Chains: `radome decode` on a
recording that is synthesised first; CPU seconds and peak memory of the whole process, start included.
"""

from __future__ import annotations

import argparse
import ctypes
import ctypes.util
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import dsp_ext
from dsp_ext import golay
from dsp_ext.bits import CRC16_X25, Descrambler, DifferentialDecoder
from dsp_ext.clock import SymbolClock
from dsp_ext.convert import to_float
from dsp_ext.discriminator import Discriminator
from dsp_ext.doppler import Mixer
from dsp_ext.fir import Decimator
from dsp_ext.framesync import FrameSync
from dsp_ext.hdlc import HdlcReceiver
from dsp_ext.level import Level
from dsp_ext.reedsolomon import ReedSolomon
from dsp_ext.resample import Resampler
from dsp_ext.ridge import Ridge
from dsp_ext.viterbi import Viterbi
from receiver.channel.filters import lowpass, polyphase
from receiver.satellite import find_satellite
from receiver.synth import Channel, Synthesiser
from receiver.synth.payloads import payloads
from receiver.synth.sigmf import write_sigmf

RNG = np.random.default_rng(1)


@dataclass
class Kernel:
    """A kernel with an input for it."""

    name: str
    unit: str
    items: int
    run: Callable[[], object]


def kernels(n: int) -> Iterator[Kernel]:
    """Each kernel with n items of input, set up as the chains use it."""
    iq = (RNG.standard_normal(n) + 1j * RNG.standard_normal(n)).astype(np.complex64)
    real = np.ascontiguousarray(iq.real)
    soft = np.sign(real) + np.float32(0.3) * iq.imag
    bank = polyphase(0.3, 0.1, 50)
    scores = RNG.random((max(1, n // 256), 256), dtype=np.float32)

    def samples(name: str, process: Callable[..., object], *inputs: object) -> Kernel:
        return Kernel(name, "Msamples/s", n, partial(process, *inputs))

    def symbols(name: str, process: Callable[..., object]) -> Kernel:
        return Kernel(name, "Msymbols/s", n, partial(process, soft))

    yield samples("doppler.Mixer", Mixer(0.01, 1e-9).process, iq, np.empty_like(iq))
    for taps, factor in ((65, 10), (129, 4)):
        decimator = Decimator(np.hanning(taps).astype(np.float32), factor, is_complex=True)
        yield samples(f"fir.Decimator, complex, {taps} taps, 1/{factor}", decimator.process, iq)
    decimator = Decimator(np.hanning(65).astype(np.float32), 4, is_complex=False)
    yield samples("fir.Decimator, real, 65 taps, 1/4", decimator.process, real)
    for kind, x in (("complex", iq), ("real", real)):
        resampler = Resampler(bank, 1.25, is_complex=kind == "complex")
        yield samples(f"resample.Resampler, {kind}, {bank.shape[1]} taps", resampler.process, x)
    yield samples("discriminator.Discriminator", Discriminator().process, iq)
    yield samples("clock.SymbolClock", SymbolClock(lowpass(0.43 / 4, 0.9 * 0.43 / 4, 40)).process, real)
    yield symbols("level.Level", Level().process)
    yield Kernel("ridge.Ridge", "Mscores/s", scores.size, partial(Ridge(256, 16, 0.1, 10.0).process, scores))
    yield symbols("hdlc.HdlcReceiver, G3RUH", HdlcReceiver(True, 2048, 10).process)
    yield symbols("framesync.FrameSync, 32 bits", FrameSync(0x1ACFFC1D, 32, 4).process)
    yield symbols("bits.Descrambler", Descrambler(12, 17).process)
    yield symbols("bits.DifferentialDecoder", DifferentialDecoder().process)
    yield Kernel("bits.Crc, 16 bits", "Mbyte/s", n, partial(CRC16_X25, RNG.bytes(n)))
    yield Kernel("viterbi.Viterbi, K=7, rate 1/2", "Mbit/s", n // 2, partial(Viterbi().process, soft))
    code = ReedSolomon(32)
    data = np.frombuffer(RNG.bytes(223), np.uint8)
    for errors in (0, 16):
        word = np.concatenate([data, code.encode(data)])
        word[RNG.choice(255, errors, replace=False)] ^= 0x5A
        yield Kernel(f"reedsolomon, {errors} errors", "Mbit/s", 223 * 8, partial(_decode, code, word))
    yield Kernel("golay.decode, 3 errors", "Mbit/s", 12, partial(golay.decode, golay.encode(0xABC) ^ 0x10101))


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


def library(name: str) -> ctypes.CDLL | None:
    """A shared library, or None, saying so."""
    path = ctypes.util.find_library(name)
    if path is None:
        print(f"lib{name} is not installed: left out", file=sys.stderr)
    return ctypes.CDLL(path) if path else None


def peers() -> Iterator[Peer]:
    """Kernels of which an installed library has the like."""
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
    volk = library("volk")
    if volk is not None:
        n = 1 << 15
        raw, real = np.frombuffer(RNG.bytes(n), np.uint8), np.empty(n, np.float32)
        kind = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_float, ctypes.c_uint)
        convert = kind(ctypes.c_void_p.in_dll(volk, "volk_8i_s32f_convert_32f").value or 0)
        theirs = partial(convert, real.ctypes.data, raw.ctypes.data, 128.0, n)
        ours = partial(to_float, raw, "cu8", real)
        yield Peer(
            "convert, cu8, VOLK 8i_s32f_convert_32f", "Mvalues/s", n, ours, theirs, "1 byte read, 4 written a value"
        )


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
    form: str
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


def decode(recording: Recording, seconds: float, folder: Path) -> Usage:
    """Synthesise a recording of some length, decode it, and see what that took."""
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
    begun = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-m", "receiver", "decode", "--quiet", *map(str, words)], stdout=subprocess.DEVNULL
    ) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"radome decode ended with status {process.returncode} on {recording.name}")
    return Usage(
        signal_s=round(repeats * synthesiser.samples / recording.rate, 1),
        frames=len(output.read_text().splitlines()),
        sent=repeats * len(synthesiser.truth),
        cpu_s=round(used.ru_utime + used.ru_stime, 2),
        wall_s=round(time.perf_counter() - begun, 2),
        peak_rss_mb=round(used.ru_maxrss / 1024, 1),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of tables")
    parser.add_argument("--only", default="", metavar="TEXT", help="only what has TEXT in its name")
    parser.add_argument("--chunk", type=int, default=16384, help="items that a kernel gets at a time")
    parser.add_argument("--seconds", type=float, help="length of the recordings")
    parser.add_argument("--peers", action="store_true", help="kernels beside other libraries' that are installed")
    parser.add_argument("--no-chains", action="store_true")
    parser.add_argument("--no-kernels", action="store_true")
    options = parser.parse_args()

    machine = {"machine": platform.processor() or platform.machine(), "isa": dsp_ext.isa, "chunk": options.chunk}
    results: dict[str, Any] = {**machine, "kernels": {}, "chains": {}}
    if not options.json:
        print(f"{machine['machine']}, instruction set {dsp_ext.isa}, {options.chunk} items at a time\n")
    for kernel in kernels(options.chunk) if not options.no_kernels else ():
        if options.only.lower() in kernel.name.lower():
            value = float(f"{throughput(kernel):.3g}")
            results["kernels"][kernel.name] = {"value": value, "unit": kernel.unit}
            if not options.json:
                print(f"{kernel.name:44}{value:>10.5g} {kernel.unit}")
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
                row = f"{usage.signal_s:>8.0f}{usage.cpu_s:>8.2f}{usage.wall_s:>8.2f}{usage.peak_rss_mb:>8.0f}"
                print(f"{heading}{recording.name:46}{row}   {usage.frames} of {usage.sent}")
                heading = ""
    if options.json:
        print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
