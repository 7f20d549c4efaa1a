"""Pack folders of test vectors into one archive each, the same bytes at every run.

    python tests/vectors/pack_vectors.py SOURCE [ID ...]

SOURCE holds one folder for each competition (raw/, prepared.json, answers.*, sample_submission.csv,
submissions/, scores.json). Without ids, those of all competitions of the catalogue are packed.
Result: `ID.tar.xz` beside this script.
"""

from __future__ import annotations

import io
import lzma
import sys
import tarfile
from pathlib import Path

from mlebench_data.catalogue import competition_ids

SIZE_LIMIT = 1_000_000


def pack(source: Path, target: Path) -> None:
    """Write all files below `source` to `target`, sorted, without owners, modes and times."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path in sorted(path for path in source.rglob("*") if path.is_file()):
            member = tarfile.TarInfo(path.relative_to(source).as_posix())
            member.size = path.stat().st_size
            member.mode = 0o644
            with path.open("rb") as stream:
                archive.addfile(member, stream)
    content = lzma.compress(buffer.getvalue(), preset=9 | lzma.PRESET_EXTREME)
    if len(content) > SIZE_LIMIT:
        sys.exit(f"{target.name} would have {len(content):,} bytes, more than {SIZE_LIMIT:,}.")
    target.write_bytes(content)
    print(f"{target.name}: {len(content):,} bytes")


def main(arguments: list[str]) -> None:
    """Pack the named vectors."""
    if not arguments:
        sys.exit(__doc__)
    source = Path(arguments[0])
    ids = arguments[1:] or [name for name in competition_ids() if (source / name).is_dir()]
    for name in ids:
        pack(source / name, Path(__file__).parent / f"{name}.tar.xz")


if __name__ == "__main__":
    main(sys.argv[1:])
