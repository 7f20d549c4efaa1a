"""Names of what the validator keeps in an attempt's folder, and shows to the agent."""

from __future__ import annotations

#: What the agent is shown: the socket, and programs that ask it.
FOLDER = "validator"
SOCKET = "socket"
SCRIPT = "validate_submission.sh"
CLIENT = "client.py"

#: What the agent was told, a line for each verdict.
RECORD = "validations.jsonl"

#: Where files lie while they are checked.
WORK = "validating"
