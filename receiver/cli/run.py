"""``radome run``: receive as a flowgraph file declares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ._receive import SOURCE_KEYS, context, output_options, realtime_option, receive, sinks_of, source_options

if TYPE_CHECKING:
    from ..pipeline import Line
    from ..record import Context
    from ..sink.terminal import Display
    from ..source import Recording, Source


@click.command()
@click.argument("flowgraph", metavar="FLOWGRAPH")
@click.argument("files", metavar="[FILE]...", nargs=-1)
@source_options
@realtime_option
@output_options
def command(flowgraph: str, files: tuple[str, ...], **options: Any) -> None:
    """Run the chains of a FLOWGRAPH: a TOML file that declares source, stages and sinks.

    FILEs, which are recordings as for "radome decode", and the options about them go before what its source says;
    --jsonl, --kiss and --zmq go instead of its sinks. Some flowgraphs are shipped and run by name alone:

    \b
        radome run fsk-9600-ax25 pass.wav
    """
    from ..declared import find_flowgraph, load_flowgraph
    from ..reception import declared_lines
    from ..record import boot_of, iso_time

    path = find_flowgraph(flowgraph)
    graph = load_flowgraph(path)
    told = {key: options[key] for key in SOURCE_KEYS if options[key] is not None}
    if "start" in told:
        told["start"] = iso_time(told["start"])  # as a flowgraph writes it
    names = files or (graph.file(**told).file,)
    sources = {name: graph.file(file=name, **told) for name in names}
    boot = boot_of(repr((files, told, graph.source, [(c.name, c.tables, c.satellite) for c in graph.chains])))

    def open_file(name: str) -> Source:
        return sources[name].open()

    def prepare(recording: Recording, display: Display) -> list[tuple[Line, Context]]:
        return [
            (line, context(boot, declared.satellite, declared.transmitter, line, recording))
            for declared, line in declared_lines(graph, recording, display.remark)
        ]

    receive(
        names,
        open_file,
        prepare,
        sinks_of(options) or graph.sinks,
        boot,
        realtime=options["realtime"],
        quiet=options["quiet"],
        beside=[path],
    )
