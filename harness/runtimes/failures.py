"""How the machinery fails, as opposed to an agent."""

from __future__ import annotations

from mlebench_data.errors import MlebenchError


class RuntimeFailure(MlebenchError):  # noqa: N818 - a failure of the machinery, not of the agent
    """The machinery failed, so the attempt says nothing about the agent and may be repeated.

    Attributes
    ----------
    pause_seconds : float or None
        Wait before that, where another than the run's is right.
    """

    pause_seconds: float | None = None


class OutOfReach(RuntimeFailure):
    """The way to a sandbox broke; it may still run, and may be adopted later."""


class EngineUnreachable(OutOfReach):
    """The engine does not answer: no fault of an attempt, and the same for all of them."""


class LastingFailure(RuntimeFailure):
    """The machinery failed in a way that trying again does not mend, as a missing image does."""
