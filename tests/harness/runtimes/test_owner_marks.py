"""Whether the maker of something still runs."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys

import pytest

from mlebench_data.harness.runtimes.owner import Owner

OF_A_CHILD = """
import sys
from mlebench_data.harness.runtimes.owner import Owner
print(Owner.current(), flush=True)
sys.stdin.read()
"""


def test_this_process_is_not_gone():
    assert not Owner.current().is_gone()


def test_mark_survives_its_text():
    assert Owner.parse(str(Owner.current())) == Owner.current()


@pytest.mark.parametrize("text", ["", "a/b/c", "a/b/c/d", "a/b/1/2/3"])
def test_other_text_is_no_mark(text):
    assert Owner.parse(text) is None


@pytest.mark.parametrize(
    ("change", "gone"),
    [
        ({"started": "1"}, True),  # the id was given to another process
        ({"boot": "earlier"}, True),  # the machine was restarted
        ({"host": "elsewhere"}, False),  # nothing is known of other machines
        ({"host": "elsewhere", "boot": "other"}, False),
    ],
)
def test_changed_marks(change, gone):
    assert dataclasses.replace(Owner.current(), **change).is_gone() is gone


def test_ended_process_is_gone_even_while_nobody_reaps_it():
    with subprocess.Popen(
        [sys.executable, "-c", OF_A_CHILD],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        owner = Owner.parse(child.stdout.readline().strip())
        assert owner.pid == child.pid
        assert not owner.is_gone()
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # it has ended, but stays
        assert owner.is_gone()
