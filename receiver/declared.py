"""From a flowgraph file to chains and sinks: a complete receiver that is declared, of whatever satellite or none.

    name = "…"
    [source]     use = "file"; its parameters        what is read; may be left out
    [[chain]]    name, stages = [{ use = "demod.fsk", … }, …]; kind of samples; satellite, norad, modulation
    [[sink]]     use = "jsonl" …; its parameters     where frames go; may be left out

All chains run side by side over the same samples.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from .errors import FlowgraphError, short
from .flowgraph import Chain, build, construct, folder, load_toml
from .satellite import Satellite, Transmitter, check_keys, checked, checked_name, checked_norad

if TYPE_CHECKING:
    from .sink import Sink
    from .source.file import File

SAMPLES = ("iq", "real")
"""Kinds that a source may give."""


@dataclass(frozen=True)
class Declaration:
    """One chain of a flowgraph."""

    name: str
    where: str
    """For messages."""
    tables: tuple[dict[str, Any], ...]
    """Of its stages, as in the file."""
    satellite: Satellite | None
    transmitter: Transmitter
    """What the frame record says of the signal."""
    kinds: tuple[str, ...]
    """Of samples that it is for."""

    def build(self) -> Chain:
        """Make its stages.

        Raises FlowgraphError, naming the file and the stage.
        """
        places = [f"{self.where}, stage {i}" for i in range(1, len(self.tables) + 1)]
        return Chain(
            [build(table, place) for table, place in zip(self.tables, places, strict=True)], self.where, places
        )


@dataclass(frozen=True)
class Flowgraph:
    """A file of chains with their source and sinks, checked."""

    name: str
    path: Path
    source: dict[str, Any]
    """Table of the source, as in the file."""
    chains: tuple[Declaration, ...]
    sinks: tuple[Sink, ...]

    def file(self, **given: Any) -> File:
        """The source.

        Parameters
        ----------
        given : goes before what the flowgraph says

        Raises FlowgraphError, naming the file and the key, when it is no source.
        """
        if "file" not in self.source and "file" not in given:
            raise FlowgraphError(f'{self.path}: says nothing to read; give a FILE, or write [source] with file = "…"')
        table = {"use": "file", **self.source, **given}
        made = construct(table, f"{self.path}, source", "source")
        if not hasattr(made, "open") or hasattr(made, "process"):
            raise FlowgraphError(f"{self.path}, source: {table['use']} is no source")
        return cast("File", made)


def find_flowgraph(query: str) -> Path:
    """Path of a flowgraph: a file, or the name of one that is shipped, such as "afsk-1200-ax25".

    Raises FlowgraphError when there is neither.
    """
    shipped = sorted(folder().glob("*.toml"))
    try:
        Path(query).stat()
        return Path(query)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise FlowgraphError(f"{query}: cannot be read: {error.strerror}") from error
    name = query.removesuffix(".toml")
    for one in shipped:
        if one.stem == name:
            return one
    names = [one.stem for one in shipped]
    near = difflib.get_close_matches(name, names, 1)
    hint = f"did you mean {near[0]!r}?" if near else f"shipped are {', '.join(names)}"
    raise FlowgraphError(f"{query}: there is no such file, and no flowgraph of that name is shipped; {hint}")


def load_flowgraph(path: Path) -> Flowgraph:
    """Read a flowgraph, checking all of it; nothing is opened yet.

    Raises FlowgraphError, naming the file and the key.
    """
    table, where = load_toml(path), str(path)
    check_keys(table, ("name", "source", "chain", "sink"), where)
    name = checked(table, "name", str, where, path.stem)
    chains = tuple(_chain(one, f"{where}, chain {i}") for i, one in enumerate(_tables(table, "chain", where), 1))
    if not chains:
        raise FlowgraphError(f"{where}: has no chain; it must be one or more tables, each headed [[chain]]")
    called = [chain.name for chain in chains]
    for one in called:
        if called.count(one) > 1:
            raise FlowgraphError(f"{where}: {called.count(one)} chains are named {one!r}; names must differ")
    sinks = tuple(_sink(one, f"{where}, sink {i}") for i, one in enumerate(_tables(table, "sink", where), 1))
    flowgraph = Flowgraph(name, path, checked(table, "source", dict, where, {}), chains, sinks)
    flowgraph.file(**({} if "file" in flowgraph.source else {"file": "-"}))
    return flowgraph


def _tables(table: dict[str, Any], key: str, where: str) -> Sequence[dict[str, Any]]:
    tables = checked(table, key, list, where, [])
    if not all(isinstance(one, dict) for one in tables):
        raise FlowgraphError(f"{where}: {key} must be tables, each headed [[{key}]]")
    return cast("Sequence[dict[str, Any]]", tables)


def _chain(table: dict[str, Any], where: str) -> Declaration:
    name = checked_name(table, where)
    where = f"{where} ({name})"
    check_keys(table, ("name", "stages", "kind", "satellite", "norad", "modulation"), where)
    tables = checked(table, "stages", list, where)
    if not tables or not all(isinstance(one, dict) for one in tables):
        raise FlowgraphError(f'{where}: stages must be a list of tables, such as {{ use = "demod.fsk", … }}')
    called, norad = checked(table, "satellite", str, where, ""), checked_norad(table, where, 0)
    modulation = checked(table, "modulation", str, where, "")
    demod: dict[str, Any] = next((one for one in tables if "baudrate" in one), {})
    framing = next((one for one in reversed(tables) if not str(one.get("use")).startswith("link.")), tables[-1])
    kind = checked(table, "kind", str, where, "")
    if kind not in ("", *SAMPLES):
        raise FlowgraphError(f"{where}: kind is {short(kind)}; it is one of 'iq', 'real'")
    declared = Declaration(
        name,
        where,
        tuple(tables),
        Satellite(called, norad, (), (), Path()) if called or norad else None,
        Transmitter(name, 0.0, demod, framing, modulation),
        (kind,) if kind else SAMPLES,
    )
    stages = declared.build().stages
    if not set(declared.kinds) & set(stages[0].takes):
        gives = f"kind is {kind!r}" if kind else "the source gives samples"
        raise FlowgraphError(f"{where}, stage 1: {tables[0]['use']} takes {stages[0].takes[0]}, but {gives}")
    if stages[-1].gives != "frames":
        raise FlowgraphError(f"{where}: ends with {tables[-1]['use']}, which gives {stages[-1].gives}, not frames")
    if not demod:
        raise FlowgraphError(f"{where}: no stage has a 'baudrate', so nothing demodulates")
    return declared


def _sink(table: dict[str, Any], where: str) -> Sink:
    from .sink import Sink

    made = construct(table, where, "sink")
    if not isinstance(made, Sink):
        raise FlowgraphError(f"{where}: {table['use']} is no sink")
    return made
