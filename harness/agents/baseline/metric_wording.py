"""Guess the metric, and whether probabilities are wanted, from a description's wording."""

from __future__ import annotations

import re

# Name of a metric -> how descriptions speak of it. The first mention in the text decides.
WORDINGS = {
    "auc": r"area under (?:the )?(?:roc|receiver|curve)|\bauc\b|\broc curve",
    "log_loss": r"log(?:arithmic)?[- ]?loss|cross[- ]?entropy",
    "rmsle": r"root[- ]mean[- ]squared?[- ]log|\brmsle\b|squared? log(?:arithmic)?[- ]error",
    "kappa": r"\bkappa\b",
    "mae": r"mean absolute error|\bmae\b|absolute difference",
    "rmse": r"root[- ]mean[- ]squared?[- ]error|\brmse\b|mean squared? error|\bmse\b",
    "r2": r"\br2\b|r\^2|coefficient of determination|\bpearson",
    "f1": r"\bf1\b|\bf[- ]?(?:beta|score|measure)",
    "accuracy": r"accura|percentage of (?:correct|predicted)|share of correct|error rate",
}


def evaluation_section(description: str) -> str:
    """Return the part of a Markdown description about the evaluation, or all of it."""
    lines = description.splitlines()
    for start, line in enumerate(lines):
        heading = re.match(r"(#+)\s*(.*)", line)
        if heading and re.search(r"evaluat|metric|scor", heading.group(2), re.IGNORECASE):
            level = len(heading.group(1))
            for end in range(start + 1, len(lines)):
                following = re.match(r"(#+)\s", lines[end])
                if following and len(following.group(1)) <= level:
                    return "\n".join(lines[start:end])
            return "\n".join(lines[start:])
    return description


def guess_metric(description: str) -> str | None:
    """Return the name of the metric mentioned first in the evaluation section, or None."""
    section = evaluation_section(description).lower()
    mentions = {
        name: found.start()
        for name, pattern in WORDINGS.items()
        if (found := re.search(pattern, section))
    }
    return min(mentions, key=lambda name: mentions[name], default=None)


def speaks_of_probability(description: str) -> bool:
    """Tell whether the evaluation section asks for probabilities."""
    return "probabilit" in evaluation_section(description).lower()
