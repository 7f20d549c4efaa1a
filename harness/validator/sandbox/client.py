"""Asks the validator about one file; run in a sandbox by whatever Python 3 (3.7 or newer) is there.

Exit status: 0 valid, 1 invalid, 2 could not be checked.
"""

from __future__ import annotations

import http.client
import os
import socket
import sys
from pathlib import Path
from urllib.parse import urlsplit

SOCKET = Path(__file__).resolve().parent / "socket"
URL = os.environ.get("VALIDATE_URL", "http://localhost:5000/validate")
#: Seconds; checks of several processes are made one after the other.
TIMEOUT = 1200


class UnixConnection(http.client.HTTPConnection):
    """A connection through the validator's Unix socket."""

    def connect(self) -> None:
        """Connect."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(TIMEOUT)
        self.sock.connect(str(SOCKET))


def main(path: Path) -> int:
    """Send a file and print the answer."""
    url = urlsplit(URL)
    if SOCKET.exists():
        connection: http.client.HTTPConnection = UnixConnection("localhost")
    else:
        connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=TIMEOUT)
    try:
        with path.open("rb") as stream:
            headers = {"Accept": "text/plain", "Content-Length": str(path.stat().st_size)}
            connection.request("POST", url.path, body=stream, headers=headers)
            answer = connection.getresponse().read().decode("utf-8", "replace").strip()
    except (OSError, http.client.HTTPException) as error:
        print(f"The validator could not be reached: {error!r}", file=sys.stderr)
        return 2
    print(answer)
    if answer.startswith("Submission is valid."):
        return 0
    return 1 if answer.startswith("Submission invalid!") else 2


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
