"""Trying again what a network or a server failed at."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from mlebench_data.errors import MlebenchError
from mlebench_data.hub.publish.errors import PublishError

PAUSES = [1.0, 2.0, 4.0, 8.0, 16.0]
"""Seconds between attempts; after the last one there is no further attempt."""

GO_ON = "What has arrived stays there: run the same command again to go on."

_LASTING = {
    errno.ENOSPC: "no space is left there: free some",
    errno.EDQUOT: "its quota is used up: free some space",
    errno.EFBIG: "a file is too large for it",
    errno.EROFS: "it is read-only",
    errno.EACCES: "you have no right to write there",
    errno.EPERM: "you have no right to write there",
    errno.ENOTDIR: "a file is where a folder is needed",
    errno.EISDIR: "a folder is where a file is needed",
    errno.ENAMETOOLONG: "a name is too long for it",
    errno.EINVAL: "it does not take this name or value",
}
_NO_CREDENTIALS = {"NoCredentialsError", "PartialCredentialsError", "DefaultCredentialsError"}
_LASTING_STATUS = range(400, 500)
_PASSING_STATUS = {408, 409, 412, 425, 429}

_Result = TypeVar("_Result")


def causes(error: BaseException) -> Iterator[BaseException]:
    """Give an error and what it came from, in this order."""
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__


def own_error(error: BaseException) -> MlebenchError | None:
    """Return the error of this package that a library has wrapped into its own, if any."""
    return next((item for item in causes(error) if isinstance(item, MlebenchError)), None)


def status_of(error: BaseException) -> int | None:
    """Return the HTTP status that an error is about, if any."""
    for item in causes(error):
        response = getattr(item, "response", None)
        status = getattr(response, "status_code", None) or getattr(item, "status", None)
        if isinstance(response, dict):
            # botocore
            status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        if isinstance(status, int):
            return status
    return None


def is_of_storage(error: BaseException) -> bool:
    """Tell whether an error is one of a storage or its library, and not a defect of ours."""
    return any(
        isinstance(item, OSError)
        or type(item).__module__.partition(".")[0] not in ("builtins", "mlebench_data")
        for item in causes(error)
    )


def lasting_reason(error: BaseException) -> str | None:
    """Say why another attempt would fail too; None if it may succeed."""
    for item in causes(error):
        if isinstance(item, OSError) and item.errno in _LASTING:
            return f"{_LASTING[item.errno]} ({item})"
        if isinstance(item, (PermissionError, FileNotFoundError)):
            return str(item)
        if type(item).__name__ in _NO_CREDENTIALS:
            return f"it asks for credentials: {item}"
    status = status_of(error)
    if status in _LASTING_STATUS and status not in _PASSING_STATUS:
        return str(error)
    return None


def with_retries(
    action: Callable[[], _Result],
    place: str,
    explain: Callable[[BaseException], str | None] = lasting_reason,
) -> _Result:
    """Carry out what may fail for a reason that passes.

    Parameters
    ----------
    action : callable
        What to do; it is safe to do it again.
    place : str
        Where, for messages.
    explain : callable
        Says of an error why another attempt would fail too; None if it may succeed.

    Raises
    ------
    PublishError
        If it fails for good, or too often.
    """
    failures = 0
    while True:
        try:
            return action()
        except MlebenchError:
            raise
        except Exception as error:
            own = own_error(error)
            if own is not None:
                raise own from error
            if not is_of_storage(error):
                raise
            reason = explain(error)
            if reason is not None:
                raise PublishError(f"{place}: {reason}. {GO_ON}") from error
            if failures == len(PAUSES):
                raise PublishError(
                    f"{place} failed {failures + 1} times in a row, at last with "
                    f"{type(error).__name__}: {error}. {GO_ON}"
                ) from error
            time.sleep(PAUSES[failures])
            failures += 1
