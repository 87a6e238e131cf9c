#!/usr/bin/env python3
"""Receive for an hour at 2.4 Msps and see that nothing grows and nothing is lost but what was injected.

    python benchmarks/hour.py                              an hour, 8 times as fast: 8 minutes
    python benchmarks/hour.py --speed 1                    an hour
    python benchmarks/hour.py --rate 10e6 --seconds 60 --speed 1
    chrt -r 5 python benchmarks/hour.py                    where other programs keep the processors busy

Eight times as fast, the four seconds of signal that wait for a busy computer are half a second.

`radome live` runs on SoapySDR with a receiver of the tests' own behind it, which plays a burst of frames over and over
and loses samples at three places. Exit status 1 when memory grew by more than 5 MB after the first minute of signal,
descriptors or threads became more, a gap is not as it was injected, or a frame is missing, wrong or at another place.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).resolve().parent.parent))

from tests.drivers import soapy_environment, soapy_plugin
from tests.loopback import FREQUENCY, payloads, send, transmitter

PERIOD = 5.0
"""Seconds of signal that are played over and over."""
FRAMES = 6
"""In a period."""
OFFSET = 150e3
GROWTH = 5.0
"""MB."""
LOST = {0.15: 12_345, 0.45: 1, 0.8: 1_000_000}
"""Samples, by the part of the run after which they are lost."""


def measured(pid: int) -> tuple[float, int, int]:
    """MB that a process has in memory, its descriptors and its threads."""
    status = Path(f"/proc/{pid}/status").read_text()
    facts = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    return int(facts["VmRSS"].split()[0]) / 1024, len(os.listdir(f"/proc/{pid}/fd")), int(facts["Threads"])


def children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3600.0, help="of signal")
    parser.add_argument("--rate", type=float, default=2.4e6)
    parser.add_argument("--speed", type=float, default=8.0, help="times real time")
    options = parser.parse_args()
    rate, total = options.rate, int(options.seconds * options.rate)
    faults: list[str] = []

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        soapy_plugin(folder)
        sent, told = transmitter({"use": "fsk", "baudrate": 9600}), payloads(FRAMES, 120)
        signal = send(sent, told, rate, offset=OFFSET, burst=2, pause=0.5)
        length = int(PERIOD * rate)
        assert len(signal.samples) < length
        noise = np.random.default_rng(1).standard_normal((length, 2), np.float32) * 0.05
        x = noise.view(np.complex64)[:, 0]
        x[: len(signal.samples)] = 0.3 * signal.samples / np.abs(signal.samples).max()
        np.rint(x.view(np.float32) * 32767).astype("<i2").tofile(folder / "loop.cs16")
        (folder / "hour.toml").write_text(
            f'name = "Hour"\nnorad = 99998\n[[transmitter]]\nname = "a"\nfrequency = {FREQUENCY + OFFSET}\n'
            'demod = { use = "fsk", baudrate = 9600 }\nframing = { use = "ax25", scrambler = "g3ruh" }\n'
        )
        lost = {int(part * total): count for part, count in LOST.items()}
        events = ";".join(f"overflow@{at}:{count}" for at, count in lost.items())
        device = f"soapy:driver=fakesdr,file={folder}/loop.cs16,loop=1,speed={options.speed:g},events={events}"
        words = [sys.executable, "-m", "receiver", "live", device, "--definition", f"{folder}/hour.toml"]
        words += ["--rate", f"{rate:.0f}", "--frequency", str(FREQUENCY), "--jsonl", f"{folder}/out.jsonl"]
        words += ["--duration", str(options.seconds / options.speed + 2)]
        environment = {**os.environ, **soapy_environment(folder)}
        begun = time.monotonic()
        seen: list[tuple[float, list[tuple[float, int, int]]]] = []
        said = folder / "said"
        with (
            said.open("w") as file,
            subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL, stderr=file) as process,
        ):
            while process.poll() is None:
                try:
                    pids = [process.pid, *children(process.pid)]
                    seen.append(((time.monotonic() - begun) * options.speed, [measured(pid) for pid in pids]))
                except (OSError, KeyError):
                    pass  # it ends
                time.sleep(min(1.0, options.seconds / options.speed / 100))
        took, used = time.monotonic() - begun, os.times()
        if process.returncode:
            print(said.read_text()[-2000:])
            return 1
        records = [json.loads(line) for line in (folder / "out.jsonl").read_text().splitlines()]
        remarks = said.read_text().splitlines()
        summary = next((line for line in remarks if "of signal" in line), "no summary")

    faults += [text for text in remarks if "too busy" in text]
    if f"samples lost {len(LOST)} times" not in summary:
        faults.append(f"the gaps are not the {len(LOST)} that were injected")
    # the last looks may be at processes that end
    steady = [facts for at, facts in seen[:-2] if at > 60 * min(1.0, options.seconds / 120) and len(facts) == 2]
    spent = used.children_user + used.children_system
    print(f"{options.seconds:g} s at {rate / 1e6:g} Msps in {took:.0f} s, CPU {spent:.0f} s; {summary}")
    for number, who in enumerate(("program", "reader")):
        memory, files, threads = zip(*(facts[number] for facts in steady), strict=True)
        print(
            f"{who}: {memory[0]:.1f} MB after a minute, at most {max(memory):.1f}, {memory[-1]:.1f} at the end; "
            f"descriptors {files[0]} to {max(files)}, threads {threads[0]} to {max(threads)}"
        )
        if max(memory) - memory[0] > GROWTH:
            faults.append(f"the {who}'s memory grew by {max(memory) - memory[0]:.1f} MB")
        if max(files) > files[0] or max(threads) > threads[0]:
            faults.append(f"the {who} has more descriptors or threads than at first")

    places = {
        round(true.position) + turn * length: true.payload.hex()
        for turn in range(total // length + 1)
        for true in signal.truth
    }
    ends = 2 * 8 * 150 / 9600 * rate  # of a frame and its filters, at most
    expected = {
        at: payload
        for at, payload in places.items()
        if at + ends < total and not any(gap - ends < at < gap + count + ends for gap, count in lost.items())
    }
    got = {round(record["sample"]): record["payload"] for record in records}
    symbol = rate / 9600
    known = np.array(sorted(got))
    missing = [
        at
        for at, payload in expected.items()
        if not len(known)
        or abs((nearest := int(known[np.argmin(np.abs(known - at))])) - at) > symbol
        or got[nearest] != payload
    ]
    wrong = [record for record in records if record["payload"] not in set(places.values())]
    broken = [r["sample"] for r in records if not r["continuity"]]
    stray = [at for at in broken if not any(gap - ends < at < gap + count + ends for gap, count in lost.items())]
    print(f"frames: {len(records)}, {len(expected)} of them expected, {len(missing)} missing, {len(wrong)} wrong")
    if missing or wrong or len(records) != len(got):
        faults.append(f"frames are missing at {missing[:5]}, wrong {len(wrong)}, twice {len(records) - len(got)}")
    if stray:
        faults.append(f"frames touch gaps that were not injected, at {stray[:5]}")
    for fault in faults:
        print(f"FAULT: {fault}")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
