"""Publishing to a Hub: what is sent, in which order, and what happens when it fails."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fake_hub import FakeHub, Repository, http_error
from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled, RepositoryNotFoundError
from packed_by_hand import SECRET, sha256, tree_of, write_list, write_manifest, write_sealed

from mlebench_data.hub.layout import CARD, MANIFEST
from mlebench_data.hub.publish import hub_place
from mlebench_data.hub.publish.collection import update_collection
from mlebench_data.hub.publish.contents import Contents, Item
from mlebench_data.hub.publish.errors import PublishError
from mlebench_data.hub.publish.hub_place import HubPlace, batches
from mlebench_data.hub.publish.plan import Plan
from mlebench_data.hub.publish.repository_contents import read_contents

NAME = "iris-species"
ID = f"org/{NAME}"
MakeRepository = Callable[..., Path]


class Interruption(BaseException):
    """As if the process was killed."""


@pytest.fixture
def hub() -> FakeHub:
    return FakeHub()


def publish(
    hub: FakeHub, root: Path, *, private: bool = False, retag: bool = False
) -> tuple[Plan, str | None]:
    _, contents = read_contents(root)
    place = HubPlace(hub, "org", contents.name, private=private)  # type: ignore[arg-type]
    plan = place.plan(contents, retag=retag)
    return plan, place.send(contents, plan)


def published(hub: FakeHub, repo_id: str = ID) -> dict[str, bytes]:
    tree = dict(hub.repositories[repo_id].main)
    tree.pop(".gitattributes", None)
    return tree


def test_everything_arrives_then_the_tag(hub: FakeHub, repository: Path) -> None:
    _, commit = publish(hub, repository)
    assert published(hub) == tree_of(repository)
    assert hub.repositories[ID].tags == {"v1": commit}
    assert hub.repositories[ID].at("v1") == hub.repositories[ID].main
    # Card and manifest come in the last commit, and the tag after it.
    *earlier, _ = hub.repositories[ID].commits
    assert not any({CARD, MANIFEST} & tree.keys() for tree in earlier)
    assert hub.writes == ["create_repo", "create_commit", "create_commit", "create_tag"]
    assert not hub.repositories[ID].private


def test_a_second_publish_only_reads(hub: FakeHub, repository: Path) -> None:
    _, first = publish(hub, repository)
    hub.log.clear()
    plan, second = publish(hub, repository)
    assert plan.is_done and second == first and hub.writes == []


def test_a_plan_only_reads(hub: FakeHub, repository: Path) -> None:
    _, contents = read_contents(repository)
    place = HubPlace(hub, "org", NAME)  # type: ignore[arg-type]
    assert len(place.plan(contents, retag=False).new) == len(tree_of(repository))
    assert hub.writes == []


def test_commits_are_bounded(
    hub: FakeHub, make_repository: MakeRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_place, "COMMIT_FILES", 7)
    root = make_repository({f"data/{number}.parquet": bytes([number]) for number in range(30)})
    publish(hub, root)
    commits = hub.repositories[ID].commits
    sizes = [len(after) - len(before) for before, after in itertools.pairwise(commits)]
    assert max(sizes) == 7 and sum(sizes) == len(tree_of(root))


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([], []),
        ([1] * 250, [100, 100, 50]),
        # Content that may be part of the commit is held in memory; of large files, only a part is.
        ([8 << 20] * 60, [16, 16, 16, 12]),
        ([100 << 20] * 3, [1, 1, 1]),
        ([500 << 20] * 60, [60]),
    ],
)
def test_batches(sizes: list[int], expected: list[int]) -> None:
    items = [Item(str(number), size, "") for number, size in enumerate(sizes)]
    found = list(batches(items))
    assert [len(batch) for batch in found] == expected
    assert [item for batch in found for item in batch] == items
    sealed = [Item(str(number), 500 << 20, "", sealed=True) for number in range(3)]
    assert [len(batch) for batch in batches(sealed)] == [1, 1, 1]


def _replace(root: Path) -> None:
    (root / "data/test-00000.parquet").unlink()
    (root / "data/train-00000.parquet").write_bytes(b"PAR1 other PAR1")
    write_manifest(
        root,
        ["data/train-00000.parquet", "files/public/odd name #1.csv", "files/public/empty.txt"],
    )


def test_a_tag_moves_only_when_told(hub: FakeHub, repository: Path) -> None:
    _, old = publish(hub, repository)
    _replace(repository)
    hub.log.clear()
    with pytest.raises(PublishError, match=r"tag v1 already.*--retag"):
        publish(hub, repository)
    assert hub.writes == []
    plan, new = publish(hub, repository, retag=True)
    assert plan.gone == ("data/test-00000.parquet",)
    assert published(hub) == tree_of(repository)
    assert hub.repositories[ID].tags == {"v1": new} and new != old
    # Whoever has recorded the commit still gets what it was.
    assert "data/test-00000.parquet" in hub.repositories[ID].at(old)


def test_a_new_version_leaves_the_old_tag(
    hub: FakeHub, make_repository: MakeRepository, tmp_path: Path
) -> None:
    old = make_repository()
    new = make_repository({"data/x.parquet": b"x"}, version="v2", folder=tmp_path / "new")
    publish(hub, old)
    publish(hub, new)
    found = hub.repositories[ID]
    assert set(found.tags) == {"v1", "v2"}
    assert found.at("v1")[MANIFEST] == (old / MANIFEST).read_bytes()
    assert published(hub) == tree_of(new)
    hub.log.clear()
    plan, commit = publish(hub, old)
    assert plan.is_done and commit == found.tags["v1"] and hub.writes == []


def test_answers_sealed_anew_are_other_content(hub: FakeHub, repository: Path) -> None:
    publish(hub, repository)
    write_sealed(repository / "private/answers-00000.parquet")
    write_list(repository, ["private/answers-00000.parquet"])
    with pytest.raises(PublishError, match="sealed anew"):
        publish(hub, repository)


def test_large_and_small_files_are_compared_by_their_digests(
    hub: FakeHub, make_repository: MakeRepository, tmp_path: Path
) -> None:
    small, large = b"s" * 10, b"l" * 5000
    old = make_repository({"data/small.parquet": small, "data/large.parquet": large})
    publish(hub, old)
    changed = make_repository(
        {"data/small.parquet": small[:-1] + b"x", "data/large.parquet": large[:-1] + b"x"},
        folder=tmp_path / "changed",
    )
    plan, _ = publish(hub, changed, retag=True)
    paths = [item.path for item in plan.changed]
    assert paths[:2] == ["data/large.parquet", "data/small.parquet"]
    assert {item.path for item in plan.same} >= {"data/train-00000.parquet", CARD}


def test_another_dataset_of_that_name_is_left_alone(hub: FakeHub, repository: Path) -> None:
    hub.repositories[ID] = Repository(commits=[{"train.csv": b"mine", CARD: b"# Mine"}])
    with pytest.raises(PublishError, match=r"another dataset: it holds train.csv"):
        publish(hub, repository)
    assert hub.writes == []


def test_an_empty_repository_is_filled(hub: FakeHub, repository: Path) -> None:
    hub.repositories[ID] = Repository(commits=[{}])
    publish(hub, repository)
    assert published(hub) == tree_of(repository)


@pytest.mark.parametrize("there", [None, False, True])
def test_private_is_private_before_anything_is_sent(
    hub: FakeHub, repository: Path, there: bool | None
) -> None:
    if there is not None:
        hub.repositories[ID] = Repository(private=there)
    publish(hub, repository, private=True)
    assert hub.repositories[ID].private
    if there is False:
        assert hub.writes[:2] == ["update_repo_settings", "create_commit"]


def test_private_is_set_also_if_there_is_nothing_to_send(hub: FakeHub, repository: Path) -> None:
    publish(hub, repository)
    publish(hub, repository, private=True)
    assert hub.repositories[ID].private


def test_what_is_private_stays_so(hub: FakeHub, repository: Path) -> None:
    hub.repositories[ID] = Repository(private=True)
    publish(hub, repository)
    assert hub.repositories[ID].private


@pytest.mark.parametrize("exists", [False, True])
def test_nothing_is_sent_to_an_endpoint_that_ignores_private(
    hub: FakeHub, repository: Path, exists: bool
) -> None:
    hub.deaf = {"create_repo", "update_repo_settings"}
    if exists:
        hub.repositories[ID] = Repository()
    with pytest.raises(PublishError, match="is public although"):
        publish(hub, repository, private=True)
    assert hub.sent == []


def test_the_sibling_is_gated_before_anything_is_sent(
    hub: FakeHub, make_repository: MakeRepository
) -> None:
    sealed = make_repository(private_part="sibling").with_name(f"{NAME}-private")
    publish(hub, sealed)
    assert hub.repositories[f"{ID}-private"].gated == "manual"
    assert hub.writes[:3] == ["create_repo", "update_repo_settings", "create_commit"]
    assert published(hub, f"{ID}-private") == tree_of(sealed)


def test_nothing_is_sent_to_an_endpoint_that_ignores_gates(
    hub: FakeHub, make_repository: MakeRepository
) -> None:
    hub.deaf = {"update_repo_settings"}
    sealed = make_repository(private_part="sibling").with_name(f"{NAME}-private")
    with pytest.raises(PublishError, match="open to everybody"):
        publish(hub, sealed)
    assert hub.sent == []


METHODS = ["repo_info", "list_repo_refs", "list_repo_tree", "create_repo", "create_commit"]
PASSING = {
    "no connection": lambda: httpx2.ConnectError("connection refused"),
    "timeout": lambda: httpx2.ReadTimeout("too slow"),
    "server error": lambda: http_error(HfHubHTTPError, 503),
    "too many requests": lambda: http_error(HfHubHTTPError, 429),
    "another commit": lambda: http_error(HfHubHTTPError, 412),
}


@pytest.mark.parametrize("method", [*METHODS, "create_tag", "answer of create_commit"])
@pytest.mark.parametrize("make_error", PASSING.values(), ids=PASSING)
def test_what_passes_is_tried_again(
    hub: FakeHub, repository: Path, method: str, make_error: Callable[[], Exception]
) -> None:
    hub.fails[method] = [make_error() for _ in range(3)]
    _, commit = publish(hub, repository)
    assert not hub.fails[method]
    assert published(hub) == tree_of(repository)
    assert hub.repositories[ID].tags == {"v1": commit}


def test_it_is_given_up_in_the_end_and_goes_on_later(
    hub: FakeHub, repository: Path, no_pauses: list[float]
) -> None:
    hub.fails["create_commit"] = [httpx2.ConnectError("connection refused") for _ in range(6)]
    with pytest.raises(PublishError, match=r"6 times.*connection refused.*same command again"):
        publish(hub, repository)
    assert no_pauses == [1, 2, 4, 8, 16]
    publish(hub, repository)
    assert published(hub) == tree_of(repository)


LASTING: dict[str, tuple[Callable[[], BaseException], str]] = {
    "wrong token": (lambda: http_error(HfHubHTTPError, 401), "token is not accepted"),
    "no right": (lambda: http_error(HfHubHTTPError, 403), "does not have the right"),
    "no organisation": (lambda: http_error(RepositoryNotFoundError, 404), "no such organisation"),
    "storage limit": (lambda: http_error(HfHubHTTPError, 413), "storage limit"),
    "bad request": (lambda: http_error(HfHubHTTPError, 400, "no such licence"), "no such licence"),
    "offline": (lambda: OfflineModeIsEnabled("offline"), "unset HF_HUB_OFFLINE"),
}


@pytest.mark.parametrize(("make_error", "message"), LASTING.values(), ids=LASTING)
def test_what_does_not_pass_is_explained_at_once(
    hub: FakeHub,
    repository: Path,
    make_error: Callable[[], BaseException],
    message: str,
    no_pauses: list[float],
) -> None:
    hub.fails["create_repo"] = [make_error()]
    with pytest.raises(PublishError, match=message) as failure:
        publish(hub, repository)
    assert f"https://hub.test/datasets/{ID}" in str(failure.value)
    assert no_pauses == [] and hub.sent == []


@pytest.mark.parametrize("kept", range(5))
def test_an_interrupted_publish_goes_on(
    hub: FakeHub,
    make_repository: MakeRepository,
    monkeypatch: pytest.MonkeyPatch,
    kept: int,
) -> None:
    monkeypatch.setattr(hub_place, "COMMIT_FILES", 5)
    root = make_repository({f"data/{number}.parquet": bytes([number]) for number in range(10)})
    hub_commit = hub.create_commit
    done = 0

    def interrupted(*arguments: Any, **options: Any) -> None:
        nonlocal done
        if done == kept:
            raise Interruption
        done += 1
        hub_commit(*arguments, **options)

    hub.create_commit = interrupted  # type: ignore[method-assign]
    hub.fails["create_tag"] = [Interruption()]
    with pytest.raises(Interruption):
        publish(hub, root)
    assert hub.repositories[ID].tags == {}
    hub.create_commit, hub.fails = hub_commit, {}  # type: ignore[method-assign]
    arrived = list(hub.sent)
    publish(hub, root)
    assert published(hub) == tree_of(root)
    assert "v1" in hub.repositories[ID].tags
    assert sorted(hub.sent) == sorted(tree_of(root)), f"sent twice, after {arrived}"


def test_a_tag_is_not_set_on_what_somebody_else_has_changed(hub: FakeHub, repository: Path) -> None:
    commit = hub.create_commit

    def disturbed(*arguments: Any, **options: Any) -> None:
        commit(*arguments, **options)
        hub.repositories[ID].main["data/train-00000.parquet"] = b"of somebody else"

    hub.create_commit = disturbed  # type: ignore[method-assign]
    with pytest.raises(PublishError, match="does not hold what was sent: 1 other bytes"):
        publish(hub, repository)
    assert hub.repositories[ID].tags == {}


@pytest.mark.parametrize("size", [100, 9 << 20])
def test_a_file_that_changed_since_the_check_is_not_sent(
    hub: FakeHub, tmp_path: Path, size: int
) -> None:
    path = tmp_path / "file"
    path.write_bytes(os.urandom(size))
    item = Item("data/file", size, sha256(path.read_bytes()), path)
    path.write_bytes(SECRET + path.read_bytes()[len(SECRET) :])
    contents = Contents(NAME, "v1", (item,))
    place = HubPlace(hub, "org", NAME)  # type: ignore[arg-type]
    with pytest.raises(PublishError, match="changed"):
        place.send(contents, place.plan(contents, retag=False))
    assert hub.sent == []


def test_a_collection_gets_what_it_lacks(hub: FakeHub) -> None:
    names = ["org/a", "org/b"]
    address = update_collection(hub, "org", "MLE-bench: open", names, private=False)  # type: ignore[arg-type]
    assert address == "https://hub.test/collections/org/MLE-bench: open"
    update_collection(hub, "org", "MLE-bench: open", [*names, "org/c"], private=False)  # type: ignore[arg-type]
    assert hub.collections == {"org/MLE-bench: open": ["org/a", "org/b", "org/c"]}
    assert hub.log.count("add_collection_item") == 3
