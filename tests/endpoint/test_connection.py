"""`mlebench_data.connect`, in processes without a server and without a network."""

from __future__ import annotations

from pathlib import Path

import pytest
from repositories import ROWS, SEALED, write_repository
from serving import run_client

# A port where nothing listens: whatever passes on to the network fails at once.
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("connected")
    write_repository(folder / "cats")
    write_repository(folder / "cats-private")
    return folder


@pytest.mark.parametrize("first", ["mlebench_data", "datasets"])
def test_load_dataset(folder: Path, home: Path, first: str) -> None:
    code = f"""
    import json, {first}, datasets, mlebench_data
    mlebench_data.connect({str(folder)!r})
    mlebench_data.connect({str(folder)!r})
    whole = datasets.load_dataset("mlebench/cats", revision="v1")
    rows = datasets.load_dataset("mlebench/cats", split="train", streaming=True)
    print(json.dumps([whole["train"].num_rows, sum(1 for _ in rows)]))
    """
    assert run_client(code, NOWHERE, home) == [ROWS, ROWS]


def test_the_usual_endpoint(folder: Path, home: Path) -> None:
    code = f"""
    import json, datasets, mlebench_data
    mlebench_data.connect({str(folder)!r})
    rows = datasets.load_dataset("mlebench/cats", split="train")
    print(json.dumps(rows.num_rows))
    """
    assert run_client(code, None, home) == ROWS


def test_downloads(folder: Path, home: Path) -> None:
    code = f"""
    import json, pathlib, huggingface_hub, mlebench_data
    mlebench_data.connect({str(folder)!r})
    copy = pathlib.Path(huggingface_hub.snapshot_download("mlebench/cats", repo_type="dataset"))
    answers = huggingface_hub.hf_hub_download(
        "mlebench/cats-private", "private/answers-00000-of-00001.parquet", repo_type="dataset"
    )
    fs = huggingface_hub.HfFileSystem()
    with fs.open("datasets/mlebench/cats/README.md") as file:
        file.seek(4)
        card = file.read(11).decode()
    print(json.dumps([(copy / "files/public/train.csv").stat().st_size,
                      open(answers).read(), card]))
    """
    size = (folder / "cats/files/public/train.csv").stat().st_size
    assert run_client(code, NOWHERE, home) == [size, SEALED.decode(), "pretty_name"]


def test_all_else_passes_on(folder: Path, home: Path) -> None:
    code = f"""
    import json, huggingface_hub, mlebench_data
    seen = []
    def ask(name):
        try:
            seen.append(huggingface_hub.HfApi().dataset_info(name).id)
        except Exception as error:
            seen.append(type(error).__name__)
    ask("mlebench/cats")
    mlebench_data.connect({str(folder)!r})
    for name in ("mlebench/cats", "mlebench/dogs", "other/cats"):
        ask(name)
    mlebench_data.connect({str(folder)!r}, organisation="other")
    for name in ("mlebench/cats", "other/cats"):
        ask(name)
    mlebench_data.disconnect()
    mlebench_data.disconnect()
    ask("other/cats")
    print(json.dumps(seen))
    """
    assert run_client(code, NOWHERE, home) == [
        "ConnectError",
        "mlebench/cats",
        "ConnectError",
        "ConnectError",
        "ConnectError",
        "other/cats",
        "ConnectError",
    ]


def test_one_repository(folder: Path, home: Path) -> None:
    code = f"""
    import json, datasets, mlebench_data
    mlebench_data.connect({str(folder / "cats")!r})
    print(json.dumps(datasets.load_dataset("mlebench/cats", split="train").num_rows))
    """
    assert run_client(code, NOWHERE, home) == ROWS


def test_requests_that_pass_on_reach_a_server(library_url: str, folder: Path, home: Path) -> None:
    code = f"""
    import json, huggingface_hub, mlebench_data
    mlebench_data.connect({str(folder)!r}, organisation="local")
    copy = huggingface_hub.hf_hub_download("mlebench/cats", "README.md", repo_type="dataset")
    fs = huggingface_hub.HfFileSystem()
    print(json.dumps([open(copy).read(3), fs.exists("datasets/local/cats/README.md")]))
    """
    assert run_client(code, library_url, home) == ["---", True]


def test_missing_folder(home: Path) -> None:
    code = """
    import json, mlebench_data
    try:
        mlebench_data.connect("nowhere")
    except mlebench_data.errors.MlebenchError as error:
        print(json.dumps("nowhere is no folder" in str(error)))
    """
    assert run_client(code, NOWHERE, home) is True
