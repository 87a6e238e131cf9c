#!/usr/bin/env python3
"""Build, install and try Radome in a private environment, .venv beside this file. Needs Python and a C compiler only.

    python3 make.py demo     install, then decode a recording that is shipped
    python3 make.py test     install, then run the tests
    python3 make.py lint     ruff, mypy, stubtest, cython-lint
    python3 make.py bench    throughput of each kernel and chain
    python3 make.py build    compile into the checkout, for work on it
    python3 make.py debug    compile with bounds checks and sanitizers into build/debug, and test the kernels with that
    python3 make.py install  only install: .venv/bin/radome

Further words go to radome decode, pytest or benchmarks/throughput.py.
"""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
SOURCES = ("pyproject.toml", "README.md", "LICENSE", "receiver", "dsp_ext", "flowgraphs")
BUILD_TOOLS = ("scikit-build-core>=0.11", "cython>=3.1", "cmake>=3.20", "ninja")
SUFFIXES = {".toml", ".md", ".py", ".pyi", ".pyx", ".pxd", ".h", ".txt", ".json", ".typed", ""}


def say(text):
    print(f"-- {text}", flush=True)


def stop(sentence):
    sys.exit(f"make.py: {sentence}")


def run(*command, cwd=ROOT):
    """Run a command that shows its own output, with the programs of .venv first; end with its status when it fails."""
    environment = {**os.environ, "PATH": f"{VENV / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}
    status = subprocess.run([str(word) for word in command], cwd=cwd, env=environment).returncode
    if status:
        sys.exit(status)


def quietly(what, *command):
    """Run a command whose output matters only when it fails."""
    say(f"{what} …")
    start = time.monotonic()
    done = subprocess.run(
        [str(word) for word in command], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode:
        print(done.stdout)
        stop(f"{what} failed; the reason is above")
    say(f"  done in {time.monotonic() - start:.0f} s")


def pip(what, *words):
    installer = (
        [PYTHON, "-m", "pip"] if (VENV / "bin" / "pip").exists() else [sys.executable, "-m", "pip", "--python", PYTHON]
    )
    quietly(what, *installer, "install", "--quiet", "--disable-pip-version-check", "--no-input", *words)


def check_machine():
    """End with one sentence when something is missing that only the system's packages can give."""
    if sys.version_info < (3, 10):  # noqa: UP036
        stop(f"Radome needs Python 3.10 or newer; this is {sys.version.split()[0]}")
    missing = []
    compiler = os.environ.get("CC", "").split()[:1] or ["cc", "gcc", "clang"]
    if not any(map(shutil.which, compiler)):
        missing.append("gcc")
    if not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")):
        missing.append("python3-dev")
    if not PYTHON.exists() and not (has("venv") and (has("ensurepip") or has("pip"))):
        missing.append("python3-venv")
    if missing:
        stop(f"this machine lacks {' and '.join(missing)}; please run: sudo apt-get install -y {' '.join(missing)}")


def has(module):
    return importlib.util.find_spec(module) is not None


def make_environment():
    """Make .venv, anew when its Python has gone or is another than the one that runs this."""
    version = f"version = {sys.version.split()[0]}"
    settings = VENV / "pyvenv.cfg"
    if PYTHON.exists() and version in settings.read_text():
        return
    shutil.rmtree(VENV, ignore_errors=True)
    quietly(
        f"making .venv with Python {sys.version.split()[0]}",
        sys.executable,
        "-m",
        "venv",
        *([] if has("ensurepip") else ["--without-pip"]),
        VENV,
    )


def sources():
    """The files that decide what is installed."""
    for name in SOURCES:
        path = ROOT / name
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        yield from (file for file in files if file.suffix in SUFFIXES and file.is_file())


def install(extra=""):
    """Install the package into .venv if its sources have changed since the last time, and the extra's dependencies."""
    check_machine()
    make_environment()
    digest = hashlib.sha256()
    for file in sources():
        digest.update(f"{file.relative_to(ROOT)} ".encode() + hashlib.sha256(file.read_bytes()).digest())
    stamp = VENV / "installed"
    done = stamp.read_text().split() if stamp.exists() else []
    if digest.hexdigest() not in done:
        if not (VENV / "bin" / "cython").exists():
            pip("installing the build tools", *BUILD_TOOLS)
        done = [digest.hexdigest()]
        # without isolation a later build compiles only what has changed
        pip("compiling and installing Radome (minutes, the first time)", "--no-build-isolation", ROOT)
    if extra and extra not in done:
        done.append(extra)
        pip(f"installing what '{extra}' needs", f"radome[{extra}]")
    stamp.write_text(" ".join(done))


def demo(words):
    """Decode a recording that was made with the Doppler shift of a real pass; see recordings/README.md."""
    install()
    recording, elements = (f"recordings/swampsat2-fsk9k6-ax25-g3ruh.{suffix}" for suffix in ("sigmf-meta", "tle"))
    command = ["radome", "decode", recording, "--satellite", "SwampSat-2", "--tle", elements, *words]
    say(" ".join(command))
    run(*command)


def test(words):
    """Run the tests on what is installed: from .venv, so that the checkout's packages are not found before it."""
    install("test")
    pytest(["-n", "auto", *words], ROOT / "tests")


def pytest(words, everything):
    """Run pytest in .venv, with the paths among its words seen from here; where there are none, on everything."""
    words, named = list(words), False
    for i, word in enumerate(words):
        path, colons, test = word.partition("::")
        if not word.startswith("-") and words[i - 1] not in ("-k", "-m") and Path(path).exists():
            words[i], named = f"{Path(path).resolve()}{colons}{test}", True
    run(
        *(PYTHON, "-m", "pytest", "-c", ROOT / "pyproject.toml", "--rootdir", ROOT),
        *words,
        *([] if named else [everything]),
        cwd=VENV,
    )


def lint(words):
    install("lint")
    run(PYTHON, "-m", "ruff", "check", ".")
    run(PYTHON, "-m", "ruff", "format", "--check", ".")
    run(PYTHON, "-m", "mypy")
    config = ("--mypy-config-file", ROOT / "pyproject.toml", "--allowlist", ROOT / "tools" / "stubtest-allowlist.txt")
    run(
        PYTHON,
        "-m",
        "mypy.stubtest",
        "dsp_ext",
        "--ignore-disjoint-bases",
        "--ignore-unused-allowlist",
        *config,
        cwd=VENV,
    )
    run(VENV / "bin" / "cython-lint", "dsp_ext")


def bench(words):
    install()
    run(PYTHON, ROOT / "benchmarks" / "throughput.py", *words, cwd=VENV)


def build(words):
    install("test")
    compile_into(ROOT / "build" / "inplace", "-DDSP_EXT_INPLACE=ON")


def debug(words):
    """Run the kernels' tests with modules that check bounds and are compiled with sanitizers."""
    install("test")
    folder = ROOT / "build" / "debug"
    compile_into(folder, "-DDSP_EXT_DEBUG=ON")
    run(VENV / "bin" / "cmake", "--install", folder, "--prefix", folder / "installed")
    shutil.copy(ROOT / "dsp_ext" / "__init__.py", folder / "installed" / "dsp_ext")
    library = subprocess.run(["cc", "-print-file-name=libasan.so"], capture_output=True, text=True).stdout.strip()
    os.environ.update(
        LD_PRELOAD=library,
        ASAN_OPTIONS="detect_leaks=0",
        UBSAN_OPTIONS="halt_on_error=1",
        PYTHONMALLOC="malloc",
        PYTHONPATH=str(folder / "installed"),
    )
    pytest(words, ROOT / "tests" / "dsp_ext")


def compile_into(folder, *options):
    cmake, ninja = VENV / "bin" / "cmake", VENV / "bin" / "ninja"
    tools = ("-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={ninja}", f"-DPython_EXECUTABLE={PYTHON}")
    run(cmake, "-S", ROOT / "dsp_ext", "-B", folder, *tools, *options)
    run(cmake, "--build", folder)


COMMANDS = {
    "demo": demo,
    "test": test,
    "lint": lint,
    "bench": bench,
    "build": build,
    "debug": debug,
    "install": lambda words: install(),
}

if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in COMMANDS:
        sys.exit(__doc__)
    try:
        COMMANDS[sys.argv[1]](sys.argv[2:])
    except KeyboardInterrupt:
        sys.exit(130)
