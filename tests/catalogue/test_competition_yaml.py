"""Every kind of mistake in `competition.yaml` gives a message that says where and what helps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlebench_data.catalogue import load_catalogue, load_competition
from mlebench_data.catalogue.catalogue import read_competition
from mlebench_data.errors import CatalogueError, UnknownNameError


def _version(facts: dict[str, Any]) -> dict[str, Any]:
    block: dict[str, Any] = facts["versions"]["v1"]
    return block


def _at(*path: str | int) -> Any:
    """Set (or with `...` remove) the value at a key path of the facts."""
    *keys, value = path

    def change(facts: dict[str, Any]) -> None:
        place: Any = facts
        for key in keys[:-1]:
            place = place[key]
        if value is ...:
            del place[keys[-1]]
        else:
            place[keys[-1]] = value

    return change


V1 = ("versions", "v1")
COLUMNS = (*V1, "submission", "columns", 0)

MISTAKES = {
    "unknown key": (_at("licence", {}), ["licence: unknown key. Did you mean 'license'?"]),
    "unknown key, nested": (
        _at("source", "archive_sha", "1"),
        ["source.archive_sha: unknown key. Did you mean 'archive_md5'?"],
    ),
    "unknown key of a version": (
        _at(*V1, "recipes", []),
        ["versions.v1.recipes: unknown key. Did you mean 'recipe'?"],
    ),
    "unknown key of an operation": (
        _at(*V1, "recipe", 0, "missing_token", "empty"),
        [
            "versions.v1.recipe.0.read_table.missing_token: unknown key. "
            "Did you mean 'missing_tokens'?"
        ],
    ),
    "key of another operation": (
        _at(*V1, "recipe", 2, "stratify", "label"),
        [
            "versions.v1.recipe.2.select_columns.stratify: unknown key. "
            "Known: drop, into, keep, op, table."
        ],
    ),
    "unknown key of a test size": (
        _at(*V1, "recipe", 1, "test_size", {"row_of": "labelled", "among": ["labelled"]}),
        ["row_of: unknown key. Did you mean 'rows_of'?", "rows_of: required, but missing"],
    ),
    "unknown key of columns": (
        _at(*COLUMNS, "max", 1),
        ["versions.v1.submission.columns.0.max: unknown key. Did you mean 'maximum'"],
    ),
    "unknown key of media": (
        _at(*V1, "dataset", "train", "media", [{"column": "i", "type": "image", "paths": "x"}]),
        [
            "versions.v1.dataset.train.media.0.paths: unknown key. Did you mean 'path'?",
        ],
    ),
    "missing key": (_at("license", ...), ["  license: required, but missing"]),
    "missing key, nested": (
        _at(*V1, "metric", "name", ...),
        ["versions.v1.metric.name: required, but missing"],
    ),
    "missing key of an operation": (
        _at(*V1, "recipe", 0, "path", ...),
        ["versions.v1.recipe.0.read_table.path: required, but missing"],
    ),
    "wrong type": (
        _at("awards_medals", "perhaps"),
        ["awards_medals: Input should be a valid boolean", "found 'perhaps'"],
    ),
    "list instead of text": (
        _at("summary", ["a"]),
        ["summary: Input should be a valid string; found ['a']"],
    ),
    "empty text": (_at("name", " "), ["name: String should have at least 1 character"]),
    "value that is not listed": (
        _at("task", "guessing"),
        ["task: Input should be 'classification', 'multilabel'", "found 'guessing'"],
    ),
    "no date": (_at("source", "opened", "soon"), ["source.opened: ", "found 'soon'"]),
    "no md5": (_at("source", "archive_md5", "abc"), ["source.archive_md5: ", "found 'abc'"]),
    "schema of another time": (
        _at("schema_version", 2),
        ["schema_version: Input should be 1; found 2"],
    ),
    "id with a path in it": (_at("id", "../tiny"), ["id: ", "pattern", "found '../tiny'"]),
    "id of another folder": (
        _at("id", "other"),
        ["id: 'other' must be the name of the folder, 'tiny'"],
    ),
    "bad version name": (
        lambda facts: facts["versions"].update(final=facts["versions"].pop("v1")),
        ["versions.final", "pattern '^v[1-9][0-9]*$'; found 'final'"],
    ),
    "no version": (_at("versions", {}), ["versions: ", "at least 1 item"]),
    "no operation": (_at(*V1, "recipe", []), ["versions.v1.recipe: ", "at least 1 item"]),
    "unknown operation": (
        _at(*V1, "recipe", 0, {"op": "read_excel", "path": "a", "into": "b"}),
        ["versions.v1.recipe.0: Input tag 'read_excel'", "'read_table'", "'split_rows'"],
    ),
    "operation without a name": (
        _at(*V1, "recipe", 0, {"path": "a"}),
        ["versions.v1.recipe.0: ", "'op'", "found {'path': 'a'}"],
    ),
    "operation that uses an unknown name": (
        _at(*V1, "recipe", 2, "table", "tests"),
        [
            "versions.v1.recipe: operation 2 uses 'tests', which no earlier operation makes "
            "(made so far: labelled, test, train)"
        ],
    ),
    "name that is no name": (
        _at(*V1, "recipe", 0, "into", "My Table"),
        ["versions.v1.recipe.0.read_table.into: ", "found 'My Table'"],
    ),
    "path written twice": (
        _at(*V1, "recipe", 4, "path", "public/train.csv"),
        ["versions.v1.recipe: operation 4 writes 'public/train.csv', which is written before"],
    ),
    "raw path that leaves": (
        _at(*V1, "recipe", 0, "path", "../labelled.csv"),
        ["recipe.0.read_table.path: must be a relative path without '..'; found '../labelled.csv'"],
    ),
    "raw path from the root": (
        _at(*V1, "raw", "files", ["/etc/passwd"]),
        ["raw.files.0: must be a relative path without '..'; found '/etc/passwd'"],
    ),
    "output path that leaves": (
        _at(*V1, "recipe", 3, "path", "public/../../x"),
        ["recipe.3.write_table.path: must be a relative path without '..'"],
    ),
    "output path elsewhere": (
        _at(*V1, "recipe", 3, "path", "train.csv"),
        ["recipe.3.write_table.path: must lie below public/ or private/; found 'train.csv'"],
    ),
    "output path of a folder": (
        _at(*V1, "recipe", 3, "path", "public"),
        ["recipe.3.write_table.path: must lie below public/ or private/; found 'public'"],
    ),
    "output path of nothing": (
        _at(*V1, "recipe", 3, "path", "."),
        ["recipe.3.write_table.path: must lie below public/ or private/; found '.'"],
    ),
    "keep and drop": (
        _at(*V1, "recipe", 2, "drop", ["x"]),
        ["recipe.2.select_columns: needs exactly one of 'keep' and 'drop'"],
    ),
    "test size of everything": (
        _at(*V1, "recipe", 1, "test_size", 1.0),
        ["recipe.1.split_rows.test_size", "less than 1"],
    ),
    "answers in public": (
        _at(*V1, "answers", "public/test.csv"),
        ["versions.v1: 'answers' must lie below private/"],
    ),
    "repeated column": (
        _at(*COLUMNS, "names", ["label", "label"]),
        ["versions.v1.submission: column 'label' is declared twice"],
    ),
    "column named as the id": (
        _at(*COLUMNS, "names", ["id"]),
        ["versions.v1.submission: column 'id' is declared twice"],
    ),
    "limit that does not apply": (
        _at(*COLUMNS, "pattern", "a"),
        ["columns.0: pattern does not apply to type 'number' (which takes booleans, infinite"],
    ),
    "no regular expression": (
        _at(*COLUMNS, {"names": ["label"], "type": "string", "pattern": "("}),
        ["columns.0.pattern: is no regular expression: ", "found '('"],
    ),
    "alignment by position of a part": (
        lambda facts: _version(facts)["submission"].update(align="position", rows="subset"),
        ["versions.v1.submission: align: position needs rows: exact"],
    ),
    "references of another number": (
        _at(*V1, "metric", "references", ["a", "b"]),
        ["versions.v1: metric.references names 2 columns, the submission has 1"],
    ),
    "table and files": (
        _at(*V1, "dataset", "train", "files", "{id}.png"),
        ["dataset.train: needs exactly one of 'table', 'files', 'folders' and 'arrays'"],
    ),
    "media without a place": (
        _at(*V1, "dataset", "train", "media", [{"column": "i", "type": "image"}]),
        ["dataset.train.media.0: needs exactly one of 'path' and 'field'"],
    ),
    "star in a folder": (
        _at(*V1, "dataset", "train", "media", [{"column": "i", "type": "image", "path": "*/a"}]),
        ["dataset.train.media.0: '*' may only stand in the last part of 'path'"],
    ),
    "list of texts": (
        _at(*V1, "dataset", "train", "media", [{"column": "i", "type": "text", "path": "a/*"}]),
        ["dataset.train.media.0: a list of files is of type 'image', 'audio', 'video' or 'binary'"],
    ),
    "configuration that every dataset has": (
        _at(*V1, "dataset", "more", {"files": {"train": {"table": "train.csv"}}}),
        ["dataset.more: 'files' is no name for a configuration"],
    ),
    "join without a key": (
        _at(*V1, "dataset", "train", "joins", [{"table": "other.csv"}]),
        ["dataset.train.joins.0.by: required, but missing"],
    ),
    "medals without a leaderboard": (
        _at("awards_medals", True),
        ["(top level): 'awards_medals: true' needs a 'leaderboard'"],
    ),
    "kaggle without its type": (
        _at("source", "kaggle_type", ...),
        ["source: a source of kind 'kaggle' needs 'kaggle_type'"],
    ),
    "key that is no text": (_at(7, "x"), ["7"]),
}


@pytest.mark.parametrize(("change", "expected"), MISTAKES.values(), ids=MISTAKES.keys())
def test_mistake(change: Any, expected: list[str], write_competition: Any, tmp_path: Path) -> None:
    with pytest.raises(CatalogueError) as caught:
        write_competition(change)
    message = str(caught.value)
    assert str(tmp_path / "catalogue" / "tiny" / "competition.yaml") in message
    assert [text for text in expected if text not in message] == [], message


def test_every_mistake_of_a_file_is_named_at_once(write_competition: Any) -> None:
    def change(facts: dict[str, Any]) -> None:
        facts["categry"] = facts.pop("category")
        facts["versions"]["v1"]["metric"]["higher_is_better"] = "maybe"

    with pytest.raises(CatalogueError) as caught:
        write_competition(change)
    assert len(str(caught.value).splitlines()) == 4


def test_long_values_are_cut_in_messages(write_competition: Any) -> None:
    with pytest.raises(CatalogueError) as caught:
        write_competition(_at("task", "x" * 10_000))
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"id: [", "is not valid YAML"),
        (b"id: a\n\tname: b", "is not valid YAML"),
        (b"a: 1\n---\nb: 2", "is not valid YAML"),
        (b"!!python/object/apply:os.system [exit]", "is not valid YAML"),
        (b"", "must hold a mapping, not NoneType"),
        (b"- a\n- b\n", "must hold a mapping, not list"),
        (b"name: caf\xe9\n", "is not UTF-8"),
    ],
)
def test_file_that_is_no_mapping(content: bytes, expected: str, tmp_path: Path) -> None:
    (tmp_path / "competition.yaml").write_bytes(content)
    with pytest.raises(CatalogueError, match=r"competition\.yaml") as caught:
        read_competition(tmp_path)
    assert expected in str(caught.value)


def test_folder_without_the_file(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="cannot be read: No such file"):
        read_competition(tmp_path)


def test_unknown_names_get_a_hint(tiny: Any) -> None:
    folder = tiny.folder.parent
    assert load_competition("tiny", folder).id == "tiny"
    assert [item.id for item in load_catalogue(folder)] == ["tiny"]
    with pytest.raises(UnknownNameError, match=r"no competition 'tny'. Did you mean 'tiny'\?"):
        load_competition("tny", folder)
    with pytest.raises(UnknownNameError, match=r"no competition 'wholly-other'. Known: tiny\."):
        load_competition("wholly-other", folder)
    with pytest.raises(UnknownNameError, match=r"'tiny' has no version 'v2'. Known: v1\."):
        tiny.version("v2")


def test_versions_go_by_number_and_the_oldest_is_the_default(write_competition: Any) -> None:
    def change(facts: dict[str, Any]) -> None:
        facts["versions"] = {
            name: {**facts["versions"]["v1"], "summary": name} for name in ("v10", "v9", "v2")
        }

    competition = write_competition(change)
    assert competition.versions == ["v2", "v9", "v10"]
    assert competition.version().summary == "v2"


def test_description_is_needed(tiny: Any) -> None:
    assert tiny.description().startswith("# Tiny [competition]\n")
    (tiny.folder / "README.md").unlink()
    with pytest.raises(CatalogueError, match=r"README\.md does not exist"):
        tiny.description()
