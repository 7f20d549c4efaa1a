"""The page: whole, self-contained, accessible, and deaf to what records smuggle in."""

from __future__ import annotations

import dataclasses
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest
from made_up_runs import infra_error, medal_score, record, sample_run, write_run

from mlebench_data.harness.report.aggregation import make_report
from mlebench_data.harness.report.html.page import to_html
from mlebench_data.harness.report.reading import read_runs

VOID = ("meta", "br")
EVIL = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'&"


class Page(HTMLParser):
    """Collects the elements of a page and refuses ends that do not fit."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: Counter[str] = Counter()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text.append(data)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> str:
    return to_html(make_report(read_runs([sample_run(tmp_path_factory.mktemp("sample") / "run")])))


def test_all_figures_and_tables(sample: str):
    page = Page(sample)
    text = " ".join(page.text)
    for name in (
        "Figure 1. Medals by split.",
        "Figure 2. Medals by category.",
        "Figure 3. Medals over time.",
        "Figure 4. Percentile by competition.",
        "Figure 5. Score over time.",
        "Figure 6. Time and cost by competition.",
        "Table 1. By split",
        "Table 2. By category",
        "Table 3. By competition",
        "Table 4. Attempts that have no valid submission, and why.",
        "Provenance",
        "Made-up processor, 36 CPUs, 472.4 GB",
        "column `label`: row 17 is empty",
    ):
        assert name in text
    assert page.tags["figure"] == page.tags["figcaption"] == 6


def test_nothing_comes_from_elsewhere(sample: str):
    page = Page(sample)
    assert not page.tags.keys() & {"script", "link", "img", "iframe", "object", "embed", "base"}
    for _, attributes in page.elements:
        assert not attributes.keys() & {"src", "href", "xlink:href", "style", "action"}
        assert not any(name.startswith("on") for name in attributes)
    assert "url(" not in sample
    assert "@import" not in sample
    policy = next(a["content"] for _, a in page.elements if "http-equiv" in a)
    assert policy is not None
    assert policy.startswith("default-src 'none'")


def test_readable_without_eyes(sample: str):
    page = Page(sample)
    assert page.elements[0] == ("html", {"lang": "en"})
    assert page.tags["h1"] == page.tags["main"] == 1
    assert page.tags["caption"] == page.tags["table"]
    depth_hidden = [
        attributes
        for tag, attributes in page.elements
        if tag == "svg" and "mark" not in (attributes.get("class") or "")
    ]
    # A drawing says what it shows, or the tables say it.
    assert all(
        item.get("aria-hidden") == "true" or (item.get("role") == "img" and item.get("aria-label"))
        for item in depth_hidden
    )
    assert all(item.get("scope") for tag, item in page.elements if tag == "th")


def test_the_same_runs_give_the_same_page(tmp_path: Path):
    run = sample_run(tmp_path / "run", seeds=1)
    assert to_html(make_report(read_runs([run]))) == to_html(make_report(read_runs([run])))


def test_hostile_text_is_only_text(tmp_path: Path):
    competition = "spaceship-titanic"
    records = [
        record(
            competition, "a", 0, outcome="agent_error", reason=EVIL, node=EVIL,
            settings={"image": EVIL, "network": EVIL},
            provenance={"package_version": EVIL},
            data={"source": EVIL},
        ),
        dataclasses.replace(record(competition, "a", 1, 0.7), agent=EVIL.replace("/", "")),
        dataclasses.replace(
            record("wine-recognition", "a", 0, 0.7), competition_id=EVIL.replace("/", "")
        ),
    ]  # fmt: skip
    text = to_html(make_report(read_runs([write_run(tmp_path, records)])))
    page = Page(text)
    assert not page.tags.keys() & {"script", "img"}
    assert any(EVIL in part for part in page.text)


def test_figures_without_content_are_left_out(tmp_path: Path):
    records = [record("wine-recognition", "a", 0, 0.5, seconds=None)]
    text = to_html(make_report(read_runs([write_run(tmp_path, records)])))
    assert Page(text).tags["figure"] == 0
    assert "Figures left out: no competition of these runs has medals" in text
    assert "None: all attempts have a valid submission." in text


def test_snapshots_that_are_no_numbers(tmp_path: Path):
    gold = medal_score("spaceship-titanic", "gold")
    snapshots = [
        {"seconds": 10.0, "sha256": "x", "status": "invalid", "score": None},
        {"seconds": 20.0, "sha256": "x", "status": "valid", "score": "NaN"},
        {"seconds": 30.0, "sha256": "x", "status": "valid", "score": 0.5},
        {"seconds": 9999.0, "sha256": "x", "status": "valid", "score": 0.1},
    ]
    records = [record("spaceship-titanic", "a", 0, gold, snapshots=snapshots)]
    records.append(infra_error("spaceship-titanic", "a", 1))
    text = to_html(make_report(read_runs([write_run(tmp_path, records)])))
    # What lies after the end of the attempt was never submitted by it.
    assert f"a, seed 0, from 0.5 to {gold}." in text
    assert "nan" not in text.lower().replace("provenance", "")
