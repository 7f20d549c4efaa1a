"""What `load_dataset` gives for every competition, and that nothing of it is stored twice."""

from __future__ import annotations

import hashlib
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import datasets
import pytest

from mlebench_data.catalogue import Competition, competition_ids, load_competition
from mlebench_data.catalogue.dataset import Media, Rows
from mlebench_data.hub import RepositoryManifest, pack, restore
from mlebench_data.hub.keys import MasterKey
from mlebench_data.prepare import prepare

ARCHIVES = {path.name.removesuffix(".tar.xz") for path in Path(__file__).parent.glob("*.tar.xz")}
every_vector = pytest.mark.parametrize(
    "competition_id", [name for name in competition_ids() if name in ARCHIVES]
)
KEY = MasterKey(bytes(range(32)))

# Scored columns that the test part has for another reason than being the answer.
GIVEN_IN_TEST = {
    # The sentences of the test part are given with a word left out.
    "billion-word-imputation": {"sentence"},
    # Every patient's first measurement is given; later ones are to be predicted.
    "osic-pulmonary-fibrosis-progression": {"FVC"},
}
FEATURES = {"image": datasets.Image, "audio": datasets.Audio, "video": datasets.Video}


def _splits(competition: Competition) -> Iterator[tuple[str, str, Rows]]:
    """Every split of the default and the further configurations."""
    view = competition.version().dataset
    yield "default", "train", view.train
    yield "default", "test", view.test
    for config, splits in view.more.items():
        for split, rows in splits.items():
            yield config, split, rows


def _check_feature(media: Media, feature: Any) -> None:
    inner = feature.feature if media.is_list else feature
    if media.is_list:
        assert isinstance(feature, datasets.List), media.column
    if media.type in FEATURES:
        assert isinstance(inner, FEATURES[media.type]), media.column
    elif media.is_list:
        assert inner == {"bytes": datasets.Value("binary"), "path": datasets.Value("string")}
    else:
        kind = "binary" if media.type == "binary" else "string"
        assert inner == datasets.Value(kind), media.column


def _rows_of(data: Any, column: str) -> list[Any]:
    """The values of a column as they are stored, nothing decoded."""
    return data.with_format("arrow")[:].column(column).to_pylist()


def _check_values(media: Media, values: list[Any], public: Path) -> list[bytes]:
    """Compare what a column holds with the files, and return it."""
    found: list[bytes] = []
    present = [value for value in values if value is not None]
    assert present, f"'{media.column}' is empty"
    assert media.optional or len(present) == len(values)
    for value in present:
        for item in value if media.is_list else [value]:
            if media.type == "path":
                assert (public / item).is_file()
            elif isinstance(item, dict):
                found.append(item["bytes"])
                if item["path"] is not None and media.archive is None:
                    assert (public / item["path"]).read_bytes() == item["bytes"]
            else:
                found.append(item.encode() if isinstance(item, str) else item)
    return found


def _plain_members(path: Path) -> Iterator[bytes]:
    """The members of an archive that it holds as they are."""
    if path.suffix == ".zip" and zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                if info.compress_type == zipfile.ZIP_STORED:
                    yield archive.read(info)
    elif ".tar" in path.suffixes:
        try:
            with tarfile.open(path, "r:") as archive:
                for item in archive:
                    stream = archive.extractfile(item)
                    if stream is not None:
                        yield stream.read()
        except tarfile.ReadError:
            return  # compressed


def _tree(folder: Path) -> dict[str, bytes | None]:
    return {
        path.relative_to(folder).as_posix(): None if path.is_dir() else path.read_bytes()
        for path in folder.rglob("*")
    }


@every_vector
def test_view(competition_id: str, vector: Callable[[str], Any], tmp_path: Path) -> None:
    case = vector(competition_id)
    # The last one has rows in every table.
    competition = case.changed(load_competition(competition_id), case.preparations()[-1])
    prepared = prepare(competition, data_dir=tmp_path / "data", raw=case.raw, skip_lock=True).folder
    repository = pack(competition, prepared, tmp_path / "repository", key=KEY).folder

    loaded: dict[str, Any] = {}
    digests: set[str] = set()
    for config, split, rows in _splits(competition):
        if config not in loaded:
            loaded[config] = datasets.load_dataset(
                str(repository), config, cache_dir=str(tmp_path / "cache")
            )
        data = loaded[config][split]
        assert len(data) > 0
        for media in rows.media:
            _check_feature(media, data.features[media.column])
            values = _rows_of(data, media.column)
            for content in _check_values(media, values, prepared / "public"):
                digests.add(hashlib.sha256(content).hexdigest())

    # No labels in test.
    block = competition.version()
    for split in (splits["test"] for splits in loaded.values() if "test" in splits):
        for name in set(block.submission.column_names()) & set(split.column_names):
            if name not in GIVEN_IN_TEST.get(competition_id, ()):
                assert set(split[name]) == {None}, name

    # What an archive holds as it is, and the rows have, is stored once.
    for entry in RepositoryManifest.read(repository).files:
        if entry.stored.pieces is None and entry.stored.column is None:
            members = _plain_members(prepared / entry.path)
            twice = [m for m in members if m and hashlib.sha256(m).hexdigest() in digests]
            assert not twice, entry.path

    restored = restore(repository, tmp_path / "restored").folder
    assert _tree(restored) == _tree(prepared / "public")
