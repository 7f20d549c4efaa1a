"""A collection on the Hub: the repositories of a split on one page."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mlebench_data.hub.publish.hub_errors import explain
from mlebench_data.hub.publish.retrying import with_retries

if TYPE_CHECKING:
    from huggingface_hub import HfApi


def update_collection(
    api: HfApi, organisation: str, title: str, repo_ids: Sequence[str], *, private: bool
) -> str:
    """Make a collection, and add what it lacks.

    Parameters
    ----------
    api : huggingface_hub.HfApi
        Reaches the endpoint.
    organisation : str
        Whose collection it is.
    title : str
        Its name; one of this name is used if there is one.
    repo_ids : sequence of str
        Datasets, in the order in which they are added.
    private : bool
        Whether a new collection is private.

    Returns
    -------
    str
        Its address.

    Raises
    ------
    PublishError
        If the endpoint refuses or fails.
    """
    place = f"The collection '{title}' of {organisation} at {api.endpoint}"
    collection = with_retries(
        functools.partial(
            api.create_collection,
            title,
            namespace=organisation,
            description="Competitions of MLE-bench as datasets, their answers locked.",
            private=private,
            exists_ok=True,
        ),
        place,
        explain,
    )
    present = {item.item_id for item in collection.items}
    for repo_id in repo_ids:
        if repo_id not in present:
            add = functools.partial(
                api.add_collection_item, collection.slug, repo_id, "dataset", exists_ok=True
            )
            with_retries(add, place, explain)
    return f"{api.endpoint}/collections/{collection.slug}"
