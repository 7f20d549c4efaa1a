"""Every data file of the package is declared, so that it gets into the wheel."""

from __future__ import annotations

import runpy
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import setuptools

ROOT = Path(__file__).parents[2]


@pytest.fixture
def arguments(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What setup.py hands to setuptools."""
    given: dict[str, Any] = {}
    monkeypatch.setattr(setuptools, "setup", given.update)
    monkeypatch.chdir(ROOT)
    runpy.run_path(str(ROOT / "setup.py"))
    return given


def test_no_file_is_left_out(arguments: dict[str, Any]) -> None:
    folders = arguments["package_dir"]
    code = {name.replace(".", "/") for name in arguments["packages"]}
    left_out = []
    for package, folder in folders.items():
        patterns = arguments["package_data"].get(package, [])
        for path in (ROOT / folder).rglob("*"):
            if path.is_dir() or "__pycache__" in path.parts or path.suffix == ".pyc":
                continue
            inside = path.relative_to(ROOT / folder)
            home = "/".join([*package.split("."), *inside.parts[:-1]])
            if path.suffix == ".py" and home in code:
                continue
            # As setuptools reads them, a star stops at a slash.
            if not any(
                len(Path(pattern).parts) == len(inside.parts)
                and all(map(fnmatch, inside.parts, Path(pattern).parts))
                for pattern in patterns
            ):
                left_out.append(f"{folder}/{inside}")
    assert left_out == []
