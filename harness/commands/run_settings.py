"""The arguments of `mlebench run` that say what each attempt gets, and what they come to."""

from __future__ import annotations

import argparse
import dataclasses
from typing import TYPE_CHECKING, Any

from mlebench_data.harness.commands.arguments import (
    duration,
    memory,
    natural,
    positive,
    processors,
)

if TYPE_CHECKING:
    from mlebench_data.harness.attempt import Settings
    from mlebench_data.harness.profiles import Profile

#: What holds where neither an argument nor a profile says anything.
_DEFAULTS: dict[str, Any] = {
    "time_limit": 600.0,
    "grace": 10.0,
    "cpus": None,
    "memory": 8 << 30,
    "shared_memory": None,
    "disk": 50 << 30,
    "processes": 1024,
    "open_files": None,
    "gpus": 0,
    "network": "none",
    "warn_before": (),
    "snapshot_every": None,
}


def add_settings_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare them. Each wins over the profile, and that over the defaults told here."""
    parser.add_argument(
        "--profile",
        metavar="NAME",
        help="resources by name (paper-a10, cpu, lite, demo) or from a YAML file",
    )
    parser.add_argument("--time-limit", type=duration, metavar="T", help="e.g. 24h; default 10m")
    parser.add_argument(
        "--grace", type=duration, metavar="T", help="from SIGTERM to SIGKILL, default 10s"
    )
    parser.add_argument(
        "--cpus", type=processors, metavar="N", help="processors, e.g. 0.5 (default: all)"
    )
    parser.add_argument("--memory", type=memory, metavar="SIZE", help="default 8g")
    parser.add_argument(
        "--shared-memory", type=memory, metavar="SIZE", help="of /dev/shm; default: as --memory"
    )
    parser.add_argument(
        "--disk", type=memory, metavar="SIZE", help="of all that an agent writes; default 50g"
    )
    parser.add_argument("--processes", type=positive, metavar="N", help="default 1024")
    parser.add_argument("--open-files", type=positive, metavar="N", help="of one process at once")
    parser.add_argument(
        "--network",
        choices=["none", "llm", "full"],
        help="what agents reach: nothing (default), language models, everything (docker runtime)",
    )
    parser.add_argument(
        "--gpus-per-run",
        dest="gpus",
        type=natural,
        metavar="N",
        help="GPUs of each attempt; default 0",
    )
    parser.add_argument(
        "--runs-per-gpu", type=positive, default=1, metavar="K", help="attempts that share a GPU"
    )
    parser.add_argument(
        "--warn-before",
        type=duration,
        nargs="+",
        metavar="T",
        help="tell the agent at these times before its end, e.g. 1h 10m",
    )
    parser.add_argument(
        "--snapshot-every", type=duration, metavar="T", help="copy the submission meanwhile"
    )
    parser.add_argument("--image", metavar="IMAGE", help="image instead of the agent's own")
    parser.add_argument(
        "--no-validator",
        dest="validator",
        action="store_false",
        help="agents cannot have the format of their submission checked",
    )
    parser.add_argument(
        "--retries",
        type=natural,
        default=3,
        metavar="N",
        help="times that an attempt is made again after an infrastructure failure (default 3)",
    )
    parser.add_argument(
        "--wait-for-engine",
        type=duration,
        default=12 * 3600.0,
        metavar="T",
        help="wait so long for an engine that does not answer any more (default 12h)",
    )


def make_settings(arguments: argparse.Namespace) -> Settings:
    """Return what holds for all attempts.

    Raises
    ------
    MlebenchError
        If there is no such profile, or it breaks the schema.
    """
    from mlebench_data.harness.attempt import Settings
    from mlebench_data.harness.profiles import deviations, load_profile
    from mlebench_data.harness.runtimes.sandbox import Limits

    profile = None if arguments.profile is None else load_profile(arguments.profile)
    value = {name: _value(name, arguments, profile) for name in _DEFAULTS}
    settings = Settings(
        Limits(
            time_seconds=value["time_limit"],
            grace_seconds=value["grace"],
            cpus=value["cpus"],
            memory_bytes=value["memory"],
            processes=value["processes"],
            shared_memory_bytes=value["shared_memory"],
            open_files=value["open_files"],
            disk_bytes=value["disk"],
        ),
        value["network"],
        arguments.image,
        gpus_per_run=value["gpus"],
        runs_per_gpu=arguments.runs_per_gpu,
        warn_before=tuple(sorted(value["warn_before"], reverse=True)),
        snapshot_every=value["snapshot_every"],
        retries=arguments.retries,
        engine_wait_seconds=arguments.wait_for_engine,
        validator=arguments.validator,
    )
    if profile is None:
        return settings
    return dataclasses.replace(
        settings, profile=profile.name, deviations=deviations(profile, settings)
    )


def _value(name: str, arguments: argparse.Namespace, profile: Profile | None) -> Any:
    given = getattr(arguments, name)
    if given is not None:
        return given
    return _DEFAULTS[name] if profile is None else getattr(profile, name)
