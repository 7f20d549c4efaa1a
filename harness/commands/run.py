"""Run agents on competitions and score what they submit.

Data comes from DATA_DIR as prepared, or from locked dataset repositories (--from). Every attempt
leaves a folder OUT/COMPETITION/AGENT-seedN with its submission, logs, code and result.json. The
same command again with the same OUT does only what is missing.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
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
    positive,
    selected_ids,
)
from mlebench_data.harness.commands.model_arguments import add_model_arguments, make_model_proxy
from mlebench_data.harness.commands.run_settings import add_settings_arguments, make_settings

#: Attempts at a time where the executor alone decides.
_ALL_PLACES = 1_000_000

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from rich.console import Console

    from mlebench_data.harness.agent import Agent
    from mlebench_data.harness.attempt import Settings
    from mlebench_data.harness.executor import Executor
    from mlebench_data.harness.models.proxy import ModelProxy
    from mlebench_data.harness.observer import Observer
    from mlebench_data.harness.sources import Source


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `mlebench run`."""
    parser.add_argument(
        "--agent",
        nargs="+",
        required=True,
        metavar="AGENT",
        help="agents: names (sample, baseline, command, gold) or folders with an agent.yaml",
    )
    parser.add_argument(
        "--agent-arg",
        action="extend",
        nargs="+",
        default=[],
        metavar="KEY=VALUE",
        help="parameters of agents; AGENT.KEY=VALUE for one of several",
    )
    parser.add_argument(
        "--secret",
        nargs="+",
        default=[],
        metavar="NAME",
        help="variables of the environment for the agents, whose values are in no record",
    )
    parser.add_argument(
        "--command",
        dest="agent_command",
        metavar="TEXT",
        help="what the agent `command` runs, by /bin/sh -c",
    )
    parser.add_argument(
        "--agent-files", type=Path, metavar="DIR", help="its files, at /home/agent in a container"
    )
    parser.add_argument("--agent-name", metavar="NAME", help="its name in records")
    parser.add_argument(
        "--competition", nargs="+", default=[], metavar="ID", help="competition ids"
    )
    parser.add_argument("--split", metavar="SPLIT", help="all competitions of a split, e.g. open")
    parser.add_argument("--seeds", type=positive, default=1, metavar="N", help="seeds 0 to N-1")
    parser.add_argument(
        "--runtime",
        choices=["docker", "podman", "local"],
        help="default: docker where an engine answers, else local (which isolates nothing)",
    )
    add_settings_arguments(parser)
    add_model_arguments(parser)
    parser.add_argument(
        "--workers",
        "--jobs",
        type=positive,
        metavar="N",
        help="attempts at a time, as far as CPUs, memory and GPUs suffice (default 1; with --ray "
        "as many as the cluster carries)",
    )
    parser.add_argument(
        "--ray",
        metavar="ADDRESS",
        help="run attempts on the machines of a Ray cluster: auto for the one that this machine "
        "belongs to, or HOST:PORT",
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


def _agent(name: str, arguments: argparse.Namespace) -> Agent:
    """Return an agent as the arguments describe it."""
    from mlebench_data.harness.agent import load_agent
    from mlebench_data.harness.command_agent import NAME, command_agent

    given = (arguments.agent_command, arguments.agent_files, arguments.agent_name)
    if name == NAME:
        if arguments.agent_command is None:
            raise MlebenchError(f"The agent {NAME} needs --command: what it is to run.")
        return command_agent(
            arguments.agent_command,
            files=arguments.agent_files,
            name=arguments.agent_name,
        )
    if any(given) and NAME not in arguments.agent:
        raise MlebenchError(
            f"--command, --agent-files and --agent-name describe the agent '{NAME}': add "
            f"--agent {NAME}."
        )
    return load_agent(name)


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


@contextlib.contextmanager
def _ended(proxy: ModelProxy | None) -> Iterator[None]:
    """End the language-model proxy, if there is one, after all agents."""
    try:
        yield
    finally:
        if proxy is not None:
            proxy.stop()


def _ray_executor(
    arguments: argparse.Namespace, out: Path, resources: contextlib.ExitStack
) -> tuple[Executor, ModelProxy | None, str | None]:
    """Return what runs agents on a cluster; a language-model proxy is only described here."""
    import os

    from mlebench_data.harness.cluster.node_data import place_for_nodes
    from mlebench_data.harness.cluster.node_models import ModelOffer
    from mlebench_data.harness.cluster.ray_executor import ray_executor

    proxy = None

    def models(isolates: bool) -> ModelOffer | None:
        nonlocal proxy
        proxy = make_model_proxy(arguments, out, isolates=isolates)
        return None if proxy is None else ModelOffer.of(proxy, os.environ)

    place = None if arguments.repositories is None else place_for_nodes(arguments.repositories)
    executor, warning = resources.enter_context(
        ray_executor(arguments.ray, runtime=arguments.runtime, out=out, place=place, models=models)
    )
    return executor, proxy, warning


def _executor(
    arguments: argparse.Namespace,
    agents: Sequence[Agent],
    settings: Settings,
    out: Path,
    resources: contextlib.ExitStack,
) -> tuple[Executor, ModelProxy | None, str | None]:
    """Return where agents run, what serves them language models, and a warning, if there is one."""
    from mlebench_data.harness.gold.self_test import SelfTestOnly
    from mlebench_data.harness.gpus import find_gpus
    from mlebench_data.harness.local_executor import LocalExecutor
    from mlebench_data.harness.runtimes import choose_runtime

    if all(agent.self_test for agent in agents):
        return SelfTestOnly(), None, None
    if arguments.ray is not None:
        return _ray_executor(arguments, out, resources)
    runtime, warning = choose_runtime(arguments.runtime)
    proxy = make_model_proxy(arguments, out, isolates=runtime.isolates)
    gpus = find_gpus() if settings.gpus_per_run else ()
    return LocalExecutor(runtime, gpus, models=proxy), proxy, warning


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
    with contextlib.ExitStack() as resources:
        return _run(arguments, resources)


def _run(arguments: argparse.Namespace, resources: contextlib.ExitStack) -> int:
    from mlebench_data.catalogue import load_competition
    from mlebench_data.harness.agent import with_arguments
    from mlebench_data.harness.commands.output import console
    from mlebench_data.harness.events import FILE_NAME as EVENTS_NAME
    from mlebench_data.harness.events import EventLog, EventObserver
    from mlebench_data.harness.observer import Observers
    from mlebench_data.harness.planning import plan
    from mlebench_data.harness.run_folder import held, write_run_record
    from mlebench_data.harness.scheduler import run_all
    from mlebench_data.harness.summary import print_results

    ids = selected_ids(arguments.competition, arguments.split)
    competitions = [load_competition(name) for name in ids]
    agents = [_agent(name, arguments) for name in arguments.agent]
    agents = with_arguments(agents, arguments.agent_arg)
    agents = [agent.with_secrets(arguments.secret) for agent in agents]
    out = arguments.out or Path("runs") / time.strftime("%Y%m%d-%H%M%S")
    local = _local_data(arguments.repositories, data_dir(arguments))
    _check_agents(agents, [*local, out, *filter(None, [arguments.key_file])])
    settings = make_settings(arguments)
    arguments.network = settings.network
    attempts = plan(
        competitions, agents, seeds=arguments.seeds, version=arguments.data_version, out=out
    )
    executor, proxy, warning = _executor(arguments, agents, settings, out, resources)
    settings = dataclasses.replace(
        settings,
        models=None if proxy is None else proxy.models.record(),
        max_cost=arguments.max_cost,
    )
    people = console()

    def tell(text: str, style: str | None = None) -> None:
        people.print(text, style=style, markup=False, soft_wrap=True)

    events = EventLog(out / EVENTS_NAME)
    if warning:
        tell(f"WARNING: {warning}", "bold yellow")
    for agent in agents:
        tell(f"agent {agent.name}: {agent.summary()}")

    def begin() -> None:
        # On a cluster, the machines that run agents start one of their own.
        if proxy is not None and arguments.ray is None:
            tell("starting the language-model proxy")
            proxy.start()
        write_run_record(
            out,
            arguments=sys.argv[1:],
            agents=agents,
            settings=settings,
            attempts=[attempt.label for attempt in attempts],
            executor=executor.describe(),
        )

    try:
        with (
            held(out),
            _ended(proxy),
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
                workers=arguments.workers or (1 if arguments.ray is None else _ALL_PLACES),
                begin=begin,
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
