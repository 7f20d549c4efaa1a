"""The log file under any sequence of output."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlebench_data.harness.runtimes.failures import RuntimeFailure
from mlebench_data.harness.runtimes.log_file import CappedLog


@given(
    chunks=st.lists(st.binary(max_size=700), max_size=30),
    cap=st.integers(min_value=1, max_value=4000),
)
def test_never_over_the_cap_and_nothing_lost_in_silence(chunks, cap):
    output = b"".join(chunks)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log.txt"
        with CappedLog(path, cap) as log:
            for chunk in chunks:
                log.write(chunk)
        kept = path.read_bytes()
    assert len(kept) <= cap
    assert log.received == len(output)
    if log.cut:
        tail = min(len(output), cap // 4)
        assert kept.endswith(output[len(output) - tail :])
    else:
        assert kept == output


def test_output_is_on_disk_at_once(tmp_path):
    with CappedLog(tmp_path / "new" / "log.txt", 10_000) as log:
        log.write(b"a line\n")
        assert (tmp_path / "new" / "log.txt").read_bytes() == b"a line\n"


def test_full_disk_loses_output_and_nothing_else():
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    with CappedLog(full, 10_000) as log:
        log.write(b"x")
        log.write(b"y")
    assert log.error is not None and "No space left" in log.error
    assert log.cut and log.received == 2


def test_log_that_cannot_be_made_is_a_failure_of_the_runtime(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(RuntimeFailure, match="cannot be made"):
        CappedLog(tmp_path / "file" / "log.txt", 10_000)


def test_log_of_a_killed_harness_goes_on(tmp_path):
    CappedLog(tmp_path / "log.txt", 10_000).write(b"first\n")
    with CappedLog(tmp_path / "log.txt", 10_000, resume=True) as log:
        assert (log.received, log.head(3)) == (6, b"fir")
        log.write(b"second\n")
    assert (tmp_path / "log.txt").read_bytes() == b"first\nsecond\n"
