"""Quality of symbols against numpy and against what noise was added."""

from __future__ import annotations

import numpy as np
import pytest

from dsp_ext.quality import esn0, mean_of_known


@pytest.mark.parametrize("wanted", [0.5, 1.0, 4.0, 30.0])
def test_esn0(wanted):
    random = np.random.default_rng(8)
    soft = np.sign(random.standard_normal(200_000)) + random.standard_normal(200_000) / np.sqrt(2 * wanted)
    assert esn0((3 * soft).astype(np.float32)) == pytest.approx(wanted, rel=0.03)


def test_esn0_has_limits():
    assert esn0(np.zeros(9, np.float32)) == 0.01
    assert esn0(np.full(9, 2, np.float32)) == 1e4
    assert esn0(np.array([1e-30], np.float32)) > 0
    with pytest.raises(ValueError, match="one symbol"):
        esn0(np.zeros(0, np.float32))


def test_mean_of_known():
    assert mean_of_known(np.array([1, np.nan, 3, np.inf], np.float32)) == 2
    assert np.isnan(mean_of_known(np.array([np.nan], np.float32)))
    assert np.isnan(mean_of_known(np.zeros(0, np.float32)))
