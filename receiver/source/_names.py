"""What the file names of common recorders tell.

=================  ====================================================  =========================================
SDR#, HDSDR        SDRSharp_20150804_204253Z_435595kHz_IQ.wav            UTC, centre frequency
SDRuno             SDRuno_20200907_184815Z_1648kHz.wav                   UTC, centre frequency
SDR++              baseband_437100000Hz_20-42-53_04-08-2015.wav          centre frequency, local time or UTC
gqrx               gqrx_20150804_204253_435595000_1800000_fc.raw         UTC, centre frequency, rate; cf32
gqrx (audio)       gqrx_20150804_204253_435595000.wav                    UTC, frequency
SatNOGS            satnogs_1234567_2021-05-08T14-20-30.ogg               UTC
SatDump            2023-08-27_16-40-10_2400000SPS_137100000Hz.cf32       UTC, rate, centre frequency
rtl_433            g001_437.1M_1024k.cu8                                 centre frequency, rate
=================  ====================================================  =========================================
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..stage import Clock
from ..utc import utc_ns
from . import Options

_COMPACT = re.compile(r"(?<!\d)(\d{4})(\d\d)(\d\d)[_T-](\d\d)(\d\d)(\d\d)(?!\d)", re.ASCII)
_DASHED = re.compile(r"(?<!\d)(\d{4})-(\d\d)-(\d\d)[T_](\d\d)-(\d\d)-(\d\d)(?!\d)", re.ASCII)
_SDRPP = re.compile(r"(?<!\d)(\d\d)-(\d\d)-(\d\d)_(\d\d)-(\d\d)-(\d{4})(?!\d)", re.ASCII)
_GQRX = re.compile(r"gqrx_\d{8}_\d{6}_(\d+)(?:_(\d+)_fc)?", re.ASCII)
_RTL_433 = re.compile(r"_(\d{1,4}(?:\.\d{1,9})?)M_(\d{1,5}(?:\.\d{1,3})?)k(?![^_.-])", re.ASCII)
_QUANTITY = re.compile(r"(?<![^_\s-])(\d{1,12}(?:\.\d{1,9})?)([kKMG]?)(Hz|hz|HZ|sps|Sps|SPS)(?![^_\s.-])", re.ASCII)
_SCALE = {"": 1.0, "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9}


UNCERTAINTY = 3**-0.5
"""Seconds: a name's time is cut off to the second."""


LOWEST = 1e6
"""Hz; nothing lower is received from a satellite."""


@dataclass
class NameFacts:
    """What a name says; None for what it does not."""

    rate: float | None = None
    frequency: float | None = None
    utc_ns: int | None = None
    doubt: str = ""
    """A sentence about the time, where it may mean another."""

    def clock(self, rate: float, options: Options) -> Clock:
        """Clock of a recording that has no better time than the name's or the user's."""
        if options.start is not None or self.utc_ns is None:
            return Clock(rate, 0.0, options.start)
        return Clock(rate, 0.0, self.utc_ns, UNCERTAINTY)

    def centre(self, rate: float, options: Options) -> float | None:
        """Radio frequency of zero, Hz: the user's or the name's, where that is not one of a rate, a width or a tone."""
        if options.frequency is not None:
            return options.frequency or None
        return self.frequency if self.frequency is not None and self.frequency > max(rate, LOWEST) else None

    def remarks(self, options: Options) -> list[str]:
        return [self.doubt] if self.doubt and self.utc_ns is not None and options.start is None else []


def facts(name: str) -> NameFacts:
    """Read the name of a file (without its folder)."""
    found = NameFacts()
    for pattern in (_COMPACT, _DASHED):
        if (match := pattern.search(name)) and found.utc_ns is None:
            found.utc_ns = utc_ns(*map(int, match.groups()))
    if found.utc_ns is None and (match := _SDRPP.search(name)):
        hour, minute, second, day, month, year = map(int, match.groups())
        found.utc_ns = utc_ns(year, month, day, hour, minute, second)
        found.doubt = (
            "SDR++ writes local time into the name unless set to UTC; it was taken as UTC, --start corrects it"
        )
    if match := _GQRX.match(name):
        found.frequency, found.rate = float(match[1]), float(match[2] or 0)
    elif match := _RTL_433.search(name):
        found.frequency, found.rate = float(match[1]) * 1e6, float(match[2]) * 1e3
    else:
        for number, scale, unit in _QUANTITY.findall(name):
            value = float(number) * _SCALE[scale]
            if unit.lower() == "hz":
                found.frequency = found.frequency or value
            else:
                found.rate = found.rate or value
    found.frequency = found.frequency if found.frequency and found.frequency < 1e12 else None
    found.rate = found.rate if found.rate and found.rate <= 1e10 else None
    return found
