"""The schema of `competition.yaml`.

docs/competition-yaml.md explains it for people; the classes here are what is checked.
"""

from __future__ import annotations

import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from mlebench_data.catalogue.dataset import DatasetView
from mlebench_data.catalogue.submission import Submission
from mlebench_data.paths import RelativePath
from mlebench_data.raw import RawArchive
from mlebench_data.recipe import Recipe

Md5 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
CompetitionId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]*$")]
VersionName = Annotated[str, StringConstraints(pattern=r"^v[1-9][0-9]*$")]
Language = Annotated[str, StringConstraints(pattern=r"^([a-z]{2,3}|multilingual)$")]
"""ISO 639 code, or that there are many."""
Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]


class Model(BaseModel):
    """Base of all parts: unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Source(Model):
    """Where the raw data comes from."""

    kind: Literal["kaggle", "builtin"]
    url: Text
    kaggle_type: Literal["simple", "code"] | None = None
    opened: datetime.date | None = None
    closed: datetime.date | None = None
    prize_usd: int | None = Field(default=None, ge=0)
    size_bytes: int | None = Field(default=None, ge=0)
    archive_md5: Md5 | None = None
    """md5 of the zip as downloaded."""

    @model_validator(mode="after")
    def _kaggle_needs_type(self) -> Source:
        if self.kind == "kaggle" and self.kaggle_type is None:
            raise ValueError("a source of kind 'kaggle' needs 'kaggle_type'")
        return self


class License(Model):
    """Terms of the data, and whether they allow passing it on."""

    name: Text
    spdx: Text | None = None
    """Identifier for the dataset card's `license` key (for example cc-by-4.0)."""
    url: Text | None = None
    redistribution: Literal["allowed", "forbidden", "unclear"]
    reason: Text


class Leaderboard(Model):
    """The human result list: scores as on Kaggle's final leaderboard.

    The percentile table lies beside, in `leaderboard.csv`.
    """

    teams: int = Field(ge=1)
    gold: float
    silver: float
    bronze: float
    median: float
    gold_rank: int | None = Field(default=None, ge=1)
    silver_rank: int | None = Field(default=None, ge=1)
    bronze_rank: int | None = Field(default=None, ge=1)
    """Rank whose score is the threshold."""
    sample_score: float | None = None
    """Score of `v1`'s sample submission with the benchmark's answers, 0 on the normalised scale."""


class Raw(Model):
    """Which raw files preparation reads."""

    files: list[RelativePath]
    """Files that must be there before preparation starts, paths as in the extracted tree. May be
    empty where the data is nothing but folders of files."""
    archives: list[RawArchive] = []


class Outputs(Model):
    """Every path that preparation leaves, as glob patterns; others are an error."""

    public: list[RelativePath] = Field(min_length=1)
    private: list[RelativePath] = Field(min_length=1)
    optional: list[RelativePath] = []
    """Further patterns, from `public/` or `private/` on, that may match nothing."""


class ScoredRows(Model):
    """Which rows of the answers count: those whose value in a column fits.

    Exactly one of `equals` and `at_least` is given.
    """

    column: str
    equals: bool | int | float | str | None = None
    at_least: float | None = None
    unscored_cells: Literal["check", "ignore"] = "check"
    """`ignore`: what the submission holds in rows that do not count may be anything."""
    chosen_by: Literal["id", "position", "own_id"] = "id"
    """`position`: a row of the submission counts if the answers' row at the same place of its file
    does; the rows that count are then paired in the order of their ids. `own_id`, with
    `align: sorted`: a row of the submission counts if the answers' row of its own id does, even if
    it is paired with another."""

    @model_validator(mode="after")
    def _one_of_both(self) -> ScoredRows:
        if (self.equals is None) == (self.at_least is None):
            raise ValueError("needs exactly one of 'equals' and 'at_least'")
        return self


class Metric(Model):
    """Which metric scores a submission, and how."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
    parameters: dict[str, Any] = {}
    higher_is_better: bool
    references: list[str] | None = None
    """Columns of the answers; by default those of the submission, by name."""
    inputs: dict[str, str | list[str]] = {}
    """Further arguments of the metric, each taken from a column of the answers, or from several as
    a matrix."""
    file_order: str | None = None
    """Argument of the metric that is given the place of each row in the submission file."""
    scored_rows: ScoredRows | None = None
    """Only these rows of the answers are scored; the others must be submitted all the same."""


class KnownIssue(Model):
    """A leak or weakness that a reader of results should know."""

    kind: Literal[
        "leaky", "crowded", "saturated", "external_labels", "unsolvable", "grading", "data"
    ]
    note: Text
    url: Text | None = None


class Version(Model):
    """One version of the data: how it is prepared, submitted and scored."""

    summary: Text
    raw: Raw
    recipe: Recipe
    outputs: Outputs
    answers: RelativePath
    sample_submission: RelativePath
    submission: Submission
    metric: Metric
    dataset: DatasetView
    known_issues: list[KnownIssue] = []

    @model_validator(mode="after")
    def _paths(self) -> Version:
        if not self.answers.startswith("private/"):
            raise ValueError("'answers' must lie below private/")
        columns = self.submission.scored_columns()
        names = self.metric.references
        fewer = names is not None and names == [name for name, _ in columns if name in names]
        if names is not None and len(names) != len(columns) and not (names and fewer):
            raise ValueError(
                f"metric.references names {len(names)} columns, the submission has {len(columns)}"
            )
        return self


class CompetitionFile(Model):
    """The whole of `competition.yaml`."""

    schema_version: Literal[1]
    id: CompetitionId
    name: Text
    summary: Text
    category: Text
    modalities: list[
        Literal["tabular", "text", "image", "audio", "video", "graph", "3d", "timeseries"]
    ] = Field(min_length=1)
    languages: list[Language] = []
    """Languages of its text or speech."""
    task: Literal[
        "classification",
        "multilabel",
        "regression",
        "ranking",
        "segmentation",
        "detection",
        "forecasting",
        "retrieval",
        "sequence-to-sequence",
    ]
    source: Source
    license: License
    awards_medals: bool
    """Whether Kaggle awarded medals. The report's medals follow `leaderboard` wherever it stands,
    as in the published benchmark."""
    leaderboard: Leaderboard | None = None
    versions: dict[VersionName, Version] = Field(min_length=1)

    @model_validator(mode="after")
    def _medals_need_leaderboard(self) -> CompetitionFile:
        if self.awards_medals and self.leaderboard is None:
            raise ValueError("'awards_medals: true' needs a 'leaderboard'")
        return self
