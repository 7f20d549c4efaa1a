"""Split of the corpus, sentence by sentence, and removal of a word from each test sentence."""

from __future__ import annotations

import io
import itertools

from mlebench_data.recipe import Context

SOURCE = "train_v2.txt"
TRAIN = "public/train_v2.txt"
TEST = "public/test_v2.txt"
ANSWERS = "private/test.csv"
SAMPLE = "private/sample_submission.csv"
HEADER = '"id","sentence"\n'


def split_sentences(context: Context, lines: int, test_share: float, seed: int) -> None:
    """Send each sentence to train or, at random, to test.

    One generator is drawn from for every sentence and once more for the place of the word that a
    test sentence loses, so that the draws cannot be made beforehand.
    """
    import numpy as np

    random = np.random.RandomState(seed)
    draw = random.random_sample
    number = 0
    with (
        io.TextIOWrapper(context.raw.open(SOURCE), encoding="utf-8") as source,
        context.target(TRAIN).open("w", encoding="utf-8", newline="\n") as train,
        context.target(TEST).open("w", encoding="utf-8", newline="\n") as test,
        context.target(SAMPLE).open("w", encoding="utf-8", newline="\n") as sample,
        context.target(ANSWERS).open("w", encoding="utf-8", newline="\n") as answers,
    ):
        for file in (test, sample, answers):
            file.write(HEADER)
        for line in itertools.islice(source, lines):
            if draw() > test_share or (count := len(line.split())) <= 2:
                train.write(line)
                continue
            # Never the first nor the last word.
            place = random.randint(1, count - 1)
            sentence = line.strip().replace('"', '""')
            words = sentence.split()
            del words[place]
            row = f'{number},"{" ".join(words)}"\n'
            test.write(row)
            sample.write(row)
            answers.write(f'{number},"{sentence}"\n')
            number += 1
    for path in (TEST, SAMPLE, ANSWERS):
        context.rows[path] = number
    context.advance(4)
