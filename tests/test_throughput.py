"""No kernel needs more instructions than recorded: the short form of `benchmarks/throughput.py`."""

from __future__ import annotations

import json
import pkgutil
import re
from typing import Any

import pytest

import dsp_ext
from tests.benchmarks import load


@pytest.fixture(scope="module")
def benchmark() -> Any:
    return load("throughput")


def test_instructions_of_each_kernel(benchmark: Any, capsys: pytest.CaptureFixture[str]) -> None:
    reason = benchmark.incomparable(benchmark.CHUNK)
    if reason is not None:
        pytest.skip(f"instructions are not counted: {reason}")
    status = benchmark.main(["--guard"])
    assert status == 0, capsys.readouterr().err


def test_guard(benchmark: Any) -> None:
    """5 % more is too much, and so is a kernel without a record; each kernel has one."""
    recorded = json.loads(benchmark.RECORD.read_text())["kernels"]
    assert list(recorded) == [kernel.name for kernel in benchmark.kernels(1024)]
    assert benchmark.guard(recorded) == []
    name, value = next(iter(recorded.items()))
    assert len(benchmark.guard({name: 1.04 * value})) == 0
    assert len(benchmark.guard({name: 1.06 * value})) == 1
    assert len(benchmark.guard({"new": 1.0})) == 1


def test_every_module_of_kernels_is_measured(benchmark: Any) -> None:
    modules = {re.split(r"[.,]", kernel.name)[0] for kernel in benchmark.kernels(1024)}
    assert modules == {module.name for module in pkgutil.iter_modules(dsp_ext.__path__) if module.name[0] != "_"}
