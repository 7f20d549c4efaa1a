"""What an attempt left is put aside before it is made again."""

from __future__ import annotations

import os
from pathlib import Path

from mlebench_data.harness.attempt import LOG_NAME
from mlebench_data.harness.executor import SNAPSHOTS
from mlebench_data.harness.models.proxy import USAGE
from mlebench_data.harness.remove_tree import remove_tree
from mlebench_data.harness.result import FILE_NAME as RESULT_NAME
from mlebench_data.harness.state import FILE_NAME as STATE_NAME
from mlebench_data.harness.validator.places import RECORD

EARLIER = "earlier"
#: What is kept of an attempt that left a submission and is made again all the same.
_KEPT = (
    "submission",
    "logs",
    "code",
    SNAPSHOTS,
    LOG_NAME,
    RECORD,
    USAGE,
    STATE_NAME,
    RESULT_NAME,
)


def set_aside(folder: Path) -> None:
    """Clear an attempt's folder; what an agent had submitted is moved to `earlier/<number>/`."""
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        return
    submission = folder / "submission"
    has_left_something = False
    if submission.is_dir() and not submission.is_symlink():
        submission.chmod(0o700)
        has_left_something = any(os.scandir(submission))
    earlier = folder / EARLIER
    if earlier.is_symlink() or (earlier.exists() and not earlier.is_dir()):
        # An agent without isolation put it there.
        earlier.unlink()
    if has_left_something:
        found = [int(path.name) for path in earlier.glob("*") if path.name.isdecimal()]
        target = earlier / str(max(found, default=0) + 1)
        target.mkdir(parents=True)
        for name in _KEPT:
            place = folder / name
            if place.is_dir() and not place.is_symlink():
                # A folder is changed by a move too; its agent may have closed it.
                place.chmod(0o700)
            if place.exists() or place.is_symlink():
                place.rename(target / name)
    for entry in list(os.scandir(folder)):
        if entry.name != EARLIER:
            remove_tree(Path(entry.path))
