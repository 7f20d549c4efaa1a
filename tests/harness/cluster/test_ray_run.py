"""`mlebench run --ray`: data, results and refusals."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import Command, read_result, write_agent
from ray_cluster import TestCluster
from tiny_competition import PLAIN_SCORE

pytest.importorskip("ray", reason="Ray is not installed: pip install 'mlebench-data[ray]'")

#: Asks whether its submission is right, then writes another one after it was copied.
AGENT = """
import urllib.request
print("data:", sorted(path.name for path in Path(os.environ["DATA_DIR"]).iterdir()))
print("place:", os.environ["DATA_DIR"])
submission.write_text(plain)
request = urllib.request.Request(os.environ["VALIDATE_URL"], data=plain.encode())
print("verdict:", urllib.request.urlopen(request).read().decode())
time.sleep(2.5)
submission.write_text(plain.replace("1,plain", "1,other"))
Path(os.environ["LOGS_DIR"], "deep", "er").mkdir(parents=True)
Path(os.environ["LOGS_DIR"], "deep", "er", "notes").write_text("kept")
"""

RUN = ["run", "--competition", "tiny", "--runtime", "local", "--memory", "1g"]


def test_run_with_prepared_data(mlebench: Command, cluster: TestCluster, tmp_path: Path):
    out = tmp_path / "out"
    agent = write_agent(tmp_path / "agents" / "asking", AGENT)
    process = mlebench.start(
        *(*RUN, "--agent", agent, "--out", out, "--ray", cluster.address),
        *("--seeds", 2, "--snapshot-every", "1s"),
    )
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    for seed in (0, 1):
        result = read_result(out, "asking", seed=seed)
        assert (result["outcome"], result["grading"]["score"]) == ("scored", 0.5), result
        assert result["test_feedback"] == "format-only"
        assert result["tries"] == 1 and result["node"]
        # The first copy is better than what was submitted in the end.
        assert result["snapshots"][0]["score"] == PLAIN_SCORE
    folder = out / "tiny" / "asking-seed0"
    assert (folder / "logs" / "deep" / "er" / "notes").read_text() == "kept"
    assert "['description.md', " in (folder / "agent.log").read_text()
    assert not [path.name for path in folder.iterdir() if path.name.startswith(".")]
    assert cluster.scratch == [], "nodes keep nothing of what has arrived"
    again = mlebench(*RUN, "--agent", agent, "--out", out, "--seeds", 2, "--snapshot-every", "1s")
    assert again.code == 0, "the run of a cluster is one of this machine too"
    assert "started" not in again.err
    record = json.loads((out / "run.json").read_text())
    described = record["starts"][0]["executor"]
    assert described["cluster"] == "ray" and len(described["nodes"]) == 2


def test_run_with_repositories(mlebench: Command, cluster: TestCluster, tmp_path: Path):
    key = tmp_path / "keys" / "key"
    assert mlebench("keys", "new", "--out", key).code == 0
    repositories = tmp_path / "repositories"
    packed = mlebench("pack", "tiny", "--out", repositories / "tiny", "--key-file", key)
    assert packed.code == 0, packed.err
    out = tmp_path / "out"
    agent = write_agent(
        tmp_path / "agents" / "placed",
        'submission.write_text(plain)\nprint(os.environ["DATA_DIR"])',
    )
    process = mlebench.start(
        *(*RUN, "--agent", agent, "--out", out, "--ray", cluster.address),
        *("--from", repositories, "--key-file", key),
        MLEBENCH_CACHE=str(tmp_path / "cache-of-the-driver"),
    )
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    result = read_result(out, "placed")
    assert result["grading"]["score"] == PLAIN_SCORE
    shown = Path((out / "tiny" / "placed-seed0" / "agent.log").read_text().strip())
    assert shown.is_relative_to(cluster.cache), "the node has restored it for itself"
    assert not list(cluster.temporary.rglob("*private*")), "answers stay with the driver"


@pytest.mark.parametrize(
    ("address", "words"),
    [
        (None, "no machine of the cluster carries an attempt (64 CPUs"),
        ("127.0.0.1:1", "there is no way to that cluster"),
        ("ray://127.0.0.1:10001", "Ray Client is not supported"),
    ],
    ids=["too-large", "no-cluster", "client"],
)
def test_refusals(
    address: str | None, words: str, mlebench: Command, cluster: TestCluster, tmp_path: Path
):
    out = tmp_path / "out"
    finished = mlebench(
        *(*RUN, "--agent", "sample", "--out", out, "--cpus", 64),
        *("--ray", address or cluster.address),
    )
    assert finished.code == 1
    assert words in finished.err
    assert not out.exists()
