"""Measure preparation against plain tools and pandas, on data of full size made here.

    python benchmarks/preparation.py FOLDER [CASE...]

Makes raw data in FOLDER (a few GB; kept for the next call) and prints, for each case, the seconds
of all sides, measured by turns in one run, the ratios of their medians, and the time of processors
(of all processes, system calls included), which other work on the machine disturbs less. Cases:

files    50,000 images of 4 kB: against `cp -al` with links, against `cp -r` without; each also with
         `sha256sum` of all files, the least that a manifest needs
zip      a zip of 50,000 images of 2 kB, made into two zips: against `unzip`, also with `zip`
table    4,000,000 rows of 56 whole numbers: against pandas read_csv, split, to_csv; same bytes
jobs     twenty competitions, eleven of them tables of 120 MB: --jobs 2 against --jobs 1
"""

from __future__ import annotations

import hashlib
import os
import statistics
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from mlebench_data.catalogue import load_competition
from mlebench_data.prepare import prepare

FILES = "aptos2019-blindness-detection"
ZIP = "aerial-cactus-identification"
TABLE = "tabular-playground-series-dec-2021"
REPETITIONS = 3
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


def run(*command: str) -> None:
    """Run a plain tool."""
    subprocess.run(command, check=True, capture_output=True)


def settle() -> None:
    """Let the disk come to rest."""
    subprocess.run(["sync"], check=True)


def fresh(folder: Path, name: str) -> Path:
    """Return a folder that was never there.

    Nothing is removed between measurements: for minutes after many files were removed, some file
    systems are several times slower at making new ones.
    """
    return folder / "made" / f"{name}-{time.time_ns()}"


Sides = dict[str, Callable[[Path], object]]


def compare(folder: Path, case: str, sides: Sides, times: int = REPETITIONS) -> dict[str, float]:
    """Measure several ways to do the same by turns; print their medians, and ratios to the first.

    Parameters
    ----------
    folder : pathlib.Path
        Folder of all data.
    case : str
        What is done.
    sides : dict
        Name of each way, and the function that goes it, called with a fresh folder to write to. The
        second is the yardstick.
    times : int
        How often.

    Returns
    -------
    dict of str to float
        Median of the seconds by name.
    """
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    work: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(times):
        for number, (name, what) in enumerate(sides.items()):
            target = fresh(folder, f"{case.split()[0].strip(',')}-{number}")
            target.parent.mkdir(exist_ok=True)
            settle()
            started, before = time.perf_counter(), sum(os.times()[:4])
            what(target)
            seconds[name].append(time.perf_counter() - started)
            work[name].append(sum(os.times()[:4]) - before)
    run("rm", "-rf", str(folder / "made"))
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    yardstick = list(medians.values())[1]
    print(case, flush=True)
    for name, median in medians.items():
        every = " ".join(f"{value:.2f}" for value in seconds[name])
        print(
            f"    {name:<24} {median:7.2f} s   ratio {median / yardstick:5.2f}"
            f"   processors {statistics.median(work[name]):6.2f} s   ({every})"
        )
    return medians


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


def make_writable(folder: Path) -> None:
    """Give raw files back the mode that they had before they were linked."""
    for path in folder.iterdir():
        path.chmod(0o644)


def hash_all(folder: Path) -> None:
    """Hash all files of a tree with a plain tool."""
    listing = subprocess.run(
        ["find", str(folder), "-type", "f", "-print0"], check=True, capture_output=True
    )
    subprocess.run(
        ["xargs", "-0", "sha256sum"], check=True, input=listing.stdout, stdout=subprocess.DEVNULL
    )


def case_files(folder: Path) -> None:
    """Place many small files."""
    raw = folder / "files"
    if not raw.exists():
        make_files(raw)
    competition = load_competition(FILES)

    def ours(target: Path, *, link: bool) -> None:
        prepare(competition, data_dir=target, raw=raw, skip_lock=True, link=link)

    copies: list[Path] = []

    def plain(target: Path, option: str) -> None:
        run("cp", option, str(raw), str(target))
        copies.append(target)

    for case, link, option in (("linked", True, "-al"), ("copied", False, "-r")):
        make_writable(raw / "train_images")
        sides: Sides = {
            "prepare": partial(ours, link=link),
            f"cp {option}": partial(plain, option=option),
            "sha256sum of that copy": lambda _: hash_all(copies[-1]),
        }
        ours_takes, copying, hashing = compare(folder, f"files, {case}", sides).values()
        print(
            f"    prepare against cp and sha256sum together: {ours_takes / (copying + hashing):.2f}"
        )


def case_zip(folder: Path) -> None:
    """Read a zip and write two."""
    raw = folder / "zip"
    if not raw.exists():
        make_zip(raw)
    competition = load_competition(ZIP)
    sides: Sides = {
        "prepare": lambda to: prepare(competition, data_dir=to, raw=raw, skip_lock=True),
        "unzip": lambda to: run("unzip", "-q", str(raw / "train.zip"), "-d", str(to)),
        "unzip, zip": lambda to: unzip_and_zip(raw / "train.zip", to),
    }
    compare(folder, "zip of 50,000 files", sides)


def unzip_and_zip(archive: Path, target: Path) -> None:
    """Do with plain tools what preparation does: unpack, and pack again."""
    run("unzip", "-q", str(archive), "-d", str(target))
    subprocess.run(
        ["zip", "-q", "-r", str(target.with_suffix(".zip")), "."], check=True, cwd=target
    )


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
    raw = folder / "table"
    if not raw.exists():
        make_table(raw)
    competition = load_competition(TABLE)
    digests: dict[str, set[str]] = {}

    def ours(target: Path) -> None:
        version = prepare(competition, data_dir=target, raw=raw, skip_lock=True).folder
        made["train.csv"].append(version / "public/train.csv")
        made["test.csv"].append(version / "public/test.csv")
        made["answers.csv"].append(version / "private/test.csv")

    def pandas_alone(target: Path) -> None:
        published_way(raw, target)
        for name, paths in made.items():
            paths.append(target / name)

    made: dict[str, list[Path]] = {"train.csv": [], "test.csv": [], "answers.csv": []}

    def check(_: Path) -> None:
        for name, paths in made.items():
            for path in paths:
                with path.open("rb") as stream:
                    digest = hashlib.file_digest(stream, "sha256").hexdigest()
                digests.setdefault(name, set()).add(digest)
                path.unlink()
            paths.clear()

    sides: Sides = {"prepare": ours, "pandas": pandas_alone, "(hashing both)": check}
    compare(folder, "table", sides, times=2)
    for name, found in digests.items():
        print(f"    {name}: {'same bytes' if len(found) == 1 else 'OTHER BYTES'}")


def case_jobs(folder: Path) -> None:
    """Prepare twenty competitions, one and two at a time."""
    raw = folder / "jobs"
    twenty = make_jobs(raw)

    def ours(target: Path, jobs: int) -> None:
        command = [sys.executable, "-m", "mlebench_data.harness.cli", "prepare", *twenty]
        run(
            *command,
            *("--raw", str(raw), "--data-dir", str(target), "--skip-lock", "--jobs", str(jobs)),
        )

    sides: Sides = {"--jobs 2": partial(ours, jobs=2), "--jobs 1": partial(ours, jobs=1)}
    compare(folder, "jobs, twenty competitions", sides)


def make_jobs(raw: Path) -> list[str]:
    """Unpack test vectors; tables grow to 120 MB by repeating their rows."""
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
                for _ in range(1 + 120_000_000 // len(body)):
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
