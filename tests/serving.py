"""A Hub endpoint in a process of its own, and clients of it in others."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CLIENT_TIMEOUT = 120


@dataclass(frozen=True)
class Served:
    """A running server.

    Attributes
    ----------
    url : str
        For HF_ENDPOINT.
    folder : Path
        What it serves.
    token : str
        Of an administrator.
    process : subprocess.Popen
        The server.
    """

    url: str
    folder: Path
    token: str
    process: subprocess.Popen[str]


@contextmanager
def served_folder(folder: Path, *options: str) -> Iterator[Served]:
    """Run `mlebench serve` over a folder, on a free port and writable.

    The token file lies beside the folder; `mlebench_data.hub.endpoint.access.add_token` adds
    further tokens to it at any time.
    """
    from mlebench_data.hub.endpoint.access import add_token

    tokens = tokens_of(folder)
    token = add_token(tokens, "tester", "admin")
    command = [sys.executable, "-m", "mlebench_data.harness.cli", "serve", str(folder)]
    command += ["--port", "0", "--writable", "--token-file", str(tokens), *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        # The line comes once the server takes requests; nothing at all if it fails.
        line = process.stdout.readline()
        found = re.match(r"export HF_ENDPOINT=(\S+)", line)
        assert found, f"the server did not start: {line!r}"
        yield Served(found[1], folder, token, process)
    finally:
        process.terminate()
        process.wait(timeout=30)
        assert process.stdout is not None
        process.stdout.close()


def tokens_of(folder: Path) -> Path:
    """Return where the tokens of a served folder are."""
    return folder.with_name(f"{folder.name}.tokens")


def client_environment(url: str | None, home: Path, token: str | None = None) -> dict[str, str]:
    """Return the environment of a client with a cache of its own and no other settings."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "MLEBENCH_"))}
    environment |= {
        "HF_HOME": str(home),
        "HF_UPDATE_DOWNLOAD_COUNTS": "0",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    }
    if url is not None:
        environment["HF_ENDPOINT"] = url
    if token is not None:
        environment["HF_TOKEN"] = token
    return environment


def start_client(
    code: str, url: str | None, home: Path, token: str | None = None, **environment: str
) -> subprocess.Popen[str]:
    """Start Python code as a client; it runs in an empty folder, where nothing shadows a name."""
    home.mkdir(parents=True, exist_ok=True)
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        env=client_environment(url, home, token) | environment,
        cwd=home,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish_client(process: subprocess.Popen[str]) -> Any:
    """Wait for a client and parse the JSON that its last line is."""
    out, err = process.communicate(timeout=CLIENT_TIMEOUT)
    assert process.returncode == 0, f"{out}\n{err}"
    return json.loads(out.splitlines()[-1])


def run_client(
    code: str, url: str | None, home: Path, token: str | None = None, **environment: str
) -> Any:
    """Run Python code as a client and parse the JSON that its last line is.

    Parameters
    ----------
    code : str
        Prints JSON at its end.
    url : str or None
        For HF_ENDPOINT; None leaves the clients' own.
    home : Path
        Folder of its caches (HF_HOME); made if there is none.
    token : str, optional
        For HF_TOKEN.
    **environment : str
        Further variables.
    """
    return finish_client(start_client(code, url, home, token, **environment))
