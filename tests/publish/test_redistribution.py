"""What may be passed on, and under which conditions."""

from __future__ import annotations

import itertools

import pytest

from mlebench_data.catalogue.schema import License
from mlebench_data.hub.publish.errors import PublishError
from mlebench_data.hub.publish.redistribution import check_redistribution

KINDS = ("allowed", "forbidden", "unclear")


def terms(redistribution: str, url: str | None = "https://example.org/rules") -> License:
    return License.model_validate(
        {
            "name": "Competition rules",
            "url": url,
            "redistribution": redistribution,
            "reason": "Section 7 keeps the data to participants.",
        }
    )


@pytest.mark.parametrize(
    ("catalogue", "packed", "private", "confirmed"),
    list(itertools.product(KINDS, KINDS, (False, True), (False, True))),
)
def test_only_what_both_sides_allow_is_free(
    catalogue: str, packed: str, private: bool, confirmed: bool
) -> None:
    free = catalogue == packed == "allowed"
    if free or (private and confirmed):
        check_redistribution("x", terms(catalogue), packed, private=private, confirmed=confirmed)
        return
    with pytest.raises(PublishError) as refusal:
        check_redistribution("x", terms(catalogue), packed, private=private, confirmed=confirmed)
    text = str(refusal.value)
    assert "Section 7 keeps the data to participants." in text
    assert "https://example.org/rules" in text
    assert ("forbid" in text) == ("forbidden" in (catalogue, packed))
    assert ("--private" in text) != private
    assert ("--confirm-redistribution" in text) != confirmed


def test_rules_without_an_address_are_named() -> None:
    with pytest.raises(PublishError, match="The rules: Competition rules"):
        check_redistribution("x", terms("unclear", None), "allowed", private=False, confirmed=False)
