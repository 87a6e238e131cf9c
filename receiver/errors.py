"""What the user must mend. Each message is one sentence: where, what is wrong, what would be right.

And the words that messages have in common.
"""

from typing import Any


class RadomeError(Exception):
    """Base of all errors that a user can mend; the command line prints its message and exits with status 2."""


class SourceError(RadomeError, OSError):
    """A file or device cannot be read as what it claims to be."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class FlowgraphError(RadomeError, ValueError):
    """A definition or chain names something that does not exist or does not fit."""


class OrbitError(RadomeError, ValueError):
    """Orbital elements, a station position or a time cannot be used."""


class SinkError(RadomeError, OSError):
    """A file or socket for the output cannot be opened or written."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


def short(value: Any) -> str:
    """Show a value in a message, cut where it is long."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # an int of more digits than Python cares to print
        text = "an immense number"
    return text if len(text) <= 40 else text[:37] + "…"


def counted(number: int, thing: str) -> str:
    """A number of things in words, such as "1 frame" or "2 frames"."""
    return f"{number} {thing}{'' if number == 1 else 's'}"
