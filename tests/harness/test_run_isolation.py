"""What an agent that `mlebench run` starts can see of the answers and of the harness."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from command_line import Command, read_result
from tiny_competition import SECRET

HUNTER = """
import json, socket
wanted = {"secret": b"".join(SECRET), "control": CONTROL}
found = {name: [] for name in wanted}
for folder, _, files in os.walk("/"):
    if folder.startswith(("/sys", "/usr/lib", "/usr/share")):
        continue
    for name in files:
        path = os.path.join(folder, name)
        if folder.startswith("/proc") and name not in (
                "environ", "cmdline", "mounts", "mountinfo", "maps", "fdinfo"):
            continue
        if not os.path.isfile(path) or path == __file__:
            continue
        try:
            with open(path, "rb") as file:
                content = file.read(2_000_000)
        except OSError:
            continue
        for kind, token in wanted.items():
            if token in content:
                found[kind].append(path)
found["home"] = sorted(os.listdir("/home"))
found["variables"] = sorted(os.environ)
found["mounts"] = open("/proc/self/mountinfo").read()
found["network"] = []
for address in ADDRESSES:
    try:
        socket.create_connection(address, timeout=3).close()
        found["network"].append(address)
    except OSError:
        continue
Path(os.environ["LOGS_DIR"], "found.json").write_text(json.dumps(found))
submission.write_text(plain)
"""


@pytest.mark.docker
def test_hunting_agent_finds_no_answers(
    docker_image: str, mlebench: Command, make_agent, out: Path, monkeypatch: pytest.MonkeyPatch
):
    for name in ("MLEBENCH_KEY", "HF_TOKEN", "HF_HOME"):
        monkeypatch.setenv(name, "of-the-harness")
    with socket.create_server(("0.0.0.0", 0)) as server:
        port = server.getsockname()[1]
        addresses = [(name, port) for name in ("127.0.0.1", "172.17.0.1", socket.gethostname())]
        preface = (
            f"SECRET = [part.encode() for part in {SECRET!r}]\nADDRESSES = {addresses!r}\n"
            "CONTROL = b'-'.join([b'in', b'the', b'public', b'data'])\n"
        )
        agent = make_agent("hunter", preface + HUNTER)
        arguments = ["run", "--agent", agent, "--competition", "tiny", "--out", out]
        assert mlebench(*arguments, "--runtime", "docker", "--time-limit", "40s").code == 0
    result = read_result(out, "hunter")
    log = (out / "tiny" / "hunter-seed0" / "agent.log").read_text()
    assert (result["outcome"], result["exit_code"]) == ("scored", 0), log
    found = json.loads((out / "tiny" / "hunter-seed0" / "logs" / "found.json").read_text())
    assert found["control"] == ["/home/data/description.md"], "the search must be able to find"
    assert found["secret"] == []
    assert found["network"] == []
    assert found["home"] == [
        "agent",
        "code",
        "data",
        "instructions.txt",
        "logs",
        "submission",
        "validate_submission.sh",
    ]
    assert not [name for name in found["variables"] if name.startswith(("MLEBENCH", "HF_"))]
    assert "private" not in found["mounts"] and "docker.sock" not in found["mounts"]


def test_local_agent_gets_no_variable_of_the_harness(
    mlebench: Command, make_agent, out: Path, monkeypatch: pytest.MonkeyPatch
):
    for name in ("MLEBENCH_KEY", "HF_TOKEN", "HF_HOME"):
        monkeypatch.setenv(name, "of-the-harness")
    agent = make_agent("teller", "print(dict(os.environ))")
    finished = mlebench(
        "run", "--agent", agent, "--competition", "tiny", "--out", out, "--runtime", "local"
    )
    log = (out / "tiny" / "teller-seed0" / "agent.log").read_text()
    assert "DATA_DIR" in log and "of-the-harness" not in log
    assert "MLEBENCH" not in log and "HF_" not in log
    # That nothing is isolated is told at the start, in the table and in the record.
    assert "WARNING" in finished.err and "nothing keeps them from" in finished.err
    assert "without isolation" in finished.out
    assert read_result(out, "teller")["isolated"] is False


def test_agent_folder_must_not_hold_the_data(mlebench: Command, make_agent, out: Path):
    agent = make_agent("greedy", "")
    for arguments in (["--data-dir", agent / "other"], ["--out", agent / "runs"]):
        finished = mlebench("run", "--agent", agent, "--competition", "tiny", *arguments)
        assert finished.code == 1
        assert "lies in the folder of the agent greedy" in finished.err
        assert "Keep them apart" in finished.err
    assert not (agent / "runs").exists()
