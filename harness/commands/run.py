"""Run agents on competitions and score what they submit.

Data comes from DATA_DIR as prepared, or from locked dataset repositories (--from). Every attempt
leaves a folder OUT/COMPETITION/AGENT-seedN with its submission, logs, code and result.json. The
same command again with the same OUT does only what is missing.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import re
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mlebench_data.errors import MlebenchError
from mlebench_data.harness.commands.arguments import (
    add_data_dir,
    add_key_file,
    add_version,
    data_dir,
    natural,
    positive,
    selected_ids,
)

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from rich.console import Console

    from mlebench_data.harness.agent import Agent
    from mlebench_data.harness.observer import Observer
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
    return math.ceil(float(match[1]) * 1024.0 ** " kmgt".index(match[2] or " "))


def processors(text: str) -> float:
    """Parse a number of processors such as 2 or 0.5."""
    match = re.fullmatch(r"\d+(?:\.\d+)?", text.strip())
    if match is None or float(text) <= 0:
        raise argparse.ArgumentTypeError(f"'{text}' is no number of processors; write 2 or 0.5")
    return float(text)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `mlebench run`."""
    parser.add_argument(
        "--agent",
        nargs="+",
        required=True,
        metavar="AGENT",
        help="agents: names (sample, baseline) or folders with an agent.yaml",
    )
    parser.add_argument(
        "--competition", nargs="+", default=[], metavar="ID", help="competition ids"
    )
    parser.add_argument("--split", metavar="SPLIT", help="all competitions of a split, e.g. open")
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
        "--grace",
        type=duration,
        default=10.0,
        metavar="T",
        help="from SIGTERM to SIGKILL, default 10s",
    )
    parser.add_argument(
        "--cpus", type=processors, metavar="N", help="processors, e.g. 0.5 (default: all)"
    )
    parser.add_argument("--memory", type=memory, default="8g", metavar="SIZE", help="default 8g")
    parser.add_argument(
        "--processes", type=positive, default=1024, metavar="N", help="default 1024"
    )
    parser.add_argument(
        "--network", choices=["none", "full"], default="none", help="default none (docker runtime)"
    )
    parser.add_argument("--image", metavar="IMAGE", help="image instead of the agent's own")
    parser.add_argument(
        "--gpus-per-run", type=natural, default=0, metavar="N", help="GPUs of each attempt"
    )
    parser.add_argument(
        "--runs-per-gpu", type=positive, default=1, metavar="K", help="attempts that share a GPU"
    )
    parser.add_argument(
        "--warn-before",
        type=duration,
        nargs="+",
        default=[],
        metavar="T",
        help="tell the agent at these times before its end, e.g. 1h 10m",
    )
    parser.add_argument(
        "--snapshot-every", type=duration, metavar="T", help="copy the submission meanwhile"
    )
    parser.add_argument(
        "--retries",
        type=natural,
        default=3,
        metavar="N",
        help="times that an attempt is made again after an infrastructure failure (default 3)",
    )
    parser.add_argument(
        "--workers",
        "--jobs",
        type=positive,
        default=1,
        metavar="N",
        help="attempts at a time, as far as CPUs, memory and GPUs suffice",
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="default: runs/DATE-TIME")
    parser.add_argument(
        "--from",
        dest="repositories",
        metavar="SOURCE",
        help="locked dataset repositories, instead of DATA_DIR: a folder of them, an address such "
        "as s3://BUCKET/FOLDER or https://HOST, hf://datasets/ORGANISATION",
    )
    add_data_dir(parser)
    add_version(parser)
    add_key_file(parser)


def make_source(repositories: str | None, data: Path, key_file: Path | None) -> Source:
    """Return where a run takes its data from."""
    from mlebench_data.harness.sources import PreparedSource, RepositorySource

    if repositories is None:
        return PreparedSource(data)
    return RepositorySource(repositories, key_file)


def _local_data(repositories: str | None, data: Path) -> list[Path]:
    """Return the local folders that hold answers, sealed or not."""
    from mlebench_data.hub.sources import local_folder

    if repositories is None:
        return [data]
    return list(filter(None, [local_folder(repositories)]))


def _check_agents(agents: Sequence[Agent], folders: Sequence[Path]) -> None:
    """Refuse agents that share a name, or whose folder would show them what they must not see."""
    names = [agent.name for agent in agents]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise MlebenchError(
            f"Two of the agents have the same name, {', '.join(repeated)}. Give each its own."
        )
    for agent in agents:
        for folder in folders:
            if folder.resolve().is_relative_to(agent.folder):
                raise MlebenchError(
                    f"{folder} lies in the folder of the agent {agent.name}, {agent.folder}, so "
                    "the agent could read answers or results in it. Keep them apart."
                )


@contextlib.contextmanager
def _stopped_by_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end a run as Ctrl-C does, or containers would go on without it."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread gets signals
        return
    before = {
        number: signal.signal(number, interrupt)
        for number in (signal.SIGTERM, signal.SIGHUP)
        if signal.getsignal(number) is signal.SIG_DFL  # `nohup` has it ignored, which stays
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _display(people: Console) -> AbstractContextManager[Observer]:
    """Return what shows how the run goes: a table on a terminal, lines elsewhere."""
    if people.is_terminal:
        from mlebench_data.harness.live import LiveTable

        return LiveTable(people)
    from mlebench_data.harness.progress_lines import ProgressLines

    return contextlib.nullcontext(
        ProgressLines(lambda text: people.print(text, markup=False, soft_wrap=True))
    )


def run(arguments: argparse.Namespace) -> int:
    """Run all attempts and print the table; exit with 1 if the machinery failed in any."""
    from mlebench_data.catalogue import load_competition
    from mlebench_data.harness.agent import load_agent
    from mlebench_data.harness.attempt import Settings
    from mlebench_data.harness.commands.output import console
    from mlebench_data.harness.events import FILE_NAME as EVENTS_NAME
    from mlebench_data.harness.events import EventLog, EventObserver
    from mlebench_data.harness.executor import LocalExecutor
    from mlebench_data.harness.observer import Observers
    from mlebench_data.harness.run_folder import held, write_run_record
    from mlebench_data.harness.runtimes import choose_runtime
    from mlebench_data.harness.runtimes.base import Limits
    from mlebench_data.harness.scheduler import plan, run_all
    from mlebench_data.harness.summary import print_results

    ids = selected_ids(arguments.competition, arguments.split)
    competitions = [load_competition(name) for name in ids]
    agents = [load_agent(name) for name in arguments.agent]
    out = arguments.out or Path("runs") / time.strftime("%Y%m%d-%H%M%S")
    local = _local_data(arguments.repositories, data_dir(arguments))
    _check_agents(agents, [*local, out, *filter(None, [arguments.key_file])])
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
        gpus_per_run=arguments.gpus_per_run,
        runs_per_gpu=arguments.runs_per_gpu,
        warn_before=tuple(sorted(arguments.warn_before, reverse=True)),
        snapshot_every=arguments.snapshot_every,
        retries=arguments.retries,
    )
    runtime, warning = choose_runtime(arguments.runtime)
    attempts = plan(
        competitions, agents, seeds=arguments.seeds, version=arguments.data_version, out=out
    )
    executor = LocalExecutor(runtime)
    people = console()

    def tell(text: str, style: str | None = None) -> None:
        people.print(text, style=style, markup=False, soft_wrap=True)

    events = EventLog(out / EVENTS_NAME)
    if warning:
        tell(f"WARNING: {warning}", "bold yellow")
    try:
        with (
            held(out),
            _stopped_by_signals(),
            _display(people) as display,
            make_source(arguments.repositories, data_dir(arguments), arguments.key_file) as source,
        ):
            results = run_all(
                attempts,
                source,
                executor,
                settings,
                Observers([EventObserver(events), display]),
                workers=arguments.workers,
                begin=lambda: write_run_record(
                    out,
                    arguments=sys.argv[1:],
                    agents=agents,
                    settings=settings,
                    attempts=[attempt.label for attempt in attempts],
                    executor=executor.describe(),
                ),
            )
    except KeyboardInterrupt:
        events.write("run_stopped")
        tell(f"stopped; the same command with --out {out} goes on from here")
        raise
    failed = any(item.outcome == "infra_error" for item in results)
    events.write("run_finished", results=len(results))
    tell(f"results in {out}")
    if failed:
        tell(f"to make the failed attempts again, repeat the command with --out {out}")
    sys.stderr.flush()
    print_results(results)
    return 1 if failed else 0
