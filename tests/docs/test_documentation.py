"""The documentation names what there is, and links to what exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mlebench_data.catalogue.schema import CompetitionFile, Metric, Source, Version
from mlebench_data.catalogue.submission import Columns, Submission
from mlebench_data.harness.cli import COMMANDS
from mlebench_data.recipe import operation_types

ROOT = Path(__file__).parents[2]
FORMAT = (ROOT / "docs" / "competition-yaml.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("name", sorted(operation_types()))
def test_every_operation_is_in_the_table(name: str) -> None:
    table = FORMAT[FORMAT.index("| `op` |") :]
    row = next((line for line in table.splitlines() if line.startswith(f"| `{name}` ")), None)
    assert row is not None, f"docs/competition-yaml.md has no row for '{name}'"
    missing = [
        field
        for field in operation_types()[name].model_fields
        if field != "op" and f"`{field}" not in row
    ]
    assert not missing


@pytest.mark.parametrize("model", [CompetitionFile, Source, Version, Metric, Submission, Columns])
def test_every_key_is_explained(model: type) -> None:
    fields = model.model_fields  # type: ignore[attr-defined]
    missing = [name for name in fields if not re.search(rf"`(\w+\.)?{name}\b[^`]*`", FORMAT)]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8"))
    missing = [target for target in targets if not (page.parent / target).exists()]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_that_are_named_exist(page: Path) -> None:
    known = {command.__name__.rpartition(".")[2].rstrip("_") for command in COMMANDS}
    named = set(re.findall(r"(?:^ {4}|`)mlebench ([a-z]+)", page.read_text("utf-8"), re.MULTILINE))
    assert named <= known
