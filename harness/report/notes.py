"""What a reader must know before comparing the numbers of a report with others."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence

from mlebench_data.harness.report.reading import Runs

#: With fewer seeds the published benchmark does not list an agent.
_ENOUGH_SEEDS = 3


def notes(runs: Runs, *, complete_seeds: Sequence[int]) -> tuple[str, ...]:
    """Return them as sentences.

    Parameters
    ----------
    runs : Runs
        What was read.
    complete_seeds : sequence of int
        Number of seeds of each aggregate.
    """
    found = [f"A record cannot be read and is counted as missing: {p}" for p in runs.problems]
    records = [attempt.record for attempt in runs.attempts]
    total = len(records)
    failed = sum(not attempt.final for attempt in runs.attempts)
    if failed:
        found.append(
            f"{failed} of {total} attempts failed for reasons that are not the agent's; they are "
            "counted as missing."
        )
    unfinished = len(runs.asked) - total
    if unfinished:
        found.append(f"{unfinished} of {len(runs.asked)} attempts have no result (yet).")
    self_tests = sum(record.is_self_test for record in records)
    if self_tests:
        found.append(
            f"{self_tests} of {total} attempts are self-tests of the harness, which submits the "
            "answers: they are no results of an agent."
        )
    open_ = sum(record.isolated is not True and not record.is_self_test for record in records)
    if open_:
        found.append(
            f"{open_} of {total} attempts ran without isolation: nothing kept the agent from the "
            "network or from answers on the machine."
        )
    helped = sum(record.test_feedback == "format-only" for record in records)
    if helped:
        found.append(
            f"In {helped} of {total} attempts the agent could ask whether the format of its "
            "submission was right (nothing about its score)."
        )
    if complete_seeds and min(complete_seeds) < _ENOUGH_SEEDS:
        found.append(
            f"Some means are over fewer than {_ENOUGH_SEEDS} seeds, the number that the published "
            "benchmark asks for."
        )
    return (*found, *_differing_settings(runs))


def _differing_settings(runs: Runs) -> list[str]:
    """Name agents whose attempts were not all made under the same conditions."""
    aspects = ("limits", "network", "image", "gpus_per_run", "runs_per_gpu", "agent_sha256")
    seen: dict[tuple[str, str], set[str]] = defaultdict(set)
    for attempt in runs.attempts:
        record = attempt.record
        for name in aspects:
            value = json.dumps(record.settings.get(name), sort_keys=True)
            seen[record.agent, name].add(value)
        seen[record.agent, "profile"].add(json.dumps(record.profile, sort_keys=True))
    by_agent: dict[str, list[str]] = defaultdict(list)
    for (agent, name), values in seen.items():
        if len(values) > 1:
            by_agent[agent].append("files" if name == "agent_sha256" else name)
    return [
        f"The attempts of {agent} differ in their {', '.join(names)}; their mean mixes them."
        for agent, names in sorted(by_agent.items())
    ]
