"""What a target means, and errors in naming one."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlebench_data.hub.publish.errors import PublishError
from mlebench_data.hub.publish.places import hub_api, parse_target


@pytest.mark.parametrize(
    ("text", "kind", "organisation", "name"),
    [
        ("hf://datasets/org", "dataset", "org", None),
        ("hf://datasets/org/", "dataset", "org", None),
        ("hf://datasets/org/iris-species", "dataset", "org", "iris-species"),
        ("hf://spaces/org", "space", "org", None),
        ("/data/out", "dataset", None, None),
        ("out", "dataset", None, None),
        ("s3://bucket/folder", "dataset", None, None),
        ("memory://folder", "space", None, None),
    ],
)
def test_targets(text: str, kind: str, organisation: str | None, name: str | None) -> None:
    target = parse_target(text, kind)  # type: ignore[arg-type]
    assert (target.organisation, target.name) == (organisation, name)
    assert target.on_hub == text.startswith("hf:")


def test_a_home_folder_is_resolved() -> None:
    assert parse_target("~/out").text == str(Path.home() / "out")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hf://spaces/org", "hf://datasets/ORGANISATION"),
        ("hf://datasets", "hf://datasets/ORGANISATION"),
        ("hf://org/iris-species", "hf://datasets/ORGANISATION"),
        ("hf://datasets/org/a/b", "hf://datasets/ORGANISATION"),
        ("hf://datasets/../x", "hf://datasets/ORGANISATION"),
        ("http://localhost:8000/", "HF_ENDPOINT=http://localhost:8000 "),
        ("https://example.org", "HF_ENDPOINT=https://example.org "),
    ],
)
def test_what_is_no_target_is_explained(text: str, message: str) -> None:
    with pytest.raises(PublishError, match=message):
        parse_target(text)


@given(st.text() | st.from_regex(r"(hf://(datasets|spaces)|https?:/|~)[/\w.~%-]*"))
def test_any_text_is_a_target_or_refused(text: str) -> None:
    try:
        target = parse_target(text)
    except PublishError:
        return
    parts = [target.organisation, target.name]
    assert not any(part and (part.startswith(".") or "/" in part) for part in parts)


def test_an_unknown_file_system_is_named() -> None:
    with pytest.raises(PublishError, match=r"nowhere://x cannot be reached"):
        parse_target("nowhere://x").place("iris-species", None)


@pytest.fixture
def no_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.delenv("HUGGING_FACE_HUB_TOKEN", raising=False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "none"))


@pytest.mark.usefixtures("no_token")
def test_writing_needs_a_token() -> None:
    with pytest.raises(PublishError, match=r"no token.*hf auth login"):
        hub_api()
    assert hub_api(writing=False).token is False


@pytest.mark.usefixtures("no_token")
def test_a_token_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("hf_abc\n")
    assert hub_api(tmp_path / "token").token == "hf_abc"
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(PublishError, match="is empty"):
        hub_api(tmp_path / "empty")
    with pytest.raises(PublishError, match="cannot be read as a token"):
        hub_api(tmp_path / "missing")


def test_the_endpoint_is_the_one_of_now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://localhost:1234/")
    assert hub_api(writing=False).endpoint == "http://localhost:1234"
    monkeypatch.delenv("HF_ENDPOINT")
    assert hub_api(writing=False).endpoint == "https://huggingface.co"
