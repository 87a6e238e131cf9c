"""Metrics as Prometheus reads them."""

from __future__ import annotations

import socket
import sys
import urllib.request
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from receiver.errors import SinkError
from receiver.metrics import CHANNEL, Exporter, parse_address
from receiver.monitor import Channel, State

CHANNELS = (
    Channel("A", 1, "x", None, True, 12.5, -80.0, 3000.0, 45.0, 7, 3.0, {"crc": 2, "fec": 0}),
    Channel("A", 1, 'y "z"\n', None, False),
    Channel("", None, "z", None, False, frames=1),
)
STATE = State("soapy:x", 250e3, 437e6, 10.0, 2_500_000, 12_352, 2, None, 1, False, -20.5, 0.25, None, 0.5, 0.125)


def scrape(url: str) -> dict[tuple[str, tuple[str, ...]], float]:
    """Samples by name and values of the labels, those of the process apart."""
    with urllib.request.urlopen(url, timeout=10) as answer:
        text = answer.read().decode()
    families = text_string_to_metric_families(text)
    samples = [sample for family in families for sample in family.samples if sample.name.startswith("radome_")]
    made = {(one.name, tuple(one.labels.values())): one.value for one in samples}
    assert len(made) == len(samples)
    for one in samples:
        assert set(one.labels) <= {*CHANNEL, "reason", "device", "version"}
    return made


def exporter(state: State) -> Exporter:
    monitor: Any = SimpleNamespace(state=lambda: state)
    return Exporter("0", monitor)


def test_figures_are_those_of_the_state() -> None:
    from dataclasses import replace

    served = exporter(replace(STATE, channels=CHANNELS))
    try:
        assert served.url.startswith("http://127.0.0.1:")
        found = scrape(served.url)
    finally:
        served.close()
    plain = {name.removeprefix("radome_"): value for (name, labels), value in found.items() if not labels}
    assert plain == {
        "samples_received_total": 2_500_000,
        "samples_lost_total": 12_352,
        "gaps_total": 2,
        "device_restarts_total": 1,
        "device_up": 1,
        "sample_rate_hertz": 250e3,
        "frequency_hertz": 437e6,
        "level_dbfs": -20.5,
        "clipped_ratio": 0.25,
        "ring_fill_ratio": 0.5,
        "queue_fill_ratio": 0.125,
    }
    by = {(name, *sorted(labels)): value for (name, labels), value in found.items()}
    assert by["radome_frames_total", "1", "A", "x"] == 7
    assert by["radome_frames_total", "", "", "z"] == 1
    assert by["radome_frame_failures_total", "1", "A", "crc", "x"] == 2
    assert by["radome_snr_db", "1", "A", "x"] == 12.5
    assert by["radome_offset_hertz", "1", "A", "x"] == -80
    assert by["radome_doppler_hertz", "1", "A", "x"] == 3000
    assert by["radome_signal_present", "1", "A", "x"] == 1
    assert by["radome_signal_present", "1", "A", 'y "z"\n'] == 0
    assert ("radome_snr_db", "1", "A", 'y "z"\n') not in by  # without a signal there is none


def test_before_there_is_anything() -> None:
    served = exporter(State())
    try:
        assert scrape(served.url)["radome_samples_lost_total", ()] == 0
    finally:
        served.close()


def test_addresses() -> None:
    assert parse_address("9110") == ("127.0.0.1", 9110)
    assert parse_address("0.0.0.0:9110") == ("0.0.0.0", 9110)
    assert parse_address("[::1]:9110") == ("::1", 9110)
    for text in ("", "x", "99999", "1:2:3", "a b:1x", "http://localhost:9110"):
        with pytest.raises(SinkError, match="is no port; it is written like 9110"):
            parse_address(text)


def test_what_cannot_be_served_on_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monitor: Any = SimpleNamespace(state=State)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SinkError, match=f"--metrics {port}: is in use by another program"):
            Exporter(str(port), monitor)
    with pytest.raises(SinkError, match=r"--metrics 192\.0\.2\.1:9110: cannot be served on"):
        Exporter("192.0.2.1:9110", monitor)
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(SinkError, match="needs the package prometheus-client"):
        Exporter("0", monitor)
