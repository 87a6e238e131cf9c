"""Where a point of the Earth is among the stars: the WGS 84 ellipsoid and the Earth's rotation.

SGP4 gives positions in TEME (true equator, mean equinox). From there to the Earth is one rotation by Greenwich mean
sidereal time of 1982 (Vallado and others, "Revisiting Spacetrack Report #3", AIAA 2006-6753, appendix C), which runs
on UT1. Polar motion, up to 15 m on the ground, is left out, as it is in SGP4's own data.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

EQUATOR = 6378137.0
"""Equatorial radius of WGS 84, m."""
FLATTENING = 1 / 298.257223563

_DAY = 86_400_000_000_000
_YEAR_2000 = 946_684_800_000_000_000

# UT1 - UTC in ms on 1 January and 1 July of each year since 2000 (IERS); a rise of more than 0.3 s is a leap second
_UT1_UTC = np.array(
    [
        *(355, 204, 93, -28, -116, -229, -289, -367, -390, -469, -504, -615, 339, 195, 38, -157, -273, -445),
        *(407, 233, 114, -57, -141, -291, -419, 413, 277, 57, -97, -302, -460, 323, 82, -212, 591, 360, 216, 71),
        *(-36, -174, -177, -240, -175, -167, -110, -69, -20, -36, 9, -4, 46, 43, 74, 51, 88, 102),
    ]
)


def ut1_minus_utc(utc_ns: NDArray[np.int64]) -> NDArray[np.float64]:
    """Interpolate UT1 - UTC, to 0.02 s from 2000 to 2027; outside, the table's first and last value hold.

    0.02 s is 9 m of the Earth's turning at the equator: 0.15 m/s in the range rate of a low satellite overhead.

    Parameters
    ----------
    utc_ns : (n,) UTC, ns since 1970-01-01

    Returns
    -------
    (n,) seconds
    """
    days = (np.asarray(utc_ns, np.int64) - _YEAR_2000) / _DAY
    # yearly swing of the Earth's rotation, UT2 - UT1 (IERS Technical Note 21; the same since 1962)
    table = _UT1_UTC / 1000 + _season(_STARTS)
    step = np.diff(table)
    step = np.where(step > 0.3, step - 1.0, step)
    inside = np.clip(days, _STARTS[0], _STARTS[-1])
    i = np.clip(np.searchsorted(_STARTS, inside, side="right") - 1, 0, len(step) - 1)
    part = (inside - _STARTS[i]) / (_STARTS[i + 1] - _STARTS[i])
    return np.asarray(table[i] + part * step[i] - _season(inside))


def _season(days: NDArray[np.float64]) -> NDArray[np.float64]:
    a = 2 * np.pi * days / 365.2422
    return np.asarray(0.022 * np.sin(a) - 0.012 * np.cos(a) - 0.006 * np.sin(2 * a) + 0.007 * np.cos(2 * a))


_years = np.arange(2000, 2000 + len(_UT1_UTC) // 2)
_STARTS = (
    (np.stack([_years * 12, _years * 12 + 6], 1).ravel() - 1970 * 12).astype("datetime64[M]").astype("datetime64[D]")
    - np.datetime64("2000-01-01")
).astype(np.float64)


def sidereal_angle(utc_ns: NDArray[np.int64]) -> NDArray[np.float64]:
    """Greenwich mean sidereal time of 1982, the angle from TEME to the Earth.

    Parameters
    ----------
    utc_ns : (n,) UTC, ns since 1970-01-01

    Returns
    -------
    (n,) rad, in [0, 2 pi)
    """
    since_noon = np.asarray(utc_ns, np.int64) - (_YEAR_2000 + _DAY // 2)
    ut1 = ut1_minus_utc(utc_ns) / 86400.0
    part = since_noon % _DAY / _DAY + ut1
    t = (since_noon // _DAY + part) / 36525.0
    seconds = 67310.54841 + (8640184.812866 + (0.093104 - 6.2e-6 * t) * t) * t
    return np.asarray((part + seconds / 86400.0) % 1.0 * (2 * np.pi))


def position(latitude: float, longitude: float, altitude: float) -> NDArray[np.float64]:
    """Place on or above the WGS 84 ellipsoid, in the frame that turns with the Earth.

    Parameters
    ----------
    latitude, longitude : degrees
    altitude : m above the ellipsoid

    Returns
    -------
    (3,) m: towards 0 E on the equator, 90 E on the equator, the north pole
    """
    lat, lon = np.radians(latitude), np.radians(longitude)
    e2 = FLATTENING * (2 - FLATTENING)
    normal = EQUATOR / np.sqrt(1 - e2 * np.sin(lat) ** 2)
    across = (normal + altitude) * np.cos(lat)
    return np.array([across * np.cos(lon), across * np.sin(lon), (normal * (1 - e2) + altitude) * np.sin(lat)])
