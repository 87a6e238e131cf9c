#!/usr/bin/env python3
"""Write docs/parameters.md: what each stage takes, gives and can be told, as the stages themselves declare it.

python3 tools/make_parameters.py
"""

from __future__ import annotations

import dataclasses
import importlib
import sys
import types
import typing
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("source", "channel", "demod", "framing", "coding", "link", "sink")
HEAD = """# Parameters of sources, stages and sinks

Written by `tools/make_parameters.py`; do not edit. A stage is named by its module below `receiver`: in a satellite's
definition `demod = { use = "fsk", … }` is `receiver/demod/fsk.py`; in a flowgraph `use = "demod.fsk"`.
"""
NAMES = {float: "number", int: "whole number", str: "text", bool: "true, false", list: "list", dict: "table"}


def kind(hint: Any) -> str:
    """What a value may be, in words; empty when no TOML value fits."""
    options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    return " or ".join(NAMES[o] for o in (typing.get_origin(o) or o for o in options) if o in NAMES)


def literal(value: Any) -> str:
    """A value as TOML has it."""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f'`"{value}"`' if isinstance(value, str) else f"`{value:g}`"


def default(field: dataclasses.Field[Any]) -> str:
    if field.default_factory is not dataclasses.MISSING:
        return f"`{field.default_factory()}`"
    if field.default is dataclasses.MISSING:
        return "needed"
    return "none" if field.default is None else literal(field.default)


def describe(use: str, cls: Any) -> str:
    """The section of one stage."""
    module = sys.modules[cls.__module__]
    lines = [f"## {use}", "", " ".join((module.__doc__ or "").strip().split("\n\n")[0].split()), ""]
    if hasattr(cls, "takes"):
        lines += [f"Takes {' or '.join(cls.takes)}, gives {cls.gives}.", ""]
    hints = typing.get_type_hints(cls)
    rows = []
    for field in dataclasses.fields(cls):
        value = " or ".join(map(literal, field.metadata.get("choices", ()))) or kind(hints[field.name])
        if field.init and "help" in field.metadata and value:
            unit = field.metadata["unit"]
            rows.append(f"| `{field.name}` | {value} | {default(field)} | {unit} | {field.metadata['help']} |")
    if rows:
        lines += ["| parameter | value | default | unit | meaning |", "|---|---|---|---|---|", *rows, ""]
    return "\n".join(lines)


def document() -> str:
    """The whole text of docs/parameters.md."""
    from receiver.flowgraph import stage_class, stage_names

    uses = [use for room in ROOMS for use in stage_names(room)]
    stages = [use for use in uses if hasattr(importlib.import_module(f"receiver.{use}"), "stage")]
    sections = [HEAD, *(describe(use, stage_class(use)) for use in stages)]
    return "\n".join(sections)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    (ROOT / "docs" / "parameters.md").write_text(document(), encoding="utf-8")
