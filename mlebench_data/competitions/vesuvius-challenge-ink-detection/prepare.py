"""What only this competition needs: the size of a fragment, from the head of its photograph."""

from __future__ import annotations

import struct

from mlebench_data.errors import PrepareError
from mlebench_data.recipe import Context

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def make_answers(context: Context, fragment: str, size_of: str) -> None:
    """Make `answers`: the labels under the fragment's new name, with its size in pixels.

    Parameters
    ----------
    context : Context
        The running recipe, with the table `labels`.
    fragment : str
        The new name.
    size_of : str
        Raw PNG file of the fragment's size.
    """
    with context.raw.open(size_of) as stream:
        head = stream.read(24)
    if len(head) < 24 or not head.startswith(PNG_SIGNATURE):
        raise PrepareError(f"Raw file '{size_of}' is not a PNG image.")
    # Behind the signature, and the length and name of the first block.
    width, height = struct.unpack(">II", head[16:])
    labels = context.table("labels")
    context.values["answers"] = labels.assign(Id=fragment, width=width, height=height)
