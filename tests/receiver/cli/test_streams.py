"""Standard input, output and error that are closed, full, or whose reader has gone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import receiver
from receiver.synth import Channel, Synthesiser
from receiver.synth.sigmf import write_sigmf
from tests.loopback import START, payloads, transmitter

FULL = Path("/dev/full")
PROGRAM = "from receiver.cli import main; main()"
TLE = """TEST-1
1 99998U 18099AY  19312.63974356 -.00000043  00000-0  13601-5 0  9994
2 99998  97.7300  22.7185 0014609 207.1414 152.9045 14.95350049 50793
"""
WRITERS = {
    "frames": "run fsk-9600-ax25 x.sigmf-meta",
    "JSON lines": "run fsk-9600-ax25 x.sigmf-meta --jsonl -",
    "KISS": "run fsk-9600-ax25 x.sigmf-meta --kiss -",
    "info": "info x.sigmf-meta",
    "satellites": "satellites swampsat",
    "satellites as JSON": "satellites swampsat --json",
    "passes": "passes x.tle --station 52,4,0 --start 2019-11-09",
    "help": "--help",
    "help of a command": "decode --help",
    "version": "--version",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("streams")
    sent = transmitter({"use": "fsk", "baudrate": 9600})
    synthesiser = Synthesiser(sent, payloads(3), 48000.0, Channel(ebn0_db=20.0), seed=1, start_ns=START)
    write_sigmf(folder / "x.sigmf-meta", synthesiser, "ci16_le")
    (folder / "x.tle").write_text(TLE)
    return folder


def radome(folder: Path, words: str, shell: str) -> tuple[int, str, str]:
    """Status, output and errors of a line of the shell in which "$@" is the program and its words."""
    paths = [str(Path(receiver.__file__).parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]
    done = subprocess.run(
        ["sh", "-c", shell, "sh", sys.executable, "-c", PROGRAM, *words.split()],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "XDG_CONFIG_HOME": str(folder), "PYTHONPATH": os.pathsep.join(paths)},
    )
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    return done.returncode, done.stdout, done.stderr


@pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("name", WRITERS)
def test_a_full_disk(name: str, folder: Path) -> None:
    status, _, err = radome(folder, WRITERS[name], f'"$@" > {FULL}')
    assert status == 2
    assert err.splitlines()[-1] == "radome: standard output: cannot be written: No space left on device"


@pytest.mark.parametrize("name", WRITERS)
def test_a_closed_output(name: str, folder: Path) -> None:
    status, _, err = radome(folder, WRITERS[name], '"$@" >&-')
    assert status == 2
    assert err.splitlines()[-1] == "radome: standard output: cannot be written: Bad file descriptor"


@pytest.mark.parametrize("name", WRITERS)
def test_a_reader_that_has_gone(name: str, folder: Path) -> None:
    _, _, err = radome(folder, WRITERS[name], '{ sleep 0.1; "$@"; echo "status $?" >&2; } | true')
    assert err.splitlines()[-1] == "status 0"


@pytest.mark.parametrize("where", ["&-", " /dev/full"])
def test_remarks_that_nobody_sees_stop_nothing(where: str, folder: Path) -> None:
    shell = f'"$@" 2>{where}'
    status, out, _ = radome(folder, WRITERS["JSON lines"], shell)
    assert status == 0
    assert len(out.splitlines()) == 3
    assert radome(folder, "info nowhere.wav", shell)[0] == 2
    assert radome(folder, "nothing", shell)[0] == 2


@pytest.mark.parametrize("command", ["decode - --satellite SwampSat-2", "run fsk-9600-ax25 -", "info -"])
def test_a_closed_input(command: str, folder: Path) -> None:
    status, out, err = radome(folder, f"{command} --rate 48000 --format cu8", '"$@" <&-')
    assert (status, out) == (2, "")
    assert err == "radome: standard input: cannot be read: Bad file descriptor\n"


def test_no_file_takes_the_place_of_a_closed_output(folder: Path) -> None:
    """What a command prints must not get into a file that has been opened since."""
    np.zeros(48000, np.complex64).tofile(folder / "x.cf32")
    radome(folder, "run fsk-9600-ax25 x.cf32 --rate 48000 --jsonl out.jsonl", '"$@" >&- 2>&-')
    assert (folder / "out.jsonl").read_bytes() == b""
