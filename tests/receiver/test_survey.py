"""What a survey measures, on signals of which that is known; and the command that shows it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest

from receiver.cli import main
from receiver.source import Recording, open_source
from receiver.stage import Chunk, Clock
from receiver.survey import BINS, ROWS, Survey

RATE = 48000.0


def survey_of(x: np.ndarray, datatype: str, cuts: int = 1) -> Survey:
    clock = Clock(RATE)
    recording = Recording("a", "iq" if np.iscomplexobj(x) else "real", RATE, clock, datatype=datatype)
    survey = Survey(recording, True)
    position = 0
    for part in np.array_split(x, cuts):
        survey.add(Chunk(part, RATE, float(position), clock))
        position += len(part)
    return survey


@pytest.mark.parametrize("kind", ["iq", "real"])
def test_level_dc_and_spectrum(kind: str) -> None:
    n = 300_000
    tone = 0.25 * np.exp(2j * np.pi * 0.125 * np.arange(n)) + 0.125
    x = tone.astype(np.complex64) if kind == "iq" else tone.real.astype(np.float32)
    survey = survey_of(x, "cf32_le" if kind == "iq" else "rf32_le")
    tone_power = 0.0625 if kind == "iq" else 0.03125
    assert survey.samples == n
    assert survey.power == pytest.approx(tone_power + 0.015625, rel=1e-3)
    assert survey.dc_power == pytest.approx(0.015625, rel=1e-3)
    assert survey.peak == pytest.approx(0.375, rel=1e-3)
    assert survey.clipped == 0
    waterfall = survey.waterfall
    assert waterfall is not None
    power = waterfall.power.mean(axis=0)
    peak = np.argmax(power * (waterfall.frequencies > 100))
    assert waterfall.frequencies[peak] == 6000
    # of a real tone, half of the amplitude is at the positive frequency
    assert power[peak] == pytest.approx(0.0625 if kind == "iq" else 0.015625, rel=1e-3)


def test_clipping() -> None:
    x = np.zeros(1000, np.float32)
    x[:10], x[10:15] = -1.0, 127 / 128
    assert survey_of(x, "ru8").clipped == 0.015
    assert survey_of(x, "ri16_le").clipped == 0.010
    x[20] = 1.2
    assert survey_of(x, "rf32_le").clipped is None


def test_any_cut_and_constant_size() -> None:
    x = np.random.default_rng(1).normal(size=5 * ROWS * BINS + 777).astype(np.float32)
    whole, cut = survey_of(x, "rf32_le").waterfall, survey_of(x, "rf32_le", 997).waterfall
    assert whole is not None
    assert cut is not None
    np.testing.assert_allclose(whole.power, cut.power, rtol=1e-6)
    assert len(whole.power) == 5 * ROWS // 4
    assert whole.seconds == pytest.approx(5 * ROWS * BINS / RATE)
    expected = (
        np.abs(np.fft.rfft(x[: 4 * BINS].reshape(4, BINS) * np.hanning(BINS))) ** 2 / np.sum(np.hanning(BINS)) ** 2
    )
    np.testing.assert_allclose(whole.power[0], expected.mean(axis=0), rtol=1e-3)


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.full(3000, 0.5, np.complex64)
    x[1234] = np.nan
    path = tmp_path / "g001_437.1M_48k.cf32"
    path.write_bytes(x.tobytes())
    with pytest.raises(SystemExit) as ended:
        main(["info", str(path)])
    shown = capsys.readouterr()
    assert ended.value.code == 2
    assert "437.100000 MHz" in shown.out
    assert "3000 samples, 0.062 s" in shown.out
    assert "-6.0 dB of full scale" in shown.out
    assert shown.err.count("\n") == 1
    assert "1 sample is no number" in shown.err

    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(SystemExit) as ended:
        main(["info", str(path), "--picture", str(tmp_path / "a.png")])
    assert ended.value.code == 2
    assert "pip install matplotlib" in capsys.readouterr().err


def test_picture(tmp_path: Path) -> None:
    x = np.random.default_rng(2).integers(0, 256, 200_000, np.uint8)
    path = tmp_path / "g001_437.1M_1024k.cu8"
    path.write_bytes(x.tobytes())
    with pytest.raises(SystemExit) as ended:
        main(["info", str(path), "--picture", str(tmp_path / "a.png")])
    assert ended.value.code == 0
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("command", ["info", "identify"])
def test_a_picture_does_not_go_over_the_recording(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(bytes(20_000))
    with pytest.raises(SystemExit) as ended:
        main([command, str(path), "--format", "cu8", "--rate", "48e3", "--picture", str(path)])
    assert ended.value.code == 2
    shown = capsys.readouterr()
    assert (shown.out, shown.err.count("\n")) == ("", 1)
    assert "a.png: is what is read; a picture must be written to another file" in shown.err
    assert path.read_bytes() == bytes(20_000)


def test_info_of_a_file_with_an_odd_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = os.path.join(os.fsencode(tmp_path), b"\xff\x1b[31m.cu8")
    with open(path, "wb") as file:
        file.write(bytes(2000))
    with pytest.raises(SystemExit) as ended:
        main(["info", os.fsdecode(path), "--rate", "48e3"])
    assert ended.value.code == 0
    assert "\x1b" not in capsys.readouterr().out


@pytest.mark.recordings
def test_real_recordings() -> None:
    folder = Path(os.environ.get("RADOME_RECORDINGS", Path(__file__).parents[3] / "shared" / "recordings"))
    files = [*folder.glob("audio/*.wav"), *folder.glob("iq/*.sigmf-meta")]
    if not files:
        pytest.skip(f"{folder} has no recordings; RADOME_RECORDINGS names their folder")
    for path in files:
        source = open_source(str(path))
        samples = 0
        while (chunk := source.read()) is not None:
            samples += len(chunk)
        source.close()
        assert samples == source.recording.samples
        assert source.recording.remarks == []
        assert source.recording.kind == ("real" if path.suffix == ".wav" else "iq")
        assert (source.recording.frequency is None) == (path.suffix == ".wav")
