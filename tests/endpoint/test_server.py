"""The server as a process: how it starts, what it does under load and when it dies."""

from __future__ import annotations

import http.client
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from repositories import CARD, files_of, write, write_lists, write_repository
from serving import Served, finish_client, run_client, served_folder, start_client

from mlebench_data.hub.repository import commit_of

README = "/datasets/mlebench/cats/resolve/main/README.md"


def connect(served: Served) -> http.client.HTTPConnection:
    place = urlsplit(served.url)
    return http.client.HTTPConnection(place.hostname or "", place.port, timeout=30)


def ask(served: Served, method: str, path: str, **headers: str) -> tuple[int, bytes]:
    connection = connect(served)
    connection.request(method, path, headers={n.replace("_", "-"): v for n, v in headers.items()})
    response = connection.getresponse()
    content = response.read()
    connection.close()
    return response.status, content


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mlebench_data.harness.cli", "serve", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("which", [signal.SIGTERM, signal.SIGINT])
def test_stops_cleanly(tmp_path: Path, which: signal.Signals) -> None:
    write_repository(tmp_path / "hub/cats")
    with served_folder(tmp_path / "hub") as served:
        assert ask(served, "GET", README)[0] == 200
        served.process.send_signal(which)
        assert served.process.wait(timeout=20) == 0


def test_port_taken(library: Served) -> None:
    port = str(urlsplit(library.url).port)
    done = command(str(library.folder), "--port", port)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"Cannot listen on 127.0.0.1, port {port}" in done.stderr
    assert "--port 0" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("nowhere",), "nowhere is no folder"),
        ((), "Say which folder to serve"),
        ((".", "--writable"), "Uploads need tokens"),
        ((".", "--token-file", "nothing"), "nothing cannot be read"),
        ((".", "--port", "99999"), "Cannot listen"),
        (("--new-token", "me", "write"), "--token-file FILE"),
    ],
)
def test_wrong_arguments(arguments: tuple[str, ...], problem: str) -> None:
    done = command(*arguments)
    assert done.returncode == 1 and problem in done.stderr and "Traceback" not in done.stderr


def test_new_token(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    done = command("--new-token", "me", "read", "--grant", "a,b", "--token-file", str(file))
    token = done.stdout.strip()
    assert done.returncode == 0 and token.startswith("mlebench_")
    assert token not in file.read_text() and file.read_text().startswith("me read ")


def test_requests_over_the_wire(library: Served) -> None:
    """What a web server might make of addresses before the endpoint sees them."""
    for path in (
        "/datasets/mlebench/cats/resolve/main/../../../../etc/passwd",
        "/datasets/mlebench/cats/resolve/main/%2e%2e/%2e%2e/tokens",
        "/datasets/mlebench/cats/resolve/main/%00",
        "/datasets/mlebench/cats/resolve/main/..%5c..%5ctokens",
        "/" + "a" * 20_000,
        "//etc/passwd",
        "/%ff",
    ):
        status, content = ask(library, "GET", path)
        assert 400 <= status < 500 and b"root:" not in content
    for headers in (
        {"range": "bytes=x"},
        {"range": "bytes=-0"},
        {"authorization": "Bearer \xff"},
        {"host": "a b"},
        {"host": ""},
        {"if_none_match": "\xff"},
        {"content_length": "-1"},
        {"transfer_encoding": "nonsense"},
    ):
        assert ask(library, "GET", README, **headers)[0] < 500
    assert ask(library, "HEAD", README)[1] == b""
    assert ask(library, "FOO", README)[0] == 405


@pytest.mark.parametrize(
    "text",
    [
        b"nonsense\r\n\r\n",
        b"GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /api/repos/create HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{",
        b"PUT /api/lfs/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"PUT /api/lfs/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n",
    ],
)
def test_broken_requests(library: Served, text: bytes) -> None:
    place = urlsplit(library.url)
    with socket.create_connection((place.hostname, place.port), timeout=10) as wire:
        wire.sendall(text)
        wire.shutdown(socket.SHUT_WR)
        answer = wire.recv(65536)
    assert not answer.startswith(b"HTTP/1.1 5")
    assert ask(library, "GET", README)[0] == 200


def test_token_is_not_printed(tmp_path: Path) -> None:
    write_repository(tmp_path / "hub/cats")
    with served_folder(tmp_path / "hub") as served:
        assert ask(served, "GET", README, authorization="Bearer mlebench_secret")[0] == 401
        assert (
            ask(served, "GET", "/api/whoami-v2", authorization=f"Bearer {served.token}")[0] == 200
        )
        served.process.terminate()
        assert served.process.stdout is not None
        assert "mlebench_" not in served.process.stdout.read()


def test_many_requests_at_once(library: Served) -> None:
    whole = (library.folder / "cats/README.md").read_bytes()
    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(lambda _: ask(library, "GET", README), range(400)))
    assert set(answers) == {(200, whole)}


def test_readers_see_one_tree_or_the_other(tmp_path: Path, home: Path) -> None:
    """Clients take snapshots while another commits."""
    first = write_repository(tmp_path / "first")
    second = write_repository(tmp_path / "second", version="v2", card=CARD + "Second.\n")
    (second / "files/public/train.csv").write_bytes(b"other,content\n")
    sealed = second / "private/answers-00000-of-00001.parquet"
    write_lists(second, "cats", "v2", [sealed])
    (tmp_path / "hub").mkdir()
    with served_folder(tmp_path / "hub") as served:
        write = f"""
        import json, huggingface_hub
        api = huggingface_hub.HfApi()
        api.create_repo("mlebench/cats", repo_type="dataset")
        for number in range(6):
            api.upload_folder(
                folder_path={str(first)!r} if number % 2 == 0 else {str(second)!r},
                repo_id="mlebench/cats", repo_type="dataset",
            )
            if number < 2:
                api.create_tag("mlebench/cats", tag=f"t{{number}}", repo_type="dataset")
        print(json.dumps("done"))
        """
        writer = start_client(write, served.url, home / "writer", served.token)
        read = """
        import json, time, pathlib, huggingface_hub
        from huggingface_hub import errors
        seen = []
        until = time.monotonic() + 4
        number = 0
        while time.monotonic() < until:
            number += 1
            try:
                commit = huggingface_hub.HfApi().dataset_info("mlebench/cats").sha
                path = huggingface_hub.snapshot_download(
                    "mlebench/cats", repo_type="dataset", revision=commit,
                    local_dir=f"copy{number}",
                )
            except (errors.RepositoryNotFoundError, errors.RevisionNotFoundError):
                continue
            seen.append([commit, path])
        print(json.dumps(seen))
        """
        readers = [start_client(read, served.url, home / str(n)) for n in range(2)]
        snapshots = [row for reader in readers for row in finish_client(reader)]
        assert finish_client(writer) == "done"
        trees = {commit_of(folder): files_of(folder) for folder in (first, second)}
        compared = 0
        for commit, path in snapshots:
            if commit in trees:
                assert files_of(Path(path)) == trees[commit]
                compared += 1
        assert compared > 0


def test_killed_while_uploading(tmp_path: Path, home: Path) -> None:
    source = write_repository(tmp_path / "packed")
    # Enough to be in the middle of when the server dies.
    for number in range(20):
        write(source / f"files/public/{number}.bin", bytes([number]) * 2_000_000)
    sealed = source / "private/answers-00000-of-00001.parquet"
    write_lists(source, "cats", "v1", [sealed])
    upload = f"""
    import json, huggingface_hub
    api = huggingface_hub.HfApi()
    api.create_repo("mlebench/cats", repo_type="dataset", exist_ok=True)
    api.upload_folder(folder_path={str(source)!r}, repo_id="mlebench/cats", repo_type="dataset")
    print(json.dumps(api.dataset_info("mlebench/cats").sha))
    """
    (tmp_path / "hub").mkdir()
    for moment in (0.05, 0.2, 0.4):
        with served_folder(tmp_path / "hub") as served:
            client = start_client(upload, served.url, home / str(moment), served.token)
            staging = served.folder / ".mlebench/staging"
            until = time.monotonic() + 60
            while not (staging.is_dir() and any(staging.iterdir())) and client.poll() is None:
                assert time.monotonic() < until
                time.sleep(0.005)
            time.sleep(moment)
            served.process.kill()
            # It would go on trying for half a minute.
            client.kill()
            client.communicate()
    with served_folder(tmp_path / "hub") as served:
        assert run_client(upload, served.url, home, served.token) == commit_of(source)
        assert files_of(served.folder / "cats") == files_of(source)
        staging = served.folder / ".mlebench/staging"
        # There is none where every upload was through before its server was killed.
        assert not staging.is_dir() or not list(staging.iterdir())
