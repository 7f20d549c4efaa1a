"""What is to be settled before the first byte is downloaded, for all competitions at once."""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from mlebench_data.catalogue import Competition
from mlebench_data.errors import MissingExtraError, RawDataError
from mlebench_data.fetch.kaggle_api import REFUSED_CREDENTIALS, Kaggle, bytes_to_resume
from mlebench_data.fetch.patience import in_threads, status_of, with_patience
from mlebench_data.fetch.places import archive_path, complete_path, existing_raw, received_path

#: Competitions that Kaggle is asked about at a time.
QUESTIONS_AT_A_TIME = 8

#: Seconds between attempts to ask; a download is tried for longer.
PAUSES = (1, 2, 4)

Rules = Literal["accepted", "not accepted", "unknown", ""]


@dataclass(frozen=True)
class Item:
    """One competition of the selection.

    Attributes
    ----------
    competition : Competition
        The competition.
    status : {"have", "build", "resume", "to get"}
        What there is to do.
    size : int, optional
        Size of the raw data in bytes, if it is known.
    received : int
        Bytes of it that are here.
    rules : {"accepted", "not accepted", "unknown", ""}
        Whether the user has accepted the rules; empty where that does not matter.
    problem : str, optional
        Why it cannot be downloaded.
    """

    competition: Competition
    status: Literal["have", "build", "resume", "to get"]
    size: int | None = None
    received: int = 0
    rules: Rules = ""
    problem: str | None = None

    @property
    def missing(self) -> int:
        """Bytes still to come, as far as is known."""
        return 0 if self.status == "have" else max((self.size or 0) - self.received, 0)


@dataclass(frozen=True)
class Preflight:
    """All that was found.

    Attributes
    ----------
    items : list of Item
        The selection.
    problems : list of str
        What is in the way, for the user to settle.
    needed, free : int
        Bytes still to come, and bytes free where they will lie.
    kaggle : Kaggle, optional
        The logged-in user, if one is needed.
    """

    items: list[Item]
    problems: list[str]
    needed: int
    free: int
    kaggle: Kaggle | None = field(default=None, repr=False)


def preflight(
    competitions: Sequence[Competition],
    data_dir: Path,
) -> Preflight:
    """Find out what is there, what is to be downloaded, and what is in the way of it.

    Parameters
    ----------
    competitions : sequence of Competition
        The selection.
    data_dir : pathlib.Path
        Data folder.

    Returns
    -------
    Preflight
        What was found. Nothing is downloaded, and nothing is written.
    """
    items = [_look(competition, data_dir) for competition in competitions]
    problems: list[str] = []
    kaggle = None
    remote = [item for item in items if item.status in ("resume", "to get")]
    if remote:
        try:
            kaggle = Kaggle()
        except (RawDataError, MissingExtraError) as error:
            by_hand = "".join(
                f"\n  {item.competition.facts.source.url} to "
                f"{archive_path(data_dir, item.competition.id)}"
                for item in remote
            )
            problems.append(f"{error}\nOr download by hand:{by_hand}")
    if kaggle is not None:
        user = kaggle
        asked = in_threads(lambda item: _ask(user, item), remote, QUESTIONS_AT_A_TIME)
        answers = {before.competition.id: after for before, after in asked}
        items = [answers.get(item.competition.id, item) for item in items]
        problems += _problems(items)
    needed, free, full = _space(items, data_dir)
    return Preflight(items, problems + full, needed, free, kaggle)


def _look(competition: Competition, data_dir: Path) -> Item:
    """Tell what is there, without asking Kaggle."""
    size = competition.facts.source.size_bytes
    found = existing_raw(competition, data_dir)
    if found is not None:
        return Item(competition, "have", found.stat().st_size if found.is_file() else size)
    if competition.facts.source.kind == "builtin":
        return Item(competition, "build", size)
    complete = complete_path(data_dir, competition.id)
    received = (
        complete.stat().st_size
        if complete.is_file()
        else bytes_to_resume(received_path(data_dir, competition.id))
    )
    return Item(competition, "resume" if received else "to get", size, received, "unknown")


def _ask(kaggle: Kaggle, item: Item) -> Item:
    """Ask Kaggle about one competition."""
    from requests import RequestException

    name = item.competition.id
    entered = False
    try:
        entered = with_patience(lambda: kaggle.user_has_entered(name), pauses=PAUSES)
        # The answer to the download itself decides: it also gives the exact size.
        size = with_patience(lambda: kaggle.size(name), pauses=PAUSES)
    except RequestException as error:
        status = status_of(error)
        if status == 403 and not entered:
            return replace(item, rules="not accepted")
        rules: Rules = "accepted" if entered else "unknown"
        return replace(item, rules=rules, problem=_explanation(name, status, error))
    return replace(item, size=size or item.size, rules="accepted")


def _explanation(name: str, status: int | None, error: Exception) -> str:
    if status == 401:
        return REFUSED_CREDENTIALS
    if status == 403:
        return (
            f"{name}: Kaggle refuses the download although you have entered the competition: "
            f"{error}. Its page may say what else is needed, such as a verified phone number."
        )
    if status == 404:
        return f"{name}: Kaggle knows no such competition, or shows it to its members only."
    if status is not None:
        return f"{name}: Kaggle answers with an error ({status}): {error}. Try again later."
    return f"{name}: Kaggle cannot be reached: {error}"


def _problems(items: Sequence[Item]) -> list[str]:
    """Put together what the user has to settle, the rules of all competitions in one list."""
    found = list(dict.fromkeys(item.problem for item in items if item.problem is not None))
    rules = [
        f"\n  {item.competition.facts.source.url}/rules"
        for item in items
        if item.rules == "not accepted"
    ]
    if rules:
        found.append(
            "Accept the rules of these competitions first, logged in as the same user ('Join "
            "competition' or 'Late submission' on the page):" + "".join(rules)
        )
    return found


def _space(items: Sequence[Item], data_dir: Path) -> tuple[int, int, list[str]]:
    """Return bytes still to come, bytes free, and a problem for each file system that is full."""
    needed: dict[int, int] = defaultdict(int)
    places: dict[int, Path] = {}
    for folder, missing in [
        (data_dir, 0),
        *((data_dir / item.competition.id, item.missing) for item in items),
    ]:
        place = _existing(folder)
        device = place.stat().st_dev
        places.setdefault(device, place)
        needed[device] += missing
    free = {device: shutil.disk_usage(place).free for device, place in places.items()}
    problems = [
        f"Too little space in {places[device]}: {needed[device]:,} bytes are still to come, "
        f"{free[device]:,} are free. Make room, or name another folder with --data-dir."
        for device in places
        if needed[device] > free[device]
    ]
    return sum(needed.values()), sum(free.values()), problems


def _existing(folder: Path) -> Path:
    """Return the folder, or the nearest one above that exists."""
    return next(path for path in [folder, *folder.absolute().parents] if path.exists())
