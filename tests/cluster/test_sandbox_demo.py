import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from support.parents import SOURCES

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

SHOP = SOURCES.parent / "examples" / "shop"


def start_demo(temporary: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "appdb", "local", "demo", "--example", str(SHOP)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=temporary,
        env=os.environ | {"PYTHONPATH": str(SOURCES), "TMPDIR": str(temporary)},
    )


def test_the_demo_goes_the_whole_road_and_leaves_nothing(tmp_path: Path):
    with start_demo(tmp_path) as demo:
        shown, _ = demo.communicate(timeout=150)

    assert 0 == demo.returncode, shown
    assert re.search(r"shop/shop is Ready [\d.]+ s after the apply", shown)
    assert re.search(r"logging in with DATABASE_URL .*postgresql://\w+:\*\*\*@", shown)
    assert int(re.search(r"(\d+) tables:", shown)[1]) >= 12
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_a_demo_that_is_interrupted_leaves_nothing(tmp_path: Path, ending: signal.Signals):
    with start_demo(tmp_path) as demo:
        assert demo.stdout is not None
        for line in demo.stdout:
            if "API server ready" in line:
                break

        demo.send_signal(ending)
        demo.send_signal(ending)
        demo.communicate(timeout=60)

    assert 128 + ending == demo.returncode
    assert [] == list(tmp_path.iterdir())
