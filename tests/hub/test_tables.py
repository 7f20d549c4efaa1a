from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from mlebench_data.hub import PackError, tables
from mlebench_data.hub.features import card_features, image_type
from mlebench_data.hub.file_names import NamesTable
from mlebench_data.hub.patterns import fill, match_names
from mlebench_data.hub.table import merge_types
from mlebench_data.hub.tables import open_table


def read(*paths: Path) -> list[dict[str, list[Any]]]:
    """Read tables with the types that hold all of them."""
    opened = [open_table(path) for path in paths]
    types = merge_types(*opened)
    results = []
    for table in opened:
        batches = [batch for batch, _ in table.batches(types)]
        results.append(pa.Table.from_batches(batches).to_pydict())
    return results


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["1", "-2", "0"], [1, -2, 0]),
        (["1", "", "3"], [1, None, 3]),
        (["007", "12", "1"], ["007", "12", "1"]),
        (["0167_03", "1_000"], ["0167_03", "1_000"]),
        (["+7", "1"], ["+7", "1"]),
        (["-0", "1"], ["-0", "1"]),
        ([" 1", "2"], [" 1", "2"]),
        (["1", "2.5", ".5", "5.", "1e-3", "-inf"], [1.0, 2.5, 0.5, 5.0, 1e-3, float("-inf")]),
        (["0.1", "0.30000000000000004"], [0.1, 0.30000000000000004]),
        (["1.50", "01.5"], ["1.50", "01.5"]),
        (["9223372036854775807", "-9223372036854775808"], [2**63 - 1, -(2**63)]),
        (["9223372036854775808", "1"], ["9223372036854775808", "1"]),
        (["12345678901234567890123"], ["12345678901234567890123"]),
        (["9007199254740993", "0.5"], ["9007199254740993", "0.5"]),
        (["True", "False", ""], [True, False, None]),
        (["true", "FALSE"], [True, False]),
        (["True", "1"], ["True", "1"]),
        (["True", "yes"], ["True", "yes"]),
        (["NA", "1", ""], ["NA", "1", None]),
        (["nan", "1.5"], ["nan", "1.5"]),
        (["null", "None"], ["null", "None"]),
        (["", '""', ""], [None, None, None]),
        (["2020-01-02", "2021-03-04"], ["2020-01-02", "2021-03-04"]),
        (['"a\nb"', '"c""d"'], ["a\nb", 'c"d']),
        (['"1"', "2"], [1, 2]),
        (["ä", "日本", "🐈"], ["ä", "日本", "🐈"]),
    ],
)
def test_csv_cells(tmp_path: Path, cells: list[str], expected: list[Any]) -> None:
    # The second column keeps a line with one empty cell from being an empty line.
    text = "a,b\n" + "".join(f"{cell},x\n" for cell in cells)
    for name, content in (("lf.csv", text), ("end.csv", text.rstrip("\n"))):
        [found] = read(write(tmp_path, name, content))
        assert found == {"a": expected, "b": ["x"] * len(cells)}
        assert [type(cell) for cell in found["a"]] == [type(cell) for cell in expected]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (["1", "2"], ["1.5"], ([1.0, 2.0], [1.5])),
        (["1", "2"], ["x"], (["1", "2"], ["x"])),
        (["1", "2"], ["03"], (["1", "2"], ["03"])),
        (["True", "False"], [""], ([True, False], [None])),
        ([""], ["1"], ([None], [1])),
    ],
)
def test_types_hold_both_tables(
    tmp_path: Path, first: list[str], second: list[str], expected: tuple[list[Any], list[Any]]
) -> None:
    paths = [
        write(tmp_path, f"{number}.csv", "a,b\n" + "".join(f"{cell},x\n" for cell in cells))
        for number, cells in enumerate((first, second))
    ]
    assert tuple(found["a"] for found in read(*paths)) == expected


def test_union_of_columns(tmp_path: Path) -> None:
    train = write(tmp_path, "train.csv", "id,label\n1,a\n")
    test = write(tmp_path, "test.csv", "extra,id\n0.5,2\n")
    assert read(train, test) == [
        {"id": [1], "label": ["a"], "extra": [None]},
        {"id": [2], "label": [None], "extra": [0.5]},
    ]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('\ufeffa,b\r\n1,"x\r\ny"\r\n', {"a": [1], "b": ["x\r\ny"]}),
        (",a,a\n0,1,2\n", {"Unnamed: 0": [0], "a": [1], "a.1": [2]}),
        ("a,a,a.1\n1,2,3\n", {"a": [1], "a.2": [2], "a.1": [3]}),
        ('"two\nlines",b\n1,2\n', {"two\nlines": [1], "b": [2]}),
        ("a,b\n", {"a": [], "b": []}),
    ],
)
def test_csv_forms(tmp_path: Path, content: str, expected: dict[str, list[Any]]) -> None:
    path = write(tmp_path, "t.csv", content)
    table = open_table(path)
    types = merge_types(table)
    batches = [batch for batch, _ in table.batches(types)]
    schema = pa.schema(list(types.items()))
    assert pa.Table.from_batches(batches, schema=schema).to_pydict() == expected


def test_type_is_judged_by_all_cells_not_the_first_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "_BLOCK", 256)
    numbers = [str(number) for number in range(1000)]
    path = write(tmp_path, "t.csv", "a,b\n" + "".join(f'{n},"x\ny"\n' for n in [*numbers, "0x"]))
    [found] = read(path)
    assert found["a"] == [*numbers, "0x"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", b"", "is empty"),
        ("t.csv", b"a,b\n1\n", "cannot be read as CSV"),
        ("t.csv", b"a,b\n1,\xff\n", "cannot be read as CSV|no CSV file in UTF-8"),
        ("t.csv", b"\xff,b\n", "no CSV file in UTF-8"),
        ("t.json", b"{", "cannot be read as JSON"),
        ("t.json", b'{"a": 1}', "no JSON array"),
        ("t.jsonl", b'{"a": 1}\n[]', "no JSON array"),
        ("t.xlsx", b"", "must end in"),
    ],
)
def test_malformed_tables(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    with pytest.raises(PackError, match=message):
        read(write(tmp_path, name, content))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 2.5, None], [1.0, 2.5, None]),
        ([True, None], [True, None]),
        ([False, 13.5], ["false", "13.5"]),
        (["1", 2], ["1", "2"]),
        ([["a"], [], None], [["a"], [], None]),
        ([[1], [2.5, None]], [[1.0], [2.5, None]]),
        ([{"x": 1, "y": ["q"]}, {"x": None}], [{"x": 1, "y": ["q"]}, {"x": None, "y": None}]),
        ([{}, {}], ["{}", "{}"]),
        ([[1], "a"], ["[1]", "a"]),
        ([2**70, 1], [str(2**70), "1"]),
        (["\ud83d", "ok"], ["\ufffd\ufffd\ufffd", "ok"]),
        ([None, None], [None, None]),
    ],
)
@pytest.mark.parametrize("suffix", ["json", "jsonl"])
def test_json_values(tmp_path: Path, values: list[Any], expected: list[Any], suffix: str) -> None:
    records = [{"id": number, "a": value} for number, value in enumerate(values)]
    text = json.dumps(records) if suffix == "json" else "\n".join(map(json.dumps, records))
    [found] = read(write(tmp_path, f"t.{suffix}", text))
    assert found == {"id": list(range(len(values))), "a": expected}


def test_object_lines_in_a_file_that_ends_in_json(tmp_path: Path) -> None:
    lines = write(tmp_path, "lines.json", '{"a": 1}\n{"a": 2}\n')
    array = write(tmp_path, "array.json", '[{"a": 1}, {"a": 2}]')
    assert read(lines) == read(array)


def test_missing_json_field_is_null(tmp_path: Path) -> None:
    [found] = read(write(tmp_path, "t.json", '[{"a": 1}, {"b": 2}]'))
    assert found == {"a": [1, None], "b": [None, 2]}


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("train/{label}/{id}.png", [{"label": "cat", "id": "007"}, {"label": "dog", "id": "8"}]),
        ("{split}/cat/{id}.png", [{"split": "train", "id": "007"}]),
        ("test/{a}_{b}.png", [{"a": "1", "b": "2_3"}]),
        ("{x}/{x}.txt", [{"x": "same"}]),
        ("train.{x}", []),
    ],
)
def test_match_names(pattern: str, expected: list[dict[str, str]]) -> None:
    paths = ["train/dog/8.png", "train/cat/007.png", "test/1_2_3.png", "same/same.txt", "a/b.txt"]
    assert match_names(pattern, paths) == expected


def test_names_table_types() -> None:
    paths = ["a/x/007.png", "a/y/8.png"]
    table = NamesTable("a/{label}/{id}.png", paths, ["id"])
    types = merge_types(table)
    [(batch, texts)] = table.batches(types, ["id"])
    assert batch.to_pydict() == {"label": ["x", "y"], "id": [7, 8]}
    assert texts == {"id": ["007", "8"]}
    with pytest.raises(PackError, match="no whole number"):
        NamesTable("a/{label}/{id}.png", paths, ["label"])
    with pytest.raises(PackError, match="No public file"):
        NamesTable("b/{id}.png", paths, [])


def test_other_text_files_are_tables_too(tmp_path: Path) -> None:
    tabs = write(tmp_path, "t.tsv", 'a\tb\n1\t"x, ""y"""\n2\t\n')
    assert read(tabs) == [{"a": [1, 2], "b": ['x, "y"', None]}]
    quoted = write(tmp_path, "t.txt", '"id","s"\n0,"x, ""y"""\n')
    assert read(quoted) == [{"id": [0], "s": ['x, "y"']}]


@pytest.mark.parametrize("archived", [False, True])
def test_lines_of_text(archived: bool, tmp_path: Path) -> None:
    path = write(tmp_path, "t.txt", 'say "x, y\n\nNA\u2028 b \nlast')
    if archived:
        with zipfile.ZipFile(tmp_path / "t.txt.zip", "w") as archive:
            archive.write(path, "t.txt")
        path = tmp_path / "t.txt.zip"
    table = open_table(path, lines_as="text")
    types = merge_types(table)
    [(batch, texts)] = table.batches(types, ["text"])
    assert batch.to_pydict() == texts == {"text": ['say "x, y', "", "NA\u2028 b ", "last"]}


def test_fill() -> None:
    assert fill("a/{id}/{n:03d}.png", {"id": "x.y", "n": "7"}) == "a/x.y/007.png"
    assert fill("{id[0]}/{id[2]}/{id}", {"id": "xyz"}) == "x/z/xyz"
    with pytest.raises(PackError, match="cannot be filled with id = 'x'"):
        fill("{id[1]}", {"id": "x"})
    with pytest.raises(PackError, match="cannot be filled"):
        fill("{n:03d}", {"n": "x"})


def test_card_features_mean_the_same_to_datasets(datasets: Any) -> None:
    schema = pa.schema(
        [
            ("i", pa.int64()),
            ("f", pa.float64()),
            ("b", pa.bool_()),
            ("no", pa.string()),
            ("raw", pa.binary()),
            ("list", pa.list_(pa.float64())),
            ("nested", pa.list_(pa.list_(pa.string()))),
            ("struct", pa.struct([("x", pa.int64()), ("y", pa.list_(pa.string()))])),
            ("structs", pa.list_(pa.struct([("x", pa.int64())]))),
        ]
    )
    features = datasets.Features._from_yaml_list(card_features(schema))
    assert features.arrow_schema.remove_metadata() == schema
    [image] = datasets.Features._from_yaml_list(
        card_features(pa.schema([("image", image_type())]))
    ).values()
    assert isinstance(image, datasets.Image)
    assert datasets.Features({"image": image}).arrow_schema.field("image").type == image_type()
