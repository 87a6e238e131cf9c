"""The programs and libraries that drive an RTL-SDR, the real ones, on a librtlsdr of our own that plays a file."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from receiver.device import DeviceError, Settings
from receiver.device.soapy import library
from receiver.source.live import LiveSource

HERE = Path(__file__).parent
COUNT = 500_000
"""Samples; each is its own number, in as many bytes as there are."""


@pytest.fixture(scope="module")
def fake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the library and the file."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("a C compiler is needed to build the librtlsdr that is tested with")
    folder = tmp_path_factory.mktemp("rtl")
    words = [compiler, "-O1", "-fPIC", "-shared", "-Wl,-soname,librtlsdr.so.0", str(HERE / "fakertl.c")]
    subprocess.run([*words, "-o", str(folder / "librtlsdr.so.0")], check=True)
    (folder / "librtlsdr.so").symlink_to("librtlsdr.so.0")
    n = np.arange(COUNT)
    np.stack([n & 0xFF, n >> 8 & 0xFF], axis=1).astype(np.uint8).tofile(folder / "counter.cu8")
    # pyrtlsdr asks this one first
    (folder / "pyrtlsdrlib.py").write_text(
        f"import ctypes\n\ndef load_librtlsdr():\n    return ctypes.CDLL({str(folder / 'librtlsdr.so.0')!r})\n"
    )
    return folder


@pytest.fixture
def environment(fake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For the reader process, whose loader reads it."""
    monkeypatch.setenv("RTLFAKE_FILE", str(fake / "counter.cu8"))
    monkeypatch.setenv("LD_LIBRARY_PATH", str(fake))
    old = os.environ.get("PYTHONPATH", "")
    monkeypatch.setenv("PYTHONPATH", f"{fake}{os.pathsep}{old}" if old else str(fake))


def counts_on(source: LiveSource, samples: int) -> None:
    """Read so many; all of them count on, and their positions are their numbers."""
    at = None
    came = 0
    while came < samples:
        chunk = source.read()
        assert chunk is not None
        pairs = np.floor(chunk.items.view(np.float32).reshape(-1, 2) * 128 + 128).astype(np.int64)
        values = pairs[:, 0] + 256 * pairs[:, 1]
        at = int(values[0]) if at is None else at
        assert (values == (at + np.arange(len(values)) & 0xFFFF)).all()
        at += len(values)
        came += len(values)
    assert source.lost == 0


def test_rtl_tcp_itself(fake: Path, environment: None) -> None:
    program = shutil.which("rtl_tcp")
    if program is None:
        pytest.skip("rtl_tcp is not installed (apt: rtl-sdr)")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    # else what it says stays in its buffer
    words = [*(["stdbuf", "-oL"] if shutil.which("stdbuf") else []), program, "-a", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            deadline = time.monotonic() + 10
            while time.monotonic() < deadline:
                with suppress(OSError):
                    # rtl_tcp takes one client at a time: look whether it listens without being one
                    line = Path("/proc/net/tcp").read_text()
                    if f"0100007F:{port:04X} 00000000:0000 0A" in line:
                        break
                time.sleep(0.05)
            source = LiveSource(Settings(f"rtltcp://127.0.0.1:{port}", 250e3, 437e6, gain=20.0, bias_tee=True))
            try:
                counts_on(source, 150_000)
            finally:
                source.close()
        finally:
            process.kill()
            said = process.stdout.read() if process.stdout else ""
    for text in () if words[0] == program else ("set freq 437000000", "set sample rate 250000", "set gain 200"):
        assert text in said


def test_pyrtlsdr(environment: None) -> None:
    if importlib.util.find_spec("rtlsdr") is None:
        pytest.skip("pyrtlsdr is not installed")
    source = LiveSource(Settings("rtlsdr:0", 250e3, 437e6, gain=20.0))
    try:
        counts_on(source, 150_000)
    finally:
        source.close()


def test_soapyrtlsdr(environment: None, monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        library()
    except DeviceError as error:
        pytest.skip(str(error))
    if not list(Path("/usr/lib").glob("*/SoapySDR/modules0.8/librtlsdrSupport.so")):
        pytest.skip("SoapySDR's module for RTL-SDR is not installed (apt: soapysdr-module-rtlsdr)")
    monkeypatch.delenv("SOAPY_SDR_ROOT", raising=False)
    source = LiveSource(Settings("soapy:driver=rtlsdr", 250e3, 437e6, gain=20.0))
    try:
        counts_on(source, 150_000)
    finally:
        source.close()
