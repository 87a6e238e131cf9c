"""From TOML tables to checked stages.

``use = "demod.fsk"`` is the module path below `receiver`; that module's name ``stage`` is the class. There is no
registry. Where there is no such module, ``use = "framing.geoscan"`` is `flowgraphs/framings/geoscan.toml`, the table of
a framing that is declared (`framing/declared.py`).
"""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import importlib
import re
import sys
import types
import typing
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

from .errors import FlowgraphError, OrbitError, short
from .framing._turned import readable
from .stage import Chunk, Frame, Kind, Stage, Stream, failures_of

_LARGEST = 1 << 20  # bytes; those that are shipped have 2000


def folder() -> Path:
    """Folder of the definitions: inside the installed package, or at the top of a checkout."""
    installed = Path(__file__).parent / "flowgraphs"
    return installed if installed.is_dir() else Path(__file__).parent.parent / "flowgraphs"


def load_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises FlowgraphError, naming the file, when it cannot be read or is not TOML.
    """
    toml = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
    except OSError as error:
        raise FlowgraphError(f"{path}: cannot be read: {error.strerror}") from error
    if len(data) > _LARGEST:
        raise FlowgraphError(f"{path}: is larger than {_LARGEST >> 10} KiB, so it cannot be a definition in TOML")
    try:
        table: dict[str, Any] = toml.loads(data.decode("utf-8-sig"))
        return table
    except UnicodeDecodeError as error:
        raise FlowgraphError(f"{path}: is not text in UTF-8, so it cannot be a definition in TOML") from error
    except toml.TOMLDecodeError as error:
        raise FlowgraphError(f"{path}: is not TOML: {error}") from error
    except RecursionError as error:
        raise FlowgraphError(f"{path}: is not TOML that can be read: its tables are too deep") from error
    except ValueError as error:  # an integer of more digits than Python takes
        raise FlowgraphError(f"{path}: is not TOML that can be read: it has a number too long") from error


@cache
def stage_class(use: str) -> type[Stage]:
    """Find the stage that ``use`` names, such as "demod.fsk"."""
    known = all(part.isidentifier() for part in use.split("."))
    try:
        module = importlib.import_module(f"receiver.{use}") if known else None
    except ModuleNotFoundError as error:
        if not str(error.name).startswith("receiver"):
            raise
        module = None
    cls = getattr(module, "stage", None)
    if cls is None:
        room = use.split(".")[0]
        names = [name.removeprefix(f"{room}.") for name in stage_names(room)]
        names += framing_names() if room == "framing" else ()
        near = difflib.get_close_matches(use.removeprefix(f"{room}.").casefold().replace(" ", "-"), names, 1)
        every = f"; there are {', '.join(names)}" if names else ""
        hint = f"; did you mean '{room}.{near[0]}'?" if near else every
        raise FlowgraphError(f"use = {short(use)}: there is no such stage{hint}")
    return typing.cast("type[Stage]", cls)


def stage_names(room: str) -> Iterator[str]:
    """Names of the stages in a folder of the package, such as "demod"."""
    path = Path(__file__).parent / room
    for file in sorted(path.glob("*.py")) if room.isidentifier() and path.is_dir() else ():
        if not file.stem.startswith("_") and "\nstage = " in file.read_text(encoding="utf-8"):
            yield f"{room}.{file.stem}"


def framing_names() -> Iterator[str]:
    """Names of the framings that are declared, such as "geoscan"."""
    for file in sorted((folder() / "framings").glob("*.toml")):
        yield file.stem


@cache
def declared_framing(name: str) -> dict[str, Any] | None:
    """The table of a declared framing, with ``use``; None where there is no such file."""
    path = folder() / "framings" / f"{name}.toml"
    if not re.fullmatch("[a-z0-9-]+", name) or not path.is_file():
        return None
    return {"use": "framing.declared", **load_toml(path)}


@cache
def _parameters(cls: type) -> dict[str, tuple[dataclasses.Field[Any], Any]]:
    hints = typing.get_type_hints(cls)
    # fields not declared by parameter() or required() are for callers in Python
    return {f.name: (f, hints[f.name]) for f in dataclasses.fields(cls) if f.init and "choices" in f.metadata}


def build(table: Mapping[str, Any], where: str, room: str = "") -> Stage:
    """Make a stage of a chain from its TOML table, checking every key and value.

    Parameters
    ----------
    table : ``use`` and the stage's parameters
    where : named in messages, such as ``funcube.toml, transmitter 1``
    room : folder that a short ``use`` stands in, such as "demod"

    Raises
    ------
    FlowgraphError
    """
    made = construct(table, where, room)
    if not isinstance(made, Stage):
        raise FlowgraphError(f"{where}: {table['use']} is no stage of a chain")
    return made


def construct(table: Mapping[str, Any], where: str, room: str = "") -> Any:
    """Make what a TOML table declares, be it stage, source or sink; otherwise as `build`."""
    use = table.get("use")
    if not isinstance(use, str):
        raise FlowgraphError(f"{where}: has no 'use' that names a stage, such as use = \"fsk\"")
    path = use if "." in use or not room else f"{room}.{use}"
    if path.startswith("framing."):
        declared = declared_framing(path.removeprefix("framing."))
        if declared is not None:
            return construct({**declared, **{key: value for key, value in table.items() if key != "use"}}, where)
    try:
        cls = stage_class(path)
    except FlowgraphError as error:
        raise FlowgraphError(f"{where}: {error}") from None
    known = _parameters(cls)
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key == "use":
            continue
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; it has: {', '.join(known) or 'none'}"
            raise FlowgraphError(f"{where}: {use} has no parameter {short(key)}{hint}")
        values[key] = _checked(value, *known[key], f"{where}: {key}")
    missing = [
        name
        for name, (f, _) in known.items()
        if name not in values and f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise FlowgraphError(f"{where}: {use} needs {', '.join(missing)}")
    try:
        return typing.cast("Any", cls)(**values)
    except ValueError as error:
        raise FlowgraphError(f"{where}: {error}") from error


def _checked(value: Any, f: dataclasses.Field[Any], hint: Any, where: str) -> Any:
    options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    choices = f.metadata.get("choices")
    if choices and value not in choices:
        raise FlowgraphError(f"{where} is {short(value)}; it is one of {', '.join(map(repr, choices))}")
    for option in options:
        kind = typing.get_origin(option) or option
        if kind is float and isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e100:
            return float(value)
        if kind is int and isinstance(value, int) and not isinstance(value, bool):
            return value
        if kind in (str, bool, list, dict) and isinstance(value, kind):
            return value
    names = {float: "a number", int: "a whole number", str: "a text", bool: "true or false", list: "a list"}
    wanted = " or ".join(names.get(typing.get_origin(o) or o, str(o)) for o in options if o is not types.NoneType)
    raise FlowgraphError(f"{where} is {short(value)}; it must be {wanted}")


class Chain:
    """Stages in a row; itself used like a stage.

    Parameters
    ----------
    stages : in the order of the signal
    where : the chain's place, for messages
    places : those of the stages, where they have their own

    Raises FlowgraphError when one stage does not take what the one before it gives.
    """

    output: Stream
    """What comes out, since `open`."""

    def __init__(self, stages: Sequence[Stage], where: str = "chain", places: Sequence[str] = ()) -> None:
        self.stages = list(stages)
        self.tap: Callable[[Chunk], object] | None = None
        """Is shown the symbols that go into the framing; must not keep them waiting."""
        self._places = list(places) or [where] * len(self.stages)
        for before, after in zip(self.stages, self.stages[1:], strict=False):
            if before.gives not in after.takes:
                raise FlowgraphError(
                    f"{where}: {type(after).__name__} takes {' or '.join(after.takes)}, "
                    f"but {type(before).__name__} before it gives {before.gives}"
                )

    def open(self, stream: Stream) -> Stream:
        """Open each stage with what the one before it gives.

        Raises FlowgraphError or OrbitError, whose sentence begins with the place of the stage.
        """
        for i, place in enumerate(self._places):
            self.stages[i] = readable(self.stages[i], stream)
            try:
                stream = self.stages[i].open(stream)
            except (FlowgraphError, OrbitError) as error:
                raise type(error)(f"{place}: {error}") from error
        self.output = stream
        return stream

    def fresh(self) -> Chain:
        """The same chain, as it was before it was opened."""
        chain = Chain([dataclasses.replace(stage) for stage in self.stages], places=self._places)  # type: ignore[type-var]
        chain.tap = self.tap
        return chain

    def process(self, chunk: Chunk) -> list[Chunk | Frame]:
        return self._run([chunk], 0)

    def close(self) -> list[Chunk | Frame]:
        """Close each stage in turn, passing what was inside it through those behind it."""
        out: list[Chunk | Frame] = []
        for i, stage in enumerate(self.stages):
            out = [*self._run(out, i, i + 1), *stage.close()]
        return out

    def _run(self, items: Sequence[Chunk | Frame], first: int, last: int | None = None) -> list[Chunk | Frame]:
        out = list(items)
        for stage in self.stages[first:last]:
            if isinstance(stage, Beside):
                stage.tap = self.tap
            elif self.tap is not None and "soft" in stage.takes:
                for item in out:
                    self.tap(item)  # type: ignore[arg-type]
            out = [made for item in out for made in stage.process(item)]  # type: ignore[arg-type]
        return out


@dataclasses.dataclass
class Beside:
    """Chains side by side of the same IQ, used like one stage: what a frame is received by is not known beforehand.

    The first is what the others stand beside: it must open, others that cannot are left out.
    """

    takes: ClassVar[tuple[Kind, ...]] = ("iq",)
    gives: ClassVar[Kind] = "frames"

    chains: Sequence[Chain]
    """Not open; copies of them are used."""

    def __post_init__(self) -> None:
        self._open = self._chains = [chain.fresh() for chain in self.chains]
        self._heard = self._chains[0]
        self.tap: Callable[[Chunk], object] | None = None
        """Is shown the symbols of the chain that gave the last frame."""

    @property
    def baudrate(self) -> float:
        """Symbol rate that all have, Bd."""
        return float(max(self._of_all("baudrate", 0.0)))

    @property
    def bandwidth(self) -> float:
        """Band that the widest takes, Hz."""
        return float(max(self._of_all("bandwidth", 0.0)))

    @property
    def delay(self) -> float:
        """Symbols by which the slowest is late."""
        return max(sum(getattr(stage, "delay", 0) for stage in chain.stages) for chain in self._chains)

    @property
    def remarks(self) -> list[str]:
        """What the stages have to say."""
        return list(dict.fromkeys(text for texts in self._of_all("remarks", ()) for text in texts))

    @property
    def failures(self) -> Counter[str]:
        """What all of them gave up, by reason."""
        return failures_of(stage for chain in self._open for stage in chain.stages)

    def _of_all(self, name: str, default: Any) -> list[Any]:
        return [getattr(stage, name, default) for chain in self._chains for stage in chain.stages]

    def open(self, stream: Stream) -> Stream:
        out = self._chains[0].open(stream)
        self._open = self._chains[:1]
        for chain in self._chains[1:]:
            with contextlib.suppress(FlowgraphError):
                chain.open(stream)
                self._open.append(chain)
        return out

    def process(self, chunk: Chunk) -> list[Chunk | Frame]:
        for chain in self._open:
            chain.tap = self.tap if chain is self._heard else None
        return [made for chain in self._open for made in self._noted(chain, chain.process(chunk))]

    def close(self) -> list[Chunk | Frame]:
        return [made for chain in self._open for made in self._noted(chain, chain.close())]

    def _noted(self, chain: Chain, made: list[Chunk | Frame]) -> list[Chunk | Frame]:
        if made:
            self._heard = chain
        return made
