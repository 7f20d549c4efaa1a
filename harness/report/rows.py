"""What a report holds: a row for each split, category and competition of each agent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mlebench_data.harness.report.estimates import Estimate
from mlebench_data.harness.report.medals_over_time import MedalCurve
from mlebench_data.harness.report.reading import Runs


@dataclass(frozen=True)
class SplitRow:
    """What an agent comes to in a split, or in another group of competitions.

    Attributes
    ----------
    split, agent : str
        Which; the split may also be a category.
    competitions, with_leaderboard : int
        Number of competitions in the split, and of those that have medals.
    seeds : tuple of int
        Seeds that count.
    incomplete_seeds : tuple of int
        Seeds that do not, because attempts are missing.
    missing : tuple of str
        Labels of missing attempts in all seeds: without a record, or failed by the machinery.
    padded : int
        How many of them were counted as failures.
    estimates : mapping of str to Estimate or None
        By name of the measure. None: no seed counts, or no competition of the split does.
    pass_at : mapping of int to float or None
        Percent of competitions with a medal in at least one of k attempts.
    hours, cost_usd : float or None
        Time of the agent and cost of language models for one seed, where known.
    """

    split: str
    agent: str
    competitions: int
    with_leaderboard: int
    seeds: tuple[int, ...]
    incomplete_seeds: tuple[int, ...]
    missing: tuple[str, ...]
    padded: int
    estimates: Mapping[str, Estimate | None]
    pass_at: Mapping[int, float | None]
    hours: float | None
    cost_usd: float | None


@dataclass(frozen=True)
class CompetitionRow:
    """What an agent comes to in a competition.

    Attributes
    ----------
    competition_id : str
        The competition.
    category : str or None
        Its category.
    agent : str
        The agent.
    metric : str
        Name of the metric, empty if no attempt was graded.
    is_lower_better : bool
        Direction of the score.
    attempts : int
        How many count.
    missing : tuple of str
        Labels of attempts without a record, or failed by the machinery.
    padded : int
        How many of them were counted as failures.
    score : Estimate or None
        Of the valid submissions.
    best_score : float or None
        The best of them.
    estimates : mapping of str to Estimate or None
        By name of the measure.
    hours, cost_usd : Estimate or None
        Time of the agent and cost of language models for one attempt.
    """

    competition_id: str
    category: str | None
    agent: str
    metric: str
    is_lower_better: bool
    attempts: int
    missing: tuple[str, ...]
    padded: int
    score: Estimate | None
    best_score: float | None
    estimates: Mapping[str, Estimate | None]
    hours: Estimate | None
    cost_usd: Estimate | None


@dataclass(frozen=True)
class Report:
    """What runs come to.

    Attributes
    ----------
    runs : Runs
        What was read.
    splits, categories, competitions : tuple
        The rows.
    medals_over_time : tuple of MedalCurve
        One for each split with medals and agent; empty where there are no snapshots.
    pad_missing : bool
        Whether missing attempts count as failures.
    pass_at : tuple of int
        The k that were asked for.
    notes : tuple of str
        What a reader must know to compare these numbers with others.
    """

    runs: Runs
    splits: tuple[SplitRow, ...]
    categories: tuple[SplitRow, ...]
    medals_over_time: tuple[MedalCurve, ...]
    competitions: tuple[CompetitionRow, ...]
    pad_missing: bool
    pass_at: tuple[int, ...]
    notes: tuple[str, ...]

    @property
    def agents(self) -> tuple[str, ...]:
        """Names of the agents, sorted."""
        return tuple(sorted({agent for _, agent, _ in self.runs.asked}))
