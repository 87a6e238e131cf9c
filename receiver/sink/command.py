"""Each frame to a command of its own: payload on standard input, the record in environment variables.

``RADOME_TIME``, ``RADOME_SATELLITE``, … are the fields of the frame record, empty where unknown; ``RADOME_RECORD`` is
all of it as JSON, without the payload.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from typing import Any

from ..errors import SinkError
from ..record import to_json
from ..stage import parameter, required
from . import Remark, Sink, to_stderr

_LONGEST = 130_000  # bytes; Linux refuses an environment variable of 128 KiB with its name (execve(2))


@dataclass
class Command(Sink):
    command: str = required(help="program and arguments, quoted as in a shell; no shell runs")
    quiet: bool = parameter(False, "", "its standard output goes to standard error")
    failures: int = field(default=0, init=False, repr=False)

    def open(self, boot: str, remark: Remark = to_stderr) -> None:
        self._remark = remark
        try:
            self._arguments = shlex.split(self.command)
        except ValueError as error:
            raise SinkError(f"command {self.command!r}: is not quoted as in a shell: {error}") from error
        if not self._arguments or shutil.which(self._arguments[0]) is None:
            raise SinkError(f"command {self.command!r}: there is no such program, or none that may be run")

    def write(self, record: dict[str, Any], payload: bytes) -> None:
        try:
            status = subprocess.run(
                self._arguments,
                input=payload,
                env={**os.environ, **environment(record)},
                stdout=sys.stderr if self.quiet else None,
            ).returncode
        except OSError as error:
            self._failed(record, f"cannot be run: {error.strerror}")
        else:
            if status:
                self._failed(record, f"exit status {status}" if status > 0 else f"ended by signal {-status}")

    def _failed(self, record: dict[str, Any], reason: str) -> None:
        self.failures += 1
        self._remark(f"command {self.command!r}: {reason} (frame {record['seq']})")


def environment(record: dict[str, Any]) -> dict[str, str]:
    """Write the fields of a record as environment variables; one that is too long for any is left out."""
    table = {f"RADOME_{name.upper()}": _text(value) for name, value in record.items()}
    table["RADOME_RECORD"] = _text({name: value for name, value in record.items() if name != "payload"})
    # NUL and half characters cannot be in an environment
    usable = {name: value.replace("\0", "").encode("utf-8", "replace") for name, value in table.items()}
    return {name: value.decode() for name, value in usable.items() if len(value) <= _LONGEST}


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else to_json(value).decode()


stage = Command
