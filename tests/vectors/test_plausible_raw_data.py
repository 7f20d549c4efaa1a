"""Raw data that no vector has but that may well be met: it is prepared, or refused in words."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mlebench_data.catalogue import load_competition
from mlebench_data.errors import PrepareError
from mlebench_data.prepare import prepare

HIDDEN_LABELS = "essential_data/rec_labels_test_hidden.txt"


@dataclass(frozen=True)
class Case:
    """How raw data differs from that of a vector, and how that shows in what is made of it."""

    competition_id: str
    change: Callable[[Path], None]
    check: Callable[[Path, Path], None]


def _edit(path: Path, edit: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    edit(pd.read_csv(path, dtype="str", keep_default_na=False)).to_csv(path, index=False)


def _list_twice(raw: Path) -> None:
    _edit(raw / "train.csv", lambda table: pd.concat([table, table]))


def _each_is_there_twice(raw: Path, folder: Path) -> None:
    train, answers = pd.read_csv(folder / "public/train.csv"), _answers(folder)
    name = "image" if "image" in train else "id"
    listed = pd.concat([train[name], answers.rename(columns=str.lower)[name]])
    assert set(listed.value_counts()) == {2}


def _answers(folder: Path) -> pd.DataFrame:
    version = load_competition(folder.parent.name).version(folder.name)
    return pd.read_csv(folder / version.answers)


def _put_in_subfolders(raw: Path) -> None:
    for study in (raw / "train_images").iterdir():
        (study / "more").mkdir()
        (study / "more" / "1.dcm").write_bytes(b"more")


def _subfolders_are_there(raw: Path, folder: Path) -> None:
    found = list((folder / "public").glob("*_images/*/more/1.dcm"))
    assert len(found) == len(list((raw / "train_images").iterdir())) > 0


def _leave_readers_out(raw: Path) -> None:
    _edit(raw / "train.csv", lambda table: table.assign(rad_id=""))


def _readers_are_zero(raw: Path, folder: Path) -> None:
    assert set(_answers(folder)["rad_id"]) == {0}


def _add_blanks(raw: Path) -> None:
    source = raw / "mlsp_contest_dataset.zip"
    with zipfile.ZipFile(source) as old:
        contents = {name: old.read(name) for name in old.namelist()}
    name = f"mlsp_contest_dataset/{HIDDEN_LABELS}"
    contents[name] = b"".join(line + b" \r\n" for line in contents[name].splitlines())
    with zipfile.ZipFile(source, "w") as new:
        for member, content in contents.items():
            new.writestr(member, content)


def _blanks_are_there(raw: Path, folder: Path) -> None:
    lines = (folder / "public" / HIDDEN_LABELS).read_text().splitlines()[1:]
    shown = [line for line in lines if not line.endswith("?")]
    assert shown and all(line.endswith(" ") for line in shown if "," in line)


def _leave_litter(raw: Path) -> None:
    (raw / "train" / ".DS_Store").write_bytes(b"litter")


def _no_litter(raw: Path, folder: Path) -> None:
    assert (folder / "public/train").is_dir()
    assert not list(folder.rglob(".DS_Store"))


def _forget_an_ancestor(raw: Path) -> None:
    def forget(table: pd.DataFrame) -> pd.DataFrame:
        table.loc[0, "ancestor_id"] = ""
        return table

    _edit(raw / "train_ancestors.csv", forget)


def _notebook_is_there(raw: Path, folder: Path) -> None:
    name = pd.read_csv(raw / "train_ancestors.csv")["id"][0]
    assert len(list((folder / "public").glob(f"*/{name}.json"))) == 1


CASES = {
    "pictures listed twice, copied": Case("hotel-id-2021-fgvc8", _list_twice, _each_is_there_twice),
    "pictures listed twice, packed": Case("iwildcam-2019-fgvc6", _list_twice, _each_is_there_twice),
    "folders in studies": Case(
        "rsna-2022-cervical-spine-fracture-detection", _put_in_subfolders, _subfolders_are_there
    ),
    "readers missing": Case(
        "vinbigdata-chest-xray-abnormalities-detection", _leave_readers_out, _readers_are_zero
    ),
    "blanks at line ends": Case("mlsp-2013-birds", _add_blanks, _blanks_are_there),
    "litter among batches": Case("icecube-neutrinos-in-deep-ice", _leave_litter, _no_litter),
    "ancestor missing": Case("AI4Code", _forget_an_ancestor, _notebook_is_there),
}


def _prepared(case: Any, competition_id: str, raw: Path, data_dir: Path) -> Path:
    competition = load_competition(competition_id)
    for expected in case.preparations():
        if expected.get("overrides"):
            # A test size that a tiny set can have.
            competition = case.changed(competition, expected)
    return prepare(competition, data_dir=data_dir, raw=raw, skip_lock=True).folder


@pytest.mark.parametrize("name", CASES)
def test_prepared_all_the_same(name: str, vector: Callable[[str], Any], tmp_path: Path) -> None:
    case = CASES[name]
    unpacked = vector(case.competition_id)
    raw = tmp_path / "raw"
    shutil.copytree(unpacked.raw, raw)
    case.change(raw)
    case.check(raw, _prepared(unpacked, case.competition_id, raw, tmp_path / "data"))


def test_refused_in_words(vector: Callable[[str], Any], tmp_path: Path) -> None:
    name = "whale-categorization-playground"
    unpacked = vector(name)
    raw = tmp_path / "raw"
    shutil.copytree(unpacked.raw, raw)
    _edit(raw / "train.csv", lambda table: table.assign(Id=""))
    with pytest.raises(PrepareError, match=r"train\.csv has no Id for"):
        _prepared(unpacked, name, raw, tmp_path / "data")
    assert not list((tmp_path / "data").rglob("*.csv"))
