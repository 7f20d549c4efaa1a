"""Which version of each test picture is shown, and whether it hides a message."""

from __future__ import annotations

import random

from mlebench_data.recipe import Context


def choose_versions(
    context: Context, table: str, algorithms: list[str], seed: int, into: str
) -> None:
    """Make a table of the test pictures in a new order: `source` (a raw path) and `Label`.

    Half of the covers stay what they are, by chance; each of the others is replaced by the picture
    that one of the algorithms made of it. All draws come from one stream of random numbers.
    """
    import pandas as pd

    names = context.column(table, "name").tolist()
    generator = random.Random(seed)
    generator.shuffle(names)
    sources, labels = [], []
    for name in names:
        is_cover = generator.choice([True, False])
        folder = "Cover" if is_cover else generator.choice(algorithms)
        sources.append(f"{folder}/{name}.jpg")
        labels.append(int(not is_cover))
    context.values[into] = pd.DataFrame({"source": sources, "Label": labels})
