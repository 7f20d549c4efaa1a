"""`mlebench doctor`: findings on sound and on broken machines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import Command

from mlebench_data.harness import doctor
from mlebench_data.harness.doctor import examine
from mlebench_data.harness.finding import Finding
from mlebench_data.harness.models.model_list import PROVIDERS
from mlebench_data.harness.runtimes.sandbox import Gpu
from mlebench_data.hub.keys import new_key


@pytest.fixture(autouse=True)
def no_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Show a machine without engine and with settings of its own."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no-engine")
    for name in (
        "HF_ENDPOINT",
        "HF_HUB_OFFLINE",
        "HF_EVALUATE_OFFLINE",
        "MLEBENCH_KEY",
        "MLEBENCH_KEY_FILE",
    ):
        monkeypatch.delenv(name, raising=False)


def findings(data_dir: Path, key_file: Path | None = None) -> dict[str, list[Finding]]:
    found: dict[str, list[Finding]] = {}
    for item in examine(data_dir, key_file):
        found.setdefault(item.area, []).append(item)
    return found


def test_every_area_is_told(tmp_path: Path):
    found = findings(tmp_path)
    assert {"engine", "gpus", "disk", "data", "source", "key", "extras", "clock"} <= found.keys()
    (engine,) = found["engine"]
    assert engine.level == "note" and "--runtime local" in engine.remedy
    assert "prepare --split open" in found["data"][0].remedy
    # What is not there has a remedy.
    assert all(item.remedy or item.level == "ok" for item in found["extras"])


def test_command(mlebench: Command):
    finished = mlebench("doctor")
    assert finished.code == 0 and finished.out.endswith("no problems\n")
    lines = [json.loads(line) for line in mlebench("doctor", "--json").out.splitlines()]
    assert {line["level"] for line in lines} <= {"ok", "note"}


def test_key_that_others_can_read(tmp_path: Path, mlebench: Command):
    key_file = tmp_path / "key"
    secret = new_key(key_file)
    assert findings(tmp_path, key_file)["key"][0].text == f"fingerprint {secret.key_id}"
    key_file.chmod(0o644)
    (item,) = findings(tmp_path, key_file)["key"]
    assert item.level == "problem" and "chmod 600" in item.text
    finished = mlebench("doctor", "--key-file", key_file)
    assert finished.code == 1 and "PROBLEM" in finished.out and "problems: 1" in finished.out
    assert secret.secret.hex() not in finished.out


def test_gpus_that_containers_cannot_have(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(
        "mlebench_data.harness.gpus.find_gpus", lambda: (Gpu(0, "GPU-1", "A10", 24 << 30),)
    )
    monkeypatch.setattr(
        "mlebench_data.harness.gpus.container_gpu_problem", lambda: "the toolkit is missing"
    )
    first, second = findings(tmp_path)["gpus"]
    assert first.text == "0: A10, 25.8 GB" and second.level == "problem"


def test_offline_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert "HF_EVALUATE_OFFLINE" in findings(tmp_path)["hugging face"][1].remedy


def test_language_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name in PROVIDERS:
        monkeypatch.delenv(name, raising=False)
    # A Python of its own, which has LiteLLM only in so far as it says so.
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho True\n")
    python.chmod(0o755)
    monkeypatch.setenv("MLEBENCH_LLM_PYTHON", str(python))
    first, second = findings(tmp_path)["models"]
    assert (first.level, first.text) == ("ok", f"LiteLLM of {python} (--network llm)")
    assert second.level == "note" and "export OPENAI_API_KEY=" in second.remedy
    monkeypatch.setenv("GEMINI_API_KEY", "a-key-of-this-account")
    python.write_text("#!/bin/sh\necho False\n")
    first, second = findings(tmp_path)["models"]
    assert first.level == "problem" and "pip install" in first.remedy
    assert (second.level, second.text) == ("ok", "GEMINI_API_KEY set")


def test_clock_before_the_installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("time.time", lambda: 1e9)
    assert findings(tmp_path)["clock"][0].level == "problem"


def test_broken_check_hides_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def broken() -> None:
        raise ZeroDivisionError("what")

    monkeypatch.setattr(doctor, "gpus", broken)
    found = findings(tmp_path)
    assert (
        found["gpus"][0].level == "problem" and "ZeroDivisionError: what" in found["gpus"][0].text
    )
    assert "disk" in found


@pytest.mark.docker
def test_limits_of_the_engine(docker_image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("DOCKER_HOST")
    found = findings(tmp_path)
    assert found["engine"][0].level == "ok"
    assert found["limits"] == [Finding("limits", "ok", "a container's memory limit is in force")]
