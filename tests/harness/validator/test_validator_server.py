"""The validator answers what it should, and hostile clients get nowhere."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from tiny_competition import PLAIN, SECRET, Tiny
from validator_client import NewValidator, ask, connect

from mlebench_data.catalogue import load_competition
from mlebench_data.harness.limited.client import environment
from mlebench_data.harness.validator import checking, server, upload
from mlebench_data.harness.validator.server import ValidatorServer

GOOD = PLAIN.encode()


def test_verdicts(validator: ValidatorServer) -> None:
    assert not validator.answered
    good = ask(validator, GOOD)
    assert (good.status, good.content["valid"]) == (200, True)
    assert good.content["result"] == "Submission is valid."
    assert validator.answered
    bad = ask(validator, GOOD.replace(b"4,", b"9,"), Accept="text/plain")
    assert bad.status == 200
    assert bad.text.startswith("Submission invalid! ")
    assert "`id`" in bad.text
    lines = (validator.folder.parent / "validations.jsonl").read_text().splitlines()
    assert [json.loads(line)["valid"] for line in lines] == [True, False]


def test_multipart_form(validator: ValidatorServer) -> None:
    body = (
        b'--x\r\nContent-Disposition: form-data; name="note"\r\n\r\nid\r\n'
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="../../a.txt"\r\n\r\n'
        + GOOD
        + b"\r\n--x--\r\n"
    )
    assert ask(validator, body, Content_Type="multipart/form-data; boundary=x").content["valid"]


def test_says_nothing_of_answers(validator: ValidatorServer, tiny: Tiny) -> None:
    perfect = tiny.answers.read_bytes().replace(b"id,x,label", b"id,x,label")
    wrong = PLAIN.replace("plain", "other").encode()
    right = b"id,label\n" + b"".join(
        b",".join(line.split(b",")[::2]) + b"\n" for line in perfect.splitlines()[1:]
    )
    answers = {ask(validator, body).text for body in (wrong, right)}
    assert len(answers) == 1, "right and wrong labels are answered alike"
    assert "".join(SECRET) not in answers.pop()
    assert not [path for path in validator.folder.iterdir() if path.suffix == ".csv"]


def test_health_and_other_requests(validator: ValidatorServer) -> None:
    assert ask(validator, b"", path="/health", method="GET").status == 200
    assert ask(validator, b"", path="/", method="GET").status == 404
    assert ask(validator, GOOD, path="/grade").status == 404
    assert ask(validator, b"", path="/validate", method="DELETE").status == 501
    assert not validator.answered


def test_no_paths_of_the_host(validator: ValidatorServer) -> None:
    for body in (b"", b"\x00\xff" * 50, b'id,label\n1,"open', b"id,label\n" * 3):
        answer = ask(validator, body)
        assert answer.content["valid"] is False
        assert str(validator.folder.parent) not in answer.text


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content_Length": "99999999999999"}, 413),
        ({"Content_Length": "9" * 400}, 413),
        ({"Content_Length": "-1"}, 411),
        ({"Content_Length": "²"}, 411),
        ({"Transfer_Encoding": "chunked"}, 411),
        ({"Content_Type": "multipart/form-data"}, 400),
        ({"Content_Type": "multipart/form-data; boundary=x"}, 400),
    ],
)
def test_unusable_requests(
    validator: ValidatorServer, headers: dict[str, str], status: int
) -> None:
    client = connect(validator.folder / "socket")
    lines = {"Content_Length": "3", **headers}
    if "Transfer_Encoding" in headers:
        del lines["Content_Length"]
    text = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in lines.items())
    client.sendall(f"POST /validate HTTP/1.1\r\n{text}\r\nabc".encode())
    with client:
        assert client.recv(100).startswith(f"HTTP/1.1 {status} ".encode())
    assert not validator.answered
    assert not (validator.folder.parent / "validating").exists()


def test_body_that_ends_early(validator: ValidatorServer) -> None:
    with connect(validator.folder / "socket") as client:
        client.sendall(b"POST /validate HTTP/1.1\r\nContent-Length: 100\r\n\r\nid,label\n")
    assert ask(validator, GOOD).content["valid"], "the next one is served"


def test_slow_body(validator: ValidatorServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_UPLOAD_SECONDS", 0.2)
    with connect(validator.folder / "socket") as client:
        client.sendall(b"POST /validate HTTP/1.1\r\nContent-Length: 100\r\n\r\nid")
        time.sleep(0.4)
        client.sendall(b",")
        assert client.recv(100).startswith(b"HTTP/1.1 408 ")


def test_many_connections_hold_nobody_up(validator: ValidatorServer) -> None:
    idle = []
    while len(idle) < 20:
        try:
            idle.append(connect(validator.folder / "socket"))
        except BlockingIOError:
            time.sleep(0.05)  # the queue of those that wait is full
    time.sleep(0.2)
    # Those beyond the bound are closed, those within it are ended by their client.
    closed = 0
    for client in idle:
        client.settimeout(0.05)
        try:
            closed += client.recv(1) == b""
        except TimeoutError:
            continue
    assert closed >= 10
    for client in idle:
        client.close()
    time.sleep(0.2)
    assert ask(validator, GOOD).content["valid"]


def test_one_after_the_other(validator: ValidatorServer) -> None:
    running: list[int] = []
    most: list[int] = []
    check = validator._checker.check

    def watched(path: Path) -> checking.Verdict:
        running.append(1)
        most.append(len(running))
        try:
            return check(path)
        finally:
            running.pop()

    validator._checker.check = watched  # type: ignore[method-assign]
    threads = [threading.Thread(target=ask, args=(validator, GOOD)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1, 1, 1]


def test_too_much_is_made_to_wait(validator: ValidatorServer) -> None:
    assert validator._pause() == 0
    validator._credit = -1.0
    assert 2.5 < validator._pause() <= 3.0


def test_file_that_takes_too_long(
    validator: ValidatorServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "SECONDS", 0)
    answer = ask(validator, GOOD)
    assert (answer.status, answer.content["valid"]) == (503, None)
    assert answer.content["result"].startswith("Submission could not be checked: ")
    assert not validator.answered, "nothing was learnt"


def test_file_that_takes_too_much_memory(
    validator: ValidatorServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "_memory", lambda: 0)
    assert ask(validator, GOOD).status == 503


def test_too_large(validator: ValidatorServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MAX_BYTES", 10)
    assert ask(validator, GOOD).status == 413


def test_without_a_sample_no_ids(new_validator: NewValidator) -> None:
    validator = new_validator(with_ids=False)
    validator.start()
    answer = ask(validator, GOOD.replace(b"4,", b"9,"), Accept="text/plain").text
    assert answer.strip() == (
        "Submission is valid. (Row ids cannot be compared in this competition.)"
    )


def test_next_harness_answers_the_same_agent(new_validator: NewValidator) -> None:
    first = new_validator()
    first.start()
    ask(first, GOOD)
    scripts = {path.name: path.stat().st_ino for path in first.folder.glob("*.[ps]*")}
    # It is killed: nothing is stopped, and the socket stays.
    second = new_validator()
    second.start()
    assert second.answered
    assert ask(second, GOOD).content["valid"]
    assert scripts == {path.name: path.stat().st_ino for path in second.folder.glob("*.[ps]*")}


def test_stops_at_once(new_validator: NewValidator) -> None:
    validator = new_validator()
    validator.start()
    before = threading.active_count()
    asking = threading.Thread(target=lambda: ask(validator, GOOD))
    asking.start()
    deadline = time.monotonic() + 10
    while validator._checker._handle._watcher is None and time.monotonic() < deadline:
        time.sleep(0.01)
    start = time.monotonic()
    validator.stop()
    assert time.monotonic() - start < 2
    asking.join(5)
    assert not (validator.folder / "socket").exists()
    assert not (validator.folder.parent / "validating").exists()
    assert threading.active_count() < before + 1
    validator.stop()


def test_long_paths_and_other_users(tiny: Tiny, tmp_path: Path) -> None:
    folder = tmp_path / ("a" * 120) / ("b" * 120)
    folder.mkdir(parents=True)
    before = os.umask(0o077)
    try:
        with ValidatorServer(folder, load_competition("tiny", tiny.catalogue), "v1", None) as made:
            path = made.folder / "socket"
            assert stat.S_IMODE(path.stat().st_mode) == 0o666
            assert stat.S_IMODE(made.folder.stat().st_mode) == 0o755
            script = made.folder / "validate_submission.sh"
            assert stat.S_IMODE(script.stat().st_mode) == 0o755
    finally:
        os.umask(before)
    assert not path.exists()


@pytest.mark.parametrize("by_port", [False, True])
@pytest.mark.parametrize("program", ["curl", "python3"])
def test_script(new_validator: NewValidator, tmp_path: Path, program: str, by_port: bool) -> None:
    found = sys.executable if program == "python3" else shutil.which(program)
    if found is None:
        pytest.skip(f"there is no {program}")
    validator = new_validator(by_port=by_port)
    validator.start()
    (tmp_path / "bin").mkdir()
    # By its real path: a virtual environment's interpreter looks for its home beside its link.
    (tmp_path / "bin" / program).symlink_to(Path(found).resolve())
    answers = []
    for name, text in (("a;b,c [1].csv", PLAIN), ("bad.csv", "id,label\n"), ("none.csv", None)):
        if text is not None:
            (tmp_path / name).write_text(text)
        done = subprocess.run(
            [validator.folder / "validate_submission.sh", tmp_path / name],
            env={
                "VALIDATE_FOLDER": str(validator.folder),
                **validator.variables(),
                "PATH": str(tmp_path / "bin"),
            },
            capture_output=True,
            text=True,
        )
        answers.append((done.returncode, done.stdout[:19]))
    assert answers == [(0, "Submission is valid"), (1, "Submission invalid!"), (2, "")]
    validator.stop()
    (tmp_path / "bad.csv").touch()
    gone = subprocess.run(
        [validator.folder / "validate_submission.sh", tmp_path / "bad.csv"],
        env={
            "VALIDATE_FOLDER": str(validator.folder),
            "PATH": str(tmp_path / "bin"),
            "VALIDATE_URL": "http://127.0.0.1:9/validate",
        },
        capture_output=True,
        text=True,
    )
    assert gone.returncode == 2 and "could not be reached" in gone.stderr


def test_record_is_bounded(validator: ValidatorServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_MOST_RECORDS", 2)
    for _ in range(4):
        validator._note(checking.Verdict(True))
    assert len((validator.folder.parent / "validations.jsonl").read_text().splitlines()) == 2


def test_the_checking_process_has_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLEBENCH_KEY", "a secret")
    monkeypatch.setenv("HF_TOKEN", "a secret")
    assert "a secret" not in environment().values()


def test_upload_is_read_in_blocks() -> None:
    assert upload._BLOCK <= 2**20, "bodies may have a gigabyte"
