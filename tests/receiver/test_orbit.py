"""Against skyfield, which goes another way round: through the celestial frame, with nutation and precession."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from receiver import earth
from receiver.errors import OrbitError, RadomeError
from receiver.orbit import LIGHT, Orbit, Station, default_station, load_orbit, load_orbits, parse_station

SUOMI = """\
SUOMI-100
1 43804U 18099AY  19312.63974356 -.00000043  00000-0  13601-5 0  9999
2 43804  97.7300  22.7185 0014609 207.1414 152.9045 14.95350049 50798
"""
OTHERS = """\
GPS BIIR-2  (PRN 13)
1 24876U 97035A   24001.50000000  .00000042  00000-0  00000-0 0  9993
2 24876  55.4400 160.6900 0078000  52.9000 307.9000  2.00562000193690
MOLNIYA 2-9
1 07276U 74026A   24001.50000000  .00000100  00000-0  00000-0 0  9990
2 07276  64.1000 210.0000 6500000 280.0000  15.0000  2.45000000100000
"""
STATION = Station(56.31, 38.13, 200.0)
DAY = 86_400_000_000_000


def ns(text: str) -> int:
    return int(np.datetime64(text, "ns").astype(np.int64))


def written(tmp_path: Path, text: str) -> Path:
    lines = [
        line[:68] + str(sum(int(c) if c.isdigit() else c == "-" for c in line[:68]) % 10) if len(line) == 69 else line
        for line in text.splitlines()
    ]
    path = tmp_path / "orbit.tle"
    path.write_text("\n".join(lines))
    return path


@pytest.fixture
def suomi(tmp_path: Path) -> Orbit:
    return load_orbit(written(tmp_path, SUOMI))


def skyfield_delay(path: Path, index: int, station: Station, utc_ns: NDArray[np.int64]) -> tuple[Any, Any, Any]:
    """Travel time by iteration, azimuth and elevation, all by skyfield."""
    from skyfield.api import EarthSatellite, load, wgs84

    scale = load.timescale(builtin=True)
    lines = path.read_text().splitlines()[3 * index : 3 * index + 3]
    satellite = EarthSatellite(lines[1], lines[2], ts=scale)
    place = wgs84.latlon(station.latitude, station.longitude, station.altitude)

    def time(seconds_before: NDArray[np.float64]) -> Any:
        return scale.utc(1970, 1, 1 + utc_ns // DAY, 0, 0, utc_ns % DAY / 1e9 - seconds_before)

    here = place.at(time(np.zeros(len(utc_ns)))).position.m
    delay = np.zeros(len(utc_ns))
    for _ in range(4):
        there = satellite.at(time(delay)).position.m
        delay = np.sqrt(((there - here) ** 2).sum(axis=0)) / LIGHT
    elevation, azimuth, _ = (satellite - place).at(time(delay * 0)).altaz()
    return delay, azimuth.degrees, elevation.degrees


def test_rotation_agrees_with_skyfield() -> None:
    """Half-yearly table and yearly swing give UT1 within 20 ms, from 2000 to the end of the table."""
    from skyfield.api import load
    from skyfield.sgp4lib import theta_GMST1982

    days = np.arange(10957, 20800, 11)
    time = load.timescale(builtin=True).utc(1970, 1, 1 + days)
    difference = earth.ut1_minus_utc(days * DAY) - time.dut1
    # a leap second falls between two days, at most one of these
    assert np.abs(difference).max() < 0.02
    later = earth.ut1_minus_utc(np.array([ns("2040-01-01"), ns("1990-01-01")]))
    assert np.abs(later).max() < 0.9
    whole, part = 2440587.5 + days, difference / 86400 + time.dut1 / 86400
    theta = np.array([theta_GMST1982(w, p)[0] for w, p in zip(whole, part, strict=True)])
    assert np.abs((earth.sidereal_angle(days * DAY) - theta + 3) % (2 * np.pi) - 3).max() < 1e-8


def test_position_agrees_with_skyfield() -> None:
    from skyfield.api import wgs84

    for place in ((0, 0, 0), (90, 10, 100), (-33.5, -70.6, 2500), (56.31, 38.13, 200), (12, 300, -50)):
        assert earth.position(*place) == pytest.approx(wgs84.latlon(*place).itrs_xyz.m, abs=1e-6)


@pytest.mark.parametrize(("index", "start"), [(0, "2019-11-13T08:12:00"), (1, "2024-01-02"), (2, "2024-01-02")])
def test_delay_agrees_with_skyfield(index: int, start: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within 1 mm with the same UT1, and within 10 m with the table's; low, half-day and eccentric orbits."""
    from skyfield.api import load

    path = written(tmp_path, SUOMI + OTHERS)
    orbit = load_orbits(path)[index]
    times = ns(start) + np.arange(0, 900, 30) * 1_000_000_000 + 123_456_789
    delay, azimuth, elevation = skyfield_delay(path, index, STATION, times)
    assert np.abs(orbit.delay(STATION, times) - delay).max() * LIGHT < 10
    scale = load.timescale(builtin=True)
    dut1 = scale.utc(1970, 1, 1 + times // DAY, 0, 0, times % DAY / 1e9).dut1
    monkeypatch.setattr(earth, "ut1_minus_utc", lambda _: dut1)
    assert np.abs(orbit.delay(STATION, times) - delay).max() * LIGHT < 1e-3
    # skyfield's direction is without the light's travel time: 0.004 degrees near overhead
    look = orbit.look(STATION, times)
    assert np.abs(look.elevation - elevation).max() < 0.01
    assert np.abs((look.azimuth - azimuth + 180) % 360 - 180).max() * math.cos(math.radians(elevation.max())) < 0.01
    assert look.range == pytest.approx(delay * LIGHT, abs=1e-3)


def test_doppler_is_the_derivative_of_the_phase(suomi: Orbit) -> None:
    """Integrated over a pass, the shift gives the received cycles."""
    times = ns("2019-11-13T08:12:00") + np.arange(0, 900 * 10 + 1) * 100_000_000
    delay = suomi.delay(STATION, times)
    shift = suomi.doppler(437e6, STATION, times)
    assert shift == pytest.approx(-437e6 / LIGHT * suomi.range_rate(STATION, times))
    cycles = (shift[:-2:2] + 4 * shift[1:-1:2] + shift[2::2]).cumsum() * 0.1 / 3
    assert cycles == pytest.approx(-437e6 * (delay[2::2] - delay[0]), rel=0, abs=0.01)
    assert shift[0] > 8000
    assert shift[-1] < -8000


def test_one_time_at_a_time_gives_the_same(suomi: Orbit) -> None:
    times = ns("2019-11-13T08:12:00") + np.arange(7) * DAY // 100
    whole = suomi.delay(STATION, times)
    assert [suomi.delay(STATION, times[i : i + 1])[0] for i in range(7)] == pytest.approx(whole, abs=1e-15)


def test_choice(tmp_path: Path) -> None:
    path = written(tmp_path, SUOMI + OTHERS)
    assert load_orbit(path, 24876).name.startswith("GPS")
    assert load_orbit(path, names=["no such", "molniya-2 9"]).norad == 7276
    assert load_orbit(path, 99999, ["SUOMI 100"]).norad == 43804
    with pytest.raises(OrbitError, match=r"holds 3 objects, but none is number 5: SUOMI-100 \(43804\), GPS"):
        load_orbit(path, 5)
    with pytest.raises(OrbitError, match="which one is not said by name or catalogue number"):
        load_orbit(path)


def test_the_only_object_is_taken_with_a_remark(tmp_path: Path) -> None:
    path = written(tmp_path, SUOMI)
    assert load_orbit(path, 43804).remarks == ()
    other = load_orbit(path, 43805)
    assert other.norad == 43804
    assert other.remarks == (
        f"{path}: holds the elements of SUOMI-100 (43804), not of 43805; they are used all the same",
    )


def test_the_nearest_epoch_is_taken(tmp_path: Path) -> None:
    path = written(tmp_path, SUOMI + SUOMI.replace("19312.6", "19316.6") + SUOMI.replace("19312.6", "19308.6"))
    assert load_orbit(path).age_days(ns("2019-11-13")) == pytest.approx(0.36, abs=0.01)
    for near, epoch in (("2019-11-01", "2019-11-04"), ("2019-11-09", "2019-11-08"), ("2030-01-01", "2019-11-12")):
        assert str(np.datetime64(load_orbit(path, 43804, near_ns=ns(near)).elements.epoch_ns, "ns"))[:10] == epoch


def test_far_epoch_is_remarked(suomi: Orbit) -> None:
    assert suomi.remark(ns("2019-11-20")) is None
    assert "are of 2019-11-08T15:21:13Z, 37 days before" in str(suomi.remark(ns("2019-12-16")))
    assert "days after" in str(suomi.remark(ns("2019-10-16")))


def test_what_cannot_be_computed_is_said(tmp_path: Path) -> None:
    falling = SUOMI.replace("13601-5", "99999-0").replace("14.95350049", "16.45350049")
    orbit = load_orbit(written(tmp_path, falling))
    with pytest.raises(
        OrbitError, match=r"line 2: the elements of SUOMI-100 \(43804\), of 2019-11-08T.*cannot be computed"
    ):
        orbit.delay(STATION, np.array([ns("2019-12-30")]))


def test_station() -> None:
    assert parse_station("56.31,38.13,200") == STATION
    assert parse_station(" -33.5 , -70.6") == Station(-33.5, -70.6, 0.0)
    for text, said in (
        ("", "must be latitude,longitude,altitude"),
        ("56.31", "must be latitude,longitude,altitude"),
        ("1,2,3,4", "must be latitude,longitude,altitude"),
        ("56.31;38", "must be latitude,longitude,altitude"),
        ("95,0", "latitude is 95; it must be from -90 to 90 degrees"),
        ("0,400", "longitude is 400"),
        ("nan,0", "latitude is nan"),
        ("0,0,1e9", "altitude is 1e"),
    ):
        with pytest.raises(OrbitError, match=said):
            parse_station(text)


def test_configured_station(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert default_station() is None
    path = tmp_path / "radome" / "config.toml"
    path.parent.mkdir()
    path.write_text("[other]\nx = 1\n")
    assert default_station() is None
    path.write_text('[station]\nname = "home"\nlatitude = 56.31\nlongitude = 38\naltitude = 200\n')
    assert default_station() == Station(56.31, 38.0, 200.0, "home")
    for text, said in (
        ("[station]\nlatitude = 5\n", "must have latitude and longitude"),
        ("[station]\nlatitude = 5\nlongitude = 6\nheight = 7\n", "may have altitude and name"),
        ("station = 5\n", "must have latitude"),
        ('[station]\nlatitude = "5"\nlongitude = 6\n', "latitude is '5'; it must be a number"),
        ("[station]\nlatitude = 99\nlongitude = 6\n", "latitude is 99"),
        ("[station]\nlatitude = 1" + "0" * 400 + "\nlongitude = 6\n", "latitude is inf"),
        ("[station", "is not TOML"),
    ):
        path.write_text(text)
        with pytest.raises(RadomeError, match=said):
            default_station()
