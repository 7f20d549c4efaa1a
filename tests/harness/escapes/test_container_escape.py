"""An agent that tries every way out of its container: each is closed, and nobody is harmed."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from command_line import Command, read_result, write_agent
from probes import PROBES
from tiny_competition import CONTROL, PLAIN_SCORE, SECRET, Tiny

from mlebench_data.harness.remove_tree import remove_tree

pytestmark = pytest.mark.docker

#: Words that stand where the agent must not look, in two parts so that it holds none of them.
HOST_WORD = ("coela", "canth-of-the-host")
NEIGHBOUR_WORD = ("platy", "pus-of-the-neighbour")

NEIGHBOUR = f"""
word = "".join({NEIGHBOUR_WORD!r})
for folder in (submission.parent, code, os.environ["LOGS_DIR"], "/tmp", "/dev/shm"):
    Path(folder, "state.json").write_text(word)
submission.write_text(plain)
print(word)
"""


@dataclass(frozen=True)
class Escape:
    """What the agent found, and what it left behind."""

    found: dict[str, Any]
    out: Path
    before: dict[str, Any]
    after: dict[str, Any]
    visitors: list[str]


def _host(folders: list[Path]) -> dict[str, Any]:
    """Return what a successful attack would have changed."""
    import docker

    client = docker.from_env()
    volumes = {volume.id for volume in client.volumes.list()}
    client.close()
    files = [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]
    return {
        "files": [
            (str(path), path.read_bytes(), path.stat().st_mode, path.stat().st_mtime_ns)
            for path in files
        ],
        "core pattern": Path("/proc/sys/kernel/core_pattern").read_text(),
        "host name": socket.gethostname(),
        "volumes": volumes,
    }


def _visitors(sockets: list[socket.socket]) -> list[str]:
    found = []
    for server in sockets:
        server.setblocking(False)
        try:
            peer = server.accept() if server.type == socket.SOCK_STREAM else server.recvfrom(9)
        except BlockingIOError:
            continue
        found.append(repr(peer))
    return found


@pytest.fixture(scope="module")
def escape(
    docker_image: str, tiny: Tiny, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Escape]:
    root = tmp_path_factory.mktemp("escape")
    word = "".join(HOST_WORD)
    for path in (
        "huggingface/token",
        "cache/blobs/answers.csv",
        "grants/keys.json",
        "other-run/tiny/one-seed0/result.json",
        "other-run/tiny/one-seed0/submission/submission.csv",
        "out/state.json",
    ):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(word)
    out = root / "out"
    neighbour = write_agent(root / "neighbour", NEIGHBOUR)
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        for name, value in {
            "MLEBENCH_KEY": word,
            "HF_TOKEN": word,
            "HF_HOME": str(root / "huggingface"),
            "MLEBENCH_CACHE": str(root / "cache"),
        }.items():
            patch.setenv(name, value)
        shared = Path("/dev/shm", f"{root.name}-{os.getpid()}")
        shared.write_text(word)
        stack.callback(shared.unlink)
        abstract = f"mlebench-test-{os.getpid()}"
        servers = [socket.create_server(("0.0.0.0", 0)), socket.socket(socket.AF_UNIX)]
        servers[1].bind(f"\0{abstract}")
        servers[1].listen()
        port = servers[0].getsockname()[1]
        servers.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        servers[2].bind(("0.0.0.0", port))
        for server in servers:
            stack.enter_context(server)
        own = [
            address.address
            for addresses in psutil.net_if_addrs().values()
            for address in addresses
            if address.family in (socket.AF_INET, socket.AF_INET6) and "%" not in address.address
        ]
        addresses = [(address, port) for address in own]
        addresses += [("169.254.169.254", 80), ("fd00:ec2::254", 80), ("192.0.2.1", 53)]
        addresses += [("172.17.0.1", number) for number in (22, 2375, 2376)]
        preface = (
            f"ADDRESSES = {addresses!r}\nABSTRACT = {abstract!r}\n"
            f"HOST_PATHS = {[str(path) for path in (root, tiny.data_dir, shared)]!r}\n"
            f"WANTED = {{'answers': {SECRET!r}, 'host': {HOST_WORD!r}, "
            f"'neighbour': {NEIGHBOUR_WORD!r}, "
            f"'control': {(CONTROL[:3], CONTROL[3:])!r}}}\n"
        )
        prober = write_agent(root / "prober", preface + PROBES.strip())
        folders = [tiny.data_dir, neighbour, prober]
        folders += [root / name for name in ("huggingface", "cache", "grants", "other-run")]
        before = _host(folders)
        arguments = ["run", "--competition", "tiny", "--runtime", "docker", "--out", out]
        arguments += ["--data-dir", tiny.data_dir, "--time-limit", "60s", "--snapshot-every", "1s"]
        assert Command(tiny, None)(*arguments, "--agent", neighbour, prober).code == 0
        visitors = _visitors(servers)
        after = _host(folders)
    attempt = out / "tiny" / "prober-seed0"
    assert (attempt / "logs" / "found.json").exists(), (attempt / "agent.log").read_text()
    found = json.loads((attempt / "logs" / "found.json").read_text())
    yield Escape(found, out, before, after, visitors)
    remove_tree(root)


def test_every_way_out_is_closed(escape: Escape):
    assert escape.found["done"] == []
    assert len(escape.found["refused"]) > 200


def test_nothing_secret_is_in_sight(escape: Escape):
    contents = escape.found["contents"]
    assert contents["control"] == ["/home/data/description.md"], "the search must be able to find"
    assert contents["answers"] == contents["host"] == contents["neighbour"] == []
    assert escape.found["names"] == []
    assert not [name for name in escape.found["variables"] if name.startswith(("MLEBENCH", "HF_"))]


def test_only_the_contract_is_mounted(escape: Escape):
    given = {place for place in escape.found["mounts"] if place.startswith(("/home", "/run"))}
    assert given == {
        *(f"/home/{name}" for name in ("agent", "code", "data", "logs", "submission")),
        "/home/instructions.txt",
        "/home/validate_submission.sh",
        "/run/mlebench/5000",
    }


def test_host_is_unharmed(escape: Escape):
    assert escape.visitors == []
    assert escape.after == escape.before


@pytest.mark.parametrize("agent", ["neighbour", "prober"])
def test_record_is_right(escape: Escape, agent: str):
    result = read_result(escape.out, agent)
    assert (result["outcome"], result["exit_code"]) == ("scored", 0), result["reason"]
    assert result["grading"]["score"] == PLAIN_SCORE
    assert result["test_feedback"] == "none"


def test_nothing_is_left_over(escape: Escape):
    import docker

    client = docker.from_env()
    filters = {"label": "mlebench.name"}
    names = [
        item.labels["mlebench.name"] for item in client.containers.list(all=True, filters=filters)
    ]
    client.close()
    assert not [name for name in names if "prober" in name or "neighbour" in name]
