"""IDEASSat's beacons: pieces put together, however they are cut, and pieces that lack others."""

from __future__ import annotations

import numpy as np

from receiver.check import check
from receiver.framing.ideassat import Ideassat
from receiver.satellite import find_satellite
from receiver.synth.framing import encoder
from receiver.synth.payloads import payloads
from tests.receiver.framing.jig import follows_the_law_of_chunks, run


def line(frames: list[bytes]) -> np.ndarray:
    rng = np.random.default_rng(1)
    code = encoder({"use": "ideassat"})
    bits = np.concatenate([code.begin(6).bits, *(code.frame(frame).bits for frame in frames), code.end(5).bits])
    x = np.concatenate([rng.standard_normal(300), 2.0 * bits - 1, rng.standard_normal(900)])
    return (x + 0.15 * rng.standard_normal(len(x))).astype(np.float32)


def test_beacons_come_back_whole() -> None:
    told = list(payloads({"use": "ideassat"}, 3))
    frames = follows_the_law_of_chunks(Ideassat(), line(told))
    assert [frame.payload for frame in frames] == told
    assert all(frame.framing == "IDEASSat" for frame in frames)
    assert frames[1].position > frames[0].end - 100


def test_what_lacks_a_piece_comes_in_pieces() -> None:
    told = list(payloads({"use": "ideassat"}, 2))
    soft = line(told)
    begin = 300 + len(encoder({"use": "ideassat"}).begin(6).bits)
    soft[begin + 4 * 400 + 2 : begin + 4 * 400 + 18] *= -1  # the flags before the fifth piece of the first
    frames = run(Ideassat(), soft)
    assert [frame.framing for frame in frames] == ["IDEASSat piece"] * 8 + ["IDEASSat"]
    assert [frame.payload[15] for frame in frames[:8]] == [0, 1, 2, 3, 5, 6, 7, 8]
    assert frames[-1].payload == told[1]


def test_the_satellite() -> None:
    (transmitter,) = find_satellite("IDEASSat").transmitters
    assert check(transmitter).good
