"""Clocks of server and client that are apart, and files of any date."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from repositories import ROWS, TEST, files_of, write_repository
from serving import Served, run_client, served_folder

from mlebench_data.hub.endpoint.descriptions import time_of
from mlebench_data.hub.repository import commit_of

YEARS = 365 * 24 * 3600

# Before anything has looked at the clock.
SHIFTED = """
import time
real = time.time
time.time = lambda: real() + {shift}
"""


@pytest.mark.parametrize(
    ("nanoseconds", "expected"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (-1, "1970-01-01T00:00:00.000Z"),
        (4_102_444_800 * 10**9, "2100-01-01T00:00:00.000Z"),
        (2**62, "2116-02-20T23:53:38.000Z"),
        (2**70, "9999-12-31T23:59:59.000Z"),
    ],
)
def test_any_date_can_be_told(nanoseconds: int, expected: str) -> None:
    assert time_of(nanoseconds) == expected


@pytest.fixture(params=[-20, 20], ids=["client behind", "client ahead"])
def shifted(request: pytest.FixtureRequest) -> str:
    return SHIFTED.format(shift=request.param * YEARS)


@pytest.mark.parametrize("seconds", [1, 4_102_444_800], ids=["1970", "2100"])
def test_reading(tmp_path: Path, shifted: str, seconds: int) -> None:
    repository = write_repository(tmp_path / "hub" / "cats")
    for path in [*repository.rglob("*"), repository]:
        os.utime(path, (seconds, seconds))
    code = """
import json, datasets, huggingface_hub
cold = datasets.load_dataset("mlebench/cats", revision="v1")
warm = datasets.load_dataset("mlebench/cats", revision="v1")
info = huggingface_hub.HfApi().dataset_info("mlebench/cats")
print(json.dumps([
    cold["train"].num_rows, warm["test"].to_dict(), info.sha, info.last_modified.year,
]))
"""
    with served_folder(tmp_path / "hub") as server:
        found = run_client(shifted + code, server.url, tmp_path / "home")
    assert found == [ROWS, TEST, commit_of(repository), 1970 if seconds == 1 else 2100]


def test_uploading(served: Served, home: Path, tmp_path: Path, shifted: str) -> None:
    source = write_repository(tmp_path / "packed")
    code = f"""
import json, huggingface_hub
api = huggingface_hub.HfApi()
api.create_repo("mlebench/cats", repo_type="dataset")
for _ in range(2):
    api.upload_folder(folder_path={str(source)!r}, repo_id="mlebench/cats", repo_type="dataset")
api.create_tag("mlebench/cats", tag="v1", repo_type="dataset")
print(json.dumps(api.dataset_info("mlebench/cats", revision="v1").sha))
"""
    assert run_client(shifted + code, served.url, home, served.token) == commit_of(source)
    assert files_of(served.folder / "cats") == files_of(source)
