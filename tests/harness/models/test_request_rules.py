"""What an agent may ask of a language model."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlebench_data.harness.models.litellm_server.request_rules import (
    RefusedRequestError,
    check_request,
)

PLAIN = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}


def check(body, *, hosted_tools=False, listed=frozenset({"m"})):
    return check_request(body, hosted_tools=hosted_tools, listed=listed)


def image(url: str) -> dict:
    content = [{"type": "image_url", "image_url": {"url": url}}]
    return {"messages": [{"role": "user", "content": content}]}


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"temperature": 0.5, "max_tokens": 5, "stream": True, "top_k": 3},
        {"tools": [{"type": "function", "function": {"name": "f", "parameters": {"url": {}}}}]},
        {"tools": [{"name": "f", "input_schema": {"properties": {"url": {"default": "http:"}}}}]},
        {"tools": [{"type": "bash_20250124", "name": "bash"}]},
        image("data:image/png;base64,AAAA"),
        {"messages": [{"role": "user", "content": "see http://example.org"}]},
        {
            "messages": [
                {
                    "role": "assistant",
                    "content": [{"type": "tool_use", "name": "get", "input": {"url": "http://x"}}],
                }
            ]
        },
    ],
)
def test_allowed(more):
    assert check({**PLAIN, **more}) == {**PLAIN, **more}


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"model": 3}, "name of a model"),
        ({"model": ""}, "name of a model"),
        ({"model": "openai/*"}, "name of a model"),
        ({"model": "gemini/../files"}, "name of a model"),
        ({"model": "m?key=x"}, "name of a model"),
        ({"api_base": "http://elsewhere"}, "`api_base`"),
        ({"base_url": "http://elsewhere"}, "`base_url`"),
        ({"api_key": "sk-own"}, "`api_key`"),
        ({"aws_session_token": "x"}, "`aws_session_token`"),
        ({"extra_headers": {"a": "b"}}, "`extra_headers`"),
        ({"mock_response": "free"}, "`mock_response`"),
        ({"fallbacks": ["other"]}, "`fallbacks`"),
        ({"input_cost_per_token": 0}, "`input_cost_per_token`"),
        ({"litellm_metadata": {}}, "`litellm_metadata`"),
        ({"background": True}, "`background`"),
        ({"mcp_servers": []}, "`mcp_servers`"),
        (image("http://169.254.169.254/latest"), "not fetched"),
        (image("https://example.org/a.png"), "not fetched"),
        (image("file:///etc/passwd"), "not fetched"),
        (image("gs://bucket/a"), "not fetched"),
        (
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [
                            {"type": "document", "source": {"type": "url", "url": "http://x"}}
                        ],
                    }
                ]
            },
            "not fetched",
        ),
        ({"input": [{"type": "input_image", "image_url": "http://x"}]}, "not fetched"),
        ({"tools": [{"type": "web_search"}]}, "web_search"),
        ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "web_search"),
        ({"tools": [{"type": "mcp", "server_url": "http://x"}]}, "'mcp'"),
        ({"tools": [{"type": "code_interpreter"}]}, "code_interpreter"),
        ({"tools": [{"google_search": {}, "type": None}]}, "None"),
        ({"tools": "all"}, "must be a list"),
        ({"web_search_options": {}}, "web_search_options"),
        ({"plugins": [{"id": "web"}]}, "plugins"),
        ({"model": "gpt-4o-search-preview"}, "looks things up"),
        ({"model": "openrouter/some:online"}, "looks things up"),
    ],
)
def test_refused(more, reason):
    with pytest.raises(RefusedRequestError, match=reason):
        check({**PLAIN, **more})


def test_operator_can_allow_what_runs_at_the_provider():
    body = {**PLAIN, "tools": [{"type": "web_search"}]}
    assert check(body, hosted_tools=True) == body
    listed = {**PLAIN, "model": "perplexity/sonar"}
    assert check(listed, listed=frozenset({"perplexity/sonar"})) == listed


def test_labels_are_not_handed_on():
    assert check({**PLAIN, "user": "me", "metadata": {"user_id": "me"}}) == PLAIN


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from("abcurl") | st.text(), inner),
    max_leaves=20,
)


@given(
    JSON
    | st.fixed_dictionaries(
        {"model": st.just("m")}, optional={"messages": JSON, "tools": JSON, "input": JSON}
    )
)
def test_whatever_comes_is_handed_on_or_refused(body):
    try:
        kept = check(body)
    except RefusedRequestError:
        return
    assert kept.items() <= body.items()
