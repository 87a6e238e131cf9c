"""An audio tone whose phase is modulated: however cut, from audio and IQ, in bursts, and from orbit."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from receiver.demod.apm import Apm
from receiver.flowgraph import Chain
from receiver.framing.ax25 import Ax25
from receiver.source import open_source
from receiver.stage import Frame, Stream
from tests.jig import stage_keeps_the_law, stream_of
from tests.loopback import payloads, receive, send, transmitter

SENT = transmitter({"use": "apm", "baudrate": 1200, "carrier": 2400}, {"use": "ax25"})


def test_symbols_however_cut() -> None:
    signal = send(SENT, payloads(2), 48000.0, form="fm", burst=1)
    stage_keeps_the_law(Apm(1200, 2400), stream_of("real", 48000.0), np.asarray(signal.samples, np.float32))


@pytest.mark.parametrize("form", ["fm", "iq"])
def test_frames_come_back(form: str) -> None:
    told = payloads(12)
    signal = send(SENT, told, 48000.0, form=form, ebn0_db=26.0, burst=2, pause=0.2, seed=3)
    frames = receive(signal, SENT)
    assert [frame.payload for frame in frames] == told
    for frame, truth in zip(frames, signal.truth, strict=True):
        assert frame.position == pytest.approx(truth.position, abs=0.1 * 40)


def test_settings_that_are_wrong() -> None:
    with pytest.raises(ValueError, match="above 0"):
        Apm(1200, -1)


def test_a_frame_from_orbit() -> None:
    """TANUSHA-3's."""
    folder = Path(os.environ.get("RADOME_RECORDINGS", Path(__file__).parents[4] / "shared" / "recordings"))
    path = folder / "audio" / "tanusha3_pm.wav"
    if not path.is_file():
        pytest.skip(f"{path} is not there; RADOME_RECORDINGS names the folder of the recordings")
    source = open_source(str(path))
    chain = Chain([Apm(1200, 2400), Ax25()])
    chain.open(Stream("real", source.recording.rate, source.recording.clock))
    made = []
    while (chunk := source.read()) is not None:
        made += chain.process(chunk)
    made += chain.close()
    source.close()
    (frame,) = (item for item in made if isinstance(item, Frame))
    assert frame.payload.endswith(b"This is SWSU satellite TANUSHA-3 from Russia, Kursk\r")
