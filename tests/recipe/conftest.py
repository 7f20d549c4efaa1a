"""A running recipe over raw files that a test names."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlebench_data.raw import RawTree
from mlebench_data.recipe import Context, Operation, operation_types


@pytest.fixture
def make_context(tmp_path: Path) -> Callable[..., Context]:
    """Make a context: raw files by path, named values, and the competition's `prepare.py`."""

    def make(
        raw: dict[str, str | bytes] | None = None,
        values: dict[str, Any] | None = None,
        code: str | None = None,
    ) -> Context:
        folders = {name: tmp_path / name for name in ("raw", "output", "competition")}
        for folder in folders.values():
            folder.mkdir()
        for path, content in (raw or {}).items():
            file = folders["raw"] / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content if isinstance(content, bytes) else content.encode())
        if code is not None:
            (folders["competition"] / "prepare.py").write_text(code)
        options: dict[str, Any] = {}
        if "scratch" in inspect.signature(RawTree).parameters:
            options["scratch"] = tmp_path / "scratch"
        tree = RawTree(folders["raw"], [], "Get it.", **options)
        return Context(tree, folders["output"], folders["competition"], values=dict(values or {}))

    return make


@pytest.fixture
def operation() -> Callable[..., Operation]:
    """Make an operation of its parameters, as `competition.yaml` gives them."""

    def make(name: str, **parameters: Any) -> Operation:
        return operation_types()[name].model_validate({"op": name, **parameters})

    return make
