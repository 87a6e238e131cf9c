#!/usr/bin/env python3
"""Frame error rate against Eb/N0 for every modulation and coding, beside what theory allows.

    python benchmarks/sensitivity.py                        all chains; minutes
    python benchmarks/sensitivity.py --only gmsk            those whose name holds this
    python benchmarks/sensitivity.py --offset 3000 --drift 120 --clock 100
    python benchmarks/sensitivity.py --bursts               each frame by itself, 20 flags before it, 200 ms between
    python benchmarks/sensitivity.py --pairs                50 ms before each burst one that is 10 dB stronger
    python benchmarks/sensitivity.py --only 4fsk --deviation 20, or --untold
    python benchmarks/sensitivity.py --csv FILE --plot FILE.png
    python benchmarks/sensitivity.py --short                fails when a chain's 50 % point has moved by 0.3 dB

Eb is signal power by information bit rate: of a coded chain after the code rate, for AX.25 by channel bit. AX.25 frames
have 80 bytes, as have those of U482C; others fill the Reed-Solomon code. The noise is white, all of it seeded. A frame
that was not sent counts as wrong, and so does one that is given twice. A pair is right when both of its frames are.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import math
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np

sys.path.append(str(Path(__file__).resolve().parent.parent))

from dsp_ext.viterbi import Viterbi
from receiver.satellite import Transmitter
from receiver.synth import Signal, synthesise
from receiver.synth.codes import Convolutional
from receiver.synth.framing import encoder
from tests.loopback import receive, transmitter

RATE = 48000.0
BYTES, WORD = 80, 223
FRAMES = 100
ADDRESSES = bytes(c << 1 for c in b"CQ    p" + b"RADOME") + b"\x61\x03\xf0"
MOVED = 0.3
"""dB by which a chain's 50 % point may differ from what is recorded."""

STRONGER = 10.0
"""dB by which the first burst of a pair is above the second."""

Errors = Callable[[float], float]
"""Symbol error probability by Es/N0 as a ratio."""
Theory = Callable[[float], float]
"""Frame error rate by Eb/N0 as a ratio."""


def q(x: float) -> float:
    """Probability that a standard normal variable is above x."""
    return 0.5 * math.erfc(x / math.sqrt(2))


def psk(esn0: float) -> float:
    """Coherent antipodal signals (Proakis, Digital Communications, equation 4.3-13)."""
    return q(math.sqrt(2 * esn0))


@cache
def distances(index: float, bt: float, levels: int = 2) -> tuple[tuple[float, float], ...]:
    """Squared distances of error events, in 2 Eb, and how many of each a symbol begins.

    The union bound of Anderson, Aulin, Sundberg, Digital Phase Modulation, 1986, chapter 2: two sequences of the levels
    +-1, or +-1 and +-3, differ by gamma = 0, +-2 and so on; d^2 = integral of 1 - cos(pi h sum of gamma q(t - n)) for
    each bit of a symbol, until their phases agree for good.
    """
    step, reach = 16, 3
    t = (np.arange((8 + 2 * reach) * step) + 0.5) / step - reach
    sigma = math.sqrt(math.log(2)) / (2 * math.pi * bt)
    phi = NormalDist().cdf

    def ramp(u: float) -> float:
        z = u / sigma
        return u * phi(z) + sigma * math.exp(-z * z / 2) / math.sqrt(2 * math.pi)

    pulse = np.array([ramp(u) - ramp(u - 1) for u in t])
    events = []
    for long in range(1, 7 if levels == 2 else 5):
        for differences in itertools.product(range(2 - 2 * levels, 2 * levels, 2), repeat=long):
            if differences[0] <= 0 or not differences[-1]:
                continue
            phase = index * sum(differences) / 2 % 1
            if min(phase, 1 - phase) > 1e-6:
                continue
            apart = np.zeros(len(t) + 8 * step)
            for n, gamma in enumerate(differences):
                apart[n * step : n * step + len(t)] += gamma * pulse
                apart[n * step + len(t) :] += gamma
            d2 = (levels // 2) * float(np.sum(1 - np.cos(math.pi * index * apart[: len(t)])) / step)
            # of all symbols, those that have another so far from them on that side
            events.append((d2, 2 * math.prod(1 - abs(gamma) / 2 / levels for gamma in differences)))
    events.sort()
    return tuple(event for event in events if event[0] < events[0][0] + 1.5)


@cache
def composite_distances(baudrate: float, carrier: float, deviation: float) -> tuple[tuple[float, float], ...]:
    """As `distances`, of AFSK in FM taken as one signal with the phase beta(t) = 2 pi 3000 Hz integral of sin(audio).

    Two sequences differ until the phases of their audio agree again; d^2 = integral of 1 - cos(beta - beta') over that
    time. It hangs on the audio's phase at the start, of which all are alike probable. What is left of beta - beta'
    afterwards, no receiver is taken to know.
    """
    step, starts = 64, 16
    start = np.arange(starts)[:, None] / starts
    events = []
    for long in range(1, 4):
        for pair in itertools.product(itertools.product((-1, 1), repeat=long), repeat=2):
            sent, other = np.array(pair)
            turns = np.cumsum(sent - other) * deviation / baudrate
            agree = np.abs(turns - np.round(turns)) < 1e-6
            if sent[0] == other[0] or not agree[-1] or agree[:-1].any():
                continue
            tones = (carrier + deviation * np.repeat(np.stack([sent, other]), step, axis=1)) / baudrate
            audio = (np.cumsum(tones, axis=1) - tones / 2) / step
            beta = 2 * np.pi * 3000 / baudrate * np.cumsum(np.sin(2 * np.pi * (start + audio[:, None])), axis=2) / step
            d2 = np.sum(1 - np.cos(beta[0] - beta[1]), axis=1) / step
            events += [(float(one), 0.5**long / starts) for one in d2]
    return tuple(events)


def sequence(events: tuple[tuple[float, float], ...]) -> Errors:
    """Error events of a maximum likelihood sequence detector, by the symbol."""
    return lambda esn0: min(0.5, sum(share * q(math.sqrt(d2 * esn0)) for d2, share in events))


def cpm(index: float, bt: float = 0.5, levels: int = 2) -> Errors:
    """Error events of FSK as `receiver.synth` sends it, by the symbol."""
    return sequence(distances(index, bt, levels))


def whole(errors: Errors, symbols: int) -> Theory:
    """One wrong symbol loses the frame."""
    return lambda ebn0: 1 - (1 - errors(ebn0)) ** symbols


def reed_solomon(errors: Errors, places: int) -> Theory:
    """RS(255, 223), any 16 bytes of which may be wrong; an error at so many places spoils a byte."""

    def rate(ebn0: float) -> float:
        byte = 1 - (1 - min(0.5, errors(ebn0 * 223 / 255))) ** places
        return 1 - sum(math.comb(255, k) * byte**k * (1 - byte) ** (255 - k) for k in range(17))

    return rate


@cache
def concatenated_rates() -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Eb/N0 in dB, and the frame error rate of K = 7, rate 1/2 with RS(255, 223) on antipodal signals.

    Bounds of the convolutional code are loose where the outer code works, so this is counted: 1000 words at each noise
    level, every symbol known but for the noise; a word with 17 wrong bytes behind the Viterbi decoder is lost.
    """
    rng, words = np.random.default_rng(0), 1000
    data = rng.integers(0, 2, 8 * 255 * words + 64, np.uint8)
    symbols = 2.0 * Convolutional("CCSDS")(data) - 1
    noise = rng.standard_normal(len(symbols))
    levels, rates = np.arange(1.0, 3.6, 0.125), []
    for level in levels:
        soft = symbols + noise * math.sqrt(0.5 / (10 ** (level / 10) * 223 / 255 / 2))
        code = Viterbi()
        bits = np.concatenate([code.process(soft.astype(np.float32))[0], code.flush()[0]])
        spoilt = (bits[: 8 * 255 * words] != data[: 8 * 255 * words]).reshape(words, 255, 8).any(axis=2)
        rates.append(float(np.mean(spoilt.sum(axis=1) > 16)))
    return tuple(levels.tolist()), tuple(rates)


def concatenated(ebn0: float) -> float:
    """Frame error rate of the concatenated code."""
    return float(np.interp(10 * math.log10(ebn0), *concatenated_rates(), left=1.0))


@dataclass(frozen=True)
class Chain:
    """A modulation and coding."""

    name: str
    demod: dict[str, Any]
    framing: dict[str, Any]
    recorded: float
    """Eb/N0 in dB at which half of the frames were decoded when it was last measured."""
    theory: Theory | None = None
    form: str = "iq"
    size: int = WORD
    """Bytes in a frame, where it is none of AX.25."""
    bt: float | None = 0.5
    """Bandwidth-time product of FSK; None: rectangular."""
    receiver: float | None = None
    """Width of the FM receiver, Hz; None: that of the signal."""

    @property
    def transmitter(self) -> Transmitter:
        return transmitter(self.demod, self.framing, self.name)

    def told(self, variant: Variant) -> Transmitter:
        """As the receiver knows it."""
        demod = dict(self.demod)
        if variant.untold:
            demod.pop("deviation", None)
        elif "deviation" in demod:
            demod["deviation"] /= 1 + variant.deviation / 100
        return transmitter(demod, self.framing, self.name)

    def bound(self, ebn0_db: float) -> float:
        """Frame error rate in theory, NaN where none is known."""
        if self.theory is None:
            return math.nan
        return self.theory(10 ** (ebn0_db / 10))


G3RUH = {"use": "ax25", "scrambler": "g3ruh"}
# 80 bytes, checksum and closing flag, a stuffed bit for each 62
HDLC = round((BYTES + 2) * 8 * 63 / 62) + 8


def fsk(index: float, baudrate: float = 9600) -> dict[str, Any]:
    return {"use": "fsk", "baudrate": baudrate, "deviation": baudrate / 2 * index}


def four(index: float) -> dict[str, Any]:
    """Of two neighbouring levels; the outer ones are three times as far apart."""
    return {"use": "fsk", "baudrate": 4800, "deviation": 2400 * 3 * index, "levels": 4}


def afsk(baudrate: float, carrier: float, deviation: float) -> dict[str, Any]:
    return {"use": "afsk", "baudrate": baudrate, "carrier": carrier, "deviation": deviation}


GOLAY, AX100_RS = {"use": "ax100", "mode": "ASM+Golay"}, {"use": "ax100", "mode": "Reed Solomon"}
CCSDS = {"use": "ccsds", "frame_size": WORD}
# an event of errors is two wrong symbols side by side, which 9 places of a byte have part in; G3RUH's descrambler makes
# three of one. FM audio is held against what IQ would allow
EQUISAT = {"use": "equisat"}
GMSK = whole(cpm(0.5), HDLC)
AFSK = whole(sequence(composite_distances(1200, 1700, 500)), HDLC)

CHAINS = (
    Chain("GMSK 9600, AX.25 G3RUH", fsk(0.5), G3RUH, 6.2, GMSK),
    Chain("GFSK 9600 h 0.7, AX.25 G3RUH", fsk(0.7), G3RUH, 5.03, whole(cpm(0.7), HDLC)),
    Chain("GFSK 9600 h 1, AX.25 G3RUH", fsk(1.0), G3RUH, 7.98, whole(cpm(1.0), HDLC)),
    Chain("GFSK 9600 h 1.5, AX.25 G3RUH", fsk(1.5), G3RUH, 6.27, whole(cpm(1.5), HDLC)),
    Chain("GMSK 9600, FM audio, AX.25 G3RUH", fsk(0.5), G3RUH, 9.5, GMSK, form="fm"),
    Chain("GFSK 1200 h 1, 15 kHz FM audio, AX.25", fsk(1.0, 1200), G3RUH, 16.5, whole(cpm(1.0), HDLC), form="fm",
          receiver=15e3),
    Chain("GMSK 9600, AX100 ASM+Golay", fsk(0.5), GOLAY, 5.41, reed_solomon(cpm(0.5), 9)),
    Chain("GMSK 9600, AX100 Reed Solomon", fsk(0.5), AX100_RS, 6.43, reed_solomon(cpm(0.5), 27), size=WORD - 1),
    Chain("GMSK 9600, CCSDS Reed-Solomon", fsk(0.5), CCSDS, 5.45, reed_solomon(cpm(0.5), 9)),
    Chain("4FSK 4800 h 0.27, AX.25 G3RUH", four(0.27), G3RUH, 8.05, whole(cpm(0.27, levels=4), HDLC // 2)),
    Chain("4FSK 4800 h 0.27 rect, AX.25 G3RUH", four(0.27), G3RUH, 7.26, whole(cpm(0.27, 20.0, 4), HDLC // 2), bt=None),
    Chain("4FSK 4800 h 0.5, AX.25 G3RUH", four(0.5), G3RUH, 5.11, whole(cpm(0.5, levels=4), HDLC // 2)),
    Chain("4FSK 4800 h 0.27, EQUiSat", four(0.27), EQUISAT, 7.7),
    Chain("4FSK 4800 h 0.33, EQUiSat", four(1 / 3), EQUISAT, 6.2),
    Chain("BPSK 1200, AX.25", {"use": "psk", "baudrate": 1200}, {"use": "ax25"}, 5.64, whole(psk, HDLC)),
    Chain("BPSK 9600, CCSDS Concatenated", {"use": "psk", "baudrate": 9600}, {**CCSDS, "convolutional": "CCSDS"}, 1.93,
          concatenated),
    Chain("AFSK 1200, AX.25", afsk(1200, 1700, -500), {"use": "ax25"}, 12.85, AFSK),
    Chain("AFSK 1200, FM audio, AX.25", afsk(1200, 1700, -500), {"use": "ax25"}, 13.06, AFSK, form="fm"),
    Chain("AFSK 4800, FM audio, U482C", afsk(4800, 3600, -1200), {"use": "u482c"}, 13.5, form="fm", size=BYTES),
)  # fmt: skip


@dataclass(frozen=True)
class Point:
    """Frames at one Eb/N0."""

    ebn0_db: float
    sent: int
    right: int
    wrong: int

    def interval(self) -> tuple[float, float]:
        """95 % confidence interval of the frame error rate (Wilson, J. Am. Stat. Assoc. 22, 1927)."""
        z, n, p = 1.96, self.sent, 1 - self.right / self.sent
        middle, half = (p + z * z / 2 / n), z * math.sqrt(p * (1 - p) / n + z * z / 4 / n / n)
        return max(0.0, (middle - half) / (1 + z * z / n)), min(1.0, (middle + half) / (1 + z * z / n))


@dataclass(frozen=True)
class Variant:
    """What is done to the signal beside noise."""

    offset: float = 0.0
    drift: float = 0.0
    clock: float = 0.0
    bursts: bool = False
    pairs: bool = False
    deviation: float = 0.0
    """Percent by which it is above what the receiver is told."""
    untold: bool = False


def payloads(chain: Chain, frames: int, seed: int) -> list[bytes]:
    rng = np.random.default_rng((seed, 1))
    if chain.framing["use"] == "ax25":
        return [ADDRESSES + rng.bytes(BYTES - len(ADDRESSES)) for _ in range(frames)]
    head = b"WL9XZE" if chain.framing["use"] == "equisat" else b""
    return [head + rng.bytes(chain.size - len(head)) for _ in range(frames)]


def signal(chain: Chain, sent: Sequence[bytes], ebn0_db: float, variant: Variant, seed: int) -> Signal:
    """The frames as samples; of a pair, the second frame has this Eb/N0."""
    options: dict[str, Any] = {
        "form": chain.form,
        "rate": RATE,
        "offset": variant.offset,
        "clock_ppm": variant.clock,
        "doppler": (0.0, variant.drift) if variant.drift else None,
        "bt": chain.bt,
        "if_bandwidth": chain.receiver,
    }
    if not (variant.bursts or variant.pairs):
        return synthesise(chain.transmitter, sent, ebn0_db=ebn0_db, seed=seed, **options)
    rng = np.random.default_rng((seed, 2))
    parts = []
    for i, payload in enumerate(sent):
        first = variant.pairs and i % 2 == 0
        options["ebn0_db"] = ebn0_db + (STRONGER if first else 0)
        if chain.form == "iq":
            # the same noise in all of them, whatever the signal
            bits = chain.transmitter.baudrate * chain.demod.get("levels", 2) // 2
            rate = bits * encoder(chain.framing).rate
            options["level"] = 0.05 * math.sqrt(1 + 10 ** (options["ebn0_db"] / 10) * rate / RATE)
        options |= {
            "offset": variant.offset + rng.uniform(-1000, 1000),
            "preamble": 20,
            "lead": rng.uniform(0.1, 0.101) if first or not variant.pairs else 0.025,
            "tail": 0.025 if first else 0.1,
        }
        made = synthesise(chain.transmitter, [payload], seed=seed + 1000 * (i + 1), **options)
        turn = np.exp(2j * np.pi * rng.uniform()) if chain.form == "iq" else 1.0
        parts.append((made.samples * turn).astype(made.samples.dtype))
    return Signal(np.concatenate(parts), RATE, [], [], None, made.frequency)


def measure(chain: Chain, ebn0_db: float, frames: int, variant: Variant, seed: int = 0) -> Point:
    """Send frames, or so many pairs of them, and count what is received."""
    together = 2 if variant.pairs else 1
    sent = payloads(chain, frames * together, seed)
    found = receive(signal(chain, sent, ebn0_db, variant, seed), chain.told(variant))
    given = [frame.payload for frame in found]
    received = set(given).intersection(sent)
    right = sum(received.issuperset(sent[i : i + together]) for i in range(0, len(sent), together))
    return Point(ebn0_db, frames, right, len(given) - len(received))


def _job(job: tuple[int, float, int, Variant, int]) -> Point:
    which, ebn0_db, frames, variant, seed = job
    return measure(CHAINS[which], ebn0_db, frames, variant, seed)


def crossing(points: Sequence[Point], share: float = 0.5) -> float:
    """Eb/N0 in dB at which such a share of frames is right: a logistic curve through the points (Newton's method)."""
    x = np.array([point.ebn0_db for point in points])
    n, k = (np.array([getattr(point, name) for point in points], float) for name in ("sent", "right"))
    # half a frame more of each kind keeps the slope finite
    n, k = n + 1, k + 0.5
    middle = float(np.interp(0.5, np.maximum.accumulate(k / n), x))
    a, b = 0.0, 4.0
    for _ in range(50):
        p = 1 / (1 + np.exp(-np.clip(a + b * (x - middle), -30, 30)))
        w, u = n * p * (1 - p) + 1e-9, x - middle
        hessian = np.array([[w.sum(), (w * u).sum()], [(w * u).sum(), (w * u * u).sum() + 1e-6]])
        step = np.linalg.solve(hessian, [(k - n * p).sum(), ((k - n * p) * u).sum()])
        a, b = a + float(np.clip(step[0], -1, 1)), max(0.5, b + float(np.clip(step[1], -1, 1)))
    return middle + (math.log(share / (1 - share)) - a) / b


def in_theory(chain: Chain, share: float = 0.5) -> float:
    """Eb/N0 in dB at which such a share of frames is right in theory; NaN without one."""
    if chain.theory is None:
        return math.nan
    low, high = -5.0, 30.0
    while high - low > 1e-4:
        middle = (low + high) / 2
        low, high = (middle, high) if chain.bound(middle) > 1 - share else (low, middle)
    return high


def plot(results: dict[str, list[Point]], path: Path) -> None:
    """Frame error rate of each chain, with theory."""
    try:
        import matplotlib
    except ImportError:
        sys.exit("sensitivity.py: --plot needs matplotlib: pip install matplotlib")
    matplotlib.use("agg")
    from matplotlib import pyplot

    columns = min(4, len(results))
    rows = math.ceil(len(results) / columns)
    figure, axes = pyplot.subplots(rows, columns, figsize=(3.6 * columns, 3.1 * rows), squeeze=False, sharey=True)
    for axis in axes.flat[len(results) :]:
        axis.set_visible(False)
    for place, (axis, (name, points)) in enumerate(zip(axes.flat, results.items(), strict=False)):
        chain = next(chain for chain in CHAINS if chain.name == name)
        x = [point.ebn0_db for point in points]
        rate = np.array([1 - point.right / point.sent for point in points])
        bars = np.abs(np.array([point.interval() for point in points]).T - rate)
        axis.errorbar(x, np.maximum(rate, 1e-3), bars, fmt="o-", ms=3, lw=1, capsize=2, label="measured")
        fine = np.linspace(x[0], x[-1], 100)
        if chain.theory is not None:
            axis.plot(fine, [max(chain.bound(e), 1e-3) for e in fine], "k--", lw=1, label="theory")
        axis.set(yscale="log", ylim=(5e-3, 1.3), title=name)
        axis.title.set_size(9)
        axis.grid(True, which="both", alpha=0.25)
        axis.axvline(crossing(points), color="C1", lw=0.8)
        if place % columns == 0:
            axis.set_ylabel("frame error rate")
        if place + columns >= len(results):
            axis.set_xlabel("Eb/N0, dB")
        axis.legend(fontsize=7, loc="upper right")
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def short() -> int:
    """Whether every chain is where it was: exit status."""
    status = 0
    for chain in CHAINS:
        points = [measure(chain, chain.recorded + step, FRAMES, Variant(), 7 + i) for i, step in enumerate((-0.3, 0.3))]
        found = crossing(points)
        wrong = sum(point.wrong for point in points)
        moved = abs(found - chain.recorded) > MOVED
        says = "MOVED" if moved else "WRONG FRAMES" if wrong else "ok"
        status |= bool(moved or wrong)
        print(f"{chain.name:36} {found:6.2f} dB, recorded {chain.recorded:6.2f} dB  {says}", flush=True)
    return status


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="chains whose name holds this")
    parser.add_argument("--frames", type=int, default=FRAMES, help="frames a point")
    parser.add_argument("--step", type=float, default=0.5, help="dB from point to point")
    parser.add_argument("--span", type=float, nargs=2, default=(-1.5, 4.0), help="dB about the recorded 50 %% point")
    parser.add_argument("--offset", type=float, default=0.0, help="Hz that the receiver does not know of")
    parser.add_argument("--drift", type=float, default=0.0, help="Hz/s")
    parser.add_argument("--clock", type=float, default=0.0, help="ppm of the symbol clock")
    parser.add_argument("--bursts", action="store_true")
    parser.add_argument("--pairs", action="store_true")
    parser.add_argument(
        "--deviation", type=float, default=0.0, help="%% by which it is above what the receiver is told"
    )
    parser.add_argument("--untold", action="store_true", help="the receiver is told no deviation")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--csv", type=Path)
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--short", action="store_true")
    wanted = parser.parse_args(words)
    if wanted.short:
        return short()
    variant = Variant(
        wanted.offset, wanted.drift, wanted.clock, wanted.bursts, wanted.pairs, wanted.deviation, wanted.untold
    )
    steps = np.arange(wanted.span[0], wanted.span[1] + 1e-9, wanted.step)
    results: dict[str, list[Point]] = {}
    print(f"{'50 %: Eb/N0, dB':36} measured  theory  99 % from  wrong")
    with ProcessPoolExecutor(wanted.jobs) as pool:
        for which, chain in enumerate(CHAINS):
            if wanted.only.lower() not in chain.name.lower():
                continue
            jobs = [
                (which, round(chain.recorded + float(step), 2), wanted.frames, variant, wanted.seed + i)
                for i, step in enumerate(steps)
            ]
            points = results[chain.name] = list(pool.map(_job, jobs))
            below = [point.ebn0_db for point in points if point.right < 0.99 * point.sent]
            sure = min((p.ebn0_db for p in points if p.ebn0_db > max(below, default=-99)), default=math.nan)
            row = f"{crossing(points):8.2f} {in_theory(chain):7.2f} {sure:10.2f} {sum(p.wrong for p in points):6}"
            print(f"{chain.name:36} {row}   " + " ".join(str(point.right) for point in points), flush=True)
    if wanted.csv:
        with wanted.csv.open("w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(("chain", "ebn0_db", "sent", "right", "wrong", "fer", "fer_low", "fer_high", "fer_theory"))
            for name, points in results.items():
                chain = next(chain for chain in CHAINS if chain.name == name)
                for p in points:
                    bound, (low, high) = chain.bound(p.ebn0_db), p.interval()
                    rates = (1 - p.right / p.sent, low, high, bound)
                    numbers = ["" if math.isnan(rate) else f"{rate:.4g}" for rate in rates]
                    writer.writerow((name, p.ebn0_db, p.sent, p.right, p.wrong, *numbers))
    if wanted.plot:
        plot(results, wanted.plot)
    return 0


if __name__ == "__main__":
    sys.exit(main())
