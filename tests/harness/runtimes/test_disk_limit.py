"""Agents that would fill the host's disk."""

from __future__ import annotations

import errno
import math
import os
from pathlib import Path

import pytest

from mlebench_data.harness.remove_tree import remove_tree
from mlebench_data.harness.runtimes import disk_watch
from mlebench_data.harness.runtimes.disk_watch import DiskWatch, tree_bytes
from mlebench_data.harness.runtimes.docker_layer import nameless_bytes

MEGABYTE = 1024**2

#: Writes 10 MB every 50 ms to {target}, without an end.
FILLER = """
    import os, signal, time
    from pathlib import Path
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    Path(os.environ["SUBMISSION_DIR"], "submission.csv").write_text("kept")
    number = 0
    while number < 400:
        {write}
        number += 1
        time.sleep(0.05)
    """


def filler(write: str) -> str:
    return FILLER.format(write=write)


PLACES = {
    "submission": "Path(os.environ['SUBMISSION_DIR'], f'{number}').write_bytes(bytes(10**7))",
    "home": "Path(os.environ['HOME'], f'{number}').write_bytes(bytes(10**7))",
    "many files": "[Path('code', f'{number}-{k}').write_bytes(b'') for k in range(1000)]"
    " if Path('code').exists() else Path('code').mkdir()",
    "deep": "[(os.mkdir('d' * 200), os.chdir('d' * 200)) for _ in range(20)]"
    "; Path('f').write_bytes(bytes(10**7))",
}


@pytest.mark.parametrize("place", PLACES)
def test_disk_filler_is_stopped(runtime, make_case, place):
    case = make_case(filler(PLACES[place]), disk_bytes=60 * MEGABYTE, grace_seconds=20)
    ending = case.run(runtime)
    assert (ending.how, ending.exit_code) == ("disk_limit", 137), case.log
    # Without the grace in which it would go on.
    assert ending.seconds < 15
    assert case.submission().read_text() == "kept"
    assert ending.details["peak_disk_bytes"] < 2000 * MEGABYTE
    assert "failed_chores" not in ending.details
    # What is too deep for others to remove.
    remove_tree(case.sandbox.folders.code)


@pytest.mark.docker
@pytest.mark.parametrize("folder", ["/tmp", "/var/tmp", "/home/code"])
def test_files_that_have_no_name_any_more_count(docker_runtime, make_case, folder):
    write = "hoard.append(open(path, 'wb')); os.unlink(path); hoard[-1].write(bytes(10**7))"
    code = filler(f"path = f'{folder}/{{number}}'; {write}; hoard[-1].flush()")
    case = make_case("hoard = []\n" + code.replace("\n    ", "\n"), disk_bytes=60 * MEGABYTE)
    if os.geteuid() != 0:
        pytest.skip("only root sees the files of all containers")
    assert case.run(docker_runtime).how == "disk_limit", case.log


@pytest.mark.docker
def test_shared_memory_is_memory(docker_runtime, make_case):
    code = filler("Path(f'/dev/shm/{number}').write_bytes(bytes(10**7))")
    case = make_case(code, disk_bytes=60 * MEGABYTE, memory_bytes=100 * MEGABYTE)
    assert case.run(docker_runtime).how == "out_of_memory", case.log


def test_agent_within_its_limit(runtime, make_case):
    code = "import pathlib, time; pathlib.Path('f').write_bytes(bytes(10**7)); time.sleep(1.5)"
    ending = make_case(code, disk_bytes=60 * MEGABYTE).run(runtime)
    assert (ending.how, ending.exit_code) == ("exited", 0)
    assert 10**7 <= ending.details["peak_disk_bytes"] < 30 * MEGABYTE


def test_open_files_are_limited(runtime, make_case):
    code = "import resource; print(*resource.getrlimit(resource.RLIMIT_NOFILE))"
    case = make_case(code, open_files=123)
    assert case.run(runtime).exit_code == 0
    assert case.log.split() == ["123", "123"]


@pytest.mark.docker
def test_shared_memory_has_its_size(docker_runtime, make_case):
    code = "import os; status = os.statvfs('/dev/shm'); print(status.f_blocks * status.f_frsize)"
    case = make_case(code, shared_memory_bytes=32 * MEGABYTE)
    case.run(docker_runtime)
    assert int(case.log) == 32 * MEGABYTE


def test_size_of_a_tree(tmp_path: Path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "data").write_bytes(bytes(MEGABYTE))
    os.link(tmp_path / "sub" / "data", tmp_path / "again")
    with (tmp_path / "holes").open("wb") as stream:
        stream.truncate(10**12)
    (tmp_path / "link").symlink_to("/usr")
    os.mkfifo(tmp_path / "pipe")
    size = tree_bytes(tmp_path)
    assert MEGABYTE <= size <= MEGABYTE + 10 * disk_watch.ENTRY_BYTES
    assert tree_bytes(tmp_path / "missing") == tree_bytes(tmp_path / "holes") == 0


def test_empty_files_cost_what_they_take(tmp_path: Path):
    for number in range(100):
        (tmp_path / str(number)).touch()
    assert tree_bytes(tmp_path) == 100 * disk_watch.ENTRY_BYTES


def test_hiding_place_counts_as_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(disk_watch, "_MOST_ANCHORS", 2)
    handle = os.open(tmp_path, os.O_RDONLY)
    for _ in range(30):
        os.mkdir("d" * 250, dir_fd=handle)
        deeper = os.open("d" * 250, os.O_RDONLY, dir_fd=handle)
        os.close(handle)
        handle = deeper
    os.close(handle)
    assert math.isinf(tree_bytes(tmp_path))
    assert DiskWatch([tmp_path], 10**12)(0.0) == "disk_limit"


def test_looks_come_sooner_when_the_limit_is_near(tmp_path: Path):
    watch = DiskWatch([tmp_path], 100 * MEGABYTE)
    assert watch(0.0) <= 1.0
    (tmp_path / "a").write_bytes(bytes(80 * MEGABYTE))
    assert watch(5.1) == pytest.approx(5.1 + 20 / (80 / 5.1) / 2, abs=0.2)
    (tmp_path / "b").write_bytes(bytes(30 * MEGABYTE))
    assert watch(7.0) == "disk_limit"


def test_free_space_that_falls_brings_the_look_forward(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    free = iter([1000, 990, 400])
    monkeypatch.setattr(DiskWatch, "_free_bytes", lambda self: next(free) * MEGABYTE)
    looks = []
    watch = DiskWatch([], 100 * MEGABYTE, layer=lambda: looks.append(1) or 0)
    watch(0.0)
    watch(0.1)
    assert len(looks) == 1
    watch(0.2)
    assert len(looks) == 2


def test_looks_of_a_long_run_stay_far_apart(tmp_path: Path):
    watch = DiskWatch([tmp_path], MEGABYTE)
    for number in range(20):
        watch(100.0 * number)
    assert watch(1904.0) == pytest.approx(1905.0)


def test_files_without_a_name(tmp_path: Path):
    before = nameless_bytes([os.getpid()])
    with (tmp_path / "file").open("wb") as stream:
        stream.write(bytes(MEGABYTE))
        stream.flush()
        assert nameless_bytes([os.getpid()]) == before
        (tmp_path / "file").unlink()
        assert nameless_bytes([os.getpid(), os.getpid()]) == before + MEGABYTE
    assert nameless_bytes([2**22 + 1]) == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root may open everything")
def test_folder_that_is_closed_costs_its_entry(tmp_path: Path):
    closed = tmp_path / "closed"
    closed.mkdir(0o000)
    assert tree_bytes(tmp_path) == disk_watch.ENTRY_BYTES
    assert errno.EACCES in disk_watch._GONE
