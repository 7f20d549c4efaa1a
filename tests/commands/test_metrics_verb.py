"""`mlebench metrics`: what there is, what it means, and where evaluate finds it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import evaluate
import pytest

from mlebench_data.metrics import installation
from mlebench_data.metrics.registry import metric_names, metric_path


def test_list(mlebench: Any) -> None:
    done = mlebench("metrics", "list")
    assert done.code == 0
    rows = [row for row in map(str.split, done.out.splitlines()) if row]
    assert rows[0] == ["metric", "range", "competitions", "note"]
    (rmse,) = (row for row in rows if row[0] == "rmse")
    assert rmse[:6] == ["rmse", "↓", "0", "to", "∞", "1"]
    rows = mlebench("metrics", "list", "--json").json()
    assert [row["name"] for row in rows] == metric_names()
    assert {row["name"]: row["competitions"] for row in rows if row["competitions"]} == {
        "rmse": ["tiny"]
    }


@pytest.mark.parametrize("name", metric_names())
def test_info(name: str, mlebench: Any) -> None:
    facts = mlebench("metrics", "info", name, "--json").json()
    assert (facts["name"], facts["path"]) == (name, str(metric_path(name)))
    done = mlebench("metrics", "info", name)
    assert done.code == 0
    assert f"({name})" in done.out.splitlines()[0]
    assert facts["summary"] in done.out
    for heading in ("## Definition", "## Inputs", "## Parameters", "## Edge cases"):
        assert heading in done.out


@pytest.mark.parametrize("action", ["info", "install"])
def test_unknown_metric(action: str, mlebench: Any) -> None:
    done = mlebench("metrics", action, "rmsee")
    assert (done.code, done.out) == (1, "")
    assert "mlebench: no metric 'rmsee'; did you mean 'rmse'?" in done.err


def test_install(mlebench: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluate.config, "HF_MODULES_CACHE", tmp_path / "modules")
    done = mlebench("metrics", "install", "rmse", "accuracy")
    assert done.code == 0
    assert done.err.startswith('2 metrics installed; evaluate.load("mlebench/rmse") needs')
    paths = [Path(line) for line in done.out.splitlines()]
    assert [path.name for path in paths] == ["rmse.py", "accuracy.py"]
    assert all(path.is_file() and path.is_relative_to(tmp_path) for path in paths)
    asked: list[Any] = []
    monkeypatch.setattr(
        installation, "install_metrics", lambda names: asked.append(names) or [Path("a.py")]
    )
    assert mlebench("metrics", "install").code == 0
    assert asked == [None]
