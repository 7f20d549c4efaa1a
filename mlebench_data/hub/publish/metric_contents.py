"""What a published metric consists of."""

from __future__ import annotations

import html

from mlebench_data.hub.publish.contents import Contents, Item
from mlebench_data.hub.publish.errors import PublishError

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>{title}</title>
<h1>{title}</h1>
<p>{summary}</p>
<pre>evaluate.load("{organisation}/{name}")</pre>
</html>
"""


def read_metric(name: str, organisation: str | None = None) -> Contents:
    """List what is sent of one metric of this package.

    Parameters
    ----------
    name : str
        One of `metric_names`.
    organisation : str, optional
        For the Hub, whose space it becomes. A space shows a page, which is added.

    Returns
    -------
    Contents
        Module, card, and the shared modules that it imports, as real files.

    Raises
    ------
    UnknownMetricError, MetricCardError
        If there is no such metric, or its card is not complete.
    PublishError
        If its folder links to something outside of the metrics.
    """
    from mlebench_data import __version__
    from mlebench_data.metrics.registry import metric_info, metric_path

    folder = metric_path(name)
    root = folder.parent.resolve()
    items = []
    for path in sorted(folder.iterdir()):
        if path.name.startswith((".", "__pycache__")):
            continue
        if not path.is_file() or not path.resolve().is_relative_to(root):
            raise PublishError(f"{path} is no file of the metrics: nothing was sent.")
        items.append(Item.of(path.name, path.read_bytes()))
    if organisation is not None:
        card = metric_info(name)
        page = _PAGE.format(
            title=html.escape(card.title),
            summary=html.escape(card.summary),
            organisation=organisation,
            name=name,
        )
        items.append(Item.of("index.html", page.encode()))
    # Not "v0.1.0": evaluate prefers a tag that is named as its own version is.
    return Contents(name, __version__, tuple(items))
