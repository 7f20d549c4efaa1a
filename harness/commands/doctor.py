"""Look whether this machine has what evaluations need, and say what to do where it has not."""

from __future__ import annotations

import argparse
import dataclasses
import json
from typing import TYPE_CHECKING

from mlebench_data.harness.commands.arguments import add_data_dir, add_key_file, data_dir

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlebench_data.harness.finding import Finding

_MARKS = {"ok": ("ok", "green"), "note": ("note", "yellow"), "problem": ("PROBLEM", "bold red")}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `mlebench doctor`."""
    parser.add_argument("--json", action="store_true", help="one JSON object for each finding")
    parser.add_argument(
        "--clean", action="store_true", help="remove what harnesses that are gone left behind"
    )
    add_data_dir(parser)
    add_key_file(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print all findings; exit with 1 if there is a problem."""
    from mlebench_data.harness.doctor import examine

    if arguments.clean:
        _clean()
    findings = []
    for finding in examine(data_dir(arguments), arguments.key_file):
        findings.append(finding)
        if arguments.json:
            print(json.dumps(dataclasses.asdict(finding)), flush=True)
    if not arguments.json:
        _print(findings)
    return int(any(finding.level == "problem" for finding in findings))


def _clean() -> None:
    """Remove containers, and temporary folders, of harnesses that are gone."""
    from mlebench_data.harness.commands.output import console
    from mlebench_data.harness.runtimes import choose_runtime

    people = console()
    for name in (None, "local"):
        runtime, _ = choose_runtime(name)
        for line in runtime.remove_leftovers(abandoned=True):
            people.print(f"removed {line}", markup=False, soft_wrap=True)


def _print(findings: Sequence[Finding]) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console()
    area = ""
    for finding in findings:
        if finding.area != area:
            area = finding.area
            console.print(Text(area, style="bold"))
        word, style = _MARKS[finding.level]
        console.print(Text.assemble("  ", (f"{word:<8}", style), finding.text), soft_wrap=True)
        if finding.remedy:
            console.print(Text(f"{'':<10}{finding.remedy}", style="italic"), soft_wrap=True)
    problems = sum(finding.level == "problem" for finding in findings)
    console.print("no problems" if problems == 0 else f"problems: {problems}")
