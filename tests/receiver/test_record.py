from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

import receiver
from receiver.record import Context, boot_of, iso_time, new_boot, record, to_json
from receiver.satellite import Satellite, Transmitter
from receiver.stage import Clock, Frame

SCHEMA = json.loads((Path(receiver.__file__).parent / "frame.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
TRANSMITTER = Transmitter("9k6 FSK", 437.5e6, {"use": "fsk", "baudrate": 9600}, {"use": "ax25"}, "FSK")
SATELLITE = Satellite("Test-1", 99999, (), (TRANSMITTER,), Path("test.toml"))
CLOCK = Clock(48000.0, 0.0, 1_700_000_000_123_456_789, 0.25)
FRAME = Frame(b"\x00\xffAB", 4800.12345, 320.0, CLOCK, "AX.25 G3RUH", offset=-12.345, crc_ok=True, integrity="crc")


def make(frame: Frame = FRAME, **changes: Any) -> dict[str, Any]:
    context = Context(**{"boot": boot_of("x"), "satellite": SATELLITE, "transmitter": TRANSMITTER, **changes})
    table = record(frame, context, 7)
    VALIDATOR.validate(table)
    assert json.loads(to_json(table)) == table
    return table


def test_fields_are_those_of_the_schema_in_order() -> None:
    assert list(make()) == list(SCHEMA["properties"]) == SCHEMA["required"]


def test_values() -> None:
    table = make(carrier=437.5e6, doppler=lambda position, clock: 1234.56, station="52.1,4.3,10")
    assert table["time"] == "2023-11-14T22:13:20.223459361Z"  # 4800.12345 samples of 1/48000 s after the anchor
    assert table["time_uncertainty_s"] == 0.25
    assert (table["sample"], table["samples"]) == (4800.123, 320.0)
    assert table["doppler_hz"] == 1234.6
    assert table["frequency_hz"] == 437_501_222.2
    assert table["payload"] == "00ff4142"
    assert (table["seq"], table["norad"], table["station"]) == (7, 99999, "52.1,4.3,10")


def test_unknown_is_null() -> None:
    frame = FRAME.but(clock=Clock(48000.0), offset=None, snr_db=math.nan, ebn0_db=math.inf)
    table = make(frame, carrier=437.5e6)
    for name in ("time", "time_uncertainty_s", "frequency_hz", "doppler_hz", "offset_hz", "snr_db", "ebn0_db"):
        assert table[name] is None, name


def test_carrier_without_an_orbit_is_the_offset_from_where_it_was_expected() -> None:
    assert make(carrier=437.5e6)["frequency_hz"] == 437_499_987.7


def test_numpy_floats_and_any_text_become_json() -> None:
    table = make(FRAME.but(snr_db=np.float32(7.25), false_alarm=np.float64(1.23456e-9), link={"from": "\x00é\n"}))
    assert (table["snr_db"], table["false_alarm"]) == (7.2, 1.23e-9)
    assert b"\n" not in to_json(table)


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "1970-01-01T00:00:00.000000000Z"),
        (-1, "1969-12-31T23:59:59.999999999Z"),
        (1_700_000_000_000_000_001, "2023-11-14T22:13:20.000000001Z"),
        (10**22, None),
        (None, None),
    ],
)
def test_iso_time(ns: int | None, text: str | None) -> None:
    assert iso_time(ns) == text


def test_boot() -> None:
    assert boot_of("a") == boot_of("a") != boot_of("b")
    assert new_boot() != new_boot()


def test_half_a_character_does_not_stop_the_output() -> None:
    assert to_json({"from": "\ud800"}) == b'{"from":"?"}'
