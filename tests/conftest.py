"""What all tests share."""

from __future__ import annotations

import sys
from pathlib import Path
from zlib import crc32

import numpy as np
import pytest

# `from tests.x import …` works wherever pytest runs; last on the path, so that an installed Radome goes first
sys.path.append(str(Path(__file__).parent.parent))
pytest.register_assert_rewrite("tests.jig", "tests.loopback")


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> np.random.Generator:
    """Random numbers of the test's own, seeded by its name: the same whatever ran before it."""
    return np.random.default_rng(crc32(request.node.name.encode()))
