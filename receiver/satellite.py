"""A satellite: a file of on-air facts, in TOML or SatYAML, and how to find it by name or number."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import FlowgraphError, short


@dataclass(frozen=True)
class Transmitter:
    """One signal of a satellite."""

    name: str
    frequency: float
    """Nominal downlink, Hz."""
    demod: dict[str, Any]
    """Table of the demodulator: ``use`` and its parameters, as in the file."""
    framing: dict[str, Any]
    """Table of the framing."""
    modulation: str = ""
    """As the field writes it, such as "FSK" or "DBPSK Manchester"."""
    link: tuple[dict[str, Any], ...] = ()
    """Tables of what is done with frames, in turn, such as taking the packets out that are in them."""

    @property
    def baudrate(self) -> float:
        return float(self.demod.get("baudrate", 0.0))


@dataclass(frozen=True)
class Satellite:
    name: str
    norad: int
    alternative_names: tuple[str, ...]
    transmitters: tuple[Transmitter, ...]
    path: Path

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name, *self.alternative_names)

    def place(self, transmitter: Transmitter) -> str:
        """Where a transmitter is defined, for messages: the file of somebody's own, of one that is shipped its name."""
        if self.path.parent == _shipped():
            return f"{self.name}, {transmitter.name}"
        return f"{self.path}, transmitter {short(transmitter.name)}"


def load_satellite(path: Path) -> Satellite:
    """Read a definition, checking its keys and values; the stages themselves are not built.

    Raises FlowgraphError, naming the file and the transmitter.
    """
    from .flowgraph import load_toml

    if path.suffix.lower() in (".yml", ".yaml"):
        from .satyaml import load_satyaml

        return load_satyaml(path)
    table = load_toml(path)
    where = str(path)
    check_keys(table, ("name", "norad", "alternative_names", "transmitter"), where)
    norad = checked_norad(table, where)
    names = checked(table, "alternative_names", list, where, [])
    if not all(isinstance(name, str) for name in names):
        raise FlowgraphError(f"{where}: alternative_names is {short(names)}; it must be a list of texts")
    tables = checked(table, "transmitter", list, where)
    if not tables or not all(isinstance(item, dict) for item in tables):
        raise FlowgraphError(f"{where}: transmitter must be one or more tables, each headed [[transmitter]]")
    transmitters = tuple(_transmitter(item, f"{where}, transmitter {i}") for i, item in enumerate(tables, 1))
    called = [transmitter.name for transmitter in transmitters]
    for name in called:
        if called.count(name) > 1:
            raise FlowgraphError(f"{where}: {called.count(name)} transmitters are named {name!r}; names must differ")
    return Satellite(checked(table, "name", str, where), norad, tuple(names), transmitters, path)


def _transmitter(table: Mapping[str, Any], where: str) -> Transmitter:
    name = checked_name(table, where)
    where = f"{where} ({name})"
    check_keys(table, ("name", "frequency", "modulation", "demod", "framing", "link"), where)
    frequency = checked(table, "frequency", float, where)
    if not 0 < frequency < 1e12:
        raise FlowgraphError(f"{where}: frequency is {frequency:g}; it must be the downlink in Hz, such as 437.3e6")
    demod, framing = (checked(table, key, dict, where) for key in ("demod", "framing"))
    for key, stage, example in (("demod", demod, "fsk"), ("framing", framing, "ax25")):
        if not isinstance(stage.get("use"), str):
            raise FlowgraphError(f'{where}: {key} does not name a stage; write {key} = {{ use = "{example}", … }}')
    link = checked(table, "link", list, where, [])
    if not all(isinstance(one, dict) and isinstance(one.get("use"), str) for one in link):
        raise FlowgraphError(f'{where}: link must be a list of tables, such as {{ use = "kiss" }}')
    return Transmitter(name, frequency, demod, framing, checked(table, "modulation", str, where, ""), tuple(link))


_LONGEST_NAME = 200
_KINDS = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    list: "a list",
    dict: "a table in braces, such as { use = … }",
}


def checked(table: Mapping[str, Any], key: str, kind: type, where: str, default: Any = None) -> Any:
    """The value of a key; without a default the key must be there.

    Raises FlowgraphError, whose sentence begins with `where`, when it is missing, empty, or of another kind.
    """
    value = table.get(key, default)
    if value is None:
        raise FlowgraphError(f"{where}: has no {key!r}; it must be {_KINDS[kind]}")
    fits = isinstance(value, (int, float) if kind is float else kind) and not isinstance(value, bool)
    if not fits or (value == "" and default is None):
        raise FlowgraphError(f"{where}: {key} is {short(value)}; it must be {_KINDS[kind]}")
    if kind is not float:
        return value
    try:
        return float(value)
    except OverflowError:  # a whole number of hundreds of digits
        return math.inf


def checked_name(table: Mapping[str, Any], where: str) -> str:
    """The name of a transmitter or chain; it becomes part of topics and messages. Raises FlowgraphError."""
    name: str = checked(table, "name", str, where)
    if not name.isprintable() or len(name) > _LONGEST_NAME:
        raise FlowgraphError(
            f"{where}: name is {short(name)}; it must be of at most {_LONGEST_NAME} characters that can be printed"
        )
    return name


def checked_norad(table: Mapping[str, Any], where: str, default: int | None = None) -> int:
    """The catalogue number. Raises FlowgraphError."""
    number: int = checked(table, "norad", int, where, default)
    if number != default and not 0 < number < 10**9:
        raise FlowgraphError(
            f"{where}: norad is {short(number)}; it must be a catalogue number above 0, of at most 9 digits"
        )
    return number


def check_keys(table: Mapping[str, Any], known: Sequence[str], where: str) -> None:
    """Raise FlowgraphError for a key that is not among the known ones."""
    for key in table:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
            raise FlowgraphError(f"{where}: {short(key)} is not known here; {hint}")


def find_satellite(query: str, folders: Sequence[Path] = ()) -> Satellite:
    """Find a definition by catalogue number, name or alternative name, whatever the case and punctuation.

    Parameters
    ----------
    query : such as "43466", "FUNcube-1" or "funcube1"
    folders : looked through, in this order, before the definitions that are shipped

    Raises
    ------
    FlowgraphError
        None or several have that name, or the definition is faulty.
    """
    wanted, number = _plain(query), catalogue_number(query)
    if number is not None:
        named: dict[tuple[Path, str], tuple[Path, list[str]]] = {}
        for path, norad, names in _scan(folders):
            if norad == number:
                named.setdefault((path.parent, _plain(names[0])), (path, names))
        if named:
            return load_satellite(_only(list(named.values()), f"satellite {query!r}", "number", "name"))
        for path in _shipped().glob(f"{number}-*.toml"):
            return load_satellite(path)
    everything = list(_scan([*folders, _shipped()]))
    for part in (slice(0, 1), slice(1, None)):  # the chief name before the others
        found = [(path, names) for path, _, names in everything if wanted in map(_plain, names[part])]
        if found:
            return load_satellite(_only(found, f"satellite {query!r}", "name", "catalogue number"))
    raise FlowgraphError(f"satellite {query!r}: there is no definition of it; {_hint(wanted, everything)}")


def _only(found: Sequence[tuple[Path, list[str]]], where: str, same: str, other: str) -> Path:
    """The definition of the first folder that has any. Raises FlowgraphError when it has several."""
    here = [(path, names) for path, names in found if path.parent == found[0][0].parent]
    if len(here) > 1:
        several = ", ".join(f"{names[0]} ({path.name})" for path, names in here)
        raise FlowgraphError(f"{where}: several have that {same}: {several}; give its {other}")
    return here[0][0]


def all_satellites(
    folders: Sequence[Path] = (), query: str = "", numbers: Container[int] | None = None
) -> list[Satellite]:
    """Load all definitions, or those with `query` in their number or one of their names; sorted by name.

    Of definitions with the same number those of the first folder are taken, one of each name, as satellites that have
    no number yet share one; `folders` come before what is shipped.

    Parameters
    ----------
    numbers : catalogue numbers of those that are wanted; None: of all
    """
    found: dict[int, dict[str, Path]] = {}
    wanted = _plain(query)
    for path, norad, names in _scan([*folders, _shipped()]):
        if numbers is not None and norad not in numbers:
            continue
        if not query or query == str(norad) or any(wanted and wanted in _plain(name) for name in names):
            same = found.setdefault(norad, {})
            if all(other.parent == path.parent for other in same.values()):
                same.setdefault(_plain(names[0]), path)
    paths = (path for same in found.values() for path in same.values())
    return sorted(map(load_satellite, paths), key=lambda satellite: satellite.name.casefold())


def catalogue_number(query: str) -> int | None:
    """The catalogue number that a text is, or None for a name."""
    return int(query) if query.isascii() and query.isdigit() and len(query) <= 9 else None


def _shipped() -> Path:
    from .flowgraph import folder

    return folder() / "satellites"


def _plain(name: str) -> str:
    return "".join(filter(str.isalnum, name.casefold()))


_LONGEST_HEAD = 10_000  # characters
_NORAD = re.compile(r"^norad\s*=\s*([\d_]+)", re.MULTILINE)
_NAME = re.compile(r"""^name\s*=\s*(["'])(.*?)\1""", re.MULTILINE)
_OTHERS = re.compile(r"^alternative_names\s*=\s*\[(.*?)\]", re.MULTILINE | re.DOTALL)
_TEXT = re.compile(r"""(["'])(.*?)\1""")
_YAML_NORAD = re.compile(r"^norad:\s*(\d+)", re.MULTILINE)
_YAML_NAME = re.compile(r"^name:[ \t]*(.+?)[ \t]*$", re.MULTILINE)
_YAML_OTHERS = re.compile(r"^alternative_names:[ \t]*(\[.*?\]|(?:\n\s*-.*)+)", re.MULTILINE)


def _scan(folders: Sequence[Path]) -> Iterator[tuple[Path, int, list[str]]]:
    """Path, catalogue number and names of the definitions in folders, read off their heads without parsing them."""
    for folder in folders:
        for path in sorted(path for path in folder.iterdir() if path.suffix.lower() in (".toml", ".yml", ".yaml")):
            try:
                with path.open(encoding="utf-8", errors="replace") as file:
                    head = file.read(_LONGEST_HEAD)
            except OSError:
                continue
            if path.suffix.lower() != ".toml":
                yield from _scanned_yaml(path, head)
                continue
            head = head.partition("[[")[0]
            norad, name, others = _NORAD.search(head), _NAME.search(head), _OTHERS.search(head)
            if norad and name:
                texts = _TEXT.findall(others[1]) if others else []
                yield path, int(norad[1]), [name[2], *(text for _, text in texts)]


def _scanned_yaml(path: Path, head: str) -> Iterator[tuple[Path, int, list[str]]]:
    norad, name, others = _YAML_NORAD.search(head), _YAML_NAME.search(head), _YAML_OTHERS.search(head)
    if norad and name:
        texts = re.split(r"\n\s*-|,", others[1].strip("[]")) if others else []
        yield path, int(norad[1]), [text for raw in (name[1], *texts) if (text := raw.strip(" \t\"'"))]


def _hint(wanted: str, everything: Sequence[tuple[Path, int, list[str]]]) -> str:
    known = {_plain(name): name for _, _, names in everything for name in names}
    near = [plain for plain in known if wanted and (wanted in plain or (len(plain) > 3 and plain in wanted))][:3]
    near += [plain for plain in difflib.get_close_matches(wanted, known, 3) if plain not in near]
    close = ", ".join(known[plain] for plain in near[:3])
    return f"did you mean {close}?" if close else "'radome satellites' lists all, --definition takes a file of your own"
