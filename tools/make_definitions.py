#!/usr/bin/env python3
"""Write flowgraphs/satellites/*.toml from a table of transmitters.

    python3 tools/make_definitions.py transmitters.csv [FOLDER]

The table is a CSV with one line a transmitter and the columns satellite, alternative_names (separated by ";"), norad,
transmitter, frequency (Hz), modulation, baudrate, deviation (Hz), af_carrier (Hz), fm_deviation (Hz), framing,
frame_size, precoding, scrambler, rs_basis, rs_interleaving, convolutional. Empty cells are unknown or the usual value.

Transmitters with a framing that Radome does not decode are left out, and so are satellites that have no other. Files
that are there already are written anew, others are not touched: a definition made by hand stays. The same table gives
the same files.
"""

from __future__ import annotations

import csv
import math
import re
import sys
import unicodedata
from collections import defaultdict
from pathlib import Path
from typing import Any

import tomllib

Row = dict[str, str]

FLOWGRAPHS = Path(__file__).resolve().parent.parent / "flowgraphs"


def declared(path: Path) -> dict[str, Any]:
    """The table of a framing that is declared in a file."""
    return tomllib.loads(path.read_text(encoding="utf-8"))


FRAMINGS: dict[str, dict[str, object]] = {
    "AX.25": {"use": "ax25"},
    "AX.25 G3RUH": {"use": "ax25", "scrambler": "g3ruh"},
    "AX100 ASM+Golay": {"use": "ax100", "mode": "ASM+Golay"},
    "AX100 Reed Solomon": {"use": "ax100", "mode": "Reed Solomon"},
    "U482C": {"use": "u482c"},
    "CCSDS Reed-Solomon": {"use": "ccsds"},
    "CCSDS Concatenated": {"use": "ccsds"},
    "FORESAIL-1": {"use": "ax100", "mode": "ASM+Golay", "sync": "1ACFFC1D"},
    "Mobitex": {"use": "mobitex", "header": "none"},
    "Mobitex-NX": {"use": "mobitex", "nx": True},
    "BEESAT-1": {"use": "mobitex", "nx": True, "header": "none"},
    "UA01": {"use": "ax25", "scrambler": "g3ruh", "precoding": "nrz-i"},
    "BEESAT-9": {"use": "mobitex", "nx": True, "callsign": "DP0BEM", "blocks": 32},
    **{declared(path)["name"]: {"use": path.stem} for path in sorted((FLOWGRAPHS / "framings").glob("*.toml"))},
}
USUAL = {"rs_basis": "dual", "rs_interleaving": "1", "scrambler": "CCSDS"}


def number(text: str) -> int | float:
    """The number that a cell holds, whole where it is."""
    value = float(text)
    return int(value) if value.is_integer() else value


def framing(row: Row) -> dict[str, object]:
    table = dict(FRAMINGS[row["framing"]])
    path = FLOWGRAPHS / "framings" / f"{table['use']}.toml"
    if path.exists():
        size = row["frame_size"] and number(row["frame_size"])
        if size and any(step["use"] == "ra" for step in declared(path)["steps"]):
            size = 2 * (size // 2 + 3 * math.ceil(size / 6))  # bytes of the repeat-accumulate code
        if size and size != declared(path)["size"]:
            table["size"] = size
        return table
    for key in ("callsign", "frame_size", "rs_basis", "rs_interleaving", "scrambler", "precoding"):
        if row[key] and row[key] != USUAL.get(key):
            table[key] = number(row[key]) if row[key].isdigit() else row[key]
    if row["framing"] == "CCSDS Concatenated":
        table["convolutional"] = row["convolutional"] or "CCSDS"
    return table


def demod(row: Row) -> dict[str, object]:
    words = row["modulation"].split()
    family = {"FSK": "fsk", "AFSK": "afsk", "BPSK": "psk", "DBPSK": "psk"}[words[0]]
    table: dict[str, object] = {"use": family, "baudrate": number(row["baudrate"])}
    for key, column in (("carrier", "af_carrier"), ("deviation", "deviation"), ("fm_deviation", "fm_deviation")):
        if row[column]:
            table[key] = number(row[column])
    if words[0] == "DBPSK":
        table["differential"] = True
    for word in words[1:]:
        table[{"Manchester": "manchester", "subaudio": "subaudio"}[word]] = True
    return table


def toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return f"{value:_}" if value >= 1_000_000 else str(value)
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml(item)}" for key, item in value.items()) + " }"
    return repr(value)


def definition(rows: list[Row]) -> str:
    """The TOML text of one satellite's definition."""
    first = rows[0]
    lines = [f"name = {toml(first['satellite'])}", f"norad = {first['norad']}"]
    if first["alternative_names"]:
        lines.append(f"alternative_names = {toml(first['alternative_names'].split(';'))}")
    for row in rows:
        facts = {
            "name": row["transmitter"],
            "frequency": number(row["frequency"]),
            "modulation": row["modulation"],
            "demod": demod(row),
            "framing": framing(row),
        }
        lines += ["", "[[transmitter]]", *(f"{key} = {toml(value)}" for key, value in facts.items())]
    return "\n".join(lines) + "\n"


def slug(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")


def main() -> None:
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    folder = Path(sys.argv[2]) if len(sys.argv) == 3 else FLOWGRAPHS / "satellites"
    satellites: defaultdict[int, list[Row]] = defaultdict(list)
    with open(sys.argv[1], newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["framing"] in FRAMINGS:
                satellites[int(row["norad"])].append(row)
    folder.mkdir(parents=True, exist_ok=True)
    for norad, rows in satellites.items():
        (folder / f"{norad}-{slug(rows[0]['satellite'])}.toml").write_text(definition(rows), encoding="utf-8")
    print(f"{len(satellites)} satellites, {sum(map(len, satellites.values()))} transmitters in {folder}")


if __name__ == "__main__":
    main()
