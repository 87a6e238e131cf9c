"""EQUiSat: its sync word and blocks written out, damage, the other polarity, noise, and the recording."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from receiver.check import check
from receiver.cli import main
from receiver.framing._block import FALSE_ALARM
from receiver.framing.equisat import Equisat, _block
from receiver.satellite import find_satellite
from receiver.synth.framing import encoder
from tests.receiver.framing.jig import STEP, follows_the_law_of_chunks, joined, run
from tests.reference import rs_parity

PAYLOADS = [b"WL9XZE" + np.random.default_rng(i).bytes(217) for i in range(2)]
RECORDING = (
    Path(os.environ.get("RADOME_RECORDINGS", Path(__file__).parents[4] / "shared" / "recordings")) / "audio/equisat.wav"
)


def sent(payload: bytes) -> NDArray[np.uint8]:
    encode = encoder({"use": "equisat"})
    return np.concatenate([encode.begin(40).bits, encode.frame(payload).bits, encode.end(4).bits])


def soft(bits: NDArray[np.uint8], noise: float = 0.2, seed: int = 0) -> NDArray[np.float32]:
    y = 2.0 * bits - 1 + noise * np.random.default_rng(seed).standard_normal(len(bits))
    return y.astype(np.float32)


def flipped(y: NDArray[np.float32]) -> NDArray[np.float32]:
    """The highest frequency for the lowest: the first bit of each symbol turned over."""
    return y * np.resize(np.array([-1, 1], np.float32), len(y))


def test_the_first_block_of_soc_i() -> None:
    """As "Instructions for decoding SOC-i's radio transmissions" has it: 18 bytes, and of each row the bits between."""
    data = bytes.fromhex("01E00C002448656C6C6F20776F726C642120")
    # the separating bits before rows 2 to 8 in the bits received; the last two are in the next block
    rows = np.array([(1, 0), (1, 0), (1, 0), (0, 1), (1, 1), (1, 0), (0, 1), (1, 0)], np.uint8)
    bits = np.concatenate([np.unpackbits(np.frombuffer(data, np.uint8)).reshape(18, 8).T, rows], axis=1).ravel()
    got, sure = _block(soft(bits, 0.0))
    assert got.tobytes() == data
    assert (sure > 4).all()
    y = soft(bits, 0.0)
    y[[17, 60]] *= -0.1
    got, sure = _block(y)
    assert got.tobytes() == data
    y[[90, 120]] *= -1
    assert (_block(y)[1] <= 1).all()


def test_the_word_is_what_the_code_says() -> None:
    bits = encoder({"use": "equisat"}).frame(PAYLOADS[0]).bits
    assert np.packbits(bits[:48]).tobytes() == bytes.fromhex("223749F25B1B")
    blocks = [np.packbits(block.reshape(8, 20).T.ravel()).tobytes() for block in bits[48:].reshape(15, 160)]
    data = b"".join(block[:18] for block in blocks)
    assert data[:11] == b"\xff\x00\x02\x00\xffWL9XZE"
    assert data[11 + 217 : 260] == rs_parity(PAYLOADS[0][6:], 32, 1, 1, 0x11D).tobytes()
    assert data[260:] == b"f" * 10


@pytest.mark.parametrize("way", [soft, lambda bits: flipped(soft(bits))], ids=["upright", "upside down"])
def test_frames_however_cut(way: object) -> None:
    y = way(joined([sent(payload) for payload in PAYLOADS]))  # type: ignore[operator]
    frames = follows_the_law_of_chunks(Equisat(), y)
    assert [frame.payload for frame in frames] == PAYLOADS
    for frame in frames:
        assert frame.link == {"source": "WL9XZE"}
        assert (frame.integrity, frame.crc_ok, frame.corrected, frame.sync_errors) == ("rs", True, 0, 0)
        assert frame.false_alarm is not None
        assert frame.false_alarm <= FALSE_ALARM
    assert frames[0].position == pytest.approx(100 + (200 + 320 + 48 - 0.5) * STEP)


def test_damage() -> None:
    """Single bits are put right by the blocks' CRC; a block that is lost, by the code."""
    rng = np.random.default_rng(3)
    bits = sent(PAYLOADS[0])
    y = soft(bits)
    for k in range(15):
        y[320 + 48 + 160 * k + rng.choice(160, 2, replace=False)] *= -0.1
    (frame,) = run(Equisat(), y)
    assert (frame.payload, frame.corrected) == (PAYLOADS[0], 0)
    y = soft(bits)
    y[320 + 48 + 800 : 320 + 48 + 960] = 0.3 * rng.standard_normal(160)
    (frame,) = run(Equisat(), y)
    assert frame.payload == PAYLOADS[0]
    assert frame.corrected is not None
    assert frame.corrected > 14
    y[320 + 48 + 1040 : 320 + 48 + 1600] = 0.3 * rng.standard_normal(560)
    stage = Equisat()
    assert run(stage, y) == []
    assert stage.failures["fec"] == 1


def test_the_callsign_is_not_in_the_code() -> None:
    y = soft(sent(PAYLOADS[0]))
    block = y[320 + 48 : 320 + 48 + 160].reshape(8, 20)
    block[:4, 6] *= -1
    (frame,) = run(Equisat(), y)
    assert (frame.payload, frame.crc_ok) == (PAYLOADS[0], True)
    (frame,) = run(Equisat(callsign="QQ0QQQ"), y)
    assert frame.payload[6:] == PAYLOADS[0][6:]
    assert (frame.payload[:6] != PAYLOADS[0][:6], frame.crc_ok) == (True, False)
    with pytest.raises(ValueError, match="six characters"):
        Equisat(callsign="TOOLONG")


def test_a_recording_that_ends_in_the_filling() -> None:
    bits = sent(PAYLOADS[0])[: -32 - 60]
    assert [frame.payload for frame in run(Equisat(), soft(bits))] == [PAYLOADS[0]]


def test_nothing_is_made_of_noise_or_of_steady_symbols() -> None:
    rng = np.random.default_rng(5)
    stage = Equisat()
    assert run(stage, rng.standard_normal(400_000).astype(np.float32)) == []
    for pair in ([-1, -1], [1, 1], [-1, 1], [1, -1]):
        steady = np.resize(np.array(pair, np.float32), 3000)
        assert run(stage, np.concatenate([soft(sent(PAYLOADS[0])[: 320 + 48]), steady])) == []


@pytest.mark.parametrize("form", ["iq", "fm"])
def test_frames_come_back(form: str) -> None:
    (transmitter,) = find_satellite("EQUiSat").transmitters
    if form == "iq":
        outcome = check(transmitter)
        assert outcome.good, str(outcome)
        return
    from tests.loopback import late, receive, send

    signal = send(transmitter, PAYLOADS, 48000.0, form="fm", ebn0_db=20.0)
    assert np.abs(late(receive(signal, transmitter), signal.truth, 10.0)).max() < 0.1


def test_the_recording(tmp_path: Path) -> None:
    """The one frame that gr-satellites' sample recordings have of it; 2 bytes are wrong at least."""
    if not RECORDING.exists():
        pytest.skip(f"{RECORDING} is not there; RADOME_RECORDINGS names the folder of the recordings")
    out = tmp_path / "x.jsonl"
    with pytest.raises(SystemExit) as end:
        main(["decode", str(RECORDING), "--satellite", "EQUiSat", "--jsonl", str(out)])
    assert end.value.code == 0
    (frame,) = [json.loads(line) for line in out.read_text().splitlines()]
    payload = bytes.fromhex(frame["payload"])
    assert payload[:6] == b"WL9XZE"
    assert len(payload) == 223
    assert frame["sample"] == pytest.approx(11145, abs=1)
