"""AMSAT Fox telemetry: the 8b10b code, a frame from orbit, loops through the encoder, damage."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from receiver.errors import FlowgraphError
from receiver.flowgraph import build
from receiver.framing import fox
from receiver.reception import Conditions
from receiver.synth.codes import eight_ten
from receiver.synth.framing import encoder
from receiver.synth.payloads import payloads
from tests.loopback import late, receive, send, transmitter
from tests.receiver.framing.jig import follows_the_law_of_chunks, run

AO_95 = (
    "3eb22c6c65c6ba3626749d274d90db62d8b62d8b62d8b62d4e532e65aac959b46b2566257316753331b8da339564ab1ac6b1a6e459d1b53279"
    "54d9393a985d8b4ad4e4e61a74b52749957562e999658b565c4d45d39874dc4d4acc6e4accd670cb4b91a94eb456d8694dce91a9cae5364b25"
    "c9cce8e2ab39c540"
)
"""Sync word and frame, 970 bits, as AO-95 sent them on 2020-05-15 at 17:22:17 UTC."""
AO_95_DATA = (
    "930348a377200000001b0c00000000000000ff7fddba2ddacb2dda5bf88672d8876f4886ffffff055000503848d232bc409bab64f0c00002"
    "00594f002529002a"
)


def table(mode: str) -> dict[str, Any]:
    return {"use": "fox", "mode": mode}


def sent(mode: str, count: int) -> tuple[list[bytes], np.ndarray]:
    code = encoder(table(mode))
    told = list(payloads(table(mode), count, 5))
    return told, np.concatenate([code.begin(8).bits, *(code.frame(data).bits for data in told), code.end(2).bits])


def soft_of(bits: np.ndarray, noise: float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    x = np.concatenate([rng.standard_normal(300), 2.0 * bits - 1, rng.standard_normal(300)])
    return (x + noise * rng.standard_normal(len(x))).astype(np.float32)


def test_words_of_the_code() -> None:
    """What Widmer and Franaszek promise of it, and some of their words."""
    assert fox.word(0x00, -1) == ("1001110100", -1)
    assert fox.word(0x00, 1) == ("0110001011", 1)
    assert [fox.word(0xB5, disparity)[0] for disparity in (-1, 1)] == ["1010101010"] * 2
    assert fox.word(0xF1, -1) == ("1000110111", 1)
    assert fox.word(0xEB, 1) == ("1101001000", -1)
    for disparity in (-1, 1):
        words = [fox.word(byte, disparity) for byte in range(256)]
        assert len({bits for bits, _ in words}) == 256
        for bits, after in words:
            assert 2 * bits.count("1") - 10 == after - disparity
            assert "00000" not in bits
            assert "11111" not in bits


def test_both_sides_have_the_same_code() -> None:
    for byte in range(256):
        for disparity in (-1, 1):
            bits, after = eight_ten(byte, disparity)
            assert ("".join(map(str, bits.tolist())), after) == fox.word(byte, disparity)


def test_the_complement_of_a_word_is_one() -> None:
    flip = str.maketrans("01", "10")
    for byte, other in enumerate(fox.TURNED_OVER.tolist()):
        for disparity in (-1, 1):
            assert fox.word(other, -disparity)[0] == fox.word(byte, disparity)[0].translate(flip)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_frame_from_orbit(sign: int) -> None:
    bits = np.unpackbits(np.frombuffer(bytes.fromhex(AO_95), np.uint8))[:970]
    (frame,) = run(build(table("DUV"), "here", "framing"), sign * soft_of(bits, 0.4))
    assert frame.payload.hex() == AO_95_DATA
    assert frame.framing == "AMSAT Fox DUV"
    assert frame.link == {"source": "3"}
    assert frame.false_alarm < 1e-12


def test_the_encoder_makes_the_frame_from_orbit() -> None:
    code = encoder(table("DUV"))
    code.begin(0)
    bits = code.frame(bytes.fromhex(AO_95_DATA)).bits
    assert np.packbits(bits).tobytes().hex() == AO_95


@pytest.mark.parametrize(("mode", "count", "noise"), [("DUV", 4, 0.5), ("BPSK", 3, 0.43), ("LTM", 2, 0.43)])
@pytest.mark.parametrize("sign", [1, -1])
def test_frames_come_back(mode: str, count: int, noise: float, sign: int) -> None:
    told, bits = sent(mode, count)
    frames = follows_the_law_of_chunks(build(table(mode), "here", "framing"), sign * soft_of(bits, noise))
    assert [frame.payload for frame in frames] == told
    assert sum(frame.corrected or 0 for frame in frames) > 0
    assert all((frame.false_alarm or 0) < 1e-12 for frame in frames)


@pytest.mark.parametrize("sign", [1, -1])
def test_frames_of_high_speed_come_back(sign: int) -> None:
    told, bits = sent("high speed", 2)
    stage = build(table("high speed"), "here", "framing")
    x = sign * soft_of(bits, 0.4)
    frames = run(stage, x)
    assert [frame.payload for frame in frames] == told
    assert [f.payload for f in run(stage, *np.array_split(x, 37))] == told


def test_what_fades_is_repaired() -> None:
    """A quarter of a second, as AMSAT says: 50 symbols; here 100, and a sync word with two wrong bits."""
    told, bits = sent("DUV", 2)
    soft = soft_of(bits, 0.1)
    soft[800:900] = 0
    soft[[381, 384]] *= -1
    frames = run(build(table("DUV"), "here", "framing"), soft)
    assert [frame.payload for frame in frames] == told
    assert frames[0].sync_errors == 2


def test_the_end_is_cut_off() -> None:
    told, bits = sent("DUV", 1)
    soft = (2.0 * bits[: 80 + 10 + 920] - 1).astype(np.float32)
    assert [f.payload for f in run(build(table("DUV"), "here", "framing"), soft)] == told
    assert run(build(table("DUV"), "here", "framing"), soft[:-200]) == []


def test_what_only_begins_as_a_frame_is_not_decoded(rng: np.random.Generator) -> None:
    _, bits = sent("high speed", 1)
    soft = soft_of(bits, 0.2)
    soft[3000:] = rng.standard_normal(len(soft) - 3000)
    stage = build(table("high speed"), "here", "framing")
    assert run(stage, soft) == []
    assert stage.failures["sync"]
    assert not stage.failures["fec"]


def test_a_frame_past_repair_is_none() -> None:
    _, bits = sent("DUV", 1)
    rng = np.random.default_rng(3)
    for _ in range(20):
        damaged = bits ^ (rng.random(len(bits)) < 0.15)
        assert run(build(table("DUV"), "here", "framing"), soft_of(damaged, 0.1)) == []


@pytest.mark.parametrize("mode", fox.MODES)
def test_nothing_is_made_of_noise(mode: str) -> None:
    rng = np.random.default_rng(5)
    for kind in ("noise", "words"):
        x = rng.standard_normal(60_000)
        if kind == "words":  # of the code, at random
            disparity, words = -1, []
            for byte in rng.integers(0, 256, 6000).tolist():
                word, disparity = fox.word(byte, disparity)
                words.append(word)
            x = 0.2 * x + (2.0 * np.array([int(bit) for bit in "".join(words)]) - 1)
        assert run(build(table(mode), "here", "framing"), x.astype(np.float32)) == []


def test_data_under_voice_with_time() -> None:
    """From samples to samples, as AO-95 sends it, 3 kHz off and drifting."""
    demod = {"use": "fsk", "baudrate": 200, "deviation": 640, "subaudio": True}
    told = list(payloads(table("DUV"), 2, 1))
    way = transmitter(demod, table("DUV"))
    signal = send(way, told, 48000.0, ebn0_db=32.0, offset=3000.0, doppler=(0.0, -30.0))
    found = receive(signal, way, conditions=Conditions())
    assert np.abs(late(found, signal.truth, 240.0)).max() < 0.15


def test_faults_are_named() -> None:
    with pytest.raises(FlowgraphError, match="mode is 'x'; it is one of 'DUV', 'high speed', 'BPSK', 'LTM'"):
        build(table("x"), "here", "framing")
    with pytest.raises(FlowgraphError, match="mode = 'x'"):
        encoder(table("x"))
