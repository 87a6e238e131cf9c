"""Parameters of stages: what cannot be is refused in words that name it, before the first sample."""

from __future__ import annotations

import dataclasses
import typing
from typing import Any

import pytest

from receiver.errors import FlowgraphError, OrbitError
from receiver.flowgraph import Chain, build, stage_class, stage_names
from receiver.stage import Clock, Kind, Stream

USES = [use for room in ("channel", "demod", "framing") for use in stage_names(room)]
NEEDED: dict[str, dict[str, Any]] = {
    "channel.doppler": {"frequency": 437.35e6},
    "channel.track": {"bandwidth": 17000},
    "demod.fsk": {"baudrate": 9600},
    "demod.afsk": {"baudrate": 1200, "carrier": 1700, "deviation": 500},
    "demod.apm": {"baudrate": 1200, "carrier": 2400},
    "demod.psk": {"baudrate": 1200},
    "framing.ccsds": {"frame_size": 223},
    "framing.declared": {"name": "mine", "sync": "1ACFFC1D", "size": 100},
}
NUMBERS = [0.0, -0.0, 1.0, -1.0, 0.5, 1e-9, 1e-300, 1e99, -1e99, 7.0, 24000.0, 48000.0, 5e6, float("nan"), float("inf")]
WHOLE = [0, -1, 1, 2, 3, 8, 223, 255, 256, 257, 65536, 10**6, 10**12, 2**63 - 1, 10**20]
TEXTS = ["", "x", "none.tle", "\0", "x" * 5000]
LISTS: list[Any] = [[], [0], [-1], ["x"], [[1]], [10**20]]


def values(field: dataclasses.Field[Any], hint: Any) -> list[Any]:
    kinds = [typing.get_origin(kind) or kind for kind in typing.get_args(hint) or (hint,)]
    odd = {float: NUMBERS, int: WHOLE, str: TEXTS, list: LISTS, bool: [True, False]}
    return [*field.metadata["choices"], *(value for kind in kinds for value in odd.get(kind, []))]


def complaint(tables: list[dict[str, Any]], stream: Stream) -> str:
    """What building and opening a chain complains of, if it does."""
    try:
        Chain([build(table, "here") for table in tables], "here").open(stream)
    except (FlowgraphError, OrbitError) as error:
        return str(error)
    return ""


@pytest.mark.parametrize("kind", ["iq", "real"])
@pytest.mark.parametrize("use", USES)
def test_odd_values(use: str, kind: Kind) -> None:
    cls = stage_class(use)
    hints = typing.get_type_hints(cls)
    stream = Stream(kind, 48000.0, Clock(48000.0, utc_ns=10**18), 437.3e6)
    behind = [{"use": "framing.ax25"}] if use.startswith("demod") else []
    assert complaint([{"use": use, **NEEDED.get(use, {})}, *behind], stream) == ""
    for field in (f for f in dataclasses.fields(cls) if "choices" in f.metadata):
        for value in values(field, hints[field.name]):
            said = complaint([{"use": use, **NEEDED.get(use, {}), field.name: value}, *behind], stream)
            assert said == "" or said.startswith("here: ")
            assert len(said) < 400 or value == TEXTS[-1]
