"""Parameters, secrets and needs of agents."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import Command, read_result

from mlebench_data.errors import MlebenchError, UnknownNameError
from mlebench_data.harness.agent import Agent, load_agent, with_arguments

PARAMETERS = {"depth": 3, "rate": 0.5, "fast": False, "label": "plain"}


@pytest.fixture
def agent(make_agent: Callable[..., Path]) -> Agent:
    return load_agent(str(make_agent("one", "", parameters=PARAMETERS)))


def test_defaults_and_given_values(agent: Agent):
    assert agent.variables() == {
        "AGENT_DEPTH": "3",
        "AGENT_RATE": "0.5",
        "AGENT_FAST": "false",
        "AGENT_LABEL": "plain",
    }
    (changed,) = with_arguments([agent], ["depth=5", "fast=True", "one.label=a=b", "rate=2"])
    assert changed.parameters == {"depth": 5, "rate": 2.0, "fast": True, "label": "a=b"}
    assert changed.specification()["parameters"] == changed.parameters


@pytest.mark.parametrize(
    ("argument", "named"),
    [
        ("depth", "write KEY=VALUE"),
        ("deph=1", "Did you mean 'one.depth'"),
        ("two.depth=1", "no agent of this run"),
        ("one.deph=1", "no parameter 'deph'"),
        ("depth=many", "not a whole number"),
        ("depth=1.5", "not a whole number"),
        ("rate=x", "not a number"),
        ("fast=1", "not true or false"),
    ],
)
def test_wrong_arguments(agent: Agent, argument: str, named: str):
    with pytest.raises(MlebenchError, match=named):
        with_arguments([agent], [argument])


def test_one_of_several_agents(make_agent: Callable[..., Path]):
    agents = [
        load_agent(str(make_agent(name, "", parameters=parameters)))
        for name, parameters in (("one", {"depth": 1}), ("two", {"depth": 2}), ("three", {}))
    ]
    changed = with_arguments(agents, ["depth=7", "two.depth=8"])
    assert [dict(agent.parameters) for agent in changed] == [{"depth": 7}, {"depth": 8}, {}]
    with pytest.raises(UnknownNameError):
        with_arguments(agents, ["three.depth=1"])


def test_in_a_run(runtime_name: str, mlebench: Command, make_agent, out: Path):
    code = """
        print(os.environ["AGENT_DEPTH"])
        submission.write_text(plain)
        """
    arguments = ["run", "--agent", make_agent("one", code, parameters=PARAMETERS), "--out", out]
    arguments += ["--competition", "tiny", "--runtime", runtime_name]
    finished = mlebench(*arguments, "--agent-arg", "depth=5")
    assert finished.code == 0, finished.err
    assert "agent one:" in finished.err and "depth=5" in finished.err
    assert (out / "tiny" / "one-seed0" / "agent.log").read_text() == "5\n"
    result = read_result(out, "one")
    assert result["settings"]["agent"]["parameters"]["depth"] == 5
    (recorded,) = json.loads((out / "run.json").read_text())["agents"]
    assert recorded["parameters"] == {**PARAMETERS, "depth": 5}
    finished = mlebench(*arguments, "--agent-arg", "depth=6")
    assert finished.code == 1 and "differs from this command" in finished.err


def test_secrets_reach_the_agent_and_nothing_that_is_kept(
    runtime_name: str, mlebench: Command, make_agent, out: Path, monkeypatch: pytest.MonkeyPatch
):
    secret = "xyzzy-0123456789"
    monkeypatch.setenv("SERVICE_TOKEN", secret)
    code = """
        import hashlib
        print(dict(os.environ))
        print(hashlib.sha256(os.environ["SERVICE_TOKEN"].encode()).hexdigest())
        submission.write_text(plain)
        """
    agent = make_agent("one", code, secrets=["SERVICE_TOKEN"])
    arguments = ["run", "--agent", agent, "--out", out, "--competition", "tiny"]
    finished = mlebench(*arguments, "--runtime", runtime_name)
    assert finished.code == 0, finished.err
    printed, digest = (out / "tiny" / "one-seed0" / "agent.log").read_text().splitlines()
    assert "'SERVICE_TOKEN': '***'" in printed
    assert digest == hashlib.sha256(secret.encode()).hexdigest()
    for path in out.rglob("*"):
        assert not path.is_file() or secret.encode() not in path.read_bytes(), path
    assert secret not in finished.err + finished.out
    assert read_result(out, "one")["settings"]["agent"]["secrets"] == {"SERVICE_TOKEN": "***"}


def test_other_variables_stay_here(
    runtime_name: str, mlebench: Command, make_agent, out: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SERVICE_TOKEN", "xyzzy")
    agent = make_agent("one", "print('xyzzy' in os.environ.values())")
    mlebench(
        *("run", "--agent", agent, "--out", out, "--competition", "tiny"),
        *("--runtime", runtime_name),
    )
    assert (out / "tiny" / "one-seed0" / "agent.log").read_text() == "False\n"


@pytest.mark.parametrize(
    ("keys", "named"),
    [
        ({"secrets": ["SERVICE_TOKEN"]}, "needs SERVICE_TOKEN"),
        ({"gpus": 1}, "needs --gpus-per-run 1"),
        ({"network": "full"}, "needs --network full"),
        ({"network": "llm"}, "needs --network llm"),
    ],
)
def test_needs_are_told_before_anything_starts(
    mlebench: Command,
    make_agent,
    out: Path,
    monkeypatch: pytest.MonkeyPatch,
    keys: dict[str, object],
    named: str,
):
    monkeypatch.delenv("SERVICE_TOKEN", raising=False)
    agent = make_agent("one", "submission.write_text(plain)", **keys)
    arguments = ["run", "--agent", agent, "--out", out, "--competition", "tiny"]
    finished = mlebench(*arguments, "--runtime", "local")
    assert finished.code == 1
    assert named in finished.err
    assert not (out / "tiny").exists()


def test_signal_before_the_end(runtime_name: str, mlebench: Command, make_agent, out: Path):
    code = """
        def stop(number, frame):
            submission.write_text(plain)
            print("told", flush=True)
            sys.exit(0)
        signal.signal(signal.SIGUSR1, stop)
        time.sleep(60)
        """
    agent = make_agent("one", code, warning_signal="SIGUSR1")
    arguments = ["run", "--agent", agent, "--out", out, "--competition", "tiny"]
    arguments += ["--runtime", runtime_name, "--time-limit", "30s", "--warn-before", "27s"]
    assert mlebench(*arguments).code == 0
    assert (out / "tiny" / "one-seed0" / "agent.log").read_text() == "told\n"
    assert read_result(out, "one")["ended"] == "exited"
