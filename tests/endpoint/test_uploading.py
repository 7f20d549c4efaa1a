"""Unmodified clients that upload to a running server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from repositories import CARD, ROWS, files_of, write, write_lists, write_repository
from serving import Served, run_client, tokens_of

from mlebench_data.hub.endpoint.access import add_token
from mlebench_data.hub.endpoint.uploads import ASKS_FOR_IT
from mlebench_data.hub.repository import commit_of

NO_XET = {"HF_HUB_DISABLE_XET": "1"}

PUBLISH = """
import json, huggingface_hub
api = huggingface_hub.HfApi()
api.create_repo("mlebench/{name}", repo_type="dataset", exist_ok=True)
api.upload_folder(folder_path={folder!r}, repo_id="mlebench/{name}", repo_type="dataset")
info = api.dataset_info("mlebench/{name}")
if {tag!r}:
    api.create_tag("mlebench/{name}", tag={tag!r}, repo_type="dataset")
print(json.dumps(info.sha))
"""


def publish(served: Served, home: Path, folder: Path, name: str, tag: str = "") -> str:
    """Upload a folder; with a tag if one is given."""
    code = PUBLISH.format(name=name, folder=str(folder), tag=tag)
    commit: str = run_client(code, served.url, home, served.token)
    return commit


def test_uploaded_is_the_packed_folder(served: Served, home: Path, tmp_path: Path) -> None:
    source = write_repository(tmp_path / "packed")
    commit = publish(served, home, source, "cats", "v1")
    target = served.folder / "cats"
    assert files_of(target) == files_of(source)
    assert commit == commit_of(target) == commit_of(source)
    code = """
    import json, datasets, huggingface_hub
    api = huggingface_hub.HfApi()
    refs = api.list_repo_refs("mlebench/cats", repo_type="dataset")
    rows = datasets.load_dataset("mlebench/cats", revision="v1", split="train")
    print(json.dumps([rows.num_rows, [[tag.name, tag.target_commit] for tag in refs.tags]]))
    """
    assert run_client(code, served.url, home / "other") == [ROWS, [["v1", commit]]]


def test_second_upload_sends_nothing(served: Served, home: Path, tmp_path: Path) -> None:
    source = write_repository(tmp_path / "packed")
    first = publish(served, home, source, "cats")
    before = {path: path.stat().st_ino for path in (served.folder / "cats").rglob("*")}
    assert publish(served, home, source, "cats") == first
    assert {path: path.stat().st_ino for path in (served.folder / "cats").rglob("*")} == before


def test_tagged_versions_stay(served: Served, home: Path, tmp_path: Path) -> None:
    first = publish(served, home, write_repository(tmp_path / "one"), "cats", "v1")
    card = CARD + "Second version.\n"
    second = write_repository(tmp_path / "two", version="v2", card=card)
    assert publish(served, home, second, "cats", "v2") == commit_of(second) != first
    code = """
    import json, huggingface_hub
    api = huggingface_hub.HfApi()
    def card(revision):
        path = api.hf_hub_download(
            "mlebench/cats", "README.md", repo_type="dataset", revision=revision
        )
        return "Second version" in open(path).read()
    seen = [card(revision) for revision in ("v1", "v2", "main", COMMIT)]
    api.delete_tag("mlebench/cats", tag="v1", repo_type="dataset")
    try:
        card("v1")
    except huggingface_hub.errors.RevisionNotFoundError:
        seen.append("gone")
    print(json.dumps(seen))
    """
    code = f"COMMIT = {first!r}" + code.replace("\n    ", "\n")
    seen = run_client(code, served.url, home / "other", served.token)
    assert seen == [False, True, True, False, "gone"]
    assert not list((served.folder / ".mlebench/kept/datasets/cats").iterdir())


@pytest.mark.parametrize("protocol", ["its own", "lfs"])
def test_large_files_and_removals(
    served: Served, home: Path, tmp_path: Path, protocol: str
) -> None:
    source = write_repository(tmp_path / "packed")
    # One hole of a file: large for the server, small on the disk.
    with write(source / "files/public/large.bin", b"x").open("r+b") as file:
        file.truncate((100 << 20) + 1)
    write_lists(source, "cats", "v1", [source / "private/answers-00000-of-00001.parquet"])
    # The client as it comes sends everything within commits; nothing else works here.
    headers, settings = ({}, {}) if protocol == "its own" else (ASKS_FOR_IT, NO_XET)
    code = f"""
    import json, huggingface_hub
    api = huggingface_hub.HfApi(headers={headers})
    api.create_repo("mlebench/cats", repo_type="dataset")
    api.upload_folder(folder_path={str(source)!r}, repo_id="mlebench/cats", repo_type="dataset")
    sha = api.dataset_info("mlebench/cats").sha
    rows = {{row.path: row for row in api.list_repo_tree(
        "mlebench/cats", repo_type="dataset", recursive=True)}}
    large = rows["files/public/large.bin"]
    copy = api.hf_hub_download("mlebench/cats", large.path, repo_type="dataset")
    api.delete_file(large.path, "mlebench/cats", repo_type="dataset")
    api.delete_folder("private", "mlebench/cats", repo_type="dataset")
    left = api.list_repo_files("mlebench/cats", repo_type="dataset")
    print(json.dumps([sha, large.lfs.sha256, left]))
    """
    commit, digest, left = run_client(code, served.url, home, served.token, **settings)
    assert commit == commit_of(source)
    assert [digest] == [
        line["sha256"]
        for line in json.loads((source / "manifest.json").read_text())["contents"]
        if line["path"] == "files/public/large.bin"
    ]
    assert sorted(left) == sorted(
        path
        for path in files_of(source)
        if path != "files/public/large.bin" and not path.startswith("private/")
    )
    uploads = served.folder / ".mlebench/uploads"
    assert uploads.exists() == (protocol == "lfs")
    assert not list(uploads.glob("*"))


def test_settings_and_deleting(served: Served, home: Path, tmp_path: Path) -> None:
    writer = add_token(tokens_of(served.folder), "writer", "write")
    reader = add_token(tokens_of(served.folder), "reader", "read")
    code = f"""
    import json, huggingface_hub
    from huggingface_hub import HfApi
    admin, writer, reader = HfApi(), HfApi(token={writer!r}), HfApi(token={reader!r})
    seen = []
    def attempt(function, *arguments, **options):
        try:
            function(*arguments, repo_type="dataset", **options)
            seen.append("done")
        except huggingface_hub.errors.HfHubHTTPError as error:
            seen.append(f"{{type(error).__name__}} {{error.response.status_code}}")
    attempt(reader.create_repo, "mlebench/a")
    attempt(writer.create_repo, "mlebench/a", private=True)
    attempt(writer.create_repo, "mlebench/a")
    attempt(writer.create_repo, "mlebench/spaces")
    attempt(reader.repo_info, "mlebench/a")
    attempt(writer.repo_info, "mlebench/a")
    attempt(writer.update_repo_settings, "mlebench/a", private=False, gated="manual")
    attempt(reader.auth_check, "mlebench/a")
    attempt(writer.auth_check, "mlebench/a")
    attempt(reader.update_repo_settings, "mlebench/a", gated=False)
    attempt(writer.update_repo_settings, "mlebench/a", gated=False)
    attempt(reader.auth_check, "mlebench/a")
    attempt(reader.delete_repo, "mlebench/a")
    attempt(writer.delete_repo, "mlebench/a")
    attempt(admin.delete_repo, "mlebench/a")
    attempt(admin.repo_info, "mlebench/a")
    attempt(admin.create_branch, "mlebench/b", branch="c")
    print(json.dumps([seen, reader.whoami()["name"]]))
    """
    seen, name = run_client(code, served.url, home, served.token)
    assert name == "reader"
    assert seen == [
        "HfHubHTTPError 403",
        "done",
        "HfHubHTTPError 409",
        "BadRequestError 400",
        "RepositoryNotFoundError 404",
        "done",
        "done",
        "GatedRepoError 403",
        "done",
        "HfHubHTTPError 403",
        "done",
        "done",
        "HfHubHTTPError 403",
        "HfHubHTTPError 403",
        "done",
        "RepositoryNotFoundError 404",
        "BadRequestError 400",
    ]


def test_uploaded_metric_takes_precedence(served: Served, home: Path, tmp_path: Path) -> None:
    from mlebench_data.metrics.registry import metric_path

    folder = tmp_path / "rmse"
    for path in metric_path("rmse").glob("*.*"):
        write(folder / path.name, path.read_bytes())
    text = (folder / "rmse.py").read_text()
    (folder / "rmse.py").write_text(text.replace('{"rmse": ', '{"theirs": '))
    code = f"""
    import json, evaluate, huggingface_hub
    api = huggingface_hub.HfApi()
    for _ in range(2):
        api.create_repo("mlebench/rmse", repo_type="space", space_sdk="static", exist_ok=True)
    api.upload_folder(folder_path={str(folder)!r}, repo_id="mlebench/rmse", repo_type="space")
    metric = evaluate.load("mlebench/rmse")
    print(json.dumps(metric.compute(references=[0.0], predictions=[3.0])))
    """
    assert run_client(code, served.url, home, served.token) == {"theirs": 3.0}


def test_collections(served: Served, home: Path) -> None:
    code = """
    import json, huggingface_hub
    api = huggingface_hub.HfApi()
    made = api.create_collection("The open split", namespace="mlebench", description="All.")
    same = api.create_collection("The open split", namespace="mlebench", exists_ok=True)
    for name in ("mlebench/cats", "mlebench/dogs"):
        api.add_collection_item(made.slug, name, "dataset")
    api.add_collection_item(made.slug, "mlebench/cats", "dataset", exists_ok=True)
    found = api.get_collection(made.slug)
    api.delete_collection_item(made.slug, found.items[0].item_object_id)
    left = [[found.title, len(found.items)] for found in api.list_collections(owner="mlebench")]
    api.delete_collection(made.slug)
    print(json.dumps([
        made.slug == same.slug, [item.item_id for item in found.items], left,
        len(list(api.list_collections(owner="mlebench"))),
    ]))
    """
    assert run_client(code, served.url, home, served.token) == [
        True,
        ["mlebench/cats", "mlebench/dogs"],
        [["The open split", 1]],
        0,
    ]


def test_malformed_card_is_refused(served: Served, home: Path, tmp_path: Path) -> None:
    write(tmp_path / "bad/README.md", b"---\na: [\n---\n")
    code = f"""
    import json, huggingface_hub
    api = huggingface_hub.HfApi()
    api.create_repo("mlebench/cats", repo_type="dataset")
    try:
        api.upload_folder(
            folder_path={str(tmp_path / "bad")!r}, repo_id="mlebench/cats", repo_type="dataset"
        )
    except ValueError as error:
        print(json.dumps(str(error).splitlines()[0]))
    """
    assert "nvalid" in run_client(code, served.url, home, served.token)
