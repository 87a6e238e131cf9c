"""FX.25: words that other software made, loops through the encoder, damage, and frames that come without it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from receiver.check import check
from receiver.errors import FlowgraphError
from receiver.flowgraph import build
from receiver.framing.fx25 import TAGS, Fx25
from receiver.satellite import Transmitter
from receiver.synth.bits import lsb_first, nrzi
from receiver.synth.framing import Ax25, ax25_address, encoder
from tests.receiver.framing.jig import STEP, follows_the_law_of_chunks, run

SCRAMBLERS = ("none", "g3ruh")
PAYLOADS = [ax25_address("CQ", "RADOME") + np.random.default_rng(i).bytes(n) for i, n in enumerate((20, 60, 90))]
SENT = "WB2OSZ-1>APDW12,WIDE2-2:!4237.14NS07120.83W#~~~ FX.25"
DATA = (
    "7e82a088ae6264e0ae84649ea6b4e2ae92888a64406503f0416864666e5c62689ca6606e6264605c7066ae467cf9f2056284e5225313a6e0"
    "e7e7e7e7e7e7e7e7"
)
WORDS = {
    3: DATA + "e7517e3954c26fb374e2831e906597e2",
    7: DATA + "0f154c12ead6c135155b69e4f6b5646e988243683b8fd4595aec05acca1b4447",
    11: DATA + "8140056ee16b361a99e4891c84ed44e5fe0d830c629616c2ad464538cd2730d3349aa62aa1ce1b1935db273e"
    "6258df350ed24c270aeb727d5e00a1794256f77f",
}
"""By the number of the tag, what Dire Wolf 1.6 (gen_packets -X) sends of that frame behind the tag."""


def sent(
    table: dict[str, Any], payloads: list[bytes] = PAYLOADS, gap: int = 8
) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """Bits of frames with flags between them, and where their words are."""
    code = encoder({"use": "fx25", **table})
    bits, spans = code.begin(8).bits, []
    for payload in payloads:
        piece = code.frame(payload)
        spans.append((len(bits) + piece.start, len(bits) + piece.stop))
        bits = np.concatenate([bits, piece.bits, code.end(gap).bits])
    return bits, spans


def soft_of(bits: np.ndarray, noise: float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    x = np.concatenate([rng.standard_normal(300), 2.0 * bits - 1, rng.standard_normal(300)])
    return (x + noise * rng.standard_normal(len(x))).astype(np.float32)


def receiver(scrambler: str = "none") -> Any:
    return build({"use": "fx25", "scrambler": scrambler}, "here", "framing")


@pytest.mark.parametrize("number", WORDS)
def test_words_of_other_software(number: int) -> None:
    tag = list(TAGS)[number - 1].to_bytes(8, "little")
    word = bytes.fromhex(WORDS[number])
    assert len(word) == sum(list(TAGS.values())[number - 1])
    line = nrzi(lsb_first(b"\x7e" * 4 + tag + word + b"\x7e"))
    (frame,) = run(receiver(), soft_of(line, 0.0))
    assert frame.link == {"destination": "APDW12", "source": "WB2OSZ-1", "via": ["WIDE2-2"]}
    assert frame.payload[-len(SENT.partition(":")[2]) :].decode() == SENT.partition(":")[2]
    assert (frame.framing, frame.corrected, frame.sync_errors) == ("FX.25", 0, 0)
    piece = encoder({"use": "fx25", "tag": number})
    piece.begin(4)
    assert np.array_equal(piece.frame(frame.payload).bits[: len(line) - 32], line[32:])


@pytest.mark.parametrize("scrambler", SCRAMBLERS)
@pytest.mark.parametrize("sign", [1, -1])
def test_frames_come_back(scrambler: str, sign: int) -> None:
    bits, spans = sent({"scrambler": scrambler})
    frames = follows_the_law_of_chunks(receiver(scrambler), sign * soft_of(bits, 0.42 if scrambler == "none" else 0.36))
    assert [frame.payload for frame in frames] == PAYLOADS
    assert all(frame.framing.startswith("FX.25") and frame.crc_ok for frame in frames)
    assert sum(frame.corrected or 0 for frame in frames) > 0
    assert [frame.position for frame in frames] == [100 + (300 + start - 0.5) * STEP for start, _ in spans]
    assert [frame.length for frame in frames] == pytest.approx([(stop - start) * STEP for start, stop in spans])


@pytest.mark.parametrize("number", range(1, 12))
def test_every_tag(number: int) -> None:
    payload = PAYLOADS[0][:23]
    bits, _ = sent({"tag": number}, [payload])
    damaged = bits.copy()
    # as many wrong bytes as the code corrects; a wrong symbol may be in two of them
    start = 64 + 64
    for i in range(list(TAGS.values())[number - 1][1] // 2):
        damaged[start + 24 * i + 4 :] ^= 1
    for line in (bits, damaged):
        (frame,) = [f for f in run(receiver(), soft_of(line, 0.0)) if f.framing == "FX.25"]
        assert frame.payload == payload
    assert frame.corrected == list(TAGS.values())[number - 1][1] // 2


def test_frames_without_words_and_in_broken_ones() -> None:
    """What plain AX.25 has in it comes too, once, in the order in which it was sent."""
    plain = encoder({"use": "ax25"})
    coded, spans = sent({}, PAYLOADS[:1])
    coded[spans[0][1] - 200 : spans[0][1] : 4] ^= 1  # much of the parity
    intact, _ = sent({}, PAYLOADS[1:2])
    parts = [plain.begin(8).bits, plain.frame(PAYLOADS[2]).bits]
    bits = np.concatenate([*parts, coded, intact, plain.begin(8).bits, plain.frame(PAYLOADS[0]).bits])
    frames = follows_the_law_of_chunks(receiver(), soft_of(bits, 0.0))
    assert [(frame.payload, frame.framing) for frame in frames] == [
        (PAYLOADS[2], "AX.25"),
        (PAYLOADS[0], "AX.25"),
        (PAYLOADS[1], "FX.25"),
        (PAYLOADS[0], "AX.25"),
    ]


def test_the_end_of_the_recording() -> None:
    """The last bytes of parity are lost, then so much that only the frame inside is left."""
    bits, spans = sent({"tag": 6}, PAYLOADS[1:2])
    x = (2.0 * bits - 1).astype(np.float32)
    for missing, framing in ((64, "FX.25"), (200, "AX.25")):
        (frame,) = run(receiver(), x[: spans[0][1] - missing])
        assert (frame.payload, frame.framing) == (PAYLOADS[1], framing)


@given(seed=st.integers(0, 1 << 30), noise=st.floats(0.3, 0.9))
@settings(max_examples=40, deadline=None)
def test_nothing_wrong_is_given(seed: int, noise: float) -> None:
    scrambler = SCRAMBLERS[seed % 2]
    bits, _ = sent({"scrambler": scrambler, "tag": (2, 6, 10)[seed % 3]}, PAYLOADS[:2])
    frames = run(receiver(scrambler), soft_of(bits, noise, seed))
    assert {frame.payload for frame in frames if frame.framing.startswith("FX.25")} <= set(PAYLOADS)


def test_nothing_is_made_of_noise_or_carriers() -> None:
    rng = np.random.default_rng(5)
    for scrambler in SCRAMBLERS:
        assert run(receiver(scrambler), rng.standard_normal(300_000).astype(np.float32)) == []
        for pattern in (b"\x00", b"\x7e", b"\xaa", b"\xff"):
            tag = next(iter(TAGS)).to_bytes(8, "little")
            code = Ax25(scrambler=scrambler)
            code.begin(1)
            line = code.line(lsb_first(pattern * 20 + tag + pattern * 300))
            assert run(receiver(scrambler), soft_of(line, 0.01)) == []


def test_synthesised_signals_come_back() -> None:
    afsk = {"use": "afsk", "baudrate": 1200, "carrier": 1700, "deviation": 500}
    fsk = {"use": "fsk", "baudrate": 9600}
    bpsk = {"use": "psk", "baudrate": 1200}
    for demod, scrambler in ((afsk, "none"), (fsk, "g3ruh"), (bpsk, "none")):
        outcome = check(Transmitter("x", 145e6, demod, {"use": "fx25", "scrambler": scrambler}))
        assert outcome.good, str(outcome)


def test_what_cannot_be_is_said() -> None:
    with pytest.raises(FlowgraphError, match="scrambler"):
        receiver("x")
    with pytest.raises(ValueError, match=r"FX\.25 word with room for"):
        encoder({"use": "fx25"}).frame(bytes(300))
    assert Fx25().scrambler == "none"
