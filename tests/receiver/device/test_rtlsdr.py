"""The programs and libraries that drive an RTL-SDR, the real ones, on a librtlsdr of our own that plays a file."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import numpy as np
import pytest

from receiver.device import DeviceError, Settings
from receiver.device.soapy import library
from receiver.errors import SourceError
from receiver.source.live import LiveSource
from tests.drivers import module, need, rtl_environment, rtl_library, rtl_tcp

COUNT = 2_000_000
"""Samples; each is its own number, in as many bytes as there are."""
RATE = 250e3


@pytest.fixture(scope="module")
def fake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the library and the file."""
    folder = rtl_library(tmp_path_factory.mktemp("rtl"))
    n = np.arange(COUNT)
    np.stack([n & 0xFF, n >> 8 & 0xFF], axis=1).astype(np.uint8).tofile(folder / "counter.cu8")
    return folder


@pytest.fixture
def environment(fake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For the reader process, whose loader reads it."""
    for name, value in rtl_environment(fake, fake / "counter.cu8").items():
        monkeypatch.setenv(name, value)


def numbers(items: np.ndarray) -> np.ndarray:
    pairs = np.floor(items.view(np.float32).reshape(-1, 2) * 128 + 128).astype(np.int64)
    return np.asarray(pairs[:, 0] + 256 * pairs[:, 1])


def counts_on(source: LiveSource, samples: int) -> None:
    """Read so many; all of them count on, and their positions are their numbers."""
    at = None
    came = 0
    while came < samples:
        chunk = source.read()
        assert chunk is not None
        values = numbers(chunk.items)
        at = int(values[0]) if at is None else at
        assert (values == (at + np.arange(len(values)) & 0xFFFF)).all()
        at += len(values)
        came += len(values)
    assert source.lost == 0


def test_rtl_tcp_itself(fake: Path, environment: None) -> None:
    with rtl_tcp({}) as (port, said):
        source = LiveSource(Settings(f"rtltcp://127.0.0.1:{port}", RATE, 437e6, gain=20.0, bias_tee=True))
        try:
            counts_on(source, 150_000)
        finally:
            source.close()
    if shutil.which("stdbuf"):
        for text in ("set freq 437000000", "set sample rate 250000", "set gain 200"):
            assert text in said[0]


def test_pyrtlsdr(environment: None) -> None:
    need(importlib.util.find_spec("rtlsdr"), "pyrtlsdr is not installed")
    source = LiveSource(Settings("rtlsdr:0", RATE, 437e6, gain=20.0))
    try:
        counts_on(source, 150_000)
    finally:
        source.close()


def test_soapyrtlsdr(environment: None, monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        library()
    except DeviceError as error:
        need(False, str(error))
    need(module("rtlsdr"), "SoapySDR's module for RTL-SDR is not installed (apt: soapysdr-module-rtlsdr)")
    monkeypatch.delenv("SOAPY_SDR_ROOT", raising=False)
    source = LiveSource(Settings("soapy:driver=rtlsdr", RATE, 437e6, gain=20.0))
    try:
        counts_on(source, 150_000)
    finally:
        source.close()


def test_what_librtlsdr_loses_without_a_word_is_found(
    fake: Path, environment: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """0.4 s, that is 100,000 samples, behind the first half second."""
    need(importlib.util.find_spec("rtlsdr"), "pyrtlsdr is not installed")
    monkeypatch.setenv("RTLFAKE_LOSE", f"250000:{2 * 100_000}")
    source = LiveSource(Settings("rtlsdr:0", RATE, 437e6, gain=20.0))
    try:
        while not source.lost and (chunk := source.read()) is not None:
            assert chunk.position < COUNT
        chunk = source.read()
    finally:
        source.close()
    assert source.lost == pytest.approx(100_000, abs=0.005 * RATE)
    # what came behind the loss and before it was found lies within what was lost
    assert chunk is not None
    at = (int(numbers(chunk.items)[0]) - int(chunk.position)) % 65536
    assert min(at, 65536 - at) < 0.005 * RATE


def test_a_librtlsdr_that_pyrtlsdr_cannot_use_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "rtlsdr.py").write_text("raise AttributeError('undefined symbol: rtlsdr_set_dithering')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(SourceError, match=r"undefined symbol.*; install it with.* soapy:driver=rtlsdr"):
        LiveSource(Settings("rtlsdr:0", RATE, 437e6))
