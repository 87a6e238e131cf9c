"""Kinds of values on the command line."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import click


class Number(click.ParamType):  # type: ignore[type-arg]
    """A finite number in a range.

    Parameters
    ----------
    low, high : the least and the largest that will do
    open : `low` itself will not do
    none : "none" will do, too, and is None
    """

    name = "number"

    def __init__(
        self, low: float = -math.inf, high: float = math.inf, *, open: bool = False, none: bool = False
    ) -> None:
        self.low, self.high, self.open, self.none = low, high, open, none

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float | None:
        if self.none and isinstance(value, str) and value.lower() == "none":
            return None
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not (math.isfinite(number) and self.low <= number <= self.high) or (self.open and number == self.low):
            self.fail(f"{value!r} is not {self._wanted()}", param, ctx)
        return number

    def _wanted(self) -> str:
        words = ["a number"]
        if self.low > -math.inf:
            words.append(f"above {self.low:g}" if self.open else f"from {self.low:g}")
        if self.high < math.inf:
            words.append(f"up to {self.high:g}")
        return " ".join(words) + (" or none" if self.none else "")


def numbers(*kinds: Number, more: bool = False) -> Callable[[click.Context, click.Parameter, Any], Any]:
    """Callback of an option for numbers with commas between them: a tuple, or of a repeated option one for each.

    Parameters
    ----------
    kinds : what the numbers are, one after the other
    more : as many as one likes, the rest of the last kind
    """

    def read(text: str, param: click.Parameter, ctx: click.Context) -> tuple[float | None, ...]:
        parts = text.split(",")
        if len(parts) < len(kinds) or (len(parts) > len(kinds) and not more):
            raise click.BadParameter(f"{text!r} is not {param.metavar}", ctx, param)
        every = [*kinds, *kinds[-1:] * (len(parts) - len(kinds))]
        return tuple(kind.convert(part.strip(), param, ctx) for kind, part in zip(every, parts, strict=True))

    def callback(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(read(text, param, ctx) for text in value)
        return None if value is None else read(value, param, ctx)

    return callback


class Gain(click.ParamType):  # type: ignore[type-arg]
    """A gain in dB, or those of named stages: a number, or a tuple of names and numbers."""

    name = "gain"
    _decibels = Number(-100, 200)

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float | tuple[tuple[str, float], ...] | None:
        if not isinstance(value, str) or "=" not in value:
            return self._decibels.convert(value, param, ctx)
        stages = []
        for word in value.split(","):
            stage, equals, number = (part.strip() for part in word.partition("="))
            if not (stage and equals):
                self.fail(f"{value!r} is not written like LNA=30,VGA=12.5", param, ctx)
            stages.append((stage, self._decibels.convert(number, param, ctx) or 0.0))
        return tuple(stages)


def pairs(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Callback of a repeated option of KEY=VALUE."""
    made = []
    for text in values:
        key, equals, value = text.partition("=")
        if not (key.strip() and equals):
            raise click.BadParameter(f"{text!r} is not {param.metavar}", ctx, param)
        made.append((key.strip(), value.strip()))
    return tuple(made)


class Time(click.ParamType):  # type: ignore[type-arg]
    """A time in UTC: ns since 1970-01-01."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        from ..utc import told_utc

        if isinstance(value, int):
            return value
        try:
            return told_utc(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Size(click.ParamType):  # type: ignore[type-arg]
    """A number of bytes, such as 500MB, 2 GB, 1GiB or 1e9.

    Parameters
    ----------
    low : the least that will do
    """

    name = "size"

    def __init__(self, low: float = 1.0) -> None:
        self.low = low

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        match = re.fullmatch(r"\s*(\d+\.?\d*(?:e\d+)?)\s*(?:([kmgt])(i?))?b?\s*", str(value).lower())
        number = math.nan
        if match:
            power = "kmgt".index(match[2]) + 1 if match[2] else 0
            number = float(match[1]) * (1024 if match[3] else 1000) ** power
        if not self.low <= number < 1e18:
            least = f" of at least {self.low / 1e6:g}MB" if self.low > 1 else ""
            self.fail(f"{value!r} is no number of bytes{least}, such as 500MB or 2GB", param, ctx)
        return int(number)
