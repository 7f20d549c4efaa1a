"""Publishing to a folder, to memory and to S3: the same tree everywhere, and only once."""

from __future__ import annotations

import errno
import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from packed_by_hand import SECRET, tree_of, write_list, write_manifest, write_sealed

from mlebench_data.hub.layout import CARD, MANIFEST
from mlebench_data.hub.publish import retrying
from mlebench_data.hub.publish.contents import Contents, Item
from mlebench_data.hub.publish.errors import PublishError
from mlebench_data.hub.publish.folder_place import FolderPlace
from mlebench_data.hub.publish.plan import Plan
from mlebench_data.hub.publish.record import RECORD
from mlebench_data.hub.publish.repository_contents import read_contents

NAME = "iris-species"
MakeRepository = Callable[..., Path]


class Interruption(BaseException):
    """As if the process was killed: nothing tidies up but what `finally` does."""


class Remote:
    """A target that can be looked at, interrupted and broken."""

    def __init__(self, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.url = url
        self.files, self.root = fsspec.core.url_to_fs(f"{url}/{NAME}")
        self._monkeypatch = monkeypatch
        self.place = FolderPlace(url, NAME)

    def tree(self) -> dict[str, bytes]:
        self.files.invalidate_cache()
        if not self.files.exists(self.root):
            return {}
        return {
            path.removeprefix(f"{self.root}/"): self.files.cat_file(path)
            for path in self.files.find(self.root)
        }

    def publish(self, root: Path, *, retag: bool = False) -> Plan:
        _, contents = read_contents(root)
        plan = self.place.plan(contents, retag=retag)
        self.place.send(contents, plan)
        return plan

    def count_writes(self) -> list[str]:
        """Note every path that is written or removed from now on."""
        touched: list[str] = []
        write, stream, remove = self.place._write, self.place._stream, self.place._remove

        def note(action: Callable[..., None]) -> Callable[..., None]:
            def noting(path: str, *rest: Any) -> None:
                touched.append(path)
                action(path, *rest)

            return noting

        for name, action in (("_write", write), ("_stream", stream), ("_remove", remove)):
            self._monkeypatch.setattr(self.place, name, note(action))
        return touched

    def fail_after(self, steps: int, error: BaseException) -> None:
        """Let so many writes and removals come through, then none."""
        left = [steps]
        for name in ("_write", "_stream", "_remove"):
            action = getattr(self.place, name)

            def step(path: str, *rest: Any, _action: Callable[..., None] = action) -> None:
                if left[0] == 0:
                    raise error
                left[0] -= 1
                _action(path, *rest)

            self._monkeypatch.setattr(self.place, name, step)

    def works_again(self) -> None:
        self._monkeypatch.undo()
        self.place = FolderPlace(self.url, NAME)


@pytest.fixture(params=["path", "file", "memory", "s3"])
def remote(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Remote]:
    name = uuid.uuid4().hex
    if request.param == "s3":
        bucket = request.getfixturevalue("bucket")
        url = f"s3://{bucket}/{name}"
    else:
        url = {
            "path": str(tmp_path / "out" / name),
            "file": f"file://{tmp_path}/out/{name}",
            "memory": f"memory://{name}",
        }[request.param]
    with monkeypatch.context() as patch:
        yield Remote(url, patch)


def test_what_is_packed_is_there_and_nothing_else(remote: Remote, repository: Path) -> None:
    plan = remote.publish(repository)
    assert (len(plan.new), len(plan.changed), len(plan.same)) == (8, 0, 0)
    assert remote.tree() == tree_of(repository)


def test_a_large_file_arrives_whole(remote: Remote, make_repository: MakeRepository) -> None:
    # More than one part of a multipart upload (16 MiB), and not a multiple of anything.
    large = bytes(range(251)) * 80_001
    root = make_repository({"files/public/large.bin": large})
    remote.publish(root)
    assert remote.tree()["files/public/large.bin"] == large
    assert remote.publish(root).is_done


def test_a_second_publish_writes_nothing(remote: Remote, repository: Path) -> None:
    remote.publish(repository)
    touched = remote.count_writes()
    assert remote.publish(repository).is_done
    assert touched == []


def test_a_plan_writes_nothing(remote: Remote, repository: Path) -> None:
    _, contents = read_contents(repository)
    touched = remote.count_writes()
    plan = remote.place.plan(contents, retag=False)
    assert plan.size == contents.size
    assert touched == [] and remote.tree() == {}


def test_other_content_is_refused_unless_told(remote: Remote, repository: Path) -> None:
    remote.publish(repository)
    before = remote.tree()
    (repository / "data/test-00000.parquet").unlink()
    (repository / "data/train-00000.parquet").write_bytes(b"PAR1 other PAR1")
    (repository / "data/more-00000.parquet").write_bytes(b"PAR1 more PAR1")
    kept = ["files/public/odd name #1.csv", "files/public/empty.txt"]
    write_manifest(repository, ["data/train-00000.parquet", "data/more-00000.parquet", *kept])
    with pytest.raises(PublishError, match=f"{NAME} v1 already.*--retag"):
        remote.publish(repository)
    assert remote.tree() == before
    plan = remote.publish(repository, retag=True)
    assert remote.tree() == tree_of(repository)
    assert [item.path for item in plan.new] == ["data/more-00000.parquet"]
    assert [item.path for item in plan.changed] == ["data/train-00000.parquet", MANIFEST]
    assert plan.gone == ("data/test-00000.parquet",)


def test_another_data_version_does_not_take_the_place(
    remote: Remote, make_repository: MakeRepository, tmp_path: Path
) -> None:
    remote.publish(make_repository())
    other = make_repository(folder=tmp_path / "other", version="v2")
    with pytest.raises(PublishError, match=f"{NAME} v1 already.*{NAME} v2"):
        remote.publish(other)


def test_answers_sealed_anew_are_other_content(remote: Remote, repository: Path) -> None:
    remote.publish(repository)
    write_sealed(repository / "private/answers-00000.parquet")
    write_list(repository, ["private/answers-00000.parquet"])
    with pytest.raises(PublishError, match="sealed anew"):
        remote.publish(repository)
    remote.publish(repository, retag=True)
    assert remote.tree() == tree_of(repository)


def test_a_folder_of_something_else_is_left_alone(remote: Remote, repository: Path) -> None:
    remote.files.makedirs(f"{remote.root}/data", exist_ok=True)
    remote.files.pipe_file(f"{remote.root}/data/mine.csv", b"a,b\n")
    with pytest.raises(PublishError, match=r"holds data/mine.csv, which no publish"):
        remote.publish(repository)
    assert remote.tree() == {"data/mine.csv": b"a,b\n"}


def test_a_neighbour_whose_name_begins_alike_is_left_alone(
    remote: Remote, repository: Path
) -> None:
    remote.files.makedirs(f"{remote.root}-private", exist_ok=True)
    remote.files.pipe_file(f"{remote.root}-private/x", b"1")
    remote.publish(repository)
    assert remote.files.cat_file(f"{remote.root}-private/x") == b"1"


@pytest.mark.parametrize("remote", ["path"], indirect=True)
@pytest.mark.parametrize("steps", range(11))
def test_wherever_a_publish_is_interrupted_it_goes_on(
    remote: Remote, repository: Path, steps: int
) -> None:
    remote.fail_after(steps, Interruption())
    with pytest.raises(Interruption):
        remote.publish(repository)
    arrived = remote.tree()
    if MANIFEST in arrived:
        assert arrived == {**tree_of(repository), RECORD: arrived[RECORD]}
    remote.works_again()
    touched = remote.count_writes()
    remote.publish(repository)
    assert remote.tree() == tree_of(repository)
    # What has arrived is not sent again.
    assert not (arrived.keys() - {RECORD}) & set(touched) - {MANIFEST}


@pytest.mark.parametrize("steps", [1, 2, 6])
def test_an_interrupted_replacement_is_never_complete_and_wrong(
    remote: Remote, make_repository: MakeRepository, tmp_path: Path, steps: int
) -> None:
    old = make_repository({"data/gone.parquet": b"1", "data/same-size.parquet": b"old"})
    new = make_repository({"data/same-size.parquet": b"new"}, folder=tmp_path / "new")
    remote.publish(old)
    remote.fail_after(steps, Interruption())
    with pytest.raises(Interruption):
        remote.publish(new, retag=True)
    arrived = remote.tree()
    if MANIFEST in arrived:
        arrived.pop(RECORD, None)
        assert arrived in (tree_of(old), tree_of(new))
    remote.works_again()
    remote.publish(new, retag=True)
    assert remote.tree() == tree_of(new)


def test_another_content_after_an_interruption(
    remote: Remote, make_repository: MakeRepository, tmp_path: Path
) -> None:
    first = make_repository({"data/same-size.parquet": b"old"})
    second = make_repository({"data/same-size.parquet": b"new"}, folder=tmp_path / "second")
    remote.fail_after(7, Interruption())
    with pytest.raises(Interruption):
        remote.publish(first)
    remote.works_again()
    remote.publish(second)
    assert remote.tree() == tree_of(second)


@pytest.mark.parametrize("steps", [0, 3, 9])
def test_what_passes_is_tried_again(
    remote: Remote, repository: Path, steps: int, no_pauses: list[float]
) -> None:
    remote.fail_after(steps, ConnectionResetError("the line is down"))
    with pytest.raises(PublishError, match=r"6 times in a row.*line is down.*same command again"):
        remote.publish(repository)
    assert len(no_pauses) >= len(retrying.PAUSES)
    remote.works_again()
    remote.publish(repository)
    assert remote.tree() == tree_of(repository)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "no space is left there: free some"),
        (OSError(errno.EROFS, "Read-only file system"), "it is read-only"),
        (PermissionError(errno.EACCES, "Permission denied"), "no right to write there"),
        (FileNotFoundError("The specified bucket does not exist"), "bucket does not exist"),
    ],
    ids=["full", "read-only", "no right", "no bucket"],
)
def test_what_does_not_pass_is_said_at_once(
    remote: Remote, repository: Path, error: OSError, message: str, no_pauses: list[float]
) -> None:
    remote.fail_after(5, error)
    with pytest.raises(PublishError, match=message) as failure:
        remote.publish(repository)
    assert remote.place.describe() in str(failure.value)
    assert no_pauses == []


def test_a_defect_keeps_its_traceback(remote: Remote, repository: Path) -> None:
    remote.fail_after(5, KeyError("a defect of ours"))
    with pytest.raises(KeyError):
        remote.publish(repository)


def test_a_failure_in_the_middle_of_a_large_file_leaves_none(
    remote: Remote, tmp_path: Path, no_pauses: list[float]
) -> None:
    size = 40 << 20
    path = tmp_path / "large"
    with path.open("wb") as stream:
        stream.truncate(size)
    item = Item("large", size, "0" * 64, path)

    class Broken:
        """A source that fails after the first part was sent."""

        left = 36 << 20

        def __enter__(self) -> Broken:
            return self

        def __exit__(self, *error: object) -> None:
            return None

        def read(self, count: int) -> bytes:
            if self.left <= 0:
                raise PublishError("changed")
            self.left -= count
            return bytes(count)

    remote._monkeypatch.setattr(Item, "open", lambda self: Broken())
    contents = Contents(NAME, "v1", (item,))
    with pytest.raises(PublishError, match="changed"):
        remote.place.send(contents, Plan(new=(item,)))
    remote.works_again()
    left = set(remote.tree())
    assert left <= {RECORD}


def test_no_trace_of_answers(remote: Remote, repository: Path) -> None:
    remote.publish(repository)
    assert not any(SECRET in content for content in remote.tree().values())


def test_the_record_of_a_publish_under_way_is_strict(remote: Remote, repository: Path) -> None:
    remote.files.makedirs(remote.root, exist_ok=True)
    remote.files.pipe_file(f"{remote.root}/{RECORD}", json.dumps({"expected": []}).encode())
    with pytest.raises(PublishError, match="damaged"):
        remote.publish(repository)


def test_a_manifest_that_is_none_is_not_replaced(remote: Remote, repository: Path) -> None:
    remote.files.makedirs(remote.root, exist_ok=True)
    remote.files.pipe_file(f"{remote.root}/{MANIFEST}", b"{}")
    remote.files.pipe_file(f"{remote.root}/{CARD}", b"# Mine")
    with pytest.raises(PublishError, match="no manifest of a repository"):
        remote.publish(repository)
