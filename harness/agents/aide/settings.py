"""What the agent was told: places, time, parameters."""

from __future__ import annotations

import json
import sys
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """Places, time and parameters of one attempt.

    Attributes
    ----------
    data, submission, logs, code : pathlib.Path
        Folders of the contract.
    deadline : float
        When the time is up, on the clock of `time.monotonic`.
    reserve : float
        Seconds before that in which no program may run any more.
    seed : int
        Seed of the search.
    model, feedback_model : str
        Models that write programs and judge their output.
    temperature : float
        Of both.
    steps, drafts, debug_depth, folds : int
        As AIDE's configuration has them.
    debug_probability : float
        The same.
    program_seconds : float
        Longest run of one program.
    """

    data: Path
    submission: Path
    logs: Path
    code: Path
    deadline: float
    reserve: float
    seed: int
    model: str
    feedback_model: str
    temperature: float
    steps: int
    drafts: int
    debug_depth: int
    folds: int
    debug_probability: float
    program_seconds: float

    def seconds_left(self) -> float:
        """Return how long programs may still run."""
        return self.deadline - self.reserve - time.monotonic()


def read_settings(variables: Mapping[str, str]) -> Settings:
    """Read the variables that the harness sets.

    Raises
    ------
    SystemExit
        If there is no language model.
    """
    if not variables.get("OPENAI_BASE_URL"):
        sys.exit("AIDE needs a language model: run it with --network llm.")
    seconds = float(variables["TIME_LIMIT_SECS"])
    model = variables.get("AGENT_MODEL") or first_model(variables)
    return Settings(
        data=Path(variables["DATA_DIR"]),
        submission=Path(variables["SUBMISSION_DIR"]),
        logs=Path(variables["LOGS_DIR"]),
        code=Path(variables["CODE_DIR"]),
        deadline=time.monotonic() + seconds,
        # A program that is stopped may take some seconds more, and so does saving.
        reserve=min(60.0, 0.1 * seconds),
        seed=int(variables.get("SEED", "0")),
        model=model,
        feedback_model=variables.get("AGENT_FEEDBACK_MODEL") or model,
        temperature=float(variables.get("AGENT_TEMPERATURE", "0.5")),
        steps=int(variables.get("AGENT_STEPS", "500")),
        drafts=int(variables.get("AGENT_DRAFTS", "5")),
        debug_depth=int(variables.get("AGENT_DEBUG_DEPTH", "3")),
        folds=int(variables.get("AGENT_FOLDS", "5")),
        debug_probability=float(variables.get("AGENT_DEBUG_PROBABILITY", "0.5")),
        program_seconds=float(variables.get("AGENT_PROGRAM_SECONDS", "32400")),
    )


def first_model(variables: Mapping[str, str]) -> str:
    """Return the first model that the proxy lists.

    Raises
    ------
    SystemExit
        If it lists none, as where models go by patterns such as `gpt-*`.
    """
    request = urllib.request.Request(
        variables["OPENAI_BASE_URL"] + "/models",
        headers={"Authorization": f"Bearer {variables['OPENAI_API_KEY']}"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        listed = [entry["id"] for entry in json.load(answer)["data"]]
    if not listed:
        sys.exit("No model is listed here: name one with --agent-arg model=NAME.")
    return str(listed[0])
