"""Where a result comes from: package, source revision, Python and machine."""

from __future__ import annotations

import functools
import platform
import subprocess
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import MappingProxyType
from typing import Any

_PACKAGES = ("mlebench-data", "numpy", "pandas", "scikit-learn", "pyarrow")


@functools.cache
def software_versions() -> Mapping[str, str]:
    """Return the versions of what computes a score."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return MappingProxyType(found)


@functools.cache
def provenance() -> dict[str, Any]:
    """Return what made a record.

    Returns
    -------
    dict
        `package_version`; `git_commit` and `git_modified` of the checkout that the package runs
        from, None where it is no checkout; `python`, `platform`, `node`.
    """
    commit, modified = _checkout(Path(__file__).resolve().parent)
    return {
        "package_version": software_versions()["mlebench-data"],
        "git_commit": commit,
        "git_modified": modified,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "node": platform.node(),
    }


def _checkout(folder: Path) -> tuple[str | None, bool | None]:
    """Return the commit of the checkout that tracks the files of a folder, if one does."""

    def git(*arguments: str) -> str | None:
        try:
            done = subprocess.run(
                ["git", "-C", str(folder), *arguments],
                capture_output=True,
                text=True,
                timeout=10,
                check=True,
            )
        except (OSError, subprocess.SubprocessError):
            return None
        return done.stdout.strip()

    # A copy that is installed below somebody else's checkout is not part of it.
    if not git("ls-files", "--error-unmatch", Path(__file__).name):
        return None, None
    commit = git("rev-parse", "HEAD")
    changes = git("status", "--porcelain", "--untracked-files=no")
    return commit, None if changes is None else bool(changes)
