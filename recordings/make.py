#!/usr/bin/env python3
"""Make the recordings of this folder again, byte for byte: `python recordings/make.py [--into FOLDER] [NAME…]`.

Each one is one call of `radome synth`, printed as it is run.
"""

from __future__ import annotations

import argparse
import shlex
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
STATION = "52.0,4.36,10"

# a receiver such as a cheap dongle: oscillator a little off, some DC, I and Q not quite alike
DONGLE = "--offset 420 --clock-ppm 6 --dc 0.01,-0.006 --iq-imbalance 0.2,1.5 --datatype cu8"

RECORDINGS = {
    "swampsat2-fsk9k6-ax25-g3ruh": (
        "--satellite 45115 --start 2020-04-08T14:38:02.25Z --frequency 436350000 "
        f"--rate 48000 --ebn0 15 --count 16 --burst 4 --pause 0.12 --seed 1 {DONGLE}"
    ),
    "delfi-c3-bpsk1k2-ax25": (
        "--satellite 32789 --start 2020-04-05T19:14:40.5Z --frequency 145867000 "
        f"--rate 24000 --ebn0 11 --count 4 --burst 2 --seed 2 {DONGLE}"
    ),
    "chomptt-afsk1k2-ax25": (
        "--satellite 43855 --transmitter '1k2 AFSK downlink' --start 2020-05-28T06:54:10.75Z --frequency 437560000 "
        f"--rate 48000 --ebn0 22 --count 4 --burst 2 --seed 3 {DONGLE}"
    ),
    "delphini1-fsk4k8-ax100": (
        "--satellite 44030 --transmitter '4k8 FSK downlink' --start 2020-11-12T20:18:40Z --frequency 437500000 "
        f"--rate 48000 --ebn0 14 --count 6 --burst 2 --preamble 50 --seed 4 {DONGLE}"
    ),
    "lilacsat2-bpsk9k6-ccsds": (
        "--satellite 40908 --transmitter '9k6 BPSK downlink' --start 2020-07-17T06:08:30.125Z --frequency 437200000 "
        f"--rate 48000 --ebn0 8 --count 7 --preamble 32 --postamble 32 --seed 5 {DONGLE}"
    ),
    "au02-afsk4k8-u482c-audio": (
        "--satellite 42723 --form fm --rate 48000 --datatype ri16_le --start 2020-07-17T06:08:30Z "
        "--ebn0 20 --count 6 --burst 2 --length 60 --preamble 50 --offset 300 --clock-ppm -20 --seed 6"
    ),
}


def command(name: str, into: Path) -> list[str]:
    """Arguments of `radome` that make one recording."""
    arguments = ["synth", *shlex.split(RECORDINGS[name])]
    orbit = HERE / f"{name}.tle"
    if orbit.exists():
        arguments += ["--tle", str(orbit), "--station", STATION]
    return [*arguments, "--output", str(into / f"{name}.sigmf-meta"), "--jsonl", str(into / f"{name}.jsonl")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--into", type=Path, default=HERE, help="folder to write to; else this one")
    parser.add_argument("names", nargs="*", metavar="NAME", help="recordings to make; else all")
    options = parser.parse_args()
    for name in options.names or RECORDINGS:
        if name not in RECORDINGS:
            parser.error(f"no recording {name!r}; there are: {', '.join(RECORDINGS)}")
        arguments = command(name, options.into)
        print("radome", shlex.join(arguments), flush=True)
        subprocess.run([sys.executable, "-m", "receiver", *arguments], check=True)


if __name__ == "__main__":
    main()
