"""Which studies are for training, and the answers of the others."""

from __future__ import annotations

import random

from mlebench_data.errors import PrepareError
from mlebench_data.recipe import Context


def choose_studies(context: Context, train_share: float, seed: int) -> None:
    """Draw the training studies, so that those with boxes and segmentations have their share.

    Uses the tables `labelled`, `boxes` and `segmentations`; makes tables of one column
    `StudyInstanceUID`: `chosen` (all studies for training), `boxed` (those whose boxes are shown)
    and `segmented` (those whose segmentations are). Draws go one after the other, from one stream
    of random numbers.
    """
    import pandas as pd

    studies = context.column("labelled", "StudyInstanceUID").tolist()
    with_boxes = sorted(set(context.column("boxes", "StudyInstanceUID")))
    with_masks = sorted(set(context.column("segmentations", "StudyInstanceUID")))
    having_boxes, having_masks = set(with_boxes), set(with_masks)
    with_both = [study for study in with_boxes if study in having_masks]
    total, boxes, masks, both = (
        round(len(part) * train_share) for part in (studies, with_boxes, with_masks, with_both)
    )
    generator = random.Random(seed)
    try:
        first = generator.sample(with_both, both)
        only_masks = [study for study in with_masks if study not in having_boxes]
        second = generator.sample(only_masks, masks - both)
        only_boxes = [study for study in with_boxes if study not in having_masks]
        third = generator.sample(only_boxes, boxes - both)
        chosen = {*first, *second, *third}
        rest = [study for study in studies if study not in chosen]
        fourth = generator.sample(rest, total - len(chosen))
    except ValueError as error:
        raise PrepareError(
            f"Of {len(studies)} studies, {len(with_boxes)} with boxes, {len(with_masks)} with "
            f"segmentations and {len(with_both)} with both, a share of {train_share} cannot be "
            f"drawn: {error}."
        ) from error
    lists = {
        "chosen": [*first, *second, *third, *fourth],
        "boxed": [*first, *third],
        "segmented": [*first, *second],
    }
    for name, values in lists.items():
        context.values[name] = pd.DataFrame({"StudyInstanceUID": values}, dtype="object")


def make_answers(context: Context) -> None:
    """Make `answers` from `test`: a row for each label and study, label after label."""
    answers = context.table("test").melt(
        id_vars="StudyInstanceUID", var_name="prediction_type", value_name="fractured"
    )
    answers["row_id"] = answers["StudyInstanceUID"] + "_" + answers["prediction_type"]
    context.values["answers"] = answers
