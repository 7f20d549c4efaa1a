"""Choice of the labelled recordings, and the text files about them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlebench_data.errors import PrepareError
from mlebench_data.tables import read_csv, write_csv

if TYPE_CHECKING:
    import pandas as pd

    from mlebench_data.recipe import Context

ESSENTIAL = "mlsp_contest_dataset/essential_data"
SUPPLEMENTAL = "mlsp_contest_dataset/supplemental_data"
SEGMENT_HEADER = "rec_id,[histogram of segment features]"


def choose_recordings(context: Context, test_share: float, seed: int) -> None:
    """Keep the labelled recordings, number them anew, and draw the test part among them.

    Leaves `folds` (new and old number, fold 0 train, 1 test), `names` (file names) and `examples`
    (those that have a segmentation example).
    """
    import numpy as np

    folds = _read(context, "CVfolds_2.txt")
    kept = folds[folds["fold"] == 0].reset_index(drop=True)
    kept["old"] = kept["rec_id"]
    kept["rec_id"] = range(len(kept))
    size = round(test_share * len(kept))
    chosen = np.random.RandomState(seed).choice(len(kept), size, replace=False)
    kept.loc[chosen, "fold"] = 1

    names = _read(context, "rec_id2filename.txt")
    names = names[names["rec_id"].isin(kept["old"])].reset_index(drop=True)
    names["rec_id"] = names["rec_id"].map(kept.set_index("old")["rec_id"])
    paths = set(context.raw.paths_below(f"{SUPPLEMENTAL}/segmentation_examples"))
    has = [
        f"{SUPPLEMENTAL}/segmentation_examples/{name}.bmp" in paths for name in names["filename"]
    ]
    context.values.update(folds=kept, names=names, examples=names[has].reset_index(drop=True))


def write_labels(context: Context, species: int) -> None:
    """Write the labels of the training part, the answers and the sample submission."""
    import numpy as np
    import pandas as pd

    folds = context.table("folds")
    is_test = dict(zip(folds["rec_id"], folds["fold"] == 1, strict=True))
    lines = ["rec_id,[labels]"]
    answers = {}
    for number, labels in _kept_lines(context, f"{ESSENTIAL}/rec_labels_test_hidden.txt"):
        if is_test[number]:
            lines.append(f"{number},?")
            answers[number] = [int(label) for label in labels.split(",") if label.strip()]
        else:
            lines.append(f"{number},{labels}" if labels else str(number))
    _write_lines(context, "public/essential_data/rec_labels_test_hidden.txt", lines)

    truth = np.zeros((len(answers), species), dtype="int64")
    for row, found in enumerate(answers.values()):
        if not all(0 <= label < species for label in found):
            raise PrepareError(f"A recording has the species {found}; there are {species}.")
        truth[row, found] = 1
    ids = np.array(list(answers), dtype="int64")[:, None] * 100 + np.arange(species)
    table = pd.DataFrame({"Id": ids.ravel(), "Probability": truth.ravel()})
    _write_table(context, table, "private/answers.csv")
    tested = folds.loc[folds["fold"] == 1, "rec_id"].to_numpy()[:, None] * 100
    sample = pd.DataFrame({"Id": (tested + np.arange(species)).ravel(), "Probability": 0})
    _write_table(context, sample, "public/sample_submission.csv")


def write_segments(context: Context) -> None:
    """Write the files about segments: lines of the kept recordings with their new numbers."""
    for name in ("histogram_of_segments", "segment_features", "segment_rectangles"):
        lines = [
            f"{number},{rest}"
            for number, rest in _kept_lines(context, f"{SUPPLEMENTAL}/{name}.txt")
        ]
        # As published: all three files have the same header.
        _write_lines(context, f"public/supplemental_data/{name}.txt", [SEGMENT_HEADER, *lines])


def _read(context: Context, name: str) -> pd.DataFrame:
    with context.raw.open(f"{ESSENTIAL}/{name}") as stream:
        return read_csv(stream, missing_tokens="pandas")


def _kept_lines(context: Context, path: str) -> list[tuple[int, str]]:
    """Return new number and remaining text of the lines about kept recordings, header left out."""
    folds = context.table("folds")
    new = dict(zip(folds["old"].tolist(), folds["rec_id"].tolist(), strict=True))
    with context.raw.open(path) as stream:
        lines = stream.read().decode("utf-8").splitlines()[1:]
    kept = []
    for line in lines:
        number, _, rest = line.partition(",")
        if number.strip() and int(number) in new:
            kept.append((new[int(number)], rest))
    return kept


def _write_lines(context: Context, path: str, lines: list[str]) -> None:
    text = "".join(f"{line}\n" for line in lines)
    context.target(path).write_text(text, encoding="utf-8", newline="")
    context.advance(1)


def _write_table(context: Context, table: pd.DataFrame, path: str) -> None:
    write_csv(table, context.target(path))
    context.rows[path] = len(table)
    context.advance(1)
