"""List the competitions of the catalogue."""

from __future__ import annotations

import argparse
from typing import Any

from mlebench_data.harness.commands.output import print_table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `mlebench list`."""
    parser.add_argument("--split", metavar="SPLIT", help="only the competitions of this split")
    parser.add_argument("--json", action="store_true", help="print one JSON array")


def run(arguments: argparse.Namespace) -> int:
    """Print one line for each competition."""
    from mlebench_data.catalogue import load_catalogue, load_competition, load_split, split_names

    competitions = (
        [load_competition(name) for name in load_split(arguments.split)]
        if arguments.split
        else load_catalogue()
    )
    members = {name: load_split(name) for name in split_names()}
    rows: list[dict[str, Any]] = [
        {
            "id": item.id,
            "name": item.facts.name,
            "category": item.facts.category,
            "metric": item.version().metric.name,
            "higher_is_better": item.version().metric.higher_is_better,
            "versions": item.versions,
            "splits": [name for name, ids in members.items() if item.id in ids],
            "source": item.facts.source.kind,
            "size_bytes": item.facts.source.size_bytes,
            "redistribution": item.facts.license.redistribution,
        }
        for item in competitions
    ]
    if arguments.json:
        from mlebench_data.grading.report import strict_json

        print(strict_json(rows, indent=1))
        return 0
    print_table(
        ["id", "category", "metric", "versions", "splits"],
        [
            (
                row["id"],
                row["category"],
                f"{row['metric']} {'↑' if row['higher_is_better'] else '↓'}",
                " ".join(row["versions"]),
                " ".join(row["splits"]),
            )
            for row in rows
        ],
    )
    return 0
