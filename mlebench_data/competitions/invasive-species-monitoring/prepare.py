"""What only the preparation of invasive-species-monitoring does."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from mlebench_data.extras import import_extra

if TYPE_CHECKING:
    from mlebench_data.recipe import Context


def pack_empty_folder(context: Context, *, path: str, folder: str) -> None:
    """Write a 7z archive that holds an empty folder, as the published benchmark does.

    Parameters
    ----------
    context : Context
        The running recipe.
    path : str
        The archive.
    folder : str
        Name of the folder in it.
    """
    module = import_extra("py7zr", extra="archives", why=f"{path} is a 7z archive")
    with tempfile.TemporaryDirectory() as empty:
        # The archive keeps the folder's time and mode, which must not differ from run to run.
        Path(empty).chmod(0o755)
        os.utime(empty, (315532800, 315532800))
        with module.SevenZipFile(context.target(path), "w") as archive:
            archive.write(empty, folder)
    context.advance(1)
