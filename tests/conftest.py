"""What all tests share."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

# `from tests.x import …` works wherever pytest runs; last on the path, so that an installed Radome goes first
sys.path.append(str(Path(__file__).parent.parent))
pytest.register_assert_rewrite("tests.jig", "tests.loopback")
