"""Marks in a log that is being written: a request is counted once, and none is cut in two."""

import json

import pytest

from appdb.local.audit import mark_end, read_requests


def a_line(name):
    event = {"verb": "get", "user": {"username": "u"}, "responseStatus": {"code": 200}}
    return json.dumps(event | {"objectRef": {"resource": "secrets", "name": name}}).encode() + b"\n"


@pytest.mark.parametrize("written", [0, 1, 40, len(a_line("late")) - 1])
def test_a_mark_stands_before_a_line_that_is_half_written(tmp_path, written):
    log = tmp_path / "audit.log"
    log.write_bytes(a_line("early") + a_line("late")[:written])

    mark = mark_end(log)
    with log.open("ab") as stream:
        stream.write(a_line("late")[written:])

    assert ["late"] == [request.name for request in read_requests(log, since=mark)]


def test_a_log_that_is_not_there_yet_is_marked_at_its_start(tmp_path):
    assert 0 == mark_end(tmp_path / "audit.log")


def test_a_log_longer_than_what_is_searched_is_marked_at_its_end(tmp_path):
    log = tmp_path / "audit.log"
    log.write_bytes(a_line("early") * 2_000)

    assert log.stat().st_size == mark_end(log)
