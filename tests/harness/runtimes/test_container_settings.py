"""What is asked of the engine, checked without one."""

from __future__ import annotations

import pytest

from mlebench_data.harness.runtimes import docker_container as settings
from mlebench_data.harness.runtimes.docker_gpus import gives_gpus, gpu_requests
from mlebench_data.harness.runtimes.failures import LastingFailure
from mlebench_data.harness.runtimes.sandbox import Gpu, Limits, ModelAccess


@pytest.fixture
def options(make_case):
    def make(**wanted):
        case = make_case(**wanted)
        return settings.container_options(
            case.sandbox, image="sha256:1", user="1000:1000", owner="mark", now=1000.0
        )

    return make


def test_nothing_is_open_that_need_not_be(options):
    given = options()
    assert given["cap_drop"] == ["ALL"]
    assert given["security_opt"] == ["no-new-privileges"]
    assert given["network_mode"] == "none"
    assert given["privileged"] is False
    assert given["use_config_proxy"] is False
    assert not {"devices", "pid_mode", "ipc_mode", "uts_mode", "userns_mode", "volumes"} & set(
        given
    )
    assert [mount["Target"] for mount in given["mounts"] if not mount["ReadOnly"]] == [
        "/home/submission",
        "/home/logs",
        "/home/code",
    ]


def test_limits_are_passed_on(options):
    given = options(time_seconds=60, grace_seconds=5, cpus=1.5, memory_bytes=10**9, processes=100)
    assert given["entrypoint"] == ["timeout", "--signal=TERM", "--kill-after=5.000s", "80.000s"]
    assert given["nano_cpus"] == 1_500_000_000
    assert given["mem_limit"] == given["memswap_limit"] == 10**9
    assert given["pids_limit"] == 101
    assert given["labels"] == {
        "mlebench.owner": "mark",
        "mlebench.name": "test case",
        "mlebench.deadline": "1085",
    }


def test_further_limits(options):
    given = options(open_files=4096, shared_memory_bytes=10**6, memory_bytes=10**9)
    assert given["shm_size"] == 10**6
    assert {"Name": "nofile", "Soft": 4096, "Hard": 4096} in given["ulimits"]


def test_shared_memory_is_part_of_the_memory(options):
    assert options(memory_bytes=10**9)["shm_size"] == 10**9


GPUS = tuple(Gpu(index, f"GPU-{index}{index}", "Name", 10**10) for index in (1, 3))


def test_only_the_given_gpus_are_requested(options):
    given = options(gpus=GPUS, environment={"NVIDIA_VISIBLE_DEVICES": "all"})
    assert given["device_requests"] == [
        {"device_ids": ["GPU-11", "GPU-33"], "capabilities": [["gpu"]]}
    ]
    assert given["environment"]["NVIDIA_VISIBLE_DEVICES"] == "GPU-11,GPU-33"


def test_no_gpu_is_visible_where_none_is_given(options):
    # An engine whose default runtime is that for GPUs, and an image that asks for all.
    given = options(environment={"NVIDIA_VISIBLE_DEVICES": "all"})
    assert "device_requests" not in given
    assert given["environment"]["NVIDIA_VISIBLE_DEVICES"] == "void"


def test_gpus_by_the_device_interface():
    assert gpu_requests(GPUS, by_interface=True) == [
        {"driver": "cdi", "device_ids": ["nvidia.com/gpu=GPU-11", "nvidia.com/gpu=GPU-33"]}
    ]


@pytest.mark.parametrize(
    ("info", "able"),
    [
        ({"Runtimes": {"runc": {}}}, False),
        ({}, False),
        ({"Runtimes": {"runc": {}, "nvidia": {}}}, True),
        ({"DiscoveredDevices": [{"Source": "cdi", "ID": "nvidia.com/gpu=all"}]}, True),
        ({"DiscoveredDevices": [{"Source": "cdi", "ID": "vendor.com/net=eth1"}]}, False),
    ],
)
def test_what_shows_that_an_engine_gives_gpus(info, able, monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    assert gives_gpus(info) is able


def test_model_proxy_needs_no_network(options, tmp_path):
    folder = tmp_path / "socket"
    folder.mkdir()
    access = ModelAccess({"OPENAI_API_KEY": "throw-away"}, lambda: False, folder / "proxy", 4000)
    given = options(network="llm", models=access, environment={"OPENAI_API_KEY": "overruled"})
    assert given["network_mode"] == "none"
    assert given["environment"]["OPENAI_API_KEY"] == "throw-away"
    assert "4000=/run/mlebench/4000/proxy" in given["command"]
    (mount,) = [item for item in given["mounts"] if item["Source"] == str(folder)]
    assert (mount["Target"], mount["ReadOnly"]) == ("/run/mlebench/4000", True)


def test_full_network_is_the_bridge(options):
    assert options(network="full")["network_mode"] == "bridge"


def test_open_limits_are_left_out(options):
    assert not {"nano_cpus", "mem_limit", "memswap_limit", "pids_limit"} & set(options())


def test_no_grace_is_not_endless_grace():
    # An interval of 0 disables `timeout --kill-after`.
    assert "--kill-after=0.100s" in settings.deadline_prefix(
        Limits(time_seconds=1, grace_seconds=0)
    )


def test_contract_cannot_be_overruled(options):
    given = options(environment={"DATA_DIR": "/elsewhere", "HOME": "/home/code"})
    assert given["environment"]["DATA_DIR"] == "/home/data"
    assert given["environment"]["HOME"] == "/home/code"


@pytest.mark.parametrize("name", ["a b/c:d", "", "---", "x" * 300, "größe"])
def test_any_name_becomes_a_container_name(name):
    made = settings.container_name(name)
    assert made.isascii() and len(made) < 120
    assert made.replace("-", "").replace(".", "").replace("_", "").isalnum()
    assert made != settings.container_name(name)


@pytest.mark.parametrize(
    ("uid", "security", "user"),
    [
        (0, ["name=seccomp,profile=default"], "1000:1000"),
        (1234, ["name=seccomp,profile=default"], "1234:50"),
        (1234, ["name=seccomp,profile=default", "name=rootless"], "0:0"),
    ],
)
def test_user(uid, security, user):
    assert settings.container_user(uid, 0 if uid == 0 else 50, security) == user


def test_remapped_users_are_refused():
    with pytest.raises(LastingFailure, match="userns-remap"):
        settings.container_user(0, 0, ["name=userns"])
