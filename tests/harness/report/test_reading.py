"""Merging of run folders, and records that are not as they should be."""

from __future__ import annotations

import copy
import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_up_runs import infra_error, record, write_run

from mlebench_data.errors import DataNotFoundError, MlebenchError
from mlebench_data.harness.report.aggregation import make_report
from mlebench_data.harness.report.comma_separated import to_csv
from mlebench_data.harness.report.html.page import to_html
from mlebench_data.harness.report.json_document import to_json
from mlebench_data.harness.report.markdown import to_markdown
from mlebench_data.harness.report.reading import read_runs

COMPETITION = "spaceship-titanic"


def test_seeds_of_several_runs_are_merged(tmp_path: Path):
    runs = [
        write_run(tmp_path / str(seed), [record(COMPETITION, "a", seed, 0.7)]) for seed in range(3)
    ]
    merged = read_runs(runs)
    assert [attempt.record.seed for attempt in merged.attempts] == [0, 1, 2]
    assert merged.names == ("0", "1", "2")


def test_the_same_attempt_twice(tmp_path: Path):
    one = write_run(tmp_path / "one", [record(COMPETITION, "a", 0, 0.7)])
    shutil.copytree(one, tmp_path / "copy")
    assert len(read_runs([one, one, tmp_path / "copy"]).attempts) == 1
    other = write_run(tmp_path / "other", [record(COMPETITION, "a", 0, 0.71)])
    with pytest.raises(MlebenchError, match=r"one/.* and other/.* hold different attempts of"):
        read_runs([one, other])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"data_manifest_sha256": "1" * 64},
            "the data .data_manifest_sha256., dddddddddddd and 11",
        ),
        (
            {"metric_sha256": "2" * 64},
            "the code of the metric .metric_sha256., eeeeeeeeeeee and 22",
        ),
        ({"version": "v2"}, "the data version, v1 and v2"),
    ],
)
def test_different_data_is_refused(tmp_path: Path, change: dict[str, str], said: str):
    first = record(COMPETITION, "a", 0, 0.7)
    one = write_run(tmp_path / "one", [first])
    other = write_run(tmp_path / "other", [dataclasses.replace(first, agent="b", **change)])
    with pytest.raises(MlebenchError, match=f"cannot be compared: they differ in {said}"):
        read_runs([one, other])


def test_attempts_that_never_had_data_do_not_matter(tmp_path: Path):
    failed = dataclasses.replace(
        infra_error(COMPETITION, "a", 1), data_manifest_sha256=None, metric_sha256=None
    )
    run = write_run(tmp_path, [record(COMPETITION, "a", 0, 0.7), failed])
    assert len(read_runs([run]).attempts) == 2


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is no record of an attempt"),
        ("[]", "is no record of an attempt"),
        ('{"format": 2}', "needs a newer mlebench"),
        ("[" * 100_000, "recursion"),
    ],
)
def test_broken_records_are_named_and_the_others_read(tmp_path: Path, content: str, said: str):
    run = write_run(tmp_path, [record(COMPETITION, "a", seed, 0.7) for seed in range(2)])
    path = run / COMPETITION / "a-seed1" / "result.json"
    path.write_text(content)
    runs = read_runs([run])
    (problem,) = runs.problems
    assert said in problem
    assert len(runs.attempts) == 1
    assert (COMPETITION, "a", 1) in runs.asked
    shutil.rmtree(run / COMPETITION / "a-seed0")
    with pytest.raises(DataNotFoundError, match=r"There are no results in .* that can be read"):
        read_runs([run])


def test_empty_run(tmp_path: Path):
    with pytest.raises(DataNotFoundError, match="There are no results in"):
        read_runs([tmp_path])


def test_broken_run_record_is_named(tmp_path: Path):
    run = write_run(tmp_path, [record(COMPETITION, "a", 0, 0.7)])
    (run / "run.json").write_text("{}")
    assert "does not say what was asked for" in read_runs([run]).problems[0]


def test_records_of_older_versions_are_read(tmp_path: Path):
    run = write_run(tmp_path, [record(COMPETITION, "a", 0, 0.7)])
    path = run / COMPETITION / "a-seed0" / "result.json"
    content = json.loads(path.read_text())
    for name in ("data", "submission_sha256", "tries", "node", "gpus", "usage", "snapshots",
                 "test_feedback", "profile", "provenance"):  # fmt: skip
        del content[name]
    path.write_text(json.dumps(content))
    runs = read_runs([run])
    assert runs.problems == ()
    assert "Results" in to_html(make_report(runs))


HOSTILE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.just(10**400),
    st.floats(),
    st.text(st.characters(), max_size=20),
    st.sampled_from(["NaN", "-Infinity", "</script><b>", "=1+1", "\x1b[2J", "a|b", "\ud800"]),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=2),
)
FIELDS = [field.name for field in dataclasses.fields(record(COMPETITION, "a", 0))]
NESTED = {
    "grading": [
        "score",
        "percentile",
        "gold_medal",
        "median_threshold",
        "is_lower_better",
        "metric",
    ],
    "usage": ["cost_usd", "prompt_tokens"],
    "settings": ["limits", "network", "image"],
    "environment": ["versions", "runtime"],
    "profile": ["name", "deviations"],
    "provenance": ["package_version", "git_commit"],
    "data": ["source", "commit"],
}
PLACES = [(name,) for name in FIELDS] + [
    (name, inner) for name, inners in NESTED.items() for inner in inners
]


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(st.sampled_from(PLACES), HOSTILE), min_size=1, max_size=4))
def test_any_content_is_reported_or_named(tmp_path: Path, changes: list[tuple[Any, Any]]):
    """Whatever stands in a record, there is a report of every form, or the record is named."""
    run = tmp_path / "run"
    shutil.rmtree(run, ignore_errors=True)
    usage = {"requests": 1, "prompt_tokens": 1, "completion_tokens": 1, "cost_usd": 0.5}
    good = record(COMPETITION, "a", 0, 0.7, usage=usage)
    write_run(run, [good])
    content = copy.deepcopy({"format": 1, **dataclasses.asdict(good), "seed": 1, "tries": 2})
    for place, value in changes:
        target = content
        for name in place[:-1]:
            target = target[name]
            if not isinstance(target, dict):
                break
        else:
            target[place[-1]] = value
    folder = run / COMPETITION / "a-seed1"
    folder.mkdir()
    (folder / "result.json").write_text(json.dumps(content))
    try:
        report = make_report(read_runs([run]))
    except MlebenchError as error:
        assert "cannot be compared" in str(error) or "hold different attempts" in str(error)
        return
    assert len(report.runs.attempts) + len(report.runs.problems) == 2
    json.loads(to_json(report).encode())
    for text in (to_html(report), to_markdown(report), to_csv(report, "attempts")):
        text.encode()
        assert not set(text) & set("\x1b\x00\x07\u202e")
