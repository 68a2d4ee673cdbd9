"""A real process that is stopped, or blocked, past the moment up to which it may act."""

import os
import random
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from appdb.local.component import Component
from appdb.local.processes import Command
from appdb.local.waiting import pause
from support.code import ROOT
from support.mortal import OVER_EXIT_CODE
from support.team import until

LIFE_SECONDS = 0.4
LONG_LIFE_SECONDS = 60.0
PAUSES = 6


@contextmanager
def mortal(
    home: Path, name: str, seconds: float = LIFE_SECONDS
) -> Iterator[tuple[Component, Path]]:
    """A process that has begun to write, and what it writes to."""
    written = home / f"{name}.txt"
    paths = os.pathsep.join((str(ROOT / "operator"), str(ROOT / "tests")))
    command = Command(
        argv=(sys.executable, "-m", "support.mortal", str(written), str(seconds)),
        log=home / f"{name}.log",
        env=dict(os.environ) | {"PYTHONPATH": paths},
    )
    component = Component(name=name, command=command)
    component.start()
    try:
        until(lambda: written.exists() and written.stat().st_size > 0, say=component.read_log)
        yield component, written
    finally:
        component.kill()


def test_a_process_that_wakes_too_late_takes_no_step_but_the_one_it_was_in(tmp_path: Path):
    chance = random.Random(5)
    for number in range(PAUSES):
        with mortal(tmp_path, f"paused{number}") as (component, written):
            pause(chance.uniform(0.0, LIFE_SECONDS / 2))
            component.freeze()
            pause(LIFE_SECONDS)
            before = written.stat().st_size

            component.thaw()

            until(lambda: not component.is_running, say=component.read_log)
            assert component.process is not None
            assert OVER_EXIT_CODE == component.process.exit_code
            assert written.stat().st_size - before in {0, 1}


def test_a_process_that_wakes_in_time_goes_on(tmp_path: Path):
    with mortal(tmp_path, "napped", LONG_LIFE_SECONDS) as (component, written):
        component.freeze()
        before = written.stat().st_size
        component.thaw()

        until(lambda: written.stat().st_size > before, say=component.read_log)


def test_what_is_due_after_a_block_that_took_too_long_does_not_run(tmp_path: Path):
    with mortal(tmp_path, "blocked") as (component, written):
        assert component.process is not None
        component.process.send(signal.SIGUSR1)

        until(lambda: not component.is_running, say=component.read_log)
        assert OVER_EXIT_CODE == component.process.exit_code
        assert b"!" not in written.read_bytes()
