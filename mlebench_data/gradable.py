"""A competition with what is built on the catalogue: its metric and its grading."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mlebench_data.catalogue import Competition, load_competition

if TYPE_CHECKING:
    import evaluate
    import pandas as pd

    from mlebench_data.grading import GradeReport


class GradableCompetition(Competition):
    """A competition that hands out its metric and grades submissions."""

    def metric(self, version: str | None = None) -> evaluate.Metric:
        """Return the metric that scores this competition, with the competition's parameters.

        It takes true and predicted values, not files: `grade` also reads, checks and aligns.
        Further arguments that the metric takes from the answers (`metric.inputs` in
        `competition.yaml`) are passed to `compute` as well.

        Parameters
        ----------
        version : str, optional
            Data version, the oldest by default.

        Returns
        -------
        evaluate.Metric
            ``compute(predictions=..., references=...)`` scores; parameters given there win over
            the competition's.

        Raises
        ------
        UnknownNameError
            If the competition has no such version.
        """
        from mlebench_data.metrics.registry import load_metric

        metric = self.version(version).metric
        return load_metric(metric.name, metric.parameters)

    def grade(
        self,
        submission: Path | str | pd.DataFrame,
        *,
        answers: Path | str | bytes | pd.DataFrame | None = None,
        data_dir: Path | str | None = None,
        version: str | None = None,
    ) -> GradeReport:
        """Grade a submission, as `mlebench_data.grade` does.

        Parameters
        ----------
        submission : path or pandas.DataFrame
            A CSV file, or the table itself.
        answers : path, bytes or pandas.DataFrame, optional
            The answers: file, its content, or table. By default those prepared in `data_dir`.
        data_dir : path, optional
            Data folder.
        version : str, optional
            Data version, the oldest by default.

        Returns
        -------
        GradeReport
            Verdict, score, medals.

        Raises
        ------
        UnknownNameError
            If the competition has no such version.
        DataNotFoundError
            If there are no answers.
        """
        from mlebench_data.grading import grade

        return grade(self, submission, answers=answers, data_dir=data_dir, version=version)


def get(competition_id: str, folder: Path | None = None) -> GradableCompetition:
    """Return a competition by its id.

    Parameters
    ----------
    competition_id : str
        Such as ``"spooky-author-identification"``.
    folder : pathlib.Path, optional
        Folder of competition folders; that of the package by default.

    Returns
    -------
    GradableCompetition
        Its facts, its metric (`metric()`) and its grading (`grade(...)`).

    Raises
    ------
    UnknownNameError
        If there is no such competition.
    CatalogueError
        If its `competition.yaml` breaks the schema.
    """
    found = load_competition(competition_id, folder)
    return GradableCompetition(found.folder, found.facts)
