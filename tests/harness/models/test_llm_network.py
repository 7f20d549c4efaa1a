"""Agents that reach language models and nothing else, on a real engine."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import threading

import psutil
import pytest
from command_line import read_result, wait_for
from fake_model_server import COST, KEY_NAME, PROMPT_TOKENS, REAL_KEY

#: For agents: asks the model, without any library.
ASK = """
import json, urllib.error, urllib.request
def ask(path="/chat/completions", key=os.environ["OPENAI_API_KEY"], **more):
    body = {"model": "fake", "messages": [{"role": "user", "content": "Write code."}], **more}
    request = urllib.request.Request(
        os.environ["OPENAI_BASE_URL"] + path,
        json.dumps(body).encode(),
        {"Content-Type": "application/json", "Authorization": "Bearer " + key},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
"""
SOLVER = (
    ASK
    + """
status, text = ask()
exec(json.loads(text)["choices"][0]["message"]["content"])
status, text = ask(stream=True)
print("streamed", text.count("data: "))
"""
)
SPENDER = (
    ASK
    + """
while True:
    print("answer", *ask(), flush=True)
    time.sleep(0.2)
"""
)
PROBER = (
    ASK
    + """
import socket
found = {"open": [], "names": [], "variables": dict(os.environ)}
for address in ADDRESSES:
    try:
        socket.create_connection(tuple(address), timeout=2).close()
        found["open"].append(address)
    except OSError as error:
        print(address, error)
for name in ("example.com", "host.docker.internal", "gateway.docker.internal"):
    try:
        found["names"].append(socket.gethostbyname(name))
    except OSError as error:
        print(name, error)
found["interfaces"] = [name for _, name in socket.if_nameindex()]
found["wrong key"] = ask(key="sk-wrong")[0]
found["other path"] = ask("/key/generate")[0]
found["other server"] = ask(api_base="http://169.254.169.254")[0]
found["fetched"] = ask(messages=[{"role": "user", "content": [
    {"type": "image_url", "image_url": {"url": "http://169.254.169.254/latest"}}]}])[0]
found["searched"] = ask(tools=[{"type": "web_search"}])[0]
found["sockets"] = sorted(os.listdir("/run/mlebench/4000"))
Path(os.environ["LOGS_DIR"], "found.json").write_text(json.dumps(found))
submission.write_text(plain)
"""
)


def write_submission(body: dict) -> str:
    return "submission.write_text(plain)"


@pytest.mark.docker
def test_models_are_reached_and_nothing_else(
    mlebench, make_agent, out, docker_image, llm_python, fake, models_file, secret_nowhere_in
):
    fake.reply = write_submission
    with socket.create_server(("0.0.0.0", 0)) as other:
        ports = {other.getsockname()[1], int(re.findall(r":(\d+)/", fake.address)[0]), 22, 2375}
        hosts = ["127.0.0.1", socket.gethostbyname(socket.gethostname())]
        hosts += [f"172.{number}.0.1" for number in range(17, 20)]
        addresses = [(host, port) for host in hosts for port in ports]
        addresses += [("169.254.169.254", 80), ("1.1.1.1", 53), ("127.0.0.1", 4000)]
        agents = [
            make_agent("solver", SOLVER),
            make_agent("spender", SPENDER),
            make_agent("prober", f"ADDRESSES = {addresses!r}\n" + PROBER),
        ]
        arguments = ["run", "--agent", *agents, "--competition", "tiny", "--out", out]
        arguments += ["--runtime", "docker", "--network", "llm", "--models", models_file]
        arguments += ["--max-cost", 0.5, "--workers", 3, "--time-limit", "60s", "--memory", "1g"]
        finished = mlebench(*arguments)
    assert finished.code == 0, finished.err
    log = (out / "tiny" / "solver-seed0" / "agent.log").read_text()
    result = read_result(out, "solver")
    assert result["outcome"] == "scored", log
    assert "streamed" in log
    usage = result["usage"]
    assert (usage["requests"], usage["prompt_tokens"]) == (2, 2 * PROMPT_TOKENS)
    assert usage["cost_usd"] == pytest.approx(2 * COST)
    assert json.loads((out / "tiny" / "solver-seed0" / "usage.json").read_text()) == usage
    assert result["settings"]["max_cost"] == 0.5
    assert result["settings"]["models"]["models"] == {"fake": "openai/fake"}

    result = read_result(out, "spender")
    assert (result["outcome"], result["ended"]) == ("agent_error", "cost_limit")
    assert result["usage"]["requests"] == 5, "the fifth goes beyond 0.5"
    assert result["usage"]["over_budget"] is True

    result = read_result(out, "prober")
    log = (out / "tiny" / "prober-seed0" / "agent.log").read_text()
    assert result["outcome"] == "scored", log
    found = json.loads((out / "tiny" / "prober-seed0" / "logs" / "found.json").read_text())
    assert found["open"] == [["127.0.0.1", 4000]], "the proxy, and nothing else"
    assert (found["names"], found["interfaces"]) == ([], ["lo"])
    assert (found["wrong key"], found["other path"]) == (401, 404)
    assert (found["other server"], found["fetched"], found["searched"]) == (400, 400, 400)
    assert found["sockets"] == ["proxy"]
    assert KEY_NAME not in found["variables"]
    assert REAL_KEY not in found["variables"].values()

    assert set(fake.keys) == {REAL_KEY}
    secret_nowhere_in(out)
    throw_away = found["variables"]["OPENAI_API_KEY"]
    for name in ("result.json", "state.json", "usage.json", "agent.log"):
        assert throw_away not in (out / "tiny" / "prober-seed0" / name).read_text()


STAYER = (
    ASK
    + """
print("key", os.environ["OPENAI_API_KEY"], flush=True)
status, text = ask()
print("first", status, flush=True)
while not (code / "go").exists():
    time.sleep(0.1)
status, text = ask()
print("second", status, flush=True)
exec(json.loads(text)["choices"][0]["message"]["content"])
"""
)


@pytest.mark.docker
def test_agent_of_a_killed_harness_asks_on(
    mlebench, make_agent, tmp_path, docker_image, llm_python, fake, models_file, secret_nowhere_in
):
    fake.reply = write_submission
    out = tmp_path / f"out{os.getpid()}{tmp_path.name}"
    folder = out / "tiny" / "stayer-seed0"
    log = folder / "agent.log"
    arguments = ["run", "--agent", make_agent("stayer", STAYER), "--competition", "tiny"]
    arguments += ["--out", out, "--runtime", "docker", "--network", "llm", "--time-limit", "200s"]
    arguments += ["--models", models_file]
    process = mlebench.start(*arguments)
    wait_for(lambda: log.is_file() and "first 200" in log.read_text(), seconds=120)
    children = psutil.Process(process.pid).children()
    (proxy,) = [child for child in children if "litellm_server" in " ".join(child.cmdline())]
    process.send_signal(signal.SIGKILL)
    process.communicate()
    wait_for(lambda: not proxy.is_running() or proxy.status() == psutil.STATUS_ZOMBIE)

    def go() -> None:
        events = out / "events.jsonl"
        wait_for(lambda: "attempt_adopted" in events.read_text(), seconds=120)
        (folder / "code" / "go").touch()

    helper = threading.Thread(target=go)
    helper.start()
    finished = mlebench(*arguments)
    helper.join()
    assert finished.code == 0, finished.err
    result = read_result(out, "stayer")
    assert result["outcome"] == "scored", log.read_text()
    assert "second 200" in log.read_text()
    assert log.read_text().startswith("key ***\nfirst 200\n"), "not even the throw-away key"
    assert result["tries"] == 1
    assert result["usage"]["requests"] == 2, "those before and after"
    secret_nowhere_in(out)


def test_local_agent_asks_at_a_port_of_this_machine(
    mlebench, make_agent, out, llm_python, fake, models_file, secret_nowhere_in
):
    fake.reply = write_submission
    agents = [make_agent("solver", SOLVER), make_agent("spender", SPENDER)]
    arguments = ["run", "--agent", *agents, "--competition", "tiny", "--out", out]
    arguments += ["--runtime", "local", "--network", "llm", "--models", models_file]
    arguments += ["--max-cost", 0.3, "--workers", 2, "--time-limit", "60s"]
    finished = mlebench(*arguments)
    assert finished.code == 0, finished.err
    assert read_result(out, "solver")["usage"]["requests"] == 2
    result = read_result(out, "spender")
    assert (result["ended"], result["usage"]["requests"]) == ("cost_limit", 3)
    secret_nowhere_in(out)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--max-cost", "1"], "--network llm or --models"),
        (["--models", "FILE"], "--models takes --network llm"),
        (["--network", "llm", "--models", "missing.yaml"], "cannot be read"),
        (["--network", "llm", "--max-cost", "0"], "no amount in USD"),
        (["--network", "llm", "--max-cost", "lots"], "no amount in USD"),
    ],
)
def test_wrong_arguments_are_told_before_anything_starts(
    mlebench, make_agent, out, models_file, more, message, capsys
):
    more = [models_file if item == "FILE" else item for item in more]
    agent = make_agent("plain", "submission.write_text(plain)")
    arguments = ["run", "--agent", agent, "--competition", "tiny", "--out", out]
    try:
        finished = mlebench(*arguments, "--runtime", "local", *more)
        code, told = finished.code, finished.err
    except SystemExit as error:
        code, told = error.code, capsys.readouterr().err
    assert code != 0
    assert message in told
    assert not out.exists()
