"""What `status`, `tail` and the live table tell of a run, from its folder alone."""

from __future__ import annotations

import dataclasses
import io
import json
from pathlib import Path
from typing import Any

import pytest
from command_line import Command, write_agent
from hypothesis import given
from hypothesis import strategies as some
from rich.console import Console

from mlebench_data.errors import DataNotFoundError
from mlebench_data.harness.commands.tail import _Log
from mlebench_data.harness.events import EventLog, read_events
from mlebench_data.harness.following import Progress, follow, harmless, last_line
from mlebench_data.harness.live import clock, overview, summary
from mlebench_data.harness.run_folder import held
from mlebench_data.harness.state import AttemptState


def shown(attempts: list[Progress], **options: Any) -> str:
    console = Console(file=io.StringIO(), width=120)
    console.print(overview(attempts, **options))
    return console.file.getvalue()


@pytest.fixture
def ended(mlebench: Command, tmp_path: Path) -> Path:
    """A run that has ended: one agent submits, the other fails."""
    good = write_agent(tmp_path / "agents" / "good", "submission.write_text(plain); print('bye')")
    bad = write_agent(tmp_path / "agents" / "bad", "sys.exit(3)")
    out = tmp_path / "out"
    mlebench(
        "run", "--agent", good, bad, "--competition", "tiny", "--runtime", "local", "--out", out
    )
    return out


def test_ended_run(mlebench: Command, ended: Path):
    attempts, is_alive = follow(ended)
    assert not is_alive
    assert [(item.label, item.state, item.outcome, item.medal) for item in attempts] == [
        ("tiny/good-seed0", "done", "scored", "silver"),
        ("tiny/bad-seed0", "done", "agent_error", None),
    ]
    assert attempts[0].last_line == "bye" and attempts[0].limit_seconds == 600
    finished = mlebench("status", ended, "--all")
    assert finished.code == 0
    assert "scored, silver" in finished.out and "2 of 2 done" in finished.out
    assert "all attempts have ended" in finished.out
    assert "tiny/good" not in mlebench("status", ended).out


def test_status_as_json(mlebench: Command, ended: Path):
    lines = [json.loads(line) for line in mlebench("status", ended, "--json").out.splitlines()]
    assert [line["label"] for line in lines] == ["tiny/good-seed0", "tiny/bad-seed0"]
    assert lines[0]["score"] == 0.75


def test_run_that_was_cut_off(mlebench: Command, ended: Path):
    folder = ended / "tiny" / "good-seed0"
    (folder / "result.json").unlink()
    state = AttemptState.read(folder).changed("running", token="container")
    state.write(folder)
    (folder.parent / "bad-seed0" / "result.json").unlink()
    dataclasses.replace(state, token=None).write(folder.parent / "bad-seed0")
    finished = mlebench("status", ended)
    assert finished.code == 1
    assert "running" in finished.out and "lost" in finished.out
    assert "goes on with what is open" in finished.out
    with held(ended):
        attempts, is_alive = follow(ended)
    assert is_alive and [item.state for item in attempts] == ["running", "running"]


def test_damaged_record_is_told(ended: Path):
    (ended / "tiny" / "good-seed0" / "result.json").write_text("{}")
    attempts, _ = follow(ended)
    assert attempts[0].state == "failed" and "is no record" in attempts[0].reason


def test_folder_of_no_run(mlebench: Command, tmp_path: Path):
    with pytest.raises(DataNotFoundError, match=r"no folder of a run"):
        follow(tmp_path)
    assert mlebench("tail", tmp_path).code == 1


def test_events(ended: Path):
    events = list(read_events(ended / "events.jsonl"))
    assert [event["event"] for event in events] == [
        "run_started", "attempt_started", "attempt_finished", "attempt_started",
        "attempt_finished", "run_finished",
    ]  # fmt: skip
    assert events[2]["attempt"] == "tiny/good-seed0" and events[2]["score"] == 0.75
    assert [event["time"] for event in events] == sorted(event["time"] for event in events)


def test_event_that_is_being_written_is_left_out(tmp_path: Path):
    log = EventLog(tmp_path / "events.jsonl")
    log.write("one", path=Path("x"))
    with (tmp_path / "events.jsonl").open("a") as stream:
        stream.write('{"time": "2026')
    assert [event["event"] for event in read_events(tmp_path / "events.jsonl")] == ["one"]
    EventLog(tmp_path / "nowhere" / "events.jsonl").write("lost")


def test_tail(mlebench: Command, ended: Path):
    log = ended / "tiny" / "good-seed0" / "agent.log"
    log.write_text("".join(f"line {number}\n" for number in range(20)) + "\x1b[2Jrest")
    finished = mlebench("tail", ended, "tiny/good-seed0", "-n", 2)
    assert finished.out == "line 19\nrest\n"
    assert mlebench("tail", ended, "tiny/good-seed0", "-n", 0).out == ""
    both = mlebench("tail", ended, "tiny", "-n", 1)
    assert both.out == "tiny/good-seed0  rest\n"
    assert mlebench("tail", ended, "-f", "-n", 1).out.endswith("rest\n")
    line = json.loads(mlebench("tail", ended, "tiny/good-seed0", "-n", 1, "--json").out)
    assert line == {"attempt": "tiny/good-seed0", "line": "\x1b[2Jrest"}
    missing = mlebench("tail", ended, "tiny/god-seed0")
    assert missing.code == 1 and "'tiny/good-seed0'" in missing.err


def test_tail_of_a_progress_bar(mlebench: Command, ended: Path):
    """Each line shows what a screen would; one that goes on and on is shown as it grows."""
    path = ended / "tiny" / "good-seed0" / "agent.log"
    path.write_bytes(b"begin\r\n 10%\r 20%\r\n 30%\r 40%\r")
    finished = mlebench("tail", ended, "tiny/good-seed0")
    assert finished.out == "begin\n 20%\n 30%\n 40%\n"
    log = _Log(path)
    shown = [*log.new_lines()]
    for more in (b" 50%\r", b" 60%\r 70%", b"\rend\r", b"\nlast\r\n"):
        with path.open("ab") as stream:
            stream.write(more)
        shown += log.new_lines()
    assert shown == ["begin", " 20%", " 30%", " 40%", " 60%", " 70%", "end", "last"]


@given(text=some.text())
def test_nothing_steers_a_terminal(text: str):
    plain = harmless(text)
    assert not any(ord(letter) < 32 and letter not in "\t\n" for letter in plain)
    assert "\x1b" not in plain and "\x9b" not in plain
    assert harmless("\x1b[31mred\x1b[0m \x1b]0;title\x07rest\u202e") == "red rest"


def test_last_line_of_a_progress_bar(tmp_path: Path):
    log = tmp_path / "agent.log"
    log.write_bytes(b"begin\n" + b" 10%\r 20%\r" + b"\n\n")
    assert last_line(log) == "20%"
    log.write_bytes(b"x" * 10_000)
    assert last_line(log) == "x" * 4096
    assert last_line(tmp_path / "none") == ""


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, ""), (0.4, "0 s"), (59.9, "59 s"), (60, "1:00"), (725, "12:05"), (11229, "3:07:09")],
)
def test_clock(seconds: float | None, text: str):
    assert clock(seconds) == text


def test_overview_of_many():
    attempts = [
        *(Progress(f"c/done{n}", "done", outcome="scored", elapsed_seconds=60) for n in range(100)),
        *(Progress(f"c/run{n}", "running", elapsed_seconds=20, cost_usd=0.5) for n in range(50)),
        *(Progress(f"c/wait{n}", "waiting") for n in range(75)),
    ]
    text = shown(attempts, rows=10)
    assert text.count("c/run") == 10 and "c/done" not in text and "c/wait" not in text
    assert "and 40 more under way" in text
    line = summary(attempts)
    assert line.startswith("100 of 225 done, 100 scored, 50 running, 75 waiting")
    # 40 s for each of those under way and 60 s for each that waits, 50 at a time.
    assert line.endswith("$25.00, about 2:10 left")


def test_markup_of_agents_is_shown_as_it_is():
    text = shown([Progress("c/a", "running", last_line="[bold]not bold[/bold]")])
    assert "[bold]not bold[/bold]" in text


def test_long_last_line_takes_no_room_from_the_others():
    attempt = Progress("competition/agent-seed0", "running", last_line="x" * 5000, tries=1)
    lines = shown([attempt]).splitlines()
    assert lines[1].startswith("competition/agent-seed0  running")
    assert lines[1].rstrip().endswith("…")
    assert max(map(len, lines)) <= 120
