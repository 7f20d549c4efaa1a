"""Marks of agents: a colour and a shape for each, so that nothing hangs on colour alone."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from mlebench_data.harness.report.html.elements import node

#: Paths around the origin, about 9 units wide.
_SHAPES = (
    "M0-4.5A4.5 4.5 0 1 1 0 4.5 4.5 4.5 0 1 1 0-4.5Z",
    "M-4-4H4V4H-4Z",
    "M0-5.2 5 4H-5Z",
    "M0-5.5 5.5 0 0 5.5-5.5 0Z",
    "M0 5.2-5-4H5Z",
    "M-1.7-5H1.7V-1.7H5V1.7H1.7V5H-1.7V1.7H-5V-1.7H-1.7Z",
)
COLOURS = 6


def agent_class(number: int) -> str:
    """Return the class that gives the number-th agent its colour."""
    return f"agent{number % COLOURS}"


def mark(
    number: int, x: object, y: object, title: str | None = None, *, hollow: bool = False
) -> Element:
    """Draw the mark of the number-th agent.

    Parameters
    ----------
    number : int
        Which agent.
    x, y : object
        Its place: numbers or shares of the width such as ``"45%"``.
    title : str, optional
        What it stands for, shown when pointed at.
    hollow : bool
        Whether only its outline is drawn.
    """
    # Colours and shapes move on together at first, and part once all were used.
    shape = _SHAPES[(number + number // COLOURS) % len(_SHAPES)]
    return node(
        "svg",
        node("path", node("title", title) if title else None, d=shape),
        x=x,
        y=y,
        overflow="visible",
        class_=f"mark {agent_class(number)}" + (" hollow" if hollow else ""),
    )


def legend(agents: tuple[str, ...]) -> Element:
    """Name each agent beside its mark."""
    return node(
        "ul",
        (
            node(
                "li",
                node("svg", mark(i, 7, 7), width=14, height=14, aria_hidden="true"),
                name,
            )
            for i, name in enumerate(agents)
        ),
        class_="legend",
    )
