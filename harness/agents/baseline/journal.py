"""What the agent says: lines in the log, and one JSON file with what it understood and did."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from storage import write_bytes


class Journal:
    """Prints lines with the seconds since the start and keeps facts for the JSON file."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.started = time.monotonic()
        self.facts: dict[str, Any] = {"warnings": []}

    def say(self, text: str) -> None:
        """Print one line to the log, at once."""
        print(f"[{time.monotonic() - self.started:7.2f} s] {text}", flush=True)

    def warn(self, text: str) -> None:
        """Print a warning and keep it."""
        self.facts["warnings"].append(text)
        self.say(f"WARNING: {text}")

    def note(self, **facts: Any) -> None:
        """Keep facts for the JSON file."""
        self.facts.update(facts)

    def save(self) -> None:
        """Write the JSON file; a complete one always stands under its name."""
        self.facts["seconds"] = round(time.monotonic() - self.started, 2)
        # A copy of the dictionary: the watchdog may save while the main thread adds a fact.
        text = json.dumps(dict(self.facts), indent=2, ensure_ascii=False, default=str)
        write_bytes(f"{text}\n".encode(), self.file)
