"""``radome identify``: what is in recordings of which nothing is known."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import click

from ._receive import FOLDER, check_unread, opener, progress_of, re_readable, source_options


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option("--definitions", type=FOLDER, multiple=True, help="A folder of your definitions.")
@click.option(
    "--picture", type=click.Path(dir_okay=False, path_type=Path), help="Draw waterfall and signals of one FILE."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a FILE instead of text.")
@click.option("--quiet", "-q", is_flag=True, help="Show no progress.")
@source_options
def command(
    files: tuple[str, ...],
    definitions: tuple[Path, ...],
    picture: Path | None,
    as_json: bool,
    quiet: bool,
    **options: Any,
) -> None:
    """Say what each FILE holds: signals, modulation, rate, framing, and the satellites that send so.

    The demodulators and framings of all definitions are tried, also at symbol rates that none has but the signal shows.
    A FILE is read three times or more, so it cannot be standard input. A --picture (PNG, SVG or PDF) is drawn of one
    FILE.
    """
    from ..identify import explore, framed, narrowed, recognised, report, table
    from ..picture import draw, require_matplotlib
    from ..pipeline import Pipeline
    from ..record import to_json
    from ..sink.terminal import Display, printable

    if picture is not None and len(files) > 1:
        raise click.UsageError("a --picture is drawn of one file")
    if picture is not None:
        require_matplotlib()  # rather now than after the last sample
        check_unread(picture, "a picture", files)
    open_file = opener(options)
    for i, name in enumerate(files):
        again = re_readable(name, open_file)
        display = Display(True)
        try:
            progress = None if quiet else progress_of(display)
            exploration = narrowed(again, explore(again, definitions, progress), definitions)
            with closing(again()) as source:
                tried = framed(source.recording, exploration)
                if tried:
                    Pipeline(source, [line for _, line in tried]).run(lambda *_: None, progress)
        finally:
            display.close()
        found = recognised(trial for trial, _ in tried)
        recording = source.recording
        if as_json:
            found_tables = [table(trial, finding, recording) for trial, finding in found]
            print(to_json({"file": name, "signals": found_tables}).decode(), flush=True)
        else:
            print(("\n" if i else "") + printable(recording.name))
            print("\n".join(report([trial for trial, _ in tried], recording)), flush=True)
        if picture is not None and exploration.survey.waterfall is not None:
            marks = [(trial.band, trial.hypothesis.name) for trial, _ in found if trial.band is not None]
            draw(exploration.survey.waterfall, picture, marks)
