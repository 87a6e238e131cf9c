#!/usr/bin/env python3
"""Kill Radome at random moments while it records, and look whether the recordings hold what was received until then.

    python benchmarks/kill.py                    50 kills, four programs at a time; about two minutes
    python benchmarks/kill.py --kills 8 --jobs 2 --seed 7

A server on this machine sends frames in real time, five a second. The program records everything, everything in
recordings of 2 MB, what is around frames, or without decoding, and each channel beside it; then it is killed with
SIGKILL, its reader too. Each recording must open, be valid to the `sigmf` package, hold no frame that was not sent, and
together they must hold, and have marked, all that ended a second before. Exit status 1 when something is amiss.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.killed import WAYS, Outcome, killed, message

EARLIEST, LATEST = 0.05, 9.0
"""Seconds of signal."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--jobs", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args()
    signal = message(LATEST + 1, wanted.seed)
    moments = np.random.default_rng(wanted.seed).uniform(EARLIEST, LATEST, wanted.kills)
    names = [list(WAYS)[i % len(WAYS)] for i in range(wanted.kills)]

    def one(name: str, moment: float) -> Outcome:
        with tempfile.TemporaryDirectory() as folder:
            return killed(signal, WAYS[name], Path(folder), moment)

    wrong, recordings, frames, late = 0, 0, 0, []
    with ThreadPoolExecutor(wanted.jobs) as pool:
        for name, moment, outcome in zip(names, moments, pool.map(one, names, moments), strict=True):
            wrong += bool(outcome.problems)
            recordings += outcome.recordings
            frames += outcome.frames
            if outcome.frames:
                late.append(outcome.late)
            print(
                f"{name:7} killed at {moment:4.2f} s: {outcome.recordings} recordings, {outcome.frames:3} frames",
                *outcome.problems,
                sep="\n        ",
                flush=True,
            )
    print(f"{wanted.kills} kills, {wrong} with something amiss; {recordings} recordings, {frames} frames in them")
    if late:
        print(
            f"the last frame ended {np.median(late):.2f} s before the kill (median), {max(late):.2f} s at most; "
            "the sender pauses up to 0.2 s"
        )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
