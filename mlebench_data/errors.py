"""The errors that this package raises on purpose."""

from __future__ import annotations


class MlebenchError(Exception):
    """Base of all errors whose message is written for the person who reads it.

    The command line prints the message of such an error without a traceback; every other
    exception is a defect of this package and keeps its traceback.
    """


class CatalogueError(MlebenchError):
    """A competition folder or a split list does not follow the schema."""


class UnknownNameError(MlebenchError):
    """No competition, version, split, metric or agent has this name."""


class RawDataError(MlebenchError):
    """Raw data that a recipe reads is missing or unreadable."""


class MissingExtraError(MlebenchError):
    """A library that only some uses need is not installed."""


class PrepareError(MlebenchError):
    """A recipe could not be carried out."""


class LockMismatchError(PrepareError):
    """Prepared data differs from what the lock of its version requires."""


class DataNotFoundError(MlebenchError):
    """Prepared data, a dataset repository or answers are not where they were looked for."""


class SourceError(MlebenchError):
    """A place that data is fetched from cannot be reached, refuses, or is misnamed."""


class UnreachableError(SourceError):
    """A place that data is fetched from does not answer; what was fetched before may still do."""


class KeyFileError(MlebenchError):
    """The master key is missing, malformed or readable by others."""


class SealError(MlebenchError):
    """Sealed answers could not be opened: wrong key, wrong competition or damaged file."""


class IntegrityError(MlebenchError):
    """Files differ from what their manifest says."""


def suggest(name: str, known: list[str]) -> str:
    """Return a hint that names the nearest known names, or all of them when few.

    Parameters
    ----------
    name : str
        What was asked for.
    known : list of str
        What there is.

    Returns
    -------
    str
        A sentence to append to an error message.
    """
    import difflib

    near = difflib.get_close_matches(name, known, n=3, cutoff=0.6)
    if near:
        return f"Did you mean {' or '.join(repr(item) for item in near)}?"
    if len(known) <= 12:
        return f"Known: {', '.join(sorted(known)) or 'none'}."
    return f"There are {len(known)} known names."
