"""Run AIDE's search until the time is up; the best program's submission always lies ready."""

from __future__ import annotations

import contextlib
import os
import random
import re
import shutil
import sys
import tempfile
import time
import traceback
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from prompt import packages, task
from settings import Settings, read_settings

#: Steps that may fail one after the other, as when a model answers nonsense.
MAX_FAILURES = 10


def ask_by_chat() -> None:
    """Have AIDE ask all models by chat completions at OPENAI_BASE_URL.

    By itself it sends models of OpenAI's to that company's own address, and those of others to
    theirs; here the harness's proxy stands for all of them.
    """
    from aide import backend  # type: ignore[import-not-found]
    from aide.backend import backend_openai  # type: ignore[import-not-found]

    def match(pattern: str, text: str) -> re.Match[str] | None:
        # The pattern by which the module tells OpenAI's models; its other questions are answered.
        return None if pattern.startswith("^(gpt-") else re.match(pattern, text)

    backend_openai.re = SimpleNamespace(match=match)
    backend.determine_provider = lambda model: "openai"


def configure(settings: Settings, workspace: Path) -> Any:
    """Return AIDE's configuration."""
    from aide.utils.config import _load_cfg, prep_cfg  # type: ignore[import-not-found]

    config = _load_cfg(use_cli_args=False)
    config.data_dir = str(settings.data)
    description = workspace / "task.md"
    description.write_text(task(settings.data), encoding="utf-8")
    config.desc_file = str(description)
    config.log_dir = str(settings.logs / "aide")
    config.workspace_dir = str(workspace)
    config.copy_data = False
    config.exp_name = "search"
    config.generate_report = False
    config.exec.timeout = int(settings.program_seconds)
    config.agent.steps = settings.steps
    config.agent.k_fold_validation = settings.folds
    config.agent.code.model = settings.model
    config.agent.feedback.model = settings.feedback_model
    config.agent.code.temp = config.agent.feedback.temp = settings.temperature
    config.agent.search.num_drafts = settings.drafts
    config.agent.search.debug_prob = settings.debug_probability
    config.agent.search.max_debug_depth = settings.debug_depth
    return prep_cfg(config)


def make_search(config: Any) -> tuple[Any, Any, Any]:
    """Return AIDE's agent, its journal and its interpreter."""
    from aide.agent import Agent  # type: ignore[import-not-found]
    from aide.interpreter import Interpreter  # type: ignore[import-not-found]
    from aide.journal import Journal  # type: ignore[import-not-found]
    from aide.utils.config import load_task_desc, prep_agent_workspace

    installed = ", ".join(f"`{name}`" for name in packages())

    class HonestAgent(Agent):  # type: ignore[misc]
        """AIDE's agent, which tells the model what is really installed."""

        @property
        def _prompt_environment(self) -> dict[str, str]:
            return {
                "Installed Packages": f"Your solution can use Python's standard library and these "
                f"packages: {installed}. No others are installed, and there is no network."
            }

    prep_agent_workspace(config)
    journal = Journal()
    agent = HonestAgent(task_desc=load_task_desc(config), cfg=config, journal=journal)
    interpreter = Interpreter(
        config.workspace_dir,
        timeout=config.exec.timeout,
        agent_file_name=config.exec.agent_file_name,
    )
    return agent, journal, interpreter


def hand_in(submission: Path, program: str, settings: Settings) -> None:
    """Put a submission and its program in their places, at once."""
    target = settings.submission / "submission.csv"
    partial = settings.submission / ".submission.csv.partial"
    shutil.copyfile(submission, partial)
    partial.replace(target)
    (settings.code / "solution.py").write_text(program, encoding="utf-8")


def save(config: Any, journal: Any) -> None:
    """Write journal and tree to the logs."""
    from aide.utils.config import save_run

    try:
        save_run(config, journal)
    except Exception:
        # The picture of the tree must not end the search.
        traceback.print_exc()


def search(settings: Settings, config: Any) -> int:
    """Search until the time or the steps are used up; return the exit status."""
    agent, journal, interpreter = make_search(config)
    submission = Path(config.workspace_dir) / "working" / "submission.csv"
    has_submitted = False
    failures = 0
    program = {"code": ""}

    def execute(code: str, reset: bool) -> Any:
        program["code"] = code
        interpreter.timeout = max(1, int(min(settings.program_seconds, settings.seconds_left())))
        return interpreter.run(code, reset)

    while len(journal) < settings.steps and settings.seconds_left() > 0:
        # What lies there afterwards is this step's.
        submission.unlink(missing_ok=True)
        try:
            agent.step(exec_callback=execute)
            failures = 0
        except Exception:
            traceback.print_exc()
            failures += 1
            time.sleep(min(2.0**failures, max(settings.seconds_left(), 0)))
        align(journal)
        save_worthy = len(journal) > 0 and failures == 0
        best = journal.get_best_node(only_good=True)
        is_best = save_worthy and best is journal[-1]
        if submission.is_file() and (is_best or not has_submitted):
            # Until there is a program without faults, any submission is better than none.
            hand_in(submission, program["code"], settings)
            has_submitted = True
        if save_worthy:
            save(config, journal)
            print(
                f"step {len(journal)}: {describe(journal[-1])}; best: "
                f"{'none' if best is None else describe(best)}; "
                f"{max(settings.seconds_left(), 0):.0f} s left"
            )
        if failures >= MAX_FAILURES:
            print(f"{failures} steps failed one after the other; giving up", file=sys.stderr)
            break
    interpreter.cleanup_session()
    return 0 if has_submitted or len(journal) else 1


def align(journal: Any) -> None:
    """Have all metrics point in the same direction, that of the first program without faults.

    A model that now and then mistakes the direction would end AIDE's search: it compares no metrics
    of different directions.
    """
    good = journal.good_nodes
    for node in good:
        node.metric.maximize = good[0].metric.maximize


def describe(node: Any) -> str:
    """Return one program's result in words."""
    return "a fault" if node.is_buggy else f"metric {node.metric.value:.5g}"


def main() -> int:
    """Run the search in a folder of its own, which is not kept."""
    settings = read_settings(os.environ)
    random.seed(settings.seed)
    ask_by_chat()
    print(f"models: {settings.model} (programs), {settings.feedback_model} (feedback)")
    with contextlib.ExitStack() as stack:
        workspace = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="aide-")))
        return search(settings, configure(settings, workspace))


if __name__ == "__main__":
    sys.exit(main())
