"""Files: every sample type, the metadata, and the truth beside them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from receiver.errors import FlowgraphError, SinkError
from receiver.satellite import Satellite, Transmitter
from receiver.synth import Channel, Synthesiser, synthesise
from receiver.synth.payloads import payloads
from receiver.synth.sigmf import sample_type, write_frames, write_sigmf

G3RUH = {"use": "ax25", "scrambler": "g3ruh"}
TRANSMITTER = Transmitter("9k6", 437e6, {"use": "fsk", "baudrate": 9600}, G3RUH, "FSK")
FRAMES = list(payloads(G3RUH, 4, seed=1))
START = 1_586_435_664_219_000_000  # 2020-04-09T12:34:24.219Z


def make(form: str = "iq", **channel: Any) -> Synthesiser:
    return Synthesiser(
        TRANSMITTER, FRAMES, 48000.0, Channel(ebn0_db=12.0, **channel), form=form, start_ns=START, burst=1
    )


@pytest.mark.parametrize("datatype", ["cf64_le", "cf32_be", "ci32_le", "ci16_be", "cu16_le", "ci8", "cu8"])
def test_every_sample_type_holds_the_samples(tmp_path: Path, datatype: str) -> None:
    write_sigmf(tmp_path / "x.sigmf-meta", make(), datatype)
    _, dtype = sample_type(datatype)
    read = np.fromfile(tmp_path / "x.sigmf-data", dtype).astype(np.float64)
    if dtype.kind in "iu":
        half = 2.0 ** (8 * dtype.itemsize - 1)
        zero = 127.4 if datatype == "cu8" else half if dtype.kind == "u" else 0
        read = (read - zero) / half
    expected = synthesise(TRANSMITTER, FRAMES, rate=48000.0, ebn0_db=12.0, burst=1).samples
    step = 1e-6 if dtype.itemsize > 2 else 0.51 / half
    assert np.allclose(read.view(np.complex128), expected, atol=step * 1.5)


def test_metadata_holds_the_truth(tmp_path: Path) -> None:
    made = make(gaps=[(0.1, 0.01)])
    write_sigmf(tmp_path / "x.sigmf-meta", made, "ci16_le", (53.72, 47.57, 100.0), "a test")
    meta = json.loads((tmp_path / "x.sigmf-meta").read_text())
    data = (tmp_path / "x.sigmf-data").read_bytes()
    assert meta["global"]["core:sha512"] == hashlib.sha512(data).hexdigest()
    assert meta["global"]["core:geolocation"]["coordinates"] == [47.57, 53.72, 100.0]
    assert meta["captures"][0] == {
        "core:sample_start": 0,
        "core:global_index": 0,
        "core:frequency": 437e6,
        "core:datetime": "2020-04-09T12:34:24.219000000Z",
    }
    assert (meta["captures"][1]["core:sample_start"], meta["captures"][1]["core:global_index"]) == (4800, 5280)
    assert meta["captures"][1]["core:datetime"] == "2020-04-09T12:34:24.329000000Z"
    assert [note["radome:payload"] for note in meta["annotations"]] == [frame.hex() for frame in FRAMES]
    for note, truth in zip(meta["annotations"], made.truth, strict=True):
        assert note["core:sample_start"] <= note["radome:position"] < note["core:sample_start"] + 1
        assert note["radome:position"] == pytest.approx(truth.position, abs=1e-6)
        assert note["radome:time"].endswith("Z")
        assert note["core:sample_start"] + note["core:sample_count"] <= len(data) // 4


def test_metadata_is_valid_sigmf(tmp_path: Path) -> None:
    sigmf = pytest.importorskip("sigmf")
    write_sigmf(tmp_path / "x.sigmf-meta", make(gaps=[(0.1, 0.01)]), "cu8", (53.72, 47.57, 100.0))
    sigmf.fromfile(str(tmp_path / "x.sigmf-meta")).validate()


def test_audio_is_real(tmp_path: Path) -> None:
    write_sigmf(tmp_path / "x.sigmf-meta", make("fm"), "ri16_le")
    assert len(np.fromfile(tmp_path / "x.sigmf-data", "<i2")) == pytest.approx(make_samples("fm"), abs=1)
    with pytest.raises(FlowgraphError, match="'ci16_le' does not fit: 'fm' samples are real"):
        write_sigmf(tmp_path / "y.sigmf-meta", make("fm"), "ci16_le")


def make_samples(form: str) -> int:
    made = make(form)
    return sum(len(block.samples) for block in made.blocks())


def test_frames_are_written_as_records(tmp_path: Path) -> None:
    made = make(doppler=(1000.0,), offset=50.0)
    for _ in made.blocks():
        pass
    write_frames(tmp_path / "x.jsonl", made, Satellite("RADOME-1", 99999, (), (TRANSMITTER,), tmp_path))
    lines = [json.loads(line) for line in (tmp_path / "x.jsonl").read_text().splitlines()]
    assert [line["payload"] for line in lines] == [frame.hex() for frame in FRAMES]
    assert lines[0]["frequency_hz"] == 437e6 + 1050
    assert lines[0]["doppler_hz"] == 1000.0
    assert lines[0]["sample"] == round(made.truth[0].position, 3)


def test_wrong_names_are_refused(tmp_path: Path) -> None:
    for datatype in ("cf32", "cu8_le", "ci24_le", "cf8"):
        with pytest.raises(FlowgraphError, match=f"{datatype!r} is none of SigMF's"):
            sample_type(datatype)
    with pytest.raises(SinkError, match="cannot be written"):
        write_sigmf(tmp_path / "no" / "x.sigmf-meta", make(), "cu8")


@pytest.mark.parametrize(
    "framing", [G3RUH, {"use": "ax100", "mode": "ASM+Golay"}, {"use": "u482c"}, {"use": "ccsds", "frame_size": 114}]
)
def test_made_up_payloads_can_be_sent_and_differ(framing: dict[str, Any]) -> None:
    made = list(payloads(framing, 5, seed=3))
    assert made == list(payloads(framing, 5, seed=3))
    assert len(set(made)) == 5
    assert all(b"RADOME" in payload or b"\xa4\x82\x88\x9e\x9a\x8a" in payload for payload in made)
    transmitter = Transmitter("t", 437e6, {"use": "fsk", "baudrate": 9600}, framing)
    assert [truth.payload for truth in synthesise(transmitter, made, rate=48000.0).truth] == made
