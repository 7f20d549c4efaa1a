"""Write the lock of a prepared competition: the hashes that its data must have.

For maintainers, after a competition was added or a data version made. The lock goes to
splits/locks/VERSION/ID.json, in the checkout from which mlebench is installed.
"""

from __future__ import annotations

import argparse
import json
import sys

from mlebench_data.harness.commands.arguments import (
    add_data_dir,
    add_selection,
    add_version,
    data_dir,
    selected,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `mlebench lock`."""
    add_selection(parser)
    add_data_dir(parser)
    add_version(parser)
    parser.add_argument("--force", action="store_true", help="replace a lock that says otherwise")


def run(arguments: argparse.Namespace) -> int:
    """Write one lock file for each selected competition."""
    from mlebench_data.errors import DataNotFoundError, IntegrityError, LockMismatchError
    from mlebench_data.prepare.layout import version_folder
    from mlebench_data.prepare.locks import check_lock, lock_path, make_lock, read_lock
    from mlebench_data.prepare.manifest import Manifest

    for competition in selected(arguments):
        version = arguments.data_version or competition.versions[0]
        folder = version_folder(data_dir(arguments), competition.id, version)
        manifest = Manifest.read(folder)
        if manifest is None:
            raise DataNotFoundError(
                f"{competition.id} {version} is not prepared in {folder}. "
                f"Run `mlebench prepare {competition.id}` first."
            )
        differences = manifest.differences(folder, full=True)
        if differences:
            raise IntegrityError(
                f"{competition.id} {version} in {folder} is damaged: {differences[0]}. "
                f"Run `mlebench prepare {competition.id}` again."
            )
        present = read_lock(competition.id, version)
        if present is not None and not arguments.force:
            try:
                check_lock(present, manifest, folder)
            except LockMismatchError as error:
                raise LockMismatchError(f"{error}\nTo replace the lock, use --force.") from None
        path = lock_path(competition.id, version)
        path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(make_lock(manifest, folder), indent=1, ensure_ascii=False)
        path.write_text(text + "\n", encoding="utf-8")
        print(f"{competition.id}: {path}", file=sys.stderr)
    return 0
