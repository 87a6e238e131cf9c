"""`radome satellites`: which satellites are known, and what they send."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ..satellite import Satellite, Transmitter

HEADER = ("NORAD", "satellite", "transmitter", "MHz", "modulation", "baud", "framing")


@click.command()
@click.argument("query", required=False, default="")
@click.option("--json", "as_json", is_flag=True, help="A JSON object a line, everything that the definitions say.")
@click.option(
    "--definitions",
    "--folder",
    "folders",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder of your own definitions; they go before those that are shipped.",
)
@click.option(
    "--check",
    "checked",
    is_flag=True,
    help="Send made-up frames through noise to the receiver of each, and say which do not come back.",
)
def command(query: str, as_json: bool, folders: tuple[Path, ...], checked: bool) -> None:
    """List the satellites with QUERY in their name or as their catalogue number; without it, all.

    A table on a terminal; elsewhere a line for each transmitter, its columns separated by tabs. With --check and
    without QUERY, framings that no satellite is known to use (FX.25, IL2P) are checked, too. The exit status is 1 when
    the frames of a transmitter did not come back.
    """
    from ..errors import FlowgraphError
    from ..satellite import all_satellites

    found = all_satellites(folders, query)
    if not found:
        raise FlowgraphError(f"no satellite has {query!r} in its name or as its catalogue number")
    if checked:
        sys.exit(_check(found, every=not query))
    if as_json:
        _print_json(found)
    elif sys.stdout.isatty():
        _print_table(found)
    else:
        for row in (row for satellite in found for row in _rows(satellite)):
            print("\t".join(row))


def _check(satellites: list[Satellite], every: bool) -> int:
    """Check each distinct chain once, on all processors; gives the exit status.

    With `every`, framings that no satellite has are checked, too.
    """
    import os
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    from rich.progress import track

    from ..check import OTHERS, check, key
    from ..errors import counted

    named: dict[str, list[str]] = {}
    chains: dict[str, Transmitter] = {}
    for satellite in satellites:
        for transmitter in satellite.transmitters:
            chains.setdefault(key(transmitter), transmitter)
            named.setdefault(key(transmitter), []).append(satellite.place(transmitter))
    for transmitter in OTHERS if every else ():
        chains[key(transmitter)] = transmitter
        named[key(transmitter)] = [f"no satellite, {transmitter.name} on {transmitter.demod['use']}"]
    bad = 0
    with ProcessPoolExecutor(os.cpu_count(), get_context("spawn")) as pool:
        outcomes = pool.map(check, chains.values())
        shown = track(outcomes, "checking", len(chains), transient=True, disable=not sys.stderr.isatty())
        for names, outcome in zip(named.values(), shown, strict=True):
            if not outcome.good:
                bad += len(names)
                for name in names:
                    print(f"{name}: {outcome}")
    count = sum(map(len, named.values()))
    others = f", {len(OTHERS)} of them of none," if every else ""
    of = f"{counted(count, 'transmitter')} of {counted(len(satellites), 'satellite')}"
    print(f"{count - bad} of {of}{others} {'receives what it sends' if count == 1 else 'receive what they send'}")
    return 1 if bad else 0


def _print_json(satellites: list[Satellite]) -> None:
    import dataclasses
    import json

    for satellite in satellites:
        print(json.dumps({**dataclasses.asdict(satellite), "path": str(satellite.path)}, ensure_ascii=False))


def _print_table(satellites: list[Satellite]) -> None:
    from rich.console import Console
    from rich.table import Table

    from ..errors import counted

    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in HEADER:
        table.add_column(name, justify="right" if name in ("NORAD", "MHz", "baud") else "left", no_wrap=True)
    for satellite in satellites:
        for i, row in enumerate(_rows(satellite)):
            table.add_row(*(row if i == 0 else ("", "", *row[2:])))
    Console().print(table)
    transmitters = sum(len(satellite.transmitters) for satellite in satellites)
    print(f"{counted(len(satellites), 'satellite')}, {counted(transmitters, 'transmitter')}")


def _rows(satellite: Satellite) -> list[tuple[str, ...]]:
    names = satellite.name + "".join(f", {name}" for name in satellite.alternative_names)
    return [
        (
            str(satellite.norad),
            names,
            transmitter.name,
            f"{transmitter.frequency / 1e6:.6f}".rstrip("0").rstrip("."),
            transmitter.modulation,
            f"{transmitter.baudrate:g}",
            _framing(transmitter.framing),
        )
        for transmitter in satellite.transmitters
    ]


def _framing(table: Mapping[str, Any]) -> str:
    """The framing's name and those of its parameters that are words."""
    return " ".join(value for value in table.values() if isinstance(value, str))
