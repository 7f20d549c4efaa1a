from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import yaml
from cats_and_dogs import make_competition, make_prepared

from mlebench_data.catalogue import Competition, load_catalogue
from mlebench_data.hub import pack
from mlebench_data.hub.card_text import with_host_math
from mlebench_data.hub.keys import MasterKey

CONFIGS = ["default", "sample_submission", "files", "private", "private_files"]


def front_matter(repository: Path) -> dict[str, Any]:
    _, header, _ = (repository / "README.md").read_text().split("---\n", 2)
    content: dict[str, Any] = yaml.safe_load(header)
    return content


def test_everything_is_known_without_reading_data(repository: Path, datasets: Any) -> None:
    facts: dict[str, Any] = {}
    for name in CONFIGS:
        info = datasets.load_dataset_builder(str(repository), name).info
        if not name.startswith("private"):
            loaded = datasets.load_dataset(str(repository), name)
            for split, rows in loaded.items():
                assert rows.features == info.features
                assert len(rows) == info.splits[split].num_examples
        facts[name] = info.features, {key: part.num_examples for key, part in info.splits.items()}
        stored = [
            path
            for entry in front_matter(repository)["configs"]
            if entry["config_name"] == name
            for part in entry["data_files"]
            for path in repository.glob(part["path"])
        ]
        assert info.download_size == sum(path.stat().st_size for path in stored) > 0
        assert info.dataset_size == sum(part.num_bytes for part in info.splits.values()) > 0
    for path in repository.rglob("*.parquet"):
        path.write_bytes(b"")
    assert datasets.get_dataset_config_names(str(repository)) == CONFIGS
    assert datasets.get_dataset_split_names(str(repository)) == ["train", "test"]
    for name, (features, rows) in facts.items():
        info = datasets.load_dataset_builder(str(repository), name).info
        assert info.features == features
        assert {key: part.num_examples for key, part in info.splits.items()} == rows


def test_languages(tmp_path: Path, key: MasterKey) -> None:
    competition = make_competition(tmp_path / "cats", modalities=["text"], languages=["hi", "ta"])
    prepared = make_prepared(competition, tmp_path / "prepared")
    front = front_matter(pack(competition, prepared, tmp_path / "out", key=key).folder)
    assert front["language"] == ["hi", "ta"]
    assert front["pretty_name"] == "Cats and: dogs"
    assert front["task_categories"] == ["text-classification"]
    assert front["tags"] == ["mlebench", "text", "classification"]


def test_text_tells_how_to_load(repository: Path, cats: Competition) -> None:
    text = (repository / "README.md").read_text()
    assert 'load_dataset("mlebench/cats")' in text
    assert "mlebench restore cats@v1 --out FOLDER" in text
    assert "| `default` | `train` | 3 |" in text
    assert "| `files` | `files` | 1 |" in text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("let $x_i$ be, and $n$.", r"let \\(x_i\\) be, and \\(n\\)."),
        ("over\n$a +\nb$ lines", "over\n" + r"\\(a +" + "\n" + r"b\\) lines"),
        ("$$\nx\n$$ and `$y$`", "$$\nx\n$$ and `$y$`"),
        ("```\n$x$\n```\n$y$", "```\n$x$\n```\n" + r"\\(y\\)"),
        (r"$$p_{i,\,b} \; \hat{y}_i$$", r"$$p_{i,\thinspace b} \thickspace  \hat{y} _ i$$"),
        (r"$\{1\}$", r"\\(\lbrace 1\rbrace \\)"),
        ("from $5 to $10, or $5-$10", "from $5 to $10, or $5-$10"),
        (r"\$x$ and one $ alone", r"\$x$ and one $ alone"),
    ],
)
def test_formulas(text: str, expected: str) -> None:
    assert with_host_math(text) == expected


def test_formulas_of_the_catalogue() -> None:
    for competition in load_catalogue():
        text = with_host_math(competition.description())
        parts = text.split("$$")
        assert len(parts) % 2 == 1
        # No lonely dollar sign is left outside of code.
        outside = "".join(parts[::2])
        lines = [line for line in outside.splitlines() if "$" in line and "`" not in line]
        assert not lines, competition.id


def test_formulas_survive_markdown() -> None:
    """Hosts differ in whether they hide formulas from Markdown: these need not be hidden."""
    markdown = pytest.importorskip("markdown_it").MarkdownIt("commonmark")
    for competition in load_catalogue():
        text = with_host_math(competition.description())
        for formula in re.findall(r"\$\$.+?\$\$|\\\\\(.+?\\\\\)", text, re.DOTALL):
            shown = unescape(markdown.renderInline(formula)).removeprefix("\\(")
            expected = formula.removeprefix("\\\\(")
            if shown.endswith("\\)"):
                shown, expected = shown[:-2], expected[:-3]
            assert shown.split() == expected.split(), (competition.id, formula)
