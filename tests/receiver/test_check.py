"""Every shipped definition receives what its transmitter sends; and what the check says when one does not."""

from __future__ import annotations

import subprocess
import sys

import pytest

from receiver.check import OTHERS, check, key
from receiver.satellite import Transmitter, all_satellites

CHAINS: dict[str, Transmitter] = {}
for _satellite in all_satellites():
    for _transmitter in _satellite.transmitters:
        CHAINS.setdefault(key(_transmitter), _transmitter)
CHAINS |= {key(_transmitter): _transmitter for _transmitter in OTHERS}


def test_framings_of_no_satellite_are_checked() -> None:
    assert {transmitter.framing["use"] for transmitter in OTHERS} == {"fx25", "il2p"}


@pytest.mark.parametrize("transmitter", CHAINS.values(), ids=CHAINS)
def test_frames_come_back(transmitter: Transmitter) -> None:
    outcome = check(transmitter)
    assert outcome.good, str(outcome)


def test_what_does_not_fit_is_said() -> None:
    demod, framing = {"use": "fsk", "baudrate": 9600}, {"use": "geoscan"}
    outcome = check(Transmitter("x", 437e6, demod, {"use": "geoscan", "size": 1}))
    assert not outcome.good
    assert outcome.fault == "no payload fits into this framing"
    assert "there is no such stage" in check(Transmitter("x", 437e6, demod, {"use": "nothing"})).fault
    assert check(Transmitter("x", 437e6, demod, framing)).good


def test_the_command() -> None:
    words = [sys.executable, "-m", "receiver", "satellites", "lucky-7", "--check"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "1 of 1 transmitter of 1 satellite receives what it sends\n"
