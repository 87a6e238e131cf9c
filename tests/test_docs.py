"""What the documents say against what is there."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path

import pytest

import receiver
from receiver.cli import cli

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
LINK = re.compile(r"\]\(([^)#]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize("page", ["parameters", "framings"])
def test_written_pages_are_up_to_date(page: str) -> None:
    spec = importlib.util.spec_from_file_location(f"make_{page}", ROOT / "tools" / f"make_{page}.py")
    assert spec is not None
    assert spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    written = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    assert written == tool.document(), f"run tools/make_{page}.py"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        if not target.startswith("https://"):
            assert (page.parent / target).exists(), target


def test_fields_of_the_record_are_described() -> None:
    schema = json.loads((Path(receiver.__file__).parent / "frame.schema.json").read_text())
    page = (ROOT / "docs" / "frame-record.md").read_text(encoding="utf-8")
    assert [name for name in schema["properties"] if f"`{name}`" not in page] == []


def test_commands_are_described() -> None:
    context = cli.make_context("radome", [], resilient_parsing=True)
    page = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
    assert [name for name in cli.list_commands(context) if f"`radome {name}" not in page] == []


def test_options_in_the_documents_exist() -> None:
    context = cli.make_context("radome", [], resilient_parsing=True)
    known = {"--help", "--version"}
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        known.update(option for parameter in command.params for option in parameter.opts)
    for page in [
        ROOT / "README.md",
        *(ROOT / "docs" / f"{n}.md" for n in ("command-line", "frame-record", "definitions", "flowgraphs", "service")),
    ]:
        for line in page.read_text(encoding="utf-8").splitlines():
            if "radome " in line or "`--" in line:
                used = set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", line.split("--exec '")[0]))
                assert used <= known, line
