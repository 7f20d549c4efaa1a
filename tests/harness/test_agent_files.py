"""Agent folders: names, paths, and what is said of a broken `agent.yaml`."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import Command

from mlebench_data.errors import MlebenchError, UnknownNameError
from mlebench_data.harness.agent import agent_names, load_agent


@pytest.mark.parametrize("name", agent_names())
def test_agents_of_the_package(name: str):
    agent = load_agent(name)
    assert agent.name == name
    assert agent.description
    assert (agent.folder / "agent.yaml").is_file()


def test_folder_given_by_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "agent.yaml").write_text(
        "name: my-agent\ncommand: ['{python}', x]\nimage: my/image:1\nenvironment: {A: b}\n"
    )
    monkeypatch.chdir(tmp_path)
    agent = load_agent("mine")
    assert agent.folder == tmp_path / "mine", "it is mounted, so it must be absolute"
    assert agent.command == ("{python}", "x")
    assert (agent.name, agent.image, agent.environment) == ("my-agent", "my/image:1", {"A": "b"})


def test_unknown_agent_lists_the_known(mlebench: Command, out: Path):
    finished = mlebench("run", "--agent", "baselin", "--competition", "tiny", "--out", out)
    assert finished.code == 1
    assert "'baselin'" in finished.err and "baseline, command, gold, sample" in finished.err
    assert "Did you mean 'baseline'?" in finished.err
    assert not out.exists()


def test_folder_without_a_description_is_no_agent(tmp_path: Path):
    with pytest.raises(UnknownNameError, match=r"a folder with an agent\.yaml"):
        load_agent(str(tmp_path))


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"name: a\ncommand: [x]\nimages: b\n", "images: Extra inputs"),
        (b"command: [x]\n", "name: Field required"),
        (b"name: a\n", "'command' is missing"),
        (b"name: a\ncommand: []\n", "command: List should have at least 1"),
        (b"name: a\ncommand: python main.py\n", "command: Input should be a valid list"),
        (b"name: ../up\ncommand: [x]\n", "name: String should match"),
        (b"name: a/b\ncommand: [x]\n", "name: String should match"),
        (b"name: ''\ncommand: [x]\n", "name: String should match"),
        (b"name: a\ncommand: [x]\nenvironment: {A: 1}\n", "environment.A: Input should be"),
        (b"name: a\ncommand: [x]\nenvironment: {DATA_DIR: x}\n", "DATA_DIR: this variable is"),
        (b"name: a\ncommand: [x]\nsecrets: [MLEBENCH_KEY]\n", "MLEBENCH_KEY: this variable is"),
        (b"name: a\ncommand: [x]\nsecrets: [A-B]\n", "secrets.0: String should match"),
        (b"name: a\ncommand: [x]\nsecrets: [A]\nenvironment: {A: b}\n", "A stands in"),
        (b"name: a\ncommand: [x]\nparameters: {dir: x}\n", "dir: this variable is"),
        (b"name: a\ncommand: [x]\nparameters: {A: x}\n", "parameters.A"),
        (b"name: a\ncommand: [x]\nparameters: {a: [1]}\n", "parameters.a"),
        (b"name: a\ncommand: [x]\nwarning_signal: SIGNONE\n", "warning_signal: Value error"),
        (b"name: a\ncommand: [x]\ngpus: -1\n", "gpus: Input should be"),
        (b"name: a\ncommand: [x]\nnetwork: some\n", "network: Input should be"),
        (b"", "(top level)"),
        (b"- a\n", "(top level)"),
        (b"name: [a\n", "is not valid YAML"),
        (b"name: \xff\n", "is not UTF-8 text"),
    ],
)
def test_broken_description_names_file_and_key(tmp_path: Path, content: bytes, named: str):
    path = tmp_path / "agent.yaml"
    path.write_bytes(content)
    with pytest.raises(MlebenchError) as caught:
        load_agent(str(tmp_path))
    assert str(path) in str(caught.value)
    assert named in str(caught.value)


def test_digest_follows_names_and_contents(tmp_path: Path):
    (tmp_path / "agent.yaml").write_text("name: a\ncommand: [x]\n")
    agent = load_agent(str(tmp_path))
    digests = [agent.digest()]
    for change in (
        lambda: (tmp_path / "main.py").write_text("1"),
        lambda: (tmp_path / "main.py").write_text("2"),
        lambda: (tmp_path / "main.py").rename(tmp_path / "other.py"),
        lambda: (tmp_path / "link").symlink_to("other.py"),
        lambda: (tmp_path / "loop").symlink_to(tmp_path),
    ):
        change()
        assert agent.digest() not in digests
        digests.append(agent.digest())
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "main.pyc").touch()
    assert agent.digest() == digests[-1]
