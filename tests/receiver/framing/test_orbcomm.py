"""ORBCOMM: packets received from FM114, their order and evidence, repair, and nothing from noise."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from receiver.check import check
from receiver.demod.psk import Psk
from receiver.flowgraph import Chain
from receiver.framing._block import FALSE_ALARM
from receiver.framing.orbcomm import Orbcomm, sums
from receiver.satellite import find_satellite
from receiver.stage import Chunk, Clock, Frame, Stream
from receiver.synth.framing import encoder
from tests.receiver.framing.jig import STEP, follows_the_law_of_chunks, run

RECEIVED = """
0B01FD24CCCCCC204501CF3A
1F2C98E3D5043B9BC34CDDF04C3CE66F98D5A307FB07E1D8
0B011C2AEDEEEE409B02A761
0B01641D76989944450169D9
0A48B99524C221A30012BCE8
0A4C3F01207164CF01127E15
0A506D28227274970012FF61
"""
"""Of FM114 on 8 March 2019, in the documents of F. Bieberly's receiver."""
PACKETS = [bytes.fromhex(line) for line in RECEIVED.split()]
FILLING = bytes.fromhex("1E19F1D8528E1EF9701DED8F")


def line(*packets: bytes, seed: int = 0, noise: float = 0.2) -> NDArray[np.float32]:
    """Soft symbols of packets one behind the other, random ones before and behind."""
    rng = np.random.default_rng(seed)
    bits = np.unpackbits(np.frombuffer(b"".join(packets), np.uint8), bitorder="little")
    bits = np.concatenate([rng.integers(0, 2, 333, np.uint8), bits, rng.integers(0, 2, 777, np.uint8)])
    return (2.0 * bits - 1 + noise * rng.standard_normal(len(bits))).astype(np.float32)


def test_their_checksums() -> None:
    assert [sums(packet) for packet in PACKETS] == [(0, 0)] * len(PACKETS)


def test_the_synthesiser_sends_these() -> None:
    sender = encoder({"use": "orbcomm"})
    for packet in PACKETS:
        bits = sender.frame(packet[:-2]).bits
        assert np.packbits(bits, bitorder="little").tobytes() == packet
    assert np.packbits(sender.begin(0).bits, bitorder="little").tobytes() == FILLING * 4
    for payload in (b"", bytes(9), bytes(11), FILLING[:-2]):
        with pytest.raises(ValueError, match="10 bytes"):
            sender.frame(payload)


def test_packets_however_cut() -> None:
    frames = follows_the_law_of_chunks(Orbcomm(), line(*PACKETS))
    assert [frame.payload for frame in frames] == [packet[:-2] for packet in PACKETS]
    at = 333
    for frame, packet in zip(frames, PACKETS, strict=True):
        assert frame.position == pytest.approx(100 + (at - 0.5) * STEP)
        assert frame.length == pytest.approx(8 * len(packet) * STEP)
        assert frame.link == {"type": packet[0]}
        assert frame.false_alarm is not None
        assert frame.false_alarm <= FALSE_ALARM
        at += 8 * len(packet)


@pytest.mark.parametrize("tail", [0, 1, 95, 200])
def test_to_the_end_of_the_recording(tail: int) -> None:
    y = line(*PACKETS)
    y = y[: len(y) - 777 + tail]
    assert [frame.payload for frame in run(Orbcomm(), y)] == [packet[:-2] for packet in PACKETS]
    short = y[: len(y) - tail - 1]
    assert [frame.payload for frame in run(Orbcomm(), short)] == [packet[:-2] for packet in PACKETS[:-1]]


def test_a_packet_needs_others_in_step() -> None:
    assert run(Orbcomm(), line(PACKETS[0])) == []
    assert run(Orbcomm(), line(PACKETS[0], bytes(12), PACKETS[2])) == []
    assert len(run(Orbcomm(), line(PACKETS[0], FILLING, bytes.fromhex("00" * 12), FILLING))) == 3
    stray = bytes.fromhex("33") + bytes(9)
    stray = encoder({"use": "orbcomm"}).frame(stray).bits
    unknown = np.packbits(stray, bitorder="little").tobytes()
    filling = [FILLING[:-2]] * 3
    assert unknown[:-2] not in [frame.payload for frame in run(Orbcomm(), line(FILLING, FILLING, unknown))]
    assert [frame.payload for frame in run(Orbcomm(), line(FILLING, FILLING, FILLING, unknown))] == [
        *filling,
        unknown[:-2],
    ]


@pytest.mark.parametrize("broken", [1, 2])
def test_repair(broken: int) -> None:
    y = line(*PACKETS)
    y[333 + 96 * 4 + np.array([10, 33])[:broken]] *= -0.02
    frames = run(Orbcomm(), y)
    if broken == 2:
        assert len(frames) == len(PACKETS) - 1
    else:
        assert [frame.payload for frame in frames] == [packet[:-2] for packet in PACKETS]
        assert [frame.corrected for frame in frames].count(broken) == 1


def test_random_damage_makes_no_other_packet() -> None:
    rng = np.random.default_rng(7)
    came = 0
    for seed in range(40):
        found = [frame.payload for frame in run(Orbcomm(), line(*PACKETS, seed=seed, noise=rng.uniform(0.2, 0.38)))]
        assert set(found) <= {packet[:-2] for packet in PACKETS}
        came += len(found)
    assert came > 100


def test_no_packet_from_noise_or_steady_symbols() -> None:
    rng = np.random.default_rng(8)
    assert run(Orbcomm(), rng.standard_normal(1_000_000).astype(np.float32)) == []
    for pattern in ([0], [1], [0, 1], [0, 0, 1, 1], [0, 1, 1, 1, 1, 1, 1, 0]):
        steady = (2.0 * np.resize(np.array(pattern), 20_000) - 1).astype(np.float32)
        assert run(Orbcomm(), steady) == []


def test_packets_come_back_from_iq() -> None:
    for transmitter in find_satellite("FM114").transmitters:
        outcome = check(transmitter)
        assert outcome.good, str(outcome)


def test_packets_from_orbit() -> None:
    """Two seconds of FM114, with the packets that the collection's own receiver has."""
    folder = Path(os.environ.get("RADOME_RECORDINGS", Path(__file__).parents[4] / "shared" / "recordings"))
    path = folder / "vectors" / "orbcomm" / "1552071892p6.dat"
    if not path.is_file():
        pytest.skip(f"{path} is not there; RADOME_RECORDINGS names the folder of the recordings")
    samples, clock = np.fromfile(path, np.complex64), Clock(9600.0)
    chain = Chain([Psk(4800, symmetric=True), Orbcomm()])
    chain.open(Stream("iq", 9600.0, clock))
    made = [*chain.process(Chunk(samples, 9600.0, 0.0, clock)), *chain.close()]
    told = path.with_name("orbdemod_packets_p6.txt").read_text().split()
    assert [frame.payload.hex() for frame in made if isinstance(frame, Frame)] == [text.lower()[:-4] for text in told]
