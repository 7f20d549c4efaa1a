"""The agents' descriptions hold what the harness reads."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

AGENTS = Path(__file__).parents[2] / "harness" / "agents"
REQUIRED = {"numpy": "numpy", "pandas": "pandas", "scikit-learn": "sklearn", "pillow": "PIL"}


@pytest.mark.parametrize("name", ["sample", "baseline"])
def test_description_is_complete(name: str) -> None:
    agent = yaml.safe_load((AGENTS / name / "agent.yaml").read_text("utf-8"))
    assert agent["name"] == name
    assert agent["description"].endswith(".")
    assert agent["command"] == ["{python}", "{agent}/main.py"]
    assert (AGENTS / name / "main.py").is_file()
    assert agent["image"] == "base"
    assert agent["environment"] == {}


@pytest.mark.parametrize("name", ["sample", "baseline"])
def test_imports_are_declared(name: str) -> None:
    """A file imports only the standard library, its neighbours and what agent.yaml requires."""
    import ast
    import sys

    agent = yaml.safe_load((AGENTS / name / "agent.yaml").read_text("utf-8"))
    allowed = {REQUIRED[package] for package in agent["requires"]} | set(sys.stdlib_module_names)
    if "scikit-learn" in agent["requires"]:
        # What scikit-learn itself cannot be installed without.
        allowed |= {"scipy", "threadpoolctl"}
    allowed |= {file.stem for file in (AGENTS / name).glob("*.py")}
    for file in (AGENTS / name).glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            modules = []
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                modules = [node.module or ""]
            unknown = {module.split(".")[0] for module in modules} - allowed
            assert not unknown, f"{file.name} imports {unknown}"


@pytest.mark.parametrize(
    "word", ["spaceship", "transported", "spooky", "pizza", "nomad", "bandgap", "cactus", "species"]
)
def test_baseline_is_made_for_no_competition(word: str) -> None:
    for file in (AGENTS / "baseline").glob("*.py"):
        assert word not in file.read_text("utf-8").lower(), file.name
