"""Measure preparation against plain tools and pandas, on data of full size made here.

    python benchmarks/preparation.py FOLDER [CASE...]

Makes raw data in FOLDER (a few GB; kept for the next call) and prints, for each case, the seconds
of both sides in one run and their ratio. Cases:

files    50,000 images of 4 kB: against `cp -al` with links, against `cp -r` without
zip      a zip of 50,000 images of 2 kB, made into two zips: against `unzip`
table    4,000,000 rows of 56 whole numbers: against pandas read_csv, split, to_csv; same bytes
jobs     twenty competitions, eleven of them tables of 30 MB: --jobs 2 against --jobs 1
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from mlebench_data.catalogue import load_competition
from mlebench_data.prepare import prepare

FILES = "aptos2019-blindness-detection"
ZIP = "aerial-cactus-identification"
TABLE = "tabular-playground-series-dec-2021"
VECTORS = Path(__file__).parent.parent / "tests" / "vectors"
# Competitions whose raw data is one table that is split by rows.
TABLES = (
    "chaii-hindi-and-tamil-question-answering",
    "google-quest-challenge",
    "learning-agency-lab-automated-essay-scoring-2",
    "lmsys-chatbot-arena",
    "playground-series-s3e18",
    "spaceship-titanic",
    "tabular-playground-series-dec-2021",
    "tabular-playground-series-may-2022",
    "tweet-sentiment-extraction",
    "us-patent-phrase-to-phrase-matching",
    "ventilator-pressure-prediction",
)
# Competitions with files besides, prepared from the test vectors as they are.
TREES = (
    "aerial-cactus-identification",
    "aptos2019-blindness-detection",
    "cassava-leaf-disease-classification",
    "dog-breed-identification",
    "hotel-id-2021-fgvc8",
    "leaf-classification",
    "paddy-disease-classification",
    "plant-pathology-2020-fgvc7",
    "whale-categorization-playground",
)


def timed(what: Callable[[], object]) -> float:
    """Return the seconds that a call takes."""
    started = time.perf_counter()
    what()
    return time.perf_counter() - started


def run(*command: str) -> None:
    """Run a plain tool."""
    subprocess.run(command, check=True, capture_output=True)


def clear(*folders: Path) -> None:
    """Remove what a case has made, and let the disk come to rest."""
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
    subprocess.run(["sync"], check=True)


def show(case: str, ours: float, name: str, theirs: float) -> None:
    """Print one comparison."""
    print(f"{case:<24} {ours:7.2f} s   {name} {theirs:7.2f} s   ratio {ours / theirs:5.2f}")


def names(count: int, width: int, ending: str) -> list[str]:
    """Return random file names, the same at every call."""
    generator = np.random.default_rng(0)
    return [generator.bytes(width // 2).hex() + ending for _ in range(count)]


def make_files(folder: Path) -> None:
    """Make 50,000 labelled images of random bytes: nobody decodes them."""
    (folder / "train_images").mkdir(parents=True)
    generator = np.random.default_rng(1)
    ids = names(50_000, 12, "")
    for name in ids:
        (folder / "train_images" / f"{name}.png").write_bytes(generator.bytes(4096))
    labels = generator.integers(0, 5, len(ids))
    pd.DataFrame({"id_code": ids, "diagnosis": labels}).to_csv(folder / "train.csv", index=False)


def make_zip(folder: Path) -> None:
    """Make a zip of 50,000 labelled images."""
    folder.mkdir(parents=True)
    generator = np.random.default_rng(1)
    ids = names(50_000, 32, ".jpg")
    with zipfile.ZipFile(folder / "train.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ids:
            archive.writestr(f"train/{name}", generator.bytes(2048))
    labels = generator.integers(0, 2, len(ids))
    pd.DataFrame({"id": ids, "has_cactus": labels}).to_csv(folder / "train.csv", index=False)


def make_table(folder: Path, rows: int = 4_000_000) -> None:
    """Make a table with ids, 10 columns of integers, 44 of 0/1, and a class."""
    import pyarrow as pa
    from pyarrow import csv

    folder.mkdir(parents=True)
    generator = np.random.default_rng(1)
    columns: dict[str, np.ndarray] = {"Id": np.arange(rows)}
    for number in range(10):
        columns[f"Number{number}"] = generator.integers(-300, 7000, rows, dtype=np.int16)
    for number in range(44):
        columns[f"Flag{number}"] = (generator.random(rows, dtype=np.float32) < 0.06).astype("i1")
    columns["Cover_Type"] = generator.integers(1, 8, rows).astype("i1")
    csv.write_csv(pa.table(columns), folder / "train.csv", csv.WriteOptions(quoting_header="none"))


def case_files(folder: Path) -> None:
    """Place many small files."""
    raw, data, copy = folder / "files", folder / "files-data", folder / "files-copy"
    if not raw.exists():
        make_files(raw)
    competition = load_competition(FILES)
    for link, option, name in ((True, "-al", "cp -al"), (False, "-r", "cp -r ")):
        clear(data, copy)
        theirs = timed(lambda option=option: run("cp", option, str(raw), str(copy)))
        clear(data, copy)
        ours = timed(
            lambda link=link: prepare(
                competition, data_dir=data, raw=raw, skip_lock=True, link=link
            )
        )
        show("files, linked" if link else "files, copied", ours, name, theirs)
    clear(data, copy)


def case_zip(folder: Path) -> None:
    """Read a zip and write two."""
    raw, data, copy = folder / "zip", folder / "zip-data", folder / "zip-copy"
    if not raw.exists():
        make_zip(raw)
    clear(data, copy)
    theirs = timed(lambda: run("unzip", "-q", str(raw / "train.zip"), "-d", str(copy)))
    clear(data, copy)
    competition = load_competition(ZIP)
    ours = timed(lambda: prepare(competition, data_dir=data, raw=raw, skip_lock=True))
    show("zip", ours, "unzip ", theirs)
    clear(data, copy)


def published_way(raw: Path, out: Path) -> None:
    """Prepare the table with pandas alone."""
    from sklearn.model_selection import train_test_split

    out.mkdir()
    table = pd.read_csv(raw / "train.csv", float_precision="round_trip")
    train, test = train_test_split(table, test_size=0.1, random_state=0)
    train.to_csv(out / "train.csv", index=False)
    test.drop(columns="Cover_Type").to_csv(out / "test.csv", index=False)
    test.to_csv(out / "answers.csv", index=False)


def case_table(folder: Path) -> None:
    """Split a large table."""
    raw, data, copy = folder / "table", folder / "table-data", folder / "table-copy"
    if not raw.exists():
        make_table(raw)
    clear(data, copy)
    theirs = timed(lambda: published_way(raw, copy))
    competition = load_competition(TABLE)
    ours = timed(lambda: prepare(competition, data_dir=data, raw=raw, skip_lock=True))
    show("table", ours, "pandas", theirs)
    version = data / TABLE / "v1"
    for name, path in (
        ("train.csv", "public/train.csv"),
        ("test.csv", "public/test.csv"),
        ("answers.csv", "private/test.csv"),
    ):
        digests = [
            hashlib.sha256(file.read_bytes()).hexdigest() for file in (copy / name, version / path)
        ]
        print(f"    {name}: {'same bytes' if digests[0] == digests[1] else 'OTHER BYTES'}")
    clear(data, copy)


def case_jobs(folder: Path) -> None:
    """Prepare twenty competitions, one and two at a time."""
    raw, data = folder / "jobs", folder / "jobs-data"
    twenty = make_jobs(raw)
    seconds = {}
    for jobs in (1, 2):
        clear(data)
        command = [sys.executable, "-m", "mlebench_data.harness.cli", "prepare", *twenty]
        command += ["--raw", str(raw), "--data-dir", str(data), "--skip-lock", "--jobs", str(jobs)]
        seconds[jobs] = timed(lambda command=command: run(*command))
    show("twenty, --jobs 2", seconds[2], "--jobs 1", seconds[1])
    clear(data)


def make_jobs(raw: Path) -> list[str]:
    """Unpack test vectors; tables grow to 30 MB by repeating their rows."""
    import tarfile

    for name in (*TABLES, *TREES):
        if (raw / name).exists():
            continue
        with tarfile.open(VECTORS / f"{name}.tar.xz") as archive:
            members = [item for item in archive if item.name.startswith("raw/")]
            archive.extractall(raw / name, members, filter="data")
        if name in TABLES:
            table = raw / name / "raw" / "train.csv"
            header, _, body = table.read_bytes().partition(b"\n")
            with table.open("wb") as file:
                file.write(header + b"\n")
                for _ in range(1 + 30_000_000 // len(body)):
                    file.write(body)
    return [*TABLES, *TREES]


CASES = {"files": case_files, "zip": case_zip, "table": case_table, "jobs": case_jobs}


def main() -> None:
    if len(sys.argv) < 2 or set(sys.argv[2:]) - set(CASES):
        raise SystemExit(__doc__)
    folder = Path(sys.argv[1])
    for name in sys.argv[2:] or CASES:
        CASES[name](folder)


if __name__ == "__main__":
    main()
