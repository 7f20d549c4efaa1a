"""Show what the catalogue says of one competition."""

from __future__ import annotations

import argparse
import sys

from mlebench_data.harness.commands.arguments import add_data_dir, data_dir
from mlebench_data.harness.commands.output import console, size


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `mlebench info`."""
    parser.add_argument("id", metavar="ID")
    parser.add_argument("--json", action="store_true", help="print all of it as JSON")
    add_data_dir(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the facts, the data versions and where they lie."""
    from mlebench_data.catalogue import load_competition
    from mlebench_data.prepare.layout import version_folder
    from mlebench_data.prepare.manifest import Manifest

    competition = load_competition(arguments.id)
    facts = competition.facts
    if arguments.json:
        print(facts.model_dump_json(indent=1))
        return 0
    out = console(sys.stdout)
    out.print(f"{facts.name}  ({facts.id})", style="bold", markup=False)
    out.print(facts.summary, markup=False)
    lines = [
        ("category", f"{facts.category}; {', '.join(facts.modalities)}; {facts.task}"),
        ("source", facts.source.url),
        (
            "raw data",
            "built from an installed library"
            if facts.source.kind == "builtin"
            else "to be downloaded"
            + ("" if facts.source.size_bytes is None else f", {size(facts.source.size_bytes)}"),
        ),
        (
            "licence",
            f"{facts.license.name}; redistribution {facts.license.redistribution}: "
            f"{facts.license.reason}",
        ),
    ]
    if facts.leaderboard is not None:
        board = facts.leaderboard
        lines.append(
            (
                "leaderboard",
                f"{board.teams} teams; gold {board.gold}, silver {board.silver}, "
                f"bronze {board.bronze}, median {board.median}",
            )
        )
    for name in competition.versions:
        version = competition.version(name)
        folder = version_folder(data_dir(arguments), competition.id, name)
        manifest = Manifest.read(folder)
        metric = version.metric
        direction = "higher" if metric.higher_is_better else "lower"
        columns = version.submission.column_names()
        shown = ", ".join(columns[:6]) + (
            f" and {len(columns) - 6} more" if len(columns) > 6 else ""
        )
        lines += [
            (name, version.summary),
            ("  metric", f"{metric.name} ({direction} is better)"),
            ("  submission", f"{version.submission.id}, {shown}"),
            (
                "  prepared",
                "no"
                if manifest is None
                else f"{folder} ({len(manifest.files)} files, {size(manifest.size)})",
            ),
        ]
        lines += [("  " + issue.kind, issue.note) for issue in version.known_issues]
    lines += _places(competition.id)
    width = max(len(label) for label, _ in lines)
    for label, text in lines:
        out.print(f"{label:<{width}}  {text}", markup=False)
    return 0


def _places(competition_id: str) -> list[tuple[str, str]]:
    """Say where the repository would be loaded from, and what the cache has of it."""
    from mlebench_data.hub.cache import Cache
    from mlebench_data.hub.sources import ORDER, default_source, open_source

    text, why = default_source()
    lines = [
        ("would load from", f"{open_source(text).address(competition_id)} ({why})"),
        ("  order", ", ".join(ORDER)),
    ]
    for entry in Cache().entries():
        if entry.record.competition == competition_id:
            origin = entry.record.origins[0]
            lines.append(
                (
                    f"  {entry.record.version} cached",
                    f"{entry.record.files} files, {size(entry.record.size)}, from {origin.source}",
                )
            )
    return lines
