"""Packing that is killed, or has no room: never half a repository, and the next call does it."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from cats_and_dogs import make_prepared, tree_of

from mlebench_data.catalogue import Competition
from mlebench_data.errors import IntegrityError
from mlebench_data.hub import file_rows, pack
from mlebench_data.hub.keys import MasterKey

FILES = {f"many/{number}.bin": bytes([number]) * 30_000 for number in range(50)}

PROGRAM = textwrap.dedent("""
    import os, resource, signal, sys
    from pathlib import Path
    from mlebench_data.catalogue.catalogue import read_competition
    from mlebench_data.hub import pack
    from mlebench_data.hub.keys import MasterKey

    competition, prepared, out, fault, number = sys.argv[1:]
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    if fault == "full":
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(number), int(number)))
    left = int(number)

    def advance(count):
        global left
        left -= count
        if fault == "kill" and left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)

    pack(read_competition(Path(competition)), Path(prepared), Path(out), key=MasterKey(bytes(32)),
         force=True, advance=advance)
""")


@pytest.fixture
def prepared(cats: Competition, tmp_path: Path) -> Path:
    return make_prepared(cats, tmp_path / "prepared", FILES)


def pack_with(
    fault: str, number: int, cats: Competition, prepared: Path, out: Path
) -> subprocess.CompletedProcess[str]:
    arguments = [str(cats.folder), str(prepared), str(out), fault, str(number)]
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("there", [False, True], ids=["new", "replaced"])
@pytest.mark.parametrize(("fault", "number"), [("kill", 1), ("kill", 30), ("full", 20_000)])
def test_never_half_a_repository(
    fault: str, number: int, there: bool, cats: Competition, prepared: Path, tmp_path: Path
) -> None:
    out = tmp_path / "repositories" / "cats"
    key = MasterKey(bytes(32))
    before = {}
    if there:
        pack(cats, prepared, out, key=key)
        before = tree_of(out)
    finished = pack_with(fault, number, cats, prepared, out)
    if fault == "kill":
        assert finished.returncode == -signal.SIGKILL
    else:
        assert finished.returncode == 1
        assert "PackError: There is no space left" in finished.stderr
        # Nothing is left of the attempt.
        assert [path.name for path in out.parent.iterdir()] == (["cats"] if there else [])
    assert out.exists() == there
    if there:
        assert tree_of(out) == before
    assert pack(cats, prepared, out, key=key).status == ("unchanged" if there else "packed")
    assert pack(cats, prepared, out, key=key, force=True).status == "packed"
    assert [path.name for path in out.parent.iterdir()] == ["cats"]


@pytest.mark.parametrize("plain", [0, 1000])
def test_file_that_changes_while_it_is_packed(
    plain: int,
    cats: Competition,
    prepared: Path,
    tmp_path: Path,
    key: MasterKey,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(file_rows, "MAX_PLAIN_FILES", plain)
    path = prepared / "public" / "train.csv"

    def change(count: int) -> None:
        path.write_bytes(path.read_bytes().replace(b"red", b"fed"))

    with pytest.raises(IntegrityError, match=r"train\.csv has another content"):
        pack(cats, prepared, tmp_path / "out", key=key, advance=change)
    assert not list(tmp_path.glob("*out*"))
