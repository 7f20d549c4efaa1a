"""Unmodified clients against a running server."""

from __future__ import annotations

from pathlib import Path

import pytest
from repositories import ODD_NAME, ODD_TEXT, ROWS, SEALED, TEST, files_of
from serving import Served, finish_client, run_client, start_client, tokens_of

from mlebench_data.hub.endpoint.access import add_token
from mlebench_data.hub.repository import commit_of


def test_load_dataset(library: Served, home: Path) -> None:
    code = """
    import json, datasets
    cold = datasets.load_dataset("mlebench/cats")
    warm = datasets.load_dataset("mlebench/cats")
    sample = datasets.load_dataset("mlebench/cats", "sample_submission", revision="v1")
    builder = datasets.load_dataset_builder("mlebench/cats", revision="v1")
    print(json.dumps([
        cold["train"].num_rows, cold["test"].to_dict(), warm["train"].num_rows,
        sample["sample_submission"]["label"][:], list(builder.config.data_files),
    ]))
    """
    assert run_client(code, library.url, home) == [
        ROWS,
        TEST,
        ROWS,
        ["cat", "cat"],
        ["train", "test"],
    ]


@pytest.mark.parametrize("by", ["main", "tag", "commit"])
def test_streaming_by_revision(library: Served, home: Path, by: str) -> None:
    commit = commit_of(library.folder / "cats")
    revision = {"main": "main", "tag": "v1", "commit": commit}[by]
    code = f"""
    import json, datasets
    rows = datasets.load_dataset(
        "mlebench/cats", split="train", streaming=True, revision="{revision}"
    )
    print(json.dumps([next(iter(rows)), sum(1 for _ in rows)]))
    """
    assert run_client(code, library.url, home) == [{"id": 0, "label": "cat"}, ROWS]


def test_snapshot_is_the_folder(library: Served, home: Path) -> None:
    code = """
    import json, huggingface_hub
    path = huggingface_hub.snapshot_download(
        "mlebench/cats", repo_type="dataset", revision="v1", local_dir="copy"
    )
    info = huggingface_hub.dataset_info("mlebench/cats")
    print(json.dumps([info.sha, info.gated, info.private, [s.rfilename for s in info.siblings]]))
    """
    commit, gated, private, names = run_client(code, library.url, home)
    repository = library.folder / "cats"
    assert (commit, gated, private) == (commit_of(repository), False, False)
    expected = files_of(repository)
    assert sorted(names) == sorted(expected)
    assert {name: (home / "copy" / name).read_bytes() for name in names} == expected


def test_file_system(library: Served, home: Path) -> None:
    code = f"""
    import json, huggingface_hub
    fs = huggingface_hub.HfFileSystem()
    top = "datasets/mlebench/cats"
    with fs.open(f"{{top}}/{ODD_NAME}") as file:
        text = file.read().decode()
    with fs.open(f"{{top}}@v1/data/train-00000-of-00001.parquet") as file:
        file.seek(-4, 2)
        end = file.read().decode()
    print(json.dumps([
        text, end, sorted(name.removeprefix(top) for name in fs.ls(top, detail=False)),
        len(fs.glob(f"{{top}}/data/*.parquet")), fs.exists(f"{{top}}/nothing"),
        [found.id for found in huggingface_hub.list_datasets(author="mlebench")],
    ]))
    """
    assert run_client(code, library.url, home) == [
        ODD_TEXT.decode(),
        "PAR1",
        ["/README.md", "/data", "/files", "/manifest.json", "/private"],
        3,
        False,
        ["mlebench/cats", "mlebench/cats-private"],
    ]


def test_metric_of_the_package(library: Served, home: Path) -> None:
    code = """
    import json, evaluate
    metric = evaluate.load("mlebench/rmse")
    print(json.dumps(metric.compute(references=[0.0, 0.0], predictions=[3.0, 3.0])))
    """
    assert run_client(code, library.url, home) == {"rmse": 3.0}


def test_gated_repository(library: Served, home: Path) -> None:
    tokens = tokens_of(library.folder)
    granted = add_token(tokens, "partner", "read", "cats-private,other")
    stranger = add_token(tokens, "stranger", "read", "other*")
    code = """
    import json, os, datasets, huggingface_hub
    try:
        path = huggingface_hub.hf_hub_download(
            "mlebench/cats-private", "private/answers-00000-of-00001.parquet", repo_type="dataset"
        )
        print(json.dumps(open(path).read()))
    except huggingface_hub.errors.GatedRepoError as error:
        try:
            datasets.load_dataset("mlebench/cats-private")
        except datasets.exceptions.DatasetNotFoundError as other:
            print(json.dumps([error.response.status_code, str(other)]))
    """
    processes = [
        start_client(code, library.url, home / name, token)
        for name, token in (("none", None), ("stranger", stranger), ("granted", granted))
    ]
    none, other, content = [finish_client(process) for process in processes]
    assert none[0] == 401 and "gated" in none[1]
    assert other[0] == 403 and "gated" in other[1]
    assert content == SEALED.decode()


def test_errors_of_the_client(library: Served, home: Path) -> None:
    code = """
    import json, huggingface_hub
    from huggingface_hub import errors
    seen = []
    for name, file, revision, token in (
        ("mlebench/dogs", "README.md", None, None),
        ("mlebench/cats", "nothing.txt", None, None),
        ("mlebench/cats", "README.md", "v9", None),
        ("mlebench/cats", "README.md", None, "mlebench_wrong"),
    ):
        try:
            huggingface_hub.hf_hub_download(
                name, file, repo_type="dataset", revision=revision, token=token
            )
        except (errors.HfHubHTTPError, errors.LocalEntryNotFoundError) as error:
            seen.append(type(error).__name__)
    print(json.dumps(seen))
    """
    assert run_client(code, library.url, home) == [
        "RepositoryNotFoundError",
        "RemoteEntryNotFoundError",
        "RevisionNotFoundError",
        "HfHubHTTPError",
    ]


def test_eight_clients_at_once(library: Served, home: Path) -> None:
    code = """
    import json, huggingface_hub
    print(json.dumps(huggingface_hub.snapshot_download("mlebench/cats", repo_type="dataset")))
    """
    processes = [start_client(code, library.url, home / str(n)) for n in range(8)]
    copies = [Path(finish_client(process)) for process in processes]
    expected = files_of(library.folder / "cats")
    assert [files_of(copy) for copy in copies] == [expected] * 8
