#!/usr/bin/env python3
"""Count the frames that chains find where there are none: in noise, in a carrier, in random FSK.

    python benchmarks/false_alarms.py                     10 minutes of each, as IQ and as audio; 30 CPU minutes
    python benchmarks/false_alarms.py --minutes 1
    python benchmarks/false_alarms.py --kind white fsk --form audio
    python benchmarks/false_alarms.py --all               also demodulators that differ only in the deviation
    python benchmarks/false_alarms.py --blind             also the framings that are tried where no satellite is named

Every distinct demodulator of the shipped definitions runs once, and all framings that occur with it read its symbols.
Exit status 1 when a frame with a checksum was found.
"""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parent.parent))

from receiver.stage import Frame
from tests.noise import FORMS, KINDS, demodulators, frames_in


def _job(job: tuple[str, str, float, dict[str, Any], list[dict[str, Any]], int]) -> tuple[float, list[Frame]]:
    begun = time.process_time()
    frames = frames_in(*job)
    return time.process_time() - begun, frames


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--kind", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--form", nargs="+", choices=FORMS, default=FORMS)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--blind", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    wanted = parser.parse_args()
    count, cpu, wrong = 0, 0.0, 0
    with ProcessPoolExecutor(wanted.jobs) as pool:
        for form in wanted.form:
            for kind in wanted.kind:
                ways = demodulators(wanted.all, wanted.blind, form)
                jobs = [(kind, form, 60 * wanted.minutes, *way, wanted.seed) for way in ways]
                chains = sum(len(framings) for _, framings in ways)
                results = list(pool.map(_job, jobs))
                used = sum(result[0] for result in results)
                found = [(demod, f) for (demod, _), (_, frames) in zip(ways, results, strict=True) for f in frames]
                print(f"{form:5} {kind:9} {chains:4} chains  {len(found):3} frames  {used:7.1f} CPU s", flush=True)
                for demod, frame in found:
                    way = f"{demod['use']} {demod['baudrate']:g} {frame.framing}"
                    print(f"      {way}: {len(frame.payload)} bytes, {frame.integrity}, chance {frame.false_alarm}")
                count, cpu = count + len(found), cpu + used
                wrong += sum(frame.integrity != "none" for _, frame in found)
    print(f"{count} frames in {wanted.minutes:g} minutes of each; {cpu:.0f} CPU s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
