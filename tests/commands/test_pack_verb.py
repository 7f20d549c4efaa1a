"""`mlebench pack` for several competitions: some at a time, one that fails among them."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from mlebench_data.catalogue import load_competition
from mlebench_data.harness.cli import main
from mlebench_data.hub import new_key
from mlebench_data.hub.repository import RepositoryManifest
from mlebench_data.prepare import prepare

NAMES = ["breast-cancer-wisconsin", "optical-digits"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    for name in NAMES:
        prepare(load_competition(name), data_dir=folder, skip_lock=True)
    return folder


def statuses(text: str) -> dict[str, str]:
    return dict(re.findall(r"^ *([\w-]+) +(packed|unchanged|failed)\b", text, re.MULTILINE))


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_several(jobs: str, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    new_key(tmp_path / "key")

    def pack(data_dir: Path, *more: str) -> tuple[int, str]:
        options = ["--data-dir", data_dir, "--out", tmp_path / "out", "--jobs", jobs]
        options += ["--key-file", tmp_path / "key", *more]
        code = main(["pack", *NAMES, *map(str, options)])
        return code, capsys.readouterr().err

    code, told = pack(data)
    assert code == 0, told
    assert statuses(told) == dict.fromkeys(NAMES, "packed")
    for name in NAMES:
        assert RepositoryManifest.read(tmp_path / "out" / name).competition == name
    assert statuses(pack(data)[1]) == dict.fromkeys(NAMES, "unchanged")
    assert statuses(pack(data, "--force")[1]) == dict.fromkeys(NAMES, "packed")

    partly = tmp_path / "partly"
    shutil.copytree(data / NAMES[1], partly / NAMES[1])
    code, told = pack(partly)
    assert code == 1
    assert statuses(told) == {NAMES[0]: "failed", NAMES[1]: "unchanged"}
    assert f"There is no prepared data in {partly / NAMES[0]}" in told


def test_jobs_is_a_number(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["pack", *NAMES, "--out", str(tmp_path), "--jobs", "0"])
    assert stopped.value.code == 2
    assert "no whole number of at least 1" in capsys.readouterr().err
