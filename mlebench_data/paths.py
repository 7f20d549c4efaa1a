"""The type of paths in YAML files."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated

from pydantic import AfterValidator, StringConstraints


def _check_relative(path: str) -> str:
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts or path != path.strip():
        raise ValueError("must be a relative path without '..'")
    return path


RelativePath = Annotated[str, StringConstraints(min_length=1), AfterValidator(_check_relative)]
"""Path or path pattern that stays inside its folder."""
