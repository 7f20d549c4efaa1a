"""Aggregation of attempts: by split, by category, over time, and by competition."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from mlebench_data.harness.report.attempts import Attempt
from mlebench_data.harness.report.estimates import Estimate, estimate, pass_at_k
from mlebench_data.harness.report.measures import (
    MEASURES,
    CompetitionFacts,
    Facts,
    Measure,
    competition_facts,
)
from mlebench_data.harness.report.medals_over_time import MedalCurve, medal_curve, times_of
from mlebench_data.harness.report.notes import notes
from mlebench_data.harness.report.reading import Key, Runs
from mlebench_data.harness.report.rows import CompetitionRow, Report, SplitRow

#: All that was asked for, where that is no split of the catalogue.
ATTEMPTED = "attempted"
#: Category of competitions that the catalogue does not know.
NO_CATEGORY = "(not known)"

#: Splits in the order of the published tables; others follow by name.
_ORDER = ("low", "medium", "high", "all")

_SECONDS_PER_HOUR = 3600.0


def make_report(
    runs: Runs,
    *,
    splits: Sequence[str] = (),
    pad_missing: bool = False,
    pass_at: Sequence[int] = (),
) -> Report:
    """Aggregate runs.

    Parameters
    ----------
    runs : Runs
        What run folders hold.
    splits : sequence of str
        Splits to report; by default those whose competitions were all asked for, or else all that
        was asked for.
    pad_missing : bool
        Whether a missing attempt counts as a failure. Otherwise a seed counts only if it is
        complete: it has a final record for every competition of the split.
    pass_at : sequence of int
        Numbers of attempts k for pass@k.

    Raises
    ------
    UnknownNameError
        If there is no such split.
    """
    chosen = _choose_splits(splits, {competition for competition, _, _ in runs.asked})
    by_competition: dict[str, list[Attempt]] = defaultdict(list)
    for attempt in runs.attempts:
        by_competition[attempt.record.competition_id].append(attempt)
    ids = {competition for competition, _, _ in runs.asked}.union(*chosen.values())
    facts = {name: competition_facts(name, by_competition[name]) for name in sorted(ids)}
    final = {attempt.key: attempt for attempt in runs.attempts if attempt.final}
    ks = tuple(sorted(set(pass_at)))
    agents = sorted({agent for _, agent, _ in runs.asked})
    rows = _rows(chosen, chosen, agents, runs.asked, final, facts, pad_missing, ks)
    categories = _by_category(chosen, facts)
    # A seed that was begun anywhere counts in all categories, the smallest too.
    everything = dict.fromkeys(categories, sorted(set().union(*chosen.values())))
    return Report(
        runs,
        rows,
        _rows(categories, everything, agents, runs.asked, final, facts, pad_missing, ks),
        _medals_over_time(chosen, rows, final, facts),
        tuple(
            _competition_row(facts[competition], agent, runs.asked, final, pad_missing)
            for competition, agent in sorted({key[:2] for key in runs.asked})
        ),
        pad_missing,
        ks,
        notes(runs, complete_seeds=[len(row.seeds) for row in rows if row.seeds]),
    )


def _rows(
    groups: Mapping[str, Sequence[str]],
    begun_in: Mapping[str, Sequence[str]],
    agents: Sequence[str],
    asked: frozenset[Key],
    final: Mapping[Key, Attempt],
    facts: Facts,
    pad_missing: bool,
    pass_at: Sequence[int],
) -> tuple[SplitRow, ...]:
    return tuple(
        _split_row(group, ids, begun_in[group], agent, asked, final, facts, pad_missing, pass_at)
        for group, ids in groups.items()
        for agent in agents
    )


def _by_category(chosen: Mapping[str, Sequence[str]], facts: Facts) -> dict[str, list[str]]:
    """Return the competitions of each category, over all splits that are reported."""
    groups: dict[str, list[str]] = defaultdict(list)
    for name in sorted(set().union(*chosen.values())):
        groups[facts[name].category or NO_CATEGORY].append(name)
    return dict(sorted(groups.items()))


def _medals_over_time(
    chosen: Mapping[str, Sequence[str]],
    rows: Sequence[SplitRow],
    final: Mapping[Key, Attempt],
    facts: Facts,
) -> tuple[MedalCurve, ...]:
    ranked = {
        split: [name for name in ids if facts[name].has_leaderboard]
        for split, ids in chosen.items()
    }
    inside = set().union(*ranked.values())
    # The same times for all, so that curves can be compared.
    times = times_of([attempt for key, attempt in final.items() if key[0] in inside])
    return tuple(
        medal_curve(row.split, row.agent, ranked[row.split], row.seeds, final, times)
        for row in rows
        if times and row.seeds and ranked[row.split]
    )


def _choose_splits(names: Sequence[str], asked: set[str]) -> dict[str, list[str]]:
    """Return the competitions of each split that is reported, in the order of reporting."""
    from mlebench_data.catalogue import load_split, split_names

    if names:
        return {
            name: sorted(asked) if name == ATTEMPTED else load_split(name)
            for name in dict.fromkeys(names)
        }
    others = sorted(set(split_names()).difference(_ORDER))
    known = [name for name in (*_ORDER, *others) if name in split_names()]
    covered = {name: ids for name in known if asked.issuperset(ids := load_split(name))}
    if not any(asked == set(ids) for ids in covered.values()):
        covered[ATTEMPTED] = sorted(asked)
    return covered


def _label(key: Key) -> str:
    return f"{key[0]}/{key[1]}-seed{key[2]}"


def _values(
    measure: Measure, ids: Sequence[str], agent: str, seed: int, final: Mapping[Key, Attempt]
) -> list[float]:
    """Return a measure for each competition; a missing attempt has 0."""
    found = (final.get((name, agent, seed)) for name in ids)
    return [0.0 if attempt is None else measure.of(attempt) for attempt in found]


def _split_row(
    split: str,
    ids: Sequence[str],
    begun_in: Sequence[str],
    agent: str,
    asked: frozenset[Key],
    final: Mapping[Key, Attempt],
    facts: Facts,
    pad_missing: bool,
    pass_at: Sequence[int],
) -> SplitRow:
    inside = set(ids)
    seeds = sorted({key[2] for key in asked if key[1] == agent and key[0] in inside})
    missing = {
        seed: [key for name in ids if (key := (name, agent, seed)) not in final] for seed in seeds
    }
    # Of a seed without any final attempt there is nothing that could be padded.
    begun = {seed for seed in seeds if any((name, agent, seed) in final for name in begun_in)}
    counted = [seed for seed in seeds if not missing[seed] or (pad_missing and seed in begun)]
    estimates: dict[str, Estimate | None] = {}
    for measure in MEASURES:
        relevant = [name for name in ids if facts[name].counts_for(measure)]
        factor = 100.0 if measure.is_percent else 1.0
        estimates[measure.name] = estimate(
            [
                factor * sum(_values(measure, relevant, agent, seed, final)) / len(relevant)
                for seed in counted
                if relevant
            ]
        )
    ranked = [name for name in ids if facts[name].has_leaderboard]
    done = [
        attempt
        for seed in counted
        for name in ids
        if (attempt := final.get((name, agent, seed))) is not None
    ]
    return SplitRow(
        split=split,
        agent=agent,
        competitions=len(ids),
        with_leaderboard=len(ranked),
        seeds=tuple(counted),
        incomplete_seeds=tuple(seed for seed in seeds if seed not in counted),
        missing=tuple(_label(key) for seed in seeds for key in missing[seed]),
        padded=sum(len(missing[seed]) for seed in counted),
        estimates=estimates,
        pass_at={k: _pass_at(k, ranked, agent, counted, final) for k in pass_at},
        hours=_per_seed(done, lambda item: item.seconds, len(counted) * _SECONDS_PER_HOUR),
        cost_usd=_per_seed(done, lambda item: item.cost_usd, len(counted)),
    )


def _pass_at(
    k: int, ids: Sequence[str], agent: str, seeds: Sequence[int], final: Mapping[Key, Attempt]
) -> float | None:
    """Return pass@k for a medal, in percent; None with fewer than k seeds."""
    if not ids or len(seeds) < k:
        return None
    medals = [
        sum((found := final.get((name, agent, seed))) is not None and found.medal is not None
            for seed in seeds)
        for name in ids
    ]  # fmt: skip
    return 100.0 * sum(pass_at_k(len(seeds), count, k) for count in medals) / len(ids)


def _per_seed(
    attempts: Sequence[Attempt], of: Callable[[Attempt], float | None], divisor: float
) -> float | None:
    known = [value for attempt in attempts if (value := of(attempt)) is not None]
    return sum(known) / divisor if known else None


def _competition_row(
    facts: CompetitionFacts,
    agent: str,
    asked: frozenset[Key],
    final: Mapping[Key, Attempt],
    pad_missing: bool,
) -> CompetitionRow:
    name = facts.competition_id
    keys = sorted(key for key in asked if key[:2] == (name, agent))
    done = [final[key] for key in keys if key in final]
    begun = {seed for _, other, seed in final if other == agent}
    seeds = [key[2] for key in keys if key in final or (pad_missing and key[2] in begun)]
    estimates = {
        measure.name: estimate(
            [
                (100.0 if measure.is_percent else 1.0) * value
                for seed in seeds
                for value in _values(measure, [name], agent, seed, final)
            ]
            if facts.counts_for(measure)
            else []
        )
        for measure in MEASURES
    }
    scores = [item.score for item in done if item.valid and item.score is not None]
    is_lower_better = any(item.is_lower_better for item in done)
    metrics = (str((item.record.grading or {}).get("metric", "")) for item in done)
    return CompetitionRow(
        competition_id=name,
        category=facts.category,
        agent=agent,
        metric=next(filter(None, metrics), ""),
        is_lower_better=is_lower_better,
        attempts=len(seeds),
        missing=tuple(_label(key) for key in keys if key not in final),
        padded=len(seeds) - len(done),
        score=estimate(scores),
        best_score=(min if is_lower_better else max)(scores, default=None),
        estimates=estimates,
        hours=estimate([s / _SECONDS_PER_HOUR for item in done if (s := item.seconds) is not None]),
        cost_usd=estimate([cost for item in done if (cost := item.cost_usd) is not None]),
    )
