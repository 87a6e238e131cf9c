"""Frames in symbols of four phases, whichever way these are turned."""

from __future__ import annotations

import numpy as np
import pytest

from receiver.flowgraph import Chain
from receiver.framing.k2sat import K2sat
from receiver.framing.several import Several
from receiver.stage import Chunk, Clock, Stream
from receiver.synth.framing import encoder
from tests import loopback


@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize("several", [False, True])
def test_all_turns_are_read(turns: int, several: bool) -> None:
    code, clock = encoder({"use": "k2sat"}), Clock(4.0)
    payload = np.random.default_rng(1).bytes(90)
    bits = np.concatenate([code.begin(20).bits, code.frame(payload).bits, code.end(30).bits])
    points = (2.0 * bits[0::2] - 1 + 1j * (2.0 * bits[1::2] - 1)) * 1j**turns
    soft = np.stack([points.real, points.imag], axis=1).ravel().astype(np.float32)
    framing = Several([{"use": "k2sat"}]) if several else K2sat()
    chain = Chain([framing])
    for _ in range(2):  # a chain is opened again behind a gap
        chain.open(Stream("soft", 2.0, clock, pairs=True))
        frames = [*chain.process(Chunk(soft, 2.0, 0.0, clock)), *chain.close()]
        assert [frame.payload for frame in frames] == [payload]
        assert frames[0].snr_db == pytest.approx(frames[0].ebn0_db)  # rate 1/2, two bits a symbol
    if several:
        assert framing.found.total() == 2


def test_loopback_from_bits_to_bits() -> None:
    sent = loopback.transmitter({"use": "psk", "order": 4, "baudrate": 50e3}, {"use": "k2sat"})
    signal = loopback.send(sent, loopback.payloads(6, 150), 200e3, ebn0_db=6.0)
    frames = loopback.receive(signal, sent, sizes=(4096, 7, 0))
    assert np.abs(loopback.late(frames, signal.truth, 4.0)).max() < 0.1
    assert all(abs(frame.snr_db - 6) < 1.5 and frame.sync_errors == 0 for frame in frames)
