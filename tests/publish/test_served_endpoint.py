"""Publishing with the real client to `mlebench serve`, in processes of their own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from packed_by_hand import SECRET, tree_of
from serving import Served, client_environment, run_client, served_folder, tokens_of

from mlebench_data.catalogue import load_competition
from mlebench_data.hub import MasterKey, pack
from mlebench_data.hub.endpoint.access import add_token
from mlebench_data.hub.repository import commit_of
from mlebench_data.prepare import prepare

NAME = "iris-species"
ORGANISATION = "mlebench"
MakeRepository = Callable[..., Path]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """A writable server over an empty folder."""
    folder = tmp_path / "hub"
    folder.mkdir()
    with served_folder(folder) as server:
        yield server


class Client:
    """`mlebench` with a home of its own, whose token is the server's."""

    def __init__(self, served: Served, home: Path) -> None:
        self.served = served
        self.home = home
        self.environment = client_environment(served.url, home, served.token) | {"COLUMNS": "300"}
        home.mkdir()

    def start(self, *arguments: object) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "mlebench_data.harness.cli", *map(str, arguments)],
            env=self.environment,
            cwd=self.home,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: object) -> tuple[int, str, str]:
        process = self.start(*arguments)
        out, err = process.communicate(timeout=120)
        return process.returncode, out, err

    def publish(self, root: Path, *flags: str) -> tuple[int, str, str]:
        target = f"hf://datasets/{ORGANISATION}"
        return self.run("publish", NAME, "--from", root, "--to", target, *flags)


@pytest.fixture
def client(served: Served, tmp_path: Path) -> Client:
    return Client(served, tmp_path / "home")


def stored(served: Served, name: str = NAME) -> dict[str, bytes]:
    """The plain files of a repository of the server."""
    found = tree_of(served.folder / name)
    return {path: content for path, content in found.items() if not path.startswith(".")}


def download(client: Client, revision: str, name: str = NAME) -> dict[str, bytes]:
    """What a fresh client gets."""
    copy = client.home / "copy" / revision
    code = f"""
    import json, huggingface_hub
    huggingface_hub.snapshot_download(
        "{ORGANISATION}/{name}", repo_type="dataset", revision="{revision}", local_dir={str(copy)!r}
    )
    print(json.dumps(None))
    """
    run_client(code, client.served.url, client.home / "fresh", client.served.token)
    return {
        path: content
        for path, content in tree_of(copy).items()
        if not path.startswith((".cache", ".gitattributes"))
    }


def test_published_by_tag_and_commit_and_only_once(
    client: Client, make_repository: MakeRepository
) -> None:
    root = make_repository({"files/public/larger.bin": os.urandom(9 << 20)})
    code, out, err = client.publish(root)
    assert code == 0, err
    commit = re.search(r"@ ([0-9a-f]{40})", out)
    assert commit is not None
    assert stored(client.served) == tree_of(root)
    assert download(client, "v1") == download(client, commit[1]) == tree_of(root)
    assert commit[1] == commit_of(root)
    assert not any(SECRET in content for content in stored(client.served).values())
    code, out, err = client.publish(root)
    assert code == 0, err
    assert re.search(rf"{NAME} +v1 +unchanged +0 +0 +{len(tree_of(root))} ", out)
    assert commit[1] in out


def test_private_with_a_gated_sibling_and_a_collection(
    client: Client, make_repository: MakeRepository
) -> None:
    root = make_repository(private_part="sibling")
    code, _, err = client.publish(root, "--private", "--collection")
    assert code == 0, err
    assert stored(client.served) == tree_of(root)
    assert stored(client.served, f"{NAME}-private") == tree_of(root.with_name(f"{NAME}-private"))
    names = [NAME, f"{NAME}-private"]
    seen = run_client(
        f"""
        import json, huggingface_hub
        api = huggingface_hub.HfApi()
        facts = [api.dataset_info("{ORGANISATION}/" + name) for name in {names}]
        collection = next(iter(api.list_collections(owner="{ORGANISATION}")))
        items = [item.item_id for item in api.get_collection(collection.slug).items]
        print(json.dumps([[[fact.private, fact.gated] for fact in facts], items]))
        """,
        client.served.url,
        client.home / "fresh",
        client.served.token,
    )
    assert seen == [
        [[True, False], [True, "manual"]],
        [f"{ORGANISATION}/{NAME}-private", f"{ORGANISATION}/{NAME}"],
    ]
    assert client.publish(root, "--private", "--collection")[1].count("unchanged") == 2


def test_only_who_may_write_does(client: Client, repository: Path) -> None:
    admin = client.environment.pop("HF_TOKEN")
    code, out, err = client.publish(repository, "--dry-run")
    assert code == 0 and "would publish" in out, err
    reader = add_token(tokens_of(client.served.folder), "reader", "read")
    for token, message in (
        (None, "There is no token to publish with"),
        ("hf_wrong", "token"),
        (reader, "does not have the right"),
    ):
        if token is not None:
            client.environment["HF_TOKEN"] = token
        code, _, err = client.publish(repository)
        assert code == 1 and message in err and "Traceback" not in err
        assert token is None or token not in err
        assert not (client.served.folder / NAME).exists()
    (client.home / "my-token").write_text(f"{admin}\n")
    code, _, err = client.publish(repository, "--token-file", str(client.home / "my-token"))
    assert code == 0, err
    assert stored(client.served) == tree_of(repository)


def many(make_repository: MakeRepository) -> Path:
    """A repository of several commits."""
    return make_repository(
        {f"data/part-{number:03}.parquet": os.urandom(100 << 10) for number in range(300)}
    )


def wait_for_commit(served: Served, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60
    while not (served.folder / NAME / "data").is_dir():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.005)


def test_a_killed_client_goes_on_when_run_again(
    client: Client, make_repository: MakeRepository
) -> None:
    root = many(make_repository)
    process = client.start("publish", NAME, "--from", root, "--to", f"hf://datasets/{ORGANISATION}")
    wait_for_commit(client.served, process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    arrived = stored(client.served)
    assert "manifest.json" not in arrived and arrived.items() <= tree_of(root).items()
    code, out, err = client.publish(root)
    assert code == 0, err
    same = re.search(rf"{NAME} +v1 +published +\d+ +0 +(\d+) ", out)
    assert same is not None and int(same[1]) >= len(arrived) > 0
    assert stored(client.served) == tree_of(root)


def test_a_killed_server_is_waited_for(client: Client, make_repository: MakeRepository) -> None:
    root = many(make_repository)
    process = client.start("publish", NAME, "--from", root, "--to", f"hf://datasets/{ORGANISATION}")
    wait_for_commit(client.served, process)
    client.served.process.kill()
    client.served.process.wait()
    port = client.served.url.rpartition(":")[2]
    command = [sys.executable, "-m", "mlebench_data.harness.cli", "serve"]
    command += [str(client.served.folder), "--port", port, "--writable"]
    command += ["--token-file", str(tokens_of(client.served.folder))]
    again = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        _, err = process.communicate(timeout=100)
        assert process.returncode == 0, err
        assert stored(client.served) == tree_of(root)
    finally:
        again.terminate()
        again.wait(timeout=30)


@pytest.fixture(scope="session")
def packed_iris(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An open competition, prepared and packed."""
    folder = tmp_path_factory.mktemp("iris")
    competition = load_competition(NAME)
    prepared = prepare(competition, data_dir=folder / "data").folder
    return pack(competition, prepared, folder / NAME, key=MasterKey(bytes(32))).folder


def test_a_packed_competition_loads_by_name(client: Client, packed_iris: Path) -> None:
    code, _, err = client.publish(packed_iris)
    assert code == 0, err
    rows = run_client(
        f"""
        import json, datasets
        found = datasets.load_dataset("{ORGANISATION}/{NAME}", revision="v1")
        print(json.dumps([found["train"].num_rows, found["test"].num_rows]))
        """,
        client.served.url,
        client.home / "fresh",
    )
    assert sum(rows) == 150


def test_metrics_become_spaces_that_load_by_name(client: Client) -> None:
    arguments = ("metrics", "publish", "rmse", "--to", "hf://spaces/other")
    code, out, err = client.run(*arguments)
    assert code == 0, err
    assert out.count("published") == 1
    seen = run_client(
        """
        import json, evaluate, huggingface_hub
        score = evaluate.load("other/rmse").compute(references=[0.0], predictions=[2.0])
        api = huggingface_hub.HfApi()
        info = api.space_info("other/rmse")
        tags = [tag.name for tag in api.list_repo_refs("other/rmse", repo_type="space").tags]
        print(json.dumps([score, sorted(row.rfilename for row in info.siblings), tags]))
        """,
        client.served.url,
        client.home / "fresh",
        client.served.token,
    )
    from mlebench_data import __version__

    score, files, tags = seen
    assert score == {"rmse": 2.0} and tags == [__version__]
    assert {"README.md", "index.html", "rmse.py", "validation.py"} <= set(files)
    code, out, err = client.run(*arguments)
    assert code == 0 and out.count("unchanged") == 1, err
