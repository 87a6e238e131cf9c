"""AIS: published sentences, evidence, repair, and nothing from noise."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from receiver.check import check
from receiver.framing._block import FALSE_ALARM
from receiver.framing.ais import LENGTHS, Ais
from receiver.satellite import Transmitter
from receiver.synth.framing import encoder
from tests.receiver.framing.jig import STEP, follows_the_law_of_chunks, run
from tests.reference import hdlc, nrzi, soft

SENTENCES = {
    # E. S. Raymond, "AIVDM/AIVDO protocol decoding", and its sample messages
    "177KQJ5000G?tO`K>RA1wUbN0TKH": (1, "477553000", 21),
    "403OviQuMGCqWrRO9>E6fE700@GO": (4, "003669702", 21),
    "55P5TL01VIaAL@7WKO@mBplU@<PDhh000000001S;AJ::4A80?4i@E531@0000000000000": (5, "369190000", 53),
    "85Mwp`1Kf3aCnsNvBWLi=wQuNhA5t43N`5nCuI=p<IBfVqnMgPGs": (8, "366999712", 39),
    "B52K>;h00Fc>jpUlNV@ikwpUoP06": (18, "338087471", 21),
    "H42O55i18tMET00000000000000": (24, "271041815", 20),
}
"""Payloads of sentences; type, ship and bytes of their messages."""


def message(letters: str, size: int) -> bytes:
    """Bytes of an AIVDM sentence's letters, of six bits each (IEC 61162-1)."""
    values = [ord(c) - 48 - 8 * (ord(c) >= 96) for c in letters]
    bits = "".join(f"{value:06b}" for value in values)[: 8 * size]
    return int(bits.ljust(8 * size, "0"), 2).to_bytes(size, "big")


MESSAGES = {kind: message(letters, size) for letters, (kind, _, size) in SENTENCES.items()}
POSITION = MESSAGES[1]


def burst(payload: bytes) -> NDArray[np.uint8]:
    """Line of a message: training sequence, flags, and what HDLC makes of it."""
    return np.concatenate([np.tile(np.array([0, 1], np.uint8), 12), hdlc(payload)])


def line(*payloads: bytes, seed: int = 0, noise: float = 0.15) -> NDArray[np.float32]:
    """Soft symbols of bursts between random ones."""
    rng = np.random.default_rng(seed)
    parts = [p for payload in payloads for p in (rng.integers(0, 2, 99, np.uint8), burst(payload))]
    y = soft(nrzi(np.concatenate([*parts, rng.integers(0, 2, 99, np.uint8)])))
    return (y * (1 + noise * rng.standard_normal(len(y)))).astype(np.float32)


def test_published_messages_however_cut() -> None:
    y = line(*MESSAGES.values())
    for x in (y, -y):
        frames = follows_the_law_of_chunks(Ais(), x)
        assert [frame.payload for frame in frames] == list(MESSAGES.values())
        for frame, (kind, ship, _) in zip(frames, SENTENCES.values(), strict=False):
            assert frame.link == {"source": ship, "type": kind}
            assert (frame.crc_ok, frame.corrected, frame.sync_errors) == (True, None, 0)
            assert frame.false_alarm is not None
            assert frame.false_alarm < FALSE_ALARM
    first = frames[0]
    assert first.position == pytest.approx(100 + (99 + 24 + 8 - 0.5) * STEP)
    assert first.length == pytest.approx(len(burst(POSITION)[32:-8]) * STEP)


def test_the_synthesiser_sends_what_the_standard_says() -> None:
    sender = encoder({"use": "ais"})
    bits = np.concatenate([sender.begin(1).bits, sender.frame(POSITION).bits, sender.end(1).bits])
    np.testing.assert_array_equal(bits[8:-8], nrzi(np.concatenate([np.zeros(8, np.uint8), burst(POSITION)]))[8:])


@pytest.mark.parametrize("broken", [1, 2])
def test_a_repaired_message_says_so(broken: int) -> None:
    y = line(POSITION, seed=broken)
    for k in range(broken):
        y[99 + 32 + 40 + 35 * k] *= -0.1
    (frame,) = run(Ais(), y)
    assert (frame.payload, frame.corrected) == (POSITION, broken)
    assert frame.false_alarm is not None
    assert frame.false_alarm <= FALSE_ALARM


def test_a_message_needs_its_training_sequence_and_a_length_of_its_type() -> None:
    y = line(POSITION)
    y[99 : 99 + 5] *= -1
    (frame,) = run(Ais(), y)
    assert frame.sync_errors == 5
    y[99 : 99 + 7] *= -1
    y[99 + 5 : 99 + 20 : 2] *= -1
    stage = Ais()
    assert run(stage, y) == []
    assert stage.failures["sync"] == 1
    assert run(stage, line(POSITION + b"\0")) == []
    assert stage.failures["length"] == 1


def test_random_damage_makes_no_other_message() -> None:
    rng = np.random.default_rng(7)
    came = 0
    for seed in range(60):
        y = line(POSITION, seed=seed)
        y += rng.normal(0, rng.uniform(0.2, 0.6), len(y)).astype(np.float32)
        found = [frame.payload for frame in run(Ais(), y)]
        assert found in ([], [POSITION])
        came += len(found)
    assert came > 20


def test_no_message_from_noise() -> None:
    rng = np.random.default_rng(8)
    noise = rng.standard_normal(2_000_000).astype(np.float32)
    assert run(Ais(), noise) == []
    assert run(Ais(), (np.sign(noise) + 0.3 * rng.standard_normal(len(noise))).astype(np.float32)) == []
    assert run(Ais(), (np.resize([1, 1, -1, -1], 100_000) + 0.3 * noise[:100_000]).astype(np.float32)) == []


def test_every_type_has_lengths_that_slots_hold() -> None:
    assert sorted(LENGTHS) == list(range(1, 28))
    assert all(5 <= size <= 133 for lengths in LENGTHS.values() for size in lengths)


def test_messages_come_back_from_iq() -> None:
    demod = {"use": "fsk", "baudrate": 9600, "deviation": 2400}
    outcome = check(Transmitter("AIS 1", 161.975e6, demod, {"use": "ais"}))
    assert outcome.good, str(outcome)
