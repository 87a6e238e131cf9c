"""Other libraries' functions and other programs beside Radome's kernels and chains, for `throughput.py --peers`.

What is not installed is left out, saying so. Libraries by ctypes; blocks of GNU Radio by `gnuradio_blocks.py`; programs
by their command lines, on the audio that the chain was given, as 16 bit samples.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import wave
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsp_ext.clock import SymbolClock
from dsp_ext.convert import to_float
from dsp_ext.discriminator import Discriminator
from dsp_ext.doppler import Mixer
from dsp_ext.fir import Decimator
from dsp_ext.framesync import FrameSync
from dsp_ext.galois import GaloisReedSolomon
from dsp_ext.hdlc import HdlcReceiver
from dsp_ext.reedsolomon import ReedSolomon
from dsp_ext.resample import Resampler
from dsp_ext.viterbi import Viterbi
from receiver.channel.filters import lowpass, polyphase

RNG = np.random.default_rng(2)


def decode_word(code: ReedSolomon | GaloisReedSolomon, word: NDArray[Any]) -> None:
    """Decode a copy: the word is mended in place."""
    code.decode(word.copy())


@dataclass
class Block:
    """A block of GNU Radio, or some in a row, in a process that answers."""

    name: str
    process: subprocess.Popen[str]
    scheduled: list[float] = field(default_factory=list)
    """Speeds with the scheduler's share, of every time that one was asked for."""

    def speed(self) -> float:
        """Millions of items a second of the block alone."""
        alone, scheduled = json.loads(self._ask("speed"))
        self.scheduled.append(scheduled)
        return float(alone)

    def once(self) -> list[Any]:
        """What comes out for the input, and then the same again, of which the end may be missing."""
        return list(json.loads(self._ask("once")))

    def _ask(self, what: str) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(what, self.name, file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        if not answer:
            sys.exit(f"GNU Radio's {self.name} failed; the reason is above")
        return answer


@dataclass
class Peer:
    """A kernel beside another library's function that does the same."""

    name: str
    unit: str
    items: int
    ours: Callable[[], object]
    theirs: Callable[[], object] | Block
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


def peers(only: str = "") -> Iterator[Peer]:
    """Kernels of which an installed library has the like, and which have a text in their name."""
    for of_library in (_beside_fec, _beside_volk, _beside_liquid, _beside_gnuradio):
        yield from (peer for peer in of_library() if only.lower() in peer.name.lower())


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
            yield Peer(name, "Mbit/s", 223 * 8, partial(decode_word, code, word), decode_rs_8, bound)


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


BLOCKS = Path(__file__).with_name("gnuradio_blocks.py")


def _python_of_gnuradio() -> str | None:
    """A Python that has GNU Radio: this one, or the system's."""
    for python in (sys.executable, "/usr/bin/python3"):
        found = Path(python).exists() and subprocess.run(
            [python, "-c", "import gnuradio.fec"], env=environment(), capture_output=True, check=False
        )
        if found and not found.returncode:
            return python
    return None


def environment() -> dict[str, str]:
    """Of other programs: where Python finds none of Radome's packages, and GNU Radio says only what is wrong."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return {**kept, "GR_CONF_LOG_LOG_LEVEL": "error"}


def _beside_gnuradio() -> Iterator[Peer]:
    # here, since under valgrind they take longer than all the kernels
    from receiver.synth.codes import Convolutional
    from receiver.synth.framing import encoder

    python = _python_of_gnuradio()
    if python is None:
        print("GNU Radio is not installed: left out", file=sys.stderr)
        return
    n = 1 << 14
    iq, bank = _noise(n), polyphase(0.3, 0.1, 50)
    mixer, mixed = Mixer(0.01, 0.0), np.empty_like(iq)
    raw = np.frombuffer(RNG.bytes(2 * n), np.uint8)
    shaped = (np.repeat(np.sign(RNG.standard_normal(n // 4)), 4) + 0.3 * iq.real).astype(np.float32)
    data = RNG.integers(0, 2, n // 2, np.uint8)
    coded = (2.0 * Convolutional("CCSDS")(data) - 1 + 0.6 * RNG.standard_normal(n)).astype(np.float32)
    ax25 = encoder({"use": "ax25", "scrambler": "g3ruh"})
    sent = [bytes(c << 1 for c in b"CQ    pRADOME") + b"\x61\x03\xf0" + RNG.bytes(80) for _ in range(40)]
    line = np.concatenate([ax25.begin(20).bits, *(ax25.frame(frame).bits for frame in sent), ax25.end(4).bits])
    soft = 2 * line.astype(np.float32) - 1
    inputs = {
        "iq": iq,
        "raw": raw,
        "shaped": shaped,
        "bank": bank,
        "line": line,
        "coded": np.clip(coded * 32 + 128, 0, 255).astype(np.uint8),
        **{f"taps {length}": np.hanning(length) for length, _ in FILTERS},
    }
    with tempfile.TemporaryDirectory() as folder:
        for name, values in inputs.items():
            np.save(Path(folder) / name, values)
        command = [python, str(BLOCKS), folder]
        pipe = subprocess.PIPE
        with subprocess.Popen(command, env=environment(), stdin=pipe, stdout=pipe, text=True) as process:

            def block(name: str) -> Block:
                return Block(name, process)

            def beside(ours: str, name: str, unit: str, items: int, run: Callable[[], object], bound: str) -> Peer:
                return Peer(f"{ours}, GNU Radio {name.split()[0]}", unit, items, run, block(name), bound)

            bound = "1 byte read, 4 written a value"
            run: Callable[[], object] = partial(to_float, raw, "i8", np.empty(2 * n, np.float32))
            yield beside("convert, ci8", "interleaved_char_to_complex", "Mvalues/s", 2 * n, run, bound)
            run = partial(mixer.process, iq, mixed)
            yield beside("doppler.Mixer", "rotator_cc", "Msamples/s", n, run, "8 bytes read, 8 written")
            for length, factor in FILTERS:
                taps = np.hanning(length).astype(np.float32)
                filtered = np.convolve(iq, taps)[: n - factor : factor]
                name = f"fir_filter_ccf {length} {factor}"
                given = np.array(block(name).once(), np.float32).view(np.complex64)
                if not np.allclose(given[: len(filtered)], filtered, atol=1e-3):
                    sys.exit("GNU Radio's filter is another one")
                decimator = Decimator(taps, factor, is_complex=True)
                bound = f"{2 * length / factor:g} multiply-adds"
                ours = f"fir.Decimator, {length} taps, 1/{factor}"
                yield beside(ours, name, "Msamples/s", n, partial(decimator.process, iq), bound)

                def channel(decimator: Decimator = decimator) -> None:
                    mixer.process(iq, mixed)
                    decimator.process(mixed)

                ours = f"Mixer and {ours}"
                name = f"freq_xlating_fir_filter_ccf {length} {factor}"
                yield beside(ours, name, "Msamples/s", n, channel, bound)
            length = bank.shape[1]
            run = partial(Resampler(bank, 1.25, is_complex=True).process, iq)
            bound = f"{2 * length * 0.8:g} multiply-adds; twice as many of GNU Radio's, which interpolates outputs"
            yield beside(f"resample.Resampler, {length} taps", "pfb_arb_resampler_ccf", "Msamples/s", n, run, bound)
            bound = "8 bytes read, 4 written; a complex product, an arctangent"
            run = partial(Discriminator().process, iq)
            yield beside("discriminator.Discriminator", "quadrature_demod_cf", "Msamples/s", n, run, bound)
            for name in ("symbol_sync_ff", "clock_recovery_mm_ff"):
                run = partial(SymbolClock(lowpass(0.43 / 4, 0.9 * 0.43 / 4, 40)).process, shaped)
                bound = "of a loop an interpolation of 8 taps a symbol or more; ours searches paths and filters symbols"
                yield beside("clock.SymbolClock", name, "Msamples/s", n, run, bound)
            name, run = "correlate_access_code_tag_ff", partial(FrameSync(0x1ACFFC1D, 32, 4).process, shaped)
            bound = "4 bytes; sign, shift, exclusive or, population count"
            yield beside("framesync.FrameSync, 32 bits", name, "Msymbols/s", n, run, bound)
            name, run = "cc_decoder", partial(Viterbi().process, coded)
            if sum(block(name).once()[: n // 4] != data[: n // 4]):
                sys.exit("GNU Radio decodes another code")
            bound = "64 states: 64 additions, 32 comparisons a symbol"
            yield beside("viterbi.Viterbi, K=7, rate 1/2", name, "Msymbols/s", n, run, bound)
            name, run = "hdlc_deframer", partial(HdlcReceiver(True, 2048, 10).process, soft)
            if block(name).once()[: len(sent)] != [frame.hex() for frame in sent]:
                sys.exit("GNU Radio's HDLC gives other frames")
            bound = "shifts and a comparison a bit, a table step a byte; ours takes soft symbols, for repair"
            yield beside("hdlc.HdlcReceiver, G3RUH", name, "Msymbols/s", len(soft), run, bound)


@dataclass(frozen=True)
class Comparison:
    """Median speeds of runs in turn, millions of items a second, and the median of their ratios, ours to theirs."""

    ratio: float
    ours: float
    theirs: float
    scheduled: float | None
    """Theirs in GNU Radio's scheduler."""


def compare(peer: Peer, seconds: float = 0.05, rounds: int = 9) -> Comparison:
    """Measure in turn, by this thread's processor time."""

    def speed(run: Callable[[], object] | Block) -> float:
        if isinstance(run, Block):
            return run.speed()
        run()
        begun, calls = time.thread_time(), 0
        while (passed := time.thread_time() - begun) < seconds:
            run()
            calls += 1
        return peer.items * calls / passed / 1e6

    runs = np.array([(speed(peer.ours), speed(peer.theirs)) for _ in range(rounds)])
    ours, theirs = np.median(runs, axis=0).tolist()
    scheduled = float(np.median(peer.theirs.scheduled)) if isinstance(peer.theirs, Block) else None
    return Comparison(float(np.median(runs[:, 0] / runs[:, 1])), ours, theirs, scheduled)


@dataclass(frozen=True)
class Program:
    """Another program that decodes what a chain does."""

    name: str
    command: list[str]
    """What there is in braces are files: `wav` at the recording's rate, `raw` at 22050 Hz, `kiss` for frames."""
    frames: Callable[[bytes, bytes], int]
    """How many it gave, from what it printed and from the KISS file."""


MULTIMON_RATE = 22050


def direwolf_frames(printed: bytes, _: bytes = b"") -> int:
    """Direwolf's atest ends with "123 packets decoded in 4.567 seconds.  89.0 x realtime"."""
    found = re.findall(rb"^(?:\x1b\[[0-9;]*[mJ])*(\d+) packets decoded in", printed, re.MULTILINE)
    if len(found) != 1:
        raise ValueError("atest did not say how many packets it decoded")
    return int(found[0])


def multimon_frames(printed: bytes, _: bytes = b"") -> int:
    """multimon-ng prints "AFSK1200: fm RADOME-0 to CQ-0 UI  pid=F0" above each frame's text."""
    return len(re.findall(rb"^A?FSK\d+: fm ", printed, re.MULTILINE))


def kiss_frames(_: bytes, kiss: bytes) -> int:
    """Data frames of gr_satellites' KISS file, which has one more with a time before each."""
    return sum(frame[:1] == b"\0" for frame in kiss.split(b"\xc0"))


def programs(form: str, modulation: str, baudrate: float, framing: str, norad: str) -> Iterator[Program]:
    """Those which are installed, and can decode such a recording of such a satellite."""
    rate = f"{baudrate:g}"
    every = []
    if form == "fm" and framing == "ax25" and (modulation, rate) in (("fsk", "9600"), ("afsk", "1200")):
        every += [
            Program(f"Direwolf's atest -B {rate}", ["atest", "-B", rate, "{wav}"], direwolf_frames),
            Program(
                f"multimon-ng -a {modulation.upper()}{rate}",
                ["multimon-ng", "-q", "-a", f"{modulation.upper()}{rate}", "-t", "raw", "{raw}"],
                multimon_frames,
            ),
        ]
    words = ["gr_satellites", norad, "--wavfile", "{wav}", "--samp_rate", "{rate}", "--kiss_out", "{kiss}"]
    every.append(Program("gr_satellites", words + ["--iq"] * (form == "iq"), kiss_frames))
    for program in every:
        if shutil.which(program.command[0]):
            yield program
        else:
            print(f"{program.command[0]} is not installed: left out", file=sys.stderr)


def write_audio(samples: NDArray[np.int16], rate: float, folder: Path) -> dict[str, str]:
    """The files of which `Program.command` speaks. Of IQ, (n, 2) samples, there is no `raw`."""
    files = {name: str(folder / name) for name in ("wav", "raw", "kiss")}
    with wave.open(files["wav"], "wb") as file:
        file.setnchannels(samples.ndim)
        file.setsampwidth(2)
        file.setframerate(round(rate))
        file.writeframes(samples.astype("<i2").tobytes())
    if samples.ndim == 1:
        bank = polyphase(0.45 * MULTIMON_RATE / rate, 0.05 * MULTIMON_RATE / rate, 60)
        fewer = Resampler(bank, rate / MULTIMON_RATE, is_complex=False)
        values = np.concatenate([fewer.process(samples.astype(np.float32)), fewer.flush()])
        np.clip(np.round(values), -32768, 32767).astype(np.int16).tofile(files["raw"])
    return {**files, "rate": str(round(rate))}
