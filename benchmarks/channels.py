#!/usr/bin/env python3
"""How fast many transmitters are received at once from one wide stream.

Bursts of AX.25 (9600 Bd FSK, G3RUH) on each of many channels, 36 kHz apart, are put into one recording, which
`radome decode` gets with an orbit: that of a satellite which stands still over the station, so that all that goes with
an orbit is done and nothing is shifted. Told are seconds of signal a CPU second, the same a second by the clock, peak
memory of the process's own, and the frames decoded of those sent. Linux only.

    python benchmarks/channels.py                 all
    python benchmarks/channels.py --only 10Msps   those with that in their name
"""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from receiver.satellite import Transmitter
from receiver.source._samples import Datatype
from receiver.synth import Synthesiser
from receiver.synth.payloads import payloads

BAUDRATE = 9600
SPACING = 36e3
"""Hz from one channel to the next: next to no room for the search of 17 kHz on each side."""
NARROW = 80e3
"""Samples per second at which a channel is made; divides the rates of the recordings."""
PIECE = 4.0
"""Seconds that are made; the recording repeats them."""
EBN0_DB = 15.0
CENTRE = 437e6
NORAD = 99999


@dataclass(frozen=True)
class Case:
    """A recording to be made, and how many processors may work on it."""

    rate: float
    datatype: str
    channels: int
    cores: int

    @property
    def name(self) -> str:
        return f"{self.rate / 1e6:g}Msps {self.datatype}, {self.channels} on {self.cores}"


CASES = (
    Case(2.4e6, "cu8", 1, 1),
    Case(2.4e6, "cu8", 8, 1),
    Case(2.4e6, "cu8", 32, 1),
    Case(2.4e6, "cu8", 64, 1),
    Case(2.4e6, "cu8", 64, 2),
    Case(10e6, "ci16_le", 8, 1),
    Case(10e6, "ci16_le", 8, 2),
)


@dataclass
class Usage:
    """What `radome decode` took."""

    signal_s: float
    frames: int
    sent: int
    cpu_s: float
    wall_s: float
    peak_mb: float


def frequencies(channels: int) -> NDArray[np.float64]:
    """Of the carriers, Hz from the middle; one by itself is beside it."""
    return (np.arange(channels) - channels // 2 + 0.5) * SPACING


def transmitter(number: int, frequency: float) -> Transmitter:
    demod, framing = {"use": "fsk", "baudrate": BAUDRATE}, {"use": "ax25", "scrambler": "g3ruh"}
    return Transmitter(f"channel {number}", CENTRE + frequency, demod, framing, "FSK")


def mixture(case: Case) -> tuple[NDArray[np.complex64], int]:
    """One piece of all channels, which can be repeated, and how many frames are in it."""
    narrow, wide = round(NARROW * PIECE), round(case.rate * PIECE)
    spectrum = np.zeros(wide, np.complex64)
    sent = 0
    for number, frequency in enumerate(frequencies(case.channels)):
        sender = transmitter(number, frequency)
        # half of the time something is sent
        frames = payloads(sender.framing, int(PIECE * BAUDRATE / 2 / 1300), number)
        made = Synthesiser(sender, frames, NARROW, seed=number, burst=1, pause=0.12, lead=0.01 * (1 + number % 7))
        signal = np.concatenate([block.samples for block in made.blocks()])[:narrow]
        sent += sum(truth.position + truth.length < narrow - 200 for truth in made.truth)
        signal = np.pad(signal, (0, narrow - len(signal))) / made.level
        places = np.arange(narrow) - narrow // 2 + round(frequency * PIECE)
        spectrum[places % wide] += np.fft.fftshift(np.fft.fft(signal)).astype(np.complex64) * (wide / narrow)
    x = np.fft.ifft(spectrum).astype(np.complex64)
    amplitude = math.sqrt(case.rate / BAUDRATE * 10 ** (-EBN0_DB / 10) / 2)
    rng = np.random.default_rng(case.channels)
    x += amplitude * rng.standard_normal(2 * wide, np.float32).view(np.complex64)
    return x * np.float32(0.2 / np.sqrt(np.mean(np.abs(x) ** 2))), sent


def stored(x: NDArray[np.complex64], datatype: str) -> bytes:
    values = x.view(np.float32)
    if Datatype.parse(datatype).value == "u8":
        return np.clip(np.rint(values * 127.5 + 127.5), 0, 255).astype(np.uint8).tobytes()
    return np.clip(np.rint(values * 32768), -32768, 32767).astype("<i2").tobytes()


def write(case: Case, seconds: float, folder: Path) -> tuple[list[str], int]:
    """Make the recording, the definition and the orbit; gives the command, and the frames that are in it."""
    x, sent = mixture(case)
    piece, repeats = stored(x, case.datatype), max(1, round(seconds / PIECE))
    del x
    with (folder / "wide.sigmf-data").open("wb") as file:
        for _ in range(repeats):
            file.write(piece)
    start = "2024-05-01T12:00:00Z"
    meta = {
        "global": {"core:datatype": case.datatype, "core:sample_rate": case.rate, "core:version": "1.0.0"},
        "captures": [{"core:sample_start": 0, "core:frequency": CENTRE, "core:datetime": start}],
        "annotations": [],
    }
    (folder / "wide.sigmf-meta").write_text(json.dumps(meta))
    lines = ['name = "Many"', f"norad = {NORAD}"]
    for number, frequency in enumerate(frequencies(case.channels)):
        lines += [
            "[[transmitter]]",
            f'name = "channel {number}"',
            f"frequency = {CENTRE + frequency:.0f}",
            f'demod = {{ use = "fsk", baudrate = {BAUDRATE} }}',
            'framing = { use = "ax25", scrambler = "g3ruh" }',
        ]
    (folder / "many.toml").write_text("\n".join(lines))
    orbit = {
        "OBJECT_NAME": "MANY",
        "NORAD_CAT_ID": NORAD,
        "EPOCH": start[:-1],
        "MEAN_MOTION": 1.00273791,
        "ECCENTRICITY": 0.0,
        "INCLINATION": 0.0,
        "RA_OF_ASC_NODE": 0.0,
        "ARG_OF_PERICENTER": 0.0,
        "MEAN_ANOMALY": 0.0,
        "BSTAR": 0.0,
    }
    (folder / "orbit.json").write_text(json.dumps([orbit]))
    # the sidereal angle of that time is the longitude of what stands at right ascension 0
    words = ["wide.sigmf-meta", "--definition", "many.toml", "--omm", "orbit.json", "--station", "0,-39.65,0"]
    return [sys.executable, "-m", "receiver", "decode", "--quiet", *words, "--jsonl", "frames.jsonl"], repeats * sent


def memory(pid: int) -> int:
    """Bytes that a process has of its own: without the recording, which is mapped."""
    found = re.search(r"RssAnon:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return 1024 * int(found[1]) if found else 0


def measure(case: Case, seconds: float, folder: Path) -> Usage:
    command, sent = write(case, seconds, folder)
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(cores)[: case.cores])
    try:
        begun = time.perf_counter()
        with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL) as process:
            pid = peak = 0
            while not pid:
                time.sleep(0.02)
                peak = max(peak, memory(process.pid))
                pid, status, used = os.wait4(process.pid, os.WNOHANG)
            process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - begun
    finally:
        os.sched_setaffinity(0, cores)
    if process.returncode:
        sys.exit(f"radome decode ended with status {process.returncode} on {case.name}")
    size = (folder / "wide.sigmf-data").stat().st_size
    return Usage(
        signal_s=round(size / Datatype.parse(case.datatype).bytes / case.rate, 1),
        frames=len((folder / "frames.jsonl").read_text().splitlines()),
        sent=sent,
        cpu_s=round(used.ru_utime + used.ru_stime, 2),
        wall_s=round(wall, 2),
        peak_mb=round(peak / 1e6, 1),
    )


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    parser.add_argument("--only", default="", metavar="TEXT", help="only what has TEXT in its name")
    parser.add_argument("--seconds", type=float, default=20.0, help="length of the recordings")
    options = parser.parse_args(words)
    results = {}
    if not options.json:
        print(f"{'channels':32}{'x CPU':>8}{'x clock':>9}{'CPU s':>8}{'wall s':>8}{'MB':>7}   frames")
    for case in CASES:
        if options.only.lower() in case.name.lower():
            with tempfile.TemporaryDirectory() as folder:
                usage = measure(case, options.seconds, Path(folder))
            results[case.name] = asdict(usage)
            if not options.json:
                factors = f"{usage.signal_s / usage.cpu_s:>8.2f}{usage.signal_s / usage.wall_s:>9.2f}"
                spent = f"{usage.cpu_s:>8.2f}{usage.wall_s:>8.2f}{usage.peak_mb:>7.0f}"
                print(f"{case.name:32}{factors}{spent}   {usage.frames} of {usage.sent}", flush=True)
    if options.json:
        print(json.dumps(results, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
