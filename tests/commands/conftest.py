"""The command line in this process, on the tiny competition alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mlebench_data.catalogue import Competition, check, splits
from mlebench_data.harness.cli import main
from mlebench_data.prepare import locks


@dataclass(frozen=True)
class Done:
    """A finished command."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """The output as strict JSON, and nothing besides."""

        def refuse(name: str) -> None:
            raise AssertionError(f"{name} is no JSON")

        return json.loads(self.out, parse_constant=refuse)


Command = Callable[..., Done]


@pytest.fixture
def mlebench(
    tiny_is_the_catalogue: Competition,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Command:
    """Run `mlebench` with splits, locks and data folder of the test's own."""
    folder = tmp_path / "splits"
    folder.mkdir()
    (folder / "small.txt").write_text("tiny\n")
    monkeypatch.setattr(splits, "default_folder", lambda: folder)
    monkeypatch.setattr(locks, "default_folder", lambda: folder)
    monkeypatch.setattr(check, "default_folder", lambda: tiny_is_the_catalogue.folder.parent)
    monkeypatch.setattr(check, "splits_folder", lambda: folder)
    monkeypatch.setenv("MLEBENCH_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: object) -> Done:
        capsys.readouterr()
        try:
            code = main([str(item) for item in arguments])
        except SystemExit as end:
            code = int(end.code or 0)
        captured = capsys.readouterr()
        return Done(code, captured.out, captured.err)

    return run
