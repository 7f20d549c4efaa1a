"""Files of repositories: whole, in parts, or only if they changed."""

from __future__ import annotations

import re

from mlebench_data.hub.endpoint.messages import FileBody, RefusedError, Request, Response
from mlebench_data.hub.endpoint.tree import Tree

_RANGE = re.compile(r"bytes=\s*([0-9]{0,19})-([0-9]{0,19})\s*")


def download(request: Request, tree: Tree, path: str) -> Response:
    """Answer a request for a file.

    Parameters
    ----------
    request : Request
        Its headers may ask for one range of bytes (`Range`, `If-Range`) or for nothing if the
        client's copy is good (`If-None-Match`).
    tree : Tree
        Commit.
    path : str
        Path of the file in it.

    Returns
    -------
    Response
        200 with the file, 206 with a range of it, or 304.

    Raises
    ------
    RefusedError
        If there is no such file or no such range.
    """
    entry, file = tree.open(path)
    try:
        tag = tree.tag(entry)
        headers = {
            "Content-Type": "application/octet-stream",
            "ETag": f'"{tag}"',
            "X-Repo-Commit": tree.commit,
            "Accept-Ranges": "bytes",
            # The bytes come from strangers' uploads; no browser shall guess them to be a page.
            "X-Content-Type-Options": "nosniff",
        }
        if tag == tree.listed.get(path):
            headers |= {"X-Linked-ETag": f'"{tag}"', "X-Linked-Size": str(entry.size)}
        if _matches(request.headers.get("if-none-match", ""), tag):
            file.close()
            return Response(304, headers)
        asked = request.headers.get("range")
        condition = request.headers.get("if-range")
        if condition is not None and condition.strip() != f'"{tag}"':
            asked = None
        part = _part(asked, entry.size)
        if part is None:
            return Response(200, headers, FileBody(file, 0, entry.size))
        first, length = part
        if length == 0:
            raise RefusedError(
                416,
                f"{path!r} has {entry.size} bytes; {asked!r} is not among them.",
                headers={"Content-Range": f"bytes */{entry.size}", "X-Repo-Commit": tree.commit},
            )
        headers["Content-Range"] = f"bytes {first}-{first + length - 1}/{entry.size}"
        return Response(206, headers, FileBody(file, first, length))
    except BaseException:
        file.close()
        raise


def _matches(header: str, tag: str) -> bool:
    given = {part.strip().removeprefix("W/") for part in header.split(",")}
    return "*" in given or f'"{tag}"' in given


def _part(header: str | None, size: int) -> tuple[int, int] | None:
    """Return offset and length of the range asked for; None for the whole file.

    Several ranges at once, and what is no range at all, get the whole file, as RFC 9110 allows.
    The length is 0 if the range holds nothing of the file.
    """
    match = _RANGE.fullmatch(header or "")
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        length = min(int(last), size)
        return size - length, length
    start = int(first)
    end = min(int(last), size - 1) if last else size - 1
    if last and int(last) < start:
        return None
    return start, max(0, end - start + 1)
