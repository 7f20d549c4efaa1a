"""Whether data may be passed on, and to whom."""

from __future__ import annotations

from mlebench_data.catalogue.schema import License
from mlebench_data.hub.publish.errors import PublishError


def check_redistribution(
    competition: str, terms: License, packed: str, *, private: bool, confirmed: bool
) -> None:
    """Refuse to publish what its rules do not allow to pass on.

    Parameters
    ----------
    competition : str
        Id of the competition.
    terms : License
        What the catalogue says.
    packed : str
        What the repository's manifest says: "allowed", "forbidden" or "unclear". The stricter of
        both counts.
    private : bool
        Whether nobody but those with an account there will have access.
    confirmed : bool
        Whether the user takes the responsibility.

    Raises
    ------
    PublishError
        If the data may not be passed on, unless both hold.
    """
    if terms.redistribution == "allowed" and packed == "allowed":
        return
    if private and confirmed:
        return
    forbidden = "forbidden" in (terms.redistribution, packed)
    verdict = (
        "its rules forbid to pass the data on"
        if forbidden
        else "it is unclear whether its rules allow to pass the data on"
    )
    rules = f" The rules: {terms.url}" if terms.url else f" The rules: {terms.name}."
    missing = [
        flag
        for flag, given in (("--private", private), ("--confirm-redistribution", confirmed))
        if not given
    ]
    raise PublishError(
        f"{competition} was not published: {verdict}. {terms.reason.rstrip('.')}.{rules}\n"
        "It can go to a place that only people have access to who accepted these rules. If that "
        f"is so and you take the responsibility, add {' and '.join(missing)}."
    )
