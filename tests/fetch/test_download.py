"""A download arrives whole and verified, whatever happens on the way."""

from __future__ import annotations

import hashlib
import shutil
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from stand_in import DOWNLOAD, STORAGE, Fault, StandIn, make_zip

CHUNK = 1 << 20
CUT = 5 * CHUNK // 2
KEPT = 2 * CHUNK


def _md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()


@pytest.fixture
def archive(data_dir: Path) -> Path:
    """Where the zip of the competition 'ready' belongs."""
    return data_dir / "ready" / "raw" / "ready.zip"


@pytest.fixture
def received(data_dir: Path) -> Path:
    return data_dir / "ready" / ".download" / "ready.zip"


def _left_over(archive: Path) -> list[str]:
    folder = archive.parent.parent
    return sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".lock"
    )


def test_downloaded_once_and_prepared(
    mlebench: Any, add: Callable[..., bytes], stand_in: StandIn, archive: Path, data_dir: Path
) -> None:
    content = add("ready")
    done = mlebench("fetch", "ready")
    assert (done.code, done.out) == (0, "")
    assert archive.read_bytes() == content
    assert _left_over(archive) == ["raw/ready.zip"]
    assert f"ready: {archive}" in done.err
    stand_in.requests.clear()
    assert mlebench("fetch", "ready").code == 0
    assert stand_in.requests == []
    assert mlebench("prepare", "ready").code == 0
    assert (data_dir / "ready" / "v1" / "manifest.json").is_file()


@pytest.mark.parametrize(
    "faults",
    [
        {DOWNLOAD: [Fault(), Fault(status=500), Fault(status=503)]},
        {STORAGE: [Fault(), Fault(status=500)]},
        {STORAGE: [Fault(), Fault(cut_after=0)]},
        {DOWNLOAD: [Fault(), Fault(status=429, headers={"Retry-After": "0"})]},
    ],
    ids=["download", "storage", "nothing-came", "too-many-requests"],
)
def test_passing_faults(
    faults: Any, mlebench: Any, add: Callable[..., bytes], stand_in: StandIn, archive: Path
) -> None:
    content = add("ready")
    # The first answer of each kind is that to the preflight.
    stand_in.faults.update({kind: list(items) for kind, items in faults.items()})
    assert mlebench("fetch", "ready").code == 0
    assert archive.read_bytes() == content


def test_cut_connection_is_resumed_at_a_fresh_address(
    mlebench: Any, add: Callable[..., bytes], stand_in: StandIn, archive: Path
) -> None:
    content = add("ready", md5=None)
    stand_in.faults[STORAGE] = [Fault(), Fault(cut_after=CUT)]
    assert mlebench("fetch", "ready").code == 0
    assert archive.read_bytes() == content
    assert ("ready", f"bytes={KEPT}-") in stand_in.of_kind(STORAGE)


def test_line_that_is_cut_again_and_again(
    mlebench: Any, add: Callable[..., bytes], stand_in: StandIn, archive: Path
) -> None:
    """More cuts than attempts in a row are made: each of them brings something."""
    content = add("ready")
    # After the first, each attempt asks for the whole, sees its head, and asks for the rest.
    cuts = [Fault(cut_after=CHUNK + 1), Fault(), Fault(cut_after=CHUNK + 1), Fault()]
    stand_in.faults[STORAGE] = [Fault(), *cuts, Fault(cut_after=CHUNK + 1)]
    assert mlebench("fetch", "ready").code == 0
    assert archive.read_bytes() == content
    parts = [range_ for _, range_ in stand_in.of_kind(STORAGE) if range_ is not None]
    assert parts == [f"bytes={count * CHUNK}-" for count in (1, 2, 3)]


def test_refusal_in_the_middle_does_not_get_into_the_file(
    mlebench: Any, add: Callable[..., bytes], stand_in: StandIn, archive: Path
) -> None:
    content = add("ready")
    refusal = [Fault(status=500), Fault(status=500)]
    stand_in.faults[STORAGE] = [Fault(), Fault(cut_after=CUT), Fault(), *refusal]
    assert mlebench("fetch", "ready").code == 0
    assert archive.read_bytes() == content


def test_object_changed_between_attempts(
    mlebench: Any, add: Callable[..., bytes], stand_in: StandIn, archive: Path
) -> None:
    add("ready")
    new = stand_in.competitions["ready"].content[::-1]

    def change() -> None:
        stand_in.competitions["ready"].content = new
        raise ConnectionAbortedError

    stand_in.faults[STORAGE] = [Fault(), Fault(cut_after=CUT, then=change)]
    done = mlebench("fetch", "ready")
    # Not a mixture of both; that it is no zip is the new object's own fault.
    assert done.code == 1 and "is no zip file" in done.err
    assert (archive.parent.parent / ".download" / "ready.zip.damaged").read_bytes() == new


def test_server_that_cannot_resume(
    mlebench: Any, add: Callable[..., bytes], stand_in: StandIn, archive: Path
) -> None:
    content = add("ready", resumable=False)
    stand_in.faults[STORAGE] = [Fault(), Fault(cut_after=CUT)]
    assert mlebench("fetch", "ready").code == 0
    assert archive.read_bytes() == content
    assert all(range_ is None for _, range_ in stand_in.of_kind(STORAGE))


def test_lasting_fault_keeps_what_came(
    mlebench: Any, add: Callable[..., bytes], stand_in: StandIn, archive: Path, monkeypatch: Any
) -> None:
    content = add("ready")
    add("other")
    stand_in.faults[DOWNLOAD] = [Fault(), Fault()]  # those of the preflight
    stand_in.faults[STORAGE] = [Fault(), Fault(), Fault(cut_after=CUT)]
    stand_in.faults[DOWNLOAD] += [Fault(), *[Fault(status=500)] * 3]
    done = mlebench("fetch", "ready", "other", "--jobs", "1")
    assert done.code == 1
    assert "ready: Kaggle refuses the download (500)" in done.err
    assert "the same command goes on" in done.err
    # The other one does not suffer.
    assert (archive.parent.parent.parent / "other" / "raw" / "other.zip").is_file()
    # Only what is still to come has to fit.
    monkeypatch.setattr(
        shutil, "disk_usage", lambda path: SimpleNamespace(free=len(content) - KEPT)
    )
    shown = mlebench("fetch", "ready", "--dry-run").out
    assert "resume" in shown and f"{KEPT / 1e6:.1f} MB" in shown
    before = stand_in.sent
    assert mlebench("fetch", "ready").code == 0
    assert archive.read_bytes() == content
    assert ("ready", f"bytes={KEPT}-") in stand_in.of_kind(STORAGE)
    assert stand_in.sent > before


def test_rules_withdrawn_after_the_preflight(
    mlebench: Any, add: Callable[..., bytes], stand_in: StandIn
) -> None:
    add("ready")
    stand_in.faults[DOWNLOAD] = [Fault(), Fault(status=403)]
    done = mlebench("fetch", "ready")
    assert done.code == 1
    assert "ready: Kaggle refuses the download (403): stand-in says 403" in done.err
    assert len(stand_in.of_kind(DOWNLOAD)) == 2


@pytest.mark.parametrize("with_md5", [True, False])
def test_wrong_bytes_are_set_aside(
    with_md5: bool, mlebench: Any, add: Callable[..., bytes], stand_in: StandIn, archive: Path
) -> None:
    content = make_zip("ready")
    add("ready", content=content, md5=_md5(content) if with_md5 else None)
    wrong = bytes(len(content))
    stand_in.faults[STORAGE] = [Fault(), Fault(content=wrong)]
    done = mlebench("fetch", "ready")
    assert done.code == 1
    damaged = archive.parent.parent / ".download" / "ready.zip.damaged"
    assert damaged.read_bytes() == wrong and str(damaged) in done.err
    assert (_md5(wrong) in done.err and _md5(content) in done.err) == with_md5
    assert not archive.exists()
    assert mlebench("fetch", "ready").code == 0
    assert archive.read_bytes() == content


def test_other_zip_than_the_published_one(
    mlebench: Any, add: Callable[..., bytes], archive: Path
) -> None:
    add("ready", md5="0" * 32)
    done = mlebench("fetch", "ready")
    assert done.code == 1
    assert f"packed it anew: move it to {archive}" in done.err


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGINT])
def test_killed_download_goes_on(
    ending: int,
    start: Any,
    mlebench: Any,
    add: Callable[..., bytes],
    stand_in: StandIn,
    archive: Path,
    received: Path,
    wait_until: Callable[..., None],
) -> None:
    content = add("ready")
    release = threading.Event()
    stand_in.faults[STORAGE] = [Fault(), Fault(cut_after=CUT, then=lambda: release.wait(60))]
    process = start("fetch", "ready")
    wait_until(lambda: received.is_file() and received.stat().st_size == KEPT)
    process.send_signal(ending)
    _, err = process.communicate(timeout=10)
    assert process.returncode == (130 if ending == signal.SIGINT else -signal.SIGKILL)
    assert "Traceback" not in err
    release.set()
    assert not archive.exists()
    assert mlebench("fetch", "ready").code == 0
    assert archive.read_bytes() == content
    assert ("ready", f"bytes={KEPT}-") in stand_in.of_kind(STORAGE)
    assert _left_over(archive) == ["raw/ready.zip"]


@pytest.mark.parametrize("state", ["complete", "marked", "of-another-object", "unmarked"])
def test_killed_at_the_very_end(
    state: str,
    mlebench: Any,
    add: Callable[..., bytes],
    stand_in: StandIn,
    archive: Path,
    received: Path,
    monkeypatch: Any,
) -> None:
    content = add("ready")
    received.parent.mkdir(parents=True)
    received.write_bytes(content if state != "of-another-object" else bytes(len(content)))
    marker = received.with_name("ready.zip.kaggle-partial")
    if state == "complete":
        received.rename(received.with_name("ready.complete.zip"))
    elif state != "unmarked":
        of = content if state == "marked" else b"another"
        marker.write_text(f'{{"validator": "\\"{_md5(of)}\\"", "size": {len(content)}}}')
    if state == "marked":
        # All of it is here: nothing is to be received again.
        from kaggle.api.kaggle_api_extended import KaggleApi

        monkeypatch.delattr(KaggleApi, "download_file")
    assert mlebench("fetch", "ready").code == 0
    assert archive.read_bytes() == content
    assert _left_over(archive) == ["raw/ready.zip"]
    downloads = len(stand_in.of_kind(DOWNLOAD)) - 1
    assert downloads == (0 if state == "complete" else 1)


def test_jobs_at_a_time(mlebench: Any, add: Callable[..., bytes], stand_in: StandIn) -> None:
    names = ["one", "two", "three"]
    for name in names:
        add(name)
    both = threading.Barrier(2, timeout=30)
    # Neither ends before the other has begun.
    stand_in.faults[STORAGE] = [Fault()] * 3 + [Fault(cut_after=CHUNK, then=both.wait)] * 2
    assert mlebench("fetch", *names, "--jobs", "2").code == 0
    assert not both.broken


def test_two_commands_download_once(
    start: Any,
    add: Callable[..., bytes],
    stand_in: StandIn,
    archive: Path,
    received: Path,
    wait_until: Callable[..., None],
) -> None:
    content = add("ready")
    release = threading.Event()
    stand_in.faults[STORAGE] = [Fault(), Fault(cut_after=CUT, then=lambda: release.wait(60))]
    first = start("fetch", "ready")
    wait_until(lambda: received.is_file() and received.stat().st_size == KEPT)
    second = start("fetch", "ready")
    wait_until(lambda: len(stand_in.of_kind(STORAGE)) == 3)  # its preflight
    release.set()
    for process in (first, second):
        process.communicate(timeout=60)
        assert process.returncode == 0
    assert archive.read_bytes() == content
    assert len(stand_in.of_kind(STORAGE)) == 3


def test_full_disk(
    mlebench: Any, add: Callable[..., bytes], stand_in: StandIn, monkeypatch: Any
) -> None:
    from kaggle.api.kaggle_api_extended import KaggleApi

    def fail(*arguments: object, **options: object) -> None:
        raise OSError(28, "No space left on device")

    add("ready")
    monkeypatch.setattr(KaggleApi, "download_file", fail)
    done = mlebench("fetch", "ready")
    assert done.code == 1
    assert "ready: the download cannot be stored" in done.err and "No space left" in done.err
    assert len(stand_in.of_kind(DOWNLOAD)) == 2
