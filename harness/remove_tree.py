"""Removal of folders that an agent could write, whatever it left in them."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def remove_tree(folder: Path) -> None:
    """Remove a folder with all that is in it; nothing happens where there is none.

    An agent may leave folders that nobody may open, and trees so deep that their paths are longer
    than the system allows and that recursion into them fails. So folders are opened for their owner
    first, and every folder that is found is moved up to the top: the tree never gets deeper.
    Symbolic links are removed, never followed.

    Parameters
    ----------
    folder : pathlib.Path
        What is removed. No process may change it meanwhile.

    Raises
    ------
    OSError
        If something cannot be removed, such as what belongs to another account.
    """
    if folder.is_symlink() or folder.is_file():
        folder.unlink()
        return
    if not folder.exists():
        return
    # A name that an agent cannot have chosen already.
    prefix = f"removed-{secrets.token_hex(8)}-"
    number = 0
    folder.chmod(0o700)
    while entries := list(os.scandir(folder)):
        for entry in entries:
            if not entry.is_dir(follow_symlinks=False):
                Path(entry.path).unlink()
                continue
            Path(entry.path).chmod(0o700)
            for child in list(os.scandir(entry.path)):
                if child.is_dir(follow_symlinks=False):
                    # A folder is changed by a move too, for it holds the way to its parent.
                    Path(child.path).chmod(0o700)
                    Path(child.path).rename(folder / f"{prefix}{number}")
                    number += 1
                else:
                    Path(child.path).unlink()
            Path(entry.path).rmdir()
    folder.rmdir()
