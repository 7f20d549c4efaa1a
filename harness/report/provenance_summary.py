"""Where results come from: what all records of a report say, each fact once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from mlebench_data.harness.commands.output import size
from mlebench_data.harness.report.formatting import duration_text
from mlebench_data.harness.report.reading import Runs
from mlebench_data.harness.result import AttemptResult

#: Characters of a digest that are shown.
_DIGEST = 12


def provenance_summary(runs: Runs) -> list[tuple[str, list[str]]]:
    """Return titled lists of the different values that the records hold.

    Parameters
    ----------
    runs : Runs
        What was read.

    Returns
    -------
    list of (str, list of str)
        Title and values, most frequent first. Where not all attempts agree, each value says for how
        many it holds.
    """
    counts: dict[str, Counter[str]] = {}
    for attempt in runs.attempts:
        for title, value in _facts(attempt.record):
            counts.setdefault(title, Counter())[value] += 1
    total = len(runs.attempts)
    summary = [("Runs", list(runs.names))]
    for title, values in counts.items():
        shown = [
            value if number == total else f"{value} ({number} of {total} attempts)"
            for value, number in sorted(values.items(), key=lambda item: (-item[1], item[0]))
        ]
        summary.append((title, shown))
    times = [(r.started_at, r.ended_at) for r in (a.record for a in runs.attempts)]
    begun = sorted(str(start) for start, _ in times if start)
    ended = sorted(str(end) for _, end in times if end)
    if begun and ended:
        summary.append(("Time", [f"{begun[0][:16]} to {ended[-1][:16]} (UTC)"]))
    return summary


def data_rows(runs: Runs) -> list[list[str]]:
    """Return, for each competition, the identity of its data and metric.

    Returns
    -------
    list of list of str
        Competition, version, source with revision or commit, manifest, metric.
    """
    rows: dict[str, list[str]] = {}
    for attempt in runs.attempts:
        record = attempt.record
        if record.data_manifest_sha256 is None or record.competition_id in rows:
            continue
        data = record.data
        place = [str(data[key]) for key in ("source", "revision") if data.get(key)]
        if data.get("commit"):
            place.append(str(data["commit"])[:_DIGEST])
        rows[record.competition_id] = [
            record.competition_id,
            record.version,
            " ".join(place),
            record.data_manifest_sha256[:_DIGEST],
            f"{(record.grading or {}).get('metric', '')} {(record.metric_sha256 or '')[:_DIGEST]}",
        ]
    return [rows[name] for name in sorted(rows)]


def _facts(record: AttemptResult) -> Iterator[tuple[str, str]]:
    """Yield what a record says of its origin; old records say less."""
    made = record.provenance
    if made:
        commit = str(made.get("git_commit") or "")[:_DIGEST]
        changed = ", modified" if made.get("git_modified") else ""
        yield (
            "Package",
            f"mlebench-data {made.get('package_version')}"
            + (f" (commit {commit}{changed})" if commit else ""),
        )
    versions = _mapping(record.environment.get("versions"))
    if versions:
        names = [name for name in versions if name != "mlebench-data"]
        yield "Software of the scorer", ", ".join(f"{name} {versions[name]}" for name in names)
    runtime = _mapping(record.environment.get("runtime"))
    if runtime:
        parts = [str(runtime.get("runtime"))]
        if runtime.get("engine_version"):
            parts.append(str(runtime["engine_version"]))
        yield "Runtime", " ".join(parts) + ("" if record.isolated else ", not isolated")
        yield from _hardware(_mapping(runtime.get("hardware")))
    if record.settings.get("image"):
        identity = runtime.get("image_id") or runtime.get("image_digest")
        yield (
            "Image",
            str(record.settings["image"]) + (f" ({str(identity)[:19]})" if identity else ""),
        )
    gpus = Counter(str(gpu.get("name")) for gpu in record.gpus)
    yield "GPUs", ", ".join(f"{number} x {name}" for name, number in gpus.items()) or "none"
    if record.node:
        yield "Node", record.node
    yield from _conditions(record)


def _hardware(hardware: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if hardware:
        memory = hardware.get("memory_bytes")
        memory_text = ""
        if isinstance(memory, int | float) and 0 <= memory < 1e18:
            memory_text = f", {size(memory)}"
        yield (
            "Hardware",
            f"{hardware.get('cpu_model')}, {hardware.get('cpu_count')} CPUs{memory_text}, "
            f"{hardware.get('system')}",
        )


def _conditions(record: AttemptResult) -> Iterator[tuple[str, str]]:
    """Yield under which conditions the agent worked."""
    limits = _mapping(record.settings.get("limits"))
    time_limit = limits.get("time_seconds")
    if isinstance(time_limit, int | float):
        yield "Time limit", duration_text(float(time_limit))
    if record.settings.get("network"):
        yield "Network", str(record.settings["network"])
    if record.profile.get("name"):
        deviations = _mapping(record.profile.get("deviations"))
        other = ", ".join(f"{name} = {value}" for name, value in sorted(deviations.items()))
        yield "Profile", f"{record.profile['name']}" + (f", but {other}" if other else "")
    yield "Feedback on the test set", str(record.test_feedback)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
