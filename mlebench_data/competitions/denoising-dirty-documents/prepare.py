"""The table of the pixels of the test pictures."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any

from mlebench_data.extras import import_extra

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from mlebench_data.recipe import Context

ANSWERS = "private/answers.csv"
SAMPLE = "public/sampleSubmission.csv"


def write_pixels(context: Context, white: int) -> None:
    """Write the brightness of each pixel of the clean pictures, and the sample submission."""
    # A pixel has one of few values, so that their texts can be made beforehand.
    texts = [repr(level / white) for level in range(256)]
    rows = 0
    with (
        context.target(ANSWERS).open("w", encoding="utf-8", newline="") as answers,
        context.target(SAMPLE).open("w", encoding="utf-8", newline="") as sample,
    ):
        for stream in (answers, sample):
            stream.write("id,value\n")
        for name in context.table("test")["name"]:
            with context.raw.open(f"train_cleaned/{name}.png") as picture:
                levels = _grey_levels(picture, name)
            height, width = levels.shape
            columns = [str(column) for column in range(1, width + 1)]
            for number, line in enumerate(levels.tolist(), start=1):
                start = f"{name}_{number}_"
                answers.writelines(
                    f"{start}{column},{texts[level]}\n"
                    for column, level in zip(columns, line, strict=True)
                )
                sample.writelines(f"{start}{column},1\n" for column in columns)
            rows += height * width
    context.rows[ANSWERS] = context.rows[SAMPLE] = rows
    context.advance(2)


def _grey_levels(stream: IO[bytes], name: Any) -> npt.NDArray[np.uint8]:
    import numpy as np

    image = import_extra("PIL.Image", extra="images", why=f"picture {name}.png is to be decoded")
    with image.open(stream) as picture:
        return np.asarray(picture.convert("L"))
