"""Symbol rates of signals of which nothing else is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from receiver.rates import symbol_rates
from tests.loopback import payloads, send, transmitter

SENT: dict[str, tuple[dict[str, Any], float, str, float]] = {
    "FSK of small deviation": ({"use": "fsk", "baudrate": 3333, "deviation": 900}, 48e3, "iq", 5e3),
    "FSK of large deviation": ({"use": "fsk", "baudrate": 3333, "deviation": 3000}, 48e3, "iq", 8e3),
    "MSK": ({"use": "fsk", "baudrate": 14400}, 96e3, "iq", 16e3),
    "BPSK": ({"use": "psk", "baudrate": 7000}, 48e3, "iq", 9e3),
    "QPSK": ({"use": "psk", "baudrate": 21000, "order": 4}, 96e3, "iq", 25e3),
    "FM audio": ({"use": "fsk", "baudrate": 3333, "deviation": 900}, 48e3, "fm", 12e3),
    "SSB audio": ({"use": "psk", "baudrate": 1530}, 48e3, "ssb", 12e3),
}


@pytest.mark.parametrize("name", SENT)
def test_the_rate_is_among_them(name: str) -> None:
    demod, rate, form, width = SENT[name]
    signal = send(transmitter(demod), payloads(6, 100), rate, ebn0_db=10.0, burst=2, form=form)
    x = signal.samples.astype(np.complex64 if form == "iq" else np.float32)
    found = symbol_rates(x, rate, width)[: 3 if form == "ssb" else 1]
    assert any(at == pytest.approx(demod["baudrate"], rel=1e-3) for at in found)


def test_noise_has_none() -> None:
    rng = np.random.default_rng(1)
    for _ in range(8):
        x = rng.standard_normal((65536, 2)).astype(np.float32)
        assert symbol_rates(x.view(np.complex64).ravel(), 48e3, 1e4) == []
        assert symbol_rates(x[:, 0].copy(), 48e3, 1e4) == []
    assert symbol_rates(np.zeros(4096, np.complex64), 48e3, 1e4) == []
    assert symbol_rates(np.zeros(10, np.complex64), 48e3, 1e4) == []
