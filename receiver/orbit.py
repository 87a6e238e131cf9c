"""Orbital elements and a station, to Doppler shift, direction and range at a time.

A signal that arrives at UTC t left the satellite at t - tau(t), tau being the light's travel time, so the station
receives the satellite's oscillation f of that moment:

    received phase = f (t - tau(t)) cycles,   range rate = c tau'(t),   Doppler shift = -f tau'(t)

Included: SGP4 (WGS 72, as its elements are made), travel time of the light (up to 0.3 Hz at 437 MHz for a low
satellite), the station's turning with the Earth. Left out, at 437 MHz: what the elements themselves miss (1 km along
the track a day or two from the epoch: up to 15 Hz overhead), the ionosphere (a few Hz at low elevation), UT1 beyond
0.02 s (0.2 Hz), troposphere (0.1 Hz), time dilation and gravity (0.1 Hz, constant), polar motion (0.2 Hz).
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import earth
from .elements import Elements, read_elements
from .errors import OrbitError
from .flowgraph import load_toml
from .satellite import checked

if TYPE_CHECKING:
    from sgp4.api import Satrec

LIGHT = 299792458.0
"""m/s"""
FRESH_DAYS = 14.0
"""Elements further than this from the recording are remarked on."""

_DAY = 86_400_000_000_000
_UNIX_JULIAN = 2440587.5
_STEP = 10_000_000  # ns to either side, over which the range rate is taken: wrong by less than 1e-4 m/s


@dataclass(frozen=True)
class Station:
    """A place on the Earth (WGS 84)."""

    latitude: float
    """Degrees, north positive."""
    longitude: float
    """Degrees, east positive."""
    altitude: float = 0.0
    """m above the ellipsoid."""
    name: str = ""

    @property
    def place(self) -> tuple[float, float, float]:
        """Latitude, longitude and altitude."""
        return self.latitude, self.longitude, self.altitude

    def __post_init__(self) -> None:
        for what, value, low, high, unit in (
            ("latitude", self.latitude, -90, 90, "degrees"),
            ("longitude", self.longitude, -180, 360, "degrees"),
            ("altitude", self.altitude, -1000, 50_000, "metres"),
        ):
            if not low <= value <= high:
                raise OrbitError(f"station: {what} is {value:g}; it must be from {low} to {high} {unit}")


def parse_station(text: str) -> Station:
    """Read "latitude,longitude,altitude"; the altitude may be left out.

    Raises OrbitError when it is anything else or out of range.
    """
    try:
        parts = [float(part) for part in text.split(",")]
        if len(parts) not in (2, 3):
            raise ValueError
    except ValueError:
        raise OrbitError(
            f"station: {text!r} must be latitude,longitude,altitude in degrees and metres, such as 56.31,38.13,200"
        ) from None
    return Station(parts[0], parts[1], parts[2] if len(parts) == 3 else 0.0)


def default_station(path: Path | None = None) -> Station | None:
    """Read the station of the user's configuration; None where there is none.

    ::

        [station]
        name = "home"
        latitude = 56.31    # degrees, north positive
        longitude = 38.13   # degrees, east positive
        altitude = 200      # m

    Parameters
    ----------
    path : of the file; None: ``$XDG_CONFIG_HOME/radome/config.toml``, else ``~/.config/radome/config.toml``

    Raises
    ------
    OrbitError : the table is not as above, or a value is out of range
    FlowgraphError : the file is not TOML, or a value is no number
    """
    path = path or Path(os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config"), "radome", "config.toml")
    if not os.path.exists(path):
        return None
    table = load_toml(path).get("station")
    if table is None:
        return None
    known = {"latitude", "longitude", "altitude", "name"}
    if not isinstance(table, dict) or not table.keys() <= known or not {"latitude", "longitude"} <= table.keys():
        raise OrbitError(f"{path}: [station] must have latitude and longitude, and may have altitude and name")
    keys = ("latitude", "longitude", "altitude")
    latitude, longitude, altitude = (checked(table, key, float, f"{path}, station", 0.0) for key in keys)
    try:
        return Station(latitude, longitude, altitude, str(table.get("name", "")))
    except OrbitError as error:
        raise OrbitError(f"{path}: {error}") from None


class Look(NamedTuple):
    """Where a satellite is, seen from a station."""

    azimuth: NDArray[np.float64]
    """(n,) degrees from north by east."""
    elevation: NDArray[np.float64]
    """(n,) degrees, without refraction."""
    range: NDArray[np.float64]
    """(n,) m."""


@dataclass(frozen=True)
class Orbit:
    """One object's elements, propagated by SGP4."""

    elements: Elements
    remarks: tuple[str, ...] = field(default=(), compare=False)
    """Sentences for the user, such as that the elements are of another object than was asked for."""

    @property
    def name(self) -> str:
        return self.elements.name

    @property
    def norad(self) -> int | None:
        return self.elements.norad

    @cached_property
    def satellite(self) -> Satrec:
        """Model of the `sgp4` package, ready to propagate."""
        from sgp4.api import WGS72, Satrec

        e = self.elements
        days = e.epoch_ns / _DAY + (_UNIX_JULIAN - 2433281.5)
        model = Satrec()
        turn = 2 * math.pi / 1440.0  # rad per minute in one turn per day
        angles = {name: math.radians(getattr(e, name)) for name in ("perigee", "inclination", "anomaly", "node")}
        model.sgp4init(
            *(WGS72, "i", 0, days, e.drag, 0.0, 0.0, e.eccentricity, angles["perigee"], angles["inclination"]),
            *(angles["anomaly"], e.motion * turn, angles["node"]),
        )
        return model

    def age_days(self, utc_ns: int) -> float:
        """Days from the elements' epoch to a time."""
        return (utc_ns - self.elements.epoch_ns) / _DAY

    def remark(self, utc_ns: int) -> str | None:
        """Sentence for the user where the elements' epoch is far from a time, else None."""
        age = self.age_days(utc_ns)
        if abs(age) <= FRESH_DAYS:
            return None
        return (
            f"{self.elements.where}: the elements of {self.elements.label} are of {_date(self.elements.epoch_ns)}, "
            f"{abs(age):.0f} days {'before' if age > 0 else 'after'} the time in question; they may be far off by then"
        )

    def delay(self, station: Station, utc_ns: NDArray[np.int64]) -> NDArray[np.float64]:
        """Travel time of the light to a station.

        Parameters
        ----------
        utc_ns : (n,) UTC of arrival, ns since 1970-01-01

        Returns
        -------
        (n,) s

        Raises
        ------
        OrbitError : SGP4 cannot compute one of the times
        """
        return np.asarray(np.linalg.norm(self._line(station, utc_ns), axis=1) / LIGHT)

    def range_rate(self, station: Station, utc_ns: NDArray[np.int64]) -> NDArray[np.float64]:
        """Speed at which the signal's path grows, (n,) m/s, positive receding. Parameters as of `delay`.

        From the path itself, for SGP4's velocity is not the derivative of its position: it is 0.02 m/s off.
        """
        utc_ns = np.asarray(utc_ns, np.int64)
        grown = self.delay(station, utc_ns + _STEP) - self.delay(station, utc_ns - _STEP)
        return grown * (LIGHT * 1e9 / (2 * _STEP))

    def doppler(self, frequency: float, station: Station, utc_ns: NDArray[np.int64]) -> NDArray[np.float64]:
        """Received minus sent frequency, (n,) Hz. Parameters as of `delay`; `frequency` in Hz."""
        return self.range_rate(station, utc_ns) * (-frequency / LIGHT)

    def look(self, station: Station, utc_ns: NDArray[np.int64]) -> Look:
        """Direction and distance of the satellite as its light arrives. Parameters as of `delay`."""
        line = self._line(station, utc_ns)
        utc_ns = np.asarray(utc_ns, np.int64)
        lat = math.radians(station.latitude)
        lon = math.radians(station.longitude) + earth.sidereal_angle(utc_ns)
        towards = line[:, 0] * np.cos(lon) + line[:, 1] * np.sin(lon)
        east = line[:, 1] * np.cos(lon) - line[:, 0] * np.sin(lon)
        north = line[:, 2] * math.cos(lat) - towards * math.sin(lat)
        up = line[:, 2] * math.sin(lat) + towards * math.cos(lat)
        return Look(
            np.degrees(np.arctan2(east, north)) % 360.0,
            np.degrees(np.arctan2(up, np.hypot(east, north))),
            np.linalg.norm(line, axis=1),
        )

    def _line(self, station: Station, utc_ns: NDArray[np.int64]) -> NDArray[np.float64]:
        """From the station to where the satellite was when it sent, (n, 3) m in TEME."""
        utc_ns = np.asarray(utc_ns, np.int64)
        x, y, z = earth.position(*station.place)
        angle = earth.sidereal_angle(utc_ns)
        cosine, sine = np.cos(angle), np.sin(angle)
        here = np.stack([x * cosine - y * sine, x * sine + y * cosine, np.full(len(utc_ns), z)], axis=1)
        place, velocity = self._propagate(utc_ns, 0.0)
        distance = np.linalg.norm(place - here, axis=1)
        receding = np.sum((place - here) * velocity, axis=1) / distance
        return np.asarray(self._propagate(utc_ns, distance / (LIGHT + receding))[0] - here)

    def _propagate(
        self, utc_ns: NDArray[np.int64], ago: NDArray[np.float64] | float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Position and velocity in TEME some seconds before a time, (n, 3) m and m/s."""
        codes, place, velocity = self.satellite.sgp4_array(
            utc_ns // _DAY + _UNIX_JULIAN, utc_ns % _DAY / _DAY - ago / 86400.0
        )
        bad = np.flatnonzero((codes != 0) | ~np.isfinite(place).all(axis=1))
        if len(bad):
            when = int(utc_ns[bad[0]])
            decayed = codes[bad[0]] == 6
            raise OrbitError(
                f"{self.elements.where}: the elements of {self.elements.label}, of {_date(self.elements.epoch_ns)}, "
                f"cannot be computed for {_date(when)}: "
                + ("the satellite would have fallen by then" if decayed else "they do not describe an orbit then")
                + "; elements from nearer that time are needed"
            )
        return place * 1000.0, velocity * 1000.0


def load_orbits(path: str | Path) -> list[Orbit]:
    """Read every object of a TLE, 3LE or OMM file. Raises OrbitError."""
    return [Orbit(elements) for elements in read_elements(Path(path))]


def load_orbit(
    path: str | Path, norad: int | None = None, names: Sequence[str] = (), near_ns: int | None = None
) -> Orbit:
    """Read the elements of one object.

    Parameters
    ----------
    path : TLE, 3LE or OMM file
    norad : catalogue number of the object, if known
    names : of the object, looked for where no number fits; case, spaces and punctuation do not matter
    near_ns : UTC in ns; of several element sets of the object the one nearest to it is taken, else the latest

    Returns
    -------
    Orbit; a file with one object only is taken whatever its number or name, and `Orbit.remarks` says so

    Raises
    ------
    OrbitError : the file is faulty, or holds several objects and none of them fits
    """
    orbits = load_orbits(path)
    wanted = {_plain(name) for name in names}
    found = [orbit for orbit in orbits if norad is not None and orbit.norad == norad]
    found = found or [orbit for orbit in orbits if _plain(orbit.name) in wanted - {""}]
    if found or len({orbit.norad for orbit in orbits}) == 1:
        found = found or orbits
        best = max(
            found, key=lambda orbit: orbit.elements.epoch_ns if near_ns is None else -abs(orbit.age_days(near_ns))
        )
        asked = norad if norad is not None else next(iter(names), None)
        if asked is None or best.norad == norad or (norad is None and _plain(best.name) in wanted):
            return best
        remark = f"{path}: holds the elements of {best.elements.label}, not of {asked}; they are used all the same"
        return Orbit(best.elements, (remark,))
    labels = list(dict.fromkeys(orbit.elements.label for orbit in orbits))
    listed = ", ".join(labels[:8]) + (f" and {len(labels) - 8} more" if len(labels) > 8 else "")
    asked = " or ".join(filter(None, (f"number {norad}" if norad is not None else "", *names[:1])))
    raise OrbitError(
        f"{path}: holds {len(labels)} objects, "
        + (f"but none is {asked}: " if asked else "and which one is not said by name or catalogue number: ")
        + listed
    )


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).casefold()


def _date(utc_ns: int) -> str:
    return f"{np.datetime64(utc_ns // 10**9, 's')}Z"
