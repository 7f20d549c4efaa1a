"""Libraries that only some uses need."""

from __future__ import annotations

import importlib
from typing import Any

from mlebench_data.errors import MissingExtraError


def import_extra(name: str, *, extra: str, why: str) -> Any:
    """Import a library that only an extra installs.

    Raises
    ------
    MissingExtraError
        If it is not installed; the message names the extra.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise MissingExtraError(
            f"{why}, which needs the library {name}. Install it with "
            f"`pip install 'mlebench-data[{extra}]'`."
        ) from error
