"""`radome info`: what is in a recording."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from ._receive import check_unread

if TYPE_CHECKING:
    from ..source import Source
    from ..survey import Survey


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option("--format", "format_", metavar="F", help="Sample type of a file of bare samples: cu8, cs16, cf32 …")
@click.option("--rate", type=float, metavar="R", help="Samples per second, where the file does not say.")
@click.option("--kind", type=click.Choice(["iq", "real"]), help="How two channels are meant: I and Q, or audio.")
@click.option("--picture", type=click.Path(dir_okay=False, path_type=Path), help="Draw spectrum and waterfall.")
def command(
    files: tuple[str, ...],
    format_: str | None,
    rate: float | None,
    kind: Literal["iq", "real"] | None,
    picture: Path | None,
) -> None:
    """Show what each FILE says of itself and how its samples are: level, clipping, DC offset.

    Every sample is read, - is standard input. A --picture (PNG, SVG or PDF) is drawn of one FILE.
    """
    from ..picture import draw, require_matplotlib
    from ..source import open_source
    from ..survey import Survey

    if picture is not None and len(files) > 1:
        raise click.UsageError("a --picture is drawn of one file")
    if picture is not None:
        require_matplotlib()  # rather now than after the last sample
        check_unread(picture, "a picture", files)
    for i, name in enumerate(files):
        source = open_source(name, format=format_, rate=rate, kind=kind)
        survey = Survey(source.recording, picture is not None)
        try:
            while (chunk := source.read()) is not None:
                survey.add(chunk)
        finally:  # what was read before a fault or Ctrl-C is shown
            source.close()
            print(("\n" if i else "") + "\n".join(_lines(source, survey)), flush=True)
            if picture is not None and survey.waterfall is not None:
                draw(survey.waterfall, picture)


def _lines(source: Source, survey: Survey) -> list[str]:
    from ..errors import counted
    from ..record import iso_time
    from ..sink.terminal import printable

    recording = source.recording
    said = f" of {recording.samples}" if recording.samples not in (None, survey.samples) else ""
    start = iso_time(recording.clock.time_ns(0))
    rows = {
        "kind": f"{'IQ' if recording.kind == 'iq' else 'audio'}, {recording.datatype}",
        "rate": f"{recording.rate:g} samples/s" if recording.rate < 1e6 else f"{recording.rate / 1e6:g} Msamples/s",
        "length": f"{counted(survey.samples, 'sample')}{said}, {survey.samples / recording.rate:.3f} s",
        "frequency": "unknown" if recording.frequency is None else f"{recording.frequency / 1e6:.6f} MHz",
        "start": "unknown" if start is None else start,
        "station": "unknown" if recording.station is None else "{:g}, {:g}, {:g} m".format(*recording.station),
        "level": f"{_db(survey.power)} of full scale, peak {_db(survey.peak**2)}",
        "clipping": "unknown" if survey.clipped is None else f"{100 * survey.clipped:.3g} % of the samples",
        "DC": f"{_db(survey.dc_power)} of full scale",
    }
    if survey.gaps:
        rows["gaps"] = str(survey.gaps)
    lines = [printable(recording.name)] + [f"  {name:<10} {value}" for name, value in rows.items()]
    return lines + [f"  remark     {remark}" for remark in recording.remarks]


def _db(power: float) -> str:
    return f"{10 * math.log10(power):.1f} dB" if power > 0 else "-inf dB"
