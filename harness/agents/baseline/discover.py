"""Find the files of a competition, including those inside zip archives."""

from __future__ import annotations

import os
import threading
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

TABLE_SUFFIXES = (".csv", ".tsv", ".json", ".jsonl", ".parquet")
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp")
# With more tables than this in one sub-folder, they are records of single rows, not tables.
MANY_TABLES = 12


@dataclass(frozen=True)
class DataFile:
    """One file, plain or a member of a zip archive.

    ``name`` is the path that the file would have after unpacking its archive in place.
    """

    name: str
    path: Path
    member: str | None
    size: int

    @property
    def suffix(self) -> str:
        """The lower-case file name extension with its dot."""
        return PurePosixPath(self.name).suffix.lower()

    @property
    def stem(self) -> str:
        """The file name without its extension."""
        return PurePosixPath(self.name).stem

    @property
    def folders(self) -> tuple[str, ...]:
        """The names of the folders above the file."""
        return PurePosixPath(self.name).parts[:-1]


class DataFolder:
    """All files below a folder, and how to read them.

    Attributes
    ----------
    files : list[DataFile]
        Sorted by depth, then name; a plain file hides an archived one of the same name.
    problems : list[str]
        Archives that could not be opened, in words.
    """

    def __init__(self, root: Path) -> None:
        self.problems: list[str] = []
        self._archives: dict[Path, zipfile.ZipFile] = {}
        self._lock = threading.Lock()
        by_name: dict[str, DataFile] = {}
        for file in self._plain_files(root):
            by_name[file.name] = file
        for file in list(by_name.values()):
            if file.suffix == ".zip":
                for member in self._members(file):
                    by_name.setdefault(member.name, member)
        self.files = sorted(by_name.values(), key=lambda file: (len(file.folders), file.name))

    def read(self, file: DataFile) -> bytes:
        """Return the content of a file (safe to call from several threads)."""
        if file.member is None:
            return file.path.read_bytes()
        with self._lock:
            archive = self._archives[file.path]
        return archive.read(file.member)

    def head(self, file: DataFile) -> bytes:
        """Return the first bytes of a file, at most 4096."""
        if file.member is None:
            with file.path.open("rb") as stream:
                return stream.read(4096)
        with self._archives[file.path].open(file.member) as member:
            return member.read(4096)

    def _plain_files(self, root: Path) -> list[DataFile]:
        found = []
        for folder, subfolders, names in os.walk(root):
            subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
            for name in names:
                path = Path(folder, name)
                if not name.startswith(".") and path.is_file():
                    relative = path.relative_to(root).as_posix()
                    found.append(DataFile(relative, path, None, path.stat().st_size))
        return found

    def _members(self, file: DataFile) -> list[DataFile]:
        try:
            archive = zipfile.ZipFile(file.path)
        except (zipfile.BadZipFile, OSError) as error:
            self.problems.append(f"{file.name} cannot be read as a zip archive: {error}")
            return []
        self._archives[file.path] = archive
        parent = "/".join(file.folders)
        return [
            DataFile(_unpacked_name(parent, file.stem, entry.filename), file.path, entry.filename,
                     entry.file_size)
            for entry in archive.infolist()
            if not entry.is_dir() and not _is_litter(entry.filename)
        ]  # fmt: skip


def _is_litter(member: str) -> bool:
    """Tell whether an archive's member is a hidden file or macOS metadata."""
    return any(part.startswith((".", "__MACOSX")) for part in PurePosixPath(member).parts)


def _unpacked_name(parent: str, archive_stem: str, member: str) -> str:
    """Name a member as if its archive had been unpacked next to itself.

    ``train.zip`` with ``a.jpg`` or ``train/a.jpg`` gives ``train/a.jpg`` both times;
    ``train.csv.zip`` with ``train.csv`` gives ``train.csv``.
    """
    inside = (
        member if PurePosixPath(member).parts[0] == archive_stem else f"{archive_stem}/{member}"
    )
    if member == archive_stem:
        inside = member
    return f"{parent}/{inside}" if parent else inside


def find_sample_submission(files: list[DataFile]) -> DataFile | None:
    """Return the sample submission: plain before archived, shallow before deep."""
    candidates = [
        file
        for file in files
        if file.suffix == ".csv"
        and "sample" in PurePosixPath(file.name).name.lower()
        and "submission" in PurePosixPath(file.name).name.lower()
    ]
    return min(
        candidates,
        key=lambda file: (file.member is not None, len(file.folders), len(file.name), file.name),
        default=None,
    )


def find_tables(files: list[DataFile], besides: DataFile | None) -> list[DataFile]:
    """Return the files that may be tables of many rows, without the sample submission."""
    tables = [file for file in files if file.suffix in TABLE_SUFFIXES and file != besides]
    in_folder: dict[tuple[str, ...], int] = {}
    for file in tables:
        top = file.folders[:1]
        in_folder[top] = in_folder.get(top, 0) + 1
    return [
        file for file in tables if not file.folders or in_folder[file.folders[:1]] <= MANY_TABLES
    ]


def find_images(files: list[DataFile]) -> list[DataFile]:
    """Return the image files."""
    return [file for file in files if file.suffix in IMAGE_SUFFIXES]


def part_of(file: DataFile) -> str:
    """Return ``"train"``, ``"test"`` or ``"both"``, judged by the folders' names."""
    for folder in file.folders:
        if "test" in folder.lower():
            return "test"
        if "train" in folder.lower():
            return "train"
    return "both"
