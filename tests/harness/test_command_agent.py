"""The agent `command`: any shell command."""

from __future__ import annotations

import pytest
from command_line import read_result
from tiny_competition import PLAIN_SCORE

from mlebench_data.errors import MlebenchError
from mlebench_data.harness.command_agent import command_agent

COPY = 'cp "$DATA_DIR/sample_submission.csv" "$SUBMISSION_DIR/submission.csv"'


def test_command_without_files(mlebench, out, runtime_name):
    arguments = ["run", "--agent", "command", "--competition", "tiny", "--out", out]
    arguments += ["--command", f"{COPY} && echo '{{braces}}' $SEED", "--runtime", runtime_name]
    assert mlebench(*arguments).code == 0
    result = read_result(out, "command")
    assert (result["outcome"], result["grading"]["score"]) == ("scored", PLAIN_SCORE)
    assert (out / "tiny" / "command-seed0" / "agent.log").read_text() == "{braces} 0\n"


def test_command_with_files_and_a_name(mlebench, out, runtime_name, tmp_path):
    files = tmp_path / "files"
    files.mkdir()
    (files / "solve.sh").write_text(COPY)
    arguments = ["run", "--agent", "command", "sample", "--competition", "tiny", "--out", out]
    arguments += ["--command", "sh {agent}/solve.sh", "--agent-files", files]
    arguments += ["--agent-name", "copier", "--runtime", runtime_name]
    assert mlebench(*arguments).code == 0
    assert read_result(out, "copier")["outcome"] == "scored"
    assert read_result(out, "sample")["outcome"] == "scored"


def test_image():
    assert command_agent("true").image == "base"
    assert command_agent("true", image="node:22").image == "node:22"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"command": " "}, "--command is empty"),
        ({"command": "true", "name": "a/b"}, "--agent-name"),
        ({"command": "true", "name": "../a"}, "--agent-name"),
    ],
)
def test_wrong_values(arguments, message):
    with pytest.raises(MlebenchError, match=message):
        command_agent(**arguments)


def test_files_that_are_no_folder(tmp_path):
    with pytest.raises(MlebenchError, match="is no folder"):
        command_agent("true", files=tmp_path / "none")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--agent", "command"], "needs --command"),
        (["--agent", "sample", "--command", "true"], "add --agent command"),
    ],
)
def test_wrong_arguments(mlebench, out, arguments, message):
    finished = mlebench("run", *arguments, "--competition", "tiny", "--out", out)
    assert finished.code != 0
    assert message in finished.err


SHOW = 'test "$SERVICE_TOKEN" = of-the-harness && ' + COPY


def test_secret_by_name(mlebench, out, runtime_name, monkeypatch):
    monkeypatch.setenv("SERVICE_TOKEN", "of-the-harness")
    arguments = ["run", "--agent", "command", "--competition", "tiny", "--out", out]
    arguments += ["--command", SHOW.replace("of-the-harness", "of-the-'harness'")]
    arguments += ["--runtime", runtime_name]
    assert mlebench(*arguments, "--secret", "SERVICE_TOKEN").code == 0
    assert read_result(out, "command")["outcome"] == "scored"
    for path in out.rglob("*"):
        if path.is_file():
            assert b"of-the-harness" not in path.read_bytes(), path


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("MISSING_TOKEN", "MISSING_TOKEN, which the environment does not have"),
        ("TOKEN=value", "is no name of a variable"),
        ("MLEBENCH_KEY", "sets this itself"),
        ("DATA_DIR", "sets this itself"),
    ],
)
def test_wrong_secrets_are_told_before_anything_starts(mlebench, out, name, message):
    arguments = ["run", "--agent", "sample", "--competition", "tiny", "--out", out]
    finished = mlebench(*arguments, "--runtime", "local", "--secret", name)
    assert finished.code != 0
    assert message in finished.err
    assert not out.exists()
