"""The baseline always leaves a valid submission, whatever the data look like."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from agent_run import RunAgent
from tiny_competitions import boolean_table, pictures_in_archives, probability_table, write


def test_unicode_names_missing_values_and_unseen_categories(
    tmp_path: Path, run_agent: RunAgent
) -> None:
    random = np.random.default_rng(0)
    count = 160
    size = random.normal(size=count)
    frame = pd.DataFrame(
        {
            "编号": [f"№{index}" for index in range(count)],
            'größe, "cm"': np.where(random.random(count) < 0.4, np.nan, size),
            "город": random.choice(["Київ", "NA", ""], count),
            "nothing": np.nan,
            "[a] <b>\n": random.choice([1.0, np.inf, np.nan], count),
            "été": np.where(size > 0, "œuf", "NA"),
        }
    )
    train, test = frame[:120].copy(), frame[120:].copy()
    test["город"] = "東京"
    # Labels spelled NA are labels; empty ones are unknown.
    train.loc[:5, "été"] = ""
    answers = test[["编号", "été"]]
    write(tmp_path / "data", train, answers, answers.assign(été="NA"), "accuracy",
          test.drop(columns="été"))  # fmt: skip
    run = run_agent("baseline", tmp_path / "data")
    assert run.status == 0, run.log
    assert run.report["outcome"] == "improved"
    submission = pd.read_csv(run.submission_file, keep_default_na=False)
    assert list(submission.columns) == ["编号", "été"]
    assert submission["编号"].tolist() == answers["编号"].tolist()
    assert set(submission["été"]) == {"œuf", "NA"}
    assert (submission["été"].to_numpy() == answers["été"].to_numpy()).mean() > 0.6


@pytest.mark.parametrize(("target", "expected"), [(1, 1.0), (2.5, 2.5), ("same", "same")])
def test_constant_target(
    target: object, expected: object, tmp_path: Path, run_agent: RunAgent
) -> None:
    train = pd.DataFrame({"id": range(20), "x": range(20), "y": target})
    sample = pd.DataFrame({"id": range(20, 25), "y": "other" if target == "same" else 0.5})
    write(tmp_path / "data", train, sample, sample, "AUC", sample[["id"]].assign(x=3))
    run = run_agent("baseline", tmp_path / "data")
    assert run.status == 0, run.log
    assert run.report["outcome"] == "constant predictions"
    assert run.submission["y"].tolist() == [expected] * 5


def _no_train_table(data: Path) -> None:
    (data / "train.csv").unlink()


def _no_test_rows(data: Path) -> None:
    for name in ("test.csv", "sample_submission.csv"):
        header = (data / name).read_text("utf-8").splitlines()[0]
        (data / name).write_text(header + "\n", encoding="utf-8")


def _train_is_binary(data: Path) -> None:
    (data / "train.csv").write_bytes(bytes(range(256)) * 50)


def _train_is_empty(data: Path) -> None:
    (data / "train.csv").write_bytes(b"")


def _target_is_unknown(data: Path) -> None:
    train = pd.read_csv(data / "train.csv")
    train.rename(columns={"Moved": "first"}).assign(second=1).to_csv(
        data / "train.csv", index=False
    )


def _labels_are_missing(data: Path) -> None:
    pd.read_csv(data / "train.csv").assign(Moved=np.nan).to_csv(data / "train.csv", index=False)


@pytest.mark.parametrize(
    "spoil",
    [_no_train_table, _no_test_rows, _train_is_binary, _train_is_empty, _target_is_unknown,
     _labels_are_missing],
)  # fmt: skip
def test_keeps_the_sample_knowingly(spoil: object, tmp_path: Path, run_agent: RunAgent) -> None:
    competition = boolean_table(tmp_path / "data")
    assert callable(spoil)
    spoil(competition.data)
    run = run_agent("baseline", competition.data)
    assert run.status == 0, run.log
    assert "KEPT the sample submission knowingly" in run.log
    assert run.report["outcome"] == "sample submission kept"
    assert run.report["reason"]
    assert run.submission_file.read_bytes() == competition.sample_file.read_bytes()


def test_unreadable_files_are_passed_over(tmp_path: Path, run_agent: RunAgent) -> None:
    competition = probability_table(tmp_path / "data")
    (competition.data / "extra.zip").write_bytes(b"PK\x03\x04 not an archive")
    (competition.data / "notes.json").write_text("{ broken")
    (competition.data / "empty.csv").write_bytes(b"")
    (competition.data / "picture.png").write_bytes(b"no picture")
    with (competition.data / "train.csv").open("a", encoding="utf-8") as stream:
        stream.write("too,many" + ",cells" * 20 + "\n")
    run = run_agent("baseline", competition.data)
    assert run.status == 0, run.log
    assert run.report["outcome"] == "improved"
    assert len(run.report["warnings"]) == 3


def test_damaged_images_are_passed_over(tmp_path: Path, run_agent: RunAgent) -> None:
    import zipfile

    competition = pictures_in_archives(tmp_path / "data")
    with zipfile.ZipFile(competition.data / "test.zip") as archive:
        pictures = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(competition.data / "test.zip", "w") as archive:
        for number, (name, content) in enumerate(pictures.items()):
            archive.writestr(name, b"damaged" if number == 0 else content)
    run = run_agent("baseline", competition.data)
    assert run.status == 0, run.log
    assert run.report["outcome"] == "improved"
    assert "1 images cannot be read" in run.log
    assert competition.score(competition.answers, run.submission) > 0.9


def test_five_seconds_are_respected(tmp_path: Path, run_agent: RunAgent) -> None:
    random = np.random.default_rng(0)
    values = random.normal(size=(40_000, 25))
    frame = pd.DataFrame(values, columns=[f"x{index}" for index in range(25)])
    frame.insert(0, "id", range(len(frame)))
    frame["y"] = (values[:, 0] * values[:, 1] + values[:, 2] > 0).astype(int)
    train, test = frame[:35_000], frame[35_000:]
    write(tmp_path / "data", train, test, test[["id"]].assign(y=0.5), "AUC",
          test.drop(columns="y"))  # fmt: skip
    run = run_agent("baseline", tmp_path / "data", seconds=5)
    assert run.status == 0, run.log
    assert run.seconds < 8, run.log
    submission = run.submission
    assert submission["id"].tolist() == test["id"].tolist()
    assert submission["y"].between(0, 1).all()


def test_no_sample_submission_fails_clearly(tmp_path: Path, run_agent: RunAgent) -> None:
    competition = boolean_table(tmp_path / "data")
    competition.sample_file.unlink()
    run = run_agent("baseline", competition.data)
    assert run.status == 1
    assert "no sample submission" in run.log


@pytest.mark.parametrize(("variable", "value"), [("SEED", "many"), ("DATA_DIR", "/nowhere/at/all")])
def test_a_broken_contract_fails_clearly(
    variable: str, value: str, tmp_path: Path, run_agent: RunAgent
) -> None:
    competition = boolean_table(tmp_path / "data")
    run = run_agent("baseline", competition.data, **{variable: value})
    assert run.status == 1
    assert "FAILED" in run.log and value in run.log
