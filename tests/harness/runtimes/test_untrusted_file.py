"""What an agent can leave in place of a submission."""

from __future__ import annotations

import os
import socket

import pytest

from mlebench_data.harness.runtimes.untrusted_file import UntrustedFileError, open_untrusted


def make_link(path):
    answers = path.with_name("answers.csv")
    answers.write_text("the answers")
    path.symlink_to(answers)


def make_hard_link(path):
    answers = path.with_name("answers.csv")
    answers.write_text("the answers")
    path.hardlink_to(answers)


def make_socket(path):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(path))  # such an address must be short


@pytest.mark.parametrize(
    "make",
    [
        make_link,
        make_hard_link,
        make_socket,
        os.mkfifo,
        os.mkdir,
        lambda path: path.symlink_to("missing"),
        lambda path: path.symlink_to("/dev/zero"),
    ],
)
def test_other_than_a_plain_file_is_refused(tmp_path, monkeypatch, make):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "submission.csv"
    make(path)
    with pytest.raises(UntrustedFileError, match=r"submission\.csv"):
        open_untrusted(path)


def test_plain_file_is_opened(tmp_path):
    path = tmp_path / "submission.csv"
    path.write_bytes(b"id,label\n")
    with open_untrusted(path) as file:
        assert file.read() == b"id,label\n"


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        open_untrusted(tmp_path / "submission.csv")


@pytest.mark.docker
def test_link_made_in_a_container(docker_runtime, make_case):
    case = make_case("import os; os.symlink('/etc/hostname', '/home/submission/submission.csv')")
    assert case.run(docker_runtime).exit_code == 0
    with pytest.raises(UntrustedFileError, match="not a link"):
        open_untrusted(case.submission())
