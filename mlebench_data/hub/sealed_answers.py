"""The sealed answers of a place, for those who grade one submission after the other."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path


@dataclass(frozen=True)
class SealedAnswers:
    """Answers files of dataset repositories, opened in memory. Can be sent to other processes.

    Attributes
    ----------
    source : str
        The place, as `sources.open_source` reads it.
    key_file : pathlib.Path, optional
        The key or a grant, if it is not in its usual place.
    """

    source: str
    key_file: Path | None = None

    def __call__(self, competition_id: str, version: str | None = None) -> bytes:
        """Return the content of an answers file.

        Parameters
        ----------
        competition_id : str
            The competition.
        version : str, optional
            Data version; the oldest by default.

        Raises
        ------
        UnknownNameError
            If there is no such competition or version.
        DataNotFoundError, SourceError
            If the place has no such answers, cannot be reached or refuses.
        KeyFileError, SealError
            If the key does not open them, or they were changed.
        """
        return _read(self, competition_id, version)


# A list of submissions is often sorted by competition, and answers may be large.
@lru_cache(maxsize=2)
def _read(place: SealedAnswers, competition_id: str, version: str | None) -> bytes:
    from mlebench_data.catalogue import load_competition
    from mlebench_data.hub.private import read_private_files

    competition = load_competition(competition_id)
    chosen = competition.version(version or competition.versions[0])
    files = read_private_files(
        competition.id,
        place.key_file,
        competition=competition.id,
        version=version or competition.versions[0],
        source=place.source,
    )
    return files[chosen.answers]
