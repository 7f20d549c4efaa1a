"""Run agents on competitions and score what they submit.

Data comes from DATA_DIR as prepared, or from locked dataset repositories (--from). Every attempt
leaves a folder OUT/COMPETITION/AGENT-seedN with its submission, logs, code and result.json. The same
command again with the same OUT does only what is missing.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from mlebench_data.errors import MlebenchError
from mlebench_data.harness.commands.arguments import (
    add_data_dir,
    add_key_file,
    add_version,
    data_dir,
    selected_ids,
)

if TYPE_CHECKING:
    from mlebench_data.harness.sources import Source


def duration(text: str) -> float:
    """Parse a time such as 90, 90s, 10m, 24h or 1.5d into seconds."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd]?)", text.strip())
    if match is None or float(match[1]) <= 0:
        raise argparse.ArgumentTypeError(f"'{text}' is no duration; write 90s, 10m, 24h or 1.5d")
    return float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}[match[2]]


def memory(text: str) -> int:
    """Parse a size such as 512m or 8g into bytes (powers of 1024)."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([kmgt]?)b?", text.strip().lower())
    if match is None or float(match[1]) <= 0:
        raise argparse.ArgumentTypeError(f"'{text}' is no size; write 512m or 8g")
    return int(float(match[1]) * 1024 ** " kmgt".index(match[2] or " "))


def positive(text: str) -> int:
    """Parse a whole number of at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no whole number of at least 1")
    return int(text)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `mlebench run`."""
    parser.add_argument(
        "--agent",
        nargs="+",
        required=True,
        metavar="AGENT",
        help="agents: names (sample, baseline) or folders with an agent.yaml",
    )
    parser.add_argument("--competition", nargs="+", default=[], metavar="ID")
    parser.add_argument("--split", metavar="SPLIT")
    parser.add_argument("--seeds", type=positive, default=1, metavar="N", help="seeds 0 to N-1")
    parser.add_argument(
        "--runtime",
        choices=["docker", "local"],
        help="default: docker where an engine answers, else local (which isolates nothing)",
    )
    parser.add_argument(
        "--time-limit", type=duration, default=600.0, metavar="T", help="e.g. 10m (default), 24h"
    )
    parser.add_argument(
        "--grace", type=duration, default=10.0, metavar="T", help="from SIGTERM to SIGKILL"
    )
    parser.add_argument("--cpus", type=float, metavar="N")
    parser.add_argument("--memory", type=memory, default="8g", metavar="SIZE", help="default 8g")
    parser.add_argument("--processes", type=positive, default=1024, metavar="N")
    parser.add_argument("--network", choices=["none", "full"], default="none")
    parser.add_argument("--image", metavar="IMAGE", help="image instead of the agent's own")
    parser.add_argument("--jobs", type=positive, default=1, metavar="N", help="attempts at a time")
    parser.add_argument("--out", type=Path, metavar="DIR", help="default: runs/DATE-TIME")
    parser.add_argument(
        "--from",
        dest="repositories",
        type=Path,
        metavar="DIR",
        help="folder of locked dataset repositories, instead of DATA_DIR",
    )
    add_data_dir(parser)
    add_version(parser)
    add_key_file(parser)


def _source(arguments: argparse.Namespace, out: Path) -> Source:
    from mlebench_data.harness.sources import PreparedSource, RepositorySource

    if arguments.repositories is None:
        return PreparedSource(data_dir(arguments))
    return RepositorySource(arguments.repositories, out / "data", arguments.key_file)


def run(arguments: argparse.Namespace) -> int:
    """Run all attempts and print the table; exit with 1 if the machinery failed in any."""
    from mlebench_data.catalogue import load_competition
    from mlebench_data.harness.agent import load_agent
    from mlebench_data.harness.attempt import Attempt, Settings
    from mlebench_data.harness.commands.output import console
    from mlebench_data.harness.result import AttemptResult
    from mlebench_data.harness.runtimes import choose_runtime
    from mlebench_data.harness.runtimes.base import Limits
    from mlebench_data.harness.scheduler import plan, run_all
    from mlebench_data.harness.summary import print_results

    ids = selected_ids(arguments.competition, arguments.split)
    competitions = [load_competition(name) for name in ids]
    agents = [load_agent(name) for name in arguments.agent]
    settings = Settings(
        Limits(
            time_seconds=arguments.time_limit,
            grace_seconds=arguments.grace,
            cpus=arguments.cpus,
            memory_bytes=arguments.memory,
            processes=arguments.processes,
        ),
        arguments.network,
        arguments.image,
    )
    runtime, warning = choose_runtime(arguments.runtime)
    out = arguments.out or Path("runs") / time.strftime("%Y%m%d-%H%M%S")
    attempts = plan(
        competitions, agents, seeds=arguments.seeds, version=arguments.data_version, out=out
    )
    if len({attempt.folder for attempt in attempts}) != len(attempts):
        raise MlebenchError("Two of the agents have the same name. Give each its own.")
    out.mkdir(parents=True, exist_ok=True)

    people = console()
    if warning:
        people.print(f"WARNING: {warning}", style="bold yellow", markup=False)
    for line in runtime.remove_leftovers():
        people.print(f"removed what an earlier run left: {line}", markup=False)
    people.print(f"{len(attempts)} attempts in {out} ({runtime.name} runtime)", markup=False)

    def started(attempt: Attempt) -> None:
        people.print(f"  started   {attempt.label}", markup=False)

    def finished(attempt: Attempt, result: AttemptResult) -> None:
        score = (result.grading or {}).get("score")
        shown = "" if score is None else f" {score}"
        took = "" if result.seconds is None else f" after {result.seconds:.1f} s"
        people.print(f"  {result.outcome:<9} {attempt.label}{shown}{took}", markup=False)

    results = run_all(
        attempts,
        _source(arguments, out),
        runtime,
        settings,
        jobs=arguments.jobs,
        started=started,
        finished=finished,
    )
    people.print(f"results in {out}", markup=False)
    sys.stderr.flush()
    print_results(results)
    return 1 if any(item.outcome == "infra_error" for item in results) else 0
