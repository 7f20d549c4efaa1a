"""A competition of four rows with a secret in its answers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mlebench_data.catalogue.catalogue import read_competition
from mlebench_data.prepare import prepare

#: Stands in the answers of the tiny competition and nowhere else. In two parts, so that an agent
#: can look for it without holding it.
SECRET = ("Quetzal", "coatlus")
CONTROL = "in-the-public-data"

COMPETITION = """
schema_version: 1
id: tiny
name: Tiny
summary: Four rows.
category: Tabular
modalities: [tabular]
task: classification
source: {kind: kaggle, url: "https://example.org/tiny", kaggle_type: simple}
license: {name: None, redistribution: allowed, reason: It is made up.}
awards_medals: true
leaderboard: {teams: 100, gold: 0.9, silver: 0.7, bronze: 0.5, median: 0.3}
versions:
  v1:
    summary: The only one.
    raw: {files: [train.csv, test.csv]}
    recipe:
      - {op: read_table, path: train.csv, into: train}
      - {op: read_table, path: test.csv, into: test}
      - {op: write_table, table: train, path: public/train.csv}
      - {op: write_table, table: test, drop: [label], path: public/test.csv}
      - {op: write_table, table: test, path: private/test.csv}
      - op: sample_submission
        table: test
        keep: [id]
        values: {label: plain}
        path: public/sample_submission.csv
    outputs:
      public: [train.csv, test.csv, sample_submission.csv]
      private: [test.csv]
    answers: private/test.csv
    sample_submission: public/sample_submission.csv
    submission:
      id: id
      columns: [{names: [label], type: string, pattern: "[A-Za-z]+"}]
    metric: {name: accuracy, higher_is_better: true}
    dataset: {train: {table: train.csv}, test: {table: test.csv}}
"""

#: What `plain` in every row scores: silver.
PLAIN_SCORE = 0.75
PLAIN = "id,label\n1,plain\n2,plain\n3,plain\n4,plain\n"


@dataclass(frozen=True)
class Tiny:
    """Where the tiny competition lies."""

    catalogue: Path
    data_dir: Path

    @property
    def answers(self) -> Path:
        return self.data_dir / "tiny" / "v1" / "private" / "test.csv"


def prepare_tiny(root: Path) -> Tiny:
    """Write and prepare the competition below a folder."""
    folder = root / "competitions" / "tiny"
    folder.mkdir(parents=True)
    (folder / "competition.yaml").write_text(COMPETITION)
    (folder / "README.md").write_text(f"# Tiny\n\nPredict the label {CONTROL}.\n")
    (folder / "leaderboard.csv").write_text("position,score\n0,0.0\n0.5,0.3\n1,1.0\n")
    raw = root / "data" / "tiny" / "raw"
    raw.mkdir(parents=True)
    (raw / "train.csv").write_text("id,x,label\n10,0.5,plain\n11,0.7,other\n")
    (raw / "test.csv").write_text(
        f"id,x,label\n1,0.5,plain\n2,0.7,{''.join(SECRET)}\n3,0.1,plain\n4,0.2,plain\n"
    )
    prepare(read_competition(folder), data_dir=root / "data")
    return Tiny(folder.parent, root / "data")
