"""What every runtime promises an agent and its harness, limits aside."""

from __future__ import annotations

import json
import threading
import time

import pytest

from mlebench_data.harness.runtimes import choose_runtime
from mlebench_data.harness.runtimes.failures import LastingFailure, RuntimeFailure
from mlebench_data.harness.runtimes.sandbox import Limits

pytestmark = pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")


@pytest.mark.parametrize("code", [0, 7, 124, 137])
def test_exit_code_is_passed_on(runtime, make_case, code):
    ending = make_case(f"raise SystemExit({code})").run(runtime)
    assert (ending.how, ending.exit_code) == ("exited", code)
    assert ending.details["isolation"] is runtime.isolates
    assert ending.started_at <= ending.ended_at
    json.dumps(ending.details)


def test_death_by_signal_is_an_exit_code(runtime, make_case):
    ending = make_case("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)").run(runtime)
    assert (ending.how, ending.exit_code) == ("exited", 128 + 11)


def test_missing_program(runtime, make_case):
    ending = make_case(command=("no-such-program",)).run(runtime)
    assert (ending.how, ending.exit_code) == ("exited", 127)


def test_folders_variables_and_arguments(runtime, make_case):
    case = make_case(
        """
        import os, sys
        from pathlib import Path
        folder = {name: Path(os.environ[name]) for name in (
            "DATA_DIR", "SUBMISSION_DIR", "LOGS_DIR", "CODE_DIR", "AGENT_DIR")}
        assert Path(os.environ["INSTRUCTIONS_FILE"]).read_text() == "Predict the label.\\n"
        assert Path.cwd() == folder["CODE_DIR"]
        assert Path(__file__).parent == folder["AGENT_DIR"]
        assert os.environ["EXTRA"] == "a value"
        assert sys.argv[1:] == ["{braces}", f"{folder['AGENT_DIR']}/x"]
        rows = (folder["DATA_DIR"] / "train.csv").read_text()
        for name in ("SUBMISSION_DIR", "LOGS_DIR", "CODE_DIR"):
            (folder[name] / "kept.txt").write_text(rows)
        (Path(os.environ["HOME"]) / "scratch").write_text("not kept")
        """,
        command=("{python}", "{agent}/agent.py", "{braces}", "{agent}/x"),
        environment={"EXTRA": "a value"},
    )
    ending = case.run(runtime)
    assert ending.exit_code == 0, case.log
    for folder in case.sandbox.folders.writable:
        assert (folder / "kept.txt").read_text() == "id,label\n1,0\n"


def test_nothing_of_the_harness_environment_passes(runtime, make_case, monkeypatch):
    secrets = ["HF_TOKEN", "MLEBENCH_KEY_FILE", "AWS_SECRET_ACCESS_KEY", "HTTPS_PROXY"]
    for name in secrets:
        monkeypatch.setenv(name, "secret-value")
    case = make_case("import os; print(dict(os.environ))")
    assert case.run(runtime).exit_code == 0
    assert "DATA_DIR" in case.log
    assert "secret-value" not in case.log
    assert not any(name in case.log for name in secrets)


def test_both_streams_come_while_the_agent_runs(runtime, make_case):
    case = make_case(
        """
        import sys, time
        from pathlib import Path
        print("to stdout")
        print("to stderr", file=sys.stderr)
        while not Path("go-on").exists():
            time.sleep(0.05)
        print("last line")
        """
    )
    seen = []

    def wait_for_lines() -> None:
        end = time.monotonic() + 20
        while time.monotonic() < end and not seen:
            if case.sandbox.log_file.exists() and "to stderr" in case.log:
                seen.append(case.log)
            time.sleep(0.05)
        (case.sandbox.folders.code / "go-on").touch()

    thread = threading.Thread(target=wait_for_lines)
    thread.start()
    ending = case.run(runtime)
    thread.join()
    assert ending.exit_code == 0
    assert seen and "to stdout" in seen[0] and "last line" not in seen[0]
    assert case.log.splitlines() == ["to stdout", "to stderr", "last line"]


def test_short_lived_agents_lose_no_output(runtime, make_case):
    for number in range(5):
        case = make_case("print('a word')", name=f"short-{number}")
        case.run(runtime)
        assert case.log == "a word\n"


def test_order_of_the_two_streams_is_kept(runtime, make_case):
    case = make_case(
        """
        import sys
        for number in range(200):
            print(number, file=sys.stdout if number % 2 else sys.stderr)
        """
    )
    case.run(runtime)
    assert case.log.split() == [str(number) for number in range(200)]


def test_two_at_once(runtime, make_case):
    # Each waits for the other's start, so they can only end if they run side by side.
    code = """
        import os, time
        from pathlib import Path
        Path("started").touch()
        while not Path("other-started").exists():
            time.sleep(0.05)
        Path(os.environ["SUBMISSION_DIR"], "submission.csv").write_text(os.environ["WHO"])
        """
    cases = [
        make_case(code, name=who, environment={"WHO": who}, time_seconds=20) for who in ("a", "b")
    ]
    threads = [threading.Thread(target=case.run, args=(runtime,)) for case in cases]
    for thread in threads:
        thread.start()
    end = time.monotonic() + 20
    started = [case.sandbox.folders.code / "started" for case in cases]
    while time.monotonic() < end and not all(path.exists() for path in started):
        time.sleep(0.05)
    for case in cases:
        (case.sandbox.folders.code / "other-started").touch()
    for thread in threads:
        thread.join()
    assert [case.ending.how for case in cases] == ["exited", "exited"]
    assert [case.submission().read_text() for case in cases] == ["a", "b"]


def test_deep_and_closed_folders_in_the_home_are_no_failure(runtime, make_case):
    case = make_case(
        """
        import os
        os.chdir(os.environ["HOME"])
        for _ in range(1500):
            os.mkdir("d")
            os.chdir("d")
        os.mkdir("closed", 0o000)
        """
    )
    ending = case.run(runtime)
    assert (ending.how, ending.exit_code) == ("exited", 0), case.log
    assert runtime.remove_leftovers() == []


@pytest.mark.parametrize("missing", ["data", "instructions.txt", "submission"])
def test_missing_folder_is_a_failure_of_the_runtime(runtime, make_case, missing):
    case = make_case()
    (case.root / missing).rename(case.root / "elsewhere")
    with pytest.raises(LastingFailure, match=missing.removesuffix(".txt")):
        case.run(runtime)


def test_unwritable_log_is_a_failure_of_the_runtime(runtime, make_case):
    case = make_case()
    case.sandbox.log_file.mkdir()
    with pytest.raises(RuntimeFailure, match="cannot be made"):
        case.run(runtime)


def test_description_is_json(runtime):
    description = runtime.describe()
    assert description["hardware"]["cpu_count"] >= 1
    assert description["isolation"] is runtime.isolates
    json.dumps(description)


def test_no_engine_means_local_with_a_warning(monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/engine.sock")
    with pytest.raises(RuntimeFailure, match="No Docker engine answers"):
        choose_runtime("docker")
    runtime, warning = choose_runtime()
    assert runtime.name == "local"
    assert "No Docker engine answers" in warning


def test_podman_that_does_not_answer(monkeypatch):
    monkeypatch.setenv("CONTAINER_HOST", "unix:///nonexistent/podman.sock")
    with pytest.raises(
        RuntimeFailure, match=r"No Podman engine answers at unix:///none.*CONTAINER"
    ):
        choose_runtime("podman")


def test_unknown_runtime():
    with pytest.raises(RuntimeFailure, match="Known: docker, podman, local"):
        choose_runtime("lxc")


@pytest.mark.parametrize(
    "wrong",
    [
        {"time_seconds": 0},
        {"time_seconds": float("nan")},
        {"time_seconds": 1, "grace_seconds": -1},
        {"time_seconds": 1, "memory_bytes": 0},
        {"time_seconds": 1, "processes": -5},
    ],
)
def test_senseless_limits_are_refused(wrong):
    with pytest.raises(ValueError, match="must"):
        Limits(**wrong)
