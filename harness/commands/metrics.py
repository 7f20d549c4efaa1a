"""List metrics, explain one, install or publish them for `evaluate.load("mlebench/NAME")`."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from mlebench_data.harness.commands.output import console, print_table
from mlebench_data.harness.commands.publish import add_target, connect, show


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `mlebench metrics`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="one line for each metric")
    listing.add_argument("--json", action="store_true", help="print one JSON array")
    info = actions.add_parser("info", help="definition, inputs, parameters and edge cases of one")
    info.add_argument("name", metavar="NAME")
    info.add_argument("--json", action="store_true", help="print one JSON object")
    install = actions.add_parser(
        "install",
        help="copy metrics into the module cache of evaluate",
        description="Copy metrics into the module cache of evaluate ($HF_HOME), so that "
        'evaluate.load("mlebench/NAME") finds them with HF_EVALUATE_OFFLINE=1.',
    )
    install.add_argument("names", nargs="*", metavar="NAME", help="metrics (default: all)")
    publishing = actions.add_parser(
        "publish",
        help="send metrics to the Hub, as Spaces, or to a folder",
        description="Send metrics to hf://spaces/ORG, where evaluate.load finds them, or to a "
        "folder or URL, as folders of real files. What is there already is not sent again.",
    )
    publishing.add_argument("names", nargs="*", metavar="NAME", help="metrics (default: all)")
    add_target(publishing, "hf://spaces/ORG, a folder, or a URL such as s3://BUCKET/FOLDER")


def run(arguments: argparse.Namespace) -> int:
    """List, explain, install or publish."""
    from mlebench_data.errors import MlebenchError
    from mlebench_data.metrics.registry import MetricCardError, UnknownMetricError

    actions = {"list": _list, "info": _info, "install": _install, "publish": _publish}
    try:
        actions[arguments.action](arguments)
    except (UnknownMetricError, MetricCardError) as error:
        # Metrics know nothing of this package's errors.
        raise MlebenchError(str(error)) from error
    return 0


def _users() -> dict[str, list[str]]:
    """Return the competitions that each metric scores."""
    from mlebench_data.catalogue import load_catalogue

    users: dict[str, list[str]] = {}
    for competition in load_catalogue():
        names = {competition.version(version).metric.name for version in competition.versions}
        for name in names:
            users.setdefault(name, []).append(competition.id)
    return users


def _facts(name: str, users: dict[str, list[str]]) -> dict[str, Any]:
    from mlebench_data.metrics.registry import metric_info, metric_path

    card = metric_info(name)
    return {
        "name": card.name,
        "title": card.title,
        "summary": card.summary,
        "higher_is_better": card.higher_is_better,
        "range": list(card.range),
        "path": str(metric_path(name)),
        "competitions": users.get(name, []),
    }


def _range(bounds: list[float | None]) -> str:
    low, high = bounds
    return f"{'-∞' if low is None else f'{low:g}'} to {'∞' if high is None else f'{high:g}'}"


def _list(arguments: argparse.Namespace) -> None:
    from mlebench_data.metrics.registry import metric_names

    users = _users()
    rows = [_facts(name, users) for name in metric_names()]
    if arguments.json:
        from mlebench_data.grading.report import strict_json

        print(strict_json(rows, indent=1))
        return
    print_table(
        ["metric", "range", "competitions", "note"],
        [
            (
                f"{row['name']} {'↑' if row['higher_is_better'] else '↓'}",
                _range(row["range"]),
                len(row["competitions"]),
                row["summary"],
            )
            for row in rows
        ],
        right=["competitions"],
    )


def _info(arguments: argparse.Namespace) -> None:
    from mlebench_data.metrics.registry import metric_path

    folder = metric_path(arguments.name)
    facts = _facts(arguments.name, _users())
    if arguments.json:
        from mlebench_data.grading.report import strict_json

        print(strict_json(facts, indent=1))
        return
    out = console(sys.stdout)
    out.print(f"{facts['title']}  ({facts['name']})", style="bold", markup=False)
    direction = "higher" if facts["higher_is_better"] else "lower"
    lines = [
        facts["summary"],
        f"range         {_range(facts['range'])} ({direction} is better)",
        f"module        {facts['path']}",
        f"competitions  {', '.join(facts['competitions']) or 'none'}",
    ]
    card = (folder / "README.md").read_text(encoding="utf-8")
    # What follows the front matter and its heading.
    body = card.split("---\n", 2)[2].strip().partition("\n")[2]
    # Cards are Markdown: their lines are not to be wrapped anew.
    print("\n".join([*lines, body]))


def _install(arguments: argparse.Namespace) -> None:
    from mlebench_data.metrics.installation import install_metrics

    paths = install_metrics(arguments.names or None)
    print(
        f"{len(paths)} metric{'' if len(paths) == 1 else 's'} installed; "
        f'evaluate.load("mlebench/{paths[0].stem}") needs HF_EVALUATE_OFFLINE=1 to take this copy '
        "and not to ask the Hub",
        file=sys.stderr,
    )
    for path in paths:
        print(path)


def _publish(arguments: argparse.Namespace) -> None:
    from mlebench_data.errors import MlebenchError
    from mlebench_data.hub.publish.metric_contents import read_metric
    from mlebench_data.hub.publish.places import parse_target
    from mlebench_data.hub.publish.publishing import Conditions, Published, publish_contents
    from mlebench_data.metrics.registry import metric_names

    target = parse_target(arguments.to, "space")
    names = arguments.names or metric_names()
    if target.name is not None and names != [target.name]:
        raise MlebenchError(f"{target.text} can hold the metric {target.name} only.")
    chosen = [read_metric(name, target.organisation) for name in names]
    conditions = Conditions(retag=arguments.retag, dry_run=arguments.dry_run)
    api = connect(target, arguments)
    done: list[Published] = []
    try:
        for contents in chosen:
            done.append(publish_contents(contents, target, api, conditions))
    finally:
        show(done, conditions)
