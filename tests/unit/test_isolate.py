"""A source is read in a process of its own, which can harm nobody and is never used twice."""

import asyncio
import json
import os
import signal
from pathlib import Path

import pytest

from appdb.errors import InvalidSpec, NothingDetected, SourceInvalid
from appdb.model.analysis import Analysis
from appdb.source import wire
from appdb.source.analyze import AnalysisOptions, analyze
from appdb.source.bundle import bundle_of_texts
from appdb.source.isolate import Isolation, analyze_once
from appdb.source.worker import WorkerLimits

SHOP = bundle_of_texts({"schema.sql": "CREATE TABLE a (id int PRIMARY KEY, name text);"})
NOTHING = bundle_of_texts({"readme.txt": "hello"})
# Large enough to take longer than any limit of the tests below.
LARGE = bundle_of_texts(
    {f"{n}/schema.sql": f"CREATE TABLE t{n} (c int);" * 20_000 for n in range(30)}
)


@pytest.fixture
async def isolation():
    found = Isolation(concurrency=2)
    await found.start()
    yield found
    await found.close()


async def test_the_answer_is_that_of_the_analysis_itself(isolation):
    assert await isolation.analyze(SHOP) == analyze(SHOP)


async def test_our_errors_come_through_with_their_class_and_message(isolation):
    with pytest.raises(NothingDetected, match="no schema in 1 file:"):
        await isolation.analyze(NOTHING)
    with pytest.raises(InvalidSpec, match="no front end is called 'Odd'"):
        await isolation.analyze(SHOP, AnalysisOptions(framework="Odd"))


async def test_many_at_once_are_all_answered(isolation):
    found = await asyncio.gather(*(isolation.analyze(SHOP) for _ in range(20)))
    assert {each.digest for each in found} == {SHOP.digest}


async def test_the_process_knows_no_variable_and_no_file_of_ours(isolation):
    home = Path(f"/proc/{isolation._zygote.process.pid}")
    assert home.joinpath("environ").read_bytes().strip(b"\0") == b"LANG=C.UTF-8"
    targets = [str(each.readlink()) for each in home.joinpath("fd").iterdir()]
    assert all(t == "/dev/null" or t.startswith(("socket:", "anon_inode:")) for t in targets)


async def test_a_killed_process_is_started_again(isolation):
    os.kill(isolation._zygote.process.pid, signal.SIGKILL)
    assert (await isolation.analyze(SHOP)).schema.tables


LIMITED = {
    "time": (WorkerLimits(wall_seconds=0.2), "more than 0.2 s"),
    "processor": (WorkerLimits(cpu_seconds=1), "too much time or memory|1 s of CPU"),
    # A process that is short of memory may run out of its time first.
    "memory": (WorkerLimits(memory_bytes=24 << 20, cpu_seconds=4), "too much (time or )?memory"),
}


@pytest.mark.parametrize("case", LIMITED)
async def test_what_takes_too_much_is_stopped_with_a_reason(case):
    limits, why = LIMITED[case]
    isolation = Isolation(limits)
    with pytest.raises(SourceInvalid, match=why):
        await isolation.analyze(LARGE)
    assert (await isolation.analyze(SHOP)).schema.tables
    await isolation.close()


@pytest.mark.parametrize("case", LIMITED)
def test_the_command_line_has_the_same_limits(case):
    limits, why = LIMITED[case]
    with pytest.raises(SourceInvalid, match=why):
        analyze_once(LARGE, limits=limits)


def test_the_command_line_gets_the_same_answer():
    assert analyze_once(SHOP) == analyze(SHOP)


async def test_the_processes_end_with_close():
    isolation = Isolation()
    await isolation.start()
    pid = isolation._zygote.process.pid
    await isolation.close()
    assert not Path(f"/proc/{pid}").exists()


UNBELIEVED = {
    "nothing": b"",
    "no JSON": b"\x80\x04K\x01.",
    "deep": b"[" * 200_000,
    "an unknown error": json.dumps({"error": ["SystemExit", "x"]}).encode(),
    "both": json.dumps({"analysis": {}, "error": []}).encode(),
    "another source": wire.answer(Analysis(digest="sha256:0", files=1, bytes=1)),
}


@pytest.mark.parametrize("case", UNBELIEVED)
def test_an_answer_is_not_believed_unless_it_is_one(case):
    with pytest.raises(SourceInvalid, match="gave"):
        wire.read_answer(UNBELIEVED[case], SHOP)
