"""The schema of `agent.yaml`."""

from __future__ import annotations

import re
import signal
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

from mlebench_data.harness.runtimes.sandbox import Network

_VARIABLE = r"^[A-Za-z_][A-Za-z0-9_]*$"

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
Variable = Annotated[str, StringConstraints(pattern=_VARIABLE)]
ParameterName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]

#: Variables that the harness sets itself, and its own, among which is the key to the answers.
RESERVED = re.compile(
    r"(DATA|SUBMISSION|LOGS|CODE|AGENT)_DIR|INSTRUCTIONS_FILE|COMPETITION_ID|TIME_LIMIT_SECS|SEED"
    r"|VALIDATE_URL|VALIDATE_SUBMISSION|MLEBENCH_.*|CUDA_VISIBLE_DEVICES|NVIDIA_VISIBLE_DEVICES"
)


class AgentFile(BaseModel):
    """The whole of `agent.yaml`; `harness.agent.Agent` says what each key means."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name
    description: str = ""
    command: list[str] = Field(default=[], min_length=1)
    image: str = "base"
    environment: dict[Variable, str] = {}
    requires: list[str] = []
    parameters: dict[ParameterName, bool | int | float | str] = {}
    secrets: list[Variable] = []
    warning_signal: str | None = None
    gpus: int = Field(default=0, ge=0)
    network: Network = "none"
    files: Literal["folder", "image"] = "folder"
    self_test: bool = False

    @field_validator("warning_signal")
    @classmethod
    def _is_signal(cls, name: str | None) -> str | None:
        if name is not None and name not in signal.Signals.__members__:
            raise ValueError("is no signal; write SIGUSR1, for example")
        return name

    @model_validator(mode="after")
    def _consistent(self) -> AgentFile:
        if not self.command and not self.self_test:
            raise ValueError("'command' is missing: the program and its arguments, as a list")
        taken = [name for name in [*self.environment, *self.secrets] if RESERVED.fullmatch(name)]
        taken += [name for name in self.parameters if RESERVED.fullmatch(f"AGENT_{name.upper()}")]
        if taken:
            raise ValueError(f"{', '.join(taken)}: this variable is the harness's own")
        both = sorted(set(self.environment) & set(self.secrets))
        if both:
            raise ValueError(f"{', '.join(both)} stands in 'environment' and in 'secrets'")
        return self
