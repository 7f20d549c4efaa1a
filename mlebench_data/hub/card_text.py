"""The text of a dataset card: the competition's description, and how to load and restore."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mlebench_data.hub.layout import ORGANISATION

if TYPE_CHECKING:
    from mlebench_data.catalogue import Competition
    from mlebench_data.catalogue.schema import CompetitionFile, Version
    from mlebench_data.hub.card import Config

# The other kinds ("leaky", "external_labels", "grading", "data") may help to find answers or to
# game the metric. They stand in the catalogue, for readers of results.
PUBLISHED_ISSUES = ("crowded", "saturated", "unsolvable")

_CODE = re.compile(r"(```.*?```|`[^`\n]*`)", re.DOTALL)
# A dollar sign that stands for money is followed by a digit, or has a blank on the wrong side.
_INLINE_MATH = re.compile(r"(?<![\\$])\$(?=[^\s$])((?:(?!\n\n)[^$])*?[^\s$\\])\$(?![\d$])")

_DISPLAY_MATH = re.compile(r"\$\$(?:(?!\n\n)[^$])+\$\$")
# Markdown takes a backslash before punctuation away, and makes emphasis of what stands between two
# underscores that follow punctuation. Whether a host hides formulas from it is not known; written
# like this, they mean the same either way.
_COMMANDS = {
    r"\,": r"\thinspace ",
    r"\:": r"\medspace ",
    r"\;": r"\thickspace ",
    r"\!": r"\negthinspace ",
    r"\{": r"\lbrace ",
    r"\}": r"\rbrace ",
    r"\|": r"\Vert ",
    r"\\": r"\cr ",
    "\\\n": "\\space\n",
}
_SENSITIVE = re.compile(r"\\[,:;!{}|\\\n]|(?<![A-Za-z0-9\\])_")

_CONTENTS = {
    "default train": "rows to learn from",
    "default test": "rows to predict",
    "sample_submission": "a submission in the right format",
    "files": "files that are neither tables nor in a column: `path`, `bytes`, `sha256`, `mode`",
    "private": "the answers, locked",
    "private_files": "the answers as files, locked",
}


def _robust(formula: str) -> str:
    """Write a formula so that it means the same before and after Markdown has read it."""
    return _SENSITIVE.sub(lambda match: _COMMANDS.get(match[0], " _ "), formula)


def with_host_math(text: str) -> str:
    r"""Write formulas as a dataset host reads them: `$x$` within lines becomes `\\(x\\)`."""
    parts = _CODE.split(text)
    # Code stands at the odd places.
    for place in range(0, len(parts), 2):
        part = _DISPLAY_MATH.sub(lambda match: _robust(match[0]), parts[place])
        parts[place] = _INLINE_MATH.sub(lambda match: rf"\\({_robust(match[1])}\\)", part)
    return "".join(parts)


def _redistribution(facts: CompetitionFile) -> str:
    terms = facts.license
    named = f"[{terms.name}]({terms.url})" if terms.url else terms.name
    verdict = {
        "allowed": "The data may be passed on under these terms.",
        "forbidden": "**The data must not be passed on:** keep this repository to yourself.",
        "unclear": "It is unclear whether the data may be passed on: keep this repository to "
        "yourself unless you have found out.",
    }[terms.redistribution]
    return f"{named}. {terms.reason.rstrip('.')}. {verdict}"


def _issues(block: Version) -> str:
    notes = [issue for issue in block.known_issues if issue.kind in PUBLISHED_ISSUES]
    if not notes:
        return ""
    lines = [f"- {issue.kind}: {issue.note}" for issue in notes]
    return "\n".join(["", "### Known issues", "", *lines, ""])


def _lock(competition: Competition, key_id: str, apart: bool) -> str:
    """Return the section about the lock; `apart`: the answers are in the gated sibling."""
    name = f"{ORGANISATION}/{competition.id}"
    where = "The configurations `private` and `private_files` hold the answers"
    needs = "Their features and row counts can be listed; their rows need the key"
    if apart:
        where = f"The answers are in `{name}-private`, a repository that has to be asked for"
        needs = "Their rows need access to it and the key"
    return f"""{where}, encrypted
(Parquet modular encryption, AES-256-GCM). {needs}
with fingerprint `{key_id}`:

```python
from mlebench_data import load_private

answers = load_private("{name}")
```"""


def _configurations(configs: list[Config]) -> str:
    """Return a table of the configurations."""
    lines = ["| configuration | split | rows | content |", "| --- | --- | ---: | --- |"]
    for config in configs:
        for split, shards in config.splits.items():
            known = _CONTENTS.get(f"{config.name} {split}") or _CONTENTS.get(config.name)
            rows = sum(shard.rows for shard in shards)
            lines.append(f"| `{config.name}` | `{split}` | {rows:,} | {known or 'further rows'} |")
    return "\n".join(lines)


def usage(competition: Competition, version: str, key_id: str, configs: list[Config]) -> str:
    """Return the section about loading, restoring, the lock and the licence.

    Parameters
    ----------
    competition : Competition
        The competition.
    version : str
        Version of its data.
    key_id : str
        Fingerprint of the key that opens the private part.
    configs : list of Config
        All configurations of the repository.
    """
    name = f"{ORGANISATION}/{competition.id}"
    metric = competition.version(version).metric
    direction = "higher" if metric.higher_is_better else "lower"
    apart = not any(config.sealed for config in configs)
    return f"""
## About this dataset

Version `{version}`. Submissions are scored by `{metric.name}` ({direction} is better).

{_configurations(configs)}

### Loading

```python
from datasets import load_dataset

load_dataset("{name}")  # train and test
load_dataset("{name}", "sample_submission")
```

Other configurations are named in the same way; `revision="{version}"` keeps to this version.
Columns that `test` lacks, such as labels, are `None` there. Empty cells of the source are missing
values; all other text is as it was. Tables are besides, as the files they were, in `files/public`.

### Restoring the files

These rows are a typed view. The files as an agent gets them, byte for byte, come from

```bash
mlebench restore {competition.id}@{version} --out FOLDER
```

Every file is compared with its SHA-256 in `manifest.json`.

### The private split

{_lock(competition, key_id, apart)}

Do not open them with `load_dataset` and a key: it would leave the answers unencrypted in its cache.

### Licence

{_redistribution(competition.facts)}
{_issues(competition.version(version))}"""
