"""An agent that looks for the answers, or for a way out, in a container."""

from __future__ import annotations

import json
import os
import socket
import threading
from pathlib import Path

import psutil
import pytest

from mlebench_data.harness.runtimes.docker_engine import Engine
from mlebench_data.harness.runtimes.failures import LastingFailure, OutOfReach, RuntimeFailure

pytestmark = pytest.mark.docker

HUNTER = """
    import json, os, stat
    from pathlib import Path
    token = b"".join([b"the-answers", b"-of-the-test"])
    control = b"in-the-public-data"
    found = {"token": [], "control": [], "names": [], "sockets": []}
    for folder, _, files in os.walk("/"):
        if folder.startswith(("/sys", "/usr/lib", "/usr/share")):
            continue
        for name in files:
            path = os.path.join(folder, name)
            if "answers" in name or "keys.json" in name:
                found["names"].append(path)
            try:
                mode = os.lstat(path).st_mode
                if stat.S_ISSOCK(mode):
                    found["sockets"].append(path)
                if not stat.S_ISREG(mode) or path == __file__:
                    continue
                if folder.startswith("/proc") and name not in (
                        "environ", "cmdline", "mounts", "mountinfo", "maps", "cgroup"):
                    continue
                with open(path, "rb") as file:
                    content = file.read(1_000_000)
            except OSError:
                continue
            for kind, wanted in (("token", token), ("control", control)):
                if wanted in content:
                    found[kind].append(path)
    found["mounts"] = [line.split()[1] for line in open("/proc/mounts")
                       if line.split()[1].startswith("/home")]
    found["mountinfo"] = open("/proc/self/mountinfo").read()
    Path(os.environ["LOGS_DIR"], "found.json").write_text(json.dumps(found))
    """


def test_hunting_agent_sees_no_answers(docker_runtime, make_case, monkeypatch):
    case = make_case(HUNTER)
    token = "the-answers-of-the-test"
    (case.root / "data" / "sample.csv").write_text("in-the-public-data")
    # Where a careless harness would have them: next to the public files, and in its environment.
    for folder in ("private", "huggingface"):
        (case.root / folder).mkdir()
        (case.root / folder / "answers.csv").write_text(token)
        (case.root / folder / "keys.json").write_text(token)
    monkeypatch.setenv("HF_HOME", str(case.root / "huggingface"))
    monkeypatch.setenv("MLEBENCH_KEY", token)
    ending = case.run(docker_runtime)
    assert ending.exit_code == 0, case.log
    found = json.loads((case.root / "logs" / "found.json").read_text())
    assert found["control"] == ["/home/data/sample.csv"], "the search must be able to find"
    assert found["token"] == []
    assert found["names"] == []
    assert found["sockets"] == []
    assert sorted(found["mounts"]) == [
        "/home/agent",
        "/home/code",
        "/home/data",
        "/home/instructions.txt",
        "/home/logs",
        "/home/submission",
    ]
    assert "private" not in found["mountinfo"]
    assert "docker.sock" not in found["mountinfo"]


def test_only_the_writable_folders_can_be_changed(docker_runtime, make_case):
    case = make_case(
        """
        import json, os
        from pathlib import Path
        results = {}
        def attempt(name, action):
            try:
                action()
                results[name] = "done"
            except OSError as error:
                results[name] = error.strerror
        attempt("data", lambda: Path("/home/data/new").write_text("x"))
        attempt("data file", lambda: Path("/home/data/train.csv").open("a"))
        attempt("data removal", lambda: os.remove("/home/data/train.csv"))
        attempt("agent", lambda: Path("/home/agent/new").write_text("x"))
        attempt("instructions", lambda: Path("/home/instructions.txt").open("a"))
        attempt("home", lambda: Path("/home/new").write_text("x"))
        attempt("etc", lambda: Path("/etc/new").write_text("x"))
        attempt("proc", lambda: Path("/proc/sys/kernel/core_pattern").write_text("x"))
        attempt("cgroup", lambda: os.mkdir("/sys/fs/cgroup/memory/new"))
        attempt("temporary", lambda: Path("/tmp/marker-of-the-test").write_text("x"))
        attempt("link", lambda: os.symlink("/etc/passwd", "/home/submission/link"))
        attempt("chmod", lambda: os.chmod("/home/data/train.csv", 0o777))
        print(json.dumps(results))
        """
    )
    assert case.run(docker_runtime).exit_code == 0, case.log
    results = json.loads(case.log)
    allowed = {name for name, result in results.items() if result == "done"}
    assert allowed == {"temporary", "link"}
    assert results["data"] == results["data removal"] == "Read-only file system"
    assert sorted(path.name for path in (case.root / "data").iterdir()) == ["train.csv"]
    assert not Path("/tmp/marker-of-the-test").exists()
    # A link leads to the host's file for the harness; that the agent made it must be visible.
    assert case.submission("link").is_symlink()


def test_second_attempt_never_follows_a_link_left_by_the_first(docker_runtime, make_case):
    case = make_case("print('ok')")
    outside = case.root / "outside"
    outside.write_text("of root")
    (case.root / "submission" / "link").symlink_to(outside)
    before = outside.stat().st_uid
    assert case.run(docker_runtime).exit_code == 0
    assert outside.stat().st_uid == before


def test_no_privileges(docker_runtime, make_case):
    case = make_case(
        """
        import json, os
        status = dict(line.split(":", 1) for line in open("/proc/self/status"))
        names = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp")
        print(json.dumps({
            "ids": [os.getuid(), os.geteuid(), os.getgid(), os.getgroups()],
            **{name: int(status[name], 16) for name in names},
            "devices": sorted(os.listdir("/dev")),
            "processes": sorted(int(name) for name in os.listdir("/proc") if name.isdigit()),
        }))
        """
    )
    ending = case.run(docker_runtime)
    found = json.loads(case.log)
    uid = os.geteuid() or 1000
    assert found["ids"][:2] == [uid, uid]
    assert ending.details["user"] == f"{uid}:{os.getegid() or 1000}"
    assert 0 not in found["ids"][3]
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert found[name] == 0
    assert found["NoNewPrivs"] == 1
    assert found["Seccomp"] == 2
    assert not {"sda", "vda", "mem", "kmsg", "fuse", "kvm"} & set(found["devices"])
    assert len(found["processes"]) == 2, "it sees other processes than its own"


@pytest.mark.parametrize("network", ["none", "full"])
def test_network(docker_runtime, make_case, network):
    bridge = psutil.net_if_addrs().get("docker0")
    if bridge is None:
        pytest.skip("the engine's bridge is not on this host")
    gateway = next(address.address for address in bridge if address.family == socket.AF_INET)
    with socket.create_server((gateway, 0)) as server:
        accepted = []

        def accept() -> None:
            connection, _ = server.accept()
            accepted.append(True)
            connection.close()

        threading.Thread(target=accept, daemon=True).start()
        case = make_case(
            f"""
            import json, socket
            names = [name for _, name in socket.if_nameindex()]
            try:
                socket.create_connection(("{gateway}", {server.getsockname()[1]}), timeout=5)
                result = "connected"
            except OSError as error:
                result = error.strerror
            print(json.dumps([names, result]))
            """,
            network=network,
        )
        ending = case.run(docker_runtime)
    names, result = json.loads(case.log)
    assert ending.details["network"] == network
    if network == "none":
        assert (result, accepted) == ("Network is unreachable", [])
        assert "eth0" not in names
    else:
        assert (result, accepted) == ("connected", [True])


def test_processor_limit_is_set(docker_runtime, make_case):
    case = make_case(
        """
        from pathlib import Path
        old = Path("/sys/fs/cgroup/cpu/cpu.cfs_quota_us")
        new = Path("/sys/fs/cgroup/cpu.max")
        print((old if old.exists() else new).read_text().split()[0])
        """,
        cpus=0.5,
    )
    assert case.run(docker_runtime).exit_code == 0, case.log
    assert int(case.log) == 50_000


def test_removed_container_is_a_failure_of_the_runtime(docker_runtime, make_case):
    import docker

    name = f"removed-{os.getpid()}"
    case = make_case("print('running', flush=True)\nimport time; time.sleep(60)", name=name)

    def remove() -> None:
        client = docker.from_env()
        while not (
            found := client.containers.list(filters={"label": f"mlebench.name=test {name}"})
        ):
            pass
        found[0].remove(force=True)
        client.close()

    thread = threading.Thread(target=remove)
    thread.start()
    with pytest.raises(RuntimeFailure, match="removed the container"):
        case.run(docker_runtime)
    thread.join()


@pytest.mark.parametrize("image", [None, "mlebench-no-such-image:1"])
def test_missing_image_is_a_failure_of_the_runtime(docker_runtime, make_case, image):
    with pytest.raises(LastingFailure, match="image"):
        make_case(image=image).run(docker_runtime)


def test_engine_that_refuses_is_a_failure_of_the_runtime(docker_runtime, make_case):
    with pytest.raises(LastingFailure, match="CPUs"):
        make_case(cpus=10_000).run(docker_runtime)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs agents as another user")
def test_unreadable_data_is_told_before_the_start(docker_runtime, make_case):
    case = make_case()
    case.sandbox.folders.data.chmod(0o700)
    with pytest.raises(LastingFailure, match="chmod -R"):
        case.run(docker_runtime)


def test_engine_that_shuts_down_is_not_the_agents_doing(docker_runtime, make_case, monkeypatch):
    # A real engine that shuts down refuses new connections and still serves the old ones.
    real = Engine.connection
    calls = []

    def connection(engine):
        calls.append(True)
        if len(calls) > 1:
            raise RuntimeFailure("No Docker engine answers")
        return real(engine)

    case, tokens = make_case("raise SystemExit(143)"), []
    with monkeypatch.context() as patch:
        patch.setattr(Engine, "connection", connection)
        with pytest.raises(OutOfReach, match="engine was lost"):
            docker_runtime.run(case.sandbox, cancelled=threading.Event(), started=tokens.append)
    # It may still run when the engine is there again, so it was left.
    (removed,) = docker_runtime.remove_leftovers(drop=tokens)
    assert case.sandbox.name in removed
