"""Packages that are downloaded for an image."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from mlebench_data.harness.images.wheels import download_wheels
from mlebench_data.harness.runtimes.failures import RuntimeFailure


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two packages, of which one asks for a third; no index is asked."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    folder = tmp_path / "wheels"
    folder.mkdir()
    for name, asks in (("tinyone", ""), ("tinytwo", "Requires-Dist: not-there\n")):
        info = f"{name}-1.0.dist-info"
        with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
            wheel.writestr(f"{name}.py", "")
            facts = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{asks}"
            wheel.writestr(f"{info}/METADATA", facts)
            wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
            wheel.writestr(f"{info}/RECORD", "")
    return folder


def requirements(folder: Path, text: str) -> Path:
    path = folder / "requirements.txt"
    path.write_text(text)
    return path


def test_what_is_there_is_not_downloaded_again(wheels: Path, tmp_path: Path):
    download_wheels(
        wheels,
        python=("3.11", "x86_64"),
        requirements=requirements(tmp_path, "tinyone>=1\n"),
        without_dependencies=["tinytwo==1.0"],
    )
    assert sorted(path.name.partition("-")[0] for path in wheels.iterdir()) == [
        "tinyone",
        "tinytwo",
    ]


def test_failure_tells_what_pip_said(wheels: Path, tmp_path: Path):
    with pytest.raises(RuntimeFailure, match=r"(?s)not-there.*--wheels"):
        download_wheels(
            wheels,
            python=("3.11", "x86_64"),
            requirements=requirements(tmp_path, "tinytwo\n"),
            without_dependencies=["tinyone"],
        )
