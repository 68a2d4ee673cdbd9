"""Runs the commands of a page of the documentation as somebody would type them."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from support.code import ROOT

_FENCE = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"(?P<command>.*\S)\s+# exit code (?P<code>\d+)$")


def script_of(page: str, title: str) -> str:
    """The shell blocks under a heading as one script, which insists on the exit codes told."""
    text = (ROOT / page).read_text(encoding="utf-8")
    _, _, section = text.partition(f"\n## {title}\n")
    assert section, f"{page} has no section {title!r}"
    return _joined(section.partition("\n## ")[0])


def script_of_page(page: str) -> str:
    """All shell blocks of a page as one script."""
    return _joined((ROOT / page).read_text(encoding="utf-8"))


def _joined(text: str) -> str:
    blocks = _FENCE.findall(text)
    return "".join(f"{_told(line)}\n" for block in blocks for line in block.splitlines())


def _told(line: str) -> str:
    found = _CODE.match(line)
    if found is None:
        return line
    complaint = shlex.quote(f"not exit code {found['code']}: {found['command']}")
    return (
        f"code=0; {found['command']} || code=$?; [ $code = {found['code']} ] ||"
        f" {{ echo {complaint} but $code >&2; exit 99; }}"
    )


def programs(folder: Path, **paths: Path) -> str:
    """A PATH that begins with `appdb` of this checkout and these programs."""
    folder.mkdir(exist_ok=True)
    own = folder / "appdb"
    own.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m appdb "$@"\n')
    own.chmod(0o755)
    for name, program in paths.items():
        (folder / name).symlink_to(program)
    return f"{folder}:{os.environ['PATH']}"


def run_script(
    script: str,
    folder: Path,
    environ: Mapping[str, str],
    say: Callable[[], str] = lambda: "",
) -> None:
    """Run with bash from the root of the checkout; the first failure ends it, psql's too."""
    __tracebackhide__ = True
    settings = folder / "psqlrc"
    settings.write_text("\\set ON_ERROR_STOP on\n")
    done = subprocess.run(
        ["bash", "-eu", "-c", script],
        cwd=ROOT,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT / "operator"),
            "PSQLRC": str(settings),
            **environ,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}\n{say()}"
