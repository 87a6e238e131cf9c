"""Real driver stacks on devices of our own: what builds them, and the servers between."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

from receiver.device import DeviceError
from receiver.device.soapy import library

HERE = Path(__file__).parent / "receiver" / "device"
REQUIRED = "RADOME_REQUIRE_DRIVERS"
"""Environment variable; 1 makes a driver that is not installed a failure."""
BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><listen>unix:path={}</listen><policy context="default"><allow send_destination="*"/><allow eavesdrop="true"/>
<allow own="*"/></policy></busconfig>
"""


def need(there: object, sentence: str) -> None:
    """Skip the test, or fail where drivers are required, if something is not there."""
    if not there:
        (pytest.fail if os.environ.get(REQUIRED) == "1" else pytest.skip)(sentence)


def module(name: str) -> bool:
    """Whether SoapySDR has a module of that name."""
    path = f"SoapySDR/modules0.8/lib{name}Support.so"
    return any(found for folder in ("lib", "lib/*", "local/lib") for found in Path("/usr").glob(f"{folder}/{path}"))


def soapy_plugin(folder: Path) -> Path:
    """Build the receiver that SoapySDR finds in that folder."""
    try:
        library()
    except DeviceError as error:
        need(False, str(error))
    compiler = shutil.which("c++") or shutil.which("g++")
    headers = [Path(p, "SoapySDR/Device.hpp") for p in ("/usr/include", "/usr/local/include")]
    need(
        compiler and any(path.exists() for path in headers),
        "a C++ compiler and libsoapysdr-dev are needed to build the receiver that is tested",
    )
    words = [str(compiler), "-std=c++17", "-O1", "-fPIC", "-shared", str(HERE / "fakesdr.cpp")]
    subprocess.run([*words, "-o", str(folder / "libfakesdr.so"), "-lSoapySDR"], check=True)
    return folder


def rtl_library(folder: Path) -> Path:
    """Build the librtlsdr that plays a file, with what makes pyrtlsdr take it."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    need(compiler, "a C compiler is needed to build the librtlsdr that is tested with")
    words = [str(compiler), "-O1", "-fPIC", "-shared", "-Wl,-soname,librtlsdr.so.0", str(HERE / "fakertl.c")]
    subprocess.run([*words, "-o", str(folder / "librtlsdr.so.0")], check=True)
    (folder / "librtlsdr.so").symlink_to("librtlsdr.so.0")
    # pyrtlsdr asks this one first
    (folder / "pyrtlsdrlib.py").write_text(
        f"import ctypes\n\ndef load_librtlsdr():\n    return ctypes.CDLL({str(folder / 'librtlsdr.so.0')!r})\n"
    )
    return folder


def rtl_environment(folder: Path, file: Path) -> dict[str, str]:
    """What makes a process take that librtlsdr, and it play a file."""
    old = os.environ.get("PYTHONPATH", "")
    return {
        "RTLFAKE_FILE": str(file),
        "LD_LIBRARY_PATH": str(folder),
        "PYTHONPATH": f"{folder}{os.pathsep}{old}" if old else str(folder),
    }


def soapy_environment(folder: Path) -> dict[str, str]:
    """What makes SoapySDR find that receiver, and no other."""
    return {"SOAPY_SDR_ROOT": "/nonexistent", "SOAPY_SDR_PLUGIN_PATH": str(folder)}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(there: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait for something, or fail."""
    deadline = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < deadline, "it does not come"
        time.sleep(0.02)


def listens(port: int) -> bool:
    """Whether somebody listens; without being a client, as some servers take but one."""
    return f"0100007F:{port:04X} 00000000:0000 0A" in Path("/proc/net/tcp").read_text()


@contextlib.contextmanager
def rtl_tcp(environment: Mapping[str, str]) -> Iterator[tuple[int, list[str]]]:
    """rtl_tcp itself: its port, and what it has said once it is ended."""
    program = shutil.which("rtl_tcp")
    need(program, "rtl_tcp is not installed (apt: rtl-sdr)")
    port, said = free_port(), list[str]()
    # else what it says stays in its buffer
    words = [*(["stdbuf", "-oL"] if shutil.which("stdbuf") else []), str(program), "-a", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ, **environment}
    ) as process:
        try:
            until(lambda: listens(port))
            yield port, said
        finally:
            process.kill()
            said.append(process.stdout.read() if process.stdout else "")


class SoapyServer:
    """SoapySDRServer itself, with what its environment makes it find, and a D-Bus of its own, without which it ends."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        for program in ("SoapySDRServer", "dbus-daemon"):
            need(shutil.which(program), f"{program} is not installed (apt: soapyremote-server dbus-daemon)")
        need(module("remote"), "SoapySDR's module for servers is not installed (apt: soapysdr-module-remote)")
        self.port = free_port()
        self._folder = Path(tempfile.mkdtemp(prefix="radome"))
        address = self._folder / "bus"
        (self._folder / "bus.conf").write_text(BUS.format(address))
        words = ["dbus-daemon", f"--config-file={self._folder / 'bus.conf'}", "--nofork"]
        self._environment = {**os.environ, **environment}
        self._environment["DBUS_SYSTEM_BUS_ADDRESS"] = f"unix:path={address}"
        self._bus = subprocess.Popen(words, stderr=subprocess.DEVNULL)
        self._server: subprocess.Popen[bytes] | None = None
        until(address.exists)
        self.start()

    def start(self) -> None:
        words = ["SoapySDRServer", f"--bind=tcp://127.0.0.1:{self.port}"]
        quiet = subprocess.DEVNULL
        self._server = subprocess.Popen(words, env=self._environment, stdout=quiet, stderr=quiet)
        until(lambda: listens(self.port))

    def kill(self) -> None:
        if self._server is not None:
            self._server.kill()
            self._server.wait()
            self._server = None

    def __enter__(self) -> SoapyServer:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.kill()
        self._bus.kill()
        self._bus.wait()
        shutil.rmtree(self._folder)


def live(device: str, words: list[str], output: Path, environment: Mapping[str, str]) -> list[dict[str, Any]]:
    """Records of a whole ``radome live`` that ends by itself, and without a complaint."""
    done = subprocess.run(
        [sys.executable, "-m", "receiver", "live", device, "--jsonl", str(output), *words],
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert "lost" not in done.stderr
    return [json.loads(line) for line in output.read_text().splitlines()]
