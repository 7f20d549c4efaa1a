"""Loading of Python files that lie in competition folders, whose names are no module names."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

from mlebench_data.errors import CatalogueError


def load_module(path: Path) -> ModuleType:
    """Execute a Python file as a module of its own.

    Parameters
    ----------
    path : pathlib.Path
        The file.

    Returns
    -------
    types.ModuleType
        The module; it is not entered into `sys.modules`.

    Raises
    ------
    CatalogueError
        If there is no such file.
    """
    if not path.is_file():
        raise CatalogueError(f"{path} does not exist, but competition.yaml refers to it.")
    name = re.sub(r"\W", "_", f"{path.parent.name}_{path.stem}")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
