"""What the Hub's errors mean to whoever publishes."""

from __future__ import annotations

from mlebench_data.hub.publish.retrying import causes, lasting_reason, status_of

_BY_STATUS = {
    401: "the token is not accepted. Log in again with `hf auth login`, or name a file that holds "
    "a valid token with --token-file",
    403: "the token does not have the right to do this. It needs to write to the organisation's "
    "repositories",
    404: "there is no such organisation or repository, or the token may not see it",
    413: "it takes no more: a storage limit is reached",
    507: "it takes no more: a storage limit is reached",
}


def explain(error: BaseException) -> str | None:
    """Say why another attempt would fail too; None if it may succeed.

    Parameters
    ----------
    error : BaseException
        What a call of `huggingface_hub` has raised.
    """
    if any(type(item).__name__ == "OfflineModeIsEnabled" for item in causes(error)):
        return "the Hub's library is told to stay offline: unset HF_HUB_OFFLINE"
    status = status_of(error)
    if status in _BY_STATUS:
        return f"{_BY_STATUS[status]} ({_first_line(error)})"
    return lasting_reason(error)


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0]
