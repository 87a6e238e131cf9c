from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from receiver.errors import FlowgraphError
from receiver.flowgraph import build
from receiver.framing.ccsds import Ccsds
from receiver.synth.framing import encoder
from tests import reference
from tests.receiver.framing.jig import STEP, follows_the_law_of_chunks, joined, run

VECTORS = (
    Path(os.environ.get("RADOME_RECORDINGS", Path(__file__).parents[4] / "shared" / "recordings"))
    / "vectors"
    / "ccsds-cadu"
)
CODES = {
    "CCSDS": (("1111001", "1011011"), "01"),
    "CCSDS uninverted": (("1111001", "1011011"), "00"),
    "NASA-DSN": (("1011011", "1111001"), "10"),
    "NASA-DSN uninverted": (("1011011", "1111001"), "00"),
}


def frame_of(size: int, seed: int = 1) -> bytes:
    return bytes(np.random.default_rng(seed).integers(0, 256, size, np.uint8))


@pytest.mark.parametrize("basis", ["dual", "conventional"])
@pytest.mark.parametrize(("size", "depth"), [(223, 1), (114, 1), (100, 2), (892, 4), (1115, 5), (64, 8)])
def test_reed_solomon(size: int, depth: int, basis: str) -> None:
    frames = [frame_of(size, seed) for seed in range(2)]
    bits = joined([reference.ccsds(f, dual=basis == "dual", depth=depth) for f in frames], gap=33)
    errors = 65 + 8 * np.arange(0, size, 37)
    bits[errors] ^= 1
    stage = Ccsds(frame_size=size, rs_basis=basis, rs_interleaving=depth)
    got = run(stage, reference.soft(bits), np.zeros(0, np.float32))
    assert [f.payload for f in got] == frames
    assert got[0].framing == "CCSDS Reed-Solomon"
    assert got[0].corrected == len(errors)
    assert got[0].position == pytest.approx(100 + (65 - 0.5) * STEP)
    assert got[0].length == pytest.approx(8 * (size + 32 * depth) * STEP)


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("precoding", ["none", "differential"])
def test_concatenated_in_both_alignments_and_polarities(code: str, precoding: str) -> None:
    frames = [frame_of(60, seed) for seed in range(3)]
    bits = joined([reference.ccsds(f) for f in frames])
    if precoding == "differential":
        bits = reference.nrz_m(bits)
    channel = reference.convolutional(bits, *CODES[code])
    stage = Ccsds(60, convolutional=code, precoding=precoding)
    for offset, sign in [(0, 1), (1, -1)]:
        x = sign * reference.soft(channel, 0.6)[offset:]
        got = run(stage, x)
        assert [f.payload for f in got] == frames
        assert [f.framing for f in got] == ["CCSDS Concatenated"] * 3
        assert got[0].position == pytest.approx(100 + (2 * 232 - offset - 0.5) * STEP)
        assert got[0].length == pytest.approx(2 * 8 * 92 * STEP)
        # Es/N0 of the symbols; an information bit has 2 * 92 / 60 of them
        assert got[0].snr_db == pytest.approx(-20 * np.log10(0.6) - 10 * np.log10(2), abs=0.7)
        assert got[0].ebn0_db == pytest.approx(got[0].snr_db + 10 * np.log10(2 * 92 / 60))


def test_any_cut_gives_the_same_frames() -> None:
    bits = joined([reference.ccsds(frame_of(20, seed)) for seed in range(2)], gap=100)
    channel = reference.convolutional(bits)
    # the second burst comes in the other alignment
    x = reference.soft(np.concatenate([channel, channel[1:]]), 0.5)
    frames = follows_the_law_of_chunks(Ccsds(20, convolutional="CCSDS"), x)
    assert [f.payload for f in frames] == [frame_of(20, seed) for seed in (0, 1, 0, 1)]


def test_uncoded_and_unscrambled() -> None:
    frame = frame_of(40)
    coded = reference.ccsds(frame, scrambled=False)
    (got,) = run(Ccsds(40, scrambler="none"), reference.soft(joined([coded])))
    assert (got.payload, got.integrity) == (frame, "rs")
    (got,) = run(Ccsds(40, rs=False, scrambler="none"), reference.soft(joined([coded])))
    assert (got.payload, got.integrity, got.corrected, got.framing) == (frame, "none", None, "CCSDS Uncoded")


def test_the_long_randomiser() -> None:
    # zeros behind a sync word: the sequence as published, 131.0-B-5, section 10.4.3, and its recurrence
    sent = reference.to_bits(bytes.fromhex("1acffc1d 1c71b91ba9ba8457b4bc5054"))
    (got,) = run(Ccsds(12, rs=False, scrambler="CCSDS long"), reference.soft(joined([sent])))
    assert got.payload == bytes(12)
    frame = frame_of(892)
    table = {"frame_size": 892, "rs_interleaving": 4, "convolutional": "CCSDS", "scrambler": "CCSDS long"}
    code = encoder({"use": "ccsds", **table})
    bits = np.concatenate([code.begin(8).bits, code.frame(frame).bits, code.end(8).bits])
    (got,) = run(Ccsds(**table), reference.soft(bits, 0.5))
    assert (got.payload, got.framing) == (frame, "CCSDS Concatenated")
    assert run(Ccsds(**{**table, "scrambler": "CCSDS"}), reference.soft(bits, 0.5)) == []


@pytest.mark.parametrize("parameters", [{}, {"rs_interleaving": 4, "frame_size": 892}, {"convolutional": "CCSDS"}])
def test_noise_and_carriers_make_no_frames(parameters: dict[str, object]) -> None:
    rng = np.random.default_rng(3)
    assert run(Ccsds(**parameters), rng.standard_normal(1 << 18).astype(np.float32)) == []
    sync = reference.to_bits(bytes.fromhex("1acffc1d"))
    for scrambler in ("CCSDS", "CCSDS long", "none"):
        for period in (1, 2, 8, 24, 40):
            bits = np.concatenate([sync, np.resize(rng.integers(0, 2, period, np.uint8), 9000)])
            for encoded in (bits, reference.convolutional(bits)):
                for basis in ("dual", "conventional"):
                    stage = Ccsds(scrambler=scrambler, rs_basis=basis, **parameters)
                    assert run(stage, reference.soft(encoded)) == []


def test_refuses_frames_that_do_not_fit() -> None:
    for table, message in [
        ({"frame_size": 224}, "multiple of 1 up to 223"),
        ({"frame_size": 1115, "rs_interleaving": 4}, "multiple of 4 up to 892"),
        ({"frame_size": 0}, "above 0"),
        ({"convolutional": "ccsds"}, "one of"),
        ({"rs_interleaving": 9}, "one of"),
    ]:
        with pytest.raises(FlowgraphError, match=message):
            build({"use": "ccsds", **table}, "test", "framing")


@pytest.mark.recordings
@pytest.mark.parametrize(
    ("file", "size", "depth"),
    [("snpp_7cadus_2vcids.dat", 892, 4), ("snpp_synchronized_cadus.dat", 892, 4), ("jpss2_block.dat", 1115, 5)],
)
def test_real_frames_of_suomi_npp_and_jpss_2(file: str, size: int, depth: int) -> None:
    if not (VECTORS / file).exists():
        pytest.skip(f"{VECTORS / file} is not there; RADOME_RECORDINGS names the folder of the recordings")
    data = (VECTORS / file).read_bytes()
    length = size + 32 * depth + (4 if len(data) % (size + 32 * depth + 4) == 0 else 0)
    blocks = [data[i : i + length] for i in range(0, len(data), length)]
    if length == size + 32 * depth:
        blocks = [bytes.fromhex("1acffc1d") + b for b in blocks]
    sequence = reference.ccsds_sequence(8 * size)
    expected = [np.packbits(reference.to_bits(b[4 : 4 + size]) ^ sequence).tobytes() for b in blocks]
    bits = reference.to_bits(b"".join(blocks))
    rng = np.random.default_rng(4)
    # 16 wrong bytes in each word of the first frames
    wrong = [
        b * len(blocks[0]) + 4 + w + depth * k
        for b in range(2)
        for w in range(depth)
        for k in rng.choice(255, 16, False)
    ]
    bits[8 * np.array([w for w in wrong if w < len(bits) // 8]) + 3] ^= 1
    frames = run(Ccsds(size, rs_interleaving=depth), -reference.soft(bits))
    assert [f.payload for f in frames] == expected
    assert [f.corrected for f in frames[:2]] == [16 * depth] * min(2, len(frames))
    assert all(f.corrected == 0 for f in frames[2:])


@pytest.mark.parametrize("errors", [0, 3, 5])
@pytest.mark.parametrize(("early", "right"), [(5, 0), (12, 0), (12, 1), (14, 2), (16, 0)])
def test_a_chance_sync_word_before_the_true_one(early: int, right: int, errors: int) -> None:
    """Randomiser and code are cyclic, so the frame that it begins would be corrected, with so many errors.

    A few less where bytes between the two are by chance what that frame has there.
    """
    rng = np.random.default_rng(3)
    payload = rng.bytes(223)
    bits = reference.ccsds(payload)
    chance = reference.to_bits(bytes.fromhex("1acffc1d"))
    chance[[3, 11, 25, 26, 31][:errors]] ^= 1
    between = rng.integers(0, 2, 8 * (early - 4), np.uint8)
    between[: 8 * right] = bits[-8 * early :][: 8 * right]
    bits = np.concatenate([rng.integers(0, 2, 200, np.uint8), chance, between, bits, rng.integers(0, 2, 300, np.uint8)])
    frames = follows_the_law_of_chunks(Ccsds(frame_size=223), reference.soft(bits))
    assert [(f.payload, f.sync_errors, f.corrected) for f in frames] == [(payload, 0, 0)]


@pytest.mark.parametrize("depth", [2, 5, 8])
def test_a_chance_sync_word_before_interleaved_words(depth: int) -> None:
    """Noise makes neither frame with a probability that numbers can hold, but one has nothing corrected."""
    rng = np.random.default_rng(5)
    payload = rng.bytes(223 * depth)
    before = reference.to_bits(rng.bytes(20) + bytes.fromhex("1acffc1d") + rng.bytes(9))
    bits = np.concatenate([before, reference.ccsds(payload, depth=depth), rng.integers(0, 2, 300, np.uint8)])
    frames = run(Ccsds(223 * depth, rs_interleaving=depth), reference.soft(bits))
    assert [(f.payload, f.corrected) for f in frames] == [(payload, 0)]


@pytest.mark.parametrize("early", [4, 9])
@pytest.mark.parametrize("complement", [False, True])
def test_a_chance_sync_word_in_the_convolutional_code(early: int, complement: bool) -> None:
    """Likewise; and a frame of full length has a complement that is a code word, too."""
    rng = np.random.default_rng(4)
    payload = rng.bytes(223)
    before, behind = rng.integers(0, 2, (2, 400), np.uint8)
    channel = reference.convolutional(np.concatenate([before, reference.ccsds(payload), behind]), *CODES["CCSDS"])
    sync = np.s_[2 * 400 + 12 : 2 * 400 + 64]
    chance = channel[sync] ^ complement
    chance[rng.permutation(52)[:11]] ^= 1
    channel[sync.start - 16 * early : sync.stop - 16 * early] = chance
    # the true one is less sure
    channel[sync.start + rng.permutation(52)[:12]] ^= 1
    frames = run(Ccsds(convolutional="CCSDS"), reference.soft(channel, 0.3))
    assert [f.payload for f in frames] == [payload]


def test_a_sync_word_that_the_decoder_would_spoil() -> None:
    """An error event of the convolutional code in the sync word: its symbols tell it all the same."""
    payload = frame_of(223)
    bits = np.concatenate([np.zeros(300, np.uint8), reference.ccsds(payload), np.zeros(300, np.uint8)])
    channel = reference.convolutional(bits, *CODES["CCSDS"])
    channel[2 * 300 + 20 : 2 * 300 + 44 : 2] ^= 1
    frames = run(Ccsds(convolutional="CCSDS"), reference.soft(channel, 0.3))
    assert [(f.payload, f.sync_errors, f.corrected) for f in frames] == [(payload, 12, 0)]


def test_without_reed_solomon_the_code_tells_frames_from_noise() -> None:
    payloads = [frame_of(100, seed) for seed in range(20)]
    bits = reference.to_bits(b"".join(b"\x1a\xcf\xfc\x1d" + payload for payload in payloads) + bytes(20))
    channel = reference.convolutional(bits, *CODES["CCSDS"])
    stage = Ccsds(100, rs=False, scrambler="none", convolutional="CCSDS")
    frames = run(stage, reference.soft(channel, 0.65))
    assert {f.payload for f in frames} <= set(payloads)
    assert len(frames) >= 18
    assert all(f.integrity == "none" and f.false_alarm < 1e-12 for f in frames)
    assert run(stage, np.random.default_rng(1).standard_normal(1_000_000).astype(np.float32)) == []
