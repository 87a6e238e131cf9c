"""`radome listen`: frames from the network."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import click

from ..errors import counted
from ._receive import check_outputs
from ._values import Number

if TYPE_CHECKING:
    from ..sink import Sink
    from ..sink.terminal import Display
    from ..subscriber import Message, Subscriber

_TURN = 0.2  # seconds
_SILENCE = 5.0  # seconds without a word, not even a heartbeat, after which the user is told


@click.command()
@click.argument("addresses", metavar="ADDRESS...", nargs=-1, required=True)
@click.option("--satellite", "satellites", multiple=True, metavar="NAME|NORAD", help="Only this satellite's frames.")
@click.option("--topic", "topics", multiple=True, metavar="PREFIX", help="Only topics that begin so: frame/39444/1k2")
@click.option("--bind", is_flag=True, help="Be the one that publishers connect to.")
@click.option("--jsonl", metavar="FILE", help="Frames as JSON lines; - is standard output.")
@click.option("--kiss", metavar="FILE", help="Frames as a KISS file.")
@click.option("--exec", "commands", multiple=True, metavar="COMMAND", help="Run for each frame; see below.")
@click.option("--quiet", is_flag=True, help="Show no frames.")
@click.option("--count", type=click.IntRange(1), metavar="N", help="Stop after N frames.")
@click.option("--timeout", type=Number(0), metavar="S", help="Stop when no frame came for S seconds.")
@click.option("--until-end", is_flag=True, help="Stop when the publisher ends.")
def command(
    addresses: tuple[str, ...],
    satellites: tuple[str, ...],
    topics: tuple[str, ...],
    bind: bool,
    jsonl: str | None,
    kiss: str | None,
    commands: tuple[str, ...],
    quiet: bool,
    count: int | None,
    timeout: float | None,
    until_end: bool,
) -> None:
    """Show the frames that other Radomes publish at ADDRESS, such as tcp://127.0.0.1:5555, and hand them on.

    Publishers may come and go. Frames that were lost on the way are reported, those sent before this command joined are
    not.

    The COMMAND of --exec has the payload on its standard input, and the fields of the frame record in environment
    variables: RADOME_TIME, RADOME_SATELLITE, RADOME_SNR_DB and so on; RADOME_RECORD is the record as JSON. Frames wait
    while it runs.
    """
    from ..satellite import catalogue_number, find_satellite
    from ..sink.command import Command
    from ..sink.jsonl import JsonLines
    from ..sink.kiss import KissFile
    from ..sink.terminal import Display
    from ..subscriber import Subscriber

    if any(not topic.isprintable() for topic in topics):
        raise click.UsageError("a --topic is a text that can be printed, such as frame/39444/")
    data_on_stdout = "-" in (jsonl, kiss)
    prefixes = [*topics]
    for query in satellites:
        prefixes.append(f"frame/{catalogue_number(query) or find_satellite(query).norad}/")
    sinks: list[Sink] = []
    sinks += [JsonLines(jsonl)] if jsonl is not None else []
    sinks += [KissFile(kiss)] if kiss is not None else []
    sinks += [Command(text, quiet=data_on_stdout) for text in commands]
    check_outputs((), sinks)
    display = Display(data_on_stdout)
    with ExitStack() as stack:
        subscriber = stack.enter_context(Subscriber(addresses, prefixes, bind))
        for sink in sinks:
            sink.open("", display.remark)
            stack.callback(sink.close)
        listener = _Listener(subscriber, sinks, display, quiet)
        listener.run(count, timeout, len(addresses) if until_end else None, ", ".join(addresses))


class _Listener:
    def __init__(self, subscriber: Subscriber, sinks: list[Sink], display: Display, quiet: bool) -> None:
        self._subscriber = subscriber
        self._sinks = sinks
        self._display = display
        self._quiet = quiet
        self._frames = self._missing = 0

    def run(self, count: int | None, timeout: float | None, ends: int | None, where: str) -> None:
        """Hand frames on until there are `count`, none came for `timeout` s, or `ends` publishers have ended."""
        last_frame = last_word = time.monotonic()
        silent = strange = False
        try:
            while (count is None or self._frames < count) and ends != 0:
                message = self._subscriber.receive(_TURN)
                now = time.monotonic()
                if message is not None:
                    self._take(message)
                    now = last_word = time.monotonic()
                    silent = False
                    if message.kind == "frame":
                        last_frame = now
                    elif message.kind == "status" and message.table.get("end") is True and ends:
                        ends -= 1
                elif self._subscriber.malformed and not strange:
                    strange = True
                    reason = next(iter(self._subscriber.malformed))
                    self._display.remark(f"{where}: messages that are none of Radome's are left out: {reason}")
                if timeout is not None and now - last_frame >= timeout:
                    break
                if now - last_word >= _SILENCE and not silent:
                    silent = True
                    self._display.remark(f"{where}: nothing heard for {_SILENCE:.0f} s, not even a heartbeat; waiting")
        finally:
            self._finish()

    def _take(self, message: Message) -> None:
        if message.restarted:
            self._display.remark("another run: the numbers of the frames begin again")
        if message.missing > 0:
            self._missing += message.missing
            what = message.topic if message.kind == "frame" else "the publisher's count"
            self._display.remark(f"{counted(message.missing, 'frame')} lost on the way, as seen at {what}")
        if message.kind == "frame":
            self._frames += 1
            if not self._quiet:
                self._display.frame(message.table, message.payload)
            for sink in self._sinks:
                sink.write(message.table, message.payload)
                sink.tick()
        elif message.kind == "gap":
            self._display.remark(_gap(message.table))
        elif message.table.get("event") in ("device_lost", "device_back"):
            self._display.remark(f"the publisher: {message.table.get('message')}")

    def _finish(self) -> None:
        left_out = sum(self._subscriber.malformed.values())
        text = f"{counted(self._frames, 'frame')} received, {self._missing} lost on the way"
        self._display.remark(text + (f", {counted(left_out, 'other message')} left out" if left_out else ""))


def _gap(table: dict[str, Any]) -> str:
    text, lost, utc = "the publisher's source lost samples", table.get("lost"), table.get("utc")
    if isinstance(lost, int):
        text = f"the publisher's source lost {counted(lost, 'sample')}"
    return f"{text} at {utc[:19]}Z" if isinstance(utc, str) else text
