"""Every competition folder of the catalogue keeps what its parts promise each other."""

from __future__ import annotations

import csv
import functools
import io
import re
from pathlib import Path

import pytest

from mlebench_data.catalogue import (
    Competition,
    competition_ids,
    load_catalogue,
    load_competition,
    load_split,
    split_names,
)
from mlebench_data.metrics import registry
from mlebench_data.modules import load_module
from mlebench_data.prepare.build import build_raw, prepare
from mlebench_data.prepare.locks import read_lock

IDS = competition_ids()
CSV_EXAMPLE = re.compile(r"^```csv\n(.*?)^```$", re.MULTILINE | re.DOTALL)

load = functools.cache(load_competition)


def _is_builtin(competition_id: str) -> bool:
    return load(competition_id).facts.source.kind == "builtin"


def _table(competition: Competition) -> list[tuple[float, float]]:
    with (competition.folder / "leaderboard.csv").open(newline="") as stream:
        rows = list(csv.reader(stream))
    assert rows[0] == ["position", "score"]
    return [(float(position), float(score)) for position, score in rows[1:]]


def _files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


every_competition = pytest.mark.parametrize("competition_id", IDS)
every_version = pytest.mark.parametrize(
    ("competition_id", "version"),
    [(name, version) for name in IDS for version in load(name).versions],
)
with_leaderboard = pytest.mark.parametrize(
    "competition_id", [name for name in IDS if load(name).facts.leaderboard is not None]
)
builtin = pytest.mark.parametrize("competition_id", [name for name in IDS if _is_builtin(name)])


def test_whole_catalogue_reads() -> None:
    assert [competition.id for competition in load_catalogue()] == IDS != []


@every_competition
def test_description_begins_with_the_name(competition_id: str) -> None:
    competition = load(competition_id)
    assert competition.description().startswith(f"# {competition.facts.name}\n")


@every_version
def test_description_names_files_and_columns(competition_id: str, version: str) -> None:
    competition = load(competition_id)
    block = competition.version(version)
    text = competition.description()
    files = {pattern.partition("/")[0] for pattern in block.outputs.public}
    unnamed = [name for name in files if not re.search(rf"`{re.escape(name)}[`/]", text)]
    columns = [block.submission.id, *block.submission.column_names()]
    assert unnamed == []
    assert [name for name in columns if f"`{name}`" not in text] == []


@every_version
def test_description_shows_a_valid_submission(competition_id: str, version: str) -> None:
    competition = load(competition_id)
    submission = competition.version(version).submission
    examples = CSV_EXAMPLE.findall(competition.description())
    assert len(examples) == 1
    header, *rows = csv.reader(io.StringIO(examples[0]))
    assert header == [submission.id, *submission.column_names()]
    # Two rows show more than one, where there are two.
    lock = read_lock(competition_id, version) or {}
    sample = lock.get("files", {}).get(competition.version(version).sample_submission, {})
    assert len(rows) >= min(2, sample.get("rows", 2))
    assert len({row[0] for row in rows}) == len(rows)
    for row in rows:
        cells = dict(zip(header, row, strict=True))
        for group in submission.columns:
            for cell in (cells[name] for name in group.names):
                if group.type == "boolean":
                    assert cell in ("True", "False")
                elif group.type == "string":
                    assert cell
                else:
                    number = int(cell) if group.type == "integer" else float(cell)
                    assert group.minimum is None or number >= group.minimum
                    assert group.maximum is None or number <= group.maximum
                    assert group.values is None or number in group.values
        if submission.row_sum is not None:
            total = sum(float(cells[name]) for name in submission.column_names())
            assert total == pytest.approx(submission.row_sum.to, abs=submission.row_sum.tolerance)


@every_version
def test_description_keeps_known_issues_to_itself(competition_id: str, version: str) -> None:
    competition = load(competition_id)
    text = " ".join(competition.description().split())
    for issue in competition.version(version).known_issues:
        assert " ".join(issue.note.split()) not in text
        assert issue.url is None or issue.url not in text


@every_competition
def test_description_speaks_of_the_task_alone(competition_id: str) -> None:
    text = load(competition_id).description().lower()
    assert [word for word in ("mle-bench", "harness", "medal", "leaderboard") if word in text] == []


@every_version
def test_metric_is_known_and_has_the_same_direction(competition_id: str, version: str) -> None:
    metric = load(competition_id).version(version).metric
    assert metric.name in registry.metric_names()
    assert registry.metric_info(metric.name).higher_is_better == metric.higher_is_better


@every_competition
def test_leaderboard_comes_with_its_table(competition_id: str) -> None:
    competition = load(competition_id)
    has_table = (competition.folder / "leaderboard.csv").is_file()
    assert has_table == (competition.facts.leaderboard is not None)


@with_leaderboard
def test_sample_submission_is_worse_than_gold(competition_id: str) -> None:
    competition = load(competition_id)
    leaderboard = competition.facts.leaderboard
    assert leaderboard is not None
    if leaderboard.sample_score is None:
        # A correlation with a constant is not defined.
        assert competition.version().metric.name == "pearson"
        return
    sign = 1 if competition.version().metric.higher_is_better else -1
    assert sign * leaderboard.sample_score < sign * leaderboard.gold


@with_leaderboard
def test_leaderboard_fits_the_direction_and_its_table(competition_id: str) -> None:
    competition = load(competition_id)
    leaderboard = competition.facts.leaderboard
    assert leaderboard is not None
    sign = 1 if competition.version().metric.higher_is_better else -1
    table = _table(competition)
    positions = [position for position, _ in table]
    scores = [sign * score for _, score in table]
    gold, silver, bronze, median = (
        sign * score
        for score in (leaderboard.gold, leaderboard.silver, leaderboard.bronze, leaderboard.median)
    )

    assert positions[0] == 0
    assert positions[-1] == 1
    assert positions == sorted(set(positions))
    assert scores == sorted(scores)
    assert scores[-1] >= gold >= silver >= bronze >= median >= scores[0]
    assert gold > median
    below = max(score for position, score in zip(positions, scores, strict=True) if position < 0.5)
    above = min(score for position, score in zip(positions, scores, strict=True) if position > 0.5)
    assert below <= median <= above
    # Whatever the size of a competition, gold lies among the best tenth and bronze the best half.
    # (Tables of small competitions have few positions: the next lower one is what can be known.)
    assert gold >= max(s for p, s in zip(positions, scores, strict=True) if p <= 0.9)
    assert bronze >= max(s for p, s in zip(positions, scores, strict=True) if p <= 0.5)


@with_leaderboard
def test_table_does_not_tell_the_whole_leaderboard(competition_id: str) -> None:
    competition = load(competition_id)
    leaderboard = competition.facts.leaderboard
    assert leaderboard is not None
    assert len(_table(competition)) <= min(130, leaderboard.teams / 3)


@every_competition
def test_builder_is_there_where_it_is_needed(competition_id: str) -> None:
    assert (load(competition_id).folder / "raw.py").is_file() == _is_builtin(competition_id)


@builtin
def test_builder_writes_the_same_bytes_at_every_run(competition_id: str, tmp_path: Path) -> None:
    competition = load(competition_id)
    first = _files(build_raw(competition, tmp_path / "first"))
    second = _files(build_raw(competition, tmp_path / "second"))
    assert first == second
    assert set(competition.version().raw.files) <= set(first)


@builtin
def test_builtin_data_is_what_the_description_counts(competition_id: str, tmp_path: Path) -> None:
    competition = load(competition_id)
    manifest = prepare(competition, data_dir=tmp_path, skip_lock=True).manifest
    rows = {
        entry.path.removeprefix("public/"): entry.rows
        for entry in manifest.files
        if entry.path.startswith("public/") and entry.rows is not None
    }
    text = competition.description()
    assert rows
    for name, count in rows.items():
        assert re.search(rf"^\| `{re.escape(name)}` \| {count}\b", text, re.MULTILINE), name


def test_digit_pictures_hold_the_counts_of_the_source(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    numpy = pytest.importorskip("numpy")
    from sklearn.datasets import load_digits

    load_module(load("optical-digits").folder / "raw.py").build_raw(tmp_path)
    source = load_digits()
    labels = (tmp_path / "labels.csv").read_text().split()
    assert labels == ["id,label", *(f"{i},{label}" for i, label in enumerate(source.target, 1))]
    for number, counts in enumerate(source.images, start=1):
        with image.open(tmp_path / "images" / f"{number}.png") as picture:
            assert picture.mode == "L"
            assert (numpy.asarray(picture) == numpy.floor(counts * 255 / 16 + 0.5)).all()


def test_png_encoder_refuses_what_one_block_cannot_hold() -> None:
    numpy = pytest.importorskip("numpy")
    encode = load_module(load("optical-digits").folder / "raw.py").encode_png
    with pytest.raises(ValueError, match="300 x 300"):
        encode(numpy.zeros((300, 300), dtype="uint8"))


@pytest.mark.parametrize("name", split_names())
def test_split_lists_competitions_of_the_catalogue_once(name: str) -> None:
    ids = load_split(name)
    assert ids
    assert len(set(ids)) == len(ids)
    assert set(ids) <= set(IDS)


def test_open_split_is_what_may_be_passed_on() -> None:
    passed_on = [name for name in IDS if load(name).facts.license.redistribution == "allowed"]
    assert sorted(load_split("open")) == passed_on
