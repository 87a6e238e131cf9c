"""``radome record``: what a device receives now, as a recording."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import counted
from ._device import device_options, end_in_order, limits_of, open_device, record_options, settings_of
from ._receive import site_of

if TYPE_CHECKING:
    from ..sink.terminal import Display
    from ..source.live import LiveSource
    from ..source.recorder import Recorder


@click.command()
@click.argument("device")
@device_options
@click.option(
    "--record", metavar="DIR", type=click.Path(path_type=Path), default=".", help="Where to; else the current folder."
)
@record_options
@click.option("--quiet", "-q", is_flag=True, help="Show neither progress nor a summary.")
def command(
    device: str,
    station: str | None,
    frequency: float | None,
    duration: float | None,
    record: Path,
    quiet: bool,
    **options: Any,
) -> None:
    """Write what DEVICE receives into SigMF recordings, until Ctrl-C, and print their names.

    DEVICE is written as for "radome live". Nothing is decoded: "radome decode" does that with the recordings.
    """
    from ..device._reader import Reader

    # it starts while this imports what it needs
    reader = click.get_current_context().with_resource(Reader())

    from ..errors import SinkError
    from ..sink.terminal import Display
    from ..source.recorder import Recorder

    limits, site = limits_of(options), site_of(station)
    source = open_device(settings_of(device, frequency, options), duration, reader)
    display = Display()
    try:
        end_in_order([source])
        source.say = display.remark
        place = None if site is None else site.place
        source.recorder = recorder = Recorder(
            record, source.recording, display.remark, limits, end=lambda text: None, site=place
        )
        try:
            seconds = _receive(source, recorder, display, quiet)
        finally:
            source.close()
            display.close()
            for path in recorder.paths:
                if path.exists():
                    click.echo(path)
        if not quiet:
            display.report([_summary(seconds, source, recorder)])
        if recorder.ended is not None:
            raise SinkError(recorder.ended)
    finally:
        source.close()


def _receive(source: LiveSource, recorder: Recorder, display: Display, quiet: bool) -> float:
    """Receive to the end; the seconds of signal that there were."""
    from ..sink.terminal import duration

    seconds = 0.0
    while recorder.ended is None and (chunk := source.read()) is not None:
        seconds = (chunk.position + len(chunk)) / chunk.rate
        if not quiet and recorder.path is not None:
            text = f"{duration(seconds)} of signal  {recorder.written / 1e6:.1f} MB in {recorder.path.name}"
            with suppress(OSError):  # somebody may delete the folder
                text += f"  {shutil.disk_usage(recorder.path.parent).free / 1e9:.1f} GB free"
            display.status(text + (f"  {counted(source.lost, 'sample')} lost" if source.lost else ""))
    return seconds


def _summary(seconds: float, source: LiveSource, recorder: Recorder) -> str:
    from ..sink.terminal import duration

    recordings = counted(len(recorder.paths), "recording")
    text = f"{duration(seconds)} of signal in {recordings}, {recorder.written / 1e6:.1f} MB"
    return text + (f", {counted(source.lost, 'sample')} lost" if source.lost else "")
