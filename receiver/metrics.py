"""Metrics for Prometheus, served on a port; figures are those of `Monitor.state` at the moment that they are asked for.

https://prometheus.io/docs/practices/naming/
"""

from __future__ import annotations

import errno
import re
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from . import __version__
from .errors import SinkError

if TYPE_CHECKING:
    from .monitor import Monitor

CHANNEL = ("satellite", "norad", "transmitter")
"""Labels of a channel; there are as many as transmitters are received."""
LOCAL = "127.0.0.1"


def parse_address(text: str) -> tuple[str, int]:
    """Address and port of ``[ADDRESS:]PORT``. Raises SinkError."""
    match = re.fullmatch(r"(?:(\[[0-9a-fA-F:.]+\]|[^:\[\]]*):)?(\d{1,5})", text)
    if match is None or not int(match[2]) < 65536:
        raise SinkError(f"--metrics {text}: is no port; it is written like 9110 or 0.0.0.0:9110")
    return (match[1] or LOCAL).strip("[]"), int(match[2])


class Exporter:
    """Serves them until it is closed.

    Parameters
    ----------
    place : ``[ADDRESS:]PORT``, on this machine alone without an address; port 0 takes one that is free

    Raises SinkError when that cannot be used, or prometheus-client is missing.
    """

    def __init__(self, place: str, monitor: Monitor) -> None:
        address, port = parse_address(place)
        try:
            from prometheus_client import CollectorRegistry, ProcessCollector, start_http_server
        except ImportError as error:
            raise SinkError(
                "--metrics needs the package prometheus-client; install it with: pip install prometheus-client"
            ) from error
        registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        registry.register(_Collector(monitor))
        try:
            self._server, self._thread = start_http_server(port, address, registry)
        except OSError as error:
            reasons = {
                errno.EADDRINUSE: "is in use by another program; choose another port",
                errno.EACCES: "is not for everyone; choose a port from 1024 on",
            }
            reason = reasons.get(error.errno or 0) or f"cannot be served on: {error.strerror or error}"
            raise SinkError(f"--metrics {place}: {reason}") from error
        host = f"[{address}]" if ":" in address else address
        self.url = f"http://{host}:{self._server.server_port}/metrics"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(1.0)


class _Collector:
    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor

    def collect(self) -> Iterator[Any]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily

        state = self._monitor.state()
        yield InfoMetricFamily("radome", "What runs.", {"version": __version__, "device": state.device})
        for name, text, count in (
            ("samples_received", "Samples that came.", state.received),
            ("samples_lost", "Samples known to be lost.", state.lost),
            ("gaps", "Places where samples were lost.", state.gaps),
            ("device_restarts", "Times that the device was opened again.", state.restarts),
            ("recorded_bytes", "Samples written to recordings, bytes.", state.recorded),
        ):
            if count is not None:
                yield CounterMetricFamily(f"radome_{name}", text, count)
        for name, text, value in (
            ("device_up", "1, or 0 while the device is gone.", float(not state.away)),
            ("sample_rate_hertz", "Samples per second.", state.rate),
            ("frequency_hertz", "Middle of the band.", state.frequency),
            ("level_dbfs", "Mean power, dB of full scale.", state.level_dbfs),
            ("clipped_ratio", "Share of samples at the end of the scale, in the last second.", state.clipped),
            ("ring_fill_ratio", "Part of the ring between device and program that is full.", state.ring),
            ("queue_fill_ratio", "Part of the fullest queue before a chain that is full.", state.queue),
            ("free_bytes", "Free on the disk that is recorded to.", state.free),
        ):
            if value is not None:
                yield GaugeMetricFamily(f"radome_{name}", text, value)
        frames = CounterMetricFamily("radome_frames", "Frames given out.", labels=CHANNEL)
        failures = CounterMetricFamily(
            "radome_frame_failures", "What looked like a frame, by why it was none.", labels=(*CHANNEL, "reason")
        )
        signal = GaugeMetricFamily("radome_signal_present", "1 while there is a signal.", labels=CHANNEL)
        gauges = {
            "snr_db": GaugeMetricFamily("radome_snr_db", "Es/N0 of the signal that there is.", labels=CHANNEL),
            "offset_hz": GaugeMetricFamily(
                "radome_offset_hertz", "Its carrier beyond where it should be.", labels=CHANNEL
            ),
            "doppler_hz": GaugeMetricFamily("radome_doppler_hertz", "Shift by the orbit.", labels=CHANNEL),
            "elevation": GaugeMetricFamily("radome_elevation_degrees", "Of the satellite.", labels=CHANNEL),
        }
        last = GaugeMetricFamily("radome_last_frame_timestamp_seconds", "When it came.", labels=CHANNEL)
        for one in state.channels:
            labels = (one.satellite, str(one.norad or ""), one.transmitter)
            frames.add_metric(labels, one.frames)
            signal.add_metric(labels, float(one.signal))
            for field, gauge in gauges.items():
                value = getattr(one, field)
                if value is not None:
                    gauge.add_metric(labels, value)
            if one.last_frame is not None:
                last.add_metric(labels, time.time() - one.last_frame)
            for reason, count in one.failures.items():
                failures.add_metric((*labels, reason), count)
        yield from (frames, failures, signal, *gauges.values(), last)
