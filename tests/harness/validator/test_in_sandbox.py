"""Agents have their submission checked while they run, in every runtime."""

from __future__ import annotations

import io
import os
import signal
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from command_line import Command, read_result, wait_for

ASK = """
import subprocess, urllib.request
def check(text):
    submission.write_text(text)
    done = subprocess.run([os.environ["VALIDATE_SUBMISSION"], submission], capture_output=True)
    print(done.returncode, done.stdout.decode().strip(), done.stderr.decode().strip(), flush=True)
"""


def log(out: Path, agent: str) -> str:
    return (out / "tiny" / f"{agent}-seed0" / "agent.log").read_text()


def test_script_and_port(
    runtime_name: str, mlebench: Command, make_agent: Callable[..., Path], out: Path
) -> None:
    agent = make_agent(
        "asker",
        ASK
        + """
check("id,label\\n1,a\\n")
check(plain)
url = os.environ["VALIDATE_URL"]
print(urllib.request.urlopen(url, data=plain.encode()).read().decode())
print(urllib.request.urlopen(url.replace("validate", "health")).read().decode())
""",
    )
    arguments = ["run", "--agent", agent, "--competition", "tiny", "--runtime", runtime_name]
    assert mlebench(*arguments, "--out", out).code == 0
    text = log(out, "asker")
    assert "1 Submission invalid! " in text and "0 Submission is valid." in text
    assert '"valid": true' in text and '"status": "running"' in text
    assert read_result(out, "asker")["test_feedback"] == "format-only"
    instructions = (out / "tiny" / "asker-seed0" / "instructions.txt").read_text()
    assert "validate_submission.sh" in instructions


def test_who_never_asked(
    runtime_name: str, mlebench: Command, make_agent: Callable[..., Path], out: Path
) -> None:
    agent = make_agent("silent", "submission.write_text(plain)")
    arguments = ["run", "--agent", agent, "--competition", "tiny", "--runtime", runtime_name]
    assert mlebench(*arguments, "--out", out).code == 0
    assert read_result(out, "silent")["test_feedback"] == "none"
    assert log(out, "silent") == ""


def test_switched_off(
    runtime_name: str, mlebench: Command, make_agent: Callable[..., Path], out: Path
) -> None:
    agent = make_agent(
        "asker",
        """
        import socket
        print([name for name in os.environ if name.startswith("VALIDATE")])
        print(Path("/home/validate_submission.sh").exists(), Path("/run/mlebench").exists())
        submission.write_text(plain)
        """,
    )
    arguments = ["run", "--agent", agent, "--competition", "tiny", "--runtime", runtime_name]
    assert mlebench(*arguments, "--out", out, "--no-validator").code == 0
    assert log(out, "asker") == "[]\nFalse False\n"
    assert read_result(out, "asker")["settings"]["validator"] is False
    assert not (out / "tiny" / "asker-seed0" / "validator").exists()
    assert "validate" not in (out / "tiny" / "asker-seed0" / "instructions.txt").read_text()


@pytest.mark.docker
def test_harness_is_killed(
    docker_image: str, mlebench: Command, make_agent: Callable[..., Path], out: Path
) -> None:
    agent = make_agent(
        "asker",
        ASK
        + """
check(plain)
while not (code / "go").exists():
    time.sleep(0.1)
check(plain)
""",
    )
    arguments = ["run", "--agent", agent, "--competition", "tiny", "--runtime", "docker"]
    arguments += ["--out", out, "--time-limit", "100s"]
    first = mlebench.start(*arguments)
    folder = out / "tiny" / "asker-seed0"
    try:
        wait_for(lambda: (folder / "agent.log").exists() and "is valid" in log(out, "asker"))
    finally:
        os.kill(first.pid, signal.SIGKILL)
        first.communicate()
    # Now the socket leads nowhere.
    second = mlebench.start(*arguments)
    record = folder / "validations.jsonl"
    assert len(record.read_text().splitlines()) == 1
    wait_for(lambda: "adopted" in (out / "events.jsonl").read_text())
    (folder / "code" / "go").touch()
    _, err = second.communicate(timeout=60)
    assert second.returncode == 0, err
    assert log(out, "asker") == "0 Submission is valid. \n" * 2
    assert len(record.read_text().splitlines()) == 2
    result = read_result(out, "asker")
    assert (result["tries"], result["test_feedback"]) == (1, "format-only")


@pytest.fixture
def build_image(docker_image: str) -> Iterator[Callable[..., str]]:
    """Makes images on top of the base image, without a network; they are removed in the end."""
    import docker

    client = docker.from_env()
    made = []

    def build(instructions: str, **files: str) -> str:
        context = io.BytesIO()
        texts = {"Dockerfile": f"FROM {docker_image}\nUSER root\n{instructions}\n", **files}
        with tarfile.open(fileobj=context, mode="w") as archive:
            for name, text in texts.items():
                member = tarfile.TarInfo(name)
                member.size = len(text.encode())
                member.mode = 0o644
                archive.addfile(member, io.BytesIO(text.encode()))
        context.seek(0)
        tag = f"mlebench-test-{os.getpid()}:{len(made)}"
        client.images.build(
            fileobj=context, custom_context=True, network_mode="none", tag=tag, rm=True
        )
        made.append(tag)
        return tag

    yield build
    for tag in made:
        client.images.remove(tag, force=True)
    client.close()


START = """#!/bin/bash
cd "$AGENT_DIR"
mkdir workspace && touch workspace/started README.md
cp /home/data/sample_submission.csv /home/submission/submission.csv
bash /home/validate_submission.sh /home/submission/submission.csv
python3 -c 'import urllib.request as r
print(r.urlopen("http://localhost:5000/health").status)'
test -s /home/instructions.txt && echo "$COMPETITION_ID $TIME_LIMIT_SECS"
"""


@pytest.mark.docker
def test_image_of_the_published_benchmark(
    build_image: Callable[..., str], mlebench: Command, tmp_path: Path, out: Path
) -> None:
    """It brings its agent along, which writes beside its own files."""
    published_image = build_image(
        "COPY start start.sh /home/agent/", **{"start": "", "start.sh": START}
    )
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "agent.yaml").write_text(
        f"name: mine\nimage: {published_image}\nfiles: image\n"
        'command: ["bash", "/home/agent/start.sh"]\n'
    )
    arguments = ["run", "--competition", "tiny", "--runtime", "docker", "--time-limit", "60"]
    by_command = ["--command", "bash /home/agent/start.sh", "--image", published_image]
    for agent, more in (("command", by_command), (str(tmp_path / "mine"), [])):
        name = Path(agent).name
        finished = mlebench(*arguments, "--agent", agent, *more, "--out", out / name)
        assert finished.code == 0, finished.err
        assert log(out / name, name) == "Submission is valid.\n200\ntiny 60\n"
        assert read_result(out / name, name)["outcome"] == "scored"


@pytest.mark.docker
def test_image_without_python(
    build_image: Callable[..., str], mlebench: Command, out: Path
) -> None:
    """The agent runs all the same, and its log tells what is missing."""
    image = build_image("RUN rm /usr/bin/python3*")
    command = "echo started; $VALIDATE_SUBMISSION /etc/passwd"
    mlebench(
        *("run", "--agent", "command", "--command", command, "--image", image),
        *("--competition", "tiny", "--out", out, "--runtime", "docker"),
    )
    text = log(out, "command")
    assert "no python3" in text and "started\n" in text
    assert "here is neither" in text
    assert read_result(out, "command")["exit_code"] == 2
