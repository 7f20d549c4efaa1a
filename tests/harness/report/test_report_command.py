"""`mlebench report`: forms, files, and what it refuses."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from pathlib import Path

import pytest
from made_up_runs import infra_error, medal_score, record, sample_run, write_run

from mlebench_data.harness.cli import main
from mlebench_data.harness.report.flat_rows import TABLES
from mlebench_data.harness.report.measures import MEASURES

COMPETITION = "spaceship-titanic"
DOCUMENTATION = Path(__file__).parents[3] / "docs" / "reports.md"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sample_run(tmp_path_factory.mktemp("command") / "sample")


@pytest.fixture
def report(capsys: pytest.CaptureFixture[str]):
    def call(*arguments: object) -> tuple[int, str, str]:
        code = main(["report", *map(str, arguments)])
        out, err = capsys.readouterr()
        return code, out, err

    return call


def test_terminal(run: Path, report):
    code, out, err = report(run, "--pass-at", 1, "--pass-at", 3)
    assert (code, err) == (0, "")
    assert "132 attempts" in out
    assert "low (22): percent of its competitions, mean ± standard error over seeds" in out
    assert re.search(r"^ seeds +3 +3 *$", out, re.MULTILINE)
    assert re.search(r"^ any medal +[\d.]+ ± [\d.]+ +[\d.]+ ± [\d.]+ *$", out, re.MULTILINE)
    assert "pass@3" in out


def test_markdown(run: Path, report):
    code, out, _ = report(run, "--format", "markdown")
    assert code == 0
    lines = out.splitlines()
    tables = [line for line in lines if line.startswith("|")]
    assert {line.count("|") for line in tables if "22" in line[:20]} == {15}
    assert any(line.startswith("| low (22) | tree-search | 3 | ") for line in tables)
    assert "### Attempts without a score" in lines
    (line,) = [line for line in tables if line.startswith("| Split | Agent | 3.0 h | 6.0 h |")]
    assert line.endswith(" | 24.0 h | With snapshots |"), "round times, the last one too"
    assert any(line.startswith("| Tabular (4) | one-shot | 3 | ") for line in tables)
    assert "- Hardware: Made-up processor, 36 CPUs, 472.4 GB, Linux 6.1" in lines


@pytest.mark.parametrize(
    ("table", "rows", "first"),
    [
        ("splits", 2, "split"),
        ("categories", 14, "category"),
        ("competitions", 44, "competition_id"),
        ("attempts", 132, "folder"),
    ],
)
def test_csv(run: Path, report, table: str, rows: int, first: str):
    code, out, _ = report(run, "--format", "csv", "--table", table)
    assert code == 0
    content = list(csv.DictReader(io.StringIO(out)))
    assert len(content) == rows
    assert next(iter(content[0])) == first
    if table != "attempts":
        for measure in MEASURES:
            float(content[0][f"{measure.name}_mean"])
            float(content[0][f"{measure.name}_standard_error"])


def test_json(run: Path, report):
    code, out, _ = report(run, "--json", "--pass-at", 2)
    assert code == 0
    content = json.loads(out)
    assert content["format"] == 1
    assert content["agents"] == ["one-shot", "tree-search"]
    assert content["splits"][1]["seeds"] == 3
    assert 0 < content["splits"][1]["any_medal_mean"] < content["splits"][1]["pass_at_2"]
    attempt = content["attempts"][0]
    assert attempt["folder"] == "sample/aerial-cactus-identification/one-shot-seed0"
    assert attempt["record"]["competition_id"] == attempt["competition_id"]


@pytest.mark.parametrize("table", TABLES)
def test_every_field_is_documented(run: Path, report, table: str):
    _, out, _ = report(run, "--json")
    text = DOCUMENTATION.read_text(encoding="utf-8")
    names = {re.sub("_(mean|standard_error)$", "", name) for name in json.loads(out)[table][0]}
    assert {name for name in names if f"`{name}" not in text} == set()
    assert {name for name in json.loads(out) if f"`{name}" not in text} == set()


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("r.html", "<!DOCTYPE html>"),
        ("r.md", "## Results"),
        ("r.json", "{"),
        ("r.csv", "split,agent,"),
    ],
)
def test_the_ending_of_the_file_names_the_form(run: Path, report, tmp_path: Path, name, begins):
    path = tmp_path / name
    code, out, err = report(run, "--out", path)
    assert (code, out, err) == (0, "", f"report in {path}\n")
    assert path.read_text(encoding="utf-8").startswith(begins)


def test_a_table_in_a_file(run: Path, report, tmp_path: Path):
    assert report(run, "--out", tmp_path / "report.txt")[0] == 0
    assert "low (22)" in (tmp_path / "report.txt").read_text(encoding="utf-8")


def test_the_folder_of_a_run_needs_no_name(run: Path, report, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(run)
    assert report("--format", "csv") == report(run, "--format", "csv")
    assert report("--json")[1] == report(run, "--json")[1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--table", "splits"], "--table goes with --format csv"),
        (["--json", "--format", "csv"], "--json and --format name different formats"),
        (["--pass-at", "0"], "no whole number of at least 1"),
        (["--format", "pdf"], "invalid choice"),
    ],
)
def test_wrong_command_lines(run: Path, arguments: list[str], said: str, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["report", str(run), *arguments])
    assert caught.value.code == 2
    assert said in capsys.readouterr().err


def test_what_is_refused(run: Path, report, tmp_path: Path):
    code, out, err = report(tmp_path)
    assert (code, out) == (1, "")
    assert err == f"mlebench: There are no results in {tmp_path}: no */*/result.json.\n"
    code, _, err = report(run, "--split", "lo")
    assert code == 1
    assert "There is no split 'lo'. Did you mean 'low'?" in err
    bare = write_run(tmp_path / "bare", [record(COMPETITION, "a", 0, 0.5)])
    code, _, err = report(bare, "--format", "csv", "--table", "medals_over_time")
    assert code == 1
    assert "--table medals_over_time: there is nothing in it. It takes snapshots" in err
    code, _, err = report(run, "--out", tmp_path)
    assert code == 1
    assert f"--out: {tmp_path} cannot be written" in err


def test_a_broken_record_is_named_and_the_rest_reported(run: Path, report, tmp_path: Path):
    copy = shutil.copytree(run, tmp_path / "copy")
    path = copy / "leaf-classification" / "one-shot-seed2" / "result.json"
    path.write_text("{")
    code, out, err = report(copy)
    assert code == 1
    assert err.startswith(f"mlebench: {path} is no record of an attempt")
    assert "131 attempts" in out
    assert re.search(r"^ seeds +2 of 3 +3 *$", out, re.MULTILINE)
    assert "low, one-shot: leaf-classification/one-shot-seed2 missing, so 1 incomplete seed" in out
    code, out, _ = report(copy, "--pad-missing")
    assert re.search(r"^ seeds +3 +3 *$", out, re.MULTILINE)
    assert "leaf-classification/one-shot-seed2 missing, counted as failures" in out


def test_two_runs_of_one_agent_each(report, tmp_path: Path):
    gold = medal_score(COMPETITION, "gold")
    one = write_run(tmp_path / "one", [record(COMPETITION, "a", 0, gold)])
    two = write_run(tmp_path / "two", [record(COMPETITION, "b", 0, 0.5)])
    _, out, _ = report(one, two, "--json")
    assert json.loads(out)["runs"] == ["one", "two"]
    rows = json.loads(out)["splits"]
    assert [(row["agent"], row["any_medal_mean"]) for row in rows] == [("a", 100.0), ("b", 0.0)]


def test_spreadsheets_take_no_formula(report, tmp_path: Path):
    item = record(COMPETITION, "a", 0, outcome="agent_error", reason='=HYPERLINK("x")')
    write_run(tmp_path, [item, infra_error(COMPETITION, "a", 1)])
    _, out, _ = report(tmp_path, "--format", "csv", "--table", "attempts")
    assert next(csv.DictReader(io.StringIO(out)))["reason"] == '\'=HYPERLINK("x")'
