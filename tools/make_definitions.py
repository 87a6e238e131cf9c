#!/usr/bin/env python3
"""Write flowgraphs/satellites/*.toml from a table of transmitters.

    python3 tools/make_definitions.py transmitters.csv [FOLDER]

The table is a CSV with one line a transmitter and the columns satellite, alternative_names (separated by ";"), norad,
transmitter, frequency (Hz), modulation, baudrate, deviation (Hz), af_carrier (Hz), fm_deviation (Hz), framing,
frame_size, precoding, scrambler, rs_basis, rs_interleaving, convolutional. Empty cells are unknown or the usual value.
What such tables lack is added from `transmitters.csv` beside this file.

Transmitters with a framing that Radome does not decode are left out, and so are satellites that have no other. Files
that are there already are written anew, others are not touched: a definition made by hand stays. The same table gives
the same files.
"""

from __future__ import annotations

import csv
import re
import sys
import unicodedata
from collections import defaultdict
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parent.parent))

from receiver.satyaml import demod_table, framing_table

Row = dict[str, str]

SUPPLEMENT = Path(__file__).with_name("transmitters.csv")
FLOWGRAPHS = Path(__file__).resolve().parent.parent / "flowgraphs"


def number(text: str) -> int | float:
    """The number that a cell holds, whole where it is."""
    value = float(text)
    return int(value) if value.is_integer() else value


def keys(row: Row) -> dict[str, Any]:
    """What the table says of a transmitter beside its modulation and framing, as SatYAML has it."""
    names = {
        "deviation": "deviation",
        "af_carrier": "af_carrier",
        "fm_deviation": "fm_deviation",
        "callsign": "callsign",
        "frame_size": "frame size",
        "precoding": "precoding",
        "scrambler": "scrambler",
        "rs_basis": "RS basis",
        "rs_interleaving": "RS interleaving",
        "convolutional": "convolutional",
    }
    numeric = ("deviation", "af_carrier", "fm_deviation", "frame_size", "rs_interleaving")
    return {names[c]: number(row[c]) if c in numeric else row[c] for c in names if row[c]}


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
            "demod": demod_table(row["modulation"], number(row["baudrate"]), keys(row)),
            "framing": framing_table(row["framing"], keys(row)),
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
    for table in (Path(sys.argv[1]), SUPPLEMENT):
        with table.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                if framing_table(row["framing"], {}) is not None:
                    satellites[int(row["norad"])].append(row)
    folder.mkdir(parents=True, exist_ok=True)
    for norad, rows in satellites.items():
        (folder / f"{norad}-{slug(rows[0]['satellite'])}.toml").write_text(definition(rows), encoding="utf-8")
    print(f"{len(satellites)} satellites, {sum(map(len, satellites.values()))} transmitters in {folder}")


if __name__ == "__main__":
    main()
