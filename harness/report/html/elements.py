"""Building of HTML and SVG elements, with everything escaped."""

from __future__ import annotations

from collections.abc import Iterable
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from mlebench_data.harness.report.formatting import printable

Child = Element | str | None


def node(tag: str, /, *children: Child | Iterable[Child], **attributes: object) -> Element:
    """Make an element.

    Parameters
    ----------
    tag : str
        Its name.
    *children : Element, str, None or iterable of these
        Content. Text is escaped when the page is written; None is left out.
    **attributes : object
        Attributes; `_` in a name stands for `-`, a `_` at the end is cut off (`class_`). None
        leaves the attribute out.
    """
    element = Element(tag)
    for name, value in attributes.items():
        if value is not None:
            text = (
                f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
            )
            element.set(name.rstrip("_").replace("_", "-"), printable(text))
    for child in children:
        _add(element, child)
    return element


def _add(element: Element, child: Child | Iterable[Child]) -> None:
    if child is None:
        return
    if isinstance(child, Element):
        element.append(child)
    elif isinstance(child, str):
        text = printable(child)
        if len(element):
            element[-1].tail = (element[-1].tail or "") + text
        else:
            element.text = (element.text or "") + text
    else:
        for item in child:
            _add(element, item)


def raw_text(tag: str, text: str) -> Element:
    """Make an element such as `style`, whose own text is no markup and keeps its lines."""
    element = Element(tag)
    element.text = text
    return element


def to_text(element: Element) -> str:
    """Write an element and all in it."""
    return ElementTree.tostring(element, encoding="unicode", method="html")


def percent(share: float) -> str:
    """Return a share of the width, between 0 and 1, as SVG and CSS take it."""
    return f"{100 * share:.2f}%"
