"""Show how far a run is, also that of another process, or one that was cut off."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlebench_data.harness.following import Progress


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `mlebench status`."""
    parser.add_argument("folder", type=Path, metavar="RUN_DIR", help="folder of a run")
    parser.add_argument("--json", action="store_true", help="one JSON object for each attempt")
    parser.add_argument("--watch", action="store_true", help="go on until the run has ended")
    parser.add_argument("--all", action="store_true", help="list waiting and ended attempts too")


def run(arguments: argparse.Namespace) -> int:
    """Print the states; exit with 1 if attempts failed or were cut off."""
    import dataclasses
    import json

    from mlebench_data.harness.following import follow
    from mlebench_data.harness.live import overview

    attempts: Sequence[Progress]
    attempts, is_alive = follow(arguments.folder)
    if arguments.json:
        for item in attempts:
            print(json.dumps(dataclasses.asdict(item)))
    elif arguments.watch and is_alive:
        attempts, is_alive = _watch(arguments.folder)
    else:
        from rich.console import Console

        Console().print(overview(attempts, everything=arguments.all))
    if not arguments.json:
        _explain(arguments.folder, attempts, is_alive)
    return int(any(item.state in ("failed", "lost") for item in attempts))


def _watch(folder: Path) -> tuple[Sequence[Progress], bool]:
    """Show the table until no harness works on the run any more."""
    from rich.console import Console
    from rich.live import Live

    from mlebench_data.harness.following import follow
    from mlebench_data.harness.live import overview

    attempts, is_alive = follow(folder)
    with Live(overview(attempts), console=Console(), auto_refresh=False) as display:
        while is_alive:
            time.sleep(1)
            attempts, is_alive = follow(folder)
            display.update(overview(attempts), refresh=True)
    return attempts, is_alive


def _explain(folder: Path, attempts: Sequence[Progress], is_alive: bool) -> None:
    """Say what goes on, and what to do where nothing does."""
    is_open = [item for item in attempts if item.state != "done"]
    if is_alive:
        print(f"a harness works in {folder}")
    elif is_open:
        print(
            f"no harness works in {folder}: the same `mlebench run` command with --out {folder} "
            "goes on with what is open, and takes over agents that still run"
        )
    else:
        print(f"all attempts have ended; `mlebench report {folder}` sums them up")
