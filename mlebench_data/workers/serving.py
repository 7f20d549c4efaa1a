"""A worker process: carries out what it reads from standard input until that ends."""

from __future__ import annotations

import pickle
import signal
import sys
from typing import BinaryIO


def serve(requests: BinaryIO, replies: BinaryIO) -> None:
    """Answer pairs of function and argument, pickled, with pairs of success and result.

    Parameters
    ----------
    requests, replies : binary file
        Streams to and from the process that asks.
    """
    while True:
        try:
            function, argument = pickle.load(requests)
        except (EOFError, pickle.UnpicklingError):
            return  # the process that asks has ended, maybe in the middle of a request
        reply: tuple[bool, object]
        try:
            reply = True, function(argument)
        except Exception as error:
            reply = False, error  # raised again where the work was asked for
        try:
            pickle.dump(reply, replies, pickle.HIGHEST_PROTOCOL)
            replies.flush()
        except BrokenPipeError:
            return


def main() -> None:
    """Serve the process that started this one."""
    # Ctrl-C reaches all processes of a terminal; the one that asks decides what becomes of it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    serve(sys.stdin.buffer, sys.stdout.buffer)
