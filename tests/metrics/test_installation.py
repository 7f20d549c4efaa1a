"""Installed metrics load by name, in a new process, without a network and from any folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import evaluate
import pytest

from mlebench_data.metrics import installation
from mlebench_data.metrics.installation import install_metrics
from mlebench_data.metrics.registry import UnknownMetricError, metric_names, metric_path

LOAD_ALL = """
import json, sys
import evaluate
names = sys.argv[1:]
loaded = {name: evaluate.load("mlebench/" + name) for name in names}
score = loaded["rmse"].compute(references=[1, 2], predictions=[1, 4])
assert not [name for name in sys.modules if name.startswith("mlebench_data")]
print(json.dumps({"names": {name: metric.name for name, metric in loaded.items()}, **score}))
"""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty module cache for evaluate, which has been imported already."""
    monkeypatch.setattr(evaluate.config, "HF_MODULES_CACHE", tmp_path / "modules")
    monkeypatch.setattr(sys, "path", sys.path.copy())
    return tmp_path / "modules"


def test_all_load_in_a_new_process(tmp_path: Path) -> None:
    home = tmp_path / "hf home"
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("HF_")},
        "HF_HOME": str(home),
        "HF_EVALUATE_OFFLINE": "1",
    }

    def python(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, *arguments],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    out = python("-m", "mlebench_data.harness.cli", "metrics", "install")
    assert [Path(line).stem for line in out.splitlines()] == metric_names()
    assert all(Path(line).is_relative_to(home) for line in out.splitlines())
    result: dict[str, Any] = json.loads(python("-c", LOAD_ALL, *metric_names()))
    assert result == {"names": {name: name for name in metric_names()}, "rmse": 2**0.5}


def test_damaged_copy_is_repaired(cache: Path) -> None:
    (path,) = install_metrics(["rmse"])
    good = {file: file.read_bytes() for file in path.parent.glob("*.py")}
    assert {file.name for file in good} == {
        "__init__.py",
        "rmse.py",
        "direct_metric.py",
        "validation.py",
    }
    path.write_text("")
    (path.parent / "validation.py").write_text("import no_such_module\n")
    assert install_metrics(["rmse"]) == [path]
    assert {file: file.read_bytes() for file in path.parent.glob("*.py")} == good


def test_installed_version_is_the_one_that_loads(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "rmse"
    other.mkdir()
    for file in metric_path("rmse").glob("*.py"):
        (other / file.name).write_bytes(file.read_bytes())
    with (other / "rmse.py").open("a") as stream:
        stream.write("\n# Another version.\n")
    (first,) = install_metrics(["rmse"])
    with monkeypatch.context() as patch:
        patch.setattr(installation, "metric_path", lambda name: other)
        (second,) = install_metrics(["rmse"])
    assert first != second
    os.utime(first, (0, 0))
    for path in (first, second):
        os.utime(path, (1, 1))
    # Going back must not leave the newer copy in charge.
    assert install_metrics(["rmse"]) == [first]
    assert first.stat().st_mtime > second.stat().st_mtime


def test_unknown_name_installs_nothing(cache: Path) -> None:
    with pytest.raises(UnknownMetricError, match="did you mean 'rmse'"):
        install_metrics(["accuracy", "rmsee"])
    assert not cache.exists()
