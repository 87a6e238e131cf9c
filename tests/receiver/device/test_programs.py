"""The whole program on each driver: several satellites in one band, and exactly the frames that the file gives."""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import resample_poly

from receiver.cli import main
from receiver.satellite import Transmitter, find_satellite
from tests.drivers import (
    SoapyServer,
    live,
    module,
    need,
    rtl_environment,
    rtl_library,
    rtl_tcp,
    soapy_environment,
    soapy_plugin,
)
from tests.loopback import payloads, send

RATE = 2_400_000
TUNED = 437e6
PLACES = (-700e3, 250e3, 850e3)
"""Of the satellites, Hz from the middle."""
REAL = {"strand1": "STRaND-1", "suomi": "Suomi-100", "swampsat2": "SwampSat-2"}
MADE: tuple[dict[str, Any], ...] = (
    {"use": "fsk", "baudrate": 9600},
    {"use": "psk", "baudrate": 2400},
    {"use": "fsk", "baudrate": 4800},
)


def toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml(item)}" for key, item in value.items()) + " }"
    return json.dumps(value)


def received() -> Iterator[tuple[NDArray[np.complex64], list[Transmitter], float]]:
    """Recordings off the air at our rate, what sent each, and the frequency of their middle."""
    folder = Path(os.environ.get("RADOME_RECORDINGS", Path(__file__).parents[4] / "shared" / "recordings"), "iq")
    if not folder.is_dir():
        pytest.skip(f"{folder} has no recordings; RADOME_RECORDINGS names their folder")
    for name, satellite in REAL.items():
        meta = json.loads((folder / f"{name}.sigmf-meta").read_text())
        raw = np.fromfile(folder / f"{name}.sigmf-data", np.uint8).astype(np.float32)
        x = ((raw - 127.5) / 128).view(np.complex64)
        up, rest = divmod(RATE, meta["global"]["core:sample_rate"])
        assert not rest
        yield (
            resample_poly(x, up, 1).astype(np.complex64),
            list(find_satellite(satellite).transmitters),
            meta["captures"][0]["core:frequency"],
        )


def synthesised() -> Iterator[tuple[NDArray[np.complex64], list[Transmitter], float]]:
    for i, demod in enumerate(MADE):
        framing: dict[str, Any] = {"use": "ax25", "scrambler": "g3ruh"} if demod["use"] == "fsk" else {"use": "ax25"}
        sent = Transmitter(demod["use"], TUNED, demod, framing)
        signal = send(sent, payloads(3, 40, seed=i), float(RATE), offset=1500.0 * i)
        yield signal.samples.astype(np.complex64), [sent], TUNED


@dataclass(frozen=True)
class Mix:
    folder: Path
    frames: Mapping[str, list[dict[str, Any]]]
    """Of `radome decode`, by the sample type."""
    words: list[str]
    """Of both commands."""
    seconds: float


@pytest.fixture(scope="module", params=["synthesised", pytest.param("received", marks=pytest.mark.recordings)])
def mix(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Mix:
    """One band with several satellites, in each sample type, with some silence at both ends."""
    folder = tmp_path_factory.mktemp("mix")
    parts = list({"synthesised": synthesised, "received": received}[request.param]())
    text = 'name = "Mix"\nnorad = 99998\n'
    whole = np.zeros(max(len(x) for x, *_ in parts) + RATE // 2, np.complex64)
    n = np.arange(len(whole)) / RATE
    for number, ((x, transmitters, frequency), place) in enumerate(zip(parts, PLACES, strict=True)):
        power = np.sqrt(np.mean(np.abs(x) ** 2))
        part = slice(RATE // 8, RATE // 8 + len(x))
        whole[part] += x / power * np.exp(2j * np.pi * place * n[part]).astype(np.complex64)
        for sent in transmitters:
            text += f'[[transmitter]]\nname = "{number} {sent.name}"\n'
            text += f"frequency = {TUNED + place + sent.frequency - frequency}\n"
            text += f"demod = {toml(sent.demod)}\nframing = {toml(sent.framing)}\n"
    whole *= 0.15 / np.sqrt(np.mean(np.abs(whole) ** 2))
    (folder / "mix.toml").write_text(text)
    values = whole.view(np.float32)
    np.clip(np.rint(values * 128 + 127.5), 0, 255).astype(np.uint8).tofile(folder / "mix.cu8")
    np.clip(np.rint(values * 32768), -32768, 32767).astype("<i2").tofile(folder / "mix.cs16")
    values.tofile(folder / "mix.cf32")
    words, frames = ["--rate", str(RATE), "--frequency", str(TUNED), "--definition", f"{folder}/mix.toml"], {}
    for kind in ("cu8", "cs16", "cf32"):
        command = ["decode", f"{folder}/mix.{kind}", "--format", kind, "-q"]
        with pytest.raises(SystemExit) as end:
            main([*command, *words, "--jsonl", f"{folder}/{kind}.jsonl"])
        assert end.value.code == 0
        frames[kind] = [json.loads(line) for line in (folder / f"{kind}.jsonl").read_text().splitlines()]
        assert {record["transmitter"][0] for record in frames[kind]} == set("012")
        assert len(frames[kind]) >= 8
    return Mix(folder, frames, words, len(whole) / RATE)


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return soapy_plugin(tmp_path_factory.mktemp("soapy"))


@pytest.fixture(scope="module")
def fake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return rtl_library(tmp_path_factory.mktemp("rtl"))


@pytest.fixture
def gives(mix: Mix, tmp_path: Path) -> Callable[..., None]:
    def check(device: str, kind: str, environment: Mapping[str, str]) -> None:
        expected = mix.frames[kind]
        # it would be played once more when it has been silent for two seconds
        words = [*mix.words, "--duration", f"{mix.seconds + 1.2:.3f}"]
        got = live(device, words, tmp_path / "live.jsonl", environment)

        def facts(records: list[dict[str, Any]]) -> list[tuple[object, ...]]:
            return sorted((r["transmitter"], r["payload"], r["continuity"], r["crc_ok"]) for r in records)

        assert facts(got) == facts(expected)
        # what comes first depends on the driver; from there on every sample is there
        places = {(r["transmitter"], r["payload"]): r["sample"] for r in expected}
        late = [r["sample"] - places[r["transmitter"], r["payload"]] for r in got]
        start = float(np.median(late))
        assert all(abs(one - start) * r["baudrate"] / RATE < 0.1 for one, r in zip(late, got, strict=True)), (
            "symbols late"
        )
        assert not device.startswith("soapy:driver=fakesdr") or abs(late[0]) < 1

    return check


@pytest.mark.parametrize("kind", ["cs16", "cf32"])
def test_soapysdr(plugin: Path, mix: Mix, gives: Callable[..., None], kind: str) -> None:
    device = f"soapy:driver=fakesdr,format={kind.upper()},file={mix.folder}/mix.{kind}"
    gives(device, kind, soapy_environment(plugin))


def test_soapyremote(plugin: Path, mix: Mix, gives: Callable[..., None]) -> None:
    with SoapyServer(soapy_environment(plugin)) as server:
        device = f"soapy:driver=remote,remote=tcp://127.0.0.1:{server.port},remote:driver=fakesdr"
        gives(f"{device},file={mix.folder}/mix.cs16", "cs16", {})


def test_soapyremote_and_soapyrtlsdr(fake: Path, mix: Mix, gives: Callable[..., None]) -> None:
    need(module("rtlsdr"), "SoapySDR's module for RTL-SDR is not installed (apt: soapysdr-module-rtlsdr)")
    with SoapyServer(rtl_environment(fake, mix.folder / "mix.cu8")) as server:
        gives(f"soapy:driver=remote,remote=tcp://127.0.0.1:{server.port},remote:driver=rtlsdr", "cu8", {})


def test_soapyrtlsdr(plugin: Path, fake: Path, mix: Mix, gives: Callable[..., None]) -> None:
    need(module("rtlsdr"), "SoapySDR's module for RTL-SDR is not installed (apt: soapysdr-module-rtlsdr)")
    gives("soapy:driver=rtlsdr", "cu8", rtl_environment(fake, mix.folder / "mix.cu8"))


def test_pyrtlsdr(fake: Path, mix: Mix, gives: Callable[..., None]) -> None:
    need(importlib.util.find_spec("rtlsdr"), "pyrtlsdr is not installed")
    gives("rtlsdr:0", "cu8", rtl_environment(fake, mix.folder / "mix.cu8"))


def test_rtl_tcp(fake: Path, mix: Mix, gives: Callable[..., None]) -> None:
    with ExitStack() as stack:
        port, _ = stack.enter_context(rtl_tcp(rtl_environment(fake, mix.folder / "mix.cu8")))
        gives(f"rtltcp://127.0.0.1:{port}", "cu8", {})
