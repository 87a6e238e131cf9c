#!/usr/bin/env python3
"""Draw docs/live.svg, the view of `radome live`, of signals that are made up.

python tools/make_view.py
"""

from __future__ import annotations

import io
import time
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.text import Text

from receiver.monitor import BINS, Channel, Loss, Pass, State
from receiver.sink.view import ROW, Band, render

RATE, WIDTH, HEIGHT = 250e3, 104, 40
PICTURE = Path(__file__).parent.parent / "docs" / "live.svg"
FRAMES = (
    "2026-11-29 15:26:31.204  1KUNS-PF  AX.25 G3RUH  233 B  SNR 16.8 dB  -81 Hz  CQ > 1KUNS",
    "2026-11-29 15:26:43.310  DELFI-C3  AX.25 NRZI  130 B  SNR 11.4 dB  +208 Hz  DLFIC3 > TLMBUN",
    "2026-11-29 15:26:43.922  1KUNS-PF  AX.25 G3RUH  233 B  SNR 17.2 dB  -84 Hz  CQ > 1KUNS",
)


def spectrum(seconds: float, rng: np.random.Generator) -> np.ndarray:
    """Two satellites that come nearer and go, and a line of the receiver's own; dB."""
    frequency = (np.arange(BINS) / BINS - 0.5) * RATE
    power = np.full(BINS, 1e-6)
    for place, width, level, drift, on in (
        (-57e3, 4.2e3, 6e-5, -260.0, seconds % 3.0 < 2.0),
        (47e3, 1.1e3, 9e-5, -190.0, True),
        (91e3, 120.0, 1.2e-5, 0.0, True),
    ):
        power += on * level * np.exp(-(np.abs((frequency - place - drift * (8 - seconds)) / width) ** 2.5))
    return (10 * np.log10(power * rng.gamma(16, 1 / 16, BINS))).astype(np.float32)


def main() -> None:
    rng, band = np.random.default_rng(1), Band()
    for turn in range(64):
        band.add(spectrum(turn * ROW, rng), turn * ROW + 1)
    now = time.time_ns()
    channels = (
        Channel("1KUNS-PF", 43466, "9k6 FSK downlink", -57e3, True, 17.2, -84.0, 5210.0, 23.0, 41, 2.0, {"crc": 2}),
        Channel("DELFI-C3", 32789, "1k2 BPSK downlink", 47e3, True, 11.8, 212.0, -1804.0, 51.0, 7, 14.0, {"sync": 1}),
        Channel("KOYO", 99990, "9k6 FSK downlink", -12e3, False, None, None, -3120.0, -14.0),
    )
    state = State(
        *("soapy:driver=rtlsdr", RATE, 437.36e6, 4831.0, 1_207_750_000, 61_250, 2),
        *(Loss(0, 0, "2026-11-29T14:02:11.100000000Z"), 1, False, -23.4, 0.0, spectrum(0, rng), 0.1, 0.0),
        *(channels, Path("20261129T140549Z_437360000Hz.sigmf-meta"), 2_415_500_000, 58_200_000_000),
        (
            Pass("DELFI-C3", now - 1, now + 10**12, 51.0),
            Pass("1KUNS-PF", now - 1, now + 10**12, 23.0),
            Pass("KOYO", now + 13 * 60 * 10**9, now + 10**13, 34.0),
        ),
    )
    console = Console(
        file=io.StringIO(), record=True, width=WIDTH, height=HEIGHT, force_terminal=True, color_system="truecolor"
    )
    for line in FRAMES:
        console.print(Text(line, "bold", no_wrap=True))
    console.print(render(state, band, WIDTH, HEIGHT))
    console.save_svg(str(PICTURE), title="radome live", unique_id="radome")


if __name__ == "__main__":
    main()
