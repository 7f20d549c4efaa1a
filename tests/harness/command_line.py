"""`mlebench` for tests: agents given as text, in this process or one of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tiny_competition import PLAIN, Tiny

from mlebench_data.catalogue import catalogue
from mlebench_data.harness.cli import main

#: Starts every agent given as text.
PREFACE = f"""
import os, signal, sys, time
from pathlib import Path
submission = Path(os.environ["SUBMISSION_DIR"], "submission.csv")
code = Path(os.environ["CODE_DIR"])
plain = {PLAIN!r}
"""


@dataclass(frozen=True)
class Finished:
    """What a run of the command left behind."""

    code: int
    out: str
    err: str


class Command:
    """Runs `mlebench` with the tiny competition as its catalogue."""

    def __init__(self, tiny: Tiny, capture: pytest.CaptureFixture[str] | None) -> None:
        self.tiny = tiny
        self._capture = capture

    def __call__(self, *arguments: object) -> Finished:
        """Run a command line in this process."""
        before = catalogue.default_folder
        catalogue.default_folder = lambda: self.tiny.catalogue
        try:
            code = main([str(item) for item in arguments])
        finally:
            catalogue.default_folder = before
        out, err = self._capture.readouterr() if self._capture is not None else ("", "")
        return Finished(code, out, err)

    def start(self, *arguments: object, **environment: str) -> subprocess.Popen[str]:
        """Start a command line in a process of its own."""
        script = textwrap.dedent(
            f"""
            import sys
            from pathlib import Path
            from mlebench_data.catalogue import catalogue
            from mlebench_data.harness.cli import main
            catalogue.default_folder = lambda: Path({str(self.tiny.catalogue)!r})
            sys.exit(main())
            """
        )
        return subprocess.Popen(
            [sys.executable, "-c", script, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment},
        )


def write_agent(folder: Path, code: str, **keys: object) -> Path:
    """Write an agent of Python text; keys go to its `agent.yaml`."""
    folder.mkdir(parents=True, exist_ok=True)
    content = {"name": folder.name, "command": ["{python}", "-u", "{agent}/agent.py"], **keys}
    (folder / "agent.yaml").write_text(json.dumps(content))
    (folder / "agent.py").write_text(PREFACE + textwrap.dedent(code))
    return folder


def read_result(out: Path, agent: str, *, seed: int = 0, competition: str = "tiny") -> Any:
    """Return the content of a result.json, which must be strict JSON."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    path = out / competition / f"{agent}-seed{seed}" / "result.json"
    return json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)


def wait_for(condition: Callable[[], object], *, seconds: float = 30) -> None:
    """Wait until a condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)
